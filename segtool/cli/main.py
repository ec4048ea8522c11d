"""The command line: ``segtool train``, ``segtool cut``, ``segtool eval``.

Commands import what they run when they run it, so that ``--help`` and a short cut answer at once. Data
goes to standard output, talk to standard error. Exit codes: 0, 1 for data, 2 for usage, 130 for Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from segtool import __version__
from segtool.cli.count import count
from segtool.cli.lm import lm
from segtool.cli.options import (
    announce_compiling,
    encoding_option,
    engine_options,
    memory_options,
    open_engine,
    open_output,
    parameter_options,
    quiet_option,
    read_line,
    skip_option,
    skipped_lines,
    stage_lines,
    workers_option,
)
from segtool.cli.warmup import warmup
from segtool.cli.words import words
from segtool.errors import SegtoolError, UsageError

if TYPE_CHECKING:
    from segtool.training import TrainingReport

__all__ = ["main"]


class _Group(click.Group):
    """Turns errors that segtool raises on purpose, and those of the system, into one line and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}", 1)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SegtoolError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            # whoever read our output has gone: not our fault, and nothing to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            _fail("interrupted; no output was changed", 130)
        except MemoryError:
            _fail("out of memory: train with a smaller --memory or --sample, or cut with a smaller -j", 1)


def _fail(message: str, code: int) -> None:
    click.echo(f"segtool: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="segtool")
def main() -> None:
    """Learn to segment Chinese text into words from raw text alone, and cut text with what was learned."""
    import logging
    import signal

    talk = logging.StreamHandler()
    talk.setFormatter(logging.Formatter("segtool: %(message)s"))
    logging.getLogger("segtool").addHandler(talk)
    # so that a termination, too, leaves no unfinished file behind
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


@main.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="MODEL", required=True, help="Directory to write the model to.")
@click.option("--base", metavar="MODEL", help="Continue from a model, or from 'default', with its parameters.")
@click.option("--counts", is_flag=True, help="INPUT are count shards, written by 'segtool count', in any order.")
@parameter_options
@encoding_option
@skip_option
@workers_option(None, "by default one for each processor. The model does not depend on it")
@memory_options
@click.option("--resume", is_flag=True, help="Go on with a training that was killed; keep finished stages for that.")
@engine_options
@quiet_option
def train(
    inputs: tuple[str, ...],
    output: str,
    base: str | None,
    counts: bool,
    encoding: str,
    skip_undecodable: bool,
    workers: int | None,
    memory: str | None,
    tmp: str | None,
    resume: bool,
    engine: str,
    master: str | None,
    quiet: bool,
    **parameters: Any,
) -> None:
    """Learn a model from raw text.

    INPUT is a file, a directory (all files below it), a glob, or - for standard input; plain, gz, bz2,
    xz or zst. For the method dict it is a word list: a word a line, or `word count`, or `word count tag`.

    A corpus that does not fit into --memory is counted in parts, kept in --tmp; the model is the same.
    """
    announce_compiling(quiet)
    from segtool import training

    report = training.TrainingReport()
    with open_engine(engine, master) as runner:
        training.train(
            None if counts else inputs,
            output,
            counts=inputs if counts else None,
            base=base,
            encoding=encoding,
            skip_undecodable=skip_undecodable,
            workers=workers,
            memory=memory,
            tmp=tmp,
            resume=resume,
            engine=runner,
            progress=not quiet,
            report=report,
            **parameters,
        )
    if not quiet:
        _print_summary(report, output)


def _print_summary(report: TrainingReport, output: str) -> None:
    def say(text: str) -> None:
        click.echo(text, err=True)

    reading = report.reading
    say(read_line(reading))
    say(f"found    {report.runs:,} runs, {report.symbols:,} symbols")
    say(f"learned  {report.words:,} words" + (f" out of {report.candidates:,} candidates" if report.candidates else ""))
    for line in stage_lines(report.stages):
        say(line)
    if report.left_out:
        why = "too long, with a mark in them or without a count"
        say(f"left out {len(report.left_out):,} words ({why}), such as {report.left_out[0]}")
    for line in skipped_lines(reading):
        say(line)
    say(f"model    {output}")


