"""An explanation of a cut: what it consists of, and as JSON, as text and as a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Alternative", "ExplainedGap", "ExplainedRun", "ExplainedWord", "Explanation", "ScorePart"]


@dataclass(frozen=True)
class ScorePart:
    """A part of a score.

    Attributes
    ----------
    name : str
        Of a word: ``weight``, and ``force`` for a forced one; of an unknown word ``first``, ``middle`` and ``last``. Of
        a gap: ``granularity``, and for the boundary tagger ``a``, ``b``, ``c``, ``d``, ``ab``, ``bc`` and ``cd``, the
        symbols and pairs around the gap in a b | c d (:mod:`segtool.decode.viterbi`).
    text : str
        The characters that it belongs to. Of a gap: with a bar where the gap is, and a dot for the character between.
    nats : float
    """

    name: str
    text: str
    nats: float


@dataclass(frozen=True)
class Alternative:
    """The best cut that differs at some place from the cut of the text.

    Attributes
    ----------
    start, end : int
        The stretch in which it differs, in characters of the text.
    words : tuple of str
        Its words there.
    loss : float
        Score of the cut minus that of this one, in nats.

    Examples
    --------
    >>> import segtool
    >>> explanation = segtool.load().explain("和尚未结婚")
    >>> other = explanation.runs[0].cuts[0].alternative
    >>> other.words, round(other.loss, 2)
    (('和尚', '未'), 1.41)
    """

    start: int
    end: int
    words: tuple[str, ...]
    loss: float


@dataclass(frozen=True)
class ExplainedWord:
    """A word of the lattice.

    Attributes
    ----------
    word : str
    start, end : int
        In characters of the text.
    score : float
        In nats; the sum of its parts.
    origin : str
        See :data:`segtool.explain.explain.ORIGINS`.
    parts : tuple of ScorePart
    loss : float
        Score of the best cut minus that of the best cut with this word, in nats.
    probability : float
        That this is a word of the text, by the weights of all cuts (:mod:`segtool.decode.confidence`).
    chosen : bool
        Whether it is a word of the cut.
    count, expected : int and float, or None
        How often the string is in the training text, and how often as a word; None for a word that the lexicon lacks.
    alternative : Alternative or None
        Of a chosen word, the best cut without it; None if there is no other cut.
    pieces : tuple of str
        The word; or its parts, if a dictionary splits it on output.

    Examples
    --------
    >>> import segtool
    >>> explanation = segtool.load().explain("和尚未结婚")
    >>> word = explanation.runs[0].cover[1]
    >>> word.word, round(word.score, 2), word.count
    ('尚未', -13.18, 1177)
    """

    word: str
    start: int
    end: int
    score: float
    origin: str
    parts: tuple[ScorePart, ...]
    loss: float
    probability: float
    chosen: bool
    count: int | None = None
    expected: float | None = None
    alternative: Alternative | None = None
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExplainedGap:
    """A place between two symbols.

    Attributes
    ----------
    place : int
        In characters of the text.
    score : float
        What a boundary there adds to the score of a cut, in nats; the sum of the tagger's share and the granularity.
    tagger, granularity : float
    parts : tuple of ScorePart
    probability : float
        That the text has a boundary there, by the weights of all cuts.
    chosen : bool
        Whether the cut has a boundary there.
    alternative : Alternative or None
        The best cut that has no boundary there, or has one, other than the cut; None if there is none.

    Examples
    --------
    >>> import segtool
    >>> explanation = segtool.load().explain("和尚未结婚")
    >>> gap = explanation.runs[0].cuts[0]
    >>> gap.place, round(gap.score, 2), round(gap.probability, 2)
    (1, 0.69, 0.59)
    """

    place: int
    score: float
    tagger: float
    granularity: float
    parts: tuple[ScorePart, ...]
    probability: float
    chosen: bool
    alternative: Alternative | None


@dataclass(frozen=True)
class ExplainedRun:
    """A stretch of text that is cut by scores, or one token beside such stretches: a mark.

    Attributes
    ----------
    word : str
        All of it.
    start, end : int
        In characters of the text.
    score : float
        Of the best cut: the sum of the scores of its words and gaps, in nats; 0 for a mark.
    symbols : tuple of int
        Where each symbol begins, in characters of the text.
    words : tuple of ExplainedWord
        All words of the lattice, by start, then by length.
    gaps : tuple of ExplainedGap
        The places between all symbols.
    origin : str or None
        Of a token that is not scored; None for a run.

    Examples
    --------
    >>> import segtool
    >>> explanation = segtool.load().explain("和尚未结婚")
    >>> run = explanation.runs[0]
    >>> run.word, run.start, run.end, [word.word for word in run.cover]
    ('和尚未结婚', 0, 5, ['和', '尚未', '结婚'])
    """

    word: str
    start: int
    end: int
    score: float = 0.0
    symbols: tuple[int, ...] = ()
    words: tuple[ExplainedWord, ...] = ()
    gaps: tuple[ExplainedGap, ...] = ()
    origin: str | None = None

    @property
    def cover(self) -> list[ExplainedWord]:
        """The words of the cut."""
        return [word for word in self.words if word.chosen]

    @property
    def cuts(self) -> list[ExplainedGap]:
        """The gaps of the cut."""
        return [gap for gap in self.gaps if gap.chosen]


@dataclass(frozen=True)
class Explanation:
    """Why a text is cut as it is.

    ``str()`` gives a table for people.

    Attributes
    ----------
    text : str
    model : str
        Path of the model, ``default`` for the included one, or ``in memory``.
    granularity : float
        In nats.
    runs : tuple of ExplainedRun
    cut : tuple of str
        The words after the rules for numbers, dates and names (:mod:`segtool.decode.word_rules`).

    Examples
    --------
    >>> import segtool
    >>> explanation = segtool.load().explain("和尚未结婚")
    >>> explanation.words, round(explanation.score, 2)
    (['和', '尚未', '结婚'], -27.74)
    """

    text: str
    model: str
    granularity: float
    runs: tuple[ExplainedRun, ...]
    cut: tuple[str, ...]

    @property
    def score(self) -> float:
        """Score of the cut, in nats: the sum over its runs."""
        return sum(run.score for run in self.runs)

    @property
    def words(self) -> list[str]:
        """The cut, as :meth:`segtool.Segmenter.cut` gives it."""
        return list(self.cut)

    @property
    def scored_words(self) -> list[str]:
        """The words with the best score, before the rules for numbers, dates and names."""
        words: list[str] = []
        for run in self.runs:
            words += [run.word] if run.origin is not None else [piece for word in run.cover for piece in word.pieces]
        return words

    def to_dict(self) -> dict[str, Any]:
        """Give everything by name, for JSON.

        Examples
        --------
        >>> import segtool
        >>> explanation = segtool.load().explain("和尚未结婚")
        >>> explanation.to_dict()["cut"]
        ['和', '尚未', '结婚']
        """
        return asdict(self) | {"score": self.score, "cut": self.words}

    def report(self) -> str:
        """Give the words and gaps of the cut as a table for people.

        Examples
        --------
        >>> import segtool
        >>> explanation = segtool.load().explain("和尚未结婚")
        >>> explanation.report().splitlines()[0]
        'cut    和 尚未 结婚'
        """
        from segtool.explain.report import explanation_report

        return explanation_report(self)

    def to_html(self) -> str:
        """Give a page with the lattice drawn; it loads nothing from elsewhere and runs no script.

        Examples
        --------
        >>> import segtool
        >>> explanation = segtool.load().explain("和尚未结婚")
        >>> explanation.to_html()[:15]
        '<!DOCTYPE html>'
        """
        from segtool.explain.page import explanation_page

        return explanation_page(self)

    __str__ = report
