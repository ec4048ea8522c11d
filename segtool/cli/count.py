"""The command ``segtool count``."""

from __future__ import annotations

from typing import Any

import click

from segtool.cli import options
from segtool.cli.reports import print_summary

__all__ = ["count_command"]


@click.command(
    "count",
    cls=options.TitledCommand,
    examples=[
        ("segtool count part1/ -o part1.shard", "Count a part of a corpus."),
        ("segtool count --counts part1.shard part2.shard -o both.shard", "Add up counts."),
    ],
)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=options.FILE_PATH)
@options.output("SHARD", "Directory to write the count shard to.", required=True)
@options.titled_option("--counts", is_flag=True, help="INPUT are count shards, to be added up.", title="Input")
@options.allow_duplicates
@options.training_parameter("max_word_len")
@options.training_parameter("fold")
@options.training_parameter("join_lines", title="Input")
@options.training_parameter("unique_lines", title="Input")
@options.encoding
@options.skip_undecodable
@options.workers("the shard")
@options.memory
@options.engine
@options.quiet
def count_command(
    inputs: tuple[str, ...], output: str, counts: bool, engine: str, master: str | None, quiet: bool, **arguments: Any
) -> None:
    """Count the n-grams of raw text, to learn from later.

    INPUT is as for train. A shard holds the counts and the runs of its text. Any number of shards, made anywhere and
    in any order, give the model of all their text: segtool train --counts SHARD... -o MODEL.
    """
    options.announce_terminal(inputs, quiet)
    options.announce_compiling(quiet)
    from segtool.ngrams.count_stage import CountingReport, count

    report = CountingReport()
    texts, shards = (None, inputs) if counts else (inputs, None)
    with options.open_engine(engine, master) as runner:
        count(texts, output, counts=shards, engine=runner, progress=not quiet, report=report, **arguments)
    if not quiet:
        ngrams = f"{report.ngrams:,} n-grams of up to {report.order} symbols"
        found = f"found    {report.runs:,} runs, {report.symbols:,} symbols, {ngrams}"
        print_summary(report, [found], f"counts   {output}")
