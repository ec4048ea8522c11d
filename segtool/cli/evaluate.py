"""The command ``segtool eval``."""

from __future__ import annotations

from typing import Any

import click

from segtool.cli import options

__all__ = ["eval_command"]


@click.command(
    "eval",
    cls=options.TitledCommand,
    examples=[
        ("segtool eval gold.txt cut.txt", "Compare two segmented texts."),
        ("segtool eval gold.txt cut.txt --top-errors 20", "Also list the most frequent errors."),
    ],
)
@click.argument("gold", type=options.FILE_PATH)
@click.argument("predicted", type=options.FILE_PATH)
@options.titled_option(
    "--protocol",
    type=click.Choice(["span", "sighan"]),
    default="span",
    show_default=True,
    help="Match words by their place in the text, or align them as the SIGHAN 2005 script does.",
    title="Output",
)
@options.titled_option(
    "--train-words",
    metavar="FILE",
    help="Word list or segmented text: adds OOV rate and recall.",
    title="Input",
    type=options.FILE_PATH,
)
@options.titled_option(
    "--top-errors",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Show the N most frequent errors.",
    title="Output",
)
@options.titled_option(
    "--sep",
    callback=options.separator,
    help="Separator of the words of PREDICTED, where it is not whitespace.",
    title="Input",
)
@options.titled_option("--json", "as_json", is_flag=True, help="Print JSON.", title="Output")
@options.encoding
def eval_command(gold: str, predicted: str, as_json: bool, **arguments: Any) -> None:
    """Score a segmentation against a gold standard: precision, recall and F1 of words."""
    import json

    from segtool.evaluation import evaluate_files

    with options.open_output(None) as out:
        result = evaluate_files(gold, predicted, **arguments)
        text = json.dumps(result.to_dict(), ensure_ascii=False, indent=2) if as_json else result.report()
        out.write(f"{text}\n".encode("utf-8", "backslashreplace"))
