"""From blocks of text to a counted corpus: its runs and its n-grams.

Memory is bounded: when the runs in memory fill the room, they and their n-grams are written as a shard
(:mod:`segtool.ngrams.shards`), and the shards are merged at the end (:mod:`segtool.ngrams.merge`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segtool.errors import CorpusError, ModelError
from segtool.ngrams.count import count_stream
from segtool.ngrams.merge import merge_ngrams
from segtool.ngrams.shards import SPILLED, Shard, ShardWriter
from segtool.ngrams.table import NGrams
from segtool.runtime.budget import Budget
from segtool.store.files import as_output_errors
from segtool.text.runs import Corpus, RunCollector

__all__ = ["CorpusCounter", "Counted", "add_up", "collect_corpus", "write_shard"]


class Counted(NamedTuple):
    """A corpus and its n-grams."""

    corpus: Corpus
    ngrams: NGrams


def collect_corpus(blocks: Iterable[str], fold: bool = True, budget: Budget | None = None) -> Corpus:
    """Turn blocks of text, which end every run, into runs in memory.

    Raises
    ------
    CorpusError
        If there is no Han character.
    UsageError
        If the runs do not fit into the budget, by default half of the free memory.
    """
    budget = budget or Budget.of(None)
    collector = RunCollector()
    read = False
    for block in blocks:
        read = read or bool(block)
        collector.add(block)
        budget.check_symbols(collector.positions)
    return _checked(Corpus([collector], fold), read)


def _checked(corpus: Corpus, read: bool) -> Corpus:
    """Return a corpus, or raise an error if there is nothing to learn from it."""
    if not read:
        raise CorpusError("the corpus is empty: pass a file with Chinese text (or a larger --sample)")
    if corpus.codes[-1] <= 2:
        raise CorpusError("the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8")
    return corpus


class CorpusCounter:
    """Counts blocks of text: `room` symbols at a time in memory, all before them in `shards`.

    `folder` returns the folder for shards; it is called when the first one is written.
    """

    def __init__(self, order: int, fold: bool, room: int, folder: Callable[[], Path], workers: int = 1) -> None:
        self._order, self._fold, self._room, self._folder, self._workers = order, fold, room, folder, workers
        self._collector = RunCollector()
        self._read = False
        self.shards: list[Path] = []

    def add(self, block: str) -> None:
        """Count a block, which ends every run."""
        self._read = self._read or bool(block)
        self._collector.add(block)
        if self._collector.positions >= self._room:
            self.spill()

    def spill(self) -> None:
        """Write the runs in memory and their n-grams as a shard, if there are any or no shard exists yet."""
        if self.shards and not self._collector.positions:
            return
        path = self._folder() / f"spill-{len(self.shards):05}"
        with as_output_errors(path.parent):
            shutil.rmtree(path, ignore_errors=True)  # left by a training that was killed
            path.mkdir()
            write_shard(path, self._count(Corpus([self._collector], self._fold), 1))
        self.shards.append(path)
        self._collector = RunCollector()

    def take(self, shards: Sequence[Path], read: bool = True) -> None:
        """Add shards that another counter wrote; `read` is whether there was any text."""
        self.shards += shards
        self._read = self._read or read

    def resume(self, names: Sequence[str]) -> bool:
        """Add the shards that another counter of the same text wrote, by name; False if one of them is damaged."""
        if not all(isinstance(name, str) and name == os.path.basename(name) for name in names):
            return False
        paths = [self._folder() / name for name in names]
        try:
            for path in paths:
                shard = Shard.open(path, SPILLED)
                shard.check_symbols()
                shard.check_blocks()
        except ModelError:
            return False
        self.take(paths)
        return True

    def _count(self, corpus: Corpus, least: int) -> Counted:
        stream = corpus.whole().stream
        return Counted(corpus, count_stream(stream, corpus.codes, self._order, self._workers, least))

    def finish(self, least: int, room: int, keep: bool = True) -> Counted:
        """Return the corpus and its n-grams.

        Parameters
        ----------
        least : int
            N-grams of two symbols or more that occur less often in all may be left out.
        room : int
            N-grams that are merged at a time, in each thread.
        keep : bool
            Whether merged n-grams are kept in the folder, to be read more than once.

        Raises
        ------
        CorpusError
            If there was no text, or no Han character in it.
        """
        if not self.shards:
            return self._count(_checked(Corpus([self._collector], self._fold), self._read), least)
        self.spill()
        shards = [Shard.open(path, SPILLED) for path in self.shards]
        _checked(Corpus(shards, self._fold), self._read)
        return add_up(shards, least, room, self._workers, self._folder if keep else None)


def add_up(
    shards: Sequence[Shard],
    least: int,
    room: int,
    workers: int = 1,
    folder: Callable[[], Path] | None = None,
) -> Counted:
    """Merge shards of one order and folding; `least` and `room` are as for :func:`segtool.ngrams.merge.merge_ngrams`.

    With a `folder`, merged n-grams are kept there, or those of an earlier training there are used; without one they are
    merged again each time they are read.
    """
    for shard in shards:
        shard.check_symbols()
    corpus = Corpus(shards, shards[0].fold)
    if len(shards) == 1:
        return Counted(corpus, shards[0])
    if folder is None:
        return Counted(corpus, merge_ngrams(shards, room, workers, least))
    path = folder() / "merged"
    merged = _open_merged(path, corpus, shards[0].order)
    if merged is None:
        shutil.rmtree(path, ignore_errors=True)
        beside = path.with_suffix(".tmp")
        with as_output_errors(path.parent):
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            write_shard(beside, Counted(Corpus([], corpus.fold), merge_ngrams(shards, room, workers, least)))
            os.replace(beside, path)
        merged = Shard.open(path, SPILLED)
    return Counted(corpus, merged)


def _open_merged(path: Path, corpus: Corpus, order: int) -> Shard | None:
    """Open the n-grams that an earlier training merged, if they are there and of this corpus."""
    try:
        merged = Shard.open(path, SPILLED)
        merged.check_blocks()
    except ModelError:
        return None
    fits = np.array_equal(merged.codes, corpus.codes) and merged.order == order
    return merged if fits else None


def write_shard(folder: Path, counted: Counted, reading: dict[str, Any] | None = None) -> int:
    """Write a shard to an empty directory, with entries on the corpus; returns the number of different n-grams."""
    corpus, ngrams = counted
    bigrams, types = ngrams.bigrams, np.zeros(ngrams.order, np.int64)
    types[:2] = np.count_nonzero(ngrams.frequency[1:]), len(bigrams)
    with ShardWriter(folder, ngrams.codes, corpus.stats.written, corpus.fold, ngrams.order) as writer:
        for stream in corpus.written_chunks():
            writer.add_runs(stream)
        writer.add_bigrams(ngrams.frequency, bigrams)
        for part in ngrams.slices():
            types[2:] += np.array([len(level) for level in part.levels], np.int64)
            writer.add_slice(part)
        sizes = {"runs": corpus.stats.runs, "symbols": corpus.stats.symbols}
        writer.finish({"ngrams": int(types.sum()), "types": types.tolist()} | sizes | (reading or {}))
    return int(types.sum())
