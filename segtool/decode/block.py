"""Blocks of text: their tokens and words, in the working memory that all decoders share.

The text is cut a block at a time, some hundred tokens whose arrays stay in the processor's nearest memory. A block
ends before a mark or whitespace if it can, else where the words are settled.
:func:`segtool.decode.token_reader.read_tokens` reads the tokens of a
block, a decoder marks where words begin, and :func:`write_words` writes them.

Boundaries are symbols like others here, with id 0, which no word crosses.
"""

from __future__ import annotations

import numpy as np

from segtool.limits import LONGEST_WORD
from segtool.runtime.arrays import Ids
from segtool.runtime.kernels import kernel
from segtool.text.symbols import NUM

__all__ = [
    "BACKS",
    "BEGINS",
    "INDEX",
    "LANES",
    "NODE",
    "NOTES",
    "PAD",
    "ROWS",
    "SLACK",
    "SPACES",
    "SPAN",
    "STARTS",
    "SYMBOLS",
    "Scratch",
    "list_numbers",
    "note_number",
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

NOTES = 2
"""The last places of the row of spaces hold whether a token may be the dot of a name, and how many numbers there are;
the places before them the numbers, from the last to the first (:mod:`segtool.decode.word_rules`)."""

NODE = 0x7FFFFFFF
"""Masks an index, which spares the compiled code the question whether it is negative."""

INDEX = (1 << 62) - 1
"""As NODE, for places in the text."""

PAD = 40
"""Tokens of room around a block, for loops that look ahead and back."""

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
        row = room + PAD
        self.room = room
        self.whole = np.empty((LANES + ROWS // 2) * row, np.int64)
        self.scores, self.places = (self.whole[: LANES * row], self.whole[LANES * row :].view(np.int32))
        self.symbols, self.starts, self.spaces, self.begins = (
            self.places[i * row : (i + 1) * row] for i in (SYMBOLS, STARTS, SPACES, BEGINS)
        )

    def put(self, symbols: Ids) -> None:
        """Put symbol ids where :func:`segtool.decode.token_reader.read_tokens` puts those of a text."""
        self.symbols[0] = 0
        self.symbols[1 : len(symbols) + 1] = symbols
        self.symbols[len(symbols) + 1 : len(symbols) + LONGEST_WORD + 2] = 0


@kernel("void(i8, i4[])")
def note_number(token, spaces):  # type: ignore[no-untyped-def]
    """Put a number before those that the row of spaces lists."""
    row = len(spaces)
    spaces[row - 1] += 1
    spaces[row - NOTES - spaces[row - 1]] = token


@kernel("void(i8, i4[])")
def list_numbers(tokens, places):  # type: ignore[no-untyped-def]
    """List the numbers of a block, as :func:`segtool.decode.token_reader.read_tokens` does while it reads."""
    row = len(places) // ROWS
    spaces = places[SPACES * row : (SPACES + 1) * row]
    spaces[row - 1] = 0
    for t in range(1, tokens + 1):
        if places[t] == NUM:
            note_number(t, spaces)


@kernel("(i8,b1)(u1[const], i8, i8, i8, b1, u1[const], i4[], i8, u1[])")
def write_words(data, at, settled, space_count, open_line, separator, places, written, out):  # type: ignore[no-untyped-def]
    """Write the words of a block, a separator between two of a line; line ends are kept, other space is not.

    Parameters
    ----------
    data, at
        As for :func:`segtool.decode.token_reader.read_tokens`.
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
                written &= INDEX
                out[written] = separator[0]
                written += begins[j]
                if wide and begins[j] != 0:
                    for m in range(1, len(separator)):
                        out[written] = separator[m]
                        written += 1
                if high - low == 3 and high < size:
                    # four bytes at a time, of which the next word overwrites the last
                    low &= INDEX
                    written &= INDEX
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
                        out[written & INDEX] = data[m & INDEX]
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
            ends[count & INDEX] = at + np.int64(starts[t])
            count += 1
            for j in range(t + 1, stop):
                place = at + np.int64(starts[j])
                count &= INDEX
                ends[count] = place
                ends[count + 1] = place
                count += 2 * np.int64(begins[j])
            ends[count & INDEX] = at + np.int64(starts[stop])
            count += 1
        t = stop + 1
    return count << 3
