"""The language model against dicts and fractions, and as a directory."""

import itertools
import math
import random

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import CorpusError, UsageError
from segtool.lm import kneser_ney
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import TextScore, advance
from segtool.ngrams.count import count_stream
from segtool.text.runs import Corpus, RunCollector
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests.helpers import any_text
from tests.naive_lm import (
    BEGIN,
    END,
    FALLBACK,
    ORDERS,
    PRUNES,
    RUNS,
    UNKNOWN,
    NaiveLanguageModel,
    arrays,
    codes_of,
    same,
    table,
    train,
    twin,
)


def check(lm, expected):
    found, slow = table(lm), expected.table()
    assert found.keys() == slow.keys()
    for gram, (probability, backoff) in slow.items():
        assert found[gram] == pytest.approx((math.log10(probability), math.log10(backoff)), abs=2e-6), gram
    for own, slow_discounts in zip(lm.discounts, expected.discounts, strict=True):
        assert own == pytest.approx([float(d) for d in slow_discounts])


def wordy(seed, runs=150, symbols=40):
    """Runs of words, a few of them frequent, so that all counts of counts are there at every order."""
    draw = random.Random(seed)
    words = [[draw.randint(1, symbols) for _ in range(draw.choice((1, 2, 2, 3, 4)))] for _ in range(60)]
    weights = [1 / rank for rank in range(1, 61)]
    texts = [draw.choices(words, weights, k=draw.randint(1, 6)) for _ in range(runs)]
    return [[symbol for word in text for symbol in word] for text in texts]


# Estimation


@given(RUNS, ORDERS, PRUNES)
def test_every_ngram_is_naive(runs, order, prune):
    check(train(runs, order, prune[:order]), twin(runs, order, prune[:order]))


@pytest.mark.parametrize("order", range(2, 7))
@pytest.mark.parametrize("prune", [(), (0, 1), (0, 0, 2)])
def test_every_ngram_is_naive_with_discounts_of_its_own(order, prune):
    prune = prune[:order]
    runs = wordy(order)
    slow = twin(runs, order, prune)
    assert FALLBACK not in slow.discounts[1:]
    check(train(runs, order, prune), slow)


def test_real_text_is_naive(sample_runs, sample_counts):
    lm = estimate(sample_counts, 4, (0, 0, 1))
    runs = [[int(sample_runs.codes[symbol]) for symbol in run] for run in naive.unstream(sample_runs.stream)]
    slow = NaiveLanguageModel(runs, 4, (0, 0, 1))
    assert FALLBACK not in slow.discounts
    check(lm, slow)


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([[3]], id="one symbol"),
        pytest.param([[3]] * 7, id="one symbol, often"),
        pytest.param([[3] * 9], id="one symbol, long"),
        pytest.param([[3, 4], [4, 3]], id="shorter than the order"),
        pytest.param([[1], [2]], id="no character"),
    ],
)
@pytest.mark.parametrize("order", range(2, 7))
def test_small_corpora(runs, order):
    lm = train(runs, order)
    longest = max(map(len, runs)) + 2
    assert [size == 0 for size in lm.ngrams] == [k > longest for k in range(1, order + 1)]
    check(lm, twin(runs, order))


@pytest.mark.parametrize(
    ("counts_of_counts", "expected"),
    [
        ((0, 1, 1, 1), None),
        ((1, 0, 1, 1), None),
        ((1, 1, 0, 1), None),
        ((10, 5, 3, 0), (0.5, 2 - 3 * 0.5 * 3 / 5, 3.0)),
        ((10, 5, 3, 2), (0.5, 1.1, 3 - 4 * 0.5 * 2 / 3)),
        ((1, 1, 3, 1), None),  # D2 < 0
        ((2, 1, 1, 3), None),  # D3+ = 3 - 4 * 0.5 * 3 < 0
        ((4, 2, 4, 1), None),  # D2 is 2 - 3 * 0.5 * 2 < 0
        ((6, 3, 4, 1), None),  # D2 is exactly 0
        ((1, 10, 6, 1), (1 - 2 / 21 * 10, 2 - 3 / 21 * 6 / 10, 3 - 4 / 21 / 6)),
    ],
)
def test_discounts_and_their_fallback(counts_of_counts, expected):
    adjusted = np.repeat([0, 1, 2, 3, 4, 9], [2, *counts_of_counts, 5])
    assert kneser_ney._discounts(adjusted) == pytest.approx(expected or (0.5, 1.0, 1.5))


@given(RUNS, ORDERS, PRUNES, st.integers(2, 9))
def test_workers_change_nothing(runs, order, prune, workers):
    assert same(train(runs, order, prune[:order]), train(runs, order, prune[:order], workers))


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_change_nothing_on_real_text(sample_counts, workers):
    assert same(estimate(sample_counts, 5, workers=workers), estimate(sample_counts, 5))


