"""Score a segmentation against a gold standard: precision, recall and F1 of its words.

Both texts hold the same lines, and the words of a line are separated by whitespace (any run of it, so
texts that differ in nothing but whitespace compare).  There are two ways to say which words are correct:

``span``
    A span is the place of a word in its line: the pair (start, end) of character positions, whitespace not
    counted.  A predicted word is correct where gold has a word with the same span.
``sighan``
    What the scoring script of the SIGHAN bakeoffs does (Emerson 2005, "The Second International Chinese Word
    Segmentation Bakeoff"): the words of a longest common subsequence of the two lines are correct, wherever
    they stand.  Gold ``a a aa`` against ``aa a a`` scores 2/3 there and 0 by spans.  The script leaves that
    to GNU ``diff``, which now and then overlooks a match on a long line (11 of 76,251 in one trial on the
    PKU test text); figures here are those of ``diff --minimal``.

With the words of the training text, gold words divide into those that occur in it (IV, in vocabulary) and
those that do not (OOV), and recall is given for each class.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate, zip_longest
from math import isqrt
from typing import Any, TypeAlias

from segtool.errors import DataError, MismatchError, UsageError
from segtool.text.sources import read_lines
from segtool.text.word_lists import read_word_set

__all__ = ["PROTOCOLS", "Evaluation", "FrequentError", "evaluate", "evaluate_files"]

PROTOCOLS = {
    "span": "a word is correct where both its ends are",
    "sighan": "words aligned by longest common subsequence, as in the SIGHAN 2005 script",
}
"""Protocol names, each with the explanation that the report prints."""

_Path: TypeAlias = "str | os.PathLike[str]"
_EXCERPT = 10


@dataclass(frozen=True)
class FrequentError:
    """A stretch of text that gold and prediction cut differently.

    Attributes
    ----------
    gold, predicted : str
        The words of the stretch, separated by a space.
    count : int
        How many times this pair occurs.
    """

    gold: str
    predicted: str
    count: int


@dataclass(frozen=True)
class Evaluation:
    """Counts of one comparison, the figures that follow from them, and the settings they hold for.

    Attributes
    ----------
    protocol : str
        ``span`` or ``sighan``.
    lines, gold_words, predicted_words, correct : int
        Lines compared, words (tokens) on either side, and how many of them are correct.
    oov_words, oov_correct, iv_words, iv_correct : int or None
        Gold words outside and inside the training words, and how many of each are correct; None without.
    errors : tuple of FrequentError
        The most frequent errors, by falling count and then by code point.
    gold_name, predicted_name, train_name, train_size, sep : str, int or None
        What was compared, the training words and how many different ones, the separator besides whitespace.
    """

    protocol: str
    lines: int
    gold_words: int
    predicted_words: int
    correct: int
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
        """Correct words among the predicted words, 0 to 1; 0 where there are none."""
        return _ratio(self.correct, self.predicted_words) or 0.0

    @property
    def recall(self) -> float:
        """Correct words among the gold words, 0 to 1; 0 where there are none."""
        return _ratio(self.correct, self.gold_words) or 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1; 0 where both are 0."""
        return _ratio(2 * self.correct, self.gold_words + self.predicted_words) or 0.0

    @property
    def oov_rate(self) -> float | None:
        """OOV words among the gold words, 0 to 1; None without training words."""
        return _ratio(self.oov_words, self.gold_words)

    @property
    def oov_recall(self) -> float | None:
        """Correct words among the OOV words, 0 to 1; None (not 0) where there are no OOV words."""
        return _ratio(self.oov_correct, self.oov_words)

    @property
    def iv_recall(self) -> float | None:
        """Correct words among the IV words, 0 to 1; None (not 0) where there are no IV words."""
        return _ratio(self.iv_correct, self.iv_words)

    def to_dict(self) -> dict[str, Any]:
        """Give settings, counts and figures as a dictionary that JSON can hold.

        Returns
        -------
        dict of str to object
            The attributes and properties by name; None for a figure that does not exist.
        """
        figures = ("precision", "recall", "f1", "oov_rate", "oov_recall", "iv_recall")
        return asdict(self) | {name: getattr(self, name) for name in figures}

    def report(self) -> str:
        """Give settings and figures as text for people.

        Returns
        -------
        str
            A row per figure, after the settings that must agree for figures to compare; no final line end.
        """
        rows = [
            ("gold", self.gold_name),
            ("predicted", self.predicted_name + (f", words separated by {self.sep!r}" if self.sep else "")),
            ("protocol", f"{self.protocol}: {PROTOCOLS[self.protocol]}; whitespace is ignored"),
            ("lines", f"{self.lines:,}"),
            ("precision", _share(self.correct, self.predicted_words)),
            ("recall", _share(self.correct, self.gold_words)),
            ("F1", f"{self.f1:.4f}"),
        ]
        if self.train_size is not None:
            rows += [
                ("train words", f"{self.train_name}, {self.train_size:,} different words"),
                ("OOV rate", _share(self.oov_words, self.gold_words)),
                ("OOV recall", _share(self.oov_correct, self.oov_words)),
                ("IV recall", _share(self.iv_correct, self.iv_words)),
            ]
        rows += [(f"error {error.count:,}×", f"{error.gold} → {error.predicted}") for error in self.errors]
        return "\n".join(f"{label:<12} {value}" for label, value in rows)

    __str__ = report


