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
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool import __version__
from segtool.errors import UsageError
from segtool.limits import LONGEST_WORD, MOST_IDS
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
from segtool.store.cards import CardFormat, is_whole, kind_of, write_array
from segtool.store.model import MODEL
from segtool.store.model_checks import MOST_COUNT, are_symbols
from segtool.text.folding import fold_table
from segtool.text.run_hashes import BUCKETS
from segtool.text.runs import CHUNK, LONGEST_RUN
from segtool.text.stats import ALWAYS, CorpusStats
from segtool.text.symbols import CODE_LIMIT

__all__ = ["SHARD", "SPILLED", "Shard", "ShardWriter", "check_duplicates", "open_shards", "refuse_folders"]

SHARD = CardFormat(
    name="segtool counts", version=1, what="shard", title="count shard", command="segtool count", verb="count"
)
SPILLED = replace(
    SHARD, what="temporary shard", advice="a disk fault? run the command again, with --tmp on another disk"
)
"""Shards that a process writes for itself when memory is short."""
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
    """A shard, read a block at a time.

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

    def __init__(self, path: Path, card: dict[str, Any], form: CardFormat = SHARD, room: int | None = None) -> None:
        self._most = max(Budget.of(None).room if room is None else room, LEAST) // UNPACKED_BYTES
        codes, written, frequency, written_counts, hash_sizes = (
            np.array(form.open_array(path, name, card, dtype)) for name, dtype in _SHARD_ARRAYS.items()
        )
        fault = _card_fault(card)
        if fault:
            raise form.damaged(path, fault)
        parameters, corpus = card["parameters"], card["corpus"]
        self._form = form
        self.path, self.codes, self.written, self.frequency = path, codes, written, frequency
        self.fold, self.order, self.corpus = parameters["fold"], parameters["order"], corpus
        for name, alphabet in (("symbols", codes), ("written", written)):
            ascends = alphabet[:3].tolist() == ALWAYS.tolist() and np.all(alphabet[1:] > alphabet[:-1])
            if not ascends or len(alphabet) >= MOST_IDS or alphabet[-1] >= CODE_LIMIT:
                raise form.wrong(path, f"{name}.npy", "no alphabet")
        counts = (
            ("frequency", frequency, len(codes)),
            ("written_counts", written_counts, len(written)),
            ("hash_sizes", hash_sizes, BUCKETS),
        )
        for name, numbers, length in counts:
            if len(numbers) != length or numbers.min() < 0 or numbers.max() > MOST_COUNT:
                raise form.wrong(path, f"{name}.npy", "no counts of this alphabet")
        if hash_sizes.sum() != written_counts.sum():
            raise form.wrong(path, "hash_sizes.npy", "its sum is not the size of the runs")
        self.stats = CorpusStats(written, written_counts, hash_sizes, int(corpus["digest"], 16), corpus["longest_run"])
        self._ngrams = BlockReader(form, path, "ngrams", card)
        self._runs = BlockReader(form, path, "runs", card)
        ends = self._ngrams.ends
        if len(ends) < 2 or ends[0] != 0 or ends[-1] != ends[-2]:
            raise self._ngrams.damaged("its index")
        if self._runs.ends[-1:].sum() != written_counts.sum():
            raise form.wrong(path, "written_counts.npy", "its sum is not the size of the runs")
        self._ends = ends[:-1]  # block i holds the bigrams from _ends[i - 1] to before _ends[i], block 0 none

    @classmethod
    def open(cls, path: str | os.PathLike[str], form: CardFormat = SHARD, room: int | None = None) -> Shard:
        """Open a shard; ModelError if it is missing, damaged, or of another format version.

        `form` words the errors: ``SPILLED`` for a shard that this or an earlier process wrote for itself. A block may
        take `room` bytes of memory, by default half of what is free.
        """
        folder = Path(path)
        return cls(folder, form.read(folder), form, room)

    def check_blocks(self) -> None:
        """Raise ModelError if a block is damaged."""
        for reader in (self._ngrams, self._runs):
            for i in range(len(reader.ends)):
                reader.read(i, len)

    @property
    def chunks(self) -> int:
        """Number of blocks of runs."""
        return len(self._runs.ends)

    def chunk(self, i: int) -> Ids:
        """Read the runs of a block: ids of characters as written; 0 before, between and behind the runs."""
        begin = int(self._runs.ends[i - 1]) if i else 0
        length = int(self._runs.ends[i]) - begin + 1
        return self._runs.read(i, lambda data: unpack_stream(data, length, len(self.written), self.stats.longest_run))

    def check_symbols(self) -> None:
        """Raise ModelError if the runs have other symbols than the n-grams, or some are no Han characters."""
        if not are_symbols(self.written):
            raise self._form.wrong(self.path, "written.npy", "it holds something else than Han characters")
        if not np.array_equal(np.unique(fold_table()[self.written] if self.fold else self.written), self.codes):
            raise self._form.wrong(self.path, "written.npy", "the runs have other symbols than the n-grams")

    @property
    def bigrams(self) -> Level:
        """The whole level 2, read anew each time; parents are first symbols."""
        symbols = len(self.codes)
        (level,) = self._ngrams.read(0, lambda data: unpack_levels(data, 0, symbols, 1, symbols, self._most))
        if len(level) != self._ends[-1]:
            raise self._ngrams.damaged("its bigrams")
        if np.any(self.frequency[level.symbol] == 0) or np.any(self.frequency[level.parent] == 0):
            raise self._ngrams.damaged("its bigrams have symbols that do not occur")
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


def _card_fault(card: dict[str, Any]) -> str:
    """Describe the first entry of a shard's card that makes no sense; empty if all do."""
    parameters, corpus = card.get("parameters"), card.get("corpus")
    if not isinstance(parameters, dict) or not isinstance(corpus, dict):
        return "it has no parameters or no corpus"
    if not isinstance(parameters.get("fold"), bool) or not is_whole(parameters.get("order"), 2, LONGEST_WORD + 1):
        return "its parameters are out of range"
    for name in ("files", "characters", "lines", "runs", "symbols", "ngrams"):
        if not is_whole(corpus.get(name, 0)):
            return f"its {name} are no whole number"
    if not is_whole(corpus.get("longest_run"), 0, LONGEST_RUN):
        return f"its longest_run is no whole number from 0 to {LONGEST_RUN:,}"
    digest = corpus.get("digest")
    return "" if isinstance(digest, str) and re.fullmatch("[0-9a-f]{16}", digest) else "its digest is none"


