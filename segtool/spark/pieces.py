"""What executors and the driver of a Spark cluster send one another: pieces of counts, and chunks of runs.

A piece holds the n-grams that begin with a range of the bigrams of some counts, and the codes of its symbols. Data are
pickles, which Spark itself sends, too, between processes that trust one another.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from segtool.ngrams.blocks import pack_levels, pack_stream, unpack_levels, unpack_stream
from segtool.ngrams.merge import cut_ranges, merge_ngrams
from segtool.ngrams.table import Level, NGramTable, Slice, gather
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.text.symbols import CODE_LIMIT

__all__ = [
    "Pieces",
    "bigram_keys",
    "pack_piece",
    "pack_runs",
    "unpack_bigrams",
    "unpack_piece",
    "unpack_runs",
    "unpack_slice",
]

MERGED = 1 << 21
"""N-grams that are unpacked before they are merged, unless those merged before are more."""

PIECE = 1 << 20
"""N-grams in a piece that goes to the driver; those that begin with one bigram may be more."""

Row = tuple[int, int, bytes]


def bigram_keys(first: npt.NDArray[np.uint32], second: npt.NDArray[np.uint32]) -> Integers:
    """Both codes of each bigram in one number."""
    return first.astype(np.int64) * CODE_LIMIT + second


def pack_runs(chunk: Ids, written: Codes) -> bytes:
    """A chunk of runs, with the codes that it holds, the boundary first."""
    used, stream = np.unique(chunk, return_inverse=True)
    return pickle.dumps((written[used], len(chunk), pack_stream(stream.astype(np.uint16))))


def unpack_runs(data: bytes) -> tuple[Codes, Ids]:
    """Codes of a chunk of runs, and the chunk in the places of these; the boundary is place 0."""
    codes, length, packed = pickle.loads(data)
    return codes, unpack_stream(packed, length, len(codes))


def pack_piece(part: NGramTable, low: int, high: int) -> bytes:
    """N-grams that begin with a range of the bigrams of some counts, with the codes that they hold."""
    two = part.bigrams
    bigrams = Level(two.symbol[low:high], two.parent[low:high], two.count[low:high])
    levels = part.slice(low, high).levels
    there = np.zeros(len(part.codes), np.bool_)
    for level in (bigrams, *levels):
        there[level.symbol] = True
    there[bigrams.parent] = True
    ids = np.cumsum(there) - 1
    bigrams = Level(ids[bigrams.symbol].astype(np.uint16), ids[bigrams.parent].astype(np.int32), bigrams.count)
    longer = [Level(ids[level.symbol].astype(np.uint16), level.parent, level.count) for level in levels]
    codes = part.codes[there]
    return pickle.dumps(
        (codes, pack_levels([bigrams], 0, len(codes)), len(longer), pack_levels(longer, low, high), low, high)
    )


def unpack_bigrams(data: bytes) -> tuple[Codes, Level]:
    """Codes of a piece, and its bigrams in the places of these."""
    codes, packed, *_ = pickle.loads(data)
    return codes, unpack_levels(packed, 0, len(codes), 1, len(codes))[0]


def unpack_slice(data: bytes) -> tuple[Codes, Slice]:
    """Codes of a piece, and its n-grams of three symbols or more in the places of these."""
    codes, _, lengths, packed, low, high = pickle.loads(data)
    return codes, Slice(low, high, unpack_levels(packed, low, high, lengths, len(codes)))


def unpack_piece(data: bytes) -> NGramTable:
    """Counts that hold a piece and nothing else; symbols have no frequency."""
    codes, bigrams = unpack_bigrams(data)
    _, piece = unpack_slice(data)
    first, *rest = piece.levels or (None,)
    longer = [] if first is None else [Level(first.symbol, first.parent - np.int32(piece.low), first.count), *rest]
    symbols = len(codes)
    uncounted = Level(np.arange(symbols, dtype=np.uint16), np.zeros(symbols, np.int32), np.zeros(symbols, np.int64))
    return NGramTable(codes, (uncounted, bigrams, *longer))


class Pieces:
    """Pieces of one bucket; a few are merged at a time, and with the rest only when they are as many as that."""

    def __init__(self) -> None:
        self._parts: list[NGramTable] = []
        self._merged = self._waiting = 0  # n-grams of the first part, and of the others

    def add(self, part: NGramTable) -> None:
        """Take one more."""
        self._parts.append(part)
        self._waiting += int(part.sizes().sum()) + len(part.bigrams)
        if self._waiting >= max(MERGED, self._merged):
            self._merge()

    def _merge(self) -> None:
        if len(self._parts) > 1:
            counts = gather(merge_ngrams(self._parts, MERGED))
            self._parts = [counts]
        self._merged, self._waiting = int(self._parts[0].sizes().sum()), 0

    def rows(self, bucket: int) -> Iterator[Row]:
        """All of them merged."""
        self._merge()
        (part,) = self._parts
        for place, (low, high) in enumerate(pairwise(cut_ranges(part.sizes() + 1, PIECE))):
            yield bucket, place, pack_piece(part, low, high)
