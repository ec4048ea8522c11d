"""Display forms of words, where several characters count as one symbol (:mod:`segtool.text.folding`).

A symbol is displayed as the character that it most often is in the training text. A word is displayed in the
characters of its symbols, except in places where the word is more often written with another character: 皇后 in a text
that is full of 後.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.lexicon.trie import candidate_trie
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Integers, add_up_keys
from segtool.runtime.kernels import kernel
from segtool.store.model import SPELLING
from segtool.text.runs import Corpus

__all__ = ["odd_spellings"]

_CODE_BITS = 18
_PLACE_BITS = 4


def odd_spellings(runs: Corpus | None, candidates: Candidates, words: Integers) -> npt.NDArray[Any]:
    """Find the places where words are mostly written with another character than the display form of the symbol.

    Parameters
    ----------
    runs : Corpus, optional
        Without a corpus there are no such places.
    candidates : Candidates
        From this corpus.
    words : ndarray of int64, shape (words,)
        Places among the candidates.

    Returns
    -------
    structured ndarray
        See ``segtool.store.model.SPELLING``. Of equally frequent characters the display form wins, else the lower code
        point.
    """
    if runs is None or not runs.odd_symbols.any():
        return np.zeros(0, SPELLING)
    levels, odd = candidates.levels, runs.odd_symbols
    holds_odd = [odd[levels[0].symbol]]
    for level in levels[1:]:
        holds_odd.append(holds_odd[-1][level.parent] | odd[level.symbol])
    number = np.full(len(candidates) + 1, -1, np.int32)
    number[words] = np.where(np.concatenate(holds_odd)[words], np.arange(len(words)), -1)
    units, nodes = candidate_trie(candidates, number >= 0)
    word_of = np.full(len(units) // 2, -1, np.int32)
    word_of[nodes[nodes >= 0]] = number[nodes >= 0]
    keys, times = _count_odd(runs, (units, word_of, len(levels)))
    slots, first = np.unique(keys >> _CODE_BITS, return_index=True)
    if not len(slots):
        return np.zeros(0, SPELLING)
    # the most frequent character of each place; keys ascend by code point
    best = np.lexsort((keys, -times, keys >> _CODE_BITS))[first]
    out = np.zeros(len(slots), SPELLING)
    out["word"], out["place"] = slots >> _PLACE_BITS, slots & ((1 << _PLACE_BITS) - 1)
    out["code"] = keys[best] & ((1 << _CODE_BITS) - 1)
    counts = candidates.column("count")[words[out["word"]]]
    return out[times[best] > counts - np.add.reduceat(times, first)]


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
            held = [add_up_keys(held)]
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
