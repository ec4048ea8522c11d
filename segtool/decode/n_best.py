"""The best cuts of a text, and their scores.

A path to a place is a path to an earlier place and one more edge (:mod:`segtool.decode.lattice_of_text`). So the n best
paths to a place extend some of the n best to the places before it, and merging these sorted lists gives them (Chow &
Schwartz 1989, "The N-Best Algorithm", HLT). Scores are whole numbers, so the result is exact. Of paths of equal score
the one whose last word is longer comes first, then the one whose last word but one is longer, and so on: the first path
is that of the decoder.

Memory grows with the text times n: a number for each path to each place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segtool.decode.lattice_of_text import NO_EDGE, Lattice
from segtool.limits import LONGEST_WORD
from segtool.runtime.kernels import LazyKernel

__all__ = ["best_paths", "extend_paths", "trace_path"]

RING = LONGEST_WORD + 1
"""Places whose paths are kept with their scores."""


def best_paths(lattice: Lattice, n: int) -> Iterator[tuple[int, list[int]]]:
    """Find the best paths of a text.

    Parameters
    ----------
    lattice : Lattice
    n : int
        Of so many paths, or of all there are.

    Yields
    ------
    score : int
        In steps.
    ends : list of int
        The places where its edges end.
    """
    totals, counts, taken, ends = map(lattice.zeros, (RING * n, RING, LONGEST_WORD + 1, lattice.size))
    sources = lattice.zeros((lattice.size + 1) * n, np.int32)
    extend, trace = lattice.code_of(extend_paths), lattice.code_of(trace_path)
    counts[0] = 1
    for first, last, edges in lattice.blocks():
        extend(first, last, n, edges, totals, counts, taken, sources)
    ring = lattice.size % RING
    for rank in range(int(counts[ring])):
        count = trace(lattice.size, rank, n, sources, ends)
        path = ends[:count] if lattice.plain else ends[:count].tolist()
        yield int(totals[ring * n + rank]), path[::-1]


def _extend_paths(first, last, n, edges, totals, counts, taken, sources):  # type: ignore[no-untyped-def]
    """Extend the best paths by the edges of a block.

    Parameters
    ----------
    first, last, edges
        From :meth:`segtool.decode.lattice_of_text.Lattice.blocks`.
    n : int
    totals : int64[RING * n], read and written
        Scores of the paths to the last places, best first; place t has those from ``t % RING * n`` on.
    counts : int64[RING], read and written
        Number of paths to these places.
    taken : int64[LONGEST_WORD + 1]
        Scratch.
    sources : int32[places * n], written
        How each path ends: tokens of the last edge, and 16 times the rank of the path before.
    """
    size = last - first
    longest = len(edges) // size
    for place in range(first + 1, last + 1):
        here = place % RING
        most = min(longest, place)
        for k in range(1, most + 1):
            taken[k] = 0
        count = 0
        while count < n:
            top = NO_EDGE
            best = 0
            for k in range(1, most + 1):
                edge = edges[(k - 1) * size + place - first - 1]
                before = (place - k) % RING
                if edge > NO_EDGE and taken[k] < counts[before]:
                    total = totals[before * n + taken[k]] + edge
                    if total >= top:  # of equal ones the longest
                        top = total
                        best = k
            if best == 0:
                break
            totals[here * n + count] = top
            sources[place * n + count] = 16 * taken[best] + best
            taken[best] += 1
            count += 1
        counts[here] = count


extend_paths = LazyKernel(_extend_paths, "void(i8, i8, i8, i8[const], i8[], i8[], i8[], i4[])")


def _trace_path(place, rank, n, sources, ends):  # type: ignore[no-untyped-def]
    """Find the places where the edges of a path end, backwards.

    Parameters
    ----------
    place, rank : int
        The path is that of this rank to this place.
    n : int
    sources : int32[places * n]
        From :func:`extend_paths`.
    ends : int64[tokens], written

    Returns
    -------
    int
        Number of edges.
    """
    count = 0
    while place > 0:
        ends[count] = place
        count += 1
        source = sources[place * n + rank]
        place -= source & 15
        rank = source >> 4
    return count


trace_path = LazyKernel(_trace_path, "i8(i8, i8, i8, i4[const], i8[])")
