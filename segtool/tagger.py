"""The tagger: how likely a word boundary is between two symbols, judged by those around it.

Logistic regression for the gap between b and c in a b | c d, over the symbols a, b, c, d and the pairs ab, bc, cd,
each with a weight for its place (Xue 2003 tags characters; Peng, Feng & McCallum 2004). It is fitted to the posterior
boundary probabilities that EM ends with, over the training text, by AdaGrad (Duchi, Hazan & Singer 2011), gap by gap
in the order of the text. Its log-odds join the score of a cover at each boundary: what EM has learned of a word by its
context is so carried over to words that are not in the lexicon.

Weights live in the decoder's trie, in the spare of the nodes of one and two symbols, as signed bytes of 1/16 nat
(:func:`segtool.decode.viterbi`), so that decoding finds them where it looks in any case; only pairs that begin no word
take a node of their own. Pairs that are rarer than `tagger_min_count` have no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel
from segtool.slices import Ids

__all__ = ["TaggerSettings", "fit_tagger"]

PLACES = 4
STEPS_A_NAT = 16
RATE = 0.05
LEAST_SQUARE = 1e-6
MANY_SYMBOLS = 1 << 23
"""A text that is longer is gone through once, a shorter one twice."""


@dataclass(frozen=True)
class TaggerSettings:
    """Parameters of the tagger.

    Attributes
    ----------
    tagger_weight : float
        λ, what its log-odds are multiplied by; 0 for no tagger.
    tagger_min_count : int
        Rarer pairs of symbols have no weight.
    """

    tagger_weight: float = 1.0
    tagger_min_count: int = 30


def fit_tagger(
    stream: Ids, boundaries: npt.NDArray[np.uint16], units: npt.NDArray[np.int32], settings: TaggerSettings
) -> npt.NDArray[np.int32]:
    """Fit the tagger to the posteriors of a corpus.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        The corpus, as for :func:`segtool.counts.count_stream`.
    boundaries : ndarray of uint16, shape (n,)
        Probability of a boundary before each symbol, times 65,535.
    units : ndarray of int32, shape (4 * nodes,)
        The decoder's trie; symbol ids are those of the stream.
    settings : TaggerSettings

    Returns
    -------
    ndarray of int32, shape (nodes,)
        Four signed bytes for each node: of a symbol its weights two before, before, behind and two behind a gap; of a
        pair its weights before, around and behind one, then 0.
    """
    nodes = len(units) // 4
    weights = np.zeros(PLACES * nodes, np.float32)
    squares = np.full(PLACES * nodes, LEAST_SQUARE, np.float32)
    bias = 0.0
    if settings.tagger_weight:
        bias = _fit(stream, boundaries, units, weights, squares, 1 if len(stream) > MANY_SYMBOLS else 2, RATE)
    table = weights.reshape(nodes, PLACES).astype(np.float64)
    # every gap has one symbol just before it, which takes the bias; nodes of single symbols have check -2
    table[units[1::4] == -2, 1] += bias
    steps = np.clip(np.rint(table * settings.tagger_weight * STEPS_A_NAT), -127, 127).astype(np.int8)
    return steps.view("<i4").ravel().astype(np.int32)


@kernel("f8(u2[const], u2[const], i4[const], f4[], f4[], i8, f8)")
def _fit(stream, boundaries, units, weights, squares, epochs, rate):  # type: ignore[no-untyped-def]
    """Fit the weights, 4 places a node; returns the bias."""
    bias = 0.0
    bias_square = 1e-6
    for _ in range(epochs):
        before = around = np.int64(0)  # nodes of the pairs ab and bc, 0 for none
        for i in range(1, len(stream) - 1):
            c = np.int64(stream[i])
            base = np.int64(units[4 * c])
            behind = base + stream[i + 1]
            if base == 0 or stream[i + 1] == 0 or c == 0 or units[4 * behind + 1] != c:
                behind = np.int64(0)
            if c != 0 and stream[i - 1] != 0:
                a, b, d = 4 * np.int64(stream[i - 2]), 4 * np.int64(stream[i - 1]) + 1, 4 * np.int64(stream[i + 1]) + 3
                c = 4 * c + 2
                ab, bc, cd = 4 * before, 4 * around + 1, 4 * behind + 2
                logit = bias + weights[a] + weights[b] + weights[c] + weights[d]
                if before:
                    logit += weights[ab]
                if around:
                    logit += weights[bc]
                if behind:
                    logit += weights[cd]
                error = 1.0 / (1.0 + np.exp(-logit)) - boundaries[i] / 65535.0
                square = error * error
                move = rate * error
                bias_square += square
                bias -= move / np.sqrt(bias_square)
                squares[a] += square
                weights[a] -= move / np.sqrt(squares[a])
                squares[b] += square
                weights[b] -= move / np.sqrt(squares[b])
                squares[c] += square
                weights[c] -= move / np.sqrt(squares[c])
                squares[d] += square
                weights[d] -= move / np.sqrt(squares[d])
                if before:
                    squares[ab] += square
                    weights[ab] -= move / np.sqrt(squares[ab])
                if around:
                    squares[bc] += square
                    weights[bc] -= move / np.sqrt(squares[bc])
                if behind:
                    squares[cd] += square
                    weights[cd] -= move / np.sqrt(squares[cd])
            before, around = around, behind
    return bias
