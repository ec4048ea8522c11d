"""The segmental unigram lexicon: which n-grams are words, and how likely each is.

A run is a sequence of words drawn one by one; every cover of the run by candidates is a path of its
lattice. Left alone, maximum likelihood prefers long words; what makes it find words is a penalty k^β
on a word of k symbols (Liang & Klein 2009, "Online EM for unsupervised models"). The log weight of
candidate x, in nats:

    log w(x) = log θ(x) − k^β + ρ (V_left + V_right − mean) + η min(0, min(H_left, H_right) − h0)

with V the variation of branching entropy, its mean taken over the occurrences of the candidates of
the same length, H the branching entropy (:mod:`segtool.scores`) and the last term for k ≥ 2 only.
θ starts at relative frequency. An EM pass computes by forward-backward how often each candidate is
expected to be a word under w, and makes θ proportional to that.

In the last passes words are no longer independent: a cover also weighs what class bigrams say of its
words (:mod:`segtool.word_classes`). θ alone is kept, but what words can be told by their neighbours is
then in it.

Expected counts are added up as integers (fixed point), so that neither the number of workers nor the
order of the text changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.chunks import add_up_chunks
from segtool.class_lattice import class_forward_backward, class_scratch
from segtool.counts import Ids
from segtool.lattice import forward_backward, lattice_scratch, weighted_units
from segtool.pruning import most_expected
from segtool.scores import Candidates, Floats
from segtool.trie import build_trie
from segtool.word_classes import class_factors, cluster, cut_to_nodes

__all__ = [
    "Lexicon",
    "LexiconSettings",
    "candidate_trie",
    "corpus_chunks",
    "fit_lexicon",
    "log_prior",
    "log_weight",
]

FIXED_POINT = 1 << 28
"""One expected occurrence as an integer; 64 bits then hold 3e10 occurrences."""

LEAST_EXPECTED = 0.01
"""Every character of the corpus stays a word, expected at least so often: no text is without a cover."""

FORGOTTEN = 0.001
"""Candidates that are expected less often leave the lattice for good, some before a pass (:mod:`segtool.pruning`)."""

CHUNK = 1 << 18


@dataclass(frozen=True)
class LexiconSettings:
    """Parameters of the segmental unigram lexicon.

    Attributes
    ----------
    length_penalty : float
        β, the exponent of the penalty on long words.
    variation_weight : float
        ρ, weight of the variation of branching entropy.
    entropy_weight : float
        η, weight of branching entropies that fall short of `entropy_floor`.
    entropy_floor : float
        h0, nats.
    passes : int
        EM passes without classes.
    min_expected : float
        Candidates expected less often than this in the whole corpus leave the lexicon.
    word_classes : int
        Classes that frequent words are put into (:mod:`segtool.word_classes`); 0 does without classes.
    class_words : int
        How many words these are.
    class_weight : float
        μ, the power of the factors of class bigrams.
    class_passes : int
        EM passes under class bigrams, after the others.
    """

    length_penalty: float = 2.0
    variation_weight: float = 0.05
    entropy_weight: float = 2.0
    entropy_floor: float = 1.5
    passes: int = 4
    min_expected: float = 0.5
    word_classes: int = 60
    class_words: int = 2000
    class_weight: float = 1.0
    class_passes: int = 4

    @property
    def all_passes(self) -> int:
        """EM passes with and without classes."""
        return self.passes + (self.class_passes if self.word_classes else 0)


@dataclass(frozen=True)
class Lexicon:
    """Words with their log weights, in order of length, then of symbol ids.

    Attributes
    ----------
    level, place : ndarray of int64, shape (words,)
        Word i is the candidate ``place[i]`` among those of ``level[i]`` symbols.
    weight : ndarray of float64, shape (words,)
        Log weight, nats.
    expected : ndarray of float64, shape (words,)
        Expected occurrences as a word.
    unknown_weight : float
        Log weight of a character that the corpus does not hold, nats.
    log_likelihood : tuple of float
        Of the corpus before each pass, nats; passes under class bigrams have a likelihood of their own.
    boundaries : ndarray of uint16, shape (n,)
        Probability in the last pass that a word or run begins, or a run has ended, at each symbol of the
        stream, times 65535. Empty for a lexicon without passes.
    """

    level: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    weight: Floats
    expected: Floats
    unknown_weight: float
    log_likelihood: tuple[float, ...]
    boundaries: Ids = field(default_factory=lambda: np.zeros(0, np.uint16))


def fit_lexicon(
    stream: Ids,
    candidates: Candidates,
    settings: LexiconSettings,
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Lexicon:
    """Fit the lexicon to a corpus by EM.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        The corpus, as for :func:`segtool.counts.count_stream`.
    candidates : Candidates
        Scored n-grams of that corpus.
    settings : LexiconSettings
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with the number of symbols passed since the last call; `all_passes` times the stream in all.

    Returns
    -------
    Lexicon
    """
    levels = candidates.levels
    singles = slice(1, len(levels[0]))
    lengths = np.repeat(np.arange(1, len(levels) + 1), [len(level) for level in levels])
    prior = np.concatenate([log_prior(candidates, k, settings) for k in range(1, len(levels) + 1)])
    expected = np.concatenate([level.count for level in levels]).astype(np.float64)
    expected[singles] = np.maximum(expected[singles], LEAST_EXPECTED)
    chunks = corpus_chunks(stream)
    likelihood = []
    weight = log_weight(expected, prior)
    laid_out = 0
    boundaries = np.zeros(0, np.uint16)
    for turn in range(settings.all_passes):
        alive = expected >= FORGOTTEN
        if laid_out == 0 or np.count_nonzero(alive) < 0.8 * laid_out:
            alive[singles.stop :] &= most_expected(candidates, np.exp(weight))[singles.stop :] >= FORGOTTEN
            laid_out = np.count_nonzero(alive)
            units, by_length = candidate_trie(candidates, alive)
            nodes = np.concatenate(by_length)
        there = np.flatnonzero(alive)
        linear = np.zeros(len(units) // 2)
        linear[nodes[there]] = np.exp(weight[there])
        if turn == settings.passes:
            kept = np.flatnonzero(_kept(expected, singles, settings))
            words = np.full(len(linear), -np.inf)
            words[nodes[kept]] = weight[kept]
            cut = cut_to_nodes(stream, chunks, units, words, len(levels), workers)
            class_of, bigrams = cluster(cut, nodes, lengths, settings.class_words, settings.word_classes)
            factors = class_factors(bigrams, settings.class_weight).ravel()
        classes: tuple[npt.NDArray[Any], ...] = ()
        if turn >= settings.passes:
            classes = np.zeros(len(linear), np.uint8), factors
            classes[0][nodes[there]] = class_of[there]
        if turn == settings.all_passes - 1:
            boundaries = np.full(len(stream), 65535, np.uint16)
        total, log_likelihood = _e_step(
            stream, chunks, units, linear, classes, len(levels), boundaries, workers, progress
        )
        expected[:] = 0
        expected[there] = total[nodes[there]] / FIXED_POINT
        expected[singles] = np.maximum(expected[singles], LEAST_EXPECTED)
        weight = log_weight(expected, prior)
        likelihood.append(log_likelihood)
    places = np.concatenate([np.arange(len(level)) for level in levels])
    floor = float(weight[singles].min(initial=0.0)) - 1.0
    keep = _kept(expected, singles, settings)
    return Lexicon(lengths[keep], places[keep], weight[keep], expected[keep], floor, tuple(likelihood), boundaries)


def _kept(expected: Floats, singles: slice, settings: LexiconSettings) -> npt.NDArray[np.bool_]:
    """Which candidates are words of the lexicon."""
    keep = expected >= max(settings.min_expected, FORGOTTEN)
    keep[singles] = True
    keep[0] = False
    return keep


def candidate_trie(
    candidates: Candidates, alive: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.int32], list[npt.NDArray[np.int32]]]:
    """The trie of candidates, of all or those that are alive: base and check in turn; and the nodes of each length."""
    levels = candidates.levels
    sizes = [len(level) for level in levels]
    if alive is None:
        alive = np.ones(sum(sizes), np.bool_)
    base, check, nodes = build_trie(
        [level.symbol for level in levels],
        [level.parent for level in levels],
        np.split(alive, np.cumsum(sizes)[:-1]),
    )
    return np.column_stack([base, check]).ravel(), nodes


def log_prior(candidates: Candidates, k: int, settings: LexiconSettings) -> Floats:
    """Compute the part of the log weight that does not change from pass to pass.

    Parameters
    ----------
    candidates : Candidates
    k : int
        Of these, those of `k` symbols.
    settings : LexiconSettings

    Returns
    -------
    ndarray of float64
        Nats.
    """
    level = candidates.levels[k - 1]
    variation = level.left_variation + level.right_variation
    mean = float((variation * level.count).sum() / max(level.count.sum(), 1))
    prior = settings.variation_weight * (variation - mean) - float(k) ** settings.length_penalty
    if k > 1:
        lower = np.minimum(level.left_entropy, level.right_entropy)
        prior += settings.entropy_weight * np.minimum(0.0, lower - settings.entropy_floor)
    return prior


def log_weight(expected: Floats, prior: Floats) -> Floats:
    """Log weights of candidates, from expected counts and priors, in nats; minus infinity where nothing is expected."""
    total = expected.sum()
    with np.errstate(divide="ignore"):
        return np.log(expected) - np.log(total) + prior


def corpus_chunks(stream: Ids) -> list[tuple[int, int]]:
    """Cut the stream into pieces that begin and end with a boundary, the same whatever the number of workers.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)

    Returns
    -------
    list of (int, int)
        Where each begins and ends; the end of one is the beginning of the next.
    """
    boundaries = np.flatnonzero(stream == 0)
    cuts = boundaries[np.unique(np.searchsorted(boundaries, np.arange(0, len(stream), CHUNK)))]
    ends = [*cuts[1:].tolist(), len(stream) - 1]
    return [(low, high) for low, high in zip(cuts.tolist(), ends, strict=True) if low < high]


def _e_step(
    stream: Ids,
    chunks: list[tuple[int, int]],
    units: npt.NDArray[np.int32],
    linear: Floats,
    classes: tuple[npt.NDArray[Any], ...],
    max_len: int,
    boundaries: Ids,
    workers: int,
    progress: Callable[[int], object] | None,
) -> tuple[npt.NDArray[np.int64], float]:
    """Expected counts by node, in fixed point, and the log-likelihood in nats.

    `classes` are the class of each node and the factors of class bigrams, or nothing; into `boundaries`
    go their probabilities, if it is not empty.
    """
    longest_run = int(np.diff(np.flatnonzero(stream == 0)).max(initial=1))
    positions = longest_run + max_len + 2
    tables: tuple[npt.NDArray[Any], ...] = (weighted_units(units, linear, *classes[:1]), *classes[1:])
    kernel_of_pass = class_forward_backward if classes else forward_backward

    def scratch() -> tuple[npt.NDArray[Any], ...]:
        return (class_scratch if classes else lattice_scratch)(positions, max_len)

    def run(low: int, high: int, arrays: tuple[npt.NDArray[Any], ...], total: npt.NDArray[np.int64]) -> float:
        return float(kernel_of_pass(stream, low, high, *tables, max_len, *arrays, total, FIXED_POINT, boundaries))

    total, likelihoods = add_up_chunks(chunks, len(linear), workers, scratch, run, progress)
    return total, sum(likelihoods)
