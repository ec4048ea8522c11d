"""Cohesion, branching entropy and its variation against their definitions."""

import math
from dataclasses import fields
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import UsageError
from segtool.ngrams import scores as scoring
from segtool.ngrams import table as tables
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import BOUNDARY_FANOUT, Candidates, score
from segtool.ngrams.table import spell
from tests import naive, naive_count

SYMBOLS = 6
RUNS = st.lists(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=9), min_size=1, max_size=10)
FLOATS = ("cohesion", "left_entropy", "right_entropy", "left_variation", "right_variation")


def count(runs, order, workers=1):
    return count_stream(naive.stream(runs), np.arange(SYMBOLS, dtype=np.uint32), order, workers)


def table(candidates):
    """Scores by n-gram; without the entry of the boundary and of symbols that do not occur."""
    found = {}
    for k, level in enumerate(candidates.levels, 1):
        ngrams = spell(candidates.levels, k, np.arange(len(level))).tolist()
        assert ngrams == sorted(ngrams)
        columns = [getattr(level, name).tolist() for name in naive.Score._fields]
        found |= {tuple(gram): naive.Score(*row) for gram, *row in zip(ngrams, *columns, strict=True)}
    return {gram: row for gram, row in found.items() if row.count > 0}


def check(candidates, runs, max_word_len, min_count):
    found = table(candidates)
    expected = naive.scores(runs, max_word_len, min_count, BOUNDARY_FANOUT)
    assert found.keys() == expected.keys()
    for gram, row in expected.items():
        assert found[gram].count == row.count
        assert found[gram] == pytest.approx(row, rel=1e-6, abs=1e-7), gram


def arrays(candidates):
    return [getattr(level, field.name) for level in candidates.levels for field in fields(level)]


def same(one, other):
    return [(a.dtype, a.tobytes()) for a in arrays(one)] == [(a.dtype, a.tobytes()) for a in arrays(other)]


@given(RUNS, st.integers(1, 5), st.integers(1, 4), st.integers(0, 2))
def test_scores_are_naive(runs, max_word_len, min_count, longer):
    counts = count(runs, max_word_len + 1 + longer)
    check(score(counts, max_word_len, min_count), runs, max_word_len, min_count)


def test_scores_of_real_text(sample_candidates, sample_runs):
    check(sample_candidates, naive.unstream(sample_runs.stream), 4, 2)


@given(RUNS, st.integers(1, 4), st.integers(1, 3))
def test_layout(runs, max_word_len, min_count):
    candidates = score(count(runs, max_word_len + 1), max_word_len, min_count)
    assert candidates.total == sum(map(len, runs))
    assert len(candidates.levels) == max_word_len
    assert len(candidates) == sum(len(level) for level in candidates.levels) - 1
    singles = candidates.levels[0]
    assert singles.symbol.tolist() == list(range(SYMBOLS))
    assert singles.count[0] == 0
    assert np.all(np.isinf(singles.cohesion))
    for level in candidates.levels:
        assert [getattr(level, name).dtype for name in FLOATS] == [np.float32] * len(FLOATS)
        assert (level.symbol.dtype, level.parent.dtype, level.count.dtype) == (np.uint16, np.int32, np.int64)
        assert np.all(level.left_entropy >= 0) and np.all(level.right_entropy >= 0)


@given(RUNS, st.integers(1, 5), st.integers(1, 3), st.integers(2, 7))
def test_workers_change_nothing(runs, max_word_len, min_count, workers):
    counts = count(runs, max_word_len + 1)
    assert same(score(counts, max_word_len, min_count, workers), score(counts, max_word_len, min_count))


@given(RUNS, st.integers(1, 4), st.integers(2, 4), st.integers(1, 3))
def test_ngrams_that_occur_once_make_no_difference(runs, max_word_len, min_count, workers):
    stream, codes = naive.stream(runs), np.arange(SYMBOLS, dtype=np.uint32)
    every, some = (count_stream(stream, codes, max_word_len + 1, least=least) for least in (1, 2))
    assert same(score(some, max_word_len, min_count, workers), score(every, max_word_len, min_count))


