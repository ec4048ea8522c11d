"""Keywords of a text: scores from the definition, what is left out, and the command."""

import json
import math

import pytest

import segtool
from segtool.keywords import COMMON, LEAST_RATIO, SIGNIFICANT, _likelihood_ratio, background_of
from segtool.text.folding import fold_text
from tests.helpers import refusal, run, sample_segmenter, sample_text, succeed

PANDAS = "熊猫吃竹子。熊猫爱睡觉，竹子是熊猫的食物，大熊猫是国宝。2023年，他在Linux上写了3篇，Linux很好。"


def log_likelihood(share, count, words):
    """Of so many occurrences among so many words, by the binomial distribution, without its coefficient."""
    return count * math.log(share) + (words - count) * math.log(1 - share)


@pytest.mark.parametrize(
    ("here", "before", "of_text", "total"), [(5, 3.5, 100, 9000), (1, 4, 7, 1e7), (99, 1e3, 100, 1e4)]
)
def test_scores_are_likelihood_ratios(here, before, of_text, total):
    """Minus twice the log of the ratio of likelihoods, as Dunning defines it."""
    same = (here + before) / (of_text + total)
    ratio = log_likelihood(same, here, of_text) + log_likelihood(same, before, total)
    ratio -= log_likelihood(here / of_text, here, of_text) + log_likelihood(before / total, before, total)
    assert _likelihood_ratio(here, before, of_text, total) == pytest.approx(-2 * ratio)


def test_a_text_of_one_word():
    assert [each.word for each in segtool.load().keywords("熊猫")] == ["熊猫"]
    assert segtool.load().keywords("") == segtool.load().keywords("。，  2023") == []


def test_keywords():
    seg = segtool.load()
    found = {each.word: each for each in seg.keywords(PANDAS)}
    assert {"熊猫", "竹子", "Linux"} <= found.keys()
    assert found["熊猫"].count == 3 or found["熊猫"].count == 4  # with 大, or without
    assert not {"的", "是", "他", "在", "了", "，", "2023", "3", "2023年"} & found.keys()
    background = background_of(seg)
    total = sum(background.values())
    for each in found.values():
        assert each.score >= SIGNIFICANT and each.count >= LEAST_RATIO * each.expected
        assert background.get(fold_text(each.word), 0) <= COMMON * total
    scores = [each.score for each in seg.keywords(PANDAS, None)]
    assert scores == sorted(scores, reverse=True)
    assert seg.keywords(PANDAS, 2) == seg.keywords(PANDAS, None)[:2]


def test_both_scripts_and_cases_count_as_one():
    found = segtool.load().keywords("研究貓熊。研究猫熊。猫熊很可爱。LINUX和Linux和Linux")
    words = {each.word: each.count for each in found}
    assert words["Linux"] == 3
    assert "猫熊" in words or {"猫", "熊"} & words.keys()
    assert "貓熊" not in words and "LINUX" not in words


def test_the_text_that_a_model_has_learned_is_as_expected():
    """Of the words of its own text, hardly any are many times as frequent as it expects."""
    assert len(sample_segmenter().keywords(sample_text(), None)) < 5
    assert len(segtool.load().keywords(sample_text(), None)) > 100


def test_parts_of_a_text_are_one_text():
    lines = sample_text().splitlines(keepends=True)
    assert segtool.load().keywords(lines) == segtool.load().keywords("".join(lines))


@pytest.mark.parametrize(("arguments", "message"), [(("好", -1), "--top takes 0"), ((3,), "keywords()"), (([3],), "3")])
def test_wrong_arguments(arguments, message):
    with pytest.raises(segtool.UsageError) as error:
        segtool.load().keywords(*arguments)
    assert message in str(error.value)


def test_the_command(tmp_path):
    (tmp_path / "text").write_text(PANDAS, encoding="utf-8")
    found = segtool.load().keywords(PANDAS, 3)
    header, *rows = succeed("keywords", tmp_path / "text", "--top", 3).stdout.decode().splitlines()
    assert header.split("\t") == ["word", "score", "count", "expected"]
    assert [row.split("\t")[0] for row in rows] == [each.word for each in found]
    lines = succeed("keywords", "--top", 3, "--format", "jsonl", input=PANDAS.encode()).stdout.splitlines()
    assert [list(map(str, json.loads(line).values())) for line in lines] == [row.split("\t") for row in rows]


def test_the_command_refuses_standard_input_twice():
    done = run("keywords", "-", "-")
    assert done.returncode == 2 and "only once" in refusal(done.stderr)
