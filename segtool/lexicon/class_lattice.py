"""Forward-backward over words whose class depends on the class of the word before.

What follows a word depends on its class, so a state of this lattice is a word at its place. A cover of a run by words
x1 … xm of classes c1 … cm weighs

    Π w(xi) · Π F(c(i-1), ci) · F(cm, 0),    c0 = 0

with F the factors of class bigrams and 0 the class of the boundary (:mod:`segtool.lexicon.word_classes`).
"""

from __future__ import annotations

import numpy as np

from segtool.lexicon.lattice import FIXED_POINT, SCALE, WALK_SIZE, slots_of, walk
from segtool.runtime.arrays import Bytes, Floats, Places
from segtool.runtime.kernels import kernel

__all__ = ["class_forward_backward", "class_scratch"]

DEAD = 2.0**-950
"""Words with a smaller forward value are left out, because the values behind them could underflow."""


def class_scratch(positions: int, max_len: int) -> tuple[Floats, Places, Bytes]:
    """Allocate the scratch of :func:`class_forward_backward`; see :func:`segtool.lexicon.lattice.lattice_scratch`."""
    slots = positions * max_len
    walked = slots_of(WALK_SIZE, max_len)
    return (
        np.empty(slots + max_len + WALK_SIZE * max_len),
        np.empty(slots + 3 * positions + max_len + len(walked), np.int32),
        np.empty(slots, np.uint8),
    )


@kernel("f8(u2[const], i4[const], f8[const], i8, f8[], i4[], u1[], i8[], u2[])")
def class_forward_backward(  # type: ignore[no-untyped-def]
    stream, units, factors, max_len, floats, integers, class_of, total, boundaries
):  # fmt: skip
    """Add the posterior of every word of every run of a stream to its node.

    The words that end at position j have their slots from ``j * max_len`` on, in the order of where they begin.
    Forward values are not normalised. When all of those that are needed leave the range from 1 / SCALE to SCALE, they
    are multiplied by a power of two; short runs never need that. Backward values are divided by the likelihood of the
    run, so that forward times backward value is the posterior; they replace the forward values.

    Parameters
    ----------
    stream, max_len, total, boundaries
        As for :func:`segtool.lexicon.lattice.forward_backward`; so is the returned log likelihood.
    units : int32[4 * nodes]
        From :func:`segtool.lexicon.lattice.weighted_units`, with the class of each word.
    factors : float64[classes ** 2]
        Factors of the first class behind each other class, then of the second, and so on.
    floats, integers, class_of
        From :func:`class_scratch`: values, nodes and classes of the words at all places, and the scratch of `walk`.
    """
    room = len(class_of)
    positions = room // max_len
    value, ahead, weight = floats[:room], floats[room : room + max_len], floats[room + max_len :]
    node_of, size, lengths = integers[:room], integers[room : room + positions], integers[room + positions :]
    level, rows, slots = lengths[positions:], lengths[2 * positions :], lengths[2 * positions + max_len :]
    found = slots[: len(weight)]
    high = len(stream) - 1
    count = np.int64(np.sqrt(len(factors)) + 0.5)
    weights, kinds = units.view(np.float64), weight.view(np.int64)
    walked_from = walked_to = 1
    longest = np.int64(0)
    likelihood = 0.0
    begin = 1
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
                walked_to = min(walked_from + WALK_SIZE, high + 1)
                block = walked_to - walked_from
                longest = walk(stream, walked_from, block, units, max_len, weight, slots, total)
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
            total[node] += np.int64(value[s] * backward * FIXED_POINT + 0.5)
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
                total[node] += np.int64(share * FIXED_POINT + 0.5)
                value[s] = backward * weights[2 * np.int64(node) + 1]
            if len(boundaries) > 0:
                boundaries[begin + i] = np.uint16(min(posterior, 1.0) * 65535.0 + 0.5)
        begin += length + 1
    return likelihood
