"""Segmenters shared by threads and processes for scripts/torture: the same words as alone, in flat memory."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import BaseContext

import segtool
from scripts.torture_commands import guarded
from scripts.torture_strings import draw_segmenter, draw_string
from segtool.segmenter import Segmenter
from tests.hostile import Failure, original

CALLS = 20_000
SEGMENTERS = 60
MOST_GROWTH = 4 << 20
"""Bytes by which memory may grow in so many calls."""


def run_sharing(trial: int) -> tuple[str, str]:
    """Share a segmenter in one of the ways."""
    ways = [threads, processes, tasks, flat_memory, many_segmenters]
    return guarded("sharing", ways[trial % len(ways)], trial)


def drawn(draw: random.Random) -> tuple[Segmenter, list[str], list[list[str]]]:
    segmenter, _ = draw_segmenter(draw)
    texts = [draw_string(draw) * draw.choice([1, 1, 1, 200]) for _ in range(60)]
    return segmenter, texts, [segmenter.cut(text) for text in texts]


def cut_all(segmenter: Segmenter, texts: list[str]) -> list[list[str]]:
    return [segmenter.cut(text) for text in texts]


def check(found: list[list[list[str]]], expected: list[list[str]]) -> None:
    if any(each != expected for each in found):
        raise Failure("the words are not those of one thread of one process")


def threads(draw: random.Random) -> Iterator[str]:
    segmenter, texts, expected = drawn(draw)
    yield f"threads, {segmenter!r}"
    with ThreadPoolExecutor(8) as pool:
        cuts = [pool.submit(cut_all, segmenter, texts) for _ in range(8)]
        derived = [pool.submit(lambda: segmenter.with_granularity(0.0).cut(texts[0])) for _ in range(4)]
        check([future.result() for future in cuts], expected)
        for future in derived:
            try:
                future.result()
            except segtool.UsageError:
                continue


def processes(draw: random.Random) -> Iterator[str]:
    """Hand a segmenter to forked and spawned processes."""
    segmenter, texts, expected = drawn(draw)
    method = draw.choice(["fork", "spawn", "forkserver"])
    yield f"{method}, {segmenter!r}"
    context: BaseContext = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        check([future.result() for future in [pool.submit(cut_all, segmenter, texts) for _ in range(2)]], expected)


def tasks(draw: random.Random) -> Iterator[str]:
    segmenter, texts, expected = drawn(draw)
    yield f"asyncio, {segmenter!r}"

    async def gather() -> list[list[list[str]]]:
        return await asyncio.gather(*(asyncio.to_thread(cut_all, segmenter, texts) for _ in range(6)))

    check(asyncio.run(gather()), expected)


def memory() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def flat_memory(draw: random.Random) -> Iterator[str]:
    if not os.path.exists("/proc/self/statm"):
        yield "skipped: memory in flat use, for it is read from /proc"
        return
    segmenter, texts, _ = drawn(draw)
    texts = [text[:100] for text in texts]
    yield f"{CALLS} calls, {segmenter!r}"
    for _ in range(CALLS // 10 // len(texts)):
        cut_all(segmenter, texts)
    gc.collect()
    before = memory()
    for _ in range(CALLS // len(texts)):
        cut_all(segmenter, texts)
    gc.collect()
    if memory() - before > MOST_GROWTH:
        raise Failure(f"memory grows by {(memory() - before) >> 10} kB in {CALLS} calls")


def many_segmenters(draw: random.Random) -> Iterator[str]:
    """Load a model and derive segmenters many times: no more memory and descriptors than before."""
    if not os.path.exists("/proc/self/fd"):
        yield "skipped: many segmenters, for descriptors are counted in /proc"
        return
    segmenter, texts, _ = drawn(draw)
    yield f"{SEGMENTERS} times loaded, {segmenter!r}"
    kind = original(draw.choice(["model", "tuned", "adapted"]))

    def derive() -> None:
        loaded = segtool.load(kind)
        for each in (loaded, loaded.with_granularity(1.0), loaded.with_words(prefer=["天气很好"], force=["C++"])):
            each.cut(texts[0])

    for _ in range(SEGMENTERS // 5):
        derive()
    gc.collect()
    before, files = memory(), len(os.listdir("/proc/self/fd"))
    for _ in range(SEGMENTERS):
        derive()
    gc.collect()
    if memory() - before > MOST_GROWTH or len(os.listdir("/proc/self/fd")) > files:
        raise Failure(f"memory grows by {(memory() - before) >> 10} kB, and descriptors from {files}")
