"""Words that no lexicon holds: how likely a string is as a new word, judged by its characters.

A stretch of 2 to `unknown_len` Han characters that is no word of the lexicon may be one all the same, with the log
weight, in nats, of x = c₁ … c_k

    log w(x) = −cost − 1.25 ln(T / 10⁶) − step·(k − 2) + κ (ln p(c₁ | first) + Σ ln p(c_i | inside) + ln p(c_k | last))

T is the number of words of the corpus: the more text, the rarer are words that it lacks. (Were each such word as likely
as a word seen once, it would be ln T; 1.25 is what the dev sets want after corpora from 0.2 to 70 MB.)

p(c | place) is how often a symbol stands at that place of the words of the lexicon, each word counted once, whatever
its frequency: new words are spelled like the many rare ones (Nagata 1999 and Mochihashi, Yamada & Ueda 2009 score
unknown words by character models). It is smoothed by the symbol's share of the text.
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
"""Words that are expected less often tell nothing of how words are spelled."""

FIRST, INSIDE, LAST = range(3)
NEVER = -1000.0


def spelling_scores(words: npt.NDArray[Any], codes: Codes, settings: UnknownSettings) -> Floats:
    """Score symbols by their place in an unknown word.

    Parameters
    ----------
    words : structured ndarray, shape (words,)
        Words of a lexicon, single symbols included, with ``symbols``, ``length``, ``count`` and ``expected``
        (:func:`segtool.store.model.word_record`).
    codes : ndarray of uint32, shape (symbols,)
        What the symbol ids stand for.
    settings : UnknownSettings

    Returns
    -------
    ndarray of float64, shape (symbols + 1, 3)
        Nats, for a symbol that comes first, inside or last; the last row is for symbols not known. A word of k
        symbols scores the sum of its symbols' scores. Numbers and Latin runs are in no unknown word.
    """
    size = len(codes) + 1
    single = words["length"] == 1
    text = np.ones(size)
    text[words["symbols"][single, 0]] += words["count"][single]
    tell = words[(words["length"] > 1) & (words["expected"] >= RELIABLE)]
    types = np.zeros((size, 3))
    for place in range(tell["symbols"].shape[1] if len(tell) else 0):
        here = tell[tell["length"] > place]
        last = here["length"] == place + 1
        np.add.at(types[:, LAST], here["symbols"][last, place], 1.0)
        np.add.at(types[:, INSIDE if place else FIRST], here["symbols"][~last, place], 1.0)
    smoothed = types + 0.1 * size * (text / text.sum())[:, None] + 0.1
    scores = settings.spelling_weight * np.log(smoothed / smoothed.sum(axis=0))
    scores[:, FIRST] -= settings.unknown_cost + GROWTH * np.log(max(float(words["expected"].sum()), 1.0) / 1e6)
    scores[:, INSIDE] -= settings.unknown_step
    scores[:-1][np.isin(codes, (NUM, LAT))] = NEVER
    return scores


def spelling_steps(scores: Floats) -> npt.NDArray[np.int32]:
    """Scores as the decoder takes them.

    Parameters
    ----------
    scores : ndarray of float64, shape (symbols + 1, 3)

    Returns
    -------
    ndarray of int32, shape (4 * (symbols + 1),)
        In steps of 1/65536 nat; the fourth of each symbol is spare.
    """
    steps = np.zeros((len(scores), 4), np.int32)
    steps[:, :3] = np.rint(scores * WEIGHT_UNIT)
    return steps.ravel()
