"""Beginnings and divergences of pairs against their definitions."""

import math
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.ngrams import table as tables
from segtool.ngrams.beginnings import pair_evidence
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import Candidates, score
from segtool.ngrams.table import spell
from tests import naive, naive_beginnings, naive_count

SYMBOLS = 5
RUNS = st.lists(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=7), min_size=1, max_size=14)


def count(runs, order=3, least=1):
    return count_stream(naive.stream(runs), np.arange(SYMBOLS, dtype=np.uint32), order, least=least)


def found(runs, min_count=1):
    candidates = score(count(runs), 2, min_count)
    pairs = map(tuple, spell(candidates.levels, 2, np.arange(len(candidates.levels[1]))).tolist())
    return dict(zip(pairs, candidates.pairs.T.tolist(), strict=True))


@given(RUNS, st.integers(1, 3))
def test_evidence_is_naive(runs, min_count):
    expected = naive_beginnings.evidence(runs)
    pairs = found(runs, min_count)
    assert (pairs.keys() == expected.keys()) if min_count == 1 else (pairs.keys() <= expected.keys())
    for pair, values in pairs.items():
        assert values == pytest.approx(expected[pair], rel=1e-5, abs=1e-6), pair


def test_evidence_of_real_text(sample_candidates, sample_runs):
    runs = naive.unstream(sample_runs.stream)[:400]
    expected = naive_beginnings.evidence(runs)
    candidates = score(count_stream(naive.stream(runs), sample_runs.codes, 3), 2)
    pairs = spell(candidates.levels, 2, np.arange(len(candidates.levels[1]))).tolist()
    for pair, values in zip(pairs, candidates.pairs.T.tolist(), strict=True):
        assert values == pytest.approx(expected[tuple(pair)], rel=1e-4, abs=1e-5)
    assert sample_candidates.pairs.shape == (2, len(sample_candidates.levels[1]))


def test_by_hand():
    """3 4 begins all its runs, and 3 alone begins none; 1 comes behind 4 only in 3 4."""
    runs = [[3, 4, 1]] * 20 + [[2, 3, 2]] * 20 + [[2, 4, 2]] * 20
    beginning, divergence = found(runs)[3, 4]
    alone = (20 + 10 / 3) / 50
    assert beginning == pytest.approx(math.log((20 + 10 * alone) / 30 / alone), rel=1e-5)
    # before 3: a boundary or 2, behind 4: 1 or 2, each as often
    assert divergence == pytest.approx(math.log(2), rel=1e-5)


@given(RUNS, st.integers(2, 4), st.integers(1, 12), st.integers(1, 3))
def test_slices_workers_and_rare_ngrams_change_nothing(runs, min_count, slices, workers):
    wanted = score(count(runs, 4), 3, min_count)
    with patch.object(tables, "SLICES", slices):
        assert pair_evidence(count(runs, 4), wanted.levels[1], workers).tobytes() == wanted.pairs.tobytes()
    assert score(count(runs, 4, least=2), 3, min_count).pairs.tobytes() == wanted.pairs.tobytes()
    sliced = naive_count.sliced(count(runs, 4).codes, count(runs, 4).levels, 10)
    assert score(sliced, 3, min_count, workers).pairs.tobytes() == wanted.pairs.tobytes()


def test_words_of_one_symbol_have_no_evidence():
    assert score(count([[3, 4]] * 3), 1).pairs.shape == (2, 0)


def test_damaged_evidence_is_refused():
    candidates = score(count([[3, 4, 1]] * 3), 2)

    def read(pairs):
        arrays = candidates.to_arrays() | {"pairs": pairs}
        return Candidates.from_arrays(arrays, candidates.codes, 2)

    assert read(candidates.pairs).pairs.tobytes() == candidates.pairs.tobytes()
    for damaged in (candidates.pairs[:, 1:], candidates.pairs[:1], candidates.pairs + 1e6, candidates.pairs * np.nan):
        assert read(damaged) is None
    assert read(candidates.pairs.astype(np.float64)) is None
