"""What several commands share: options as decorators, the output, the notice of a first compile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from segtool.errors import OutputError, UsageError

if TYPE_CHECKING:
    from segtool.runtime.progress import StageReport
    from segtool.text.sources import ReadReport

__all__ = [
    "announce_compiling",
    "encoding_option",
    "engine_options",
    "memory_options",
    "open_engine",
    "open_output",
    "parameter_options",
    "quiet_option",
    "read_line",
    "skip_option",
    "skipped_lines",
    "stage_lines",
    "workers_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])

METHODS = ["unigram", "entropy", "cohesion", "lm", "dict"]


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    return tuple(map(float, text.split(",")))


def encoding_option(command: Command) -> Command:
    """Add ``--encoding``."""
    return click.option(
        "--encoding", default="utf-8", show_default=True, help="Of the input: utf-8, gb18030, big5, utf-16, …"
    )(command)


def skip_option(command: Command) -> Command:
    """Add ``--skip-undecodable``."""
    return click.option("--skip-undecodable", is_flag=True, help="Leave out lines that are no text in that encoding.")(
        command
    )


def workers_option(default: int | None, what: str) -> Callable[[Command], Command]:
    """Add ``-j``."""
    return click.option("-j", "--workers", type=click.IntRange(1), default=default, help=f"Threads; {what}.")


def memory_options(command: Command) -> Command:
    """Add ``--memory`` and ``--tmp``."""
    text = "For what does not fit into memory.  [default: beside the output]"
    command = click.option("--tmp", metavar="DIR", help=text)(command)
    return click.option(
        "--memory", metavar="SIZE", help="What may be used, such as 2G.  [default: a half of what is free]"
    )(command)


def engine_options(command: Command) -> Command:
    """Add ``--engine`` and ``--master``."""
    text = "Of the Spark cluster, such as spark://host:7077 or local[2]."
    command = click.option("--master", metavar="URL", help=text)(command)
    return click.option(
        "--engine",
        type=click.Choice(["threads", "spark"]),
        default="threads",
        show_default=True,
        help="Who goes over the corpus: threads here, or Apache Spark. The result does not depend on it.",
    )(command)


@contextmanager
def open_engine(name: str, master: str | None) -> Iterator[Any]:
    """The engine that was asked for, None for threads."""
    if name == "threads":
        if master is not None:
            raise UsageError("--master: for --engine spark only")
        yield None
        return
    from segtool.spark.session import open_spark

    with open_spark(master) as engine:
        yield engine


def quiet_option(command: Command) -> Command:
    """Add ``-q``."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")(command)


def parameter_options(command: Command) -> Command:
    """Add an option for every parameter of the method."""
    options: list[tuple[str, Any, Any, str]] = [
        ("--method", click.Choice(METHODS), "unigram", "How words are found; docs/methods.md compares."),
        ("--min-count", int, 2, "N-grams seen less often are no candidates."),
        ("--min-per-million", float, 0.1, "Nor are those seen less often in a million symbols; for large corpora."),
        ("--max-word-len", int, 6, "Longest word, in symbols."),
        ("--fold/--no-fold", bool, True, "Count simplified and traditional characters as one."),
        ("--length-penalty", float, 2.0, "β: a word of k symbols costs k^β nats."),
        ("--variation-weight", float, 0.05, "ρ: weight of the variation of branching entropy."),
        ("--entropy-weight", float, 2.0, "η: weight of branching entropy that falls short of the floor."),
        ("--entropy-floor", float, 1.5, "h0: the floor, in nats."),
        ("--passes", int, 4, "EM passes without word classes."),
        ("--min-expected", float, 0.5, "Words expected less often in the corpus leave the lexicon."),
        ("--word-classes", int, 60, "Classes of frequent words; 0 does without classes."),
        ("--class-words", int, 2000, "How many frequent words are put into classes."),
        ("--class-weight", float, 1.0, "μ: power of the factors of class bigrams."),
        ("--class-passes", int, 4, "EM passes under class bigrams, after the others."),
        ("--unknown-len", int, 4, "Longest word beyond the lexicon, in symbols; 0 for none."),
        ("--unknown-cost", float, 12.2, "Nats that such a word costs beyond its spelling."),
        ("--unknown-step", float, 6.25, "Nats that each symbol of it beyond the second costs."),
        ("--spelling-weight", float, 0.5, "κ: weight of the log probability of its spelling."),
        ("--tagger-weight", float, 1.0, "λ: weight of the tagger; 0 for none."),
        ("--tagger-min-count", int, 30, "The tagger has no weights for rarer pairs of symbols."),
        ("--entropy-mean", click.Choice(["types", "occurrences"]), "types", "entropy: over what means are taken."),
        ("--entropy-scaled", bool, True, "entropy: divide by the standard deviation."),
        ("--entropy-length-power", float, 1.0, "entropy: power of the length that autonomy is multiplied by."),
        ("--cohesion-thresholds", numbers, "2,4,6", "cohesion: least of kept n-grams of 2, 3, … symbols, nats."),
        ("--cohesion-min-count", int, 3, "cohesion: rarer n-grams are not kept."),
        ("--cohesion-revision", int, 2017, "cohesion: the article of 2015 or of 2017."),
        ("--lm-order", int, 4, "Length of the longest n-grams of the language model."),
        ("--with-lm", bool, False, "Keep a language model in the model whatever the method; lm always does."),
        ("--lm-moves", numbers, "1,0.15,1,0.01,1,0.01,1,0.001", "lm: weights of bb, bc, cb, cd, db, de, eb, ee."),
        ("--sample", float, 1.0, "Share of the lines to train on, drawn at random."),
        ("--seed", int, 0, "Seed of that draw; nothing else is random."),
    ]
    for flag, kind, default, text in reversed(options):
        command = click.option(flag, type=kind, default=default, show_default=True, help=text)(command)
    return command


@contextmanager
def open_output(path: str | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears when it is complete."""
    if path is not None and path != "-":
        from segtool.store.files import atomic_file

        with atomic_file(path) as file:
            yield file
        return
    if sys.stdout is None:
        raise OutputError("standard output is closed: pass a file with -o")
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output: {error.strerror}: nothing more was written") from None


def read_line(reading: ReadReport) -> str:
    """Tell what was read."""
    return f"read     {reading.characters:,} characters in {reading.lines:,} lines of {reading.files:,} files"


def stage_lines(stages: list[StageReport]) -> list[str]:
    """Tell seconds and peak memory of each stage, and of all."""
    seconds = sum(stage.seconds for stage in stages)
    peak = max((stage.peak_bytes for stage in stages), default=0)
    lines = [f"{stage.name:8} {stage.seconds:8.2f} s {stage.peak_bytes / 1e6:8,.0f} MB" for stage in stages]
    return [*lines, f"{'total':8} {seconds:8.2f} s {peak / 1e6:8,.0f} MB peak"]


def skipped_lines(reading: ReadReport) -> list[str]:
    """Tell which lines could not be read, and why; nothing if all could."""
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


def announce_compiling(quiet: bool) -> None:
    """Say one line on standard error should kernels have to be compiled."""
    from segtool.runtime.kernels import on_first_compile

    if not quiet:
        notice = "segtool: compiling its kernels for this command, the first time only …"
        on_first_compile(lambda: click.echo(notice, err=True))
