"""Whatever goes wrong before anything is written: one line that says what and where and how to fix it."""

import gzip
import json
import os

import pytest

from segtool import train
from segtool.store.model import FORMAT_VERSION
from tests.failures import LINE, MODEL, fails
from tests.helpers import contents, random_text, refusal, run, said


def misused(*arguments, cwd):
    """The message of a command that click refuses."""
    before = contents(cwd)
    done = run(*arguments, cwd=cwd)
    lines = said(done.stderr)
    assert done.returncode == 2, done
    assert lines[0].startswith("Usage: segtool")
    assert lines[-1].startswith("Error: ")
    assert (done.stdout, contents(cwd)) == (b"", before)
    return lines[-1]


# Text that is none


def test_empty_corpus(folder):
    (folder / "empty").write_text("\ufeff", encoding="utf-8")
    message = fails("train", "empty", "-o", "old.model", cwd=folder)
    assert "empty" in message
    assert "Chinese text" in message


def test_corpus_without_a_han_character(folder):
    text = "Only English, 100%.\n\n \nひらがな 한글 Ελ 😀。\n"
    (folder / "foreign").write_text(text, encoding="utf-8")
    message = fails("train", "foreign", "-o", "old.model", cwd=folder)
    assert "no Han character" in message
    assert "--encoding" in message


def test_undecodable_bytes(folder):
    good = LINE.encode()
    (folder / "bad").write_bytes(good * 2 + "今天".encode() + b"\xff" + good)
    place = f"bad, line 3, byte offset {2 * len(good) + 6}: "
    message = fails("train", "text", "bad", "-o", "old.model", cwd=folder)
    assert place in message
    assert "--encoding" in message
    assert "--skip-undecodable" in message
    message = fails("cut", "bad", "-m", MODEL, "-o", "text", "--in-place", cwd=folder)
    assert place in message
    assert "--encoding" in message
    assert "--skip-undecodable" not in message, "cut has no such option"
    message = fails("eval", "bad", "text", cwd=folder)
    assert place in message
    assert "--encoding" in message


def test_undecodable_bytes_of_standard_input(folder):
    message = fails("cut", "-m", MODEL, "-o", "new", cwd=folder, input=b"ab\n\xe4\xbb\n")
    assert "<stdin>, line 2, byte offset 3: " in message


def test_text_that_ends_within_a_character(folder):
    assert "line 1, byte offset 3" in fails("cut", "-m", MODEL, "-o", "new", cwd=folder, input="今天".encode()[:-1])


def test_other_encoding_is_guessed(folder):
    (folder / "gb").write_bytes((LINE * 20).encode("gb18030"))
    assert "--encoding gb18030" in fails("cut", "gb", "-m", MODEL, "-o", "new", cwd=folder)


def test_what_was_cut_before_an_error_stays_on_standard_output(folder):
    good = (LINE * 60_000).encode()
    done = run("cut", "-m", MODEL, "-j", 2, cwd=folder, input=good + b"\xff\n" + good)
    assert done.returncode == 1
    assert "line 60001" in refusal(done.stderr)
    lines = done.stdout.decode().splitlines()
    assert 0 < len(lines) <= 60_000
    assert {line.replace(" ", "") for line in lines[:-1]} == {LINE.strip()}


@pytest.mark.parametrize(
    ("keep", "arguments"),
    [
        (-1, ["train", "-o", "old.model"]),
        (-1, ["cut", "-m", MODEL, "-o", "new"]),
        (1000, ["cut", "-m", MODEL, "-o", "new"]),
    ],
    ids=["train", "cut", "cut short"],
)
def test_truncated_gzip(folder, keep, arguments):
    (folder / "text.gz").write_bytes(gzip.compress((LINE * 1000 + random_text(5000)).encode())[:keep])
    message = fails(*arguments, "text.gz", cwd=folder)
    assert "text.gz: " in message
    assert "truncated" in message


@pytest.mark.parametrize("place", [-8, 5000])
def test_damaged_gzip(folder, place):
    data = bytearray(gzip.compress(random_text(5000).encode()))
    data[place] ^= 0xFF
    (folder / "text.gz").write_bytes(data)
    assert "text.gz" in fails("cut", "text.gz", "-m", MODEL, "-o", "new", cwd=folder)


# Inputs that are not there


@pytest.mark.parametrize("name", ["missing", "no/such/file", "text/inside", "*.nothing", "missing\nname"])
def test_missing_input(folder, name):
    shown = name.replace("\n", "\\n")
    assert f"{shown}: " in fails("cut", "text", name, "-m", MODEL, cwd=folder)


def test_missing_input_of_train(folder):
    assert "missing: " in fails("train", "text", "missing", "-o", "old.model", cwd=folder)


def test_missing_input_of_eval(folder):
    assert "missing: " in fails("eval", "missing", "text", cwd=folder)
    assert "missing: " in fails("eval", "text", "missing", cwd=folder)
    assert "missing: " in fails("eval", "text", "text", "--train-words", "missing", cwd=folder)


def test_name_that_is_no_text(folder):
    message = fails("cut", "-m", MODEL, os.fsdecode(b"\xff\xfe.txt"), cwd=folder)
    assert ".txt: cannot be read" in message


