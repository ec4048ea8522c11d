"""The boundary model: how likely a word boundary is between two symbols, judged by the symbols around it.

Logistic regression for the gap between b and c in a b | c d, over the symbols a, b, c, d and the pairs ab, bc, cd, each
with a weight for its place (Xue 2003 tags characters; Peng, Feng & McCallum 2004). It is fitted to the posterior
boundary probabilities of the last EM pass by AdaGrad (Duchi, Hazan & Singer 2011), gap by gap, run by run in the order
of their hashes. Its log-odds are added to the score of a cover at each boundary, so that evidence from the contexts of
known words also reaches words outside the lexicon.

The weights are stored in the decoder's trie, with the nodes of one and two symbols, as signed bytes of 1/16 nat
(:mod:`segtool.decode.viterbi`); decoding visits these nodes in any case. Only pairs that begin no word need a node of
their own. Pairs rarer than `tagger_min_count` have no weight.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segtool.runtime.arrays import Ids, Singles
from segtool.runtime.kernels import kernel
from segtool.runtime.prefetch import prefetch
from segtool.settings import TaggerSettings

__all__ = ["fit_boundary_model"]

PLACES = 4
STEPS_A_NAT = 16
RATE = 0.05
"""Learning rate of AdaGrad."""

LEAST_SQUARE = 1e-6
"""Where the sums of squared gradients start."""

PAIRS_AHEAD = 1024
"""Symbols whose pairs are looked up at a time."""

STEPS, FARTHEST = 128, 16.0
"""Steps per nat in the table of the logistic function, and its greatest argument in nats."""
MANY_SYMBOLS = 1 << 23
"""A longer text is read once, a shorter one twice."""


def fit_boundary_model(
    stream: Ids, boundaries: Ids, units: npt.NDArray[np.int32], settings: TaggerSettings
) -> npt.NDArray[np.int32]:
    """Fit the boundary model to the posteriors of a corpus.

    Parameters
    ----------
    stream, boundaries
        See :class:`segtool.lexicon.learned.Learned`.
    units : ndarray of int32, shape (4 * nodes,)
        The decoder's trie; symbol ids are those of the stream.

    Returns
    -------
    ndarray of int32, shape (nodes,)
        Four signed bytes for each node. Of a symbol: its weights two places before a gap, before it, behind it and two
        places behind it. Of a pair: its weights before, around and behind a gap, and 0.
    """
    nodes = len(units) // 4
    state = _start(nodes)
    bias = 0.0
    if settings.tagger_weight:
        epochs = 1 if len(stream) > MANY_SYMBOLS else 2
        bias = _fit(stream, boundaries, units, state, _curve(), np.empty(PAIRS_AHEAD, np.int32), epochs)
    table = state.reshape(-1, PLACES, 2)[:nodes, :, 0].astype(np.float64)
    # every gap has one symbol just before it, which takes the bias; nodes of single symbols have check -2
    table[units[1::4] == -2, 1] += bias
    steps = np.clip(np.rint(table * settings.tagger_weight * STEPS_A_NAT), -127, 127).astype(np.int8)
    return steps.view("<i4").ravel().astype(np.int32)


def _start(nodes: int) -> Singles:
    """Make weights of zero, each beside its sum of squares; the last node is for pairs without weights."""
    state = np.zeros((nodes + 1, PLACES, 2), np.float32)
    state[..., 1] = LEAST_SQUARE
    state[nodes, :, 1] = np.inf  # its weights stay zero
    return state.ravel()


def _curve() -> Singles:
    """Tabulate the logistic function, with `STEPS` per nat, from -`FARTHEST` to `FARTHEST` nats."""
    return (1.0 / (1.0 + np.exp(-np.arange(-FARTHEST, FARTHEST + 1 / STEPS, 1 / STEPS)))).astype(np.float32)


@kernel("f4(f4, f4[const])")
def _logistic(logit, curve):  # type: ignore[no-untyped-def]
    """Look up a probability; values between the steps are interpolated."""
    at = min(max((logit + np.float32(FARTHEST)) * np.float32(STEPS), np.float32(0.0)), np.float32(len(curve) - 2))
    step = np.int64(at)
    return curve[step] + (at - np.float32(step)) * (curve[step + 1] - curve[step])


@kernel("f8(u2[const], u2[const], i4[const], f4[], f4[const], i4[], i8)")
def _fit(stream, boundaries, units, state, curve, pairs, epochs):  # type: ignore[no-untyped-def]
    """Fit the weights, 4 places a node, each beside the sum of squares of its gradients; returns the bias.

    Block by block the nodes of the pairs are found first, so that the memory they are in can be fetched beforehand.
    """
    none = np.int64(len(state) // (2 * PLACES) - 1)
    unit = np.float32(1.0 / 65535.0)
    speed = np.float32(RATE)
    bias = np.float32(0.0)
    bias_square = np.float32(LEAST_SQUARE)
    for _ in range(epochs):
        before = around = none  # nodes of the pairs ab and bc
        for start in range(1, len(stream) - 1, len(pairs)):
            end = min(start + len(pairs), len(stream) - 1)
            for i in range(start, end):
                behind = np.int64(units[4 * np.int64(stream[i])]) + np.int64(stream[i + 1])
                prefetch(units, 4 * behind)
                pairs[i - start] = behind
            for i in range(start, end):
                behind = np.int64(pairs[i - start])
                behind = behind if units[4 * behind + 1] == np.int32(stream[i]) else none
                prefetch(state, 2 * PLACES * behind)
                pairs[i - start] = behind
            for i in range(start, end):
                behind = np.int64(pairs[i - start])
                if stream[i] != 0 and stream[i - 1] != 0:
                    a, b = 8 * np.int64(stream[i - 2]), 8 * np.int64(stream[i - 1]) + 2
                    c, d = 8 * np.int64(stream[i]) + 4, 8 * np.int64(stream[i + 1]) + 6
                    ab, bc, cd = 8 * before, 8 * around + 2, 8 * behind + 4
                    logit = (state[a] + state[b]) + (state[c] + state[d])
                    logit = bias + (logit + (state[ab] + (state[bc] + state[cd])))
                    error = _logistic(logit, curve) - np.float32(boundaries[i]) * unit
                    square = error * error
                    move = speed * error
                    bias_square += square
                    bias -= move / np.sqrt(bias_square)
                    for at in (a, b, c, d, ab, bc, cd):
                        state[at + 1] += square
                        state[at] -= move / np.sqrt(state[at + 1])
                before, around = around, behind
    return np.float64(bias)
