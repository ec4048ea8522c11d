"""N-gram counts against a dict of every substring of every run."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import UsageError
from segtool.ngrams import count as counting
from segtool.ngrams import table as tables
from segtool.ngrams.count import count_stream
from segtool.ngrams.table import NGramTable, gather, spell
from tests import naive, naive_count

SYMBOLS = 5  # ids 1 to 4; few, so that n-grams repeat
RUNS = st.lists(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=9), max_size=8)
ORDERS = st.integers(2, 6) | st.just(16)


def codes(count=SYMBOLS):
    return np.array([0, 1, 2, *range(0x4E00, 0x4E00 + count - 3)], np.uint32)


def count(runs, order, workers=1, least=1):
    return count_stream(naive.stream(runs), codes(), order, workers, least)


def arrays(counts):
    return [counts.codes, *(a for level in counts.levels for a in (level.symbol, level.parent, level.count))]


def same(one, other):
    return [(a.dtype, a.shape, a.tobytes()) for a in arrays(one)] == [
        (a.dtype, a.shape, a.tobytes()) for a in arrays(other)
    ]


def table(counts):
    """Counts by n-gram; every n-gram stands once."""
    rows = [
        (tuple(ngram), int(occurrences))
        for k, level in enumerate(counts.levels, 1)
        for ngram, occurrences in zip(naive_count.grams(counts, k).tolist(), level.count, strict=True)
    ]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def check(counts, runs, order):
    expected = dict.fromkeys(((symbol,) for symbol in range(len(counts.codes))), 0)
    assert table(counts) == expected | naive.ngrams(runs, order)
    assert counts.order == order
    assert counts.frequency[1:].sum() == sum(map(len, runs))


@given(RUNS, ORDERS)
def test_counts_are_naive(runs, order):
    check(count(runs, order), runs, order)


def test_counts_of_real_text(sample_counts, sample_runs):
    check(sample_counts, naive.unstream(sample_runs.stream), 5)


@given(RUNS, ORDERS)
def test_layout(runs, order):
    counts = count(runs, order)
    level_types = [(level.symbol.dtype, level.parent.dtype, level.count.dtype) for level in counts.levels]
    assert level_types == [(np.uint16, np.int32, np.int64)] * order
    assert counts.levels[0].symbol.tolist() == list(range(SYMBOLS))
    for k in range(1, order + 1):
        ngrams = naive_count.grams(counts, k).tolist()
        assert ngrams == sorted(ngrams)
        if k > 1:
            shorter = naive_count.grams(counts, k - 1).tolist()
            assert [shorter[parent] for parent in counts.levels[k - 1].parent] == [gram[:-1] for gram in ngrams]


@given(RUNS, st.integers(2, 5), st.integers(2, 9))
def test_workers_change_nothing(runs, order, workers):
    assert same(count(runs, order), count(runs, order, workers))


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_workers_change_nothing_on_real_text(sample_counts, sample_runs, workers):
    assert same(count_stream(sample_runs.stream, sample_runs.codes, 5, workers), sample_counts)


@given(RUNS, ORDERS, st.integers(1, 5), st.integers(1, 3))
def test_rare_ngrams_are_left_out(runs, order, least, workers):
    """With their extensions, which are as rare; single symbols stay."""
    counts = count(runs, order, workers, least)
    expected = {gram: times for gram, times in naive.ngrams(runs, order).items() if len(gram) == 1 or times >= least}
    assert table(counts) == dict.fromkeys(((symbol,) for symbol in range(SYMBOLS)), 0) | expected


@given(RUNS, st.integers(2, 5), st.integers(1, 4), st.integers(1, 9))
def test_slices_are_the_counts(runs, order, least, slices):
    counts = count(runs, order, 1, least)
    with patch.object(tables, "SLICES", slices):
        found = list(counts.slices())
        assert same(NGramTable(*naive_count.whole(counts)), counts)
    assert len(found) <= slices
    for part in found:
        assert [level.parent.dtype for level in part.levels] == [np.int32] * (order - 2)


@given(RUNS, ORDERS, st.integers(0, 40))
def test_gather_puts_slices_together(runs, order, room):
    counts = count(runs, order)
    assert gather(counts) is counts
    assert same(gather(naive_count.sliced(counts.codes, counts.levels, room)), counts)


@given(RUNS, ORDERS, st.integers(1, 9))
def test_frequencies_of_many_chunks(runs, order, chunk):
    with patch.object(counting, "COUNTED_AT_ONCE", chunk):
        check(count(runs, order), runs, order)


@pytest.mark.parametrize("order", [-1, 0, 1, 17, 300])
def test_order_out_of_range(order):
    with pytest.raises(UsageError, match=r"2 to 16 .*--max-word-len"):
        count([[3]], order)


@pytest.mark.parametrize("workers", [1, 3])
def test_empty_stream(workers):
    counts = count([], 4, workers)
    assert [len(level) for level in counts.levels] == [SYMBOLS, 0, 0, 0]
    assert counts.levels[0].count.tolist() == [0] * SYMBOLS
    assert not counts.frequency.any()
    assert naive_count.grams(counts, 3).shape == (0, 3)


def test_one_symbol():
    assert {gram: n for gram, n in table(count([[4]], 5)).items() if n} == {
        (0,): 1,
        (4,): 1,
        (0, 4): 1,
        (4, 0): 1,
        (0, 4, 0): 1,
    }


def test_many_symbols():
    """Ids up to the last one that fits, in one long run."""
    run = [65_002, 3, 65_002, 40_000, 3, 65_002] * 3
    counts = count_stream(naive.stream([run]), np.arange(65_003, dtype=np.uint32), 3, 2)
    assert {gram: n for gram, n in table(counts).items() if n} == naive.ngrams([run], 3)


@given(RUNS, st.data())
def test_spell_takes_any_places(runs, data):
    counts = count(runs, 3)
    ngrams = naive_count.grams(counts, 3)
    if len(ngrams):
        at = np.array(data.draw(st.lists(st.integers(0, len(ngrams) - 1), max_size=5)), np.int64)
        assert spell(counts.levels, 3, at).tolist() == ngrams[at].tolist()


@given(RUNS, st.integers(0, SYMBOLS), st.integers(0, SYMBOLS))
def test_windows_are_opened(runs, low, high):
    stream = naive.stream(runs)
    expected = sorted((symbol, i) for i, symbol in enumerate(stream[:-1].tolist()) if low <= symbol < high)
    sizes = Counter(symbol for symbol, _ in expected)
    places = np.cumsum([0, *(sizes[symbol] for symbol in range(low, high))]).astype(np.int32)
    windows = np.empty(len(expected), np.int32)
    counting._open_windows(stream, low, high, places, windows)
    assert windows.tolist() == [i for _, i in expected]


def part_groups(stream, groups, k, least, symbols):
    """What the kernel makes of groups of windows."""
    windows = np.array([i for group in groups for i in group], np.int32)
    begins = np.cumsum([0, *map(len, groups)]).astype(np.int32)
    room, largest = len(windows) // least + 1, max(map(len, groups), default=0)
    symbol, parent, ends = np.empty(room, np.uint16), np.empty(room, np.int32), np.zeros(room + 1, np.int32)
    scratch = np.empty(2 * largest + max(symbols, 256) + 1, np.int64)
    types, left = counting._split_groups(stream, windows, begins, k, least, symbol, parent, ends, scratch)
    assert left == ends[types]
    found = np.split(windows[:left], ends[1:types])[: types or None] if types else []
    return [(int(s), int(p), g.tolist()) for s, p, g in zip(symbol[:types], parent[:types], found, strict=True)]


@given(RUNS, st.integers(1, 5), st.integers(1, 4), st.randoms())
def test_groups_are_parted(runs, k, least, draw):
    """Any groups that share k symbols, in any order."""
    stream = naive.stream(runs)
    groups = naive_count.groups_of(stream.tolist(), k)
    draw.shuffle(groups)
    assert part_groups(stream, groups, k, least, SYMBOLS) == naive_count.parted(stream.tolist(), groups, k, least)


@pytest.mark.parametrize("symbols", [5, 300, 65_003])
@pytest.mark.parametrize("length", [24, 25, 255, 256, 257, 3000])
def test_large_groups_are_parted(symbols, length):
    """Groups as large as each way of sorting takes, of few symbols and of many; 0 now and then."""
    draw = np.random.default_rng(length)
    after = draw.integers(0, symbols, length)
    after[1] = symbols - 1
    stream = np.column_stack([np.full(length, 3), after]).astype(np.uint16).ravel()
    groups = [list(range(0, 2 * length, 2))]
    for least in (1, 3):
        found = part_groups(stream, groups, 1, least, symbols)
        assert found == naive_count.parted(stream.tolist(), groups, 1, least)
