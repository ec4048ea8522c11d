"""The command ``segtool cut``."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from typing import TYPE_CHECKING

import click

from segtool.cli import options
from segtool.errors import InputError, UsageError
from segtool.limits import FORMATS, WITHIN

if TYPE_CHECKING:
    from segtool.decode.formats import Dropped

__all__ = ["cut_command"]

_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_LOSS = re.compile(r"-?\d+(\.\d*)?|-?\.\d+")


class _CutCommand(options.TitledCommand):
    """A command that gives ``--search`` its default where no number follows, but perhaps a file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line."""
        args = list(args)
        end = args.index("--") if "--" in args else len(args)
        for i in range(end):
            if args[i] == "--search" and not (i + 1 < end and _LOSS.fullmatch(args[i + 1])):
                args[i] = f"--search={WITHIN}"
        return super().parse_args(ctx, args)


@click.command(
    "cut",
    cls=_CutCommand,
    examples=[
        ("segtool cut book.txt -o book.cut.txt", "Cut a file; without -o the words are printed."),
        ("echo 今天天气很好 | segtool cut", "Cut a line of standard input."),
        ("segtool cut reviews.csv --column text --format jsonl -j 4", "Cut a column of a table, by four threads."),
    ],
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=options.FILE_PATH)
@options.model()
@options.text_output
@options.titled_option("--in-place", is_flag=True, help="Replace the input; without -o, that is FILE.", title="Output")
@options.titled_option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Words with a separator, JSON Lines, a table, a character a line with its tag, or CoNLL-U.",
    title="Output",
)
@options.titled_option(
    "--offsets",
    type=click.Choice(["char", "byte"]),
    help="Also write where each word begins and ends in its line, with --format jsonl, tsv or conllu.",
    title="Output",
)
@options.titled_option(
    "--drop",
    metavar="LIST",
    multiple=True,
    help="Leave out words: punct (no letter or digit), space (nothing visible), the words of a FILE; commas between.",
    title="Output",
)
@options.titled_option(
    "--column",
    metavar="NAME",
    help="FILE is CSV, JSON Lines or Parquet: cut this field, and keep the others.",
    title="Input",
)
@options.titled_option(
    "--sep",
    default=" ",
    show_default="a space",
    callback=options.separator,
    help=r"Separator between two words; \t is a tab.",
    title="Output",
)
@options.titled_option(
    "--keep-space",
    is_flag=True,
    help="Write the input as it is, with a separator where two Chinese words meet: layout and markup stay whole.",
    title="Output",
)
@options.titled_option(
    "--adapt",
    metavar="FILE",
    multiple=True,
    help="First learn the words of this raw text.",
    title="Model",
    type=options.FILE_PATH,
)
@options.titled_option(
    "--granularity",
    metavar="NATS",
    type=float,
    help="Cut finer (more than 0) or coarser (less than 0); from -4 to 4 is sensible.",
    title="Model",
)
@options.tokens
@options.titled_option(
    "--search",
    metavar="[NATS]",
    type=float,
    help=f"For a search index: also write words whose best cut loses at most NATS ({WITHIN:g} without a number).",
    title="Model",
)
@options.titled_option(
    "--nbest",
    metavar="N",
    type=int,
    help="Write the N best cuts of each line: the number of the line, the score of the cut, its words; tabs between.",
    title="Model",
)
@options.word_options
@options.titled_option(
    "--join-lines",
    metavar="N",
    type=click.IntRange(1),
    help="Wrapped text: join lines of N characters or more with the next, so that words go on across line ends.",
    title="Input",
)
@options.encoding
@options.workers("the output", default=1)
@options.quiet
def cut_command(
    files: tuple[str, ...],
    model: str,
    output: str | None,
    in_place: bool,
    form: str,
    offsets: str | None,
    drop: tuple[str, ...],
    column: str | None,
    sep: str,
    keep_space: bool,
    adapt: tuple[str, ...],
    granularity: float | None,
    tokens: dict[str, str],
    search: float | None,
    nbest: int | None,
    lists: options.WordOptions,
    join_lines: int | None,
    encoding: str,
    workers: int,
    quiet: bool,
) -> None:
    """Cut text into words, a line for each line of the input, in UTF-8.

    FILE is as for train; without one, standard input is cut, each line as soon as it is complete. Without -m, the
    model that comes with segtool is used. --adapt learns from a text, such as the one to cut, without changing the
    model on disk; it can be given several times. --granularity is the score of each gap between two words. --tokens
    says whether URLs, names with a middle dot and numbers with their units are one word (docs/tokens.md). --search
    writes the words of the cut, words within them and words that they form, by start, then by length. --nbest writes
    each line N times, or as often as there are cuts, the best first; the score is in nats.

    --format jsonl writes {"words": [...]} for each line, with --offsets also "spans", with --search "positions"; tsv
    writes the number of the line and a word, under a header; bies a character and its tag B, I, E or S, and an empty
    line behind each line. With --column and --format text, records are written as they came, with the words of the
    field in it; with --format jsonl, as JSON Lines with a list of words. Parquet is written as Parquet with a list of
    words.

    --keep-space keeps every character, for .srt, .tex, .json or .html. A separator stands between two words without
    space between them, if both hold a letter, a digit or a Han character, and one of them a Han character; so none
    stands beside a mark or in Latin text.

    --join-lines writes a line for each paragraph of wrapped text, and numbers and offsets are of these lines. A line
    end between two letters that are no Han characters becomes a space; an empty line ends a paragraph.

    Files of words have one word a line, perhaps with a count and a tag behind it, as jieba's dictionaries. They have
    the encoding of the input.
    """
    files = files or ("-",)
    if "-" in adapt and "-" in files:
        raise UsageError("standard input (-) can be read only once: give a file to --adapt")
    if not sep or "\n" in sep:
        raise UsageError("--sep: give one character or more, and no line end")
    if search is not None and nbest is not None:
        raise UsageError("--search and --nbest write different things: give one of them")
    _check_form(form, offsets, drop, column, search, nbest, keep_space)
    if join_lines is not None and (keep_space or column is not None):
        wrong = "--keep-space keeps the line ends" if keep_space else "--column cuts fields, not lines"
        raise UsageError(f"--join-lines: {wrong}: leave one of them out")
    output = _in_place(files) if in_place and output is None else output
    options.announce_terminal(files, quiet)
    options.announce_compiling(quiet)
    from segtool.decode.formats import Format, format_utf8_stream
    from segtool.decode.streaming import cut_utf8_stream
    from segtool.runtime.progress import Progress
    from segtool.segmenter import Segmenter, load
    from segtool.text.content import PARQUET
    from segtool.text.preparing import join_wrapped, join_wrapped_utf8
    from segtool.text.sources import find_sources, read_blocks, total_size
    from segtool.text.utf8_files import read_utf8

    segmenter = load(model)
    if granularity is not None:
        segmenter = segmenter.with_granularity(granularity)
    if tokens:
        segmenter = segmenter.with_tokens(**tokens)
    if search is not None:
        segmenter.entries("", search)  # so that a wrong number is refused before the output is opened
    if nbest is not None:
        segmenter.nbest("", nbest)
    dictionary = lists.read(encoding, "-" in (*files, *adapt))
    try:
        sources = find_sources(files, encoding, None if column is None else PARQUET)
    except InputError as error:
        raise _with_text_hint(error, files) from None
    own = find_sources(adapt, encoding)
    units = {"char": "character", "byte": "byte", None: None}
    wanted = Format(form, sep, units[offsets], _dropped(drop, encoding), search, nbest, keep_space)
    is_formatted = form != "text" or bool(wanted.dropped)
    line_ended, numbers = True, itertools.count(1)
    with options.open_output(output, [*sources, *own]) as out:
        if not in_place:
            options.refuse_input(output, sources)
        watch = Progress(not quiet and not out.isatty())
        if adapt:
            with watch.stage("adapt", total_size(own), "B") as step:
                texts = (read_blocks([source], encoding=encoding, progress=step) for source in own)
                if join_lines is not None:
                    texts = (join_wrapped(blocks, join_lines) for blocks in texts)
                segmenter = segmenter.adapt(itertools.chain.from_iterable(texts), workers)
        if dictionary is not None:
            from segtool.guideline.dictionary import extend

            segmenter = Segmenter(extend(segmenter.model, dictionary))
        table = None
        if column is not None:
            from segtool.decode.columns import ColumnCutter
            from segtool.decode.parquet import is_parquet

            table = ColumnCutter(segmenter, wanted, column, workers)
        else:
            out.write(wanted.head)
        with watch.stage("cut", total_size(sources), "B") as step:
            for source in sources:
                begun = False
                pieces = read_utf8(source, encoding=encoding, progress=step, as_is=keep_space)
                if join_lines is not None:
                    pieces = join_wrapped_utf8(pieces, join_lines)
                if table is not None and source.path is not None and is_parquet(source.path):
                    parts = table.cut_parquet(source.path, source.name, step)
                elif table is not None:
                    parts = table.cut(pieces, source.name)
                elif is_formatted:
                    parts = format_utf8_stream(segmenter, pieces, wanted, workers, numbers)
                elif nbest is not None:
                    from segtool.decode.confidence import nbest_utf8_stream

                    parts = nbest_utf8_stream(segmenter, pieces, sep, nbest, workers, numbers)
                elif search is not None:
                    from segtool.decode.search import search_utf8_stream

                    parts = search_utf8_stream(segmenter, pieces, sep, search, workers)
                else:
                    ahead = source.path is not None and source.path.is_file()  # others may wait for what we write
                    parts = cut_utf8_stream(segmenter, pieces, sep, workers, ahead, keep_space)
                for data in parts:
                    if data:
                        # the last line of a file may lack its end, and ends all the same
                        out.write(data if begun or line_ended else b"\n" + data)
                        out.flush()
                        begun, line_ended = True, data.endswith(b"\n")


def _check_form(
    form: str,
    offsets: str | None,
    drop: tuple[str, ...],
    column: str | None,
    search: float | None,
    nbest: int | None,
    keep_space: bool,
) -> None:
    """Raise UsageError for options that do not fit together."""
    if keep_space:
        flags = {"--search": search is not None, "--nbest": nbest is not None, "--drop": bool(drop)}
        wrong = next((flag for flag, given in (flags | {f"--format {form}": form != "text"}).items() if given), None)
        if wrong is not None:
            raise UsageError(f"--keep-space: {wrong} writes words, and not the text around them: leave one of them out")
    if offsets is not None and form not in ("jsonl", "tsv", "conllu"):
        raise UsageError(f"--offsets: --format {form} has no place for them: choose jsonl, tsv or conllu")
    if form in ("bies", "conllu"):
        for flag, given in (("--search", search is not None), ("--nbest", nbest is not None), ("--drop", bool(drop))):
            if given:
                raise UsageError(f"{flag}: --format {form} holds each line once and whole: choose text or jsonl")
    if nbest is not None and form == "tsv":
        raise UsageError("--nbest: --format tsv has no column for the cuts: choose text or jsonl")
    if column is not None and (nbest is not None or form not in ("text", "jsonl")):
        wrong = "--nbest" if nbest is not None else f"--format {form}"
        raise UsageError(f"--column: a record has one cut in one field: leave out {wrong}, or choose --format jsonl")


def _with_text_hint(error: InputError, files: tuple[str, ...]) -> InputError:
    """Explain how to cut a text, if a file that is missing has a name in Chinese, as a text has."""
    text = next((name for name in files if _HAN.search(name) and not os.path.exists(name)), None)
    if text is None:
        return error
    return InputError(f"{error}; FILE is a file: to cut a text, pipe it: echo {shlex.quote(text)} | segtool cut")


def _in_place(files: tuple[str, ...]) -> str:
    """The output of ``--in-place`` alone."""
    if len(files) != 1 or files == ("-",):
        raise UsageError("--in-place: give one FILE, which is replaced, or the output with -o")
    return files[0]


def _dropped(given: tuple[str, ...], encoding: str) -> Dropped:
    """Read the values of ``--drop``."""
    from segtool.decode.formats import Dropped
    from segtool.guideline.word_files import read_words

    names = [name for each in given for name in each.split(",")]
    if not all(names):
        raise UsageError("--drop: give punct, space or files, with commas between")
    files = [read_words(name, "--drop", encoding).words for name in names if name not in ("punct", "space")]
    return Dropped("punct" in names, "space" in names, frozenset().union(*files))
