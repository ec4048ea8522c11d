"""Counting as a stage: read text and count it, on this machine or a cluster, or add up count shards.

:func:`count` writes the result as a shard, training scores it. Where shards are written to the work folder, a
checkpoint records them, so that a training that is killed and resumed need not read the text again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from segtool.arguments import checked_texts, names_checked
from segtool.errors import UsageError
from segtool.ngrams.counter import CorpusCounter, Counted, add_up, write_shard
from segtool.ngrams.shards import SHARD, Shard, check_duplicates, open_shards, refuse_folders
from segtool.runtime.budget import Budget
from segtool.runtime.progress import Progress
from segtool.runtime.workers import checked_workers
from segtool.settings import CandidateSettings, TrainingSettings
from segtool.store.cards import CARD, is_whole
from segtool.store.checkpoints import WorkFolder, work_location
from segtool.store.files import atomic_directory
from segtool.text.reading import ReadingReport, TextInput
from segtool.text.sources import ReadReport

__all__ = ["Counting", "CountingEngine", "CountingReport", "count"]

READ = ("files", "lines", "characters")
"""Attributes of :class:`segtool.text.sources.ReadReport` that a shard's card holds."""
RECORDED = (*READ, "bytes", "skipped_lines")
"""Those that a checkpoint holds."""


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
        unique_lines: bool,
    ) -> list[Path]:
        """Write count shards of the inputs; see :meth:`segtool.spark.engine.SparkEngine.count`."""


@dataclass(frozen=True)
class Counting:
    """How a corpus is counted.

    Attributes
    ----------
    order : int
        Length of the longest n-grams, in symbols.
    fold : bool
        Whether characters that fold to one count as one.
    work : WorkFolder
        Receives what does not fit into the memory of `budget`.
    least : int
        N-grams of two symbols or more that occur less often in all may be left out.
    keep : bool
        Whether merged n-grams are kept in the work folder, to be read more than once.
    """

    order: int
    fold: bool
    work: WorkFolder
    budget: Budget
    workers: int
    least: int = 1
    keep: bool = False

    def count(self, text: TextInput, watch: Progress, reading: ReadReport, engine: Any = None) -> Counted:
        """Read and count text, unless a checkpoint holds the result; `reading` is filled with what was read.

        A :class:`CountingEngine` as `engine` counts files in place of this process.

        Raises
        ------
        UsageError
            If lines are sampled or joined for an engine.
        CorpusError
            If there is no Han character in the text.
        """
        counter = CorpusCounter(self.order, self.fold, self.budget.symbols, self.work, self.workers)
        elsewhere = text.inputs is not None and isinstance(engine, CountingEngine)
        ordered = [flag for flag in text.flags_of_lines if flag != "--unique-lines"]
        if elsewhere and ordered:
            way = "do it before" + ", or by segtool count on one machine" * (ordered[0] == "--join-lines")
            raise UsageError(f"{ordered[0]}: needs the lines in their order, which no cluster keeps: {way}")
        if not self._resume(counter, reading):
            if elsewhere:
                how = self.order, self.fold, self.work, reading
                lines = text.encoding, text.skip_undecodable, text.unique_lines
                with watch.stage("read"):
                    counter.take(engine.count(text.inputs, *how, *lines), reading.lines > 0)
            else:
                with text.open(watch, reading) as blocks:
                    for block in blocks:
                        counter.add(block)
            if self.work.entered:
                counter.spill()
                self._save(counter, reading)
        with watch.stage("count"):
            return counter.finish(self.least, self.budget.ngrams(self.workers), self.keep)

    def add_up(self, shards: Sequence[Shard], watch: Progress, reading: ReadReport) -> Counted:
        """Add up shards; UsageError if they were counted with another folding or shorter n-grams."""
        path, fold, order = shards[0].path, shards[0].fold, shards[0].order
        if fold != self.fold:
            raise UsageError(f"{path}: counted with --{'' if fold else 'no-'}fold: train with it, too")
        if order < self.order:
            raise UsageError(
                f"{path}: n-grams of up to {order} symbols were counted, and {self.order} are needed: "
                "count with a greater --max-word-len, or train with a smaller one"
            )
        for shard in shards:
            for name in READ:
                setattr(reading, name, getattr(reading, name) + int(shard.corpus.get(name, 0)))
        with watch.stage("count"):
            folder = self.work if self.keep else None
            return add_up(shards, self.least, self.budget.ngrams(self.workers), self.workers, folder)

    def _resume(self, counter: CorpusCounter, reading: ReadReport) -> bool:
        """Load the checkpoint of an earlier training, if there is one."""
        known = self.work.checkpoints.load("counted")
        if known is None:
            return False
        try:
            record = json.loads(known["record"].tobytes().decode())
        except (KeyError, ValueError, RecursionError):
            return False
        if not isinstance(record, dict) or record.keys() != {"shards", *RECORDED}:
            return False
        names = record.pop("shards")
        if not isinstance(names, list) or not all(map(is_whole, record.values())) or not counter.resume(names):
            return False
        for name, value in record.items():
            setattr(reading, name, value)
        return True

    def _save(self, counter: CorpusCounter, reading: ReadReport) -> None:
        """Save a checkpoint: the shards, and what was read."""
        record = {name: getattr(reading, name) for name in RECORDED}
        text = json.dumps(record | {"shards": [path.name for path in counter.shards]})
        self.work.checkpoints.save("counted", record=np.frombuffer(text.encode(), np.uint8))


