"""The words of a model with a dictionary, as lists of words have them.

Words that never come out are no words: forbidden ones, those that are always split, and, if the list of the dictionary
is complete, those that it lacks. The words of the dictionary are listed whatever their counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segtool.guideline.dictionary import SPLIT
from segtool.guideline.extend import STRENGTHS, strengths_of
from segtool.lexicon.trie import word_nodes
from segtool.store.model import Model

__all__ = ["listed_words", "literals_of"]


def listed_words(model: Model) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Find the words that come out, and those of the dictionary among them.

    Parameters
    ----------
    model : Model

    Returns
    -------
    listed, of_dictionary : ndarray of bool, shape (words,)
        All words and none if the model has no dictionary.
    """
    words = model.words
    listed, of_dictionary = np.ones(len(words), np.bool_), np.zeros(len(words), np.bool_)
    card = model.dictionary
    if not card:
        return listed, of_dictionary
    units = np.asarray(model.lexicon).reshape(-1, 4)
    strengths = strengths_of(units, word_nodes(units, words["symbols"], words["length"]))
    listed = strengths != STRENGTHS.index("forbidden")
    if card.get("words_only"):
        listed &= (strengths > 0) | (words["length"] == 1)
    splits = {word.replace(SPLIT, "") for word in card.get("splits", ())}
    if splits:
        codes = model.symbols
        for place in np.flatnonzero(strengths == STRENGTHS.index("forced")).tolist():
            symbols = words["symbols"][place, : words["length"][place]]
            listed[place] = "".join(map(chr, codes[symbols].tolist())) not in splits
    return listed, listed & (strengths > 0)


def literals_of(model: Model) -> list[str]:
    """The literals of a model's dictionary (:mod:`segtool.decode.literals`)."""
    return list(model.dictionary.get("literals", ()))
