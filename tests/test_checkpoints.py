"""Stages are there whole or not at all, and the folder that they are kept in is there no longer than it is needed."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from segtool.errors import OutputError
from segtool.store.checkpoints import Stages, WorkFolder, files_seen, fingerprint
from tests.helpers import TIMEOUT, contents, environment

ARRAYS = {"one": np.arange(5, dtype=np.int16), "two": np.array([[0.5, -np.inf]]), "told": np.array('{"字": 1}')}


def same(found, arrays=ARRAYS):
    return found is not None and {name: (a.dtype, a.tolist()) for name, a in found.items()} == {
        name: (a.dtype, a.tolist()) for name, a in arrays.items()
    }


def test_what_is_kept_is_there_again(tmp_path):
    stages = Stages(tmp_path)
    assert stages.load("count") is None
    stages.save("count", **ARRAYS)
    assert same(stages.load("count"))
    assert same(Stages(tmp_path).load("count"))
    stages.save("count", one=np.zeros(1))
    assert stages.load("count").keys() == {"one"}
    stages.save("nothing")
    assert stages.load("nothing") == {}
    stages.forget("count", "nothing", "never")
    assert contents(tmp_path) == {}


def test_without_a_folder_nothing_is_kept():
    stages = Stages()
    stages.save("count", **ARRAYS)
    assert stages.load("count") is None
    stages.forget("count")


def test_every_byte_counts(tmp_path):
    """A file that was damaged is no stage, or it holds what it did."""
    stages = Stages(tmp_path)
    stages.save("count", **ARRAYS)
    file = tmp_path / "count.npz"
    data = file.read_bytes()
    damaged = 0
    for i in range(len(data)):
        for bit in (1, 32, 128):
            file.write_bytes(data[:i] + bytes([data[i] ^ bit]) + data[i + 1 :])
            found = stages.load("count")
            damaged += found is None
            assert found is None or same(found), i
    assert damaged > len(data)
    for size in (0, 1, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:size])
        assert stages.load("count") is None


@pytest.mark.parametrize("place", ["numpy.savez", "os.fsync", "os.replace"])
def test_a_save_that_fails_leaves_what_was(tmp_path, monkeypatch, place):
    stages = Stages(tmp_path)
    stages.save("count", **ARRAYS)

    def fail(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(place, fail)
        message = f"{tmp_path}: temporary files cannot be written: No space left on device; .*--tmp"
        with pytest.raises(OutputError, match=message):
            stages.save("count", one=np.zeros(1))
    assert same(stages.load("count"))


def test_fingerprints():
    assert fingerprint({"a": 1, "b": 2.5}, None, [Path("x")]) == fingerprint({"b": 2.5, "a": 1}, None, [Path("x")])
    others = [fingerprint(*things) for things in ([], [1], ["1"], [1, 1], [[1], 1], [{"a": 1}], [{"a": 2}])]
    assert len(set(others)) == len(others)


def test_files_seen(tmp_path):
    file = tmp_path / "a"
    file.write_text("一")
    seen = files_seen([file, None])
    assert seen == files_seen([tmp_path / "." / "a", None])
    assert seen != files_seen([None, file])
    file.write_text("一一")
    assert seen != (longer := files_seen([file, None]))
    os.utime(file, ns=(1, 1))
    assert longer != files_seen([file, None])


# The folder


def work(stack, parent, training="one", resume=False, name="m"):
    return WorkFolder(stack, parent, name, training, resume)


def test_folder_is_made_when_it_is_asked_for_and_removed_in_the_end(tmp_path):
    with ExitStack() as stack:
        found = work(stack, tmp_path)
        assert (found.entered, found.stages.folder, contents(tmp_path)) == (False, None, {})
        path = found()
        assert path == tmp_path / ".m.work" == found() == found.stages.folder
        (path / "shard").mkdir()
        (path / "shard" / "file").touch()
        found.stages.save("count", **ARRAYS)
        assert found.entered
    assert contents(tmp_path) == {}


def test_folder_to_resume_is_made_at_once(tmp_path):
    with ExitStack() as stack:
        assert work(stack, tmp_path, resume=True).entered
        assert (tmp_path / ".m.work").is_dir()
    assert contents(tmp_path) == {}


def fail(parent, **options):
    with pytest.raises(LookupError), ExitStack() as stack:
        found = work(stack, parent, **options)
        found().joinpath("spill").touch()
        found.stages.save("count", **ARRAYS)
        raise LookupError


def stage_of(parent, **options):
    """Whether a training finds the stage that another has left; it leaves nothing."""
    with ExitStack() as stack:
        found = work(stack, parent, **options)
        spilled = (found() / "spill").exists()
        there = same(found.stages.load("count"))
        assert spilled == there
    assert contents(parent) == {}
    return there


def test_failure_leaves_nothing(tmp_path):
    fail(tmp_path)
    assert contents(tmp_path) == {}


def test_failure_of_one_to_resume_leaves_the_stages(tmp_path):
    fail(tmp_path, resume=True)
    assert stage_of(tmp_path, resume=True)


@pytest.mark.parametrize("other", [{"training": "two", "resume": True}, {"training": "", "resume": True}, {}])
def test_another_training_starts_anew(tmp_path, other):
    fail(tmp_path, resume=True)
    assert not stage_of(tmp_path, **other)


def test_what_was_left_is_removed_though_the_folder_is_not_needed(tmp_path):
    fail(tmp_path, resume=True)
    (tmp_path / "other").mkdir()
    with ExitStack() as stack:
        assert not work(stack, tmp_path).entered
        assert contents(tmp_path) == {"other": None}


@pytest.mark.parametrize("card", [b"", b"\xff\xfe", b"one\n", b"o"])
def test_damaged_card(tmp_path, card):
    fail(tmp_path, resume=True)
    (tmp_path / ".m.work" / "training").write_bytes(card)
    assert not stage_of(tmp_path, resume=True)


def test_names_may_be_long(tmp_path):
    with ExitStack() as stack:
        assert len(work(stack, tmp_path, name="字" * 80)().name.encode()) < 255


def test_folder_of_something_else(tmp_path):
    (tmp_path / ".m.work").mkdir()
    (tmp_path / ".m.work" / "thesis").write_text("1")
    before = contents(tmp_path)
    for resume in (False, True):
        with ExitStack() as stack, pytest.raises(OutputError, match=r"\.m\.work: holds files that are of no training"):
            work(stack, tmp_path, resume=resume)()
    assert contents(tmp_path) == before


def test_parent_that_is_not_there(tmp_path):
    (tmp_path / "file").touch()
    for name in ("no/such", "file"):
        with ExitStack() as stack:
            found = work(stack, tmp_path / name)
            for call in (found, found.check):
                with pytest.raises(OutputError, match=f"{tmp_path / name}: no folder .*--tmp"):
                    call()
            with pytest.raises(OutputError, match="--tmp"):
                work(stack, tmp_path / name, resume=True)


def test_parent_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    message = f"{tmp_path}: no temporary files can be written.*--tmp"
    with ExitStack() as stack, pytest.raises(OutputError, match=message):
        work(stack, tmp_path).check()


@pytest.mark.parametrize("resume", [False, True])
def test_disk_that_is_full_from_the_beginning(tmp_path, monkeypatch, resume):
    """Nothing is left, but for a folder to go on with."""

    def full(self, lock, card):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WorkFolder, "_claim", full)
    with ExitStack() as stack, pytest.raises(OutputError, match=r"\.m\.work: .*No space left .*--tmp"):
        work(stack, tmp_path, resume=resume)()
    left = {".m.work": None, ".m.work/training": b""} if resume else {}
    assert contents(tmp_path) == left


def test_two_trainings_at_once(tmp_path):
    pytest.importorskip("fcntl", reason="folders are not locked here")
    code = f"""
from contextlib import ExitStack
from segtool.store.checkpoints import WorkFolder
with ExitStack() as stack:
    WorkFolder(stack, {str(tmp_path)!r}, "m", "one", True)
    print("there", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as other:
        try:
            assert other.stdout.readline() == b"there\n"
            before = contents(tmp_path)
            for resume in (False, True):
                message = r"\.m\.work: another training is at work there: wait or pass another --tmp"
                with ExitStack() as stack, pytest.raises(OutputError, match=message):
                    work(stack, tmp_path, resume=resume)()
                assert contents(tmp_path) == before
            with ExitStack() as stack:
                assert not work(stack, tmp_path).entered, "a training that needs no folder may go on"
            assert contents(tmp_path) == before
            other.communicate(b"\n", TIMEOUT)
        finally:
            other.kill()
    assert contents(tmp_path) == {}
    with ExitStack() as stack:
        work(stack, tmp_path)()
