"""Reading the tokens of a block (:mod:`segtool.decode.block`) from UTF-8, by the grammar of tokens."""

from __future__ import annotations

import numpy as np

from segtool.decode.block import BEGINS, INDEX, NODE, NOTES, PAD, ROWS, SPACES, STARTS, list_numbers, note_number
from segtool.decode.characters import (
    CHARACTERS,
    CLASS_MASK,
    GRAMMAR,
    HAN_NUMERAL,
    IDS,
    NOT_HAN,
    NUMERAL_MASK,
    is_numeral,
    number_end,
    read_character,
)
from segtool.decode.word_rules import starts_with_dot
from segtool.limits import LONGEST_TOKEN, LONGEST_WORD
from segtool.runtime.kernels import kernel
from segtool.text.numbers import MOST_NUMERALS
from segtool.text.symbols import (
    C_EXTEND,
    C_FIRST_SIGN,
    C_HAN,
    C_JOINER,
    C_LAST_SIGN,
    C_MARK,
    C_REPEAT,
    MARK,
    NUM,
    SPACE,
)
from segtool.text.token_grammar import (
    BEHIND_SYMBOL,
    CODES_SIZE,
    COLUMN_BITS,
    DIGITS,
    FIRST_ACCEPTED,
    FIRST_LATE,
    MOST_AHEAD,
    MOST_BEFORE,
    NO_WAY,
    OPENING,
)

__all__ = ["read_tokens"]

_BLOCK = 512  # tokens after which a block ends at the next boundary
_STATE_ROWS = GRAMMAR + CODES_SIZE
_IS_PLAIN, _ENDS_WITH_DIGIT, _IS_STRAY, _IS_BLANK, _IS_NONE = range(5)  # kinds of tokens: the second ends with a digit


