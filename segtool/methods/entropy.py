"""Method ``entropy``: words are where branching entropy varies most (Magistry & Sagot 2012).

The autonomy of an n-gram is the sum of its left and right variation of branching entropy. Each variation is
*normalised* over the n-grams of the same length, because it falls with length. The best cover of a run has the greatest
sum of autonomy times length.

Two choices depend on each other: the mean of a length, and the power of the length. The mean over n-gram *types* is
low and needs power 1; the mean over *occurrences* is high and needs power 0, where each word counts once. Division by
the standard deviation helps with types and hurts with occurrences. docs/methods.md has the figures.

Magistry & Sagot (2012), "Unsupervized Word Segmentation: the case for Mandarin Chinese", ACL.
"""

from __future__ import annotations

import numpy as np

from segtool.lexicon.learned import NO_WORDS, Learned, Lexicon, Resources
from segtool.methods.word_list import words_of_cuts
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Floats
from segtool.settings import EntropySettings
from segtool.text.runs import Corpus

__all__ = ["autonomy_lexicon", "learn"]


def learn(
    corpus: Corpus, candidates: Candidates, settings: EntropySettings, resources: Resources | None = None
) -> Learned:
    """Weigh n-grams by their autonomy, and count the words of the best covers of a corpus.

    Parameters
    ----------
    corpus : Corpus
    candidates : Candidates
        Scored n-grams of that corpus.
    settings : EntropySettings
    resources : Resources, optional
        Not used.
    """
    decoding = autonomy_lexicon(candidates, settings)
    return Learned("lattice", decoding, words_of_cuts(corpus, candidates, Learned("lattice", decoding, NO_WORDS)))


def autonomy_lexicon(candidates: Candidates, settings: EntropySettings) -> Lexicon:
    """Weigh every candidate by its autonomy times a power of its length.

    An unknown character has the least weight of the known ones.
    """
    settings.checked()
    weights = []
    for k, level in enumerate(candidates.levels, 1):
        counted = level.count > 0
        share = level.count if settings.entropy_mean == "occurrences" else counted
        autonomy = _normalised(level.left_variation, share, settings.entropy_scaled)
        autonomy += _normalised(level.right_variation, share, settings.entropy_scaled)
        weights.append(autonomy * float(k) ** settings.entropy_length_power)
    at = np.arange(1, len(candidates) + 1)  # all but the boundary
    counts = candidates.column("count")[at].astype(np.float64)
    return Lexicon(at, np.concatenate(weights)[at], counts, float(weights[0][1:].min(initial=0.0)))


def _normalised(variation: Floats, share: np.ndarray, scaled: bool) -> Floats:
    total = max(float(share.sum()), 1.0)
    centred = variation - float((variation * share).sum()) / total
    if not scaled:
        return centred
    deviation = float(np.sqrt((centred**2 * share).sum() / total))
    return centred / deviation if deviation > 1e-6 else centred  # less is float32 rounding: all are equal
