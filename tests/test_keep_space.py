"""``segtool cut --keep-space`` and ``Segmenter.separate``: the text itself, with a separator between Chinese words."""

import csv
import functools
import html.parser
import io
import json
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import segtool
from segtool.decode.memory import ROOM
from segtool.decode.separation import write_separated
from segtool.decode.streaming import cut_stream
from segtool.errors import ArgumentError, UsageError
from segtool.text.symbols import C_DIGIT, C_HAN, C_LATIN, C_LETTER, C_W, STAND_INS, class_table
from tests.helpers import (
    any_text,
    extend,
    interpreting,
    little_room,
    refusal,
    run,
    sample_model,
    sample_segmenter,
    sample_text,
    succeed,
)

SEGMENTER = sample_segmenter()
MARK = "\u2060"
"""A separator that is removed again."""

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>我们今天去公园</i>\t散步吧。

2\r
00:01:03,250 --> 00:01:04,000\r
{\\an8}　　今天天气很好，-- 我们3点走！\r
"""
TEX = r"""\documentclass[12pt]{article} % 今天要休息
\begin{document}
	\section*{我们的公园}\label{公园}
  医生说\textbf{今天要休息}，见~\ref{公园}；$a_1 \to b$，用\LaTeX{}写50\%的\\
	\verb|我们  去|
