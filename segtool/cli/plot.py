"""The commands ``segtool plot curve``, ``growth``, ``reliability`` and ``words``: pictures of figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from segtool.cli import options
from segtool.cli.help import HelpfulGroup
from segtool.cli.reports import little_text, print_lines, silent_about_little_text
from segtool.cli.words import FIELDS
from segtool.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from segtool.text.sources import Source

__all__ = ["plot_group"]

_picture = options.output("FILE", "Picture to write; its name ends in .png or .svg.", required=True)
_form = options.titled_option(
    "--format",
    "form",
    type=click.Choice(["text", "conllu"]),
    default="text",
    show_default=True,
    help="One sentence a line with its words separated by whitespace, or CoNLL-U.",
    title="Input",
)


@click.group(
    "plot",
    cls=HelpfulGroup,
    examples=[
        ("segtool plot growth corpus/ -o growth.svg", "Draw how the vocabulary of a text grows."),
        ("segtool plot words novel.txt -o words.png", "Draw the best words of a text."),
    ],
)
def plot_group() -> None:
    """Draw pictures: a learning curve, the growth of a text, the reliability of probabilities, the best words.

    The extra plot has matplotlib, which draws them: pip install 'segtool[plot]'.
    """


def _draw(output: str, inputs: Sequence[Source], draw: Callable[[], Figure]) -> None:
    """Draw a picture and write it as a whole."""
    from segtool.plot.pictures import PICTURE_KINDS, check_matplotlib, save_picture

    kind = os.path.splitext(output)[1][1:].lower()
    if kind not in PICTURE_KINDS:
        raise UsageError(f"-o {output}: the name of a picture ends in .png or .svg")
    check_matplotlib()
    with options.open_output(output, inputs) as out:
        save_picture(draw(), out, kind)


@plot_group.command(
    "curve",
    cls=options.TitledCommand,
    examples=[
        ("segtool plot curve labelled.txt -o curve.svg", "Learn from every second sentence, and test on the others."),
        ("segtool plot curve dev.txt --test test.txt --sizes 50,200,1000 -o curve.png", "Test on another file."),
    ],
)
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True, type=options.FILE_PATH)
@_picture
@options.model("The model to tune.")
@_form
@options.titled_option(
    "--test",
    metavar="FILE",
    help="Labelled sentences to test on.",
    show_default="every second of GOLD",
    title="Input",
    type=options.FILE_PATH,
)
@options.titled_option(
    "--sizes",
    metavar="N,N,…",
    default="20,50,200,1000",
    show_default=True,
    help="Labelled sentences to learn from; all are the last point.",
    title="Input",
)
@options.titled_option(
    "--draws",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Sentences of a size are drawn so many times.",
    title="Input",
)
@options.encoding
@options.workers("the picture")
@options.quiet
def plot_curve(
    gold: tuple[str, ...],
    output: str,
    model: str,
    form: str,
    test: str | None,
    sizes: str,
    draws: int,
    encoding: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Draw F1 after tuning to more and more labelled sentences.

    GOLD is as for tune. Sentences are drawn at random, the same ones each time. Bars go from the least to the greatest
    F1 of the draws.
    """
    options.announce_compiling(quiet)
    from segtool.guideline.gold import read_gold
    from segtool.plot.figures import learning_curve
    from segtool.plot.pictures import draw_curve
    from segtool.runtime.progress import Progress
    from segtool.runtime.workers import checked_workers
    from segtool.segmenter import load

    if not all(each.isdecimal() and int(each) for each in sizes.split(",")):
        raise UsageError(f"--sizes {sizes}: give whole numbers with commas between, such as 20,50,200")
    if "-" in gold and test == "-":
        raise UsageError("standard input (-) can be read only once: give a file to --test")

    def draw() -> Figure:
        labels = read_gold(gold, form, encoding)
        tested = read_gold([test], form, encoding) if test is not None else labels[1::2]
        segmenter, threads = load(model), checked_workers(workers)
        numbers = sorted({int(each) for each in sizes.split(",")})
        with Progress(not quiet, []).stage("tune", unit="fit") as step:

            def learn(sentences: Sequence[Sequence[str]]) -> Callable[[list[str]], Any]:
                tuned = segmenter.tune(sentences, workers=threads)
                step(1)
                return tuned.cut_batch

            points = learning_curve(learn, labels if test else labels[::2], tested, numbers, draws)
        [untuned] = learning_curve(lambda _: segmenter.cut_batch, labels, tested, (), 1)
        return draw_curve(points, untuned.f1[0])

    _draw(output, _sources([*gold, *([test] if test else [])]), draw)


def _sources(names: Sequence[str]) -> list[Source]:
    from segtool.text.sources import find_sources

    return find_sources(names)


