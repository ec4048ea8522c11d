"""Statistics of the runs of a corpus, which add up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.text.folding import fold_table
from segtool.text.run_hashes import BUCKETS, hash_runs
from segtool.text.symbols import LAT, NUM

__all__ = ["ALWAYS", "CorpusStats"]

ALWAYS = np.array([0, NUM, LAT], np.uint32)
"""Codes that every alphabet begins with; 0 is the boundary."""


@dataclass(frozen=True)
class CorpusStats:
    """Statistics of runs. They add up with ``+``: ``of(a) + of(b) == of(a and b)``, in any order and grouping.

    Attributes
    ----------
    written : ndarray of uint32, shape (characters,)
        Codes of the characters as written, ascending, behind the boundary, ``NUM`` and ``LAT``.
    counts : ndarray of int64, shape (characters,)
        Occurrences of each; the first entry is the number of runs.
    hash_sizes : ndarray of int64, shape (BUCKETS,)
        Symbols of the runs by the highest bits of their hashes (:mod:`segtool.text.run_hashes`).
    digest : int
        Sum of the hashes of the runs as written, modulo 2^64.
    longest_run : int
        Symbols of the longest run.
    """

    written: Codes = field(default_factory=ALWAYS.copy)
    counts: Integers = field(default_factory=lambda: np.zeros(len(ALWAYS), np.int64))
    hash_sizes: Integers = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))
    digest: int = 0
    longest_run: int = 0

    @classmethod
    def of(cls, stream: Ids, written: Codes) -> CorpusStats:
        """Statistics of a stream of written ids; `written` holds their codes, ``ALWAYS`` first."""
        lengths = np.diff(np.flatnonzero(stream == 0))
        buckets = hash_runs(stream, fold_table()[written]) >> np.uint64(48)
        order = np.argsort(written)
        return cls(
            written[order],
            np.bincount(stream[1:], minlength=len(written))[order],
            np.bincount(buckets, lengths, BUCKETS).astype(np.int64),
            int(hash_runs(stream, written).sum(dtype=np.uint64)),
            int(lengths.max(initial=1)) - 1,
        )

    def __add__(self, other: CorpusStats) -> CorpusStats:
        written = np.union1d(self.written, other.written)
        counts = np.zeros(len(written), np.int64)
        for each in (self, other):
            counts[np.searchsorted(written, each.written)] += each.counts
        return CorpusStats(
            written,
            counts,
            self.hash_sizes + other.hash_sizes,
            (self.digest + other.digest) & 0xFFFFFFFFFFFFFFFF,
            max(self.longest_run, other.longest_run),
        )

    @property
    def runs(self) -> int:
        """Number of runs."""
        return int(self.counts[0])

    @property
    def symbols(self) -> int:
        """Number of symbols, boundaries not counted."""
        return int(self.counts[1:].sum())

    @property
    def positions(self) -> int:
        """Number of symbols and of boundaries, one of which ends each run."""
        return int(self.counts.sum())
