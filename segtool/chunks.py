"""Sharing out parts of the work to threads: chunks of a corpus, slices of a table.

Sums are of integers, so that neither the number of threads nor who took which chunk changes a bit of them.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
    chunks: list[tuple[int, int]],
    nodes: int,
    workers: int,
    scratch: Callable[[], tuple[npt.NDArray[Any], ...]],
    run: Callable[..., Any],
    progress: Callable[[int], object] | None,
) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Run a kernel on the chunks of a corpus, in threads, and add up what each adds to the nodes.

    Parameters
    ----------
    chunks : list of (int, int)
        From :func:`segtool.lexicon.corpus_chunks`.
    nodes : int
    workers : int
        Threads. The result does not depend on it.
    scratch : callable
        Gives the working memory of one thread.
    run : callable
        Called with begin and end of a chunk, the working memory, and the int64 array of nodes to add to.
    progress : callable, optional
        Called with the number of symbols passed since the last call.

    Returns
    -------
    total : ndarray of int64, shape (nodes,)
    results : list
        What each call returned, in the order of the chunks.
    """
    totals = [np.zeros(nodes, np.int64) for _ in range(workers)]
    free: queue.SimpleQueue[tuple[tuple[npt.NDArray[Any], ...], npt.NDArray[np.int64]]] = queue.SimpleQueue()
    for total in totals:
        free.put((scratch(), total))

    def work(chunk: tuple[int, int]) -> Any:
        held = free.get()
        try:
            return run(*chunk, *held)
        finally:
            free.put(held)
            if progress is not None:
                progress(chunk[1] - chunk[0])

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(work, chunks))
    for other in totals[1:]:
        totals[0] += other
    return totals[0], results
