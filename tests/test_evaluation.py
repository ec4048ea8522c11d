"""Evaluation against slow twins and against the figures of others."""

import itertools
import json
import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import DataError, MismatchError, UsageError
from segtool.evaluation import PROTOCOLS, FrequentError, evaluate
from segtool.text.alignment import longest_common_subsequence
from tests.naive_evaluation import (
    characters,
    cut,
    cut_twice,
    joined,
    naive_errors,
    naive_lcs,
    naive_spans,
    vocabularies,
)

both_protocols = pytest.mark.parametrize("protocol", PROTOCOLS)


@given(st.lists(cut_twice(characters), max_size=3))
def test_spans_as_slow_twin(cuts):
    result = evaluate(*joined(cuts))
    assert result.correct == 1 + sum(len(naive_spans(gold) & naive_spans(guess)) for gold, guess in cuts)
    assert result.gold_words == 1 + sum(len(gold) for gold, _ in cuts)
    assert result.predicted_words == 1 + sum(len(guess) for _, guess in cuts)
    assert result.lines == 1 + len(cuts)


@given(cut_twice(), vocabularies)
def test_span_oov_as_slow_twin(cuts, vocabulary):
    gold, guess = cuts
    result = evaluate(*joined([cuts]), train_words=vocabulary)
    text = "".join(gold)
    unknown = {span for span in naive_spans(gold) if text[slice(*span)] not in vocabulary}
    assert result.oov_words == len(unknown)
    assert result.oov_correct == len(unknown & naive_spans(guess))
    assert result.iv_words == result.gold_words - len(unknown)
    assert result.iv_correct == result.correct - result.oov_correct


@given(cut_twice("aab", 40), vocabularies)
def test_sighan_as_slow_twin(cuts, vocabulary):
    result = evaluate(*joined([cuts]), protocol="sighan", train_words=vocabulary)
    words = naive_lcs(*cuts)
    assert result.correct == 1 + len(words)
    assert result.oov_correct == sum(word not in vocabulary for word in words)


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_longest_common_subsequence_of_any_lists(first, second):
    assert longest_common_subsequence(first, second) == naive_lcs(first, second)


@given(st.lists(cut_twice(), max_size=4))
def test_errors_as_slow_twin(cuts):
    counts = Counter(error for gold, guess in cuts for error in naive_errors(gold, guess))
    for protocol in PROTOCOLS:
        result = evaluate(*joined(cuts), protocol=protocol, top_errors=99)
        assert {(error.gold, error.predicted): error.count for error in result.errors} == counts
        assert [(-e.count, e.gold, e.predicted) for e in result.errors] == sorted(
            (-count, *pair) for pair, count in counts.items()
        )


@given(cut_twice("aab", 30))
def test_sighan_is_never_below_span(cuts):
    lines = joined([cuts])
    assert evaluate(*lines, protocol="sighan").correct >= evaluate(*lines).correct


@both_protocols
@given(cuts=st.lists(cut_twice(characters), max_size=3), data=st.data())
def test_gold_against_itself_in_other_whitespace(cuts, data, protocol):
    gold, _ = joined(cuts)
    space = st.text(" \t\u3000\xa0\u2028\x85", min_size=1, max_size=3)
    other = [data.draw(space) + data.draw(space).join(line.split()) + data.draw(space) for line in gold]
    result = evaluate(gold, other, protocol=protocol, train_words=["完"], top_errors=3)
    assert (result.precision, result.recall, result.f1, result.iv_recall) == (1, 1, 1, 1)
    assert result.oov_correct == result.oov_words
    assert result.errors == ()


# The two protocols


def test_the_protocols_differ_where_words_repeat():
    by_span = evaluate(["a a aa"], ["aa a a"])
    assert (by_span.precision, by_span.recall, by_span.f1) == (0, 0, 0)
    aligned = evaluate(["a a aa"], ["aa a a"], protocol="sighan")
    assert (aligned.correct, aligned.precision, aligned.recall) == (2, 2 / 3, 2 / 3)
    assert f"{aligned.f1:.3f}" == "0.667"


def test_figures():
    result = evaluate(["北京 大学 生 前来 应聘"], ["北京 大学生 前来 应聘"])
    assert (result.precision, result.recall) == (3 / 4, 3 / 5)
    assert result.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert (result.oov_rate, result.oov_recall, result.iv_recall) == (None, None, None)


@both_protocols
def test_oov_and_iv(protocol):
    gold, predicted = ["我 爱 北京 天安门"], ["我 爱 北京 天 安门"]
    result = evaluate(gold, predicted, protocol=protocol, train_words=["我", "爱"])
    assert (result.oov_rate, result.oov_recall, result.iv_recall) == (0.5, 0.5, 1.0)


def test_sighan_counts_an_unknown_word_that_was_moved():
    gold, predicted = ["a a aa"], ["aa a a"]
    assert evaluate(gold, predicted, protocol="sighan", train_words=["aa"]).oov_recall == 1.0
    assert evaluate(gold, predicted, protocol="span", train_words=["aa"]).oov_recall == 0.0


