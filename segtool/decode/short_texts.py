"""Cutting a short text in one call of compiled code, from Python's string to a list of words or tokens.

The call reads the characters where the string keeps them and writes them as UTF-8, and beside each its number, so that
places in bytes turn into places in characters by a look-up. It keeps Python's lock. Making the words takes as long as
finding them, so short words that were made before are given again.
"""

from __future__ import annotations

import numpy as np

from segtool.decode.block import SLACK, SPAN
from segtool.decode.utf8_kernel import cut_utf8
from segtool.runtime.kernels import kernel
from segtool.runtime.objects import (
    COLLECTS,
    LENGTH,
    LIST_ITEMS,
    STATE,
    STATE_BITS,
    STRINGS,
    byte_at,
    drop,
    keep,
    new_list,
    new_token,
    number_at,
    prefetch_address,
    put_number,
    short_at,
    start_collector,
    stop_collector,
    substring,
    word_at,
)
from segtool.runtime.prefetch import prefetch

__all__ = ["BYTE_TOKENS", "SHORT", "SHORT_ROOM", "TOKENS", "WORDS", "cut_short", "span_short"]

WORDS, TOKENS, BYTE_TOKENS = range(3)
"""What is made of a word: a string, or a Token with its place in characters or bytes."""

SHORT = 1 << 11
"""Characters up to which a text is cut in one call, which keeps Python's lock; for longer ones the lock is free."""

_BYTES_AT = 4 * SHORT * SPAN + SLACK
_NUMBERS_AT = _BYTES_AT + 4 * SHORT + SLACK

SHORT_ROOM = _NUMBERS_AT + 2 * (4 * SHORT + 1)
"""Bytes of the output for a short text: places of words, the text in UTF-8, and numbers of characters."""

_LONGEST_KEPT = 3
_SPREAD = 0x9E3779B97F4A7C15 - (1 << 64)


@kernel("(i8,i8)(i8) locked")
def _place_of_characters(text):  # type: ignore[no-untyped-def]
    """The address of the characters of a string and the bytes of each; 0 and 0 for a string of an unknown kind."""
    for state, at, width in STRINGS:
        if byte_at(text + STATE) & STATE_BITS == state:
            return text + at, np.int64(width)
    return np.int64(0), np.int64(0)


@kernel("i8(i8, i8, i8, u1[], u1[]) locked")
def _write_utf8(characters, width, size, data, numbers):  # type: ignore[no-untyped-def]
    """Write characters as UTF-8, and at each place where one begins, and at the end, its number; return the end."""
    at = 0
    for i in range(size):
        if width == 2:
            point = short_at(characters + 2 * i)
        elif width == 1:
            point = byte_at(characters + i)
        else:
            point = word_at(characters + 4 * i)
        numbers[2 * at] = i & 255
        numbers[2 * at + 1] = i >> 8
        if point >= 0x10000:
            data[at] = 0xF0 | point >> 18
            data[at + 1] = 0x80 | point >> 12 & 63
            data[at + 2] = 0x80 | point >> 6 & 63
            data[at + 3] = 0x80 | point & 63
            at += 4
        elif point >= 0x800:
            data[at] = 0xE0 | point >> 12
            data[at + 1] = 0x80 | point >> 6 & 63
            data[at + 2] = 0x80 | point & 63
            at += 3
        elif point >= 0x80:
            data[at] = 0xC0 | point >> 6
            data[at + 1] = 0x80 | point & 63
            at += 2
        else:
            data[at] = point
            at += 1
    numbers[2 * at] = size & 255
    numbers[2 * at + 1] = size >> 8
    return at


@kernel("i8(i8, u2[const], i4[const], i4[const], i8[], u1[]) locked")
def _find_words(text, characters, units, spelling, scratch, out):  # type: ignore[no-untyped-def]
    """Write the places of the words of a text into `out`, in bytes; return their number, -1 if there is no room."""
    size = number_at(text + LENGTH)
    address, width = _place_of_characters(text)
    if width == 0 or size > SHORT:
        return -1
    data = out[_BYTES_AT:_NUMBERS_AT]
    end = _write_utf8(address, width, size, data, out[_NUMBERS_AT:])
    spans = out[:_BYTES_AT]
    written, _, _, _, stuck = cut_utf8(
        data[:end], True, 0, False, data[:0], characters, units, spelling, scratch, spans
    )
    return -1 if stuck else written >> 4


@kernel("i8(u1[], i8)")
def _number_of(out, place):  # type: ignore[no-untyped-def]
    """Number of the character that begins at a byte."""
    at = _NUMBERS_AT + 2 * place
    return np.int64(out[at]) | np.int64(out[at + 1]) << 8


