"""Numbers in Han characters, and the automaton that reads them.

五十五, 一百零八, 三千六百万, 二〇〇八, 十五六, 三五百, 几十 and the 万 of 10万 are written by a grammar, so no
statistics are needed to find them. A model that cuts by *number tokens* reads each as one token, ``NUM``, like a run of
digits: no word begins or ends inside it, and it has the statistics of digits.

- Digits 一 to 九: four or more in a row, 零 and 〇 among them (一九九八, 二〇〇八); or two or more that rise by one
  (三四, 一二三); or 三五, 一两, 两三.
- Multipliers 十 百 千 万 亿: behind a digit, two rising digits, 两 or 几, once or again, with or without 零 between
  (一千零一). 十 may come first. 万 and 亿 may follow any other multiplier. A digit, two rising ones, 两 or 几 may be
  last.
- 第 may come before a number of two characters or more, or before 十, but not before digits.
- Behind a run of digits: 万, 亿, or 几; 十, 百 and 千 only with 万 or 亿 behind them, as 千 in 5千瓦 belongs to a unit.

A single character is no number: 一 in 一些 and 统一, 十 in 十分 stay characters. So do 万一, 千万, 五四, 一一 and
九一八, which the grammar excludes. From left to right, the longest number that begins at a character is taken.
"""

from __future__ import annotations

__all__ = [
    "AFTER_DIGITS",
    "COLUMNS",
    "COLUMN_SIZE",
    "FIRST_ACCEPTING",
    "MOST_NUMERALS",
    "NO_NUMERAL",
    "NUMBER_CHARACTERS",
    "ORDINAL",
    "START",
    "automaton",
]

LIANG, JI, TEN, HUNDRED, MYRIAD, ORDINAL, NO_NUMERAL = range(10, 17)
"""Kinds of numerals after the digits 0 to 9: 两, 几, 十, 百 and 千, 万 and 亿, 第; and none."""

NUMBER_CHARACTERS = {
    **{numeral: value for value, numeral in enumerate("零一二三四五六七八九")},
    "〇": 0,
    **dict.fromkeys("两兩", LIANG),
    **dict.fromkeys("几幾", JI),
    "十": TEN,
    **dict.fromkeys("百千", HUNDRED),
    **dict.fromkeys("万亿萬億", MYRIAD),
    "第": ORDINAL,
    # characters that fold to one of these (segtool.text.folding)
    "\u25cb": 0,
    "\u2f00": 1,
    "\u2f06": 2,
    "\u2f0b": 8,
    "\uf9b2": 0,
    "\uf9d1": 6,
    "\uf978": LIANG,
    "\u2f0f": JI,
    **dict.fromkeys("\u2f17\u3038", TEN),
    "韆": HUNDRED,
}
"""Kind of each numeral."""

MOST_NUMERALS = 64
"""Most numerals of a number; the rest of a longer stretch is read anew, so that a stream can go on."""

_COLUMN_NAMES = ["rising", "digit", "zero", "一两", "两", "几", "十", "百", "万", "第"]
_STATES = {
    "dead": {},
    "start": dict(rising="one", digit="one", zero="nought", 两="some", 几="some", 十="multiplied", 第="ordinal"),
    "ordinal": dict(rising="one", digit="one", zero="nought", 两="some", 几="some", 十="multiplied"),
    "one": dict(rising="risen", digit="two", zero="two", 一两="either", 十="multiplied", 百="multiplied", 万="myriads"),
    "nought": dict(rising="two", digit="two", zero="two"),
    "some": dict(rising="either", 十="multiplied", 百="multiplied", 万="myriads"),
    "two": dict(rising="three", digit="three", zero="three"),
    "three": dict(rising="year", digit="year", zero="year"),
    "zero": dict(rising="more", digit="more", 两="more", 几="more", 十="multiplied"),
    "digits": dict(几="closed", 十="open", 百="open", 万="closed"),
    "open": dict(万="closed"),
    # a number may end in a state from here on
    "risen": dict(rising="higher", digit="three", zero="three", 十="multiplied", 百="multiplied", 万="myriads"),
    "higher": dict(rising="year", digit="year", zero="year"),
    "year": dict(rising="year", digit="year", zero="year"),
    "multiplied": dict(rising="more", digit="more", zero="zero", 两="more", 几="more", 万="myriads"),
    "myriads": dict(rising="more", digit="more", zero="zero", 两="more", 万="myriads"),
    "more": dict(rising="either", 十="multiplied", 百="multiplied", 万="myriads"),
    "either": dict(十="multiplied", 百="multiplied", 万="myriads"),
    "closed": dict(万="closed"),
}
_STATE_NAMES = list(_STATES)

START, AFTER_DIGITS = _STATE_NAMES.index("start"), _STATE_NAMES.index("digits")
"""States at the first character of a number, and behind a run of digits; 0 is the state without a way on."""

FIRST_ACCEPTING = _STATE_NAMES.index("risen")
"""In this state and later ones a number may end."""

COLUMNS, COLUMN_SIZE = len(_COLUMN_NAMES), 16 * (NO_NUMERAL + 1)


def automaton() -> bytes:
    """Make the tables of the automaton.

    Returns
    -------
    bytes
        First the column of each pair of kinds, at 16 times the kind of the numeral before (`NO_NUMERAL` for none) plus
        the kind of the numeral; then, from `COLUMN_SIZE` on, the next state, at `COLUMNS` times the state plus the
        column.
    """
    columns = bytearray(COLUMN_SIZE)
    for before in range(NO_NUMERAL + 1):
        value = 2 if before == LIANG else before
        for kind in range(NO_NUMERAL):
            digit = 2 if kind == LIANG else kind
            rises = 1 <= value <= 9 and 1 <= digit <= 9 and digit - value == 1
            rises |= (before, kind) == (3, 5)
            if rises:
                name = "rising" if kind != LIANG else "一两"
            elif kind <= 9:
                name = "digit" if kind else "zero"
            else:
                name = {LIANG: "两", JI: "几", TEN: "十", HUNDRED: "百", MYRIAD: "万", ORDINAL: "第"}[kind]
            columns[16 * before + kind] = _COLUMN_NAMES.index(name)
    states = [_STATE_NAMES.index(ways.get(name, "dead")) for ways in _STATES.values() for name in _COLUMN_NAMES]
    return bytes(columns) + bytes(states)
