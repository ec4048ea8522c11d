"""Viterbi decoding: the cover of each run by words whose scores, with those of its gaps, add up to the most.

- A word of the lexicon has its log weight.
- A stretch of 2 to `unknown_len` symbols that is no word may be an unknown word, whose score is the sum of one
  for its first symbol, one for its last and one for each between them. A single symbol always is a word.
- A gap between two words of a run has a score by a small linear model, which looks at two symbols on either side,
  ``a b | c d``, and at the pairs ab, bc and cd. Its weights lie in the trie, where decoding comes by in any case: the
  last number of a unit is four signed bytes, in steps of `TAG_STEP`. A gap has byte 0 of a's node, 1 of b's, 2 of c's,
  3 of d's, and byte 0 of ab's node, 1 of bc's and 2 of cd's, as far as these are in the trie. Beyond the ends of a run
  is the boundary, symbol 0, which is in no pair. Byte 3 of pairs and longer words is free for a dictionary
  (:data:`segtool.guideline.extend.STRENGTHS`).
- The granularity, a constant, is added for each gap: more than 0 makes the words finer, less makes them coarser.

Scores are whole numbers of 1/65536 nat, so that sums are exact: the best cover does not depend on where decoding
began, and a stream can be decoded piece by piece. Of two covers of equal score the one whose last word is longer wins.

This module is plain Python, for short texts; :mod:`segtool.decode.utf8_kernel` is the same compiled.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

__all__ = [
    "FLIP",
    "FLIPPED",
    "GRANULARITY",
    "NO_WORD",
    "SHIFT",
    "SPLITS",
    "TAG_STEP",
    "WEIGHT_UNIT",
    "pairs_and_gaps",
    "run_lattice",
    "viterbi",
]

WEIGHT_UNIT = 1 << 16
"""Steps of weight in a nat."""

TAG_STEP = WEIGHT_UNIT // 16
"""Worth of 1 in a byte of the weights of gaps."""

NO_WORD = -(1 << 31)
"""Weight of a trie node that begins words but is none."""

GRANULARITY = 3
"""Place of the granularity in the array of spelling scores: the spare of the boundary, in steps."""

SPLITS = 7
"""Place in that array, for :func:`segtool.decode.utf8_kernel.cut_utf8`, of the place where the words that are split on
output begin in it, 0 if there are none: the spare of the next symbol."""

_NOTHING = -(1 << 62)
SHIFT = 32
"""A score times this, plus the length of the last word: of equal scores the longest word is the greatest."""

FLIP, FLIPPED = 0x80808080, 7 * 128
"""The first turns four signed bytes into numbers above -128; the second is what seven of these are too large by."""


def viterbi(
    symbols: Sequence[int], units: Sequence[int], spelling: Sequence[int], max_len: int, unknown_len: int
) -> list[int]:
    """Cut a run into words.

    Parameters
    ----------
    symbols : sequence of int
        Symbol ids.
    units : sequence of int, length 4 * nodes
        The trie: base, check, weight (in steps, ``NO_WORD`` for none) and four bytes of gap weights of each node.
    spelling : sequence of int, length 4 * symbols
        Score of each symbol as first, middle and last symbol of an unknown word, and a spare. The spare of symbol 0 is
        the granularity.
    max_len, unknown_len : int
        Longest word of the trie and longest unknown word, in symbols; below 2 no word is unknown.

    Returns
    -------
    list of int
        Length of each word.
    """
    size = len(symbols)
    pairs, gaps = pairs_and_gaps(symbols, units, spelling)
    best = [0] + [_NOTHING] * size
    for start, symbol in enumerate(symbols):
        score = SHIFT * (best[start] // SHIFT + gaps[start])
        best[start + 1] = max(best[start + 1], score + SHIFT * units[4 * symbol + 2] + 1)
        words = set()
        node = pairs[start]
        end = start + 2
        stop = min(size, start + max_len)
        while node != 0 and end <= stop:
            weight = units[4 * node + 2]
            if weight != NO_WORD:
                words.add(end)
                best[end] = max(best[end], score + SHIFT * weight + end - start)
            if end == stop:
                break
            child = units[4 * node] + symbols[end]
            node = child if units[4 * child + 1] == node else 0
            end += 1
        if unknown_len > 1:
            score += SHIFT * spelling[4 * symbol]
            for end in range(start + 2, min(size, start + unknown_len) + 1):
                last = 4 * symbols[end - 1]
                if end not in words:
                    best[end] = max(best[end], score + SHIFT * spelling[last + 2] + end - start)
                score += SHIFT * spelling[last + 1]
    lengths = []
    while size > 0:
        lengths.append(best[size] % SHIFT)
        size -= lengths[-1]
    return lengths[::-1]


def pairs_and_gaps(
    symbols: Sequence[int], units: Sequence[int], spelling: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Look up pairs and score gaps.

    Parameters
    ----------
    symbols, units, spelling
        As for :func:`viterbi`.

    Returns
    -------
    pairs : list of int
        Trie node of each symbol with the next one, 0 for none.
    gaps : list of int
        Score of the gap before each symbol, in steps; 0 for the first.
    """
    padded = [0, *symbols, 0]
    singles = [units[4 * symbol + 3] ^ FLIP for symbol in padded]
    nodes, pairs = [], []
    for symbol, following in itertools.pairwise(padded):
        child = units[4 * symbol] + following
        found = units[4 * child + 1] == symbol
        nodes.append(child if found else 0)
        pairs.append((units[4 * child + 3] if found else 0) ^ FLIP)
    gaps = [0]
    for i in range(len(symbols) - 1):
        total = (singles[i] & 255) + (singles[i + 1] >> 8 & 255) + (singles[i + 2] >> 16 & 255)
        total += (singles[i + 3] >> 24 & 255) + (pairs[i] & 255)
        total += (pairs[i + 1] >> 8 & 255) + (pairs[i + 2] >> 16 & 255)
        gaps.append(TAG_STEP * (total - FLIPPED) + spelling[GRANULARITY])
    return nodes[1:], gaps


def run_lattice(
    symbols: Sequence[int],
    pairs: Sequence[int],
    units: Sequence[int],
    spelling: Sequence[int],
    max_len: int,
    unknown_len: int,
) -> list[list[tuple[int, int, int]]]:
    """List all words that a cover of a run may have.

    Parameters
    ----------
    symbols, units, spelling, max_len, unknown_len
        As for :func:`viterbi`.
    pairs : sequence of int
        From :func:`pairs_and_gaps`.

    Returns
    -------
    list of list of (int, int, int)
        Those that begin with each symbol, by length: the symbol behind the last one; the score without the gap before
        the word, in steps; the trie node, 0 for an unknown word.
    """
    size = len(symbols)
    words = []
    for start, symbol in enumerate(symbols):
        found = {start + 1: (units[4 * symbol + 2], symbol)}
        spelled = spelling[4 * symbol]
        for end in range(start + 2, min(size, start + unknown_len) + 1):
            last = 4 * symbols[end - 1]
            found[end] = spelled + spelling[last + 2], 0
            spelled += spelling[last + 1]
        node = pairs[start]
        for end in range(start + 2, min(size, start + max_len) + 1):
            if node == 0:
                break
            if units[4 * node + 2] != NO_WORD:
                found[end] = units[4 * node + 2], node
            if end < size:
                child = units[4 * node] + symbols[end]
                node = child if units[4 * child + 1] == node else 0
        words.append([(end, *found[end]) for end in sorted(found)])
    return words
