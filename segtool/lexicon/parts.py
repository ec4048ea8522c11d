"""Weights from the parts of words: what the symbols of a word say of it, beside its own counts.

EM judges a word by its own occurrences. The lexicon as a whole says more: a pair of symbols that are seldom words alone
is a word, and a symbol that seldom follows a word of one symbol is a suffix. After the last EM pass the decoder cuts
the corpus once more, and the log weight of each word gets the sum of its terms (:func:`part_terms`), each multiplied by
its entry in `PART_WEIGHTS`, all by `parts_weight`; in nats.

Let L_j(x) be how often word x comes behind a boundary (j = 0) or behind a word of 1, 2, or 3 and more symbols, R_j(x)
how often before one, p_j the share of j among the neighbours of all words on that side, E(c) the expected count of
symbol c as a word. Then

    n_L,j(x) = ln((L_j(x) + 3 p_j) / (Σ L(x) + 3) / p_j), and n_R,j(x) likewise
    free(c) = ln(E(c) / count(c)), between −5 and 0

Harris (1955) finds affixes by the variety of their neighbours; Sproat & Shih (1990) join Chinese characters that are
seldom apart.

References
----------
Harris (1955), "From phoneme to morpheme", Language.
Sproat & Shih (1990), "A statistical method for finding word boundaries in Chinese text", Computer Processing of Chinese
and Oriental Languages.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.decoder import Decoder
from segtool.decode.decoders import decoder_of
from segtool.decode.runs_of_corpus import cut_runs
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lexicon.build import weight_steps
from segtool.lexicon.passes import Engine
from segtool.lexicon.trie import word_nodes
from segtool.runtime.arrays import Floats, Integers
from segtool.store.model import Model
from segtool.text.runs import Chunk, Corpus

__all__ = ["KINDS", "PART_WEIGHTS", "NeighbourCount", "part_terms", "weigh_parts"]

PART_WEIGHTS = {
    "opening": 0.3,
    "pair": 0.2,
    "free_both": -0.45,
    "free_first": 0.3,
    "prefix": -1.3,
    "before_long": -0.4,
    "bound_pair": -0.3,
    "suffix": 2.5,
    "bound_three": -0.5,
}
"""Weight of each term, chosen on the dev parts after texts of 0.2 to 61 MB (docs/quality.md)."""

KINDS = 4
"""Kinds of neighbours: a boundary, and words of 1, of 2, and of 3 or more symbols."""

AVERAGE = 3.0
"""So many neighbours of the average kinds are added to those counted."""

BOUND = -5.0
"""Least value of free(c)."""

SUFFIX, MOST_SUFFIX = 0.3, 2.0
"""How far n_L,1 of a suffix is below 0; the greatest value of that term."""

PREFIX = 0.78
"""n_R,1 of a prefix is above this."""

FREQUENT = 14
"""Rarer words of three symbols do not get the term of suffixes."""

COHESION, LOOSE, TIGHT = 4.0, -4.0, 8.0
"""The cohesion at which its terms are 0; their least and greatest value."""


class NeighbourCount:
    """A task that cuts chunks by a model, and counts the neighbours of words of one and two symbols.

    The sums are those of an array of shape (words, 2, KINDS): of each word how often its neighbour is of each kind, the
    one behind which it comes, then the one before which it comes.

    Parameters
    ----------
    model : Model
        Of method ``unigram``.
    """

    def __init__(self, model: Model) -> None:
        self.words = int(np.count_nonzero(model.words["length"] <= 2))
        self.size = self.words * 2 * KINDS
        short = model.words[: self.words]
        units = model.lexicon.reshape(-1, 4)
        self._rows = np.full(len(units), -1, np.int32)
        self._rows[word_nodes(units, short["symbols"], short["length"])] = np.arange(self.words)
        self._model = replace(model, words=model.words[:0], spellings=model.spellings[:0], lm=None)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_decoder"}

    @functools.cached_property
    def _decoder(self) -> Decoder:
        return decoder_of(self._model)

    def scratch(self) -> tuple[npt.NDArray[Any], ...]:
        """Return nothing: the decoder allocates its working memory itself."""
        return ()

    def __call__(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> None:
        """Add the counts of a chunk."""
        stream, joined = self._decoder.ids[chunk.codes][chunk.stream], cut_runs(self._decoder, chunk)
        starts = np.flatnonzero(~np.concatenate([[False], joined[:-1]]))  # of words, and the boundaries
        lengths = np.diff(np.append(starts, len(stream)))
        first = stream[starts].astype(np.int64)
        kinds = np.where(first == 0, 0, np.minimum(lengths, KINDS - 1))
        rows = np.where((first > 0) & (lengths == 1), self._rows[first], -1)
        pairs = np.flatnonzero(lengths == 2)
        units, second = self._model.lexicon, stream[starts[pairs] + 1]
        nodes = units[4 * first[pairs]] + second.astype(np.int64)
        rows[pairs] = np.where(units[4 * nodes + 1] == first[pairs], self._rows[nodes], -1)
        found = np.flatnonzero(rows >= 0)
        for side, neighbour in enumerate((found - 1, found + 1)):
            key = (2 * rows[found].astype(np.int64) + side) * KINDS + kinds[neighbour]
            total += np.bincount(key, minlength=self.size)


def part_terms(words: npt.NDArray[Any], neighbours: Integers) -> dict[str, Floats]:
    """Compute the terms of words from their parts.

    Parameters
    ----------
    words : structured ndarray, shape (words,)
        Of a lexicon: all symbols, then longer words (:func:`segtool.store.model.word_record`).
    neighbours : ndarray of int64, shape (2 * KINDS * short words,)
        From :class:`NeighbourCount`, for the words of one and two symbols.

    Returns
    -------
    dict of str to ndarray of float64, shape (words,)
        The terms that `PART_WEIGHTS` names; 0 for words of other lengths k. With c the first symbol of a word x and d
        its last:

        ``opening``
            k = 1: n_L,0(x) − n_R,0(x). A word that often begins a run and seldom ends one is no ending.
        ``pair``
            k = 2: 1.
        ``free_both``, ``free_first``
            k = 2: the less of free(c) and free(d); free(c).
        ``prefix``
            k = 2: 1 if n_R,1(c) is above `PREFIX`, because c comes before words of one symbol.
        ``before_long``
            k = 2: n_R,3(x). Before long words comes a part of them that was cut off.
        ``bound_pair``, ``bound_three``
            k = 2, 3: cohesion less `COHESION`, between `LOOSE` and `TIGHT`. Weights have too much of it by themselves.
        ``suffix``
            k = 3 and `FREQUENT` occurrences: −n_L,1(d) − `SUFFIX`, between 0 and `MOST_SUFFIX`.
    """
    length, symbols = words["length"], words["symbols"]
    singles = int(np.count_nonzero(length == 1))
    one, two, three = (length == k for k in (1, 2, 3))
    counts = neighbours.reshape(-1, 2, KINDS)
    of_kind, of_word = counts.sum(axis=0), counts.sum(axis=2, keepdims=True)
    share = np.where(of_kind > 0, of_kind, 1) / np.maximum(of_kind.sum(axis=1, keepdims=True), 1)
    ratio = np.zeros((len(words), 2, KINDS))
    ratio[: len(counts)] = np.log((counts + AVERAGE * share) / (of_word + AVERAGE) / share)
    ratio[:, of_kind == 0] = 0.0  # a kind that never occurs distinguishes no words
    with np.errstate(divide="ignore"):
        free = np.log(words["expected"][:singles] / np.maximum(words["count"][:singles], 1))
    free = np.clip(free, BOUND, 0.0)
    # the row of symbol s is s - 1
    first = symbols[:, 0].astype(np.int64) - 1
    last = symbols[np.arange(len(words)), length.astype(np.int64) - 1].astype(np.int64) - 1
    bound = np.clip(words["cohesion"].astype(np.float64) - COHESION, LOOSE, TIGHT)
    frequent = three & (words["count"] >= FREQUENT)
    values = {
        "opening": (one, ratio[:, 0, 0] - ratio[:, 1, 0]),
        "pair": (two, np.ones(len(words))),
        "free_both": (two, np.minimum(free[first], free[last])),
        "free_first": (two, free[first]),
        "prefix": (two, ratio[first, 1, 1] > PREFIX),
        "before_long": (two, ratio[:, 1, 3]),
        "bound_pair": (two, bound),
        "suffix": (frequent, np.clip(-ratio[last, 0, 1] - SUFFIX, 0.0, MOST_SUFFIX)),
        "bound_three": (three, bound),
    }
    return {name: np.where(applies, value, 0.0) for name, (applies, value) in values.items()}


def weigh_parts(
    model: Model,
    corpus: Corpus,
    weight: float,
    engine: Engine,
    progress: Callable[[int], object] | None = None,
    new: npt.NDArray[np.bool_] | None = None,
) -> Model:
    """Add the terms of their parts to the log weights of words.

    Parameters
    ----------
    model : Model
        Of method ``unigram``, in memory.
    corpus : Corpus
        Its training text, which is cut once.
    weight : float
        Multiplies all terms.
    engine : Engine
        The result does not depend on it.
    progress : callable, optional
        Called with the number of symbols and boundaries passed since the last call.
    new : ndarray of bool, shape (words,), optional
        The words to weigh; by default all. The others have their terms already.

    Returns
    -------
    Model
        With other weights. Unknown characters keep their distance from the least likely symbol.
    """
    neighbours, _ = engine.run(NeighbourCount(model), corpus, progress)
    terms = part_terms(model.words, neighbours)
    gain = weight * sum(PART_WEIGHTS[name] * terms[name] for name in PART_WEIGHTS)
    words, lexicon = model.words.copy(), model.lexicon.copy()
    words["weight"] += gain if new is None else np.where(new, gain, 0.0)
    units = lexicon.reshape(-1, 4)
    units[word_nodes(units, words["symbols"], words["length"]), 2] = weight_steps(words["weight"])
    unknown, single = len(model.symbols), words["length"] == 1
    shift = words["weight"][single].min() - model.words["weight"][single].min()
    if np.isfinite(shift):  # it is not for a model with absurd weights
        units[unknown, 2] += round(shift * WEIGHT_UNIT)
    return replace(model, lexicon=lexicon, words=words)
