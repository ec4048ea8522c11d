"""The lattice of a run with its best cover, and the best covers that differ from it at a place.

A word's loss is the score of the best cover minus that of the best cover with the word in it; the same holds for a gap
between two words, and for a place that a word goes across (max-marginals: one pass forward and one backward give all of
them).

Scores are those of :mod:`segtool.decode.viterbi`, whole numbers, so that sums and losses are exact. Of several best
covers with a word or a gap, the one that agrees with the best cover as far as possible is taken; where it differs, its
words before the place are as long as possible from the right, and those behind it from the left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from segtool.decode.viterbi import WEIGHT_UNIT, pairs_and_gaps, run_lattice

__all__ = ["Detour", "LatticeTables", "RunLattice"]

_NEVER = -(1 << 62)


class LatticeTables(NamedTuple):
    """What a run is scored by; see :func:`segtool.decode.viterbi.viterbi`.

    Attributes
    ----------
    units, spelling : sequence of int
    max_len, unknown_len : int
    """

    units: Sequence[int]
    spelling: Sequence[int]
    max_len: int
    unknown_len: int


class Detour(NamedTuple):
    """The best cover with some word or gap, where it differs from the best cover of all.

    Attributes
    ----------
    loss : int
        In steps, 0 or more.
    borders : tuple of int
        Where its words begin, in symbols, and where the last one ends. The best cover has its first and last border.
    """

    loss: int
    borders: tuple[int, ...]


class RunLattice:
    """The lattice of a run.

    Parameters
    ----------
    symbols : sequence of int
        Symbol ids, at least one.
    tables : LatticeTables

    Attributes
    ----------
    size : int
        Number of symbols.
    score : int
        Of the best cover, in steps.
    borders : tuple of int
        Where its words begin, in symbols, and where the last one ends.
    gaps : list of int
        Score of the gap before each symbol, in steps; 0 for the first.
    words : list of list of (int, int, int)
        From :func:`segtool.decode.viterbi.run_lattice`.
    """

    def __init__(self, symbols: Sequence[int], tables: LatticeTables) -> None:
        self.size = len(symbols)
        pairs, self.gaps = pairs_and_gaps(symbols, tables.units, tables.spelling)
        self.words = run_lattice(symbols, pairs, *tables)
        self._longest = max(words[-1][0] - start for start, words in enumerate(self.words))
        self._look_forward()
        self.score = self._before[self.size]
        self.borders = (*self._path_to(self.size, frozenset((0,))), self.size)
        self._on_best = frozenset(self.borders)
        self._look_backward()

    def _look_forward(self) -> None:
        """Find the best cover of the symbols before each place; of equal ones that whose last word is longer."""
        self._before = [0] + [_NEVER] * self.size
        self._last = [0] * (self.size + 1)
        for start, words in enumerate(self.words):
            before = self._before[start] + self.gaps[start]
            for end, score, _ in words:
                if before + score > self._before[end]:  # words that begin earlier are longer, and come first
                    self._before[end], self._last[end] = before + score, start

    def _look_backward(self) -> None:
        """Find the best cover from each place on, with the gap there; of equal ones the best cover of all is taken."""
        following = dict(zip(self.borders, self.borders[1:], strict=False))
        self._behind, self._next = [0] * (self.size + 1), [0] * (self.size + 1)
        for start in range(self.size - 1, -1, -1):
            chosen = following.get(start)
            covers = [(score + self._behind[end], end == chosen, end) for end, score, _ in self.words[start]]
            best, _, self._next[start] = max(covers)
            self._behind[start] = best + self.gaps[start]

    def _path_to(self, place: int, until: frozenset[int]) -> list[int]:
        """Starts of the best words before a place, back to the first of some places."""
        starts = []
        while place not in until:
            place = self._last[place]
            starts.append(place)
        return starts[::-1]

    def word_loss(self, start: int, end: int, score: int) -> int:
        """Loss of a word, in steps."""
        return self.score - self._before[start] - self.gaps[start] - score - self._behind[end]

    def with_word(self, start: int, end: int, score: int) -> Detour:
        """Find the best cover with a word."""
        borders = self._path_to(start, self._on_best) if start not in self._on_best else []
        return Detour(self.word_loss(start, end, score), (*borders, start, *self._path_from(end)))

    def with_gap(self, place: int) -> Detour:
        """Find the best cover with a gap at a place."""
        loss = self.score - self._before[place] - self._behind[place]
        return Detour(loss, (*self._path_to(place, self._on_best), *self._path_from(place)))

    def without_gap(self, place: int) -> Detour | None:
        """Find the best cover with a word across a place; None if there is no such word."""
        across = [
            (self.word_loss(start, end, score), end, start, score)
            for start in range(max(0, place + 1 - self._longest), place)
            for end, score, _ in self.words[start]
            if end > place
        ]
        if not across:
            return None
        _, end, start, score = min(across, key=lambda word: (word[0], word[2], -word[1]))
        return self.with_word(start, end, score)

    def without_word(self, start: int, end: int) -> Detour | None:
        """Find the best cover that lacks a word of the best cover; None if there is no other cover."""
        found: list[Detour | None] = [self.with_gap(place) for place in range(start + 1, end)]
        found += [self.without_gap(place) for place in (start, end) if 0 < place < self.size]
        return min((each for each in found if each is not None), key=lambda each: each.loss, default=None)

    def probabilities(self, calibration: float) -> tuple[list[list[float]], list[float]]:
        """Find the probabilities of words and gaps: shares of the weight of all covers.

        Parameters
        ----------
        calibration : float
            Nats of log weight for each nat of score (:attr:`segtool.store.model.Model.calibration`).

        Returns
        -------
        words : list of list of float
            As `words`.
        gaps : list of float
            Of a gap before each symbol, 1 for the first.
        """
        scale = calibration / WEIGHT_UNIT
        before, arriving = [0.0] * (self.size + 1), [[0.0], *([] for _ in range(self.size))]
        for start, words in enumerate(self.words):
            before[start] = _log_sum(arriving[start])
            for end, score, _ in words:
                arriving[end].append(before[start] + scale * (self.gaps[start] + score))
        total = _log_sum(arriving[self.size])
        behind = [0.0] * (self.size + 1)
        shares: list[list[float]] = [[] for _ in range(self.size)]
        for start in range(self.size - 1, -1, -1):
            covers = [scale * (self.gaps[start] + score) + behind[end] for end, score, _ in self.words[start]]
            behind[start] = _log_sum(covers)
            shares[start] = [min(math.exp(before[start] + cover - total), 1.0) for cover in covers]
        gaps = [min(math.exp(before[place] + behind[place] - total), 1.0) for place in range(self.size)]
        return shares, gaps

    def _path_from(self, place: int) -> list[int]:
        """Ends of the best words from a place on, up to one that the best cover has; first the place itself."""
        ends = [place]
        while ends[-1] not in self._on_best:
            ends.append(self._next[ends[-1]])
        return ends


def _log_sum(logs: list[float]) -> float:
    """Logarithm of the sum of numbers, given their logarithms."""
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs))
