"""Folding the layer into a model: a trie with new weights, a boundary model, scores of unknown words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.guideline.features import OTHER, TYPES, Weights, add_scores
from segtool.guideline.layer import SINGLE, TAG_STEPS, Knowledge, Layer, span, unknown_scores, word_columns
from segtool.lexicon.adapt import _ngrams
from segtool.lexicon.build import decoder_trie, word_table
from segtool.lexicon.learned import Lexicon
from segtool.lexicon.unknown_words import IMPOSSIBLE
from segtool.ngrams.scores import CandidateLevel, Candidates
from segtool.runtime.arrays import Floats, Places
from segtool.store.model import Model, with_granularity

__all__ = ["fold_layer"]

LARGEST_BYTE = 127
GREATEST_SCALE = 20.0
"""Scores are multiplied by this at most."""


def fold_layer(model: Model, known: Knowledge, layer: Layer, weights: Floats, patience: int) -> Model:
    """Fold learned weights into a model.

    Parameters
    ----------
    model : Model
        The one that was tuned.
    known : Knowledge
    layer : Layer
        Whose weights these are.
    weights : ndarray of float64
    patience : int
        See :func:`segtool.lexicon.trie.build_trie`.

    Returns
    -------
    Model
        In memory, with the card of `model`. Scores are scaled by one factor, so that the boundary model makes the most
        of its bytes.
    """
    layout = layer.layout
    own = np.full(len(known.rows), len(layout))
    own[layer.words] = layout.word.start + np.arange(len(layer.words))
    columns, width = word_columns(layout, known, np.arange(len(known.rows)), own)
    padded = np.append(weights, 0.0)
    scores = weights[layout.alpha.start] * known.score
    add_scores(columns, width, padded, scores)
    unknown = weights[layout.alpha.start] * known.unknown + weights[layout.length.start + 1]
    unknown += weights[layout.word_type.start + SINGLE * TYPES + OTHER]
    single, pair = _boundary_scores(layout, known, weights)
    largest = max(float(np.abs(single).max()), float(np.abs(pair).max(initial=0.0)), 1e-9)
    scale = min(LARGEST_BYTE / TAG_STEPS / largest, GREATEST_SCALE)
    spelling = np.zeros((known.symbols, 4), np.int32)
    steps = np.rint(unknown_scores(layout, known, weights) * scale * WEIGHT_UNIT)
    spelling[:, :3] = np.where(known.barred[:, None], IMPOSSIBLE * WEIGHT_UNIT, steps)
    return _laid_out(
        model, known, scores * scale, float(unknown) * scale, single * scale, pair * scale, spelling, patience
    )


def _boundary_scores(layout: Weights, known: Knowledge, weights: Floats) -> tuple[Floats, Floats]:
    """Boundary model of all symbols and pairs, in nats; what no gap can have is 0."""
    single = weights[layout.tau.start] * known.single_tags
    for place in range(4):
        single[:, place] += weights[span(layout.gap[place])] + weights[layout.gap_type[place].start + known.types]
    pair = weights[layout.tau.start] * known.pair_tags
    kinds = known.types[known.pairs]
    special = (kinds != OTHER).all(axis=1)
    for place in range(3):
        pair[:, place] += weights[span(layout.pair[place])]
        kind = weights[layout.pair_type[place].start + kinds[:, 0] * TYPES + kinds[:, 1]]
        pair[:, place] += np.where(special, kind, 0.0)
    return single, pair


def _bytes(nats: Floats) -> Places:
    """Boundary model as four signed bytes."""
    steps = np.clip(np.rint(nats * TAG_STEPS), -LARGEST_BYTE, LARGEST_BYTE).astype(np.int8)
    return np.ascontiguousarray(steps).view("<i4").ravel().astype(np.int32)


def _laid_out(
    model: Model,
    known: Knowledge,
    scores: Floats,
    unknown: float,
    single: Floats,
    pair: Floats,
    spelling: npt.NDArray[np.int32],
    patience: int,
) -> Model:
    """Lay out words, pairs and scores as a model."""
    symbols, parents, (at_words, at_pairs) = _ngrams(
        [known.rows, known.pairs], [known.length, np.full(len(known.pairs), 2)], len(known.codes)
    )
    offsets = np.cumsum([0, *map(len, symbols)])
    stored = model.words
    columns = []
    for name, kind in (
        ("count", np.int64),
        ("cohesion", np.float32),
        ("left_entropy", np.float32),
        ("right_entropy", np.float32),
    ):
        column = np.zeros(offsets[-1], kind)
        column[at_words[: known.of_model]] = stored[name]
        if name == "count":
            column[at_words[known.of_model :]] = known.count[known.of_model :]
        columns.append(column)
    levels = tuple(
        CandidateLevel(
            symbols[k], parents[k], *(each[low:high] for each in columns), *[np.zeros(high - low, np.float32)] * 2
        )
        for k, (low, high) in enumerate(pairwise(offsets))
    )
    candidates = Candidates(known.codes, levels, int(stored["count"][stored["length"] == 1].sum()))
    order = np.argsort(at_words, kind="stable")
    at = at_words[order]
    level = np.searchsorted(offsets, at, side="right")
    expected = np.concatenate([stored["expected"], known.count[known.of_model :].astype(np.float64)])[order]
    lexicon = Lexicon(level, at - offsets[level - 1], scores[order], expected, unknown)
    wanted = np.zeros(len(symbols[1]), np.bool_)
    wanted[at_pairs - offsets[1]] = True
    flat = decoder_trie(candidates, lexicon, wanted, patience)
    units = flat.reshape(-1, 4)
    units[: known.symbols, 3] = _bytes(single)
    first, second = known.pairs[:, 0].astype(np.int64), known.pairs[:, 1].astype(np.int64)
    units[units[first, 0] + second, 3] = _bytes(pair)
    ids = np.searchsorted(known.codes, model.symbols)
    display = known.codes.copy()
    display[ids] = model.faces
    spellings = model.spellings.copy()
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.arange(len(order))
    spellings["word"] = row_of[spellings["word"]]
    spellings = spellings[np.lexsort((spellings["place"], spellings["word"]))]
    return replace(
        model,
        symbols=known.codes,
        faces=display,
        lexicon=flat,
        spelling=spelling.ravel(),
        words=word_table(candidates, lexicon),
        spellings=spellings,
        card=with_granularity(model, 0).card,  # the weights of gaps are learned
        path=None,
    )
