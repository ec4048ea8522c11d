"""Outputs are exchanged in one step, or restored; what killed processes leave beside them is removed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segtool.errors import ModelError
from segtool.segmenter import load
from segtool.store import files
from segtool.store.files import atomic_directory, atomic_file, replaced_outputs
from segtool.store.leftovers import exchange, names_beside, restore
from tests.failures import LINE, MODEL
from tests.helpers import TIMEOUT, command, environment, run, said, succeed
from tests.outputs import tree

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed as POSIX has it")


def write_model(path, text):
    with atomic_directory(path) as folder:
        (folder / "card.json").write_text(text)


def in_killed_child(step, block):
    """Run a block in a process that dies at a step of it, a function of the module `os` or of `files`."""
    child = os.fork()
    if not child:
        owner, name = step
        setattr(owner, name, lambda *arguments, **options: os.kill(os.getpid(), signal.SIGKILL))
        try:
            block()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.fixture
def no_exchange(monkeypatch):
    """A system without an exchange of two folders."""
    monkeypatch.setattr(files, "exchange", lambda one, other: False)


def test_exchange(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if exchange(tmp_path / "a", tmp_path / "b"):
        assert tree(tmp_path) == ["a", "a/b", "b", "b/a"]
        with pytest.raises(FileNotFoundError):
            exchange(tmp_path / "a", tmp_path / "c")


def test_no_moment_without_a_model(tmp_path, monkeypatch):
    """Where there is an exchange, nothing is renamed."""
    write_model(tmp_path / "m", "old")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    if not exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this system or disk cannot exchange folders")
    monkeypatch.setattr(os, "rename", None)
    write_model(tmp_path / "m", "new")
    assert (tmp_path / "m" / "card.json").read_text() == "new"
    assert tree(tmp_path) == ["a", "b", "m", "m/card.json"]


@needs_fork
@pytest.mark.parametrize("step", ["mkdir", "fsync", "chmod", "rename"])
def test_killed_at_any_step(tmp_path, step, no_exchange):
    """The next command on the output finds the old version, or the new one, and leaves only that."""
    model = tmp_path / "m"
    write_model(model, "old")
    in_killed_child((os, step), lambda: write_model(model, "new"))
    assert (model / "card.json").read_text() == "old"
    write_model(model, "next")
    assert (model / "card.json").read_text() == "next"
    assert tree(tmp_path) == ["m", "m/card.json"]


@needs_fork
def test_killed_between_the_two_renames(tmp_path, no_exchange):
    """As soon as the model is asked for, the new version is in place."""
    model = tmp_path / "m"
    shutil.copytree(MODEL, model)

    def save():
        rename, calls = os.rename, []

        def kill_at_second(one, other):
            calls.append(one)
            if len(calls) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(one, other)

        os.rename = kill_at_second
        load(MODEL).with_granularity(1).save(model)

    in_killed_child((os, "no_such_step"), save)
    assert not model.exists()
    assert len(list(tmp_path.iterdir())) == 2
    assert load(model).model.granularity == 1
    assert list(tmp_path.iterdir()) == [model]


def test_a_folder_that_was_deleted_does_not_come_back(tmp_path):
    temporary, aside = names_beside(tmp_path / "m")
    for left in (temporary, aside):
        left.mkdir()
        assert not restore(tmp_path / "m")
        left.rmdir()
    with pytest.raises(ModelError, match="does not exist"):
        load(tmp_path / "m")


def test_names_of_other_outputs_are_left_alone(tmp_path):
    long = "长" * 60
    others = [*names_beside(tmp_path / "mm"), *names_beside(tmp_path / (long + "1")), tmp_path / ".m.tmp"]
    others.append(tmp_path / ".m.0123456x.tmp")
    for other in others:
        other.mkdir()
    write_model(tmp_path / "m", "new")
    with atomic_file(tmp_path / (long + "2")) as file:
        file.write(b"x")
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "m", tmp_path / (long + "2")])


def test_a_running_process_keeps_its_temporaries(tmp_path):
    with atomic_directory(tmp_path / "m") as one, atomic_file(tmp_path / "f") as file:
        (one / "card.json").write_text("one")
        write_model(tmp_path / "m", "two")
        with atomic_file(tmp_path / "f") as other:
            other.write(b"two")
        file.write(b"one")
        assert one.exists()
    assert (tmp_path / "m" / "card.json").read_text() == "one"
    assert (tmp_path / "f").read_text() == "one"
    assert tree(tmp_path) == ["f", "m", "m/card.json"]


@needs_fork
@pytest.mark.parametrize("output", ["new", "text"])
def test_killed_command_leaves_nothing_to_the_next_one(folder, output):
    arguments = command("cut", "-", "-m", MODEL, "-o", output)
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, cwd=folder, env=environment()) as process:
        try:
            process.stdin.write(LINE.encode())
            process.stdin.flush()
            end = time.monotonic() + TIMEOUT
            while not list(folder.glob(f".{output}.*.tmp")) and time.monotonic() < end:
                time.sleep(0.01)
        finally:
            process.kill()
    assert list(folder.glob(f".{output}.*.tmp"))
    succeed("cut", "text", "-m", MODEL, "-o", output, "--in-place", cwd=folder)
    assert not list(folder.glob(".*"))


def test_outputs_that_were_replaced_are_known(tmp_path):
    with atomic_file(tmp_path / "f") as file:
        file.write(b"x")
        assert str(tmp_path / "f") not in replaced_outputs()
    write_model(tmp_path / "m", "new")
    assert {str(tmp_path / "f"), str(tmp_path / "m")} <= set(replaced_outputs())
    shutil.rmtree(tmp_path / "m")
    assert str(tmp_path / "m") not in replaced_outputs()


def test_an_interrupt_after_the_rename_names_the_output(folder):
    program = """
