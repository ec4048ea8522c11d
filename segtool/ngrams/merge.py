"""Adding up n-grams of several corpora in bounded memory.

N-grams of three symbols or more are merged range by range: those that begin with one of a range of bigrams. A slice of
the sum is made of the slices of the parts, and ranges are so short that these fit into memory. Only bigrams are in
memory as a whole, those of one part at a time. The result is that of counting all the corpora together, whatever the
order, the grouping, the ranges and the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError, UsageError
from segtool.ngrams.table import Level, NGrams, Slice, fan_out
from segtool.runtime.arrays import Bytes, Codes, Ids, Integers
from segtool.runtime.kernels import kernel
from segtool.runtime.workers import in_order

__all__ = ["MergedNGrams", "cut_ranges", "merge_ngrams"]

MOST_SYMBOLS = 1 << 16
"""Number of ids of two bytes."""


def cut_ranges(sizes: Integers, room: int) -> list[int]:
    """Cut a row of things into ranges whose sizes sum up to `room` at most; a larger thing has a range of its own.

    Returns the begin of each range, and the end of the last.
    """
    sums = np.cumsum(sizes)
    cuts = [0]
    while cuts[-1] < len(sizes):
        before = sums[cuts[-1] - 1] if cuts[-1] else 0
        cuts.append(max(int(np.searchsorted(sums, before + room, "right")), cuts[-1] + 1))
    return cuts


def merge_ngrams(parts: Sequence[NGrams], room: int, workers: int = 1, least: int = 1) -> MergedNGrams:
    """Add up n-grams.

    Parameters
    ----------
    parts : sequence of NGrams
        At least one, all of one order; their symbols may differ. Several threads may read each at a time.
    room : int
        N-grams of three symbols or more of all parts in a range that is merged at a time, before they are added up;
        a single bigram may have more. Every worker uses about 36 bytes for each. Bigrams take 50 bytes each while
        ranges are chosen, and 16 afterwards.
    workers : int
        Threads that merge a range each. The n-grams do not depend on it, nor does the cut into slices.
    least : int
        N-grams of two symbols or more that occur less often in all parts together are left out.

    Returns
    -------
    MergedNGrams
        Its arrays are those of counting all the corpora together, byte for byte.

    Raises
    ------
    UsageError
        If the orders differ.
    CorpusError
        If the parts together have more than 65,536 symbols.
    """
    orders = sorted({part.order for part in parts})
    if len(orders) > 1:
        raise UsageError(
            f"counts of order {orders[0]} and {orders[-1]} cannot be merged: count with one --max-word-len"
        )
    codes = np.unique(np.concatenate([part.codes for part in parts])).astype(np.uint32)
    if len(codes) > MOST_SYMBOLS:
        raise CorpusError(
            f"the corpora together hold {len(codes):,} different Han characters, more than {MOST_SYMBOLS:,}: "
            "are they Chinese text, and was --encoding right?"
        )
    renamed = [np.searchsorted(codes, part.codes).astype(np.uint16) for part in parts]
    frequency = np.zeros(len(codes), np.int64)
    keys = np.zeros(0, np.uint32)
    for part, new in zip(parts, renamed, strict=True):
        frequency[new] += part.frequency
        keys = _unite(keys, _bigram_keys(part.bigrams, new))
    count, sizes = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    present = []
    for part, new in zip(parts, renamed, strict=True):
        bigrams = part.bigrams
        at = np.searchsorted(keys, _bigram_keys(bigrams, new))
        count[at] += bigrams.count
        del bigrams
        sizes[at] += part.sizes()
        here = np.zeros(len(keys), np.bool_)
        here[at] = True
        present.append(np.packbits(here))
    kept = count >= least
    keys, count = keys[kept], count[kept]
    bigrams = Level((keys & 0xFFFF).astype(np.uint16), (keys >> 16).astype(np.int32), count)
    cuts = np.array(cut_ranges(sizes, room), np.int64)
    return MergedNGrams(codes, frequency, bigrams, workers, least, parts, renamed, present, kept, cuts)


Range = tuple[int, int, int, list[int]]
"""First and last row of a range, number of kept rows before it, and number of bigrams of each part before it."""


@dataclass(frozen=True)
class MergedNGrams:
    """The sum of n-grams, merged while they are read; see :class:`segtool.ngrams.table.NGrams`.

    Rows are the bigrams of all parts together.

    Attributes
    ----------
    renamed : sequence of ndarray of uint16
        Symbol ids of each part, in the ids of the sum.
    present : sequence of ndarray of uint8
        Rows of each part, a bit each.
    kept : ndarray of bool
        Rows that are frequent enough.
    cuts : ndarray of int64
        Rows at which ranges begin, and the number of rows.
    """

    codes: Codes
    frequency: Integers
    bigrams: Level
    workers: int
    least: int
    parts: Sequence[NGrams]
    renamed: Sequence[Ids]
    present: Sequence[Bytes]
    kept: npt.NDArray[np.bool_]
    cuts: Integers

    @property
    def order(self) -> int:
        """Length of the longest n-grams."""
        return self.parts[0].order

    def sizes(self) -> Integers:
        """Number of n-grams of three symbols or more that begin with each bigram; this merges all of them."""
        return np.concatenate([np.zeros(0, np.int64), *(each.sizes() for each in self.slices())])

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""
        if low == high:
            return Slice(low, high, (Level.empty(),) * (self.order - 2))
        rows = np.flatnonzero(self.kept)[[low, high - 1]]
        first, last = int(rows[0]), int(rows[1]) + 1
        return _merge_range(self, self._plan(np.unique([0, first, last, len(self.kept)]))[int(first > 0)])

    def slices(self) -> Iterator[Slice]:
        """All n-grams of three symbols or more, a slice for each range."""
        return in_order(partial(_merge_range, self), self._plan(self.cuts), self.workers)

    def _plan(self, cuts: Integers) -> list[Range]:
        """Ranges between rows."""
        rows = len(self.kept)
        masks = (np.unpackbits(bits, count=rows).view(np.bool_) for bits in self.present)
        kept, *before = (_ranks(mask, cuts) for mask in (self.kept, *masks))
        return [
            (int(low), int(high), int(kept[i]), [int(rank[i]) for rank in before])
            for i, (low, high) in enumerate(pairwise(cuts))
        ]

    def rows(self, part: int, low: int, high: int) -> Integers:
        """Rows from `low` to before `high` of a part."""
        first = low // 8
        mask = np.unpackbits(self.present[part][first : -(-high // 8)])
        return np.flatnonzero(mask[low - 8 * first : high - 8 * first]) + low


def _ranks(mask: npt.NDArray[np.bool_], places: Integers) -> Integers:
    """Number of true entries before each place."""
    if len(places) < 2:
        return np.zeros(len(places), np.int64)
    return np.concatenate([[0], np.cumsum(np.add.reduceat(mask, places[:-1], dtype=np.int64))])


def _bigram_keys(bigrams: Level, renamed: Ids) -> npt.NDArray[np.uint32]:
    """Both symbols of each bigram in one number, ascending."""
    return renamed[bigrams.parent].astype(np.uint32) << np.uint32(16) | renamed[bigrams.symbol]


def _unite(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Numbers in one of two ascending arrays."""
    out = np.empty(len(one) + len(other), np.uint32)
    return out[: _unite_sorted(one, other, out)].copy()