@plot_group.command(
    "growth",
    cls=options.TitledCommand,
    examples=[
        ("segtool plot growth corpus/ -o growth.svg", "Draw the growth of a text, cut by the included model."),
        ("segtool plot growth corpus/ -m my.model --order 7 -o growth.png", "Cut by a model; n-grams up to length 7."),
    ],
)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=options.FILE_PATH)
@_picture
@options.model("Cuts the words.")
@options.titled_option(
    "--order",
    type=click.IntRange(2, 16),
    default=4,
    show_default=True,
    help="Symbols of the longest n-grams.",
    title="Words",
)
@options.encoding
@options.skip_undecodable
@options.workers("the picture")
@options.quiet
def plot_growth(
    inputs: tuple[str, ...],
    output: str,
    model: str,
    order: int,
    encoding: str,
    skip_undecodable: bool,
    workers: int | None,
    quiet: bool,
) -> None:
    """Draw how many different words and n-grams growing parts of a text have, and how often each word occurs.

    INPUT is as for train. The text is held in memory. Exponents of Heaps' law are in the legend.
    """
    options.announce_compiling(quiet)
    from segtool.plot.figures import corpus_growth
    from segtool.plot.pictures import draw_growth
    from segtool.runtime.workers import checked_workers
    from segtool.segmenter import load
    from segtool.text.sources import read_blocks

    sources = _sources(inputs)

    def draw() -> Figure:
        blocks = read_blocks(sources, encoding=encoding, skip_undecodable=skip_undecodable)
        return draw_growth(corpus_growth(load(model), blocks, order, checked_workers(workers)))

    _draw(output, sources, draw)


@plot_group.command(
    "reliability",
    cls=options.TitledCommand,
    examples=[
        ("segtool plot reliability labelled.txt -o reliability.svg", "Draw the reliability of the included model."),
        ("segtool plot reliability labelled.txt -m tuned.model -o reliability.png", "Draw that of another one."),
    ],
)
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True, type=options.FILE_PATH)
@_picture
@options.model("Gives the probabilities.")
@_form
@options.encoding
@options.quiet
def plot_reliability(gold: tuple[str, ...], output: str, model: str, form: str, encoding: str, quiet: bool) -> None:
    """Draw how well the probabilities of boundaries agree with labelled sentences.

    GOLD is as for tune; a model that was tuned to these very sentences looks better than it is.
    """
    options.announce_compiling(quiet)
    from segtool.guideline.gold import read_gold
    from segtool.plot.figures import gaps_of
    from segtool.plot.pictures import draw_reliability
    from segtool.segmenter import load

    def draw() -> Figure:
        return draw_reliability(gaps_of(load(model), read_gold(gold, form, encoding)))

    _draw(output, _sources(gold), draw)


@plot_group.command(
    "words",
    cls=options.TitledCommand,
    examples=[
        ("segtool plot words novel.txt -o words.png", "Draw the best words of a text."),
        ("segtool plot words -m my.model --sort count --top 50 -o words.svg", "Draw the most frequent of a model."),
    ],
)
@click.argument("inputs", metavar="[INPUT]...", nargs=-1, type=options.FILE_PATH)
@_picture
@options.model("Draw the words of a model instead of learning them from INPUT.", required=False)
@options.titled_option(
    "--top",
    metavar="N",
    type=click.IntRange(1, 200),
    default=30,
    show_default=True,
    help="Number of words.",
    title="Words",
)
@options.titled_option(
    "--sort",
    type=click.Choice(FIELDS),
    default="score",
    show_default=True,
    help="Column of segtool words to sort by, and to draw.",
    title="Words",
)
@options.titled_option(
    "--font",
    metavar="FILE",
    help="Font of the words.",
    show_default="one that has them",
    title="Output",
    type=options.FILE_PATH,
)
@options.encoding
@options.skip_undecodable
@options.workers("the picture")
@options.quiet
def plot_words(
    inputs: tuple[str, ...],
    output: str,
    model: str | None,
    top: int,
    sort: str,
    font: str | None,
    encoding: str,
    skip_undecodable: bool,
    workers: int | None,
    quiet: bool,
) -> None:
    """Draw the best words of a text or of a model as bars, as segtool words lists them.

    INPUT is as for train. Where no font has the words, their code points are drawn.
    """
    options.announce_compiling(quiet)
    from segtool.discovery import discover
    from segtool.plot.pictures import draw_words, find_font, words_without_font
    from segtool.segmenter import load
    from segtool.training import TrainingReport, train

    if bool(inputs) == (model is not None):
        raise UsageError("give either INPUT (text to learn from) or -m MODEL")

    def draw() -> Figure:
        if model is not None:
            segmenter = load(model)
        else:
            how: dict[str, Any] = {"encoding": encoding, "skip_undecodable": skip_undecodable}
            report = TrainingReport()
            with silent_about_little_text():
                segmenter = train(list(inputs), workers=workers, progress=not quiet, report=report, **how)
            if not quiet:
                print_lines(little_text(report.symbols, "words are found in more text"))
        found = discover(segmenter, top=top, sort=sort)
        characters = "".join(sorted({*"".join(each.word for each in found)}))
        used = font or find_font(characters)
        lacking = words_without_font([each.word for each in found], used)
        if lacking and not quiet:
            fault = f"no font has {lacking[0]} and {len(lacking) - 1} more words: their code points are drawn"
            fix = "install Noto Sans CJK (the package fonts-noto-cjk on Debian and Ubuntu) or pass --font FILE"
            click.echo(f"segtool: {fault}; {fix}", err=True)
        return draw_words(found, sort, used)

    _draw(output, _sources(inputs), draw)
