"""The command line of language models: ``segtool lm train``, ``score``, ``info``, ``import``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segtool.cli.options import (
    announce_compiling,
    encoding_option,
    open_output,
    quiet_option,
    skip_option,
    skipped_lines,
    stage_lines,
    workers_option,
)
from segtool.errors import CorpusError, UsageError

if TYPE_CHECKING:
    from segtool.lm.kenlm import KenLM
    from segtool.lm.language_model import LanguageModel, TextScore
    from segtool.runtime.progress import StageReport
    from segtool.text.sources import ReadReport

__all__ = ["lm"]


@click.group()
def lm() -> None:
    """Train character language models, and ask them how likely a text is."""


def _numbers(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[,\s]+", value) if part]
    if not all(re.fullmatch(r"[0-9]{1,18}", part) for part in parts):
        raise UsageError(f"--prune {value!r}: give a number for each length, such as --prune '0 0 1'")
    return tuple(map(int, parts))


@lm.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", required=True, help="Name ending in .arpa or .arpa.gz, or a directory.")
@click.option("--order", type=int, default=4, show_default=True, help="Length of the longest n-grams, 2 to 6.")
@click.option(
    "--prune",
    metavar="N...",
    default="",
    callback=_numbers,
    help="Leave out n-grams of 1, 2, … symbols seen N times or less: '0 0 1' those of 3 and more seen once.",
)
@encoding_option
@skip_option
@workers_option(None, "by default one for each processor. The model does not depend on it")
@quiet_option
def train(
    inputs: tuple[str, ...],
    output: str,
    order: int,
    prune: tuple[int, ...],
    encoding: str,
    skip_undecodable: bool,
    workers: int | None,
    quiet: bool,
) -> None:
    """Train a language model on raw text: interpolated modified Kneser-Ney, over characters.

    INPUT is a file, a directory (all files below it), a glob, or - for standard input; plain, gz, bz2,
    xz or zst. Digit runs are one symbol, Latin runs another, and whatever stands between runs of symbols
    ends a sentence.
    """
    announce_compiling(quiet)
    import hashlib

    from segtool.lm.arpa import stream_arpa
    from segtool.lm.kneser_ney import estimate, thresholds
    from segtool.lm.store import write_lm
    from segtool.ngrams.count import count_stream
    from segtool.runtime.progress import Progress
    from segtool.runtime.workers import checked_workers
    from segtool.store.files import atomic_directory, atomic_file
    from segtool.text import sources as corpus
    from segtool.text.runs import RunCollector
    from segtool.text.symbols import LAT

    thresholds(prune, order)
    workers = checked_workers(workers)
    watch = Progress(not quiet)
    reading, digest, collector = corpus.ReadReport(), hashlib.sha256(), RunCollector()
    sources = corpus.find_sources(inputs)
    as_arpa = output.endswith((".arpa", ".arpa.gz"))
    # entered first, so that a place that cannot be written is known before hours of work
    with atomic_file(output) if as_arpa else atomic_directory(output) as place:
        with watch.stage("read", corpus.total_size(sources), "B") as step:
            for block in corpus.read_blocks(
                sources, encoding=encoding, skip_undecodable=skip_undecodable, report=reading, progress=step
            ):
                digest.update(block.encode("utf-8", "surrogatepass"))
                collector.add(block)
            runs = collector.runs()
        if runs.codes[-1] <= LAT:
            raise CorpusError(
                "the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8"
            )
        sizes = {"runs": collector.stats.runs, "symbols": collector.stats.symbols}
        with watch.stage("count"):
            counts = count_stream(runs.stream, runs.codes, order, workers)
            del runs
        with watch.stage("estimate"):
            model = estimate(counts, order, prune, workers)
            del counts
        text = {"characters": reading.characters, "digest": digest.hexdigest(), "lines": reading.lines}
        model.card["corpus"] = {**text, **sizes}
        with watch.stage("write", sum(model.ngrams)) as step:
            if isinstance(place, Path):
                write_lm(model, place)
            else:
                stream_arpa(model, place, output.endswith(".gz"), step)
    if not quiet:
        click.echo("\n".join(_summary(model, reading, watch.stages, output)), err=True)


def _summary(model: LanguageModel, reading: ReadReport, stages: list[StageReport], output: str) -> list[str]:
    corpus = model.card["corpus"]
    lines = [
        f"read     {reading.characters:,} characters in {reading.lines:,} lines of {reading.files:,} files",
        f"found    {corpus['runs']:,} runs, {corpus['symbols']:,} symbols",
        *_describe(model),
    ]
    return [*lines, *stage_lines(stages), *skipped_lines(reading), f"model    {output}"]


def _describe(model: LanguageModel | KenLM) -> list[str]:
    from segtool.lm.kneser_ney import FALLBACK
    from segtool.lm.language_model import LanguageModel

    lines = [f"order    {model.order}"]
    if not isinstance(model, LanguageModel):
        return [*lines, "kind     KenLM binary, asked through kenlm"]
    for k, size in enumerate(model.ngrams, 1):
        line = f"{k}-grams  {size:>12,}"
        if model.discounts:
            discounts = model.discounts[k - 1]
            line += "   discounts " + " ".join(f"{each:.4f}" for each in discounts)
            line += " (fallback)" if discounts == FALLBACK else ""
        lines.append(line)
    return lines


@lm.command()
@click.argument("model")
@click.argument("file", default="-")
@encoding_option
@quiet_option
def score(model: str, file: str, encoding: str, quiet: bool) -> None:
    """Score each line of FILE: log10 probability and perplexity.

    MODEL is an ARPA file, a KenLM binary, or a directory written by 'segtool lm'; FILE is a text file, or
    standard input without one. Every run of symbols is a sentence of its own.

    Prints a table with tabs: number of the line, log10 probability, perplexity, tokens (symbols and ends
    of runs), unknown symbols; a last line is on the whole text.
    """
    announce_compiling(quiet)
    from segtool.lm.language_model import TextScore
    from segtool.lm.store import open_lm
    from segtool.text.sources import find_sources, read_blocks

    opened = open_lm(model)
    line = 0
    log10, tokens, unknown = 0.0, 0, 0
    with open_output(None) as out:
        out.write(b"line\tlog10\tperplexity\ttokens\tunknown\n")
        for block in read_blocks(find_sources([file]), encoding=encoding):
            columns = (column.tolist() for column in opened.score_lines(block))
            scores = [TextScore(*row) for row in zip(*columns, strict=True)]
            out.write("".join(_row(str(line + i), score) for i, score in enumerate(scores, 1)).encode())
            line += len(scores)
            log10 += sum(score.log10_probability for score in scores)
            tokens += sum(score.tokens for score in scores)
            unknown += sum(score.unknown for score in scores)
        out.write(_row("total", TextScore(log10, tokens, unknown)).encode())


def _row(name: str, score: TextScore) -> str:
    return f"{name}\t{score.log10_probability:.4f}\t{score.perplexity:.4f}\t{score.tokens}\t{score.unknown}\n"


@lm.command()
@click.argument("model")
def info(model: str) -> None:
    """Tell what a language model is.

    MODEL is an ARPA file, a KenLM binary, or a directory written by 'segtool lm'.
    """
    from segtool.lm.language_model import LanguageModel
    from segtool.lm.store import open_lm

    opened = open_lm(model)
    for line in _describe(opened):
        click.echo(line)
    if isinstance(opened, LanguageModel):
        for entry in ("parameters", "corpus", "imported"):
            for name, value in opened.card.get(entry, {}).items():
                click.echo(f"{entry}: {name} {value}")


@lm.command("import")
@click.argument("source", metavar="ARPA_OR_BINARY")
@click.option("-o", "--output", metavar="DIRECTORY", required=True, help="Directory to write.")
@quiet_option
def import_model(source: str, output: str, quiet: bool) -> None:
    """Make a directory out of a language model that was trained elsewhere, on characters.

    An ARPA file (plain or compressed) is turned into tables. It holds a Han character as a word, and may
    hold <num> for a run of digits and <lat> for a run of Latin letters; n-grams with other words are left
    out. A KenLM binary cannot be turned into tables: it is copied, and queried through the kenlm package.
    """
    announce_compiling(quiet)
    from segtool.lm.store import import_lm

    model = import_lm(source, output)
    if not quiet:
        for line in [*_describe(model), f"model    {output}"]:
            click.echo(line, err=True)
