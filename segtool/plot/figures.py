"""The figures behind pictures: learning curves, the growth of a corpus, and the reliability of probabilities.

References
----------
Heaps (1978), "Information Retrieval: Computational and Theoretical Aspects": the number of types grows as a power of
the number of tokens. Zipf (1949), "Human Behavior and the Principle of Least Effort": the frequency of a word falls as
a power of its rank. Guo et al. (2017), "On Calibration of Modern Neural Networks", ICML: the calibration error.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError
from segtool.evaluation import evaluate
from segtool.ngrams.count import count_stream
from segtool.ngrams.counter import collect_corpus
from segtool.runtime.arrays import Floats, Integers
from segtool.runtime.workers import text_groups
from segtool.segmenter import Segmenter
from segtool.text.symbols import tokenise
from segtool.tokens import has_letters

__all__ = [
    "CurvePoint",
    "Gaps",
    "Growth",
    "calibration_error",
    "corpus_growth",
    "gaps_of",
    "growth_exponent",
    "learning_curve",
    "reliability_bins",
]

BINS = 10
DOUBLINGS = 8
"""A growing text is measured so many times, each time at double the size."""

_GROUP_CHARACTERS = 1 << 16

LabelledWords = Sequence[Sequence[str]]
Learn = Callable[[LabelledWords], Callable[[list[str]], Iterable[Sequence[str]]]]
"""Learns from labelled sentences, and gives what cuts texts."""


class CurvePoint(NamedTuple):
    """A point of a learning curve.

    Attributes
    ----------
    sentences : int
        Labelled sentences that were learned from.
    f1 : tuple of float
        F1 of words on the test sentences, one for each draw.
    """

    sentences: int
    f1: tuple[float, ...]


def learning_curve(
    learn: Learn, labels: LabelledWords, test: LabelledWords, sizes: Iterable[int], draws: int
) -> list[CurvePoint]:
    """Measure F1 after learning from some labelled sentences, drawn at random, and from all.

    Parameters
    ----------
    learn : callable
        Takes sentences and returns a callable that cuts a list of texts, such as
        ``lambda sentences: segmenter.tune(sentences).cut_batch``.
    labels, test : sequence of sequence of str
        The words of the sentences to learn from, and of those to test on.
    sizes : iterable of int
        Numbers of sentences; those that reach the number of labels are left out.
    draws : int
        Times that each number is drawn, with the seeds 0, 1, ….

    Returns
    -------
    list of CurvePoint
        One for each number, then one for all labels.

    Raises
    ------
    CorpusError
        If there are no labels or no test sentences.
    """
    if not labels or not test:
        raise CorpusError("too few labelled sentences: give some to learn from, and others to test on")
    texts = ["".join(words) for words in test]

    def score(sentences: LabelledWords) -> float:
        return evaluate(test, learn(sentences)(texts)).f1

    points = []
    for size in sizes:
        if size <= len(labels):
            drawn = [random.Random(draw).sample(labels, size) for draw in range(draws)]
            points.append(CurvePoint(size, tuple(map(score, drawn))))
    return [*points, CurvePoint(len(labels), (score(labels),))]


class Growth(NamedTuple):
    """How the vocabulary of a text grows.

    Attributes
    ----------
    types : dict of str to list of tuple of int
        For words and n-grams of symbols: tokens in the first part of the text, and how many of them are different.
    frequencies : dict of str to ndarray of int64
        Occurrences of each word and of each symbol, from the most frequent one on.
    """

    types: dict[str, list[tuple[int, int]]]
    frequencies: dict[str, Integers]


def corpus_growth(segmenter: Segmenter, blocks: Iterable[str], order: int = 4, workers: int = 1) -> Growth:
    """Count the different words and n-grams in growing parts of a text.

    Parameters
    ----------
    segmenter : Segmenter
        Cuts the words; those without a letter do not count.
    blocks : iterable of str
        The text, in parts that no word crosses.
    order : int
        Symbols of the longest n-grams; 2 to 16.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    Growth

    Raises
    ------
    CorpusError
        If there is no Han character in the text.
    UsageError
        If `order` is out of its limits.
    """
    text = list(blocks)
    corpus = collect_corpus(text, segmenter.model.folds)
    whole = corpus.whole()
    types: dict[str, list[tuple[int, int]]] = {f"{k}-grams": [] for k in range(1, order + 1)}
    ends = np.flatnonzero(whole.stream == 0)
    for end in _sizes(len(whole.stream) - 1):
        stream = whole.stream[: ends[np.searchsorted(ends, end)] + 1]
        table = count_stream(stream, whole.codes, order, workers)
        tokens = int(np.count_nonzero(stream))
        for k, level in enumerate(table.levels, 1):
            found = np.count_nonzero(level.count[1:]) if k == 1 else len(level)
            types[f"{k}-grams"].append((tokens, int(found)))
    words = list(_words_of(segmenter, text, workers))
    types["words"], at, seen = [], 0, set()
    for end in _sizes(len(words)):
        seen.update(words[at:end])
        at = end
        types["words"].append((end, len(seen)))
    counts = {"words": np.array([*Counter(words).values()], np.int64), "characters": table.frequency[1:]}
    return Growth(types, {name: -np.sort(-each[each > 0]) for name, each in counts.items()})


def _sizes(whole: int) -> list[int]:
    """Sizes of growing parts, each double the one before, up to the whole."""
    return sorted({whole >> step for step in range(DOUBLINGS)} - {0})


def _words_of(segmenter: Segmenter, blocks: Iterable[str], workers: int) -> Iterator[str]:
    """The words of a text that have a letter."""
    lines = chain.from_iterable(block.split("\n") for block in blocks)
    for group in text_groups(lines, _GROUP_CHARACTERS * workers):
        for words in segmenter.cut_batch(group, workers):
            yield from filter(has_letters, words)


def growth_exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit the exponent of a power law, by least squares on the logarithms; NaN for fewer than two sizes."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0]) if len(sizes) > 1 else float("nan")


class Gaps(NamedTuple):
    """The gaps between two symbols of a run; elsewhere the cut is certain.

    Attributes
    ----------
    probability : ndarray of float64, shape (n,)
        Of a boundary, as a model has it.
    is_boundary : ndarray of bool, shape (n,)
        Whether there is one in the labelled text.
    """

    probability: Floats
    is_boundary: npt.NDArray[np.bool_]


def gaps_of(segmenter: Segmenter, sentences: LabelledWords) -> Gaps:
    """Find the probability of each gap of labelled sentences, and whether it is a boundary.

    Parameters
    ----------
    segmenter : Segmenter
    sentences : sequence of sequence of str
        The words of each sentence.

    Returns
    -------
    Gaps

    Raises
    ------
    UsageError
        If the model is of a method without scores of words.
    CorpusError
        If there is no gap.
    """
    text = "\n".join("".join(words) for words in sentences)
    is_boundary = np.zeros(len(text) + 1, np.bool_)
    is_boundary[list(accumulate(len(word) for words in sentences for word in [*words, "\n"]))[:-1]] = True
    codes, starts = tokenise(text)
    places = starts[1:][(codes[1:] > 0) & (codes[:-1] > 0)]
    if not len(places):
        raise CorpusError("the labelled sentences have no gap between two characters: give Chinese sentences")
    return Gaps(segmenter.boundary_probabilities(text)[places - 1], is_boundary[places])


def reliability_bins(gaps: Gaps) -> Iterator[tuple[float, float, float]]:
    """Divide probabilities into ten bins of equal width.

    Yields
    ------
    tuple of float
        Of each bin its share of the gaps, their mean probability, and the share of boundaries among them; the last two
        are NaN if there is no gap.
    """
    bins = np.minimum((gaps.probability * BINS).astype(int), BINS - 1)
    for number in range(BINS):
        here = bins == number
        if here.any():
            yield float(here.mean()), float(gaps.probability[here].mean()), float(gaps.is_boundary[here].mean())
        else:
            yield 0.0, float("nan"), float("nan")


def calibration_error(gaps: Gaps) -> float:
    """Expected calibration error: the mean distance of the two over the bins, weighted by their shares."""
    return sum(share * abs(found - real) for share, found, real in reliability_bins(gaps) if share)
