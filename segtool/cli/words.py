"""The command ``segtool words``: the words of a text or a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from segtool.cli import options
from segtool.cli.reports import little_text, print_lines, read_line, silent_about_little_text, skipped_lines
from segtool.errors import UsageError
from segtool.settings import flag_of

if TYPE_CHECKING:
    from segtool.discovery import WordScore
    from segtool.guideline.dictionary import Dictionary
    from segtool.segmenter import Segmenter
    from segtool.text.sources import Source

__all__ = ["words_command"]

FIELDS = ("score", "count", "expected", "probability", "cohesion", "left_entropy", "right_entropy")
"""The numbers of :class:`segtool.discovery.WordScore`, which is not imported for ``--help``."""

SEARCHED = 1 << 26
"""Characters of a text that are searched for examples, the first ones."""

_DIGITS = {"score": ".3f", "count": "d", "expected": ".2f", "probability": ".4g"}
_FILTERS = {"min_count", "min_expected"}


@click.command(
    "words",
    cls=options.TitledCommand,
    examples=[
        ("segtool words novel.txt --top 20", "List the best words of a text."),
        ("segtool words novel.txt --known dictionary.txt -o new.tsv", "Write only words that a dictionary lacks."),
    ],
)
@click.argument("inputs", metavar="[INPUT]...", nargs=-1, type=options.FILE_PATH)
@options.model("List the words of a model instead of learning them from INPUT.", required=False)
@options.text_output
@options.list_format
@options.top("words", 100)
@options.titled_option(
    "--sort", type=click.Choice(FIELDS), default="score", show_default=True, help="Column to sort by.", title="Output"
)
@options.titled_option(
    "--min-len", type=click.IntRange(1), default=2, show_default=True, help="Shortest word, in symbols.", title="Words"
)
@options.titled_option("--max-len", type=click.IntRange(1), help="Longest word, in symbols.", title="Words")
@options.titled_option(
    "--known",
    metavar="FILE",
    help="Leave out these words: a word list, or segmented text.",
    title="Words",
    type=options.FILE_PATH,
)
@options.titled_option(
    "--with-numbers", is_flag=True, help="Also list words with numbers (0) and Latin letters (A).", title="Words"
)
@options.titled_option(
    "--context",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Show N examples of each word, with 10 characters of INPUT on each side.",
    title="Output",
)
@options.word_options
@options.encoding
@options.skip_undecodable
@options.workers("the list")
@options.quiet
@options.training_parameters
@click.pass_context
def words_command(
    ctx: click.Context,
    /,
    inputs: tuple[str, ...],
    model: str | None,
    output: str | None,
    form: str,
    top: int,
    sort: str,
    min_len: int,
    max_len: int | None,
    known: str | None,
    with_numbers: bool,
    context: int,
    lists: options.WordOptions,
    quiet: bool,
    **arguments: Any,
) -> None:
    """List the words of a text, from the most to the least typical: names, terms, idioms.

    INPUT and the parameters are as for train; the model is not kept. With -m, --min-count and --min-expected
    choose which words of the model are listed. --encoding applies to INPUT and to all word lists.

    With a dictionary (--prefer, --force, --forbid, --words), the list shows the model extended by it: new words are
    there, with the counts of the training text or 0; forbidden words, words that are always split, and, with
    --words-only, unlisted words are not.
    """
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT}
    for_learning = given & arguments.keys() - {"encoding", "workers"}
    _check_sources(inputs, model, known, context, arguments["method"], for_learning)
    options.announce_terminal(inputs, quiet)
    options.announce_compiling(quiet)
    from segtool.discovery import check_lengths, discover, examples
    from segtool.guideline.dictionary import extend
    from segtool.ngrams.shards import refuse_folders
    from segtool.segmenter import Segmenter, load
    from segtool.text.sources import find_sources
    from segtool.text.word_lists import read_word_set

    check_lengths(min_len, max_len, arguments["max_word_len"] if model is None else 15)
    left_out = read_word_set(known, "--known", arguments["encoding"]) if known is not None else frozenset()
    dictionary = lists.read(arguments["encoding"], "-" in (*inputs, known))
    if dictionary is not None and model is None:
        _check_early(dictionary, arguments)
    refuse_folders(inputs)
    sources = find_sources(inputs, arguments["encoding"])
    # opened first, so that a place that cannot be written is known before hours of work
    with options.open_output(output, sources) as out:
        texts: list[str] = []
        if model is not None:
            segmenter = load(model)
            filters = {name: arguments[name] for name in _FILTERS & given}
        else:
            filters = {}  # training has left such words out
            segmenter, texts = _learn(sources, context > 0, quiet, arguments)
        if dictionary is not None:
            segmenter = Segmenter(extend(segmenter.model, dictionary))
        found = discover(
            segmenter,
            min_len=min_len,
            max_len=max_len,
            sort=sort,
            known=left_out,
            with_numbers=with_numbers,
            **filters,
        )
        listed = found[: top or None]
        shown = examples(segmenter, texts, [each.word for each in listed], context) if context else {}
        _write_list(out, form, listed, shown, context)
    if not quiet:
        more = ": --top 0 lists all" if len(listed) < len(found) else ""
        click.echo(f"listed   {len(listed):,} of {len(found):,} words{more}", err=True)


def _check_sources(
    inputs: tuple[str, ...], model: str | None, known: str | None, context: int, method: str, given: set[str]
) -> None:
    """Check the sources before anything is read; `given` are the training parameters on the command line."""
    if not inputs and model is None:
        raise UsageError("nothing to list words of: give INPUT (text to learn from) or -m MODEL")
    if known == "-" and "-" in inputs:
        raise UsageError("standard input (-) can be read only once: give a file to --known")
    if model is None:
        if method == "dict":
            raise UsageError("--method dict takes a word list, and words are found in text: choose another method")
        return
    if inputs:
        raise UsageError("give either INPUT (text to learn from) or -m MODEL, not both")
    if context:
        raise UsageError("--context shows words in INPUT, and a model holds no text: give the text instead of -m")
    if wrong := sorted(given - _FILTERS):
        flag = flag_of(wrong[0])
        raise UsageError(f"{flag} is for learning from INPUT, and -m has been learned: leave out one of the two")


def _check_early(dictionary: Dictionary, arguments: dict[str, Any]) -> None:
    """Check a dictionary for a model that is to be trained."""
    from segtool.guideline.dictionary import check_dictionary

    if arguments["method"] != "unigram":
        raise UsageError(f"--method {arguments['method']} takes no --prefer, --force, --forbid or --words: use unigram")
    check_dictionary(dictionary, arguments["fold"], arguments["numbers"])


def _learn(sources: list[Source], keep: bool, quiet: bool, arguments: dict[str, Any]) -> tuple[Segmenter, list[str]]:
    """Train on the inputs; also return the text if `keep` is set (standard input cannot be read twice)."""
    from segtool.text.sources import ReadReport, read_blocks
    from segtool.training import TrainingReport, train

    report = TrainingReport()
    common: dict[str, Any] = {"progress": not quiet, "report": report, **arguments}
    texts: list[str] = []
    with silent_about_little_text():
        if keep:
            reading = ReadReport()
            how = {name: arguments[name] for name in ("encoding", "skip_undecodable")}
            segmenter = train(texts=_collected(read_blocks(sources, report=reading, **how), texts), **common)
            report.reading = reading
        else:
            segmenter = train([each.path or "-" for each in sources], **common)
    if not quiet:
        learned = f"learned  {report.words:,} words, rare and single ones too"
        print_lines([read_line(report.reading), learned, *skipped_lines(report.reading)])
        print_lines(little_text(report.symbols, "words are found in more text"))
    return segmenter, texts


def _collected(blocks: Iterable[str], texts: list[str]) -> Iterator[str]:
    """Pass the blocks on and append each to `texts`, as many as are searched for examples."""
    kept = 0
    for block in blocks:
        if kept < SEARCHED:
            texts.append(block)
            kept += len(block)
        yield block


def _write_list(out: IO[bytes], form: str, listed: list[WordScore], shown: dict[str, list[str]], context: int) -> None:
    """Write the list; the numbers are the same in both forms."""
    import json

    from segtool.export.formats import json_numbers

    def line(text: str) -> None:
        out.write(text.encode("utf-8", "backslashreplace") + b"\n")

    if form == "tsv":
        line("\t".join(["word", *FIELDS, *(f"context_{i}" for i in range(1, context + 1))]))
    for each in listed:
        numbers = {name: format(getattr(each, name), _DIGITS.get(name, ".3f")) for name in FIELDS}
        found = shown.get(each.word, [])
        if form == "tsv":
            line("\t".join([each.word, *numbers.values(), *found, *[""] * (context - len(found))]))
            continue
        entry: dict[str, Any] = {"word": each.word}
        entry |= json_numbers(numbers)
        if context:
            entry["contexts"] = found
        line(json.dumps(entry, ensure_ascii=False))
