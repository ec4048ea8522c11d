"""Count shards: the n-grams of a corpus and its runs, in a directory.

``segtool count`` writes a shard, training writes them when memory is short, and shards made on many machines can be
added up (:mod:`segtool.ngrams.merge`). A card (:mod:`segtool.store.cards`) holds the checksums of the files:

======================  =======================================================================================
file                    content
======================  =======================================================================================
``symbols.npy``         code of each symbol id of the n-grams (uint32, ascending); folded characters share one
``written.npy``         code of each symbol id of the runs: the characters as written (uint32, ascending)
``frequency.npy``       occurrences of each symbol of the n-grams; of the boundary, number of runs (int64)
``written_counts.npy``  the same of the runs
``hash_sizes.npy``      symbols of the runs by the highest bits of their hashes (int64;
                        :mod:`segtool.text.run_hashes`)
``ngrams.bin``          blocks: all bigrams; n-grams of three symbols or more, by ranges of bigrams; the number of
                        these that begin with each bigram
``ngrams_index.npy``    a record (:mod:`segtool.ngrams.blocks`) for each block; its range of bigrams ends
                        before `end`
``runs.bin``            blocks: the runs in the order of the corpus, 0 before, between and behind them
``runs_index.npy``      a record for each block; `end` is the place of its last boundary, which the next block shares
======================  =======================================================================================

The cuts between blocks depend on the content alone: the same n-grams and runs give the same bytes (with the same zlib),
however they were counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool import __version__
from segtool.errors import ModelError, UsageError
from segtool.ngrams.blocks import (
    UNPACKED_BYTES,
    BlockReader,
    BlockWriter,
    pack_levels,
    pack_numbers,
    pack_stream,
    unpack_levels,
    unpack_numbers,
    unpack_stream,
)
from segtool.ngrams.table import Level, Slice, join_slices
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.budget import LEAST, Budget
from segtool.store.cards import CardFormat, write_array
from segtool.text.run_hashes import BUCKETS
from segtool.text.runs import CHUNK
from segtool.text.stats import CorpusStats

__all__ = ["SHARD", "Shard", "ShardWriter", "open_shards"]

SHARD = CardFormat(
    name="segtool counts", version=1, what="shard", title="count shard", command="segtool count", verb="count"
)
NGRAMS_PER_BLOCK = 1 << 14
"""Least number of n-grams of three symbols or more in a block. Reading those of one bigram decodes a whole block."""


class ShardWriter:
    """Writes a shard to an empty directory, in a ``with`` statement.

    `codes` and `written` have the code of each symbol id of the n-grams and of the runs (:class:`Shard`). Every method
    raises OSError if the disk fails or is full.
    """

    def __init__(self, folder: Path, codes: Codes, written: Codes, fold: bool, order: int) -> None:
        self._folder, self._codes, self._written = folder, codes, written
        self._parameters = {"fold": bool(fold), "order": int(order)}
        self._frequency: Integers | None = None
        self._bigrams = 0
        self._sizes: list[npt.NDArray[np.int32]] = []
        self._slices: list[Slice] = []  # of the open block
        self._counted = 0  # bigrams before the next slice
        self._filled = 0  # n-grams in the open block
        self._stream = np.zeros(0, np.uint16)  # the open block of runs, without its last boundary
        self._stats = CorpusStats.of(np.zeros(1, np.uint16), written)
        self._ngrams = BlockWriter(folder, "ngrams")
        self._runs = BlockWriter(folder, "runs")

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._ngrams.close()
        finally:
            self._runs.close()

    def add_runs(self, stream: Ids) -> None:
        """Append runs.

        Parameters
        ----------
        stream : ndarray of uint16, shape (n,)
            Ids of characters as written; 0 before, between and behind the runs.
        """
        if not len(stream) or stream[0] or stream[-1] or stream.max() >= len(self._written):
            raise UsageError("runs of a count shard begin and end with a boundary, and have symbols of its alphabet")
        joined = np.concatenate([self._stream, stream[:-1]])
        boundaries = np.append(np.flatnonzero(joined == 0), len(joined))
        begin = 0
        while len(joined) - begin >= CHUNK:
            end = int(boundaries[np.searchsorted(boundaries, begin + CHUNK)])
            self._add_run_block(joined[begin:end])
            begin = end
        self._stream = joined[begin:].copy()

    def _add_run_block(self, stream: Ids) -> None:
        block = np.append(stream, np.uint16(0))
        self._stats += CorpusStats.of(block, self._written)
        self._runs.add(pack_stream(block), self._runs.end + len(stream))

    def add_bigrams(self, frequency: Integers, bigrams: Level) -> None:
        """Write the n-grams of one symbol (first the number of runs) and of two, before the first slice."""
        self._frequency, self._bigrams = frequency, len(bigrams)
        self._ngrams.add(pack_levels([bigrams], 0, len(self._codes)), 0)

    def add_slice(self, part: Slice) -> None:
        """Append n-grams of three symbols or more, whose range of bigrams follows that of the slice before."""
        if part.low != self._counted or part.high > self._bigrams or self._frequency is None:
            raise UsageError("slices of a count shard follow one another, behind the bigrams that they begin with")
        sizes = part.sizes()
        self._sizes.append(sizes.astype(np.int32))
        sums = np.cumsum(sizes) + self._filled
        places, full = [part.low], 0
        while (at := int(np.searchsorted(sums, full + NGRAMS_PER_BLOCK))) < len(sums):
            places.append(part.low + at + 1)
            full = int(sums[at])
        for low, high in pairwise(places):
            self._slices.append(part.part(low, high))
            self._add_ngram_block()
        self._slices.append(join_slices([part.part(places[-1], part.high)]))  # a copy, so that the slice can go
        self._filled += int(sizes.sum()) - full
        self._counted = part.high

    def _add_ngram_block(self) -> None:
        block = join_slices(self._slices)
        self._ngrams.add(pack_levels(block.levels, block.low, block.high), block.high)
        self._slices = []

    def finish(self, corpus: dict[str, Any]) -> None:
        """Write the open blocks and the card, which holds the JSON entries `corpus`."""
        if self._counted != self._bigrams or self._frequency is None:
            raise UsageError(f"a count shard ends behind its last bigram: {self._counted} of {self._bigrams} are there")
        if len(self._stream):
            self._add_run_block(self._stream)
        if self._ngrams.end < self._bigrams:
            self._add_ngram_block()
        sizes = np.concatenate([np.zeros(0, np.int32), *self._sizes]).astype(np.int64)
        self._ngrams.add(pack_numbers(sizes), self._bigrams)
        files = self._ngrams.finish() | self._runs.finish()
        stats = self._stats
        arrays = self._codes, stats.written, self._frequency, stats.counts, stats.hash_sizes
        for (name, dtype), array in zip(_SHARD_ARRAYS.items(), arrays, strict=True):
            files |= write_array(self._folder, name, array.astype(dtype))
        runs = {"digest": f"{stats.digest:016x}", "longest_run": stats.longest_run}
        entries = {"corpus": corpus | runs, "parameters": self._parameters, "segtool_version": __version__}
        SHARD.write(self._folder, entries, files)


_SHARD_ARRAYS = {"symbols": "<u4", "written": "<u4", "frequency": "<i8", "written_counts": "<i8", "hash_sizes": "<i8"}


class Shard:
    """A shard, read a block at a time; `room` is the memory for a block, in bytes.

    It is both a :class:`segtool.text.runs.CorpusPart` and :class:`segtool.ngrams.table.NGrams`. Several
    threads may read at a time. Every read raises :class:`segtool.errors.ModelError` if a file is damaged or cannot be
    read.

    Attributes
    ----------
    codes, written : ndarray of uint32
        Code of each symbol id of the n-grams, and of the runs, ascending; first the boundary, ``NUM`` and ``LAT``.
    frequency : ndarray of int64, shape (symbols,)
        Occurrences of each symbol; entry 0 is the number of runs.
    fold : bool
        Whether characters that fold to one were counted as one.
    order : int
        Length of the longest n-grams.
    stats : CorpusStats
        Statistics of the runs.
    corpus : dict
        Entries of the card on the corpus.
    """

    def __init__(self, path: Path, card: dict[str, Any], room: int) -> None:
        self._most = max(room, LEAST) // UNPACKED_BYTES
        codes, written, frequency, written_counts, hash_sizes = (
            np.array(SHARD.open_array(path, name, card, dtype)) for name, dtype in _SHARD_ARRAYS.items()
        )
        parameters, corpus = card.get("parameters"), card.get("corpus")
        if not isinstance(parameters, dict) or not isinstance(corpus, dict):
            raise SHARD.damaged(path)
        fold, order = parameters.get("fold"), parameters.get("order")
        if not isinstance(fold, bool) or not isinstance(order, int) or not 2 <= order <= 16:
            raise SHARD.damaged(path)
        self.path, self.codes, self.written, self.frequency = path, codes, written, frequency
        self.fold, self.order, self.corpus = fold, order, corpus
        try:
            digest, longest_run = int(corpus["digest"], 16), int(corpus["longest_run"])
        except (KeyError, TypeError, ValueError):
            raise SHARD.damaged(path) from None
        for name, alphabet in (("symbols", codes), ("written", written)):
            if alphabet[:3].tolist() != [0, 1, 2] or len(alphabet) > 1 << 16 or np.any(alphabet[1:] <= alphabet[:-1]):
                raise ModelError(f"{path / name}.npy: damaged (no alphabet): {SHARD.fix}")
        if len(frequency) != len(codes) or frequency.min() < 0:
            raise ModelError(f"{path / 'frequency.npy'}: damaged (no counts of this alphabet): {SHARD.fix}")
        if len(written_counts) != len(written) or len(hash_sizes) != BUCKETS:
            raise ModelError(f"{path / 'written_counts.npy'}: damaged (no counts of this alphabet): {SHARD.fix}")
        self.stats = CorpusStats(written, written_counts, hash_sizes, digest, longest_run)
        self._ngrams = BlockReader(SHARD, path, "ngrams", card)
        self._runs = BlockReader(SHARD, path, "runs", card)
        ends = self._ngrams.ends
        if len(ends) < 2 or ends[0] != 0 or ends[-1] != ends[-2]:
            raise self._ngrams.damaged("its index")
        self._ends = ends[:-1]  # block i holds the bigrams from _ends[i - 1] to before _ends[i], block 0 none

    @classmethod
    def open(cls, path: str | os.PathLike[str], room: int | None = None) -> Shard:
        """Open a shard; ModelError if it is missing, damaged, or of another format version.

        A block may take `room` bytes of memory, by default half of what is free.
        """
        folder = Path(path)
        return cls(folder, SHARD.read(folder), Budget.of(None).room if room is None else room)

    @property
    def chunks(self) -> int:
        """Number of blocks of runs."""
        return len(self._runs.ends)

    def chunk(self, i: int) -> Ids:
        """Read the runs of a block: ids of characters as written; 0 before, between and behind the runs."""
        begin = int(self._runs.ends[i - 1]) if i else 0
        length = int(self._runs.ends[i]) - begin + 1
        return self._runs.read(i, lambda data: unpack_stream(data, length, len(self.written)))

    @property
    def bigrams(self) -> Level:
        """The whole level 2, read anew each time; parents are first symbols."""
        symbols = len(self.codes)
        (level,) = self._ngrams.read(0, lambda data: unpack_levels(data, 0, symbols, 1, symbols, self._most))
        if len(level) != self._ends[-1]:
            raise self._ngrams.damaged("its bigrams")
        return level

    def sizes(self) -> Integers:
        """Number of n-grams of three symbols or more that begin with each bigram."""
        return self._ngrams.read(len(self._ends), lambda data: unpack_numbers(data, int(self._ends[-1]), self._most))

    def slice(self, low: int, high: int) -> Slice:
        """N-grams of three symbols or more that begin with one of the bigrams from `low` to before `high`."""
        first = int(np.searchsorted(self._ends, low, "right"))
        last = int(np.searchsorted(self._ends, high, "left"))
        pieces = []
        for i in range(first, last + 1) if low < high else ():
            block = self._block(i)
            pieces.append(block.part(max(low, block.low), min(high, block.high)))
        return join_slices(pieces) if pieces else Slice(low, high, (Level.empty(),) * (self.order - 2))

    def _block(self, i: int) -> Slice:
        low, high = int(self._ends[i - 1]), int(self._ends[i])

        def unpack(data: bytes) -> Slice:
            return Slice(low, high, unpack_levels(data, low, high, self.order - 2, len(self.codes), self._most))

        return self._ngrams.read(i, unpack)

    def slices(self) -> Iterator[Slice]:
        """All n-grams of three symbols or more, a slice for each block."""
        return map(self._block, range(1, len(self._ends)))


def open_shards(paths: Sequence[str | os.PathLike[str]], room: int | None = None) -> list[Shard]:
    """Open shards in order to add them up; UsageError if there is none, or their order or folding differ."""
    if not paths:
        raise UsageError("no count shards were given: pass one or more")
    shards = [Shard.open(path, room) for path in paths]
    for shard in shards[1:]:
        both = f"{shards[0].path} and {shard.path}"
        if shard.fold != shards[0].fold:
            which = shard.path if not shard.fold else shards[0].path
            raise UsageError(f"{both} cannot be added up: only {which} was counted with --no-fold: count one again")
        if shard.order != shards[0].order:
            orders = f"{shards[0].order} and {shard.order} symbols"
            raise UsageError(f"{both} cannot be added up: n-grams of up to {orders}: count with one --max-word-len")
    return shards
