"""Evaluation of files."""

import io
import sys
from pathlib import Path

import pytest

from segtool.errors import DataError, EncodingError, InputError, MismatchError, UsageError
from segtool.evaluation import FrequentError, evaluate, evaluate_files


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
