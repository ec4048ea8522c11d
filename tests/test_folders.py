"""Output folders are written beside their target and renamed."""

import errno
import logging
import os
import shutil

import pytest

from segtool.errors import OutputError
from segtool.store import files
from segtool.store.files import atomic_directory, atomic_file
from tests.outputs import ENDINGS, entering, failing, message_of, mode_of, tree, watch

not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def no_exchange(monkeypatch):
    """Two renames, as on systems without an exchange."""
    monkeypatch.setattr(files, "exchange", lambda one, other: False)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "card.json").write_text("old")
    (folder / "old.npy").write_text("old")
    return folder


# --- atomic_file and atomic_directory: what is reported on entry -------------------------------------------


def test_missing_parent_is_reported_on_entry(tmp_path):
    target = tmp_path / "gone" / "f"
    for context in (atomic_file(target), atomic_directory(target)):
        message = entering(context)
        assert message.startswith(f"{target}: cannot be written: No such file or directory; create the folder ")
        assert f"{tmp_path / 'gone'} or pass another -o" in message


def test_parent_that_is_a_file_is_reported_on_entry(tmp_path):
    (tmp_path / "file").write_text("x")
    for context in (atomic_file(tmp_path / "file" / "f"), atomic_directory(tmp_path / "file" / "f")):
        assert "Not a directory; part of the path is a file" in entering(context)


@not_root
def test_no_permission_is_reported_on_entry(tmp_path):
    (tmp_path / "f").write_text("x")
    (tmp_path / "f").chmod(0o444)
    assert "Permission denied; change the permissions" in entering(atomic_file(tmp_path / "f"))
    tmp_path.chmod(0o555)
    for context in (atomic_file(tmp_path / "new"), atomic_directory(tmp_path / "new")):
        assert "Permission denied; change the permissions" in entering(context)
    tmp_path.chmod(0o000)
    for context in (atomic_file(tmp_path / "new"), atomic_directory(tmp_path / "new")):
        assert "Permission denied; change the permissions" in entering(context)
    tmp_path.chmod(0o755)
    assert tree(tmp_path) == ["f"]


