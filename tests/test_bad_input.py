"""Whatever goes wrong: one line that says what and where and how to fix it, and nothing half-written."""

import ctypes
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from segtool import train
from segtool.store.model import FORMAT_VERSION
from tests.helpers import (
    GOLD,
    SAMPLE,
    TIMEOUT,
    command,
    contents,
    environment,
    random_text,
    refusal,
    run,
    said,
    sample_model,
    scratch,
)

resource = pytest.importorskip("resource", reason="limits and signals are those of POSIX")

LINE = "今天天气很好,我们去公园。\n"
MODEL = sample_model()

needs_dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")


def fails(*arguments, cwd, code=1, **options):
    """The message of a command that fails, and leaves the folder it runs in as it was."""
    before = contents(cwd)
    done = run(*arguments, cwd=cwd, **options)
    assert done.returncode == code, done
    assert not done.stdout
    assert contents(cwd) == before
    return refusal(done.stderr)


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


@pytest.fixture
def folder(tmp_path):
    """A folder with a text and a model."""
    (tmp_path / "text").write_text(LINE * 50, encoding="utf-8")
    shutil.copytree(MODEL, tmp_path / "old.model")
    return tmp_path


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
    message = fails("cut", "bad", "-m", MODEL, "-o", "text", cwd=folder)
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


# Outputs that cannot be written


def test_output_in_a_missing_folder(folder):
    message = fails("cut", "text", "-m", MODEL, "-o", "no/such/file", cwd=folder)
    assert "no/such/file: " in message
    assert "create the folder" in message


@pytest.mark.parametrize("output", ["no/such/model", "text", "thesis"])
def test_bad_output_is_told_before_hours_of_work(folder, output):
    """Before the corpus is read, even: the bytes that are no text are not what the message is about."""
    (folder / "thesis").mkdir()
    (folder / "thesis" / "chapter.txt").write_text("1")
    (folder / "bad").write_bytes(b"\xff\n")
    message = fails("train", "bad", "-o", output, cwd=folder)
    assert f"{output}: " in message
    assert "-o" in message


@needs_dev_full
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("lines", [1, 2000])
def test_full_disk_behind_standard_output(folder, workers, lines):
    (folder / "long").write_text(LINE * lines, encoding="utf-8")
    with open("/dev/full", "wb") as full:
        message = fails("cut", "long", "-m", MODEL, "-j", workers, cwd=folder, stdout=full)
    assert "standard output: " in message
    assert "No space left" in message


@needs_dev_full
@pytest.mark.parametrize(
    "arguments",
    [["eval", GOLD, GOLD], ["eval", GOLD, GOLD, "--json"], ["--help"], ["cut", "--help"]],
    ids=["eval", "json", "help", "help of cut"],
)
def test_full_disk_behind_other_output(folder, arguments):
    with open("/dev/full", "wb") as full:
        assert "No space left" in fails(*arguments, cwd=folder, stdout=full)


@needs_dev_full
def test_full_disk_behind_an_output_file(folder):
    message = fails("cut", "text", "-m", MODEL, "-o", "/dev/full", cwd=folder)
    assert "/dev/full: " in message
    assert "No space left" in message
    assert "-o" in message


def small_disk():
    """Let no file grow beyond 30 kB, as on a disk that is full; Python ignores the signal for that."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


def test_disk_that_fills_while_a_model_is_written(folder):
    message = fails("train", SAMPLE, "-o", "old.model", cwd=folder, preexec_fn=small_disk)
    assert "old.model: " in message
    assert "File too large" in message
    assert "-o" in message


def test_disk_that_fills_while_text_is_written(folder):
    (folder / "long").write_text(LINE * 5000, encoding="utf-8")
    for output in ("new", "text"):
        message = fails("cut", "long", "-m", MODEL, "-o", output, cwd=folder, preexec_fn=small_disk)
        assert f"{output}: " in message
        assert "File too large" in message


# Permissions


def obey_permissions():
    """Take from root what lets it read and write everything; others have nothing to lose."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "prctl")


@pytest.fixture(scope="module")
def permissions():
    closed = scratch() / "closed"
    closed.touch(mode=0o000)
    code = f"open({str(closed)!r})"
    try:
        done = subprocess.run([sys.executable, "-c", code], preexec_fn=obey_permissions, capture_output=True)
    except (OSError, AttributeError, subprocess.SubprocessError):
        pytest.skip("root may read everything here, and cannot lose that")
    if b"PermissionError" not in done.stderr:
        pytest.skip("permissions are not heeded here")


def denied(*arguments, cwd):
    """The message of a command that lacks a permission."""
    before = {path: path.stat().st_mode for path in cwd.rglob("*")}
    message = fails(*arguments, cwd=cwd, preexec_fn=obey_permissions)
    assert {path: path.stat().st_mode for path in cwd.rglob("*")} == before
    assert "Permission denied" in message or "permission" in message
    return message


@pytest.mark.usefixtures("permissions")
def test_no_permission_to_read(folder):
    (folder / "text").chmod(0o000)
    assert "text: " in denied("train", "text", "-o", "old.model", cwd=folder)
    assert "text: " in denied("cut", "text", "-m", MODEL, "-o", "new", cwd=folder)
    assert "text: " in denied("eval", "text", GOLD, cwd=folder)


