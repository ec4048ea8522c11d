"""Words outside the lexicon: how likely a string is as a new word, judged by its characters.

A string x = c₁ … c_k of 2 to `unknown_len` Han characters that is not in the lexicon may still be a word. Its log
weight is, in nats,

    log w(x) = −cost − 1.25 ln(T / 10⁶) − step·(k − 2) + κ (ln p(c₁ | first) + Σ ln p(c_i | inside) + ln p(c_k | last))

T is the number of words of the corpus: the larger a corpus, the rarer are the words that it lacks. (If each of these
were as likely as a word seen once, the term would be ln T; the factor 1.25 is best on the dev sets after corpora of 0.2
to 70 MB.)

p(c | place) is the share of the words of the lexicon that have c at this place; each word counts once, because new
words are spelled like the many rare ones (Nagata 1999 and Mochihashi, Yamada & Ueda 2009 score unknown words by
character models). It is smoothed by the symbol's share of the text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.runtime.arrays import Codes, Floats
from segtool.settings import UnknownSettings
from segtool.text.symbols import LAT, NUM

__all__ = ["spelling_scores", "spelling_steps"]

GROWTH = 1.25
"""Nats by which an unknown word costs more in a corpus e times as large."""

RELIABLE = 1.0
"""Words that are expected less often do not count for the spelling of words."""

FIRST, INSIDE, LAST = range(3)
IMPOSSIBLE = -1000.0


def spelling_scores(words: npt.NDArray[Any], codes: Codes, settings: UnknownSettings) -> Floats:
    """Score symbols by their place in an unknown word.

    Parameters
    ----------
    words : structured ndarray, shape (words,)
        Words of a lexicon, single symbols included (:func:`segtool.store.model.word_record`).
    codes : ndarray of uint32, shape (symbols,)

    Returns
    -------
    ndarray of float64, shape (symbols + 1, 3)
        Nats, for a symbol that comes first, inside or last; the last row is for unknown symbols. The score of a word is
        the sum of the scores of its symbols. Numbers and Latin runs are in no unknown word.
    """
    size = len(codes) + 1
    single = words["length"] == 1
    text = np.ones(size)
    text[words["symbols"][single, 0]] += words["count"][single]
    reliable = words[(words["length"] > 1) & (words["expected"] >= RELIABLE)]
    types = np.zeros((size, 3))
    for place in range(reliable["symbols"].shape[1] if len(reliable) else 0):
        here = reliable[reliable["length"] > place]
        last = here["length"] == place + 1
        np.add.at(types[:, LAST], here["symbols"][last, place], 1.0)
        np.add.at(types[:, INSIDE if place else FIRST], here["symbols"][~last, place], 1.0)
    smoothed = types + 0.1 * size * (text / text.sum())[:, None] + 0.1
    scores = settings.spelling_weight * np.log(smoothed / smoothed.sum(axis=0))
    scores[:, FIRST] -= settings.unknown_cost + GROWTH * np.log(max(float(words["expected"].sum()), 1.0) / 1e6)
    scores[:, INSIDE] -= settings.unknown_step
    scores[:-1][np.isin(codes, (NUM, LAT))] = IMPOSSIBLE
    return scores


def spelling_steps(scores: Floats) -> npt.NDArray[np.int32]:
    """Convert scores to the decoder's steps of 1/65536 nat, four for each symbol; the last one is not used."""
    steps = np.zeros((len(scores), 4), np.int32)
    steps[:, :3] = np.rint(scores * WEIGHT_UNIT)
    return steps.ravel()
