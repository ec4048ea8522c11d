"""The tagger against its slow twin, and what becomes of its weights in a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.lexicon import boundary_model as tagger
from segtool.lexicon.boundary_model import fit_boundary_model
from segtool.lexicon.trie import build_trie
from segtool.settings import TaggerSettings
from tests import naive_boundary_model

SYMBOLS = 5
runs_and_posteriors = st.lists(
    st.lists(st.tuples(st.integers(1, SYMBOLS), st.integers(0, 65535)), min_size=1, max_size=8), max_size=6
)


def stream_of(runs):
    stream, boundaries = [0], [65535]
    for run in runs:
        stream += [symbol for symbol, _ in run] + [0]
        boundaries += [posterior for _, posterior in run] + [65535]
    return np.array(stream, np.uint16), np.array(boundaries, np.uint16)


def trie_of(pairs):
    """Units of a trie of all symbols, the unknown one and some pairs; and the node of each n-gram."""
    alphabet = SYMBOLS + 2
    order = sorted(pairs)
    symbols = [np.arange(alphabet, dtype=np.uint16), np.array([b for _, b in order], np.uint16)]
    parents = [np.zeros(alphabet, np.int32), np.array([a for a, _ in order], np.int32)]
    base, check, nodes = build_trie(symbols, parents, [np.ones(len(level), np.bool_) for level in symbols])
    units = np.column_stack([base, check, np.zeros_like(base), np.zeros_like(base)]).ravel()
    places = {(symbol,): node for symbol, node in enumerate(nodes[0].tolist())}
    return units, places | dict(zip(order, nodes[1].tolist(), strict=True))


pair_sets = st.sets(st.tuples(st.integers(1, SYMBOLS), st.integers(1, SYMBOLS)))


@given(runs_and_posteriors, pair_sets, st.integers(1, 3), st.integers(1, 9))
def test_fit_equals_twin(runs, pairs, epochs, block):
    stream, boundaries = stream_of(runs)
    units, nodes = trie_of(pairs)
    state, found = tagger._start(len(units) // 4), np.empty(block, np.int32)
    bias = tagger._fit(stream, boundaries, units, state, tagger._curve(), found, epochs)
    weights = state[::2]
    assert not weights[-4:].any(), "pairs that have no node"
    texts = [tuple(symbol for symbol, _ in run) for run in runs]
    targets = [[posterior / 65535 for _, posterior in run] for run in runs]
    expected = naive_boundary_model.fit(texts, targets, pairs, epochs, tagger.RATE, tagger.LEAST_SQUARE)
    assert bias == pytest.approx(expected.get((), 0.0), abs=1e-4)
    for ngram, node in nodes.items():
        for place in range(4):
            assert weights[4 * node + place] == pytest.approx(expected.get((ngram, place), 0.0), abs=1e-4)


@given(st.floats(-40, 40))
def test_logistic_function(logit):
    assert tagger._logistic(logit, tagger._curve()) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


def test_bytes_of_a_fit():
    """A gap that is always a boundary, beside one that never is, gets log-odds of the right signs."""
    runs = [[(1, 65535), (2, 0), (3, 65535), (4, 0)]] * 50
    units, nodes = trie_of({(1, 2), (3, 4)})
    tags = fit_boundary_model(*stream_of(runs), units, TaggerSettings())
    weights = tags.view(np.int8).reshape(-1, 4)
    table = {ngram: tuple(map(int, weights[node])) for ngram, node in nodes.items()}
    run = (1, 2, 3, 4)
    assert naive_boundary_model.gap_score(run, 1, table) < -16
    assert naive_boundary_model.gap_score(run, 2, table) > 16
    assert naive_boundary_model.gap_score(run, 3, table) < -16
    assert table[6,][0] == table[6,][2] == table[6,][3] == 0, "the unknown symbol has the bias alone"


def test_weight_zero_is_no_tagger():
    runs = [[(1, 65535), (2, 0), (3, 65535)]] * 9
    units, _ = trie_of({(1, 2)})
    assert not fit_boundary_model(*stream_of(runs), units, TaggerSettings(tagger_weight=0.0)).any()


def test_bytes_do_not_overflow():
    runs = [[(1, 65535), (2, 0), (3, 65535)]] * 200
    units, _ = trie_of({(1, 2)})
    weights = fit_boundary_model(*stream_of(runs), units, TaggerSettings(tagger_weight=1000.0)).view(np.int8)
    assert weights.min() == -127
    assert weights.max() == 127


def test_empty_stream():
    units, _ = trie_of(set())
    assert not fit_boundary_model(np.zeros(1, np.uint16), np.full(1, 65535, np.uint16), units, TaggerSettings()).any()
