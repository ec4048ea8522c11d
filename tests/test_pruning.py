"""What a pass can expect at most, against what it expects."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segtool.lexicon.pruning import most_expected
from segtool.ngrams.table import spell
from tests import naive
from tests.test_lexicon import RUNS, candidates_of


@given(RUNS, st.integers(1, 4), st.sampled_from([0.0, 1.0, 5.0]), st.integers(0, 1 << 32))
def test_nothing_is_expected_more_often(runs, longest, spread, seed):
    candidates = candidates_of(runs, longest, 1)
    levels = candidates.levels
    spelled = [spell(levels, k, np.arange(len(level))).tolist() for k, level in enumerate(levels, 1)]
    ngrams = list(map(tuple, itertools.chain(*spelled)))
    logs = np.random.default_rng(seed).normal(-3.0, spread, len(ngrams))
    expected, _ = naive.expectations(runs, dict(zip(ngrams[1:], logs[1:].tolist(), strict=True)))
    most = dict(zip(ngrams, most_expected(candidates, np.exp(logs)).tolist(), strict=True))
    counts = np.concatenate([level.count for level in levels]).tolist()
    for ngram, count in zip(ngrams[1:], counts[1:], strict=True):
        assert expected[ngram] <= most[ngram] * (1 + 1e-9)
        assert most[ngram] <= count
        if len(ngram) == 1:
            assert most[ngram] == count


def test_what_has_no_weight_is_not_expected_and_what_has_no_cover_may_be():
    candidates = candidates_of([[3, 4], [3, 4], [4, 3]], 2, 1)
    weight = np.zeros(len(candidates) + 1)
    pairs = slice(len(candidates.levels[0]), None)
    assert most_expected(candidates, weight)[pairs].tolist() == candidates.levels[1].count.tolist()
    weight[: pairs.start] = 0.1
    assert not most_expected(candidates, weight)[pairs].any()
