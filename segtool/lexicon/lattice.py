"""The lattice of candidates, and forward-backward over words that are independent of each other.

The tables of a lattice are larger than what a processor keeps close by, and it is walked in the order of the text:
most of the time would be spent waiting for memory. So :func:`walk` takes a block of text one word length at a time,
and tells beforehand which nodes it will look at. (Kernels of other modules have it compiled in; numba's cache does not
see that it has changed unless they have too.)

A cover of a run weighs the product of the weights of its words. The forward value of a place is the sum over the covers
of what stands before it, the backward value over those of what stands behind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.runtime.arrays import Bytes, Floats
from segtool.runtime.kernels import kernel
from segtool.runtime.prefetch import prefetch

__all__ = ["BLOCK", "forward_backward", "lattice_scratch", "walk", "walk_scratch", "weighted_units"]

BLOCK = 512
"""Symbols walked at a time."""

SCALE = 2.0**300
"""Forward values are multiplied by this when one is less than one part in it, and divided when one is greater."""


def weighted_units(units: npt.NDArray[np.int32], weight: Floats, classes: Bytes | None = None) -> npt.NDArray[np.int32]:
    """Lay the weights of words beside the nodes of their trie.

    Parameters
    ----------
    units : ndarray of int32, shape (2 * nodes,)
        Base and check in turn.
    weight : ndarray of float64, shape (nodes,)
        Not negative; 0 for a node that is no word.
    classes : ndarray of uint8, shape (nodes,), optional
        Class of each word; takes the place of the last eight bits of its weight.

    Returns
    -------
    ndarray of int32, shape (4 * nodes,)
        Base and check of each node, and the two halves of its weight.
    """
    both = np.empty((len(weight), 2), np.int64)
    both[:, 0] = units.view(np.int64)
    both[:, 1] = weight.view(np.int64)
    if classes is not None:
        both[:, 1] &= -256
        both[:, 1] |= classes
        both[weight == 0.0, 1] = 0
    return both.ravel().view(np.int32)


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
    positions = max(positions, BLOCK + max_len + 2)
    return np.empty(positions), np.empty(positions), *walk_scratch(positions, max_len)


def walk_scratch(size: int, max_len: int) -> tuple[npt.NDArray[Any], ...]:
    """Give :func:`walk` what it writes: `weight`, `found`, `places`, `ends` and `children`.

    Parameters
    ----------
    size : int
        Symbols that are walked at a time.
    max_len : int
        Symbols of the longest word.

    Returns
    -------
    tuple of ndarray
    """
    slots = size * max_len
    walked = np.empty(slots), np.empty(slots, np.int32), np.empty(slots, np.int32)
    return *walked, np.empty(max_len, np.int64), np.empty(size, np.int32)


@kernel("i8(u2[const], i8, i8, i4[const], i8, f8[], i4[], i4[], i8[], i4[], i8[])")
def walk(  # type: ignore[no-untyped-def]
    stream, begin, size, units, max_len, weight, found, places, ends, children, total
):  # fmt: skip
    """Find the nodes of all n-grams that begin in ``stream[begin:begin + size]``.

    The n-gram of k + 1 symbols that begins at place r has the slot ``r * max_len + k``.

    Parameters
    ----------
    stream : uint16[n]
    begin, size : int
    units : int32[4 * nodes]
        From :func:`weighted_units`.
    max_len : int
    weight : float64[size * max_len], written
        0 for what is no word.
    found : int32[size * max_len], written
        Node of each n-gram; anything where there is none.
    places : int32[size * max_len], ends : int64[max_len], written
        ``places[ends[k - 1]:ends[k]]``, from 0 on for k = 0, are the places where a node of k + 1 symbols begins,
        ascending.
    children : int32[size]
        Scratch.
    total : int64[nodes]
        Where the caller will add to the nodes found: it is told to be near at hand.

    Returns
    -------
    int
        Symbols of the longest n-gram found, at least 1: so many of `ends` are written.
    """
    weights = units.view(np.float64)
    weight[: size * max_len] = 0.0
    last = 0
    for r in range(size):
        node = np.int64(stream[begin + r])
        found[r * max_len] = node
        weight[r * max_len] = weights[2 * node + 1]
        places[last] = r
        last += np.int64(node != 0)
    ends[0] = last
    first = 0
    for k in range(1, max_len):
        for at in range(first, last):
            r = np.int64(places[at])
            child = np.int64(units[4 * np.int64(found[r * max_len + k - 1])]) + np.int64(stream[begin + r + k])
            prefetch(units, 4 * child)
            children[at - first] = child
        end = last
        for at in range(first, last):
            r = np.int64(places[at])
            child = np.int64(children[at - first])
            slot = r * max_len + k
            there = units[4 * child + 1] == found[slot - 1]
            found[slot] = child
            weight[slot] = weights[2 * child + 1] if there else 0.0
            places[end] = r
            end += np.int64(there)
        if end == last:
            return k
        for at in range(last, end):
            prefetch(total, np.int64(found[np.int64(places[at]) * max_len + k]))
        ends[k] = end
        first, last = last, end
    return max_len


@kernel("f8(u2[const], i8, i8, i4[const], i8, f8[], f8[], f8[], i4[], i4[], i8[], i4[], i8[], i8, u2[])")
def forward_backward(  # type: ignore[no-untyped-def]
    stream, low, high, units, max_len,
    forward, backward, weight, found, places, ends, children, total, scale, boundaries,
):  # fmt: skip
    """Add the posterior of every word of every run in ``stream[low:high]`` to its node.

    Forward values are not normalised: they and the weights of the words that lead there are multiplied by a power of
    two when they leave the range of numbers, which short runs never do. Backward values are divided by the likelihood
    of the run, so that the product of both is the posterior.

    Parameters
    ----------
    stream : uint16[n]
        Begins and ends with a boundary, as ``stream[low]`` does and ``stream[high]``.
    low, high : int
    units : int32[4 * nodes]
        From :func:`weighted_units`. Every single symbol is a word.
    max_len : int
    forward, backward, weight, found, places, ends, children
        From :func:`lattice_scratch`.
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
    likelihood = 0.0
    begin = low + 1
    while begin <= high:
        size = 0  # of a block of whole runs, one at least
        end = begin
        while end <= high and (size == 0 or end - begin < BLOCK):
            while stream[end] != 0:
                end += 1
            end += 1
            if size == 0 or end - begin <= BLOCK:
                size = end - begin
        longest = walk(stream, begin, size, units, max_len, weight, found, places, ends, children, total)
        forward[: size + max_len] = 0.0
        backward[: size + max_len] = 0.0
        first = 0
        while first < size:
            forward[first] = 1.0
            scalings = 0
            i = first
            while True:
                if not 1.0 / SCALE <= forward[i] <= SCALE:
                    step = 1 if forward[i] < 1.0 else -1
                    scalings += step
                    factor = SCALE ** np.float64(step)
                    for j in range(i, i + max_len):
                        forward[j] *= factor
                    for r in range(max(first, i - max_len), i):
                        for k in range(i - r - 1, longest):
                            weight[r * max_len + k] *= factor
                if stream[begin + i] == 0:
                    break
                here = forward[i]
                for k in range(longest):
                    forward[i + k + 1] += here * weight[i * max_len + k]
                i += 1
            likelihood += np.log(forward[i]) - scalings * np.log(SCALE)
            backward[i] = 1.0 / forward[i]
            for r in range(i - 1, first - 1, -1):
                here = 0.0
                for k in range(longest - 1, -1, -1):  # the value that was last computed last
                    here += weight[r * max_len + k] * backward[r + k + 1]
                backward[r] = here
            if len(boundaries) > 0:
                for r in range(first + 1, i):
                    boundaries[begin + r] = np.uint16(min(forward[r] * backward[r], 1.0) * 65535.0 + 0.5)
            first = i + 1
        at = 0
        for k in range(longest):
            while at < ends[k]:
                r = np.int64(places[at])
                slot = r * max_len + k
                total[found[slot]] += np.int64(forward[r] * weight[slot] * backward[r + k + 1] * scale + 0.5)
                at += 1
        begin += size
    return likelihood
