"""Scores of n-grams as word candidates: cohesion, branching entropy and its variation.

With c(x) the count of x, N the symbols of the corpus, in nats:

- *cohesion* of x (two symbols or more): the pointwise mutual information
  ``ln c(uv) N / (c(u) c(v))``, minimum over the binary splits x = uv (Su 2015; Sun, Shen & Tsou 1998);
- *branching entropy* H of x to the right (left): entropy of the symbol behind (before) it
  (Harris 1955; Jin & Tanaka-Ishii 2006). A boundary as neighbour is not one symbol but hides many:
  it counts as up to 50 equally frequent ones;
- *variation* V of branching entropy: H(x) − H(x without its last (first) symbol); for one symbol
  H(x) − the entropy of the symbols of the corpus (Magistry & Sagot 2012);
- *beginning* and *divergence* of pairs: :mod:`segtool.ngrams.beginnings`.

Left neighbours come from the same table as right ones: the k+1-gram ``s x`` is in the level of k+1-grams, and a *link*
from it to ``x`` makes s a left neighbour of x. N-grams are read twice, slice by slice: first for the candidates and
their right neighbours, then for the left ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segtool.errors import UsageError
from segtool.ngrams.beginnings import pair_evidence
from segtool.ngrams.table import Level, NGrams, Slice, spell
from segtool.runtime.arrays import Bytes, Codes, Floats, Ids, Integers, Places, Singles
from segtool.runtime.kernels import kernel
from segtool.runtime.workers import in_order
from segtool.store.model_checks import MOST_COUNT, MOST_SCORE

__all__ = ["BOUNDARY_FANOUT", "CandidateLevel", "Candidates", "score"]

BOUNDARY_FANOUT = 50


@dataclass(frozen=True)
class CandidateLevel:
    """Candidates of one length, in the order of the n-grams; scores are in nats.

    The first columns are as in :class:`segtool.ngrams.table.Level`; `parent` is a place among the candidates one symbol
    shorter. The cohesion of a single symbol, which has no split, is infinite.
    """

    symbol: Ids
    parent: Places
    count: Integers
    cohesion: Singles
    left_entropy: Singles
    right_entropy: Singles
    left_variation: Singles
    right_variation: Singles

    def __len__(self) -> int:
        return len(self.symbol)


_COLUMN_TYPES: dict[str, type] = {
    "symbol": np.uint16, "parent": np.int32, "count": np.int64,
    **dict.fromkeys(["cohesion", "left_entropy", "right_entropy", "left_variation", "right_variation"], np.float32),
}  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """All n-grams of a corpus that may be words, with their scores.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id.
    levels : tuple of CandidateLevel
        ``levels[k - 1]`` holds the candidates of k symbols; no n-gram here holds a boundary, but
        ``levels[0]`` keeps an entry 0 for it (count 0), so that places there are symbol ids.
    total : int
        Symbols of the corpus.
    pairs : ndarray of float32, shape (2, candidates of two symbols)
        Their beginning and their divergence (:mod:`segtool.ngrams.beginnings`); empty where they are not needed.
    """

    codes: Codes
    levels: tuple[CandidateLevel, ...]
    total: int
    pairs: Singles = field(default_factory=lambda: np.zeros((2, 0), np.float32))

    def __len__(self) -> int:
        return sum(map(len, self.levels)) - 1

    def column(self, name: str) -> npt.NDArray[Any]:
        """Join a field of all levels: the values of all candidates, by length, then by symbol ids."""
        return np.concatenate([getattr(level, name) for level in self.levels])

    def split(self, values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Split values of all candidates by length."""
        return np.split(values, np.cumsum([len(level) for level in self.levels[:-1]]))

    def lengths(self) -> Bytes:
        """Symbols of each candidate."""
        return np.repeat(np.arange(1, len(self.levels) + 1, dtype=np.uint8), [len(level) for level in self.levels])

    def spell(self, at: Integers) -> Ids:
        """Symbol ids of the candidates with the given places among all, one row each, 0 after the last."""
        out = np.zeros((len(at), len(self.levels)), np.uint16)
        lengths, first = self.lengths()[at], 0
        for k, level in enumerate(self.levels, 1):
            here = lengths == k
            out[here, :k] = spell(self.levels, k, at[here] - first)
            first += len(level)
        return out

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays by name."""
        arrays: dict[str, npt.NDArray[Any]] = {"codes": self.codes, "total": np.array(self.total), "pairs": self.pairs}
        for k, level in enumerate(self.levels):
            arrays |= {f"{each.name}{k}": getattr(level, each.name) for each in fields(level)}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]], codes: Codes, lengths: int) -> Candidates | None:
        """Make candidates of the arrays of :meth:`to_arrays`; None if they are none of these symbols and lengths."""
        names = [each.name for each in fields(CandidateLevel)]
        wanted = {"codes", "total", "pairs", *(f"{name}{k}" for name in names for k in range(lengths))}
        if arrays.keys() != wanted or not np.array_equal(arrays["codes"], codes):
            return None
        levels = [CandidateLevel(**{name: arrays[f"{name}{k}"] for name in names}) for k in range(lengths)]
        total, pairs = arrays["total"], arrays["pairs"]
        fits = total.dtype == np.int64 and total.ndim == 0 and total > 0
        fits = fits and pairs.dtype == np.float32 and pairs.shape == (2, sum(map(len, levels[1:2])))
        fits = fits and bool(np.all(np.abs(pairs) <= MOST_SCORE))
        for k, level in enumerate(levels):
            fits = fits and _is_level(level, levels[k - 1] if k else None, len(codes))
        return cls(codes, tuple(levels), int(total), pairs) if fits else None


def _is_level(level: CandidateLevel, shorter: CandidateLevel | None, alphabet: int) -> bool:
    """Whether arrays are candidates of one length: of the right types, in order, each behind one of the shorter."""
    size = len(level.symbol) if level.symbol.ndim == 1 else -1
    for name, dtype in _COLUMN_TYPES.items():
        column = getattr(level, name)
        if column.dtype != dtype or column.shape != (size,):
            return False
        is_score = (np.abs(column) <= MOST_SCORE) | ((name == "cohesion") & (column == np.inf))
        if dtype == np.float32 and not np.all(is_score):
            return False
    if size and not (level.count.min() >= 0 and level.count.max() <= MOST_COUNT):
        return False
    if shorter is None:
        return size == alphabet and np.array_equal(level.symbol, np.arange(alphabet)) and not level.parent.any()
    keys = level.parent.astype(np.int64) << 16 | level.symbol
    in_range = not size or bool(level.symbol.min() > 0 and level.symbol.max() < alphabet and level.parent.min() >= 0)
    return in_range and bool(np.all(keys[1:] > keys[:-1]) and (not size or keys[-1] >> 16 < len(shorter)))


def score(ngrams: NGrams, max_word_len: int | None = None, min_count: int = 1, workers: int = 1) -> Candidates:
    """Score every n-gram that is frequent enough.

    Parameters
    ----------
    ngrams : NGrams
        Of order `max_word_len` + 1 at least, so that the longest words have right neighbours. N-grams of two symbols
        or more that occur once make no difference where `min_count` is above 1.
    max_word_len : int, optional
        Longest candidate, in symbols; by default one less than the order of the n-grams.
    min_count : int
        N-grams of two symbols or more that are rarer are no candidates; single symbols always are.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    Candidates

    Raises
    ------
    UsageError
        If a parameter is out of range.

    References
    ----------
    Magistry & Sagot (2012), "Unsupervized Word Segmentation: the case for Mandarin Chinese", ACL.
    Jin & Tanaka-Ishii (2006), "Unsupervised segmentation of Chinese text by use of branching entropy", ACL.
    """
    if max_word_len is None:
        max_word_len = ngrams.order - 1
    if not 1 <= max_word_len < ngrams.order:
        raise UsageError(f"words of {max_word_len} symbols need counts of order {max_word_len + 1}, not {ngrams.order}")
    if min_count < 1:
        raise UsageError(f"--min-count {min_count}: choose 1 or more")
    shapes = _shapes(ngrams, max_word_len, min_count, workers)
    suffixes, left = _left(ngrams, shapes, min_count, workers)
    total = int(ngrams.frequency[1:].sum())
    share = ngrams.frequency[1:]
    share = share[share > 0] / max(total, 1)
    unigram_entropy = float(-(share * np.log(share)).sum())
    levels: list[CandidateLevel] = []
    tails: list[Places] = []  # tails[j]: places of the candidates without their first j symbols
    for k, (shape, suffix) in enumerate(zip(shapes, suffixes, strict=True), 1):
        tails = [np.arange(len(shape.count), dtype=np.int32), *(tail[suffix] for tail in tails)]
        if k == 1:
            cohesion = np.full(len(shape.count), np.inf)
            v_left, v_right = left[0] - unigram_entropy, shape.right_entropy - unigram_entropy
        else:
            cohesion = _cohesion(shape.count, shape.parent, tails, levels, total)
            v_left = left[k - 1] - left[k - 2][suffix]
            v_right = shape.right_entropy - shapes[k - 2].right_entropy[shape.parent]
        scores = (cohesion, left[k - 1], shape.right_entropy, v_left, v_right)
        singles = (each.astype(np.float32) for each in scores)
        levels.append(CandidateLevel(shape.symbol, shape.parent, shape.count, *singles))
    pairs = pair_evidence(ngrams, levels[1], workers) if max_word_len > 1 else np.zeros((2, 0), np.float32)
    return Candidates(ngrams.codes, tuple(levels), total, pairs)


class _Shape(NamedTuple):
    """Candidates of one length without their scores to the left; see :class:`CandidateLevel`."""

    symbol: Ids
    parent: Places
    count: Integers
    right_entropy: Floats


def _is_candidate(level: Level, boundary_first: npt.NDArray[np.bool_], min_count: int) -> npt.NDArray[np.bool_]:
    """Whether n-grams are frequent enough and without a boundary."""
    return (level.count >= min_count) & (level.symbol != 0) & ~boundary_first


def _shapes(ngrams: NGrams, max_word_len: int, min_count: int, workers: int) -> list[_Shape]:
    """Candidates of every length."""
    symbols = len(ngrams.codes)
    bigrams = ngrams.bigrams
    count = ngrams.frequency.copy()
    right = _entropy(_right_sums(bigrams, 0, symbols), count)
    count[0] = 0
    shapes = [_Shape(np.arange(symbols, dtype=np.uint16), np.zeros(symbols, np.int32), count, right)]
    if max_word_len == 1:
        return shapes

    def work(part: Slice) -> list[_Shape]:
        level = bigrams[part.low : part.high]
        boundary_first = level.parent == 0
        kept = _is_candidate(level, boundary_first, min_count)
        parent, offset = level.parent, part.low
        found = []
        for k in range(2, max_word_len + 1):
            longer = part.levels[k - 2]
            taken = np.flatnonzero(kept)
            right = _entropy(_right_sums(longer, offset, len(level)), level.count)
            found.append(_Shape(level.symbol[taken], parent[taken], level.count[taken], right[taken]))
            if k < max_word_len:
                owner = longer.parent - offset
                boundary_first = boundary_first[owner]
                places = (np.cumsum(kept) - 1).astype(np.int32)
                # parents always are candidates, unless the counts of a shard contradict one another
                kept, parent = _is_candidate(longer, boundary_first, min_count) & kept[owner], places[owner]
                level, offset = longer, 0
        return found

    parts = list(in_order(work, ngrams.slices(), workers))
    before = np.zeros(len(parts), np.int64)  # candidates one symbol shorter in the slices before
    for k in range(2, max_word_len + 1):
        own = [part[k - 2] for part in parts]
        parents = [(each.parent + skip).astype(np.int32) for each, skip in zip(own, before, strict=True)]
        joined = (np.concatenate(list(each)) for each in zip(*own, strict=True))
        symbol, _, count, right = joined if own else _EMPTY_SHAPE
        shapes.append(_Shape(symbol, np.concatenate([np.zeros(0, np.int32), *parents]), count, right))
        sizes = np.array([len(each.symbol) for each in own], np.int64)
        before = np.cumsum(sizes) - sizes
    return shapes


_EMPTY_SHAPE = _Shape(np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0))


def _left(ngrams: NGrams, shapes: list[_Shape], min_count: int, workers: int) -> tuple[list[Places], list[Floats]]:
    """Places of candidates without their first symbol, and left entropies, by length."""
    bigrams = ngrams.bigrams
    longest = len(shapes)
    sums = [np.zeros(len(shape.symbol)) for shape in shapes]
    link = bigrams.symbol.astype(np.int32)
    link[bigrams.symbol == 0] = -1
    _entropy_sums(bigrams.count, link, bigrams.parent == 0, BOUNDARY_FANOUT, sums[0])
    suffixes: list[list[Places]] = [[] for _ in shapes]
    suffixes[0].append(np.zeros(len(shapes[0].symbol), np.int32))
    children = [_first_child(shapes[k - 1], shapes[k]) for k in range(1, longest)]

    def work(part: Slice) -> tuple[list[Places], list[tuple[Level, Places, npt.NDArray[np.bool_]]]]:
        level = bigrams[part.low : part.high]
        boundary_first, links, offset = level.parent == 0, link[part.low : part.high], part.low
        kept = _is_candidate(level, boundary_first, min_count)
        own, longer_ones = [], []
        for k in range(2, longest + 1):
            own.append(links[kept])
            longer = part.levels[k - 2]
            owner = longer.parent - np.int32(offset)
            boundary_first = boundary_first[owner]
            kept = _is_candidate(longer, boundary_first, min_count) & kept[owner]
            out = np.empty(len(longer), np.int32)
            _link_level(longer.symbol, owner, links, children[k - 2], shapes[k - 1].symbol, out)
            level, links, offset = longer, out, 0
            longer_ones.append((longer, links, boundary_first))
        return own, longer_ones

    if longest > 1:
        for own, longer_ones in in_order(work, ngrams.slices(), workers):
            # slice by slice, so that the order of additions does not depend on the slices
            for k, (suffix, (longer, links, boundary_first)) in enumerate(zip(own, longer_ones, strict=True), 1):
                suffixes[k].append(suffix)
                _entropy_sums(longer.count, links, boundary_first, BOUNDARY_FANOUT, sums[k])
    joined = [np.concatenate([np.zeros(0, np.int32), *each]) for each in suffixes]
    occurrences = [ngrams.frequency, *(shape.count for shape in shapes[1:])]
    return joined, [_entropy(each, count) for each, count in zip(sums, occurrences, strict=True)]


def _first_child(shape: _Shape, longer: _Shape) -> Integers:
    """Begin of the extensions of each candidate among those one symbol longer."""
    out = np.zeros(len(shape.symbol) + 1, np.int64)
    np.cumsum(np.bincount(longer.parent, minlength=len(shape.symbol)), out=out[1:])
    return out


def _right_sums(longer: Level, offset: int, types: int) -> Floats:
    """Σ c ln c over the n-grams one symbol longer than each of `types` ones."""
    sums = np.zeros(types)
    owner = longer.parent if offset == 0 else longer.parent - np.int32(offset)
    _entropy_sums(longer.count, owner, longer.symbol == 0, BOUNDARY_FANOUT, sums)
    return sums


def _entropy(sums: Floats, count: Integers) -> Floats:
    """Ln n − (Σ c ln c) / n, never below zero by rounding."""
    counted = np.maximum(count, 1).astype(np.float64)
    return np.maximum(np.log(counted) - sums / counted, 0.0)


def _cohesion(
    count: Integers,
    parent: Places,
    tails: list[Places],
    shorter: list[CandidateLevel],
    total: int,
) -> Floats:
    """Least pointwise mutual information over the splits of the candidates of one length."""
    lowest = np.full(len(count), np.inf)
    joint = np.log(count) + np.log(max(total, 1))
    for head in range(len(shorter), 0, -1):  # `parent` is the place of the first `head` symbols
        tail = tails[head]
        split = np.log(shorter[head - 1].count[parent]) + np.log(shorter[len(shorter) - head].count[tail])
        np.minimum(lowest, joint - split, out=lowest)
        parent = shorter[head - 1].parent[parent]
    return lowest


@kernel("void(u2[const], i4[const], i4[const], i8[const], u2[const], i4[])")
def _link_level(symbol, parent, parent_link, children, shorter, out):  # type: ignore[no-untyped-def]
    """Find each k-gram's suffix among the children of its parent's suffix, by bisection; -1 for none."""
    for i in range(len(symbol)):
        suffix = parent_link[parent[i]]
        out[i] = -1
        if suffix < 0 or symbol[i] == 0:
            continue
        a, end = children[suffix], children[suffix + 1]
        b = end
        while a < b:
            middle = (a + b) // 2
            if shorter[middle] < symbol[i]:
                a = middle + 1
            else:
                b = middle
        if a < end and shorter[a] == symbol[i]:
            out[i] = a


@kernel("void(i8[const], i4[const], b1[const], i8, f8[])")
def _entropy_sums(count, owner, is_boundary, fanout, sums):  # type: ignore[no-untyped-def]
    """Add c ln c of every neighbour to the n-gram that owns it, -1 for none.

    A boundary counts as up to `fanout` neighbours that share its count evenly.
    """
    for i in range(len(count)):
        if owner[i] >= 0:
            c = count[i]
            sums[owner[i]] += c * np.log(c / min(c, fanout) if is_boundary[i] else float(c))
