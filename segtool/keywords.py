"""Keywords: the words that a text has more of than the model expects.

The words of the model with their expected occurrences are the background. The score is the log-likelihood ratio of
Dunning (1993) for "the word is as frequent in the text as in the background", over the four cells of the table of this
word and all others, in the text and in the background, with O the count of a cell and E what it would be then:

    G² = 2 Σ O ln(O / E)

TF-IDF needs the number of documents that have a word, which a model does not keep. G² needs counts only, and is right
for rare words, where tests by the normal distribution overrate one occurrence.

A word is a keyword if all of these hold:

- it is significant: G² is at least `SIGNIFICANT`, the χ² of one degree of freedom at .001;
- its share of the text is at least `LEAST_RATIO` times that of the background (the effect size of Hardie 2014). A
  function word of another style, such as 也 and 很 in an essay, is significant in a long text, but four or six times
  as frequent, not hundreds of times;
- it is not more than `COMMON` of the background: words such as 与 and 于 say little in any text;
- it has no number and no mark in it.

The model does not keep single Latin words and those that it has not learned. A word that the model lacks has the
background of its rarest word. A Latin word has the square root of the count of all Latin words, which is their mean
frequency if √k of k words are different (Heaps 1978).

References
----------
Dunning (1993), "Accurate methods for the statistics of surprise and coincidence", Computational Linguistics 19(1).
Hardie (2014), "Log ratio – an informal introduction".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from segtool.arguments import checked_texts
from segtool.errors import UsageError
from segtool.guideline.listing import listed_words
from segtool.store.model import Model
from segtool.text.folding import fold_text
from segtool.text.symbols import spelled

if TYPE_CHECKING:
    from segtool.vocabulary import Vocabulary

__all__ = ["Keyword", "background_of", "find_keywords", "word_key"]

SIGNIFICANT = 10.83
LEAST_RATIO = 10.0
COMMON = 1e-3
NUMBER_KEY, LATIN_KEY = "0", "A"


class Keyword(NamedTuple):
    """A word that a text has more of than the model expects.

    Attributes
    ----------
    word : str
        As the text has it most often.
    score : float
        G², the log-likelihood ratio, without a unit.
    count : int
        Occurrences in the text.
    expected : float
        Occurrences that the background lets expect in a text of this length.

    Examples
    --------
    >>> import segtool
    >>> word = segtool.load().keywords("熊猫吃竹子。熊猫爱睡觉。")[0]
    >>> word.word, word.count, word.expected < 0.01
    ('熊猫', 2, True)
    """

    word: str
    score: float
    count: int  # type: ignore[assignment]
    expected: float


def word_key(word: str, model: Model) -> str:
    """Spell a word as the keys of :func:`background_of` are: folded if the model folds, ``0`` for a number."""
    key = spelled(word, model.has_number_tokens)
    return fold_text(key) if model.folds else key


def background_of(segmenter: Vocabulary) -> dict[str, float]:
    """Expected occurrences of each word of a segmenter, which keeps them."""
    if segmenter._background is None:
        model = segmenter.model
        places = np.flatnonzero(listed_words(model)[0]).tolist()
        words = "\n".join(map(model.spell, places))
        keys = (fold_text(words) if model.folds else words).split("\n") if places else []
        counts = model.words["expected"][places].tolist()
        object.__setattr__(segmenter, "_background", dict(zip(keys, counts, strict=True)))
    return segmenter._background or {}


def find_keywords(segmenter: Vocabulary, texts: str | Iterable[str], top: int | None = 20) -> list[Keyword]:
    """List the keywords of a text, the highest scores first; words that tie are in the order of their code points.

    Parameters
    ----------
    segmenter : Segmenter
    texts : str, or iterable of str
        A text, or parts of one.
    top : int, optional
        Number of words; None for all.

    Returns
    -------
    list of Keyword

    Raises
    ------
    UsageError
        If `top` is less than 0.
    ArgumentError
        If the text is none.

    Examples
    --------
    >>> import segtool
    >>> from segtool.keywords import find_keywords
    >>> [each.word for each in find_keywords(segtool.load(), ["熊猫吃竹子。", "熊猫爱睡觉。"], 1)]
    ['熊猫']
    """
    if top is not None and top < 0:
        raise UsageError(f"{top} keywords cannot be listed: --top takes 0 or more")
    parts = [texts] if isinstance(texts, str) else checked_texts(texts, "keywords()", "pass it as one text")
    surfaces: Counter[str] = Counter()
    for part in parts:
        surfaces.update(segmenter.cut(part))
    counts: Counter[tuple[str, str]] = Counter()
    shown: dict[tuple[str, str], tuple[int, str]] = {}
    of_text = 0
    for surface, count in sorted(surfaces.items()):
        key = word_key(surface, segmenter.model)
        if "\0" in key or "\n" in key:
            continue  # a mark, or a literal with one
        of_text += count
        if NUMBER_KEY not in key:
            # Latin words with one key are different words
            word = key, fold_text(surface).lower() if LATIN_KEY in key else ""
            counts[word] += count
            shown[word] = max(shown.get(word, (0, "")), (count, surface))
    background = background_of(segmenter)
    total = sum(background.values())
    rarest = min((count for key, count in background.items() if len(key) > 1), default=1.0)
    found = []
    for word, count in counts.items():
        key = word[0]
        before = math.sqrt(background.get(key, 1.0)) if key == LATIN_KEY else background.get(key, rarest)
        expected = of_text * before / max(total, 1.0)
        if count >= LEAST_RATIO * expected and before <= COMMON * total:
            score = _likelihood_ratio(count, before, of_text, total)
            if score >= SIGNIFICANT:
                found.append(Keyword(shown[word][1], round(score, 3), count, expected))
    return sorted(found, key=lambda each: (-each.score, each.word))[:top]


def _likelihood_ratio(here: float, before: float, of_text: float, total: float) -> float:
    """Compute G² of a word that is so often among the words of a text, and so often among those of the background."""
    share = (here + before) / (of_text + total)
    cells = (
        (here, of_text * share),
        (before, total * share),
        (of_text - here, of_text * (1 - share)),
        (total - before, total * (1 - share)),
    )
    return 2.0 * sum(count * math.log(count / expected) for count, expected in cells if count > 0)