@pytest.mark.parametrize(
    ("number", "fix"),
    [(errno.EACCES, "change the permissions"), (errno.EROFS, "on a disk that can be written")],
)
def test_no_permission_simulated(number, fix, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", failing(number))
    monkeypatch.setattr(os, "mkdir", failing(number))
    for context in (atomic_file(tmp_path / "f"), atomic_directory(tmp_path / "f")):
        message = entering(context)
        assert f"f: cannot be written: {os.strerror(number)}; " in message
        assert fix in message


def test_write_protected_targets_simulated(tmp_path, model, monkeypatch):
    (tmp_path / "f").write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for context in (atomic_file(tmp_path / "f"), atomic_directory(model)):
        assert "cannot be written: Permission denied; change the permissions" in entering(context)


# --- atomic_directory --------------------------------------------------------------------------------------


def test_new_folder_appears_whole_at_the_end(tmp_path, umask):
    target = tmp_path / "模型"
    with atomic_directory(target) as folder:
        (folder / "card.json").write_text("new")
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_text("a")
        assert not target.exists()
        assert folder.parent == tmp_path
        assert folder.name.startswith(".模型.") and folder.name.endswith(".tmp")
    assert tree(tmp_path) == ["模型", "模型/card.json", "模型/sub", "模型/sub/a"]
    assert mode_of(target) == 0o777 & ~umask


def test_old_folder_stays_until_the_end(tmp_path, model):
    model.chmod(0o700)
    with atomic_directory(f"{model}/") as folder:
        (folder / "card.json").write_text("new")
        assert (model / "card.json").read_text() == "old"
    assert tree(tmp_path) == ["model", "model/card.json"]
    assert (model / "card.json").read_text() == "new"
    assert mode_of(model) == 0o700


def test_empty_folder_is_replaced(tmp_path):
    (tmp_path / "model").mkdir()
    with atomic_directory(tmp_path / "model") as folder:
        (folder / "a").write_text("a")
    assert tree(tmp_path) == ["model", "model/a"]


def test_link_to_a_folder_stays(tmp_path, model):
    (tmp_path / "latest").symlink_to("model")
    with atomic_directory(tmp_path / "latest") as folder:
        (folder / "card.json").write_text("new")
    assert tree(tmp_path) == ["latest", "model", "model/card.json"]
    assert (tmp_path / "latest").is_symlink()
    assert (model / "card.json").read_text() == "new"


def test_marker_may_be_another(tmp_path, model):
    assert "no meta.json" in entering(atomic_directory(model, marker="meta.json"))
    with atomic_directory(model, marker="old.npy"):
        pass
    assert tree(tmp_path) == ["model"]


def test_folder_of_someone_else_is_refused_on_entry(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    message = entering(atomic_directory(tmp_path / "home"))
    assert message.startswith(f"{tmp_path / 'home'}: holds files but no card.json, so it is kept as it is")
    assert tree(tmp_path) == ["home", "home/thesis.tex"]


def test_folder_that_was_filled_meanwhile_is_not_replaced(tmp_path):
    with pytest.raises(OutputError) as caught, atomic_directory(tmp_path / "model") as folder:
        (folder / "card.json").write_text("new")
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "thesis.tex").write_text("x")
    assert "holds files but no card.json" in message_of(caught)
    assert tree(tmp_path) == ["model", "model/thesis.tex"]


def test_file_where_a_folder_is_due_is_refused_on_entry(tmp_path):
    (tmp_path / "f").write_text("x")
    assert "f: is a file, not a folder" in entering(atomic_directory(tmp_path / "f"))
    assert (tmp_path / "f").read_text() == "x"


def test_current_folder_and_mount_points_are_refused_on_entry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (".", str(tmp_path), "/", "/proc"):
        assert entering(atomic_directory(path)).startswith(f"{path}: cannot replace a mount point or the")
    assert tree(tmp_path) == []


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_failing_block_leaves_the_folder_that_was(ending, tmp_path, model):
    before = tree(tmp_path)
    for target in (model, tmp_path / "new"):
        with pytest.raises(type(ending)) as caught, atomic_directory(target) as folder:
            (folder / "card.json").write_text("new")
            raise ending
        assert caught.value is ending
        assert tree(tmp_path) == before
    assert (model / "card.json").read_text() == "old"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")], ids=repr)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.usefixtures("no_exchange")
def test_failure_around_each_rename_leaves_old_or_new(number, when, error, tmp_path, model, monkeypatch):
    rename = os.rename
    calls = []

    def failing_rename(source, target):
        calls.append(target)
        broken = len(calls) == number + 1
        if broken and when == "before":
            raise error
        rename(source, target)
        if broken:
            raise error

    monkeypatch.setattr(os, "rename", failing_rename)
    with pytest.raises((KeyboardInterrupt, OutputError)) as caught, atomic_directory(model) as folder:
        (folder / "card.json").write_text("new")
        (folder / "new.npy").write_text("new")
    assert isinstance(caught.value, OutputError) == isinstance(error, OSError)
    state = "new" if (number, when) == (1, "after") else "old"
    assert tree(tmp_path) == ["model", "model/card.json", f"model/{state}.npy"]
    assert (model / "card.json").read_text() == state


@pytest.mark.usefixtures("no_exchange")
def test_old_folder_that_cannot_be_put_back_is_named(tmp_path, model, monkeypatch):
    rename = os.rename
    calls = []

    def failing_rename(source, target):
        calls.append(target)
        if len(calls) > 1:
            raise OSError(errno.EIO, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing_rename)
    with pytest.raises(OutputError) as caught, atomic_directory(model) as folder:
        (folder / "card.json").write_text("new")
    [aside] = tmp_path.iterdir()
    assert f"what was there is now at {aside}: rename it back" in message_of(caught)
    assert (aside / "card.json").read_text() == "old"


def test_old_folder_that_cannot_be_removed_is_a_warning(tmp_path, model, monkeypatch, caplog):
    monkeypatch.setattr(shutil, "rmtree", lambda path, ignore_errors: None)
    with caplog.at_level(logging.WARNING, "segtool"), atomic_directory(model) as folder:
        (folder / "card.json").write_text("new")
    [aside] = [path for path in tmp_path.iterdir() if path != model]
    assert (model / "card.json").read_text() == "new"
    assert f"{model} is written, but its old version is still at {aside}" in caplog.text


def test_full_disk_within_a_folder(tmp_path):
    with pytest.raises(OutputError) as caught, atomic_directory(tmp_path / "model") as folder:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "counts.npy"))
    assert "model: cannot be written: No space left on device; free some space" in message_of(caught)
    with pytest.raises(FileNotFoundError), atomic_directory(tmp_path / "model"):
        (tmp_path / "elsewhere").read_text()
    assert tree(tmp_path) == []


def test_files_of_a_folder_are_synced_before_it_is_renamed(tmp_path, monkeypatch):
    steps = watch(monkeypatch, "rename")
    with atomic_directory(tmp_path / "model") as folder:
        (folder / "a").write_text("a")
        (folder / "sub").mkdir()
        (folder / "sub" / "b").write_text("bb")
        (folder / "sub" / "b").chmod(0o444)
    assert steps in ([1, 2, "rename"], [2, 1, "rename"])
