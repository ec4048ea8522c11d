"""``segtool words`` as it is typed: the same list as the library's, in two forms, and every wrong use refused."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

import segtool
from segtool.cli.main import main
from segtool.cli.words import FIELDS, words_command
from segtool.discovery import SORT_FIELDS, discover, examples
from segtool.text.symbols import spelled
from tests.helpers import SAMPLE, TIMEOUT, command, contents, environment, sample_model, sample_segmenter, sample_text

# The error handling of the real group, without its handlers of signals and logs.
GROUP = type(main)("segtool", commands={"words": words_command})
MODEL = str(sample_model())


def invoke(*arguments, **options):
    return CliRunner().invoke(GROUP, ["words", *map(str, arguments)], **options)


def list_words(*arguments, **options):
    """Rows of a table that must come, and what was said."""
    done = invoke(*arguments, **options)
    assert done.exit_code == 0, done.output
    header, *rows = [line.split("\t") for line in done.stdout.removesuffix("\n").split("\n")]
    return header, rows, done.stderr


def refused(code, *arguments, **options):
    """The one line that a failed command says."""
    done = invoke(*arguments, **options)
    assert (done.exit_code, done.stdout) == (code, "")
    lines = [line for line in done.stderr.splitlines() if "compiling its kernels" not in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("segtool: ")
    return lines[0]


def misused(*arguments):
    """What click says of a value that it refuses."""
    done = invoke(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr.splitlines()[-1]


# The table


def test_table_of_a_model():
    header, rows, said = list_words("-m", MODEL)
    assert header == ["word", *FIELDS]
    found = discover(sample_segmenter())
    assert [row[0] for row in rows] == [each.word for each in found[:100]]
    for row, each in zip(rows, found, strict=False):
        assert float(row[1]) == each.score
        assert int(row[2]) == each.count
        assert [float(cell) for cell in row[3:]] == pytest.approx(each[3:], abs=5e-3)
    assert said == f"listed   100 of {len(found):,} words: --top 0 lists all\n"


def test_text_gives_the_list_of_the_model_trained_on_it():
    *table, said = list_words(SAMPLE)
    assert table == [*list_words("-m", MODEL)[:2]]
    assert f"read     {len(sample_text()) - sample_text().count(chr(10)):,} characters" in said
    assert "of 10 files" in said


def test_the_command_is_there():
    assert main.commands["words"] is words_command


def test_quiet():
    assert list_words("-m", MODEL, "-q")[2] == ""
    assert list_words(SAMPLE, "-q", "--context", 1)[2] == ""


def test_fields_are_those_of_the_library():
    assert FIELDS == SORT_FIELDS


def test_jsonl_holds_the_numbers_of_the_table():
    options = ["-m", MODEL, "--min-len", 1, "--top", 0, "--with-numbers", "-q"]
    header, rows, _ = list_words(*options)
    entries = [json.loads(line) for line in invoke(*options, "--format", "jsonl").stdout.splitlines()]
    assert len(entries) == len(rows) == len(sample_segmenter().model.words)
    for entry, row in zip(entries, rows, strict=True):
        assert list(entry) == header
        assert entry["word"] == row[0]
        assert [float("inf") if entry[name] is None else entry[name] for name in FIELDS] == list(map(float, row[1:]))
        assert (entry["cohesion"] is None) == (len(row[0]) == 1)


def test_table_reads_as_a_table():
    text = invoke(SAMPLE, "-q", "--context", 2, "--top", 0).stdout
    rows = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert {len(row) for row in rows} == {len(FIELDS) + 3}


def test_choice_of_words(tmp_path):
    def listed(*options):
        return [row[0] for row in list_words("-m", MODEL, "-q", "--top", 0, *options)[1]]

    def expect(**options):
        return [each.word for each in discover(sample_segmenter(), **options)]

    assert listed() == expect()
    assert listed("--min-len", 3, "--max-len", 4) == expect(min_len=3, max_len=4)
    assert listed("--sort", "right_entropy") == expect(sort="right_entropy")
    assert listed("--with-numbers") == expect(with_numbers=True) != expect()
    assert listed("--min-count", 4, "--min-expected", 2) == expect(min_count=4, min_expected=2)
    assert len(list_words("-m", MODEL, "--top", 7)[1]) == 7


def test_a_model_lists_rare_words_by_default(tmp_path):
    segtool.train(texts=[sample_text()], output=tmp_path / "m", min_count=1, min_expected=0.01)
    _, rows, _ = list_words("-m", tmp_path / "m", "--top", 0)
    assert any(int(row[2]) == 1 for row in rows)
    assert any(float(row[3]) < 0.5 for row in rows)
    _, rows, _ = list_words("-m", tmp_path / "m", "--top", 0, "--min-count", 2)
    assert all(int(row[2]) > 1 for row in rows)


@pytest.mark.parametrize(
    "text",
    ["医生\n公司\n", "医生 120 n\n公司 80.5\n", "医生 公司 邻居 的\n", "\ufeff医生\r\n\r\n公司\r\n"],
    ids=["list", "jieba", "segmented", "windows"],
)
def test_known_words_are_hidden(tmp_path, text):
    (tmp_path / "known").write_text(text, encoding="utf-8", newline="")
    before = [row[0] for row in list_words("-m", MODEL, "--top", 0)[1]]
    after = [row[0] for row in list_words("-m", MODEL, "--top", 0, "--known", tmp_path / "known")[1]]
    gone = {"医生", "公司"} | ({"邻居"} if "邻居" in text else set())
    assert after == [word for word in before if word not in gone]


def test_known_words_in_another_encoding(tmp_path):
    (tmp_path / "known").write_text("医生\n", encoding="gb18030")
    (tmp_path / "text").write_text(sample_text(), encoding="gb18030")
    _, rows, _ = list_words(tmp_path / "text", "--known", tmp_path / "known", "--encoding", "gb18030")
    plain = [row for row in list_words("-m", MODEL, "--top", 101)[1] if row[0] != "医生"]
    assert rows == plain


def test_parameters_of_training():
    _, rows, _ = list_words(SAMPLE, "--top", 0, "--max-word-len", 3, "--min-count", 4, "-j", 2)
    found = discover(segtool.train(SAMPLE, max_word_len=3, min_count=4))
    assert [row[0] for row in rows] == [each.word for each in found]


# Contexts


def test_contexts_in_both_forms():
    header, rows, _ = list_words(SAMPLE, "--context", 3, "--top", 40)
    assert header[-3:] == ["context_1", "context_2", "context_3"]
    shown = examples(sample_segmenter(), [sample_text()], [row[0] for row in rows], 3)
    assert [[cell for cell in row[-3:] if cell] for row in rows] == list(shown.values())
    lines = invoke(SAMPLE, "--context", 3, "--top", 40, "--format", "jsonl").stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    assert {entry["word"]: entry["contexts"] for entry in entries} == shown
    for entry in entries:
        for context in entry["contexts"]:
            left, rest = context.split("【")
            inside, right = rest.split("】")
            assert spelled(inside) == entry["word"]
            assert max(len(left), len(right)) <= 10


def test_contexts_from_standard_input():
    piped = list_words("-", "--context", 2, input=sample_text().encode())
    (header, rows, _) = list_words(SAMPLE, "--context", 2)
    assert piped[0] == header
    assert [row[:8] for row in piped[1]] == [row[:8] for row in rows]
    assert all(any(row[8:]) for row in piped[1])


def test_undecodable_lines_are_listed(tmp_path):
    (tmp_path / "text").write_bytes(b"\xff\n" + sample_text().encode())
    plain = list_words("-m", MODEL, "--top", 5)[1]
    for context in (0, 1):
        _, rows, said = list_words(tmp_path / "text", "--skip-undecodable", "--top", 5, "--context", context)
        assert [row[:8] for row in rows] == plain
        assert "skipped  1 lines" in said
        assert "text, line 1, byte offset 0" in said


# The output


def test_output_file(tmp_path):
    done = invoke("-m", MODEL, "-o", tmp_path / "words.tsv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "words.tsv").read_bytes() == invoke("-m", MODEL).stdout_bytes
    assert list(contents(tmp_path)) == ["words.tsv"]


def test_nothing_to_list():
    assert list_words("-m", MODEL, "--min-count", 10**9) == (["word", *FIELDS], [], "listed   0 of 0 words\n")
    assert invoke("-m", MODEL, "--min-count", 10**9, "--format", "jsonl").stdout == ""


def test_a_reader_that_leaves_is_no_error():
    arguments = command("words", "-m", MODEL, "--top", 0, "--min-len", 1)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        process.stdout.readline()
        process.stdout.close()
        process.wait(TIMEOUT)
        assert b"Traceback" not in process.stderr.read()


def test_help_loads_nothing_heavy():
    code = """