@kernel("(i8,i8,i8,b1)(i8, i8, i8, b1, i8, i4[])")
def _join_strays(tokens, certain, space_count, full, strays, places):  # type: ignore[no-untyped-def]
    """Join tokens of invisible characters to the token behind them; parameters and result of :func:`read_tokens`."""
    row = len(places) // ROWS
    symbols = places[:row]
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[SPACES * row : (SPACES + 1) * row]
    stray = places[BEGINS * row : (BEGINS + 1) * row]
    kept = settled = joined = passed = 0
    joins = False
    for t in range(1, tokens + 1):
        is_space = passed < space_count and spaces[passed] == t
        if is_space or not joins:
            kept += 1
            starts[kept] = starts[t]
        elif t > certain:
            settled = min(settled, kept - 1)
        symbols[kept] = symbols[t]
        if is_space:
            spaces[passed] = kept
            passed += 1
        joins = joined < strays and stray[joined] == t
        joined += np.int64(joins)
        if t <= certain:
            settled = kept
    starts[kept + 1] = starts[tokens + 1]
    for t in range(kept + 1, tokens + LONGEST_WORD + 2):
        symbols[t] = 0
    list_numbers(kept, places)
    return kept, settled, space_count, full


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
        Symbols and starts of the tokens, which count from 1: token 0 is the symbol before. Which tokens are spaces,
        which may be numbers, and whether one may be the dot of a name.

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
    room = row - PAD
    symbols = places[:row]
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[SPACES * row : (SPACES + 1) * row]
    num_id = np.int64(characters[CHARACTERS])
    lat_id = np.int64(characters[CHARACTERS + 1])
    size = len(data)
    origin = at
    symbols[0] = before
    tokens = space_count = 0
    spaces[row - NOTES] = spaces[row - 1] = 0  # in memory, as the loop has no register to spare
    kind = _IS_NONE  # of the last token
    first_open = np.int64(0)  # the first token that text behind the data may change
    strays = 0
    full = False
    while at < size:
        at &= INDEX
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
                kind = _IS_PLAIN
                continue
            if entry < NOT_HAN:
                end = number_end(data, at, kind == _ENDS_WITH_DIGIT, characters)
                if end >= 0:
                    if tokens == room:
                        full = True
                        break
                    tokens += 1
                    symbols[tokens] = num_id if end > 0 else np.int64(characters[IDS + (entry & NUMERAL_MASK)])
                    starts[tokens] = at - origin
                    if end > 0:
                        note_number(tokens, spaces)
                at = abs(end) if end != 0 else at + 3
                kind = _IS_PLAIN
                continue
        else:
            point, behind = read_character(data, at)
            entry = np.int64(characters[point])
            if entry < NOT_HAN:
                if tokens == room:
                    full = True
                    break
                tokens += 1
                symbols[tokens] = entry
                starts[tokens] = at - origin
                at = behind
                kind = _IS_PLAIN
                continue
        begin = end = at
        here = entry & CLASS_MASK
        is_stray = here == C_EXTEND or here >= C_JOINER
        if is_stray and kind <= _ENDS_WITH_DIGIT:
            kind = _IS_PLAIN
            if at - origin - starts[tokens] < LONGEST_TOKEN:
                at = read_character(data, at)[1]
                continue
            symbols[tokens] = 0
        symbol = np.int64(0)
        is_open = True
        too_long = has_digits = False
        state = np.int64(BEHIND_SYMBOL if symbols[tokens] != 0 else OPENING)
        accepted = np.int64(NO_WAY)
        previous = np.int64(-1)
        while at < size:
            at &= INDEX
            point = np.int64(data[at])
            behind = at + 1
            if point & 0xF0 == 0xE0:
                point = (point & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | np.int64(data[at + 2]) & 63
                behind = at + 3
            elif point >= 0x80:
                point, behind = read_character(data, at)
            entry = np.int64(characters[point])
            here = entry & CLASS_MASK if entry >= NOT_HAN else np.int64(C_HAN)
            if point == previous and (here == C_MARK or C_FIRST_SIGN <= here <= C_LAST_SIGN):
                here = np.int64(C_REPEAT)
            following = np.int64(characters[_STATE_ROWS + (state << COLUMN_BITS) + here])
            if following == NO_WAY or at - begin >= LONGEST_TOKEN:
                too_long = following != NO_WAY
                is_open = False
                break
            state = following
            previous = point
            at = behind
            if state >= FIRST_ACCEPTED:
                end = at
                accepted = state
            elif at - end > MOST_AHEAD:
                is_open = False
                break
        if FIRST_LATE <= state < FIRST_ACCEPTED and not too_long:
            end = at
            accepted = state
        code = np.int64(characters[GRAMMAR + accepted]) - 1
        is_space = code == SPACE
        if code > MARK and not too_long:
            symbol = num_id if code == NUM else lat_id
            has_digits = accepted == DIGITS
        is_settled = final or not is_open
        if tokens == room or (tokens >= _BLOCK and symbol == 0 and is_settled and kind != _IS_STRAY):
            full = symbol != 0 or not is_settled or kind == _IS_STRAY
            at = begin
            break
        tokens += 1
        symbols[tokens] = symbol
        starts[tokens] = begin - origin
        kind = _IS_PLAIN
        if is_space:
            kind = _IS_BLANK
            spaces[space_count] = tokens
            space_count += 1
        elif symbol != 0:
            if code == NUM:
                note_number(tokens, spaces)
            if has_digits:
                kind = _ENDS_WITH_DIGIT
        elif is_stray and end - begin <= MOST_BEFORE:
            kind = _IS_STRAY
            places[BEGINS * row + strays] = tokens  # which is not needed yet
            strays += 1
        else:
            spaces[row - NOTES] |= np.int32(starts_with_dot(data, begin))
        if is_open and first_open == 0:
            first_open = tokens
        at = end
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
        certain = max(last - 1, 0)  # the last token may go on
    if first_open > 0 and not final:
        certain = min(certain, first_open - 1)
    if strays > 0:
        return _join_strays(tokens, certain, space_count, full, strays, places)
    return tokens, certain, space_count, full
