"""From characters to symbols, the units of the statistics, with their places in the text.

A text is an array of code points. :func:`symbolise` cuts it into *tokens*, each a slice of the text:

========= ======================= =====================================================
code      token                   is
========= ======================= =====================================================
Han       one Han character       a symbol of its own
``NUM``   a run of digits         a symbol; inner ``. · , / :`` and a trailing ``%`` belong to it
``LAT``   a run of Latin letters  a symbol
``MARK``  anything else           a boundary: a mark (with its repeats), or a run of other letters
``SPACE`` whitespace              a boundary that belongs to no word
========= ======================= =====================================================

With *number tokens*, a number in Han characters is ``NUM`` too, also with digits (:mod:`segtool.text.numbers`). Models
cut by them; statistics are counted without them, character by character.

Combining marks, variation selectors and emoji joiners belong to the character before them. A run of letters of other
scripts (Greek, Cyrillic, kana, hangul, …) is one token. Whitespace is as in :meth:`str.isspace`. A token of
`LONGEST_TOKEN` (:mod:`segtool.limits`) bytes in UTF-8 ends there, if it would go on, and is a mark.

The classes come from ``charclass.txt`` (written by ``scripts/make_charclass.py`` from the Unicode character database),
so they do not change with the version of Python. Han characters are folded later, where symbols get their ids
(:mod:`segtool.text.folding`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from segtool.limits import LONGEST_TOKEN
from segtool.runtime.arrays import Codes, Places
from segtool.runtime.kernels import LazyKernel
from segtool.text.numbers import (
    AFTER_DIGITS,
    COLUMN_SIZE,
    COLUMNS,
    FIRST_ACCEPTING,
    MOST_NUMERALS,
    NO_NUMERAL,
    NUMBER_CHARACTERS,
    START,
    automaton,
)

__all__ = [
    "BOUNDARY", "C_NUMERAL", "LAT", "NUM", "PART", "SPACE", "bounded_parts", "class_table", "code_points", "last_break",
    "spelled", "symbolise", "tokenise",
]  # fmt: skip

SPACE = -1
BOUNDARY = MARK = 0
NUM = 1
LAT = 2
STAND_INS = "\ud7fe\ud7ff"
"""Characters that no text should hold, in turn in the place of literals, so that two side by side are two marks
(:mod:`segtool.decode.literals`). An emoji joiner before one does not join it."""
FIRST_STAND_IN, LAST_STAND_IN = map(ord, STAND_INS)
CODE_LIMIT = 0x40000
"""All Han characters are below this code point; it is the size of tables that they index."""

PART = 1 << 21
"""Characters of a text that are handled at a time, at most."""

_LOOK_BACK = 1 << 12

C_MARK, C_SPACE, C_LETTER, C_EXTEND, C_DIGIT, C_LATIN, C_HAN, C_SIGN, C_PERCENT = range(9)
"""Classes of characters; the last two are marks that may belong to a number."""

C_NUMERAL = 16
"""Class of the first kind of numerals, which are Han characters, where there are number tokens."""

_COLUMN_TABLE = 0x110000  # where the tables of the automaton are in the table of classes
_STATE_TABLE = _COLUMN_TABLE + COLUMN_SIZE


@functools.cache
def class_table(numbers: bool = False) -> bytes:
    """Class of each of the 1,114,112 code points, a byte each.

    With `numbers`, the class of a numeral is `C_NUMERAL` plus its kind, and the tables of
    :func:`segtool.text.numbers.automaton` follow.
    """
    if numbers:
        marked = bytearray(class_table())
        for numeral, number_kind in NUMBER_CHARACTERS.items():
            marked[ord(numeral)] = C_NUMERAL + number_kind
        return bytes(marked) + automaton()
    table = bytearray(0x110000)
    text = Path(__file__).with_name("charclass.txt").read_text(encoding="ascii")
    for line in text.splitlines()[1:]:
        low, high, kind = line.split(" ")
        first, last = int(low, 16), int(high, 16)
        table[first : last + 1] = bytes((int(kind),)) * (last + 1 - first)
    return bytes(table)


def code_points(text: str) -> Codes:
    """Code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def last_break(text: str) -> int:
    """Place of the last mark or whitespace of a text; 0 if there is none behind its first character.

    No symbol and no run goes on there: both parts have the symbols that the whole has.
    """
    classes = np.frombuffer(class_table(), np.uint8)
    for high in range(len(text), 1, -_LOOK_BACK):
        low = max(high - _LOOK_BACK, 1)
        breaks = np.flatnonzero(classes[code_points(text[low:high])] <= C_SPACE)
        if len(breaks):
            return low + int(breaks[-1])
    return 0


def bounded_parts(text: str, most: int = PART) -> Iterator[str]:
    """Cut a text before marks and whitespace into parts of at most so many characters.

    A stretch of more characters without a mark or whitespace is cut after so many.
    """
    low = 0
    while len(text) - low > most:
        high = low + (last_break(text[low : low + most]) or most)
        yield text[low:high]
        low = high
    yield text[low:] if low else text


