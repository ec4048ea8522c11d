"""Options that several commands share, as decorators; the output; the notice of a first compilation."""

from __future__ import annotations

import functools
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import Field, dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

import click

from segtool.cli.help import FILE_PATH, ParameterOption, TitledCommand, titled_option
from segtool.errors import OutputError, UsageError
from segtool.text.choices import CHOICES

if TYPE_CHECKING:
    from segtool.guideline.dictionary import Dictionary
    from segtool.text.sources import Source

__all__ = [
    "FILE_PATH",
    "ParameterOption",
    "TitledCommand",
    "WordOptions",
    "allow_duplicates",
    "announce_compiling",
    "announce_terminal",
    "encoding",
    "engine",
    "list_format",
    "memory",
    "model",
    "open_engine",
    "open_output",
    "output",
    "quiet",
    "refuse_input",
    "separator",
    "skip_undecodable",
    "text_output",
    "titled_option",
    "top",
    "training_parameter",
    "training_parameters",
    "word_options",
    "workers",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def training_parameters(command: Command) -> Command:
    """Add an option for every training parameter."""
    from segtool.settings import CandidateSettings, TrainingSettings, parameters_by_title

    for title, parameters in reversed(parameters_by_title().items()):
        for parameter in reversed(parameters):
            expert = title not in (TrainingSettings.title, CandidateSettings.title)
            command = _option(parameter, None, title=title, expert=expert)(command)
    return command


def training_parameter(name: str, flag: str | None = None, title: str = "Model") -> Callable[[Command], Command]:
    """Add the option of one training parameter, under another flag if need be."""
    from segtool.settings import TrainingSettings

    return _option(TrainingSettings.__dataclass_fields__[name], flag, title=title)


def _option(parameter: Field[Any], flag: str | None, **attributes: Any) -> Callable[[Command], Command]:
    from segtool.settings import flag_of, spelled_value

    default, choices = parameter.default, parameter.metadata["choices"]
    kind: Any = click.Choice(choices) if choices else type(default)
    if isinstance(default, tuple):
        kind, default = numbers, spelled_value(default)
    attributes |= {"type": kind, "default": default, "show_default": True, "help": parameter.metadata["help"]}
    flag = flag or parameter.metadata["flag"] or flag_of(parameter.name)
    return click.option(flag, cls=ParameterOption, parameter=parameter, **attributes)


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    return tuple(map(float, text.split(",")))


encoding = titled_option(
    "--encoding",
    default="utf-8",
    show_default=True,
    help="Encoding of the input: utf-8, gb18030, big5, utf-16, …",
    title="Input",
)
skip_undecodable = titled_option(
    "--skip-undecodable",
    is_flag=True,
    help="Leave out and list lines that are not valid in that encoding, instead of stopping.",
    title="Input",
)
quiet = titled_option("-q", "--quiet", is_flag=True, help="Print nothing but errors.", title="Output")


def token_choices(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """Read the values of ``--tokens``."""
    pairs = [each.partition("=") for given in value for each in given.split(",")]
    if not all(name and sign for name, sign, _ in pairs):
        raise UsageError("--tokens: give choices such as urls=parts, with commas between")
    return {name.strip(): choice.strip() for name, _, choice in pairs}


tokens = titled_option(
    "--tokens",
    metavar="LIST",
    multiple=True,
    callback=token_choices,
    help="Choose words: "
    + "; ".join(f"{name}={'|'.join(values)}" for name, values in CHOICES.items())
    + "; the first is the default; commas between.",
    title="Model",
)


def separator(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    r"""Read a value of ``--sep``: ``\t`` is a tab, and ``\\`` a backslash."""
    if value is not None and not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
        raise UsageError("--sep: no UTF-8, in which the text is: give other characters")
    return value and re.sub(r"\\([t\\])", lambda found: "\t" if found[1] == "t" else "\\", value)


def output(metavar: str, text: str, required: bool = False) -> Callable[[Command], Command]:
    """Add ``-o``."""
    return titled_option(
        "-o", "--output", metavar=metavar, required=required, help=text, title="Output", type=FILE_PATH
    )


text_output = output("FILE", "Write here instead of to standard output.")
list_format = titled_option(
    "--format",
    "form",
    type=click.Choice(["tsv", "jsonl"]),
    default="tsv",
    show_default=True,
    help="A table with a header line, or one JSON object per line.",
    title="Output",
)


def top(what: str, default: int) -> Callable[[Command], Command]:
    """Add ``--top`` of a list."""
    return titled_option(
        "--top",
        metavar="N",
        type=click.IntRange(0),
        default=default,
        show_default=True,
        help=f"0 lists all {what}.",
        title="Output",
    )


def model(text: str = "Directory written by 'segtool train'.", **attributes: Any) -> Callable[[Command], Command]:
    """Add ``-m``; unless `attributes` say otherwise, it is the included model by default."""
    attributes = attributes or {"default": "default", "show_default": True}
    return titled_option("-m", "--model", metavar="MODEL", help=text, title="Model", type=FILE_PATH, **attributes)


@dataclass(frozen=True)
class WordOptions:
    """The values of the options of :func:`word_options`.

    Attributes
    ----------
    paths : dict of str to str
        The files that are given, by option, without dashes.
    words_only : bool
    """

    paths: dict[str, str]
    words_only: bool

    def read(self, encoding: str, standard_input: bool) -> Dictionary | None:
        """Read the files.

        Parameters
        ----------
        encoding : str
        standard_input : bool
            Whether standard input is read for something else.

        Returns
        -------
        Dictionary or None
            None if there is no file.

        Raises
        ------
        UsageError
            If standard input is read twice, or the list that is complete is missing.
        DataError
            If a file holds no words or a line that is none.
        """
        if list(self.paths.values()).count("-") + standard_input > 1:
            fault = "standard input (-) can be read only once"
            raise UsageError(f"{fault}: give files to --words, --prefer, --force, --forbid")
        if self.words_only and "words" not in self.paths:
            raise UsageError("--words-only: there is no word list: give it with --words")
        if not self.paths:
            return None
        from segtool.guideline.dictionary import Dictionary
        from segtool.guideline.word_files import read_words

        lists = {name: read_words(path, f"--{name}", encoding) for name, path in self.paths.items()}
        return Dictionary.of(**lists, words_only=self.words_only)


_WORD_OPTIONS = {
    "prefer": "Words that win over what they would be cut into.",
    "force": "Words that always win; 和|服务 is always cut at the bar.",
    "forbid": "Words that never come out.",
    "words": "A word list, one word a line: its words are preferred.",
}


def word_options(command: Command) -> Command:
    """Add ``--prefer``, ``--force``, ``--forbid``, ``--words`` and ``--words-only``, as one argument ``lists``."""

    @functools.wraps(command)
    def gathered(*args: Any, words_only: bool, **values: Any) -> Any:
        given = {name: values.pop(name) for name in _WORD_OPTIONS}
        paths = {name: path for name, path in given.items() if path is not None}
        return command(*args, lists=WordOptions(paths, words_only), **values)

    text = "That list is complete: other words of two characters or more are unlikely."
    decorated = titled_option("--words-only", is_flag=True, help=text, title="Words")(gathered)
    for name, text in reversed(_WORD_OPTIONS.items()):
        decorated = titled_option(f"--{name}", metavar="FILE", help=text, title="Words", type=FILE_PATH)(decorated)
    return cast(Command, decorated)


def workers(what: str, default: int | None = None) -> Callable[[Command], Command]:
    """Add ``-j``; `what` does not depend on it."""
    shown: bool | str = True if default else "one per processor"
    text = f"Number of threads; {what} does not depend on it."
    return titled_option(
        "-j", "--workers", type=click.IntRange(1), default=default, show_default=shown, help=text, title="Resources"
    )


def memory(command: Command) -> Command:
    """Add ``--memory`` and ``--tmp``."""
    text = "Folder for data that does not fit into memory."
    command = titled_option(
        "--tmp", metavar="DIR", show_default="beside the output", help=text, title="Resources", type=FILE_PATH
    )(command)
    text = "Memory that the process may use, such as 2G."
    return titled_option("--memory", metavar="SIZE", show_default="half of what is free", help=text, title="Resources")(
        command
    )


def allow_duplicates(command: Command) -> Command:
    """Add the option of commands that add up count shards."""
    text = "With --counts: let shards that hold the same text count twice."
    return titled_option("--allow-duplicates", is_flag=True, help=text, title="Input", expert=True)(command)


def engine(command: Command) -> Command:
    """Add ``--engine`` and ``--master``."""
    text = "URL of the Spark cluster, such as spark://host:7077 or local[2]."
    command = titled_option("--master", metavar="URL", help=text, title="Resources", expert=True)(command)
    text = "Read the corpus with threads of this process or with Apache Spark; the result is the same."
    engines = click.Choice(["threads", "spark"])
    return titled_option(
        "--engine", type=engines, default="threads", show_default=True, help=text, title="Resources", expert=True
    )(command)


@contextmanager
def open_engine(name: str, master: str | None) -> Iterator[Any]:
    """The Spark engine, or None for threads."""
    if name == "threads":
        if master is not None:
            raise UsageError("--master: for --engine spark only")
        yield None
        return
    from segtool.spark.session import open_spark

    with open_spark(master) as cluster:
        yield cluster


@contextmanager
def open_output(path: str | None, inputs: Sequence[Source] = (), option: str = "-o") -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears when it is complete.

    `option` is the one that gives the path. UsageError if the output goes to one of the inputs.
    """
    if path is not None and path != "-":
        from segtool.store.files import atomic_file

        with atomic_file(path, option=option) as file:
            _refuse_inputs(file, inputs)
            yield file
        return
    if sys.stdout is None:
        raise OutputError("standard output is closed: redirect it to a file or a pipe")
    try:
        _refuse_inputs(sys.stdout.buffer, inputs)
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output: {error.strerror}: nothing more was written") from None


def refuse_input(output: str | None, inputs: Sequence[Source]) -> None:
    """Raise UsageError if an output that replaces a file would replace an input."""
    for source in inputs if output is not None and output != "-" else ():
        with suppress(OSError):
            if source.path is not None and os.path.samefile(source.path, output or ""):
                raise UsageError(f"{source.name} is an input: pass --in-place to replace it, or another -o")


def _refuse_inputs(output: IO[bytes], inputs: Sequence[Source]) -> None:
    """Raise if the output goes to a file that is read: it would be lost, or grow until the disk is full."""
    try:
        written = os.fstat(output.fileno())
    except OSError:  # an output without a file
        return
    for source in inputs if stat.S_ISREG(written.st_mode) else ():
        with suppress(OSError):
            read = os.fstat(0) if source.path is None else os.stat(source.path)
            if os.path.samestat(read, written):
                raise UsageError(f"{source.name}: the output goes to this very file: pass another one with -o")


def announce_terminal(inputs: Sequence[str], quiet: bool) -> None:
    """Print one line on standard error if a terminal is read, so that nobody waits for a command that waits too."""
    if "-" in inputs and not quiet and sys.stdin is not None and sys.stdin.isatty():
        click.echo("segtool: type or paste text, and end it with Ctrl-D; segtool COMMAND --help shows more", err=True)


def announce_compiling(quiet: bool) -> None:
    """Print one line on standard error if kernels have to be compiled."""
    from segtool.runtime.kernels import NOTICE, on_first_compile

    on_first_compile(lambda: None if quiet else click.echo(f"segtool: {NOTICE}", err=True))
