"""Where machine code is kept, whom its folder is trusted from, and processes that use it at once or are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

from segtool.errors import UsageError
from segtool.runtime import cache_folder, machine_code
from segtool.runtime.kernels import LazyKernel
from segtool.text.symbols import symbolise
from tests.helpers import ROOT, TIMEOUT, environment, python, refusal, run, said

JOIN = """
    import json, logging, sys
    import numpy as np
    from segtool.decode.block import Scratch, write_words
    messages = []
    logging.getLogger("segtool").addFilter(lambda record: messages.append(record.getMessage()) or True)
    out, scratch = np.zeros(16, np.uint8), Scratch(2)
    scratch.begins[1:3], scratch.starts[1:4] = 1, [0, 3, 4]
    text, separator = (np.frombuffer(each.encode(), np.uint8) for each in ("一a", " "))
    size, _ = write_words.compiled(text, 0, 2, 0, False, separator, scratch.places, 0, out)
    print(json.dumps([out[:size].tobytes().decode(), write_words.machine_code.is_new, messages]))
"""
COMPILED, LOADED = ["一 a", True, []], ["一 a", False, []]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def installed(tmp_path):
    """A copy of the package without machine code, and an environment that uses it."""
    ignored = shutil.ignore_patterns("__pycache__", "default")
    shutil.copytree(ROOT / "segtool", tmp_path / "site" / "segtool", ignore=ignored)
    place = {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "caches"), "NUMBA_CACHE_DIR": ""}
    return tmp_path / "site" / "segtool", tmp_path / "caches", place


# Places


READ_ONLY = """
    import pathlib
    make = pathlib.Path.mkdir
    def refuse(path, *args, **kwargs):
        if str(path).startswith({package!r}):
            raise PermissionError(13, "Permission denied")
        make(path, *args, **kwargs)
    pathlib.Path.mkdir = refuse
"""


def test_all_code_is_in_one_folder_beside_the_package(installed):
    package, caches, place = installed
    assert python(JOIN, **place) == COMPILED
    assert python(JOIN, **place) == LOADED
    assert [path.parent for path in package.rglob("*.code")] == [package / "__pycache__"]
    assert not caches.exists()


def test_code_is_in_the_users_folder_where_the_package_is_read_only(installed):
    package, caches, place = installed
    program = READ_ONLY.format(package=str(package)) + JOIN
    assert python(program, **place) == COMPILED
    assert python(program, **place) == LOADED
    assert not list(package.rglob("*.code"))
    assert len(list(caches.rglob("*.code"))) == 1


def test_read_only_package_with_code_needs_no_other_place(installed):
    package, caches, place = installed
    python(JOIN, **place)
    assert python(READ_ONLY.format(package=str(package)) + JOIN, **place) == LOADED
    assert not caches.exists()


def test_kernels_run_where_no_folder_can_be_written(installed):
    package, caches, place = installed
    caches.write_text("not a folder")
    words, is_new, messages = python(READ_ONLY.format(package=str(package)) + JOIN, **place)
    assert (words, is_new) == ("一 a", True)
    assert len(messages) == 1
    assert "NUMBA_CACHE_DIR" in messages[0]


def test_kernels_run_where_the_disk_is_full(cache):
    """The folder can be written, but not a byte fits."""
    full = """
    import resource, segtool.decode.block, numba
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    """
    words, is_new, messages = python(full + JOIN)
    assert (words, is_new, len(messages)) == ("一 a", True, 1)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_warmup_fails_where_nothing_can_be_kept(installed):
    package, caches, place = installed
    caches.write_text("not a folder")
    (package / "__pycache__").write_text("not a folder")
    done = run("warmup", env=environment(**place), cwd=caches.parent)
    assert done.returncode == 1
    warned, last = said(done.stderr)
    assert "NUMBA_CACHE_DIR" in warned
    assert last.startswith("segtool: compiled code cannot be kept: set NUMBA_CACHE_DIR")


@pytest.mark.parametrize("name", ["cache", "./cache", "../cache", "['segtool: 0 kernels compiled", "~/cache"])
def test_relative_folder_is_refused(tmp_path, name):
    done = run("warmup", env=environment(NUMBA_CACHE_DIR=name), cwd=tmp_path)
    assert done.returncode == 2
    assert refusal(done.stderr) == (
        f"segtool: NUMBA_CACHE_DIR={name!r}: a relative path: set it to an absolute one, or unset it"
    )
    assert not list(tmp_path.iterdir())
    assert not list(tmp_path.parent.glob("cache"))


def test_file_as_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("warmup", env=environment(NUMBA_CACHE_DIR=str(tmp_path / "file")))
    assert done.returncode == 2
    assert "/file': not a folder: set it to one, or unset it" in refusal(done.stderr)


def test_relative_folder_is_an_error_in_python(monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "cache")
    with pytest.raises(UsageError, match="NUMBA_CACHE_DIR"):
        LazyKernel(symbolise.interpreted, symbolise.signature).compiled()


@pytest.mark.parametrize(("caches", "home"), [("caches", "/root"), ("", "home"), ("", "")])
def test_relative_folders_of_the_user_are_ignored(monkeypatch, tmp_path, caches, home):
    """As the XDG specification asks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", caches)
    monkeypatch.setenv("HOME", home)
    assert all(each.is_absolute() for each in cache_folder.cache_folders())
    assert cache_folder.cache_folders()[0] == ROOT / "segtool" / "__pycache__"


