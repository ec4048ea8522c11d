"""Twin of the automaton of numbers in Han characters: a regular expression, from the grammar in the documents."""

import itertools
import re

from segtool.text.folding import fold_text

DIGITS = "一二三四五六七八九"
_RISING = [*map("".join, itertools.pairwise(DIGITS)), "三五"]
_PAIR = "(?:" + "|".join([*_RISING, "两三", "兩三"]) + ")"
_CHAIN = "(?:" + "|".join(f"{pair[0]}(?={pair[1]})" for pair in _RISING) + f")+[{DIGITS}]"
_SOME, _FEW, _SMALL, _LARGE = "[两兩]", "[几幾]", "[十百千]", "[万亿萬億]"
_ONE = f"(?:{_PAIR}|[{DIGITS}]|{_SOME})"
_MORE = f"(?:[零〇]{_ONE}|[零〇]{_FEW}|{_ONE}|(?<={_SMALL}){_FEW})"
_MULTIPLIED = (
    f"(?:(?:{_PAIR}|一{_SOME}|[{DIGITS}]|{_SOME}|{_FEW})(?:{_SMALL}|{_LARGE})|十)"
    f"(?:{_LARGE}|{_MORE}(?:{_SMALL}|{_LARGE})|[零〇]十)*{_MORE}?"
)
NUMBER = re.compile(f"第?(?:[{DIGITS}零〇]{{4,}}|{_CHAIN}|{_PAIR}|一{_SOME}|{_MULTIPLIED})")
AFTER_DIGITS = re.compile(f"(?:{_SMALL}?{_LARGE}|{_FEW}){_LARGE}*")


def longest(grammar, text, at):
    """End of the longest number that begins at a place, None if there is none."""
    text = fold_text(text)
    ends = (end for end in range(min(len(text), at + 64), at, -1) if grammar.fullmatch(text, at, end))
    return next(ends, None)


def end_of_number(text, begin, end, digits):
    """End of the number that a token is or begins with, None if that is the token itself."""
    if digits:
        return longest(AFTER_DIGITS, text, end) if text[end - 1].isdecimal() else None
    number = longest(NUMBER, text, begin)
    return None if number is None or number == begin + 1 else number