def test_ngrams_that_occur_once_make_no_difference_in_real_text(sample_runs, sample_candidates):
    counts = count_stream(sample_runs.stream, sample_runs.codes, 5, 2, least=2)
    assert len(counts.levels[2]) < len(count_stream(sample_runs.stream, sample_runs.codes, 5).levels[2])
    assert same(score(counts, 4, 2), sample_candidates)


@given(RUNS, st.integers(1, 5), st.integers(1, 3), st.integers(1, 12), st.integers(1, 3))
def test_slices_change_nothing(runs, max_word_len, min_count, slices, workers):
    counts = count(runs, max_word_len + 1)
    whole = score(counts, max_word_len, min_count)
    with patch.object(tables, "SLICES", slices):
        assert same(score(counts, max_word_len, min_count, workers), whole)
    for room in (1, 10, 1000):
        sliced = naive_count.sliced(counts.codes, counts.levels, room)
        assert same(score(sliced, max_word_len, min_count, workers), whole)


def test_slices_change_nothing_in_real_text(sample_counts, sample_candidates):
    for room in (1000, 30_000):
        sliced = naive_count.sliced(sample_counts.codes, sample_counts.levels, room)
        assert same(score(sliced, 4, 2, 2), sample_candidates)


@given(RUNS, st.integers(1, 4), st.integers(1, 3))
def test_arrays_with_names(runs, max_word_len, min_count):
    """As stages keep them."""
    candidates = score(count(runs, max_word_len + 1), max_word_len, min_count)
    arrays = candidates.to_arrays()
    again = Candidates.from_arrays(arrays, candidates.codes, max_word_len)
    assert Candidates.from_arrays(arrays, candidates.codes, max_word_len + 1) is None
    assert Candidates.from_arrays(arrays, candidates.codes[:-1], max_word_len) is None
    if len(candidates):
        arrays["right_variation0"] = np.full_like(arrays["right_variation0"], 1e38)
        assert Candidates.from_arrays(arrays, candidates.codes, max_word_len) is None
    assert same(again, candidates)
    assert (again.total, again.codes.tolist()) == (candidates.total, candidates.codes.tolist())


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_change_nothing_on_real_text(sample_counts, sample_candidates, workers):
    assert same(score(sample_counts, 4, 2, workers), sample_candidates)


def test_scoring_leaves_the_counts_alone(sample_counts):
    before = [level.count.copy() for level in sample_counts.levels]
    score(sample_counts, 4, 2)
    assert all(map(np.array_equal, before, [level.count for level in sample_counts.levels]))


@given(RUNS, st.integers(2, 4), st.integers(2, 4))
def test_rare_ngrams_are_left_out_and_nothing_else_changes(runs, max_word_len, min_count):
    counts = count(runs, max_word_len + 1)
    everything, frequent = table(score(counts, max_word_len)), table(score(counts, max_word_len, min_count))
    assert frequent == {gram: row for gram, row in everything.items() if len(gram) == 1 or row.count >= min_count}


def test_longest_word_is_by_default_one_less_than_the_order():
    assert len(score(count([[3, 4]], 4)).levels) == 3


@pytest.mark.parametrize("occurrences", [1, 2, 49, 50, 51, 1000])
def test_boundary_as_neighbour(occurrences):
    found = table(score(count([[3, 4]] * occurrences, 3)))
    hidden = math.log(min(occurrences, 50))
    assert found[3, 4].left_entropy == pytest.approx(hidden)
    assert found[3, 4].right_entropy == pytest.approx(hidden)
    assert found[(3,)].left_entropy == pytest.approx(hidden)
    assert found[(3,)].right_entropy == 0.0


