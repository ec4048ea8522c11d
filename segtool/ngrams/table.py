"""N-grams level by level, whole or in slices that need not be in memory all at once.

The trie of a corpus' n-grams is laid down level by level, the k-grams of one length in lexicographic order. The first
two levels are always whole; longer n-grams also come in slices, those that begin with one of a range of bigrams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.kernels import kernel

__all__ = [
    "HasParents",
    "Level",
    "Slice",
    "SlicedCounts",
    "cut_slice",
    "fan_out",
    "join_slices",
    "spell",
]


class HasParents(Protocol):
    """A level of n-grams, whatever else is known of them."""

    @property
    def symbol(self) -> Ids:
        """Last symbol of each n-gram."""

    @property
    def parent(self) -> npt.NDArray[np.int32]:
        """Where the n-gram without it stands one level before."""


@dataclass(frozen=True)
class Level:
    """The k-grams of one length, in lexicographic order of their symbol ids.

    Attributes
    ----------
    symbol : ndarray of uint16, shape (types,)
        Last symbol of each k-gram.
    parent : ndarray of int32, shape (types,)
        Where the k-gram without its last symbol stands in the level before.
    count : ndarray of int64, shape (types,)
        Occurrences.
    """

    symbol: Ids
    parent: npt.NDArray[np.int32]
    count: Integers

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(frozen=True)
class Slice:
    """N-grams of three symbols or more that begin with one of a range of bigrams.

    Attributes
    ----------
    low, high : int
        Places of these bigrams in level 2 of the whole.
    levels : tuple of Level
        ``levels[k - 3]`` holds the k-grams. Parents of 3-grams are places in the whole level 2, those of longer ones
        places in the slice's level before.
    """

    low: int
    high: int
    levels: tuple[Level, ...]

    def ends(self) -> list[Integers]:
        """Where the extensions of each bigram begin.

        Returns
        -------
        list of ndarray of int64, shape (high - low + 1,)
            K-grams that begin with bigram ``low + i`` are entries ``[i]`` to ``[i + 1]`` of ``levels[k - 3]``.
        """
        found = [np.arange(self.high - self.low + 1)]
        offset, parents = self.low, self.high - self.low
        for level in self.levels:
            first = np.zeros(parents + 1, np.int64)
            np.cumsum(fan_out(level, offset, parents), out=first[1:])
            found.append(first[found[-1]])
            offset, parents = 0, len(level)
        return found[1:]

    def cut(self, places: Sequence[int]) -> list[Slice]:
        """Slices of shorter ranges of bigrams.

        Parameters
        ----------
        places : sequence of int
            Where a range ends and the next begins, ascending, at least two; not outside of this slice.

        Returns
        -------
        list of Slice
            They share no memory with this one.
        """
        ends = self.ends()
        return [cut_slice(self, ends, low, high) for low, high in pairwise(places)]


def cut_slice(whole: Slice, ends: list[Integers], low: int, high: int) -> Slice:
    """Copy the part of a slice, whose :meth:`Slice.ends` are given, that begins with a range of bigrams."""
    levels, before = [], 0
    for level, end in zip(whole.levels, ends, strict=True):
        part = slice(end[low - whole.low], end[high - whole.low])
        levels.append(Level(level.symbol[part].copy(), level.parent[part] - np.int32(before), level.count[part].copy()))
        before = part.start
    return Slice(low, high, tuple(levels))


def join_slices(slices: Sequence[Slice]) -> Slice:
    """Put together slices of ranges that follow one another.

    Parameters
    ----------
    slices : sequence of Slice
        At least one.

    Returns
    -------
    Slice
    """
    if len(slices) == 1:
        return slices[0]
    levels: list[Level] = []
    for k, parts in enumerate(zip(*(each.levels for each in slices), strict=True)):
        before = [len(each.levels[k - 1]) if k else 0 for each in slices]
        offsets = np.cumsum([0, *before[:-1]]).astype(np.int32)
        levels.append(
            Level(
                np.concatenate([part.symbol for part in parts]),
                np.concatenate([part.parent + offset for part, offset in zip(parts, offsets, strict=True)]),
                np.concatenate([part.count for part in parts]),
            )
        )
    return Slice(slices[0].low, slices[-1].high, tuple(levels))


class SlicedCounts(Protocol):
    """N-gram counts that need not be in memory all at once."""

    @property
    def codes(self) -> Codes:
        """Code of each symbol id, ascending."""

    @property
    def order(self) -> int:
        """Length of the longest n-grams, in symbols."""

    @property
    def frequency(self) -> Integers:
        """Occurrences of each symbol; the first entry is the number of runs."""

    @property
    def bigrams(self) -> Level:
        """Level 2."""

    def slices(self) -> Iterator[Slice]:
        """The longer n-grams, in order of their bigrams; can be called again."""


def spell(levels: Sequence[HasParents], k: int, at: Integers) -> Ids:
    """Symbol ids of the k-grams that stand at the given places of their level.

    Returns
    -------
    ndarray of uint16, shape (len(at), k)
    """
    out = np.empty((len(at), k), np.uint16)
    for level in range(k - 1, -1, -1):
        out[:, level] = levels[level].symbol[at]
        at = levels[level].parent[at].astype(np.int64)
    return out


def fan_out(level: Level, offset: int, parents: int) -> Integers:
    """How many children each parent has.

    Parameters
    ----------
    level : Level
        The children; their parents ascend.
    offset : int
        Place of the first parent.
    parents : int

    Returns
    -------
    ndarray of int64, shape (parents,)
    """
    out = np.zeros(parents, np.int64)
    _fan_out(level.parent, offset, out)
    return out


@kernel("void(i4[const], i8, i8[])")
def _fan_out(parent, offset, out):  # type: ignore[no-untyped-def]
    """Count the children of each parent; `offset` is the place of the first."""
    for i in range(len(parent)):
        out[parent[i] - offset] += 1
