#!/usr/bin/env python3
"""Write segtool/text/charclass.txt: the class of every Unicode character, as ranges.

    .venv/bin/python -m scripts.make_charclass [OUTPUT]

Run it with the newest Python at hand: its unicodedata decides. The file is committed, so that the same
text gives the same symbols on every Python.
"""

import sys
import unicodedata
from pathlib import Path

from segtool.text.token_grammar import CLASSES

TARGET = Path(__file__).resolve().parent.parent / "segtool" / "text" / "charclass.txt"
MARK, SPACE, LETTER, EXTEND, DIGIT, LATIN, HAN = range(7)
SPECIAL = {
    "dot": ".．",
    "comma": ",",
    "colon": ":",
    "slash": "/",
    "sign": "·／：\u2236",  # that may stand between two digits, as those above; the last one is the ratio
    "percent": "%",
    "permille": "％‰‱",
    "hyphen": "-\u2010\u2011",
    "wide hyphen": "－\u2212",  # the last one is the minus sign
    "apostrophe": "'’＇",
    "ampersand": "&＆",
    "plus": "+＋",
    "hash": "#",
    "at": "@＠",
    "underline": "_＿",
    "equals": "=~$",
    "stop": "?!*",
    "semicolon": ";",
    "caret": "^",
    "bracket": "[",
    "unbracket": "]",
    "open": "(",
    "close": ")",
    "w": "wW",
    "joiner": "\u200d",
    "keycap": "\u20e3",
    "two parts": "".join(map(chr, [0x2FF0, 0x2FF1, *range(0x2FF4, 0x2FFE)])),  # ideographic description
    "three parts": "\u2ff2\u2ff3",
}
SPECIAL_CLASSES = {char: CLASSES.index(name) for name, chars in SPECIAL.items() for char in chars}
RANGES = [
    # format characters that show nothing, and the tags of flags
    *((low, high, EXTEND) for low, high in [
        (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x180B, 0x180F), (0x200B, 0x200C), (0x200E, 0x200F),
        (0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0x1F3FB, 0x1F3FF), (0xE0000, 0xE0FFF),
    ]),
    # digits and signs above and below the line
    *((low, high, CLASSES.index("script")) for low, high in [
        (0xB2, 0xB3), (0xB9, 0xB9), (0x2070, 0x2070), (0x2074, 0x207B), (0x2080, 0x208B),
    ]),
    (0x1F1E6, 0x1F1FF, CLASSES.index("flag")),
    *((low, high, CLASSES.index("emoji")) for low, high in [
        (0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2194, 0x21AA),
        (0x231A, 0x23FF), (0x2600, 0x27BF), (0x2934, 0x2935), (0x2B05, 0x2B55), (0x1F000, 0x1F1E5),
        (0x1F200, 0x1F3FA), (0x1F400, 0x1FAFF),
    ]),
]  # fmt: skip
HAN_RANGES = [
    (0x25CB, 0x25CB),  # the circle that is written for the ideographic zero
    (0x2E80, 0x2FD5),  # radicals
    (0x3005, 0x3005),  # iteration mark
    (0x3007, 0x3007),  # ideographic zero
    (0x3021, 0x3029),  # Suzhou numerals
    (0x3038, 0x303B),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FFFD),
    (0x30000, 0x3FFFD),
]


def char_class(code: int) -> int:
    char = chr(code)
    if char.isspace():
        return SPACE
    if any(low <= code <= high for low, high in HAN_RANGES):
        return HAN
    if char in SPECIAL_CLASSES:
        return SPECIAL_CLASSES[char]
    for low, high, kind in RANGES:
        if low <= code <= high:
            return kind
    if 0x30 <= code <= 0x39 or 0xFF10 <= code <= 0xFF19:
        return DIGIT
    category = unicodedata.category(char)
    if category[0] == "M":
        return EXTEND
    if category[0] == "L" and "LATIN" in unicodedata.name(char, ""):
        return LATIN
    if category[0] == "L" or category in ("Nd", "Nl"):
        return LETTER
    return MARK


def main(out: Path) -> None:
    ranges: list[list[int]] = []
    for code in range(0x110000):
        kind = char_class(code)
        if unicodedata.category(chr(code)) == "Cn" and kind == MARK and ranges and ranges[-1][2] == LETTER:
            continue  # a hole inside a script's block: bridged when the script goes on behind it
        if ranges and ranges[-1][2] == kind and (kind == LETTER or ranges[-1][1] == code - 1):
            ranges[-1][1] = code
        else:
            ranges.append([code, code, kind])
    lines = [f"{low:X} {high:X} {kind}" for low, high, kind in ranges if kind != MARK]
    head = f"# Unicode {unicodedata.unidata_version}, written by scripts/make_charclass: first, last, class\n"
    out.write_text(head + "\n".join(lines) + "\n", encoding="ascii")
    print(f"{out}: {len(lines)} ranges", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
