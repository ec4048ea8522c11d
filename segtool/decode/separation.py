"""Text with a separator between its words, in which everything else stays as it is.

The separator stands between two words without whitespace between them, if both hold a letter, a digit or a Han
character and at least one of them holds a Han character. So no separator stands beside a mark or inside Latin text:
tags, commands, escapes, times and numbers stay whole, and a mark shows by itself where a word ends. A literal
(:mod:`segtool.decode.literals`) counts as a word with a Han character.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from segtool.decode.characters import CLASS_MASK, NOT_HAN, read_character
from segtool.runtime.arrays import Bytes
from segtool.runtime.kernels import kernel
from segtool.text.symbols import (
    C_DIGIT,
    C_HAN,
    C_LATIN,
    C_LETTER,
    C_W,
    FIRST_STAND_IN,
    LAST_STAND_IN,
    STAND_INS,
    class_table,
)

if TYPE_CHECKING:
    from segtool.decode.decoder import Decoder
    from segtool.decode.texts import TextCutter

__all__ = ["separate_plain", "separate_text", "separate_utf8", "write_separated"]

_LETTERS, _WITH_HAN = 1, 2
_BOTH = _LETTERS | _WITH_HAN
_WITH_LETTERS = {C_LETTER, C_DIGIT, C_LATIN, C_W}


@kernel("(i8,i8)(u1[const], i8[const], i8, u1[const], u2[const], u1[])")
def write_separated(data, spans, before, separator, characters, out):  # type: ignore[no-untyped-def]
    """Copy a text, with a separator between words.

    Parameters
    ----------
    data : uint8[n]
        UTF-8, whole characters.
    spans : int64[2 * words]
        Start and end of each word in turn, in bytes.
    before : int
        What the call before returned for the word that ends where the data begin; 0 for none.
    separator : uint8[m]
    characters : uint16[CHARACTERS or more]
        From :func:`segtool.decode.characters.character_table`.
    out : uint8[n + m * words or more], written

    Returns
    -------
    written : int
        Bytes of the output.
    last : int
        What the word holds that ends where the data end: 1 for a letter or digit, 3 for a Han character; 0 if there is
        no such word, or one of marks.
    """
    written = at = 0
    kind = before
    for n in range(0, len(spans), 2):
        low, high = spans[n], spans[n + 1]
        last = kind if low == at else 0
        kind = 0
        m = low
        while m < high and kind != _BOTH:
            point, m = read_character(data, m)
            entry = np.int64(characters[point])
            here = entry & CLASS_MASK if entry >= NOT_HAN else C_HAN
            if here == C_HAN or FIRST_STAND_IN <= point <= LAST_STAND_IN:
                kind = _BOTH
            elif here == C_LETTER or here == C_DIGIT or here == C_LATIN or here == C_W:  # noqa: SIM109
                kind |= _LETTERS
        while at < low:
            out[written] = data[at]
            written += 1
            at += 1
        if last & kind & _LETTERS and (last | kind) & _WITH_HAN:
            for i in range(len(separator)):
                out[written] = separator[i]
                written += 1
        while at < high:
            out[written] = data[at]
            written += 1
            at += 1
    if at < len(data):
        kind = 0
    while at < len(data):
        out[written] = data[at]
        written += 1
        at += 1
    return written, kind


def separate_utf8(
    decoder: Decoder,
    data: bytes,
    separator: bytes,
    final: bool = True,
    before: int = 0,
    last: int = 0,
) -> tuple[Bytes, int, int, int]:
    """Put a separator between the words of a text, compiled.

    Parameters
    ----------
    decoder : Decoder
    data, final, before
        As for :meth:`segtool.decode.decoder.Decoder.cut`.
    separator : bytes
    last : int
        As `before` of :func:`write_separated`.

    Returns
    -------
    out : ndarray of uint8
    consumed, before, last
        Settled bytes; give those behind them again, with the text that follows and `before` and `last`.
    """
    spans, consumed, before, _ = decoder.cut(data, b"", final, before)
    places = spans.view(np.int64)
    out = np.empty(consumed + len(separator) * (len(places) // 2), np.uint8)
    arrays = (
        np.frombuffer(data, np.uint8)[:consumed],
        places,
        last,
        np.frombuffer(separator, np.uint8),
    )
    written, last = write_separated.compiled(*arrays, decoder.characters, out)
    return out[:written], consumed, before, last


def separate_text(cutter: TextCutter, text: str, separator: str, plain: bool) -> str:
    """Put a separator between the words of a text; `plain` without compiled code.

    Raises
    ------
    UsageError
        If the separator holds a character that stands for literals.
    """
    literals = cutter.literals
    if literals is not None:
        literals.check_separator(separator, spaced=True)
    if plain:
        hidden, found = (text, []) if literals is None else literals.hide(text)
        return _with_literals(separate_plain(hidden, cutter.decoder.plain_spans(hidden), separator), found)
    data = text.encode("utf-8", "surrogatepass")
    words: list[bytes] = []
    if literals is not None:
        data, words, _ = literals.hide_utf8(data)
    out = separate_utf8(cutter.decoder, data, separator.encode("utf-8", "surrogatepass"))[0].tobytes()
    if words and literals is not None:
        out = b"".join(literals.show_stream([out], deque(words)))
    return out.decode("utf-8", "surrogatepass")


def _with_literals(text: str, found: list[str]) -> str:
    """Put literals back into a text, in plain Python."""
    words = iter(found)
    return "".join([next(words) if each in STAND_INS else each for each in text]) if found else text


def separate_plain(text: str, spans: Iterable[tuple[int, int]], separator: str) -> str:
    """See :func:`write_separated`, which does the same compiled."""
    classes = class_table()
    parts: list[str] = []
    at = kind = 0
    for low, high in spans:
        last, kind = kind if low == at else 0, 0
        for each in text[low:high]:
            here = classes[ord(each)]
            kind |= _BOTH if here == C_HAN or each in STAND_INS else _LETTERS * (here in _WITH_LETTERS)
        parts += (
            text[at:low],
            separator if last & kind & _LETTERS and (last | kind) & _WITH_HAN else "",
            text[low:high],
        )
        at = high
    return "".join([*parts, text[at:]])
