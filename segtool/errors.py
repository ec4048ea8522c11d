"""Every error that segtool raises on purpose.

::

    SegtoolError
    ├── UsageError            a parameter or flag that makes no sense       exit code 2
    └── DataError             the input, the model or the disk is at fault  exit code 1
        ├── InputError        a file that cannot be opened or unpacked
        │   └── EncodingError bytes that are no text in the stated encoding
        ├── CorpusError       text that was read but cannot be learned from
        ├── ModelError        a model that is missing, damaged or of another version
        ├── OutputError       a file that cannot be written
        └── MismatchError     two texts that should be the same and are not

A message is one line: what is wrong, where (file, line), and which flag or step mends it.
"""

from __future__ import annotations

__all__ = [
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
    """A parameter or a combination of flags that makes no sense."""

    exit_code = 2


class DataError(SegtoolError):
    """The input, the model or the disk is at fault, not the call."""


class InputError(DataError):
    """A file that cannot be found, opened or unpacked."""


class EncodingError(InputError):
    """Bytes that are no text in the stated encoding."""


class CorpusError(DataError):
    """Text that was read but from which nothing can be learned."""


class ModelError(DataError):
    """A model that is missing, damaged or written by another version."""


class OutputError(DataError):
    """A file or folder that cannot be written."""


class MismatchError(DataError):
    """Two texts that should be the same and are not."""
