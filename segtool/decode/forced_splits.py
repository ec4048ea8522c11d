"""Words that come out as their parts (:mod:`segtool.guideline.dictionary`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtool.decode.block import BEGINS, ROWS
from segtool.decode.linked_trie import linked_trie
from segtool.runtime.arrays import Ids, Places
from segtool.runtime.kernels import kernel
from segtool.text.symbols import C_HAN, class_table

__all__ = ["split_lengths", "split_trie", "split_words"]


def split_lengths(splits: Sequence[str], ids: Ids) -> dict[tuple[int, ...], list[int]]:
    """Symbols of words and the lengths of their parts.

    Parameters
    ----------
    splits : sequence of str
        Folded words of Han characters with ``|`` between their parts.
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.

    Returns
    -------
    dict of tuple of int to list of int
    """
    classes, found = class_table(), {}
    for word in splits:
        parts = [[int(ids[ord(c)]) for c in part if classes[ord(c)] == C_HAN] for part in word.split("|")]
        found[tuple(symbol for part in parts for symbol in part)] = list(map(len, parts))
    return found


def split_trie(lengths: dict[tuple[int, ...], list[int]], symbols: int) -> Places:
    """Lay out words for :func:`split_words`.

    Parameters
    ----------
    lengths : dict
        From :func:`split_lengths`.
    symbols : int
        Number of symbol ids.

    Returns
    -------
    ndarray of int32, shape (4 * nodes,)
        See :func:`segtool.decode.linked_trie.linked_trie`; a value has the bits of the places in the word where a part
        begins.
    """
    bits = [sum(1 << sum(parts[:i]) for i in range(1, len(parts))) for parts in lengths.values()]
    return linked_trie(lengths, bits, symbols)


@kernel("void(i8, i4[const], i4[])")
def split_words(settled, units, places):  # type: ignore[no-untyped-def]
    """Mark where the parts of words begin, in a block whose words are marked.

    Parameters
    ----------
    settled : int
        Tokens of the block that are settled.
    units : int32[4 * nodes]
        From :func:`split_trie`.
    places : int32[ROWS * row], read and written
        See :func:`segtool.decode.token_reader.read_tokens`.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    start = 1
    while start < settled:
        # in a word that is not split, the last symbol of a word, or a symbol that begins no split word
        passed = (begins[start] == 0) | (begins[start + 1] != 0) | (units[4 * symbols[start] + 1] == 0)
        end = start + 1
        if passed:
            start = end
            continue
        while end <= settled and begins[end] == 0:
            end += 1
        node = np.int64(symbols[start])
        for t in range(start + 1, end):
            node = np.int64(units[4 * node + 1])
            while node != 0 and units[4 * node] != symbols[t]:
                node = np.int64(units[4 * node + 2])
            if node == 0:
                break
        parts = units[4 * node + 3]
        for i in range(1, end - start):
            if parts >> i & 1:
                begins[start + i] = 1
        start = end
