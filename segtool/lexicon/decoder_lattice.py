"""Forward-backward over the lattice of the decoder: words, unknown words and the boundary model.

Adaptation (:mod:`segtool.lexicon.adapt`) makes EM passes over it. The weight of a cover is e to the score that
:mod:`segtool.decode.viterbi` gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from segtool.lexicon.lattice import FIXED_POINT, weighted_units
from segtool.lexicon.trie import candidate_trie
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Floats, Ids, Integers, Places
from segtool.runtime.kernels import kernel
from segtool.runtime.workers import add_up_chunks
from segtool.text.runs import corpus_chunks

__all__ = ["TextLattice"]

GREATEST_WEIGHT = 200.0
"""Log weights are limited to this, in nats, so that no number overflows; those of words are below 0."""


class TextLattice:
    """The lattice of a text, for EM passes.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        The text, as for :func:`segtool.ngrams.count.count_stream`.
    tags : ndarray of int32
        Four bytes of the boundary model for each n-gram, as in the decoder's trie.
    spelling : ndarray of float64, shape (symbols + 1, 3)
        From :func:`segtool.lexicon.unknown_words.spelling_scores`.
    """

    def __init__(self, stream: Ids, candidates: Candidates, tags: Places, spelling: Floats, unknown_len: int) -> None:
        self._trie, self._nodes = candidate_trie(candidates)
        self._stream = stream
        units = np.zeros((len(self._trie) // 2, 4), np.int32)
        units[:, :2] = self._trie.reshape(-1, 2)
        units[self._nodes, 3] = tags
        self._gaps = np.empty(len(stream))
        _gap_factors(stream, units.ravel(), TAG_STEP / WEIGHT_UNIT, self._gaps)
        factors = np.zeros((len(spelling), 4))
        factors[:, :3] = np.exp(spelling)
        self._spelling, self._unknown_len = factors.ravel(), unknown_len
        self._max_len = len(candidates.levels)
        self._chunks = corpus_chunks(stream)
        self._longest = int(np.diff(np.flatnonzero(stream == 0)).max(initial=1))

    def expect(self, weight: Floats, workers: int, progress: Callable[[int], object] | None) -> Floats:
        """Compute how often each n-gram is expected to be a word of the text.

        `weight` is the log weight of each n-gram, in nats: minus infinity for one that is no word.
        """
        linear = np.zeros(len(self._trie) // 2)
        linear[self._nodes] = np.exp(np.minimum(weight, GREATEST_WEIGHT))
        units = weighted_units(self._trie, linear)
        width = max(self._max_len, self._unknown_len)
        room = self._longest + width + 2

        def scratch() -> tuple[npt.NDArray[Any], ...]:
            return np.empty((2 + width) * room), np.empty(width * room, np.int32)

        def run(chunk: tuple[int, int], arrays: tuple[npt.NDArray[Any], ...], total: Integers) -> None:
            here = slice(chunk[0], chunk[1] + 1)
            tables = units, self._max_len, self._spelling, self._unknown_len
            _expected_counts(self._stream[here], self._gaps[here], *tables, *arrays, total)
            if progress is not None:
                progress(chunk[1] - chunk[0])

        total, _ = add_up_chunks(self._chunks, len(linear), workers, scratch, run)
        return total[self._nodes] / FIXED_POINT


@kernel("i8(i8, i8)")
def _byte(packed, place):  # type: ignore[no-untyped-def]
    """Return one of the four signed bytes."""
    byte = (packed >> (8 * place)) & 255
    return byte - ((byte & 128) << 1)


@kernel("void(u2[const], i4[const], f8, f8[])")
def _gap_factors(stream, units, nat, factors):  # type: ignore[no-untyped-def]
    """Write e to the score of a boundary before each symbol; 1 before the first symbol of a run."""
    before = around = np.int64(0)  # bytes of the pairs ab and bc of a b | c d
    for i in range(len(stream)):
        factors[i] = 1.0
        c = np.int64(stream[i])
        d = np.int64(stream[i + 1]) if i + 1 < len(stream) else np.int64(0)
        behind = np.int64(0)
        if c != 0 and d != 0:
            child = np.int64(units[4 * c]) + d
            if units[4 * c] != 0 and units[4 * child + 1] == c:
                behind = np.int64(units[4 * child + 3])
        if c != 0 and stream[i - 1] != 0:
            score = _byte(units[4 * np.int64(stream[i - 2]) + 3], 0) + _byte(units[4 * np.int64(stream[i - 1]) + 3], 1)
            score += _byte(units[4 * c + 3], 2) + _byte(units[4 * d + 3], 3)
            score += _byte(before, 0) + _byte(around, 1) + _byte(behind, 2)
            factors[i] = np.exp(score * nat)
        before, around = around, behind


@kernel("void(u2[const], f8[const], i4[const], i8, f8[const], i8, f8[], i4[], i8[])")
def _expected_counts(  # type: ignore[no-untyped-def]
    stream, gaps, units, max_len, spelling, unknown_len, floats, found, total
):  # fmt: skip
    """Add the posterior of every word of every run of a stream to its node, in units of 1 / FIXED_POINT.

    Forward values are rescaled to 1 at each position. `floats` and `found` are scratch.
    """
    weights = units.view(np.float64)
    width = max(max_len, unknown_len)
    room = len(found) // width
    forward, inverse, edges = floats[:room], floats[room : 2 * room], floats[2 * room :]
    high = len(stream) - 1
    begin = 1
    while begin <= high:
        length = 0
        while stream[begin + length] != 0:
            length += 1
        forward[: length + width + 1] = 0.0
        forward[0] = 1.0
        inverse[0] = 1.0
        for i in range(length):
            if i > 0:
                inverse[i] = 1.0 / forward[i]
                for j in range(i + 1, i + width):
                    forward[j] *= inverse[i]
            node = np.int64(stream[begin + i])
            gap = gaps[begin + i]
            edges[i * width] = weights[2 * node + 1] * gap
            found[i * width] = node
            forward[i + 1] += weights[2 * node + 1] * gap
            spelled = spelling[4 * node] * gap
            inside = True
            for k in range(1, min(width, length - i)):
                symbol = np.int64(stream[begin + i + k])
                weight = 0.0
                at = np.int64(-1)
                if inside:
                    child = np.int64(units[4 * node]) + symbol
                    inside = k < max_len and units[4 * node] != 0 and units[4 * child + 1] == node
                    if inside:
                        node = child
                        weight = weights[2 * node + 1] * gap
                if weight > 0.0:
                    at = node
                elif k < unknown_len:
                    weight = spelled * spelling[4 * symbol + 2]
                spelled *= spelling[4 * symbol + 1]
                edges[i * width + k] = weight
                found[i * width + k] = at
                forward[i + k + 1] += weight
        if length > 0:
            inverse[length] = 1.0 / forward[length]
        backward = forward  # each forward value is read for the last time before its place is written
        backward[length] = 1.0
        for i in range(length - 1, -1, -1):
            scaled = 1.0
            posterior = 0.0
            for k in range(min(width, length - i)):
                scaled *= inverse[i + k + 1]
                share = edges[i * width + k] * scaled * backward[i + k + 1]
                posterior += share
                if found[i * width + k] >= 0:
                    total[found[i * width + k]] += np.int64(share * FIXED_POINT + 0.5)
            backward[i] = posterior
        begin += length + 1
