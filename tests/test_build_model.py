"""A model holds what was learned: the lexicon, the boundary model and the scores of unknown words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lexicon.boundary_model import fit_boundary_model
from segtool.lexicon.build import build_model, join_numbers
from segtool.lexicon.em import learn
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import BOUNDARY_FANOUT, score
from segtool.settings import LexiconSettings, TrainingSettings
from segtool.text.runs import Corpus, RunCollector
from tests import naive
from tests.toy_decoder import Decoder

LINES = st.lists(st.text(st.sampled_from("一丁七1a，"), min_size=1, max_size=8), min_size=1, max_size=6)


@given(LINES, st.integers(1, 4), st.integers(1, 3))
def test_a_model_decodes_as_its_word_list_says(lines, max_word_len, min_count):
    """build_model lays out what the lexicon holds: weights in whole steps, one for unknown characters."""
    collector = RunCollector()
    collector.add("\n".join(lines))
    runs = Corpus([collector], fold=False)
    candidates = score(count_stream(runs.whole().stream, runs.codes, max_word_len + 1), max_word_len, min_count)
    learned = learn(runs, candidates, LexiconSettings(passes=2, length_penalty=1.0))
    lexicon, model = learned.words, build_model(candidates, learned, {"parameters": {"max_word_len": max_word_len}})
    weights = {
        tuple(model.symbols[word["symbols"][: word["length"]]].tolist()): round(weight * WEIGHT_UNIT)
        for word, weight in zip(model.words, lexicon.weight.tolist(), strict=True)
    }
    scores = naive.scores(naive.runs("\n".join(lines)), max_word_len, min_count, BOUNDARY_FANOUT)
    for symbols, record in zip(weights, model.words, strict=True):
        if symbols in scores:  # numbers and Latin are there also when they do not occur
            columns = ("count", "cohesion", "left_entropy", "right_entropy")
            expected = [getattr(scores[symbols], name) for name in columns]
            assert [record[name] for name in columns] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert model.words["expected"].tolist() == lexicon.expected.tolist()
    unknown = round(lexicon.unknown_weight * WEIGHT_UNIT)
    assert model.lexicon[4 * len(model.symbols) + 2] == unknown
    assert not model.lexicon[3::4].any()
    assert model.spelling.tolist() == [0] * (4 * len(model.symbols) + 4)
    assert unknown < min(weight for word, weight in weights.items() if len(word) == 1)
    for text in (*lines, "一𠮷丁七", "七𠮷𠮷1"):
        assert Decoder.of(model).compiled(text)[0] == naive.cut(text, weights, unknown)


def test_boundary_model_and_unknown_words_join_the_model(sample_candidates, sample_chunks):
    settings = TrainingSettings(unknown_len=3, tagger_min_count=5)
    learned = learn(sample_chunks, sample_candidates, settings)
    card: dict[str, object] = {"parameters": {"max_word_len": len(sample_candidates.levels), "unknown_len": 3}}
    plain = build_model(sample_candidates, learned, card)
    model = build_model(sample_candidates, learned, card, settings)
    units = model.lexicon.copy()
    units[3::4] = 0
    sample = join_numbers(learned.sample, learned.boundaries, sample_candidates.codes)
    assert (model.lexicon[3::4] == fit_boundary_model(*sample, units, settings)).all()
    assert model.lexicon[3::4].any()
    assert not plain.lexicon[3::4].any()
    assert (model.spelling == spelling_steps(spelling_scores(plain.words, plain.symbols, settings))).all()
    assert model.unknown_len == 3
    assert model.words.tobytes() == plain.words.tobytes()


def test_frequent_pairs_are_laid_out_for_the_boundary_model(sample_candidates, sample_chunks):
    learned = learn(sample_chunks, sample_candidates, LexiconSettings())
    card: dict[str, object] = {"parameters": {"max_word_len": len(sample_candidates.levels)}}
    model = build_model(sample_candidates, learned, card, TrainingSettings(tagger_min_count=5))
    units = model.lexicon.reshape(-1, 4)
    pairs = sample_candidates.levels[1]
    for symbol, first, count in zip(pairs.symbol.tolist(), pairs.parent.tolist(), pairs.count.tolist(), strict=True):
        if count >= 5:
            assert units[units[first, 0] + symbol, 1] == first
