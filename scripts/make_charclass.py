#!/usr/bin/env python3
"""Write segtool/text/charclass.txt: the class of every Unicode character, as ranges.

    .venv/bin/python -m scripts.make_charclass [OUTPUT]

Run it with the newest Python at hand: its unicodedata decides. The file is committed, so that the same
text gives the same symbols on every Python.
"""

import sys
import unicodedata
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "segtool" / "text" / "charclass.txt"
MARK, SPACE, LETTER, EXTEND, DIGIT, LATIN, HAN, SIGN, PERCENT = range(9)
SIGNS = ".．·,/／:：\u2236"  # marks that may stand between two digits of a number; the last one is the ratio
PERCENTS = "%％"
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
    if char in SIGNS:
        return SIGN
    if char in PERCENTS:
        return PERCENT
    if 0x30 <= code <= 0x39 or 0xFF10 <= code <= 0xFF19:
        return DIGIT
    category = unicodedata.category(char)
    if category[0] == "M" or code == 0x200D or 0x1F3FB <= code <= 0x1F3FF:
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
