"""Output files are written beside their target and renamed."""

import errno
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from segtool.errors import InputError, OutputError, UsageError
from segtool.store.files import atomic_file
from segtool.text.unpacked import UnpackedFile
from tests.outputs import ENDINGS, entering, failing, message_of, mode_of, tree, watch

needs_dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")

# --- atomic_file: what is written --------------------------------------------------------------------------


def test_new_file_appears_whole_at_the_end(tmp_path):
    target = tmp_path / "词.txt"
    with atomic_file(target) as file:
        file.write("词".encode())
        file.flush()
        assert not target.exists()
        [temporary] = tree(tmp_path)
        assert temporary.startswith(".词.txt.") and temporary.endswith(".tmp")
    assert target.read_text("utf-8") == "词"
    assert tree(tmp_path) == ["词.txt"]


def test_old_file_stays_until_the_end(tmp_path):
    target = tmp_path / "f"
    target.write_text("old, and longer")
    with atomic_file(str(target)) as file:
        file.write(b"new")
        file.flush()
        assert target.read_text() == "old, and longer"
    assert target.read_text() == "new"


def test_file_may_be_read_back(tmp_path):
    with atomic_file(tmp_path / "f", "w+b") as file:
        file.write(b"abc")
        file.seek(1)
        assert file.read() == b"bc"
        file.seek(0)
        file.write(b"X")
    assert (tmp_path / "f").read_bytes() == b"Xbc"


def test_file_may_be_closed_by_a_wrapper(tmp_path):
    with atomic_file(tmp_path / "f") as file, io.TextIOWrapper(file, "utf-8") as text:
        text.write("词")
    assert (tmp_path / "f").read_text("utf-8") == "词"
    assert tree(tmp_path) == ["f"]


@pytest.mark.parametrize("mode", ["w", "ab", "xb", "rb"])
def test_other_modes_are_refused(mode, tmp_path):
    with pytest.raises(UsageError, match="mode"), atomic_file(tmp_path / "f", mode):
        pass
    assert tree(tmp_path) == []


def test_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask):
    with atomic_file(tmp_path / "f") as file:
        file.write(b"x")
    assert mode_of(tmp_path / "f") == 0o666 & ~umask


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o666])
def test_mode_of_an_old_file_is_kept(mode, tmp_path, umask):
    (tmp_path / "f").write_text("old")
    (tmp_path / "f").chmod(mode)
    with atomic_file(tmp_path / "f") as file:
        file.write(b"x")
    assert mode_of(tmp_path / "f") == mode


def test_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/file").write_text("old")
    (tmp_path / "link").symlink_to("far/file")
    (tmp_path / "dangling").symlink_to("far/new")
    for name in ("link", "dangling"):
        with atomic_file(tmp_path / name) as file:
            file.write(name.encode())
    assert tree(tmp_path) == ["dangling", "far", "far/file", "far/new", "link"]
    assert (tmp_path / "link").is_symlink() and (tmp_path / "dangling").is_symlink()
    assert (tmp_path / "far/file").read_text() == "link"
    assert (tmp_path / "far/new").read_text() == "dangling"


def test_name_as_long_as_names_may_be(tmp_path):
    name = "字" * 85
    with atomic_file(tmp_path / name) as file:
        file.write(b"x")
    assert tree(tmp_path) == [name]


def test_file_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    steps = watch(monkeypatch, "replace")
    with atomic_file(tmp_path / "f") as file:
        file.write(b"abc")
    assert steps == [3, "replace"]


# --- atomic_file: devices and pipes ------------------------------------------------------------------------


def test_dev_null_stays_a_device():
    before = os.stat("/dev/null")
    with atomic_file("/dev/null") as file:
        file.write(b"x" * 100_000)
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode) and after.st_ino == before.st_ino


