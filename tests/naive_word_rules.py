"""The rules for numbers, units, dates and names, on lists of words: the slow, obvious twin."""

from itertools import pairwise

from segtool.decode.rule_table import BEFORE_NUMBERS, DATE_UNITS, DOTS, UNIT_WORDS
from segtool.text.symbols import NUM, SPACE, tokenise
from segtool.tokens import place_words


def tokens_of(text, reading):
    """Slices of a text and their codes."""
    codes, starts = tokenise(text, reading, plain=True)
    places = [*starts.tolist(), len(text)]
    return [(text[low:high], code) for (low, high), code in zip(pairwise(places), codes.tolist(), strict=True)]


def words_by_rule(text, words, reading, choices):
    """Apply the rules to the words of a text, which a decoder without rules found."""
    begins = {token.start for token in place_words(text, words, "character")}
    items, at = [], 0
    for token, code in tokens_of(text, reading):
        if code == SPACE or at in begins:
            items.append([])
        items[-1].append((token, code))
        at += len(token)
    with_dates = choices.dates == "parts" or choices.units == "whole"
    may_stay = BEFORE_NUMBERS if with_dates or choices.units == "apart" else [*BEFORE_NUMBERS, *DATE_UNITS]
    items = [part for item in items for part in _numbers_first(item, may_stay)]
    if choices.units == "apart":
        items = [part for item in items for part in ([item[:1], item[1:]] if item[0][1] == NUM else [item]) if part]
    else:
        if with_dates:
            items = _dates(items)
        if choices.units == "whole":
            items = _units(items)
    if choices.names == "whole":
        items = _names(items)
    return ["".join(token for token, _ in item) for item in items if item[0][1] != SPACE]


def _numbers_first(item, may_stay):
    """Cut a word before each number in it, unless it may stay behind what is before it."""
    parts = [[]]
    for token, code in item:
        before = parts[-1][-1] if parts[-1] else ("", 0)
        if code == NUM and before[1] > 2 and chr(before[1]) not in may_stay:
            parts.append([])
        parts[-1].append((token, code))
    return parts


def _dates(items):
    found = []
    items = [list(item) for item in items]
    while items:
        item = items.pop(0)
        before = found[-1][-1][1] if found else 0
        if item[0][1] == NUM:
            behind = item[1:] or (items[0] if items else [])
            if behind and behind[0][1] > 2 and chr(behind[0][1]) in DATE_UNITS:
                day = behind[0][1] == ord("日") and before == ord("月")
                if day or len(behind) == 1:
                    if len(item) == 1:
                        items.pop(0)
                    item, rest = [item[0], behind[0]], behind[1:]
                    if rest:
                        items.insert(0, rest)
        found.append(item)
    return found


def _units(items):
    found = []
    for item in items:
        is_unit = "".join(token for token, _ in item) in UNIT_WORDS
        if is_unit and found and len(found[-1]) == 1 and found[-1][0][1] == NUM:
            found[-1] = found[-1] + item
        else:
            found.append(item)
    return found


def _names(items):
    found = []
    for item in items:
        is_dot = len(item) == 1 and item[0][1] == 0 and item[0][0] in tuple(DOTS)
        if is_dot and found and found[-1][-1] != "?" and found[-1][-1][1] > NUM:
            found.append([*item, "?"])
        elif found and found[-1][-1] == "?":
            dot = found.pop()[:1]
            if item[0][1] > NUM:
                found[-1] = found[-1] + dot + item
            else:
                found += [dot, item]
        else:
            found.append(item)
    return [item[:1] if item[-1] == "?" else item for item in found]
