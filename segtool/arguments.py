"""Checks of the arguments of public calls: what is no text, and misspelt parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from segtool.errors import ArgumentError, UsageError, one_line

__all__ = ["check_text", "check_unit", "check_utf8", "checked_texts", "names_checked", "unknown_parameter"]

Function = TypeVar("Function", bound=Callable[..., Any])


def check_text(text: object, place: str) -> None:
    """Check that a text is a string.

    Parameters
    ----------
    text : object
    place : str
        The call, perhaps with the number of the text, for the message.

    Raises
    ------
    ArgumentError
        For anything else, with the way to make a string of it.
    """
    if not isinstance(text, str):
        raise ArgumentError(f"{place}: {_described(text)} is no text: {_remedy(text)}")


def check_unit(unit: str, call: str) -> None:
    """Raise UsageError for a unit of places that is none."""
    if unit not in ("character", "byte"):
        raise UsageError(f"{call}: unit {unit!r} is neither 'character' nor 'byte'")


def check_utf8(data: bytes, separator: bytes, call: str) -> None:
    """Check bytes for kernels, which read whole characters, wherever the data end.

    Parameters
    ----------
    data : bytes
        UTF-8; surrogates are allowed.
    separator : bytes
    call : str
        For the message.

    Raises
    ------
    ArgumentError
        If the data are not UTF-8 or end within a character, or the separator is empty.
    """
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{call}: not UTF-8 at byte {error.start}: pass whole characters") from None
    if not separator:
        raise ArgumentError(f"{call}: there is no separator: pass b' '")


def checked_texts(texts: Iterable[str], call: str, single: str) -> Iterable[str]:
    """Check that texts are an iterable of strings; the strings are checked while they are iterated.

    Parameters
    ----------
    texts : iterable of str
    call : str
        The call, for messages, such as ``"cut_batch()"``.
    single : str
        What to do with a single string.

    Returns
    -------
    iterable of str

    Raises
    ------
    ArgumentError
        At once, for a single string or for what cannot be iterated; later, for an item that is no string.
    """
    if isinstance(texts, str):
        raise ArgumentError(f"{call}: the texts are one string, not a list: {single}")
    if isinstance(texts, bytes | bytearray) or not hasattr(texts, "__iter__"):
        raise ArgumentError(f"{call}: {_described(texts)} is no list of texts: pass an iterable of strings")
    return _checked_strings(texts, call)


def _checked_strings(texts: Iterable[str], call: str) -> Iterator[str]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            check_text(text, f"{call}: texts[{number}]")
        yield text


def names_checked(function: Function) -> Function:
    """Decorate a public function, so that a misspelt keyword argument raises :class:`ArgumentError` with the right one.

    Python itself says only that the name is unexpected, before version 3.13.
    """
    code = function.__code__
    known = [name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if name != "self"]
    names = frozenset(known)

    @functools.wraps(function)
    def checked(*positional: Any, **named: Any) -> Any:
        if named and not names.issuperset(named):
            raise unknown_parameter(f"{function.__name__}()", next(name for name in named if name not in names), known)
        return function(*positional, **named)

    return cast(Function, checked)


def unknown_parameter(call: str, name: str, known: Sequence[str]) -> ArgumentError:
    """Make the error on a parameter that does not exist, with the most similar one that does."""
    similar = get_close_matches(name, known, 1)
    listed = f"it takes {', '.join(known)}" if len(known) < 20 else "docs/cli.md lists the parameters"
    hint = f"did you mean {similar[0]}?" if similar else listed
    return ArgumentError(f"{call}: there is no parameter {name}: {hint}")


def _described(value: object) -> str:
    if value is None:
        return "None"
    return f"{one_line(repr(value), 30)} ({type(value).__name__})"


def _remedy(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return "decode it, by .decode('utf-8') if it is UTF-8"
    if isinstance(value, list | tuple):
        return "pass one string, or many to cut_batch()"
    if value is None or value != value:  # NaN, by which pandas marks a missing value
        return "leave missing values out, or replace them by empty strings (in pandas: .fillna(''))"
    return "pass a string, such as str(...) of it"
