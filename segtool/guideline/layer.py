"""The layer: a log-linear model of covers, with an unsupervised model as its prior, and the model that it folds into.

Log weights of words, spelling scores and the boundary model of a model become features with two scales, α and τ;
labelled sentences add weights to words, affixes, pairs and types (:mod:`segtool.guideline.features`). All of it is
linear in what a model stores, so the result is a model like any other, and cutting with it costs the same.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from segtool.guideline.features import LENGTHS, OTHER, TYPES, Block, Weights, add_gradient, add_scores, types_of
from segtool.guideline.gold import Gold
from segtool.guideline.lattice import (
    CUT,
    KNOWN,
    LOCAL,
    NEVER,
    REACH,
    WHOLE,
    find_edges,
    posterior_differences,
    scratch_size,
)
from segtool.lexicon.adapt import _ngrams, _tags_of
from segtool.lexicon.trie import build_trie
from segtool.lexicon.unknown_words import IMPOSSIBLE
from segtool.runtime.arrays import Codes, Floats, Ids, Integers, Places
from segtool.store.model import Model

__all__ = ["Knowledge", "Layer", "knowledge_of", "span", "unknown_scores", "word_columns"]

REPEATED = 2
"""In training, a labelled word that the lexicon lacks is an edge if it occurs in so many sentences or more. The others
are left to unknown words, which could learn nothing otherwise."""

TAG_STEPS = WEIGHT_UNIT // TAG_STEP
CHUNK = 1 << 15
"""Places that a thread works on at a time, about."""

FLOOR = -30.0
"""Spelling score of a symbol in a labelled word where unknown words may not have it, in nats."""

SINGLE, FIRST, INNER, LAST = range(4)


@dataclass(frozen=True)
class Knowledge:
    """What a model and labelled sentences say of words and pairs, before any weight is learned.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
    rows : ndarray of uint16, shape (words, longest)
        Symbol ids of the words; those of the model first, then new single symbols, then labelled words.
    length : ndarray of int64, shape (words,)
    score : ndarray of float64, shape (words,)
        Log weights, in nats; of labelled words their score as unknown words.
    count : ndarray of int64, shape (words,)
        Sentences with a labelled word that the model lacks; 0 for others.
    of_model : int
        Words of the model.
    unknown : float
        Log weight of an unknown character.
    pairs : ndarray of uint16, shape (pairs, 2)
        Pairs of symbols that have a weight in the boundary model, ascending.
    single_tags, pair_tags : ndarray of float64, shape (symbols + 1, 4) and (pairs, 4)
        The boundary model, in nats.
    spelling : ndarray of float64, shape (symbols + 1, 3)
        Scores in unknown words as first, inner and last symbol, in nats.
    barred : ndarray of bool, shape (symbols + 1,)
        Symbols that are in no unknown word.
    types : ndarray of int64, shape (symbols + 1,)
    """

    codes: Codes
    rows: Ids
    length: Integers
    score: Floats
    count: Integers
    of_model: int
    unknown: float
    pairs: Ids
    single_tags: Floats
    pair_tags: Floats
    spelling: Floats
    barred: npt.NDArray[np.bool_]
    types: Integers

    @property
    def is_new(self) -> npt.NDArray[np.bool_]:
        """Whether a word is a labelled one that the model lacks."""
        return self.count > 0

    @property
    def symbols(self) -> int:
        """Number of symbols, the unknown one among them."""
        return len(self.codes) + 1


def knowledge_of(model: Model, gold: Gold) -> Knowledge:
    """Collect what a model and labelled sentences say.

    Parameters
    ----------
    model : Model
        Of a method that cuts by the lattice.
    gold : Gold
        Encoded with this model.

    Returns
    -------
    Knowledge
    """
    codes = gold.codes
    ids = np.searchsorted(codes, model.symbols).astype(np.uint16)
    units = model.lexicon.reshape(-1, 4)
    unknown = len(model.symbols)
    words = model.words
    weight = units[_nodes(units, words["symbols"], words["length"]), 2] / WEIGHT_UNIT
    rows = ids[words["symbols"]]
    rows[np.arange(rows.shape[1]) >= words["length"][:, None]] = 0
    single = np.setdiff1d(np.arange(1, len(codes)), ids)
    more = np.zeros((len(single), rows.shape[1]), np.uint16)
    more[:, 0] = single
    spelling = np.repeat(model.spelling.reshape(-1, 4)[unknown:, :3], len(codes) + 1, axis=0)
    spelling[ids] = model.spelling.reshape(-1, 4)[:unknown, :3]
    scores = spelling / WEIGHT_UNIT
    barred = scores[:, 0] < IMPOSSIBLE / 2
    new, sentences = _new_words(gold, np.concatenate([rows, more]))
    new_length = np.count_nonzero(new, axis=1)
    unknown_weight = units[unknown, 2] / WEIGHT_UNIT
    model_pairs, model_pair_tags, model_tags = _tags_of(model)
    tags = np.repeat(_nats(model_tags[-1:]), len(codes) + 1, axis=0)
    tags[ids] = _nats(model_tags[:-1])
    pairs, pair_tags = _pairs(gold, types := types_of(codes), ids[model_pairs], _nats(model_pair_tags))
    return Knowledge(
        codes=codes,
        rows=np.concatenate([rows, more, new]),
        length=np.concatenate([words["length"].astype(np.int64), np.ones(len(more), np.int64), new_length]),
        score=np.concatenate([weight, np.full(len(more), unknown_weight), _spelled(new, new_length, scores)]),
        count=np.concatenate([np.zeros(len(rows) + len(more), np.int64), sentences]),
        of_model=len(rows),
        unknown=float(unknown_weight),
        pairs=pairs,
        single_tags=tags,
        pair_tags=pair_tags,
        spelling=scores,
        barred=barred,
        types=types,
    )


def _nodes(units: npt.NDArray[Any], rows: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> Integers:
    """Node of each word in the trie of a model."""
    node = rows[:, 0].astype(np.int64)
    for k in range(1, rows.shape[1]):
        longer = lengths > k
        node[longer] = units[node[longer], 0] + rows[longer, k]
    return node


def _nats(tags: npt.NDArray[Any]) -> Floats:
    """Four bytes of the boundary model in nats."""
    return np.ascontiguousarray(tags, "<i4").view(np.int8).reshape(-1, 4) / TAG_STEPS


def _new_words(gold: Gold, known: Ids) -> tuple[Ids, Integers]:
    """Labelled words of two symbols or more that are not known, ascending, and in how many sentences they are."""
    longest = known.shape[1]
    start = np.flatnonzero(gold.begins & (gold.stream != 0))
    length = gold.ends[start] - start
    start, length = (each[(length >= 2) & (length <= longest)] for each in (start, length))
    rows = np.zeros((len(start), longest), np.uint16)
    for k in range(longest):
        here = length > k
        rows[here, k] = gold.stream[start[here] + k]
    width = np.dtype((np.void, 2 * longest))
    keys = np.ascontiguousarray(rows.astype(">u2")).view(width).ravel()
    old = np.ascontiguousarray(known.astype(">u2")).view(width).ravel()
    held = set(old.tolist())
    seen: Counter[bytes] = Counter()
    for key, _ in {*zip(keys.tolist(), gold.sentence[start].tolist(), strict=True)}:
        if key not in held:
            seen[key] += 1
    new = sorted(seen)
    data = np.frombuffer(b"".join(new), ">u2").reshape(-1, longest).astype(np.uint16)
    return data, np.array([seen[key] for key in new], np.int64)


def _spelled(rows: Ids, length: Integers, spelling: Floats) -> Floats:
    """Scores of words as unknown ones."""
    scores = np.maximum(spelling, FLOOR)
    total = np.zeros(len(rows))
    for k in range(rows.shape[1]):
        here = length > k
        role = np.where(k == 0, 0, np.where(k == length - 1, 2, 1))
        total[here] += scores[rows[here, k], role[here]]
    return total


def _pairs(gold: Gold, types: Integers, known: Ids, tags: Floats) -> tuple[Ids, Floats]:
    """Pairs of the model, of the sentences and of all symbols with a type; the boundary model of each, in nats."""
    stream = gold.stream.astype(np.int64)
    inside = (stream[:-1] != 0) & (stream[1:] != 0)
    special = np.flatnonzero(types[1:-1] != OTHER) + 1
    old = known[:, 0].astype(np.int64) << 16 | known[:, 1]
    keys = np.unique(
        np.concatenate([old, (stream[:-1] << 16 | stream[1:])[inside], (special[:, None] << 16 | special).ravel()])
    )
    out = np.zeros((len(keys), 4))
    out[np.searchsorted(keys, old)] = tags
    return np.column_stack([keys >> 16, keys & 0xFFFF]).astype(np.uint16), out


def span(block: Block) -> slice:
    return slice(block.start, block.stop)


def _roles(length: Integers, k: int) -> Integers:
    """Role of symbol k in words of these lengths."""
    inner = np.where(k == 0, FIRST, np.where(k == length - 1, LAST, INNER))
    return np.where(length == 1, SINGLE, inner)


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
    scores[:, 0] += weights[span(layout.unknown_first)] + weights[layout.unknown.start]
    scores[:, 1] += weights[layout.unknown.start + 1]
    scores[:, 2] += weights[span(layout.unknown_last)]
    for role in range(3):
        scores[:, role] += weights[layout.unknown_type.start + role * TYPES + known.types]
    scores[known.barred] = NEVER
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
        cuts = boundaries[np.unique(np.searchsorted(boundaries, np.arange(0, len(self._stream), CHUNK)))]
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
            seen[span(block)] = True
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
        value = 0.5 * float(self._precision @ distance**2) - likelihood
        return value, self._precision * distance - gradient

    def _gradient(self, out: Floats) -> Floats:
        """Gradient of the log probability."""
        known, layout = self._known, self.layout
        gradient = np.zeros(len(layout) + 1)
        words = np.bincount(self._edges, out[: len(self._edges)], len(self.words))
        gradient[layout.alpha.start] += words @ known.score[self.words]
        add_gradient(self._word_columns, self._word_width, words, gradient)
        local = out[len(self._edges) :].reshape(-1, LOCAL)
        for role, block in enumerate((layout.unknown_first, None, layout.unknown_last)):
            symbols = np.bincount(self._stream, local[:, role + 1], known.symbols)
            symbols[known.barred] = 0.0
            gradient[layout.alpha.start] += symbols @ np.where(known.barred, 0.0, known.spelling[:, role])
            if block is not None:
                gradient[span(block)] += symbols
            if role < 2:
                gradient[layout.unknown.start + role] += symbols.sum()
            at = layout.unknown_type.start + role * TYPES
            gradient[at : at + TYPES] += np.bincount(known.types, symbols, TYPES)
        gaps = np.ascontiguousarray(local[self._gaps, 0])
        gradient[layout.tau.start] += gaps @ self._tags
        add_gradient(self._gap_columns, self._gap_width, gaps, gradient)
        return gradient


def _lattice(known: Knowledge, gold: Gold, unknown_len: int) -> tuple[Places, Places]:
    """The columns of :func:`segtool.guideline.lattice.posterior_differences`, and the word of each edge."""
    usable = np.flatnonzero((known.count == 0) | (known.count >= REPEATED))
    symbols, parents, (at,) = _ngrams([known.rows[usable]], [known.length[usable]], len(known.codes))
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
