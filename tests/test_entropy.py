"""Autonomy against its definition over lists of variations."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from segtool import UsageError, train
from segtool.methods.entropy import autonomy_lexicon
from segtool.ngrams.scores import BOUNDARY_FANOUT
from segtool.settings import EntropySettings
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests import naive_methods as methods
from tests.helpers import SAMPLE

TEXTS = st.lists(st.text(st.sampled_from("一丁七1a，"), min_size=1, max_size=9), min_size=1, max_size=6).map("\n".join)
SETTINGS = st.builds(
    EntropySettings, st.sampled_from(["types", "occurrences"]), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 2.0])
)


def table_of(text, max_word_len, min_count):
    """Scores of the text; a class symbol that does not occur is seen beside nothing."""
    runs = naive.runs(text)
    table = naive.scores(runs, max_word_len, min_count, BOUNDARY_FANOUT)
    entropy = naive.entropy(methods.counted(symbol for run in runs for symbol in run).values())
    for symbol in methods.CLASSES:
        table.setdefault((symbol,), naive.Score(0, np.inf, 0.0, 0.0, -entropy, -entropy))
    return table


@settings(max_examples=200)
@given(TEXTS, st.integers(1, 4), st.integers(1, 3), SETTINGS)
@example("一1a\n一1a\n一一1\n一七一\n一一七1\n一一七1", 2, 3, EntropySettings("types", True, 0.0))
def test_autonomy_is_naive(text, max_word_len, min_count, parameters):
    candidates = methods.candidates_of(methods.runs_of(text), max_word_len, min_count)
    table = table_of(text, max_word_len, min_count)
    lexicon = autonomy_lexicon(candidates, parameters)
    expected = methods.autonomy(
        table, parameters.entropy_mean, parameters.entropy_scaled, parameters.entropy_length_power
    )
    found = methods.as_dict(lexicon, candidates)
    assert {word: weight for word, (weight, _) in found.items()} == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert {word: count for word, (_, count) in found.items()} == {word: row.count for word, row in table.items()}
    singles = [weight for word, weight in expected.items() if len(word) == 1]
    assert lexicon.unknown_weight == pytest.approx(min(0.0, *singles), rel=1e-6, abs=1e-6)


@given(TEXTS, SETTINGS)
def test_means_are_zero_over_what_they_are_taken(text, parameters):
    assume(naive.runs(text))
    candidates = methods.candidates_of(methods.runs_of(text), 3, 1)
    lexicon = autonomy_lexicon(candidates, parameters)
    for k in range(1, 4):
        here = (candidates.lengths()[lexicon.at] == k) & (lexicon.expected > 0)
        share = lexicon.expected[here] if parameters.entropy_mean == "occurrences" else np.ones(here.sum())
        assert abs((lexicon.weight[here] * share).sum()) < 1e-6 * max(share.sum(), 1) * 3**2


@pytest.mark.parametrize("mean", ["type", "", "Types", "tokens"])
def test_mean_of_neither_kind(sample_candidates, mean):
    with pytest.raises(UsageError, match=f"--entropy-mean {mean}: choose types or occurrences"):
        autonomy_lexicon(sample_candidates, EntropySettings(entropy_mean=mean))


def test_a_model_cuts_by_autonomy():
    """The best cover of a run has the greatest sum."""
    text = "今天天气很好。\n今天我们去公园。\n天气好我们去公园。\n今天气很好12。\n"
    model = train(texts=[text], method="entropy", max_word_len=3, min_count=1)
    expected = methods.autonomy(table_of(text, 3, 1), "types", True, 1.0)
    weights = {word: round(weight * 65536) for word, weight in expected.items()}
    unknown = min(weights[word] for word in weights if len(word) == 1)
    for line in (*text.splitlines(), "今天我们很好", "好天气1去", "今龘公园a"):
        spans = naive.cut(line, weights, unknown)
        assert model.cut(line) == [line[start:end] for start, end in spans]


def test_words_are_counted_as_they_are_cut(sample_text):
    segmenter = train(SAMPLE, method="entropy")
    cut = methods.counted(segmenter.cut(sample_text))
    model = segmenter.model
    for index in range(len(model.words)):
        codes = model.symbols[model.words["symbols"][index][: model.words["length"][index]]]
        if not np.isin(codes, [NUM, LAT]).any():
            count = cut[model.spell(index)]
            assert model.words["expected"][index] == (count or 0.5)


@pytest.mark.parametrize("mean", ["types", "occurrences"])
@pytest.mark.parametrize("size", [2, 3, 5, 6, 7])
def test_n_grams_that_are_all_alike(size, mean):
    """Their deviation is nothing, or what rounding leaves of nothing: it says nothing, and divides nothing."""
    chars = "一丁七万丈三上"[:size]
    text = "\n".join(chars[i] + chars[(i + 1) % size] for i in range(size))
    segmenter = train(texts=[text], method="entropy", entropy_mean=mean, min_count=1)
    assert "".join(segmenter.cut(text + "龘1")) == "".join(text.split()) + "龘1"
    assert abs(segmenter.model.lexicon.reshape(-1, 4)[: len(segmenter.model.symbols) + 1, 2]).max() < 100 * 65536


@pytest.mark.parametrize("power", [0.0, 3.0, 10.0])
def test_every_power_of_the_length_leaves_weights_that_fit(power):
    """A long word of great autonomy may not turn into no word because its weight has no room in the model."""
    text = "今天天气很好。\n今天我们去公园。\n天气很好我们去公园。\n" * 3
    try:
        model = train(texts=[text], method="entropy", entropy_length_power=power).model
    except UsageError:
        return
    candidates = methods.candidates_of(methods.runs_of(text), 6, 2)
    lexicon = autonomy_lexicon(candidates, EntropySettings(entropy_length_power=power))
    weights = model.lexicon.reshape(-1, 4)[:, 2]
    positive = np.count_nonzero(lexicon.weight * 65536 >= 1)
    assert np.count_nonzero(weights > 0) >= positive
