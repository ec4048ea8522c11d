"""Weights from the parts of words, against their slow twins."""

import pickle
from dataclasses import replace
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool.decode.decoders import decoder_of
from segtool.decode.viterbi import WEIGHT_UNIT, viterbi
from segtool.lexicon import adapt as adaptation
from segtool.lexicon.parts import KINDS, PART_WEIGHTS, NeighbourCount, part_terms, weigh_parts
from segtool.lexicon.passes import Threads
from segtool.lexicon.trie import word_nodes
from segtool.ngrams.counter import collect_corpus
from segtool.store.model import word_record
from segtool.training import TrainingReport
from tests import naive, naive_parts
from tests.helpers import chunked, sample_model, sample_text

SYMBOLS = 5
"""Symbol 0 is the boundary."""


@pytest.fixture(scope="module")
def plain():
    """A model without weights from parts, and without number tokens, which change words behind this stage."""
    return segtool.train(texts=[sample_text()], parts_weight=0.0, numbers=False).model


def cut_of(model, corpus):
    """The runs of a corpus, each cut into words of the lexicon, before any rule, in plain Python."""
    tables = model.lexicon.tolist(), model.spelling.tolist(), model.max_word_len, model.unknown_len
    for run in naive.unstream(decoder_of(model).ids[corpus.codes][corpus.whole().stream]):
        ends = np.cumsum([0, *viterbi(run, *tables)]).tolist()
        yield [tuple(run[begin:end]) for begin, end in pairwise(ends)]


def spelled(words):
    return [tuple(row[:k]) for row, k in zip(words["symbols"].tolist(), words["length"].tolist(), strict=True)]


def assert_neighbours(model, corpus, workers=1):
    expected = naive_parts.neighbours(cut_of(model, corpus), set(spelled(model.words)))
    counts, _ = Threads(workers).run(NeighbourCount(model), corpus)
    short = [word for word in spelled(model.words) if len(word) <= 2]
    counts = counts.reshape(len(short), 2, KINDS).tolist()
    for word, sides in zip(short, counts, strict=True):
        assert sides == [[expected[word, side, kind] for kind in range(KINDS)] for side in ("left", "right")]


def test_neighbours_of_a_corpus(plain):
    assert_neighbours(plain, collect_corpus([sample_text()]))


def test_neighbours_of_another_text(plain):
    """Its symbols have other ids, and some of them and of its words are unknown."""
    assert_neighbours(plain, collect_corpus(["医生说𠮷一\n\n说墨麒麟\n", "abc 12% 今天墨麒麟很忙。"]))


@settings(max_examples=30)
@given(st.data(), st.integers(1, 9), st.integers(1, 3))
def test_neighbours_of_chunks(data, size, workers):
    """They do not depend on chunks and workers, and the task can be sent to a cluster."""
    model = segtool.load(sample_model()).model
    codes = [0, 1, 2, *sorted(model.symbols[100:104].tolist())]
    symbol = st.integers(1, len(codes) - 1)
    corpus = chunked(data.draw(st.lists(st.lists(symbol, min_size=1, max_size=6), min_size=1, max_size=9)), codes, size)
    assert_neighbours(model, corpus, workers)
    task = NeighbourCount(model)
    Threads().run(task, corpus)
    sent = pickle.loads(pickle.dumps(task))
    assert (Threads().run(sent, corpus)[0] == Threads().run(task, corpus)[0]).all()


@st.composite
def lexicons(draw):
    """Words of a lexicon, and what is known of them."""
    symbol = st.integers(1, SYMBOLS - 1)
    longer = draw(st.sets(st.lists(symbol, min_size=2, max_size=4).map(tuple), max_size=20))
    words = [(s,) for s in range(1, SYMBOLS)] + sorted(longer, key=lambda word: (len(word), word))
    number = st.floats(-9, 15, width=32)
    facts = {}
    for word in words:
        count = draw(st.integers(0, 30))
        expected = draw(st.sampled_from([0.0, 1e-9, 0.3 * count, 1.0 * count]))
        facts[word] = count, expected, draw(number) if len(word) > 1 else float("inf")
    return facts


