"""The command ``segtool explain``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import click

from segtool.cli import options
from segtool.errors import UsageError

__all__ = ["explain_command"]


@click.command(
    "explain",
    cls=options.TitledCommand,
    examples=[
        ("segtool explain 商品和服务", "Explain the cut of a text."),
        ("segtool explain 商品和服务 --html page.html", "Also draw the lattice."),
    ],
)
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@options.model()
@options.output("FILE", "Write the table here instead of to standard output.")
@options.titled_option(
    "--html", metavar="FILE", help="Also write a page with the lattice drawn.", title="Output", type=options.FILE_PATH
)
@options.titled_option(
    "--json", "as_json", is_flag=True, help="Print JSON, with all words and gaps of the lattice.", title="Output"
)
@options.titled_option(
    "--granularity", metavar="NATS", type=float, help="Cut finer or coarser, as for cut.", title="Model"
)
@options.tokens
@options.word_options
@options.encoding
def explain_command(
    texts: tuple[str, ...],
    model: str,
    output: str | None,
    html: str | None,
    as_json: bool,
    granularity: float | None,
    tokens: dict[str, str],
    lists: options.WordOptions,
    encoding: str,
) -> None:
    """Explain why a text is cut as it is: scores, where they come from, and the best other cuts.

    TEXT is the text itself, 10,000 characters at most; without it, standard input is read, in the encoding. The table
    has a line for each word of the cut and for each gap between two words: its score in nats, where that comes from,
    the best cut without this word or gap, and what it loses. The page needs no other file and no network.

    Files of words are as for cut.
    """
    if html == "-":
        raise UsageError("--html -: standard output has the table: give a file for the page")
    from segtool.guideline.dictionary import extend
    from segtool.segmenter import Segmenter, load

    options.announce_terminal(() if texts else ("-",), False)
    segmenter = load(model)
    if granularity is not None:
        segmenter = segmenter.with_granularity(granularity)
    if tokens:
        segmenter = segmenter.with_tokens(**tokens)
    dictionary = lists.read(encoding, not texts)
    if dictionary is not None:
        segmenter = Segmenter(extend(segmenter.model, dictionary))
    text = " ".join(texts) if texts else _read_text(encoding)
    explanation = segmenter.explain(text)
    if dictionary is not None:
        given = [f"--{name} {path}" for name, path in lists.paths.items()]
        explanation = replace(explanation, model=" ".join([model, *given, *["--words-only"] * lists.words_only]))
    if as_json:
        import json

        shown = json.dumps(explanation.to_dict(), ensure_ascii=False, indent=2)
    else:
        shown = explanation.report()
    with ExitStack() as opened:
        out = opened.enter_context(options.open_output(output))
        if html is not None:
            opened.enter_context(options.open_output(html, option="--html")).write(explanation.to_html().encode())
        out.write(shown.encode("utf-8", "backslashreplace") + b"\n")


def _read_text(encoding: str) -> str:
    """Read standard input, but not much more than is explained."""
    from segtool.explain.explain import MOST_CHARACTERS
    from segtool.text.sources import find_sources, read_blocks

    text = ""
    for block in read_blocks(find_sources(("-",)), encoding=encoding):
        text += block
        if len(text) > MOST_CHARACTERS + 2:  # the last line end is left out
            break
    return text.removesuffix("\n").removesuffix("\r")
