"""Reads word lists: lines of ``word``, ``word count`` or ``word count tag``, as jieba reads and writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from segtool.errors import DataError, InputError
from segtool.text.sources import read_lines

__all__ = ["read_word_counts", "read_word_set"]

LONGEST_ENTRY = 1 << 16
"""Characters of a line of a list of words and counts, at most."""

_COUNT = re.compile(r"[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NUMBER = re.compile(r"[-+]?" + _COUNT.pattern)
_TAG = re.compile(r"[A-Za-z]+")


def read_word_counts(lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Read words and their counts, 1 for a word without a count, from lines or blocks of whole lines.

    Raises DataError for a line of more than `LONGEST_ENTRY` characters.
    """
    number = 0
    for block in lines:
        for line in block.split("\n"):
            number += 1
            if len(line) > LONGEST_ENTRY:
                what = f"longer than {LONGEST_ENTRY:,} characters"
                raise DataError(f"word list, line {number}: {what}: give lines with a word and its count")
            fields = line.split()
            if len(fields) > 1 and _COUNT.fullmatch(fields[1]):
                yield fields[0], float(fields[1])
            elif fields:
                yield fields[0], 1.0
        number -= block.endswith("\n")


def read_word_set(path: str | os.PathLike[str], flag: str, encoding: str = "utf-8") -> frozenset[str]:
    """Read the words of a list, or of a segmented text.

    Each line decides for itself: in ``word count`` and ``word count tag`` (a number in ASCII digits, a tag in ASCII
    letters) only the first field is a word, in any other line every field is. `flag` is the option that named the file,
    for messages.
    """
    words: set[str] = set()
    try:
        for line in read_lines(path, encoding=encoding):
            fields = line.split()
            if len(fields) in (2, 3) and _NUMBER.fullmatch(fields[1]) and all(map(_TAG.fullmatch, fields[2:])):
                del fields[1:]
            words.update(fields)
    except InputError as error:
        raise type(error)(f"{error} ({flag})") from None
    if not words:
        raise DataError(f"{os.fspath(path)} holds no words: {flag} takes a word list or a segmented text")
    return frozenset(words)