def _merge_range(ngrams: MergedNGrams, task: Range) -> Slice:
    """Merge one range: level by level, the children of each merged n-gram from those of its holders.

    The levels of all parts are joined, part by part; the holders of a merged n-gram are its places there.
    """
    low, high, kept_before, before = task
    place = np.where(ngrams.kept[low:high], np.cumsum(ngrams.kept[low:high]) - 1, -1)
    slices: list[list[Level]] = []
    merged: list[Integers] = []
    offsets: list[tuple[int, int]] = []
    for p, part in enumerate(ngrams.parts):
        rows = ngrams.rows(p, low, high)
        slices.append(list(part.slice(before[p], before[p] + len(rows)).levels))
        offsets.append((before[p], len(rows)))
        merged.append(place[rows - low])
    owner = np.concatenate(merged)
    held = np.argsort(owner, kind="stable")[np.count_nonzero(owner < 0) :]
    parents = int(place.max(initial=-1)) + 1
    ends = np.zeros(parents + 1, np.int64)
    np.cumsum(np.bincount(owner[held], minlength=parents), out=ends[1:])
    levels: list[Level] = []
    while slices[0]:
        level = [each.pop(0) for each in slices]
        first = np.zeros(sum(width for _, width in offsets) + 1, np.int64)
        fans = [fan_out(each, *offset) for each, offset in zip(level, offsets, strict=True)]
        np.cumsum(np.concatenate(fans), out=first[1:])
        symbol = np.concatenate([new[each.symbol] for each, new in zip(level, ngrams.renamed, strict=True)])
        count = np.concatenate([each.count for each in level])
        offsets = [(0, len(each)) for each in level]
        del level  # it is copied
        total = len(symbol)
        out = Level(np.empty(total, np.uint16), np.empty(total, np.int32), np.empty(total, np.int64))
        places = np.empty(2 * total + 1 + 2 * len(slices), np.int64)
        used = _merge_children(
            held, ends, first, symbol, count, ngrams.least, out.symbol, out.parent, out.count, places
        )
        offset = np.int32(0 if levels else kept_before)
        levels.append(Level(out.symbol[:used].copy(), out.parent[:used] + offset, out.count[:used].copy()))
        ends = places[: used + 1].copy()
        held = places[total + 1 : total + 1 + ends[-1]].copy()
    return Slice(kept_before, kept_before + parents, tuple(levels))


