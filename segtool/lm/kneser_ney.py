"""Estimates a language model from n-gram counts.

The method is interpolated modified Kneser-Ney smoothing (Chen & Goodman 1999, "An empirical study of smoothing
techniques for language modeling") as in KenLM's ``lmplz`` (Heafield et al. 2013, "Scalable modified Kneser-Ney
language model estimation"); the numbers are those of ``lmplz``. Every run is a sentence.

An n-gram x of length k has an *adjusted count* a(x): its occurrences if k is the order of the model or x begins with
``<s>``, else the number of different symbols before it. With the discounts D(1), D(2), D(3 and more) of each length,
and h' the context h without its first symbol,

    p(s | h) = (a(hs) − D(a(hs))) / Σ a(h·) + γ(h) p(s | h')      γ(h) = Σ D(a(h·)) / Σ a(h·)

down to p(s) = (a(s) − D(a(s))) / Σ a + γ / V, where V counts the symbols, ``</s>`` and ``<unk>``. A pruned n-gram
stays in both sums over h·, and adds all of its a to γ.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from segtool.errors import CorpusError, ModelError, UsageError
from segtool.lm.language_model import LanguageModel, find_child
from segtool.ngrams.table import NGramTable
from segtool.runtime.arrays import Codes, Ids, Integers, Places
from segtool.runtime.kernels import kernel

__all__ = ["FALLBACK", "estimate", "link_suffixes", "thresholds"]

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of a length whose counts of counts give no discounts, as for ``lmplz --discount_fallback``."""


def estimate(counts: NGramTable, order: int = 4, prune: tuple[int, ...] = (), workers: int = 1) -> LanguageModel:
    """Estimate a language model from n-gram counts.

    Parameters
    ----------
    counts : NGramTable
    order : int
        Length of the longest n-grams, 2 to 6.
    prune : tuple of int
        N-grams of length k that occur ``prune[k - 1]`` times or less are left out. The first number is 0, none is
        less than the one before, and the last one also applies to all longer n-grams.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    LanguageModel

    Raises
    ------
    UsageError
        If a parameter is out of range, or the counts are of lower order.
    CorpusError
        If there are no n-grams, or too many for numbers of 32 bits.

    Notes
    -----
    If a count of counts n1, n2 or n3 is zero, or a discount is not above 0, the length has the discounts
    ``FALLBACK``. ``lmplz --discount_fallback`` accepts a discount of exactly 0, which can leave a context without
    back-off, and counts the last n-gram of each length by its occurrences. Both matter on tiny corpora only; on real
    ones the numbers are the same.
    """
    cuts = thresholds(prune, order)
    if counts.order < order:
        raise UsageError(f"--order {order}: needs counts of that order, not {counts.order}")
    if not counts.frequency[1:].any():
        raise CorpusError("the corpus is empty: pass a file with Chinese text")
    codes, sizes, symbol, first_child, count = _trie_of_counts(counts, order)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    suffix = link_suffixes(symbol, first_child, sizes, workers)
    adjusted = _adjusted_counts(count, first_child, suffix, starts)
    probability, backoff = np.zeros(len(symbol)), np.ones(len(first_child) - 1)
    discounts = [_discounts(adjusted[starts[k] : starts[k + 1]]) for k in range(order)]
    unigrams = adjusted[: sizes[0]]
    discount = np.array([0.0, *discounts[0]])[np.minimum(unigrams, 3)]
    probability[: sizes[0]] = (unigrams - discount + discount.sum() / sizes[0]) / unigrams.sum()
    for k in range(1, order):
        amounts = np.array([0.0, *discounts[k]])
        _in_parts(
            first_child, int(starts[k - 1]), int(starts[k]), workers,
            lambda low, high: _interpolate(
                first_child, suffix, count, adjusted, cuts[k], amounts, probability, backoff, low, high  # noqa: B023
            ),
        )  # fmt: skip
    lm = LanguageModel(
        codes,
        tuple(sizes),
        symbol,
        first_child,
        suffix,
        np.minimum(np.log10(probability), 0.0).astype(np.float32),
        np.log10(backoff).astype(np.float32),
        tuple(discounts),
        {"parameters": {"order": order, "prune": cuts}},
    )
    return _pruned(lm, count, cuts) if any(cuts) else lm


def thresholds(prune: tuple[int, ...], order: int) -> list[int]:
    """Give the pruning threshold of every length; raise UsageError if order or thresholds make no sense."""
    if not 2 <= order <= 6:
        raise UsageError(f"--order {order}: choose 2 to 6")
    shown = " ".join(map(str, prune))
    if len(prune) > order:
        raise UsageError(f"--prune {shown}: has {len(prune)} thresholds: give at most as many as --order {order}")
    if prune and prune[0] != 0:
        raise UsageError(f"--prune {shown}: single symbols are never pruned: begin with 0")
    if list(prune) != sorted(prune):
        raise UsageError(f"--prune {shown}: a threshold is less than the one before: give them in ascending order")
    return [*prune, *(prune[-1:] or (0,)) * (order - len(prune))]


