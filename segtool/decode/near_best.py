"""Words of covers that are nearly the best, for search.

The loss of a word is the score of the best cover of a run minus that of the best cover with the word in it (a
max-marginal): one pass forward and one backward give it for all words of the lattice. An *entry* is a word that loses
no more than a limit and crosses no word of the best cover: it lies within one, or consists of whole ones. The words of
the best cover are the *primary* entries.

Scores are those of :mod:`segtool.decode.viterbi`, whole numbers, so that losses are exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Sequence

import numpy as np

from segtool.decode.block import BACKS, BEGINS, ROWS
from segtool.decode.characters import CHARACTERS, RULES
from segtool.decode.utf8_kernel import BARRED, GAPS, LONG, NO_SCORE, UNROLLED, cover
from segtool.decode.viterbi import SHIFT, pairs_and_gaps, run_lattice
from segtool.decode.word_rules import apply_number_rules, hold_number
from segtool.limits import LONGEST_WORD
from segtool.runtime.kernels import kernel

__all__ = ["ENTRY_SHIFT", "LENGTH_MASK", "bar_splits", "cover_entries", "list_entries", "plain_entries"]

ENTRY_SHIFT = 6
"""An entry is its first token times two to this, plus twice its length in tokens, plus 1 if it is primary."""
LENGTH_MASK = 31


@kernel("(i8,i8)(i8, i8, i8, u2[const], i4[const], i4[const], i4[], i8[], i8[])")
def cover_entries(tokens, certain, within, characters, units, spelling, places, scores, entries):  # type: ignore[no-untyped-def]
    """Find the words of a block and the entries for search.

    Parameters
    ----------
    tokens, certain, characters, units, spelling, places, scores
        As for :func:`segtool.decode.utf8_kernel.cover`.
    within : int
        Greatest loss, in steps.
    entries : int64[LONGEST_WORD * tokens], written
        By first token, then by length; tokens count from 1.

    Returns
    -------
    settled : int
        As from `cover`. Only covers with a gap behind the last settled token count.
    count : int
        Number of entries.
    """
    settled = cover(tokens, certain, characters, units, spelling, places, scores)
    settled = hold_number(tokens, settled, characters[RULES:], places)
    apply_number_rules(settled, characters[RULES:], places)
    return settled, list_entries(settled, within, characters, places, scores, entries)


@kernel("i8(i8, i8, u2[const], i4[], i8[], i8[])")
def list_entries(settled, within, characters, places, scores, entries):  # type: ignore[no-untyped-def]
    """Find the entries of a block whose words are marked.

    Parameters
    ----------
    settled : int
        Tokens that are settled; there is a gap behind the last of them.
    within, characters, places, scores, entries
        As for :func:`cover_entries`.

    Returns
    -------
    int
        Number of entries.
    """
    row = len(places) // ROWS
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    words = places[BACKS * row : (BACKS + 1) * row]  # the lengths there are not needed any more
    gaps = places[GAPS * row : (GAPS + 1) * row]
    forward = scores[LONGEST_WORD * row : (LONGEST_WORD + 1) * row]
    backward = scores[(LONGEST_WORD + 1) * row : (LONGEST_WORD + 2) * row]
    max_len = np.int64(characters[CHARACTERS + 2])
    unknown_len = np.int64(characters[CHARACTERS + 3])
    longest = max(max_len, unknown_len, 1)
    for k in range(max(unknown_len, UNROLLED) + 1, max_len + 1):
        for t in range(1, settled - k + 2):
            if places[LONG * row + t + k - 1] >> k & 1 == 0:
                scores[(k - 1) * row + t] = NO_SCORE
    begins[settled + 1] = 1
    words[0] = 0
    for t in range(1, settled + 1):
        words[t] = words[t - 1] + begins[t]
        forward[t] = backward[t] = NO_SCORE
    forward[0] = backward[settled] = 0
    for t in range(1, settled + 1):
        before = forward[t - 1] + gaps[t]
        for k in range(1, min(longest, settled - t + 1) + 1):
            score = scores[(k - 1) * row + t]
            if score > BARRED // 2:
                forward[t + k - 1] = max(forward[t + k - 1], before + score // SHIFT)
    count = 0
    for t in range(settled, 0, -1):
        best = np.int64(NO_SCORE)
        for k in range(1, min(longest, settled - t + 1) + 1):
            score = scores[(k - 1) * row + t]
            if score > BARRED // 2:
                best = max(best, score // SHIFT + backward[t + k - 1])
        backward[t - 1] = best + gaps[t]
    least = forward[settled] - within
    for t in range(1, settled + 1):
        before = forward[t - 1] + gaps[t]
        for k in range(1, min(longest, settled - t + 1) + 1):
            end = t + k - 1
            score = scores[(k - 1) * row + t]
            whole = begins[t] != 0 and begins[end + 1] != 0
            inside = words[t] == words[end]
            near = score > BARRED // 2 and before + score // SHIFT + backward[end] >= least
            if (whole and inside) or (near and (whole or inside)):
                entries[count] = (t << ENTRY_SHIFT) + 2 * k + np.int64(whole and inside)
                count += 1
    return count


@kernel("void(i8, i4[const], i4[], i8[])")
def bar_splits(settled, units, places, scores):  # type: ignore[no-untyped-def]
    """Remove the words that come out as their parts from the scores of a block.

    Parameters
    ----------
    settled, units, places
        As for :func:`segtool.decode.forced_splits.split_words`.
    scores : int64[LANES * row], read and written
        See :func:`segtool.decode.utf8_kernel.cover`.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    for start in range(1, settled + 1):
        node = np.int64(symbols[start])
        end = start + 1
        while node != 0 and end <= settled:
            node = np.int64(units[4 * node + 1])
            while node != 0 and units[4 * node] != symbols[end]:
                node = np.int64(units[4 * node + 2])
            if node != 0 and units[4 * node + 3] != 0:
                scores[(end - start) * row + start] = NO_SCORE
            end += 1


