"""Places of words in texts, and the words at these places, all compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segtool.decode.short_texts import BYTE_TOKENS, TOKENS
from segtool.runtime.arrays import Integers
from segtool.runtime.kernels import kernel
from segtool.runtime.objects import (
    COLLECTS,
    append,
    drop,
    item_of,
    new_token,
    start_collector,
    stop_collector,
    substring,
    utf8_of,
)
from segtool.tokens import Token

__all__ = [
    "ONE_TEXT",
    "append_words",
    "encode_texts",
    "place_in_texts",
    "words_of",
]

ONE_TEXT = np.array([0, 1 << 62])
"""Bounds of one text of any size."""


def encode_texts(texts: Sequence[str]) -> tuple[bytes, Integers]:
    """Encode texts as UTF-8, surrogates too, with a line end between them, which no word crosses.

    Returns
    -------
    data : bytes
    bounds : ndarray of int64, shape (len(texts) + 1,)
        Where each text begins; last, a place behind the data.
    """
    if len(texts) == 1:
        return texts[0].encode("utf-8", "surrogatepass"), ONE_TEXT
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)) + 1, out=bounds[1:])
    return b"\n".join(parts), bounds


def words_of(texts: list[str], data: bytes, bounds: Integers, spans: Integers, kind: int) -> list[list[Any]]:
    """Take words from texts.

    Parameters
    ----------
    texts : list of str
    data, bounds
        As from :func:`encode_texts`.
    spans : ndarray of int64
        Start and end of each word in turn, in bytes of the data.
    kind : int
        As for :func:`segtool.decode.short_texts.cut_short`.

    Returns
    -------
    list of list of str, or of Token
    """
    found: list[list[Any]] = [[] for _ in texts]
    append_words.compiled(texts, data, found, Token, kind, bounds, spans)
    return found


@kernel("void(u1[const], i8[const], b1, i8[], i8[])")
def place_in_texts(data, bounds, characters, spans, counts):  # type: ignore[no-untyped-def]
    """Turn places in joined texts into places in each.

    Parameters
    ----------
    data : uint8[n]
        The texts in UTF-8.
    bounds : int64[texts + 1]
        Where each text begins, in bytes; last, a place behind the last one.
    characters : bool
        Whether to count characters, not bytes.
    spans : int64[2 * words], read and written
        Start and end of each word, in bytes from the beginning of the data; afterwards from that of its text.
    counts : int64[texts], written
        Number of words of each text.
    """
    n = 0
    for i in range(len(counts)):
        at = bounds[i]
        begun, passed = n, 0
        while n < len(spans) and spans[n] < bounds[i + 1]:
            for m in (n, n + 1):
                place = spans[m]
                if characters:
                    while at < place:
                        passed += np.int64(data[at] & 0xC0 != 0x80)
                        at += 1
                    spans[m] = passed
                else:
                    spans[m] = place - at
            n += 2
        counts[i] = (n - begun) >> 1


@kernel("i8(i8, i8, i8, i8, u1[const], i8, i8, i8[], i8) locked")
def _append_some(text, found, token, kind, data, low, high, spans, n):  # type: ignore[no-untyped-def]
    """Append the words between two bytes to a list; `n` counts words, as does the result."""
    at, passed = low, 0
    while 2 * n < len(spans) and spans[2 * n] < high:
        start, end = spans[2 * n], spans[2 * n + 1]
        while at < start:
            passed += np.int64(data[at] & 0xC0 != 0x80)
            at += 1
        first = passed
        size = end - start
        if (
            size <= 9
            and data[start] & 0xF0 == 0xE0
            and data[start + 3 * (size * 11 >> 6)] & 0xF0 == 0xE0  # size // 6
            and data[end - 3] & 0xF0 == 0xE0
        ):  # up to three characters of three bytes, as most words are, counted without a loop
            passed += size * 43 >> 7  # size // 3
            at = end
        while at < end:
            passed += np.int64(data[at] & 0xC0 != 0x80)
            at += 1
        item = substring(text, first, passed)
        if kind == TOKENS and item != 0:
            item = new_token(token, item, first, passed)
        elif kind == BYTE_TOKENS and item != 0:
            item = new_token(token, item, start - low, end - low)
        if item == 0:
            break
        append(found, item)
        drop(item)
        n += 1
    return n


@kernel("void(o, o, o, o, i8, i8[const], i8[]) locked")
def append_words(texts, data, found, token, kind, bounds, spans):  # type: ignore[no-untyped-def]
    """Append the words of texts to lists.

    Parameters
    ----------
    texts : list of str
    data : bytes
        The texts in UTF-8, joined.
    found : list of list
    token : type
        The class of tokens.
    kind, bounds, spans
        As for :func:`words_of`.
    """
    was_on = stop_collector() if COLLECTS else 0  # which could run code that writes over the places
    n = 0
    for i in range(len(bounds) - 1):
        text, words = item_of(texts, i), item_of(found, i)
        n = _append_some(text, words, token, kind, utf8_of(data), bounds[i], bounds[i + 1], spans, n)
    if COLLECTS and was_on:
        start_collector()