def _trie_of_counts(counts: NGramTable, order: int) -> tuple[Codes, list[int], Ids, Places, Integers]:
    """Give codes, sizes of the levels, symbols, first children and counts of the trie, with ``<unk>`` in it."""
    levels = counts.levels[:order]
    seen = levels[0].count > 0  # a class symbol has an id even if it does not occur
    seen[0] = True
    rename = np.cumsum(seen) - 1
    unknown = np.count_nonzero(seen)
    sizes = [int(unknown) + 1, *map(len, levels[1:])]
    if sum(sizes) >= 1 << 31:
        raise CorpusError(f"{sum(sizes):,} n-grams are too many to number: train with a smaller --order or less text")
    symbol = np.concatenate([np.arange(unknown + 1), *(rename[level.symbol] for level in levels[1:])])
    count = np.concatenate([levels[0].count[seen], [0], *(level.count for level in levels[1:])])
    parents = [rename[levels[1].parent], *(level.parent for level in levels[2:])]
    children = [np.bincount(each, minlength=size) for each, size in zip(parents, sizes, strict=False)]
    first_child = np.zeros(sum(sizes[:-1]) + 1, np.int32)
    first_child[0] = sizes[0]
    first_child[1:] = sizes[0] + np.cumsum(np.concatenate(children))
    return counts.codes[seen], sizes, symbol.astype(np.uint16), first_child, count


def link_suffixes(symbol: Ids, first_child: Places, sizes: list[int], workers: int = 1) -> Places:
    """Find the suffix link of every node; see :class:`segtool.lm.language_model.LanguageModel`."""
    suffix = np.full(len(symbol), -1, np.int32)
    begin = 0
    for size in sizes[:-1]:
        _in_parts(
            first_child, begin, begin + size, workers,
            lambda low, high: _link_children(symbol, first_child, suffix, low, high),
        )  # fmt: skip
        begin += size
    return suffix


def _in_parts(first_child: Places, low: int, high: int, parts: int, work: Any) -> None:
    """Do work on nodes [low, high) in threads, on parts with about equally many children."""
    borders = np.linspace(first_child[low], first_child[high], parts + 1)[1:-1]
    cuts = [low, *np.searchsorted(first_child[low:high], borders) + low, high]
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(work, cuts[:-1], cuts[1:]))


def _adjusted_counts(count: Integers, first_child: Places, suffix: Places, starts: Integers) -> Integers:
    adjusted = count.copy()
    behind_start = 0  # end of the n-grams of the level that begin with <s>; node 0 is </s> here
    for k in range(len(starts) - 2):
        longer = suffix[starts[k + 1] : starts[k + 2]]
        if longer.min(initial=starts[k]) < starts[k]:
            raise ModelError("a shard is damaged (an n-gram occurs without the one that ends it): count its text again")
        left = np.bincount(longer - starts[k], minlength=starts[k + 1] - starts[k])
        adjusted[behind_start : starts[k + 1]] = left[behind_start - starts[k] :]
        behind_start = int(first_child[max(behind_start, 1)])
    return adjusted


def _discounts(adjusted: Integers) -> tuple[float, ...]:
    """Compute D1, D2 and D3+ of a length: equation 26 of Chen & Goodman (1999)."""
    _, *n = np.bincount(np.minimum(adjusted, 5), minlength=6)[:5].tolist()
    if 0 in n[:3]:
        return FALLBACK
    y = n[0] / (n[0] + 2 * n[1])
    # in whole numbers, so that rounding does not decide
    if any(j * (n[0] + 2 * n[1]) * n[j - 1] <= (j + 1) * n[0] * n[j] for j in (1, 2, 3)):
        return FALLBACK
    return tuple(j - (j + 1) * y * n[j] / n[j - 1] for j in (1, 2, 3))


def _pruned(lm: LanguageModel, count: Integers, cuts: list[int]) -> LanguageModel:
    keep = count > np.repeat(cuts, lm.ngrams)
    keep[: lm.ngrams[0]] = True
    place = np.concatenate([[0], np.cumsum(keep)]).astype(np.int32)
    suffix = lm.suffix[keep]
    suffix[lm.ngrams[0] :] = place[suffix[lm.ngrams[0] :]]
    inner = keep[: len(lm.log10_backoff)]
    first_child = place[lm.first_child[np.append(inner, True)]]
    sizes = [int(part.sum()) for part in np.split(keep, np.cumsum(lm.ngrams)[:-1])]
    logs = lm.log10_probability[keep], lm.log10_backoff[inner]
    return LanguageModel(lm.codes, tuple(sizes), lm.symbol[keep], first_child, suffix, *logs, lm.discounts, lm.card)


@kernel("void(u2[const], i4[const], i4[], i8, i8)")
def _link_children(symbols, first_child, suffix, low, high):  # type: ignore[no-untyped-def]
    """Write the suffix links of the children of nodes [low, high)."""
    for node in range(low, high):
        for child in range(first_child[node], first_child[node + 1]):
            shorter = np.int64(suffix[node])
            found = -1
            while shorter >= 0 and found < 0:
                found = find_child(shorter, symbols[child], symbols, first_child)
                shorter = np.int64(suffix[shorter])
            suffix[child] = found if found >= 0 else symbols[child]


@kernel("void(i4[const], i4[const], i8[const], i8[const], i8, f8[const], f8[], f8[], i8, i8)")
def _interpolate(first_child, suffix, count, adjusted, cut, discount, probability, backoff, low, high):  # type: ignore[no-untyped-def]
    """Write the back-off weights of nodes [low, high) and the probabilities of their children."""
    for node in range(low, high):
        total = 0
        gamma = 0.0
        for child in range(first_child[node], first_child[node + 1]):
            total += adjusted[child]
            gamma += discount[min(adjusted[child], 3)] if count[child] > cut else adjusted[child]
        if total > 0:
            backoff[node] = gamma / total
            for child in range(first_child[node], first_child[node + 1]):
                own = (adjusted[child] - discount[min(adjusted[child], 3)]) / total
                probability[child] = own + backoff[node] * probability[suffix[child]]
