"""Whatever goes wrong with what is written, and without permission: one line, and nothing half-written."""

import ctypes
import os
import shutil
import subprocess
import sys

import pytest

from tests.failures import LINE, MODEL, fails, resource
from tests.helpers import GOLD, SAMPLE, environment, refusal, scratch, succeed

needs_dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")

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


# Limits of the process


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


def test_too_few_files_may_be_open(folder):
    message = fails("cut", "text", "-m", MODEL, cwd=folder, preexec_fn=few_files)
    assert "Too many open files" in message
    assert "ulimit -n" in message
    assert "permissions" not in message


LIMITED = {
    "thread": (
        """
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
""",
        "no thread can be started: pass a smaller -j",
    ),
    "library": (
        """
import segtool.segmenter
def load(path):
    raise ImportError("Advice, much of it") from ImportError("libm.so: map")
segtool.segmenter.load = load
""",
        "a library cannot be loaded (libm.so: map): allow more memory (ulimit -v)",
    ),
    "memory": (
        """
import errno, numpy
def memmap(*_, **__):
    raise OSError(errno.ENOMEM, "Cannot allocate memory")
numpy.memmap = memmap
""",
        "Cannot allocate memory: allow more memory (ulimit -v)",
    ),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_what_a_limit_of_the_process_forbids(folder, limit):
    code, expected = LIMITED[limit]
    (folder / "long").write_text(LINE * 5000, encoding="utf-8")
    program = f"{code}\nfrom segtool.cli.main import main\nmain(['cut', 'long', '-j', '2'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment(), capture_output=True)
    assert done.returncode == 1
    assert expected in refusal(done.stderr)


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
    assert "text: " in denied("cut", "text", "-m", MODEL, "--in-place", cwd=folder)


@pytest.mark.parametrize(
    "command", [["train", "text", "--base", MODEL, "-q"], ["lm", "import", "old.arpa"]], ids=["train", "lm"]
)
def test_too_few_descriptors_to_open_what_was_written(folder, command):
    """The model is opened before it takes its place."""
    succeed("lm", "train", "text", "-o", "old.arpa", "-q", cwd=folder)
    limit = resource.RLIMIT_NOFILE
    codes = []
    for number in range(6, 24):
        done = subprocess.run(
            [sys.executable, "-m", "segtool", *command, "-o", "new"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            preexec_fn=lambda number=number: resource.setrlimit(limit, (number, number)),
        )
        assert (folder / "new").exists() == (done.returncode == 0), done.stderr
        codes.append(done.returncode)
        if done.returncode == 0:
            break
    assert 1 in codes
