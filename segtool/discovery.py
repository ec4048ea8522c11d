"""Lists the words of a text by how telling they are, with examples of use.

A lexicon also holds rare words, fragments of words, and pairs of words that often occur together. The list prefers
words that are solid, complete, free and not rare. Matrix67 (2012) measures these by cohesion and branching entropy;
this score also uses how the model cuts. With E the expected and C the n-gram count of a word, in nats:

    score = s² · c · ln(1 + (E − 1) / 10) · min(1, H / 2.5) · min(1, E / C) · (1 − e³) · (1 − f²)

- s, *word cohesion*: log θ of the word minus the log θ of its parts, for the best cover by shorter words of the
  lexicon. It is small if both halves are words (这 + 是, 他 + 的), however often they meet; it is large, and grows with
  length, in a name or an idiom, whose characters are no words;
- c, cohesion of the n-gram (:mod:`segtool.ngrams.scores`), which does not depend on EM. It separates a fixed word from
  a word of a series (十九 + 条, 外 + 面), whose parts only seem to be no words;
- E − 1, because a word that occurs once can be anything;
- H, the smaller branching entropy: a fragment depends on its neighbour on one side;
- E / C, how often the n-gram is a word when it occurs (塔尼亚胡 hardly is);
- e, the larger E / C of its first and last symbol: 的悲哀 begins with a symbol that mostly is a word;
- f, the largest share of its occurrences inside one longer word of the lexicon.

Form and weights were chosen by eye on news, law, dialogue and a novel, with a look at how many of the first words are
in jieba's dictionary and how many are much rarer in other text. The score uses no list.

References
----------
Matrix67 (2012), "互联网时代的社会语言学：基于SNS的文本数据挖掘" (cohesion and freedom of new words).
Kim, soynlp (the table of word scores).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segtool.arguments import names_checked
from segtool.errors import UsageError
from segtool.guideline.listing import listed_words, literals_of
from segtool.limits import LONGEST_WORD
from segtool.runtime.arrays import Floats, Integers
from segtool.segmenter import Segmenter
from segtool.store.model import Model
from segtool.text.folding import fold_text
from segtool.text.symbols import LAT, NUM, spelled, tokenise

__all__ = ["SORT_FIELDS", "WordScore", "check_lengths", "discover", "examples", "rank"]

FEW = 10.0
"""Up to about this many expected occurrences each one counts; beyond, each doubling counts."""

FREE_ENTROPY = 2.5
"""A word with this branching entropy on both sides, in nats, is free."""

PIECE = 1 << 16
"""Characters of a piece in which examples are searched."""


class WordScore(NamedTuple):
    """A word and its numbers.

    Attributes
    ----------
    word : str
        A digit run is spelled ``0``, a Latin run ``A``.
    score : float
        See :func:`rank`.
    count : int
        Occurrences as an n-gram.
    expected : float
        Expected occurrences as a word.
    probability : float
        θ: share of the expected occurrences of all words.
    cohesion : float
        Nats; infinite for a single symbol.
    left_entropy, right_entropy : float
        Branching entropy, nats.

    Examples
    --------
    >>> import segtool
    >>> from segtool.discovery import discover
    >>> found = discover(segtool.train("data/sample"), top=1)[0]
    >>> found.word, found.count, round(found.cohesion, 2)
    ('喜欢', 26, 6.96)
    """

    word: str
    score: float
    count: int  # type: ignore[assignment]
    expected: float
    probability: float
    cohesion: float
    left_entropy: float
    right_entropy: float


SORT_FIELDS = WordScore._fields[1:]
"""The fields that can sort a list."""


@names_checked
def discover(
    source: Segmenter | Model,
    *,
    min_len: int = 2,
    max_len: int | None = None,
    top: int | None = None,
    sort: str = "score",
    known: Iterable[str] = (),
    with_numbers: bool = False,
    min_count: int = 1,
    min_expected: float = 0.0,
) -> list[WordScore]:
    """List the words of a model, the most telling ones first.

    Of a model with a dictionary, words that never come out are left out (:mod:`segtool.guideline.listing`).

    Parameters
    ----------
    source : Segmenter or Model
    min_len, max_len : int
        Length of the words, in symbols; by default no upper limit.
    top : int, optional
        Number of words; by default all.
    sort : str
        A field of :class:`WordScore` other than the word, from high to low. Words that tie are in the order of their
        code points.
    known : iterable of str
        Words to leave out, in either script if the model folds.
    with_numbers : bool
        Also list words with a number or a Latin run.
    min_count : int
        Leave out words with fewer occurrences as an n-gram; if 1, the words of a dictionary that have none are listed.
    min_expected : float
        Leave out words with fewer expected occurrences.

    Returns
    -------
    list of WordScore

    Raises
    ------
    UsageError
        If a parameter makes no sense.

    Examples
    --------
    >>> import segtool
    >>> from segtool.discovery import discover
    >>> [found.word for found in discover(segtool.train("data/sample"), top=3)]
    ['喜欢', '项目', '自己']
    """
    model = source.model if isinstance(source, Segmenter) else source
    if sort not in SORT_FIELDS:
        raise UsageError(f"words cannot be sorted by {sort!r}: --sort takes {', '.join(SORT_FIELDS)}")
    if top is not None and top < 0:
        raise UsageError(f"{top} words cannot be listed: --top takes 0 or more")
    if isinstance(known, str):
        raise UsageError("known is a list of words, not a single str")
    check_lengths(min_len, max_len, model.max_word_len)
    words = model.words
    keep, added = listed_words(model)
    keep &= (words["length"] >= min_len) & (words["length"] <= (max_len or LONGEST_WORD))
    often = (words["count"] >= min_count) & (words["expected"] >= min_expected)
    unfiltered = min_count <= 1 and min_expected <= 0
    keep &= often | added if unfiltered else often
    if not with_numbers:
        classes = np.flatnonzero(np.isin(model.symbols, (NUM, LAT)))
        keep &= ~np.isin(words["symbols"], classes).any(axis=1)
    places = np.flatnonzero(keep)
    folded = fold_text if model.folds else str
    left_out = frozenset(folded(spelled("\n".join(known), model.has_number_tokens)).split("\n"))
    rows = zip(places.tolist(), _columns(words, places), strict=True)
    found = [WordScore(model.spell(place), *numbers) for place, numbers in rows]
    for word in literals_of(model) if unfiltered else ():
        if min_len <= len(tokenise(word)[0]) <= (max_len or len(word)):
            found.append(WordScore(word, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0))
    if left_out != {""}:
        found = [each for each in found if folded(each.word) not in left_out]
    return sorted(found, key=lambda each: (-getattr(each, sort), each.word))[:top]


def check_lengths(min_len: int, max_len: int | None, longest: int) -> None:
    """Raise a UsageError for lengths that no word has; `longest` is that of the model's longest word."""
    if min_len < 1:
        raise UsageError(f"--min-len {min_len}: choose 1 or more")
    if max_len is not None and min_len > max_len:
        raise UsageError(f"--min-len {min_len} is more than --max-len {max_len}: no word is that long and that short")
    if min_len > longest:
        raise UsageError(f"--min-len {min_len}: the longest words have {longest} symbols (--max-word-len of training)")


