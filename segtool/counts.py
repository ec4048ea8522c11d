"""All n-grams of a corpus and how often each occurs.

The corpus comes as one *stream* of symbol ids in which 0 is a boundary: it stands before the first
run, between runs and behind the last. An n-gram lies inside one run; a boundary may be its first or
its last symbol. Every position of the stream opens a window of `order` symbols that ends early behind
a boundary. Windows that open with the same k symbols form a group, which is parted by the next symbol,
level after level; where rare n-grams are not asked for, their windows are left behind at once. What comes
out is a trie laid down level by level (:class:`Counts`): exact, independent of the order of the text and
of the number of workers, and mergeable (:func:`merge`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel
from segtool.errors import UsageError

__all__ = ["Counts", "Level", "Slice", "SlicedCounts", "count_stream", "merge", "spell"]

SLICES = 16
"""Counts in memory are handed on in so many parts, for threads to share."""

CHUNK = 1 << 22
"""Symbols are counted so many at a time, since that needs eight bytes for each of them."""

Ids: TypeAlias = npt.NDArray[np.uint16]
Integers: TypeAlias = npt.NDArray[np.int64]


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
        Where the k-gram without its last symbol stands in the level before (0 for k = 1).
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
        The bigrams are those at these places of level 2, the last one left out.
    levels : tuple of Level
        ``levels[k - 3]`` holds the k-grams. Parents of 3-grams are places in the whole of level 2, those of longer
        ones places in the level before of this slice.
    """

    low: int
    high: int
    levels: tuple[Level, ...]


class SlicedCounts(Protocol):
    """N-gram counts that need not be in memory all at once."""

    @property
    def codes(self) -> npt.NDArray[np.uint32]:
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


@dataclass(frozen=True)
class Counts:
    """N-gram counts of a corpus, in memory.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id, ascending: the boundary, ``NUM``, ``LAT``, then Han code points.
    levels : tuple of Level
        ``levels[k - 1]`` holds the k-grams. ``levels[0]`` has one entry for each symbol id, in order;
        its entry 0 is the boundary, whose count is the number of runs.
    """

    codes: npt.NDArray[np.uint32]
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """Length of the longest n-grams, in symbols."""
        return len(self.levels)

    @property
    def total(self) -> int:
        """Symbols of the corpus, boundaries not counted."""
        return int(self.levels[0].count[1:].sum())

    @property
    def frequency(self) -> Integers:
        """Occurrences of each symbol; the first entry is the number of runs."""
        return self.levels[0].count

    @property
    def bigrams(self) -> Level:
        """Level 2."""
        return self.levels[1]

    def slices(self) -> Iterator[Slice]:
        """Give the longer n-grams, in order of their bigrams."""
        cuts = [np.unique(np.linspace(0, len(self.bigrams), SLICES + 1).astype(np.int64))]
        for level in self.levels[2:]:
            cuts.append(np.searchsorted(level.parent, cuts[-1]))
        for i in range(len(cuts[0]) - 1):
            levels = []
            for k, level in enumerate(self.levels[2:], 1):
                low, high = cuts[k][i], cuts[k][i + 1]
                parent = level.parent[low:high] - (cuts[k - 1][i] if k > 1 else 0)
                levels.append(Level(level.symbol[low:high], parent.astype(np.int32), level.count[low:high]))
            yield Slice(int(cuts[0][i]), int(cuts[0][i + 1]), tuple(levels))

    def first_child(self, k: int) -> npt.NDArray[np.int64]:
        """Where the extensions of each k-gram begin in the next level.

        Returns
        -------
        ndarray of int64, shape (types + 1,)
            Children of k-gram i are entries ``[i]`` to ``[i + 1]`` of ``levels[k]``.
        """
        out = np.zeros(len(self.levels[k - 1]) + 1, np.int64)
        np.cumsum(np.bincount(self.levels[k].parent, minlength=len(out) - 1), out=out[1:])
        return out

    def ngrams(self, k: int) -> Ids:
        """Symbol ids of all k-grams.

        Returns
        -------
        ndarray of uint16, shape (types, k)
        """
        return spell(self.levels, k, np.arange(len(self.levels[k - 1])))


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