def refuse_folders(inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> None:
    """Raise UsageError if an input is a model or a shard, whose files would be read as text."""
    for each in [inputs] if isinstance(inputs, str | os.PathLike) else inputs or ():
        kind = kind_of(each)
        if kind == MODEL.name:
            raise UsageError(f"{os.fspath(each)} is a model, no text: continue from it with --base, and give text too")
        if kind == SHARD.name:
            raise UsageError(f"{os.fspath(each)} is a count shard, no text: learn from shards with --counts")


def check_duplicates(counts: object, allow_duplicates: bool) -> None:
    """Raise UsageError if duplicates are allowed where no shards are given."""
    if allow_duplicates and counts is None:
        raise UsageError("--allow-duplicates: only count shards are compared: pass them with --counts, or leave it out")


def open_shards(
    paths: Sequence[str | os.PathLike[str]], allow_duplicates: bool = False, room: int | None = None
) -> list[Shard]:
    """Open shards in order to add them up.

    Parameters
    ----------
    paths : sequence of path
    allow_duplicates : bool
        Whether two may hold the same runs, which then count twice.
    room : int, optional
        Bytes of memory for a block, by default half of what is free.

    Raises
    ------
    UsageError
        If there is none, their order or folding differ, or two hold the same runs.
    """
    if not paths:
        raise UsageError("no count shards were given: pass one or more")
    shards = [Shard.open(path, room=room) for path in paths]
    for shard in shards[1:]:
        both = f"{shards[0].path} and {shard.path}"
        if shard.fold != shards[0].fold:
            which = shard.path if not shard.fold else shards[0].path
            raise UsageError(f"{both} cannot be added up: only {which} was counted with --no-fold: count one again")
        if shard.order != shards[0].order:
            orders = f"{shards[0].order} and {shard.order} symbols"
            raise UsageError(f"{both} cannot be added up: n-grams of up to {orders}: count with one --max-word-len")
    known: dict[Any, Shard] = {}
    for shard in shards if not allow_duplicates else ():
        stats = shard.stats
        twin = known.setdefault((stats.digest, stats.runs, stats.symbols), shard)
        if twin is not shard and stats.runs:
            fault = f"{twin.path} and {shard.path} hold the same text, which would count twice"
            raise UsageError(f"{fault}: leave one out, or pass --allow-duplicates")
    return shards