def rank(words: npt.NDArray[Any]) -> Floats:
    """Score all words of a model by how solid, complete, free and frequent they are (see the top of this module).

    Scores are 0 or more, without a unit, rounded to three decimals; 0 for single symbols.
    """
    if not len(words):
        return np.zeros(0)
    count = np.maximum(words["count"], 1).astype(np.float64)
    expected = words["expected"]
    bond, longer = _parts(words)
    single = words["length"] < 2
    wholeness = np.minimum(expected / count, 1.0)
    first, last = words["symbols"][:, 0], words["symbols"][np.arange(len(words)), words["length"] - 1]
    loose = np.zeros(1 << 16)
    loose[first[single]] = wholeness[single]
    bond = np.where(single, 0.0, np.maximum(bond, 0.0))
    cohesion = np.where(single, 0.0, np.maximum(words["cohesion"].astype(np.float64), 0.0))
    freedom = np.minimum(words["left_entropy"], words["right_entropy"]).astype(np.float64) / FREE_ENTROPY
    inside = np.minimum(longer / count, 1.0)
    often = np.log1p(np.maximum(expected - 1.0, 0.0) / FEW)
    score = bond**2 * cohesion * often * np.minimum(freedom, 1.0) * wholeness
    score *= (1.0 - np.maximum(loose[first], loose[last]) ** 3) * (1.0 - inside**2)
    # rounded, so that words with the same counts tie whatever the last bits of vectorised logarithms are
    return np.round(score, 3)


