"""Scores a segmentation against a gold standard: precision, recall and F1 of its words.

Both texts hold the same lines, and whitespace separates the words of a line (any run of it, so that texts that differ
only in whitespace compare). Two protocols define which words are correct:

``span``
    A span is the place of a word in its line: the pair (start, end) of character positions without whitespace. A
    predicted word is correct if gold has a word with the same span.
``sighan``
    As in the scoring script of the SIGHAN bakeoffs (Emerson 2005, "The Second International Chinese Word Segmentation
    Bakeoff"), the words of a longest common subsequence of the two lines are correct, at any place. Gold ``a a aa``
    against ``aa a a`` scores 2/3 there and 0 by spans. The script runs GNU ``diff``, which sometimes misses a match on
    a long line (11 of 76,251 in one trial on the PKU test text); figures here are those of ``diff --minimal``.

Given the words of the training text, gold words divide into those in it (IV, in vocabulary) and the others (OOV), and
each class has a recall of its own.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from segtool.arguments import names_checked
from segtool.errors import DataError, MismatchError, UsageError
from segtool.text.alignment import error_kinds, longest_common_subsequence, same_spans, stretches
from segtool.text.html import html_table
from segtool.text.sources import read_lines
from segtool.text.word_lists import read_word_set

__all__ = ["PROTOCOLS", "Evaluation", "FrequentError", "evaluate", "evaluate_files"]

PROTOCOLS = {
    "span": "a word is correct where both its ends are",
    "sighan": "words aligned by longest common subsequence, as in the SIGHAN 2005 script",
}
"""Protocols and their explanations in the report."""

_Path: TypeAlias = "str | os.PathLike[str]"
_EXCERPT = 10


@dataclass(frozen=True)
class FrequentError:
    """A stretch of text whose words gold and prediction cut differently, and how many times it occurs."""

    gold: str
    predicted: str
    count: int


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Counts of one comparison, the figures that follow from them, and its settings.

    Attributes
    ----------
    lines, gold_words, predicted_words, correct : int
        Lines compared, words (tokens) on either side, and correct words.
    crossing, coarser, finer : int
        Predicted words that overlap a gold word in part, which is wrong under any guideline; that are several gold
        words in one; and that are a part of a gold word.
    pairs, split_pairs : int
        Gold words of two characters, and those that are predicted as two words.
    oov_words, oov_correct, iv_words, iv_correct : int or None
        Gold words outside and inside the training words, and the correct ones of each; None without training words.
    errors : tuple of FrequentError
        The most frequent errors, by falling count and then by code point.
    train_size : int or None
        Number of different training words.

    Examples
    --------
    >>> import segtool
    >>> result = segtool.evaluate(["今天 天气 很好"], ["今天 天气 很 好"])
    >>> result.correct, result.precision, round(result.f1, 2)
    (2, 0.5, 0.57)
    >>> result.to_dict()["finer"], result.report().splitlines()[6]
    (2, 'F1           0.5714')
    """

    protocol: str
    lines: int
    gold_words: int
    predicted_words: int
    correct: int
    crossing: int = 0
    coarser: int = 0
    finer: int = 0
    pairs: int = 0
    split_pairs: int = 0
    oov_words: int | None = None
    oov_correct: int | None = None
    iv_words: int | None = None
    iv_correct: int | None = None
    errors: tuple[FrequentError, ...] = ()
    gold_name: str = "gold"
    predicted_name: str = "predicted"
    train_name: str | None = None
    train_size: int | None = None
    sep: str | None = None

    @property
    def precision(self) -> float:
        """Correct words among the predicted words, 0 to 1; 0 if there are none."""
        return _ratio(self.correct, self.predicted_words) or 0.0

    @property
    def recall(self) -> float:
        """Correct words among the gold words, 0 to 1; 0 if there are none."""
        return _ratio(self.correct, self.gold_words) or 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1; 0 if both are 0."""
        return _ratio(2 * self.correct, self.gold_words + self.predicted_words) or 0.0

    @property
    def oov_rate(self) -> float | None:
        """OOV words among the gold words, 0 to 1; None without training words."""
        return _ratio(self.oov_words, self.gold_words)

    @property
    def oov_recall(self) -> float | None:
        """Correct words among the OOV words, 0 to 1; None (not 0) if there are no OOV words."""
        return _ratio(self.oov_correct, self.oov_words)

    @property
    def iv_recall(self) -> float | None:
        """Correct words among the IV words, 0 to 1; None (not 0) if there are no IV words."""
        return _ratio(self.iv_correct, self.iv_words)

    def to_dict(self) -> dict[str, Any]:
        """Give settings, counts and figures by name, for JSON; None for a figure that does not exist."""
        figures = ("precision", "recall", "f1", "oov_rate", "oov_recall", "iv_recall")
        return asdict(self) | {name: getattr(self, name) for name in figures}

    def report(self) -> str:
        """Give the figures as text for people, a row for each, below the settings that a comparison depends on."""
        return "\n".join(f"{label:<12} {value}" for label, value in self._rows())

    __str__ = report

    def __repr__(self) -> str:
        return f"<Evaluation of {self.lines:,} lines: F1 {self.f1:.4f}>"

    def _repr_html_(self) -> str:
        return html_table("Evaluation", self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("gold", self.gold_name),
            ("predicted", self.predicted_name + (f", words separated by {self.sep!r}" if self.sep else "")),
            ("protocol", f"{self.protocol}: {PROTOCOLS[self.protocol]}; whitespace is ignored"),
            ("lines", f"{self.lines:,}"),
            ("precision", _fraction(self.correct, self.predicted_words)),
            ("recall", _fraction(self.correct, self.gold_words)),
            ("F1", f"{self.f1:.4f}"),
            ("crossing", f"{_fraction(self.crossing, self.predicted_words)}, wrong under any guideline"),
            ("coarser", f"{_fraction(self.coarser, self.predicted_words)}, several gold words in one"),
            ("finer", f"{_fraction(self.finer, self.predicted_words)}, a part of a gold word"),
            ("split pairs", f"{_fraction(self.split_pairs, self.pairs)}, of two characters, are predicted as two"),
        ]
        if self.train_size is not None:
            rows += [
                ("train words", f"{self.train_name}, {self.train_size:,} different words"),
                ("OOV rate", _fraction(self.oov_words, self.gold_words)),
                ("OOV recall", _fraction(self.oov_correct, self.oov_words)),
                ("IV recall", _fraction(self.iv_correct, self.iv_words)),
            ]
        return rows + [(f"error {error.count:,}×", f"{error.gold} → {error.predicted}") for error in self.errors]


@names_checked
def evaluate(
    gold: Iterable[str | Sequence[str]],
    predicted: Iterable[str | Sequence[str]],
    *,
    protocol: str = "span",
    train_words: Collection[str] | None = None,
    top_errors: int = 0,
    sep: str | None = None,
    gold_name: str = "gold",
    predicted_name: str = "predicted",
    train_name: str = "given",
) -> Evaluation:
    """Compare predicted with gold lines, one line of each in memory at a time.

    Parameters
    ----------
    gold, predicted : iterable of str or of sequence of str
        Lines of words separated by whitespace, or lists of words as :meth:`segtool.Segmenter.cut_batch` returns them.
    protocol : str
        ``span`` or ``sighan``. Of several longest common subsequences ``sighan`` takes this one: from left to right,
        skip a gold word if that costs no match, else a predicted word if that costs none, else match the two. The
        choice matters only for OOV and IV recall, and mostly is that of GNU diff.
    train_words : collection of str or None
        Words of the training text, for the OOV and IV figures.
    top_errors : int
        Number of the most frequent errors to keep. An error is a stretch between two neighbouring boundaries of both
        sides, cut differently in between; it is the same in both protocols.
    sep : str or None
        A separator of the predicted words besides whitespace, such as ``/`` or ``|``.
    gold_name, predicted_name, train_name : str
        Names of the inputs in messages and in the report.

    Returns
    -------
    Evaluation
        Counts, figures and settings.

    Raises
    ------
    UsageError
        For an unknown protocol, a negative `top_errors`, or one str in place of lines.
    MismatchError
        If the two differ in more than whitespace, or in the number of lines.
    DataError
        If there is not a single word.

    Examples
    --------
    >>> import segtool
    >>> segtool.evaluate(["今天 很好"], ["今天 很 好"], top_errors=1).errors
    (FrequentError(gold='很好', predicted='很 好', count=1),)
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"unknown protocol {protocol!r}: --protocol takes {' or '.join(PROTOCOLS)}")
    if top_errors < 0:
        raise UsageError(f"{top_errors} errors cannot be shown: the number of errors is 0 or more")
    if any(isinstance(argument, str) for argument in (gold, predicted, train_words)):
        raise UsageError("gold, predicted and train_words are lists of str, and one of them is a single str")
    sep = (sep or "").strip()
    vocabulary = None if train_words is None else frozenset(train_words)
    correct_words = same_spans if protocol == "span" else longest_common_subsequence

    lines = gold_words = predicted_words = correct = oov_words = oov_correct = pairs = 0
    kinds: Counter[str] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for gold_line, predicted_line in zip_longest(gold, predicted):
        if gold_line is None or predicted_line is None:
            short, long = (gold_name, predicted_name) if gold_line is None else (predicted_name, gold_name)
            fix = "cut every line of the gold text, in the same order"
            raise MismatchError(f"{short} ends after line {lines}, {long} has a line {lines + 1}: {fix}")
        lines += 1
        gold_cut, predicted_cut = _words(gold_line), _words(predicted_line, sep)
        matched = gold_cut
        if gold_cut != predicted_cut:
            texts = "".join(gold_cut), "".join(predicted_cut)
            if texts[0] != texts[1]:
                where = f"{gold_name} and {predicted_name} differ in line {lines}"
                raise MismatchError(f"{where}, {_difference(*texts, sep)}")
            matched = correct_words(gold_cut, predicted_cut)
            kinds.update(error_kinds(gold_cut, predicted_cut))
            if top_errors:
                cuts = stretches(gold_cut, predicted_cut)
                errors.update((" ".join(ours), " ".join(theirs)) for ours, theirs in cuts if ours != theirs)
        gold_words += len(gold_cut)
        pairs += sum(len(word) == 2 for word in gold_cut)
        predicted_words += len(predicted_cut)
        correct += len(matched)
        if vocabulary is not None:
            oov_words += sum(word not in vocabulary for word in gold_cut)
            oov_correct += sum(word not in vocabulary for word in matched)
    if not gold_words:
        raise DataError(f"{gold_name} and {predicted_name} hold no words: there is nothing to score")

    ranked = sorted(errors.items(), key=lambda item: (-item[1], item[0]))[:top_errors]
    by_class: dict[str, Any] = {}
    if vocabulary is not None:
        by_class = {"train_name": train_name, "train_size": len(vocabulary)}
        by_class |= {"oov_words": oov_words, "oov_correct": oov_correct}
        by_class |= {"iv_words": gold_words - oov_words, "iv_correct": correct - oov_correct}
    return Evaluation(
        *(protocol, lines, gold_words, predicted_words, correct),
        crossing=kinds["crossing"],
        coarser=kinds["coarser"],
        finer=kinds["finer"],
        pairs=pairs,
        split_pairs=kinds["split pair"],
        errors=tuple(FrequentError(*pair, count) for pair, count in ranked),
        gold_name=gold_name,
        predicted_name=predicted_name,
        sep=sep or None,
        **by_class,
    )


