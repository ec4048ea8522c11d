"""The features of the layer: what a word, an unknown word and a gap score, as weights in one vector.

Scores of a cover, with k the symbols of a word and c_1 … c_k its symbols:

- a word w of the lexicon: α log w + len_k + id(w) + first(c_1, k) + last(c_k, k) + types of its symbols; in first and
  last, k counts to 4;
- a labelled word that the lexicon lacks: the same, with log w its score as an unknown word, and lengths of its own;
- an unknown word: α times its score + u0 + u1 (k − 2) + first(c_1) + last(c_k) + types;
- a gap between b and c in a b | c d: τ times the boundary model + one weight for each of the four symbols and for the
  pairs ab, bc and cd + types of the four, and of a pair in which neither is an ordinary character.

The *type* of a symbol is number, Han numeral, Latin, unit of time or money, other, or boundary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segtool.runtime.arrays import Codes, Floats, Integers
from segtool.runtime.kernels import kernel
from segtool.text.folding import fold_table
from segtool.text.symbols import LAT, NUM

__all__ = [
    "PRIOR_AFFIX",
    "PRIOR_SCALAR",
    "PRIOR_TYPE",
    "TYPES",
    "Block",
    "Weights",
    "add_gradient",
    "add_scores",
    "types_of",
]

NUMERALS = "一二三四五六七八九十百千万亿两零〇几数半"
UNITS = "年月日时分秒号点元"
OTHER, NUMBER, NUMERAL, LATIN, UNIT, OUTSIDE = range(6)
TYPES = 6
LENGTHS = 4
"""Affixes tell words of 1, 2, 3 and more symbols apart."""

PRIOR_SCALAR, PRIOR_AFFIX, PRIOR_TYPE = 0.1, 0.7, 1.0
"""Precision of the Gaussian prior of scalars; of words, affixes, gaps and pairs; of types."""


def types_of(codes: Codes) -> Integers:
    """Type of each symbol.

    Parameters
    ----------
    codes : ndarray of uint32, shape (symbols,)

    Returns
    -------
    ndarray of int64, shape (symbols + 1,)
        The last is that of an unknown character.
    """
    fold = fold_table()
    types = np.full(len(codes) + 1, OTHER)
    for characters, kind in ((NUMERALS, NUMERAL), (UNITS, UNIT)):
        points = [ord(each) for each in characters]
        types[:-1][np.isin(codes, points) | np.isin(codes, fold[points])] = kind
    types[:-1][codes == NUM], types[:-1][codes == LAT] = NUMBER, LATIN
    types[0] = OUTSIDE
    return types


@dataclass(frozen=True)
class Block:
    """A range of the vector.

    Attributes
    ----------
    start, stop : int
    precision : float
        Of the prior, whose mean is `mean`.
    mean : float
    """

    start: int
    stop: int
    precision: float
    mean: float

    @property
    def span(self) -> slice:
        """The range as a slice."""
        return slice(self.start, self.stop)


class Weights:
    """Layout of the vector of weights; one place more than there are weights is for features that do not exist.

    Parameters
    ----------
    symbols : int
        Symbols, the unknown one among them.
    words : int
        Words that occur in the lattice of the labelled sentences.
    pairs : int
    longest : int
        Symbols of the longest word.
    """

    def __init__(self, symbols: int, words: int, pairs: int, longest: int) -> None:
        self._end = 0
        scalar, affix, kind = PRIOR_SCALAR, PRIOR_AFFIX, PRIOR_TYPE
        self.alpha = self._block(1, scalar, 1.0)
        self.tau = self._block(1, scalar, 1.0)
        self.unknown = self._block(2, scalar)
        self.length = self._block(longest + 1, scalar)
        self.new_length = self._block(longest + 1, scalar)
        self.word = self._block(words, affix)
        self.first = self._block(LENGTHS * symbols, affix)
        self.last = self._block(LENGTHS * symbols, affix)
        self.unknown_first = self._block(symbols, affix)
        self.unknown_last = self._block(symbols, affix)
        self.gap = [self._block(symbols, affix) for _ in range(4)]
        self.pair = [self._block(pairs, affix) for _ in range(3)]
        self.word_type = self._block(4 * TYPES, kind)
        self.unknown_type = self._block(3 * TYPES, kind)
        self.gap_type = [self._block(TYPES, kind) for _ in range(4)]
        self.pair_type = [self._block(TYPES * TYPES, kind) for _ in range(3)]

    def _block(self, size: int, precision: float, mean: float = 0.0) -> Block:
        block = Block(self._end, self._end + size, precision, mean)
        self._end += size
        return block

    def __len__(self) -> int:
        return self._end

    def _blocks(self) -> Iterator[Block]:
        for value in vars(self).values():
            yield from value if isinstance(value, list) else [value] if isinstance(value, Block) else []

    def prior(self) -> tuple[Floats, Floats]:
        """Mean and precision of the prior of every weight."""
        mean, precision = np.zeros(len(self)), np.zeros(len(self))
        for block in self._blocks():
            mean[block.start : block.stop], precision[block.start : block.stop] = block.mean, block.precision
        return mean, precision


def add_scores(columns: Integers, width: int, weights: Floats, scores: Floats) -> None:
    """Add to each score the weights of its features.

    Parameters
    ----------
    columns : ndarray of int32, shape (rows * width,)
        Places of weights, row by row.
    width : int
    weights : ndarray of float64
    scores : ndarray of float64, shape (rows,), added to
    """
    _add_scores(columns, width, weights, scores)


def add_gradient(columns: Integers, width: int, differences: Floats, gradient: Floats) -> None:
    """Add to the gradient of each weight the differences of the rows that have it.

    Parameters
    ----------
    columns, width
        As for :func:`add_scores`.
    differences : ndarray of float64, shape (rows,)
    gradient : ndarray of float64, added to
    """
    _add_gradient(columns, width, differences, gradient)


@kernel("void(i4[const], i8, f8[const], f8[])")
def _add_scores(columns, width, weights, scores):  # type: ignore[no-untyped-def]
    for i in range(len(scores)):
        total = 0.0
        for j in range(width):
            total += weights[columns[i * width + j]]
        scores[i] += total


@kernel("void(i4[const], i8, f8[const], f8[])")
def _add_gradient(columns, width, differences, gradient):  # type: ignore[no-untyped-def]
    for i in range(len(differences)):
        for j in range(width):
            gradient[columns[i * width + j]] += differences[i]
