"""Passes over a corpus: in threads of this process, or on the executors of a cluster (:mod:`segtool.spark.session`).

A :class:`Task` processes one chunk of runs at a time and adds integers to an array of sums. Sums of integers do not
depend on the order of the chunks, nor on the worker that processes each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy.typing as npt

from segtool.runtime.arrays import Integers
from segtool.runtime.workers import add_up_chunks
from segtool.text.runs import Chunk, Corpus

__all__ = ["Engine", "Task", "Threads"]


class Task(Protocol):
    """Work on every chunk of a corpus. It can be pickled."""

    size: int
    """Length of the array of sums."""

    def scratch(self) -> tuple[npt.NDArray[Any], ...]:
        """Allocate the working memory of one thread."""

    def __call__(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> Any:
        """Process a chunk and add to the sums; the engine collects the results."""


class Engine(Protocol):
    """Runs tasks over a corpus."""

    def run(self, task: Task, runs: Corpus, progress: Callable[[int], object] | None = None) -> Any:
        """Run a task; return the sums (ndarray of int64), and a list of its results in the order of the chunks."""


class Threads:
    """Runs tasks in threads of this process. No result depends on their number."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def run(
        self, task: Task, runs: Corpus, progress: Callable[[int], object] | None = None
    ) -> tuple[Integers, list[Any]]:
        """Run a task over a corpus; see :meth:`Engine.run`."""

        def work(i: int, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> Any:
            chunk = runs.chunk(i)
            done = task(chunk, scratch, total)
            if progress is not None:
                progress(len(chunk.stream) - 1)
            return done

        return add_up_chunks(range(len(runs)), task.size, self.workers, task.scratch, work)
