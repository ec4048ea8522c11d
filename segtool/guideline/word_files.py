"""Word lists and dictionaries as files: a line for each word, with a count and a tag as jieba writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from segtool.errors import ArgumentError, DataError, EncodingError, InputError, SegtoolError, UsageError
from segtool.text.sources import read_lines

__all__ = ["NamedWords", "named_words", "read_words"]

_SPACED_LINE = re.compile(r"(.+?)(?:\s+[0-9]+(?:\.[0-9]+)?)?(?:\s+[a-z]+)?")
_USUAL = re.compile(r"\S+ [0-9]+(?: [a-z]+)?")
_COLUMN = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|[A-Za-z_]*")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd\ud7fe\ud7ff]")
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
        raise ArgumentError(f"{name}: one string: pass a list of words")
    found: dict[str, float | None] = {}
    nats = words if isinstance(words, Mapping) else {}
    for word in words:
        if not isinstance(word, str) or not (stripped := word.strip()):
            raise UsageError(f"{name}: {word!r} is no word: pass strings that are not empty")
        found[stripped] = nats.get(word)
    if _CONTROL.search("".join(found)):
        word = next(filter(_CONTROL.search, found))
        raise UsageError(f"{name}: {word!r} holds a control character: leave it out")
    for word in found if nats else ():
        number = found[word]
        if not isinstance(number, (int, float)) or not -MOST_NATS <= number <= MOST_NATS:
            raise UsageError(f"{name}: {word}: {number} nats: give a number from -{MOST_NATS} to {MOST_NATS}")
    return NamedWords(name, found)


def read_words(path: str | os.PathLike[str], flag: str, encoding: str = "utf-8") -> NamedWords:
    """Read the words of a file.

    Each line has a word, perhaps a count and a tag of small letters behind it, with spaces between, as jieba's
    dictionaries (``word [count] [tag]``); or columns with tabs between, of which the first is the word and the others
    are numbers or tags, as ``segtool words`` writes them. All but the words is passed over, and so are empty lines. A
    word may hold spaces if each part of it holds Latin letters, digits or marks, or if a tab is behind it.

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
    lines: dict[str, int] = {}
    try:
        for number, raw in enumerate(read_lines(path, encoding=encoding), 1):
            word: str | None = raw.strip().removeprefix("\ufeff")
            if word and len(fields := word.split(None, 1)) > 1:
                if number == 1 and _is_header(word):
                    continue
                word = fields[0] if _USUAL.fullmatch(word) else _word_of(word)
            if word is None:
                line = raw.strip()[:40]
                fault = f"{line!r} is not 'word [count] [tag]', nor a word with spaces and a tab behind it"
                raise DataError(f"{name}, line {number}: {fault} ({flag})")
            if word:
                lines.setdefault(word, number)
    except EncodingError as error:
        place = str(error).rpartition("; ")[0]
        remedy = "convert it by iconv -f gb18030 -t utf-8, or pass --encoding if all files are in the same one"
        raise EncodingError(f"{place}; {remedy} ({flag})") from None
    except InputError as error:
        raise type(error)(f"{error} ({flag})") from None
    if not lines:
        raise DataError(f"{name} holds no words: {flag} takes a file with one word a line")
    if _CONTROL.search("".join(lines)):
        word = next(filter(_CONTROL.search, lines))
        raise DataError(f"{name}, line {lines[word]}: {word[:40]!r} holds a control character: remove it ({flag})")
    return NamedWords(name, dict.fromkeys(lines), lines)


def _is_header(line: str) -> bool:
    """Whether it names the columns of a table that ``segtool words`` wrote."""
    names = line.split("\t")
    return len(names) > 2 and names[0] == "word" and all(map(str.isidentifier, names))


def _word_of(line: str) -> str | None:
    """The word of a line of several fields; None if the line is no entry."""
    word, *columns = line.split("\t")
    if columns:
        return word.strip() if all(_COLUMN.fullmatch(column.strip()) for column in columns) else None
    match = _SPACED_LINE.fullmatch(line)
    word = match[1].strip() if match else line
    parts = word.split()
    return word if len(parts) == 1 or all(map(_ASCII_OR_MARK.search, parts)) else None