@dataclass
class CountingReport(ReadingReport):
    """Sizes of a text that was counted; `ngrams` are the different ones of up to `order` symbols."""

    runs: int = 0
    symbols: int = 0
    ngrams: int = 0
    order: int = 0


@names_checked
def count(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    output: str | os.PathLike[str],
    *,
    texts: Iterable[str] | None = None,
    counts: Sequence[str | os.PathLike[str]] | None = None,
    allow_duplicates: bool = False,
    max_word_len: int = CandidateSettings.max_word_len,
    fold: bool = CandidateSettings.fold,
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    join_lines: int = TrainingSettings.join_lines,
    unique_lines: bool = TrainingSettings.unique_lines,
    workers: int | None = None,
    memory: int | str | None = None,
    tmp: str | os.PathLike[str] | None = None,
    engine: CountingEngine | None = None,
    progress: bool = False,
    report: CountingReport | None = None,
) -> None:
    """Count the n-grams of raw text and write them as a shard, which ``train(counts=[...])`` reads.

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
    allow_duplicates : bool
        Whether two of them may hold the same text, which then counts twice.
    max_word_len : int
        Longest word that can be learned from the counts, in symbols; 1 to 15.
    fold : bool
        Whether simplified and traditional characters count as one (:mod:`segtool.text.folding`).
    encoding, skip_undecodable, join_lines, unique_lines, workers, memory, tmp, progress
        As for :func:`segtool.train`. Lines of other shards are not compared.
    engine : CountingEngine, optional
        Counts on a cluster (:mod:`segtool.spark.engine`).
    report : CountingReport, optional
        Filled with what was read and counted.

    Raises
    ------
    UsageError
        If a parameter makes no sense, or two shards hold the same text.
    InputError, EncodingError
        If an input cannot be read.
    CorpusError
        If there is no Han character in the text.
    ModelError
        If a shard is missing or damaged.
    OutputError
        If the shard or temporary files cannot be written.

    Examples
    --------
    >>> import segtool
    >>> segtool.count("data/sample", "sample.counts")
    >>> seg = segtool.train(counts=["sample.counts"])
    """
    if [inputs, texts, counts].count(None) != 2:
        raise UsageError("count() takes either inputs (files), or texts, or counts (shards)")
    check_duplicates(counts, allow_duplicates)
    if counts is not None and (join_lines or unique_lines):
        raise UsageError("--join-lines and --unique-lines: the lines of --counts are counted already: pass files")
    if inputs is not None and not isinstance(inputs, str | os.PathLike):
        inputs = list(inputs)  # read more than once
    TrainingSettings(max_word_len=max_word_len, fold=fold, join_lines=join_lines, unique_lines=unique_lines).checked()
    refuse_folders(inputs)
    report = report if report is not None else CountingReport()
    watch, reading = Progress(progress, report.stages), report.reading
    workers, budget = checked_workers(workers), Budget.of(memory)
    with ExitStack() as stack:
        SHARD.check_target(output)
        folder = stack.enter_context(atomic_directory(output, marker=CARD))
        work = WorkFolder(stack, *work_location(output, tmp, resume=False), "", resume=False)
        if tmp is not None:
            work.check()
        if counts is not None:
            shards = open_shards(counts, allow_duplicates, budget.room)
            counting = Counting(shards[0].order, shards[0].fold, work, budget, workers)
            counted = counting.add_up(shards, watch, reading)
        else:
            counting = Counting(max_word_len + 1, fold, work, budget, workers)
            if texts is not None:
                texts = checked_texts(texts, "count()", "pass [text], or the name of a file as inputs")
            text = TextInput(
                inputs, texts, encoding, skip_undecodable, join_lines=join_lines, unique_lines=unique_lines
            )
            counted = counting.count(text, watch, reading, engine)
        stats = counted.corpus.stats
        report.runs, report.symbols, report.order = stats.runs, stats.symbols, counting.order
        with watch.stage("write"):
            report.ngrams = write_shard(folder, counted, {name: getattr(reading, name) for name in READ})
