"""Forward-backward over the lattice that the decoder sees: words, unknown words and the scores of gaps.

What EM needs to learn from a text with the model that cuts it (:mod:`segtool.lexicon.adapt`). The score of a cover is
that of :func:`segtool.decode.viterbi.viterbi`; here it makes probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from segtool.lexicon.em import FIXED_POINT
from segtool.lexicon.trie import build_trie
from segtool.runtime.arrays import Floats, Ids, Integers
from segtool.runtime.kernels import kernel
from segtool.runtime.workers import add_up_chunks
from segtool.text.runs import corpus_chunks

__all__ = ["TextLattice"]


class TextLattice:
    """The lattice of a text with all that decoding has: words, unknown words and the tagger; for EM passes.

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        The text, as for :func:`segtool.ngrams.count.count_stream`.
    symbols, parents : list of ndarray
        N-grams that may be words, as for :func:`segtool.lexicon.trie.build_trie`.
    tags : ndarray of int32
        The tagger's weights of each n-gram, as in the decoder's trie.
    spelling : ndarray of float64, shape (symbols + 1, 3)
        From :func:`segtool.lexicon.unknown_words.spelling_scores`.
    unknown_len : int
        Longest unknown word.
    """

    def __init__(
        self,
        stream: Ids,
        symbols: Sequence[Ids],
        parents: Sequence[npt.NDArray[np.int32]],
        tags: npt.NDArray[np.int32],
        spelling: Floats,
        unknown_len: int,
    ) -> None:
        base, check, nodes = build_trie(symbols, parents, [np.ones(len(level), np.bool_) for level in symbols])
        self._stream, self._nodes = stream, np.concatenate(nodes)
        units = np.zeros((len(base), 4), np.int32)
        units[:, 0], units[:, 1] = base, check
        units[self._nodes, 3] = tags
        self._units = units.ravel()
        self._gaps = np.empty(len(stream))
        _gap_factors(stream, self._units, TAG_STEP / WEIGHT_UNIT, self._gaps)
        factors = np.zeros((len(spelling), 4))
        factors[:, :3] = np.exp(spelling)
        self._spelling, self._unknown_len = factors.ravel(), unknown_len
        self._max_len = len(symbols)
        self._chunks = corpus_chunks(stream)
        self._longest = int(np.diff(np.flatnonzero(stream == 0)).max(initial=1))

    def expect(self, weight: Floats, workers: int, progress: Callable[[int], object] | None) -> Floats:
        """Compute how often each n-gram is expected to be a word of the text.

        Parameters
        ----------
        weight : ndarray of float64
            Log weight of each n-gram, nats; minus infinity for one that is no word.
        workers : int
            Threads. The result does not depend on it.
        progress : callable, optional
            Called with the number of symbols passed since the last call.

        Returns
        -------
        ndarray of float64
        """
        linear = np.zeros(len(self._units) // 4)
        linear[self._nodes] = np.exp(weight)
        width = max(self._max_len, self._unknown_len)

        def scratch() -> tuple[npt.NDArray[Any], ...]:
            edges = (self._longest + 1) * width
            return np.empty((self._longest + width + 2) * 2), np.empty(edges), np.empty(edges, np.int32)

        def run(chunk: tuple[int, int], arrays: tuple[npt.NDArray[Any], ...], total: Integers) -> None:
            tables = self._units, linear, self._max_len, self._gaps, self._spelling, self._unknown_len
            _expected_counts(self._stream, *chunk, *tables, *arrays, total, FIXED_POINT)
            if progress is not None:
                progress(chunk[1] - chunk[0])

        total, _ = add_up_chunks(self._chunks, len(linear), workers, scratch, run)
        return total[self._nodes] / FIXED_POINT


@kernel("i8(i8, i8)")
def _byte(tags, place):  # type: ignore[no-untyped-def]
    """Signed byte of a tag."""
    byte = (tags >> (8 * place)) & 255
    return byte - ((byte & 128) << 1)


@kernel("void(u2[const], i4[const], f8, f8[])")
def _gap_factors(stream, units, nat, factors):  # type: ignore[no-untyped-def]
    """Write e to the score of the gap before each symbol; 1 before the first of a run."""
    before = around = np.int64(0)  # tags of the pairs ab and bc of a b | c d
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


@kernel("void(u2[const], i8, i8, i4[const], f8[const], i8, f8[const], f8[const], i8, f8[], f8[], i4[], i8[], i8)")
def _expected_counts(  # type: ignore[no-untyped-def]
    stream, low, high, units, linear, max_len, gaps, spelling, unknown_len, scratch, edges, found, total, scale
):
    """Add the posterior of every word of every run in ``stream[low:high]`` to its node.

    As in :func:`segtool.lexicon.em.learn`, forward probabilities are rescaled to 1 at each position.
    """
    width = max(max_len, unknown_len)
    half = len(scratch) // 2
    forward, inverse = scratch[:half], scratch[half:]
    begin = low + 1
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
            edges[i * width] = linear[node] * gap
            found[i * width] = node
            forward[i + 1] += linear[node] * gap
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
                        weight = linear[node] * gap
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
        backward = forward  # each forward value is done with before its place is written
        backward[length] = 1.0
        for i in range(length - 1, -1, -1):
            scaled = 1.0
            posterior = 0.0
            for k in range(min(width, length - i)):
                scaled *= inverse[i + k + 1]
                share = edges[i * width + k] * scaled * backward[i + k + 1]
                posterior += share
                if found[i * width + k] >= 0:
                    total[found[i * width + k]] += np.int64(share * scale + 0.5)
            backward[i] = posterior
        begin += length + 1
