"""Blocks of text: their tokens and words, in the working memory that all decoders share.

The text is cut a block at a time, some hundred tokens whose arrays stay in the processor's nearest memory. A block
ends before a mark or whitespace if it can, else where the words are settled. :func:`read_tokens` reads the tokens of a
block, a decoder marks where words begin, and :func:`write_words` writes them.

Boundaries are symbols like others here, with id 0, which no word crosses.
"""

from __future__ import annotations

import numpy as np

from segtool.decode.characters import CHARACTERS, HAN_NUMERAL, IDS, NOT_HAN, NUMERAL_MASK, is_numeral, number_end
from segtool.limits import LONGEST_TOKEN, LONGEST_WORD
from segtool.runtime.arrays import Ids
from segtool.runtime.kernels import kernel
from segtool.text.numbers import MOST_NUMERALS
from segtool.text.symbols import (
    C_DIGIT,
    C_EXTEND,
    C_HAN,
    C_LATIN,
    C_LETTER,
    C_MARK,
    C_PERCENT,
    C_SIGN,
    C_SPACE,
    FIRST_STAND_IN,
    LAST_STAND_IN,
)

__all__ = [
    "BACKS",
    "BEGINS",
    "LANES",
    "NODE",
    "ROWS",
    "SLACK",
    "SPAN",
    "STARTS",
    "SYMBOLS",
    "Scratch",
    "read_tokens",
    "write_spans",
    "write_words",
]

SLACK = 8
"""Bytes of the output beyond those that are needed."""

SPAN = 16
"""Bytes of the place of a word: start and end as int64."""

LANES = LONGEST_WORD + 4
"""Rows of int64 in the working memory of a block."""

ROWS = 12
"""Rows of int32 in the working memory of a block, which have the names below."""

SYMBOLS, STARTS, SPACES, BEGINS, BACKS = range(5)
"""Of each token its symbol id, its place in the block, whether a word begins there, and how far back the best word
goes; and which tokens are spaces."""

NODE = 0x7FFFFFFF
"""Masks an index, which spares the compiled code the question whether it is negative."""

_BLOCK = 512  # tokens after which a block ends at the next boundary
_PAD = 40  # tokens of room around a block, for loops that look ahead and back
_INDEX = (1 << 62) - 1  # as NODE, for places in the text
_JOINER = 0x200D
_NEWLINE = 10
_RETURN = 13