def count_stream(
    stream: Ids, codes: npt.NDArray[np.uint32], order: int, workers: int = 1, least: int = 1
) -> Counts:
    """Count all n-grams up to a length.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        Symbol ids, 0 for a boundary; the first and the last are boundaries and no two stand together.
    codes : ndarray of uint32, shape (symbols,)
        What the ids stand for.
    order : int
        Length of the longest n-grams, in symbols; 2 to 16.
    workers : int
        Threads. The result does not depend on it.
    least : int
        N-grams of two symbols or more that occur less often are left out.

    Returns
    -------
    Counts

    Raises
    ------
    UsageError
        If the order is out of range.
    """
    if not 2 <= order <= 16:
        raise UsageError(f"n-grams of length {order} cannot be counted: choose 2 to 16 (--max-word-len 1 to 15)")
    symbols = len(codes)
    positions = max(len(stream) - 1, 0)  # the last boundary opens no window
    frequency = sum(
        (np.bincount(stream[low : min(low + CHUNK, positions)], minlength=symbols) for low in range(0, positions, CHUNK)),
        np.zeros(symbols, np.int64),
    )
    slices = _share(frequency, workers)
    with ThreadPoolExecutor(max(len(slices), 1)) as pool:
        parts = list(pool.map(lambda s: _count_slice(stream, s, frequency, order, least), slices))
    levels = [Level(np.arange(symbols, dtype=np.uint16), np.zeros(symbols, np.int32), frequency)]
    for k in range(2, order + 1):
        levels.append(_concatenate([part[k - 2] for part in parts], [part[k - 3] for part in parts] if k > 2 else None))
    return Counts(codes, tuple(levels))


