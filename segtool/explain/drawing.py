"""The lattice of a text as drawings (SVG), one for each row of text.

A row has the symbols along a line, the scores of the gaps above them, and the words of the lattice as bars below: the
cut's first, then the others, those that lose least on top. Rows end between words of the cut. A bar that goes on in the
next row is drawn in both, open at that end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from segtool.limits import LONGEST_WORD

if TYPE_CHECKING:
    from segtool.explain.explanation import ExplainedGap, ExplainedRun, ExplainedWord, Explanation

__all__ = ["DRAWN_WITHIN", "draw_lattice", "markup", "signed"]

DRAWN_WITHIN = 12.0
"""Words of the lattice that lose more, in nats, are not drawn."""

_CELL, _WIDEST_CELL, _LETTER, _CELL_PAD = 68, 300, 15, 24
_MARK_CELL = _CELL // 2
_SPACE_CELL = 22
_ROW = 15 * _CELL
_MARGIN = 14
_GAP_LINE, _TEXT_TOP, _TEXT_BOTTOM = 15, 24, 64
_BARS, _BAR, _BAR_STEP = 72, 36, 41

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


class _Cell(NamedTuple):
    """A token in its place; x and width in pixels from the left end of the row."""

    text: str
    start: int
    end: int
    kind: str
    x: int
    width: int


class _Bar(NamedTuple):
    """A word of the lattice, or the part of it that is in a row."""

    word: ExplainedWord
    x: int
    width: int
    open_left: bool
    open_right: bool


def markup(text: str) -> str:
    """Escape a text for HTML and SVG; characters that no page may hold are replaced by visible ones."""
    text = text.translate(_CONTROLS)
    plain = "".join("\ufffd" if "\x7f" < c < "\xa0" or _is_unsafe(ord(c)) else c for c in text)
    return escape(plain)


def _is_unsafe(code: int) -> bool:
    """Whether it is a surrogate, no character, or one that reverses the text around it."""
    return (
        0xD800 <= code < 0xE000
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code < 0xFDF0
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    )


def signed(nats: float, digits: int = 2) -> str:
    """Write a number with its sign, a true minus."""
    return f"{nats:+.{digits}f}".replace("-", "\u2212")


def draw_lattice(explanation: Explanation) -> Iterator[str]:
    """Draw a text.

    Parameters
    ----------
    explanation : Explanation

    Yields
    ------
    str
        An ``svg`` element for each row.
    """
    for cells in _rows(explanation):
        yield _draw_row(explanation, cells)


def _rows(explanation: Explanation) -> Iterator[list[_Cell]]:
    """Lay out the tokens in rows that end between words of the cut, and at line ends."""
    row: list[_Cell] = []
    x = at = 0
    for unit in _units(explanation):
        between = explanation.text[at : unit[0][0]]
        at = unit[-1][1]
        width = sum(map(_cell_width, unit))
        # a mark may hang over, so that no row begins with it
        if row and ("\n" in between or x + width > _ROW + _MARK_CELL * (width == _MARK_CELL)):
            yield row
            row, x = [], 0
        elif between and row:
            x += _SPACE_CELL
        for token in unit:
            start, end, kind = token
            row.append(_Cell(explanation.text[start:end], start, end, kind, x, _cell_width(token)))
            x += row[-1].width
    if row:
        yield row


def _units(explanation: Explanation) -> Iterator[list[tuple[int, int, str]]]:
    """Tokens of each word of the cut: start, end and kind."""
    for run in explanation.runs:
        if run.origin is not None:
            yield [(run.start, run.end, run.origin)]
            continue
        places = *run.symbols, run.end
        for word in run.cover:
            here = places[bisect_left(places, word.start) : bisect_left(places, word.end) + 1]
            yield [(start, end, "symbol") for start, end in pairwise(here)]


def _cell_width(token: tuple[int, int, str]) -> int:
    start, end, kind = token
    least = _CELL if kind == "symbol" else _MARK_CELL
    return min(max(least, _LETTER * (end - start) + _CELL_PAD), _WIDEST_CELL)


def _draw_row(explanation: Explanation, cells: list[_Cell]) -> str:
    low, high = cells[0].start, cells[-1].end
    lefts = {cell.start: cell.x for cell in cells}
    rights = {cell.end: cell.x + cell.width for cell in cells}
    width = cells[-1].x + cells[-1].width
    runs = [run for run in explanation.runs if run.origin is None and run.start < high and run.end > low]
    bars = [bar for run in runs for bar in _bars(run, low, high, lefts, rights, width)]
    lanes = _lanes(bars)
    height = _BARS + _BAR_STEP * (max(lanes, default=-1) + 1) + 4
    shapes = [_draw_cell(cell) for cell in cells]
    for run in runs:
        shapes += [_draw_gap(gap, lefts[gap.place]) for gap in run.gaps if gap.place in lefts and gap.place > low]
        shapes += [_draw_gap(gap, 0) for gap in run.gaps if gap.place == low]
    shapes += [_draw_bar(bar, _BARS + _BAR_STEP * lane) for bar, lane in zip(bars, lanes, strict=True)]
    label = markup(explanation.text[low:high])
    box = f'viewBox="{-_MARGIN} 0 {width + 2 * _MARGIN} {height}" width="{width + 2 * _MARGIN}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {box}>{"".join(shapes)}</svg>'


def _bars(
    run: ExplainedRun, low: int, high: int, lefts: dict[int, int], rights: dict[int, int], width: int
) -> list[_Bar]:
    """Bars of a run in a row that shows a stretch of text, in the order in which they are placed."""
    bars = []
    farthest = run.symbols[max(bisect_left(run.symbols, low) - LONGEST_WORD, 0)]
    first, behind = (bisect_left(run.words, place, key=lambda word: word.start) for place in (farthest, high))
    for word in run.words[first:behind]:
        if word.end > low and (word.chosen or word.loss <= DRAWN_WITHIN):
            open_left, open_right = word.start < low, word.end > high
            left = -2 * _MARGIN if open_left else lefts[word.start]
            right = width + 2 * _MARGIN if open_right else rights[word.end]
            bars.append(_Bar(word, left, right - left, open_left, open_right))
    return sorted(bars, key=lambda bar: (not bar.word.chosen, bar.word.loss, bar.word.start, bar.word.end))


def _lanes(bars: list[_Bar]) -> list[int]:
    """Give each bar the highest lane with room for it; the cut's words have the first one alone."""
    taken: list[list[tuple[int, int]]] = [[]]
    lanes = []
    for bar in bars:
        lane = 0 if bar.word.chosen else 1
        while lane < len(taken) and any(bar.x < right and left < bar.x + bar.width for left, right in taken[lane]):
            lane += 1
        if lane == len(taken):
            taken.append([])
        taken[lane].append((bar.x, bar.x + bar.width))
        lanes.append(lane)
    return lanes


