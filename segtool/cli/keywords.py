"""The command ``segtool keywords``: the words that a text has more of than the model expects."""

from __future__ import annotations

from typing import Any

import click

from segtool.cli import options
from segtool.cli.reports import print_lines, skipped_lines
from segtool.errors import UsageError

__all__ = ["keywords_command"]


@click.command(
    "keywords",
    cls=options.TitledCommand,
    examples=[
        ("segtool keywords article.txt", "List the keywords of a text."),
        ("segtool keywords chapter*.txt -m novel.model --top 50", "Compare chapters with their novel."),
    ],
)
@click.argument("inputs", metavar="[FILE]...", nargs=-1, type=options.FILE_PATH)
@options.model("The model that cuts, and whose counts are the background.")
@options.text_output
@options.list_format
@options.top("keywords", 20)
@options.encoding
@options.skip_undecodable
@options.quiet
def keywords_command(
    inputs: tuple[str, ...],
    model: str,
    output: str | None,
    form: str,
    top: int,
    quiet: bool,
    **reading: Any,
) -> None:
    """List the keywords of a text: words that it has more of than the model expects.

    All FILEs are one text; without any, it is standard input. The score is the log-likelihood ratio of Dunning (1993)
    against the counts of the model.
    """
    inputs = inputs or ("-",)
    if inputs.count("-") > 1:
        raise UsageError("standard input (-) can be read only once: give one - or files")
    options.announce_terminal(inputs, quiet)
    options.announce_compiling(quiet)
    import json

    from segtool.segmenter import load
    from segtool.text.sources import ReadReport, find_sources, read_blocks

    sources = find_sources(inputs, reading["encoding"])
    report = ReadReport()
    with options.open_output(output, sources) as out:
        found = load(model).keywords(read_blocks(sources, report=report, **reading), top or None)
        if form == "tsv":
            out.write(b"word\tscore\tcount\texpected\n")
        for each in found:
            numbers = {"score": round(each.score, 1), "count": each.count, "expected": float(f"{each.expected:.3g}")}
            if form == "tsv":
                line = "\t".join([each.word, *map(str, numbers.values())])
            else:
                line = json.dumps({"word": each.word, **numbers}, ensure_ascii=False)
            out.write(f"{line}\n".encode("utf-8", "backslashreplace"))
    if not quiet:
        print_lines(skipped_lines(report))
