"""Display forms of words, where several characters count as one symbol (:mod:`segtool.text.folding`).

A symbol is displayed as the character that it most often is in the training text. A word is displayed in the
characters of its symbols, except in places where the word is more often written with another character: 皇后 in a text
that is full of 後.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.lexicon.learned import Lexicon
from segtool.lexicon.trie import candidate_trie
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Integers
from segtool.runtime.kernels import kernel
from segtool.store.model import SPELLING
from segtool.text.runs import Corpus

__all__ = ["odd_spellings"]

_CODE_BITS = 18
_PLACE_BITS = 4


def odd_spellings(runs: Corpus | None, candidates: Candidates, words: Lexicon) -> npt.NDArray[Any]:
    """Find the places where words are mostly written with another character than the display form of the symbol.

    Parameters
    ----------
    runs : Corpus, optional
        Without a corpus there are no such places.
    candidates : Candidates
        From this corpus.
    words : Lexicon
        Some of the candidates; only `level` and `place` are read.

    Returns
    -------
    structured ndarray
        See ``segtool.store.model.SPELLING``. Of equally frequent characters the display form wins, else the lower code
        point.
    """
    if runs is None or not runs.odd_symbols.any():
        return np.zeros(0, SPELLING)
    levels = candidates.levels
    numbers = [np.full(len(level), -1, np.int32) for level in levels]
    counts = np.zeros(len(words.level), np.int64)
    odd = runs.odd_symbols
    holds_odd = odd[levels[0].symbol]
    for k, level in enumerate(levels, 1):
        if k > 1:
            holds_odd = holds_odd[level.parent] | odd[level.symbol]
        row = np.flatnonzero(words.level == k)
        counts[row] = level.count[words.place[row]]
        row = row[holds_odd[words.place[row]]]
        numbers[k - 1][words.place[row]] = row
    units, nodes = candidate_trie(candidates, np.concatenate(numbers) >= 0)
    word_of = np.full(len(units) // 2, -1, np.int32)
    for node, number in zip(nodes, numbers, strict=True):
        word_of[node[node >= 0]] = number[node >= 0]
    keys, times = _count_odd(runs, (units, word_of, len(levels)))
    slots, first = np.unique(keys >> _CODE_BITS, return_index=True)
    if not len(slots):
        return np.zeros(0, SPELLING)
    # the most frequent character of each place; keys ascend by code point
    best = np.lexsort((keys, -times, keys >> _CODE_BITS))[first]
    out = np.zeros(len(slots), SPELLING)
    out["word"], out["place"] = slots >> _PLACE_BITS, slots & ((1 << _PLACE_BITS) - 1)
    out["code"] = keys[best] & ((1 << _CODE_BITS) - 1)
    return out[times[best] > counts[out["word"]] - np.add.reduceat(times, first)]


def _count_odd(runs: Corpus, tables: tuple[Any, ...]) -> tuple[Integers, Integers]:
    """Find the odd characters in words of all chunks, as numbers (:func:`_find_odd`), and count each."""
    held: list[tuple[Integers, Integers]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for i in range(len(runs)):
        chunk = runs.chunk(i)
        places, codes = chunk.odd()
        inputs = chunk.stream, places, codes.astype(np.int64), *tables
        found = np.empty(_find_odd(*inputs, np.empty(0, np.int64)), np.int64)
        _find_odd(*inputs, found)
        held.append(np.unique(found, return_counts=True))
        # merging when as much has been added as there was keeps the cost in proportion to the text
        if i == len(runs) - 1 or sum(len(keys) for keys, _ in held[1:]) > max(len(held[0][0]), 1 << 20):
            keys, place = np.unique(np.concatenate([keys for keys, _ in held]), return_inverse=True)
            times = np.zeros(len(keys), np.int64)
            np.add.at(times, place, np.concatenate([times for _, times in held]))
            held = [(keys, times)]
    return held[0]


@kernel("i8(u2[const], i8[const], i8[const], i4[const], i4[const], i8, i8[])")
def _find_odd(stream, places, codes, units, word_of, max_len, found):  # type: ignore[no-untyped-def]
    """Write word, place in it and character of every odd character in every occurrence of a word, as one number.

    Returns how many there are, even if `found` is too short for them.
    """
    size = 0
    for i in range(len(places)):
        at = places[i]
        start = at
        while start > at - max_len and stream[start] != 0:
            node = np.int64(stream[start])
            end = start
            while True:
                if end >= at and word_of[node] >= 0:
                    if size < len(found):
                        word = np.int64(word_of[node])
                        found[size] = ((word << _PLACE_BITS) + at - start << _CODE_BITS) + codes[i]
                    size += 1
                end += 1
                if end - start >= max_len or stream[end] == 0:
                    break
                child = np.int64(units[2 * node]) + stream[end]
                if units[2 * child + 1] != node:
                    break
                node = child
            start -= 1
    return size
