"""The errors that segtool raises on purpose.

::

    SegtoolError
    ├── UsageError            a wrong parameter or flag                         exit code 2
    │   └── ArgumentError     an argument of a wrong type or name; a TypeError
    └── DataError             a fault of the input, the model or the disk       exit code 1
        ├── InputError        a file that cannot be opened or unpacked
        │   └── EncodingError bytes that are not valid in the stated encoding
        ├── CorpusError       text that was read but cannot be learned from
        ├── ModelError        a model that is missing, damaged or of another version
        ├── OutputError       a file that cannot be written
        └── MismatchError     two texts that should be the same and are not

A message is one line. It has the fault, its place (file, line), and the flag or step that fixes it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "ArgumentError",
    "CorpusError",
    "DataError",
    "EncodingError",
    "InputError",
    "MismatchError",
    "ModelError",
    "OutputError",
    "SegtoolError",
    "UsageError",
]


class SegtoolError(Exception):
    """Base of all errors that segtool raises on purpose."""

    exit_code = 1


class UsageError(SegtoolError, ValueError):
    """A wrong parameter, or flags that exclude one another."""

    exit_code = 2


class ArgumentError(UsageError, TypeError):
    """An argument of a wrong type, or a parameter that does not exist."""


class DataError(SegtoolError):
    """A fault of the input, the model or the disk, not of the call."""


class InputError(DataError):
    """A file that cannot be found, opened or unpacked."""


class EncodingError(InputError):
    """Bytes that are not valid in the stated encoding."""


class CorpusError(DataError):
    """Text that was read but cannot be learned from."""


class ModelError(DataError):
    """A model that is missing, damaged or written by another version."""


class OutputError(DataError):
    """A file or folder that cannot be written."""


class MismatchError(DataError):
    """Two texts that should be the same and are not."""


_LIMITS = {
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "close some files of other processes",
    errno.ENOMEM: "allow more memory (ulimit -v)",
}


def fix_of(error: OSError, otherwise: str) -> str:
    """Name the step that fixes an error of the system: a greater limit, if a limit is the cause."""
    return _LIMITS.get(error.errno or 0, otherwise)


def reason_of(error: OSError) -> str:
    """Name the reason of an error of the system."""
    return error.strerror or str(error) or type(error).__name__


def one_line(value: object, most: int = 60) -> str:
    """Spell what a file says on one line: control characters are escaped, and long texts cut off."""
    text = str(value)
    text = text if len(text) <= most else f"{text[:most]}…"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Name the extra that brings a library which is imported inside and is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error}: pip install 'segtool[{name}]'", name=error.name) from error
