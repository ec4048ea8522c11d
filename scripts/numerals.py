#!/usr/bin/env python3
"""Print the crossing errors at numerals on every gold set: the table of docs/quality.md.

    .venv/bin/python -m scripts.numerals DATA [--models MODEL ...] [--no-train] [--no-peers]

A word crosses if it overlaps a gold word in part, which is wrong under every guideline. The first number counts the
crossing words with a numeral (一 to 亿, 两, 几) in them, the second all crossing words, the third is F1. Systems: the
news without and with number tokens, the models given (default: the included one), and jieba (extra ``bench``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate, pairwise

import segtool
from scripts.experiments import ALL, Gold, f1, gold_of, parser_of, print_head, print_row, raw, shown, texts_of
from segtool.text.alignment import error_kinds, stretches
from segtool.text.numbers import NUMBER_CHARACTERS, ORDINAL

NUMERALS = {character for character, kind in NUMBER_CHARACTERS.items() if kind != ORDINAL}


def crossing_words(gold: list[str], predicted: list[str]) -> list[str]:
    """The predicted words that overlap a gold word in part."""
    found = []
    for ours, theirs in stretches(gold, predicted):
        if ours != theirs:
            cuts = set(accumulate(map(len, ours)))
            ends = [0, *accumulate(map(len, theirs))]
            inner = [cuts & set(range(start + 1, end)) for start, end in pairwise(ends)]
            found += [word for word, inside in zip(theirs, inner, strict=True) if inside and len(theirs) > 1]
    return found


def crossings(lines: list[str], cut: Iterable[list[str]]) -> tuple[int, int]:
    """Crossing words with a numeral in them, and all of them."""
    with_numeral = number = 0
    for line, words in zip(lines, cut, strict=True):
        found = crossing_words(line.split(), words)
        number += len(found)
        assert len(found) == list(error_kinds(line.split(), words)).count("crossing")
        with_numeral += sum(bool(NUMERALS & {*word}) for word in found)
    return with_numeral, number


def print_system(name: str, gold: Gold, cut: Callable[[list[str]], Iterable[list[str]]]) -> None:
    """Print a row of the table."""
    cells = []
    for lines in gold.values():
        words = list(cut(raw(lines)))
        with_numeral, number = crossings(lines, words)
        cells.append(f"{with_numeral} / {number} / {shown(f1(lines, words))}")
    print_row(name, cells)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="*", default=["default"], help="models to measure")
    parser.add_argument("--no-train", action="store_true", help="train no model on the news")
    parser.add_argument("--no-peers", action="store_true", help="leave out jieba")
    args = parser.parse_args()
    gold = gold_of(args.data, ALL)
    print_head("numerals / all / F1", [*gold])
    if not args.no_train:
        texts = texts_of(args.data)
        for name, numbers in (("news, --no-numbers", False), ("news", True)):
            print_system(name, gold, segtool.train(texts, numbers=numbers).cut_batch)
    for model in args.models:
        print_system(model, gold, segtool.load(model).cut_batch)
    if not args.no_peers:
        import jieba

        jieba.setLogLevel(60)
        print_system("jieba", gold, partial(map, jieba.lcut))


if __name__ == "__main__":
    main()
