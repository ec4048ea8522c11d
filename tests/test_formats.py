"""``segtool cut --format``, ``--offsets``, ``--drop`` and ``--column``: against what Python gives, for any -j."""

import csv
import functools
import io
import itertools
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.decode.columns import ColumnCutter
from segtool.decode.formats import Dropped, Format, format_utf8_stream
from segtool.errors import DataError
from segtool.integrations import has_letters
from tests.helpers import any_text, refusal, run, sample_model, sample_segmenter, sample_text, succeed

TEXT = "医生说今天要休息，真的。\n\n我们去 北京 C++ \u200b 吃𠮷野家\r\n最后一行"
LINES = [line.removesuffix("\r") for line in TEXT.split("\n")]
SEGMENTER = sample_segmenter()


@functools.cache
def with_dictionary():
    return SEGMENTER.with_words(force=["C++", "医|生", "New York"], forbid=["今天"])


segmenters = pytest.mark.parametrize("segmenter", [lambda: SEGMENTER, with_dictionary], ids=["model", "dictionary"])


def pieces_of(text, sizes=()):
    """The text in pieces of some sizes, then the rest."""
    at = 0
    for size in sizes:
        if text[at : at + size]:
            yield text[at : at + size].encode("utf-8", "surrogatepass")
        at += size
    if text[at:]:
        yield text[at:].encode("utf-8", "surrogatepass")


def formatted(segmenter, text, form, workers=1, sizes=()):
    stream = format_utf8_stream(segmenter, pieces_of(text, sizes), form, workers, itertools.count(1))
    return b"".join(stream).decode("utf-8", "surrogatepass")


def cut(*arguments, text=TEXT, **options):
    return succeed("cut", "-m", sample_model(), *arguments, input=text.encode(), **options).stdout.decode()


# Formats


@segmenters
@pytest.mark.parametrize("unit", ["character", "byte"])
def test_jsonl(segmenter, unit):
    segmenter = segmenter()
    found = list(map(json.loads, formatted(segmenter, TEXT, Format("jsonl", unit=unit)).splitlines()))
    expected = [segmenter.tokenize(line, unit) for line in LINES]
    assert [each["words"] for each in found] == [[each.word for each in line] for line in expected]
    assert [each["spans"] for each in found] == [[[each.start, each.end] for each in line] for line in expected]
    plain = list(map(json.loads, formatted(segmenter, TEXT, Format("jsonl")).splitlines()))
    assert plain == [{"words": segmenter.cut(line)} for line in LINES]


@segmenters
def test_tsv(segmenter):
    segmenter = segmenter()
    form = Format("tsv", unit="byte")
    assert form.head == b"line\tword\tstart\tend\n"
    rows = [row.split("\t") for row in formatted(segmenter, TEXT, form).splitlines()]
    tokens = [[(i, *each) for each in segmenter.tokenize(line, "byte")] for i, line in enumerate(LINES, 1)]
    assert rows == [list(map(str, row)) for line in tokens for row in line]
    for number, word, start, end in rows:
        assert LINES[int(number) - 1].encode()[int(start) : int(end)].decode() == word


@segmenters
def test_bies(segmenter):
    segmenter = segmenter()
    found = []
    for block in formatted(segmenter, TEXT, Format("bies")).split("\n\n"):
        words = []
        for row in block.strip("\n").split("\n") if block.strip("\n") else []:
            character, tag = row.split("\t")
            if tag in "BS":
                words.append("")
            words[-1] += character
            assert tag in {1: "S"}.get(len(words[-1]), "IE") or tag == "B"
        found.append(words)
    assert [words for words in found if words] == [segmenter.cut(line) for line in LINES if line]


def test_bies_tags():
    assert formatted(SEGMENTER, "今天要\n", Format("bies")) == "今\tB\n天\tE\n要\tS\n\n"
    long = SEGMENTER.with_words(force=["医生说今天"])
    assert [row[-1] for row in formatted(long, "医生说今天", Format("bies")).splitlines() if row] == list("BIIIE")