def evaluate(
    gold: Iterable[str],
    predicted: Iterable[str],
    *,
    protocol: str = "span",
    train_words: Collection[str] | None = None,
    top_errors: int = 0,
    sep: str | None = None,
    gold_name: str = "gold",
    predicted_name: str = "predicted",
    train_name: str = "given",
) -> Evaluation:
    """Compare predicted with gold lines, holding one line of each at a time.

    Parameters
    ----------
    gold, predicted : iterable of str
        Lines of words separated by whitespace.
    protocol : str
        ``span`` or ``sighan``.  Of several longest common subsequences ``sighan`` takes this one: from left
        to right, a gold word is passed over where that costs no match, else a predicted word, else the two
        match.  The choice bears on nothing but the OOV and IV recall, and is most often that of GNU diff.
    train_words : collection of str or None
        The words of the training text; they turn the OOV and IV figures on.
    top_errors : int
        How many of the most frequent errors to keep.  An error is a stretch between two neighbouring
        boundaries that both sides share, cut differently in between; it is the same in both protocols.
    sep : str or None
        A separator of the predicted words besides whitespace, such as ``/`` or ``|``.
    gold_name, predicted_name, train_name : str
        What messages and the report call the inputs.

    Returns
    -------
    Evaluation
        Counts, figures and settings.

    Raises
    ------
    UsageError
        For an unknown protocol, a negative `top_errors`, or one str in place of lines.
    MismatchError
        Where the two differ in more than whitespace, or in the number of lines.
    DataError
        Where there is not a single word.
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"unknown protocol {protocol!r}: --protocol takes {' or '.join(PROTOCOLS)}")
    if top_errors < 0:
        raise UsageError(f"{top_errors} errors cannot be shown: the number of errors is 0 or more")
    if any(isinstance(argument, str) for argument in (gold, predicted, train_words)):
        raise UsageError("gold, predicted and train_words are lists of str, and one of them is a single str")
    sep = (sep or "").strip()
    vocabulary = None if train_words is None else frozenset(train_words)
    correct_words = _same_spans if protocol == "span" else _longest_common_subsequence

    lines = gold_words = predicted_words = correct = oov_words = oov_correct = 0
    errors: Counter[tuple[str, str]] = Counter()
    for gold_line, predicted_line in zip_longest(gold, predicted):
        if gold_line is None or predicted_line is None:
            short, long = (gold_name, predicted_name) if gold_line is None else (predicted_name, gold_name)
            fix = "cut every line of the gold text, in the same order"
            raise MismatchError(f"{short} ends after line {lines}, {long} has a line {lines + 1}: {fix}")
        lines += 1
        gold_cut = gold_line.split()
        predicted_cut = (predicted_line.replace(sep, " ") if sep else predicted_line).split()
        matched = gold_cut
        if gold_cut != predicted_cut:
            texts = "".join(gold_cut), "".join(predicted_cut)
            if texts[0] != texts[1]:
                where = f"{gold_name} and {predicted_name} differ in line {lines}"
                raise MismatchError(f"{where}, {_difference(*texts, sep)}")
            matched = correct_words(gold_cut, predicted_cut)
            if top_errors:
                stretches = _stretches(gold_cut, predicted_cut)
                errors.update((" ".join(a), " ".join(b)) for a, b in stretches if a != b)
        gold_words += len(gold_cut)
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
        errors=tuple(FrequentError(*pair, count) for pair, count in ranked),
        gold_name=gold_name,
        predicted_name=predicted_name,
        sep=sep or None,
        **by_class,
    )


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
        Files whose lines end in ``\n`` and nothing else, plain or compressed; a byte order mark is accepted.
        One of them may be ``-``, standard input.  `train_words` is a word list or the segmented training text, decided
        line by line: of ``word frequency`` and ``word frequency tag`` (a number in ASCII digits, ASCII
        letters) the first field is a word, of any other line every field is.
    protocol, top_errors, sep
        As in `evaluate`.
    encoding : str
        Encoding of all the files.

    Returns
    -------
    Evaluation
        Counts, figures and settings.

    Raises
    ------
    UsageError, MismatchError, DataError
        As in `evaluate`; UsageError also for an unknown encoding or standard input asked for twice,
        DataError also for training words without a word.
    InputError
        For a file that cannot be read; EncodingError for bytes that are no text in `encoding`.
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
        gold_name=_shown(gold),
        predicted_name=_shown(predicted),
        train_name=_shown(train_words or ""),
    )


def _ratio(part: int | None, whole: int | None) -> float | None:
    """Give part / whole, or None where there is no such figure."""
    return None if part is None or not whole else part / whole


def _share(part: int | None, whole: int | None) -> str:
    """Give part / whole and what it is made of, for the report."""
    share = _ratio(part, whole)
    return "- (no such words)" if share is None else f"{share:.4f} ({part:,} of {whole:,} words)"


def _stretches(gold: list[str], predicted: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Divide two segmentations of one text at every boundary that they share."""
    i = j = 0
    while i < len(gold):
        first_i, first_j = i, j
        ahead = len(gold[i]) - len(predicted[j])
        while ahead:
            if ahead < 0:
                i += 1
                ahead += len(gold[i])
            else:
                j += 1
                ahead -= len(predicted[j])
        i, j = i + 1, j + 1
        yield gold[first_i:i], predicted[first_j:j]


