"""Explanations: scores and alternatives are those of all covers, sums are exact, and every text has a report."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import assume, given, settings

import segtool
from segtool.decode.block import ROWS, Scratch
from segtool.decode.rule_table import DOTS
from segtool.decode.texts import TextCutter
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.explain.explain import MOST_CHARACTERS, ORIGINS, explain_runs
from segtool.limits import LONGEST_WORD
from segtool.segmenter import Segmenter
from segtool.text.symbols import NUM, tokenise
from tests import naive, naive_explain
from tests.helpers import any_text, extend, sample_model, sample_segmenter, sample_text
from tests.naive import STRANGE
from tests.toy_decoder import TEXTS, UNKNOWN, decoders

SEGMENTER = sample_segmenter()
EXTENDED = Segmenter(extend(SEGMENTER.model, 3))
TEXT = "医生说今天要休息，12.5%的人在北京大学学习C++。"


def no_counts(symbols):
    return None


def has_rules(text):
    """Whether a text has a number or a dot, beside which rules may change what is explained: the best cover."""
    return NUM in tokenise(text, SEGMENTER.model.reading)[0] or any(dot in text for dot in DOTS)


def steps(nats):
    """A score in steps, which must be a whole number of them."""
    assert float(nats * WEIGHT_UNIT).is_integer()
    return int(nats * WEIGHT_UNIT)


# Against all covers


def runs_of(decoder, text):
    """Runs of a text as codes, with the weights of all their words."""
    extras = decoder.extras
    for found in naive.runs_of_tokens(naive.tokens(text)):
        codes = [code if not extras.tags or (code,) in extras.tags else STRANGE for _, _, code in found]
        singles = {(code,): UNKNOWN for code in codes if (code,) not in decoder.weights}
        yield found, codes, decoder.weights | singles


def with_detour(cut, alternative):
    """The words of a cut, as (start, end), with an alternative in its place."""
    inside = [word for word in cut if alternative.start <= word[0] < alternative.end]
    assert inside[0][0] == alternative.start and inside[-1][1] == alternative.end
    ends = list(itertools.accumulate(map(len, alternative.words), initial=alternative.start))
    assert ends[-1] == alternative.end
    other = list(itertools.pairwise(ends))
    assert other[0] != inside[0] and other[-1] != inside[-1]
    return (
        [word for word in cut if word not in inside and word[0] < alternative.start]
        + other
        + [word for word in cut if word[0] >= alternative.end]
    )


@settings(max_examples=400)
@given(decoders(), TEXTS)
def test_explanations_are_naive(decoder, text):
    explained = [each for each in explain_runs(TextCutter(decoder.decoder), text, no_counts) if each.origin is None]
    for one, (found, codes, weights) in zip(explained, runs_of(decoder, text), strict=True):
        score, words, gaps, without, score_of, shares = naive_explain.explain(codes, weights, decoder.extras)
        assert steps(one.score) == score
        starts = [start for start, _, _ in found]
        at = {start: i for i, start in enumerate([*starts, found[-1][1]])}
        seen = {(at[w.start], at[w.end]): (steps(w.score), steps(w.loss), w.chosen) for w in one.words}
        assert seen == words
        assert [(steps(gap.score), gap.chosen) for gap in one.gaps] == gaps
        assert [gap.place for gap in one.gaps] == starts[1:]
        for word in one.words:
            assert word.probability == pytest.approx(shares[at[word.start], at[word.end]], rel=1e-6, abs=1e-9)
        for gap in one.gaps:
            assert gap.probability == pytest.approx(shares[at[gap.place]], rel=1e-6, abs=1e-9)
        cut = [(word.start, word.end) for word in one.cover]
        for item in (*one.cover, *one.gaps):
            place = (at[item.start], at[item.end]) if hasattr(item, "start") else at[item.place]
            if item.alternative is None:
                assert without[place] is None
                continue
            assert steps(item.alternative.loss) == without[place]
            other = with_detour(cut, item.alternative)
            cover = [tuple(codes[at[start] : at[end]]) for start, end in other]
            assert score - score_of(cover) == without[place]
            if hasattr(item, "start"):
                assert (item.start, item.end) not in other
            else:
                assert (item.place in {start for start, _ in other}) != item.chosen


# Sums


def kernel_score(decoder, symbols):
    """Score of the best cover of a run by the compiled kernel, in steps."""
    size = len(symbols)
    scratch = Scratch(size)
    scratch.put(np.array(symbols, np.uint16))
    settled, _ = decoder.search(size, size, 0, scratch, np.empty(LONGEST_WORD * size, np.int64))
    assert settled == size
    return int(scratch.scores[(LONGEST_WORD + 1) * (len(scratch.places) // ROWS)])


@given(any_text)
def test_sums_are_exact(text):
    for segmenter in (SEGMENTER, EXTENDED, EXTENDED.with_granularity(1.7)):
        explanation = segmenter.explain(text)
        assert explanation.words == segmenter.cut(text)
        runs = [symbols for _, symbols in segmenter._cutter.decoder.plain_runs(text)]
        for one, symbols in zip(explanation.runs, runs, strict=True):
            assert (one.origin == "mark") == (not symbols)
            for word in one.words:
                assert word.score == sum(part.nats for part in word.parts)
                assert word.origin in ORIGINS
            for gap in one.gaps:
                assert gap.score == gap.tagger + gap.granularity == sum(part.nats for part in gap.parts)
            total = sum(word.score for word in one.cover) + sum(gap.score for gap in one.cuts)
            assert total == one.score
            assert len(one.cuts) == max(len(one.cover) - 1, 0)
            if symbols:
                assert steps(one.score) == kernel_score(segmenter._cutter.decoder, symbols)
        assert explanation.score == sum(one.score for one in explanation.runs)


def test_a_long_run_adds_up():
    text = sample_text().translate({ord(c): None for c in "，。、；：？！\n “”"})[:3000]
    (one, *_), symbols = EXTENDED.explain(text).runs, next(EXTENDED._cutter.decoder.plain_runs(text))[1]
    assert steps(one.score) == kernel_score(EXTENDED._cutter.decoder, symbols)


def test_granularity_is_a_share_of_each_gap():
    before, after = EXTENDED.explain(TEXT), EXTENDED.with_granularity(2).explain(TEXT)
    for old, new in zip(before.runs, after.runs, strict=True):
        for gap, other in zip(old.gaps, new.gaps, strict=True):
            assert (gap.granularity, other.granularity, gap.tagger) == (0, 2, other.tagger)
    assert "granularity +2.000" in after.report()
    assert "granularity" not in before.report()


@given(any_text)
def test_probabilities_are_calibrated_as_elsewhere(text):
    assume(not has_rules(text))
    for segmenter in (SEGMENTER, EXTENDED):
        expected = segmenter.boundary_probabilities(text)
        for one in segmenter.explain(text).runs:
            assert all(0 <= word.probability <= 1 for word in one.words)
            for gap in one.gaps:
                assert gap.probability == pytest.approx(expected[gap.place - 1], rel=1e-6, abs=1e-9)


@given(any_text)
def test_the_nearest_alternative_is_the_second_best_cut(text):
    assume(not has_rules(text))
    explanation = EXTENDED.explain(text)
    best, *others = EXTENDED.nbest(text, 2)
    assert (explanation.score, explanation.words) == (best.score, list(best.words))
    losses = [word.alternative.loss for one in explanation.runs for word in one.cover if word.alternative]
    assert min(losses, default=None) == (best.score - others[0].score if others else None)


# Origins


def test_origins():
    explanation = EXTENDED.explain("今天龘𠮷了")
    found = {word.word: word for one in explanation.runs for word in one.words}
    assert {found[c].origin for c in "龘𠮷"} == {"unknown character"}
    assert found["龘𠮷"].origin == "unknown word" and found["龘𠮷"].count is None
    assert [part.name for part in found["今天龘𠮷"].parts] == ["first", "middle", "middle", "last"]
    assert "".join(part.text for part in found["今天龘𠮷"].parts) == "今天龘𠮷"
    assert found["今天"].origin == "lexicon"
    assert found["今天"].count == sample_text().count("今天")
    assert 0 < found["今天"].expected <= found["今天"].count
    assert found["了"].count == sample_text().count("了")


def test_every_word_of_the_lexicon_has_its_count():
    words = SEGMENTER.model.words
    for i in range(0, len(words), 37):
        word = SEGMENTER.model.spell(i)
        (one,) = SEGMENTER.explain(word.replace("0", "5")).runs
        whole = one.words[-1] if len(one.symbols) == 1 else next(w for w in one.words if w.word == one.word)
        assert (whole.count, whole.expected) == (int(words["count"][i]), float(words["expected"][i]))


# Forms


def test_report():
    lines = SEGMENTER.explain(TEXT).report().split("\n")
    assert lines[0] == "cut    " + " ".join(SEGMENTER.cut(TEXT))
    assert lines[1].startswith("score  -") and lines[1].endswith(" nats")
    assert lines[2] == f"model  {sample_model()}"
    assert lines[4].split() == ["word", "nats", "prob", "from", "best", "other", "cut", "loses"]
    words = [line.split()[0] for line in lines[5:]]
    assert [word for word in words if word != "|"] == SEGMENTER.cut(TEXT)
    gaps = sum(len(one.cuts) for one in SEGMENTER.explain(TEXT).runs)
    assert words.count("|") == gaps > 3


@given(any_text)
def test_every_text_has_a_report_and_json(text):
    explanation = EXTENDED.explain(text)
    lines = str(explanation).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 3 or len(lines) > 5
    entry = json.loads(json.dumps(explanation.to_dict(), ensure_ascii=False))
    assert entry["text"] == text
    assert entry["cut"] == EXTENDED.cut(text)
    assert sum(one["score"] for one in entry["runs"]) == entry["score"] == explanation.score
    for one in entry["runs"]:
        chosen = [word["score"] for word in one["words"] if word["chosen"]]
        assert sum(chosen) + sum(gap["score"] for gap in one["gaps"] if gap["chosen"]) == one["score"]
        assert text[one["start"] : one["end"]] == one["word"]


@pytest.mark.parametrize("text", ["", " \n\u3000"])
def test_no_words(text):
    explanation = SEGMENTER.explain(text)
    assert (explanation.words, explanation.score, explanation.runs) == ([], 0, ())
    assert explanation.report().split("\n")[:2] == ["cut", "score  0.000 nats"]


# Limits


def test_too_long():
    SEGMENTER.explain("今。" * (MOST_CHARACTERS // 2))
    with pytest.raises(UsageError, match=r"10,001 characters: 10,000 at most"):
        SEGMENTER.explain("今" * (MOST_CHARACTERS + 1))


@pytest.mark.parametrize("options", [{"method": "cohesion", "cohesion_revision": 2015}, {"method": "lm"}])
def test_methods_without_scores_of_words(options):
    segmenter = segtool.train(texts=["今天天气很好。" * 9], **options)
    with pytest.raises(UsageError, match="explain: the method of this model does not score words"):
        segmenter.explain("今天")


@pytest.mark.parametrize("method", ["entropy", "cohesion", "dict"])
def test_other_methods_that_cut_by_scores(method):
    segmenter = segtool.train(texts=["今天 5\n天气 2\n"] if method == "dict" else [sample_text()], method=method)
    explanation = segmenter.explain(TEXT)
    assert explanation.words == segmenter.cut(TEXT)
    assert explanation.score != 0
