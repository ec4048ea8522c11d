#!/usr/bin/env python3
"""Write segtool/text/fold.txt: the simplified character that each Han character counts as.

    .venv/bin/python -m scripts.make_fold [OUTPUT]

Needs OpenCC (``pip install .[tables]``), which nothing else needs: the file is committed. Run it with the newest
Python at hand, for its unicodedata. A line is a character and what it folds to, each as six hexadecimal digits.

A character folds to one other whatever word it stands in, and simplified text is folded, too. So a character that
simplified text holds folds only where that helps traditional text more than it blurs simplified text.
"""

import sys
import unicodedata
from importlib.metadata import version
from pathlib import Path

from opencc import OpenCC

from segtool.text.symbols import CODE_LIMIT, class_table

TARGET = Path(__file__).resolve().parent.parent / "segtool" / "text" / "fold.txt"
HAN = 6  # of class_table()

RADICALS = (  # of the block CJK Radicals Supplement: a radical and its ideograph, from EquivalentUnifiedIdeograph.txt
    "⺁厂⺂乛⺃乚⺄乙⺅亻⺆冂⺇𠘨⺈刀⺉刂⺊卜⺋㔾⺌小⺍小⺎兀⺏尣⺐尢⺑𡯂⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌⺙攵⺛旡"
    "⺜日⺝月⺞歺⺟母⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪𤴔⺫目⺬示⺭礻⺮𥫗⺯糹⺰纟⺱罓⺲罒⺳㓁⺴冗⺵𦉫"
    "⺶羊⺷𦍌⺸𦍋⺹耂⺺肀⺻聿⺼肉⺽𦥑⺾艹⺿艹⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇𧢲⻈讠⻉贝⻊𧾷⻋车⻌辶⻍辶⻎辶⻏邑"
    "⻐钅⻑長⻒镸⻓长⻔门⻕𨸏⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻞𩙿⻟飠⻠饣⻡𩠐⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄"
    "⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
)

OURS = {
    "○": "〇",  # the circle that is written for the ideographic zero
    "著": "着",  # particle: 看著. Where it is a word (著名), its neighbours identify it
    # OpenCC leaves these since they have a second, rare reading in simplified text: 瞭望, 慰藉, 彷徨
    "瞭": "了",  # 瞭解
    "藉": "借",  # 藉由, 憑藉
    "彷": "仿",  # 彷彿
    # variants, pronouns and one common slip of the pen that it leaves, too
    "伕": "夫",
    "坵": "丘",
    "妳": "你",
    "巿": "市",
    "揹": "背",
    "暱": "昵",
    "濬": "浚",
    "牠": "它",
    "甦": "苏",
    "砲": "炮",
    "賸": "剩",
    "迺": "乃",
    "銲": "焊",
    "鎗": "枪",
    "餽": "馈",
}

KEPT = "么吒薹"
"""OpenCC would make 幺咤苔 of them; they are characters of their own in both scripts."""


def main(out: Path) -> None:
    radicals = dict(zip(RADICALS[::2], RADICALS[1::2], strict=True))
    # the next converts characters that the first leaves alone
    converters = [OpenCC(name) for name in ("t2s", "tw2s", "hk2s")]

    def step(char: str) -> str:
        if char in KEPT:
            return char
        forms = [OURS.get(char), radicals.get(char), unicodedata.normalize("NFKC", char)]
        forms += [converter.convert(char) for converter in converters]
        return next((form for form in forms if form and form != char), char)

    classes = class_table()
    lines = []
    for code in range(CODE_LIMIT):
        if classes[code] != HAN:
            continue
        char, seen = chr(code), [chr(code)]
        while (char := step(char)) not in seen:
            if len(char) != 1 or classes[ord(char)] != HAN:
                raise SystemExit(f"{seen[0]} would fold to {char!r}, which is no Han character")
            seen.append(char)
        if char != seen[-1]:
            raise SystemExit(f"{' → '.join(seen)} → {char}: a circle; put one of them into KEPT")
        if char != seen[0]:
            lines.append(f"{code:06X} {ord(char):06X}")
    sources = f"OpenCC {version('opencc')} and Unicode {unicodedata.unidata_version}"
    head = f"# {sources}, written by scripts/make_fold: character, what it folds to\n"
    out.write_text(head + "\n".join(lines) + "\n", encoding="ascii")
    print(f"{out}: {len(lines)} characters", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
