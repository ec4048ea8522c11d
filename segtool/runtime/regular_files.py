"""Opening files that others may have put there: never a pipe or a device, which may have no end."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

__all__ = ["UNFIT", "open_regular", "read_regular"]

UNFIT = (errno.EINVAL, errno.EFBIG)
"""Numbers of the errors of what is there but cannot be one of segtool's files."""


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading; OSError if it is a pipe or a device, which may never end."""
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", os.fspath(path))
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_regular(path: str | os.PathLike[str], limit: int) -> bytes:
    """Read a whole file; OSError if it is no regular file, or larger than a limit in bytes."""
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes", os.fspath(path))
    return data
