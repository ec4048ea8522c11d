"""The segmental unigram lexicon: which n-grams are words, and how likely each is.

A run is a sequence of words drawn independently; every cover of the run by candidates is a path through its lattice.
Maximum likelihood alone prefers long words, so a word of k symbols pays a penalty k^β (Liang & Klein 2009, "Online EM
for unsupervised models"). The log weight of candidate x, in nats:

    log w(x) = log θ(x) − k^β + ρ (V_left + V_right − mean) + η min(0, min(H_left, H_right) − h0) + p(x)

with V the variation of branching entropy, its mean taken over the occurrences of all candidates of the same length, and
H the branching entropy (:mod:`segtool.ngrams.scores`). The term with η applies for k ≥ 2 only; p(x) is the gain of
pairs (:mod:`segtool.lexicon.pairs`), for k = 2.

θ starts at relative frequency. Each EM pass computes by forward-backward how often each candidate is expected to be a
word under w, and makes θ proportional to these expected counts.

In the last passes words are not independent: a cover is also weighed by class bigrams of its words
(:mod:`segtool.lexicon.word_classes`). Only θ is kept from these passes, but it then reflects the neighbours of words.

Expected counts are added up as integers (fixed point), so the result depends neither on the number of workers nor on
the order of the text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.errors import ModelError
from segtool.lexicon.class_lattice import class_forward_backward, class_scratch
from segtool.lexicon.lattice import FIXED_POINT, forward_backward, lattice_scratch, weighted_units
from segtool.lexicon.learned import Learned, Lexicon, Resources
from segtool.lexicon.pairs import pair_gain
from segtool.lexicon.passes import Engine, Threads
from segtool.lexicon.trie import candidate_trie
from segtool.lexicon.word_classes import CutCorpus, class_factors, cluster
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Bytes, Floats, Ids, Integers, Places
from segtool.settings import LexiconSettings
from segtool.store.model_checks import MOST_COUNT
from segtool.text.run_hashes import hash_limit, select_runs, shuffle_runs
from segtool.text.runs import Chunk, Corpus

__all__ = ["EMState", "Expectation", "expected_words", "learn", "log_prior", "log_weight"]

LEAST_EXPECTED = 0.01
"""Least expected count of every character of the corpus, so that every text has a cover."""

FORGOTTEN = 0.001
"""Candidates that are expected less often leave the lattice for good."""

SAMPLED = 1 << 25
"""The boundary model is fitted to so many symbols at most: runs chosen by their hashes."""

NEW_TRIE = 0.8
"""The trie is built anew when no more than this share of its candidates is left."""

CHECKPOINT = "em"


@dataclass
class EMState:
    """The state between EM passes, which is also the checkpoint.

    Attributes
    ----------
    expected : ndarray of float64, shape (candidates,)
        Expected occurrences of each candidate as a word, by length, then by symbol ids; before the first pass its
        occurrences.
    class_of, bigrams
        From :func:`segtool.lexicon.word_classes.cluster`, once there are classes.
    log_likelihood : ndarray of float64, shape (passes,)
        Of the corpus before each pass so far, nats.
    sample, boundaries
        See :class:`segtool.lexicon.learned.Learned`; empty before the last pass.
    """

    expected: Floats
    class_of: Bytes = field(default_factory=lambda: np.zeros(0, np.uint8))
    bigrams: Integers = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    log_likelihood: Floats = field(default_factory=lambda: np.zeros(0))
    sample: Ids = field(default_factory=lambda: np.zeros(0, np.uint16))
    boundaries: Ids = field(default_factory=lambda: np.zeros(0, np.uint16))

    @property
    def passes(self) -> int:
        """Number of passes so far."""
        return len(self.log_likelihood)


def learn(
    corpus: Corpus, candidates: Candidates, settings: LexiconSettings, resources: Resources | None = None
) -> Learned:
    """Learn words by method ``unigram``: fit a lexicon by EM.

    Parameters
    ----------
    corpus : Corpus
    candidates : Candidates
        Scored n-grams of that corpus.
    settings : LexiconSettings
    resources : Resources, optional
        Its `progress` is called with ``settings.all_passes`` times the symbols and boundaries of the corpus in all.

    Returns
    -------
    Learned
    """
    use = resources or Resources()
    em = _EM(corpus, candidates, settings, use.engine or Threads(), use.progress)
    state = em.restored(use.checkpoints.load(CHECKPOINT)) or em.start()
    trie = None
    while state.passes < settings.all_passes:
        trie = em.trie(state, trie)
        weight = log_weight(state.expected, em.prior)
        if state.passes == settings.passes:
            em.put_into_classes(state, trie)
        em.run(em.expectation(state, trie, weight), state, trie)
        use.checkpoints.save(CHECKPOINT, **vars(state))
    words = em.lexicon(state)
    return Learned("lattice", words, words, state.sample, state.boundaries, tuple(state.log_likelihood.tolist()))


@dataclass(frozen=True)
class _Trie:
    """Candidates in the lattice: base and check of each node in turn, and the node of each candidate, or -1."""

    units: Places
    nodes: Places
    size: int


class _EM:
    """The steps of EM on one corpus; see :func:`learn`."""

    def __init__(
        self,
        corpus: Corpus,
        candidates: Candidates,
        settings: LexiconSettings,
        engine: Engine,
        progress: Callable[[int], object] | None,
    ) -> None:
        self._corpus, self._candidates, self._settings = corpus, candidates, settings
        self._engine, self._progress = engine, progress
        self._singles = slice(1, len(candidates.levels[0]))
        self._max_len = len(candidates.levels)
        self.prior = log_prior(candidates, settings)

    def start(self) -> EMState:
        """Take the occurrences of each candidate for its expected count."""
        state = EMState(self._candidates.column("count").astype(np.float64))
        self._raise_singles(state)
        return state

    def restored(self, saved: dict[str, npt.NDArray[Any]] | None) -> EMState | None:
        """Return the state that a checkpoint holds; None if there is none of this corpus and these settings."""
        if saved is None or saved.keys() != {each.name for each in fields(EMState)}:
            return None
        state = EMState(**saved)
        default = EMState(self._candidates.column("count"))
        for each in fields(EMState):
            found, wanted = getattr(state, each.name), getattr(default, each.name)
            if found.dtype != (np.float64 if each.name == "expected" else wanted.dtype) or found.ndim != wanted.ndim:
                return None
        classes = int(self._candidates.lengths()[-1]) + 1 + self._settings.word_classes
        size = len(self._candidates) + 1
        has_classes, is_last = state.passes > self._settings.passes, state.passes == self._settings.all_passes
        fits = (
            state.passes <= self._settings.all_passes
            and np.all(np.isfinite(state.log_likelihood))
            and len(state.expected) == size
            and np.all(state.expected[self._singles] >= LEAST_EXPECTED)
            and np.all((state.expected >= 0) & (state.expected <= MOST_COUNT))
            and len(state.class_of) == (size if has_classes else 0)
            and state.class_of.max(initial=0) < classes
            and state.bigrams.shape == ((classes, classes) if has_classes else (0, 0))
            and np.all((state.bigrams >= 0) & (state.bigrams <= MOST_COUNT))
            and state.sample.shape == state.boundaries.shape
            and (len(state.sample) > 0) == is_last
            and state.sample[:1].sum() + state.sample[-1:].sum() == 0
            and state.sample.max(initial=0) < len(self._candidates.codes)
        )
        return state if fits else None

    def _raise_singles(self, state: EMState) -> None:
        state.expected[self._singles] = np.maximum(state.expected[self._singles], LEAST_EXPECTED)

    def trie(self, state: EMState, trie: _Trie | None) -> _Trie:
        """Build the trie of the candidates that are left, or keep the old one while most of them are left."""
        alive = state.expected >= FORGOTTEN
        size = int(np.count_nonzero(alive))
        if trie is not None and size >= NEW_TRIE * trie.size:
            return trie
        units, nodes = candidate_trie(self._candidates, alive)
        return _Trie(units, nodes, size)

    def put_into_classes(self, state: EMState, trie: _Trie) -> None:
        """Cut the corpus into its likeliest words, and put the frequent ones into classes."""
        words = self.lexicon(state)
        weights = np.full(len(trie.units) // 2, -np.inf)
        weights[trie.nodes[words.at]] = words.weight
        lattice = trie.units, weights, self._max_len, self._corpus.stats.longest_run
        cut = CutCorpus(self._engine, self._corpus, lattice)
        sizes = self._settings.class_words, self._settings.word_classes
        state.class_of, state.bigrams = cluster(cut, trie.nodes, self._candidates.lengths(), *sizes)

    def expectation(self, state: EMState, trie: _Trie, weight: Floats) -> Expectation:
        """Make the task of the next pass."""
        alive = np.flatnonzero(state.expected >= FORGOTTEN)
        linear = np.zeros(len(trie.units) // 2)
        linear[trie.nodes[alive]] = np.exp(weight[alive])
        classes: tuple[npt.NDArray[Any], ...] = ()
        if state.passes >= self._settings.passes:
            class_of = np.zeros(len(linear), np.uint8)
            class_of[trie.nodes[alive]] = state.class_of[alive]
            classes = class_of, class_factors(state.bigrams, self._settings.class_weight).ravel()
        last = state.passes == self._settings.all_passes - 1
        stats = self._corpus.stats
        limit = hash_limit(stats.hash_sizes, SAMPLED) if last else None
        sampled = int(stats.hash_sizes[:limit].sum())
        return Expectation(trie.units, linear, classes, self._max_len, stats.longest_run, limit, sampled)

    def run(self, task: Expectation, state: EMState, trie: _Trie) -> None:
        """Make a pass and update the state."""
        alive = np.flatnonzero(state.expected >= FORGOTTEN)
        total, results = self._engine.run(task, self._corpus, self._progress)
        state.expected[:] = 0
        state.expected[alive] = total[trie.nodes[alive]] / FIXED_POINT
        self._raise_singles(state)
        state.log_likelihood = np.append(state.log_likelihood, sum(likelihood for likelihood, _ in results))
        if task.limit is not None:
            state.sample, state.boundaries = shuffle_runs([sampled for _, sampled in results])

    def lexicon(self, state: EMState) -> Lexicon:
        """Return the candidates that are expected often enough."""
        return expected_words(state.expected, self.prior, self._singles, max(self._settings.min_expected, FORGOTTEN))


def log_prior(candidates: Candidates, settings: LexiconSettings) -> Floats:
    """Compute the part of each candidate's log weight that does not change from pass to pass, in nats."""
    priors = []
    for k, level in enumerate(candidates.levels, 1):
        variation = level.left_variation.astype(np.float64) + level.right_variation
        mean = float((variation * level.count).sum() / max(level.count.sum(), 1))
        prior = settings.variation_weight * (variation - mean) - float(k) ** settings.length_penalty
        if k > 1:
            lower = np.minimum(level.left_entropy, level.right_entropy)
            prior += settings.entropy_weight * np.minimum(0.0, lower - settings.entropy_floor)
        if k == 2 and (settings.beginning_weight or settings.divergence_weight or settings.evidence_weight):
            prior += pair_gain(candidates, settings)
        priors.append(prior)
    return np.concatenate(priors)


