"""Tables of n-grams: how often each n-gram of a corpus occurs, length by length.

The n-grams form a trie, stored level by level: the k-grams of one length, in lexicographic order. Levels 1 and 2 are
always whole. Longer n-grams also come in slices, those that begin with one of a range of bigrams, so that they need
not be in memory together. :class:`NGrams` is what every table gives, whether it is in memory (:class:`NGramTable`),
in a shard on the disk (:class:`segtool.ngrams.shards.Shard`) or the sum of others
(:class:`segtool.ngrams.merge.MergedNGrams`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from segtool.runtime.arrays import Codes, Ids, Integers, Places
from segtool.runtime.kernels import kernel

__all__ = ["HasParents", "Level", "NGramTable", "NGrams", "Slice", "fan_out", "gather", "join_slices", "spell"]

SLICES = 16
"""Number of slices of a table in memory, for threads to share."""


class HasParents(Protocol):
    """A level of n-grams, with any other columns."""

    @property
    def symbol(self) -> Ids:
        """Last symbol of each n-gram."""

    @property
    def parent(self) -> Places:
        """Place of each n-gram without its last symbol, one level before."""


@dataclass(frozen=True)
class Level:
    """The k-grams of one length, in lexicographic order of their symbol ids.

    Attributes
    ----------
    symbol : ndarray of uint16, shape (types,)
        Last symbol of each k-gram.
    parent : ndarray of int32, shape (types,)
        Place of each k-gram without its last symbol, in the level before.
    count : ndarray of int64, shape (types,)
        Occurrences.
    """

    symbol: Ids
    parent: Places
    count: Integers

    def __len__(self) -> int:
        return len(self.symbol)

    def __getitem__(self, places: slice) -> Level:
        return Level(self.symbol[places], self.parent[places], self.count[places])

    @classmethod
    def of_symbols(cls, frequency: Integers) -> Level:
        """Level 1, from the occurrences of each symbol."""
        symbols = len(frequency)
        return cls(np.arange(symbols, dtype=np.uint16), np.zeros(symbols, np.int32), frequency)

    @classmethod
    def empty(cls) -> Level:
        """A level without n-grams."""
        return cls(np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, np.int64))

    @classmethod
    def join(cls, parts: Sequence[Level], before: Sequence[int]) -> Level:
        """Join parts of a level; `before` is the number of parents of each part, which count on from part to part."""
        offsets = np.cumsum([0, *before[:-1]]).astype(np.int32)
        return cls(
            np.concatenate([part.symbol for part in parts]),
            np.concatenate([part.parent + offset for part, offset in zip(parts, offsets, strict=True)]),
            np.concatenate([part.count for part in parts]),
        )


@dataclass(frozen=True)
class Slice:
    """N-grams of three symbols or more that begin with one of a range of bigrams.

    Attributes
    ----------
    low, high : int
        The range: places in the whole level 2, `high` excluded.
    levels : tuple of Level
        ``levels[k - 3]`` holds the k-grams. Parents of 3-grams are places in the whole level 2, those of longer ones
        places in the level before of the slice.
    """

    low: int
    high: int
    levels: tuple[Level, ...]

    def sizes(self) -> Integers:
        """Number of n-grams that begin with each bigram of the range."""
        total = np.zeros(self.high - self.low, np.int64)
        ends = np.arange(len(total) + 1)
        offset, parents = self.low, len(total)
        for level in self.levels:
            first = np.zeros(parents + 1, np.int64)
            np.cumsum(fan_out(level, offset, parents), out=first[1:])
            ends = first[ends]
            total += np.diff(ends)
            offset, parents = 0, len(level)
        return total

    def part(self, low: int, high: int) -> Slice:
        """The n-grams that begin with a shorter range of bigrams; symbols and counts are views."""
        levels: list[Level] = []
        begin, end = low, high
        for level in self.levels:
            before = begin if levels else 0
            begin, end = np.searchsorted(level.parent, np.array([begin, end], np.int32)).tolist()
            part = level[begin:end]
            levels.append(Level(part.symbol, part.parent - np.int32(before), part.count))
        return Slice(low, high, tuple(levels))


def join_slices(slices: Sequence[Slice]) -> Slice:
    """Join slices of ranges that follow one another, at least one; the result shares no memory with them."""
    levels: list[Level] = []
    before = [0] * len(slices)  # parents of 3-grams are places in the whole already
    for parts in zip(*(each.levels for each in slices), strict=True):
        levels.append(Level.join(parts, before))
        before = [len(part) for part in parts]
    return Slice(slices[0].low, slices[-1].high, tuple(levels))


class NGrams(Protocol):
    """N-grams of a corpus and their counts; most of them need not be in memory. Several threads may read at a time."""

    @property
    def codes(self) -> Codes:
        """Code of each symbol id, ascending: the boundary, ``NUM``, ``LAT``, then Han code points."""

    @property
    def order(self) -> int:
        """Length of the longest n-grams, in symbols."""

    @property
    def frequency(self) -> Integers:
        """Occurrences of each symbol; the first entry is the number of runs."""

    @property
    def bigrams(self) -> Level:
        """The whole level 2; parents are first symbols. A shard reads it each time."""

    def sizes(self) -> Integers:
        """Number of n-grams of three symbols or more that begin with each bigram."""

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""

    def slices(self) -> Iterator[Slice]:
        """All n-grams of three symbols or more, in order of their bigrams; can be called again."""


@dataclass(frozen=True)
class NGramTable:
    """N-grams in memory; see :class:`NGrams`.

    ``levels[k - 1]`` holds the k-grams, at least up to bigrams. ``levels[0]`` has an entry for each symbol id, first
    that of the boundary, which is counted once for each run.
    """

    codes: Codes
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """Length of the longest n-grams."""
        return len(self.levels)

    @property
    def frequency(self) -> Integers:
        """Occurrences of each symbol."""
        return self.levels[0].count

    @property
    def bigrams(self) -> Level:
        """Level 2."""
        return self.levels[1]

    @property
    def _longer(self) -> Slice:
        return Slice(0, len(self.bigrams), self.levels[2:])

    def sizes(self) -> Integers:
        """Number of n-grams of three symbols or more that begin with each bigram."""
        return self._longer.sizes()

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""
        return self._longer.part(low, high)

    def slices(self) -> Iterator[Slice]:
        """All n-grams of three symbols or more, in up to 16 slices."""
        cuts = np.unique(np.linspace(0, len(self.bigrams), SLICES + 1).astype(np.int64))
        return (self.slice(low, high) for low, high in pairwise(cuts.tolist()))


def gather(ngrams: NGrams, check: Callable[[int], object] = int) -> NGramTable:
    """Bring n-grams into memory; `check` is called with the number of those so far, and may raise."""
    if isinstance(ngrams, NGramTable):
        check(sum(map(len, ngrams.levels)))
        return ngrams
    slices, found = [], len(ngrams.bigrams)
    for part in ngrams.slices():
        found += sum(map(len, part.levels))
        check(found)
        slices.append(part)
    longer = join_slices(slices).levels if slices else (Level.empty(),) * (ngrams.order - 2)
    return NGramTable(ngrams.codes, (Level.of_symbols(ngrams.frequency), ngrams.bigrams, *longer))


def spell(levels: Sequence[HasParents], k: int, at: Integers) -> Ids:
    """Symbol ids of the k-grams at the given places of their level, shape (len(at), k)."""
    out = np.empty((len(at), k), np.uint16)
    for level in range(k - 1, -1, -1):
        out[:, level] = levels[level].symbol[at]
        at = levels[level].parent[at].astype(np.int64)
    return out


def fan_out(level: Level, offset: int, parents: int) -> Integers:
    """How many children in a level each parent has; `offset` is the place of the first parent."""
    out = np.zeros(parents, np.int64)
    _fan_out(level.parent, offset, out)
    return out


@kernel("void(i4[const], i8, i8[])")
def _fan_out(parent, offset, out):  # type: ignore[no-untyped-def]
    """Count the children of each parent; `offset` is the place of the first."""
    for i in range(len(parent)):
        out[parent[i] - offset] += 1
