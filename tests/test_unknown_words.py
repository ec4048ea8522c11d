"""Scores of unknown words against the formula as written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lexicon import unknown_words as unknown
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.settings import UnknownSettings
from segtool.store.model import word_record
from segtool.text.symbols import LAT, NUM
from tests import naive_boundary_model

SYMBOLS = 6
CODES = np.array([0, *b"abcde"], np.uint32)
word_lists = st.lists(
    st.tuples(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=5), st.integers(1, 999), st.floats(0, 500)),
    max_size=20,
    unique_by=lambda word: tuple(word[0]),
)


def table_of(words):
    table = np.zeros(len(words), word_record(5))
    for row, (symbols, count, expected) in zip(table, words, strict=True):
        row["symbols"][: len(symbols)] = symbols
        row["length"], row["count"], row["expected"] = len(symbols), count, expected
    return table


@given(word_lists, st.floats(0, 30), st.floats(0, 10), st.floats(0, 2))
def test_scores_equal_the_formula(words, cost, step, weight):
    settings = UnknownSettings(unknown_cost=cost, unknown_step=step, spelling_weight=weight)
    found = spelling_scores(table_of(words), CODES, settings)
    assert found.shape == (SYMBOLS + 1, 3)
    expected = naive_boundary_model.spelling_scores(words, SYMBOLS, cost, step, weight, unknown.GROWTH)
    assert found == pytest.approx(np.array(expected))


def test_an_unknown_word_costs_more_after_more_text():
    words = [([1], 10, 5.0), ([2, 3], 9, 8.0)]
    more = [(symbols, count * 100, expected * 100) for symbols, count, expected in words]
    few, many = (spelling_scores(table_of(each), CODES, UnknownSettings()) for each in (words, more))
    assert many[1, 0] < few[1, 0]
    assert many[5, 2] - few[5, 2] == pytest.approx(0, abs=0.5)


def test_numbers_and_latin_runs_are_in_no_unknown_word():
    codes = np.array([0, NUM, LAT, 0x4E00, 0x4E01, 0x4E02], np.uint32)
    words = [([1], 9, 9.0), ([1, 3], 9, 8.0), ([2, 3], 9, 8.0), ([3, 4], 9, 8.0)]
    scores = spelling_scores(table_of(words), codes, UnknownSettings())
    assert (scores[[1, 2]] == unknown.IMPOSSIBLE).all()
    assert (scores[[0, 3, 4, 5, 6]] > unknown.IMPOSSIBLE / 2).all()


def test_steps():
    scores = np.array([[-1.0, -2.5, 0.25], [0.0, 1.0, 2.0]])
    steps = spelling_steps(scores).reshape(2, 4)
    assert steps.dtype == np.int32
    assert (steps[:, :3] == scores * WEIGHT_UNIT).all()
    assert not steps[:, 3].any()
