"""From blocks of text to the stream of symbol ids that counting and EM read.

Text between boundaries is a *run*; the stream holds the runs one behind the other with a single 0
before, between and behind them. Ids are given in the order of codes, so that the stream of a text
does not depend on how the text was cut into blocks, and sorting by id is sorting by code point.

Where the script is folded (:mod:`segtool.folding`), characters that fold to one have one id, whose code is what
they fold to; which of them stood where is kept where it is not the most frequent one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel
from segtool.counts import Ids
from segtool.errors import CorpusError
from segtool.folding import fold_table
from segtool.symbols import CODE_LIMIT, LAT, NUM, class_table, code_points, symbolise

__all__ = ["RunCollector", "Runs"]

MAX_SYMBOLS = 65_000
CHUNK = 1 << 22
"""Symbols are counted so many at a time, since that needs eight bytes for each of them."""


@dataclass(frozen=True)
class Runs:
    """A corpus as symbol ids.

    Attributes
    ----------
    stream : ndarray of uint16, shape (n,)
        Symbol ids; 0 is a boundary.
    codes : ndarray of uint32, shape (symbols,)
        Code of each id: the boundary (0), ``NUM``, ``LAT``, then Han code points, ascending.
    faces : ndarray of uint32, shape (symbols,)
        The character that each id most often is in the text, of equally frequent ones the lowest code point;
        the code itself where nothing is folded.
    odd_places : ndarray of int64
        Where the stream has an id that is another character than its face there, ascending.
    odd_codes : ndarray of uint32
        That character.
    """

    stream: Ids
    codes: npt.NDArray[np.uint32]
    faces: npt.NDArray[np.uint32]
    odd_places: npt.NDArray[np.int64]
    odd_codes: npt.NDArray[np.uint32]

    @property
    def count(self) -> int:
        """Number of runs."""
        return int(np.count_nonzero(self.stream == 0)) - 1

    @property
    def symbols(self) -> int:
        """Number of symbols, boundaries not counted."""
        return len(self.stream) - self.count - 1


class RunCollector:
    """Takes blocks of text, gives the runs of them all.

    A block ends every run: give blocks that end at a line end or at the end of a file.

    Parameters
    ----------
    fold : bool
        Whether characters that fold to one count as one.
    """

    def __init__(self, fold: bool = False) -> None:
        self._fold = fold
        self._classes = np.frombuffer(class_table(), np.uint8)
        self._ids = np.zeros(CODE_LIMIT, np.uint16)
        self._ids[[NUM, LAT]] = 1, 2
        self._known = np.zeros(MAX_SYMBOLS + 3, np.int32)
        self._known[[1, 2]] = NUM, LAT
        self._used = 3
        self._parts: list[Ids] = [np.zeros(1, np.uint16)]

    def add(self, text: str) -> None:
        """Append the runs of a block.

        Raises
        ------
        CorpusError
            If the corpus holds more different Han characters than can be told apart (65,000).
        """
        points = code_points(text)
        codes, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
        tokens = symbolise.compiled(points, self._classes, codes, starts)
        out = np.empty(tokens + 1, np.uint16)
        size, self._used = _append(codes, tokens, self._ids, self._known, self._used, out)
        if size < 0:
            raise CorpusError(
                f"the corpus holds more than {MAX_SYMBOLS:,} different Han characters: "
                "is it Chinese text, and is --encoding right?"
            )
        self._parts.append(out[:size].copy())

    def runs(self) -> Runs:
        """All runs so far; the collector is empty afterwards."""
        known = self._known[: self._used].astype(np.uint32)
        codes, rename = np.unique(fold_table()[known] if self._fold else known, return_inverse=True)
        faces = codes
        odd_places, odd_codes = np.zeros(0, np.int64), np.zeros(0, np.uint32)
        parts = np.concatenate(self._parts)
        if self._fold:
            steps = range(0, len(parts), CHUNK)
            counts = sum(np.bincount(parts[at : at + CHUNK], minlength=self._used) for at in steps)
            order = np.lexsort((known, -counts, rename))
            faces = known[order[np.searchsorted(rename[order], np.arange(len(codes)))]]
            odd = faces[rename] != known
            if odd.any():
                odd_places = np.flatnonzero(odd[parts])
                odd_codes = known[parts[odd_places]]
        stream = rename.astype(np.uint16)[parts]
        self.__init__(self._fold)  # type: ignore[misc]
        return Runs(stream, codes, faces, odd_places, odd_codes)


@kernel("(i8,i8)(i4[const], i8, u2[], i4[], i8, u2[])")
def _append(codes, tokens, ids, known, used, out):  # type: ignore[no-untyped-def]
    """Write token codes as ids, boundaries merged, a boundary last; new codes get the next free id.

    Returns the length written, or -1 when there are too many codes, and the number of ids in use.
    """
    size = 0
    boundary = True
    for i in range(tokens):
        code = codes[i]
        if code <= 0:
            if not boundary:
                out[size] = 0
                size += 1
                boundary = True
            continue
        if ids[code] == 0:
            if used >= len(known):
                return -1, used
            known[used] = code
            ids[code] = used
            used += 1
        out[size] = ids[code]
        size += 1
        boundary = False
    if not boundary:
        out[size] = 0
        size += 1
    return size, used
