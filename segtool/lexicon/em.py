"""The segmental unigram lexicon: which n-grams are words, and how likely each is.

A run is a sequence of words drawn one by one; every cover of the run by candidates is a path of its
lattice. Left alone, maximum likelihood prefers long words; what makes it find words is a penalty k^β
on a word of k symbols (Liang & Klein 2009, "Online EM for unsupervised models"). The log weight of
candidate x, in nats:

    log w(x) = log θ(x) − k^β + ρ (V_left + V_right − mean) + η min(0, min(H_left, H_right) − h0)

with V the variation of branching entropy, its mean taken over the occurrences of the candidates of
the same length, H the branching entropy (:mod:`segtool.ngrams.scores`) and the last term for k ≥ 2 only.
θ starts at relative frequency. An EM pass computes by forward-backward how often each candidate is
expected to be a word under w, and makes θ proportional to that.

In the last passes words are no longer independent: a cover also weighs what class bigrams say of its
words (:mod:`segtool.lexicon.word_classes`). θ alone is kept, but what words can be told by their neighbours is
then in it.

Expected counts are added up as integers (fixed point), so that neither the number of workers nor the
order of the text changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.lexicon.class_lattice import class_forward_backward, class_scratch
from segtool.lexicon.lattice import forward_backward, lattice_scratch, weighted_units
from segtool.lexicon.learned import Learned, Lexicon, Resources
from segtool.lexicon.passes import Engine, Threads
from segtool.lexicon.trie import build_trie
from segtool.lexicon.word_classes import CutCorpus, class_factors, cluster
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Floats, Integers
from segtool.settings import LexiconSettings
from segtool.store.checkpoints import Checkpoints
from segtool.text.run_hashes import hash_limit, select_runs, shuffle_runs
from segtool.text.runs import Chunk, Corpus

__all__ = [
    "Expectation",
    "candidate_trie",
    "fit_lexicon",
    "learn",
    "log_prior",
    "log_weight",
]

FIXED_POINT = 1 << 28
"""One expected occurrence as an integer; 64 bits then hold 3e10 occurrences."""

LEAST_EXPECTED = 0.01
"""Every character of the corpus stays a word, expected at least so often: no text is without a cover."""

FORGOTTEN = 0.001
"""Candidates that are expected less often leave the lattice for good."""

SAMPLED = 1 << 25
"""Of the last pass so many symbols of runs are kept at most, drawn by their hashes; the tagger is fitted to them."""


def learn(
    corpus: Corpus, candidates: Candidates, settings: LexiconSettings, resources: Resources | None = None
) -> Learned:
    """Learn words by method ``unigram``.

    Parameters
    ----------
    corpus : Corpus
    candidates : Candidates
        Scored n-grams of that corpus.
    settings : LexiconSettings
    resources : Resources, optional

    Returns
    -------
    Learned
        The words hold a sample of the corpus with its boundaries, for the tagger.
    """
    use = resources or Resources()
    lexicon = fit_lexicon(corpus, candidates, settings, use.engine, use.progress, use.checkpoints)
    return Learned("lattice", lexicon, lexicon)


def fit_lexicon(
    runs: Corpus,
    candidates: Candidates,
    settings: LexiconSettings,
    engine: Engine | None = None,
    progress: Callable[[int], object] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Lexicon:
    """Fit the lexicon to a corpus by EM.

    Parameters
    ----------
    runs : Corpus
        The corpus.
    candidates : Candidates
        Scored n-grams of that corpus.
    settings : LexiconSettings
    engine : Engine, optional
        Who goes over the corpus; by default one thread. The result does not depend on it.
    progress : callable, optional
        Called with the number of symbols passed since the last call; `all_passes` times the corpus in all.
    checkpoints : Checkpoints, optional
        Keeps what every pass made, to go on with.

    Returns
    -------
    Lexicon
    """
    engine, checkpoints = engine or Threads(), checkpoints or Checkpoints()
    known = checkpoints.load("lexicon")
    if known is not None:
        return Lexicon.from_arrays(known)
    levels = candidates.levels
    singles = slice(1, len(levels[0]))
    lengths = np.repeat(np.arange(1, len(levels) + 1, dtype=np.uint8), [len(level) for level in levels])
    prior = np.concatenate([log_prior(candidates, k, settings) for k in range(1, len(levels) + 1)])
    expected = np.concatenate([level.count for level in levels]).astype(np.float64)
    expected[singles] = np.maximum(expected[singles], LEAST_EXPECTED)
    likelihood: list[float] = []
    laid_out = first = 0
    class_of, bigrams = np.zeros(len(expected), np.uint8), np.zeros((1, 1), np.int64)
    known = checkpoints.load("pass")
    if known is not None:
        expected, class_of, bigrams = known["expected"], known["class_of"], known["bigrams"]
        likelihood, first = known["likelihood"].tolist(), int(known["turn"]) + 1
    weight = log_weight(expected, prior)
    for turn in range(first, settings.all_passes):
        alive = expected >= FORGOTTEN
        if laid_out == 0 or np.count_nonzero(alive) < 0.8 * laid_out:
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
            corpus = CutCorpus(engine, runs, (units, words, len(levels), runs.stats.longest_run))
            class_of, bigrams = cluster(corpus, nodes, lengths, settings.class_words, settings.word_classes)
        classes: tuple[npt.NDArray[Any], ...] = ()
        if turn >= settings.passes:
            classes = np.zeros(len(linear), np.uint8), class_factors(bigrams, settings.class_weight).ravel()
            classes[0][nodes[there]] = class_of[there]
        last = turn == settings.all_passes - 1
        limit = hash_limit(runs.stats.hash_sizes, SAMPLED) if last else None
        task = Expectation(units, linear, classes, len(levels), runs.stats.longest_run, limit)
        del linear, classes
        total, results = engine.run(task, runs, progress)
        expected[:] = 0
        expected[there] = total[nodes[there]] / FIXED_POINT
        expected[singles] = np.maximum(expected[singles], LEAST_EXPECTED)
        weight = log_weight(expected, prior)
        likelihood.append(sum(log_likelihood for log_likelihood, _ in results))
        if not last:
            kept_arrays = {"expected": expected, "class_of": class_of, "bigrams": bigrams, "likelihood": likelihood}
            checkpoints.save("pass", turn=turn, **kept_arrays)
    places = np.concatenate([np.arange(len(level)) for level in levels])
    floor = float(weight[singles].min(initial=0.0)) - 1.0
    keep = _kept(expected, singles, settings)
    fitted = lengths[keep].astype(np.int64), places[keep], weight[keep], expected[keep], floor, tuple(likelihood)
    lexicon = Lexicon(*fitted, *shuffle_runs([part for _, part in results]))
    checkpoints.save("lexicon", **lexicon.to_arrays())
    checkpoints.forget("pass")
    return lexicon


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
    variation = level.left_variation.astype(np.float64) + level.right_variation
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


class Expectation:
    """An EM pass over a chunk: how often each word is expected, in fixed point, by node.

    Parameters
    ----------
    units : ndarray of int32, shape (2 * nodes,)
        Trie of the candidates: base and check in turn.
    linear : ndarray of float64, shape (nodes,)
        Weight of each word.
    classes : tuple
        Class of each node and the factors of class bigrams, or nothing.
    max_len, longest_run : int
        In symbols.
    limit : int, optional
        Of the sample whose boundaries are wanted (:func:`segtool.text.run_hashes.hash_limit`).
    """

    def __init__(
        self,
        units: npt.NDArray[np.int32],
        linear: Floats,
        classes: tuple[npt.NDArray[Any], ...],
        max_len: int,
        longest_run: int,
        limit: int | None,
    ) -> None:
        self.size = len(linear)
        self._tables = weighted_units(units, linear, *classes[:1]), *classes[1:], max_len
        self._has_classes = bool(classes)
        self._room = longest_run + max_len + 2, max_len
        self._limit = limit

    def scratch(self) -> tuple[npt.NDArray[Any], ...]:
        """Working memory of one thread."""
        return (class_scratch if self._has_classes else lattice_scratch)(*self._room)

    def __call__(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> tuple[float, Any]:
        """Add expected counts; give the log-likelihood in nats, and the sampled runs with their boundaries."""
        stream = chunk.stream
        boundaries = np.zeros(0, np.uint16) if self._limit is None else np.full(len(stream), 65535, np.uint16)
        run = class_forward_backward if self._has_classes else forward_backward
        likelihood = run(stream, 0, len(stream) - 1, *self._tables, *scratch, total, FIXED_POINT, boundaries)
        if self._limit is None:
            return float(likelihood), None
        return float(likelihood), select_runs(stream, boundaries, chunk.hashes(), self._limit)