@given(lexicons(), st.data())
def test_terms_are_naive(facts, data):
    table = np.zeros(len(facts), word_record(4))
    for row, (word, numbers) in zip(table, facts.items(), strict=True):
        row["symbols"][: len(word)], row["length"] = word, len(word)
        row["count"], row["expected"], row["cohesion"] = numbers
    cut = data.draw(st.lists(st.lists(st.sampled_from(list(facts)), min_size=1, max_size=5), max_size=8))
    counts = naive_parts.neighbours(cut, facts)
    short = [word for word in facts if len(word) <= 2]
    flat = [counts[word, side, kind] for word in short for side in ("left", "right") for kind in range(KINDS)]
    terms = part_terms(table, np.array(flat, np.int64))
    expected = naive_parts.terms(facts, counts)
    assert terms.keys() == expected.keys() == PART_WEIGHTS.keys()
    for name, values in terms.items():
        assert values.tolist() == pytest.approx([expected[name].get(word, 0.0) for word in facts]), name


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_terms_are_added_to_weights(plain, weight):
    """The trie has the weights of the table; an unknown character stays below all that are known."""
    corpus = collect_corpus([sample_text()])
    passed = []
    weighed = weigh_parts(plain, corpus, weight, Threads(2), passed.append)
    assert sum(passed) == corpus.stats.positions
    facts = dict(zip(spelled(plain.words), plain.words[["count", "expected", "cohesion"]].tolist(), strict=True))
    found = naive_parts.terms(facts, naive_parts.neighbours(cut_of(plain, corpus), facts))
    gain = [sum(PART_WEIGHTS[name] * found[name].get(word, 0.0) for name in PART_WEIGHTS) for word in facts]
    assert max(gain) > 1
    assert min(gain) < -1
    assert weighed.words["weight"] == pytest.approx(plain.words["weight"] + weight * np.array(gain), abs=1e-4)
    units = weighed.lexicon.reshape(-1, 4)
    nodes = word_nodes(units, weighed.words["symbols"], weighed.words["length"])
    assert (units[nodes, 2] == np.rint(weighed.words["weight"].astype(np.float64) * WEIGHT_UNIT)).all()
    least = weighed.words["weight"][weighed.words["length"] == 1].min()
    assert units[len(plain.symbols), 2] / WEIGHT_UNIT == pytest.approx(least - 1.0, abs=1e-4)
    others = np.ones(len(units), np.bool_)
    others[[*nodes, len(plain.symbols)]] = False
    assert (units[others] == plain.lexicon.reshape(-1, 4)[others]).all()
    assert (np.delete(units, 2, axis=1) == np.delete(plain.lexicon.reshape(-1, 4), 2, axis=1)).all()
    assert (weighed.spelling == plain.spelling).all()


def test_training_has_the_stage(plain):
    """It is the last one before the model is written, and can be switched off."""
    report, without = TrainingReport(), TrainingReport()
    model = segtool.train(texts=[sample_text()], report=report, numbers=False).model
    segtool.train(texts=[sample_text()], report=without, parts_weight=0.0)
    assert [stage.name for stage in report.stages if stage not in without.stages][-1] == "parts"
    assert "parts" not in [stage.name for stage in without.stages]
    weighed = weigh_parts(plain, collect_corpus([sample_text()]), 1.0, Threads())
    assert (model.lexicon == weighed.lexicon).all()
    assert (model.words == weighed.words).all()


def test_models_without_boundaries_have_no_parts():
    """Other methods have no scores of words to add to."""
    report = TrainingReport()
    segtool.train(texts=[sample_text()], report=report, method="cohesion")
    assert "parts" not in [stage.name for stage in report.stages]


def test_words_that_adaptation_adds_are_weighed(plain):
    """Those of the model have their terms already."""
    text = "昨天墨麒麟去公园。我们喜欢墨麒麟的朋友。墨麒麟说要休息。今天墨麒麟很忙。听说墨麒麟在学校。\n" * 3
    model = segtool.load(sample_model()).model
    with patch.object(adaptation, "weigh_parts", lambda model, *arguments, **options: model):
        unweighed = adaptation.adapt_model(model, collect_corpus([text]))
    adapted = adaptation.adapt_model(model, collect_corpus([text]))
    texts = [adapted.spell(i) for i in range(len(adapted.words))]
    known = {model.spell(i) for i in range(len(model.words))}
    moved = {texts[i] for i in np.flatnonzero(adapted.words["weight"] != unweighed.words["weight"])}
    assert moved == {word for word in texts if word not in known and len(word) in (2, 3)}
    assert "墨麒麟" in texts
    assert "墨麒麟" not in known
    old = replace(model, card=model.card | {"parameters": model.card["parameters"] | {"parts_weight": 0.0}})
    assert (adaptation.adapt_model(old, collect_corpus([text])).lexicon == unweighed.lexicon).all()
    assert plain.card["parameters"]["parts_weight"] == 0.0
