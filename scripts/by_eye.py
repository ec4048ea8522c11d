#!/usr/bin/env python3
"""Cut ten kinds of text with the included model, 20 lines each: the blocks of docs/by_eye.md.

    .venv/bin/python -m scripts.by_eye [MODEL]

The lines are those of data/by_eye/. Below a line that the included model of an earlier version cut otherwise, its cut
stands behind *before* (data/by_eye/before/).
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import segtool

FOLDER = Path(__file__).resolve().parent.parent / "data" / "by_eye"
KINDS = {
    "news": "News",
    "chat": "Chat",
    "weblog": "Weblog",
    "review": "Product reviews",
    "medical": "Medical notes",
    "contract": "Contracts",
    "web_novel": "Web novel",
    "classical": "Classical prose",
    "technical": "Technical text with Latin terms",
    "hong_kong_taiwan": "Hong Kong and Taiwan",
}
BEFORE = "  before: "


def lines_of(path: Path) -> list[str]:
    """The lines of a file."""
    return path.read_text("utf-8").splitlines()


def blocks(segmenter: segtool.Segmenter) -> Iterator[tuple[str, str]]:
    """The heading of each kind and its lines, cut."""
    for name, heading in KINDS.items():
        shown = []
        cuts = segmenter.cut_batch(lines_of(FOLDER / f"{name}.txt"))
        for words, before in zip(cuts, lines_of(FOLDER / "before" / f"{name}.txt"), strict=True):
            shown.append(" ".join(words))
            if shown[-1] != before:
                shown.append(BEFORE + before)
        yield heading, "\n".join(shown)


def main() -> None:
    for heading, lines in blocks(segtool.load(*sys.argv[1:2])):
        print(f"## {heading}\n\n```text\n{lines}\n```\n")


if __name__ == "__main__":
    main()