\end{document}
"""
JSON = r"""{
	"医生说今天要休息": ["\u4eca天天气\n很好\t我们", "a--b", -1.5e3, null],
	"text":   "我们用C写\"公园\"\\路径\ud83d\ude00今天", "k": {"今天天气": true}
}
"""
HTML = """<!DOCTYPE html>
<html lang="zh"><head><title>我们今天去公园</title>
<!-- 今天天气很好 --><style>h1 > b {color: #fff}</style></head>
\t<body class="医生 b"><h1 id=x1>今天天气很好&nbsp;我们</h1><p>去<b>公园</b>散步&#20170;天 3 &lt; 5<br/>
</body></html>"""


@functools.cache
def every():
    """Segmenters of all kinds of decoders, with and without literals."""
    text = sample_text()
    dictionary = {"force": ["C++", "医|生", "New York", "3.5%", ":-)", "今天 天气"], "forbid": ["今天"]}
    return [
        SEGMENTER,
        SEGMENTER.with_words(**dictionary),
        segtool.Segmenter(extend(SEGMENTER.model, 1, 15)),
        segtool.train(texts=[text], method="entropy"),
        segtool.train(texts=[text], method="cohesion", cohesion_revision=2015),
        segtool.train(texts=[text], method="lm"),
    ]


def holds(word, literals=()):
    """Whether a word holds a letter, and whether it holds a Han character."""
    classes = {class_table()[ord(each)] for each in word}
    is_literal = word in literals or not set(STAND_INS).isdisjoint(word)
    return bool(classes & {C_LETTER, C_DIGIT, C_LATIN, C_W, C_HAN}) or is_literal, C_HAN in classes or is_literal


def naive(segmenter, text, separator):
    """What the documentation says, word by word."""
    literals = segmenter.model.dictionary.get("literals", ())
    parts, at, before = [], 0, (False, False)
    for word, start, end in segmenter.tokenize(text):
        now = holds(word, literals)
        meets = start == at and before[0] and now[0] and (before[1] or now[1])
        parts += text[at:start], separator if meets else "", word
        at, before = end, now
    return "".join([*parts, text[at:]])


PARTS = [*"今天气很好去a1%,>{}\\\t\n\r \u3000の😀", "-->", "C++", "New York", ":-)", "3.5%", "\r\n", *STAND_INS]
markup = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)
texts = any_text | markup


@given(texts, st.sampled_from([MARK, " ", "/", "<wbr>", "公"]))
@example("今天\ud800天气", "/")
@example("我们C++的C++A我们", "/")
def test_plain_and_compiled_do_what_is_said(text, separator):
    for segmenter in every():
        with interpreting(False):
            found = segmenter.separate(text, separator)
            assert found == naive(segmenter, text, separator)
        if segmenter._cutter.decoder.plain is not None:
            with interpreting(True):
                assert segmenter.separate(text, separator) == found
        if separator not in text and len(separator) == 1:
            assert found.replace(separator, "") == text


@given(texts, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([MARK, "<wbr>"]), st.sampled_from([1, 2, 3]))
@example("今天天气\n我们去公园 ", [2, 4, 5, 7], "/", 2)
def test_pieces_may_end_anywhere(text, cuts, separator, workers):
    cuts = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for segmenter in every():
        for plain in {False, segmenter._cutter.decoder.plain is not None}:
            with interpreting(plain):
                found = b"".join(cut_stream(segmenter, pieces, separator, workers, keep_space=True))
                assert found.decode("utf-8", "surrogatepass") == segmenter.separate(text, separator)


@pytest.mark.parametrize("room", [64, ROOM])
def test_much_text_in_blocks(room):
    text = re.sub("。", "", sample_text())
    for segmenter in every()[:3]:
        with interpreting(False), little_room(room):
            found = segmenter.separate(text, MARK)
            assert found == naive(segmenter, text, MARK)
            for size in (1000, 30_000):
                pieces = [text[i : i + size] for i in range(0, len(text), size)]
                assert b"".join(cut_stream(segmenter, pieces, MARK, 2, True)).decode() == found


def test_boundaries_of_chinese_words_are_all_marked():
    """Divided at separators, whitespace and marks, the text has the words that are cut."""
    text = sample_text()
    found = SEGMENTER.separate(text, MARK)
    assert [each for part in found.split(MARK) for each in re.findall(r"[一-鿿]+", part)] == [
        each for word in SEGMENTER.cut(text) for each in re.findall(r"[一-鿿]+", word)
    ]


def test_the_kernel_writes_nothing_behind_its_output():
    data, separator = (np.frombuffer(each.encode(), np.uint8) for each in ("天气好", "<->"))
    out = np.full(len(data) + 2 * len(separator) + 8, 0xEE, np.uint8)
    spans = np.array([0, 3, 3, 6, 6, 9])
    arguments = data, spans, 0, separator, SEGMENTER._cutter.decoder.characters
    assert write_separated.compiled(*arguments, out[:-8]) == (len(out) - 8, 3)
    assert out[:-8].tobytes().decode() == "天<->气<->好"
    assert set(out[-8:].tolist()) == {0xEE}
    assert write_separated.compiled(data[:0], spans[:0], 1, *arguments[3:], out) == (0, 1)


@pytest.mark.parametrize(
    ("wrong", "error"), [((None,), ArgumentError), (("今天", None), ArgumentError), (("今天", ""), UsageError)]
)
def test_wrong_arguments(wrong, error):
    with pytest.raises(error, match=r"separate\(\)"):
        SEGMENTER.separate(*wrong)


# Files


def kept(*arguments, text="", **options):
    given = text if isinstance(text, bytes) else text.encode()
    found = succeed("cut", "--keep-space", "-m", sample_model(), "-q", *arguments, input=given, **options).stdout
    return found.decode()


@pytest.mark.parametrize("text", [SRT, TEX, JSON, HTML], ids=["srt", "tex", "json", "html"])
@pytest.mark.parametrize("separator", [" ", MARK])
def test_files_from_standard_input_and_by_threads(tmp_path, text, separator):
    (tmp_path / "f").write_bytes(text.encode())
    expected = SEGMENTER.separate(text, separator)
    assert expected != text
    for workers in (1, 2):
        assert kept(tmp_path / "f", "--sep", separator, "-j", workers) == expected
    assert kept("--sep", separator, text=text) == expected
    if separator == MARK:
        assert expected.replace(MARK, "") == text


def without(separator, value):
    if isinstance(value, dict):
        return {without(separator, name): without(separator, each) for name, each in value.items()}
    if isinstance(value, list):
        return [without(separator, each) for each in value]
    return value.replace(separator, "") if isinstance(value, str) else value


def test_json_stays_valid():
    for separator in (" ", "/", MARK):
        found = json.loads(SEGMENTER.separate(JSON, separator))
        assert without(separator, found) == without(separator, json.loads(JSON))
    assert SEGMENTER.separate(r'{"a": "\u4eca天\n很好"}', "/") == r'{"a": "\u4eca/天\n/很/好"}'


def test_subtitles_keep_their_times():
    found = SEGMENTER.separate(SRT)
    assert [line for line in found.split("\n") if "-->" in line] == [line for line in SRT.split("\n") if "-->" in line]
    assert "<i>我们 今天 去 公园</i>\t散步" in found and "{\\an8}　　今天 天气" in found and "我们 3点 走" in found


def test_tex_keeps_its_commands():
    commands = re.compile(r"\\[A-Za-z]+|\\.|[{}$&%~\[\]]|^\s+", re.MULTILINE)
    found = SEGMENTER.separate(TEX)
    assert commands.findall(found) == commands.findall(TEX)
    assert r"\textbf{今天 要 休息}" in found
    labels = re.findall(r"\\(?:label|ref)\{(.*?)\}", found)
    assert len(labels) == 2 and len(set(labels)) == 1


class Events(html.parser.HTMLParser):
    """What a parser reads, without separators."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.events = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.events.append((tag, attributes))

    def handle_endtag(self, tag):
        self.events.append(("/", tag))

    def handle_data(self, data):
        self.events.append(("data", data.replace(MARK, "")))

    def handle_comment(self, data):
        self.events.append(("comment", data.replace(MARK, "")))


def test_html_keeps_its_tags():
    found = SEGMENTER.separate(HTML, MARK)
    assert f"<title>我们{MARK}今天{MARK}去{MARK}公园</title>" in found
    assert Events(found).events == Events(HTML).events


def test_byte_order_marks_encodings_and_line_ends(tmp_path):
    text = "今天天气很好\r\n\r\n\t我们\u3000去\r公园"
    expected = SEGMENTER.separate(text)
    (tmp_path / "mark").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert kept(tmp_path / "mark") == "\ufeff" + expected
    for encoding in ("gb18030", "utf-16"):
        (tmp_path / encoding).write_bytes(text.encode(encoding))
        assert kept(tmp_path / encoding, "--encoding", encoding) == expected
    (tmp_path / "mac").write_bytes("今天天气\r我们去\r".encode())
    assert kept(tmp_path / "mac") == "今天 天气\r我们 去\r"
    # lines of two files are two lines
    assert kept(tmp_path / "mark", tmp_path / "mac") == f"\ufeff{expected}\n今天 天气\r我们 去\r"
    succeed("cut", tmp_path / "mark", "--keep-space", "-m", sample_model(), "--in-place", "-q")
    assert (tmp_path / "mark").read_bytes().decode() == "\ufeff" + expected


def test_words_of_lists_and_of_the_text(tmp_path):
    (tmp_path / "w").write_text("C++\nNew York\n", "utf-8")
    assert kept("--force", tmp_path / "w", "--sep", "/", text="我们C++\tNew York今天\n") == "我们/C++\tNew York/今天\n"
    (tmp_path / "novel").write_text("练九阳神功要十年。九阳神功很难。", "utf-8")
    text = "运起九阳神功"
    adapted = segtool.load().adapt([(tmp_path / "novel").read_text("utf-8")]).separate(text)
    found = succeed("cut", "--keep-space", "--adapt", tmp_path / "novel", "-q", input=text.encode()).stdout.decode()
    assert found == adapted == "运起 九阳神功"


# Columns


def test_columns_of_csv_and_json_lines():
    rows = [["id", "text"], ["1", "\t今天天气,很好\n  我们"], ["2", ""]]
    table = io.StringIO(newline="")
    csv.writer(table, lineterminator="\n").writerows(rows)
    found = kept("--column", "text", "--sep", "/", text=table.getvalue())
    expected = [[number, each if each == "text" else SEGMENTER.separate(each, "/")] for number, each in rows]
    assert list(csv.reader(io.StringIO(found, newline=""))) == expected
    records = [{"text": "  今天天气\n很好"}, {"text": None}]
    found = kept("--column", "text", text="".join(json.dumps(each) + "\n" for each in records))
    expected = [{"text": SEGMENTER.separate("  今天天气\n很好")}, {"text": None}]
    assert list(map(json.loads, found.splitlines())) == expected


def test_columns_of_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    table = pyarrow.table({"text": ["  今天天气很好", None], "id": [1, 2]})
    parquet.write_table(table, tmp_path / "t.parquet")
    arguments = ["--column", "text", "-o", tmp_path / "o"]
    succeed("cut", "--keep-space", "-m", sample_model(), tmp_path / "t.parquet", *arguments)
    found = parquet.read_table(tmp_path / "o")
    assert found.schema == table.schema
    assert found.to_pylist() == [{"text": SEGMENTER.separate("  今天天气很好"), "id": 1}, {"text": None, "id": 2}]


@pytest.mark.parametrize(
    "options", [["--format", "jsonl"], ["--search"], ["--nbest", "2"], ["--drop", "punct"], ["--format", "bies"]]
)
def test_options_that_write_words(options):
    done = run("cut", "--keep-space", *options, input="今天".encode())
    assert done.returncode == 2
    named = options[0] if options[0] != "--format" else " ".join(options)
    assert refusal(done.stderr).startswith(f"segtool: --keep-space: {named} writes words")
