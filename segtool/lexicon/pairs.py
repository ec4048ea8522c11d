"""What a pair of symbols gains in the prior of EM: a pair of frequent symbols may be a word by more than its count.

EM explains 为了 by 为 and 了, which are frequent, and class bigrams explain why they meet. The gain of a pair x = uv
adds what neither can, in nats (:mod:`segtool.ngrams.beginnings` has beginning and divergence):

    p(x) = π (.3 b + .5 b d − .1) + δ (d − .6) + ω e    where b = max(0, beginning of x), d = min(1, divergence of x)

The *evidence* e of x is 1 if x fulfils all conditions of a row of `EVIDENCE`, each by `STEP` or more, less if it only
just fulfils them, and 0 if it fails one in each row. There are three kinds of evidence:

- more symbols can follow x than can follow u (还是: its right variation of branching entropy), and the two meet often;
- x begins runs and has neighbours of its own (而是);
- the neighbours of x are not at all those of its parts (在于), and it begins runs at times (not 性和).

Many symbols must be neighbours of x: few come before an end of longer words (委会). Only pairs of low cohesion have
evidence: others are words without it, and a gain for them would break longer words (消费|者).
"""

from __future__ import annotations

import numpy as np

from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Floats
from segtool.settings import LexiconSettings

__all__ = ["EVIDENCE", "MOST_COHESION", "STEP", "pair_gain"]

EVIDENCE: tuple[dict[str, float], ...] = (
    {"right_variation": 0.45, "cohesion": 1.75, "left_entropy": 3.0},
    {"beginning": 0.5, "divergence": 0.5, "cohesion": 1.1, "left_entropy": 3.0, "right_entropy": 4.4},
    {"beginning": -1.5, "divergence": 0.85, "cohesion": 0.2, "left_entropy": 3.0, "right_entropy": 4.4},
)
"""Each row is a kind of evidence: scores of a pair and what each of them is above, in nats."""

MOST_COHESION = 4.2
"""Pairs of this cohesion or more have no evidence."""

STEP = 0.2
"""A condition that is fulfilled by less, in nats, counts in part."""


def pair_gain(candidates: Candidates, settings: LexiconSettings) -> Floats:
    """Compute the gain of the candidates of two symbols in the prior.

    Parameters
    ----------
    candidates : Candidates
        With the evidence of pairs.
    settings : LexiconSettings

    Returns
    -------
    ndarray of float64, shape (pairs,)
        p(x) in nats.

    References
    ----------
    Li & Sun (2009), "Punctuation as implicit annotations for Chinese word segmentation", Computational Linguistics.
    """
    beginning, divergence = candidates.pairs.astype(np.float64)
    begins, differs = np.maximum(beginning, 0.0), np.minimum(divergence, 1.0)
    gain = settings.beginning_weight * (0.3 * begins + 0.5 * begins * differs - 0.1)
    gain += settings.divergence_weight * (differs - 0.6)
    if not settings.evidence_weight:
        return gain
    level = candidates.levels[1]
    scores = {"beginning": beginning, "divergence": divergence}
    for name in ("cohesion", "left_entropy", "right_entropy", "right_variation"):
        scores[name] = getattr(level, name).astype(np.float64)
    kinds = [np.min([scores[name] - least for name, least in kind.items()], axis=0) for kind in EVIDENCE]
    margin = np.minimum(np.max(kinds, axis=0), MOST_COHESION - scores["cohesion"])
    evidence: Floats = np.clip(margin / STEP, 0.0, 1.0)
    return gain + settings.evidence_weight * evidence
