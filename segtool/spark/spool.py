"""Counts that come out of a cluster bucket by bucket: laid down in a file as they come, and read in order.

What is in memory are the bigrams and where everything else stands in the file.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from segtool.ngrams.table import Level, Slice, gather
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.spark.pieces import unpack_bigrams, unpack_runs, unpack_slice
from segtool.spark.tasks import Tally
from segtool.store.files import as_output_errors
from segtool.text.folding import fold_table

__all__ = ["Spool", "SpooledCounts", "SpooledRuns"]

Place = tuple[int, int, int, int]
"""Bucket, place in it, and where the data stand in the file, from and to."""


class Spool:
    """Takes rows from a cluster, in any order.

    Parameters
    ----------
    folder : Path
        Where its file is made, which has no name there and is gone with the spool.

    Attributes
    ----------
    tally : Tally
        Of all partitions.
    pieces, runs : list of tuple
        Where pieces of counts and chunks of runs stand; see ``Place``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.tally = folder, Tally()
        self.pieces: list[Place] = []
        self.runs: list[Place] = []
        self._bigrams: dict[tuple[int, int], tuple[Codes, Level]] = {}
        with as_output_errors(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0
        self._lock = threading.Lock()

    def add(self, bucket: int, place: int, data: bytes) -> None:
        """Take a row.

        Raises
        ------
        OutputError
            If the disk is full.
        """
        if bucket < 0 and place == 0:
            self.tally.add(Tally.unpack(data))
            return
        if bucket >= 0:
            self._bigrams[bucket, place] = unpack_bigrams(data)
        with as_output_errors(self._folder):
            self._file.write(data)
        (self.pieces if bucket >= 0 else self.runs).append((bucket, place, self._end, self._end + len(data)))
        self._end += len(data)

    def finish(self, order: int, fold: bool) -> tuple[SpooledRuns, SpooledCounts]:
        """Give what has been taken."""
        self.pieces.sort()
        self.runs.sort(key=lambda row: (-row[0], row[1]))
        runs = SpooledRuns(self)
        codes, rename = np.unique(fold_table()[runs.written] if fold else runs.written, return_inverse=True)
        frequency = np.zeros(len(codes), np.int64)
        np.add.at(frequency, rename, runs.stats.counts)
        levels = []
        for bucket, place, *_ in self.pieces:
            alphabet, level = self._bigrams.pop((bucket, place))
            ids = np.searchsorted(codes, alphabet)
            levels.append(Level(ids[level.symbol].astype(np.uint16), ids[level.parent].astype(np.int32), level.count))
        bigrams = Level(
            np.concatenate([np.zeros(0, np.uint16), *(level.symbol for level in levels)]),
            np.concatenate([np.zeros(0, np.int32), *(level.parent for level in levels)]),
            np.concatenate([np.zeros(0, np.int64), *(level.count for level in levels)]),
        )
        return runs, SpooledCounts(self, codes.astype(np.uint32), frequency, bigrams, order)

    def read(self, place: Place) -> bytes:
        """Data of a row."""
        _, _, begin, end = place
        with as_output_errors(self._folder), self._lock:
            self._file.seek(begin)
            return self._file.read(end - begin)


class SpooledRuns:
    """Runs in a spool; see :class:`segtool.text.runs.CorpusPart`."""

    def __init__(self, spool: Spool) -> None:
        self._spool, self.stats, self.chunks = spool, spool.tally.stats, len(spool.runs)
        self.written = self.stats.written

    def chunk(self, i: int) -> Ids:
        """Written ids of a chunk."""
        codes, stream = unpack_runs(self._spool.read(self._spool.runs[i]))
        return np.searchsorted(self.written, codes).astype(np.uint16)[stream]


class SpooledCounts:
    """N-gram counts in a spool; see :class:`segtool.ngrams.table.NGrams`."""

    def __init__(self, spool: Spool, codes: Codes, frequency: Integers, bigrams: Level, order: int) -> None:
        self._spool = spool
        self.codes, self.frequency, self.bigrams, self.order = codes, frequency, bigrams, order

    def sizes(self) -> Integers:
        """Number of n-grams of three symbols or more that begin with each bigram."""
        return gather(self).sizes()

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""
        return gather(self).slice(low, high)

    def slices(self) -> Iterator[Slice]:
        """The longer n-grams, in order of their bigrams."""
        low = 0
        for place in self._spool.pieces:
            alphabet, piece = unpack_slice(self._spool.read(place))
            ids = np.searchsorted(self.codes, alphabet).astype(np.uint16)
            levels = [Level(ids[level.symbol], level.parent, level.count) for level in piece.levels]
            if levels:
                parent = (levels[0].parent.astype(np.int64) + (low - piece.low)).astype(np.int32)
                levels[0] = Level(levels[0].symbol, parent, levels[0].count)
            high = low + piece.high - piece.low
            yield Slice(low, high, tuple(levels))
            low = high
