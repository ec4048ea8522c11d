"""Sharing out parts of the work to threads: chunks of a corpus, slices of a table."""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from segtool.errors import UsageError
from segtool.runtime.arrays import Integers

__all__ = ["add_up_chunks", "available_workers", "checked_workers", "in_order"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_workers(workers: int | None) -> int:
    """Give a number of threads that makes sense, by default one for each processor.

    Raises
    ------
    UsageError
        If it is less than 1.
    """
    if workers is None:
        return available_workers()
    if workers < 1:
        raise UsageError(f"{workers} workers: choose 1 or more (-j)")
    return workers


def in_order(work: Callable[[Item], Result], tasks: Iterable[Item], workers: int) -> Iterator[Result]:
    """Run tasks in threads, no more ahead of what is taken than there are threads.

    Parameters
    ----------
    work : callable
    tasks : iterable
        What `work` is called with.
    workers : int
        Threads; with one, tasks are run as their results are asked for.

    Yields
    ------
    object
        What each call returned, in the order of the tasks.
    """
    if workers <= 1:
        yield from map(work, tasks)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        ahead: deque[Future[Result]] = deque()
        for task in tasks:
            ahead.append(pool.submit(work, task))
            if len(ahead) == workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def add_up_chunks(
    chunks: Sequence[Item],
    size: int,
    workers: int,
    scratch: Callable[[], tuple[npt.NDArray[Any], ...]],
    run: Callable[[Item, tuple[npt.NDArray[Any], ...], Integers], Result],
) -> tuple[Integers, list[Result]]:
    """Do work on the chunks of a corpus, in threads, and add up what it adds to an array.

    Sums are of integers, so that neither the number of threads nor who took which chunk changes a bit of them.

    Parameters
    ----------
    chunks : sequence
    size : int
        Of the array.
    workers : int
        Threads, each with working memory and sums of its own. The result does not depend on it.
    scratch : callable
        Gives the working memory of one thread.
    run : callable
        Called with a chunk, the working memory, and the int64 array to add to.

    Returns
    -------
    total : ndarray of int64, shape (size,)
    results : list
        What each call returned, in the order of the chunks.
    """
    workers = max(min(workers, len(chunks)), 1)
    totals = [np.zeros(size, np.int64) for _ in range(workers)]
    free: queue.SimpleQueue[tuple[tuple[npt.NDArray[Any], ...], Integers]] = queue.SimpleQueue()
    for total in totals:
        free.put((scratch(), total))

    def work(chunk: Item) -> Result:
        held = free.get()
        try:
            return run(chunk, *held)
        finally:
            free.put(held)

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(work, chunks))
    for other in totals[1:]:
        totals[0] += other
    return totals[0], results
