"""From characters to symbols, the units of the statistics, with their places in the text.

A text is an array of code points. :func:`symbolise` cuts it into *tokens*, each a slice of the text:

========= =================== ====================================================================
code      token               is
========= =================== ====================================================================
Han       one Han character   a symbol of its own
``NUM``   a number            a symbol: digits, with their sign, inner signs and a percent sign
``LAT``   a word in Latin     a symbol: letters, and what joins them: ``didn't``, ``AK-47``, ``C++``
``MARK``  anything else       a boundary: a mark (with its repeats), an emoji, letters of other scripts
``SPACE`` whitespace          a boundary that belongs to no word
========= =================== ====================================================================

docs/tokens.md lists the kinds, :mod:`segtool.text.token_grammar` has their rules. With *number tokens*, a number in Han
characters is ``NUM`` too, also with digits (:mod:`segtool.text.numbers`). Models cut by them; statistics are counted
without them, character by character.

Combining marks, variation selectors and characters that show nothing (zero-width space, soft hyphen, byte order mark)
belong to the token before them; after whitespace, to the one behind. Whitespace is as in :meth:`str.isspace`. A token
of `LONGEST_TOKEN` (:mod:`segtool.limits`) bytes in UTF-8 ends there, if it would go on, and is a mark.

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
from segtool.text.token_grammar import (
    BEHIND_SYMBOL,
    CLASSES,
    CODES_SIZE,
    COLUMN_BITS,
    DIGITS,
    FIRST_ACCEPTED,
    FIRST_LATE,
    MOST_AHEAD,
    MOST_BEFORE,
    NO_WAY,
    NUMBER_TOKENS,
    OPENING,
    token_automaton,
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
(:mod:`segtool.decode.literals`)."""
FIRST_STAND_IN, LAST_STAND_IN = map(ord, STAND_INS)
CODE_LIMIT = 0x40000
"""All Han characters are below this code point; it is the size of tables that they index."""

PART = 1 << 21
"""Characters of a text that are handled at a time, at most."""

_LOOK_BACK = 1 << 12

C_MARK, C_SPACE, C_LETTER, C_EXTEND, C_DIGIT, C_LATIN, C_HAN = range(7)
"""Classes of characters; `C_FIRST_SIGN` up to `C_LAST_SIGN` are marks that may be a part of a token."""

C_FIRST_SIGN, C_LAST_SIGN = C_HAN + 1, CLASSES.index("emoji")
C_W, C_REPEAT, C_JOINER = map(CLASSES.index, ("w", "repeat", "joiner"))  # from the joiner on, as C_EXTEND

C_NUMERAL = 64
"""Class of the first kind of numerals, which are Han characters, where there are number tokens."""

ALONE = frozenset({C_MARK, *range(C_FIRST_SIGN, C_LAST_SIGN + 1), CLASSES.index("script")})
"""Classes of marks."""

_GRAMMAR = 0x110000  # where the tables of the automata are in the table of classes
_ROW_TABLE = _GRAMMAR + CODES_SIZE
_COLUMN_TABLE = _GRAMMAR + len(token_automaton())
_STATE_TABLE = _COLUMN_TABLE + COLUMN_SIZE