@names_checked
def evaluate_files(
    gold: _Path,
    predicted: _Path,
    *,
    protocol: str = "span",
    train_words: _Path | None = None,
    top_errors: int = 0,
    encoding: str = "utf-8",
    sep: str | None = None,
) -> Evaluation:
    r"""Compare two files.

    Parameters
    ----------
    gold, predicted, train_words : str or path
        Files whose lines end in ``\n`` and nothing else, plain or compressed, with or without a byte order mark. One of
        them may be ``-``, standard input. `train_words` is a word list or the segmented training text
        (:func:`segtool.text.word_lists.read_word_set`).
    protocol, top_errors, sep
        As for :func:`evaluate`.
    encoding : str
        Encoding of all files.

    Returns
    -------
    Evaluation
        Counts, figures and settings.

    Raises
    ------
    UsageError, MismatchError, DataError
        As for :func:`evaluate`; UsageError also for an unknown encoding or for two files ``-``, DataError also for
        training words without a word.
    InputError
        For a file that cannot be read; EncodingError for bytes that are no text in `encoding`.

    Examples
    --------
    >>> import segtool
    >>> segtool.evaluate_files("data/gold.seg.txt", "data/gold.seg.txt").f1
    1.0
    """
    if [str(path) for path in (gold, predicted, train_words)].count("-") > 1:
        raise UsageError("standard input (-) can be read only once: give a file for the others")
    return evaluate(
        read_lines(gold, encoding=encoding),
        read_lines(predicted, encoding=encoding),
        protocol=protocol,
        train_words=None if train_words is None else read_word_set(train_words, "--train-words", encoding),
        top_errors=top_errors,
        sep=sep,
        gold_name=_name_of(gold),
        predicted_name=_name_of(predicted),
        train_name=_name_of(train_words or ""),
    )


