"""The summaries that commands print on standard error: what was read, what was made, seconds and memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from segtool.ngrams.count_stage import CountingReport
    from segtool.runtime.progress import StageReport
    from segtool.text.sources import ReadReport
    from segtool.training import TrainingReport

__all__ = ["counting_summary", "print_lines", "read_line", "skipped_lines", "stage_lines", "training_summary"]


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard error."""
    for line in lines:
        click.echo(line, err=True)


def training_summary(report: TrainingReport, output: str) -> list[str]:
    """The lines that ``segtool train`` prints."""
    learned = f"learned  {report.words:,} words"
    lines = [
        read_line(report.reading),
        f"found    {report.runs:,} runs, {report.symbols:,} symbols",
        learned + (f" out of {report.candidates:,} candidates" if report.candidates else ""),
        *stage_lines(report.stages),
    ]
    if report.left_out:
        why = "too long, with a mark in them or without a count"
        lines.append(f"left out {len(report.left_out):,} words ({why}), such as {report.left_out[0]}")
    return [*lines, *skipped_lines(report.reading), f"model    {output}"]


def counting_summary(report: CountingReport, output: str) -> list[str]:
    """The lines that ``segtool count`` prints."""
    ngrams = f"{report.ngrams:,} n-grams of up to {report.order} symbols"
    return [
        read_line(report.reading),
        f"found    {report.runs:,} runs, {report.symbols:,} symbols, {ngrams}",
        *stage_lines(report.stages),
        *skipped_lines(report.reading),
        f"counts   {output}",
    ]


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
