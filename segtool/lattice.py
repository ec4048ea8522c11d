"""Forward-backward over words that are independent of each other.

A cover of a run weighs the product of the weights of its words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel

__all__ = ["forward_backward", "lattice_scratch"]


def lattice_scratch(positions: int, max_len: int) -> tuple[npt.NDArray[Any], ...]:
    """Give :func:`forward_backward` its scratch.

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
    return np.empty(2 * positions), np.empty(positions * max_len, np.int32)


@kernel("f8(u2[const], i8, i8, i4[const], f8[const], i8, f8[], i4[], i8[], i8, u2[])")
def forward_backward(  # type: ignore[no-untyped-def]
    stream, low, high, units, linear, max_len, scratch, found, total, scale, boundaries
):
    """Add the posterior of every word of every run in ``stream[low:high]`` to its node.

    Forward probabilities are rescaled at each position so that they are 1 there: position i keeps the
    reciprocal of its factor in ``scratch``, and the posterior of a word is its weight times the posterior
    of its end times the reciprocals on the way. Returns the log-likelihood. The posterior of a boundary
    before each symbol inside a run goes to `boundaries`, unless it is empty.
    """
    half = len(scratch) // 2
    forward, inverse = scratch[:half], scratch[half:]
    likelihood = 0.0
    begin = low + 1
    while begin <= high:
        length = 0
        while stream[begin + length] != 0:
            length += 1
        forward[: length + max_len + 1] = 0.0
        forward[0] = 1.0
        inverse[0] = 1.0
        for i in range(length):
            if i > 0:
                inverse[i] = 1.0 / forward[i]
                likelihood += np.log(forward[i])
                for j in range(i + 1, i + max_len):
                    forward[j] *= inverse[i]
            node = np.int64(stream[begin + i])
            edge = i * max_len
            found[edge] = node
            forward[i + 1] += linear[node]
            reach = min(max_len, length - i)
            k = 1
            while k < reach:
                child = units[2 * node] + stream[begin + i + k]
                if units[2 * child + 1] != node:
                    break
                node = child
                found[edge + k] = node
                forward[i + k + 1] += linear[node]
                k += 1
            if k < max_len:
                found[edge + k] = -1
        if length > 0:
            inverse[length] = 1.0 / forward[length]
            likelihood += np.log(forward[length])
        backward = forward  # each forward value is done with before its place is written
        backward[length] = 1.0
        for i in range(length - 1, -1, -1):
            edge = i * max_len
            scaled = 1.0
            posterior = 0.0
            for k in range(max_len):
                node = found[edge + k]
                if node < 0 or i + k >= length:
                    break
                scaled *= inverse[i + k + 1]
                share = linear[node] * scaled * backward[i + k + 1]
                posterior += share
                total[node] += np.int64(share * scale + 0.5)
            backward[i] = posterior
            if i > 0 and len(boundaries) > 0:
                boundaries[begin + i] = np.uint16(min(posterior, 1.0) * 65535.0 + 0.5)
        begin += length + 1
    return likelihood
