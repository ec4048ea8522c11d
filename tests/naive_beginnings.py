"""Beginnings and divergences of pairs by their definitions, twins of :mod:`segtool.ngrams.beginnings`."""

import itertools
import math
from collections import Counter

from segtool.lexicon.pairs import EVIDENCE, MOST_COHESION, STEP


def counts_of(runs):
    """How often each n-gram of up to three symbols occurs, with boundaries; those of two or more at least twice."""
    counts = Counter()
    for run in runs:
        padded = (0, *run, 0)
        counts.update((symbol,) for symbol in run)
        counts.update(padded[i : i + k] for k in (2, 3) for i in range(len(padded) - k + 1))
    return {ngram: count for ngram, count in counts.items() if len(ngram) == 1 or count > 1}


def evidence(runs):
    """The beginning and the divergence of every pair of the runs."""
    counts = counts_of(runs)
    symbols = {ngram[0] for ngram in counts if len(ngram) == 1}
    average = len(runs) / max(sum(map(len, runs)), 1)
    found = {}
    for (u, v), count in Counter(pair for run in runs for pair in itertools.pairwise(run)).items():
        alone = (counts.get((0, u), 0) + 10 * average) / (counts[u,] + 10)
        begins = (counts.get((0, u, v), 0) + 10 * alone) / (count + 10)
        left = right = 0.0
        for symbol in (0, *symbols):
            before, behind = counts.get((symbol, u, v), 0), counts.get((u, v, symbol), 0)
            if before:
                left += before / count * math.log(before / count / (counts[symbol, u] / counts[u,]))
            if behind:
                right += behind / count * math.log(behind / count / (counts[v, symbol] / counts[v,]))
        first = counts.get((0, u), 0) / counts[u,]
        found[u, v] = math.log(begins / alone), first * right + (1 - first) * min(left, right)
    return found


def gain(row, beginning, divergence, settings):
    """What the prior of a pair gets; `row` has its other scores."""
    scores = {**row._asdict(), "beginning": beginning, "divergence": divergence}
    begins, differs = max(beginning, 0.0), min(divergence, 1.0)
    of_beginning = 0.3 * begins + 0.5 * begins * differs - 0.1
    margins = [min(scores[name] - least for name, least in kind.items()) for kind in EVIDENCE]
    margin = min(max(margins), MOST_COHESION - scores["cohesion"])
    evidence = min(max(margin / STEP, 0.0), 1.0)
    of_divergence = settings.divergence_weight * (differs - 0.6)
    return settings.beginning_weight * of_beginning + of_divergence + settings.evidence_weight * evidence
