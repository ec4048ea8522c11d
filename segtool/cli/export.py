"""The command ``segtool export``: the words of a model for other tools."""

from __future__ import annotations

from typing import BinaryIO, cast

import click
from click.core import ParameterSource

from segtool.cli import options
from segtool.errors import UsageError
from segtool.export import EXPORT_FORMATS, SCRIPTS
from segtool.settings import flag_of

__all__ = ["export_command"]


@click.command(
    "export",
    cls=options.TitledCommand,
    examples=[
        ("segtool export -m my.model -o my.dict", "Write the words of a model as a dictionary of jieba."),
        ("segtool export -m default --format hf -o tokenizer.json", "Make a tokenizer of the included model."),
    ],
)
@options.model(required=True)
@options.text_output
@options.titled_option(
    "--format",
    "form",
    type=click.Choice(EXPORT_FORMATS),
    default="jieba",
    show_default=True,
    help="Format of the words, or arpa for the language model.",
    title="Output",
)
@options.titled_option(
    "--scripts",
    type=click.Choice(SCRIPTS),
    default="both",
    show_default=True,
    help="Characters: simplified and traditional ones, or those that were seen most often.",
    title="Output",
)
@options.titled_option(
    "--top", metavar="N", type=click.IntRange(1), help="Write only the N most frequent words.", title="Output"
)
@options.word_options
@options.encoding
@click.pass_context
def export_command(
    ctx: click.Context,
    /,
    model: str,
    output: str | None,
    form: str,
    scripts: str,
    top: int | None,
    lists: options.WordOptions,
    encoding: str,
) -> None:
    """Write the words of a model for other tools, the most frequent ones first.

    jieba: word and count, a dictionary of jieba. tsv, jsonl: with all numbers of each word. hf: tokenizer.json for
    Hugging Face tokenizers. sentencepiece: a .model file. arpa: the language model that --method lm keeps. Words with a
    number or a Latin run in them represent many words and are left out.

    With a dictionary (--prefer, --force, --forbid, --words), the model extended by it is written: its new words have a
    count of 1, and so have words such as C++; forbidden words, words that are always split, and, with --words-only,
    unlisted words are left out. --encoding is that of the dictionary.
    """
    if form == "arpa":
        for name in ("scripts", "top"):
            if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
                raise UsageError(f"{flag_of(name)} selects words, and --format arpa writes n-grams: leave out one")
        if lists.paths:
            raise UsageError("--format arpa writes a language model, which takes no words: leave out the word lists")
        _write_arpa(model, output)
        return
    from segtool.export.formats import WRITERS
    from segtool.export.words import exported_words
    from segtool.guideline.dictionary import extend
    from segtool.store.model import find_model, load_model

    dictionary = lists.read(encoding, False)
    exported = load_model(find_model(model))
    if dictionary is not None:
        exported = extend(exported, dictionary)
    words = exported_words(exported, scripts, top)
    with options.open_output(output) as out:
        out.writelines(WRITERS[form](words))


def _write_arpa(model: str, output: str | None) -> None:
    """Write the language model that a model keeps."""
    from segtool.lm.arpa import write_arpa
    from segtool.lm.language_model import LanguageModel
    from segtool.store.model import LM_FOLDER, find_model, load_model

    path = load_model(find_model(model)).path
    folder = path and path / LM_FOLDER
    if not folder or not folder.is_dir():
        raise UsageError(f"{model}: it keeps no language model for --format arpa: train with --method lm")
    with options.open_output(output) as out:
        write_arpa(LanguageModel.open(folder), cast(BinaryIO, out), bool(output and output.endswith(".gz")))
