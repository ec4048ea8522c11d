"""Cutting between all neighbours that are no pair of a trie (method ``cohesion`` of 2015), compiled."""

from __future__ import annotations

import numpy as np

from segtool.decode.block import BEGINS, ROWS, SYMBOLS
from segtool.decode.viterbi import NO_WORD
from segtool.runtime.kernels import kernel

__all__ = ["cover_pairs"]


@kernel("i8(i8, i8, i4[const], i4[])")
def cover_pairs(tokens, certain, units, places):  # type: ignore[no-untyped-def]
    """Cut between all neighbours of a run that are no pair of the trie.

    Parameters and result are those of :func:`segtool.decode.utf8_kernel.cover`.
    """
    row = len(places) // ROWS
    symbols = places[SYMBOLS * row : (SYMBOLS + 1) * row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    for t in range(1, certain + 1):
        first, second = np.int64(symbols[t - 1]), np.int64(symbols[t])
        child = np.int64(units[4 * first]) + second
        joins = t > 1 and first != 0 and second != 0 and units[4 * first] != 0
        joins = joins and units[4 * child + 1] == first and units[4 * child + 2] != NO_WORD
        begins[t] = not joins
    settled = certain
    if 0 < certain < tokens and symbols[certain] != 0:
        while begins[settled] == 0:  # the word may go on
            settled -= 1
        settled -= 1
    return settled