def plain_entries(
    symbols: Sequence[int],
    lengths: Sequence[int],
    units: Sequence[int],
    spelling: Sequence[int],
    max_len: int,
    unknown_len: int,
    within: int,
    splits: Container[tuple[int, ...]] = (),
) -> list[tuple[int, int, bool]]:
    """Find the entries of a run in plain Python.

    Parameters
    ----------
    symbols, units, spelling, max_len, unknown_len
        As for :func:`segtool.decode.viterbi.viterbi`.
    lengths : sequence of int
        Its result.
    within : int
        Greatest loss, in steps.
    splits : container of tuple of int
        Words that always come out as their parts.

    Returns
    -------
    list of (int, int, bool)
        First symbol, symbol behind the last one, and whether it is primary; by start, then by length.
    """
    size = len(symbols)
    pairs, gaps = pairs_and_gaps(symbols, units, spelling)
    words = run_lattice(symbols, pairs, units, spelling, max_len, unknown_len)
    edges = [
        {end: gaps[start] + score for end, score, _ in found if tuple(symbols[start:end]) not in splits}
        for start, found in enumerate(words)
    ]
    backward = [0] * (size + 1)
    for start in range(size - 1, -1, -1):
        backward[start] = max(score + backward[end] for end, score in edges[start].items())
    forward = [0] + [NO_SCORE] * size
    for start in range(size):
        for end, score in edges[start].items():
            forward[end] = max(forward[end], forward[start] + score)
    borders = [0, *itertools.accumulate(lengths)]
    word = [i for i, length in enumerate(lengths) for _ in range(length)]
    longest = max(max_len, unknown_len, 1)
    entries = []
    for start in range(size):
        for end in range(start + 1, min(size, start + longest) + 1):
            whole = start in borders and end in borders
            inside = word[start] == word[end - 1]
            score = edges[start].get(end, NO_SCORE)
            near = score > BARRED and forward[start] + score + backward[end] >= backward[0] - within
            if (whole and inside) or (near and (whole or inside)):
                entries.append((start, end, whole and inside))
    return entries
