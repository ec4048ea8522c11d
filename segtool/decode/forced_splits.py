"""Words that come out as their parts (:mod:`segtool.guideline.dictionary`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtool.decode.block import BEGINS, ROWS
from segtool.lexicon.trie import word_trie
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
    ndarray of int32, shape (3 * nodes,)
        Base, check, and the bits of the places in the word where a part begins.
    """
    base, check, nodes = word_trie(lengths, symbols)
    units = np.column_stack([base, check, np.zeros_like(base)])
    for node, parts in zip(nodes, lengths.values(), strict=True):
        units[node, 2] = sum(1 << sum(parts[:i]) for i in range(1, len(parts)))
    return units.astype(np.int32).ravel()


@kernel("void(i8, i4[const], i4[])")
def split_words(settled, units, places):  # type: ignore[no-untyped-def]
    """Mark where the parts of words begin, in a block whose words are marked.

    Parameters
    ----------
    settled : int
        Tokens of the block that are settled.
    units : int32[3 * nodes]
        From :func:`split_trie`.
    places : int32[ROWS * row], read and written
        See :func:`segtool.decode.block.read_tokens`.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    start = 1
    while start <= settled:
        end = start + 1
        while end <= settled and begins[end] == 0:
            end += 1
        node = np.int64(symbols[start])
        for t in range(start + 1, end):
            child = np.int64(units[3 * node]) + np.int64(symbols[t])
            if units[3 * child + 1] != node:
                node = 0
                break
            node = child
        parts = units[3 * node + 2]
        for i in range(1, end - start):
            if parts >> i & 1:
                begins[start + i] = 1
        start = end
