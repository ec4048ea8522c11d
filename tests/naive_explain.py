"""Explanations of runs from all covers, from the definition in segtool/explain/lattice.py."""

import itertools
import math
from collections import defaultdict

from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from tests import naive


def places(cover):
    """Words of a cover as (start, end)."""
    ends = list(itertools.accumulate(map(len, cover)))
    return list(zip([0, *ends], ends, strict=False))


def explain(run, weights, extras):
    """Explain a run.

    Returns
    -------
    score : int
        Of the best cover.
    words : dict
        Score, loss and whether it is chosen of each word of any cover, by (start, end).
    gaps : list
        Score and whether it is chosen of each place between two symbols.
    without : dict
        Loss of the best cover that lacks a chosen word, or differs from the best cover at a place; None if all are
        alike there.
    score_of : callable
        Scores covers.
    shares : dict
        Probability of each word, by (start, end), and of each gap, by its place: shares of e to the score in nats.
    """
    best = naive.best_cover(run, weights, extras)
    weights = weights | naive.unknown_words(run, weights, extras)
    score_of = naive.cover_score(run, weights, extras)
    covers = list(naive.covers(run, weights))
    top = score_of(best)

    def loss(suits):
        scores = [score_of(cover) for cover in covers if suits(cover)]
        return top - max(scores) if scores else None

    def has_gap(cover, place):
        return place in {start for start, _ in places(cover)}

    words = {}
    for start, end in {place for cover in covers for place in places(cover)}:
        of_word = loss(lambda cover, at=(start, end): at in places(cover))
        words[start, end] = weights[tuple(run[start:end])], of_word, (start, end) in places(best)
    gaps, without = [], {}
    for place in range(1, len(run)):
        score = TAG_STEP * naive.gap_score(run, place, extras.tags) + extras.granularity
        gaps.append((score, has_gap(best, place)))
        without[place] = loss(lambda cover, at=place: has_gap(cover, at) != has_gap(best, at))
    for word in places(best):
        without[word] = loss(lambda cover, at=word: at not in places(cover))
    weights_of = [math.exp((score_of(cover) - top) / WEIGHT_UNIT) for cover in covers]
    shares = defaultdict(float)
    for cover, weight in zip(covers, weights_of, strict=True):
        for place in places(cover):
            shares[place] += weight / sum(weights_of)
            shares[place[0]] += weight / sum(weights_of)
    return top, words, gaps, without, score_of, shares
