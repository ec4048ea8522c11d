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
    "LittleTextWarning",
    "MismatchError",
    "ModelError",
    "OutputError",
    "SegtoolError",
    "UsageError",
]


class SegtoolError(Exception):
    """Base of all errors that segtool raises on purpose.

    Examples
    --------
    >>> import segtool
    >>> try:
    ...     segtool.load("no.model")
    ... except segtool.SegtoolError as error:
    ...     print(error.exit_code, error)
    1 no.model: does not exist: make one with 'segtool train CORPUS -o no.model'
    """

    exit_code = 1


class UsageError(SegtoolError, ValueError):
    """A wrong parameter, or flags that exclude one another.

    Examples
    --------
    >>> import segtool
    >>> segtool.load().nbest("今天", 0)
    Traceback (most recent call last):
        ...
    segtool.errors.UsageError: 0 cuts of a text: choose a whole number from 1 to 1000
    """

    exit_code = 2


class ArgumentError(UsageError, TypeError):
    """An argument of a wrong type, or a parameter that does not exist.

    Examples
    --------
    >>> import segtool
    >>> segtool.cut(None)
    Traceback (most recent call last):
        ...
    segtool.errors.ArgumentError: cut(): None is no text: ...
    """


class DataError(SegtoolError):
    """A fault of the input, the model or the disk, not of the call.

    Examples
    --------
    >>> import segtool
    >>> segtool.evaluate([""], [""])
    Traceback (most recent call last):
        ...
    segtool.errors.DataError: gold and predicted hold no words: there is nothing to score
    """


class InputError(DataError):
    """A file that cannot be found, opened or unpacked.

    Examples
    --------
    >>> import segtool
    >>> segtool.train("no.txt")
    Traceback (most recent call last):
        ...
    segtool.errors.InputError: no.txt: cannot be read: No such file or directory
    """


class EncodingError(InputError):
    """Bytes that are not valid in the stated encoding.

    Examples
    --------
    >>> import segtool
    >>> segtool.train("data/sample/city.txt", encoding="utf-16")
    Traceback (most recent call last):
        ...
    segtool.errors.EncodingError: data/sample/city.txt: no byte order mark at its start: ...
    """


class CorpusError(DataError):
    """Text that was read but cannot be learned from.

    Examples
    --------
    >>> import segtool
    >>> segtool.train(texts=["English"])
    Traceback (most recent call last):
        ...
    segtool.errors.CorpusError: the corpus holds no Han character: ...
    """


class ModelError(DataError):
    """A model that is missing, damaged or written by another version.

    Examples
    --------
    >>> import segtool
    >>> segtool.load("no.model")
    Traceback (most recent call last):
        ...
    segtool.errors.ModelError: no.model: does not exist: ...
    """


class OutputError(DataError):
    """A file or folder that cannot be written.

    Examples
    --------
    >>> import segtool
    >>> segtool.load().save("data")
    Traceback (most recent call last):
        ...
    segtool.errors.OutputError: data: holds files but no card.json, so it is kept as it is: ...
    """


class MismatchError(DataError):
    """Two texts that should be the same and are not.

    Examples
    --------
    >>> import segtool
    >>> segtool.evaluate(["今天 天气"], ["今天 很 好"])
    Traceback (most recent call last):
        ...
    segtool.errors.MismatchError: ...
    """


class LittleTextWarning(UserWarning):
    """A text is too small to learn a good model from."""


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
