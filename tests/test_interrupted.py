"""Commands that end from outside, and readers that go away: one line at most, and nothing half-written."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.failures import LINE, MODEL
from tests.helpers import GOLD, ROOT, TIMEOUT, command, contents, environment, python, random_text, refusal, run, said

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
    with start(folder, "cut", "-m", MODEL, "-o", "text", "--in-place", "-j", workers) as process:
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


INTERRUPTS_AT = """
import os, signal, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == os.environ["AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("at", ["segtool.errors", "click", "numpy"])
@pytest.mark.parametrize("installed", [False, True])
def test_interrupted_imports(tmp_path, at, installed):
    """Ctrl-C ends segtool silently until a command runs; the installed script imports its modules as ``-m`` does."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS_AT)
    script = tmp_path / "segtool"
    script.write_text("from segtool.cli.main import main\nmain(['explain', '今天天气很好'], prog_name='segtool')")
    ran = [sys.executable, str(script)] if installed else command("explain", "今天天气很好")
    variables = {"AT": at, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        ran, env=environment(**variables), preexec_fn=heed_signals, capture_output=True, timeout=TIMEOUT
    )
    if at == "numpy":
        assert (done.returncode, done.stderr) == (130, b"segtool: interrupted; no output was changed\n")
    else:
        assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_signal_that_cannot_be_raised_comes_again(number):
    program = """
        import json, os, signal, sys, time
        from segtool.cli.interrupts import interruptible
        class Last:
            def __del__(self):
                os.kill(os.getpid(), signal.NUMBER)
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        made = Last()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        came = False
        with interruptible():
            try:
                del made
                time.sleep(100)
            except (KeyboardInterrupt, SystemExit):
                came = True
        print(json.dumps(came))
    """
    assert python(program.replace("NUMBER", number)) is True


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


@pytest.mark.parametrize(
    "arguments",
    [["cut", "text", "-m", MODEL], ["eval", GOLD, GOLD], ["eval", GOLD, GOLD, "--json"], ["lm", "info", "text"]],
    ids=["cut", "eval", "json", "lm"],
)
def test_closed_standard_output(folder, arguments):
    """As in `segtool cut text >&-`."""
    done = run(*arguments, cwd=folder, stdout=None, preexec_fn=lambda: os.close(1))
    assert done.returncode == 1
    assert "standard output is closed" in refusal(done.stderr)


def test_closed_standard_input(folder):
    """As in `segtool train - <&-`: it reads as empty."""
    before = contents(folder)
    done = run("train", "-", "-o", "new.model", cwd=folder, stdin=None, preexec_fn=lambda: os.close(0))
    assert done.returncode == 1
    assert "empty" in refusal(done.stderr)
    assert contents(folder) == before
