"""A double-array trie: n-grams of symbol ids to nodes, one memory access per symbol.

Node ``n`` has base ``b(n)``; its child by symbol ``s`` is node ``b(n) + s`` if that node's check says
``n`` (Aoe 1989). A one-symbol n-gram is the node with the number of its symbol; a node without
children has base 0, where no check can agree. Nodes with many children are placed first, each at the
lowest base that fits, so that the array stays dense and the same n-grams give the same array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Ids, Integers, Places
from segtool.runtime.kernels import kernel

__all__ = ["build_trie", "candidate_trie", "word_nodes"]

PATIENCE = 256
"""Free nodes that may be tried in vain before the search for room skips them for good."""


def build_trie(
    symbols: Sequence[Ids],
    parents: Sequence[npt.NDArray[np.int32]],
    wanted: Sequence[npt.NDArray[np.bool_]],
    patience: int = PATIENCE,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], list[npt.NDArray[np.int32]]]:
    """Lay out n-grams, and all n-grams that they begin with.

    Parameters
    ----------
    symbols : sequence of ndarray of uint16
        ``symbols[k - 1]``: last symbol id of each k-gram, in lexicographic order;
        ``symbols[0]`` is 0, 1, 2, … without a gap.
    parents : sequence of ndarray of int32
        ``parents[k - 1]``: place of each k-gram without its last symbol, one level before.
    wanted : sequence of ndarray of bool
        ``wanted[k - 1]``: which k-grams to lay out; single symbols always are.
    patience : int
        Free nodes that may be tried in vain before the search skips them for all families of this size or larger. More
        patience makes a smaller array and takes longer.

    Returns
    -------
    base, check : ndarray of int32, shape (nodes,)
        The double array; ``base[n] + s`` is inside it for every node n and symbol s. A check is -1 in
        a free node, -2 in the node of a single symbol.
    nodes : list of ndarray of int32
        ``nodes[k - 1]``: node of each k-gram, -1 for n-grams that are not laid out.
    """
    present = [mask.copy() for mask in wanted]
    for k in range(len(present) - 1, 0, -1):
        present[k - 1][parents[k][present[k]]] = True
    present[0][:] = True
    alphabet = len(symbols[0])
    offsets = np.concatenate([[0], np.cumsum([np.count_nonzero(mask) for mask in present])]).astype(np.int32)
    place = [offsets[k] + np.cumsum(mask, dtype=np.int32) - 1 for k, mask in enumerate(present)]
    owner = [place[k - 1][parents[k][present[k]]] for k in range(1, len(present))]
    children = np.concatenate([np.zeros(0, np.int32), *owner])
    fanout = np.bincount(children, minlength=offsets[-1]).astype(np.int64, copy=False)
    del children
    smallness = (65535 - fanout).astype(np.uint16)  # short integers are sorted fast
    order = np.argsort(smallness, kind="stable")[: np.count_nonzero(fanout)]
    symbol = np.concatenate([level[mask] for level, mask in zip(symbols, present, strict=True)])
    first_child = alphabet + np.cumsum(fanout) - fanout  # siblings are neighbours, level by level
    room = 2 * alphabet + int(offsets[-1]) * 5 // 2
    used = -1
    while used < 0:
        check = np.full(room, -1, np.int32)
        check[:alphabet] = -2
        family_base = np.zeros(offsets[-1], np.int64)
        used = _place(symbol, first_child, fanout, order, alphabet, patience, check, family_base)
        room *= 2
    node = np.arange(offsets[-1], dtype=np.int32)
    for k in range(1, len(present)):
        level = slice(offsets[k], offsets[k + 1])
        node[level] = family_base[owner[k - 1]] + symbol[level]
        check[node[level]] = node[owner[k - 1]]
    check = np.concatenate([check[:used], np.full(alphabet, -1, np.int32)])  # room for base[n] + any symbol
    base = np.zeros(len(check), np.int32)
    base[node] = family_base
    nodes = []
    for k, mask in enumerate(present):
        nodes.append(np.full(len(mask), -1, np.int32))
        nodes[k][mask] = node[offsets[k] : offsets[k + 1]]
    return base, check, nodes


def candidate_trie(candidates: Candidates, alive: npt.NDArray[np.bool_] | None = None) -> tuple[Places, Places]:
    """Build the trie of all candidates, or of those that are `alive`.

    Returns
    -------
    units : ndarray of int32, shape (2 * nodes,)
        Base and check of each node in turn.
    nodes : ndarray of int32, shape (candidates,)
        Node of each candidate, -1 for one that is not laid out.
    """
    levels = candidates.levels
    if alive is None:
        alive = np.ones(len(candidates) + 1, np.bool_)
    base, check, nodes = build_trie(
        [level.symbol for level in levels],
        [level.parent for level in levels],
        candidates.split(alive),
    )
    return np.column_stack([base, check]).ravel(), np.concatenate(nodes)


def word_nodes(units: npt.NDArray[Any], rows: Ids, lengths: npt.NDArray[Any]) -> Integers:
    """Find the nodes of words that are in a trie.

    Parameters
    ----------
    units : ndarray of int32, shape (nodes, any)
        The first column holds the base of each node.
    rows : ndarray of uint16, shape (words, longest)
        Symbol ids of each word.
    lengths : ndarray of int, shape (words,)

    Returns
    -------
    ndarray of int64, shape (words,)
    """
    node = rows[:, 0].astype(np.int64)
    for k in range(1, rows.shape[1]):
        longer = lengths > k
        node[longer] = units[node[longer], 0] + rows[longer, k]
    return node


@kernel("i8(u2[const], i8[const], i8[const], i8[const], i8, i8, i4[], i8[])")
def _place(symbol, first_child, fanout, order, alphabet, patience, check, places):  # type: ignore[no-untyped-def]
    """Give each family of siblings a base; used nodes get check -3. Returns their number, or -1 if room is short."""
    end = alphabet
    start = alphabet
    limit = len(check) - alphabet
    large = np.int64(1) << 62
    for owner in order:
        first, children = first_child[owner], fanout[owner]
        if 2 * children <= large:
            large = children
            start = alphabet  # smaller families fit where larger ones did not
        at = start
        passed = 0
        while True:
            while at < limit and check[at] != -1:
                at += 1
            if at >= limit:
                return -1
            base = at - symbol[first]
            fits = base > 0
            if fits:
                for i in range(first + 1, first + children):
                    if check[base + symbol[i]] != -1:
                        fits = False
                        break
            if fits:
                break
            at += 1
            passed += 1
        for i in range(first, first + children):
            check[base + symbol[i]] = -3
            end = max(end, base + symbol[i] + 1)
        places[owner] = base
        if 20 * passed < at - start or passed > patience:
            start = at  # hardly any node before is free
    return end
