"""All n-grams of a corpus and how often each occurs.

The corpus comes as one *stream* of symbol ids in which 0 is a boundary: before the first run, between runs and behind
the last. An n-gram lies inside one run; a boundary may be its first or its last symbol. Every position of the stream
opens a window of `order` symbols, which ends early behind a boundary. Windows that begin with the same k symbols form a
group; the next symbol splits it, level after level. Groups that are too rare are dropped with their windows. The
result is a table of n-grams (:class:`segtool.ngrams.table.NGramTable`). It is exact and does not depend on the order of
the text or the number of workers, and tables of several corpora can be merged
(:func:`segtool.ngrams.merge.merge_ngrams`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from segtool.errors import UsageError
from segtool.ngrams.table import Level, NGramTable
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.kernels import kernel

__all__ = ["count_stream"]

COUNTED_AT_ONCE = 1 << 22
"""Symbols counted at a time: each takes eight bytes meanwhile."""


def count_stream(stream: Ids, codes: Codes, order: int, workers: int = 1, least: int = 1) -> NGramTable:
    """Count all n-grams up to a length.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        Symbol ids, 0 for a boundary; the first and the last are boundaries, and no two are adjacent.
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id.
    order : int
        Length of the longest n-grams, in symbols; 2 to 16.
    workers : int
        Threads. The result does not depend on it.
    least : int
        N-grams of two symbols or more that occur less often are left out.

    Returns
    -------
    NGramTable

    Raises
    ------
    UsageError
        If the order is out of range.
    """
    if not 2 <= order <= 16:
        raise UsageError(f"n-grams of length {order} cannot be counted: choose 2 to 16 (--max-word-len 1 to 15)")
    symbols = len(codes)
    positions = max(len(stream) - 1, 0)  # the last boundary opens no window
    frequency = np.zeros(symbols, np.int64)
    for low in range(0, positions, COUNTED_AT_ONCE):
        frequency += np.bincount(stream[low : min(low + COUNTED_AT_ONCE, positions)], minlength=symbols)
    slices = _share(frequency, workers)
    with ThreadPoolExecutor(max(len(slices), 1)) as pool:
        parts = list(pool.map(lambda s: _count_slice(stream, s, frequency, order, least), slices))
    levels = [Level.of_symbols(frequency)]
    before = [0] * len(parts)  # n-grams of the length before in each part
    for _ in range(2, order + 1):
        pieces = [part.pop(0) for part in parts]  # no level is in memory twice for long
        levels.append(Level.join(pieces, before))
        before = [len(piece) for piece in pieces]
    return NGramTable(codes, tuple(levels))


def _share(frequency: Integers, workers: int) -> list[tuple[int, int]]:
    """Ranges of first symbols with about equally many windows each."""
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
        scratch = np.empty(2 * largest + max(len(frequency), 256) + 1, np.int64)
        types, left = _split_groups(stream, windows, begins, k, least, symbol, parent, ends, scratch)
        begins = ends[: types + 1].copy()
        windows = windows[:left]
        parent = parent[:types] + np.int32(low if k == 1 else 0)
        levels.append(Level(symbol[:types].copy(), parent, np.diff(begins).astype(np.int64)))
    return levels


@kernel("void(u2[const], i8, i8, i4[], i4[])")
def _open_windows(stream, low, high, places, windows):  # type: ignore[no-untyped-def]
    """Write the places of windows whose first symbol is in [low, high), sorted by it; `places` is the begin of each."""
    for i in range(len(stream) - 1):
        if low <= stream[i] < high:
            symbol = stream[i] - low
            windows[places[symbol]] = i
            places[symbol] += 1


@kernel("(i8,i8)(u2[const], i4[], i4[const], i8, i8, u2[], i4[], i4[], i8[])")
def _split_groups(stream, windows, begins, k, least, symbol, parent, ends, scratch):  # type: ignore[no-untyped-def]
    """Split groups of windows that share k symbols by the next symbol.

    Parameters
    ----------
    stream : uint16[n]
    windows : int32[m], written
        Places of windows, those of group g from ``begins[g]`` on. Afterwards they are those of the new groups.
    begins : int32[groups + 1]
    k : int
    least : int
        Smaller groups are left out.
    symbol : uint16[m // least + 1], parent : int32[as many], written
        Symbol of each new group, and the group that it was a part of.
    ends : int32[m // least + 2], written
        Begin and end of each new group in `windows`; the first entry is 0.
    scratch : int64[2 * size of the largest group + max(symbols, 256) + 1]

    Returns
    -------
    types : int
        Number of new groups.
    left : int
        Number of windows in them.
    """
    types = 0
    left = 0
    largest = np.int64(0)
    for group in range(len(begins) - 1):
        largest = max(largest, np.int64(begins[group + 1] - begins[group]))
    keys, spare, buckets = scratch[:largest], scratch[largest : 2 * largest], scratch[2 * largest :]
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
