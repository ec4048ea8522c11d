"""The folder that holds the machine code of all kernels, and which of its files are safe to run.

``NUMBA_CACHE_DIR`` names it. Without that it is ``__pycache__`` of the package or, where that cannot be written, a
folder among the user's caches. Code that another user can have written there is not loaded: running it would give
that user this account.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import logging
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from segtool.errors import UsageError
from segtool.runtime.regular_files import open_regular

__all__ = ["cache_folders", "read_trusted", "write_trusted"]

logger = logging.getLogger("segtool")

PACKAGE = Path(__file__).absolute().parent.parent
VARIABLE = "NUMBA_CACHE_DIR"
LARGEST = 1 << 26
"""Greatest size of the machine code of a kernel, in bytes."""


def cache_folders() -> list[Path]:
    """Folders where machine code may lie, the best one first; they need not exist.

    Raises UsageError if ``NUMBA_CACHE_DIR`` is a file or a relative path, which depends on the current folder.
    """
    own = f"{PACKAGE.name}_{hashlib.sha1(os.fsencode(PACKAGE), usedforsecurity=False).hexdigest()}"
    given = os.environ.get(VARIABLE)
    if given:
        path = Path(given)
        if not path.is_absolute():
            raise UsageError(f"{VARIABLE}={given!r}: a relative path: set it to an absolute one, or unset it")
        if path.exists() and not path.is_dir():
            raise UsageError(f"{VARIABLE}={given!r}: not a folder: set it to one, or unset it")
        return [path / own]
    folders = [PACKAGE / "__pycache__"]
    with suppress(RuntimeError):  # the user has no home
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if caches.is_absolute():
            folders.append(caches / own)
    return folders


def read_trusted(path: Path) -> bytes:
    """Read a file; raise PermissionError if others than this user, root or the package's owner may have written it."""
    _check_trusted(path.parent, os.stat(path.parent))
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        _check_trusted(path, status)
        if status.st_size > LARGEST:
            raise OSError(errno.EFBIG, "too large for machine code", str(path))
        return file.read()


def write_trusted(name: str, data: bytes) -> Path | None:
    """Write a file into the first trusted cache folder that can be written, and return that folder.

    The file is renamed when it is whole, so that processes may be killed or write it at the same time.
    """
    for folder in cache_folders():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o755, exist_ok=True)
            _check_trusted(folder, os.stat(folder))
            _write(folder / name, data)
            return folder
        except OSError as error:
            logger.debug("%s: machine code is not kept there: %s", folder, error.strerror or error)
    return None


def _check_trusted(path: Path, status: os.stat_result) -> None:
    if os.name != "posix":
        return
    owners = {0, os.geteuid(), _package_owner()}  # the owner of the package's source can run anything anyway
    if status.st_uid not in owners or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "other users can write to it", str(path))


@functools.cache
def _package_owner() -> int:
    return os.stat(PACKAGE).st_uid


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