def _share(frequency: Integers, workers: int) -> list[tuple[int, int]]:
    """Ranges of first symbols that open about equally many windows each."""
    ends = np.cumsum(frequency)
    total = int(ends[-1]) if len(ends) else 0
    cuts = [0] + [int(np.searchsorted(ends, total * i // workers)) + 1 for i in range(1, workers)] + [len(frequency)]
    return [(low, high) for low, high in pairwise(cuts) if low < high]


def _count_slice(stream: Ids, symbols: tuple[int, int], frequency: Integers, order: int, least: int) -> list[Level]:
    """Levels 2 to `order` of the windows that open with a symbol of the given range."""
    low, high = symbols
    begins = np.zeros(high - low + 1, np.int32)
    np.cumsum(frequency[low:high], out=begins[1:])
    windows = np.empty(begins[-1], np.int32)
    _open_windows(stream, low, high, begins.copy(), windows)
    levels = []
    for k in range(1, order):
        room = len(windows) // least + 1
        symbol, parent, ends = np.empty(room, np.uint16), np.empty(room, np.int32), np.zeros(room + 1, np.int32)
        largest = int(np.diff(begins).max(initial=0))
        scratch = np.empty(largest, np.int64), np.empty(largest, np.int64), np.empty(max(len(frequency), 256) + 1, np.int64)
        types, left = _part_groups(stream, windows, begins, k, least, symbol, parent, ends, *scratch)
        begins = ends[: types + 1].copy()
        windows = windows[:left]
        parent = parent[:types] + np.int32(low if k == 1 else 0)
        levels.append(Level(symbol[:types].copy(), parent, np.diff(begins).astype(np.int64)))
    return levels


def _concatenate(parts: list[Level], before: list[Level] | None) -> Level:
    """Join the slices of one level; parents are counted on from the slices before."""
    offsets = np.zeros(len(parts), np.int64)
    if before is not None:
        offsets[1:] = np.cumsum([len(level) for level in before])[:-1]
    return Level(
        np.concatenate([part.symbol for part in parts]),
        np.concatenate([part.parent + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.count for part in parts]),
    )


def merge(one: Counts, other: Counts) -> Counts:
    """Add up the counts of two corpora.

    Parameters
    ----------
    one, other : Counts
        Of the same order; their symbols may differ.

    Returns
    -------
    Counts
        The same arrays, byte for byte, as counting both corpora together gives.

    Raises
    ------
    UsageError
        If the orders differ.
    """
    if one.order != other.order:
        raise UsageError(
            f"counts of order {one.order} and {other.order} cannot be merged: count with one --max-word-len"
        )
    codes = np.union1d(one.codes, other.codes).astype(np.uint32)
    symbols = len(codes)
    rename = [np.searchsorted(codes, counts.codes).astype(np.int64) for counts in (one, other)]
    frequency = np.zeros(symbols, np.int64)
    places = []
    for counts, ids in zip((one, other), rename, strict=True):
        frequency[ids] += counts.levels[0].count
        place = np.full(symbols, -1, np.int64)
        place[ids] = np.arange(len(ids))
        places.append(place)
    levels = [Level(np.arange(symbols, dtype=np.uint16), np.zeros(symbols, np.int32), frequency)]
    for k in range(2, one.order + 1):
        a, b = one.levels[k - 1], other.levels[k - 1]
        room = len(a) + len(b)
        symbol, parent, count = np.empty(room, np.uint16), np.empty(room, np.int32), np.empty(room, np.int64)
        at_one, at_other = np.empty(room, np.int64), np.empty(room, np.int64)
        used = _merge_level(
            rename[0][a.symbol].astype(np.uint16), a.count, one.first_child(k - 1), places[0],
            rename[1][b.symbol].astype(np.uint16), b.count, other.first_child(k - 1), places[1],
            symbol, parent, count, at_one, at_other,
        )  # fmt: skip
        levels.append(Level(symbol[:used].copy(), parent[:used].copy(), count[:used].copy()))
        places = [at_one[:used], at_other[:used]]
    return Counts(codes, tuple(levels))


@kernel("void(u2[const], i8, i8, i4[], i4[])")
def _open_windows(stream, low, high, places, windows):  # type: ignore[no-untyped-def]
    """Write where windows open whose first symbol is in [low, high), sorted by it; `places` says where to begin."""
    for i in range(len(stream) - 1):
        if low <= stream[i] < high:
            symbol = stream[i] - low
            windows[places[symbol]] = i
            places[symbol] += 1


@kernel("(i8,i8)(u2[const], i4[], i4[const], i8, i8, u2[], i4[], i4[], i8[], i8[], i8[])")
def _part_groups(stream, windows, begins, k, least, symbol, parent, ends, keys, spare, buckets):  # type: ignore[no-untyped-def]
    """Part groups of windows that share k symbols by the symbol behind these.

    Parameters
    ----------
    stream : uint16[n]
    windows : int32[m], written
        Where windows open, those of a group together: group g from ``begins[g]`` on. The groups that come out
        stand here afterwards, one behind the other.
    begins : int32[groups + 1]
    k : int
    least : int
        Smaller groups are left out.
    symbol : uint16[m // least + 1], parent : int32[as many], written
        Of each group that comes out: the symbol, and the group it was a part of.
    ends : int32[m // least + 2], written
        Where it begins and ends among `windows`; the first entry is 0.
    keys, spare : int64[size of the largest group], buckets : int64[max(symbols, 256) + 1]
        Scratch.

    Returns
    -------
    types : int
        Groups that came out.
    left : int
        Windows in them.
    """
    types = 0
    left = 0
    wide = len(buckets) - 1
    for group in range(len(begins) - 1):
        first, size = np.int64(begins[group]), np.int64(begins[group + 1] - begins[group])
        if size < least or size == 0 or (k > 1 and stream[windows[first] + k - 1] == 0):
            continue
        source, target = keys, spare
        for i in range(size):
            p = np.int64(windows[first + i])
            source[i] = np.int64(stream[p + k]) << 32 | p
        if size <= 24:
            for i in range(1, size):
                key = source[i]
                at = i
                while at > 0 and source[at - 1] > key:
                    source[at] = source[at - 1]
                    at -= 1
                source[at] = key
        else:
            # in one pass where there are more windows than symbols, else byte by byte
            mask = 255
            passes = 2
            if size > wide:
                mask = 0xFFFF
                passes = 1
            used = wide if passes == 1 else 256
            for turn in range(passes):
                shift = 32 + 8 * turn
                buckets[: used + 1] = 0
                for i in range(size):
                    buckets[(source[i] >> shift & mask) + 1] += 1
                for i in range(1, used):
                    buckets[i] += buckets[i - 1]
                for i in range(size):
                    value = source[i] >> shift & mask
                    target[buckets[value]] = source[i]
                    buckets[value] += 1
                source, target = target, source
        i = 0
        while i < size:
            value = source[i] >> 32
            end = i + 1
            while end < size and source[end] >> 32 == value:
                end += 1
            if end - i >= least:
                symbol[types] = value
                parent[types] = group
                for j in range(i, end):
                    windows[left + j - i] = source[j] & 0x7FFFFFFF
                left += end - i
                types += 1
                ends[types] = left
            i = end
    return types, left


@kernel(
    "i8(u2[const], i8[const], i8[const], i8[const], u2[const], i8[const], i8[const], i8[const],"
    " u2[], i4[], i8[], i8[], i8[])"
)
def _merge_level(  # type: ignore[no-untyped-def]
    symbol_a, count_a, children_a, place_a, symbol_b, count_b, children_b, place_b,
    symbol, parent, count, at_a, at_b,
):  # fmt: skip
    """Merge the children of each merged parent.

    `place_a[i]` says where merged parent i stands in a's level, -1 for nowhere; `at_a` receives the same
    for the merged children.
    """
    used = 0
    for i in range(len(place_a)):
        a, end_a, b, end_b = 0, 0, 0, 0
        if place_a[i] >= 0:
            a, end_a = children_a[place_a[i]], children_a[place_a[i] + 1]
        if place_b[i] >= 0:
            b, end_b = children_b[place_b[i]], children_b[place_b[i] + 1]
        while a < end_a or b < end_b:
            take_a = a < end_a and (b >= end_b or symbol_a[a] <= symbol_b[b])
            take_b = b < end_b and (a >= end_a or symbol_b[b] <= symbol_a[a])
            parent[used] = i
            count[used] = 0
            at_a[used], at_b[used] = -1, -1
            if take_a:
                symbol[used] = symbol_a[a]
                count[used] += count_a[a]
                at_a[used] = a
                a += 1
            if take_b:
                symbol[used] = symbol_b[b]
                count[used] += count_b[b]
                at_b[used] = b
                b += 1
            used += 1
    return used
