import io
import itertools
import json
import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import DataError, EncodingError, InputError, MismatchError, UsageError
from segtool.evaluation import PROTOCOLS, FrequentError, evaluate, evaluate_files
from segtool.text.alignment import longest_common_subsequence

both_protocols = pytest.mark.parametrize("protocol", PROTOCOLS)


# Slow, obvious twins


def naive_spans(words):
    text = "".join(words)
    spans = set()
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            if any(len("".join(words[:k])) == start and len("".join(words[: k + 1])) == end for k in range(len(words))):
                spans.add((start, end))
    return spans


def naive_errors(gold, predicted):
    text = "".join(gold)
    ends = [{end for _, end in naive_spans(words)} | {0} for words in (gold, predicted)]
    shared = sorted(ends[0] & ends[1])
    for start, end in itertools.pairwise(shared):
        cuts = [
            " ".join(text[a:b] for a, b in itertools.pairwise(sorted(e for e in side if start <= e <= end)))
            for side in ends
        ]
        if cuts[0] != cuts[1]:
            yield tuple(cuts)


def naive_lcs(gold, predicted):
    """One longest common subsequence, chosen as `evaluate` says."""
    longest = [[0] * (len(predicted) + 1) for _ in range(len(gold) + 1)]
    for i in reversed(range(len(gold))):
        for j in reversed(range(len(predicted))):
            if gold[i] == predicted[j]:
                longest[i][j] = 1 + longest[i + 1][j + 1]
            else:
                longest[i][j] = max(longest[i + 1][j], longest[i][j + 1])
    i = j = 0
    words = []
    while longest[i][j]:
        if longest[i + 1][j] == longest[i][j]:
            i += 1
        elif longest[i][j + 1] == longest[i][j]:
            j += 1
        else:
            words.append(gold[i])
            i, j = i + 1, j + 1
    return words


def cut(text, marks):
    words = [""]
    for character, is_end in zip(text, marks, strict=True):
        words[-1] += character
        if is_end:
            words.append("")
    return [word for word in words if word]


@st.composite
def cut_twice(draw, alphabet="ab", max_size=14):
    """Two segmentations of one text; few different characters, so that words repeat."""
    text = draw(st.text(alphabet, max_size=max_size))
    marks = st.lists(st.booleans(), min_size=len(text), max_size=len(text))
    return cut(text, draw(marks)), cut(text, draw(marks))


def joined(cuts):
    """Lines of both sides; a last line keeps the texts from being empty."""
    return [" ".join(gold) for gold, _ in cuts] + ["完"], [" ".join(guess) for _, guess in cuts] + ["完"]


vocabularies = st.sets(st.text("ab", min_size=1, max_size=3)).map(lambda words: words | {"完"})
characters = "a我𠮷,，\u200b\ufeff"


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


# Files


@pytest.fixture
def write(tmp_path):
    def write(name, content, encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "我 爱\n你\n",
        "我 爱\n你",
        "我 爱\r\n你\r\n",
        "\ufeff我 爱\n你\n",
        "\ufeff我\u3000\u3000爱 \r\n你\n",
        "我\u2028爱\n\x85你\x0c\n",
        "我\r爱\n你\n",
    ],
)
@pytest.mark.parametrize("swap", [False, True])
def test_line_ends_and_byte_order_marks(write, content, swap):
    paths = write("gold", "我 爱\n你\n"), write("predicted", content)
    result = evaluate_files(*(paths[::-1] if swap else paths))
    assert (result.lines, result.gold_words, result.f1) == (2, 3, 1.0)


def test_files_give_what_lines_give(write):
    gold, predicted = ["北京市 一 条", "", "一 条"], ["北京 市 一条", "", "一条"]
    paths = [write(name, "\n".join(lines)) for name, lines in (("g", gold), ("p", predicted))]
    words = write("w", "一\n北京市\n")
    from_files = evaluate_files(*paths, protocol="sighan", train_words=words, top_errors=2)
    names = {"gold_name": str(paths[0]), "predicted_name": str(paths[1]), "train_name": str(words)}
    train_words = ["一", "北京市"]
    assert from_files == evaluate(gold, predicted, protocol="sighan", train_words=train_words, top_errors=2, **names)


def test_standard_input(write, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("我|爱\n".encode())))
    result = evaluate_files(write("gold", "我 爱\n"), "-", sep="|")
    assert (result.f1, result.predicted_name) == (1.0, "<stdin>")
    assert not sys.stdin.closed


