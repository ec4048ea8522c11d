"""N-gram counts against a dict of every substring of every run."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool import counts as counting
from segtool.counts import count_stream, merge
from segtool.errors import UsageError
from segtool.runs import RunCollector
from segtool.slices import spell
from tests import naive

SYMBOLS = 5  # ids 1 to 4; few, so that n-grams repeat
RUNS = st.lists(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=9), max_size=8)
ORDERS = st.integers(2, 6) | st.just(16)


def codes(count=SYMBOLS):
    return np.array([0, 1, 2, *range(0x4E00, 0x4E00 + count - 3)], np.uint32)


def count(runs, order, workers=1):
    return count_stream(naive.stream(runs), codes(), order, workers)


def collect(text):
    collector = RunCollector()
    collector.add(text)
    return collector.runs()


def count_text(text, order, workers=1):
    runs = collect(text)
    return count_stream(runs.stream, runs.codes, order, workers)


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
        for ngram, occurrences in zip(counts.ngrams(k).tolist(), level.count, strict=True)
    ]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def check(counts, runs, order):
    expected = dict.fromkeys(((symbol,) for symbol in range(len(counts.codes))), 0)
    assert table(counts) == expected | naive.ngrams(runs, order)
    assert counts.order == order
    assert counts.total == sum(map(len, runs))


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
        ngrams = counts.ngrams(k).tolist()
        assert ngrams == sorted(ngrams)
        if k > 1:
            shorter = counts.ngrams(k - 1).tolist()
            assert [shorter[parent] for parent in counts.levels[k - 1].parent] == [gram[:-1] for gram in ngrams]
            first = counts.first_child(k - 1)
            assert len(first) == len(shorter) + 1
            for i, prefix in enumerate(shorter):
                assert ngrams[first[i] : first[i + 1]] == [gram for gram in ngrams if gram[:-1] == prefix]


@given(RUNS, st.integers(2, 5), st.integers(2, 9))
def test_workers_change_nothing(runs, order, workers):
    assert same(count(runs, order), count(runs, order, workers))


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_workers_change_nothing_on_real_text(sample_counts, sample_runs, workers):
    assert same(count_stream(sample_runs.stream, sample_runs.codes, 5, workers), sample_counts)


@given(RUNS, RUNS, ORDERS)
def test_merge_is_counting_together(one, other, order):
    assert same(merge(count(one, order), count(other, order)), count(one + other, order))


CORPUS = st.text(st.sampled_from("一丁七万丈1a，"), max_size=20).map(lambda text: text + "\n")


@given(CORPUS, CORPUS, st.integers(2, 5))
def test_merge_of_different_alphabets(one, other, order):
    together = count_text(one + other, order)
    assert same(merge(count_text(one, order), count_text(other, order)), together)
    assert same(merge(count_text(other, order), count_text(one, order)), together)


def test_merge_of_real_text(sample_text, sample_counts):
    half = sample_text.index("\n", len(sample_text) // 2) + 1
    parts = [count_text(text, 5) for text in (sample_text[:half], sample_text[half:])]
    assert len(parts[0].codes) < len(sample_counts.codes)
    assert same(merge(*parts), sample_counts)


@given(CORPUS, st.integers(2, 5))
def test_merge_with_nothing(text, order):
    counts, nothing = count_text(text, order), count_text("", order)
    assert same(merge(counts, nothing), counts)
    assert same(merge(nothing, counts), counts)


@pytest.mark.parametrize("order", [-1, 0, 1, 17, 300])
def test_order_out_of_range(order):
    with pytest.raises(UsageError, match=r"2 to 16 .*--max-word-len"):
        count([[3]], order)


def test_merge_of_two_orders():
    with pytest.raises(UsageError, match=r"order 2 and 3 .*--max-word-len"):
        merge(count([[3]], 2), count([[3]], 3))


@pytest.mark.parametrize("workers", [1, 3])
def test_empty_stream(workers):
    counts = count([], 4, workers)
    assert [len(level) for level in counts.levels] == [SYMBOLS, 0, 0, 0]
    assert counts.levels[0].count.tolist() == [0] * SYMBOLS
    assert counts.total == 0
    assert counts.first_child(1).tolist() == [0] * (SYMBOLS + 1)
    assert counts.ngrams(3).shape == (0, 3)


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
    ngrams = counts.ngrams(3)
    if len(ngrams):
        at = np.array(data.draw(st.lists(st.integers(0, len(ngrams) - 1), max_size=5)), np.int64)
        assert spell(counts.levels, 3, at).tolist() == ngrams[at].tolist()


@given(RUNS, ORDERS)
def test_reach_is_where_windows_end(runs, order):
    stream = naive.stream(runs)
    reach = np.empty(len(stream), np.uint8)
    counting._reach(stream, reach, order)
    for i in range(len(stream) - 1):
        window = stream[i : i + order].tolist()
        end = window.index(0, 1) + 1 if 0 in window[1:] else len(window)
        assert reach[i] == end


@given(RUNS, ORDERS, st.integers(0, SYMBOLS), st.integers(0, SYMBOLS))
def test_windows_are_sorted(runs, order, low, high):
    stream = naive.stream(runs)
    reach = np.empty(len(stream), np.uint8)
    counting._reach(stream, reach, order)
    positions = [i for i in range(len(stream) - 1) if low <= stream[i] < high]
    windows, spare = (np.empty(len(positions), np.int32) for _ in range(2))
    counting._sort_windows(stream, reach, low, high, order, windows, spare, np.zeros(SYMBOLS + 1, np.int64))
    expected = sorted(positions, key=lambda i: (stream[i : i + reach[i]].tolist(), i))
    assert windows.tolist() == expected
    sizes = np.zeros(order + 1, np.int64)
    counting._level_sizes(stream, reach, windows, order, sizes)
    grams = {tuple(stream[i : i + k].tolist()) for i in positions for k in range(1, reach[i] + 1)}
    assert sizes.tolist() == [Counter(map(len, grams))[k] for k in range(order + 1)]
