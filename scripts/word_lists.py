#!/usr/bin/env python3
"""Print F1 with word lists, without labelled sentences: the table of docs/words.md.

    .venv/bin/python -m scripts.word_lists DATA

The included model cuts each gold set as it is and with lists: `training_words.txt`, the list that comes with the
guideline of a set, as complete (--words-only) and as partial, and the words of one half of the dev part, as partial. Of
a dev part, or a set without one, the other half of the lines is scored.
"""

from pathlib import Path

import segtool
from scripts.experiments import ALL, Gold, f1, gold_of, parser_of, print_head, print_row, raw, shown
from segtool.guideline.word_files import read_words


def scored(name: str, lines: list[str]) -> list[str]:
    """The lines of a set that no list is made of."""
    return lines if name.endswith("/test") else lines[1::2]


def words_of_half(name: str, gold: Gold) -> list[str]:
    """The words of one half of the dev part of a set."""
    dev = gold.get(f"{name.split('/')[0]}/dev10pct", gold[name])
    return sorted({word for line in dev[::2] for word in line.split()})


def official(data: Path, name: str) -> list[str]:
    """The list that comes with the guideline of a set; empty if none does."""
    path = data / "gold" / name.split("/")[0] / "training_words.txt"
    return list(read_words(path, "DATA").words) if path.exists() else []


def main() -> None:
    data = parser_of(__doc__).parse_args().data
    gold = gold_of(data, ALL)
    included = segtool.load()
    rows: dict[str, list[str]] = {}
    for name, lines in gold.items():
        lists = {
            "the included model": ([], False),
            "… and the words of half a dev part": (words_of_half(name, gold), False),
            "… and the official list, as partial": (official(data, name), False),
            "… and the official list, as complete": (official(data, name), True),
        }
        test = scored(name, lines)
        for i, (row, (words, complete)) in enumerate(lists.items()):
            cell = "–"
            if words or i == 0:
                segmenter = included.with_words(words=words, words_only=complete)
                cell = shown(f1(test, segmenter.cut_batch(raw(test))))
            rows.setdefault(row, []).append(cell)
    print_head("system", list(gold))
    for row, cells in rows.items():
        print_row(row, cells)


if __name__ == "__main__":
    main()