def test_empty_folder(folder):
    (folder / "empty").mkdir()
    assert "empty: the folder holds no files" in fails("cut", "empty", "-m", MODEL, "-o", "new", cwd=folder)


def test_folder_where_a_file_is_due(folder):
    (folder / "sub").mkdir()
    assert "sub" in fails("eval", "sub", "text", cwd=folder)
    message = fails("cut", "text", "-m", MODEL, "-o", "sub", cwd=folder)
    assert "sub: " in message
    assert "-o" in message


def test_texts_that_differ(folder):
    (folder / "other").write_text(LINE * 49 + "另一行\n", encoding="utf-8")
    assert "line 50" in fails("eval", "text", "other", cwd=folder)
    (folder / "short").write_text(LINE * 49, encoding="utf-8")
    assert "short ends after line 49" in fails("eval", "text", "short", cwd=folder)
    (folder / "empty").write_text("\n")
    assert "no words" in fails("eval", "empty", "empty", cwd=folder)


# Flags that make no sense


@pytest.mark.parametrize(
    "arguments",
    [["train", "text", "-o", "new"], ["cut", "text", "-m", MODEL, "-o", "new"], ["eval", "text", "text"]],
    ids=lambda arguments: arguments[0],
)
def test_unknown_encoding(folder, arguments):
    assert "--encoding" in fails(*arguments, "--encoding", "utf-9", cwd=folder, code=2)


@pytest.mark.parametrize("encoding", ["", "base64", "undefined"])
def test_encoding_that_is_none(folder, encoding):
    assert "--encoding" in fails("cut", "text", "-m", MODEL, "--encoding", encoding, cwd=folder, code=2)


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--max-word-len", "16"), ("--length-penalty", "nan")],
)
def test_parameter_out_of_range(folder, flag, value):
    """One of each kind; test_training.py tries them all."""
    message = fails("train", "text", "-o", "old.model", f"{flag}={value}", cwd=folder, code=2)
    assert flag in message
    assert "choose" in message


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "text"], "--output"),
        (["train", "-o", "new"], "INPUT"),
        (["train", "text", "-o", "new", "--passes", "many"], "--passes"),
        (["train", "text", "-o", "new", "-j", "0"], "--workers"),
        (["train", "text", "-o", "new", "--min-cuont", "3"], "--min-cuont"),
        (["cut", "text", "-m", MODEL, "-j", "0"], "--workers"),
        (["eval", "text"], "PREDICTED"),
        (["eval", "text", "text", "--protocol", "other"], "--protocol"),
        (["eval", "text", "text", "--top-errors", "-1"], "--top-errors"),
        (["segment", "text"], "segment"),
    ],
    ids=lambda value: " ".join(map(str, value[:1])) if isinstance(value, list) else value,
)
def test_misuse(folder, arguments, named):
    assert named in misused(*arguments, cwd=folder)


@pytest.mark.parametrize("separator", ["", "\n", "a\nb"])
def test_separator_that_separates_nothing(folder, separator):
    assert "--sep" in fails("cut", "text", "-m", MODEL, "-o", "new", "--sep", separator, cwd=folder, code=2)


# Models


def damage_version(model):
    card = json.loads((model / "card.json").read_text(encoding="utf-8"))
    card |= {"format_version": FORMAT_VERSION + 1, "segtool_version": "9.8.7"}
    (model / "card.json").write_text(json.dumps(card))
    return "9.8.7"


def damage_card(model):
    (model / "card.json").write_text("{")
    return "card.json"


def damage_array(model):
    data = bytearray((model / "lexicon.npy").read_bytes())
    data[-1] ^= 1
    (model / "lexicon.npy").write_bytes(data)
    return "lexicon.npy"


def damage_size(model):
    os.truncate(model / "words.npy", 100)
    return "words.npy"


def damage_folder(model):
    (model / "symbols.npy").unlink()
    return "symbols.npy"


@pytest.mark.parametrize("damage", [damage_version, damage_card, damage_array, damage_size, damage_folder])
def test_damaged_model(folder, damage):
    named = damage(folder / "old.model")
    message = fails("cut", "text", "-m", "old.model", "-o", "new", cwd=folder)
    assert "old.model" in message
    assert named in message
    assert "train" in message


@pytest.mark.parametrize(("name", "named"), [("missing", "segtool train"), ("text", "directory"), (".", "card.json")])
def test_no_model(folder, name, named):
    message = fails("cut", "text", "-m", name, cwd=folder)
    assert f"{name}: " in message
    assert named in message


# The library tells the same


def test_library_raises_and_leaves_nothing(folder, monkeypatch):
    monkeypatch.chdir(folder)
    before = contents(folder)
    for options in (
        {"inputs": "missing"},
        {"inputs": "text", "encoding": "utf-9"},
        {"inputs": "text", "passes": 0},
    ):
        with pytest.raises(Exception, match=r"missing|utf-9|--passes") as caught:
            train(output="old.model", **options)
        assert type(caught.value).__module__ == "segtool.errors"
    assert contents(folder) == before
