"""Tuning with a word list as prior, and with dictionaries that are added to the result."""

from __future__ import annotations

import json

import pytest

import segtool
from segtool.errors import UsageError
from segtool.evaluation import evaluate
from segtool.guideline.dictionary import Dictionary
from segtool.guideline.tune import tune_model
from segtool.segmenter import Segmenter
from segtool.store.model import DICTIONARY
from tests.helpers import GOLD, contents, interpreting, refusal, run, sample_model, sample_segmenter, succeed

SENTENCES = [line.split() for line in GOLD.read_text(encoding="utf-8").splitlines()]
LABELLED, OTHERS = SENTENCES[:100], SENTENCES[100:]
LISTED = sorted({word for words in SENTENCES for word in words})


def f1(segmenter):
    """F1 on the sentences that are not labelled."""
    cut = segmenter.cut_batch("".join(words) for words in OTHERS)
    return evaluate([" ".join(words) for words in OTHERS], [" ".join(words) for words in cut]).f1


@pytest.fixture(scope="module")
def tuned():
    return sample_segmenter().tune(LABELLED, words=LISTED, words_only=True)


def test_a_list_and_sentences_help_more_than_either(tuned):
    assert f1(tuned) > f1(sample_segmenter().with_words(words=LISTED, words_only=True)) > f1(sample_segmenter())
    assert f1(tuned) > f1(sample_segmenter().tune(LABELLED))
    card = tuned.model.card
    assert card["tuned"]["wins"] and card[DICTIONARY]["words"] == len(LISTED) and card[DICTIONARY]["words_only"]


def test_figures_before_are_those_of_the_list():
    listed = sample_segmenter().with_words(words=LISTED, words_only=True)
    report = tune_model(sample_segmenter().model, LABELLED, dictionary=Dictionary.of(words=LISTED, words_only=True))[1]
    cut = listed.cut_batch("".join(words) for words in LABELLED)
    lines = [" ".join(words) for words in LABELLED]
    assert report.before == evaluate(lines, [" ".join(words) for words in cut])


def test_a_model_with_a_list_is_tuned_alike(tuned):
    listed = sample_segmenter().with_words(words=LISTED, words_only=True)
    texts = ["".join(words) for words in OTHERS]
    assert listed.tune(LABELLED).cut_batch(texts) == tuned.cut_batch(texts)


def test_the_plain_and_the_compiled_path_agree(tuned):
    for words in OTHERS[:30]:
        with interpreting(True):
            plain = tuned.cut("".join(words))
        with interpreting(False):
            assert tuned.cut("".join(words)) == plain


def test_words_in_three_strengths_are_added_to_the_tuned_model():
    seg, given = sample_segmenter(), Dictionary.of(force=["天天气"], forbid=["我们"], prefer=["很好"])
    tuned, report = tune_model(seg.model, LABELLED, dictionary=given)
    alone, report_alone = tune_model(seg.model, LABELLED)
    assert report == report_alone
    after = Segmenter(alone).with_words(force=["天天气"], forbid=["我们"], prefer=["很好"])
    texts = ["今天天气很好，我们去公园。", *("".join(words) for words in OTHERS)]
    assert Segmenter(tuned).cut_batch(texts) == after.cut_batch(texts)
    assert "天天气" in Segmenter(tuned).cut(texts[0]) and "我们" not in Segmenter(tuned).cut(texts[0])


def test_a_model_with_strong_words_is_not_tuned():
    with pytest.raises(UsageError, match="tune it, then add them"):
        sample_segmenter().with_words(force=["天气"]).tune(LABELLED)
    with pytest.raises(UsageError, match="there is no word list"):
        sample_segmenter().tune(LABELLED, words_only=True)


def test_command(tuned, tmp_path):
    gold, listed = tmp_path / "gold.txt", tmp_path / "listed.txt"
    gold.write_text("".join(" ".join(words) + "\n" for words in LABELLED), encoding="utf-8")
    listed.write_text("".join(f"{word} 3 n\n" for word in LISTED), encoding="utf-8")
    words = ["--words", listed, "--words-only"]
    done = succeed("tune", gold, "-m", sample_model(), *words, "-o", tmp_path / "m", "-j", 2)
    assert b"after    F1" in done.stderr
    segtool.load(sample_model()).tune(LABELLED, words=LISTED, words_only=True).save(tmp_path / "same")
    assert contents(tmp_path / "m") == contents(tmp_path / "same")
    forced = tmp_path / "forced.txt"
    forced.write_text("天天气\n", encoding="utf-8")
    succeed("tune", gold, "-m", sample_model(), *words, "--force", forced, "-o", tmp_path / "forced")
    cut = succeed("cut", "-m", tmp_path / "forced", input="今天天气很好。\n".encode()).stdout.decode()
    assert "天天气" in cut.split()
    card = json.loads((tmp_path / "forced" / "card.json").read_text(encoding="utf-8"))
    assert card[DICTIONARY]["words"] == len(LISTED) and card[DICTIONARY]["force"] == 1


@pytest.mark.parametrize(
    ("listed", "options", "code", "what"),
    [
        ("今天\n\x07\n", ["--words", "listed.txt"], 1, "listed.txt, line 2"),
        ("", ["--words", "listed.txt"], 1, "listed.txt"),
        ("今天\n", ["--words-only"], 2, "no word list"),
        ("今天\n", ["--words", "-"], 2, "standard input"),
        ("今\n", ["--forbid", "listed.txt"], 1, "listed.txt, line 1: 今"),
    ],
)
def test_command_refuses(tmp_path, listed, options, code, what):
    (tmp_path / "listed.txt").write_text(listed, encoding="utf-8")
    gold = "-" if "-" in options else tmp_path / "gold.txt"
    (tmp_path / "gold.txt").write_text("今天 天气\n很 好\n" * 9, encoding="utf-8")
    done = run("tune", gold, "-m", sample_model(), "-o", tmp_path / "m", *options, cwd=tmp_path, input=b"")
    assert done.returncode == code and what in refusal(done.stderr)
    assert not (tmp_path / "m").exists()
