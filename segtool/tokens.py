"""Words with their places in a text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, compress
from typing import TYPE_CHECKING, NamedTuple

from segtool.arguments import check_unit

if TYPE_CHECKING:
    from segtool.decode.search import Entries

__all__ = ["Cut", "SearchToken", "Token", "has_letters", "place_entries", "place_words"]


class Cut(NamedTuple):
    """A cut of a text and its score.

    Attributes
    ----------
    words : list of str
        Slices of the text, in order.
    score : float
        Sum of the scores of words and gaps, in nats. Differences between the cuts of a text are of use, not the number
        alone.

    Examples
    --------
    >>> import segtool
    >>> best = segtool.load().nbest("今天天气", 1)[0]
    >>> best.words, round(best.score, 2)
    (['今天', '天气'], -15.74)
    """

    words: list[str]
    score: float


class Token(NamedTuple):
    """A word and its place.

    Attributes
    ----------
    word : str
    start, end : int
        Offsets into the text, in characters or in bytes of its UTF-8 form, as asked for.

    Examples
    --------
    >>> import segtool
    >>> segtool.load().tokenize("今天天气", unit="byte")
    [Token(word='今天', start=0, end=6), Token(word='天气', start=6, end=12)]
    """

    word: str
    start: int
    end: int


class SearchToken(NamedTuple):
    """An entry of a search index and its place.

    Attributes
    ----------
    word : str
    start, end : int
        As of a :class:`Token`.
    position : int
        Number, from 0, of the word of the cut in which the entry begins. Phrase queries of search engines count
        positions.
    primary : bool
        Whether the entry is that word.

    Examples
    --------
    >>> import segtool
    >>> for token in segtool.load().tokenize("高质量", search=True):
    ...     print(token.word, token.start, token.end, token.position, token.primary)
    高 0 1 0 True
    质量 1 3 1 True
    """

    word: str
    start: int
    end: int
    position: int
    primary: bool


def has_letters(word: str) -> bool:
    """Whether a word has a letter, a Han character or a digit; marks, symbols and emoji alone have none."""
    return any(map(str.isalnum, word))


def place_words(text: str, words: Iterable[str], unit: str) -> list[Token]:
    """Find the words of a cut in their text.

    Parameters
    ----------
    text : str
    words : iterable of str
        In order; there is only whitespace between them.
    unit : {"character", "byte"}

    Returns
    -------
    list of Token
    """
    places, at, words = [], 0, list(words)
    for word in words:
        at = text.find(word, at)
        places += [at, at + len(word)]
        at += len(word)
    places = _in_unit(text, places, unit)
    return list(map(Token, words, places[::2], places[1::2]))


def place_entries(text: str, entries: Entries, unit: str) -> list[SearchToken]:
    """Number the entries of a text by the words of its cut.

    Parameters
    ----------
    text : str
    entries : Entries
    unit : {"character", "byte"}

    Returns
    -------
    list of SearchToken
    """
    words = list(compress(entries.starts, entries.primary))
    positions = [bisect_right(words, start) - 1 for start in entries.starts]
    places = (_in_unit(text, each, unit) for each in (entries.starts, entries.ends))
    return list(map(SearchToken, entries.words(text), *places, positions, entries.primary))


def _in_unit(text: str, places: list[int], unit: str) -> list[int]:
    """Places in characters, in another unit."""
    check_unit(unit, "tokenize()")
    if unit == "character":
        return places
    sizes = [1 if c < "\x80" else 2 if c < "\u0800" else 3 if c < "\U00010000" else 4 for c in text]
    offsets = list(accumulate(sizes, initial=0))
    return [offsets[place] for place in places]