def test_equally_long_alignments_leave_the_gold_word_out_first():
    gold, predicted = ["a aa"], ["aa a"]
    assert evaluate(gold, predicted, protocol="sighan", train_words=["a"]).oov_correct == 1
    assert evaluate(gold, predicted, protocol="sighan", train_words=["aa"]).oov_correct == 0


def test_recall_of_an_empty_class_is_none():
    result = evaluate(["我 爱"], ["我 爱"], train_words=["我", "爱"])
    assert (result.oov_rate, result.oov_recall, result.iv_recall) == (0.0, None, 1.0)
    assert evaluate(["我"], ["我"], train_words=()).iv_recall is None


def test_errors_end_at_each_shared_boundary():
    # The two stretches touch; that must not make one error of them.
    result = evaluate(["ab c de"], ["a bc d e"], top_errors=9)
    assert result.errors == (FrequentError("ab c", "a bc", 1), FrequentError("de", "d e", 1))


def test_most_frequent_errors_first_and_ties_by_code_point():
    gold = ["北京市", "一 条", "一条", "北京市", "𠮷野"]
    predicted = ["北京 市", "一条", "一 条", "北京 市", "𠮷 野"]
    result = evaluate(gold, predicted, top_errors=3)
    assert result.errors == (
        FrequentError("北京市", "北京 市", 2),
        FrequentError("一 条", "一条", 1),
        FrequentError("一条", "一 条", 1),
    )
    assert evaluate(gold, predicted).errors == ()


@pytest.mark.parametrize("sep", ["/", "|", "//", " / ", "/ "])
def test_separator_of_the_predicted_words(sep):
    predicted = [sep.join(["我", "爱", "北京"]), sep.join(["天", "安门"]) + sep]
    result = evaluate(["我 爱 北京", "天安门"], predicted, sep=sep)
    assert (result.correct, result.predicted_words, result.sep) == (3, 5, sep.strip())


def test_separator_concerns_the_predicted_text_only():
    with pytest.raises(MismatchError, match=r"the text itself contains '/'.* another --sep"):
        evaluate(["我 / 你"], ["我/你"], sep="/")


# Memory and start


def test_lines_are_read_one_by_one():
    # An endless text: whoever collects lines first never comes back.
    with pytest.raises(MismatchError, match="line 3,"):
        evaluate(itertools.chain(["我", "我", "他"], itertools.repeat("我")), itertools.repeat("我"))


def test_memory_does_not_grow_with_the_number_of_lines():
    def peak(lines):
        tracemalloc.start()
        gold, predicted = (itertools.repeat(line, lines) for line in ("我 爱 北京", "我爱 北京"))
        evaluate(gold, predicted, top_errors=5, train_words=["我"])
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(5000) < peak(50) + 2000


def test_memory_for_a_document_on_one_line_is_not_quadratic():
    chance = random.Random(0)
    text = "".join(chance.choices("0123456789", k=9000))
    gold, predicted = (" ".join(cut(text, chance.choices([False, True], k=9000))) for _ in range(2))
    tracemalloc.start()
    result = evaluate([gold], [predicted], protocol="sighan")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    table = result.gold_words * result.predicted_words / 8
    assert table > 2_000_000
    assert peak < table / 2


def test_importing_loads_neither_numpy_nor_numba():
    code = "import sys, segtool.evaluation; print(sorted({'numpy', 'numba', 'kenlm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Texts that differ and bad arguments


@both_protocols
def test_texts_that_differ_name_line_and_character(protocol):
    gold = ["我 爱 你", "今天 天气 很 好"]
    predicted = ["我 爱 你", "今天天气 真 好"]
    with pytest.raises(MismatchError) as caught:
        evaluate(gold, predicted, protocol=protocol, gold_name="gold.txt", predicted_name="cut.txt")
    assert str(caught.value) == (
        "gold.txt and cut.txt differ in line 2, character 5 (whitespace not counted): "
        "'今天天气很好' against '今天天气真好'; "
        "cut the very text that gold was made from, in the same encoding and order of lines"
    )


def test_a_long_line_is_shown_around_the_difference_only():
    with pytest.raises(MismatchError) as caught:
        evaluate(["我" * 500 + "好" * 500], ["我" * 500 + "\n坏" + "好" * 500])
    message = str(caught.value)
    assert "character 501 " in message
    assert f"'{'我' * 10}{'好' * 10}' against '{'我' * 10}坏{'好' * 9}'" in message


@pytest.mark.parametrize(
    ("gold", "predicted", "character"), [("我爱", "我", 2), ("我", "我爱", 2), ("", "我", 1), ("我", "", 1)]
)
def test_a_line_that_ends_early_differs_there(gold, predicted, character):
    with pytest.raises(MismatchError, match=rf"line 1, character {character} "):
        evaluate([gold], [predicted])


