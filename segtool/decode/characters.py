"""The table by which compiled code knows a character, and numbers in Han characters by it."""

from __future__ import annotations

import numpy as np

from segtool.decode.rule_table import NO_RULES, RULES_SIZE
from segtool.limits import MOST_IDS
from segtool.runtime.arrays import Codes, Ids
from segtool.runtime.kernels import kernel
from segtool.text.folding import fold_table
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
from segtool.text.symbols import C_HAN, CODE_LIMIT, LAT, NUM, class_table
from segtool.text.token_grammar import NUMBER_TOKENS, token_automaton

__all__ = [
    "CHARACTERS", "CLASS_MASK", "GRAMMAR", "HAN_NUMERAL", "IDS", "NOT_HAN", "NUMERAL_MASK", "RULES", "character_table",
    "is_numeral", "number_end", "read_character", "symbol_ids",
]  # fmt: skip

CHARACTERS = 0x110000
"""Characters in a character table; the ids of numbers and of Latin words come next, the two limits, the table of
:func:`segtool.text.token_grammar.token_automaton`, that of the rules for words, and where there are number tokens the
ids of the numerals, their kinds, and the tables of :func:`segtool.text.numbers.automaton`."""

NOT_HAN, CLASS_MASK = 0xFFC0, 63
"""A character table holds this and the class for a character other than Han."""

HAN_NUMERAL, NUMERAL_MASK = MOST_IDS, 63
"""It holds the first of these and the place among :data:`segtool.text.numbers.NUMBER_CHARACTERS` for a numeral."""

GRAMMAR = CHARACTERS + 4
"""Where the codes of the states of the automaton are."""

RULES = GRAMMAR + len(token_automaton())
"""Where the table of rules for words is."""

IDS = RULES + RULES_SIZE
"""Where the ids of numerals are."""


_INDEX = (1 << 62) - 1  # masks a place, which spares the compiled code the question whether it is negative
_KINDS = IDS + len(NUMBER_CHARACTERS)
_COLUMNS_AT = _KINDS + len(NUMBER_CHARACTERS)
_STATES_AT = _COLUMNS_AT + COLUMN_SIZE


def symbol_ids(symbols: Codes, folds: bool) -> Ids:
    """Symbol id of each code, folded if wanted; the codes that are no symbols share the id past the last.

    Parameters
    ----------
    symbols : ndarray of int32
        Codes in order, which is that of the ids.
    folds : bool

    Returns
    -------
    ndarray of uint16, shape (CODE_LIMIT,)
    """
    ids = np.full(CODE_LIMIT, len(symbols), np.uint16)
    ids[symbols] = np.arange(len(symbols), dtype=np.uint16)
    return ids[fold_table()] if folds else ids


def character_table(ids: Ids, max_len: int = 0, unknown_len: int = 0, reading: int = 0, rules: Ids = NO_RULES) -> Ids:
    """Table by which the kernels know a character.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    max_len, unknown_len : int
        Longest word of the trie and longest unknown word, in symbols.
    reading : int
        As for :func:`segtool.text.symbols.class_table`.
    rules : ndarray of uint16
        From :func:`segtool.decode.rule_table.rule_table`.

    Returns
    -------
    ndarray of uint16, shape (CHARACTERS + 4,) or more
        The symbol id of a Han character, for others their class; then as `CHARACTERS` says.
    """
    classes = np.frombuffer(class_table(), np.uint8)[:CHARACTERS]
    table = np.empty(CHARACTERS, np.uint16)
    table[:] = classes
    table |= NOT_HAN
    table[:CODE_LIMIT] = np.where(classes[:CODE_LIMIT] == C_HAN, ids, table[:CODE_LIMIT])
    grammar = token_automaton(reading & ~NUMBER_TOKENS)
    limits = np.array([*ids[[NUM, LAT]], max_len, unknown_len, *grammar, *rules], np.uint16)
    if not reading & NUMBER_TOKENS:
        return np.concatenate([table, limits])
    numerals = np.array([ord(numeral) for numeral in NUMBER_CHARACTERS])
    table[numerals] = HAN_NUMERAL + np.arange(len(numerals))
    kinds = np.array([*NUMBER_CHARACTERS.values(), *automaton()], np.uint16)
    return np.concatenate([table, limits, ids[numerals], kinds])


@kernel("b1(u1[const], i8, u2[const])")
def is_numeral(data, at, characters):  # type: ignore[no-untyped-def]
    """Whether the character that begins at a place of UTF-8 is a numeral."""
    lead = np.int64(data[at])
    if lead & 0xF0 != 0xE0:
        return False
    point = (lead & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | np.int64(data[at + 2]) & 63
    return HAN_NUMERAL <= characters[point] < NOT_HAN


@kernel("i8(u1[const], i8, b1, u2[const])")
def number_end(data, at, after_digits, characters):  # type: ignore[no-untyped-def]
    """Find the end of the longest number that begins at a numeral, as :func:`segtool.text.symbols.symbolise` does.

    Parameters
    ----------
    data, characters
        As for :func:`segtool.decode.token_reader.read_tokens`.
    at : int
        Where the numeral begins.
    after_digits : bool
        Whether it follows a run of digits.

    Returns
    -------
    int
        0 if there is no number; less than 0, minus the end, if it is a part of that of the digits.
    """
    if not after_digits and (at + 3 >= len(data) or not is_numeral(data, at + 3, characters)):
        return 0  # as most numerals
    state = np.int64(AFTER_DIGITS if after_digits else START)
    last = np.int64(NO_NUMERAL)
    end = i = at
    most = min(len(data), at + 3 * MOST_NUMERALS)
    while i < most and is_numeral(data, i, characters):
        point = (np.int64(data[i]) & 15) << 12 | (np.int64(data[i + 1]) & 63) << 6 | np.int64(data[i + 2]) & 63
        numeral = np.int64(characters[_KINDS + (np.int64(characters[point]) & NUMERAL_MASK)])
        column = np.int64(characters[_COLUMNS_AT + 16 * last + numeral])
        state = np.int64(characters[_STATES_AT + COLUMNS * state + column])
        if state == 0:
            if not after_digits or end > at:
                break
            after_digits = False  # what does not go on with the digits may be a number of its own
            state = np.int64(START)
            last = np.int64(NO_NUMERAL)
            i = at
            continue
        last = numeral
        i += 3
        if state >= FIRST_ACCEPTING:
            end = i
    if end > at and after_digits:
        return -end
    return end if end > at + 3 else 0


@kernel("(i8,i8)(u1[const], i8)")
def read_character(data, at):  # type: ignore[no-untyped-def]
    """The code point of a character in UTF-8 and the place behind it."""
    at &= _INDEX
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, at + 1
    second = np.int64(data[at + 1]) & 63
    if lead < 0xE0:
        return (lead & 31) << 6 | second, at + 2
    third = np.int64(data[at + 2]) & 63
    if lead < 0xF0:
        return (lead & 15) << 12 | second << 6 | third, at + 3
    return (lead & 7) << 18 | second << 12 | third << 6 | np.int64(data[at + 3]) & 63, at + 4