@segmenters
@pytest.mark.parametrize("unit", [None, "character", "byte"])
def test_conllu(segmenter, unit):
    segmenter = segmenter()
    sentences = formatted(segmenter, TEXT, Format("conllu", unit=unit)).removesuffix("\n\n").split("\n\n")
    full = [(i, line) for i, line in enumerate(LINES, 1) if line]
    assert len(sentences) == len(full)
    for sentence, (number, line) in zip(sentences, full, strict=True):
        identity, text, *rows = sentence.split("\n")
        assert (identity, text) == (f"# sent_id = {number}", f"# text = {line}")
        columns = [row.split("\t") for row in rows]
        assert all(len(each) == 10 for each in columns)
        assert [each[0] for each in columns] == [str(i) for i in range(1, len(rows) + 1)]
        assert [each[1] for each in columns] == segmenter.cut(line)
        joined = "".join(each[1] + " " * ("SpaceAfter=No" not in each[9]) for each in columns)
        assert joined.split() == line.split()
        if unit is not None:
            short = {"character": "char", "byte": "byte"}[unit]
            for each, token in zip(columns, segmenter.tokenize(line, unit), strict=True):
                assert {f"start_{short}={token.start}", f"end_{short}={token.end}"} <= set(each[9].split("|"))


# Any text, any pieces, any workers


FORMS = [
    Format("jsonl"),
    Format("jsonl", unit="byte", within=2.0),
    Format("jsonl", nbest=2),
    Format("tsv", unit="character"),
    Format("tsv", within=3.0),
    Format("bies"),
    Format("conllu", unit="byte"),
    Format("text", "/", dropped=Dropped(True, True, frozenset(["今天"]))),
    Format("text", "|", nbest=3, dropped=Dropped(True)),
]


@given(any_text, st.sampled_from(FORMS), st.lists(st.integers(1, 9), max_size=9))
def test_pieces_and_workers_make_no_difference(text, form, sizes):
    for segmenter in (SEGMENTER, with_dictionary()):
        expected = formatted(segmenter, text, form)
        assert formatted(segmenter, text, form, 3, sizes) == expected


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_much_text(form):
    text = sample_text()
    assert formatted(SEGMENTER, text, form, 2) == formatted(SEGMENTER, text, form, sizes=[7000] * 9)


@given(any_text)
def test_jsonl_of_any_text(text):
    found = [json.loads(line) for line in formatted(SEGMENTER, text, Format("jsonl")).split("\n")[:-1]]
    lines = text.split("\n")
    assert [each["words"] for each in found] == [SEGMENTER.cut(line) for line in (lines if lines[-1] else lines[:-1])]


def test_streams():
    """Lines are written before the next piece is asked for."""

    def pieces():
        yield "今天天气\n我".encode()
        pytest.fail("the next piece was asked for")

    for form in FORMS:
        for workers in (1, 2):
            assert next(format_utf8_stream(SEGMENTER, pieces(), form, workers, itertools.count(1)))


# Words that are left out


def test_dropped():
    words = ["今天", "，", "……", "😀", "+", "\u200b", "\ufeff", "C++", "3"]
    kept = [word for word in words if word not in Dropped(True)]
    assert kept == ["今天", "C++", "3"]
    kept = [word for word in ["今天", "，", "\u200b", "\ufeff", "\u200d\u200d"] if word not in Dropped(space=True)]
    assert kept == ["今天", "，"]
    assert "今天" in Dropped(words=frozenset(["今天"]))
    assert not Dropped()


def test_drop(tmp_path):
    (tmp_path / "stop").write_text("说 5 v\n要\n", encoding="utf-8")
    expected = "".join(
        " ".join(word for word in SEGMENTER.cut(line) if has_letters(word) and word not in ("说", "要")) + end
        for line, end in zip(LINES, ["\n", "\n", "\r\n", "\n"], strict=True)
    )
    assert cut("--drop", "punct,stop", cwd=tmp_path) == expected
    assert cut("--drop", "punct", "--drop", "stop", cwd=tmp_path) == expected
    assert "\u200b" in cut("--sep", "/")
    assert "\u200b" not in cut("--drop", "space")
    offsets = json.loads(cut("--drop", "punct", "--format", "jsonl", "--offsets", "char").splitlines()[0])
    assert [LINES[0][start:end] for start, end in offsets["spans"]] == offsets["words"]
    assert "，" not in offsets["words"]


# The command