import os, signal, sys
from segtool.store import files
replace = os.replace
def replace_and_interrupt(*names):
    replace(*names)
    os.kill(os.getpid(), signal.SIGINT)
os.replace = replace_and_interrupt
from segtool.cli.main import main
main(sys.argv[1:])
"""
    arguments = [sys.executable, "-c", program, "cut", "text", "-m", str(MODEL), "-o", "new"]
    done = subprocess.run(arguments, cwd=folder, env=environment(), capture_output=True, timeout=TIMEOUT)
    assert done.returncode == 130
    assert said(done.stderr) == ["segtool: interrupted; new had been written"]
    assert (folder / "new").exists()


@pytest.mark.parametrize("way", ["append", "truncate", "stdin", "device", "adapt"])
def test_output_that_is_an_input_is_refused(folder, way):
    size = (folder / "text").stat().st_size
    inputs = {"stdin": ["-"], "adapt": ["-", "--adapt", "text"], "device": ["text", "-o", "/dev/stdout"]}
    arguments = ["cut", *inputs.get(way, ["text"]), "-m", MODEL]
    with open(folder / "text", "wb" if way == "truncate" else "ab") as output, open(folder / "text", "rb") as source:
        standard = {"stdin": source} if way == "stdin" else {}
        done = run(*arguments, cwd=folder, stdout=output, timeout=60, **standard)
    assert done.returncode == 2
    assert "the output goes to this very file" in done.stderr.decode()
    assert (folder / "text").stat().st_size == (0 if way == "truncate" else size)


def test_an_input_may_be_replaced_as_a_whole(folder):
    succeed("cut", "text", "-m", MODEL, "-o", "text", "--in-place", cwd=folder)
    assert b" " in (folder / "text").read_bytes()


@needs_fork
def test_ctrl_c_during_imports_is_silent(folder):
    program = """
import runpy, signal, os, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "segtool.cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["segtool", "--help"]
runpy.run_module("segtool", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
        cwd=Path(os.sep),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")  # the shell says 130
