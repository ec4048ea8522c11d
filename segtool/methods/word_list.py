"""Method ``dict``: a given word list; and words with counts, which every method lists.

The method cuts by maximum probability: the weight of a word is the log of its share of all counts. Methods that find
words by other means (:mod:`segtool.methods.cohesion`, :mod:`segtool.methods.entropy`, :mod:`segtool.methods.tags`)
count the words that they cut out of the corpus, so that every model can be listed and exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.decoders import decoder_of
from segtool.decode.runs_of_corpus import cut_runs
from segtool.errors import CorpusError, UsageError
from segtool.guideline.listing import listed_words, literals_of
from segtool.lexicon.build import build_model
from segtool.lexicon.learned import Learned, Lexicon, Resources
from segtool.lexicon.trie import candidate_trie
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Floats, Ids, Integers, Places
from segtool.runtime.kernels import kernel
from segtool.settings import CandidateSettings
from segtool.store.model import Model
from segtool.text.runs import Corpus, RunCollector
from segtool.text.symbols import LAT, MARK, NUM, tokenise

__all__ = [
    "WordList",
    "count_words",
    "frequency_lexicon",
    "learn",
    "list_words",
    "plain_words",
    "words_of_cuts",
    "words_with_counts",
]

LEAST_COUNT = 0.5
"""Count of a character that is never a word."""

GREATEST_COUNT = 1e15
"""Words of a list with a greater count are left out: it is no count."""


@dataclass(frozen=True)
class WordList:
    """The words of a list as a corpus: each word is a run, with a count."""

    corpus: Corpus
    counts: Floats
    left_out: list[str]
    """Words that are too long, hold a mark or a space (no word of a run does), or have no usable count."""


def list_words(entries: Iterable[tuple[str, float]], max_word_len: int, fold: bool = False) -> WordList:
    """Turn words with counts into a corpus, without those of more than `max_word_len` symbols.

    The counts of words that are the same in symbols add up.

    Raises
    ------
    CorpusError
        If no word remains.
    """
    collector = RunCollector()
    counts, left_out = [], []
    for word, count in entries:
        codes, _ = tokenise(word)
        if 0 < count <= GREATEST_COUNT and 0 < len(codes) <= max_word_len and np.all(codes > MARK):
            collector.add(word)
            counts.append(count)
        else:
            left_out.append(word)
    if not counts:
        raise CorpusError("the word list holds no word of up to --max-word-len symbols: pass `word count` lines")
    return WordList(Corpus([collector], fold), np.array(counts, np.float64), left_out)


def learn(
    corpus: Corpus, candidates: Candidates, settings: CandidateSettings, resources: Resources | None = None
) -> Learned:
    """Weigh the words of a list.

    Parameters
    ----------
    corpus : Corpus
        From :func:`list_words`.
    candidates : Candidates
        All n-grams of that corpus.
    settings : CandidateSettings
        Not used.
    resources : Resources
        With the counts of the runs.

    Raises
    ------
    UsageError
        If there are no counts.
    """
    if resources is None or resources.run_counts is None:
        raise UsageError("method dict: needs the counts of the words")
    units, nodes = candidate_trie(candidates)
    total = np.zeros(len(units) // 2)
    _add_counts(corpus.whole().stream, units, resources.run_counts, total)
    words = frequency_lexicon(total[nodes], len(candidates.codes))
    return Learned("lattice", words, words)


def words_of_cuts(
    corpus: Corpus, candidates: Candidates, learned: Learned, lm: LanguageModel | None = None, **parameters: Any
) -> Lexicon:
    """Cut a corpus with a decoder that was learned from it, and weigh the candidates by their share of all words.

    The words of `learned` are not used; the decoder reads `parameters` in the card of a model.
    """
    settings = {"max_word_len": len(candidates.levels), **parameters}
    card: dict[str, object] = {"decoder": learned.decoder, "parameters": settings}
    decoder = decoder_of(build_model(candidates, learned, card, lm=lm))
    runs = corpus.whole()
    counts = count_words(runs.stream, cut_runs(decoder, runs), candidates)
    return frequency_lexicon(counts, len(candidates.codes))


def count_words(
    stream: Ids,
    joined: npt.NDArray[np.bool_],
    candidates: Candidates,
    trie: tuple[Places, Places] | None = None,
) -> Floats:
    """Count how often each candidate is a word of a corpus that is cut.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        The corpus, as for :func:`segtool.ngrams.count.count_stream`.
    joined : ndarray of bool, shape (n,)
        Whether one word holds both each symbol and the next one.
    trie : tuple, optional
        From :func:`segtool.lexicon.trie.candidate_trie`, if the caller has it.
    """
    units, nodes = trie or candidate_trie(candidates)
    total = np.zeros(len(units) // 2, np.int64)
    _count_words(stream, units, joined, len(candidates.levels), total)
    return total[nodes].astype(np.float64)


def frequency_lexicon(counts: Floats, symbols: int) -> Lexicon:
    """Weigh candidates by their share of all counts.

    The first `symbols` candidates are the boundary and single characters, which are words in any case.
    """
    counts = np.concatenate([[0.0], np.maximum(counts[1:symbols], LEAST_COUNT), counts[symbols:]])
    at = np.flatnonzero(counts)
    expected = counts[at]
    weight = np.log(expected / expected.sum())
    return Lexicon(at, weight, expected, float(weight.min(initial=0.0)) - 1.0)


def words_with_counts(model: Model) -> Iterator[tuple[str, int]]:
    """Give the words of a model with their expected occurrences, at least 1, as a word list.

    Words with a number or a Latin run are left out, because each represents many words. Of a model with a dictionary,
    those are left out that never come out (:mod:`segtool.guideline.listing`), and literals are listed last.
    """
    for index in plain_words(model).tolist():
        yield model.spell(index), max(round(float(model.words["expected"][index])), 1)
    for word in literals_of(model):
        yield word, 1


def plain_words(model: Model) -> Integers:
    """Find the words of a model that come out and have neither a number nor a Latin run in them."""
    classes = np.searchsorted(model.symbols, [NUM, LAT])
    mixed = np.isin(model.words["symbols"], classes).any(axis=1)
    return np.flatnonzero(~mixed & listed_words(model)[0])


@kernel("void(u2[const], i4[const], b1[const], i8, i8[])")
def _count_words(stream, units, joined, max_len, total):  # type: ignore[no-untyped-def]
    """Count the stretches of joined symbols, each at its node; longer ones than `max_len` are left out."""
    i = 0
    while i < len(stream):
        if stream[i] == 0:
            i += 1
            continue
        end = i
        while joined[end] and stream[end + 1] != 0:
            end += 1
        length = end - i + 1
        if length <= max_len:
            node = np.int64(stream[i])
            k = 1
            while k < length:
                child = units[2 * node] + stream[i + k]
                if units[2 * child + 1] != node:
                    break
                node = child
                k += 1
            if k == length:
                total[node] += 1
        i = end + 1


@kernel("void(u2[const], i4[const], f8[const], f8[])")
def _add_counts(stream, units, counts, total):  # type: ignore[no-untyped-def]
    """Add each run's count at its node; every run is in the trie."""
    run = 0
    node = np.int64(0)
    for i in range(1, len(stream)):
        if stream[i] == 0:
            total[node] += counts[run]
            run += 1
            node = 0
        elif node == 0:
            node = np.int64(stream[i])
        else:
            node = np.int64(units[2 * node] + stream[i])
