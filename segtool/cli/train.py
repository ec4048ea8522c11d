"""The command ``segtool train``."""

from __future__ import annotations

from typing import Any

import click

from segtool.cli import options
from segtool.cli.reports import little_text, print_lines, print_summary, silent_about_little_text

__all__ = ["train_command"]


@click.command(
    "train",
    cls=options.TitledCommand,
    examples=[
        ("segtool train corpus/ -o my.model", "Learn from all files below a folder."),
        (
            "segtool train news.txt.gz --base default -o news.model",
            "Continue from the included model; also for little text.",
        ),
    ],
)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=options.FILE_PATH)
@options.output("MODEL", "Directory to write the model to.", required=True)
@options.titled_option(
    "--base",
    metavar="MODEL",
    help="Continue from a model, or from 'default', with its parameters.",
    title="Model",
    type=options.FILE_PATH,
)
@options.titled_option(
    "--counts", is_flag=True, help="INPUT are count shards, written by 'segtool count', in any order.", title="Input"
)
@options.allow_duplicates
@options.encoding
@options.skip_undecodable
@options.workers("the model")
@options.memory
@options.titled_option(
    "--resume",
    is_flag=True,
    help="Keep finished stages, and continue a training that was interrupted.",
    title="Resources",
)
@options.engine
@options.quiet
@options.training_parameters
def train_command(
    inputs: tuple[str, ...], output: str, counts: bool, engine: str, master: str | None, quiet: bool, **arguments: Any
) -> None:
    """Learn a model from raw text.

    INPUT is a file, a directory (all files below it), a glob, or - for standard input; plain, gz, bz2,
    xz or zst. For the method dict it is a word list: a word a line, or `word count`, or `word count tag`.

    A corpus that does not fit into --memory is counted in parts, kept in --tmp; the model is the same.
    """
    options.announce_terminal(inputs, quiet)
    options.announce_compiling(quiet)
    from segtool.training import TrainingReport, train

    report = TrainingReport()
    texts, shards = (None, inputs) if counts else (inputs, None)
    with options.open_engine(engine, master) as runner, silent_about_little_text():
        train(texts, output, counts=shards, engine=runner, progress=not quiet, report=report, **arguments)
    if not quiet:
        candidates = f" out of {report.candidates:,} candidates" if report.candidates else ""
        found = f"found    {report.runs:,} runs, {report.symbols:,} symbols"
        learned = f"learned  {report.words:,} words{candidates}"
        print_summary(report, [found, learned], f"model    {output}", _left_out(report.left_out))
        if texts is not None and arguments["base"] is None:
            more = "a model gets better up to millions; --base default learns from little text"
            print_lines(little_text(report.symbols, more))


def _left_out(words: list[str]) -> list[str]:
    """The line on the words of a list that cannot be used, if there are any."""
    why = "too long, with a mark in them or without a count"
    return [f"left out {len(words):,} words ({why}), such as {words[0]}"] if words else []
