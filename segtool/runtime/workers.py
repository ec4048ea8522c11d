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

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_workers() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_workers(workers: int | None) -> int:
    """Check that a number of threads is at least 1; None is one for each processor."""
    if workers is None:
        return available_workers()
    if workers < 1:
        raise UsageError(f"{workers} workers: choose 1 or more (-j)")
    return workers


def in_order(work: Callable[[Item], Result], tasks: Iterable[Item], workers: int) -> Iterator[Result]:
    """Call `work` with each task, and yield the results in order.

    Threads are at most one task each ahead of the results taken; a single one works when a result is taken.
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

    `scratch` allocates the working memory of a thread. `run` takes a chunk, that memory, and an array of `size` sums to
    add to. Returns the sums, and the result of each call in the order of the chunks.
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


def text_groups(texts: Iterable[str], size: int) -> Iterator[list[str]]:
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
