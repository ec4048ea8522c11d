#!/usr/bin/env python3
"""Count the words of two characters that are cut in two, and the common ones that are whole: docs/quality.md.

    .venv/bin/python -m scripts.split_words [DATA] [--model NAME=MODEL ...] [--no-peers]

A gold word of two characters is split if both of its characters are words. The included model, one trained on the news
and jieba cut all gold sets; --model adds others, such as an earlier included model.
"""

from collections import Counter
from collections.abc import Sequence

import segtool
from scripts.experiments import ALL, gold_of, parser_of, print_head, print_row, raw, texts_of
from scripts.quality import Cut, jieba

COMMON = ["为了", "以来", "只有", "还是", "而是", "等等", "但是", "于是", "就是", "在于", "不要", "以为"]


def split_words(lines: Sequence[str], cut: Cut) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How often each word of two characters stands in gold lines, is whole, and is two words when they are cut."""
    found, whole, split = Counter[str](), Counter[str](), Counter[str]()
    for line, words in zip(lines, cut(raw(lines)), strict=True):
        spans, place = set(), 0
        for word in words:
            spans.add((place, place + len(word)))
            place += len(word)
        place = 0
        for word in line.split():
            end = place + len(word)
            if len(word) == 2:
                found[word] += 1
                whole[word] += (place, end) in spans
                split[word] += (place, place + 1) in spans and (place + 1, end) in spans
            place = end
    return found, whole, split


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=MODEL", help="also cut with this model")
    parser.add_argument("--no-peers", action="store_true", help="leave out jieba")
    options = parser.parse_args()
    gold = gold_of(options.data, ALL)
    others = dict(each.split("=", 1) for each in options.model)
    cuts: dict[str, Cut] = {name: segtool.load(path).cut_batch for name, path in others.items()}
    cuts |= {"the included model": segtool.load().cut_batch, "news": segtool.train(texts_of(options.data)).cut_batch}
    if not options.no_peers:
        cuts["jieba"] = jieba()
    common: dict[str, list[str]] = {word: [] for word in COMMON}
    print_head("split / all", [*gold, "all sets"])
    for name, cut in cuts.items():
        counts = [split_words(lines, cut) for lines in gold.values()]
        found, whole, split = (sum(each, Counter[str]()) for each in zip(*counts, strict=True))
        totals = [(each.total(), of.total()) for of, _, each in [*counts, (found, whole, split)]]
        print_row(name, (f"{of_two:,} / {words:,}" for of_two, words in totals))
        for word in COMMON:
            common[word].append(f"{whole[word]} / {found[word]}")
    print()
    print_head("whole / all", list(cuts))
    for word, cells in common.items():
        print_row(word, cells)


if __name__ == "__main__":
    main()
