"""The command ``segtool tune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from segtool.cli import options
from segtool.cli.reports import print_lines, stage_lines

if TYPE_CHECKING:
    from segtool.evaluation import Evaluation
    from segtool.guideline.tune import TuneReport

__all__ = ["tune_command"]


@click.command(
    "tune",
    cls=options.TitledCommand,
    examples=[
        ("segtool tune labelled.txt -o tuned.model", "Tune the included model to labelled sentences."),
        (
            "segtool tune labelled.txt --words list.txt --words-only -o tuned.model",
            "Also start from a complete word list.",
        ),
    ],
)
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True, type=options.FILE_PATH)
@options.output("MODEL", "Directory to write the tuned model to.", required=True)
@options.model("The model to tune.")
@options.titled_option(
    "--format",
    "form",
    type=click.Choice(["text", "conllu"]),
    default="text",
    show_default=True,
    help="One sentence a line with its words separated by whitespace, or CoNLL-U.",
    title="Input",
)
@options.word_options
@options.encoding
@options.workers("the model")
@options.quiet
def tune_command(
    gold: tuple[str, ...],
    output: str,
    model: str,
    form: str,
    lists: options.WordOptions,
    encoding: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Tune a model to labelled sentences: to what they count as a word.

    GOLD is a file of segmented sentences; 20 to 50 of them help, more help more. The result is a model as any other:
    segtool cut -m MODEL. Cross-validation prints how the model cuts sentences that it was not tuned to, before and
    after; if tuning does not help, the model keeps its weights.

    A word list of the same guideline (--words, and --words-only if it is complete) helps most together with sentences:
    tuning starts from the model and the list. --prefer, --force and --forbid are added to the tuned model.
    """
    options.announce_compiling(quiet)
    from segtool.guideline.gold import read_gold
    from segtool.guideline.tune import tune_model
    from segtool.runtime.progress import Progress, StageReport
    from segtool.runtime.workers import checked_workers
    from segtool.store.cards import CARD
    from segtool.store.files import atomic_directory
    from segtool.store.model import MODEL, find_model, load_model, write_model

    MODEL.check_target(output)
    stages: list[StageReport] = []
    watch = Progress(not quiet, stages)
    with atomic_directory(output, marker=CARD) as folder:
        dictionary = lists.read(encoding, "-" in gold)
        sentences = read_gold(gold, form, encoding)
        base = load_model(find_model(model))
        with watch.stage("tune", unit="fit") as step:
            tuned, report = tune_model(base, sentences, checked_workers(workers), step, dictionary)
        write_model(tuned, folder)
    if not quiet:
        print_lines([*_summary(report), *stage_lines(stages), f"model    {output}"])


def _summary(report: TuneReport) -> list[str]:
    lines = [
        f"labels   {report.sentences:,} sentences, {report.words:,} words that the lexicon lacked",
        f"before   {_figures(report.before)}, by cross-validation",
        f"after    {_figures(report.after)}",
    ]
    if report.lost:
        lines.append(f"ignored  {report.lost:,} boundaries inside numbers or Latin runs, where no cut is possible")
    if not report.wins:
        lines.append("kept     the weights of the model: the tuned ones do not cut unseen sentences better")
    return lines


def _figures(result: Evaluation) -> str:
    """F1, and the kinds of errors as shares of the predicted words."""
    words = max(result.predicted_words, 1)
    kinds = ", ".join(f"{name} {getattr(result, name) / words:.2%}" for name in ("crossing", "coarser", "finer"))
    return f"F1 {result.f1:.4f} ({kinds})"
