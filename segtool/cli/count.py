"""The command ``segtool count``."""

from __future__ import annotations

import click

from segtool.cli.options import (
    announce_compiling,
    encoding_option,
    engine_options,
    memory_options,
    open_engine,
    quiet_option,
    read_line,
    skip_option,
    skipped_lines,
    stage_lines,
    workers_option,
)

__all__ = ["count"]


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="SHARD", required=True, help="Directory to write the count shard to.")
@click.option("--counts", is_flag=True, help="INPUT are count shards, to be added up.")
@click.option(
    "--max-word-len", type=int, default=6, show_default=True, help="Longest word to be learned from it, in symbols."
)
@click.option(
    "--fold/--no-fold", default=True, show_default=True, help="Count simplified and traditional characters as one."
)
@encoding_option
@skip_option
@workers_option(None, "by default one for each processor. The shard does not depend on it")
@memory_options
@engine_options
@quiet_option
def count(
    inputs: tuple[str, ...],
    output: str,
    counts: bool,
    max_word_len: int,
    fold: bool,
    encoding: str,
    skip_undecodable: bool,
    workers: int | None,
    memory: str | None,
    tmp: str | None,
    engine: str,
    master: str | None,
    quiet: bool,
) -> None:
    """Count the n-grams of raw text, to be learned from later.

    INPUT is as for train. A shard holds the counts and the runs of its text. Any number of shards, made anywhere and
    in any order, give the model of all their text: segtool train --counts SHARD... -o MODEL.
    """
    announce_compiling(quiet)
    from segtool.ngrams import counter as counting

    report = counting.CountingReport()
    with open_engine(engine, master) as runner:
        counting.count(
            None if counts else inputs,
            output,
            counts=inputs if counts else None,
            max_word_len=max_word_len,
            fold=fold,
            encoding=encoding,
            skip_undecodable=skip_undecodable,
            workers=workers,
            memory=memory,
            tmp=tmp,
            engine=runner,
            progress=not quiet,
            report=report,
        )
    if quiet:
        return
    ngrams = f"{report.ngrams:,} n-grams of up to {report.order} symbols"
    found = f"found    {report.runs:,} runs, {report.symbols:,} symbols, {ngrams}"
    for line in [
        read_line(report.reading),
        found,
        *stage_lines(report.stages),
        *skipped_lines(report.reading),
        f"counts   {output}",
    ]:
        click.echo(line, err=True)
