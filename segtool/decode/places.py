"""Places of words in texts, and the words at these places, all compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segtool.decode.utf8_kernel import cut_utf8
from segtool.runtime.arrays import Integers
from segtool.runtime.kernels import kernel
from segtool.runtime.objects import append_slice, append_token, item_of, utf8_of
from segtool.tokens import Token

__all__ = [
    "BYTE_SPANS",
    "BYTE_TOKENS",
    "ONE_TEXT",
    "SPANS",
    "TOKENS",
    "WORDS",
    "append_words",
    "cut_short",
    "encode_texts",
    "place_in_texts",
    "words_of",
]

WORDS, TOKENS, BYTE_TOKENS, SPANS, BYTE_SPANS = range(5)
"""What is made of a word: a string, a Token with its place in characters or bytes, or the place alone."""

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
        :data:`WORDS`, or for Token :data:`TOKENS` or :data:`BYTE_TOKENS`.

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
    """Append the words between two bytes to a list, or change their places; `n` counts words, as does the result."""
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
        if kind == WORDS:
            append_slice(found, text, first, passed)
        elif kind == TOKENS:
            append_token(found, token, text, first, passed, first, passed)
        elif kind == SPANS:
            spans[2 * n] = first
            spans[2 * n + 1] = passed
        else:
            append_token(found, token, text, first, passed, start - low, end - low)
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
    n = 0
    for i in range(len(bounds) - 1):
        text, words = item_of(texts, i), item_of(found, i)
        n = _append_some(text, words, token, kind, utf8_of(data), bounds[i], bounds[i + 1], spans, n)


@kernel("i8(o, o, o, o, i8, u2[const], i4[const], i4[const], i8[], u1[]) locked")
def cut_short(text, data, found, token, kind, characters, units, spelling, scratch, out):  # type: ignore[no-untyped-def]
    """Cut a text and append its words to a list.

    Parameters
    ----------
    text : str
    data : bytes
        The text in UTF-8.
    found : list
    token : type
        The class of tokens.
    kind : int
        As for :func:`words_of`; or :data:`SPANS` or :data:`BYTE_SPANS`, which are left in `out`.
    characters, units, spelling, scratch, out
        As for :func:`segtool.decode.utf8_kernel.cut_utf8`.

    Returns
    -------
    int
        Number of words; -1 if the scratch has too little room.
    """
    points = utf8_of(data)
    written, _, _, _, stuck = cut_utf8(points, True, 0, False, points[:0], characters, units, spelling, scratch, out)
    if stuck:
        return -1
    if kind == BYTE_SPANS:
        return written >> 4
    spans, end = out[:written].view(np.int64), len(points) + 1
    return _append_some(text, found, token, kind, points, 0, end, spans, 0)
