"""The command line of language models: ``segtool lm train``, ``score``, ``info``, ``import``."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from segtool.cli import options
from segtool.cli.help import HelpfulGroup
from segtool.cli.reports import print_lines, print_summary
from segtool.errors import UsageError, one_line

if TYPE_CHECKING:
    from segtool.lm.kenlm import KenLM
    from segtool.lm.language_model import LanguageModel, TextScore

__all__ = ["lm_group"]


@click.group(
    "lm",
    cls=HelpfulGroup,
    examples=[
        ("segtool lm train corpus/ -o my.lm", "Train a model on raw text."),
        ("segtool lm score my.lm text.txt", "Score each line of a file."),
    ],
)
def lm_group() -> None:
    """Train character language models, and score text with them."""


def _prune_thresholds(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[,\s]+", value) if part]
    if not all(re.fullmatch(r"[0-9]{1,18}", part) for part in parts):
        raise UsageError(f"--prune {value!r}: give a number for each length, such as --prune '0 0 1'")
    return tuple(map(int, parts))


@lm_group.command(
    "train",
    cls=options.TitledCommand,
    examples=[
        ("segtool lm train corpus/ -o my.arpa.gz", "Train a model and write it as ARPA."),
        ("segtool lm train corpus/ -o my.lm --order 5", "Write a folder, with n-grams up to length 5."),
    ],
)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=options.FILE_PATH)
@options.output("FILE", "Name ending in .arpa or .arpa.gz, or a directory.", required=True)
@options.training_parameter("lm_order", "--order")
@options.titled_option(
    "--prune",
    metavar="N...",
    default="",
    callback=_prune_thresholds,
    help="Leave out n-grams of 1, 2, … symbols seen N times or less; '0 0 1' leaves out those of 3 and more seen once.",
    title="Model",
)
@options.encoding
@options.skip_undecodable
@options.workers("the model")
@options.quiet
def lm_train(inputs: tuple[str, ...], output: str, quiet: bool, **arguments: Any) -> None:
    """Train a language model on raw text: interpolated modified Kneser-Ney, over characters.

    INPUT is a file, a directory (all files below it), a glob, or - for standard input; plain, gz, bz2,
    xz or zst. A digit run is one symbol, a Latin run another, and everything between two runs of symbols
    ends a sentence.
    """
    options.announce_compiling(quiet)
    from segtool.lm.train import train_language_model
    from segtool.text.reading import ReadingReport

    report = ReadingReport()
    model = train_language_model(inputs, output, progress=not quiet, report=report, **arguments)
    if quiet:
        return
    corpus = model.card["corpus"]
    found = f"found    {corpus['runs']:,} runs, {corpus['symbols']:,} symbols"
    print_summary(report, [found, *_describe(model)], f"model    {output}")


def _describe(model: LanguageModel | KenLM) -> list[str]:
    from segtool.lm.kneser_ney import FALLBACK
    from segtool.lm.language_model import LanguageModel

    lines = [f"order    {model.order}"]
    if not isinstance(model, LanguageModel):
        return [*lines, "kind     KenLM binary, queried through kenlm"]
    for k, size in enumerate(model.ngrams, 1):
        line = f"{k}-grams  {size:>12,}"
        if model.discounts:
            discounts = model.discounts[k - 1]
            line += "   discounts " + " ".join(f"{each:.4f}" for each in discounts)
            line += " (fallback)" if discounts == FALLBACK else ""
        lines.append(line)
    return lines


@lm_group.command(
    "score",
    cls=options.TitledCommand,
    examples=[
        ("segtool lm score my.lm text.txt", "Score each line of a file."),
        ("echo 今天天气很好 | segtool lm score my.arpa.gz", "Score a line of standard input."),
    ],
)
@click.argument("model", type=options.FILE_PATH)
@click.argument("file", default="-", type=options.FILE_PATH)
@options.encoding
@options.quiet
def lm_score(model: str, file: str, encoding: str, quiet: bool) -> None:
    """Score each line of FILE: log10 probability and perplexity.

    MODEL is an ARPA file, a KenLM binary, or a directory written by 'segtool lm'; FILE is a text file, or
    standard input without one. Every run of symbols is a sentence of its own.

    Prints a table with tabs: number of the line, log10 probability, perplexity, tokens (symbols and ends
    of runs), unknown symbols; the last line sums up the text.
    """
    options.announce_terminal([file], quiet)
    options.announce_compiling(quiet)
    from segtool.lm.language_model import TextScore
    from segtool.lm.store import open_lm
    from segtool.text.sources import find_sources, read_blocks

    opened = open_lm(model)
    line = 0
    total = TextScore(0.0, 0, 0)
    sources = find_sources([file])
    with options.open_output(None, sources) as out:
        out.write(b"line\tlog10\tperplexity\ttokens\tunknown\n")
        for source in sources:
            open_line: TextScore | None = None  # of which there was only a part
            for block in read_blocks([source], encoding=encoding):
                columns = (column.tolist() for column in opened.score_lines(block))
                scores = [TextScore(*row) for row in zip(*columns, strict=True)]
                total = reduce(_both, scores, total)
                if open_line is not None:
                    scores[0] = _both(open_line, scores[0])
                open_line = None if block.endswith("\n") else scores.pop()
                out.write("".join(_row(str(line + i), score) for i, score in enumerate(scores, 1)).encode())
                line += len(scores)
            if open_line is not None:
                line += 1
                out.write(_row(str(line), open_line).encode())
        out.write(_row("total", total).encode())


def _both(one: TextScore, other: TextScore) -> TextScore:
    """Score two texts as one."""
    return type(one)(
        one.log10_probability + other.log10_probability, one.tokens + other.tokens, one.unknown + other.unknown
    )


def _row(name: str, score: TextScore) -> str:
    return f"{name}\t{score.log10_probability:.4f}\t{score.perplexity:.4f}\t{score.tokens}\t{score.unknown}\n"


@lm_group.command(
    "info",
    cls=options.TitledCommand,
    examples=[
        ("segtool lm info my.lm", "Describe a model in a folder."),
        ("segtool lm info my.arpa.gz", "Describe an ARPA file."),
    ],
)
@click.argument("model", type=options.FILE_PATH)
def lm_info(model: str) -> None:
    """Print the order, sizes, discounts and origin of a language model.

    MODEL is an ARPA file, a KenLM binary, or a directory written by 'segtool lm'.
    """
    from segtool.lm.language_model import LanguageModel
    from segtool.lm.store import open_lm

    with options.open_output(None) as out:
        opened = open_lm(model)
        lines = _describe(opened)
        if isinstance(opened, LanguageModel):
            for entry in ("parameters", "corpus", "imported"):
                told = opened.card.get(entry, {}).items()
                lines += [f"{entry}: {one_line(name)} {one_line(value, 2000)}" for name, value in told]
        out.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))


@lm_group.command(
    "import",
    cls=options.TitledCommand,
    examples=[
        ("segtool lm import my.arpa -o my.lm", "Convert an ARPA file into a folder, which opens at once."),
        ("segtool lm import my.binary -o my.lm", "Convert a KenLM binary (extra kenlm)."),
    ],
)
@click.argument("source", metavar="ARPA_OR_BINARY", type=options.FILE_PATH)
@options.output("DIRECTORY", "Directory to write the model to.", required=True)
@options.quiet
def lm_import(source: str, output: str, quiet: bool) -> None:
    """Import a character language model that was trained elsewhere into a directory.

    An ARPA file (plain or compressed) becomes tables. Its words are Han characters, <num> for a run of digits
    and <lat> for a run of Latin letters; n-grams with other words are left out. A KenLM binary is copied as it
    is, and queried through the kenlm package (extra kenlm).
    """
    options.announce_compiling(quiet)
    from segtool.lm.store import import_lm

    model = import_lm(source, output)
    if not quiet:
        print_lines([*_describe(model), f"model    {output}"])