@kernel("i8(u4[const], u4[const], u4[])")
def _unite_sorted(one, other, out):  # type: ignore[no-untyped-def]
    """Merge two ascending arrays without repeats; returns the number of those written."""
    a, b, used = 0, 0, 0
    while a < len(one) or b < len(other):
        take_a = a < len(one) and (b >= len(other) or one[a] <= other[b])
        take_b = b < len(other) and (a >= len(one) or other[b] <= one[a])
        if take_a:
            out[used] = one[a]
            a += 1
        if take_b:
            out[used] = other[b]
            b += 1
        used += 1
    return used


@kernel("i8(i8[const], i8[const], i8[const], u2[const], i8[const], i8, u2[], i4[], i8[], i8[])")
def _merge_children(held, ends, first, symbol, count, least, out_symbol, out_parent, out_count, places):  # type: ignore[no-untyped-def]
    """Merge the children of each merged n-gram; returns the number of those that occur `least` times.

    Holders of merged n-gram i are ``held[ends[i] : ends[i + 1]]``; the children of holder h, symbols ascending, are
    places ``first[h]`` to ``first[h + 1]``. The first ``len(symbol) + 1`` entries of `places` become `ends` of the
    merged children, the next ``len(symbol)`` their `held`; the rest is scratch, two entries for each part.
    """
    total_children = len(symbol)
    out_ends, out_held = places[: total_children + 1], places[total_children + 1 : 2 * total_children + 1]
    cursors = places[2 * total_children + 1 :]
    out_ends[0] = 0
    used = 0
    size = 0
    for i in range(len(ends) - 1):
        open_ = 0  # holders whose children are not all passed
        for j in range(ends[i], ends[i + 1]):
            if first[held[j]] < first[held[j] + 1]:
                cursors[2 * open_] = first[held[j]]
                cursors[2 * open_ + 1] = first[held[j] + 1]
                open_ += 1
        while open_ > 0:
            lowest = symbol[cursors[0]]
            for j in range(1, open_):
                lowest = min(lowest, symbol[cursors[2 * j]])
            total = 0
            begin = size
            still = 0
            for j in range(open_):
                at, end = cursors[2 * j], cursors[2 * j + 1]
                if symbol[at] == lowest:
                    total += count[at]
                    out_held[size] = at
                    size += 1
                    at += 1
                if at < end:
                    cursors[2 * still] = at
                    cursors[2 * still + 1] = end
                    still += 1
            open_ = still
            if total < least:
                size = begin
                continue
            out_symbol[used] = lowest
            out_parent[used] = i
            out_count[used] = total
            used += 1
            out_ends[used] = size
    return used
