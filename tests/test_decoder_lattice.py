"""Expected counts of the decoder's lattice against going through all covers, and gap scores against the decoder's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.lexicon import decoder_lattice as text_lattice
from segtool.lexicon.decoder_lattice import TextLattice
from segtool.ngrams.scores import CandidateLevel, Candidates
from tests import naive_boundary_model

SYMBOLS = 4
symbol = st.integers(1, SYMBOLS)
ngrams = st.dictionaries(st.lists(symbol, min_size=1, max_size=3).map(tuple), st.floats(-9, 0), max_size=12).map(
    lambda words: {**{(s,): -5.0 for s in range(1, SYMBOLS + 1)}, **words}
)
tag = st.tuples(*[st.integers(-128, 127)] * 4)
some_runs = st.lists(st.lists(symbol, min_size=1, max_size=7), min_size=1, max_size=3)
scores = st.lists(st.tuples(*[st.floats(-9, 1)] * 3), min_size=SYMBOLS + 2, max_size=SYMBOLS + 2)


def lattice_of(words, tags, runs, spelling, unknown_len):
    """The lattice of some runs, and the n-grams in its order."""
    order = [[(s,) for s in range(SYMBOLS + 2)]]
    for k in (2, 3):
        begun = {ngram[:k] for ngram in (*words, *tags) if len(ngram) >= k}
        order.append(sorted(begun))
    index = [{ngram: i for i, ngram in enumerate(level)} for level in order]
    symbols = [np.array([ngram[-1] for ngram in level], np.uint16) for level in order]
    parents = [np.zeros(len(order[0]), np.int32)]
    parents += [np.array([index[k - 1][n[:-1]] for n in order[k]], np.int32) for k in (1, 2)]
    flat = [ngram for level in order for ngram in level]
    packed = np.array([tags.get(ngram, (0, 0, 0, 0)) for ngram in flat], np.int8).view("<i4").ravel()
    stream = np.array([0, *(s for run in runs for s in (*run, 0))], np.uint16)
    levels = [candidate_level(*each) for each in zip(symbols, parents, strict=True)]
    candidates = Candidates(np.arange(SYMBOLS + 2, dtype=np.uint32), tuple(levels), 0)
    return TextLattice(stream, candidates, packed, np.array(spelling), unknown_len), flat, stream


def candidate_level(symbol, parent):
    """N-grams whose counts and scores do not matter."""
    scores = [np.zeros(len(symbol), np.float32)] * 5
    return CandidateLevel(symbol, parent, np.zeros(len(symbol), np.int64), *scores)


@given(ngrams, st.dictionaries(st.lists(symbol, min_size=1, max_size=2).map(tuple), tag), some_runs, scores,
       st.integers(0, 5), st.integers(1, 3))  # fmt: skip
def test_expected_counts_equal_going_through_all_covers(words, tags, runs, spelling, unknown_len, workers):
    tags = {ngram: tuple(each // 8 for each in four) for ngram, four in tags.items()}
    tags = {ngram: (*four[:3], 0) if len(ngram) == 2 else four for ngram, four in tags.items()}
    lattice, flat, _ = lattice_of(words, tags, runs, spelling, unknown_len)
    weight = np.array([words.get(ngram, -np.inf) for ngram in flat])
    found = lattice.expect(weight, workers, None)
    expected = dict.fromkeys(flat, 0.0)
    for run in runs:
        gaps = [0.0, *(naive_boundary_model.gap_score(run, i, tags) / 16 for i in range(1, len(run)))]
        shares = naive_boundary_model.expected_words(tuple(run), words, 3, gaps, spelling, unknown_len)
        for word, share in shares.items():
            expected[word] += share
    assert found == pytest.approx(np.array([expected[ngram] for ngram in flat]), abs=1e-6)
    assert (found == lattice.expect(weight, 1, None)).all(), "the number of workers makes no difference"


@given(st.dictionaries(st.lists(symbol, min_size=1, max_size=2).map(tuple), tag), some_runs)
def test_gap_factors_equal_twin(tags, runs):
    tags = {ngram: (*four[:3], 0) if len(ngram) == 2 else four for ngram, four in tags.items()}
    lattice, _, stream = lattice_of({}, tags, runs, np.zeros((SYMBOLS + 2, 3)), 0)
    expected = [0.0]
    for run in runs:
        expected += [0.0, *(naive_boundary_model.gap_score(run, i, tags) / 16 for i in range(1, len(run))), 0.0]
    assert np.log(lattice._gaps) == pytest.approx(np.array(expected), abs=1e-9)
    assert len(stream) == len(expected)


def test_byte():
    packed = int(np.array([[-128, -1, 127, 5]], np.int8).view("<i4")[0, 0])
    assert [text_lattice._byte(packed, place) for place in range(4)] == [-128, -1, 127, 5]


def test_progress_tells_the_whole_stream():
    lattice, flat, stream = lattice_of({}, {}, [[1, 2], [3]], np.zeros((SYMBOLS + 2, 3)), 4)
    passed = []
    lattice.expect(np.where([len(ngram) == 1 for ngram in flat], -1.0, -np.inf), 1, passed.append)
    assert sum(passed) == len(stream) - 1
