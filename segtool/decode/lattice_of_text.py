"""The lattice of a text: the scores of all words at all places, for everything that needs more than the best cut.

The tokens of the text are numbered from 1, whitespace and marks included, and place t is behind token t. An *edge* from
place t - k to place t is a word of k tokens. Its score is that of the word and of the gap before it
(:mod:`segtool.decode.viterbi`). A mark or whitespace is an edge of score 0, which all paths have in common. So a path
from place 0 to the last place is a cut of the text, and its score that of the cut.

Edges come in blocks, so their memory does not grow with the text. Short texts need no compiled code.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from segtool.decode.block import ROWS, Scratch
from segtool.decode.characters import CHARACTERS
from segtool.decode.rule_table import FLAGS, NO_RULES, has_dots, joining_dots
from segtool.decode.utf8_kernel import BARRED, GAPS, LONG, NO_SCORE, UNROLLED, cover
from segtool.decode.viterbi import SHIFT, pairs_and_gaps, run_lattice
from segtool.decode.word_rules import cut_numbers
from segtool.limits import LONGEST_WORD
from segtool.runtime.arrays import Ids, Integers, Places
from segtool.runtime.kernels import LazyKernel, kernel
from segtool.text.symbols import MARK, NUM, SPACE, tokenise

__all__ = ["NO_EDGE", "Lattice", "block_edges", "compiled_lattice", "plain_edges", "plain_lattice"]

NO_EDGE = NO_SCORE
"""Score of an edge that does not exist."""

BLOCK_PLACES = 1 << 12
"""Places of a block, at most."""


class _LatticeMemory(threading.local):
    """Working memory, kept between calls; one for each thread."""

    def __init__(self) -> None:
        self.scratch = Scratch(BLOCK_PLACES + LONGEST_WORD + 1)


_lattice_memory = _LatticeMemory()


@dataclass(frozen=True)
class Lattice:
    """The edges of a text.

    Attributes
    ----------
    starts : list of int
        Where each token begins and, last, where the text ends, in characters.
    codes : ndarray of int32
        Code of each token (:func:`segtool.text.symbols.tokenise`).
    symbols : ndarray of uint16
        Its symbol id.
    plain : bool
        Whether to follow the edges without compiled code.
    room : int
        Places of a block.
    edges_of : callable
        Scores the edges of a block; see :meth:`blocks`.
    splits : dict of (int, int) to list of int
        Edges that come out as several words, by the places where they begin and end: the places between these words.
    rules : ndarray of uint16
        The rules for words (:func:`segtool.decode.rule_table.rule_table`).
    joined : frozenset of int
        Places where no word ends, as a middle dot joins a name there.
    """

    starts: list[int]
    codes: Places
    symbols: Ids
    plain: bool
    room: int
    edges_of: Callable[[int, int], Sequence[int]]
    splits: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    rules: Ids = field(default_factory=lambda: NO_RULES)
    joined: frozenset[int] = frozenset()

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.codes)

    def blocks(self, backwards: bool = False) -> Iterator[tuple[int, int, Any]]:
        """List the edges, block by block.

        Yields
        ------
        first, last : int
            The block has all edges that end behind place `first`, and at place `last` at most.
        edges : sequence of int, shape (longest * (last - first),)
            Entry ``(k - 1) * (last - first) + t - first - 1`` is the score of the edge of k tokens that ends at place
            t, in steps; `NO_EDGE` for none. Valid until the next block.
        """
        borders = [*range(0, self.size, self.room), self.size]
        for first, last in pairwise(reversed(borders) if backwards else borders):
            first, last = min(first, last), max(first, last)
            yield first, last, self.edges_of(first, last)

    def zeros(self, size: int, kind: type[Any] = np.int64) -> Any:
        """Make a sequence that the code for this lattice works on."""
        return [kind(0).item()] * size if self.plain else np.zeros(size, kind)

    def code_of(self, kernel: LazyKernel) -> Callable[..., Any]:
        """The kernel, compiled unless the lattice is for plain Python."""
        return kernel.interpreted if self.plain else kernel.compiled

    def with_splits(self, lengths: Mapping[tuple[int, ...], Sequence[int]]) -> Lattice:
        """Mark the words that come out as their parts, given their symbol ids and the lengths of the parts."""
        sizes, heads = sorted({len(word) for word in lengths}), {word[0] for word in lengths}
        found, symbols = {}, self.symbols.tolist()
        for start, symbol in enumerate(symbols):
            if symbol in heads:
                for size in sizes:
                    parts = lengths.get(tuple(symbols[start : start + size]))
                    if parts is not None:
                        found[start, start + sum(parts)] = list(accumulate(parts, initial=start))[1:-1]
        return replace(self, splits=found)

    def with_rules(self, text: str, rules: Ids) -> Lattice:
        """Mark where rules change the words of its text."""
        dots = joining_dots(text, self.codes, self.starts) if has_dots(text, rules) else []
        joined = frozenset(place for dot in dots for place in (dot, dot + 1))
        return replace(self, rules=rules, joined=joined) if joined or NUM in self.symbols else self

    @property
    def differs(self) -> bool:
        """Whether the words of a path may differ from its edges."""
        return bool(self.splits or self.joined or self.rules[FLAGS])

    def word_ends(self, path: Sequence[int]) -> list[int]:
        """The places where the words of a path end, given those where its edges do."""
        ends: list[int] = []
        for low, high in pairwise([0, *path]):
            ends += [*self.splits.get((low, high), ()), high]
        if self.rules[FLAGS]:
            begins = self.zeros(self.size + 2, np.int32)
            for end in (0, *ends):
                begins[end + 1] = 1
            symbols = np.pad(self.symbols, 1).astype(np.int32)
            numbers = np.flatnonzero(symbols == NUM)[::-1].astype(np.int32)
            arrays = (numbers.tolist(), symbols.tolist()) if self.plain else (numbers, symbols)
            self.code_of(cut_numbers)(self.size, *arrays, begins, self.rules)
            ends = [place for place in range(1, self.size + 1) if begins[place + 1]]
        return [end for end in ends if end not in self.joined]

    def words(self, ends: Sequence[int], text: str) -> list[str]:
        """Words as slices of the text, given the places where they end."""
        starts, spaces = self.starts, self._spaces
        return [text[starts[low] : starts[high]] for low, high in pairwise([0, *ends]) if low not in spaces]

    @functools.cached_property
    def _spaces(self) -> frozenset[int]:
        """Numbers of the tokens that are whitespace, less 1."""
        return frozenset(np.flatnonzero(self.codes == SPACE).tolist())


def plain_lattice(text: str, ids: Ids, tables: tuple[Any, Any], limits: tuple[int, int], reading: int) -> Lattice:
    """Score the words at all places of a text in plain Python.

    Parameters
    ----------
    text : str
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    tables : tuple of sequence of int
        Trie and spelling scores.
    limits : tuple of int
        Longest word of the trie and longest unknown word; these are as for :func:`segtool.decode.viterbi.viterbi`.
    reading : int
        As for :func:`segtool.text.symbols.class_table`.

    Returns
    -------
    Lattice
        Of one block.
    """
    codes, starts = tokenise(text, reading, plain=True)
    symbols = ids[np.maximum(codes, MARK)]
    edges = plain_edges(symbols.tolist(), *tables, *limits)
    return Lattice([*starts.tolist(), len(text)], codes, symbols, True, max(len(codes), 1), lambda first, last: edges)


def compiled_lattice(text: str, ids: Ids, tables: tuple[Any, Any], characters: Ids, reading: int) -> Lattice:
    """Score the words at all places of a text.

    Parameters
    ----------
    text, ids, tables, reading
        As for :func:`plain_lattice`, of arrays.
    characters : ndarray of uint16
        From :func:`segtool.decode.characters.character_table`.

    Returns
    -------
    Lattice
    """
    codes, starts = tokenise(text, reading)
    symbols = ids[np.maximum(codes, MARK)]
    longest = max(int(characters[CHARACTERS + 2]), int(characters[CHARACTERS + 3]), 1)
    buffer = np.empty(longest * min(BLOCK_PLACES, len(symbols)), np.int64)

    def edges_of(first: int, last: int) -> Integers:
        known = min(first, longest + 1)
        low = first - known
        scratch, edges = _lattice_memory.scratch, buffer[: longest * (last - first)]
        scratch.put(symbols[low:last])
        ahead = symbols[last : last + LONGEST_WORD]
        scratch.symbols[last - low + 1 : last - low + 1 + len(ahead)] = ahead
        scratch.symbols[0] = symbols[low - 1] if low else MARK
        block_edges.compiled(last - low, known, characters, *tables, scratch.places, scratch.scores, edges)
        return edges

    return Lattice([*starts.tolist(), len(text)], codes, symbols, False, BLOCK_PLACES, edges_of)


@kernel("void(i8, i8, u2[const], i4[const], i4[const], i4[], i8[], i8[])")
def block_edges(tokens, known, characters, units, spelling, places, scores, edges):  # type: ignore[no-untyped-def]
    """Score the edges of a block.

    Parameters
    ----------
    tokens, characters, units, spelling, places, scores
        As for :func:`segtool.decode.utf8_kernel.cover`. The symbols before and behind the tokens are those of the text.
    known : int
        Only edges that end behind so many tokens are wanted: none at the beginning of a text, else one more than the
        longest edge has.
    edges : int64[longest * (tokens - known)], written
        See :meth:`Lattice.blocks`.
    """
    cover(tokens, tokens, characters, units, spelling, places, scores)
    row = len(places) // ROWS
    gaps = places[GAPS * row : (GAPS + 1) * row]
    long_words = places[LONG * row : (LONG + 1) * row]
    lanes = max(np.int64(characters[CHARACTERS + 3]), UNROLLED)  # longer words are only where there is a bit for them
    size = tokens - known
    for k in range(1, len(edges) // size + 1):
        lane = scores[(k - 1) * row : k * row]
        for end in range(known + 1, tokens + 1):
            start = end - k + 1
            score = np.int64(NO_EDGE)
            if k == 1 and places[start] == 0:
                score = np.int64(0)
            elif start >= 1 and places[start] != 0:
                there = k <= lanes or long_words[end] >> k & 1 != 0
                if there and lane[start] > BARRED // 2:
                    score = lane[start] // SHIFT
                    if places[start - 1] != 0:
                        score += gaps[start]
            edges[(k - 1) * size + end - known - 1] = score


def plain_edges(
    ids: Sequence[int], units: Sequence[int], spelling: Sequence[int], max_len: int, unknown_len: int
) -> list[int]:
    """Score the edges of a text in plain Python.

    Parameters
    ----------
    ids : sequence of int
        Symbol ids of its tokens, 0 for marks and whitespace.
    units, spelling, max_len, unknown_len
        As for :func:`segtool.decode.viterbi.viterbi`.

    Returns
    -------
    list of int
        See :meth:`Lattice.blocks`.
    """
    size = len(ids)
    edges = [NO_EDGE] * (size * max(max_len, unknown_len, 1))
    low = 0
    while low < size:
        high = low + 1
        if ids[low] == 0:
            edges[low] = 0
        else:
            while high < size and ids[high] != 0:
                high += 1
            run = ids[low:high]
            pairs, gaps = pairs_and_gaps(run, units, spelling)
            words = run_lattice(run, pairs, units, spelling, max_len, unknown_len)
            for start, (gap, found) in enumerate(zip(gaps, words, strict=True)):
                for end, score, _ in found:
                    edges[(end - start - 1) * size + low + end - 1] = gap + score
        low = high
    return edges
