"""A trie of a few words, whose nodes are linked lists of children."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from segtool.runtime.arrays import Places

__all__ = ["linked_trie"]


def linked_trie(words: Iterable[Sequence[int]], values: Iterable[int], alphabet: int) -> Places:
    """Build a trie.

    Parameters
    ----------
    words : iterable of sequence of int
        Symbols from 1 to `alphabet` - 1. No word is empty.
    values : iterable of int
        Value of each word, other than 0.
    alphabet : int

    Returns
    -------
    ndarray of int32, shape (4 * nodes,)
        Symbol, first child, next sibling and value of each node, 0 for none. The number of a node of one symbol is that
        symbol.
    """
    units = [[symbol, 0, 0, 0] for symbol in range(alphabet)]
    children: dict[tuple[int, int], int] = {}
    for word, value in zip(words, values, strict=True):
        node = word[0]
        for symbol in word[1:]:
            child = children.get((node, symbol))
            if child is None:
                child = children[node, symbol] = len(units)
                units.append([symbol, 0, units[node][1], 0])
                units[node][1] = child
            node = child
        units[node][3] = value
    return np.array(units, np.int32).ravel()