def log_weight(expected: Floats, prior: Floats) -> Floats:
    """Compute log weights in nats from expected counts and priors; minus infinity where nothing is expected."""
    total = expected.sum()
    with np.errstate(divide="ignore"):
        return np.log(expected) - np.log(total) + prior


def expected_words(expected: Floats, prior: Floats, singles: slice, least: float) -> Lexicon:
    """Take single symbols, and the other candidates that are expected `least` times or more, for words."""
    weight = log_weight(expected, prior)
    is_word = expected >= least
    is_word[singles] = True
    is_word[0] = False
    unknown = float(weight[singles].min(initial=0.0)) - 1.0
    return Lexicon(np.flatnonzero(is_word), weight[is_word], expected[is_word], unknown)


class Expectation:
    """The task of an EM pass: add the expected occurrences of each word to its node, in fixed point.

    Parameters
    ----------
    units, linear
        Trie of the candidates and the weight of each node (:func:`segtool.lexicon.lattice.weighted_units`).
    classes : tuple
        Class of each node and the factors of class bigrams; empty for independent words.
    limit : int, optional
        Return the boundaries of a sample of the runs (:func:`segtool.text.run_hashes.hash_limit`).
    sampled : int
        Symbols and boundaries of that sample; more are an error, because they might not fit into memory.
    """

    def __init__(
        self,
        units: Places,
        linear: Floats,
        classes: tuple[npt.NDArray[Any], ...],
        max_len: int,
        longest_run: int,
        limit: int | None,
        sampled: int = 1 << 62,
    ) -> None:
        self.size = len(linear)
        self._tables = weighted_units(units, linear, *classes[:1]), *classes[1:], max_len
        self._has_classes = bool(classes)
        self._room = longest_run + max_len + 2, max_len
        self.limit = limit
        self._left = sampled

    def scratch(self) -> tuple[npt.NDArray[Any], ...]:
        """Allocate the working memory of one thread."""
        return (class_scratch if self._has_classes else lattice_scratch)(*self._room)

    def __call__(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> tuple[float, Any]:
        """Add expected counts; return the log likelihood in nats, and the sampled runs with their boundaries."""
        stream = chunk.stream
        boundaries = np.zeros(0, np.uint16) if self.limit is None else np.full(len(stream), 65535, np.uint16)
        run = class_forward_backward if self._has_classes else forward_backward
        likelihood = run(stream, *self._tables, *scratch, total, boundaries)
        if self.limit is None:
            return float(likelihood), None
        sample = select_runs(stream, boundaries, chunk.hashes(), self.limit)
        self._left -= len(sample[0])
        if self._left < 0:
            raise ModelError("a shard is damaged (hash_sizes.npy does not fit the runs): count its text again")
        return float(likelihood), sample
