"""What all decoders have in common: reading blocks of tokens, writing words, and plain Python for short texts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from segtool.decode.block import SLACK, SPAN, Scratch, write_spans, write_words
from segtool.decode.characters import character_table
from segtool.decode.lattice_of_text import Lattice
from segtool.decode.memory import working
from segtool.decode.rule_table import NO_RULES, joined_spans, places_of_dots
from segtool.decode.token_reader import read_tokens
from segtool.errors import UsageError
from segtool.limits import MOST_OPEN
from segtool.runtime.arrays import Bytes, Ids, Integers
from segtool.text.symbols import MARK, SPACE, class_table, symbolise

__all__ = ["Decoder", "ShortCut"]

ShortCut = Callable[[str], "list[Any] | None"]


class Decoder:
    """Cuts by a model; a subclass for each kind.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    max_len, unknown_len, reading, rules
        As for :func:`segtool.decode.characters.character_table`.

    Attributes
    ----------
    ids : ndarray of uint16
    reading : int
        As for :func:`segtool.text.symbols.class_table`.
    rules : ndarray of uint16
        The rules for words (:func:`segtool.decode.rule_table.rule_table`).
    plain : callable or None
        Gives the lengths of the words of a run of symbol ids, in plain Python.
    splits : mapping of tuple of int to list of int
        Symbols of words that come out as their parts, and the lengths of these.
    """

    plain: Callable[[list[int]], list[int]] | None = None
    splits: Mapping[tuple[int, ...], list[int]] = MappingProxyType({})

    def __init__(
        self, ids: Ids, max_len: int = 0, unknown_len: int = 0, reading: int = 0, rules: Ids = NO_RULES
    ) -> None:
        self.ids, self.reading, self.rules = ids, reading, rules
        self._limits = max_len, unknown_len

    @functools.cached_property
    def characters(self) -> Ids:
        """See :func:`segtool.decode.characters.character_table`."""
        return character_table(self.ids, *self._limits, self.reading, self.rules)

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        """Find the words of a block; parameters and result of :func:`segtool.decode.utf8_kernel.cover`."""
        raise NotImplementedError

    def demand_scores(self, wish: str) -> None:
        """Check that words have scores, for the granularity and for search.

        Raises
        ------
        UsageError
            If they have none.
        """
        raise UsageError(f"{wish}: the method of this model does not score words: use a model of method unigram")

    @property
    def lattice_tables(self) -> tuple[Sequence[int], Sequence[int], int, int]:
        """Trie, scores of unknown words and limits, as for :func:`segtool.decode.viterbi.viterbi`."""
        raise NotImplementedError

    def search(self, tokens: int, certain: int, within: int, scratch: Scratch, entries: Any) -> tuple[int, int]:
        """Find the entries of a block; parameters and result of :func:`segtool.decode.near_best.cover_entries`."""
        raise NotImplementedError

    def plain_search(self, symbols: list[int], within: int) -> list[tuple[int, int, bool]]:
        """Find the entries of a run in plain Python; see :func:`segtool.decode.near_best.plain_entries`."""
        raise NotImplementedError

    def lattice(self, text: str, plain: bool) -> Lattice:
        """Score the words at all places of a text; `plain` without compiled code."""
        raise NotImplementedError

    def cut(
        self, data: bytes, separator: bytes, final: bool = True, before: int = 0, open_line: bool = False
    ) -> tuple[Bytes, int, int, bool]:
        """Cut a text.

        Parameters
        ----------
        data, final, before
            As for :func:`segtool.decode.token_reader.read_tokens`.
        separator, open_line
            As for :func:`segtool.decode.block.write_words`; no separator asks for places
            (:func:`segtool.decode.block.write_spans`).

        Returns
        -------
        out : ndarray of uint8
            Valid until the next call in the same thread.
        consumed, before, open_line
            As for :func:`segtool.decode.utf8_kernel.cut_utf8`; if `final`, all is consumed.
        """
        points, between = (np.frombuffer(data, np.uint8), np.frombuffer(separator, np.uint8))
        out = working.out_of(len(data) * (1 + len(separator) if separator else SPAN) + SLACK)
        scratch = working.scratch
        size, consumed, end, following, stuck = 0, 0, 0, 0, True
        while stuck:
            state = final or end > 0, before, open_line, between, scratch, out[size:]
            more, rest, before, open_line, stuck = self._cut(points[consumed : end or None], *state)
            if not separator:
                out[size : size + more].view(np.int64)[:] += consumed
            size += more
            consumed += rest
            if end:
                end, before, stuck = 0, following, True
            elif stuck and scratch.room < MOST_OPEN:
                scratch = Scratch(min(4 * scratch.room, MOST_OPEN))
            elif stuck:  # cut behind the tokens that what follows cannot change
                following = int(scratch.symbols[MOST_OPEN - 2])
                end = consumed + int(scratch.starts[MOST_OPEN - 1])
        return out[:size], consumed, before, open_line

    def spans(self, data: bytes) -> Integers:
        """Find the places of the words of a text: start and end in turn, in bytes.

        The result is valid until the next call in the same thread.
        """
        return self.cut(data, b"")[0].view(np.int64)

    def short_cutter(self, kind: int) -> ShortCut:
        """Make a function that cuts a text in one call of compiled code, or gives None, as for a text that is too long.

        `kind` and its result are as for :func:`segtool.decode.short_texts.cut_short`.
        """
        return lambda text: None

    def short_spans(self, text: str, in_bytes: bool) -> Integers | None:
        """Find the places of words as a short cutter does, in bytes or in characters."""
        return None

    def _cut(
        self, data: Any, final: bool, before: int, open_line: bool, separator: Any, scratch: Scratch, out: Any
    ) -> tuple[int, int, int, bool, bool]:
        """As :func:`segtool.decode.utf8_kernel.cut_utf8` does, block by block."""
        at, written, read, write, places = 0, 0, read_tokens.compiled, write_words.compiled, scratch.places
        while at < len(data):
            tokens, certain, spaces, full = read(data, at, final, before, self.characters, places)
            settled = self.cover(tokens, certain, scratch)
            if len(separator):
                written, open_line = write(data, at, settled, spaces, open_line, separator, places, written, out)
            else:
                written = write_spans.compiled(at, settled, spaces, places, written, out)
            before = int(scratch.symbols[settled])
            at += int(scratch.starts[settled + 1])
            if certain < tokens and (settled == 0 or not full):
                return written, at, before, open_line, full
        return written, at, 0 if final else before, open_line, False

    def cut_plain(self, text: str) -> list[str]:
        """Cut a text without compiled code."""
        return [text[start:end] for start, end in self.plain_spans(text)]

    def plain_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Find the places of the words of a text, in characters, without compiled code."""
        return joined_spans(self._plain_words(text), places_of_dots(text, self.reading, self.rules, plain=True))

    def _plain_words(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of each word before names are joined."""
        assert self.plain is not None
        for starts, run in self.plain_runs(text):
            t = 0
            for length in self.plain(run) if run else (1,):
                yield starts[t], starts[t + length]
                t += length

    def plain_runs(self, text: str) -> Iterator[tuple[list[int], list[int]]]:
        """Read a text without compiled code.

        Yields
        ------
        starts : list of int
            Where each token of a run begins and, last, where the run ends, in characters; or those of a mark.
        symbols : list of int
            Ids of the run; none for a mark.
        """
        size = len(text)
        codes, starts = [0] * (size + 1), [0] * (size + 1)
        tokens = symbolise.interpreted(list(map(ord, text)), class_table(self.reading), codes, starts)
        starts[tokens], codes[tokens] = size, MARK
        t = 0
        while t < tokens:
            end = t + 1
            if codes[t] > MARK:
                while codes[end] > MARK:
                    end += 1
            if codes[t] != SPACE:
                ids = [self._plain_ids[code] for code in codes[t:end]] if codes[t] > MARK else []
                yield starts[t : end + 1], ids
            t = end

    @functools.cached_property
    def _plain_ids(self) -> memoryview:
        return memoryview(self.ids)
