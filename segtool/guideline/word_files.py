"""Word lists and dictionaries as files: a line for each word, with a count and a tag as jieba writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from segtool.errors import DataError, InputError, SegtoolError, UsageError
from segtool.text.sources import read_lines

__all__ = ["NamedWords", "named_words", "read_words"]

_LINE = re.compile(r"(.+?)(\s+[0-9]+(?:\.[0-9]+)?)?(\s+[a-z]+)?")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd\ufdd0\ufdd1]")
_ASCII_OR_MARK = re.compile(r"[A-Za-z0-9\W_]")

MOST_NATS = 1000
"""Greatest gain of a preferred word."""


@dataclass(frozen=True)
class NamedWords:
    """Words of one strength, and where they come from.

    Attributes
    ----------
    name : str
        The parameter or the file, for messages.
    words : dict of str to float or None
        The words without whitespace at either end, as they were given; with the nats of each word that has its own.
    lines : dict of str to int
        Line of each word, of words from a file.
    """

    name: str
    words: dict[str, float | None] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def where(self, word: str) -> str:
        """Name the place of a word, for messages."""
        return f"{self.name}, line {self.lines[word]}: {word}" if self.lines else f"{self.name}: {word}"

    def error(self, word: str, fault: str) -> SegtoolError:
        """Make the error that names a word and its fault: of the data if the word comes from a file."""
        kind = DataError if self.lines else UsageError
        return kind(f"{self.where(word)}: {fault}")


def named_words(name: str, words: Iterable[str] | Mapping[str, float] | NamedWords) -> NamedWords:
    """Take words from Python.

    Parameters
    ----------
    name : str
        The parameter, for messages.
    words : iterable of str, mapping of str to float, or NamedWords

    Returns
    -------
    NamedWords

    Raises
    ------
    UsageError
        If `words` is one string, or a word is no string, is empty or holds a control character.
    """
    if isinstance(words, NamedWords):
        return words
    if isinstance(words, str):
        raise UsageError(f"{name}: one string: pass a list of words")
    found: dict[str, float | None] = {}
    for word in words:
        if not isinstance(word, str) or not (stripped := word.strip()):
            raise UsageError(f"{name}: {word!r} is no word: pass strings that are not empty")
        found[stripped] = float(words[word]) if isinstance(words, Mapping) else None
    if _CONTROL.search("".join(found)) or "\n" in "".join(found):
        word = next(word for word in found if "\n" in word or _CONTROL.search(word))
        raise UsageError(f"{name}: {word!r} holds a control character: leave it out")
    if isinstance(words, Mapping):
        for word, nats in found.items():
            if nats is None or not -MOST_NATS <= nats <= MOST_NATS:
                raise UsageError(f"{name}: {word}: {nats} nats: give a number from -{MOST_NATS} to {MOST_NATS}")
    return NamedWords(name, found)


def read_words(path: str | os.PathLike[str], flag: str, encoding: str = "utf-8") -> NamedWords:
    """Read the words of a file.

    Each line has a word, perhaps a count and a tag of small letters behind it, with spaces or tabs between
    (``word [count] [tag]``). Counts and tags are not used. Empty lines are passed over. A word may hold spaces if it
    holds Latin letters, digits or marks, too. Whatever a line holds before a tab is the word.

    Parameters
    ----------
    path : str or path
        A file, plain or compressed, or ``-`` for standard input.
    flag : str
        The option that named the file, for messages.
    encoding : str

    Returns
    -------
    NamedWords

    Raises
    ------
    DataError
        If the file holds no word, or a line is none, with its number.
    InputError, EncodingError
        If it cannot be read.
    """
    name = os.fspath(path)
    words: dict[str, float | None] = {}
    lines: dict[str, int] = {}
    try:
        for number, raw in enumerate(read_lines(path, encoding=encoding), 1):
            line = raw.strip().removeprefix("\ufeff")
            word = line if len(fields := line.split()) < 2 else _word_of(line, fields)
            if word is None or _CONTROL.search(word):
                raise DataError(f"{name}, line {number}: {line[:40]!r} is not 'word [count] [tag]' ({flag})")
            if word and word not in words:
                words[word], lines[word] = None, number
    except InputError as error:
        raise type(error)(f"{error} ({flag})") from None
    if not words:
        raise DataError(f"{name} holds no words: {flag} takes a file with one word a line")
    return NamedWords(name, words, lines)


def _word_of(line: str, fields: list[str]) -> str | None:
    """The word of a line of several fields; None if the line is no entry."""
    before_tab, tab, _ = line.partition("\t")
    if tab:
        return before_tab.strip() or None
    found = _LINE.fullmatch(line)
    word = found[1].strip() if found else line
    if len(word.split()) > 1 and not all(map(_ASCII_OR_MARK.search, word.split()[1:])):
        return None
    return word
