"""Counting as the first stage of training: from text, on a cluster, or out of shards; or what was counted before.

When shards are all there, their names and what was read are noted in the work folder of the training, so that one that
is killed later need not read again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence

from segtool.errors import UsageError
from segtool.ngrams.counter import CorpusCounter, Counted, CountingEngine, add_up, told_by_shards
from segtool.ngrams.shards import Shard
from segtool.runtime.budget import Budget
from segtool.runtime.progress import Progress
from segtool.settings import TrainingSettings
from segtool.store.checkpoints import WorkFolder
from segtool.text.reading import sample_lines
from segtool.text.sources import ReadReport

__all__ = ["add_up_shards", "count_there", "least_seen", "longest_ngrams", "read_and_count"]


def longest_ngrams(settings: TrainingSettings) -> int:
    """Length of the longest n-grams that are counted."""
    return max(settings.max_word_len + 1, settings.lm_order if settings.needs_lm else 0)


def least_seen(settings: TrainingSettings) -> int:
    """How often an n-gram has to occur to make a difference."""
    return 1 if settings.needs_lm else min(settings.min_count, 2)


def read_and_count(
    counter: CorpusCounter, blocks: Iterable[str], settings: TrainingSettings, work: WorkFolder, reading: ReadReport
) -> None:
    """Read and count, unless that was done before."""
    if _counted_before(counter, work, reading):
        return
    for block in sample_lines(blocks, settings.sample, settings.seed):
        counter.add(block)
    if work.entered:
        counter.spill()
        _note_counted(counter, work, reading)


def count_there(
    counter: CorpusCounter,
    engine: CountingEngine,
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    settings: TrainingSettings,
    work: WorkFolder,
    watch: Progress,
    reading: ReadReport,
    encoding: str,
    skip_undecodable: bool,
) -> None:
    """Let the engine read and count, unless that was done before."""
    if settings.sample < 1.0:
        raise UsageError("--sample: lines are drawn in their order, which no cluster keeps: draw them before")
    if not _counted_before(counter, work, reading):
        how = longest_ngrams(settings), settings.fold, work, reading, encoding, skip_undecodable
        with watch.stage("read"):
            counter.take(engine.count(inputs, *how), reading.lines > 0)
        _note_counted(counter, work, reading)


def _counted_before(counter: CorpusCounter, work: WorkFolder, reading: ReadReport) -> bool:
    """Find the shards of a training that goes on."""
    known = work.checkpoints.load("counted")
    if known is None:
        return False
    told = json.loads(str(known["told"]))
    if not counter.go_on(told.pop("shards")):
        return False
    for name, value in told.items():
        setattr(reading, name, value)
    return True


def _note_counted(counter: CorpusCounter, work: WorkFolder, reading: ReadReport) -> None:
    """Keep for a training that goes on which shards there are."""
    names = ("files", "bytes", "lines", "characters", "skipped_lines")
    told = {name: getattr(reading, name) for name in names}
    shards = [path.name for path in counter.shards]
    work.checkpoints.save("counted", told=json.dumps({**told, "shards": shards}))


def add_up_shards(
    shards: Sequence[Shard],
    settings: TrainingSettings,
    budget: Budget,
    workers: int,
    work: WorkFolder,
    watch: Progress,
    reading: ReadReport,
) -> Counted:
    """Add up shards that were counted elsewhere."""
    if shards[0].fold != settings.fold:
        raise UsageError(f"{shards[0].path}: counted with --{'' if shards[0].fold else 'no-'}fold: train with it, too")
    needed = longest_ngrams(settings)
    if shards[0].order < needed:
        raise UsageError(
            f"{shards[0].path}: n-grams of up to {shards[0].order} symbols were counted, and {needed} are needed: "
            "count with a greater --max-word-len, or train with a smaller one"
        )
    told_by_shards(shards, reading)
    with watch.stage("count"):
        return add_up(shards, least_seen(settings), budget.ngrams(workers), workers, work)
