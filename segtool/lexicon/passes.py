"""Who runs the passes over a corpus: threads here, or the executors of a cluster (:mod:`segtool.spark.session`).

A :class:`Task` looks at one chunk of runs at a time and adds whole numbers to an array that all chunks share; sums of
integers do not depend on who took which chunk, nor in which order.
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
    """What is done to every chunk; it can be pickled.

    Attributes
    ----------
    size : int
        Length of the array of sums.
    """

    size: int

    def scratch(self) -> tuple[npt.NDArray[Any], ...]:
        """Working memory of one thread."""

    def __call__(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> Any:
        """Look at a chunk and add to the sums; what it returns is kept."""


class Engine(Protocol):
    """Runs tasks over a corpus."""

    def run(self, task: Task, runs: Corpus, progress: Callable[[int], object] | None = None) -> Any:
        """Give the sums (ndarray of int64), and a list of what the task returned of each chunk, in their order."""


class Threads:
    """Threads of this process.

    Parameters
    ----------
    workers : int
        How many. No result depends on it.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def run(
        self, task: Task, runs: Corpus, progress: Callable[[int], object] | None = None
    ) -> tuple[Integers, list[Any]]:
        """Run a task over a corpus.

        Parameters
        ----------
        task : Task
        runs : Corpus
        progress : callable, optional
            Called with the number of symbols passed since the last call.

        Returns
        -------
        total : ndarray of int64, shape (task.size,)
        results : list
        """

        def work(i: int, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> Any:
            chunk = runs.chunk(i)
            done = task(chunk, scratch, total)
            if progress is not None:
                progress(len(chunk.stream) - 1)
            return done

        return add_up_chunks(range(len(runs)), task.size, self.workers, task.scratch, work)
