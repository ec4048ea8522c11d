"""Running parts of the work in threads: chunks of a corpus, slices of a table."""

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

__all__ = ["add_up_chunks", "available_workers", "checked_workers", "in_order", "text_groups"]

GROUP_CHARACTERS = 1 << 18

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_workers() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_workers(workers: int | None) -> int:
    """Check a number of threads; None is one for each processor.

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
    """Run tasks in threads, at most one for each thread ahead of the results taken.

    Parameters
    ----------
    work : callable
    tasks : iterable
        Arguments for `work`.
    workers : int
        Threads; a single one runs each task when its result is taken.

    Yields
    ------
    object
        The result of each call, in the order of the tasks.
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
    """Process the chunks of a corpus in threads that each add to an array, and add up these arrays.

    The sums are of integers, so the number of threads and their share of chunks change no bit.

    Parameters
    ----------
    chunks : sequence
    size : int
        Of the array.
    workers : int
        Threads, each with working memory and sums of its own. The result does not depend on it.
    scratch : callable
        Allocates the working memory of one thread.
    run : callable
        Called with a chunk, the working memory, and the array to add to.

    Returns
    -------
    total : ndarray of int64, shape (size,)
    results : list
        The result of each call, in the order of the chunks.
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


def text_groups(texts: Iterable[str], size: int = GROUP_CHARACTERS) -> Iterator[list[str]]:
    """Group texts, so that a call for each group costs little.

    Parameters
    ----------
    texts : iterable of str
    size : int
        A group with more characters is full.

    Yields
    ------
    list of str
        The first one may be empty.
    """
    group: list[str] = []
    found = 0
    for text in texts:
        if found > size:
            yield group
            group, found = [], 0
        group.append(text)
        found += len(text) + 1
    yield group
