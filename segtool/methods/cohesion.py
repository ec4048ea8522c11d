"""Method ``cohesion``: new words by the cohesion of n-grams (Su 2015, revised 2017).

The article of 2017 (kexue.fm, "A better new-word discovery algorithm") goes from n-grams to words in three steps:

1. *keep* the n-grams of 2, 3, 4 symbols whose cohesion reaches a threshold for their length;
2. *join*: in the corpus, two neighbours belong to one word if a kept n-gram covers both. Cuts between all other
   neighbours give words of any length, which are counted;
3. *check back*: a word no longer than the longest kept n-grams must be one of them, a longer word must consist of kept
   n-grams throughout. This removes words that were joined by accident.

The remaining words and their counts are a dictionary, which cuts text by maximum probability. The article of 2015 stops
earlier: it cuts between all neighbours of low cohesion.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segtool.lexicon.learned import Learned, Lexicon, Resources
from segtool.lexicon.trie import candidate_trie
from segtool.methods.word_list import count_words, frequency_lexicon
from segtool.ngrams.scores import Candidates
from segtool.ngrams.table import spell
from segtool.runtime.arrays import Ids
from segtool.runtime.kernels import kernel
from segtool.settings import CohesionSettings
from segtool.text.runs import Corpus

__all__ = ["learn"]


def learn(
    corpus: Corpus, candidates: Candidates, settings: CohesionSettings, resources: Resources | None = None
) -> Learned:
    """Find the words of a corpus by cohesion.

    Parameters
    ----------
    corpus : Corpus
    candidates : Candidates
        Scored n-grams of that corpus; longer words are not listed.
    settings : CohesionSettings
    resources : Resources, optional
        Not used.

    Returns
    -------
    Learned
        The dictionary; for the article of 2015, the pairs that are not cut and the words between cuts.
    """
    settings.checked()
    stream = corpus.whole().stream
    levels = candidates.levels
    pairs_only = settings.cohesion_revision == 2015
    thresholds = settings.cohesion_thresholds[:1] if pairs_only else settings.cohesion_thresholds
    longest = min(len(thresholds) + 1, len(levels))
    trie = units, nodes = candidate_trie(candidates)
    nodes_of = candidates.split(nodes)
    kept = np.zeros(len(units) // 2, np.bool_)
    for k, threshold in zip(range(2, longest + 1), thresholds, strict=False):
        level = levels[k - 1]
        kept[nodes_of[k - 1]] = (level.cohesion >= threshold) & (level.count >= settings.cohesion_min_count)
    joined = np.zeros(len(stream), np.bool_)
    _mark_joined(stream, units, kept, longest, joined)
    counts = count_words(stream, joined, candidates, trie)
    if pairs_only:
        pairs = np.flatnonzero(kept[nodes])
        nothing = np.zeros(len(pairs))
        return Learned("pairs", Lexicon(pairs, nothing, nothing, 0.0), frequency_lexicon(counts, len(levels[0])))
    for k, times in enumerate(candidates.split(counts)[1:], 2):
        at = np.flatnonzero(times)
        times[at[~_consists_of_kept(spell(levels, k, at), units, kept, min(k, longest))]] = 0
    words = frequency_lexicon(counts, len(levels[0]))
    return Learned("lattice", words, words)


def _consists_of_kept(
    words: Ids, units: npt.NDArray[np.int32], kept: npt.NDArray[np.bool_], size: int
) -> npt.NDArray[np.bool_]:
    """Whether every n-gram of `size` symbols in each word is kept; all words have one length."""
    good = np.ones(len(words), np.bool_)
    for start in range(words.shape[1] - size + 1):
        node = words[:, start].astype(np.int64)
        for offset in range(1, size):
            node = units[2 * node] + words[:, start + offset].astype(np.int64)
        good &= kept[node]  # all n-grams of a candidate are candidates, so every step finds a node
    return good


@kernel("void(u2[const], i4[const], b1[const], i8, b1[])")
def _mark_joined(stream, units, kept, longest, joined):  # type: ignore[no-untyped-def]
    """Mark every symbol that a kept n-gram covers together with the next symbol."""
    for i in range(len(stream)):
        if stream[i] == 0:
            continue
        node = np.int64(stream[i])
        for k in range(1, longest):
            if stream[i + k] == 0:
                break
            child = units[2 * node] + stream[i + k]
            if units[2 * child + 1] != node:
                break
            node = child
            if kept[node]:
                for j in range(i, i + k):
                    joined[j] = True
