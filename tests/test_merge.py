"""Counts in slices, and adding them up, against Counters of all n-grams."""

import threading
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import CorpusError, UsageError
from segtool.ngrams import merge as merging
from segtool.ngrams.merge import cut_ranges, merge_ngrams
from segtool.ngrams.table import NGramTable, Slice, fan_out, join_slices
from segtool.runtime.workers import in_order
from tests import naive, naive_count

CODES = st.sampled_from([1, 2, 0x3400, 0x4E00, 0x4E01, 0x9FFF, 0x20000])
RUNS = st.lists(st.lists(CODES, min_size=1, max_size=9), max_size=6)
ORDERS = st.integers(2, 6)
ROOMS = st.integers(0, 60)


def part(runs, order):
    return NGramTable(*naive_count.trie(runs, order))


def check(counts, runs, order, least=1):
    """Whether counts are those of all the runs; `least` does not hold for single symbols."""
    assert counts.order == order
    codes, levels = naive_count.trie(runs, order, least)
    assert naive_count.same(naive_count.whole(counts), (codes, levels))


@given(RUNS, ORDERS, ROOMS)
def test_slices_of_one_trie(runs, order, room):
    counts = naive_count.sliced(*naive_count.trie(runs, order), room)
    check(counts, runs, order)
    check(counts, runs, order)


@given(st.lists(RUNS, min_size=1, max_size=5), ORDERS, ROOMS, st.integers(1, 3), st.integers(1, 4))
def test_merging_is_counting_together(corpora, order, room, workers, least):
    merged = merge_ngrams([part(runs, order) for runs in corpora], room, workers, least)
    runs = list(chain(*corpora))
    codes, levels = naive_count.trie(runs, order, least)
    assert merged.order == order
    for _ in range(2):
        assert naive_count.same(naive_count.whole(merged), (codes, levels))


@given(RUNS, RUNS, RUNS, ORDERS, ROOMS)
def test_grouping_and_order_change_nothing(one, other, third, order, room):
    parts = [part(runs, order) for runs in (one, other, third)]
    together = naive_count.trie(one + other + third, order)
    for first, *rest in (parts, parts[::-1], parts[1:] + parts[:1]):
        grouped = NGramTable(*naive_count.whole(merge_ngrams(rest, room)))
        for both in ([first, grouped], [grouped, first]):
            assert naive_count.same(naive_count.whole(merge_ngrams(both, room)), together)


@given(st.lists(RUNS, min_size=1, max_size=3), ORDERS, st.integers(1, 60))
def test_ranges_have_room(corpora, order, room):
    """No more n-grams are read at a time, but for a single bigram."""
    taken = []

    class Watched(NGramTable):
        def slice(self, low, high):
            found = super().slice(low, high)
            taken.append((high - low, sum(map(len, found.levels))))
            return found

    parts = [Watched(*naive_count.trie(runs, order)) for runs in corpora]
    for _ in merge_ngrams(parts, room).slices():
        assert sum(size for _, size in taken) <= room or max(width for width, _ in taken) <= 1
        taken.clear()


def test_merging_of_real_text(sample_text):
    texts = [sample_text[i : i + 3000] for i in range(0, 12_000, 3000)]
    corpora = [naive.runs(text) for text in texts]
    runs = list(chain(*corpora))
    parts = [part(each, 5) for each in corpora]
    for workers in (1, 3):
        check(merge_ngrams(parts, 2000, workers), runs, 5)
    check(merge_ngrams(parts, 2000, least=2), runs, 5, 2)


def test_one_part_with_few_symbols_left():
    counts = merge_ngrams([part([[0x4E00, 0x4E01]], 4), part([[0x4E00]], 4)], 100, least=2)
    assert counts.frequency.tolist() == [2, 0, 0, 2, 1]
    assert counts.bigrams.count.tolist() == [2]
    assert [len(level) for each in counts.slices() for level in each.levels] == [0, 0]


def test_nothing():
    counts = merge_ngrams([part([], 4), part([], 4)], 100)
    assert list(counts.slices()) == []
    check(counts, [], 4)


def test_two_orders():
    with pytest.raises(UsageError, match=r"order 3 and 4 .*--max-word-len"):
        merge_ngrams([part([], 4), part([], 3)], 100)


def test_more_symbols_than_ids():
    def lone(codes):
        levels = [naive_count.level([(0, 0, 0)] * len(codes)), naive_count.level([])]
        return NGramTable(np.array(codes, np.uint32), levels)

    many = lone([0, 1, 2, *range(0x10000, 0x1FF00)])
    assert len(merge_ngrams([many, lone([0, 1, 2, *range(0x3000, 0x30FD)])], 9).codes) == 1 << 16
    with pytest.raises(CorpusError, match=r"65,537 different .*--encoding"):
        merge_ngrams([many, lone([0, 1, 2, *range(0x3000, 0x30FE)])], 9)


def test_merging_may_end_early():
    merged = merge_ngrams([part([[0x4E00, 0x4E01]] * 3, 4)], 0, workers=2)
    before = threading.active_count()
    slices = merged.slices()
    next(slices)
    slices.close()
    assert threading.active_count() == before


# ---------------------------------------------------------------- slices


