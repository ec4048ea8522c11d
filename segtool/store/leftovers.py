"""Temporary files and folders beside an output: their names, their locks, and the end of those of dead processes.

A process writes an output under a temporary name beside it, which it locks while it runs. A temporary without a lock
belongs to a process that was killed: the next command on that output removes it. Where the system cannot exchange two
folders at once, a process can be killed after it moved the old folder aside and before it moved the new one in place.
Both are there then, and :func:`restore` finishes the exchange.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = [
    "claim", "exchange", "hidden_prefix", "is_free", "lock_handle", "names_beside", "remove_leftovers", "restore",
]  # fmt: skip

_LONGEST_STEM = 50
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS
_HERE = -100  # AT_FDCWD


def hidden_prefix(target: Path) -> Path:
    """What the names of all temporaries of an output begin with."""
    # The target may use all 255 bytes that a name can have.
    name = target.name
    if len(name) > _LONGEST_STEM:
        name = f"{name[: _LONGEST_STEM - 9]}~{zlib.crc32(os.fsencode(name)):08x}"
    return target.parent / f".{name}"


def names_beside(target: Path) -> tuple[Path, Path]:
    """Names beside an output for what will replace it and, where there is no exchange, for what it was."""
    stem = f"{hidden_prefix(target)}.{os.urandom(4).hex()}"
    return Path(f"{stem}.tmp"), Path(f"{stem}.old")


def lock_handle(handle: int) -> bool:
    """Lock an open file or folder until it is closed or the process ends; False if another process has locked it.

    Raises
    ------
    OSError
        If the disk knows no locks.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Lock a temporary that was just made, for the block.

    Yields
    ------
    bool
        Whether it is still there: another command may have taken it for a leftover before it was locked.
    """
    handle = None
    if os.name != "nt":  # Windows cannot open folders
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
    try:
        mine = True
        if handle is not None:
            with suppress(OSError):  # without locks, nobody removes it
                mine = lock_handle(handle)
            with suppress(FileNotFoundError):
                mine = mine and os.path.samestat(os.stat(path), os.fstat(handle))
        yield mine and os.path.lexists(path)
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def is_free(path: Path) -> Iterator[bool]:
    """Whether a temporary belongs to no running process; if so, it is locked for the block."""
    try:
        import fcntl  # noqa: F401

        if not stat.S_ISREG(mode := os.lstat(path).st_mode) and not stat.S_ISDIR(mode):
            raise FileNotFoundError(path)
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except (ImportError, OSError):
        yield False
        return
    try:
        try:
            free = lock_handle(handle)
        except OSError:
            free = False
        yield free
    finally:
        os.close(handle)


def _temporaries(target: Path) -> dict[str, dict[str, Path]]:
    """Temporaries of an output by the random part of their names, then by their endings."""
    pattern = re.compile(rf"{re.escape(hidden_prefix(target).name)}\.([0-9a-f]{{8}})\.(tmp|old)")
    found: dict[str, dict[str, Path]] = {}
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if name := pattern.fullmatch(entry.name):
                found.setdefault(name[1], {})[name[2]] = Path(entry.path)
    return found


def restore(target: Path) -> bool:
    """Finish the exchange of a folder whose process was killed between its two renames.

    Parameters
    ----------
    target : Path
        The folder, its links followed.

    Returns
    -------
    bool
        Whether the folder was missing and is there now.
    """
    if os.path.lexists(target):
        return False
    for pair in _temporaries(target).values():
        if len(pair) == 2:
            with is_free(pair["tmp"]) as free, suppress(OSError):
                if free and not os.path.lexists(target):
                    os.rename(pair["tmp"], target)
                    shutil.rmtree(pair["old"], ignore_errors=True)
                    return True
    return False


def remove_leftovers(target: Path) -> None:
    """Remove the temporaries of an output that belong to no running process, and restore a folder that is missing."""
    restore(target)
    there = os.path.lexists(target)
    for pair in _temporaries(target).values():
        gone = True
        if "tmp" in pair:
            with is_free(pair["tmp"]) as gone:
                if gone:
                    _remove(pair["tmp"])
        if "old" in pair and gone and there:
            _remove(pair["old"])


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files or folders of one disk, as one step.

    Returns
    -------
    bool
        False if the system or the disk cannot do that; nothing has changed then.

    Raises
    ------
    OSError
        If the exchange fails for another reason.
    """
    try:
        library = ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):  # Windows
        return False
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        result = library.renameat2(_HERE, names[0], _HERE, names[1], ctypes.c_uint(_EXCHANGE))
    elif hasattr(library, "renamex_np"):
        result = library.renamex_np(*names, ctypes.c_uint(_EXCHANGE))
    else:
        return False
    if result == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), os.fspath(one))