def test_by_hand():
    # 3 4 | 3 4 | 3 5: N = 6, c(3) = 3, c(4) = 2, c(5) = 1
    found = table(score(count([[3, 4], [3, 4], [3, 5]], 3)))
    unigrams = math.log(6) - (3 * math.log(3) + 2 * math.log(2)) / 6
    assert found[3, 4].cohesion == pytest.approx(math.log(2 * 6 / (3 * 2)))
    assert found[3, 5].cohesion == pytest.approx(math.log(1 * 6 / (3 * 1)))
    assert found[(3,)].left_entropy == pytest.approx(math.log(3))
    assert found[(3,)].right_entropy == pytest.approx(math.log(3) - 2 / 3 * math.log(2))
    assert found[(3,)].left_variation == pytest.approx(math.log(3) - unigrams)
    assert found[3, 4].right_entropy == pytest.approx(math.log(2))
    assert found[3, 4].right_variation == pytest.approx(math.log(2) - found[(3,)].right_entropy)
    assert found[3, 4].left_variation == pytest.approx(math.log(2) - found[(4,)].left_entropy)


def test_cohesion_is_that_of_the_weakest_split():
    # 3 4 always stand together, 5 stands anywhere
    runs = [[3, 4, 5], [3, 4, 5], [5, 1], [5, 2], [1, 5], [2, 5, 5, 1]]
    found = table(score(count(runs, 4)))
    assert found[3, 4, 5].cohesion == pytest.approx(math.log(2 * sum(map(len, runs)) / (2 * 7)))
    assert found[3, 4, 5].cohesion < found[3, 4].cohesion


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_to_score(workers):
    candidates = score(count([], 4), 3, 1, workers)
    assert [len(level) for level in candidates.levels] == [SYMBOLS, 0, 0]
    assert candidates.total == 0
    assert not np.any(candidates.levels[0].left_entropy[1:])
    assert np.all(np.isfinite(candidates.levels[0].left_variation))


@pytest.mark.parametrize("max_word_len", [-1, 0, 3, 4])
def test_word_length_out_of_range(max_word_len):
    with pytest.raises(UsageError, match=f"words of {max_word_len} symbols need counts of order"):
        score(count([[3]], 3), max_word_len)


@pytest.mark.parametrize("min_count", [0, -3])
def test_min_count_out_of_range(min_count):
    with pytest.raises(UsageError, match="--min-count"):
        score(count([[3]], 3), 2, min_count)


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(-1, 3), st.booleans()), max_size=12))
def test_entropy_sums(rows):
    """Sum of c ln c over the neighbours of each owner; a boundary is up to 50 equal neighbours."""
    count = np.array([row[0] for row in rows], np.int64)
    owner = np.array([row[1] for row in rows], np.int32)
    is_boundary = np.array([row[2] for row in rows], np.bool_)
    sums = np.zeros(4)
    scoring._entropy_sums(count, owner, is_boundary, 50, sums)
    expected = [0.0] * 4
    for c, at, boundary in rows:
        if at >= 0:
            parts = [c / min(c, 50)] * min(c, 50) if boundary else [c]
            expected[at] += sum(part * math.log(part) for part in parts)
    assert sums == pytest.approx(expected)


@given(RUNS, st.integers(3, 5), st.integers(1, 3))
def test_links(runs, k, min_count):
    """Each k-gram's link leads to the candidate that is the k-gram without its first symbol."""
    counts = count(runs, k)

    def candidates(k):
        grams = zip(map(tuple, naive_count.grams(counts, k).tolist()), counts.levels[k - 1].count.tolist(), strict=True)
        return [gram for gram, times in grams if 0 not in gram and (k == 1 or times >= min_count)]

    def links(k):
        places = {gram: i for i, gram in enumerate(candidates(k - 1))}
        if k == 2:
            places = {(symbol,): symbol for symbol in range(1, SYMBOLS)}
        return [places.get(tuple(gram[1:]), -1) for gram in naive_count.grams(counts, k).tolist()]

    shorter, longer = candidates(k - 2), candidates(k - 1)
    if k == 3:
        shorter = [(symbol,) for symbol in range(SYMBOLS)]
    children = np.searchsorted([shorter.index(gram[:-1]) for gram in longer], np.arange(len(shorter) + 1))
    level = counts.levels[k - 1]
    out = np.full(len(level), 99, np.int32)
    symbols = np.array([gram[-1] for gram in longer], np.uint16)
    scoring._link_level(level.symbol, level.parent, np.array(links(k - 1), np.int32), children, symbols, out)
    assert out.tolist() == links(k)
