"""Drawing figures with matplotlib (extra ``plot``), which is imported when a picture is drawn.

The same figures give the same bytes with the same version of matplotlib: settings of the user do not matter, and files
hold no date. Labels in Chinese need a font that has their characters. Where no file of the system or of matplotlib has
them all, words show their code points.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import mean
from typing import IO, TYPE_CHECKING, Any

from segtool.discovery import WordScore
from segtool.errors import CorpusError, InputError, UsageError
from segtool.plot.figures import CurvePoint, Gaps, Growth, calibration_error, growth_exponent, reliability_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "check_matplotlib",
    "draw_curve",
    "draw_growth",
    "draw_reliability",
    "draw_words",
    "find_font",
    "save_picture",
    "words_without_font",
]

PICTURE_KINDS = ("png", "svg")
"""Formats of files, by the ends of their names."""

_LIKELY = ("notosanscjk", "notosanssc", "sourcehansans", "wqy", "msyh", "simhei", "pingfang", "hiragino")
"""Parts of the names of files with Chinese letters that read well, the best first."""

_SETTINGS_OF_PICTURES = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 150,
    "grid.alpha": 0.3,
    "savefig.dpi": 150,
    "svg.hashsalt": "segtool",
}


def check_matplotlib() -> None:
    """Raise UsageError if matplotlib cannot be imported."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(f"pictures need {error.name}, which is missing: pip install 'segtool[plot]'") from None


@contextmanager
def _own_settings() -> Iterator[None]:
    """Our settings of matplotlib in place of the user's."""
    check_matplotlib()
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS_OF_PICTURES)
        yield


