"""The command ``segtool info``: what a model is."""

from __future__ import annotations

import click

from segtool.cli import options

__all__ = ["info_command"]


@click.command(
    "info",
    cls=options.TitledCommand,
    examples=[
        ("segtool info my.model", "Describe a model."),
        ("segtool info default --json", "Print all facts and parameters of the included model as JSON."),
    ],
)
@click.argument("model", type=options.FILE_PATH, default="default")
@options.titled_option("--json", "as_json", is_flag=True, help="Print JSON, with all parameters.", title="Output")
@options.titled_option(
    "--top",
    metavar="N",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Show the N most frequent words of each length.",
    title="Output",
)
def info_command(model: str, as_json: bool, top: int) -> None:
    """Describe a model: its origin, size and parameters, whether it was adapted or tuned, and its words.

    MODEL is a directory written by 'segtool train', or default, which is the included model. 'segtool lm info'
    describes language models.
    """
    import json

    from segtool.info import describe_model
    from segtool.store.model import find_model, load_model

    with options.open_output(None) as out:
        info = describe_model(load_model(find_model(model)), top)
        text = json.dumps(info.to_dict(), ensure_ascii=False, indent=2) if as_json else info.report()
        out.write(f"{text}\n".encode("utf-8", "backslashreplace"))
