"""Literals: words that symbols cannot distinguish, such as ``C++``, ``5G``, ``iPhone 15 Pro`` and emoji.

A literal is a stretch of whole tokens (:mod:`segtool.text.symbols`), so it does not begin or end inside a number or a
Latin run. Before a text is cut, each literal in it is replaced by a character that is a mark and in no text; afterwards
the literal takes its place again. So it is one word, and a boundary for the words around it. From left to right, the
longest literal that begins at a token is taken. Texts are searched only if a model has literals.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from segtool.decode.linked_trie import linked_trie
from segtool.errors import UsageError
from segtool.runtime.kernels import LazyKernel
from segtool.text.folding import fold_table
from segtool.text.symbols import CODE_LIMIT, NUM, STAND_INS, class_table, code_points, symbolise

__all__ = ["Literals"]

_FIRST, _SECOND = map(ord, STAND_INS)
_PLACE = re.compile(f"[{STAND_INS}]")
_PLACE_BYTES = re.compile(b"|".join(place.encode() for place in STAND_INS))


class Literals:
    """Finds literals, hides them from the decoder and shows them again.

    Parameters
    ----------
    words : sequence of str
        Without whitespace at either end and without line ends.
    folds : bool
        Whether characters are folded.
    """

    def __init__(self, words: Sequence[str], folds: bool) -> None:
        points = [code_points(word) for word in words]
        if folds:
            points = [np.where(each < CODE_LIMIT, fold_table()[each % CODE_LIMIT], each) for each in points]
        alphabet = np.unique(np.concatenate(points))
        self._ids = np.zeros(0x110000, np.uint16)
        self._ids[alphabet] = np.arange(1, len(alphabet) + 1)
        if folds:
            self._ids[:CODE_LIMIT] = self._ids[fold_table()]
        number = {point: i for i, point in enumerate(alphabet.tolist(), 1)}
        numbers = [[number[point] for point in each.tolist()] for each in points]
        self._units = linked_trie(numbers, [1] * len(numbers), len(alphabet) + 1)
        self._longest = max(map(len, points))
        self._spaced = next((word for word in words if len(word.split()) > 1), None)

    def around_stream(
        self, cut: Callable[[Iterable[bytes]], Iterator[bytes]], pieces: Iterable[bytes], separator: str
    ) -> Iterator[bytes]:
        """Cut a stream by a function that knows no literals.

        Parameters
        ----------
        cut : callable
            Makes pieces of a text into pieces with separators between words. It writes each character that stands for
            a literal once, in order.
        pieces : iterable of bytes
            UTF-8, whole characters.
        separator : str

        Yields
        ------
        bytes

        Raises
        ------
        UsageError
            If a literal holds whitespace and the separator is whitespace, so that nothing would show where words end.
        """
        self.check_separator(separator)
        found: deque[bytes] = deque()
        return self.show_stream(cut(self.hide_stream(pieces, found)), found)

    def check_separator(self, separator: str) -> None:
        """Raise UsageError if a separator would not show where words end; see :meth:`around_stream`."""
        if any(place in separator for place in STAND_INS):
            raise UsageError(f"the separator {separator!r} holds a character that is none: choose another --sep")
        if separator.isspace() and self._spaced is not None:
            raise UsageError(
                f"the word {self._spaced!r} holds a space, as between two words: choose another --sep, or remove it"
            )

    def hide(self, text: str, plain: bool, turn: int = 0, final: bool = True) -> tuple[str, list[str], int]:
        """Replace the literals of a text.

        Parameters
        ----------
        text : str
        plain : bool
            Whether to search without compiled code.
        turn : int
            How many literals were replaced before in the same text.
        final : bool
            Whether the text ends there.

        Returns
        -------
        hidden : str
            The text, as far as nothing that follows can change it.
        found : list of str
            What was replaced, in order.
        held : int
            Place in the text where the rest begins.
        """
        size = len(text)
        inputs: tuple[Any, ...]
        if plain:
            inputs = list(map(ord, text)), [0] * size, [0] * (size + 1), [0] * (2 * size)
            tables: tuple[Any, ...] = memoryview(self._ids), memoryview(self._units)
            symbolise_text, find, classes = symbolise.interpreted, find_literals.interpreted, class_table()
        else:
            integers = [np.zeros(n, np.int32) for n in (size, size + 1, 2 * size)]
            inputs, tables = (code_points(text), *integers), (self._ids, self._units)
            symbolise_text, find = symbolise.compiled, find_literals.compiled
            classes = np.frombuffer(class_table(), np.uint8)
        points, codes, starts, places = inputs
        tokens = symbolise_text(points, classes, codes, starts)
        starts[tokens] = size
        limit = size + self._longest
        if not final:  # as in segtool.decode.block.read_tokens
            after_number = tokens > 1 and codes[tokens - 2] == NUM
            limit = int(starts[max(tokens - 1 - after_number, 0)])
        count, held = find(points, tokens, starts, *tables, self._longest, limit, places)
        parts: list[str] = []
        found: list[str] = []
        at = 0
        for i in range(count):
            start, end = int(places[2 * i]), int(places[2 * i + 1])
            parts += text[at:start], STAND_INS[(turn + i) % 2]
            found.append(text[start:end])
            at = end
        return "".join([*parts, text[at:held]]), found, held

    @staticmethod
    def show(words: list[str], found: list[str]) -> list[str]:
        """Put literals back into the words of a text."""
        left = iter(found)
        return [next(left) if word in STAND_INS else word for word in words] if found else words

    @staticmethod
    def places(hidden: str) -> list[int]:
        """Places of the literals in a hidden text, in characters."""
        return [place.start() for place in _PLACE.finditer(hidden)]

    @staticmethod
    def shift(hidden: str, found: list[str]) -> Callable[[list[int]], list[int]]:
        """Make the function that turns places in a hidden text, in characters, into those in the text itself."""
        at = Literals.places(hidden)
        gains = [0, *accumulate(len(word) - 1 for word in found)]
        return lambda places: [place + gains[bisect_left(at, place)] for place in places]

    def hide_stream(self, pieces: Iterable[bytes], found: deque[bytes]) -> Iterator[bytes]:
        """Replace the literals of a text that comes in pieces.

        Parameters
        ----------
        pieces : iterable of bytes
            UTF-8, whole characters.
        found : deque of bytes, appended to
            What was replaced.

        Yields
        ------
        bytes
            Up to the last line end at least.
        """
        held, waiting, turn = "", "", 0

        def hide(text: str, final: bool) -> tuple[bytes, str]:
            nonlocal turn
            hidden, words, at = self.hide(text, False, turn, final)
            turn += len(words)
            found.extend(word.encode("utf-8", "surrogatepass") for word in words)
            return hidden.encode("utf-8", "surrogatepass"), text[at:]

        for piece in pieces:
            waiting += piece.decode("utf-8", "surrogatepass")
            if "\n" not in waiting and len(waiting) < len(held):
                continue  # a token of great length: search it again when there is twice as much
            text, waiting = held + waiting, ""
            end = text.rfind("\n") + 1
            lines, _ = hide(text[:end], True)
            rest, held = hide(text[end:], False)
            if lines or rest:
                yield lines + rest
        if held or waiting:
            yield hide(held + waiting, True)[0]

    @staticmethod
    def show_stream(pieces: Iterable[bytes], found: deque[bytes]) -> Iterator[bytes]:
        """Put literals back into cut text: the reverse of :meth:`hide_stream`."""
        for piece in pieces:
            yield _PLACE_BYTES.sub(lambda _: found.popleft(), piece)


def _find_literals(points, tokens, starts, ids, units, longest, limit, places):  # type: ignore[no-untyped-def]
    """Find literals.

    Parameters
    ----------
    points : uint32[n]
    tokens : int
    starts : int32[n + 1]
        Start of each token; n behind the last one.
    ids : uint16[0x110000]
        Number of each character in literals, 0 for others.
    units : int32[4 * nodes]
        See :func:`segtool.decode.linked_trie.linked_trie`; a literal has value 1.
    longest : int
        Characters of the longest literal.
    limit : int
        Tokens that begin before this place stay as they are, whatever follows.
    places : int32[2 * n], written
        Start and end of each literal. A token that holds one of `STAND_INS` counts as a literal, too.

    Returns
    -------
    count : int
    held : int
        Place up to which the literals are certain.
    """
    count = t = 0
    size = len(points)
    while t < tokens:
        at = starts[t]
        if at + longest > limit or (starts[t + 1] > limit and limit < size):
            return count, at
        end = at
        behind = t + 1
        for i in range(at, starts[t + 1]):
            if points[i] == _FIRST or points[i] == _SECOND:
                end = starts[t + 1]
        node = ids[points[at]] + 0
        s = t + 1
        i = at + 1
        while node != 0:
            while starts[s] < i:
                s += 1
            if units[4 * node + 3] != 0 and starts[s] == i:
                end = i
                behind = s
            if i == size:
                break
            symbol = ids[points[i]]
            node = units[4 * node + 1]
            while node != 0 and units[4 * node] != symbol:
                node = units[4 * node + 2]
            i += 1
        if end > at:
            places[2 * count] = at
            places[2 * count + 1] = end
            count += 1
        t = behind
    return count, size


find_literals = LazyKernel(_find_literals, "(i8,i8)(u4[const], i8, i4[const], u2[const], i4[const], i8, i8, i4[])")
