"""Counting a corpus: blocks of text in, its runs and the counts of its n-grams out.

What is held in memory is bounded: when the runs at hand reach a limit, they and their counts are written as a shard
(:mod:`segtool.shards`), and at the end the shards are merged (:mod:`segtool.merging`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from segtool.counts import SlicedCounts, count_stream
from segtool.errors import CorpusError
from segtool.runs import ChunkedRuns, RunCollector

__all__ = ["Counted", "collect_runs", "count_runs"]


@dataclass(frozen=True)
class Counted:
    """A corpus that has been counted.

    Attributes
    ----------
    runs : ChunkedRuns
    counts : SlicedCounts
    """

    runs: ChunkedRuns
    counts: SlicedCounts


def collect_runs(blocks: Iterable[str], fold: bool = True) -> ChunkedRuns:
    """Turn text into runs, in memory.

    Parameters
    ----------
    blocks : iterable of str
        A block ends every run.
    fold : bool
        Whether characters that fold to one count as one, as the model's settings say.

    Returns
    -------
    ChunkedRuns

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
    return checked_runs(ChunkedRuns([collector], fold), read)


def checked_runs(runs: ChunkedRuns, read: bool) -> ChunkedRuns:
    """Return runs if there is something to learn from them."""
    if not read:
        raise CorpusError("the corpus is empty: pass a file with Chinese text (or a larger --sample)")
    if runs.codes[-1] <= 2:
        raise CorpusError("the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8")
    return runs


def count_runs(runs: ChunkedRuns, order: int, least: int, workers: int = 1) -> Counted:
    """Count the n-grams of runs that are in memory.

    Parameters
    ----------
    runs : ChunkedRuns
    order, least, workers : int
        As for :func:`segtool.counts.count_stream`.

    Returns
    -------
    Counted
    """
    return Counted(runs, count_stream(runs.whole().stream, runs.codes, order, workers, least))