@pytest.mark.usefixtures("permissions")
@pytest.mark.parametrize("name", ["sub", "sub/text"])
def test_no_permission_to_look_into_a_folder(folder, name):
    (folder / "sub").mkdir(mode=0o000)
    assert f"{name}: " in denied("cut", name, "-m", MODEL, "-o", "new", cwd=folder)


@pytest.mark.usefixtures("permissions")
@pytest.mark.parametrize("name", ["card.json", "symbols.npy", "lexicon.npy"])
def test_no_permission_to_read_a_model(folder, name):
    (folder / "old.model" / name).chmod(0o000)
    assert f"old.model/{name}: " in denied("cut", "text", "-m", "old.model", cwd=folder)


@pytest.mark.usefixtures("permissions")
def test_no_permission_to_write(folder):
    (folder / "sub").mkdir()
    shutil.move(folder / "old.model", folder / "sub" / "m")
    (folder / "sub").chmod(0o555)
    for output in ("sub/new.model", "sub/m"):
        message = denied("train", "text", "-o", output, cwd=folder)
        assert f"{output}: " in message
        assert "-o" in message
    message = denied("cut", "text", "-m", MODEL, "-o", "sub/new", cwd=folder)
    assert "sub/new: " in message
    assert "-o" in message


@pytest.mark.usefixtures("permissions")
def test_read_only_file_is_not_replaced(folder):
    (folder / "text").chmod(0o444)
    assert "text: " in denied("cut", "text", "-m", MODEL, "-o", "text", cwd=folder)


# Ends from outside


def heed_signals():
    """Undo that a shell lets its background jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop(process, number, folder, before, code):
    assert process.poll() is None, "the command had ended before the signal"
    process.send_signal(number)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, errors
    assert contents(folder) == before
    return said(errors)


def start(folder, *arguments):
    return subprocess.Popen(
        command(*arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment(),
        preexec_fn=heed_signals,
    )


@pytest.fixture(scope="module")
def corpus():
    """Enough for a training of many seconds."""
    return random_text(1_500_000).encode()


@pytest.mark.parametrize("delay", [0.0, 0.5, 1.5])
def test_interrupted_training(folder, corpus, delay):
    before = contents(folder)
    with start(folder, "train", "-", "-o", "old.model", "--passes", 1000) as process:
        try:
            process.stdin.write(corpus)  # ends when all but a little has been read
            process.stdin.close()
            process.stdin = None
            time.sleep(delay)
            (line,) = stop(process, signal.SIGINT, folder, before, 130)
        finally:
            process.kill()
    assert line.startswith("segtool: interrupted")


def test_interrupted_reading(folder, corpus):
    before = contents(folder)
    with start(folder, "train", "-", "-o", "old.model") as process:
        try:
            process.stdin.write(corpus)
            (line,) = stop(process, signal.SIGINT, folder, before, 130)
        finally:
            process.kill()
    assert line.startswith("segtool: interrupted")


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_cut(folder, corpus, workers):
    before = contents(folder)
    with start(folder, "cut", "-m", MODEL, "-o", "text", "-j", workers) as process:
        try:
            process.stdin.write(corpus)
            process.stdin.flush()
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 130
    assert contents(folder) == before
    assert refusal(errors).startswith("segtool: interrupted")


def test_terminated_training(folder, corpus):
    before = contents(folder)
    with start(folder, "train", "-", "-o", "old.model", "--passes", 1000) as process:
        try:
            process.stdin.write(corpus)
            process.stdin.close()
            process.stdin = None
            time.sleep(0.5)
            lines = stop(process, signal.SIGTERM, folder, before, 128 + signal.SIGTERM)
        finally:
            process.kill()
    assert not any("Traceback" in line for line in lines)


# Readers that go away


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("lines", [1, 60_000])
def test_reader_that_has_seen_enough(folder, workers, lines):
    """As in `segtool cut long | head -1`."""
    (folder / "long").write_text(LINE + LINE * lines * (lines > 1), encoding="utf-8")
    before = contents(folder)
    with start(folder, "cut", "long", "-m", MODEL, "-j", workers) as process:
        try:
            assert process.stdout.readline().decode().replace(" ", "") == LINE
            process.stdout.close()
            process.stdout = None
            _, errors = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert errors == b"" or not said(errors)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "arguments",
    [["cut", "text", "-m", MODEL], ["eval", GOLD, GOLD], ["eval", GOLD, GOLD, "--json"], ["--help"]],
    ids=["cut", "eval", "json", "help"],
)
def test_reader_that_was_never_there(folder, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = run(*arguments, cwd=folder, stdout=gone)
    assert not said(done.stderr)
    assert done.returncode != 0


def test_closed_standard_output(folder):
    """As in `segtool cut text >&-`."""
    done = run("cut", "text", "-m", MODEL, cwd=folder, stdout=None, preexec_fn=lambda: os.close(1))
    assert done.returncode == 1
    assert "standard output" in refusal(done.stderr)


def test_closed_standard_input(folder):
    """As in `segtool train - <&-`: it reads as empty."""
    before = contents(folder)
    done = run("train", "-", "-o", "new.model", cwd=folder, stdin=None, preexec_fn=lambda: os.close(0))
    assert done.returncode == 1
    assert "empty" in refusal(done.stderr)
    assert contents(folder) == before


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
