"""Scores of n-grams as word candidates: cohesion, branching entropy and its variation.

With c(x) the count of x, N the symbols of the corpus, in nats:

- *cohesion* of x (two symbols or more): the pointwise mutual information
  ``ln c(uv) N / (c(u) c(v))``, minimum over the binary splits x = uv (Su 2015; Sun, Shen & Tsou 1998);
- *branching entropy* H of x to the right (left): entropy of the symbol behind (before) it
  (Harris 1955; Jin & Tanaka-Ishii 2006). A boundary as neighbour is not one symbol but hides many:
  it counts as up to 50 equally frequent ones;
- *variation* V of branching entropy: H(x) − H(x without its last (first) symbol); for one symbol
  H(x) − the entropy of the symbols of the corpus (Magistry & Sagot 2012).

The left neighbours come out of the same table as the right ones: the k+1-gram ``s x`` is found in the
level of k+1-grams, and a *link* from it to ``x`` says whose left neighbour s is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel
from segtool.counts import Counts, Level
from segtool.errors import UsageError

__all__ = ["BOUNDARY_FANOUT", "CandidateLevel", "Candidates", "score"]

BOUNDARY_FANOUT = 50

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True)
class CandidateLevel:
    """Candidates of one length, a k-gram each, in the order of the counts they were taken from.

    Attributes
    ----------
    symbol, parent, count
        As in :class:`segtool.counts.Level`; `parent` is a place among the candidates one symbol shorter.
    cohesion : ndarray of float64, shape (candidates,)
        Nats; infinite for a single symbol, which has no split.
    left_entropy, right_entropy : ndarray of float64, shape (candidates,)
        Nats.
    left_variation, right_variation : ndarray of float64, shape (candidates,)
        Nats.
    """

    symbol: npt.NDArray[np.uint16]
    parent: Places
    count: npt.NDArray[np.int64]
    cohesion: Floats
    left_entropy: Floats
    right_entropy: Floats
    left_variation: Floats
    right_variation: Floats

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(frozen=True)
class Candidates:
    """All n-grams of a corpus that may be words, with their scores.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id.
    levels : tuple of CandidateLevel
        ``levels[k - 1]`` holds the candidates of k symbols; no n-gram here holds a boundary, but
        ``levels[0]`` keeps an entry 0 for it (count 0), so that places there are symbol ids.
    total : int
        Symbols of the corpus.
    """

    codes: npt.NDArray[np.uint32]
    levels: tuple[CandidateLevel, ...]
    total: int

    def __len__(self) -> int:
        return sum(map(len, self.levels)) - 1


def score(counts: Counts, max_word_len: int | None = None, min_count: int = 1, workers: int = 1) -> Candidates:
    """Score every n-gram that is frequent enough.

    Parameters
    ----------
    counts : Counts
        Of order `max_word_len` + 1 at least, so that the longest words have right neighbours.
    max_word_len : int, optional
        Longest candidate, in symbols; by default one less than the order of the counts.
    min_count : int
        N-grams of two symbols or more that are rarer are no candidates; single symbols always are.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    Candidates

    Raises
    ------
    UsageError
        If a parameter is out of range.

    References
    ----------
    Magistry & Sagot (2012), "Unsupervized Word Segmentation: the case for Mandarin Chinese", ACL.
    Jin & Tanaka-Ishii (2006), "Unsupervised segmentation of Chinese text by use of branching entropy", ACL.
    """
    if max_word_len is None:
        max_word_len = counts.order - 1
    if not 1 <= max_word_len < counts.order:
        raise UsageError(f"words of {max_word_len} symbols need counts of order {max_word_len + 1}, not {counts.order}")
    if min_count < 1:
        raise UsageError(f"--min-count {min_count}: choose 1 or more")
    frequency = counts.levels[0].count[1:]
    share = frequency[frequency > 0] / max(counts.total, 1)
    unigram_entropy = float(-(share * np.log(share)).sum())
    levels: list[CandidateLevel] = []
    places = np.zeros(0, np.int32)
    tails: list[Places] = []  # tails[j]: where each candidate without its first j symbols stands
    link = np.full(len(counts.levels[0]), -1, np.int32)
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        for k in range(1, max_word_len + 1):
            level = counts.levels[k - 1]
            kept = _kept(counts, k, min_count)
            taken = np.flatnonzero(kept)
            shorter = link[taken]
            link = _links(counts, k + 1, kept, link, pool, workers)
            right, left = pool.map(
                lambda entropy: entropy()[taken],  # noqa: B023 (called before the next turn)
                (partial(_right_entropy, counts, k), partial(_left_entropy, counts, k, link)),
            )
            count = level.count[taken]
            itself = np.arange(len(taken), dtype=np.int32)
            if k == 1:
                count[0] = 0
                parent = level.parent
                tails = [itself]
                cohesion = np.full(len(taken), np.inf)
                v_left, v_right = left - unigram_entropy, right - unigram_entropy
            else:
                parent, suffix = places[level.parent[taken]], places[shorter]
                tails = [itself, *(tail[suffix] for tail in tails)]
                cohesion = _cohesion(count, parent, tails, levels, counts.total)
                v_left, v_right = (
                    left - levels[-1].left_entropy[suffix],
                    right - levels[-1].right_entropy[parent],
                )
            levels.append(CandidateLevel(level.symbol[taken], parent, count, cohesion, left, right, v_left, v_right))
            places = (np.cumsum(kept) - 1).astype(np.int32)
    return Candidates(counts.codes, tuple(levels), counts.total)


def _kept(counts: Counts, k: int, min_count: int) -> npt.NDArray[np.bool_]:
    """Which k-grams are candidates."""
    level = counts.levels[k - 1]
    if k == 1:
        return np.ones(len(level), np.bool_)
    keep = (level.count >= min_count) & (level.symbol != 0)
    keep[: _boundary_first(counts, k)] = False
    return keep


def _boundary_first(counts: Counts, k: int) -> int:
    """How many k-grams open with a boundary; they stand first in their level."""
    end = 1
    for level in range(1, k):
        end = int(np.searchsorted(counts.levels[level].parent, end))
    return end


def _links(
    counts: Counts, k: int, kept: npt.NDArray[np.bool_], before: Places, pool: ThreadPoolExecutor, parts: int
) -> Places:
    """For each k-gram: where the k-gram without its first symbol stands, -1 if that is not kept.

    `before` are the links of the level before.
    """
    level, shorter = counts.levels[k - 1], counts.levels[k - 2]
    out = np.empty(len(level), np.int32)
    if k == 2:
        out[:] = level.symbol
        out[level.symbol == 0] = -1
        return out
    children = counts.first_child(k - 2)
    borders = np.linspace(0, len(level), parts + 1).astype(np.int64).tolist()

    def fill(low: int, high: int) -> None:
        _link_level(level.symbol, level.parent, before, children, shorter.symbol, kept, out, low, high)

    list(pool.map(fill, borders[:-1], borders[1:]))
    return out


def _right_entropy(counts: Counts, k: int) -> Floats:
    level, longer = counts.levels[k - 1], counts.levels[k]
    sums = np.zeros(len(level))
    is_boundary = longer.symbol == 0
    _entropy_sums(longer.count, longer.parent, is_boundary, BOUNDARY_FANOUT, sums)
    return _entropy(sums, level)


def _left_entropy(counts: Counts, k: int, link: Places) -> Floats:
    level, longer = counts.levels[k - 1], counts.levels[k]
    sums = np.zeros(len(level))
    is_boundary = np.zeros(len(longer), np.bool_)
    is_boundary[: _boundary_first(counts, k + 1)] = True
    _entropy_sums(longer.count, link, is_boundary, BOUNDARY_FANOUT, sums)
    return _entropy(sums, level)


def _entropy(sums: Floats, level: Level) -> Floats:
    """Ln n − (Σ c ln c) / n, never below zero by rounding."""
    count = np.maximum(level.count, 1).astype(np.float64)
    return np.maximum(np.log(count) - sums / count, 0.0)


def _cohesion(
    count: npt.NDArray[np.int64],
    parent: Places,
    tails: list[Places],
    shorter: list[CandidateLevel],
    total: int,
) -> Floats:
    """Least pointwise mutual information over the splits of the candidates of one length."""
    lowest = np.full(len(count), np.inf)
    joint = np.log(count) + np.log(max(total, 1))
    for head in range(len(shorter), 0, -1):  # `parent` is where the first `head` symbols stand
        tail = tails[head]
        split = np.log(shorter[head - 1].count[parent]) + np.log(shorter[len(shorter) - head].count[tail])
        np.minimum(lowest, joint - split, out=lowest)
        parent = shorter[head - 1].parent[parent]
    return lowest


@kernel("void(u2[const], i4[const], i4[const], i8[const], u2[const], b1[const], i4[], i8, i8)")
def _link_level(symbol, parent, parent_link, children, shorter, kept, out, low, high):  # type: ignore[no-untyped-def]
    """Find each k-gram's suffix among the children of its parent's suffix, by bisection."""
    for i in range(low, high):
        suffix = parent_link[parent[i]]
        out[i] = -1
        if suffix < 0 or symbol[i] == 0:
            continue
        a, b = children[suffix], children[suffix + 1]
        while a < b:
            middle = (a + b) // 2
            if shorter[middle] < symbol[i]:
                a = middle + 1
            else:
                b = middle
        if kept[a]:
            out[i] = a


@kernel("void(i8[const], i4[const], b1[const], i8, f8[])")
def _entropy_sums(count, owner, is_boundary, fanout, sums):  # type: ignore[no-untyped-def]
    """Add c ln c of every neighbour to the n-gram that owns it, -1 for none.

    A boundary counts as up to `fanout` neighbours that share its count evenly.
    """
    for i in range(len(count)):
        if owner[i] >= 0:
            c = count[i]
            sums[owner[i]] += c * np.log(c / min(c, fanout) if is_boundary[i] else float(c))
