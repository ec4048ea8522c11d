#!/usr/bin/env python3
"""Print F1 on the dev parts for --join-lines and --unique-lines: a table of docs/large.md.

    .venv/bin/python -m scripts.corpora [DATA]

The news is also wrapped at 20 characters. Recipes, a small text, get a footer between their lines, many times. In an
experiment, runs that repeat are damped.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter

import segtool
from scripts.experiments import (
    DEV,
    f1,
    gold_of,
    parser_of,
    print_head,
    print_row,
    raw,
    read_texts,
    shown,
    texts_of,
    without,
)
from segtool.text.symbols import spelled

WIDTH = 20
RECIPES = 600_000
"""Bytes of the recipes."""
FOOTER = "本店商品支持七天无理由退换货，如有问题请联系在线客服处理，感谢您的支持与理解"
FOOTERS = [100, 8000]
LONG_RUN = 8
"""Symbols from which on a run hardly repeats by chance."""


def wrapped(lines: list[str]) -> list[str]:
    """Lines of at most `WIDTH` characters."""
    return [line[i : i + WIDTH] for line in lines for i in range(0, max(len(line), 1), WIDTH)]


def with_footers(lines: list[str], times: int) -> list[str]:
    """The lines and a footer, in a random order."""
    mixed = [*lines, *[FOOTER] * times]
    random.Random(1).shuffle(mixed)
    return mixed


def damped(lines: list[str], least: int) -> list[str]:
    """The runs, each that occurs n times 1 + ln n times; those of less than `least` symbols as often as they occur."""
    runs = Counter(run for run in re.split("[\0\n]+", spelled("\n".join(lines))) if run)
    return [run for run, n in runs.items() for _ in range(round(1 + math.log(n)) if len(run) >= least else n)]


def main() -> None:
    data = parser_of(__doc__).parse_args().data
    gold = gold_of(data, DEV)
    news = without(gold, read_texts(texts_of(data)))
    path = data / "raw" / "open" / "recipes_howtocook.txt"
    text = "\n".join(without(gold, read_texts([path] if path.exists() else texts_of(data))))
    recipes = text.encode()[:RECIPES].decode("utf-8", "ignore").split("\n")

    def row(name: str, lines: list[str], join_lines: int = 0, unique_lines: bool = False) -> None:
        segmenter = segtool.train(texts=["\n".join(lines)], join_lines=join_lines, unique_lines=unique_lines)
        print_row(name, [shown(f1(each, segmenter.cut_batch(raw(each)))) for each in gold.values()])

    print_head("text, option", list(gold))
    row("news", news)
    row("news, `--unique-lines`", news, unique_lines=True)
    row(f"news, wrapped at {WIDTH} characters", wrapped(news))
    row(f"the same, `--join-lines {WIDTH}`", wrapped(news), join_lines=WIDTH)
    row(f"recipes, {RECIPES / 1e6:.1f} MB", recipes)
    row("recipes, `--unique-lines`", recipes, unique_lines=True)
    for times in FOOTERS:
        name = f"recipes with a line {times:,} times"
        row(name, with_footers(recipes, times))
        row(f"{name}, `--unique-lines`", with_footers(recipes, times), unique_lines=True)
    often = with_footers(recipes, FOOTERS[-1])
    for name, lines in ("news", news), ("recipes", recipes), (f"recipes with a line {FOOTERS[-1]:,} times", often):
        row(f"{name}, runs damped", damped(lines, 1))
        row(f"{name}, runs of {LONG_RUN} symbols or more damped", damped(lines, LONG_RUN))


if __name__ == "__main__":
    main()
