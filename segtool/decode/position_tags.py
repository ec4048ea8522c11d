"""Cutting by a character language model: each symbol gets a tag by its place in the word.

The tags are ``b`` first, ``c`` second, ``d`` third, ``e`` later. A tag scores the log probability of its symbol behind
the symbols of the word so far, of which the language model sees the last three; a move from one tag to the next has a
weight. Viterbi's algorithm finds the best sequence (:mod:`segtool.methods.tags` says more).

Scores are whole numbers of 1/65536 nat, as in :mod:`segtool.decode.viterbi`, so that sums are exact.
"""

from __future__ import annotations

import math

import numpy as np

from segtool.decode.block import BACKS, BEGINS, ROWS, SYMBOLS, Scratch
from segtool.decode.decoder import Decoder
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import ModelError
from segtool.lm.language_model import LanguageModel, advance
from segtool.runtime.arrays import Integers
from segtool.runtime.kernels import kernel
from segtool.settings import MOVES, check_moves, settings_of
from segtool.store.model import LM_FOLDER, Model

__all__ = ["TagDecoder", "cover_tags", "move_scores"]

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


@kernel("i8(i8, i8, u2[const], i4[const], i4[const], f4[const], f4[const], i8[const], i4[], i8[])")
def cover_tags(  # type: ignore[no-untyped-def]
    tokens, certain, symbols, first_child, suffix, log10_probability, log10_backoff, moves, places, scores
):
    """Find the words of a block, as :func:`segtool.decode.utf8_kernel.cover` does.

    Parameters
    ----------
    symbols, first_child, suffix, log10_probability, log10_backoff
        See :class:`segtool.lm.language_model.LanguageModel`.
    moves : int64[16]
        From :func:`move_scores`.
    """
    row = len(places) // ROWS
    ids = places[SYMBOLS * row : (SYMBOLS + 1) * row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    back = places[BACKS * row : (BACKS + 1) * row]  # the tags that the four tags come from, two bits each
    best = scores[:8]
    unit = WEIGHT_UNIT * np.log(10.0)
    settled = certain
    first = 1
    while first <= certain:
        if ids[first] == 0:
            begins[first] = 1
            first += 1
            continue
        # after_y: what the language model knows of a word that has y symbols so far
        after_1, after_2, after_3 = np.int64(-1), np.int64(-1), np.int64(-1)
        best[0] = 0
        best[1], best[2], best[3] = NEVER, NEVER, NEVER
        length = 0
        while first + length <= certain and ids[first + length] != 0:
            symbol = np.int64(ids[first + length])
            p_1, now_1 = advance(-1, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
            p_2, now_2 = 0.0, np.int64(-1)
            p_3, now_3 = 0.0, np.int64(-1)
            p_4 = 0.0
            if length > 0:
                p_2, now_2 = advance(after_1, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
            if length > 1:
                p_3, now_3 = advance(after_2, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
            if length > 2:
                p_4, _ = advance(after_3, symbol, symbols, first_child, suffix, log10_probability, log10_backoff)
            after_1, after_2, after_3 = now_1, now_2, now_3
            packed = 0
            for tag in range(4):
                score = p_1 if tag == 0 else p_2 if tag == 1 else p_3 if tag == 2 else p_4
                top, source = _best_move(tag, length, moves, best)
                best[4 + tag] = top + np.int64(np.rint(score * unit)) if top > NEVER // 2 else np.int64(NEVER)
                packed |= source << (2 * tag)
            best[0], best[1], best[2], best[3] = best[4], best[5], best[6], best[7]
            back[first + length] = packed
            length += 1
        end = first + length
        tag = 0
        if end > certain and certain < tokens:
            end = _settled_end(first, end, best, back)
            settled = end - 1
            if end > first:
                tag = back[end] & 3  # where the word that begins there comes from
        else:
            for other in range(1, 4):
                if best[other] >= best[tag]:  # of equal sequences, the one with the longest last word
                    tag = other
        for t in range(end - 1, first - 1, -1):
            begins[t] = tag == 0
            tag = back[t] >> (2 * tag) & 3
        first += length
    return settled


@kernel("(i8,i8)(i8, i8, i8[const], i8[const])")
def _best_move(tag, place, moves, best):  # type: ignore[no-untyped-def]
    """Best score of a tag of the symbol at a place of its run, but for the symbol itself; the tag before it."""
    if place == 0:
        return 0 if tag == 0 else NEVER, 0
    top, source = NEVER, 0
    if tag <= place:
        for before in range(3, -1, -1):  # of equal sequences, the one with the longest last word
            score = best[before] + moves[4 * before + tag]
            if moves[4 * before + tag] > NEVER and best[before] > NEVER // 2 and score > top:
                top, source = score, before
    return top, source


@kernel("i8(i8, i8, i8[const], i4[const])")
def _settled_end(first, end, best, back):  # type: ignore[no-untyped-def]
    """Where the settled words of an open run end: go back until all four tags come from one, where a word begins."""
    alive = 0
    for tag in range(4):
        if best[tag] > NEVER // 2:
            alive |= 1 << tag
    for t in range(end - 1, first, -1):
        if alive == 1:
            return t
        sources = 0
        for tag in range(4):
            if alive >> tag & 1:
                sources |= 1 << (back[t] >> (2 * tag) & 3)
        alive = sources
    return first


class TagDecoder(Decoder):
    """Tags by a language model; always compiled."""

    def __init__(self, model: Model) -> None:
        lm, folder = model.lm, None if model.path is None else model.path / LM_FOLDER
        if lm is None and folder is not None and folder.is_dir():
            lm = LanguageModel.open(folder)
        if lm is None:
            raise ModelError(f"{folder}: the language model is missing: restore the model or train it again")
        super().__init__(lm.ids())
        self._tables = (*lm.tables, move_scores(settings_of(model).lm_moves))

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        """Find the words of a block."""
        return int(cover_tags.compiled(tokens, certain, *self._tables, scratch.places, scratch.scores))