@main.command()
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("-m", "--model", default="default", show_default=True, help="Directory written by 'segtool train'.")
@click.option("-o", "--output", metavar="FILE", help="Write here instead of standard output.")
@click.option("--sep", default=" ", help="Between two words.  [default: a space]")
@click.option(
    "--adapt", metavar="FILE", multiple=True, help="First learn the words of this raw text, such as the one to be cut."
)
@encoding_option
@workers_option(1, "1 by default. The output does not depend on it")
@quiet_option
def cut(
    files: tuple[str, ...],
    model: str,
    output: str | None,
    sep: str,
    adapt: tuple[str, ...],
    encoding: str,
    workers: int,
    quiet: bool,
) -> None:
    """Cut text into words, a line for each line of the input, in UTF-8.

    FILE is as for train; standard input without one. A line that is typed is cut at once. The model in the box
    serves where there is no other (-m). --adapt learns from a text without changing the model; it can be given
    several times, and FILE is as above.
    """
    files = files or ("-",)
    if "-" in adapt and "-" in files:
        raise UsageError("standard input (-) can be read only once: give a file to --adapt")
    if not sep or "\n" in sep:
        raise UsageError("--sep must hold something, and no line end")
    announce_compiling(quiet)
    from segtool.decode.streaming import cut_utf8_stream
    from segtool.runtime.progress import Progress
    from segtool.segmenter import load
    from segtool.text.sources import find_sources, read_blocks, total_size
    from segtool.text.utf8_files import read_utf8

    segmenter = load(model)
    sources = find_sources(files)
    line_ended = True
    with open_output(output) as out:
        watch = Progress(not quiet and not out.isatty())
        if adapt:
            own = find_sources(adapt)
            with watch.stage("adapt", total_size(own), "B") as step:
                segmenter = segmenter.adapt(read_blocks(own, encoding=encoding, progress=step), workers)
        with watch.stage("cut", total_size(sources), "B") as step:
            for source in sources:
                begun = False
                pieces = read_utf8(source, encoding=encoding, progress=step)
                ahead = source.path is not None and source.path.is_file()  # others may wait for what we write
                for data in cut_utf8_stream(segmenter, pieces, sep, workers, ahead):
                    if data:
                        # the last line of a file may lack its end, and ends all the same
                        out.write(data if begun or line_ended else b"\n" + data)
                        out.flush()
                        begun, line_ended = True, data.endswith(b"\n")


@main.command("eval")
@click.argument("gold", type=str)
@click.argument("predicted", type=str)
@click.option(
    "--protocol",
    type=click.Choice(["span", "sighan"]),
    default="span",
    show_default=True,
    help="Words match by their place in the text, or as the SIGHAN 2005 script aligns them.",
)
@click.option("--train-words", metavar="FILE", help="Word list or segmented text: adds OOV rate and recall.")
@click.option("--top-errors", metavar="N", type=click.IntRange(0), default=0, help="Show the N most frequent errors.")
@click.option("--sep", help="Separator of PREDICTED, where it is not whitespace.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@encoding_option
def evaluate(
    gold: str,
    predicted: str,
    protocol: str,
    train_words: str | None,
    top_errors: int,
    sep: str | None,
    as_json: bool,
    encoding: str,
) -> None:
    """Score a segmentation against a gold standard: precision, recall and F1 of words."""
    from segtool.evaluation import evaluate_files

    result = evaluate_files(
        gold,
        predicted,
        protocol=protocol,
        train_words=train_words,
        top_errors=top_errors,
        encoding=encoding,
        sep=sep,
    )
    if as_json:
        import json

        click.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
    else:
        click.echo(result.report())


@main.command()
@click.option("-m", "--model", required=True, help="Directory written by 'segtool train'.")
@click.option("-o", "--output", metavar="FILE", help="Write here instead of standard output.")
@click.option("--format", "form", type=click.Choice(["jieba"]), default="jieba", show_default=True, help="Of the list.")
def export(model: str, output: str | None, form: str) -> None:
    """Write the words of a model as a dictionary for other tools.

    A line is a word and its count, as a user dictionary of jieba. Words with a number or a Latin run in them
    stand for many and are left out.
    """
    from segtool.methods.word_list import words_with_counts
    from segtool.segmenter import load

    with open_output(output) as out:
        for word, count in words_with_counts(load(model).model):
            out.write(f"{word} {count}\n".encode())


main.add_command(count)
main.add_command(lm)
main.add_command(warmup)
main.add_command(words)
