"""The walk through the lattice against looking up every n-gram, and what lies beside its nodes."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.lexicon.em import Expectation
from segtool.lexicon.lattice import FIXED_POINT, WALK_SIZE, slots_of, walk, weighted_units
from segtool.settings import LexiconSettings
from tests import naive
from tests.test_lexicon import SYMBOLS, bits, fit
from tests.test_word_classes import RUNS, Corpus


@given(RUNS, RUNS, st.integers(1, 4), st.integers(1, 30), st.integers(0, 1 << 32))
def test_walk_is_naive(known, runs, longest, size, seed):
    corpus = Corpus([*known, list(range(1, SYMBOLS))], longest)
    draw = np.random.default_rng(seed)
    weights = {ngram: draw.random() for ngram in corpus.ngrams[1:] if draw.random() < 0.7}
    units = weighted_units(corpus.units, corpus.per_node(weights, 0.0, np.float64))
    stream = naive.stream(runs)
    total = np.zeros(len(units) // 4, np.int64)
    for begin in range(1, len(stream), size):
        symbols = stream[begin : begin + size].tolist()
        weight, slots = np.empty(len(symbols) * longest), slots_of(len(symbols), longest)
        deepest = walk(stream, begin, len(symbols), units, longest, weight, slots, total)
        found, places, ends, _ = np.split(slots, np.cumsum([len(weight), len(weight), longest]))
        expected = [[] for _ in range(longest)]
        for r in range(len(symbols)):
            for k in range(longest):
                ngram = tuple(stream[begin + r : begin + r + k + 1].tolist())
                slot = r * longest + k
                there = len(ngram) == k + 1 and ngram in corpus.node
                assert weight[slot] == (weights.get(ngram, 0.0) if there else 0.0)
                if there:
                    expected[k].append(r)
                    assert found[slot] == corpus.node[ngram]
        assert deepest == max([k for k, where in enumerate(expected, 1) if where], default=1)
        assert [where.tolist() for where in np.split(places, ends[:deepest])[:-1]] == expected[:deepest]
    assert not total.any()


@given(RUNS, st.integers(1, 4), st.integers(0, 1 << 32))
def test_a_pass_is_exact_to_half_a_unit_an_occurrence(runs, longest, seed):
    corpus = Corpus(runs, longest)
    draw = np.random.default_rng(seed)
    weights = {ngram: draw.normal() for ngram in corpus.ngrams[1:] if len(ngram) == 1 or draw.random() < 0.7}
    linear = corpus.per_node({ngram: math.exp(weight) for ngram, weight in weights.items()}, 0.0, np.float64)
    task = Expectation(corpus.units, linear, (), longest, len(corpus.stream), None)
    total = np.zeros(task.size, np.int64)
    likelihood, _ = task(SimpleNamespace(stream=corpus.stream), task.scratch(), total)
    expected, log_likelihood = naive.expectations(runs, weights)
    assert likelihood == pytest.approx(log_likelihood)
    counts = naive.ngrams(runs, longest)
    for word in weights:
        exact = pytest.approx(expected[word] * FIXED_POINT, abs=0.5 * counts[word] + 1e-3)
        assert total[corpus.node[word]] == exact, word


@given(st.lists(st.tuples(st.floats(1e-300, 1e300), st.integers(0, 255)), min_size=1))
def test_classes_hardly_change_a_weight(words):
    weight = np.array([0.0, *(weight for weight, _ in words)])
    classes = np.array([7, *(c for _, c in words)], np.uint8)
    base_and_check = np.arange(2 * len(weight), dtype=np.int32)
    units = weighted_units(base_and_check, weight, classes)
    assert units.reshape(-1, 4)[:, :2].ravel().tolist() == base_and_check.tolist()
    both = units.view(np.float64)[1::2]
    assert both == pytest.approx(weight, rel=2.0**-44, abs=0.0)
    assert both[0] == 0.0
    assert (units.view(np.int64)[3::2] & 255).tolist() == classes[1:].tolist()
    assert weighted_units(base_and_check, weight).view(np.float64)[1::2].tolist() == weight.tolist()


@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_blocks_change_nothing(penalty):
    """Runs longer than a block, as long as one, and many to one, in whichever order they stand."""
    draw = np.random.default_rng(1)
    lengths = [WALK_SIZE - 1, 3, WALK_SIZE, 1, WALK_SIZE + 1, 5 * WALK_SIZE, 2, WALK_SIZE - 2, *[1, 2, 7, 50] * 40]
    runs = [draw.integers(1, SYMBOLS, length).tolist() for length in lengths]
    settings = replace(LexiconSettings(), length_penalty=penalty)
    order = ["log_likelihood", "boundaries"]
    one, other = (bits(fit(each, 4, 2, settings)[1], but=order) for each in (runs, runs[::-1]))
    assert one == other
