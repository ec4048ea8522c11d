"""The lattice of candidates, and forward-backward over independent words.

The tables of a lattice are larger than the caches of a processor, and the text visits them in no useful order, so most
of the time would be spent waiting for memory. :func:`walk` therefore takes a block of text one word length at a time
and prefetches the nodes of a whole block before it reads them, so that the waits overlap.

The weight of a cover of a run is the product of the weights of its words. The forward value of a place is the sum over
all covers of the symbols before it, the backward value the sum over all covers of the symbols behind it.
"""

from __future__ import annotations

import numpy as np

from segtool.runtime.arrays import Bytes, Floats, Places
from segtool.runtime.kernels import kernel
from segtool.runtime.prefetch import prefetch

__all__ = ["FIXED_POINT", "WALK_SIZE", "forward_backward", "lattice_scratch", "slots_of", "walk", "weighted_units"]

WALK_SIZE = 512
"""Symbols walked at a time."""

FIXED_POINT = 1 << 28
"""One expected occurrence as an integer; 64 bits then hold 3e10 occurrences."""

SCALE = 2.0**300
"""Forward values below 1 / SCALE are multiplied by it, those above SCALE divided."""


def weighted_units(units: Places, weight: Floats, classes: Bytes | None = None) -> Places:
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


def lattice_scratch(positions: int, max_len: int) -> tuple[Floats, Places]:
    """Allocate the scratch of :func:`forward_backward`: forward and backward values with weights, and slots.

    `positions` is the length of the longest run, and `max_len` + 2 more.
    """
    positions = max(positions, WALK_SIZE + max_len + 2)
    return np.empty(positions * (2 + max_len)), slots_of(positions, max_len)


def slots_of(size: int, max_len: int) -> Places:
    """Allocate the array that :func:`walk` writes for up to `size` symbols at a time.

    It holds ``found[size * max_len]``, ``places[size * max_len]``, ``ends[max_len]`` and scratch.
    """
    return np.empty(2 * size * max_len + max_len + size, np.int32)


@kernel("i8(u2[const], i8, i8, i4[const], i8, f8[], i4[], i8[])")
def walk(stream, begin, size, units, max_len, weight, slots, total):  # type: ignore[no-untyped-def]
    """Find the nodes of all n-grams that begin in ``stream[begin:begin + size]``.

    The n-gram of k + 1 symbols that begins at place r has the slot ``r * max_len + k``.

    Parameters
    ----------
    stream : uint16[n]
    begin, size : int
    units : int32[4 * nodes]
        From :func:`weighted_units`.
    max_len : int
    weight : float64[room], written
        Of each slot; 0 for an n-gram that is no word. `room` is `max_len` times the size given to :func:`slots_of`.
    slots : int32, written
        From :func:`slots_of`. ``found`` holds the node of each n-gram, and any number where there is none;
        ``places[ends[k - 1]:ends[k]]``, from 0 on for k = 0, are the places where a node of k + 1 symbols begins,
        ascending.
    total : int64[nodes]
        The caller will add to the nodes found; their memory is prefetched.

    Returns
    -------
    int
        Symbols of the longest n-gram found, at least 1; `ends` is written up to it.
    """
    weights = units.view(np.float64)
    room = len(weight)
    found, places, ends = slots[:room], slots[room : 2 * room], slots[2 * room : 2 * room + max_len]
    children = slots[2 * room + max_len :]
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


@kernel("f8(u2[const], i4[const], i8, f8[], i4[], i8[], u2[])")
def forward_backward(stream, units, max_len, floats, slots, total, boundaries):  # type: ignore[no-untyped-def]
    """Add the posterior of every word of every run of a stream to its node.

    Forward values are not normalised. When one leaves the range from 1 / SCALE to SCALE, it, the forward values behind
    it and the weights of the words that lead to these are multiplied by a power of two; short runs never need that.
    Backward values are divided by the likelihood of the run, so that forward times backward value is the posterior.

    Parameters
    ----------
    stream : uint16[n]
        Begins and ends with a boundary.
    units : int32[4 * nodes]
        From :func:`weighted_units`. Every single symbol is a word.
    max_len : int
    floats, slots
        From :func:`lattice_scratch`.
    total : int64[nodes], written
        In units of 1 / FIXED_POINT.
    boundaries : uint16[n], written
        Probability that a word begins at each symbol inside a run, times 65535; not written if it is empty.

    Returns
    -------
    float
        The log likelihood.
    """
    positions = len(floats) // (2 + max_len)
    forward, backward, weight = floats[:positions], floats[positions : 2 * positions], floats[2 * positions :]
    room = len(weight)
    found, places, ends = slots[:room], slots[room : 2 * room], slots[2 * room : 2 * room + max_len]
    high = len(stream) - 1
    likelihood = 0.0
    begin = 1
    while begin <= high:
        size = 0  # of a block of whole runs, one at least
        end = begin
        while end <= high and (size == 0 or end - begin < WALK_SIZE):
            while stream[end] != 0:
                end += 1
            end += 1
            if size == 0 or end - begin <= WALK_SIZE:
                size = end - begin
        longest = walk(stream, begin, size, units, max_len, weight, slots, total)
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
                total[found[slot]] += np.int64(forward[r] * weight[slot] * backward[r + k + 1] * FIXED_POINT + 0.5)
                at += 1
        begin += size
    return likelihood
