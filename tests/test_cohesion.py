"""Cohesion against a naive reading of the articles: n-grams kept, neighbours joined, words checked."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool import UsageError, train
from segtool.decode.decoders import decoder_of
from segtool.lexicon.build import build_model
from segtool.lexicon.trie import candidate_trie
from segtool.methods.cohesion import _mark_joined, learn
from segtool.ngrams.scores import BOUNDARY_FANOUT
from segtool.settings import CohesionSettings
from segtool.store.model import Model
from tests import naive
from tests import naive_methods as methods
from tests.helpers import SAMPLE, any_text

LINES = st.lists(st.text(st.sampled_from("一丁丁七七1a，"), min_size=1, max_size=12), min_size=1, max_size=8)
TEXTS = LINES.map("\n".join) | LINES.map(lambda lines: "\n".join(lines * 2))
# no logarithm of a fraction, so that rounding does not decide; much is kept
THRESHOLDS = st.lists(st.sampled_from([-3.0, -0.5, 0.05, 0.3, 0.6, 1.1, 2.0]), min_size=1, max_size=4).map(tuple)
PARAMETERS = st.builds(CohesionSettings, THRESHOLDS, st.integers(1, 3), st.just(2017))


def setup(text, max_word_len, min_count):
    runs = methods.runs_of(text)
    return runs, methods.candidates_of(runs, max_word_len, min_count)


@settings(max_examples=250)
@given(TEXTS, st.integers(1, 5), st.integers(1, 2), PARAMETERS)
def test_words_are_naive(text, max_word_len, min_count, parameters):
    """Kept, joined, counted, checked back: from the docstring, over runs of codes."""
    _, candidates = setup(text, max_word_len, min_count)
    learned = learn(methods.corpus_of(text), candidates, parameters)
    words = learned.words
    found = naive.runs(text)
    table = naive.scores(found, max_word_len, min_count, BOUNDARY_FANOUT)
    kept = methods.kept(table, parameters.cohesion_thresholds, parameters.cohesion_min_count)
    longest = min(len(parameters.cohesion_thresholds) + 1, max_word_len)
    counts = methods.counted(word for run in found for word in methods.joined_words(run, kept))
    checked = {w: n for w, n in counts.items() if w in table and methods.checks_back(w, kept, longest)}
    expected = methods.frequency_weights(checked, {s for run in found for s in run} | {*methods.CLASSES})
    assert learned.decoder == "lattice"
    assert learned.decoding is words
    lexicon = methods.as_dict(words, candidates)
    assert lexicon.keys() == expected.keys()
    for word, (weight, count) in expected.items():
        assert lexicon[word] == (pytest.approx(weight, rel=1e-12), count)
    assert words.unknown_weight < min(weight for weight, _ in expected.values())


@settings(max_examples=150)
@given(TEXTS, st.sets(st.lists(st.sampled_from([ord("一"), ord("丁"), 1]), min_size=2, max_size=4).map(tuple)))
def test_join_is_naive(text, wanted):
    """The kernel, on n-grams of any choice and not only those whose parts are kept too."""
    runs, candidates = setup(text, 4, 1)
    units, nodes = candidate_trie(candidates)
    kept = np.zeros(len(units) // 2, np.bool_)
    for k in range(2, 5):
        grams = [tuple(candidates.codes[gram]) for gram in spelled(candidates, k)]
        kept[candidates.split(nodes)[k - 1]] = [gram in wanted for gram in grams]
    for longest in (1, 2, 3, 4):
        joined = np.zeros(len(runs.stream), np.bool_)
        _mark_joined(runs.stream, units, kept, longest, joined)
        some = {gram for gram in wanted if len(gram) <= longest}
        expected = [False]  # of the boundary before the first run
        for run in naive.runs(text):
            words = methods.joined_words(run, some)
            expected += [last < len(word) - 1 for word in words for last in range(len(word))] + [False]
        assert joined.tolist() == expected


def spelled(candidates, k):
    from segtool.ngrams.table import spell

    return spell(candidates.levels, k, np.arange(len(candidates.levels[k - 1])))


def test_back_check_throws_out_what_was_joined_by_accident():
    """一丁七 is joined through 一丁 and 丁七 but is no kept n-gram itself."""
    text = "\n".join(["一丁"] * 6 + ["丁七"] * 6 + ["一丁七"] * 3 + ["万丈"] * 9)
    model = train(texts=[text], method="cohesion", cohesion_thresholds=(0.1, 9.0)).model
    words = {model.spell(i) for i in range(len(model.words))}
    assert {"一丁", "丁七", "万丈"} <= words
    assert "一丁七" not in words
    model = train(texts=[text], method="cohesion", cohesion_thresholds=(0.1, -9.0)).model
    assert "一丁七" in {model.spell(i) for i in range(len(model.words))}


# ---------------------------------------------------------------- revision 2015


def pairs_model(text, max_word_len, min_count, parameters):
    _, candidates = setup(text, max_word_len, min_count)
    learned = learn(methods.corpus_of(text), candidates, parameters)
    card: dict[str, object] = {"decoder": learned.decoder, "parameters": {"max_word_len": max_word_len}}
    return build_model(candidates, learned, card), candidates, learned.words


def naive_cut(text, kept):
    """Cut between all neighbours that are no kept pair."""
    return methods.cut_runs(text, lambda run: methods.joined_words(run, kept))


CUTS = st.lists(st.sampled_from("一丁丁七七1a，𠮷% \n.\u0301"), max_size=14).map("".join)


@settings(max_examples=200)
@given(TEXTS, st.integers(1, 4), THRESHOLDS, st.integers(1, 3), CUTS)
def test_2015_cuts_where_the_pair_is_not_kept(text, max_word_len, thresholds, min_count, other):
    parameters = CohesionSettings(thresholds, min_count, 2015)
    model, candidates, words = pairs_model(text, max_word_len, 1, parameters)
    found = naive.runs(text)
    table = naive.scores(found, max_word_len, 1, BOUNDARY_FANOUT)
    kept = methods.kept(table, thresholds[:1], min_count)
    cutter = methods.Cutter(decoder_of(model))
    for each in (text, other):
        expected = naive_cut(each, kept)
        assert cutter.compiled(each) == (expected, len(each))
        assert cutter.interpreted(each) == (expected, len(each))
    counts = methods.counted(word for run in found for word in methods.joined_words(run, kept))
    counts = {word: count for word, count in counts.items() if word in table}
    expected_words = methods.frequency_weights(counts, {s for run in found for s in run} | {*methods.CLASSES})
    assert {w: c for w, (_, c) in methods.as_dict(words, candidates).items()} == {
        w: c for w, (_, c) in expected_words.items()
    }


PAIRS: Model = pairs_model("一丁七一丁七\n丁1a丁1a\n七𠮷", 3, 1, CohesionSettings((-9.0,), 1, 2015))[0]


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from("一丁七1a，𠮷% \n.\r\u0301"), max_size=24).map("".join) | any_text,
    st.lists(st.integers(0, 24), max_size=5),
)
def test_2015_in_pieces(text, cuts):
    cutter = methods.Cutter(decoder_of(PAIRS))
    assert cutter.pieces(text, cuts)[0] == cutter.compiled(text)[0]


def test_2015_keeps_no_more_than_the_word_that_is_open(sample_text):
    model = train(SAMPLE, method="cohesion", cohesion_revision=2015).model
    cutter = methods.Cutter(decoder_of(model))
    text = "".join(c for c in sample_text if "一" <= c <= "龥")
    words, kept = cutter.pieces(text, range(0, len(text), 50))
    assert words == cutter.compiled(text)[0]
    assert kept <= max(end - start for start, end in words) + 1
    assert any(end - start > 2 for start, end in words)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("revision", [2016, 0, -2017])
def test_revision_that_there_is_not(sample_chunks, sample_candidates, revision):
    with pytest.raises(UsageError, match=f"--cohesion-revision {revision}: choose 2015 or 2017"):
        learn(sample_chunks, sample_candidates, CohesionSettings(cohesion_revision=revision))


@pytest.mark.parametrize("revision", [2015, 2017])
def test_no_threshold(sample_chunks, sample_candidates, revision):
    with pytest.raises(UsageError, match=r"--cohesion-thresholds \(\): give one number or more"):
        learn(sample_chunks, sample_candidates, CohesionSettings((), 3, revision))


def test_thresholds_and_counts_are_respected(sample_chunks, sample_candidates, sample_text):
    """All kept or none kept: what the limits do at their ends."""
    nothing = [CohesionSettings((1e9,) * 3), CohesionSettings(cohesion_min_count=10**9)]
    for parameters in nothing:
        words = learn(sample_chunks, sample_candidates, parameters).words
        assert set(sample_candidates.lengths()[words.at].tolist()) == {1}
    never = train(texts=[sample_text], method="cohesion", cohesion_revision=2015, cohesion_thresholds=(1e9,))
    assert len(naive_cut(sample_text, set())) == len(never.cut(sample_text))
    sizes = []
    for threshold in (-1e9, 1.0, 3.0, 5.0):
        decoding = learn(sample_chunks, sample_candidates, CohesionSettings((threshold,), 1, 2015)).decoding
        sizes.append(len(decoding.at))
    assert sizes[0] == len(sample_candidates.levels[1])
    assert all(more > fewer for more, fewer in itertools.pairwise(sizes))