@kernel("void(i8, i8, i8[const], i8[], u1[], i8[]) locked")
def _find_kept(text, count, spans, found, out, kept):  # type: ignore[no-untyped-def]
    """Find first and last character, and the key among the words that are kept, 0 for none, of each word."""
    last_start = number_at(text + LENGTH) - _LONGEST_KEPT
    address, width = _place_of_characters(text)
    has_keys = width == 2 and last_start >= 0
    for i in range(count):
        start, end = _number_of(out, spans[2 * i]), _number_of(out, spans[2 * i + 1])
        size = end - start
        at = min(start, last_start)
        key = np.int64(0)
        if has_keys and size <= _LONGEST_KEPT:
            key = number_at(address + 2 * at) >> 16 * (start - at) & (1 << 16 * size) - 1 | size << 48
            prefetch(kept, _slot_of(key, kept))
        found[3 * i] = start
        found[3 * i + 1] = end
        found[3 * i + 2] = key
    for i in range(count):
        prefetch_address(kept[_slot_of(found[3 * i + 2], kept) + 1])


@kernel("i8(i8, i8[const])")
def _slot_of(key, kept):  # type: ignore[no-untyped-def]
    return 2 * (key * _SPREAD >> 40 & (len(kept) >> 1) - 1)


@kernel("i8(i8, i8, i8, i8, b1, i8[]) locked")
def _kept_word(text, start, end, key, keeps, kept):  # type: ignore[no-untyped-def]
    """Make a word, or take the one that is kept; 0 if there is no memory."""
    if key == 0:
        return substring(text, start, end)
    slot = _slot_of(key, kept)
    if kept[slot] == key:
        word = kept[slot + 1]
        keep(word)
        return word
    word = substring(text, start, end)
    if word != 0 and (keeps or kept[slot] == 0):
        drop(kept[slot + 1])
        kept[slot] = key
        kept[slot + 1] = word
        keep(word)
    return word


@kernel("o(o, o, i8, u2[const], i4[const], i4[const], i8[], u1[], i8[], o) locked")
def cut_short(nothing, token, kind, characters, units, spelling, scratch, out, kept, text):  # type: ignore[no-untyped-def]
    """Cut a text.

    Parameters
    ----------
    nothing : object
        What to return for a text that is too long, or that Python keeps in another way than most.
    token : type
        The class of tokens.
    kind : int
        :data:`WORDS`, or for tokens :data:`TOKENS` or :data:`BYTE_TOKENS`.
    characters, units, spelling, scratch
        As for :func:`segtool.decode.utf8_kernel.cut_utf8`.
    out : uint8[SHORT_ROOM], written
    kept : int64[2 * n], read and written
        Short words that were made before, n a power of 2: the characters and the length of each, and its address.
    text : str

    Returns
    -------
    list of str or of `token`, or `nothing`
    """
    was_on = stop_collector() if COLLECTS else 0
    count = _find_words(text, characters, units, spelling, scratch, out)
    if count < 0:
        keep(nothing)
        made = nothing
    else:
        made = _list_words(text, token, kind, count, out, kept)
    if COLLECTS and was_on:
        start_collector()
    return made


@kernel("i8(i8, i8, i8, i8, u1[], i8[]) locked")
def _list_words(text, token, kind, count, out, kept):  # type: ignore[no-untyped-def]
    """Make the list of :func:`cut_short`; 0 if there is no memory."""
    made = new_list(count)
    if made == 0:
        return made
    items = number_at(made + LIST_ITEMS)
    numbers = out[:_BYTES_AT].view(np.int64)
    spans, found = numbers[: 2 * count], numbers[2 * count :]
    _find_kept(text, count, spans, found, out, kept)
    for i in range(count):
        start, end = found[3 * i], found[3 * i + 1]
        item = _kept_word(text, start, end, found[3 * i + 2], i & 3 == 0, kept)
        if kind == TOKENS and item != 0:
            item = new_token(token, item, start, end)
        elif kind == BYTE_TOKENS and item != 0:
            item = new_token(token, item, spans[2 * i], spans[2 * i + 1])
        if item == 0:
            drop(made)
            return item
        put_number(items + 8 * i, item)
    return made


@kernel("i8(b1, u2[const], i4[const], i4[const], i8[], u1[], o) locked")
def span_short(in_bytes, characters, units, spelling, scratch, out, text):  # type: ignore[no-untyped-def]
    """Find the places of the words of a text.

    Parameters
    ----------
    in_bytes : bool
        Whether to count bytes of UTF-8, not characters.
    characters, units, spelling, scratch, text
        As for :func:`cut_short`.
    out : uint8[SHORT_ROOM], written
        Start and end of each word in turn, as int64.

    Returns
    -------
    int
        Number of words; -1 where :func:`cut_short` returns `nothing`.
    """
    count = _find_words(text, characters, units, spelling, scratch, out)
    if count > 0 and not in_bytes:
        spans = out[: SPAN * count].view(np.int64)
        for i in range(2 * count):
            spans[i] = _number_of(out, spans[i])
    return count
