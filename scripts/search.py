#!/usr/bin/env python3
"""Print the tables of docs/search.md: recall and size of search entries, and the effect of the granularity.

    .venv/bin/python -m scripts.search DATA [--model MODEL] [--within 0 1 2 3 3.5 4] [--granularity -4 0 4] [--no-peers]

Recall is the share of the gold words that are entries, by their places; entries are counted for each gold word. Beside
segtool, jieba's search mode (extra ``bench``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate
from statistics import mean
from typing import TypeAlias

import segtool
from scripts.experiments import ALL, Gold, gold_of, parser_of, print_head, print_row, raw, shown

Spans: TypeAlias = set[tuple[int, int]]


def spans_of(words: Iterable[str]) -> Spans:
    """The places of the words of a cut."""
    ends = list(accumulate(map(len, words)))
    return set(zip([0, *ends], ends, strict=False))


def entries_of(segmenter: segtool.Segmenter, within: float, text: str) -> Spans:
    """The places of the entries of a text."""
    return {(token.start, token.end) for token in segmenter.tokenize(text, search=True, within=within)}


def found_of(lines: list[str], search: Callable[[str], Spans]) -> tuple[float, float]:
    """Recall, and entries for each gold word."""
    gold = [spans_of(line.split()) for line in lines]
    entries = [search(text) for text in raw(lines)]
    words = sum(map(len, gold))
    hits = sum(len(each & wanted) for each, wanted in zip(entries, gold, strict=True))
    return hits / words, sum(map(len, entries)) / words


def print_recall(gold: Gold, losses: Iterable[float], segmenter: segtool.Segmenter, peers: bool) -> None:
    """Print recall / entries."""
    searches: dict[str, Callable[[str], Spans]] = {"words of the cut": lambda text: spans_of(segmenter.cut(text))}
    for within in losses:
        searches[f"within {within:g}"] = partial(entries_of, segmenter, within)
    if peers:
        import jieba

        searches["jieba.cut"] = lambda text: spans_of(jieba.cut(text))
        searches["jieba.cut_for_search"] = lambda text: {token[1:] for token in jieba.tokenize(text, "search")}
    print_head("recall / entries for each gold word", [*gold, "mean"])
    for name, search in searches.items():
        found = [found_of(lines, search) for lines in gold.values()]
        found.append((mean(recall for recall, _ in found), mean(size for _, size in found)))
        print_row(name, [f"{shown(recall)} / {size:.2f}" for recall, size in found])


def print_granularity(gold: Gold, granularities: Iterable[float], segmenter: segtool.Segmenter) -> None:
    """Print F1 and the kinds of words, from coarse to fine."""
    columns = ["words for each gold word", "crossing", "coarser", "finer", "gaps kept"]
    print_head("granularity", [*(f"F1 {name}" for name in gold), *columns])
    before: set[tuple[int, int]] = set()
    for nats in sorted(granularities):
        cuts = {name: segmenter.with_granularity(nats).cut_batch(raw(lines)) for name, lines in gold.items()}
        scores = [segtool.evaluate(lines, map(" ".join, cuts[name])) for name, lines in gold.items()]
        words = [each.predicted_words for each in scores]
        kinds = ([getattr(each, kind) for each in scores] for kind in ("crossing", "coarser", "finer"))
        shares = [f"{mean(n / of for n, of in zip(kind, words, strict=True)):.2%}" for kind in kinds]
        size = mean(of / each.gold_words for of, each in zip(words, scores, strict=True))
        lines = enumerate(line for cut in cuts.values() for line in cut)
        gaps = {(number, end) for number, line in lines for end in accumulate(map(len, line))}
        kept = f"{len(gaps & before) / len(before):.2%}" if before else "-"
        print_row(f"{nats:g}", [*(shown(each.f1) for each in scores), f"{size:.2f}", *shares, kept])
        before = gaps


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", default="default", help="default: the included model")
    parser.add_argument("--within", type=float, nargs="*", default=[1, 2, 3, 3.5, 4, 6], metavar="NATS")
    levels = [-32, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16]
    parser.add_argument("--granularity", type=float, nargs="*", default=levels, metavar="NATS")
    parser.add_argument("--no-peers", action="store_true", help="leave out jieba")
    options = parser.parse_args()
    gold, segmenter = gold_of(options.data, ALL), segtool.load(options.model)
    print_recall(gold, options.within, segmenter, not options.no_peers)
    print()
    print_granularity(gold, options.granularity, segmenter)


if __name__ == "__main__":
    main()
