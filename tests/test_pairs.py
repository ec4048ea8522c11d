"""The gain of pairs in the prior against its definition, and the words that it is for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segtool
from segtool.lexicon.pairs import pair_gain
from segtool.ngrams.scores import CandidateLevel, Candidates
from segtool.settings import LexiconSettings
from tests.naive import Score
from tests.naive_beginnings import gain

NATS = st.floats(-3, 7, width=32)
ROWS = st.lists(st.tuples(st.builds(Score, st.integers(1, 9), *[NATS] * 5), NATS, NATS), max_size=20)
WEIGHTS = st.builds(
    LexiconSettings,
    beginning_weight=st.floats(0, 3),
    divergence_weight=st.floats(0, 3),
    evidence_weight=st.sampled_from([0.0, 3.0, 5.5]),
)


def candidates_of(rows):
    """Candidates of two symbols with the given scores."""
    columns = [np.array(column, np.float32) for column in zip(*(row[1:] for row, _, _ in rows), strict=True)]
    columns = columns or [np.zeros(0, np.float32)] * 5
    empty = np.zeros(len(rows), np.int64)
    level = CandidateLevel(empty.astype(np.uint16), empty.astype(np.int32), empty, *columns)
    evidence = np.array([each[1:] for each in rows], np.float32).reshape(-1, 2).T
    return Candidates(np.zeros(1, np.uint32), (level, level), 1, evidence)


@given(ROWS, WEIGHTS)
def test_gain_is_naive(rows, settings):
    found = pair_gain(candidates_of(rows), settings)
    assert found == pytest.approx([gain(*row, settings) for row in rows], abs=1e-6)


def row_of(cohesion=3.0, before=3.5, behind=5.0, variation=0.0, beginning=0.0, divergence=0.0):
    return Score(9, cohesion, before, behind, 0.0, variation), beginning, divergence


@pytest.mark.parametrize(
    ("row", "evidence"),
    [
        (row_of(variation=0.7), 1.0),
        (row_of(variation=0.55), 0.5),
        (row_of(variation=0.4), 0.0),
        (row_of(variation=0.7, cohesion=1.5), 0.0),
        (row_of(variation=0.7, before=2.5), 0.0),
        (row_of(variation=0.7, cohesion=5.0), 0.0),
        (row_of(beginning=0.7, divergence=0.7), 1.0),
        (row_of(beginning=0.7, divergence=0.4), 0.0),
        (row_of(beginning=0.7, divergence=0.7, behind=4.0), 0.0),
        (row_of(divergence=1.1, cohesion=0.5), 1.0),
        (row_of(divergence=0.95, cohesion=0.5), 0.5),
        (row_of(divergence=1.1, cohesion=0.5, before=2.9), 0.0),
    ],
)
def test_each_condition_counts(row, evidence):
    settings = LexiconSettings(beginning_weight=0.0, divergence_weight=0.0, evidence_weight=2.0)
    assert pair_gain(candidates_of([row]), settings) == pytest.approx([2.0 * evidence], abs=1e-5)


@pytest.mark.parametrize("word", ["还是", "但是", "而是", "就是", "在于", "不要", "以为", "为了", "以来", "只有"])
def test_common_pairs_are_words_of_the_included_model(word):
    assert word in segtool.load()
