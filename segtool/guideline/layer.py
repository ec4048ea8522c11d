"""The layer: a log-linear model of covers, with an unsupervised model as its prior, and the model that it folds into.

Log weights of words, spelling scores and the boundary model of a model become features with two scales, α and τ;
labelled sentences add weights to words, affixes, pairs and types (:mod:`segtool.guideline.features`). All of it is
linear in what a model stores, so the result is a model like any other, and cutting with it costs the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from segtool.guideline.features import LENGTHS, OTHER, TYPES, Weights, add_gradient, add_scores
from segtool.guideline.gold import Gold
from segtool.guideline.knowledge import Knowledge
from segtool.guideline.lattice import (
    ABSENT,
    CUT,
    KNOWN,
    LOCAL,
    REACH,
    WHOLE,
    find_edges,
    posterior_differences,
    scratch_size,
)
from segtool.lexicon.build import ngram_levels
from segtool.lexicon.trie import build_trie
from segtool.runtime.arrays import Floats, Integers, Places, dot

__all__ = ["Layer", "unknown_scores", "word_columns"]

REPEATED = 2
"""In training, a labelled word that the lexicon lacks is an edge if it occurs in so many sentences or more. The others
are left to unknown words, which could learn nothing otherwise."""

PLACES_AT_ONCE = 1 << 15
"""Places that a thread works on at a time, about."""

AS_SINGLE, AS_FIRST, AS_INNER, AS_LAST = range(4)


def _roles(length: Integers, k: int) -> Integers:
    """Role of symbol k in words of these lengths."""
    inner = np.where(k == 0, AS_FIRST, np.where(k == length - 1, AS_LAST, AS_INNER))
    return np.where(length == 1, AS_SINGLE, inner)


def word_columns(layout: Weights, known: Knowledge, at: Integers, own: Integers) -> tuple[Places, int]:
    """Features of some words; `own` is the place of each word's own weight, or the place behind all weights."""
    length, rows = known.length[at], known.rows[at].astype(np.int64)
    class_of = np.minimum(length, LENGTHS) - 1
    last = rows[np.arange(len(rows)), length - 1]
    lengths = np.where(known.is_new[at], layout.new_length.start, layout.length.start) + length
    columns = [
        lengths,
        layout.first.start + class_of * known.symbols + rows[:, 0],
        layout.last.start + class_of * known.symbols + last,
        own,
    ]
    for k in range(rows.shape[1]):
        kind = layout.word_type.start + _roles(length, k) * TYPES + known.types[rows[:, k]]
        columns.append(np.where(length > k, kind, len(layout)))
    return np.column_stack(columns).astype(np.int32).ravel(), len(columns)


def unknown_scores(layout: Weights, known: Knowledge, weights: Floats) -> Floats:
    """Scores of symbols as first, inner and last of an unknown word."""
    scores = weights[layout.alpha.start] * known.spelling
    scores[:, 0] += weights[layout.unknown_first.span] + weights[layout.unknown.start]
    scores[:, 1] += weights[layout.unknown.start + 1]
    scores[:, 2] += weights[layout.unknown_last.span]
    for role in range(3):
        scores[:, role] += weights[layout.unknown_type.start + role * TYPES + known.types]
    scores[known.barred] = ABSENT
    return scores