import sys
from segtool.cli.words import words_command
print({"numpy", "numba", "tqdm"} & {*sys.modules})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), timeout=TIMEOUT)
    assert done.stdout == b"set()\n", done.stderr


# What makes no sense


def test_neither_text_nor_model():
    message = refused(2)
    assert "INPUT" in message
    assert "-m" in message


def test_both_text_and_model():
    assert "not both" in refused(2, SAMPLE, "-m", MODEL)


def test_context_of_a_model():
    assert "--context" in refused(2, "-m", MODEL, "--context", 2)


@pytest.mark.parametrize("option", [["--length-penalty", 2.1], ["--seed", 0], ["--skip-undecodable"]], ids=str)
def test_training_a_model_that_is_there(option):
    message = refused(2, "-m", MODEL, *option)
    assert option[0] in message
    assert "-m" in message


def test_lengths_that_no_word_has():
    assert "--min-len 4 is more than --max-len 3" in refused(2, "-m", MODEL, "--min-len", 4, "--max-len", 3)
    assert "--max-word-len" in refused(2, SAMPLE, "--min-len", 7)
    assert "--max-word-len" in refused(2, "-m", MODEL, "--min-len", 7)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--sort", "weight"), ("--format", "xml"), ("--top", -1), ("--context", -1), ("--min-len", 0), ("-j", 0)],
)
def test_values_that_click_refuses(option, value):
    message = misused(SAMPLE, option, value)
    assert option in message
    assert str(value) in message