def test_counts_may_be_of_a_higher_order():
    runs = wordy(0)
    counts = count_stream(naive.stream(runs), codes_of(40), 6)
    assert same(estimate(counts, 3), train(runs, 3, symbols=40))


@given(RUNS, ORDERS)
def test_symbols_that_do_not_occur_are_unknown(runs, order):
    lm = train(runs, order, symbols=40)
    occurring = sorted({int(codes_of(40)[symbol]) for run in runs for symbol in run})
    assert lm.codes.tolist() == [0, *occurring]
    assert np.flatnonzero(lm.ids() != lm.unknown).tolist() == [0, *occurring]


@given(RUNS, ORDERS, PRUNES)
def test_layout(runs, order, prune):
    lm = train(runs, order, prune[:order])
    types = [np.uint32, np.uint16, np.int32, np.int32, np.float32, np.float32]
    assert [array.dtype for array in arrays(lm)] == types
    grams = list(table_of_nodes(lm))
    assert grams[: lm.ngrams[0]] == [(i,) for i in range(lm.unknown + 1)]
    for _, level in itertools.groupby(grams, len):
        ngrams = list(level)
        assert ngrams == sorted(set(ngrams))
    places = {gram: node for node, gram in enumerate(grams)}
    for gram, link in zip(grams, lm.suffix.tolist(), strict=True):
        tails = [gram[i:] for i in range(1, len(gram)) if gram[i:] in places]
        assert link == (places[tails[0]] if tails else -1)


def table_of_nodes(lm):
    """Symbol ids of every n-gram, in the order of nodes."""
    grams = [(i,) for i in range(lm.ngrams[0])]
    for node in range(len(lm.log10_backoff)):
        grams += [(*grams[node], int(s)) for s in lm.symbol[lm.first_child[node] : lm.first_child[node + 1]]]
    return grams


# Pruning


@given(RUNS, ORDERS, PRUNES)
def test_pruning_leaves_out_what_is_rare(runs, order, prune):
    prune = prune[:order]
    cuts = [*prune, *[prune[-1]] * (order - len(prune))]
    counts = naive.ngrams(runs, order)
    expected = [sum(n > cuts[k - 1] for gram, n in counts.items() if len(gram) == k) for k in range(1, order + 1)]
    expected[0] = len(set().union(*runs)) + 2
    assert train(runs, order, prune).ngrams == tuple(expected)


@pytest.mark.parametrize(
    ("prune", "part"),
    [
        ((1,), "begin with 0"),
        ((0, 2, 1), "ascending order"),
        ((0,) * 5, "--order 4"),
        ((0, -1), "ascending order"),
    ],
)
def test_thresholds_out_of_range(prune, part):
    with pytest.raises(UsageError, match=part) as caught:
        train([[3]], 4, prune)
    assert "--prune" in str(caught.value)


# Queries


def probability(lm, context, symbol):
    """With the context as ids; an initial 0 is the begin of a run."""
    node = -1
    for each in context:
        node = advance(node, each, *lm.tables)[1]
    return advance(node, symbol, *lm.tables)[0]


CONTEXTS = st.lists(st.lists(st.integers(1, 7), max_size=7), max_size=9)


@given(RUNS, ORDERS, PRUNES, CONTEXTS)
def test_probabilities_behind_any_context_sum_to_one(runs, order, prune, contexts):
    lm = train(runs, order, prune[:order])
    for context in [*contexts, *runs]:
        ids = [min(symbol, lm.unknown) for symbol in context]
        for start in ([], [0]):
            logs = [probability(lm, start + ids, symbol) for symbol in range(lm.unknown + 1)]
            assert sum(10.0**log for log in logs) == pytest.approx(1.0, abs=2e-6)


@given(RUNS, ORDERS, PRUNES, CONTEXTS)
def test_queries_are_naive(runs, order, prune, texts):
    lm, slow = train(runs, order, prune[:order]), twin(runs, order, prune[:order])
    words = [END, *lm.codes[1:].tolist(), UNKNOWN]
    for text in [*texts, *runs]:
        ids = [min(symbol, lm.unknown) for symbol in text]
        for i, symbol in enumerate(ids):
            expected = slow.probability(tuple(words[each] for each in ids[:i]), words[symbol])
            assert probability(lm, ids[:i], symbol) == pytest.approx(math.log10(expected), abs=5e-6)


@given(RUNS, ORDERS, CONTEXTS)
def test_streams_are_naive(runs, order, texts):
    lm, slow = train(runs, order), twin(runs, order)
    texts = [text for text in texts if text]
    words = [END, *lm.codes[1:].tolist(), UNKNOWN]
    ids = [[min(symbol, lm.unknown) for symbol in text] for text in texts]
    scores = lm.score_ids(naive.stream(ids))
    expected = [p for text in ids for p in slow.sentence([words[symbol] for symbol in text])]
    assert scores[0] == 0.0
    assert scores[1:].tolist() == pytest.approx([math.log10(p) for p in expected], abs=5e-6)
    assert scores.dtype == np.float32