def _symbolise(points, classes, codes, starts):  # type: ignore[no-untyped-def]
    """Cut code points into tokens.

    Parameters
    ----------
    points : uint32[n]
    classes : uint8[0x110000 or more]
        From :func:`class_table`, which decides whether there are number tokens.
    codes : int32[n], written
        Code of each token: the code point of a Han character, or ``NUM``, ``LAT``, ``MARK``, ``SPACE``.
    starts : int32[n], written
        Start of each token, in characters.

    Returns
    -------
    int
        Number of tokens.
    """
    tokens = 0
    kind = -1  # class of the token that is open; closed ones take marks and joiners only
    closed = -2
    previous = 0
    digit_before = False  # the last character was a digit
    behind = 0  # end of the last number token
    size = 0  # UTF-8 bytes of the open token behind its first character
    count = len(points)
    for i in range(count):
        if i < behind:
            continue
        point = points[i]
        here = classes[point]
        if here >= C_NUMERAL:
            here = C_HAN
            after_digits = kind == C_DIGIT and digit_before
            state = AFTER_DIGITS if after_digits else START
            end = i
            last = NO_NUMERAL
            j = i
            while j < min(count, i + MOST_NUMERALS) and classes[points[j]] >= C_NUMERAL:
                numeral = classes[points[j]] - C_NUMERAL
                state = classes[_STATE_TABLE + COLUMNS * state + classes[_COLUMN_TABLE + 16 * last + numeral]]
                if state == 0:
                    if not after_digits or end > i:
                        break
                    after_digits = False  # what does not go on with the digits may be a number of its own
                    state = START
                    last = NO_NUMERAL
                    j = i
                    continue
                last = numeral
                j += 1
                if state >= FIRST_ACCEPTING:
                    end = j
            if end > i + 1 or (end > i and after_digits):
                if not after_digits:
                    starts[tokens] = i
                    codes[tokens] = NUM
                    tokens += 1
                    size = -3  # the first numeral
                size += 3 * (end - i)
                kind = closed
                previous = points[end - 1]
                digit_before = False
                behind = end
                continue
        is_sign = here == C_SIGN
        is_percent = here == C_PERCENT
        if is_sign or is_percent:
            here = C_MARK
        joins = False
        digit = here == C_DIGIT
        if here == C_EXTEND:
            joins = kind != C_SPACE and kind != -1
        elif here == C_DIGIT or here == C_LATIN or here == C_LETTER or here == C_SPACE:  # noqa: SIM109
            joins = kind == here
        elif here == C_MARK and kind == C_MARK:
            joins = point == previous or (previous == 0x200D and not FIRST_STAND_IN <= point <= LAST_STAND_IN)
        elif kind == C_DIGIT and digit_before:
            if is_percent:
                joins = True
                kind = closed
            elif is_sign and i + 1 < count:
                joins = classes[points[i + 1]] == C_DIGIT
        if joins:
            if size >= LONGEST_TOKEN - 4:  # without the first character
                first = points[starts[tokens - 1]]
                joins = size + 1 + (first > 0x7F) + (first > 0x7FF) + (first > 0xFFFF) < LONGEST_TOKEN
                if not joins and codes[tokens - 1] != SPACE:
                    codes[tokens - 1] = MARK
            size += 1 + (point > 0x7F) + (point > 0x7FF) + (point > 0xFFFF)
        if not joins:
            size = 0
            starts[tokens] = i
            kind = here
            if here == C_HAN:
                codes[tokens] = point
            elif here == C_DIGIT:
                codes[tokens] = NUM
            elif here == C_LATIN:
                codes[tokens] = LAT
            elif here == C_SPACE:
                codes[tokens] = SPACE
            else:
                codes[tokens] = MARK
            tokens += 1
        previous = point
        digit_before = digit
    return tokens


symbolise = LazyKernel(_symbolise, "i8(u4[const], u1[const], i4[], i4[])")


def tokenise(text: str, numbers: bool = False) -> tuple[Places, Places]:
    """Cut a text into tokens, as :func:`symbolise` does; returns their codes and their starts.

    `numbers` says whether there are number tokens.
    """
    points = code_points(text)
    codes, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
    tokens = symbolise.compiled(points, np.frombuffer(class_table(numbers), np.uint8), codes, starts)
    return codes[:tokens], starts[:tokens]


def spelled(text: str, numbers: bool = False) -> str:
    r"""Spell a text as words are: ``0`` for a number, ``A`` for a Latin run, ``\n`` for space, ``\0`` for marks.

    `numbers` says whether there are number tokens.
    """
    codes, _ = tokenise(text, numbers)
    classes = {NUM: "0", LAT: "A", MARK: "\0", SPACE: "\n"}
    return "".join([classes.get(code) or chr(code) for code in codes.tolist()])
