"""Cutting by a character language model: each symbol gets a tag by its place in the word.

The tags are ``b`` first, ``c`` second, ``d`` third, ``e`` later. A tag scores the log probability of its symbol behind
the symbols of the word so far, of which the language model sees the last three; a move from one tag to the next has a
weight. Viterbi's algorithm finds the best sequence (:mod:`segtool.methods.tags` says more).

Scores are whole numbers of 1/65536 nat, as in :mod:`segtool.decode.viterbi`, so that sums are exact.
"""

from __future__ import annotations

import math

import numpy as np

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lm.language_model import advance
from segtool.runtime.arrays import Integers
from segtool.runtime.kernels import kernel
from segtool.settings import MOVES, check_moves
from segtool.text.symbols import MARK, NUM, SPACE

__all__ = ["cut_by_tags", "move_scores", "score_tags"]

TAGS = "bcde"
NEVER = -(1 << 60)
"""Score of a tag or a move that cannot be."""


def move_scores(weights: tuple[float, ...]) -> Integers:
    """Log weights of the moves as a table.

    Parameters
    ----------
    weights : tuple of float
        In the order of :data:`segtool.settings.MOVES`; 0 forbids a move.

    Returns
    -------
    ndarray of int64, shape (16,)
        In steps of 1/65536 nat; entry 4 x + y is the move from tag x to tag y.

    Raises
    ------
    UsageError
        If there are not eight, or one is negative, or no word can end.
    """
    check_moves(weights)
    out = np.full(16, NEVER, np.int64)
    for move, weight in zip(MOVES, weights, strict=True):
        if weight > 0:
            out[4 * TAGS.index(move[0]) + TAGS.index(move[1])] = round(math.log(weight) * WEIGHT_UNIT)
    return out


@kernel("void(i4[const], i8, u2[const], u2[const], i4[const], i4[const], f4[const], f4[const], i8[])")
def score_tags(codes, tokens, ids, symbols, first_child, suffix, log10_probability, log10_backoff, scores):  # type: ignore[no-untyped-def]
    """Score the tags of every symbol.

    Parameters
    ----------
    codes : int32[tokens or more]
        See :func:`segtool.decode.viterbi.viterbi`.
    tokens : int
    ids : uint16[0x40000]
        Symbol id of each code, in the language model.
    symbols, first_child, suffix, log10_probability, log10_backoff
        See :class:`segtool.lm.language_model.LanguageModel`.
    scores : int64[4 * tokens + 8 or more], written
        Entry 8 + 4 i + y is the score of tag y at token i, in steps; tags that the run is too short for score 0.
    """
    unit = WEIGHT_UNIT * np.log(10.0)
    after_1, after_2, after_3 = np.int64(-1), np.int64(-1), np.int64(-1)  # contexts: words of 1, 2, 3 symbols so far
    for i in range(tokens):
        if codes[i] <= MARK:
            after_1, after_2, after_3 = np.int64(-1), np.int64(-1), np.int64(-1)
            continue
        symbol = np.int64(ids[codes[i]])
        score_b, now_1 = advance(-1, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
        score_c, now_2 = 0.0, np.int64(-1)
        score_d, now_3 = 0.0, np.int64(-1)
        score_e = 0.0
        if after_1 >= 0:
            score_c, now_2 = advance(after_1, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
        if after_2 >= 0:
            score_d, now_3 = advance(after_2, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
        if after_3 >= 0:
            score_e, _ = advance(after_3, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
        after_1, after_2, after_3 = now_1, now_2, now_3
        at = 8 + 4 * i
        scores[at] = np.int64(np.rint(score_b * unit))
        scores[at + 1] = np.int64(np.rint(score_c * unit))
        scores[at + 2] = np.int64(np.rint(score_d * unit))
        scores[at + 3] = np.int64(np.rint(score_e * unit))


@kernel("(i8,i8)(i4[const], i4[const], i8, b1, i8[const], i8[], i4[], i4[], i4[])")
def cut_by_tags(codes, starts, tokens, final, moves, scores, back, word_starts, word_ends):  # type: ignore[no-untyped-def]
    """Cut tokens into words; parameters and result as for :func:`segtool.decode.viterbi.viterbi`.

    Parameters
    ----------
    moves : int64[16]
        From :func:`move_scores`.
    scores : int64[4 * tokens + 8 or more]
        From :func:`score_tags`; the first eight are scratch: the best scores of the tags of a symbol and of the next.
    back : int32[tokens + 2 or more]
        Scratch: the tags that the four tags of each symbol come from, two bits each.
    """
    words = 0
    certain = tokens
    if not final:
        certain -= 1
        if tokens > 1 and codes[tokens - 2] == NUM:
            certain -= 1
    consumed = starts[tokens] if final else (starts[certain] if certain >= 0 else 0)
    i = 0
    while i < certain:
        if codes[i] <= MARK:
            if codes[i] != SPACE:
                word_starts[words] = starts[i]
                word_ends[words] = starts[i + 1]
                words += 1
            i += 1
            continue
        length = 0
        while i + length < certain and codes[i + length] > MARK:
            length += 1
        scores[0] = 0
        scores[1], scores[2], scores[3] = NEVER, NEVER, NEVER
        for j in range(length):
            packed = 0
            for tag in range(4):
                node = scores[8 + 4 * (i + j) + tag]
                top, source = np.int64(NEVER), 0
                if j == 0:
                    top = np.int64(0) if tag == 0 else np.int64(NEVER)
                elif tag <= j:
                    # of equal ways, the one whose last word is longest
                    for before in range(3, -1, -1):
                        way = scores[before] + moves[4 * before + tag]
                        if moves[4 * before + tag] > NEVER and scores[before] > NEVER // 2 and way > top:
                            top, source = way, before
                scores[4 + tag] = top + node if top > NEVER // 2 else np.int64(NEVER)
                packed |= source << (2 * tag)
            scores[0], scores[1], scores[2], scores[3] = scores[4], scores[5], scores[6], scores[7]
            back[j] = packed
        settled = length
        if i + length == certain and not final:
            # the tags may still change: go back until all four come from one, at the begin of a word
            alive = 0
            for tag in range(4):
                if scores[tag] > NEVER // 2:
                    alive |= 1 << tag
            j = length - 1
            settled = 0
            while j > 0:
                if alive == 1:
                    settled = j  # every way begins a word here
                    break
                sources = 0
                for tag in range(4):
                    if alive >> tag & 1:
                        sources |= 1 << (back[j] >> (2 * tag) & 3)
                alive = sources
                j -= 1
            consumed = starts[i + settled]
        tag = 0
        if settled == length:
            for other in range(1, 4):
                if scores[other] >= scores[tag]:  # of equal ways, the longest last word
                    tag = other
        else:
            tag = back[settled] & 3  # where the word that begins there comes from
        end = settled
        first = words
        for j in range(settled - 1, -1, -1):  # back to front, then turned round
            if tag == 0:
                word_starts[words] = starts[i + j]
                word_ends[words] = starts[i + end]
                words += 1
                end = j
            tag = back[j] >> (2 * tag) & 3
        low, high = first, words - 1
        while low < high:
            word_starts[low], word_starts[high] = word_starts[high], word_starts[low]
            word_ends[low], word_ends[high] = word_ends[high], word_ends[low]
            low += 1
            high -= 1
        i += length
    return words, consumed
