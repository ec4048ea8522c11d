"""Replacing files and folders as a whole.

Writing goes to a temporary name beside the target, which is then renamed: after a full disk, an interrupt or a
crash the target is the old one, never a part of the new one. A folder is exchanged with the old one in one step where
the system can do that (:mod:`segtool.store.leftovers`).
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from segtool.errors import OutputError, UsageError, fix_of, reason_of
from segtool.store.leftovers import claim, exchange, hidden_prefix, names_beside, remove_leftovers

__all__ = ["as_output_errors", "atomic_directory", "atomic_file", "replaced_outputs"]

Made = TypeVar("Made")

_LOGGER = logging.getLogger(__name__)
_FIXES = {
    errno.ENOENT: "create the folder {parent} or pass another {option}",
    errno.ENOTDIR: "part of the path is a file: pass another {option}",
    errno.EACCES: "change the permissions or pass another {option}",
    errno.EPERM: "change the permissions or pass another {option}",
    errno.EROFS: "pass a path for {option} on a disk that can be written",
    errno.ENOSPC: "free some space or pass a path for {option} on another disk",
    errno.EDQUOT: "free some space or pass a path for {option} on another disk",
    errno.EISDIR: "pass the name of a file with {option}",
    errno.EFBIG: "allow larger files (ulimit -f) or pass another {option}",
}
_TRIES = 20
_replacing: dict[Path, tuple[str, int]] = {}  # by target: its name for messages, and the inode of what replaces it


@contextmanager
def atomic_file(path: str | os.PathLike[str], mode: str = "wb", option: str = "-o") -> Iterator[BinaryIO]:
    """Replace a file as a whole, or leave it as it is.

    A link is followed, an existing file keeps its permission bits, and a device or a pipe (``/dev/null``,
    ``/dev/stdout``) is written directly. `option` is the one of the command line that gives the path, for messages.

    Yields
    ------
    BinaryIO
        An open file in the folder of the target, renamed to the target when the block ends without error.

    Raises
    ------
    OutputError
        On entry if the target cannot be written, later if the disk fails.
    """
    if mode not in ("wb", "w+b"):
        raise UsageError(f"mode must be 'wb' or 'w+b', not {mode!r}")
    shown = os.fspath(path)
    target = Path(os.path.realpath(shown))
    standard = _standard_stream(shown)
    with _naming(shown, target, option=option):
        status = target.stat() if standard is None and target.exists() else None
        if shown.endswith(os.sep) or (status and stat.S_ISDIR(status.st_mode)):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if status and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if standard is not None or (status and not stat.S_ISREG(status.st_mode)):
        # Opening a standard stream anew would truncate the file it is redirected to.
        with _naming(shown, target, option=option), open(shown if standard is None else os.dup(standard), mode) as file:
            yield cast(BinaryIO, file)
        return
    with ExitStack() as stack:
        with _naming(shown, target, hidden_prefix(target), option=option):
            remove_leftovers(target)
            # os.open applies the umask, where tempfile would make the output private.
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            temporary, handle = _made(stack, target, lambda path: os.open(path, flags, 0o666))
        with _naming(shown, hidden_prefix(target), option=option):
            with open(handle, mode) as file:
                if status:
                    os.chmod(temporary, stat.S_IMODE(status.st_mode))
                yield cast(BinaryIO, file)
                if not file.closed:
                    file.flush()
                    os.fsync(handle)
            _replacing[target] = shown, os.stat(temporary).st_ino
            os.replace(temporary, target)


@contextmanager
def atomic_directory(path: str | os.PathLike[str], *, marker: str = "card.json") -> Iterator[Path]:
    """Replace a folder as a whole, or leave it as it is.

    Links are followed. The folder may exist if it is empty or holds a file of the name `marker`.

    Yields
    ------
    Path
        An empty folder beside the target, renamed to the target when the block ends without error.

    Raises
    ------
    OutputError
        On entry if the target cannot be written or holds something else, later if the disk fails.
    """
    shown = os.fspath(path)
    target = Path(os.path.realpath(shown))
    with ExitStack() as stack, _naming(shown, target, hidden_prefix(target)):
        remove_leftovers(target)
        _check_replaceable(shown, target, marker)
        temporary, _ = _made(stack, target, os.mkdir)
        yield temporary
        _sync(temporary)
        # The block may have run for hours, and the target may have changed.
        _check_replaceable(shown, target, marker)
        _swap(shown, temporary, target, temporary.with_suffix(".old"))


def replaced_outputs() -> list[str]:
    """Name the outputs that this process has replaced."""
    found = []
    for target, (shown, inode) in _replacing.items():
        with suppress(OSError):
            if os.stat(target).st_ino == inode:
                found.append(shown)
    return found


def _made(stack: ExitStack, target: Path, make: Callable[[Path], Made]) -> tuple[Path, Made]:
    """Make a temporary beside an output, locked and in the end removed by the stack."""
    for _ in range(_TRIES):
        temporary, aside = names_beside(target)
        with ExitStack() as own:
            own.callback(_clear, target, temporary, aside)
            made = make(temporary)
            if own.enter_context(claim(temporary)):
                stack.push(own.pop_all())
                return temporary, made
            if isinstance(made, int):
                os.close(made)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), os.fspath(target))


def _clear(target: Path, temporary: Path, aside: Path) -> None:
    """Remove what is left of a temporary, and the old version once the new one is in place."""
    if temporary.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        with suppress(OSError):
            temporary.unlink()
    if aside.exists() and target.exists():
        shutil.rmtree(aside, ignore_errors=True)
    for left in (temporary, aside):
        if left.exists() and target.exists():
            _LOGGER.warning("%s is written, but its old version is still at %s: delete it", target, left)


@contextmanager
def as_output_errors(folder: Path) -> Iterator[None]:
    """Raise an OSError of writing into a folder for temporary files as an OutputError that names the folder."""
    try:
        yield
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "free some space or pass --tmp on another disk" if full else "pass another --tmp"
        raise OutputError(f"{folder}: temporary files cannot be written: {reason_of(exc)}; {fix}") from exc


def _standard_stream(path: str) -> int | None:
    path = os.path.abspath(path)
    numbered = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", path)
    return int(numbered[1]) if numbered else {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)


@contextmanager
def _naming(shown: str, *own: Path, option: str = "-o") -> Iterator[None]:
    try:
        yield
    except (ConnectionError, ChildProcessError, TimeoutError):
        # Not about the disk: a closed pipe ends a command quietly, so the caller needs this very error.
        raise
    except OSError as exc:
        name = exc.filename
        # Errors of write and flush name no file; one that names another file is not about this output.
        if isinstance(name, str) and name != shown and not name.startswith(tuple(map(str, own))):
            raise
        if exc.errno is None and _from_compiler(exc):
            raise
        fix = _FIXES.get(exc.errno or 0, fix_of(exc, "pass another {option}"))
        fix = fix.format(parent=own[0].parent, option=option)
        raise OutputError(f"{shown}: cannot be written: {reason_of(exc)}; {fix}") from exc


def _from_compiler(exc: BaseException) -> bool:
    """Whether an error comes from loading the compiler's library, for which there may be too little memory."""
    names = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(exc.__traceback__))
    return any(name.partition(".")[0] in ("llvmlite", "numba") for name in names)


def _check_replaceable(shown: str, target: Path, marker: str) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{shown}: is a file, not a folder: remove it or pass another -o")
    if os.path.ismount(target) or os.path.samefile(target, "."):
        raise OutputError(f"{shown}: cannot replace a mount point or the current folder: pass -o a folder inside it")
    entries = os.listdir(target)
    if entries and marker not in entries:
        raise OutputError(f"{shown}: holds files but no {marker}, so it is kept as it is: empty it or pass another -o")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _sync(folder: Path) -> None:
    flags = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY
    for file in folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, flags)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _swap(shown: str, temporary: Path, target: Path, aside: Path) -> None:
    """Put a folder in place of another one, which is at `temporary` or `aside` then, to be removed."""
    _replacing[target] = shown, os.stat(temporary).st_ino
    try:
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            if exchange(temporary, target):
                return
            os.rename(target, aside)
        os.rename(temporary, target)
    except BaseException as exc:
        if aside.exists() and not target.exists():
            try:
                os.rename(aside, target)
            except OSError:
                message = f"{shown}: cannot be written; what was there is now at {aside}: rename it back"
                raise OutputError(message) from exc
        raise
