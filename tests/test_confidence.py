"""The best cuts, random cuts and probabilities of boundaries: those of all cuts, enumerated."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool.decode.confidence import best_cuts, gap_probabilities, random_cut
from segtool.decode.n_best import best_paths
from segtool.decode.posterior import random_path
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.segmenter import Segmenter
from tests import naive_confidence
from tests.helpers import any_text, extend, interpreting, long_line, sample_segmenter, sample_text, spans_of
from tests.test_streaming import LONGEST, SINGLE, flowing
from tests.toy_decoder import TEXTS, UNKNOWN, decoders

SEGMENTER = sample_segmenter()
EXTENDED = Segmenter(extend(SEGMENTER.model, 3))
DICTIONARY = EXTENDED.with_words(force=["天天|气", "我们去", "C++"], prefer=["天气很好"], forbid=["公园", "今天"])
EVERY = [SEGMENTER, SINGLE, LONGEST, EXTENDED, Segmenter(extend(LONGEST.model, 4, 15)), DICTIONARY]
PARTS = ["今天", "天天", "气", "我们", "去", "公园", "C++", "1", " ", "。"]
WORDY = st.lists(st.sampled_from(PARTS), max_size=9).map("".join)


def both(decoder, text, room):
    """The lattice for plain Python, and the one for compiled code, in blocks of so many places."""
    yield decoder.lattice(text, True)
    yield replace(decoder.lattice(text, False), room=room)


# All cuts


@settings(max_examples=150)
@given(decoders(), TEXTS, st.integers(1, 12), st.integers(1, 9))
def test_best_cuts_are_naive(toy, text, n, room):
    cuts = naive_confidence.cuts(text, toy.weights, UNKNOWN, toy.extras)
    expected = [(score, spans) for score, spans in cuts[:n]]
    for lattice in both(toy.decoder, text, room):
        found = best_cuts(lattice, text, n)
        assert [(round(cut.score * WEIGHT_UNIT), spans_of(text, cut.words)) for cut in found] == expected


@settings(max_examples=150)
@given(decoders(), TEXTS, st.sampled_from([1e-7, 0.15, 1, 1e4, 1e9]), st.integers(1, 9))
def test_probabilities_are_naive(toy, text, scale, room):
    cuts = naive_confidence.cuts(text, toy.weights, UNKNOWN, toy.extras)
    expected = naive_confidence.gaps(text, cuts, scale)
    for lattice in both(toy.decoder, text, room):
        assert gap_probabilities(lattice, scale) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=100)
@given(decoders(), TEXTS, st.sampled_from([1e-7, 1, 1e4]), st.integers(0, 1 << 40))
def test_random_cuts_are_the_same_with_compiled_code(toy, text, scale, seed):
    found = [random_path(lattice, scale, seed) for room in (3, 99) for lattice in both(toy.decoder, text, room)]
    assert found.count(found[0]) == len(found)


@pytest.mark.parametrize("plain", [True, False])
def test_random_cuts_have_their_probabilities(plain):
    text, draws = "今天天气很好", 4000
    lattice = EXTENDED._cutter.lattice(text, plain)
    cuts = [(round(cut.score * WEIGHT_UNIT), tuple(cut.words)) for cut in best_cuts(lattice, text, 1000)]
    shares = naive_confidence.probabilities(cuts, 0.3)
    found = Counter(tuple(lattice.words(random_path(lattice, 0.3, seed), text)) for seed in range(draws))
    assert len(found) > 5
    for share, (_, words) in zip(shares, cuts, strict=True):
        assert abs(found[words] / draws - share) < 5 * math.sqrt(share * (1 - share) / draws) + 1 / draws


# Any text


@given(any_text | flowing | WORDY, st.integers(1, 6))
def test_the_first_is_the_cut(text, n):
    for segmenter in EVERY:
        found = []
        for plain in (True, False):
            with interpreting(plain):
                cuts = segmenter.nbest(text, n)
                assert cuts[0].words == segmenter.cut(text) == segmenter.sample(text, 0, n)
                probabilities = segmenter.boundary_probabilities(text)
                found.append((cuts, segmenter.sample(text, 2, n), probabilities.tolist()))
        assert found[0] == found[1]
        assert probabilities.shape == (max(len(text) - 1, 0),)
        assert len({tuple(cut.words) for cut in cuts}) == len(cuts) <= n
        assert [cut.score for cut in cuts] == sorted((cut.score for cut in cuts), reverse=True)
        for words in [*(cut.words for cut in cuts), found[0][1]]:
            assert "".join("".join(words).split()) == "".join(text.split())
        for words in (cuts[0].words, found[0][1]):
            places = set(itertools.chain.from_iterable(spans_of(text, words))) - {0, len(text)}
            assert all(probabilities[place - 1] > 0 for place in places)


@given(WORDY)
def test_dictionaries(text):
    """All cuts of a short text: those of all paths, where a split word counts as its parts."""
    text = text[:8]
    lattice = DICTIONARY._cutter.lattice(text, True)
    paths = [(score, tuple(lattice.word_ends(path))) for score, path in best_paths(lattice, 1000)]
    assert len(paths) < 1000
    best = {}
    for score, ends in paths:
        best.setdefault(ends, score)
    cuts = DICTIONARY.nbest(text, 1000)
    assert [(lattice.words(ends, text), score / WEIGHT_UNIT) for ends, score in best.items()] == cuts
    for n in (1, 2, 3):
        assert DICTIONARY.nbest(text, n) == cuts[:n]
    scale = DICTIONARY.model.calibration
    shares = naive_confidence.probabilities(paths, scale)
    spans = [(score, spans_of(text, lattice.words(ends, text))) for score, ends in paths]
    assert DICTIONARY.boundary_probabilities(text) == pytest.approx(naive_confidence.gaps(text, spans, scale), abs=1e-9)
    assert sum(shares) == pytest.approx(1)


def test_forced_words_and_literals():
    text = "今天天气很好我们去C++公园"
    assert DICTIONARY.cut(text) == [*["今", "天天", "气", "很", "好", "我们去", "C++", "公", "园"]]
    gaps = DICTIONARY.boundary_probabilities(text)
    assert gaps[[0, 2, 3, 5, 8, 11, 12]] == pytest.approx(1) and gaps[[1, 6, 7, 9, 10]] == pytest.approx(0)


@pytest.mark.parametrize("segmenter", EVERY)
def test_long_runs(segmenter):
    text = sample_text().translate({ord(c): None for c in "，。、；：？！\n “”"})[:9000]
    with interpreting(False):
        cuts = segmenter.nbest(text, 5)
        assert cuts[0].words == segmenter.cut(text) and len(cuts) == (1 if segmenter is SINGLE else 5)
        probabilities = segmenter.boundary_probabilities(text)
        drawn = segmenter.sample(text, 1, 7)
        scale = segmenter.model.calibration
    for room in (100, 777):
        lattice = replace(segmenter._cutter.lattice(text, False), room=room)
        assert best_cuts(lattice, text, 5) == cuts
        assert np.array_equal(gap_probabilities(lattice, scale), probabilities)
        assert random_cut(lattice, text, scale, 1, 7) == drawn
    assert segmenter is SINGLE or probabilities.min() < 0.1 < 0.9 < probabilities.max() <= 1


def test_runs_do_not_depend_on_one_another():
    lines = sample_text()[:3000].split("\n")
    with interpreting(False):
        whole = EXTENDED.boundary_probabilities("\n".join(lines))
        at = 0
        for line in lines:
            alone = EXTENDED.boundary_probabilities(line)
            assert whole[at : at + len(alone)] == pytest.approx(alone, abs=1e-12)
            at += len(line) + 1


def test_memory_follows_the_text():
    with interpreting(False):
        lattice = EXTENDED._cutter.lattice(long_line(200_000), False)
    held = [edges.nbytes for _, _, edges in lattice.blocks()]
    assert max(held) <= 8 * 15 * 4096 and len(held) == math.ceil(lattice.size / lattice.room)


# Temperature and granularity


def test_temperature():
    text = sample_text()[:2000]
    best = spans_of(text, EXTENDED.cut(text))
    shared = []
    for temperature in (0, 1e-10, 1e-4, 0.3, 1, 3, 30, 1000):
        drawn = EXTENDED.sample(text, temperature, 11)
        shared.append(len({*best} & {*spans_of(text, drawn)}))
        assert drawn == EXTENDED.sample(text, temperature, 11)
    assert shared[0] == shared[1] == shared[2] == len(best)
    assert all(more > fewer for more, fewer in itertools.pairwise(shared[2:-1]))
    assert len({tuple(EXTENDED.sample(text, 1, seed)) for seed in range(20)}) == 20


def test_granularity():
    text = sample_text()[:2000]
    means = [EXTENDED.with_granularity(nats).boundary_probabilities(text).mean() for nats in (-4, -1, 0, 1, 4)]
    assert means == sorted(means) and means[-1] - means[0] > 0.1
    finer = EXTENDED.with_granularity(3)
    assert finer.nbest(text, 1)[0].words == finer.cut(text) != EXTENDED.cut(text)


def test_probabilities_do_not_change_with_the_scale_of_a_tuned_model():
    sentences = [SEGMENTER.cut(line) for line in sample_text()[:9000].split("\n") if line]
    tuned = SEGMENTER.tune(sentences)
    assert tuned.model.card["tuned"]["wins"] is False
    assert tuned.model.calibration == SEGMENTER.model.calibration


# Errors


@pytest.mark.parametrize("n", [0, -1, 1001, 2.5, "3", None])
def test_wrong_number(n):
    with pytest.raises(UsageError, match="choose a whole number from 1 to 1000"):
        SEGMENTER.nbest("今天", n)


@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf"), 1001, "1", None])
def test_wrong_temperature(temperature):
    with pytest.raises(UsageError, match="choose a number from 0 to 1000"):
        SEGMENTER.sample("今天", temperature)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None])
def test_wrong_seed(seed):
    with pytest.raises(UsageError, match="choose a whole number, 0 or more"):
        SEGMENTER.sample("今天", 1, seed)


@pytest.mark.parametrize("options", [{"method": "cohesion", "cohesion_revision": 2015}, {"method": "lm"}])
def test_methods_without_scores_of_words(options):
    segmenter = segtool.train(texts=["今天天气很好。" * 9], **options)
    for use in (
        lambda: segmenter.nbest("今天", 2),
        lambda: segmenter.sample("今天"),
        lambda: segmenter.sample("今天", 0),
        lambda: segmenter.boundary_probabilities("今天"),
    ):
        with pytest.raises(UsageError, match="does not score words"):
            use()


@pytest.mark.parametrize("options", [{"method": "entropy"}, {"method": "cohesion"}])
def test_other_methods_with_scores_of_words(options):
    segmenter = segtool.train(texts=[sample_text()], **options)
    text = sample_text()[:400]
    assert segmenter.nbest(text, 3)[0].words == segmenter.cut(text)
    assert segmenter.boundary_probabilities(text).min() >= 0
