"""A checkpoint is complete or absent; the work folder exists only while it is needed."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from segtool.errors import OutputError
from segtool.store.checkpoints import Checkpoints, WorkFolder, file_identities, fingerprint
from tests.helpers import TIMEOUT, contents, environment

ARRAYS = {"one": np.arange(5, dtype=np.int16), "two": np.array([[0.5, -np.inf]]), "three": np.array(7)}


def same(found, arrays=ARRAYS):
    return found is not None and {name: (a.dtype, a.tolist()) for name, a in found.items()} == {
        name: (a.dtype, a.tolist()) for name, a in arrays.items()
    }


def test_saved_arrays_are_loaded(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load("count") is None
    checkpoints.save("count", **ARRAYS)
    assert same(checkpoints.load("count"))
    assert same(Checkpoints(tmp_path).load("count"))
    checkpoints.save("count", one=np.zeros(1))
    assert checkpoints.load("count").keys() == {"one"}
    checkpoints.save("nothing")
    assert checkpoints.load("nothing") == {}


@pytest.mark.parametrize("array", [np.array("text"), np.array([None]), np.zeros((1, 1, 1)), np.zeros(2, ">i4")])
def test_only_plain_numbers_are_loaded(tmp_path, array):
    np.savez(tmp_path / "count.npz", one=array, arrays=1)
    assert Checkpoints(tmp_path).load("count") is None


def test_compressed_arrays_are_not_loaded(tmp_path):
    """They might be larger than the memory."""
    np.savez_compressed(tmp_path / "count.npz", one=np.zeros(1000), arrays=1)
    assert Checkpoints(tmp_path).load("count") is None


def test_nothing_is_saved_without_a_folder():
    checkpoints = Checkpoints()
    checkpoints.save("count", **ARRAYS)
    assert checkpoints.load("count") is None


def test_every_byte_counts(tmp_path):
    """A damaged file is not loaded, or it holds the same arrays."""
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("count", **ARRAYS)
    file = tmp_path / "count.npz"
    data = file.read_bytes()
    damaged = 0
    for i in range(len(data)):
        for bit in (1, 32, 128):
            file.write_bytes(data[:i] + bytes([data[i] ^ bit]) + data[i + 1 :])
            found = checkpoints.load("count")
            damaged += found is None
            assert found is None or same(found), i
    assert damaged > len(data)
    for size in (0, 1, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:size])
        assert checkpoints.load("count") is None


@pytest.mark.parametrize("place", ["numpy.savez", "os.fsync", "os.replace"])
def test_a_save_that_fails_leaves_what_was(tmp_path, monkeypatch, place):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("count", **ARRAYS)

    def fail(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(place, fail)
        message = f"{tmp_path}: temporary files cannot be written: No space left on device; .*--tmp"
        with pytest.raises(OutputError, match=message):
            checkpoints.save("count", one=np.zeros(1))
    assert same(checkpoints.load("count"))


def test_fingerprints():
    assert fingerprint({"a": 1, "b": 2.5}, None, [Path("x")]) == fingerprint({"b": 2.5, "a": 1}, None, [Path("x")])
    others = [fingerprint(*things) for things in ([], [1], ["1"], [1, 1], [[1], 1], [{"a": 1}], [{"a": 2}])]
    assert len(set(others)) == len(others)


def test_files_seen(tmp_path):
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_text("一")
    other.write_text("一")
    seen = file_identities([file, other])
    assert seen == file_identities([tmp_path / "." / "a", other])
    assert seen != file_identities([other, file])
    file.write_text("一一")
    assert seen != (longer := file_identities([file, other]))
    os.utime(file, ns=(1, 1))
    assert longer != file_identities([file, other])


# The folder


def work(stack, parent, training="one", resume=False, name="m"):
    return WorkFolder(stack, parent, name, training, resume)


def test_folder_is_made_when_it_is_asked_for_and_removed_in_the_end(tmp_path):
    with ExitStack() as stack:
        found = work(stack, tmp_path)
        assert (found.entered, found.checkpoints.folder, contents(tmp_path)) == (False, None, {})
        path = found()
        assert path == tmp_path / ".m.work" == found() == found.checkpoints.folder
        (path / "shard").mkdir()
        (path / "shard" / "file").touch()
        found.checkpoints.save("count", **ARRAYS)
        assert found.entered
    assert contents(tmp_path) == {}


def test_folder_that_stays_in_part_is_claimed_by_the_next_training(tmp_path, monkeypatch):
    """As without descriptors, which removing a folder in a folder takes."""

    def remove_files(path, **options):
        for each in path.iterdir():
            if each.is_file():
                each.unlink()

    with monkeypatch.context() as patch, ExitStack() as stack:
        path = work(stack, tmp_path, resume=True)()
        (path / "shard").mkdir()
        (path / "shard" / "file").touch()
        patch.setattr(shutil, "rmtree", remove_files)
    assert (path / "shard").exists()
    with ExitStack() as stack:
        assert [each.name for each in work(stack, tmp_path, "two", resume=True)().iterdir()] == ["training"]
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
        found.checkpoints.save("count", **ARRAYS)
        raise LookupError


def finds_checkpoint(parent, **options):
    """Whether a training finds the checkpoint that another has left; it leaves nothing."""
    with ExitStack() as stack:
        found = work(stack, parent, **options)
        spilled = (found() / "spill").exists()
        there = same(found.checkpoints.load("count"))
        assert spilled == there
    assert contents(parent) == {}
    return there


def test_failure_leaves_nothing(tmp_path):
    fail(tmp_path)
    assert contents(tmp_path) == {}


def test_failure_with_resume_leaves_the_checkpoints(tmp_path):
    fail(tmp_path, resume=True)
    assert finds_checkpoint(tmp_path, resume=True)


@pytest.mark.parametrize("other", [{"training": "two", "resume": True}, {"training": "", "resume": True}, {}])
def test_another_training_starts_anew(tmp_path, other):
    fail(tmp_path, resume=True)
    assert not finds_checkpoint(tmp_path, **other)


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
    assert not finds_checkpoint(tmp_path, resume=True)


def test_names_may_be_long(tmp_path):
    with ExitStack() as stack:
        assert len(work(stack, tmp_path, name="字" * 80)().name.encode()) < 255


def test_folder_of_something_else(tmp_path):
    (tmp_path / ".m.work").mkdir()
    (tmp_path / ".m.work" / "thesis").write_text("1")
    before = contents(tmp_path)
    for resume in (False, True):
        with ExitStack() as stack, pytest.raises(OutputError, match=r"\.m\.work: holds files of something else"):
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
                message = r"\.m\.work: another training uses it: wait or pass another --tmp"
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