@functools.cache
def class_table(reading: int = 0) -> bytes:
    """Class of each of the 1,114,112 code points, a byte each; then :func:`segtool.text.token_grammar.token_automaton`.

    `reading` is a sum of :data:`segtool.text.token_grammar.NUMBER_TOKENS` and the like. With number tokens, the class
    of a numeral is `C_NUMERAL` plus its kind, and the tables of :func:`segtool.text.numbers.automaton` follow.
    """
    if reading & NUMBER_TOKENS:
        marked = bytearray(class_table(reading - NUMBER_TOKENS))
        for numeral, number_kind in NUMBER_CHARACTERS.items():
            marked[ord(numeral)] = C_NUMERAL + number_kind
        return bytes(marked) + automaton()
    if reading:
        return class_table()[:_GRAMMAR] + token_automaton(reading)
    table = bytearray(0x110000)
    text = Path(__file__).with_name("charclass.txt").read_text(encoding="ascii")
    for line in text.splitlines()[1:]:
        low, high, kind = line.split(" ")
        first, last = int(low, 16), int(high, 16)
        table[first : last + 1] = bytes((int(kind),)) * (last + 1 - first)
    return bytes(table) + token_automaton()


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
    size = 0  # UTF-8 bytes of the last token
    behind_digit = False  # the last token is a number that ends with a digit
    prefix = -1  # where the token behind begins, if invisible characters are before it
    count = len(points)
    i = 0
    while i < count:
        point = points[i]
        here = classes[point]
        if here >= C_NUMERAL:
            state = AFTER_DIGITS if behind_digit else START
            end = i
            last = NO_NUMERAL
            j = i
            while j < min(count, i + MOST_NUMERALS) and classes[points[j]] >= C_NUMERAL:
                numeral = classes[points[j]] - C_NUMERAL
                state = classes[_STATE_TABLE + COLUMNS * state + classes[_COLUMN_TABLE + 16 * last + numeral]]
                if state == 0:
                    if not behind_digit or end > i:
                        break
                    behind_digit = False  # what does not go on with the digits may be a number of its own
                    state = START
                    last = NO_NUMERAL
                    j = i
                    continue
                last = numeral
                j += 1
                if state >= FIRST_ACCEPTING:
                    end = j
            if end > i + 1 or (end > i and behind_digit):
                if not behind_digit:
                    starts[tokens] = i if prefix < 0 else prefix
                    prefix = -1
                    codes[tokens] = NUM
                    tokens += 1
                    size = 0
                size += 3 * (end - i)
                behind_digit = False
                i = end
                continue
            here = C_HAN
        is_stray = False
        if here == C_HAN:
            starts[tokens] = i if prefix < 0 else prefix
            codes[tokens] = point
            tokens += 1
            size = 3 + (point > 0xFFFF)
            behind_digit = False
            prefix = -1
            i += 1
            continue
        if here == C_EXTEND or here >= C_JOINER:
            if tokens > 0 and codes[tokens - 1] != SPACE:
                behind_digit = False
                if size < LONGEST_TOKEN:
                    size += 1 + (point > 0x7F) + (point > 0x7FF) + (point > 0xFFFF)
                    i += 1
                    continue
                codes[tokens - 1] = MARK
            is_stray = True
        state = BEHIND_SYMBOL if tokens > 0 and codes[tokens - 1] > MARK else OPENING
        accepted = NO_WAY
        begin = end = i
        size = bytes_read = 0
        previous = -1
        too_long = False
        while i < count:
            point = points[i]
            here = classes[point]
            if here >= C_NUMERAL:
                here = C_HAN
            elif point == previous and (here == C_MARK or C_FIRST_SIGN <= here <= C_LAST_SIGN):
                here = C_REPEAT
            following = classes[_ROW_TABLE + (state << COLUMN_BITS) + here]
            if following == NO_WAY or bytes_read >= LONGEST_TOKEN:
                too_long = following != NO_WAY
                break
            state = following
            previous = point
            bytes_read += 1 + (point > 0x7F) + (point > 0x7FF) + (point > 0xFFFF)
            i += 1
            if state >= FIRST_ACCEPTED:
                end = i
                size = bytes_read
                accepted = state
            elif bytes_read - size > MOST_AHEAD:
                break
        if FIRST_LATE <= state < FIRST_ACCEPTED and not too_long:
            end = i
            size = bytes_read
            accepted = state
        code = classes[_GRAMMAR + accepted] - 1
        i = end
        if is_stray and size <= MOST_BEFORE and end < count and classes[points[end]] != C_SPACE:
            prefix = begin  # of the token behind
            continue
        starts[tokens] = begin if prefix < 0 else prefix
        codes[tokens] = MARK if too_long and code != SPACE else code
        tokens += 1
        behind_digit = accepted == DIGITS and not too_long
        prefix = -1
    return tokens


symbolise = LazyKernel(_symbolise, "i8(u4[const], u1[const], i4[], i4[])")


def tokenise(text: str, reading: int = 0, plain: bool = False) -> tuple[Places, Places]:
    """Cut a text into tokens, as :func:`symbolise` does; returns their codes and their starts.

    `reading` is as for :func:`class_table`; `plain` says whether to do without compiled code.
    """
    if plain:
        found, places = [0] * len(text), [0] * len(text)
        tokens = symbolise.interpreted(list(map(ord, text)), class_table(reading), found, places)
        return np.array(found[:tokens], np.int32), np.array(places[:tokens], np.int32)
    points = code_points(text)
    codes, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
    tokens = symbolise.compiled(points, np.frombuffer(class_table(reading), np.uint8), codes, starts)
    return codes[:tokens], starts[:tokens]


def spelled(text: str, numbers: bool = False) -> str:
    r"""Spell a text as words are: ``0`` for a number, ``A`` for a Latin run, ``\n`` for space, ``\0`` for marks.

    `numbers` says whether there are number tokens.
    """
    codes, _ = tokenise(text, numbers)
    classes = {NUM: "0", LAT: "A", MARK: "\0", SPACE: "\n"}
    return "".join([classes.get(code) or chr(code) for code in codes.tolist()])
