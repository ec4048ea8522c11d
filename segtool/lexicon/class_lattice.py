"""Forward-backward over words whose class depends on that of the word before.

A state of the lattice is a word at its place, since what follows depends on its class: a cover of a
run by words x1 … xm of classes c1 … cm weighs

    Π w(xi) · Π F(c(i-1), ci) · F(cm, 0),    c0 = 0

with F the factors of class bigrams and 0 the class of the boundary (:mod:`segtool.lexicon.word_classes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.lexicon.lattice import BLOCK, walk, walk_scratch
from segtool.runtime.kernels import kernel

__all__ = ["class_forward_backward", "class_scratch"]

SCALE = 2.0**300
"""Forward values are multiplied by this when all are less than one part in it, and divided when one is greater."""

DEAD = 2.0**-950
"""Words of a lesser forward value are left out: what stands behind them could be no number."""


def class_scratch(positions: int, max_len: int) -> tuple[npt.NDArray[Any], ...]:
    """Give :func:`class_forward_backward` its scratch.

    Parameters
    ----------
    positions : int
        Symbols of the longest run, and `max_len` + 2 more.
    max_len : int
        Symbols of the longest word.

    Returns
    -------
    tuple of ndarray
    """
    slots = positions * max_len
    words = np.empty(slots), np.empty(slots, np.int32), np.empty(slots, np.uint8)
    ahead = np.empty(max_len), np.empty(max_len, np.int32)
    return *words, np.empty(3 * positions, np.int32), *ahead, *walk_scratch(BLOCK, max_len)


@kernel(
    "f8(u2[const], i8, i8, i4[const], f8[const], i8,"
    " f8[], i4[], u1[], i4[], f8[], i4[], f8[], i4[], i4[], i8[], i4[], i8[], i8, u2[])"
)
def class_forward_backward(  # type: ignore[no-untyped-def]
    stream, low, high, units, factors, max_len,
    value, node_of, class_of, place, ahead, rows, weight, found, places, ends, children, total, scale, boundaries,
):  # fmt: skip
    """Add the posterior of every word of every run in ``stream[low:high]`` to its node.

    Words that end at position j have their slots from ``j * max_len`` on, in order of where they begin.
    Forward values are not normalised: they are multiplied by a power of two when they leave the range
    of numbers, which short runs never do. Backward values are divided by the likelihood of the run, so
    that the product of both is the posterior; they go where the forward values were.

    Parameters
    ----------
    stream : uint16[n]
        Begins and ends with a boundary, as ``stream[low]`` does and ``stream[high]``.
    low, high : int
    units : int32[4 * nodes]
        From :func:`segtool.lexicon.lattice.weighted_units`, with the class of each word.
    factors : float64[classes ** 2]
        Factor of each class, class after class, behind each other class.
    max_len : int
    value, node_of, class_of, place, ahead, rows, weight, found, places, ends, children
        From :func:`class_scratch`.
    total : int64[nodes], written
    scale : int
        One occurrence in `total`.
    boundaries : uint16[n], written
        Probability that a word begins at each symbol inside a run, times 65535; nothing if it is empty.

    Returns
    -------
    float
        The log-likelihood.
    """
    third = len(place) // 3
    size, lengths, level = place[:third], place[third : 2 * third], place[2 * third :]
    count = np.int64(np.sqrt(len(factors)) + 0.5)
    weights, kinds = units.view(np.float64), weight.view(np.int64)
    walked_from = walked_to = low + 1
    longest = np.int64(0)
    likelihood = 0.0
    begin = low + 1
    while begin <= high:
        length = 0
        while stream[begin + length] != 0:
            length += 1
        if length == 0:
            begin += 1
            continue
        size[: length + max_len + 1] = 0
        size[0] = 1
        value[0] = 1.0
        class_of[0] = 0
        scalings = 0
        for i in range(length):
            first = i * max_len
            end = first + size[i]
            if i > 0:
                here = 0.0
                for s in range(first, end):
                    here += value[s]
                if not 1.0 / SCALE <= here <= SCALE:
                    top = 0.0
                    for j in range(i, i + max_len):
                        for s in range(j * max_len, j * max_len + size[j]):
                            top = max(top, value[s])
                    step = 1 if top < 1.0 / SCALE else -1 if top > SCALE else 0
                    scalings += step
                    for j in range(i, i + max_len):
                        for s in range(j * max_len, j * max_len + size[j]):
                            value[s] *= SCALE ** np.float64(step)
            level[i] = scalings
            if begin + i >= walked_to:
                walked_from = begin + i
                walked_to = min(walked_from + BLOCK, high + 1)
                block = walked_to - walked_from
                longest = walk(stream, walked_from, block, units, max_len, weight, found, places, ends, children, total)
            behind = 0
            origin = (begin + i - walked_from) * max_len
            for k in range(longest):
                if weight[origin + k] > 0.0:
                    kind = kinds[origin + k] & 255
                    row = kind * count
                    forward = 0.0
                    for s in range(first, end):
                        forward += value[s] * factors[row + np.int64(class_of[s])]
                    forward *= weight[origin + k]
                    if forward >= DEAD:
                        j = i + k + 1
                        slot = j * max_len + size[j]
                        size[j] += 1
                        value[slot] = forward
                        node_of[slot] = found[origin + k]
                        class_of[slot] = kind
                        behind |= 1 << k
            lengths[i] = behind
        level[length] = scalings
        first = length * max_len
        end = first + size[length]
        all_covers = 0.0
        for s in range(first, end):
            all_covers += value[s] * factors[class_of[s]]
        likelihood += np.log(all_covers) - scalings * np.log(SCALE)
        for s in range(first, end):
            node = node_of[s]
            backward = factors[class_of[s]] / all_covers
            total[node] += np.int64(value[s] * backward * scale + 0.5)
            value[s] = backward * weights[2 * np.int64(node) + 1]
        for i in range(length - 1, 0, -1):
            behind = lengths[i]
            words = 0
            j = i + 1
            while behind != 0:
                if behind & 1:
                    size[j] -= 1
                    slot = j * max_len + size[j]
                    ahead[words] = value[slot]
                    if level[j] != level[i]:
                        ahead[words] *= SCALE ** np.float64(level[j] - level[i])
                    rows[words] = class_of[slot] * count
                    words += 1
                behind >>= 1
                j += 1
            first = i * max_len
            posterior = 0.0
            for s in range(first, first + size[i]):
                kind = np.int64(class_of[s])
                backward = 0.0
                for word in range(words):
                    backward += ahead[word] * factors[rows[word] + kind]
                node = node_of[s]
                share = value[s] * backward
                posterior += share
                total[node] += np.int64(share * scale + 0.5)
                value[s] = backward * weights[2 * np.int64(node) + 1]
            if len(boundaries) > 0:
                boundaries[begin + i] = np.uint16(min(posterior, 1.0) * 65535.0 + 0.5)
        begin += length + 1
    return likelihood
