"""What the experiments share: the texts they train on, the gold sets, F1, tables in Markdown.

DATA is a folder with ``raw/research/`` and ``gold/``. The folder data/ of this repository will do to try a script: its
sample is then the training text, and its gold standard the only gold set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import segtool
from segtool.text.sources import find_sources, read_blocks

DATA = Path("../shared/data")
NEWS = ["news_pfr1998_jan.txt", "news_pfr1998_feb.txt", "news_msra_ner.txt"]
DEV = ["pku/dev10pct", "msr/dev10pct", "ud_gsdsimp/dev"]
ALL = ["pku/test", "msr/test", *DEV, "ud_gsd_trad/dev"]
GIVEAWAY = 14
"""A line of the training text that has so many characters in a row from a gold set is taken out."""

Gold: TypeAlias = dict[str, list[str]]


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser of the command line that knows DATA."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", default=DATA, metavar="DATA", help="default: %(default)s")
    return parser


def texts_of(data: Path, names: Sequence[str] = NEWS) -> list[Path]:
    """The files of DATA to train on."""
    texts = [data / "raw" / "research" / name for name in names]
    return texts if texts[0].exists() else sorted((data / "sample").glob("*.txt"))


def read_texts(paths: Sequence[Path]) -> str:
    """The text of files."""
    return "".join(read_blocks(find_sources(paths)))


def gold_of(data: Path, names: Sequence[str]) -> Gold:
    """The lines of the gold sets of DATA."""
    paths = {name: data / "gold" / f"{name}.seg.txt" for name in names if (data / "gold").exists()}
    paths = paths or {"gold": data / "gold.seg.txt"}
    return {name: path.read_text("utf-8").splitlines() for name, path in paths.items()}


def raw(lines: Sequence[str]) -> list[str]:
    """The text of gold lines."""
    return [line.replace(" ", "") for line in lines]


def sentences(lines: Sequence[str]) -> list[list[str]]:
    """The words of gold lines; empty lines are left out."""
    return [line.split() for line in lines if line.split()]


def without(gold: Gold, text: str) -> list[str]:
    """The lines of a text that share no long stretch of characters with a gold set."""
    seen: set[str] = set()
    for lines in gold.values():
        for line in raw(lines):
            seen.update(line[i : i + GIVEAWAY] for i in range(len(line) - GIVEAWAY + 1))
    lines = text.split("\n")
    return [line for line in lines if seen.isdisjoint(line[i : i + GIVEAWAY] for i in range(len(line) - GIVEAWAY + 1))]


def f1(lines: Sequence[str], predicted: Iterable[Sequence[str]]) -> float:
    """F1 of words by spans."""
    return segtool.evaluate(lines, map(" ".join, predicted)).f1


def shown(figure: float) -> str:
    """F1 as the tables have it."""
    return f"{figure:.4f}".lstrip("0")


def print_row(first: str, cells: Iterable[str]) -> None:
    """Print a row of a table."""
    print(f"| {first} |", " | ".join(cells), "|", flush=True)


def print_head(first: str, columns: Sequence[str]) -> None:
    """Print the head of a table."""
    print_row(first, columns)
    print_row("---", ["--:"] * len(columns))


def exit_unless_known(names: Sequence[str], known: Iterable[str]) -> None:
    """End the script if a name is not one of those known."""
    known = list(known)
    if not set(names) <= set(known):
        sys.exit(f"choose from {', '.join(known)}")