def _parts(words: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Compute the word cohesion of each word, infinite for single symbols, and the largest count of a longer word.

    Stretches of k symbols are numbered, equal ones alike, from the numbers of the stretches of k − 1, so that one sort
    for each length finds all words in all others.
    """
    length = words["length"].astype(np.int64)
    symbols = words["symbols"].astype(np.int64)
    rows, width = symbols.shape
    least = np.finfo(np.float64).tiny
    theta = np.log(np.maximum(words["expected"], least)) - np.log(max(float(words["expected"].sum()), least))
    longer = np.zeros(rows)
    spans = []
    number = symbols
    for k in range(1, width + 1):
        fits = np.arange(width - k + 1) + k <= length[:, None]
        row, _ = np.nonzero(fits)
        if k > 1:
            keys = number[:, :-1] * (symbols.max() + 1) + symbols[:, k - 1 :]
            number = np.zeros_like(keys)
            number[fits] = np.unique(keys[fits], return_inverse=True)[1]
        whole = np.flatnonzero(length == k)
        word_of = np.full(number.max(initial=0) + 1, -1)
        word_of[number[whole, 0]] = whole
        word = word_of[number[fits]]
        other = (word >= 0) & (word != row)
        np.maximum.at(longer, word[other], words["count"][row[other]])
        weight = np.full(len(word), theta.min() if k == 1 else -np.inf)
        weight[other] = theta[word[other]]
        span = np.full(fits.shape, -np.inf)
        span[fits] = weight
        spans.append(span)
    best = np.full((rows, width + 1), -np.inf)
    best[:, 0] = 0.0
    for end in range(1, width + 1):
        for k in range(1, end + 1):
            np.maximum(best[:, end], best[:, end - k] + spans[k - 1][:, end - k], out=best[:, end])
    bond = theta - best[np.arange(rows), length]
    bond[length < 2] = np.inf
    return bond, longer


def _columns(words: npt.NDArray[Any], places: Integers) -> list[tuple[Any, ...]]:
    """Give the numbers of the words at `places`, in the order of :class:`WordScore`."""
    expected = words["expected"]
    probability = expected / max(float(expected.sum()), np.finfo(np.float64).tiny)
    names = ("cohesion", "left_entropy", "right_entropy")
    columns = [rank(words), words["count"], expected, probability, *(words[name] for name in names)]
    return list(zip(*(column[places].tolist() for column in columns), strict=True))


@names_checked
def examples(
    segmenter: Segmenter, texts: Iterable[str], words: Iterable[str], number: int, width: int = 10
) -> dict[str, list[str]]:
    """Show words in context, where the segmenter cuts them as words.

    Parameters
    ----------
    segmenter : Segmenter
    texts : iterable of str
        Texts of whole lines, such as the training text.
    words : iterable of str
        As :func:`discover` spells them.
    number : int
        Number of examples of each word: the first ones with different contexts.
    width : int
        Characters on each side, within the line.

    Returns
    -------
    dict of str to list of str
        Examples of each word, the word in 【】, each run of whitespace as one space.
    """
    shown: dict[str, list[str]] = {word: [] for word in words}
    fold, numbers = segmenter.model.folds, segmenter.model.has_number_tokens
    wanted = {fold_text(word) if fold else word: found for word, found in shown.items() if number > 0}
    for text in texts:
        start = 0
        while wanted and start < len(text):
            end = text.find("\n", start + PIECE) + 1 or len(text)
            piece = text[start:end]
            start = end
            for token in segmenter.tokenize(piece):
                word = _spelled_word(token.word, fold, numbers)
                if word not in wanted:
                    continue
                found = wanted[word]
                left = piece[max(token.start - width, 0) : token.start].split("\n")[-1]
                right = piece[token.end : token.end + width].split("\n")[0]
                example = " ".join(f"{left}【{token.word}】{right}".split())
                if example not in found:
                    found.append(example)
                    if len(found) == number:
                        del wanted[word]
    return shown


@lru_cache(1 << 16)
def _spelled_word(word: str, fold: bool, numbers: bool) -> str:
    word = spelled(word, numbers)
    return fold_text(word) if fold else word
