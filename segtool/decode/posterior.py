"""Probabilities of the cuts of a text: sums over all paths, and random paths.

The probability of a path of score s is proportional to exp(scale · s) (:mod:`segtool.decode.lattice_of_text`). *Forward
filtering* finds the sum over all paths to each place, relative to the best one. From these sums follows the probability
of each edge to be the last one of a path to a place. *Backward sampling* draws edges by it, from the end of the text to
its beginning (Scott 2002, "Bayesian Methods for Hidden Markov Models", JASA 97). Expectations in place of draws give
the probability of each place. Scores are whole numbers and sums are relative to the best path, so texts may have any
length.
"""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from segtool.decode.lattice_of_text import NO_EDGE, Lattice
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.limits import LONGEST_WORD
from segtool.runtime.arrays import Floats
from segtool.runtime.kernels import LazyKernel

__all__ = ["place_probabilities", "random_path"]


def _filtered(lattice: Lattice, scale: float) -> tuple[Any, Any]:
    """Best scores and sums of all paths to each place; see :func:`filter_forward`."""
    best, sums = lattice.zeros(lattice.size + 1), lattice.zeros(lattice.size + 1, np.float64)
    run = lattice.code_of(filter_forward)
    for first, last, edges in lattice.blocks():
        run(first, last, scale, edges, best, sums)
    return best, sums


def place_probabilities(lattice: Lattice, scale: float) -> Floats:
    """Find the probability that a word ends at each place.

    Parameters
    ----------
    lattice : Lattice
    scale : float
        Nats of log probability for each nat of score.

    Returns
    -------
    ndarray of float64, shape (tokens + 1,)
        1 for the first and the last place.
    """
    scale /= WEIGHT_UNIT
    best, sums = _filtered(lattice, scale)
    shares, weights = (lattice.zeros(size, np.float64) for size in (lattice.size + 1, LONGEST_WORD + 1))
    shares[-1] = 1.0
    inner = np.zeros(lattice.size + 1)
    run = lattice.code_of(share_backward)
    for first, last, edges in lattice.blocks(backwards=True):
        run(first, last, scale, edges, best, sums, shares, weights)
        for low, high in lattice.splits:
            if first < high <= last:
                edge = int(edges[(high - low - 1) * (last - first) + high - first - 1])
                lost = best[low] + edge - best[high]
                inner[lattice.splits[low, high]] += shares[high] * math.exp(scale * lost + sums[low] - sums[high])
    return np.minimum(shares + inner, 1.0)


def random_path(lattice: Lattice, scale: float, seed: int) -> list[int]:
    """Draw a path.

    Parameters
    ----------
    lattice, scale
        As for :func:`place_probabilities`.
    seed : int
        The same seed draws the same path.

    Returns
    -------
    list of int
        The places where its edges end.
    """
    scale /= WEIGHT_UNIT
    best, sums = _filtered(lattice, scale)
    draw = random.Random(int(seed)).random  # the same numbers in every version of Python
    draws, passed = lattice.zeros(lattice.size + 1, np.float64), lattice.zeros(lattice.size + 1)
    draws[:] = [draw() for _ in range(lattice.size + 1)]
    passed[-1] = 1
    place, run = lattice.size, lattice.code_of(sample_backward)
    for first, last, edges in lattice.blocks(backwards=True):
        place = run(first, last, place, scale, edges, best, sums, draws, passed)
    return [end for end, here in enumerate(passed) if here and end > 0]


def _filter_forward(first, last, scale, edges, best, sums):  # type: ignore[no-untyped-def]
    """Sum over the paths to each place of a block.

    Parameters
    ----------
    first, last, edges
        From :meth:`segtool.decode.lattice_of_text.Lattice.blocks`.
    scale : float
        Nats of log probability for each step of score.
    best : int64[places], read and written
        Score of the best path to each place.
    sums : float64[places], read and written
        Log of the sum over all paths to it of exp(scale · (score - that of the best)).
    """
    size = last - first
    longest = len(edges) // size
    for place in range(first + 1, last + 1):
        at = place - first - 1
        most = min(longest, place)
        top = NO_EDGE
        for k in range(1, most + 1):
            if edges[(k - 1) * size + at] > NO_EDGE:
                top = max(top, best[place - k] + edges[(k - 1) * size + at])
        base = 0.0
        for k in range(1, most + 1):
            if edges[(k - 1) * size + at] > NO_EDGE:
                lost = best[place - k] + edges[(k - 1) * size + at] - top
                base = max(base, scale * lost + sums[place - k])
        total = 0.0
        for k in range(1, most + 1):
            if edges[(k - 1) * size + at] > NO_EDGE:
                lost = best[place - k] + edges[(k - 1) * size + at] - top
                total += math.exp(scale * lost + sums[place - k] - base)
        best[place] = top
        sums[place] = base + math.log(total)


filter_forward = LazyKernel(_filter_forward, "void(i8, i8, f8, i8[const], i8[], f8[])")


def _share_backward(first, last, scale, edges, best, sums, shares, weights):  # type: ignore[no-untyped-def]
    """Spread the probability of each place of a block over the places before it.

    Parameters
    ----------
    first, last, scale, edges, best, sums
        As for :func:`filter_forward`, which has filled them.
    shares : float64[places], read and written
        Probability of each place; complete for those of the block.
    weights : float64[LONGEST_WORD + 1]
        Scratch.
    """
    size = last - first
    longest = len(edges) // size
    for place in range(last, first, -1):
        total = 0.0  # 1 but for rounding, which would add up over a long text
        for k in range(1, min(longest, place) + 1):
            edge = edges[(k - 1) * size + place - first - 1]
            weights[k] = 0.0
            if edge > NO_EDGE:
                lost = best[place - k] + edge - best[place]
                weights[k] = math.exp(scale * lost + sums[place - k] - sums[place])
            total += weights[k]
        for k in range(1, min(longest, place) + 1):
            shares[place - k] += shares[place] * weights[k] / total


share_backward = LazyKernel(_share_backward, "void(i8, i8, f8, i8[const], i8[const], f8[const], f8[], f8[])")


def _sample_backward(first, last, place, scale, edges, best, sums, draws, passed):  # type: ignore[no-untyped-def]
    """Draw the edges of a path that end in a block.

    Parameters
    ----------
    first, last, scale, edges, best, sums
        As for :func:`filter_forward`, which has filled them.
    place : int
        The path goes on from this place.
    draws : float64[places]
        Random numbers from 0 to 1.
    passed : int64[places], written
        1 for each place on the path.

    Returns
    -------
    int
        The same for the block before.
    """
    size = last - first
    longest = len(edges) // size
    while place > first:
        left = draws[place]
        chosen = 0
        for k in range(min(longest, place), 0, -1):
            edge = edges[(k - 1) * size + place - first - 1]
            if edge > NO_EDGE and left >= 0.0:
                lost = best[place - k] + edge - best[place]
                left -= math.exp(scale * lost + sums[place - k] - sums[place])
                chosen = k
        place -= chosen
        passed[place] = 1
    return place


sample_backward = LazyKernel(_sample_backward, "i8(i8, i8, i8, f8, i8[const], i8[const], f8[const], f8[const], i8[])")