def test_formats_of_the_command(tmp_path):
    (tmp_path / "a").write_text("今天天气", encoding="utf-8")
    (tmp_path / "b").write_text("我们去\n", encoding="utf-8")
    for workers in (1, 2):
        rows = cut("a", "b", "--format", "tsv", "-j", workers, cwd=tmp_path).splitlines()
        assert rows == ["line\tword", "1\t今天", "1\t天气", "2\t我们", "2\t去"]
    entries = SEGMENTER.tokenize("今天天气", search=True, within=5)
    found = json.loads(cut("a", "--search", "5", "--format", "jsonl", "--offsets", "char", cwd=tmp_path))
    assert found["words"] == [each.word for each in entries]
    assert found["spans"] == [[each.start, each.end] for each in entries]
    assert found["positions"] == [each.position for each in entries]
    best = [json.loads(line) for line in cut("b", "--nbest", 2, "--format", "jsonl", cwd=tmp_path).splitlines()]
    assert [each["line"] for each in best] == [1, 1]
    assert [each["words"] for each in best] == [each.words for each in SEGMENTER.nbest("我们去", 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--offsets", "char"], "--offsets: --format text has no place"),
        (["--offsets", "byte", "--format", "bies"], "--offsets: --format bies"),
        (["--format", "bies", "--search"], "--search: --format bies"),
        (["--format", "conllu", "--nbest", "2"], "--nbest: --format conllu"),
        (["--format", "conllu", "--drop", "punct"], "--drop: --format conllu"),
        (["--format", "tsv", "--nbest", "2"], "--nbest: --format tsv"),
        (["--column", "text", "--nbest", "2"], "--nbest"),
        (["--column", "text", "--format", "tsv"], "--format tsv"),
        (["--drop", "punct,"], "--drop: give punct"),
        (["--drop", ""], "--drop: give punct"),
    ],
)
def test_options_that_do_not_fit(arguments, message):
    done = run("cut", *arguments, input=TEXT.encode())
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in refusal(done.stderr)


@pytest.mark.parametrize(
    "options",
    [[], ["--drop", "punct"], ["--nbest", 2], ["--nbest", 2, "--drop", "punct"], ["--search"], ["--column", "text"]],
    ids=str,
)
def test_words_with_a_space_need_another_separator(options, tmp_path):
    """In every form of the output where the separator is written."""
    (tmp_path / "words").write_text("iPhone 15 Pro\n", encoding="utf-8")
    command = ["cut", "-m", sample_model(), "--force", tmp_path / "words", *options]
    text = "text\n我们去iPhone 15 Pro\n".encode()
    for separator in (" ", r"\t"):
        done = run(*command, "--sep", separator, input=text)
        assert (done.returncode, done.stdout) == (2, b"")
        assert "'iPhone 15 Pro' holds a space" in refusal(done.stderr)
    assert "我们/去/iPhone 15 Pro" in succeed(*command, "--sep", "/", input=text).stdout.decode()


def test_separators(tmp_path):
    for options in ([], ["--drop", "punct"]):
        for separator, written in ((r"\t", "\t"), (r"\\t", r"\t"), (r"\x", r"\x"), ("、", "、")):
            done = succeed("cut", "-m", sample_model(), *options, "--sep", separator, input="我们去".encode())
            assert done.stdout.decode().removesuffix("\n") == f"我们{written}去"
        done = run("cut", *options, "--sep", os.fsdecode(b"a\xff"), input="我们去".encode())
        assert (done.returncode, done.stdout) == (2, b"") and "--sep: no UTF-8" in refusal(done.stderr)


# Columns


TABLE = [["id", "text", "note"], ["1", "今天天气很好", 'a "b", c'], ["2", "我们去\n公园，", ""], ["3", "", "今\r天"]]