@given(RUNS.filter(bool), ORDERS, st.data())
def test_cut_and_join(runs, order, data):
    codes, levels = naive_count.trie(runs, order)
    whole = Slice(0, len(levels[1]), tuple(levels[2:]))
    sizes = naive_count.sizes(runs, order)
    assert whole.sizes().tolist() == sizes
    places = data.draw(st.lists(st.integers(0, whole.high), max_size=4).map(sorted))
    pieces = [whole.part(low, high) for low, high in pairwise([0, *places, whole.high])]
    for piece in pieces:
        assert piece.sizes().tolist() == sizes[piece.low : piece.high]
    joined = join_slices(pieces)
    assert (joined.low, joined.high) == (0, whole.high)
    assert naive_count.same((codes, joined.levels), (codes, whole.levels))
    assert not any(np.shares_memory(level.count, other.count) for level in joined.levels for other in whole.levels)


@given(st.lists(RUNS, min_size=1, max_size=3), ORDERS, ROOMS, st.integers(1, 3), st.data())
def test_any_slice_of_a_sum(corpora, order, room, least, data):
    """A sum gives what a table in memory gives, and can be a part of another sum."""
    merged = merge_ngrams([part(runs, order) for runs in corpora], room, 2, least)
    codes, levels = naive_count.trie(list(chain(*corpora)), order, least)
    whole = NGramTable(codes, tuple(levels))
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(levels[1]))] * 2)))
    found = merged.slice(low, high)
    assert (found.low, found.high) == (low, high)
    assert naive_count.same((codes, found.levels), (codes, whole.slice(low, high).levels))
    assert merged.sizes().tolist() == whole.sizes().tolist()
    assert naive_count.same(naive_count.whole(merge_ngrams([merged], room)), (codes, levels))


@given(st.lists(st.integers(0, 9)), st.integers(0, 20))
def test_cut_ranges(sizes, room):
    cuts = cut_ranges(np.array(sizes, np.int64), room)
    assert (cuts[0], cuts[-1]) == (0, len(sizes))
    for low, high in pairwise(cuts):
        assert low < high
        assert high == low + 1 or sum(sizes[low:high]) <= room
        assert high == len(sizes) or sum(sizes[low : high + 1]) > room


# ---------------------------------------------------------------- tasks


@given(st.lists(st.integers()), st.integers(1, 4))
def test_results_in_order(tasks, workers):
    assert list(in_order(lambda task: task + 1, tasks, workers)) == [task + 1 for task in tasks]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_not_far_ahead(workers):
    started = []
    for i, result in enumerate(in_order(lambda task: started.append(task) or task, range(20), workers)):
        assert result == i
        assert len(started) <= i + workers


@pytest.mark.parametrize("workers", [1, 2])
def test_error_of_a_task(workers):
    found = in_order(lambda task: 6 // task, [3, 2, 0, 1], workers)
    assert [next(found), next(found)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        list(found)


# ---------------------------------------------------------------- kernels


@given(st.lists(st.integers(3, 9)).map(sorted))
def test_fan_out(parents):
    level = naive_count.level([(0, parent, 1) for parent in parents])
    assert fan_out(level, 3, 8).tolist() == naive_count.fan_out(parents, 3, 8)


KEYS = st.sets(st.integers(0, 20) | st.integers(0, 2**32 - 1))


@given(KEYS, KEYS)
def test_unite(one, other):
    arrays = [np.array(sorted(each), np.uint32) for each in (one, other)]
    united = merging._unite(*arrays)
    assert united.dtype == np.uint32
    assert united.tolist() == sorted(one | other)


CHILDREN = st.dictionaries(st.integers(0, 6) | st.just(65_535), st.integers(1, 5), max_size=5)


@given(st.lists(st.lists(CHILDREN, max_size=4), max_size=4), st.integers(1, 6), st.randoms())
def test_merge_children(families, least, random):
    """Each merged n-gram has some holders, each with children; where these stand is by chance."""
    holders = [(i, children) for i, family in enumerate(families) for children in family]
    places = list(range(len(holders)))
    random.shuffle(places)
    first, symbol, count, at = [0], [], [], {}
    for h in sorted(range(len(holders)), key=places.__getitem__):
        for each, times in sorted(holders[h][1].items()):
            at[h, each] = len(symbol)
            symbol.append(each)
            count.append(times)
        first.append(len(symbol))
    expected = [
        [(at[h, s], s, times) for h, (i, children) in enumerate(holders) if i == n for s, times in children.items()]
        for n in range(len(families))
    ]
    rows, held = naive_count.merge_children(expected, least)
    ends = np.cumsum([0, *map(len, families)])
    total = len(symbol)
    out = naive_count.level([(9, 9, 9)] * total)
    out_places = np.full(2 * total + 1 + 2 * max(map(len, families), default=0), -1)
    used = merging._merge_children(
        np.array(places, np.int64), ends, np.array(first, np.int64), np.array(symbol, np.uint16),
        np.array(count, np.int64), least, out.symbol, out.parent, out.count, out_places,
    )  # fmt: skip
    out_ends, out_held = out_places[: used + 1], out_places[total + 1 :]
    columns = (out.symbol, out.parent, out.count)
    assert list(zip(*(column[:used].tolist() for column in columns), strict=True)) == rows
    assert [out_held[low:high].tolist() for low, high in pairwise(out_ends)] == held
