"""Folding the layer into a model: a trie with new weights, a boundary model, scores of unknown words."""

from __future__ import annotations

from dataclasses import replace
from itertools import starmap
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.guideline.features import OTHER, TYPES, Weights, add_scores
from segtool.guideline.knowledge import TAG_STEPS, Knowledge
from segtool.guideline.layer import AS_SINGLE, Layer, unknown_scores, word_columns
from segtool.lexicon.build import ngram_levels, tagged_trie, word_table
from segtool.lexicon.learned import Lexicon
from segtool.lexicon.unknown_words import IMPOSSIBLE
from segtool.ngrams.scores import CandidateLevel, Candidates
from segtool.runtime.arrays import Floats, Places
from segtool.store.model import Model, with_granularity

__all__ = ["fold_layer"]

LARGEST_BYTE = 127
GREATEST_SCALE = 20.0
"""Scores are multiplied by this at most."""

SHARPNESS = 0.75
"""Nats of log probability for each nat of score of the layer, in unseen sentences: best on the dev parts, after 20 to
1,000 labelled sentences (``scripts/reliability.py``)."""


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
    unknown += weights[layout.word_type.start + AS_SINGLE * TYPES + OTHER]
    single, pair = _boundary_scores(layout, known, weights)
    largest = max(float(np.abs(single).max()), float(np.abs(pair).max(initial=0.0)), 1e-9)
    scale = min(LARGEST_BYTE / TAG_STEPS / largest, GREATEST_SCALE)
    spelling = np.zeros((known.symbols, 4), np.int32)
    steps = np.rint(unknown_scores(layout, known, weights) * scale * WEIGHT_UNIT)
    steps = np.clip(steps, -(1 << 31), (1 << 31) - 1)  # far from what any corpus gives
    spelling[:, :3] = np.where(known.barred[:, None], IMPOSSIBLE * WEIGHT_UNIT, steps)
    weights_of_words = scores * scale, float(unknown) * scale
    tags = _bytes(single * scale), _bytes(pair * scale)
    units, words, spellings = _laid_out(model, known, weights_of_words, tags, patience)
    display = known.codes.copy()
    display[np.searchsorted(known.codes, model.symbols)] = model.faces
    model = with_granularity(model, 0)  # the scores of gaps are learned
    return replace(
        model,
        symbols=known.codes,
        faces=display,
        lexicon=units,
        spelling=spelling.ravel(),
        words=words,
        spellings=spellings,
        card=model.card | {"calibration": SHARPNESS / scale},
        path=None,
    )


def _boundary_scores(layout: Weights, known: Knowledge, weights: Floats) -> tuple[Floats, Floats]:
    """Boundary model of all symbols and pairs, in nats; what no gap can have is 0."""
    single = weights[layout.tau.start] * known.single_tags
    for place in range(4):
        single[:, place] += weights[layout.gap[place].span] + weights[layout.gap_type[place].start + known.types]
    pair = weights[layout.tau.start] * known.pair_tags
    kinds = known.types[known.pairs]
    special = (kinds != OTHER).all(axis=1)
    for place in range(3):
        pair[:, place] += weights[layout.pair[place].span]
        kind = weights[layout.pair_type[place].start + kinds[:, 0] * TYPES + kinds[:, 1]]
        pair[:, place] += np.where(special, kind, 0.0)
    return single, pair


def _bytes(nats: Floats) -> Places:
    """Boundary model as four signed bytes."""
    steps = np.clip(np.rint(nats * TAG_STEPS), -LARGEST_BYTE, LARGEST_BYTE).astype(np.int8)
    return np.ascontiguousarray(steps).view("<i4").ravel().astype(np.int32)


def _laid_out(
    model: Model, known: Knowledge, weights: tuple[Floats, float], tags: tuple[Places, Places], patience: int
) -> tuple[Places, npt.NDArray[Any], npt.NDArray[Any]]:
    """Lay out words, given the log weights of all and of the unknown one, and the boundary model of symbols and pairs.

    Returns the trie, the table of words, and the places where they are displayed otherwise than their symbols.
    """
    symbols, parents, (at_words, at_pairs) = ngram_levels(
        [known.rows, known.pairs], [known.length, np.full(len(known.pairs), 2)], len(known.codes)
    )
    ends = np.cumsum([len(level) for level in symbols])
    stored, labelled = model.words, known.count[known.of_model :]
    columns: list[npt.NDArray[Any]] = []
    for name, kind in _COLUMNS.items():
        column = np.zeros(ends[-1], kind)
        column[at_words[: known.of_model]] = stored[name]
        if name == "count":
            column[at_words[known.of_model :]] = labelled
        columns.append(column)
    columns += [np.zeros(ends[-1], np.float32)] * 2
    parts = (np.split(column, ends[:-1]) for column in columns)
    levels = starmap(CandidateLevel, zip(symbols, parents, *parts, strict=True))
    candidates = Candidates(known.codes, tuple(levels), int(stored["count"][stored["length"] == 1].sum()))
    order = np.argsort(at_words, kind="stable")
    expected = np.concatenate([stored["expected"], labelled.astype(np.float64)])
    lexicon = Lexicon(at_words[order], weights[0][order], expected[order], weights[1])
    all_tags = np.zeros(ends[-1], np.int32)
    all_tags[: len(known.codes)], all_tags[at_pairs] = tags[0][:-1], tags[1]
    units = tagged_trie(candidates, lexicon, all_tags, int(tags[0][-1]), patience)
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.arange(len(order))
    spellings = model.spellings.copy()
    spellings["word"] = row_of[spellings["word"]]
    return units, word_table(candidates, lexicon), spellings[np.lexsort((spellings["place"], spellings["word"]))]


_COLUMNS = {"count": np.int64, "cohesion": np.float32, "left_entropy": np.float32, "right_entropy": np.float32}
