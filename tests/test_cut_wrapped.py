"""``segtool cut --join-lines``: wrapped text is cut by paragraphs."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import segtool
from segtool.text.preparing import join_wrapped_utf8
from segtool.text.symbols import C_LATIN, C_LETTER, class_table
from tests.helpers import any_text, run, sample_model, sample_segmenter, sample_text, succeed

PARAGRAPHS = ["　　医生说今天要休息，我们去公园散步，", "今天天气很好GPU和CPU都很快的，2024年", "", "很好"]


def wrapped(paragraphs, width, end="\n"):
    lines = [line[i : i + width] for line in paragraphs for i in range(0, max(len(line), 1), width)]
    return "".join(line + end for line in lines)


def is_other_letter(character):
    return class_table()[ord(character)] in (C_LATIN, C_LETTER)


def naive(text, width):
    """Line by line."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    out = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        body = re.sub(r"\r?\n\Z", "", line)
        rest = re.sub(r"\r?\n?\Z", "", following)
        if line.endswith("\n") and len(body) >= width and rest:
            out += body + " " * (is_other_letter(body[-1]) and is_other_letter(rest[0]))
        else:
            out += line
    return out


lines = st.lists(st.sampled_from([*"今天a1の,，\r\n", "\r\n", "\n\n", "今天天气", "abc"]), max_size=30).map("".join)


@given(lines | any_text, st.integers(1, 5), st.lists(st.integers(0, 60), max_size=8))
@example("今天天气\r\n很好\n\nab\ncd", 2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
@example("今天\n\r\n很好\r", 2, [3, 4])
def test_pieces_may_end_anywhere(text, width, cuts):
    cuts = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = join_wrapped_utf8((each.encode("utf-8", "surrogatepass") for each in pieces), width)
    assert b"".join(found).decode("utf-8", "surrogatepass") == naive(text, width)


def test_only_lines_that_may_be_joined_wait():
    pieces = iter(["今天\n".encode(), "今天天气\n".encode(), b"\n"])
    found = join_wrapped_utf8(pieces, 4)
    assert next(found) == "今天\n".encode()
    assert next(found) == "今天天气".encode()
    assert b"".join(found) == b"\n\n"


def cut(text, *arguments):
    return succeed("cut", "-m", sample_model(), "-q", *arguments, input=text.encode()).stdout.decode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_paragraphs_are_cut_as_before_they_were_wrapped(end):
    segmenter = sample_segmenter()
    expected = "".join(" ".join(segmenter.cut(each)) + "\n" for each in PARAGRAPHS)
    text = wrapped(PARAGRAPHS, 10, end)
    for workers in (1, 2):
        assert cut(text, "--join-lines", 10, "-j", workers).replace("\r", "") == expected
    assert cut(text, "--join-lines", 11).replace("\r", "") != expected
    records = cut(text, "--join-lines", 10, "--format", "jsonl", "--offsets", "char").splitlines()
    assert [json.loads(each)["words"] for each in records] == [segmenter.cut(each) for each in PARAGRAPHS]


def test_latin_words_are_not_glued():
    assert cut("今天天气ab\ncd很好\n", "--join-lines", 5) == cut("今天天气ab cd很好\n")


def test_the_text_to_adapt_to_is_joined_too(tmp_path):
    (tmp_path / "novel").write_text("练九阳神\n功要十年。\n九阳神功\n很难。九阳\n神功\n", "utf-8")
    joined = segtool.load().adapt(["练九阳神功要十年。九阳神功很难。九阳神功"])
    found = succeed("cut", "--adapt", tmp_path / "novel", "--join-lines", 4, "-q", input="运起九阳\n神功\n".encode())
    assert found.stdout.decode() == " ".join(joined.cut("运起九阳神功")) + "\n" == "运起 九阳神功\n"


@pytest.mark.parametrize("options", [["--keep-space"], ["--column", "text"], ["--join-lines", "0"]])
def test_where_it_has_no_meaning(options):
    done = run("cut", "--join-lines", 20, *options, input="今天".encode())
    assert done.returncode == 2
    assert "--join-lines" in done.stderr.decode()


def test_much_text():
    text = sample_text()
    joined = join_wrapped_utf8([wrapped(text.split("\n"), 25).encode()], 25)
    assert b"".join(joined).decode() == naive(wrapped(text.split("\n"), 25), 25)
