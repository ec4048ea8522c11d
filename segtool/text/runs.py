"""From blocks of text to runs of symbol ids, the stream that counting and EM read.

Text between boundaries is a *run*; a stream holds runs one behind the other with a single 0 before, between and
behind them. A corpus is kept in *chunks*, streams of some hundred thousand symbols, in memory or in shards on the
disk (:mod:`segtool.ngrams.shards`), as the characters were written; :class:`ChunkedRuns` gives them in the ids of the
whole corpus, which are in the order of codes, so that sorting by id is sorting by code point.

Where the script is folded (:mod:`segtool.text.folding`), characters that fold to one have one id, whose code is what
they fold to; which of them stood where is told where it is not the most frequent one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.kernels import kernel
from segtool.text.folding import fold_table
from segtool.text.run_hashes import BUCKETS, hash_runs
from segtool.text.symbols import CODE_LIMIT, LAT, NUM, class_table, code_points, symbolise

__all__ = ["CHUNK", "LONGEST_RUN", "ChunkedRuns", "RunCollector", "RunPart", "RunTally", "Runs", "corpus_chunks"]

MAX_SYMBOLS = 65_000
CHUNK = 1 << 18
"""Symbols of a chunk, about."""

LONGEST_RUN = 1 << 16
"""A run ends after so many symbols, even if no boundary follows."""


@dataclass(frozen=True)
class Runs:
    """Text as symbol ids.

    Attributes
    ----------
    stream : ndarray of uint16, shape (n,)
        Symbol ids; 0 is a boundary.
    codes : ndarray of uint32, shape (symbols,)
        Code of each id: the boundary (0), ``NUM``, ``LAT``, then Han code points, ascending.
    faces : ndarray of uint32, shape (symbols,)
        The character that each id most often is in the corpus, of equally frequent ones the lowest code point;
        the code itself where nothing is folded.
    odd_places : ndarray of int64
        Where the stream has an id that is another character than its face there, ascending.
    odd_codes : ndarray of uint32
        That character.
    """

    stream: Ids
    codes: Codes
    faces: Codes
    odd_places: Integers
    odd_codes: Codes

    @property
    def count(self) -> int:
        """Number of runs."""
        return int(np.count_nonzero(self.stream == 0)) - 1

    @property
    def symbols(self) -> int:
        """Number of symbols, boundaries not counted."""
        return len(self.stream) - self.count - 1


class RunPart(Protocol):
    """Some of the runs of a corpus, with *written* ids of their own, one for each character as it was written."""

    @property
    def written(self) -> Codes:
        """Code of each written id; the first are the boundary, ``NUM`` and ``LAT``."""

    @property
    def written_counts(self) -> Integers:
        """Occurrences of each written id."""

    @property
    def hash_sizes(self) -> Integers:
        """Symbols of the runs by the highest bits of their hashes; see :mod:`segtool.text.run_hashes`."""

    @property
    def digest(self) -> int:
        """Sum of the hashes of the runs as written, 64 bits of it."""

    @property
    def longest_run(self) -> int:
        """Symbols of the longest run."""

    @property
    def chunks(self) -> int:
        """Number of chunks."""

    def chunk(self, i: int) -> Ids:
        """Written ids of a chunk, a boundary at either end."""


class ChunkedRuns:
    """The runs of a corpus, chunk by chunk.

    Parameters
    ----------
    parts : sequence of RunPart
    fold : bool
        Whether characters that fold to one count as one.

    Attributes
    ----------
    codes, faces : ndarray of uint32, shape (symbols,)
        As of :class:`Runs`.
    written : ndarray of uint32
        Every character as it was written, ascending, behind the boundary, ``NUM`` and ``LAT``.
    fold : bool
    count, symbols, longest_run : int
        Runs, symbols without boundaries, symbols of the longest run.
    digest : int
        Sum of the hashes of the runs as written, 64 bits of it: the same for the same runs in any order.
    """

    def __init__(self, parts: Sequence[RunPart], fold: bool) -> None:
        self._parts = list(parts)
        self.fold = fold
        always = np.array([0, NUM, LAT], np.uint32)
        self.written = written = np.unique(np.concatenate([always, *(part.written for part in parts)]))
        self.codes, rename = np.unique(fold_table()[written] if fold else written, return_inverse=True)
        if len(written) > MAX_SYMBOLS + 3:
            raise too_many_symbols()
        counts = np.zeros(len(written), np.int64)
        self._places = places = [np.searchsorted(written, part.written) for part in parts]
        for part, place in zip(parts, places, strict=True):
            counts[place] += part.written_counts
        order = np.lexsort((written, -counts, rename))
        self.faces = written[order[np.searchsorted(rename[order], np.arange(len(self.codes)))]]
        odd = self.faces[rename] != written
        self._ids = [rename[place].astype(np.uint16) for place in places]
        self._odd = [odd[place] for place in places]
        self._index = [(part, i) for part, each in enumerate(parts) for i in range(each.chunks)]
        self.count = int(counts[0])
        self.symbols = int(counts[1:].sum())
        self.longest_run = max((part.longest_run for part in parts), default=0)
        self.digest = sum(part.digest for part in parts) & 0xFFFFFFFFFFFFFFFF
        self.hash_sizes = sum((part.hash_sizes for part in parts), np.zeros(BUCKETS, np.int64))

    def __len__(self) -> int:
        return len(self._index)

    @property
    def positions(self) -> int:
        """Symbols and boundaries, of which one ends each run."""
        return self.symbols + self.count

    @property
    def odd_symbols(self) -> npt.NDArray[np.bool_]:
        """Whether each symbol sometimes is another character than its face."""
        symbols = np.zeros(len(self.codes), np.bool_)
        for ids, odd in zip(self._ids, self._odd, strict=True):
            symbols[ids[odd]] = True
        return symbols

    def parts(self) -> list[tuple[RunPart, Ids]]:
        """The parts, and the symbol id of each written id of a part."""
        return list(zip(self._parts, self._ids, strict=True))

    def place(self, i: int) -> tuple[int, int]:
        """Which part a chunk is of, and its number there."""
        return self._index[i]

    def tables(self, i: int) -> tuple[Ids, Codes, Ids]:
        """Written ids of a chunk, the code of each written id of its part, and the symbol id of each."""
        part, chunk = self._index[i]
        return self._parts[part].chunk(chunk), self._parts[part].written, self._ids[part]

    def written_chunks(self) -> Iterator[Ids]:
        """All chunks, each character with its place in `written`."""
        for part, place in zip(self._parts, self._places, strict=True):
            ids = place.astype(np.uint16)
            for i in range(part.chunks):
                yield ids[part.chunk(i)]

    def chunk(self, i: int) -> Runs:
        """All about a chunk."""
        stream, codes, ids = self.tables(i)
        places = np.flatnonzero(self._odd[self._index[i][0]][stream])
        return Runs(ids[stream], self.codes, self.faces, places, codes[stream[places]])

    def whole(self) -> Runs:
        """All chunks as one, in memory."""
        if len(self) == 1:
            return self.chunk(0)
        chunks = [self.chunk(i) for i in range(len(self))]
        # the boundary between two chunks is one
        stream = np.concatenate([np.zeros(1, np.uint16), *(chunk.stream[1:] for chunk in chunks)])
        starts = np.cumsum([0, *(len(chunk.stream) - 1 for chunk in chunks)])
        places = [chunk.odd_places + start for chunk, start in zip(chunks, starts, strict=False)]
        codes = [chunk.odd_codes for chunk in chunks]
        return Runs(
            stream,
            self.codes,
            self.faces,
            np.concatenate([np.zeros(0, np.int64), *places]),
            np.concatenate([np.zeros(0, np.uint32), *codes]),
        )


class RunTally:
    """What is told of runs chunk by chunk; see :class:`RunPart`.

    Attributes
    ----------
    counts : ndarray of int64
        Occurrences of each written id.
    hash_sizes : ndarray of int64, shape (BUCKETS,)
    digest, longest : int
    """

    def __init__(self) -> None:
        self.counts = np.zeros(MAX_SYMBOLS + 3, np.int64)
        self.hash_sizes = np.zeros(BUCKETS, np.int64)
        self.digest = self.longest = 0

    def add(self, chunk: Ids, written: Codes) -> None:
        """Tell of one more chunk, given the code of each written id."""
        self.counts += np.bincount(chunk[1:], minlength=len(self.counts))
        lengths = np.diff(np.flatnonzero(chunk == 0))
        hashes = hash_runs(chunk, fold_table()[written])
        self.hash_sizes += np.bincount(hashes >> np.uint64(48), lengths, BUCKETS).astype(np.int64)
        self.digest = (self.digest + int(hash_runs(chunk, written).sum(dtype=np.uint64))) & 0xFFFFFFFFFFFFFFFF
        self.longest = max(self.longest, int(lengths.max(initial=1)) - 1)


class RunCollector:
    """Takes blocks of text and keeps their runs in memory; the part of a corpus that they are.

    A block ends every run: give blocks that end at a line end or at the end of a file.
    """

    def __init__(self) -> None:
        self._classes = np.frombuffer(class_table(), np.uint8)
        self._ids = np.zeros(CODE_LIMIT, np.uint16)
        self._ids[[NUM, LAT]] = 1, 2
        self._known = np.zeros(MAX_SYMBOLS + 3, np.int32)
        self._known[[1, 2]] = NUM, LAT
        self._used = 3
        self._open: list[Ids] = []
        self._open_size = 0
        self._chunks: list[Ids] = []
        self._tally = RunTally()
        self.positions = 0

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
        out = np.empty(tokens + tokens // LONGEST_RUN + 1, np.uint16)
        size, self._used = _append(codes, tokens, self._ids, self._known, self._used, LONGEST_RUN, out)
        if size < 0:
            raise too_many_symbols()
        self._open.append(out[:size].copy())
        self._open_size += size
        self.positions += size
        if self._open_size >= CHUNK:
            self._close()

    def _close(self) -> None:
        """Make chunks of what was added since the last ones."""
        stream = np.concatenate([np.zeros(1, np.uint16), *self._open])
        self._open, self._open_size = [], 0
        for low, high in corpus_chunks(stream):
            chunk = stream[low : high + 1]
            self._chunks.append(chunk)
            self._tally.add(chunk, self.written)

    @property
    def written(self) -> Codes:
        """Code of each written id, in the order of their first occurrence."""
        return self._known[: self._used].astype(np.uint32)

    @property
    def written_counts(self) -> Integers:
        """Occurrences of each written id."""
        return self._closed()._tally.counts[: self._used]

    @property
    def hash_sizes(self) -> Integers:
        """Symbols of the runs by the highest bits of their hashes."""
        return self._closed()._tally.hash_sizes

    @property
    def digest(self) -> int:
        """Sum of the hashes of the runs."""
        return self._closed()._tally.digest

    @property
    def longest_run(self) -> int:
        """Symbols of the longest run."""
        return self._closed()._tally.longest

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return len(self._closed()._chunks)

    def chunk(self, i: int) -> Ids:
        """Written ids of a chunk."""
        return self._closed()._chunks[i]

    def runs(self, fold: bool = False) -> Runs:
        """All runs as one stream."""
        return ChunkedRuns([self], fold).whole()

    def _closed(self) -> RunCollector:
        if self._open or not self._chunks:
            self._close()
        return self


def too_many_symbols() -> CorpusError:
    """Error of a text that is hardly one."""
    return CorpusError(
        f"the corpus holds more than {MAX_SYMBOLS:,} different Han characters: "
        "is it Chinese text, and is --encoding right?"
    )


def corpus_chunks(stream: Ids) -> list[tuple[int, int]]:
    """Cut a stream into pieces that begin and end with a boundary, the same whatever the number of workers.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)

    Returns
    -------
    list of (int, int)
        Where each begins and ends; the end of one is the beginning of the next.
    """
    boundaries = np.flatnonzero(stream == 0)
    cuts = boundaries[np.unique(np.searchsorted(boundaries, np.arange(0, len(stream), CHUNK)))]
    ends = [*cuts[1:].tolist(), len(stream) - 1]
    return [(low, high) for low, high in zip(cuts.tolist(), ends, strict=True) if low < high]


@kernel("(i8,i8)(i4[const], i8, u2[], i4[], i8, i8, u2[])")
def _append(codes, tokens, ids, known, used, longest, out):  # type: ignore[no-untyped-def]
    """Write token codes as ids, boundaries merged, a boundary last; new codes get the next free id.

    Returns the length written, or -1 when there are too many codes, and the number of ids in use. A run of
    `longest` symbols is ended.
    """
    size = 0
    length = 0
    for i in range(tokens):
        code = codes[i]
        if length > 0 and (code <= 0 or length == longest):
            out[size] = 0
            size += 1
            length = 0
        if code <= 0:
            continue
        if ids[code] == 0:
            if used >= len(known):
                return -1, used
            known[used] = code
            ids[code] = used
            used += 1
        out[size] = ids[code]
        size += 1
        length += 1
    if length > 0:
        out[size] = 0
        size += 1
    return size, used
