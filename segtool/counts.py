"""All n-grams of a corpus and how often each occurs.

The corpus comes as one *stream* of symbol ids in which 0 is a boundary: it stands before the first
run, between runs and behind the last. An n-gram lies inside one run; a boundary may be its first or
its last symbol. Every position of the stream opens a window of `order` symbols that ends early behind
a boundary. Windows are sorted by radix, and neighbours in the sorted order that share a prefix of k
symbols are occurrences of the same k-gram. What comes out is a trie laid down level by level
(:class:`Counts`): exact, independent of the order of the text and of the number of workers, and
mergeable (:func:`merge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel
from segtool.errors import UsageError

__all__ = ["Counts", "Level", "count_stream", "merge"]

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
class Counts:
    """N-gram counts of a corpus.

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


def count_stream(stream: Ids, codes: npt.NDArray[np.uint32], order: int, workers: int = 1) -> Counts:
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
    reach = np.empty(len(stream), np.uint8)
    _reach(stream, reach, order)
    frequency = np.bincount(stream[:positions], minlength=symbols).astype(np.int64)
    slices = _share(frequency, workers)
    with ThreadPoolExecutor(max(len(slices), 1)) as pool:
        parts = list(pool.map(lambda s: _count_slice(stream, reach, s, frequency, order), slices))
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


def _count_slice(
    stream: Ids, reach: npt.NDArray[np.uint8], symbols: tuple[int, int], frequency: Integers, order: int
) -> list[Level]:
    """Levels 2 to `order` of the windows that open with a symbol of the given range."""
    low, high = symbols
    windows = int(frequency[low:high].sum())
    order_in = np.empty(windows, np.int32)
    order_out = np.empty(windows, np.int32)
    buckets = np.zeros(len(frequency) + 1, np.int64)
    _sort_windows(stream, reach, low, high, order, order_in, order_out, buckets)
    sizes = np.zeros(order + 1, np.int64)
    _level_sizes(stream, reach, order_in, order, sizes)
    total = int(sizes.sum())
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    symbol = np.empty(total, np.uint16)
    parent = np.empty(total, np.int32)
    count = np.zeros(total, np.int64)
    _fill_levels(stream, reach, order_in, order, starts, symbol, parent, count)
    return [
        Level(*(array[starts[k] : starts[k + 1]].copy() for array in (symbol, parent, count)))
        for k in range(2, order + 1)
    ]


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


@kernel("void(u2[const], u1[], i8)")
def _reach(stream, reach, order):  # type: ignore[no-untyped-def]
    """Length of the window at each position: it ends behind the next boundary, or at `order`."""
    ahead = order
    for i in range(len(stream) - 1, -1, -1):
        reach[i] = min(ahead + 1, order)
        ahead = 1 if stream[i] == 0 else ahead + 1
    # a window that opens with a boundary runs on to the boundary behind it


@kernel("void(u2[const], u1[const], i8, i8, i8, i4[], i4[], i8[])")
def _sort_windows(stream, reach, low, high, order, windows, spare, buckets):  # type: ignore[no-untyped-def]
    """Sort the windows whose first symbol is in [low, high) by least-significant-symbol radix.

    `windows` holds the sorted positions in the end; behind a window's end the symbol counts as 0.
    """
    found = 0
    for i in range(len(stream) - 1):
        if low <= stream[i] < high:
            windows[found] = i
            found += 1
    source, target = windows, spare
    for k in range(order - 1, -1, -1):
        buckets[:] = 0
        for i in range(found):
            p = source[i]
            buckets[(stream[p + k] if k < reach[p] else 0) + 1] += 1
        for i in range(1, len(buckets)):
            buckets[i] += buckets[i - 1]
        for i in range(found):
            p = source[i]
            symbol = stream[p + k] if k < reach[p] else 0
            target[buckets[symbol]] = p
            buckets[symbol] += 1
        source, target = target, source
    if order % 2 == 1:
        windows[:] = spare


@kernel("i8(u2[const], u1[const], i8, i8)")
def _shared_prefix(stream, reach, p, q):  # type: ignore[no-untyped-def]
    """How many symbols two windows have in common at their begin."""
    shorter = min(reach[p], reach[q])
    same = 0
    while same < shorter and stream[p + same] == stream[q + same]:
        same += 1
    return same


@kernel("void(u2[const], u1[const], i4[const], i8, i8[])")
def _level_sizes(stream, reach, windows, order, sizes):  # type: ignore[no-untyped-def]
    """Count the distinct k-grams, k >= 1, among sorted windows; `sizes[k]` receives them."""
    for i in range(len(windows)):
        p = windows[i]
        same = _shared_prefix(stream, reach, windows[i - 1], p) if i > 0 else 0
        for k in range(same + 1, reach[p] + 1):
            sizes[k] += 1


@kernel("void(u2[const], u1[const], i4[const], i8, i8[const], u2[], i4[], i8[])")
def _fill_levels(stream, reach, windows, order, starts, symbol, parent, count):  # type: ignore[no-untyped-def]
    """Write the levels one behind the other; level k begins at ``starts[k]``.

    Parents are places in the level before, for k = 2 the first symbol itself.
    """
    last = starts[: order + 1] - 1  # where the open k-gram of each level stands
    for i in range(len(windows)):
        p = windows[i]
        same = _shared_prefix(stream, reach, windows[i - 1], p) if i > 0 else 0
        for k in range(same + 1, reach[p] + 1):
            last[k] += 1
            symbol[last[k]] = stream[p + k - 1]
            parent[last[k]] = stream[p] if k == 2 else last[k - 1] - starts[k - 1]
        for k in range(1, reach[p] + 1):
            count[last[k]] += 1


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
