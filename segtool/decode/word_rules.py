"""Words by rule: numbers, their units, dates, and names with a middle dot.

A model knows numbers only as ``NUM``, and no word of its lexicon crosses a mark. So three kinds of words follow rules,
which a decoder applies to the words of the best cover:

- A number begins a word: 路17号 is 路 and 17号, whatever the lexicon holds. Behind a few characters it need not
  (:data:`segtool.decode.rule_table.BEFORE_NUMBERS`): 第17号, 数十万, 百分之五十.
- A number and a unit of dates (:data:`segtool.decode.rule_table.DATE_UNITS`) behind it are one word, unless the unit
  begins a longer word (100日元): 2017年, 10月, 5日. In a date the day always ends with 日 (10月5日电).
- A middle dot between Han characters or Latin letters makes one word of itself and the words on either side:
  约翰·史密斯.

Users choose others (:class:`segtool.text.choices.TokenChoices`). All rules look at a number or a dot and at the words
beside it, so that a stream is cut like the whole text: what a rule may still change is not settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from segtool.decode.block import BEGINS, NOTES, ROWS, SPACES, STARTS, list_numbers
from segtool.decode.rule_table import (
    DATES,
    DATES_AT,
    DAY,
    FLAGS,
    KEEPERS,
    MONTH,
    MOST_UNIT,
    NAMES,
    RULES_SIZE,
    UNITS_APART,
    UNITS_AT,
    UNITS_WHOLE,
)
from segtool.runtime.kernels import LazyKernel, kernel
from segtool.text.symbols import LAT, MARK, NUM

__all__ = [
    "apply_number_rules", "apply_rules", "cut_numbers", "hold_number", "hold_open", "number_lengths",
    "starts_with_dot",
]  # fmt: skip


def _cut_numbers(settled, numbers, symbols, begins, rules):  # type: ignore[no-untyped-def]
    """Apply the rules for numbers to the words of a block or run.

    Parameters
    ----------
    settled : int
        Number of symbols.
    numbers : int32[n]
        Places of numbers, and perhaps of marks, from the last to the first.
    symbols : int32[settled + 2 or more]
        Their ids from place 1 on; before them the id of the symbol before, 0 for none.
    begins : int32[settled + 2 or more], read and written
        Whether a word begins with each of them; place ``settled + 1`` holds 1.
    rules : uint16[RULES_SIZE or more]
        From :func:`segtool.decode.rule_table.rule_table`.
    """
    flags = rules[FLAGS]
    for t in numbers:
        if symbols[t] != NUM:
            continue
        before = symbols[t - 1]
        if begins[t] == 0 and before > LAT:
            keeps = False
            for i in range(KEEPERS, DATES_AT):
                keeps |= rules[i] == before
            if not keeps:
                begins[t] = 1
        if begins[t] == 0 or t == settled:
            continue
        if flags & UNITS_APART:
            begins[t + 1] = 1
            continue
        unit = symbols[t + 1]
        if unit <= LAT:
            continue
        if flags & DATES:
            is_unit = False
            for i in range(DATES_AT, UNITS_AT):
                is_unit |= rules[i] == unit
            in_date = unit == rules[DAY] and before == rules[MONTH]
            if is_unit and (in_date or begins[t + 2] != 0 or symbols[t + 2] == NUM):
                begins[t + 1] = 0
                begins[t + 2] = 1
                continue
        if flags & UNITS_WHOLE and begins[t + 1] != 0:
            end = t + 2
            while begins[end] == 0:
                end += 1
            if end - t - 1 <= MOST_UNIT:
                for i in range(UNITS_AT, RULES_SIZE, MOST_UNIT):
                    fits = rules[i] != 0
                    for k in range(MOST_UNIT):
                        there = symbols[t + 1 + k] if t + 1 + k < end else 0
                        fits &= rules[i + k] == there
                        if not fits:
                            break
                    if fits:
                        begins[t + 1] = 0


cut_numbers = LazyKernel(_cut_numbers, "void(i8, i4[const], i4[const], i4[], u2[const])")


@kernel("b1(u1[const], i8)")
def starts_with_dot(data, at):  # type: ignore[no-untyped-def]
    """Whether one of the dots of names begins at a place of UTF-8."""
    if at + 1 >= len(data):
        return False
    lead, second = data[at], data[at + 1]
    third = data[at + 2] if at + 2 < len(data) else np.uint8(0)
    in_punctuation = (lead == 0xE2) & (second == 0x80) & ((third == 0xA7) | (third == 0xA2))
    is_kana = (lead == 0xE3) & (second == 0x83) & (third == 0xBB)
    return ((lead == 0xC2) & (second == 0xB7)) | in_punctuation | is_kana


@kernel("i8(u1[const], i8, i8, i8, u2[const], i4[])")
def hold_open(data, at, tokens, settled, rules, places):  # type: ignore[no-untyped-def]
    """Hold back the last word of a block if the rules may join what follows to it.

    Parameters
    ----------
    data, at
        As for :func:`segtool.decode.token_reader.read_tokens`; no data if names are joined elsewhere.
    tokens, settled : int
        Tokens of the block, and how many are settled.
    rules : uint16[RULES_SIZE or more]
        From :func:`segtool.decode.rule_table.rule_table`.
    places : int32[ROWS * row]
        Where the words of the best cover begin, before any rule.

    Returns
    -------
    int
        Tokens that are settled now. A block whose tokens are all settled ends before a mark, which may be a dot; it is
        held back only in part.
    """
    if settled == 0 or rules[FLAGS] == 0:
        return settled
    row = len(places) // ROWS
    joins = rules[FLAGS] & NAMES != 0 and len(data) > 0
    last = settled
    if settled == tokens or places[settled] != NUM:
        if not joins:
            return settled
        last -= np.int64(places[settled] == 0 and settled < tokens)
        if places[last] <= NUM or not starts_with_dot(data, at + places[STARTS * row + last + 1]):
            return settled
    while True:
        while places[BEGINS * row + last] == 0:
            last -= 1
        dot = last - 1
        if dot > 0 and places[dot] == NUM:  # a rule may join it to the word behind it
            last = dot
        elif joins and dot > 1 and _joins(data, at, dot, places):
            last = dot - 1
        else:
            return settled if dot == 0 and settled == tokens else dot


@kernel("b1(u1[const], i8, i8, i4[])")
def _joins(data, at, t, places):  # type: ignore[no-untyped-def]
    """Whether a token of a block is the middle dot of a name."""
    row = len(places) // ROWS
    if places[t] != 0 or places[t - 1] <= NUM or places[t + 1] <= NUM:
        return False
    low, high = at + places[STARTS * row + t], at + places[STARTS * row + t + 1]
    return starts_with_dot(data, low) and high - low == 2 + (data[low] >> 5 & 1)


@kernel("void(u1[const], i8, i8, u2[const], i4[])")
def apply_rules(data, at, settled, rules, places):  # type: ignore[no-untyped-def]
    """Apply the rules to the words of a block; parameters as for :func:`hold_open`, `places` is written."""
    if rules[FLAGS] == 0 or settled == 0:
        return
    row = len(places) // ROWS
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    notes = (SPACES + 1) * row - NOTES
    first = notes - places[notes + 1]
    while first < notes and places[first] > settled:
        first += 1
    if first < notes:
        begins[settled + 1] = 1
        cut_numbers(settled, places[first:notes], places[:row], begins, rules)
    if len(data) > 0 and rules[FLAGS] & NAMES != 0 and places[notes] != 0:
        for t in range(2, settled):
            if places[t] == 0 and _joins(data, at, t, places):
                begins[t] = begins[t + 1] = 0


@kernel("i8(i8, i8, u2[const], i4[])")
def hold_number(tokens, settled, rules, places):  # type: ignore[no-untyped-def]
    """Do as :func:`hold_open` does where names are joined elsewhere."""
    return hold_open(places.view(np.uint8)[:0], 0, tokens, settled, rules, places)


@kernel("void(i8, u2[const], i4[])")
def apply_number_rules(settled, rules, places):  # type: ignore[no-untyped-def]
    """Do as :func:`apply_rules` does for tokens that no reader has listed, where names are joined elsewhere."""
    list_numbers(settled, places)
    apply_rules(places.view(np.uint8)[:0], 0, settled, rules, places)


def number_lengths(symbols: Sequence[int], lengths: list[int], rules: Sequence[int]) -> list[int]:
    """Apply the rules for numbers to the words of a run, in plain Python.

    Parameters
    ----------
    symbols : sequence of int
        Ids of the run.
    lengths : list of int
        Length of each word.
    rules : sequence of int
        From :func:`segtool.decode.rule_table.rule_table`.

    Returns
    -------
    list of int
        Length of each word now.
    """
    if NUM not in symbols or not rules[FLAGS]:
        return lengths
    size = len(symbols)
    begins = [0] * (size + 2)
    for place in accumulate(lengths, initial=1):
        begins[place] = 1
    numbers = [t for t in range(size, 0, -1) if symbols[t - 1] == NUM]
    cut_numbers.interpreted(size, numbers, [MARK, *symbols, MARK], begins, rules)
    places = [t for t in range(1, size + 2) if begins[t]]
    return [high - low for low, high in pairwise(places)]
