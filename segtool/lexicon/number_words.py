"""Words with a number in Han characters, as the one word that they are when a number is one token.

Statistics are counted character by character, since the many different numerals show what a measure word is. A model
that cuts by number tokens (:mod:`segtool.text.numbers`) sees ``NUM`` and 岁 in 五十五岁 and in 20岁. So its lexicon
holds one word for 十五岁, 二十岁 and all their like: their expected counts add up. Its weight is

    log w(x) = log Σ exp(log w(y) + k_y^β) − k_x^β

over the words y that are the same as x in number tokens, of k_y symbols, with the length penalty k^β of training.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lexicon.build import boundary_bytes, ngram_levels, tagged_trie, trie_weights
from segtool.lexicon.learned import Lexicon
from segtool.ngrams.scores import CandidateLevel, Candidates
from segtool.runtime.arrays import Floats, Integers
from segtool.settings import settings_of
from segtool.store.model import Model
from segtool.text.numbers import NUMBER_CHARACTERS
from segtool.text.symbols import LAT, NUM, SPACE, tokenise
from segtool.text.token_grammar import NUMBER_TOKENS

__all__ = ["pool_numbers"]

_CLOSE = "\ufe00"
"""A variation selector, which keeps two numbers side by side apart."""


def pool_numbers(model: Model, patience: int) -> Model:
    """Make words with a number in Han characters one word with ``NUM`` in it.

    Parameters
    ----------
    model : Model
        In memory, of method ``unigram``. If it has no number tokens, it is returned as it is.
    patience : int
        See :func:`segtool.lexicon.trie.build_trie`.

    Returns
    -------
    Model
        In memory. Other words keep their weights.
    """
    if not model.has_number_tokens:
        return model
    symbols, length = _number_rows(model)
    changed = np.flatnonzero(length != model.words["length"])
    if not len(changed):
        return model
    keys = np.column_stack([length, symbols])
    rows, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.ravel()
    kept = np.ones(len(length), np.bool_)
    kept[changed] = False
    words, weight = _pooled(model, rows, group, kept)
    pairs, tags, singles = boundary_bytes(model)
    at_words, at_pairs, candidates = _candidates(model, words, pairs)
    all_tags = np.zeros(len(candidates) + 1, np.int32)
    all_tags[: len(model.symbols)], all_tags[at_pairs] = singles[:-1], tags
    unknown = float(model.lexicon[4 * len(model.symbols) + 2]) / WEIGHT_UNIT
    lexicon = Lexicon(at_words, weight, words["expected"], unknown)
    units = tagged_trie(candidates, lexicon, all_tags, int(singles[-1]), patience)
    spellings = model.spellings[kept[model.spellings["word"]]]
    spellings["word"] = group[spellings["word"]]
    return replace(model, lexicon=units, words=words, spellings=spellings, path=None)


def _number_rows(model: Model) -> tuple[npt.NDArray[Any], Integers]:
    """Symbol ids of all words with number tokens, and how many symbols they have."""
    symbols, length = model.words["symbols"].copy(), model.words["length"].astype(np.int64)
    numerals = np.isin(model.symbols, [*map(ord, NUMBER_CHARACTERS), NUM])[symbols]
    numerals &= np.arange(symbols.shape[1]) < length[:, None]
    several = np.flatnonzero((numerals[:, 1:] & numerals[:, :-1]).any(axis=1))
    text = "".join(_digits_for_numbers(model, symbols[row, : length[row]].tolist()) + "\n" for row in several.tolist())
    codes, _ = tokenise(text, NUMBER_TOKENS)
    ends = np.flatnonzero(codes == SPACE)
    begins = np.concatenate([[0], ends + 1])[: len(ends)]
    for row, begin, end in zip(several.tolist(), begins.tolist(), ends.tolist(), strict=True):
        symbols[row] = 0
        symbols[row, : end - begin] = np.searchsorted(model.symbols, codes[begin:end])
        length[row] = end - begin
    return symbols, length


def _digits_for_numbers(model: Model, symbols: list[int]) -> str:
    """A word as text, with one digit for a number."""
    codes = model.symbols[symbols].tolist()
    shown = [{NUM: "0", LAT: "A"}.get(code) or chr(code) for code in codes]
    return "".join(shown).replace("00", f"0{_CLOSE}0").replace("00", f"0{_CLOSE}0")


def _pooled(
    model: Model, rows: npt.NDArray[Any], group: Integers, kept: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[Any], Floats]:
    """Records of the words that remain, and their log weights.

    Parameters
    ----------
    rows : ndarray of int64
        Length and symbols of each.
    group : ndarray of int64
        For each word of the model which of them it becomes.
    kept : ndarray of bool
        Whether it stays as it is.
    """
    old = model.words
    # the first of a group gives what does not add up: the word that stays as it is, else the most expected
    order = np.lexsort((np.arange(len(old)), -old["expected"], ~kept, group))
    first = order[np.searchsorted(group[order], np.arange(len(rows)))]
    words = old[first]
    words["length"], words["symbols"] = rows[:, 0], rows[:, 1:]
    words["expected"] = np.bincount(group, old["expected"], len(rows))
    gained = np.bincount(group, np.where(kept, old["count"], np.rint(old["expected"])), len(rows))
    words["count"] = np.maximum(gained.astype(np.int64), 1)
    weight = trie_weights(model)[first]
    penalty = settings_of(model).length_penalty
    mixed = np.flatnonzero(np.bincount(group[~kept], minlength=len(rows)))
    members = np.flatnonzero(np.isin(group, mixed))
    free = trie_weights(model)[members] + old["length"][members].astype(np.float64) ** penalty
    sums = np.full(len(rows), -np.inf)
    np.logaddexp.at(sums, group[members], free)
    weight[mixed] = sums[mixed] - rows[mixed, 0].astype(np.float64) ** penalty
    words["weight"][mixed] = weight[mixed]
    return words, weight


def _candidates(
    model: Model, words: npt.NDArray[Any], pairs: npt.NDArray[Any]
) -> tuple[Integers, Integers, Candidates]:
    """Places of words and of pairs among all n-grams, and these."""
    symbols, parents, (at_words, at_pairs) = ngram_levels(
        [words["symbols"], pairs], [words["length"], np.full(len(pairs), 2)], len(model.symbols)
    )
    levels = tuple(
        CandidateLevel(each, parent, np.zeros(len(each), np.int64), *[np.zeros(len(each), np.float32)] * 5)
        for each, parent in zip(symbols, parents, strict=True)
    )
    return at_words, at_pairs, Candidates(model.symbols, levels, 1)