class Scratch:
    """Working memory of the kernels for a block.

    Parameters
    ----------
    room : int
        Most tokens of a block: the longest stretch of text within which the words may stay open.
    """

    def __init__(self, room: int) -> None:
        row = room + _PAD
        self.room = room
        self.whole = np.empty((LANES + ROWS // 2) * row, np.int64)
        self.scores, self.places = (self.whole[: LANES * row], self.whole[LANES * row :].view(np.int32))
        self.symbols, self.starts, self.spaces, self.begins = (
            self.places[i * row : (i + 1) * row] for i in (SYMBOLS, STARTS, SPACES, BEGINS)
        )

    def put(self, symbols: Ids) -> None:
        """Put symbol ids where :func:`read_tokens` puts those of a text."""
        self.symbols[0] = 0
        self.symbols[1 : len(symbols) + 1] = symbols
        self.symbols[len(symbols) + 1 : len(symbols) + LONGEST_WORD + 2] = 0


@kernel("(i8,i8,i8,b1)(u1[const], i8, b1, i8, u2[const], i4[])")
def read_tokens(data, at, final, before, characters, places):  # type: ignore[no-untyped-def]
    """Read a block of tokens; :func:`segtool.text.symbols.symbolise` for UTF-8, and for text that may go on.

    Parameters
    ----------
    data : uint8[n]
        UTF-8, ending with a whole character; may hold surrogates.
    at : int
        Where the block begins.
    final : bool
        Whether the text ends where the data does.
    before : int
        Id of the symbol right before, 0 for none.
    characters : uint16[CHARACTERS + 4 or more]
    places : int32[ROWS * row], written
        Symbols and starts of the tokens, which count from 1: token 0 is the symbol before. Which tokens are spaces.

    Returns
    -------
    tokens : int
    certain : int
        Tokens that what follows cannot change. Less than `tokens` just if the block ends within a run or the text
        may go on.
    spaces : int
        Number of spaces.
    full : bool
        Whether the block ends within a run, as there is no room for more.
    """
    row = len(places) // ROWS
    room = row - _PAD
    symbols = places[:row]
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[SPACES * row : (SPACES + 1) * row]
    num_id = np.int64(characters[CHARACTERS])
    lat_id = np.int64(characters[CHARACTERS + 1])
    size = len(data)
    origin = at
    symbols[0] = before
    tokens = space_count = previous = 0
    kind = -1
    closed = -2
    digit_before = False
    sign = False  # the last token is one that a digit behind it makes a part of a number
    full = False
    while at < size:
        at &= _INDEX
        tokens &= NODE
        lead = np.int64(data[at])
        if lead & 0xF0 == 0xE0:
            point = (lead & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | np.int64(data[at + 2]) & 63
            entry = np.int64(characters[point])
            if entry < HAN_NUMERAL:  # most are Han
                if tokens == room:
                    full = True
                    break
                tokens += 1
                symbols[tokens] = entry
                starts[tokens] = at - origin
                at += 3
                kind = C_HAN
                digit_before = sign = False
                continue
            width = 3
            here = entry & 15
            if entry < NOT_HAN:
                end = number_end(data, at, kind == C_DIGIT and digit_before, characters)
                if end >= 0:
                    if tokens == room:
                        full = True
                        break
                    tokens += 1
                    symbols[tokens] = num_id if end > 0 else np.int64(characters[IDS + (entry & NUMERAL_MASK)])
                    starts[tokens] = at - origin
                at = abs(end) if end != 0 else at + 3
                kind = C_HAN
                digit_before = sign = False
                continue
        elif lead < 0x80:
            point = lead
            width = 1
            here = np.int64(characters[point]) & 15
        elif lead < 0xE0:
            point = (lead & 31) << 6 | np.int64(data[at + 1]) & 63
            width = 2
            here = np.int64(characters[point]) & 15
        else:
            point = (lead & 7) << 18 | (np.int64(data[at + 1]) & 63) << 12
            point |= (np.int64(data[at + 2]) & 63) << 6 | np.int64(data[at + 3]) & 63
            width = 4
            entry = np.int64(characters[point])
            here = entry & 15 if entry >= NOT_HAN else C_HAN
        mark = here
        here = C_MARK if mark > C_HAN else mark
        is_sign = mark == C_SIGN
        is_percent = mark == C_PERCENT
        joins = False
        if here == C_EXTEND:
            joins = kind != C_SPACE and kind != -1
        elif here == C_DIGIT:
            joins = kind == here
            if sign and starts[tokens] - starts[tokens - 1] < LONGEST_TOKEN:
                joins = True
                tokens -= 1
                kind = here
        elif here == C_LATIN or here == C_LETTER or here == C_SPACE:  # noqa: SIM109
            joins = kind == here
        elif here == C_MARK and kind == C_MARK:
            joins = point == previous or (previous == _JOINER and not FIRST_STAND_IN <= point <= LAST_STAND_IN)
        elif is_percent and kind == C_DIGIT and digit_before:
            joins = True
            kind = closed
        if joins and at - origin - starts[tokens] < LONGEST_TOKEN:
            sign = False
        else:
            if joins:
                symbols[tokens] = 0
            closes = here <= C_EXTEND and kind != C_DIGIT  # a sign may yet belong to a number
            if tokens == room or (tokens >= _BLOCK and closes):
                full = not closes
                break
            tokens += 1
            starts[tokens] = at - origin
            sign = is_sign and kind == C_DIGIT and digit_before
            kind = here
            if here == C_HAN:
                symbols[tokens] = entry
            elif here == C_DIGIT:
                symbols[tokens] = num_id
            elif here == C_LATIN:
                symbols[tokens] = lat_id
            else:
                symbols[tokens] = 0
            if here == C_SPACE:
                spaces[space_count] = tokens
                space_count += 1
        digit_before = here == C_DIGIT
        previous = point
        at += width
    starts[tokens + 1] = at - origin
    for t in range(tokens + 1, tokens + LONGEST_WORD + 2):
        symbols[t] = 0
    certain = tokens
    if full or (at == size and not final):
        last = tokens
        if not full:
            first = max(size - 3 * MOST_NUMERALS, origin)
            while last > 1 and origin + starts[last] > first and is_numeral(data, origin + starts[last], characters):
                last -= 1  # a numeral behind the data may make a number of those at its end
        certain = last - 1  # the last token may go on
        if last > 1 and symbols[last - 1] == num_id:
            certain -= 1  # and a sign between digits may join both to what follows
        certain = max(certain, 0)
    return tokens, certain, space_count, full


@kernel("(i8,b1)(u1[const], i8, i8, i8, b1, u1[const], i4[], i8, u1[])")
def write_words(data, at, settled, space_count, open_line, separator, places, written, out):  # type: ignore[no-untyped-def]
    """Write the words of a block, a separator between two of a line; line ends are kept, other space is not.

    Parameters
    ----------
    data, at
        As for :func:`read_tokens`.
    settled : int
        Tokens to write.
    space_count : int
    open_line : bool
        Whether the line already holds a word that was written before.
    separator : uint8[m]
        Not empty.
    places : int32[ROWS * row]
    written : int
        Bytes of the output so far.
    out : uint8[(m + 1) * n + SLACK or more], written

    Returns
    -------
    written, open_line
    """
    row = len(places) // ROWS
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[SPACES * row : (SPACES + 1) * row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    size = len(data)
    wide = len(separator) > 1
    t = 1
    for i in range(space_count + 1):
        stop = min(np.int64(spaces[i]), settled + 1) if i < space_count else settled + 1
        if t < stop:
            if not open_line:
                begins[t] = 0
            open_line = True
            low = at + np.int64(starts[t])
            for j in range(t, stop):
                high = at + np.int64(starts[j + 1])
                written &= _INDEX
                out[written] = separator[0]
                written += begins[j]
                if wide and begins[j] != 0:
                    for m in range(1, len(separator)):
                        out[written] = separator[m]
                        written += 1
                if high - low == 3 and high < size:
                    # four bytes at a time, of which the next word overwrites the last
                    low &= _INDEX
                    written &= _INDEX
                    four = (
                        np.int64(data[low])
                        | np.int64(data[low + 1]) << 8
                        | np.int64(data[low + 2]) << 16
                        | np.int64(data[low + 3]) << 24
                    )
                    out[written] = four & 255
                    out[written + 1] = four >> 8 & 255
                    out[written + 2] = four >> 16 & 255
                    out[written + 3] = four >> 24 & 255
                    written += 3
                else:
                    for m in range(low, high):
                        out[written & _INDEX] = data[m & _INDEX]
                        written += 1
                low = high
        if i < space_count and stop <= settled:
            low = at + np.int64(starts[stop])
            high = at + np.int64(starts[stop + 1])
            for m in range(low, high):
                if data[m] == _NEWLINE:
                    if m > low and data[m - 1] == _RETURN:
                        out[written] = _RETURN
                        written += 1
                    out[written] = _NEWLINE
                    written += 1
                    open_line = False
        t = stop + 1
    return written, open_line


@kernel("i8(i8, i8, i8, i4[], i8, u1[])")
def write_spans(at, settled, space_count, places, written, out):  # type: ignore[no-untyped-def]
    """Write the places of the words of a block.

    Parameters
    ----------
    at, settled, space_count, places
        As for :func:`write_words`.
    written : int
        Bytes of the output so far.
    out : uint8[SPAN * n + SLACK or more], written
        Start and end of each word in turn, in bytes of the text, as int64; a multiple of 8 bytes long.

    Returns
    -------
    int
        Bytes of the output now.
    """
    row = len(places) // ROWS
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[SPACES * row : (SPACES + 1) * row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    ends = out[: len(out) & -8].view(np.int64)
    count = written >> 3
    t = 1
    for i in range(space_count + 1):
        stop = min(np.int64(spaces[i]), settled + 1) if i < space_count else settled + 1
        if t < stop:
            ends[count & _INDEX] = at + np.int64(starts[t])
            count += 1
            for j in range(t + 1, stop):
                place = at + np.int64(starts[j])
                count &= _INDEX
                ends[count] = place
                ends[count + 1] = place
                count += 2 * np.int64(begins[j])
            ends[count & _INDEX] = at + np.int64(starts[stop])
            count += 1
        t = stop + 1
    return count << 3
