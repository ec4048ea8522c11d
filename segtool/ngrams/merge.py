"""Adding up counts of several corpora in bounded memory.

N-grams of three symbols or more are looked at in slices: those that begin with one of a range of bigrams. A slice
of the whole is made of the slices of its parts, and ranges are chosen so short that these have room; only the
bigrams are there as a whole, of one part at a time. What comes out is what counting all the corpora together gives,
whatever the order, the grouping, the ranges and the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError, UsageError
from segtool.ngrams.table import Level, Slice, cut_slice, fan_out
from segtool.runtime.arrays import Bytes, Codes, Ids, Integers
from segtool.runtime.kernels import kernel
from segtool.runtime.workers import in_order

__all__ = [
    "Counts",
    "Part",
    "TriePart",
    "cut_ranges",
    "merge_counts",
]

Task = TypeVar("Task")
Result = TypeVar("Result")
MOST_SYMBOLS = 1 << 16
"""What an id of two bytes can tell apart."""


@dataclass(frozen=True)
class Counts:
    """N-gram counts of a corpus, most of which need not be in memory.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id, ascending: the boundary, ``NUM``, ``LAT``, then Han code points.
    frequency : ndarray of int64, shape (symbols,)
        Occurrences of each symbol; entry 0 is the number of runs.
    bigrams : Level
        The whole level 2; parents are first symbols.
    order : int
        Length of the longest n-grams, in symbols.
    slices : callable
        Gives an iterator over ascending slices, together of all bigrams, anew at each call.
    """

    codes: Codes
    frequency: Integers
    bigrams: Level
    order: int
    slices: Callable[[], Iterator[Slice]]


class Part(Protocol):
    """Counts that can be read at any place, and need not hold their bigrams; :class:`Counts` has the attributes."""

    @property
    def codes(self) -> Codes: ...  # noqa: D102
    @property
    def frequency(self) -> Integers: ...  # noqa: D102
    @property
    def order(self) -> int: ...  # noqa: D102

    def read_bigrams(self) -> Level:
        """The whole level 2."""

    def read_sizes(self) -> Integers:
        """How many n-grams of three symbols or more begin with each bigram."""

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""


class TriePart:
    """Counts that are in memory as a whole; see :class:`Part`.

    Parameters
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id.
    levels : sequence of Level
        ``levels[k - 1]`` holds the k-grams, at least up to bigrams; parents are places in the level before.
    """

    def __init__(self, codes: Codes, levels: Sequence[Level]) -> None:
        self.codes, self.frequency, self.order = codes, levels[0].count, len(levels)
        self._bigrams = levels[1]
        self._whole = Slice(0, len(levels[1]), tuple(levels[2:]))
        self._ends = self._whole.ends()

    def read_bigrams(self) -> Level:
        """The whole level 2."""
        return self._bigrams

    def read_sizes(self) -> Integers:
        """How many n-grams of three symbols or more begin with each bigram."""
        return sum((np.diff(end) for end in self._ends), np.zeros(len(self._bigrams), np.int64))

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""
        return cut_slice(self._whole, self._ends, low, high)

    def counts(self, room: int = 1 << 20) -> Counts:
        """The same counts, in slices.

        Parameters
        ----------
        room : int
            N-grams in a slice; a single bigram may have more.
        """
        cuts = cut_ranges(self.read_sizes(), room)
        return Counts(self.codes, self.frequency, self._bigrams, self.order, partial(self._slices, cuts))

    def _slices(self, cuts: list[int]) -> Iterator[Slice]:
        return (self.slice(low, high) for low, high in pairwise(cuts))


def cut_ranges(sizes: Integers, room: int) -> list[int]:
    """Cut a row of things into ranges that have room.

    Parameters
    ----------
    sizes : ndarray of int64, shape (things,)
    room : int
        Largest sum of the sizes in a range; a thing that is larger has a range of its own.

    Returns
    -------
    list of int
        Where each range begins, and the end of the last.
    """
    sums = np.cumsum(sizes)
    cuts = [0]
    while cuts[-1] < len(sizes):
        before = sums[cuts[-1] - 1] if cuts[-1] else 0
        cuts.append(max(int(np.searchsorted(sums, before + room, "right")), cuts[-1] + 1))
    return cuts


def merge_counts(parts: Sequence[Part], room: int, workers: int = 1, least: int = 1) -> Counts:
    """Add up counts.

    Parameters
    ----------
    parts : sequence of Part
        At least one, all of one order; their symbols may differ. Each may be read in several threads at a time.
    room : int
        N-grams of three symbols or more of all parts in a range that is merged at a time, before they are added up;
        one bigram may have more. Every worker uses about 36 bytes for each. Beside these, bigrams take 50 bytes each
        while ranges are chosen, and 16 afterwards.
    workers : int
        Threads that merge a range each. The n-grams do not depend on it, nor where they are cut into slices.
    least : int
        N-grams of two symbols or more that occur less often in all parts together are left out.

    Returns
    -------
    Counts
        Its arrays are those that counting all the corpora together gives, byte for byte.

    Raises
    ------
    UsageError
        If the orders differ.
    CorpusError
        If the parts together have more symbols than can be told apart (65,536).
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
        keys = _unite(keys, _bigram_keys(part.read_bigrams(), new))
    count, sizes = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    present = []
    for part, new in zip(parts, renamed, strict=True):
        bigrams = part.read_bigrams()
        at = np.searchsorted(keys, _bigram_keys(bigrams, new))
        count[at] += bigrams.count
        del bigrams
        sizes[at] += part.read_sizes()
        here = np.zeros(len(keys), np.bool_)
        here[at] = True
        present.append(np.packbits(here))
    kept = count >= least
    keys, count = keys[kept], count[kept]
    bigrams = Level((keys & 0xFFFF).astype(np.uint16), (keys >> 16).astype(np.int32), count)
    ranges = _Ranges(parts, renamed, present, kept, np.array(cut_ranges(sizes, room), np.int64))
    return Counts(codes, frequency, bigrams, parts[0].order, partial(_merged_slices, ranges, workers, least))


