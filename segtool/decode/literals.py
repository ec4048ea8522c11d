"""Literals: words that symbols cannot distinguish, such as ``C++``, ``5G``, ``iPhone 15 Pro`` and emoji.

A literal is a stretch of whole tokens (:mod:`segtool.text.symbols`), so it does not begin or end inside a number or a
Latin run. Before a text is cut, each literal in it is replaced by a character that is a mark and in no text; afterwards
the literal takes its place again. So it is one word, and a boundary for the words around it. From left to right, the
longest literal that begins at a token is taken. Texts are searched only if a model has literals.

Compiled code first looks for the characters of literals alone
(:func:`segtool.decode.literal_kernels.find_stretches`). Only the stretches around those places, mostly a few
characters, are divided into tokens, so that other text is cut about as fast as without literals.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np

from segtool.decode.linked_trie import linked_trie
from segtool.decode.literal_kernels import (
    BEGINS_LITERAL,
    IS_EXTENDER,
    IS_HAN,
    IS_NEWLINE,
    OPENS,
    find_literals,
    find_stretches,
)
from segtool.errors import UsageError
from segtool.runtime.arrays import Integers
from segtool.text.folding import fold_table
from segtool.text.symbols import C_EXTEND, C_HAN, C_JOINER, CODE_LIMIT, STAND_INS, class_table, code_points, symbolise
from segtool.text.token_grammar import AROUND_HAN, CLASSES

__all__ = ["Literals"]

_PLACE = re.compile(f"[{STAND_INS}]")
_PLACE_BYTES = re.compile(b"|".join(place.encode() for place in STAND_INS))
_PLACE_SIZE = len(STAND_INS[0].encode())
_FIRST_WIDE = b"\xe0"  # the first byte of characters of three bytes, such as Han
_LEAD = STAND_INS.encode()[:1]  # rare, so that most pieces are seen at once to hold none


class Literals:
    """Finds literals, hides them from the decoder and shows them again.

    Parameters
    ----------
    words : sequence of str
        Without whitespace at either end and without line ends.
    folds : bool
        Whether characters are folded.
    reading : int
        As for :func:`segtool.text.symbols.class_table`.
    """

    def __init__(self, words: Sequence[str], folds: bool, reading: int = 0) -> None:
        self._classes = class_table(reading)
        points = [code_points(word) for word in words]
        if folds:
            points = [np.where(each < CODE_LIMIT, fold_table()[each % CODE_LIMIT], each) for each in points]
        alphabet = np.unique(np.concatenate(points))
        self._ids = np.zeros(0x110000, np.uint16)
        self._ids[alphabet] = np.arange(1, len(alphabet) + 1)
        firsts = self._ids[np.unique([each[0] for each in points])]
        if folds:
            self._ids[:CODE_LIMIT] = self._ids[fold_table()]
        id_of = {point: i for i, point in enumerate(alphabet.tolist(), 1)}
        rows = [[id_of[point] for point in each.tolist()] for each in points]
        self._units = linked_trie(rows, [1] * len(rows), len(alphabet) + 1)
        self._spaced = next((word for word in words if len(word.split()) > 1), None)
        begins = np.isin(self._ids, firsts)
        begins[list(map(ord, STAND_INS))] = True
        self._begins = frozenset(map(chr, np.flatnonzero(begins).tolist()))
        # numerals are not among the Han characters where there are number tokens
        classes = np.frombuffer(self._classes, np.uint8)[: len(begins)]
        self._kinds = begins * np.uint8(BEGINS_LITERAL) | (classes == C_HAN) * np.uint8(IS_HAN)
        self._kinds |= ((classes == C_EXTEND) | np.isin(classes, [C_JOINER, C_JOINER + 1])) * np.uint8(IS_EXTENDER)
        self._kinds |= np.isin(classes, [*map(CLASSES.index, AROUND_HAN)]) * np.uint8(OPENS)
        self._kinds[ord("\n")] |= IS_NEWLINE
        # a Han character of no literal
        free = (classes[:CODE_LIMIT] == C_HAN) & (self._ids[:CODE_LIMIT] == 0)
        self._stop = chr(0x4E00 + int(free[0x4E00:].argmax())).encode()

    def around_stream(
        self,
        cut: Callable[[Iterable[bytes]], Iterator[bytes]],
        pieces: Iterable[bytes],
        separator: str,
        spaced: bool = False,
    ) -> Iterator[bytes]:
        """Cut a stream by a function that knows no literals.

        Parameters
        ----------
        cut : callable
            Makes pieces of a text into pieces with separators between words. It writes each character that stands for
            a literal once, in order.
        pieces : iterable of bytes
            UTF-8, whole characters.
        separator, spaced
            As for :meth:`check_separator`.

        Yields
        ------
        bytes

        Raises
        ------
        UsageError
            As there.
        """
        self.check_separator(separator, spaced)
        found: deque[bytes] = deque()
        return self.show_stream(cut(self.hide_stream(pieces, found)), found)

    def check_separator(self, separator: str, spaced: bool = False) -> None:
        """Check that a separator shows where words end.

        Parameters
        ----------
        separator : str
        spaced : bool
            Whether the output keeps the spaces of the text, so that spaces do not show that anyway.

        Raises
        ------
        UsageError
            If it stands for literals; or if a literal holds whitespace and the separator is whitespace.
        """
        if any(place in separator for place in STAND_INS):
            raise UsageError(f"the separator {separator!r} holds a character that is none: choose another --sep")
        if separator.isspace() and self._spaced is not None and not spaced:
            raise UsageError(
                f"the word {self._spaced!r} holds a space, as between two words: choose another --sep, or remove it"
            )

    def hide(self, text: str) -> tuple[str, list[str]]:
        """Replace the literals of a text, in plain Python.

        Parameters
        ----------
        text : str

        Returns
        -------
        hidden : str
        found : list of str
            What was replaced, in order.
        """
        if self._begins.isdisjoint(text):
            return text, []
        size = len(text)
        points, codes, starts, places = list(map(ord, text)), [0] * size, [0] * (size + 1), [0] * (2 * size)
        tokens = symbolise.interpreted(points, self._classes, codes, starts)
        starts[tokens] = size
        tables = memoryview(self._ids), memoryview(self._units)
        count = find_literals.interpreted(points, tokens, starts, *tables, places)
        return _replaced(text, places[: 2 * count])

    def hide_compiled(self, text: str) -> tuple[str, list[str]]:
        """Do the same in compiled code."""
        data = text.encode("utf-8", "surrogatepass")
        hidden, found, _ = self.hide_utf8(data)
        if not found:
            return text, []
        return hidden.decode("utf-8", "surrogatepass"), [word.decode("utf-8", "surrogatepass") for word in found]

    def hide_utf8(self, data: bytes, final: bool = True) -> tuple[bytes, list[bytes], int]:
        """Replace the literals of a text in UTF-8.

        Parameters
        ----------
        data : bytes
            Whole characters, surrogates allowed; from the beginning of a line or from where the call before ended.
        final : bool
            Whether the text ends there.

        Returns
        -------
        hidden : bytes
            The text, as far as nothing that follows can change it.
        found : list of bytes
            What was replaced, in order.
        held : int
            Place in the data where the rest begins.
        """
        array, tables = np.frombuffer(data, np.uint8), (self._kinds, self._ids, self._units)
        places = np.empty(2 + len(data) // 64, np.int64)
        count, held = find_stretches.compiled(array, final, *tables, places)
        if 2 * count > len(places):
            places = np.empty(2 * count, np.int64)
            count, held = find_stretches.compiled(array, final, *tables, places)
        if count == 0:
            return data[:held], [], held
        ends = places[: 2 * count].tolist()
        # a Han character behind each may change the token before it
        behind = [self._stop if data[high : high + 1] >= _FIRST_WIDE else b"" for high in ends[1::2]]
        stretches = [data[low:high] + stop for low, high, stop in zip(ends[::2], ends[1::2], behind, strict=True)]
        hidden, found = self._hide_stretches(b"\n".join(stretches).decode("utf-8", "surrogatepass"))
        parts: list[bytes] = []
        at = 0
        for low, high, stop, stretch in zip(
            ends[::2], ends[1::2], behind, hidden.encode("utf-8", "surrogatepass").split(b"\n"), strict=True
        ):
            parts += data[at:low], stretch.removesuffix(stop)
            at = high
        parts.append(data[at:held])
        return b"".join(parts), [word.encode("utf-8", "surrogatepass") for word in found], held

    def _hide_stretches(self, text: str) -> tuple[str, list[str]]:
        size = len(text)
        points = code_points(text)
        codes, starts, places = (np.zeros(n, np.int32) for n in (size, size + 1, 2 * size))
        tokens = symbolise.compiled(points, np.frombuffer(self._classes, np.uint8), codes, starts)
        starts[tokens] = size
        count = find_literals.compiled(points, tokens, starts, self._ids, self._units, places)
        return _replaced(text, places[: 2 * count].tolist())

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

    @staticmethod
    def shift_utf8(hidden: bytes, found: list[bytes], places: Integers) -> Integers:
        """Turn places in a hidden text, in bytes, into those in the text itself."""
        at = [place.start() for place in _PLACE_BYTES.finditer(hidden)]
        gains = np.cumsum([0, *(len(word) - _PLACE_SIZE for word in found)])
        return places + gains[np.searchsorted(at, places)]

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
        kept, waiting, size = b"", [], 0
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if b"\n" not in piece and size < len(kept):
                continue  # a token of great length: search it again when there is twice as much
            data = kept + b"".join(waiting)
            hidden, words, at = self.hide_utf8(data, False)
            found.extend(words)
            kept, waiting, size = data[at:], [], 0
            if hidden:
                yield hidden
        if kept or waiting:
            hidden, words, _ = self.hide_utf8(kept + b"".join(waiting))
            found.extend(words)
            yield hidden

    @staticmethod
    def show_stream(pieces: Iterable[bytes], found: deque[bytes]) -> Iterator[bytes]:
        """Put literals back into cut text: the reverse of :meth:`hide_stream`."""
        for piece in pieces:
            if found and _LEAD in piece:
                parts = _PLACE_BYTES.split(piece)
                for i in range(len(parts) - 1):
                    parts[i] += found.popleft()
                piece = b"".join(parts)
            yield piece


def _replaced(text: str, places: list[int]) -> tuple[str, list[str]]:
    """Replace what lies between places, start and end in turn."""
    if not places:
        return text, []
    parts: list[str] = []
    found: list[str] = []
    at = 0
    for i, (start, end) in enumerate(zip(places[::2], places[1::2], strict=True)):
        parts += text[at:start], STAND_INS[i % 2]
        found.append(text[start:end])
        at = end
    parts.append(text[at:])
    return "".join(parts), found
