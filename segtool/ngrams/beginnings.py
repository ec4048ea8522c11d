"""Evidence that a pair of symbols is a word: it begins runs, and its neighbours differ from those of its parts.

为 and 了 are so frequent that 为了 seems to be no more than 为 before 了. But a comma or a full stop stands before 为了
much more often than before 为: punctuation shows where words begin (Li & Sun 2009). With b(x) the number of runs that
begin with x, c(x) the count of x, R the number of runs and N the symbols of the corpus, for a pair x = uv, in nats:

- *beginning*: ln p(x) / p(u), where p(u) = (b(u) + 10 R / N) / (c(u) + 10) and p(x) = (b(x) + 10 p(u)) / (c(x) + 10);
- *divergence*: d_l is the relative entropy (Kullback & Leibler 1951) of the symbols before x from those before u, d_r
  that of the symbols behind x from those behind v; a boundary is one of these symbols. With q = b(u) / c(u), the
  divergence is q d_r + (1 − q) min(d_l, d_r): where u is the first symbol of a run, little can differ before it (但是).

N-grams of two symbols or more that occur once do not count.

References
----------
Kullback & Leibler (1951), "On information and sufficiency", Annals of Mathematical Statistics.
Li & Sun (2009), "Punctuation as implicit annotations for Chinese word segmentation", Computational Linguistics.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from segtool.ngrams.table import HasParents, NGrams, Slice
from segtool.runtime.arrays import Floats, Integers, Singles
from segtool.runtime.workers import in_order

__all__ = ["pair_evidence"]

SMOOTHING = 10.0
"""So many occurrences of the average kind are added to those counted."""


class _CountedPairs(HasParents, Protocol):
    """Pairs in order, and how often each occurs; parents are first symbols."""

    @property
    def count(self) -> Integers:
        """Occurrences."""


def pair_evidence(ngrams: NGrams, pairs: _CountedPairs, workers: int = 1) -> Singles:
    """Compute the beginning and the divergence of pairs.

    Parameters
    ----------
    ngrams : NGrams
        Of order 3 at least.
    pairs : CandidateLevel or Level
        Some of its bigrams, in order.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    ndarray of float32, shape (2, pairs)
    """
    bigrams, wanted = ngrams.bigrams, _keys(pairs)
    keys, frequency, count = _keys(bigrams), np.maximum(ngrams.frequency, 1), np.maximum(pairs.count, 1)
    pair_of = np.full(len(bigrams) + 1, -1)  # the last entry is for what is no bigram
    pair_of[np.searchsorted(keys, wanted)] = np.arange(len(wanted))

    def parts(pair: Integers, times: Integers, chance: Floats) -> tuple[Integers, Floats]:
        share = times / count[pair]
        return pair, share * np.log(share / chance)

    def work(part: Slice) -> tuple[tuple[Integers, Integers | Floats], ...]:
        longer = part.levels[0]
        longer = longer[longer.count > 1]
        head, times = longer.parent, longer.count  # the trigram x y z, its bigrams: head x y, tail y z
        middle = bigrams.symbol[head].astype(np.int64)
        wanted = middle << 16 | longer.symbol
        tail = np.searchsorted(keys, wanted)
        tail[keys[np.minimum(tail, len(keys) - 1)] != wanted] = len(bigrams)
        is_first = np.flatnonzero((pair_of[head] >= 0) & (tail < len(bigrams)))
        is_last = np.flatnonzero(pair_of[tail] >= 0)
        initial = is_last[bigrams.parent[head[is_last]] == 0]
        before = bigrams.count[head[is_last]] / frequency[middle[is_last]]
        behind = bigrams.count[tail[is_first]] / frequency[middle[is_first]]
        return (
            (pair_of[tail[initial]], times[initial]),
            parts(pair_of[tail[is_last]], times[is_last], before),
            parts(pair_of[head[is_first]], times[is_first], behind),
        )

    begins, left, right = (np.zeros(len(wanted)) for _ in range(3))
    for sums in in_order(work, ngrams.slices(), workers):
        # slice by slice, so that the order of additions does not depend on the slices
        for total, (pair, values) in zip((begins, left, right), sums, strict=True):
            np.add.at(total, pair, values)
    initial = np.flatnonzero((bigrams.parent == 0) & (bigrams.count > 1))
    begins_alone = np.zeros(len(frequency))
    begins_alone[bigrams.symbol[initial]] = bigrams.count[initial]
    average = ngrams.frequency[0] / max(int(ngrams.frequency[1:].sum()), 1)
    alone = ((begins_alone + SMOOTHING * average) / (frequency + SMOOTHING))[pairs.parent]
    beginning = np.log((begins + SMOOTHING * alone) / (pairs.count + SMOOTHING) / alone)
    first = (begins_alone / frequency)[pairs.parent]
    divergence = first * right + (1.0 - first) * np.minimum(left, right)
    return np.stack([beginning, divergence]).astype(np.float32)


def _keys(pairs: HasParents) -> Integers:
    """The two symbols of each pair as one number."""
    return pairs.parent.astype(np.int64) << 16 | pairs.symbol