# Trust


@pytest.fixture
def own(cache):
    """A kernel that is kept: a function that loads it anew, its file and its folder."""
    lazy = LazyKernel(symbolise.interpreted, symbolise.signature)
    assert lazy.machine_code.is_new
    [path] = cache.rglob("*.code")
    assert path.parent == lazy.machine_code.folder

    def load():
        return machine_code.load_code(lazy.interpreted, lazy.signature)

    assert load().folder == path.parent
    return load, path


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_can_write_is_not_loaded(own, mode, what, caplog):
    load, path = own
    target = path if what == "file" else path.parent
    target.chmod(mode)
    with caplog.at_level("DEBUG", "segtool"):
        assert load() is None
    [record] = caplog.records
    assert "other users can write to it" in record.getMessage()
    target.chmod(0o755)
    assert load() is not None


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_owns_is_not_loaded(own, what):
    load, path = own
    os.chown(path if what == "file" else path.parent, 12345, -1)
    assert load() is None
    os.chown(path if what == "file" else path.parent, os.geteuid(), -1)
    assert load() is not None


def test_the_owner_of_the_package_is_trusted(own, monkeypatch):
    """A user who runs a package that another one has installed runs that user's code anyway."""
    load, path = own
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert load() is not None
    monkeypatch.setattr(cache_folder, "_package_owner", lambda: 12345)
    assert (load() is None) == (path.stat().st_uid != 0)


def test_file_that_others_can_write_is_replaced(own):
    _, path = own
    path.chmod(0o666)
    path.write_bytes(b"")
    lazy = LazyKernel(symbolise.interpreted, symbolise.signature)
    assert lazy.machine_code.is_new
    assert path.stat().st_mode & 0o777 == 0o644
    assert not LazyKernel(symbolise.interpreted, symbolise.signature).machine_code.is_new


def test_folder_that_others_can_write_is_left_alone(own, caplog):
    _, path = own
    before = path.read_bytes()
    path.parent.chmod(0o777)
    lazy = LazyKernel(symbolise.interpreted, symbolise.signature)
    assert (lazy.machine_code.is_new, lazy.machine_code.folder) == (True, None)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_package_that_a_group_can_write_uses_the_users_folder(installed):
    """As where the umask is 002."""
    package, caches, place = installed
    (package / "__pycache__").mkdir()
    (package / "__pycache__").chmod(0o775)
    program = "import os; os.umask(0o002)\n" + textwrap.dedent(JOIN)
    assert python(program, **place) == COMPILED
    assert python(program, **place) == LOADED
    [code] = caches.rglob("*.code")
    assert code.parent.stat().st_mode & 0o022 == 0


# Processes


def test_processes_that_compile_at_the_same_time(cache):
    program = [sys.executable, "-c", textwrap.dedent(JOIN)]
    running = [subprocess.Popen(program, env=environment(), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for each in running:
        output, _ = each.communicate(timeout=TIMEOUT)
        assert json.loads(output)[0] == "一 a"
    assert python(JOIN) == LOADED
    assert [path.suffix for path in cache.rglob("*.*")] == [".code"], "nothing unfinished"


KILLED = """
    import os, signal
    from segtool.runtime import cache_folder, machine_code
    owner, name = {where}
    function = getattr(owner, name)
    def killed(*args, **kwargs):
        if {before}:
            os.kill(os.getpid(), signal.SIGKILL)
        function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, killed)
"""


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize(
    "where",
    [
        "machine_code, 'object_code'",
        "machine_code, 'write_trusted'",
        "cache_folder.tempfile, 'mkstemp'",
        "os, 'chmod'",
        "os, 'replace'",
    ],
)
def test_a_process_killed_while_it_compiles_leaves_the_folder_sound(cache, where, before):
    program = textwrap.dedent(KILLED.format(where=where, before=before)) + textwrap.dedent(JOIN)
    done = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, timeout=TIMEOUT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    written = not before and ("replace" in where or "write_trusted" in where)
    assert python(JOIN) == (LOADED if written else COMPILED)
    assert python(JOIN) == LOADED