def _figure(height: float = 4.5, columns: int = 1) -> tuple[Figure, Any]:
    """A figure that no window belongs to, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure((6.5 * columns, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def draw_curve(points: Sequence[CurvePoint], untuned: float | None = None) -> Figure:
    """Draw a learning curve.

    Parameters
    ----------
    points : sequence of CurvePoint
        See :func:`segtool.plot.figures.learning_curve`.
    untuned : float, optional
        F1 without labels, drawn as a line.

    Returns
    -------
    matplotlib.figure.Figure
        Means, with bars from the least to the greatest F1.

    Raises
    ------
    UsageError
        If matplotlib is missing; so do all functions here.
    """
    with _own_settings():
        figure, axes = _figure()
        sizes, means = [each.sentences for each in points], [mean(each.f1) for each in points]
        low, high = ([abs(side(each.f1) - mean(each.f1)) for each in points] for side in (min, max))
        axes.errorbar(sizes, means, [low, high], marker="o", capsize=3, label="tuned")
        if untuned is not None:
            axes.axhline(untuned, color="gray", linestyle="--", label="not tuned")
        axes.set_xscale("log")
        _ticks(axes, sizes)
        axes.set(xlabel="labelled sentences", ylabel="F1 of words", title="Learning curve of tuning")
        axes.legend()
    return figure


def _ticks(axes: Axes, places: Sequence[int]) -> None:
    """Mark these places of a logarithmic axis, and no others."""
    axes.set_xticks(places, [f"{place:,}" for place in places])
    axes.minorticks_off()


def draw_growth(growth: Growth) -> Figure:
    """Draw how the vocabulary of a text grows (Heaps' law), and how frequencies fall by rank (Zipf's law).

    Parameters
    ----------
    growth : Growth
        See :func:`segtool.plot.figures.corpus_growth`.

    Returns
    -------
    matplotlib.figure.Figure
        Two logarithmic plots; the legend has the exponent of each curve of the first.
    """
    with _own_settings():
        figure, (types, ranks) = _figure(columns=2)
        for name, points in growth.types.items():
            sizes, values = zip(*points, strict=True)
            types.plot(sizes, values, marker=".", label=f"{name}, exponent {growth_exponent(sizes, values):.2f}")
        types.set(xscale="log", yscale="log", xlabel="tokens", ylabel="types", title="Growth (Heaps)")
        types.legend()
        for name, counts in growth.frequencies.items():
            ranks.plot(range(1, len(counts) + 1), counts, label=name)
        ranks.set(xscale="log", yscale="log", xlabel="rank", ylabel="occurrences", title="Frequency by rank (Zipf)")
        ranks.legend()
    return figure


def draw_reliability(gaps: Gaps) -> Figure:
    """Draw how well the probabilities of boundaries agree with labelled text.

    Parameters
    ----------
    gaps : Gaps
        See :func:`segtool.plot.figures.gaps_of`.

    Returns
    -------
    matplotlib.figure.Figure
        The share of boundaries by probability, in ten bins, and below it the share of the gaps in each bin.
    """
    with _own_settings():
        from matplotlib.figure import Figure

        figure = Figure((6.5, 6.0), layout="constrained")
        curve, shares = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        bins = list(reliability_bins(gaps))
        known = [(found, real) for share, found, real in bins if share]
        curve.plot([0, 1], [0, 1], color="gray", linestyle="--", label="perfect")
        curve.plot(*zip(*known, strict=True), marker="o", label=f"model, error {calibration_error(gaps):.3f}")
        curve.set(ylabel="share of boundaries", title="Reliability of the probabilities of boundaries")
        curve.legend()
        middles = [(number + 0.5) / len(bins) for number in range(len(bins))]
        shares.bar(middles, [share for share, _, _ in bins], width=0.9 / len(bins))
        shares.set(xlabel="probability of a boundary", ylabel="share of gaps")
    return figure


def draw_words(found: Sequence[WordScore], sort: str = "score", font: str | None = None) -> Figure:
    """Draw words as bars.

    Parameters
    ----------
    found : sequence of WordScore
        See :func:`segtool.discovery.discover`.
    sort : str
        The field that gives the length of the bars.
    font : str, optional
        File of the font of the words, such as :func:`find_font` finds. Words that it lacks are shown by code points.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the file is no font.
    CorpusError
        If there is no word.
    """
    if not found:
        raise CorpusError("there is no word to draw: give more text, or another model")
    words = [each.word for each in found]
    with _own_settings():
        from matplotlib.font_manager import FontProperties

        figure, axes = _figure(height=1.2 + 0.22 * len(words))
        axes.barh(range(len(words)), [getattr(each, sort) for each in found])
        lacking = {*words_without_font(words, font)}
        labels = [_code_points(word) if word in lacking else word for word in words]
        # dollar signs would begin a formula
        axes.set_yticks(range(len(words)), [label.replace("$", r"\$") for label in labels])
        for word, label in zip(words, axes.get_yticklabels(), strict=True):
            if font and word not in lacking:
                label.set_fontproperties(FontProperties(fname=font))
        axes.margins(y=0.01)
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        axes.set(xlabel=sort.replace("_", " "), title=f"Top {len(words)} words")
    return figure


def _code_points(word: str) -> str:
    """Spell a word that cannot be shown; ASCII stays as it is."""
    return " ".join(each if each.isascii() else f"U+{ord(each):04X}" for each in word)


def words_without_font(words: Sequence[str], font: str | None) -> list[str]:
    """List the words that a font, or without one that of matplotlib, cannot show; their code points are drawn."""
    known = set(range(128)) if font is None else _characters_of(font)
    return [word for word in words if not known.issuperset(map(ord, word))]


def find_font(text: str) -> str | None:
    """Find a font that has all characters of a text.

    Parameters
    ----------
    text : str

    Returns
    -------
    str or None
        Path of its file, the same for every text that it has all characters of; None if there is none.
    """
    with _own_settings():
        from matplotlib import font_manager

        # matplotlib's list is made once, and lacks what was installed since
        files = {each.fname for each in font_manager.fontManager.ttflist} | {*font_manager.findSystemFonts()}

    def preference(path: str) -> tuple[int, str]:
        name = os.path.basename(path).lower().replace("-", "").replace("_", "")
        return next((i for i, part in enumerate(_LIKELY) if part in name), len(_LIKELY)), path

    wanted = {ord(each) for each in text}
    for path in sorted(files, key=preference):
        if "lastresort" in path.lower():  # draws boxes for all characters
            continue
        try:
            if wanted <= _characters_of(path):
                return path
        except InputError:
            continue
    return None


def _characters_of(font: str) -> set[int]:
    """Code points that the file of a font has."""
    from matplotlib.ft2font import FT2Font

    try:
        return {*FT2Font(font).get_charmap()}
    except (OSError, RuntimeError) as error:
        raise InputError(f"{font}: no font that can be read: {error}: give a .ttf, .otf or .ttc file") from None


def save_picture(figure: Figure, file: IO[bytes], kind: str) -> None:
    """Write a picture.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    file : binary file
    kind : {"png", "svg"}

    Raises
    ------
    UsageError
        For another kind.
    """
    if kind not in PICTURE_KINDS:
        raise UsageError(f"a picture cannot be written as {kind!r}: choose {' or '.join(PICTURE_KINDS)}")
    with _own_settings():
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
