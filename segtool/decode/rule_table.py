"""The table by which kernels know the rules for words (:mod:`segtool.decode.word_rules`), and what these look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from segtool.runtime.arrays import Ids
from segtool.text.choices import TokenChoices
from segtool.text.symbols import MARK, NUM, tokenise

__all__ = [
    "BEFORE_NUMBERS", "DATES", "DATES_AT", "DATE_UNITS", "DAY", "DOTS", "FLAGS", "KEEPERS", "MONTH", "MOST_UNIT",
    "NAMES", "NO_RULES", "RULES_SIZE", "UNITS_APART", "UNITS_AT", "UNITS_WHOLE", "UNIT_WORDS", "has_dots",
    "joined_spans", "joining_dots", "places_of_dots", "rule_table",
]  # fmt: skip

BEFORE_NUMBERS = "第數数之"
"""Characters behind which a number may stay in their word."""

DATE_UNITS = "年月日时時点點分秒"
"""Units of dates and times."""

DOTS = "·‧・•"
"""Dots that writers put between the parts of a foreign name."""

_LISTED = """
年 月 日 天 周 时 時 点 點 分 秒 小时 小時 分钟 分鐘 秒钟 秒鐘 月份 年代 世纪 世紀 周年 週年 岁 歲 米 公里 千米 里
厘米 毫米 微米 纳米 奈米 公分 英里 海里 英尺 英寸 尺 寸 丈 平方米 平方公里 平方厘米 平方千米 公顷 公頃 亩 畝 立方米
立方厘米 升 毫升 公升 加仑 加侖 克 千克 公斤 毫克 斤 两 兩 吨 噸 公吨 公噸 磅 盎司 元 角 块 塊 美元 欧元 歐元 日元
英镑 英鎊 港元 港币 人民币 新台币 新臺幣 卢布 韩元 法郎 马克 度 摄氏度 攝氏度 瓦 千瓦 兆瓦 瓦特 千瓦时 伏 伏特 安培
赫兹 赫茲 焦耳 卡 千卡 大卡 分贝 分貝 牛顿 帕 字节 字節 兆 倍 成 折 页 頁 号 號 层 層 楼 樓 届 屆
"""
UNIT_WORDS = tuple(_LISTED.split())
"""Units that are one word with the number before them, if users choose so."""

MOST_UNIT = max(map(len, UNIT_WORDS))

NUMBERS, DATES, UNITS_APART, UNITS_WHOLE, NAMES = (1 << i for i in range(5))
"""Which rules there are, as bits."""

FLAGS, MONTH, DAY, KEEPERS = range(4)
"""Where the table has the rules as bits, the ids of 月 and 日, and those of what a number may stay behind."""

DATES_AT = KEEPERS + len(BEFORE_NUMBERS) + len(DATE_UNITS)
UNITS_AT = DATES_AT + len(DATE_UNITS)
"""Where it has those of `DATE_UNITS`, and of `UNIT_WORDS`."""

RULES_SIZE = UNITS_AT + MOST_UNIT * len(UNIT_WORDS)
"""Numbers in the table of rules."""

NO_RULES = np.zeros(RULES_SIZE, np.uint16)
"""The table for decoders without rules."""


def rule_table(ids: Ids, unknown: int, choices: TokenChoices) -> Ids:
    """Make the table by which kernels know the rules.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    unknown : int
        Id of all characters that are no symbols; no rule has one of these.
    choices : TokenChoices

    Returns
    -------
    ndarray of uint16, shape (RULES_SIZE,)
        The rules as bits; the ids of 月 and 日, of what a number may stay behind (`BEFORE_NUMBERS` and, where they
        begin no words of their own, `DATE_UNITS`), of `DATE_UNITS`, and of the units, each as `MOST_UNIT` ids; 0 for
        none.
    """
    flags = NUMBERS | {"apart": UNITS_APART, "whole": UNITS_WHOLE | DATES, "learned": 0}[choices.units]
    if choices.dates == "parts" and choices.units != "apart":
        flags |= DATES
    if choices.names == "whole":
        flags |= NAMES
    may_stay = DATE_UNITS if not flags & (DATES | UNITS_APART) else "\0" * len(DATE_UNITS)
    padded = "".join(unit.ljust(MOST_UNIT, "\0") for unit in UNIT_WORDS)
    found = ids[[*map(ord, f"月日{BEFORE_NUMBERS}{may_stay}{DATE_UNITS}{padded}")]]
    found[found == unknown] = MARK
    rows = found[UNITS_AT - 1 :].reshape(-1, MOST_UNIT)
    sizes = np.array([len(unit) for unit in UNIT_WORDS])
    rows[(rows != MARK).sum(axis=1) != sizes] = MARK
    return np.concatenate([np.array([flags], np.uint16), found])


def has_dots(text: str, rules: Sequence[int] | Ids) -> bool:
    """Whether a text has middle dots, and the rules join names."""
    return bool(rules[FLAGS] & NAMES) and any(dot in text for dot in DOTS)


def joining_dots(text: str, codes: Iterable[int], starts: Iterable[int]) -> list[int]:
    """Find the tokens that are middle dots of names.

    Parameters
    ----------
    text : str
    codes : iterable of int
        Code of each token (:func:`segtool.text.symbols.tokenise`).
    starts : iterable of int
        Where each token begins, in characters.

    Returns
    -------
    list of int
        Numbers of the tokens, from 0.
    """
    codes, starts = list(map(int, codes)), list(map(int, starts))
    return [
        t
        for t in range(1, len(codes) - 1)
        if codes[t] == MARK
        and codes[t - 1] > NUM
        and codes[t + 1] > NUM
        and text[starts[t] : starts[t + 1]] in tuple(DOTS)
    ]


def places_of_dots(text: str, reading: int, rules: Sequence[int] | Ids, plain: bool) -> dict[int, int]:
    """Find where the middle dots of names begin and end.

    Parameters
    ----------
    text : str
    reading
        As for :func:`segtool.text.symbols.class_table`.
    rules : sequence of int
        From :func:`rule_table`; no dot is one of a name if they do not join names.
    plain : bool
        Without compiled code.

    Returns
    -------
    dict of int to int
        The end of each dot by where it begins, in characters.
    """
    if not has_dots(text, rules):
        return {}
    codes, starts = tokenise(text, reading, plain)
    return {int(starts[dot]): int(starts[dot + 1]) for dot in joining_dots(text, codes, starts)}


def joined_spans(spans: Iterable[tuple[int, int]], dots: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Join words to names, given their places and those of the dots (:func:`places_of_dots`)."""
    inside = {*dots, *dots.values()}
    low = 0
    for start, end in spans:
        if start not in inside:
            low = start
        if end not in inside:
            yield low, end
