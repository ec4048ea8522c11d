"""The summaries that commands print on standard error: what was read, what was made, seconds and memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from segtool.errors import LittleTextWarning
from segtool.limits import LITTLE_TEXT

if TYPE_CHECKING:
    from segtool.runtime.progress import StageReport
    from segtool.text.reading import ReadingReport
    from segtool.text.sources import ReadReport

__all__ = [
    "little_text",
    "print_lines",
    "print_summary",
    "read_line",
    "silent_about_little_text",
    "skipped_lines",
    "stage_lines",
]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard error."""
    for line in lines:
        click.echo(line, err=True)


def print_summary(report: ReadingReport, results: Iterable[str], output: str, notes: Iterable[str] = ()) -> None:
    """Print what was read, the results, the cost of each stage, notes, the lines that were left out, and the output."""
    costs = [*stage_lines(report.stages), *notes, *skipped_lines(report.reading)]
    print_lines([read_line(report.reading), *results, *costs, output])


@contextmanager
def silent_about_little_text() -> Iterator[None]:
    """Leave out the warning of a call of Python, in whose place a command prints :func:`little_text`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LittleTextWarning)
        yield


def little_text(symbols: int, advice: str) -> list[str]:
    """The line on a text that is too small to learn from, with what to do; nothing if it is large enough."""
    if not 0 < symbols < LITTLE_TEXT:
        return []
    return [f"warning  only {symbols:,} symbols, and {LITTLE_TEXT:,} are needed at least: {advice}"]


def read_line(reading: ReadReport) -> str:
    """Size of the text that was read."""
    return f"read     {reading.characters:,} characters in {reading.lines:,} lines of {reading.files:,} files"


def stage_lines(stages: list[StageReport]) -> list[str]:
    """Seconds and peak memory of each stage, and of all."""
    seconds = sum(stage.seconds for stage in stages)
    peak = max((stage.peak_bytes for stage in stages), default=0)
    lines = [f"{stage.name:8} {stage.seconds:8.2f} s {stage.peak_bytes / 1e6:8,.0f} MB" for stage in stages]
    return [*lines, f"{'total':8} {seconds:8.2f} s {peak / 1e6:8,.0f} MB peak"]


def skipped_lines(reading: ReadReport) -> list[str]:
    """The lines that could not be read, and why; nothing if all could."""
    if not reading.skipped_lines:
        return []
    lines = [f"skipped  {reading.skipped_lines:,} lines that could not be read:"]
    lines += [
        f"         {each.source}, line {each.line}, byte offset {each.offset}: {each.reason}"
        for each in reading.skipped
    ]
    if len(reading.skipped) < reading.skipped_lines:
        lines.append(f"         … and {reading.skipped_lines - len(reading.skipped):,} more")
    return lines
