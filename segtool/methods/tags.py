"""Method ``lm``: segmentation by a character language model and position tags (Su 2016).

Every symbol of a run gets a tag by its place in the word. It scores the log probability of the symbol behind the
symbols of the word so far, so that a word goes on where the language model expects it to. Weights of the moves between
tags stand for the probability that a word of that length goes on. :mod:`segtool.decode.position_tags` finds the best
tags; the words are those that it cuts out of the corpus.

Su (2016), "Chinese word segmentation by a language model", kexue.fm. The article takes raw relative frequencies;
Kneser-Ney probabilities do better, because they count how many different symbols one follows.
"""

from __future__ import annotations

from segtool.errors import UsageError
from segtool.lexicon.learned import NO_WORDS, Learned, Resources
from segtool.methods.word_list import words_of_cuts
from segtool.ngrams.scores import Candidates
from segtool.settings import TagSettings
from segtool.text.runs import Corpus

__all__ = ["learn"]


def learn(corpus: Corpus, candidates: Candidates, settings: TagSettings, resources: Resources | None = None) -> Learned:
    """Count the words that a language model cuts out of a corpus.

    Parameters
    ----------
    corpus : Corpus
    candidates : Candidates
        N-grams of that corpus; other words are not listed.
    settings : TagSettings
    resources : Resources
        With a language model.

    Raises
    ------
    UsageError
        If there is no language model.
    """
    lm = resources.lm if resources else None
    if lm is None:
        raise UsageError("method lm: needs a language model of the corpus")
    moves = list(settings.checked().lm_moves)
    words = words_of_cuts(corpus, candidates, Learned("tags", NO_WORDS, NO_WORDS), lm, lm_moves=moves)
    return Learned("tags", words, words)