@needs_dev_full
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_full_device(size):
    with pytest.raises(OutputError) as caught, atomic_file("/dev/full") as file:
        file.write(b"x" * size)
    message = message_of(caught)
    assert message.startswith("/dev/full: cannot be written: No space left on device; free some space")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_pipe_is_written_directly(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with atomic_file(tmp_path / "pipe") as file:
        file.write(b"through")
    reader.join(10)
    assert got == [b"through"]
    assert tree(tmp_path) == ["pipe"]


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_standard_streams_are_neither_renamed_over_nor_cut(form, tmp_path):
    if not os.path.isdir(os.path.dirname(form)):
        pytest.skip("this system names no descriptors")
    with open(tmp_path / "out", "wb") as out:
        out.write(b"before ")
        out.flush()
        with atomic_file(form.format(out.fileno())) as file:
            file.write(b"within ")
        out.write(b"after")
    assert (tmp_path / "out").read_text() == "before within after"
    assert tree(tmp_path) == ["out"]


def test_dev_stdout_and_stderr(capfd):
    for name in ("stdout", "stderr"):
        with atomic_file(f"/dev/{name}") as file:
            file.write(name.encode())
    assert capfd.readouterr() == ("stdout", "stderr")


def test_closed_descriptor_is_reported():
    read_end, write_end = os.pipe()
    os.close(read_end)
    os.close(write_end)
    assert "cannot be written: Bad file descriptor" in entering(atomic_file(f"/dev/fd/{write_end}"))


def test_broken_pipe_stays_a_broken_pipe():
    read_end, write_end = os.pipe()
    os.close(read_end)
    with pytest.raises(BrokenPipeError), atomic_file(f"/dev/fd/{write_end}") as file:
        file.write(b"x" * 1_000_000)
    with pytest.raises(BrokenPipeError), atomic_file(f"/dev/fd/{write_end}") as file:
        file.write(b"x")
    os.close(write_end)


# --- atomic_file: failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
@pytest.mark.parametrize("old", ["old", None])
def test_failing_block_leaves_what_was(ending, old, tmp_path):
    if old:
        (tmp_path / "f").write_text(old)
    with pytest.raises(type(ending)) as caught, atomic_file(tmp_path / "f") as file:
        file.write(b"new")
        raise ending
    assert caught.value is ending
    assert tree(tmp_path) == (["f"] if old else [])
    assert not old or (tmp_path / "f").read_text() == old


def test_interrupt_at_every_step_leaves_nothing_behind(tmp_path, monkeypatch):
    for step in ("open", "fsync", "replace"):
        (tmp_path / "f").write_text("old")
        real = getattr(os, step)

        def interrupted(*args, real=real, step=step, **flags):
            if step == "open":
                os.close(real(*args, **flags))
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, step, interrupted)
            with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "f") as file:
                file.write(b"new")
        assert tree(tmp_path) == ["f"]
        assert (tmp_path / "f").read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failing_disk_is_reported(step, number, tmp_path, monkeypatch):
    (tmp_path / "f").write_text("old")
    monkeypatch.setattr(os, step, failing(number))
    with pytest.raises(OutputError) as caught, atomic_file(tmp_path / "f") as file:
        file.write(b"new")
    message = message_of(caught)
    assert message.startswith(f"{tmp_path / 'f'}: cannot be written: {os.strerror(number)}; ")
    assert "another" in message and "-o" in message
    assert tree(tmp_path) == ["f"]
    assert (tmp_path / "f").read_text() == "old"


def test_full_disk_while_writing(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(OutputError) as caught, atomic_file(tmp_path / "f") as file:
            file.write(b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert "cannot be written: File too large" in message_of(caught)
    assert tree(tmp_path) == []


def test_error_without_a_number_is_reported(tmp_path):
    # numpy reports a full disk this way.
    with pytest.raises(OutputError, match="12 requested and 3 written"), atomic_file(tmp_path / "f"):
        raise OSError("12 requested and 3 written")


def test_errors_of_other_files_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "f"):
        (tmp_path / "elsewhere").read_text()
    assert tree(tmp_path) == []


def test_folder_where_a_file_is_due_is_reported_on_entry(tmp_path):
    for path in (str(tmp_path), f"{tmp_path}/new/", "/"):
        message = entering(atomic_file(path))
        assert message == f"{path}: cannot be written: Is a directory; pass the name of a file with -o"
    assert tree(tmp_path) == []


# --- UnpackedFile; the rest of it is tested through segtool.text.sources -----------------------------------------


def test_unpacked_file_counts_and_closes(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    file = UnpackedFile(tmp_path / "f", "f")
    assert b"".join(file.pieces) == b"abc" and file.size == 3
    file.close()
    file.close()
    with pytest.raises(InputError, match="gone: cannot be read: No such file"):
        UnpackedFile(Path("/gone"), "gone")


def test_import_is_light():
    code = "import sys, segtool.text.sources; print(*sorted({'numpy', 'numba', 'zstandard'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
