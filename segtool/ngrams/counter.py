"""Counting a corpus: blocks of text in, its runs and the counts of its n-grams out.

What is held in memory is bounded: when the runs at hand are as many as there is room for, they and their counts are
written as a shard (:mod:`segtool.ngrams.shards`), and in the end the shards are merged (:mod:`segtool.ngrams.merge`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from segtool.errors import CorpusError, ModelError, UsageError
from segtool.ngrams.count import count_stream
from segtool.ngrams.merge import merge_counts
from segtool.ngrams.shards import SHARD, Shard, ShardWriter, open_shards
from segtool.ngrams.table import SlicedCounts
from segtool.runtime.budget import Budget
from segtool.runtime.progress import Progress
from segtool.runtime.workers import checked_workers
from segtool.store.cards import CARD
from segtool.store.checkpoints import WorkFolder, work_location
from segtool.store.files import as_output_errors, atomic_directory
from segtool.text.reading import ReadingReport, open_blocks
from segtool.text.runs import Corpus, RunCollector
from segtool.text.sources import ReadReport

__all__ = ["CorpusCounter", "Counted", "CountingEngine", "add_up", "checked_runs", "collect_runs", "write_shard"]


@dataclass(frozen=True)
class Counted:
    """A corpus that has been counted.

    Attributes
    ----------
    runs : Corpus
    counts : SlicedCounts
    """

    runs: Corpus
    counts: SlicedCounts


@runtime_checkable
class CountingEngine(Protocol):
    """Reads and counts text; one that also runs passes is an :class:`segtool.lexicon.passes.Engine`, too."""

    def count(
        self,
        inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        order: int,
        fold: bool,
        work: WorkFolder,
        reading: ReadReport,
        encoding: str,
        skip_undecodable: bool,
    ) -> list[Path]:
        """Write count shards of the inputs; see :meth:`segtool.spark.engine.SparkEngine.count`."""


def collect_runs(blocks: Iterable[str], fold: bool = True) -> Corpus:
    """Turn text into runs, in memory.

    Parameters
    ----------
    blocks : iterable of str
        A block ends every run.
    fold : bool
        Whether characters that fold to one count as one, as the model's settings say.

    Returns
    -------
    Corpus

    Raises
    ------
    CorpusError
        If there is no text, or no Han character in it.
    """
    collector = RunCollector()
    read = False
    for block in blocks:
        read = read or bool(block)
        collector.add(block)
    return checked_runs(Corpus([collector], fold), read)


def checked_runs(runs: Corpus, read: bool) -> Corpus:
    """Return runs if there is something to learn from them."""
    if not read:
        raise CorpusError("the corpus is empty: pass a file with Chinese text (or a larger --sample)")
    if runs.codes[-1] <= 2:
        raise CorpusError("the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8")
    return runs


class CorpusCounter:
    """Takes blocks of text and counts them, in memory as long as there is room.

    Parameters
    ----------
    order : int
        Length of the longest n-grams, in symbols.
    fold : bool
        Whether characters that fold to one count as one.
    room : int
        Symbols that are held in memory.
    folder : callable
        Gives the folder for shards, when the first one is to be written.
    workers : int
        Threads. The result does not depend on it.

    Attributes
    ----------
    shards : list of Path
        Those that have been written.
    """

    def __init__(self, order: int, fold: bool, room: int, folder: Callable[[], Path], workers: int = 1) -> None:
        self._order, self._fold, self._room, self._folder, self._workers = order, fold, room, folder, workers
        self._collector = RunCollector()
        self._read = False
        self.shards: list[Path] = []

    def add(self, block: str) -> None:
        """Count a block, which ends every run.

        Raises
        ------
        CorpusError
            If the corpus holds too many different characters.
        OutputError
            If a shard cannot be written.
        """
        self._read = self._read or bool(block)
        self._collector.add(block)
        if self._collector.positions >= self._room:
            self.spill()

    def go_on(self, names: Sequence[str]) -> bool:
        """Take what another counter of the same text wrote; False, and nothing is taken, if it is damaged.

        Parameters
        ----------
        names : sequence of str
            Of its shards.
        """
        paths = [self._folder() / name for name in names]
        try:
            for path in paths:
                Shard.open(path)
        except ModelError:
            return False
        self.take(paths, True)
        return True

    def spill(self) -> None:
        """Write what is in memory as a shard, if there is something or no shard yet."""
        if self.shards and not self._collector.positions:
            return
        path = self._folder() / f"spill-{len(self.shards):05}"
        with as_output_errors(path.parent):
            shutil.rmtree(path, ignore_errors=True)  # of a training that was killed
            path.mkdir()
            write_shard(path, self._count(Corpus([self._collector], self._fold), 1), self._fold, {})
        self.shards.append(path)
        self._collector = RunCollector()

    def take(self, shards: Sequence[Path], read: bool) -> None:
        """Take shards that another counter wrote.

        Parameters
        ----------
        shards : sequence of Path
            In the folder of this one.
        read : bool
            Whether there was any text.
        """
        self.shards += shards
        self._read = self._read or read

    def _count(self, runs: Corpus, least: int) -> Counted:
        return Counted(runs, count_stream(runs.whole().stream, runs.codes, self._order, self._workers, least))

    def finish(self, least: int, room: int, keep: bool = True) -> Counted:
        """Give all that was counted.

        Parameters
        ----------
        least : int
            N-grams of two symbols or more that occur less often in all may be left out.
        room : int
            N-grams that are merged at a time, in each thread.
        keep : bool
            Whether merged counts are kept, to be gone through more than once.

        Returns
        -------
        Counted

        Raises
        ------
        CorpusError
            If there was no text, or no Han character in it.
        """
        if not self.shards:
            runs = checked_runs(Corpus([self._collector], self._fold), self._read)
            return self._count(runs, least)
        self.spill()
        shards = [Shard.open(path) for path in self.shards]
        checked_runs(Corpus(shards, self._fold), self._read)
        return add_up(shards, least, room, self._workers, self._folder if keep else None)


def add_up(shards: Sequence[Shard], least: int, room: int, workers: int, folder: Callable[[], Path] | None) -> Counted:
    """Merge shards.

    Parameters
    ----------
    shards : sequence of Shard
        Counted alike.
    least, room, workers : int
        As for :func:`segtool.ngrams.merge.merge_counts`.
    folder : callable, optional
        Gives the folder to keep the merged counts in, which are there already if a training goes on; without it they
        are merged anew each time they are gone through.

    Returns
    -------
    Counted

    Raises
    ------
    OutputError
        If that folder cannot be written.
    """
    runs = Corpus(shards, shards[0].fold)
    if len(shards) == 1:
        return Counted(runs, shards[0].counts())
    if folder is None:
        return Counted(runs, merge_counts(shards, room, workers, least))
    path = folder() / "merged"
    if not path.exists():
        beside = path.with_suffix(".tmp")
        with as_output_errors(path.parent):
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            merged = Counted(Corpus([], runs.fold), merge_counts(shards, room, workers, least))
            write_shard(beside, merged, runs.fold, {})
            os.replace(beside, path)
    return Counted(runs, Shard.open(path).counts())


@dataclass
class CountingReport(ReadingReport):
    """What was read and counted.

    Attributes
    ----------
    runs, symbols, ngrams : int
        How many there are; of n-grams, how many different ones.
    order : int
        Length of the longest n-grams, in symbols.
    reading, stages
        See :class:`segtool.text.reading.ReadingReport`.
    """

    runs: int = 0
    symbols: int = 0
    ngrams: int = 0
    order: int = 0


def count(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    output: str | os.PathLike[str],
    *,
    texts: Iterable[str] | None = None,
    counts: Sequence[str | os.PathLike[str]] | None = None,
    max_word_len: int = 6,
    fold: bool = True,
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    workers: int | None = None,
    memory: int | str | None = None,
    tmp: str | os.PathLike[str] | None = None,
    engine: CountingEngine | None = None,
    progress: bool = False,
    report: CountingReport | None = None,
) -> None:
    """Count the n-grams of raw text, and write them as a shard to learn from (``train(counts=[...])``).

    Parameters
    ----------
    inputs : path or sequence of paths or None
        Files, directories, globs, ``"-"`` for standard input; plain or compressed.
    output : path
        Directory to write.
    texts : iterable of str, optional
        Texts to count instead of `inputs`.
    counts : sequence of path, optional
        Shards to add up instead.
    max_word_len : int
        Longest word that can be learned from the counts, in symbols; 1 to 15.
    fold : bool
        Whether simplified and traditional characters count as one (:mod:`segtool.text.folding`).
    encoding, skip_undecodable, workers, memory, tmp, progress
        As for :func:`segtool.train`.
    engine : CountingEngine, optional
        Counts on a cluster (:mod:`segtool.spark.session`).
    report : CountingReport, optional
        Filled with what was read and counted.

    Raises
    ------
    UsageError
        If a parameter makes no sense.
    InputError, EncodingError
        If an input cannot be read.
    CorpusError
        If there is no Han character in the text.
    ModelError
        If a shard is missing or damaged.
    OutputError
        If the shard or temporary files cannot be written.
    """
    if [inputs, texts, counts].count(None) != 2:
        raise UsageError("count() takes either inputs (files), or texts, or counts (shards)")
    if not 1 <= max_word_len <= 15:
        raise UsageError(f"--max-word-len {max_word_len}: choose 1 to 15")
    report = report if report is not None else CountingReport()
    watch = Progress(progress, report.stages)
    workers = checked_workers(workers)
    budget = Budget.of(memory)
    order = max_word_len + 1
    with ExitStack() as stack:
        SHARD.check_target(output)
        folder = stack.enter_context(atomic_directory(output, marker=CARD))
        work = WorkFolder(stack, *work_location(output, tmp, resume=False), "", resume=False)
        if tmp is not None:
            work.check()
        if counts is not None:
            shards = open_shards(counts)
            order, fold = shards[0].order, shards[0].fold
            told_by_shards(shards, report.reading)
            counted = add_up(shards, 1, budget.ngrams(workers), workers, None)
        else:
            counter = CorpusCounter(order, fold, budget.symbols, work, workers)
            if engine is not None and inputs is not None:
                with watch.stage("read"):
                    paths = engine.count(inputs, order, fold, work, report.reading, encoding, skip_undecodable)
                    counter.take(paths, report.reading.lines > 0)
            else:
                with open_blocks(inputs, texts, encoding, skip_undecodable, watch, report.reading) as blocks:
                    for block in blocks:
                        counter.add(block)
            with watch.stage("count"):
                counted = counter.finish(1, budget.ngrams(workers), keep=False)
        report.runs, report.symbols, report.order = counted.runs.stats.runs, counted.runs.stats.symbols, order
        reading = {name: getattr(report.reading, name) for name in ("files", "lines", "characters")}
        with watch.stage("write"):
            report.ngrams = write_shard(folder, counted, fold, reading)


def told_by_shards(shards: Sequence[Shard], reading: ReadReport) -> None:
    """Note what was read to make shards."""
    for shard in shards:
        for name in ("files", "lines", "characters"):
            setattr(reading, name, getattr(reading, name) + int(shard.corpus.get(name, 0)))


def write_shard(folder: Path, counted: Counted, fold: bool, corpus: dict[str, Any]) -> int:
    """Write a corpus that has been counted as a shard.

    Parameters
    ----------
    folder : Path
        An empty directory.
    counted : Counted
    fold : bool
    corpus : dict
        What the card says of it.

    Returns
    -------
    int
        How many different n-grams there are.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    stats, counts = counted.runs.stats, counted.counts
    types = np.zeros(counts.order, np.int64)
    types[:2] = np.count_nonzero(counts.frequency[1:]), len(counts.bigrams)
    with ShardWriter(folder, counts.codes, stats.written, fold, counts.order) as writer:
        for stream in counted.runs.written_chunks():
            writer.add_runs(stream)
        writer.add_bigrams(counts.frequency, counts.bigrams)
        for part in counts.slices():
            types[2:] += np.array([len(level) for level in part.levels], np.int64)
            writer.add_slice(part)
        found = {"ngrams": int(types.sum()), "types": types.tolist(), "runs": stats.runs, "symbols": stats.symbols}
        writer.finish(found | corpus)
    return int(types.sum())