def _words(line: str | Sequence[str], sep: str = "") -> list[str]:
    """Give the words of a line; a list of words may hold empty ones and whitespace, which are no words."""
    if not isinstance(line, str):
        line = " ".join(line)
    return (line.replace(sep, " ") if sep else line).split()


def _ratio(part: int | None, whole: int | None) -> float | None:
    """Give part / whole, or None if there is no such figure."""
    return None if part is None or not whole else part / whole


def _fraction(part: int | None, whole: int | None) -> str:
    """Give part / whole with both numbers, for the report."""
    share = _ratio(part, whole)
    return "- (no such words)" if share is None else f"{share:.4f} ({part:,} of {whole:,} words)"


def _difference(gold: str, predicted: str, sep: str) -> str:
    """Describe the place where two texts differ, and the fix."""
    pairs = zip_longest(gold, predicted)
    at = next(place for place, (ours, theirs) in enumerate(pairs) if ours != theirs)
    extra = predicted[at : at + 1]
    if sep and sep in gold:
        fix = f"the text itself contains {sep!r}: cut it with another --sep"
    elif extra and predicted.replace(extra, "") == gold:
        fix = f"if {extra!r} separates the predicted words, pass --sep {extra!r}"
    else:
        fix = "cut the very text that gold was made from, in the same encoding and order of lines"
    excerpts = (text[max(0, at - _EXCERPT) : at + _EXCERPT] for text in (gold, predicted))
    return f"character {at + 1} (whitespace not counted): {' against '.join(map(repr, excerpts))}; {fix}"


def _name_of(path: _Path) -> str:
    """Give the name of a file for messages, always on one line."""
    name = os.fspath(path)
    return "<stdin>" if name == "-" else name if name.isprintable() else repr(name)
