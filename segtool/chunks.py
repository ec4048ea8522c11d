"""Sharing out parts of the work to threads: chunks of a corpus, slices of a table.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["add_up_chunks", "in_order"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Do work on items in threads; results come in the order of the items, and items are drawn as threads get free.

    Parameters
    ----------
    work : callable
    items : iterable
    workers : int
        Threads; no more than one item beyond them is held.

    Yields
    ------
    object
        What `work` returns.
    """
    if workers == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future[Result]] = deque()
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def add_up_chunks(
    chunks: Sequence[Item],
    size: int,
    workers: int,
    scratch: Callable[[], tuple[npt.NDArray[Any], ...]],
    run: Callable[[Item, tuple[npt.NDArray[Any], ...], npt.NDArray[np.int64]], Result],
) -> tuple[npt.NDArray[np.int64], list[Result]]:
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
    free: queue.SimpleQueue[tuple[tuple[npt.NDArray[Any], ...], npt.NDArray[np.int64]]] = queue.SimpleQueue()
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
