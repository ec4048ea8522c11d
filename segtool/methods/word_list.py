"""Words with counts: made from a corpus that is cut, from a word list, and written as one.

Method ``dict`` cuts by maximum probability with a given word list: the weight of a word is the log of its
share of all counts. Methods that find words by other means (:mod:`segtool.methods.cohesion`,
:mod:`segtool.methods.tags`) count what they cut out of the corpus in the same form, so that every model can be listed
and exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError
from segtool.lexicon.learned import Lexicon
from segtool.lexicon.trie import candidate_trie
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import Candidates, score
from segtool.runtime.arrays import Floats, Ids
from segtool.runtime.kernels import kernel
from segtool.store.model import Model
from segtool.text.runs import ChunkedRuns, RunCollector
from segtool.text.symbols import LAT, MARK, NUM, class_table, code_points, symbolise

__all__ = ["count_words", "frequency_lexicon", "lexicon_of_list", "words_with_counts"]

LEAST_COUNT = 0.5
"""What a character that is never a word counts for."""

GREATEST_COUNT = 1e15
"""Words of a list with more than this are left out: it can be no count."""


def count_words(
    stream: Ids,
    joined: npt.NDArray[np.bool_],
    candidates: Candidates,
    trie: tuple[npt.NDArray[np.int32], list[npt.NDArray[np.int32]]] | None = None,
) -> list[Floats]:
    """Count the words of a corpus that has been cut.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        The corpus, as for :func:`segtool.ngrams.count.count_stream`.
    joined : ndarray of bool, shape (n,)
        Whether each symbol and the next one are of one word.
    candidates : Candidates
        Longer words, or words that are none of these, are left out.
    trie : tuple, optional
        What :func:`segtool.lexicon.em.candidate_trie` gave for them, where it is at hand.

    Returns
    -------
    list of ndarray of float64
        Occurrences of each candidate as a word, by length.
    """
    units, nodes = trie or candidate_trie(candidates)
    total = np.zeros(len(units) // 2, np.int64)
    _count_words(stream, units, joined, len(nodes), total)
    return [total[level].astype(np.float64) for level in nodes]


def frequency_lexicon(counts: list[Floats]) -> Lexicon:
    """Weigh words by their share of all counts.

    Parameters
    ----------
    counts : list of ndarray of float64
        Of the candidates as words, by length. Single characters are words in any case.

    Returns
    -------
    Lexicon
    """
    counts = [count.copy() for count in counts]
    counts[0] = np.maximum(counts[0], LEAST_COUNT)
    counts[0][0] = 0  # the boundary
    places = [np.flatnonzero(count) for count in counts]
    lengths = np.repeat(np.arange(1, len(counts) + 1), [len(at) for at in places])
    expected = np.concatenate([count[at] for count, at in zip(counts, places, strict=True)])
    weight = np.log(expected / expected.sum())
    return Lexicon(lengths, np.concatenate(places), weight, expected, float(weight.min(initial=0.0)) - 1.0)


def lexicon_of_list(
    entries: Iterable[tuple[str, float]], max_word_len: int, workers: int = 1, fold: bool = False
) -> tuple[Candidates, Lexicon, list[str], ChunkedRuns]:
    """Make a lexicon of a word list.

    Parameters
    ----------
    entries : iterable of (str, float)
        Words with counts; the counts of words that are the same in symbols add up.
    max_word_len : int
        Longer words, in symbols, are left out.
    workers : int
        Threads.
    fold : bool
        Whether characters that fold to one count as one.

    Returns
    -------
    candidates : Candidates
    lexicon : Lexicon
    left_out : list of str
        Words that are too long, or hold a mark or a space, which no word of a run can.
    runs : ChunkedRuns
        The other words, each a run.

    Raises
    ------
    CorpusError
        If no word remains.
    """
    collector = RunCollector()
    classes = np.frombuffer(class_table(), np.uint8)
    counts, left_out = [], []
    for word, count in entries:
        points = code_points(word)
        codes, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
        tokens = symbolise.compiled(points, classes, codes, starts)
        if 0 < count <= GREATEST_COUNT and 0 < tokens <= max_word_len and np.all(codes[:tokens] > MARK):
            collector.add(word)
            counts.append(count)
        else:
            left_out.append(word)
    if not counts:
        raise CorpusError("the word list holds no word of up to --max-word-len symbols: pass `word count` lines")
    runs = ChunkedRuns([collector], fold)
    whole = runs.whole()
    candidates = score(count_stream(whole.stream, whole.codes, max_word_len + 1, workers), max_word_len, 1, workers)
    units, nodes = candidate_trie(candidates)
    total = np.zeros(len(units) // 2)
    _add_counts(whole.stream, units, np.array(counts, np.float64), total)
    return candidates, frequency_lexicon([total[level] for level in nodes]), left_out, runs


def words_with_counts(model: Model) -> Iterator[tuple[str, int]]:
    """The words of a model with how often they are expected, at least once, as a word list.

    Words with a number or a Latin run in them stand for many and are left out.

    Parameters
    ----------
    model : Model

    Yields
    ------
    word : str
    count : int
    """
    classes = np.searchsorted(model.symbols, [NUM, LAT])
    spelled = model.words["symbols"]
    plain = ~np.isin(spelled, classes).any(axis=1)
    for index in np.flatnonzero(plain).tolist():
        yield model.spell(index), max(round(float(model.words["expected"][index])), 1)


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