def test_closed_standard_input_is_empty(write, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(MismatchError, match=r"^<stdin> ends after line 0"):
        evaluate_files(write("gold", "我 爱\n"), "-")


@pytest.mark.parametrize("arguments", [("-", "-", None), ("-", "{}", "-"), (Path("-"), "-", None)])
def test_standard_input_only_once(write, arguments):
    file = str(write("file", "我\n"))
    gold, predicted, train_words = (file if path == "{}" else path for path in arguments)
    with pytest.raises(UsageError, match="standard input"):
        evaluate_files(gold, predicted, train_words=train_words)


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-8-sig"])
def test_other_encodings(write, encoding):
    paths = write("gold", "中 文\n好\n", encoding), write("predicted", "中文\n好\n", encoding)
    result = evaluate_files(*paths, encoding=encoding, train_words=paths[0], top_errors=1)
    assert (result.correct, result.oov_words) == (1, 0)
    assert result.errors == (FrequentError("中 文", "中文", 1),)


@pytest.mark.parametrize("role", ["gold", "predicted", "train_words"])
@pytest.mark.parametrize(
    ("name", "reason"), [("absent", "No such file"), ("", "directory"), ("null\0byte", "null byte")]
)
def test_files_that_cannot_be_read(write, tmp_path, role, name, reason):
    good = write("good", "我\n")
    paths = {"gold": good, "predicted": good, "train_words": good, role: f"{tmp_path}/{name}"}
    with pytest.raises(InputError, match=reason) as caught:
        evaluate_files(**paths)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("role", ["gold", "predicted", "train_words"])
@pytest.mark.parametrize(
    ("head", "encoding"),
    [("我\n爱", "utf-8"), ("\ufeff我\n爱", "utf-8"), ("我\n爱", "utf-8-sig"), ("我\n爱", "gb18030")],
)
def test_undecodable_bytes_name_line_offset_and_flag(write, role, head, encoding):
    good = write("good", "我\n爱 你\n", encoding)
    begin = head.encode(encoding)
    bad = write("bad", begin + b"\xff\xff\n")
    paths = {"gold": good, "predicted": good, role: bad}
    with pytest.raises(EncodingError) as caught:
        evaluate_files(**paths, encoding=encoding)
    assert str(caught.value).startswith(
        f"{bad}, line 2, byte offset {len(begin)}: bytes 0xff are not {encoding.removesuffix('-sig')}; "
    )
    assert "--encoding" in str(caught.value)


def test_undecodable_byte_right_after_a_byte_order_mark(write):
    bad = write("bad", b"\xef\xbb\xbf\xff\n")
    with pytest.raises(EncodingError, match="line 1, byte offset 3: bytes 0xff are"):
        evaluate_files(bad, bad, encoding="utf-8-sig")


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "nul\0l", ""])
def test_encodings_that_will_not_do(write, encoding):
    path = write("good", "我\n")
    with pytest.raises(UsageError, match="--encoding"):
        evaluate_files(path, path, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "cp037", "gb18030"])
def test_encodings_whatever_their_line_ends(tmp_path, encoding):
    path = tmp_path / "text"
    path.write_bytes("1 2\n3\n".encode(encoding))
    assert evaluate_files(path, path, encoding=encoding).correct == 3


def test_messages_are_one_line(write, tmp_path):
    odd = write("two\nlines", "我\n")
    for other, error in ((write("other", "他\n"), MismatchError), (tmp_path / "not\nthere", InputError)):
        with pytest.raises(error) as caught:
            evaluate_files(odd, other)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("北京\n大学\n\n", {"北京", "大学"}),
        ("\ufeff北京 12\r\n大学 0.5 nz\r\n上海\t-1.5e-3\r\n", {"北京", "大学", "上海"}),
        ("我 爱 北京 天安门\n", {"我", "爱", "北京", "天安门"}),
        ("第 3 章\n", {"第", "3", "章"}),
        ("我 爱\n", {"我", "爱"}),
        ("共 3 n nz\n", {"共", "3", "n", "nz"}),
        ("共 ３ 页 n\n", {"共", "３", "页", "n"}),
    ],
)
def test_training_words_from_lists_and_from_text(write, content, words):
    every = {"北京", "大学", "上海", "我", "爱", "天安门", "第", "3", "章", "共", "３", "页", "n"}
    every |= {"12", "0.5", "nz", "-1.5e-3"}
    gold = write("gold", "\n".join(sorted(every)))
    result = evaluate_files(gold, gold, train_words=write("words", content))
    assert (result.train_size, result.iv_words) == (len(words), len(words))
    assert result.oov_words == len(every - words)


def test_training_words_without_a_word(write):
    gold, empty = write("gold", "我\n"), write("empty", "\n \n")
    with pytest.raises(DataError, match="empty holds no words: --train-words"):
        evaluate_files(gold, gold, train_words=empty)