def test_a_separator_that_was_not_named_is_suggested():
    with pytest.raises(MismatchError, match=r"if '\|' separates the predicted words, pass --sep '\|'"):
        evaluate(["我 爱 你"], ["我|爱|你"])


@pytest.mark.parametrize(("gold", "predicted"), [(1, 3), (3, 1)])
def test_line_counts_that_differ(gold, predicted):
    short, long = ("g", "p") if gold < predicted else ("p", "g")
    with pytest.raises(MismatchError, match=f"^{short} ends after line 1, {long} has a line 2: "):
        evaluate(["我"] * gold, ["我"] * predicted, gold_name="g", predicted_name="p")


@pytest.mark.parametrize("lines", [[], ["", " \u3000\t"]])
def test_no_words(lines):
    with pytest.raises(DataError, match="gold and predicted hold no words") as caught:
        evaluate(lines, lines)
    assert not isinstance(caught.value, MismatchError)


def test_unknown_protocol_names_the_known_ones():
    with pytest.raises(UsageError, match=r"'spans'.*--protocol takes span or sighan"):
        evaluate(["我"], ["我"], protocol="spans")


def test_negative_number_of_errors():
    with pytest.raises(UsageError, match="-1 errors"):
        evaluate(["我"], ["我"], top_errors=-1)


@pytest.mark.parametrize("place", range(3))
def test_one_str_is_no_list_of_lines(place):
    # A str is an iterable of its characters, so it would score, and mean nothing.
    arguments: list[Any] = [["我"], ["我"], ["我"]]
    arguments[place] = "我"
    with pytest.raises(UsageError, match="single str"):
        evaluate(*arguments[:2], train_words=arguments[2])


# What is reported


def test_report_states_the_settings():
    gold, predicted = ["北京市 一 条"], ["北京/市/一/条"]
    result = evaluate(
        gold,
        predicted,
        sep="/",
        top_errors=1,
        train_words=["一"],
        gold_name="g.txt",
        predicted_name="p.txt",
        train_name="w.txt",
    )
    assert str(result) == result.report()
    assert result.report().splitlines() == [
        "gold         g.txt",
        "predicted    p.txt, words separated by '/'",
        "protocol     span: a word is correct where both its ends are; whitespace is ignored",
        "lines        1",
        "precision    0.5000 (2 of 4 words)",
        "recall       0.6667 (2 of 3 words)",
        "F1           0.5714",
        "crossing     0.0000 (0 of 4 words), wrong under any guideline",
        "coarser      0.0000 (0 of 4 words), several gold words in one",
        "finer        0.5000 (2 of 4 words), a part of a gold word",
        "split pairs  - (no such words), of two characters, are predicted as two",
        "train words  w.txt, 1 different words",
        "OOV rate     0.6667 (2 of 3 words)",
        "OOV recall   0.5000 (1 of 2 words)",
        "IV recall    1.0000 (1 of 1 words)",
        "error 1×     北京市 → 北京 市",
    ]


@both_protocols
def test_report_of_other_settings(protocol):
    result = evaluate(["我"], ["我"], protocol=protocol, train_words=["我"])
    assert f"{protocol}: {PROTOCOLS[protocol]}" in str(result)
    assert "OOV recall   - (no such words)" in str(result)
    assert "OOV" not in str(evaluate(["我"], ["我"], protocol=protocol))


def test_to_dict_is_json():
    result = evaluate(["北京市 我"], ["北京 市 我"], top_errors=1, train_words=["北京市", "我"])
    parsed = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert parsed["errors"] == [{"gold": "北京市", "predicted": "北京 市", "count": 1}]
    assert (parsed["protocol"], parsed["correct"], parsed["train_size"]) == ("span", 1, 2)
    for figure in ("precision", "recall", "f1", "oov_rate", "oov_recall", "iv_recall"):
        assert parsed[figure] == getattr(result, figure)
    assert parsed["oov_recall"] is None


def test_kinds_of_errors():
    result = evaluate(["天安 门 广场 上", "中华 人民"], ["天 安门 广场上", "中华人民"])
    assert (result.crossing, result.coarser, result.finer, result.correct) == (1, 2, 1, 0)
    assert "crossing" in result.report() and "wrong under any guideline" in result.report()


def test_pairs_that_are_split():
    result = evaluate(["天安 门 广场 上", "中华 人民"], ["天 安 门 广 场上", "中华 人民"])
    assert (result.pairs, result.split_pairs) == (4, 1)
    assert result.to_dict()["split_pairs"] == 1


def test_lists_of_words_compare_as_lines_do():
    gold, predicted = ["天安门 广场", "很 好"], ["天安 门 广场", "很好"]
    lists = [[*map(str.split, lines)] for lines in (gold, predicted)]
    assert evaluate(*lists) == evaluate(gold, predicted) == evaluate(gold, lists[1])
    assert evaluate([["", "很 好"]], [["很", "好"]]).f1 == 1
