"""Hashes of runs: a sample of a corpus, and an order of its runs, that do not depend on the order of the text.

The hash of a run is a number of 64 bits that depends on its characters alone. Sorted by hash, runs are in random order,
and those with the lowest hashes are a random sample. The same runs give the same sample in the same order, however
they were read, counted, split or merged. Runs that differ in script only (:mod:`segtool.text.folding`) have the same
hash here; runs with the same hash are sorted by symbol id.

The mixing of the bits is that of Appleby's MurmurHash3 (public domain).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.kernels import kernel

__all__ = ["BUCKETS", "hash_limit", "hash_runs", "select_runs", "shuffle_runs"]

BUCKETS = 1 << 16
"""Number of hash limits for which the size of the sample is known."""


def hash_runs(stream: Ids, codes: Codes) -> npt.NDArray[np.uint64]:
    """Hash every run of a stream; `codes` holds the code of each id."""
    hashes = np.empty(int(np.count_nonzero(stream == 0)) - 1, np.uint64)
    _hash(stream, codes, hashes)
    return hashes


def hash_limit(sizes: Integers, symbols: int) -> int:
    """Find the hash limit of a sample of so many symbols at most.

    `sizes` counts the symbols of the runs by the highest 16 bits of their hashes; in the runs of the sample these bits
    are below the limit.
    """
    return int(np.searchsorted(np.cumsum(sizes), symbols, side="right"))


def select_runs(
    stream: Ids, boundaries: Ids, hashes: npt.NDArray[np.uint64], limit: int
) -> tuple[Ids, Ids, npt.NDArray[np.uint64]]:
    """Keep the runs of a sample, with the boundary posterior at each place and the hash of each run.

    Each run is returned with the boundary behind it; there is none before the first run.
    """
    if limit >= BUCKETS:
        return stream[1:], boundaries[1:], hashes
    taken = hashes >> np.uint64(48) < limit
    places = np.repeat(taken, np.diff(np.flatnonzero(stream == 0)))
    return stream[1:][places], boundaries[1:][places], hashes[taken]


def shuffle_runs(
    parts: Sequence[tuple[Ids, Ids, npt.NDArray[np.uint64]]],
) -> tuple[Ids, Ids]:
    """Join the results of :func:`select_runs`, runs in the order of their hashes, with a boundary at either end."""
    nothing = np.zeros(1, np.uint16)
    stream = np.concatenate([nothing, *(part[0] for part in parts)])
    boundaries = np.concatenate([nothing, *(part[1] for part in parts)])
    hashes = np.concatenate([np.zeros(0, np.uint64), *(part[2] for part in parts)])
    begins = np.flatnonzero(stream == 0)[:-1] + 1
    order = np.argsort(hashes, kind="stable")
    _settle_ties(stream, begins, hashes, order)
    out, out_boundaries = np.zeros(len(stream), np.uint16), np.zeros(len(stream), np.uint16)
    _gather(stream, boundaries, begins, order, out, out_boundaries)
    return out, out_boundaries


@kernel("void(u2[const], u4[const], u8[])")
def _hash(stream, codes, hashes):  # type: ignore[no-untyped-def]
    """Write the hash of each run."""
    seed = np.uint64(0x9E3779B97F4A7C15)
    one, two = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
    half = np.uint64(33)
    run = 0
    value = seed
    for i in range(1, len(stream)):
        if stream[i] != 0:
            value = (value ^ np.uint64(codes[stream[i]])) * one
            value ^= value >> half
        else:
            value *= two
            hashes[run] = value ^ (value >> half)
            run += 1
            value = seed


@kernel("void(u2[const], i8[const], u8[const], i8[])")
def _settle_ties(stream, begins, hashes, order):  # type: ignore[no-untyped-def]
    """Sort runs of one hash by their symbols, the shorter first if one begins the other."""
    for i in range(1, len(order)):
        at = i
        while at > 0 and hashes[order[at]] == hashes[order[at - 1]]:
            a, b = begins[order[at - 1]], begins[order[at]]
            while stream[a] == stream[b] and stream[a] != 0:
                a += 1
                b += 1
            if stream[a] <= stream[b]:
                break
            order[at - 1], order[at] = order[at], order[at - 1]
            at -= 1


@kernel("void(u2[const], u2[const], i8[const], i8[const], u2[], u2[])")
def _gather(stream, boundaries, begins, order, out, out_boundaries):  # type: ignore[no-untyped-def]
    """Write runs, each with the boundary behind it, in an order."""
    size = 1
    for run in order:
        i = begins[run]
        while True:
            out[size] = stream[i]
            out_boundaries[size] = boundaries[i]
            size += 1
            if stream[i] == 0:
                break
            i += 1