@dataclass(frozen=True)
class _Ranges:
    """Which bigrams of all (rows of the union) each part has, a bit each, and where the union is cut."""

    parts: Sequence[Part]
    renamed: Sequence[Ids]
    present: Sequence[Bytes]
    kept: npt.NDArray[np.bool_]
    cuts: Integers

    def plan(self) -> list[tuple[int, int, int, list[int]]]:
        """Low and high row of each range, kept rows before it, and how many bigrams each part has before it."""
        rows = len(self.kept)
        masks = (np.unpackbits(bits, count=rows).view(np.bool_) for bits in self.present)
        kept, *before = (_ranks(mask, self.cuts) for mask in (self.kept, *masks))
        return [
            (int(low), int(high), int(kept[i]), [int(rank[i]) for rank in before])
            for i, (low, high) in enumerate(pairwise(self.cuts))
        ]

    def rows(self, part: int, low: int, high: int) -> Integers:
        """Rows from `low` to before `high` that a part has."""
        first = low // 8
        mask = np.unpackbits(self.present[part][first : -(-high // 8)])
        return np.flatnonzero(mask[low - 8 * first : high - 8 * first]) + low


def _ranks(mask: npt.NDArray[np.bool_], places: Integers) -> Integers:
    """How many are set before each place."""
    if len(places) < 2:
        return np.zeros(len(places), np.int64)
    return np.concatenate([[0], np.cumsum(np.add.reduceat(mask, places[:-1], dtype=np.int64))])


def _bigram_keys(bigrams: Level, renamed: Ids) -> npt.NDArray[np.uint32]:
    """Both symbols of each bigram in one number, ascending."""
    return renamed[bigrams.parent].astype(np.uint32) << np.uint32(16) | renamed[bigrams.symbol]


def _unite(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Numbers that stand in one of two ascending arrays."""
    out = np.empty(len(one) + len(other), np.uint32)
    return out[: _unite_sorted(one, other, out)].copy()


def _merged_slices(ranges: _Ranges, workers: int, least: int) -> Iterator[Slice]:
    return in_order(partial(_merge_range, ranges, least), ranges.plan(), workers)


def _merge_range(ranges: _Ranges, least: int, task: tuple[int, int, int, list[int]]) -> Slice:
    """Merge one range: level by level, the children of each merged n-gram from those of its holders.

    The levels of all parts stand one behind the other; the holders of a merged n-gram are its places there.
    """
    low, high, kept_before, before = task
    place = np.where(ranges.kept[low:high], np.cumsum(ranges.kept[low:high]) - 1, -1)
    slices: list[list[Level]] = []
    merged: list[Integers] = []
    offsets: list[tuple[int, int]] = []
    for p, part in enumerate(ranges.parts):
        rows = ranges.rows(p, low, high)
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
        symbol = np.concatenate([new[each.symbol] for each, new in zip(level, ranges.renamed, strict=True)])
        count = np.concatenate([each.count for each in level])
        offsets = [(0, len(each)) for each in level]
        del level  # it is copied
        total = len(symbol)
        out = Level(np.empty(total, np.uint16), np.empty(total, np.int32), np.empty(total, np.int64))
        next_held, next_ends = np.empty(total, np.int64), np.zeros(total + 1, np.int64)
        cursors = np.empty(2 * len(slices), np.int64)
        used = _merge_children(
            held, ends, first, symbol, count, least, cursors, out.symbol, out.parent, out.count, next_held, next_ends
        )
        offset = np.int32(0 if levels else kept_before)
        levels.append(Level(out.symbol[:used].copy(), out.parent[:used] + offset, out.count[:used].copy()))
        held, ends = next_held[: next_ends[used]].copy(), next_ends[: used + 1].copy()
    return Slice(kept_before, kept_before + parents, tuple(levels))


@kernel("i8(u4[const], u4[const], u4[])")
def _unite_sorted(one, other, out):  # type: ignore[no-untyped-def]
    """Merge two ascending arrays without repeats; returns how many numbers were written."""
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


@kernel("i8(i8[const], i8[const], i8[const], u2[const], i8[const], i8, i8[], u2[], i4[], i8[], i8[], i8[])")
def _merge_children(  # type: ignore[no-untyped-def]
    held, ends, first, symbol, count, least, cursors, out_symbol, out_parent, out_count, out_held, out_ends
):
    """Merge the children of each merged n-gram; returns how many there are that occur `least` times.

    Holders of merged n-gram i are ``held[ends[i] : ends[i + 1]]``; the children of holder h, symbols ascending, are
    places ``first[h]`` to ``first[h + 1]``. The holders of the merged children go to `out_held` and `out_ends`.
    """
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
