"""What a model and labelled sentences say of words and pairs, before any weight is learned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from segtool.guideline.features import OTHER, types_of
from segtool.guideline.gold import Gold
from segtool.lexicon.build import boundary_bytes, trie_weights
from segtool.lexicon.unknown_words import IMPOSSIBLE
from segtool.runtime.arrays import Codes, Floats, Ids, Integers
from segtool.store.model import Model

__all__ = ["TAG_STEPS", "Knowledge", "knowledge_of"]

TAG_STEPS = WEIGHT_UNIT // TAG_STEP
"""Steps of the boundary model in a nat."""

LEAST_SPELLING = -30.0
"""Spelling score of a symbol in a labelled word where unknown words may not have it, in nats."""


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
    weight = trie_weights(model)
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
    model_pairs, model_pair_tags, model_tags = boundary_bytes(model)
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
    scores = np.maximum(spelling, LEAST_SPELLING)
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