def test_parameter_out_of_range():
    assert "--min-count 0" in refused(2, SAMPLE, "--min-count", 0)


def test_a_word_list_is_no_text():
    assert "--method dict" in refused(2, SAMPLE, "--method", "dict")


def test_standard_input_twice():
    assert "--known" in refused(2, "-", "--known", "-", input="今天")


def test_known_words_that_are_missing(tmp_path):
    message = refused(1, "-m", MODEL, "--known", tmp_path / "none")
    assert f"{tmp_path / 'none'}: cannot be read" in message
    assert "--known" in message


def test_known_words_that_are_none(tmp_path):
    (tmp_path / "empty").write_text(" \n", encoding="utf-8")
    message = refused(1, "-m", MODEL, "--known", tmp_path / "empty")
    assert str(tmp_path / "empty") in message
    assert "--known takes" in message
    assert "--train-words" not in message


def test_known_words_in_the_wrong_encoding(tmp_path):
    (tmp_path / "known").write_bytes("医生\n".encode("gb18030"))
    message = refused(1, "-m", MODEL, "--known", tmp_path / "known")
    assert "known, line 1, byte offset" in message
    assert "--encoding" in message


def test_missing_text_and_model(tmp_path):
    assert "none: cannot be read" in refused(1, tmp_path / "none")
    assert "none: cannot be read" in refused(1, tmp_path / "none", "--context", 1)
    assert "does not exist" in refused(1, "-m", tmp_path / "none")
    (tmp_path / "latin").write_text("no Chinese here", encoding="utf-8")
    assert "no Han character" in refused(1, tmp_path / "latin")


def test_output_that_cannot_be_written(tmp_path):
    os.mkfifo(tmp_path / "never read")  # reading it would never end
    message = refused(1, tmp_path / "never read", "-o", tmp_path / "no" / "words.tsv")
    assert "create the folder" in message
    assert [path.name for path in tmp_path.iterdir()] == ["never read"]


def test_a_failure_leaves_the_old_output(tmp_path):
    (tmp_path / "words.tsv").write_text("old", encoding="utf-8")
    refused(1, tmp_path / "none", "-o", tmp_path / "words.tsv")
    assert contents(tmp_path) == {"words.tsv": b"old"}
