"""Words with their places in a text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Token", "locate"]


class Token(NamedTuple):
    """A word and its place.

    Attributes
    ----------
    word : str
    start, end : int
        Offsets into the text, in characters or in bytes of its UTF-8 form, as asked for.
    """

    word: str
    start: int
    end: int


def locate(text: str, words: Sequence[str], unit: str) -> list[Token]:
    """Find the places of words.

    Parameters
    ----------
    text : str
    words : sequence of str
        Words of the text, in order, with nothing but whitespace between them.
    unit : {"character", "byte"}

    Returns
    -------
    list of Token
    """
    starts, ends, at = [], [], 0
    for word in words:  # a word does not begin with whitespace, so it is not found too early
        at = text.find(word, at)
        starts.append(at)
        at += len(word)
        ends.append(at)
    if unit == "byte":
        sizes = [1 if c < "\x80" else 2 if c < "\u0800" else 3 if c < "\U00010000" else 4 for c in text]
        places = list(itertools.accumulate(sizes, initial=0))
        starts, ends = [places[i] for i in starts], [places[i] for i in ends]
    return list(map(Token, words, starts, ends))
