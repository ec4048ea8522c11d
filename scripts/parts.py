#!/usr/bin/env python3
"""Print F1 on the dev parts without and with the weights from the parts of words: tables of docs/quality.md.

    .venv/bin/python -m scripts.parts DATA [--terms]

A row for samples of the news and of the open texts, from 0.2 MB to all; the lines of the dev parts are taken out of the
news. --terms adds a table of the news, where one term after the other is left out, or has other weights.
"""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import segtool
from scripts.experiments import (
    DEV,
    Gold,
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
from scripts.quality import MORE, SIZES, sample
from segtool.lexicon.parts import PART_WEIGHTS, weigh_parts
from segtool.lexicon.passes import Threads
from segtool.ngrams.counter import collect_corpus
from segtool.runtime.workers import available_workers
from segtool.segmenter import Segmenter

OPEN_SIZES = [*SIZES, 18_000_000, 60_000_000]


class Learned:
    """A text, and the model that is learned from it without weights from parts."""

    def __init__(self, text: str) -> None:
        self.corpus = collect_corpus([text])
        self.plain = segtool.train(texts=[text], parts_weight=0.0)

    def weighed(self, weight: float = 1.0) -> Segmenter:
        """The segmenter with them."""
        return Segmenter(weigh_parts(self.plain.model, self.corpus, weight, Threads(available_workers())))


def figures(gold: Gold, segmenter: Segmenter) -> list[float]:
    """F1 on each set."""
    return [f1(lines, segmenter.cut_batch(raw(lines))) for lines in gold.values()]


def row(name: str, gold: Gold, before: list[float], segmenter: Segmenter) -> None:
    """Print F1 and what it gained."""
    after = figures(gold, segmenter)
    gains = [f"{new - old:+.4f}".replace("0.", ".") for old, new in zip(before, after, strict=True)]
    print_row(name, [f"{shown(new)} ({gain})" for new, gain in zip(after, gains, strict=True)])


def print_sizes(gold: Gold, lines: list[str], more: str, open_texts: list[Path]) -> None:
    """Print a row for each text."""
    texts = [("news", "\n".join(sample(lines, size))) for size in SIZES]
    texts += [("news", "\n".join(lines)), *([("news and more", "\n".join(lines) + "\n" + more)] if more else [])]
    open_lines = read_texts(open_texts).split("\n") if open_texts else []
    texts += [("open texts", "\n".join(sample(open_lines, size))) for size in OPEN_SIZES if open_lines]
    print_head("text", list(gold))
    for name, text in texts:
        learned = Learned(text + "\n")
        row(f"{name}, {len(text.encode()) / 1e6:.1f} MB", gold, figures(gold, learned.plain), learned.weighed())


def print_terms(gold: Gold, lines: list[str]) -> None:
    """Print a row for each term that is left out."""
    learned = Learned("\n".join(lines) + "\n")
    before = figures(gold, learned.plain)
    print_head("weights", list(gold))
    for weight in (0.0, 0.5, 1.0, 1.5):
        row(f"`parts_weight` {weight:g}", gold, before, learned.weighed(weight))
    for name in PART_WEIGHTS:
        with patch.dict(PART_WEIGHTS, {name: 0.0}):
            row(f"without `{name}`", gold, before, learned.weighed())


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--terms", action="store_true", help="also leave out one term after the other")
    options = parser.parse_args()
    gold = gold_of(options.data, DEV)
    lines = without(gold, read_texts(texts_of(options.data)))
    has_more = (options.data / "raw").exists()
    more = read_texts(texts_of(options.data, MORE)) if has_more else ""
    print_sizes(gold, lines, more, sorted((options.data / "raw" / "open").glob("*.txt")))
    if options.terms:
        print()
        print_terms(gold, lines)


if __name__ == "__main__":
    main()