def _draw_cell(cell: _Cell) -> str:
    middle = cell.x + cell.width // 2
    fit = "" if _LETTER * len(cell.text) + _CELL_PAD <= _WIDEST_CELL else f' textLength="{cell.width - 8}" '
    fit = fit and fit + 'lengthAdjust="spacingAndGlyphs"'
    place = f'x="{middle}" y="{_TEXT_BOTTOM - 12}"{fit}'
    return f'<text class="text {cell.kind}" lang="zh" {place}>{markup(cell.text)}</text>'


def _draw_gap(gap: ExplainedGap, x: int) -> str:
    kind = "gap chosen" if gap.chosen else "gap"
    line = f'<line x1="{x}" y1="{_TEXT_TOP}" x2="{x}" y2="{_TEXT_BOTTOM}"/>'
    text = f'<text x="{x}" y="{_GAP_LINE}">{signed(gap.score)}</text>'
    return f'<g class="{kind}">{_tip(_gap_tip(gap))}{line}{text}</g>'


def _draw_bar(bar: _Bar, y: int) -> str:
    word = bar.word
    kind = f"bar {word.origin.replace(' ', '-')}{' chosen' if word.chosen else ''}"
    box = f'<rect x="{bar.x + 3}" y="{y}" width="{bar.width - 6}" height="{_BAR}" rx="7"/>'
    # the middle of the part that can be seen
    left = bar.x + 2 * _MARGIN if bar.open_left else bar.x
    right = bar.x + bar.width - (2 * _MARGIN if bar.open_right else 0)
    middle = (left + right) // 2
    below = _SHORT.get(word.origin, word.origin) if word.chosen else f"loses {word.loss:.1f}"
    lines = f'<text x="{middle}" y="{y + 16}">{signed(word.score)}</text>'
    lines += f'<text class="small" x="{middle}" y="{y + 30}">{below}</text>'
    return f'<g class="{kind}">{_tip(_word_tip(word))}{box}{lines}</g>'


_SHORT = {"unknown word": "unknown", "unknown character": "unknown"}


def _tip(text: str) -> str:
    """Text that browsers show beside the pointer."""
    return f"<title>{text}</title>"


def _word_tip(word: ExplainedWord) -> str:
    lines = [f"{markup(word.word)}: {signed(word.score, 4)} nats, {word.origin}"]
    if word.count is not None:
        lines.append(f"{word.count:,} times in the training text, {word.expected:,.1f} of them as a word")
    if len(word.parts) > 1:
        lines += [f"{part.name} {markup(part.text)}: {signed(part.nats, 4)}" for part in word.parts]
    if len(word.pieces) > 1:
        lines.append(f"comes out as {' '.join(map(markup, word.pieces))}")
    lines.append("a word of the cut" if word.chosen else f"the best cut with it loses {word.loss:.4f} nats")
    lines.append(f"probability {word.probability:.4f}")
    return "\n".join(lines)


def _gap_tip(gap: ExplainedGap) -> str:
    lines = [f"gap: {signed(gap.score, 4)} nats" + (", cut" if gap.chosen else ", not cut")]
    lines += [f"{markup(part.text) or part.name}: {signed(part.nats, 4)}" for part in gap.parts if part.nats]
    if gap.alternative is not None:
        lines.append(f"the best other cut loses {gap.alternative.loss:.4f} nats")
    lines.append(f"probability {gap.probability:.4f}")
    return "\n".join(lines)