@given(RUNS, ORDERS, CONTEXTS)
def test_the_node_is_the_longest_ngram(runs, order, contexts):
    lm = train(runs, order)
    grams = list(table_of_nodes(lm))
    for context in contexts:
        ids = [min(symbol, lm.unknown) for symbol in context]
        node = -1
        for i, symbol in enumerate(ids):
            _, node = advance(node, symbol, *lm.tables)
            tails = [tuple(ids[j : i + 1]) for j in range(i + 1)]
            assert grams[node] == next(tail for tail in tails if tail in grams)


def test_other_kernels_can_ask(sample_runs, sample_counts):
    lm = estimate(sample_counts, 3)
    stream = lm.ids()[sample_runs.codes][sample_runs.stream]

    @numba.njit
    def total(stream, symbols, first_child, suffix, log10_probability, log10_backoff):
        found = 0.0
        node = 0
        for symbol in stream[1:]:
            score, node = advance(node, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
            found += score
        return found

    assert total(stream, *lm.tables) == pytest.approx(lm.score_ids(stream).sum(dtype=np.float64), rel=1e-6)


# Text


@pytest.fixture(scope="module")
def lm(sample_counts):
    return estimate(sample_counts, 4)


def slow_lines(lm, text):
    """Score of each line by runs, one by one."""
    scores = []
    lines = text.split("\n")
    for line in lines[: -1 if len(lines) > 1 and not lines[-1] else None]:
        parts = [lm.score_ids(naive.stream([lm.ids()[run].tolist()])) for run in naive.runs(line)]
        unknown = sum(int(lm.ids()[code]) == lm.unknown for run in naive.runs(line) for code in run)
        scores.append((sum(float(part.sum()) for part in parts), sum(len(part) - 1 for part in parts), unknown))
    return scores


@given(text=any_text)
def test_lines_are_scored_run_by_run(lm, text):
    scores = list(zip(*(each.tolist() for each in lm.score_lines(text)), strict=True))
    assert [score[1:] for score in scores] == [score[1:] for score in slow_lines(lm, text)]
    assert [score[0] for score in scores] == pytest.approx([score[0] for score in slow_lines(lm, text)], rel=1e-5)
    whole = lm.score_text(text)
    assert (whole.tokens, whole.unknown) == tuple(sum(score[i] for score in scores) for i in (1, 2))
    assert whole.log10_probability == pytest.approx(sum(score[0] for score in scores))


def test_score_of_a_text(lm):
    score = lm.score_text("医生说今天要休息,\n\n明天再来。")
    assert (score.tokens, score.unknown) == (12 + 2, 0)
    assert score.perplexity == pytest.approx(10 ** (-score.log10_probability / 14))
    assert lm.score_text("医生龘").unknown == 1


def test_score_of_nothing(lm):
    assert lm.score_text("") == TextScore(0.0, 0, 0)
    assert math.isnan(lm.score_text("……\n").perplexity)
    assert [each.tolist() for each in lm.score_lines("\n\n")] == [[0.0, 0.0], [0, 0], [0, 0]]


@pytest.mark.parametrize("reserved", [BEGIN, END, UNKNOWN, "<num>", "<lat>", "\\data\\", "\\end\\"])
def test_reserved_words_in_a_text_are_latin_runs(lm, reserved):
    collector = RunCollector()
    collector.add(f"今天{reserved}天气\n")
    runs = Corpus([collector], False).whole()
    trained = estimate(count_stream(runs.stream, runs.codes, 3), 3)
    assert trained.codes.tolist() == [0, LAT, *sorted(map(ord, "今天气"))]
    marked = f"今天,{reserved[1:-1].replace('/', '')},天气"
    assert lm.score_text(f"今天{reserved}天气") == lm.score_text(marked)


def test_class_symbols():
    runs = RunCollector()
    runs.add("3点,5点,abc点\n")
    collected = Corpus([runs], False).whole()
    lm = estimate(count_stream(collected.stream, collected.codes, 2), 2)
    assert lm.codes.tolist() == [0, NUM, LAT, ord("点")]
    assert lm.score_text("2024点") == lm.score_text("7点")
    assert lm.score_text("2024点").unknown == 0


# Errors


@pytest.mark.parametrize("order", [-1, 0, 1, 7])
def test_order_out_of_range(sample_counts, order):
    with pytest.raises(UsageError, match=r"--order .* 2 to 6"):
        estimate(sample_counts, order)


def test_counts_of_a_lower_order(sample_counts):
    with pytest.raises(UsageError, match="--order 6: needs counts of that order, not 5"):
        estimate(sample_counts, 6)


def test_nothing_to_learn_from():
    with pytest.raises(CorpusError, match="empty"):
        estimate(count_stream(naive.stream([]), codes_of(4), 3), 3)
