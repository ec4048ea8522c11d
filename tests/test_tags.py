"""Tags against every sequence of them, piece by piece against at once, and the model behind them against fractions."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segtool import UsageError, train
from segtool.decode.decoders import decoder_of
from segtool.decode.position_tags import move_scores
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.count import count_stream
from segtool.settings import MOVES, TagSettings
from segtool.store.model import Model
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests import naive_methods as methods
from tests.helpers import SAMPLE, any_text, long_line
from tests.naive_lm import UNKNOWN, NaiveLanguageModel

DEFAULT = TagSettings().lm_moves
EVEN = (1.0,) * 8
LINES = st.lists(st.text(st.sampled_from("一丁七1，"), min_size=1, max_size=10), min_size=1, max_size=6)
TEXTS = st.lists(st.sampled_from("一一丁丁七𠮷1a， "), max_size=9).map("".join)
# weights of moves; where no word may have that length, 0
MOVE_WEIGHTS = st.just(DEFAULT) | st.tuples(
    *[st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.5] if move[1] != "b" else [0.02, 0.5, 1.0, 3.0]) for move in MOVES]
)


def language_model(text, order):
    runs = methods.runs_of(text)
    return estimate(count_stream(runs.stream, runs.codes, order), order)


def cutter(lm, moves=DEFAULT):
    card: dict[str, object] = {"decoder": "tags", "parameters": {"max_word_len": 6, "lm_moves": list(moves)}}
    nothing = np.zeros(0, np.int32)
    return methods.Cutter(decoder_of(Model(lm.codes, lm.codes, nothing, nothing, nothing, nothing, card, lm=lm)))


def naive_cut(text, lm, moves):
    table, ids = methods.lm_table(lm), {code: i for i, code in enumerate(lm.codes.tolist())}

    def words_of_run(run):
        return methods.best_by_tags([ids.get(code, lm.unknown) for code in run], table, moves, WEIGHT_UNIT)

    return methods.cut_runs(text, words_of_run)


@settings(max_examples=200)
@given(LINES.map("\n".join), st.integers(2, 5), TEXTS, MOVE_WEIGHTS)
def test_cuts_are_naive(corpus, order, text, moves):
    assume(naive.runs(corpus))
    lm = language_model(corpus, order)
    assert cutter(lm, moves).compiled(text) == (naive_cut(text, lm, moves), len(text))


@st.composite
def coarse_models(draw):
    """Language models with so few different probabilities that many tag sequences score alike."""
    lm = language_model(draw(st.sampled_from(["一丁七一丁\n丁丁一\n七1一丁丁", "一一一一丁\n丁丁一一丁"])), 4)
    values = st.sampled_from([-1.0, -1.0, -2.0])
    probability = draw(st.lists(values, min_size=len(lm.symbol), max_size=len(lm.symbol)))
    return dataclasses.replace(
        lm,
        log10_probability=np.array(probability, np.float32),
        log10_backoff=np.zeros(len(lm.log10_backoff), np.float32),
    )


@settings(max_examples=200)
@given(coarse_models(), TEXTS, st.sampled_from([EVEN, DEFAULT, (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0)]))
def test_of_equal_cuts_the_last_word_is_longest(lm, text, moves):
    """As everywhere in segtool (:mod:`segtool.decode.viterbi`): then the one before it is, and so on."""
    assert cutter(lm, moves).compiled(text)[0] == naive_cut(text, lm, moves)


@settings(max_examples=100)
@given(coarse_models(), TEXTS, st.sampled_from([EVEN, DEFAULT]))
def test_no_cut_scores_more(lm, text, moves):
    """Whatever the rule between equal cuts is."""
    table, ids = methods.lm_table(lm), {code: i for i, code in enumerate(lm.codes.tolist())}

    def score(spans):
        total = 0
        for run in naive.runs_of_tokens(naive.tokens(text)):
            begins = {start for start, _ in spans}
            tags = ""
            for start, _, _ in run:
                tags += "b" if start in begins else "bcdee"["bcde".index(tags[-1]) + 1]
            run_ids = [ids.get(code, lm.unknown) for _, _, code in run]
            total += methods.tag_score(run_ids, tags, table, moves, WEIGHT_UNIT)
        return total

    assert score(cutter(lm, moves).compiled(text)[0]) == score(naive_cut(text, lm, moves))


@settings(max_examples=30)
@given(LINES.map("\n".join), st.lists(st.sampled_from("一丁七𠮷"), min_size=1, max_size=6).map("".join))
def test_probabilities_are_those_of_the_formulae(corpus, text):
    """No sequence of tags has a greater product, with Kneser-Ney probabilities out of fractions."""
    assume(naive.runs(corpus))
    exact = NaiveLanguageModel(naive.runs(corpus), 4)
    run = [code if code in exact.vocabulary else UNKNOWN for code in map(ord, text)]

    def log_product(tags):
        total, begin = 0.0, 0
        for i, tag in enumerate(tags):
            begin = i if tag == "b" else begin
            total += math.log(exact.probability(tuple(run[max(begin, i - 3) : i]), run[i]))
            if i > 0:
                total += math.log(dict(zip(MOVES, DEFAULT, strict=True))[tags[i - 1] + tag])
        return total

    spans, _ = cutter(language_model(corpus, 4)).compiled(text)
    tags = "".join("bcd"[:size] + "e" * (size - 3) for size in (end - start for start, end in spans))
    assert log_product(tags) > max(map(log_product, methods.tag_sequences(len(run), DEFAULT))) - 1e-3


# ---------------------------------------------------------------- moves

FORBID = {"bc": 1, "cd": 2, "de": 3, "ee": 4}


@pytest.mark.parametrize(("move", "longest"), FORBID.items())
def test_a_forbidden_move_limits_words(move, longest):
    """Words that would win if they were allowed: going on weighs much."""
    corpus = "一丁七万丈三上下" * 3
    lm = language_model(corpus, 4)
    free = tuple(5.0 if m in FORBID else 1.0 for m in MOVES)
    assert cutter(lm, free).compiled(corpus)[0] == [(0, len(corpus))]
    some = tuple(0.0 if m == move else weight for m, weight in zip(MOVES, free, strict=True))
    sizes = [end - start for start, end in cutter(lm, some).compiled(corpus)[0]]
    assert max(sizes) == longest
    assert sum(sizes) == len(corpus)


def test_scores_of_moves():
    weights = (1.0, 0.5, 2.0, 0.0, 0.25, 4.0, 1e-300, 0.001)
    table = move_scores(weights).reshape(4, 4)
    expected = dict(zip(MOVES, weights, strict=True))
    for (i, one), (j, other) in itertools.product(enumerate("bcde"), repeat=2):
        weight = expected.get(one + other, 0.0)
        if weight:
            assert table[i, j] == round(math.log(weight) * WEIGHT_UNIT)
        else:
            assert table[i, j] < -(10**15), "no sum of scores makes up for it"


@pytest.mark.parametrize(
    "weights",
    [
        (),
        DEFAULT[:7],
        (*DEFAULT, 1.0),
        (*DEFAULT[:3], -0.01, *DEFAULT[4:]),
        (*DEFAULT[:3], math.nan, *DEFAULT[4:]),
        (*DEFAULT[:3], math.inf, *DEFAULT[4:]),
        *[tuple(0.0 if m == move else 1.0 for m in MOVES) for move in ("bb", "cb", "db", "eb")],
    ],
)
def test_moves_that_make_no_sense(weights):
    with pytest.raises(UsageError, match="--lm-moves"):
        move_scores(weights)
    with pytest.raises(UsageError, match="--lm-moves"):
        train(texts=["今天天气很好"], method="lm", lm_moves=weights)


# ---------------------------------------------------------------- streaming


@pytest.fixture(scope="module")
def trained():
    model = train(SAMPLE, method="lm").model
    return methods.Cutter(decoder_of(model))


SMALL: LanguageModel = language_model("一丁七一丁\n丁丁一1\n七1一丁丁七七a\n一丁七万丈三上下一丁七万丈", 4)
FLOWING = st.lists(st.sampled_from("一丁七万丈三1a，𠮷% .\r\n\u0301"), max_size=40).map("".join)


@settings(max_examples=300)
@given(FLOWING | any_text, st.lists(st.integers(0, 40), max_size=6), st.sampled_from([DEFAULT, EVEN]))
def test_pieces_may_end_anywhere(text, cuts, moves):
    small = cutter(SMALL, moves)
    assert small.pieces(text, cuts)[0] == small.compiled(text)[0]


@settings(max_examples=150)
@given(coarse_models(), st.text("一丁七1", max_size=20), st.lists(st.integers(0, 20), max_size=5))
def test_pieces_between_equal_cuts(lm, text, cuts):
    coarse = cutter(lm, EVEN)
    assert coarse.pieces(text, cuts)[0] == coarse.compiled(text)[0]


def test_real_text_in_pieces(trained, sample_text):
    at_once, consumed = trained.compiled(sample_text)
    assert consumed == len(sample_text)
    draw = np.random.default_rng(5)
    words, kept = trained.pieces(sample_text, draw.integers(0, len(sample_text), 500).tolist())
    assert words == at_once
    assert kept < 100


@pytest.mark.parametrize("size", [40, 1000])
def test_a_run_without_an_end_is_settled_as_it_comes(trained, sample_text, size):
    """What is kept is a matter of some words, not of the length of the run."""
    run = "".join(c for c in sample_text if "一" <= c <= "龥")
    words, kept = trained.pieces(run, range(0, len(run), size))
    assert words == trained.compiled(run)[0]
    assert kept < 40
    unknown = long_line(3000)
    words, kept = trained.pieces(unknown, range(0, len(unknown), size))
    assert words == trained.compiled(unknown)[0]
    assert kept < 40


def test_the_tokens_at_the_end_wait():
    small = cutter(SMALL)
    for text, settled in (("，12", 1), ("，12,", 1), ("一， ", 2), ("，", 0), ("", 0)):
        assert small.compiled(text, False)[1] == settled, text


# ---------------------------------------------------------------- corpora


def test_words_are_counted_as_they_are_cut(sample_text):
    segmenter = train(SAMPLE, method="lm")
    cut = methods.counted(segmenter.cut(sample_text))
    model = segmenter.model
    for index in range(len(model.words)):
        record = model.words[index]
        if not np.isin(model.symbols[record["symbols"][: record["length"]]], [NUM, LAT]).any():
            assert record["expected"] == (cut[model.spell(index)] or 0.5)