class Layer:
    """Negative log probability of the labels, with the prior, and its gradient.

    Parameters
    ----------
    known : Knowledge
    gold : Gold
    unknown_len : int
        Symbols of the longest unknown word.
    workers : int
        Threads. The result does not depend on it.

    Attributes
    ----------
    layout : Weights
    start : ndarray of float64
        Prior mean of the weights that are observed.
    words : ndarray of int64
        The words of `known` that occur in the lattice, which have a weight of their own.
    """

    def __init__(self, known: Knowledge, gold: Gold, unknown_len: int, workers: int) -> None:
        self._known, self._stream, self._workers = known, gold.stream.astype(np.int64), workers
        longest = known.rows.shape[1]
        self._unknown_len, self._longest = unknown_len, max(longest, unknown_len)
        self._places, found = _lattice(known, gold, unknown_len)
        self.words, edges = np.unique(found, return_inverse=True)
        self._edges = edges.astype(np.int32)
        self.layout = Weights(known.symbols, len(self.words), len(known.pairs), longest)
        own = self.layout.word.start + np.arange(len(self.words))
        self._word_columns, self._word_width = word_columns(self.layout, known, self.words, own)
        self._gaps = np.flatnonzero((self._stream[1:] != 0) & (self._stream[:-1] != 0)) + 1
        self._gap_columns, self._gap_width, self._tags = self._contexts()
        self._mean, precision = self.layout.prior()
        self._active = self._observed()
        self.start, self._precision = self._mean[self._active], precision[self._active]
        boundaries = np.flatnonzero(self._stream == 0)
        cuts = boundaries[np.unique(np.searchsorted(boundaries, np.arange(0, len(self._stream), PLACES_AT_ONCE)))]
        self._chunks = list(pairwise([*cuts.tolist(), len(self._stream) - 1]))
        longest_run = int(np.diff(boundaries).max(initial=1))
        self._scratch = scratch_size(longest_run, self._longest)

    def _contexts(self) -> tuple[Places, int, Floats]:
        """Features of all gaps, and the score of the boundary model there."""
        known, layout, stream, at = self._known, self.layout, self._stream, self._gaps
        b, c, d = stream[at - 1], stream[at], stream[np.minimum(at + 1, len(stream) - 1)]
        a = stream[at - 2]  # a boundary where b begins its run
        keys = known.pairs[:, 0].astype(np.int64) << 16 | known.pairs[:, 1]
        columns, tags = [], np.zeros(len(at))
        for place, symbol in enumerate((a, b, c, d)):
            tags += known.single_tags[symbol, place]
            columns.append(layout.gap[place].start + symbol)
            columns.append(layout.gap_type[place].start + known.types[symbol])
        for place, (one, two) in enumerate(((a, b), (b, c), (c, d))):
            number = np.minimum(np.searchsorted(keys, one << 16 | two), len(keys) - 1)
            there = (one != 0) & (two != 0) & (keys[number] == (one << 16 | two))
            tags += np.where(there, known.pair_tags[number, place], 0.0)
            columns.append(np.where(there, layout.pair[place].start + number, len(layout)))
            kinds = known.types[one], known.types[two]
            special = there & (kinds[0] != OTHER) & (kinds[1] != OTHER)
            columns.append(np.where(special, layout.pair_type[place].start + kinds[0] * TYPES + kinds[1], len(layout)))
        return np.column_stack(columns).astype(np.int32).ravel(), len(columns), tags

    def _observed(self) -> Integers:
        """The weights that some cover of the sentences has; the others keep their prior mean."""
        layout = self.layout
        seen = np.zeros(len(layout) + 1, np.bool_)
        for block in (layout.alpha, layout.tau, layout.unknown, layout.unknown_type):
            seen[block.span] = True
        seen[self._word_columns], seen[self._gap_columns] = True, True
        for block in (layout.unknown_first, layout.unknown_last):
            seen[block.start + self._stream] = True
        return np.flatnonzero(seen[:-1])

    def all_weights(self, point: Floats) -> Floats:
        """The whole vector, given the weights that are observed."""
        weights = self._mean.copy()
        weights[self._active] = point
        return weights

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Value and gradient at a point."""
        known, layout = self._known, self.layout
        weights = self.all_weights(point)
        padded = np.append(weights, 0.0)
        scores = weights[layout.alpha.start] * known.score[self.words]
        add_scores(self._word_columns, self._word_width, padded, scores)
        local = np.zeros((len(self._stream), LOCAL))
        local[:, 1:] = unknown_scores(layout, known, weights)[self._stream]
        gaps = weights[layout.tau.start] * self._tags
        add_scores(self._gap_columns, self._gap_width, padded, gaps)
        local[self._gaps, 0] = gaps
        out = np.zeros(len(self._edges) + local.size)
        tables = self._places, self._edges, scores, local.ravel(), self._longest, self._unknown_len

        def run(chunk: tuple[int, int]) -> float:
            return float(posterior_differences(*tables, *chunk, np.empty(self._scratch), out))

        with ThreadPoolExecutor(self._workers) as pool:
            likelihood = sum(pool.map(run, self._chunks))
        distance = point - self.start
        gradient = self._gradient(out)[self._active]
        value = 0.5 * dot(self._precision, distance**2) - likelihood
        return value, self._precision * distance - gradient

    def _gradient(self, out: Floats) -> Floats:
        """Gradient of the log probability."""
        known, layout = self._known, self.layout
        gradient = np.zeros(len(layout) + 1)
        words = np.bincount(self._edges, out[: len(self._edges)], len(self.words))
        gradient[layout.alpha.start] += dot(words, known.score[self.words])
        add_gradient(self._word_columns, self._word_width, words, gradient)
        local = out[len(self._edges) :].reshape(-1, LOCAL)
        for role, block in enumerate((layout.unknown_first, None, layout.unknown_last)):
            symbols = np.bincount(self._stream, local[:, role + 1], known.symbols)
            symbols[known.barred] = 0.0
            gradient[layout.alpha.start] += dot(symbols, np.where(known.barred, 0.0, known.spelling[:, role]))
            if block is not None:
                gradient[block.span] += symbols
            if role < 2:
                gradient[layout.unknown.start + role] += symbols.sum()
            at = layout.unknown_type.start + role * TYPES
            gradient[at : at + TYPES] += np.bincount(known.types, symbols, TYPES)
        gaps = np.ascontiguousarray(local[self._gaps, 0])
        gradient[layout.tau.start] += dot(gaps, self._tags)
        add_gradient(self._gap_columns, self._gap_width, gaps, gradient)
        return gradient


def _lattice(known: Knowledge, gold: Gold, unknown_len: int) -> tuple[Places, Places]:
    """The columns of :func:`segtool.guideline.lattice.posterior_differences`, and the word of each edge."""
    usable = np.flatnonzero((known.count == 0) | (known.count >= REPEATED))
    symbols, parents, (at,) = ngram_levels([known.rows[usable]], [known.length[usable]], len(known.codes))
    offsets = np.cumsum([0, *map(len, symbols)])
    wanted = np.zeros(offsets[-1], np.bool_)
    wanted[at] = True
    base, check, nodes = build_trie(symbols, parents, np.split(wanted, offsets[1:-1]))
    word_of = np.full(len(base), -1, np.int32)
    word_of[np.concatenate(nodes)[at]] = usable
    units = np.column_stack([base, check]).ravel()
    places = np.zeros((len(gold.stream), CUT), np.int32)
    tables = gold.stream, units, word_of, known.rows.shape[1], places.ravel()
    words = np.empty(find_edges(*tables, np.empty(0, np.int32)), np.int32)
    find_edges(*tables, words)
    start = np.maximum.accumulate(np.where(gold.begins, np.arange(len(places)), 0))
    length = gold.ends - np.arange(len(places))
    places[:, REACH] = length
    barred = np.concatenate([[0], np.cumsum(known.barred[gold.stream])])
    spelled = (length >= 2) & (length <= unknown_len) & (barred[gold.ends] == barred[:-1])
    whole = spelled | (places[:, KNOWN] >> np.minimum(length, 31) & 1).astype(np.bool_)
    places[:, WHOLE] = whole[start]
    return places.ravel(), words
