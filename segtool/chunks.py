"""Sharing out the chunks of a corpus to threads, each with working memory and sums of its own.

Sums are of integers, so that neither the number of threads nor who took which chunk changes a bit of them.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["add_up_chunks"]


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