def _same_spans(gold: list[str], predicted: list[str]) -> list[str]:
    """Give the words whose spans both segmentations of one text have."""
    return [ours[0] for ours, theirs in _stretches(gold, predicted) if ours == theirs]


def _longest_common_subsequence(gold: list[str], predicted: list[str]) -> list[str]:
    """Give the words of a longest common subsequence; `evaluate` says which of several.

    Bit-parallel, each row one int (Crochemore et al. 2001, Hyyrö 2004), over reversed lists, so that the
    way back runs from left to right.  Bit i of row j is 0 where the subsequence of gold[: i + 1] and
    predicted[:j] is longer than that of gold[:i].  Only every √m-th row is kept, and those between are
    made again on the way back: a line may be a whole document.
    """
    gold, predicted = gold[::-1], predicted[::-1]
    occurrences: dict[str, int] = {}
    for i, word in enumerate(gold):
        occurrences[word] = occurrences.get(word, 0) | 1 << i
    full = (1 << len(gold)) - 1

    def next_row(row: int, word: str) -> int:
        met = row & occurrences.get(word, 0)
        return ((row + met) | (row - met)) & full

    step = isqrt(len(predicted)) + 1
    blocks = [(full, predicted[:step])]
    for start in range(step, len(predicted), step):
        *_, row = accumulate(blocks[-1][1], next_row, initial=blocks[-1][0])
        blocks.append((row, predicted[start : start + step]))

    common: list[str] = []
    i = len(gold)
    for first_row, block in reversed(blocks):
        rows = list(accumulate(block, next_row, initial=first_row))
        j = len(block)
        while i and j:
            bit = 1 << (i - 1)
            if not rows[j] & bit:
                j -= 1
                if not rows[j] & bit:
                    continue
                common.append(gold[i - 1])
            i -= 1
    return common


def _difference(gold: str, predicted: str, sep: str) -> str:
    """Say where two texts differ and what to do about it."""
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


def _shown(path: _Path) -> str:
    """Give the name of a file for messages, always on one line."""
    name = os.fspath(path)
    return "<stdin>" if name == "-" else name if name.isprintable() else repr(name)
