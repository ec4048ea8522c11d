"""Explanations as a table for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segtool.explain.explanation import ExplainedGap, ExplainedRun, ExplainedWord, Explanation, ScorePart

__all__ = ["cut_rows", "explanation_report", "gap_source", "part_label", "printable", "word_source"]

_GAP = "  |"
_HEADINGS = ("word", "nats", "prob", "from", "best other cut", "loses")
_RIGHT = {"nats", "prob", "loses"}


def explanation_report(explanation: Explanation) -> str:
    """Write the words and gaps of a cut, one a line, below the cut and its score.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    str
        Without a line end behind the last line.
    """
    head = [
        f"cut    {' '.join(map(printable, explanation.words))}".rstrip(),
        f"score  {explanation.score:.3f} nats",
        f"model  {explanation.model}",
    ]
    if explanation.scored_words != explanation.words:
        scored = " ".join(map(printable, explanation.scored_words))
        head.insert(1, f"scored {scored}, before the rules for numbers, dates and names")
    rows = [row for run in explanation.runs for row in cut_rows(run)]
    if not rows:
        return "\n".join(head)
    table = [_HEADINGS, *rows]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = []
        for name, cell, width in zip(_HEADINGS, row, widths, strict=True):
            pad = " " * (width - _width(cell))
            cells.append(pad + cell if name in _RIGHT else cell + pad)
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*head, "", *lines])


def cut_rows(run: ExplainedRun) -> list[tuple[str, ...]]:
    """List the words and gaps of the cut of a run, in order.

    Returns
    -------
    list of tuple of str
        Word, or a bar for a gap; nats; probability; where they come from; the words of the best other cut, and what it
        loses.
    """
    if run.origin is not None:
        return [(printable(run.word), "", "", run.origin, "", "")]
    gaps = {gap.place: gap for gap in run.cuts}
    rows: list[tuple[str, ...]] = []
    for word in run.cover:
        if gap := gaps.get(word.start):
            rows.append((_GAP, *_nats_and_share(gap), gap_source(gap), *_other(gap)))
        source = word_source(word, printable, "{:+.3f}".format)
        rows.append((printable(word.word), *_nats_and_share(word), source, *_other(word)))
    return rows


def word_source(word: ExplainedWord, shown: Callable[[str], str], number: Callable[[float], str]) -> str:
    """Name where a word comes from, and of what its score consists; `shown` and `number` write text and nats."""
    source = word.origin
    if word.count is not None and word.expected is not None:
        source += f", {word.expected:,.0f} of {word.count:,}"
    if len(word.pieces) > 1:
        source += f", as {' '.join(map(shown, word.pieces))}"
    if len(word.parts) > 1:
        source += f": {', '.join(f'{shown(part_label(part))} {number(part.nats)}' for part in word.parts)}"
    return source


def part_label(part: ScorePart) -> str:
    """Label a part of a word's score: with its characters, or with its name if it is of the whole word."""
    return part.text if part.name in ("first", "middle", "last") else part.name


def gap_source(gap: ExplainedGap) -> str:
    """Name the shares of a gap's score."""
    if gap.granularity:
        return f"tagger {gap.tagger:+.3f}, granularity {gap.granularity:+.3f}"
    return "tagger"


def _nats_and_share(item: ExplainedWord | ExplainedGap) -> tuple[str, str]:
    return f"{item.score:+.3f}", f"{item.probability:.2f}"


def _other(item: ExplainedWord | ExplainedGap) -> tuple[str, str]:
    other = item.alternative
    return (" ".join(map(printable, other.words)), f"{other.loss:.3f}") if other else ("none", "")


def printable(text: str) -> str:
    """Replace characters that a terminal would not show by their escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _width(text: str) -> int:
    """Columns of a text on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