def as_csv(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", ",\t;")
def test_csv(delimiter):
    expected = [TABLE[0], *([i, " ".join(SEGMENTER.cut(text)), note] for i, text, note in TABLE[1:])]
    for workers in (1, 2):
        out = cut("--column", "text", "-j", workers, text=as_csv(TABLE, delimiter))
        assert list(csv.reader(io.StringIO(out), delimiter=delimiter)) == expected
    out = cut("--column", "text", "--format", "jsonl", text=as_csv(TABLE, delimiter))
    rows = [{"id": i, "text": SEGMENTER.cut(text), "note": note} for i, text, note in TABLE[1:]]
    assert list(map(json.loads, out.splitlines())) == rows


def test_json_lines():
    first = {"id": 1, "text": "今天天气", "tags": ["a"]}
    records = [first, {"text": None}, {"id": 2}, {"text": "", "x": {"y": 0.5}}]
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records)
    found = list(map(json.loads, cut("--column", "text", text=text).splitlines()))
    assert found == [first | {"text": "今天 天气"}, *records[1:]]
    options = ["--column", "text", "--format", "jsonl", "--offsets", "char"]
    found = list(map(json.loads, cut(*options, text=text).splitlines()))
    assert found[0] == first | {"text": ["今天", "天气"], "text.spans": [[0, 2], [2, 4]]}
    assert found[1:3] == records[1:3]
    assert found[3] == {"text": [], "text.spans": [], "x": {"y": 0.5}}


def test_several_tables(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\n今天天气,1\n", encoding="utf-8-sig")
    (tmp_path / "b.csv").write_text("text,n\n我们去,2", encoding="utf-8")
    (tmp_path / "c.csv").write_text("n,text\n1,我们去\n", encoding="utf-8")
    assert cut("a.csv", "b.csv", "--column", "text", cwd=tmp_path) == "text,n\n今天 天气,1\n我们 去,2\n"
    done = run("cut", "a.csv", "c.csv", "--column", "text", cwd=tmp_path)
    assert done.returncode == 1
    assert "c.csv has other columns than a.csv" in refusal(done.stderr)


def table_cut(text, form, workers=1, sizes=()):
    return b"".join(ColumnCutter(with_dictionary(), form, "text", workers).cut(pieces_of(text, sizes), "x"))


def paired(text):
    """The text without zeros; two surrogates side by side, which JSON cannot distinguish from a character, are one."""
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(st.lists(st.tuples(any_text, any_text), max_size=9), st.lists(st.integers(1, 30), max_size=9), st.booleans())
def test_any_table(rows, sizes, is_json):
    texts = [(paired(a), paired(b)) for a, b in rows]
    if is_json:
        text = "".join(json.dumps({"text": a, "other": b}) + "\n" for a, b in texts)
    else:
        text = as_csv([["other", "text"], *((b, a) for a, b in texts)])
    for form in (Format("text", "|"), Format("jsonl", unit="byte"), Format("jsonl", within=2.0)):
        expected = table_cut(text, form)
        assert table_cut(text, form, 3, sizes) == expected
        if form.name == "jsonl":
            found = [json.loads(line) for line in expected.decode().split("\n")[:-1]]
            assert [each["other"] for each in found] == [b for _, b in texts]
            if form.within is None:
                assert [each["text"] for each in found] == [with_dictionary().cut(a) for a, _ in texts]


def test_tables_stream():
    def pieces():
        yield b"text,n\n"
        yield "今天天气,1\n".encode()
        pytest.fail("the next piece was asked for")

    out = ColumnCutter(SEGMENTER, Format(), "text", 2).cut(pieces(), "x")
    assert [next(out), next(out)] == [b"text,n\n", "今天 天气,1\n".encode()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "line 1: no column text (--column): there are a, b"),
        ("text,b\n1,2\n1,2,3\n", "line 3: 3 fields, and the header has 2"),
        ('text,b\n"1" x,2\n', "line 2: no row of CSV"),
        ('text,b\n"1,2\n', "no row of CSV"),
        ('{"text": "a"}\n{"text": 3}\n', "line 2: text is 3, no string"),
        ('{"text": "a"}\nabc\n', "line 2: no JSON"),
        ('{"text": "a"}\n[1]\n', "line 2: no object"),
        ('{"a": "b"}\n', "no object has a field text"),
    ],
)
def test_tables_that_cannot_be_cut(text, message):
    with pytest.raises(DataError) as caught:
        table_cut(text, Format("text", "/"))
    assert message in str(caught.value)
    assert str(caught.value).startswith("x")


def test_a_field_is_not_overwritten():
    with pytest.raises(DataError, match=r"text\.spans already"):
        table_cut('{"text": "a", "text.spans": 1}\n', Format("jsonl", unit="byte"))
