#!/usr/bin/env python3
"""Try to break segtool, and print the table of docs/reliability.md: what was tried and what failed.

    scripts/torture [--seconds N] [--seed S] [--workers W] [--kinds KIND...] [--only KIND:TRIAL]

Each trial is drawn from its kind and its number, so that ``--only KIND:TRIAL`` repeats it; what the clock decides, such
as the moment of a kill, is drawn from the same number but falls a little earlier or later. Trials run in processes of
their own with limits of time and memory: a crash or a hang is a failure of one trial. ``--seed S`` numbers the trials
from S million on. The exit code is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from scripts.torture_files import run_files
from scripts.torture_kills import run_kill
from scripts.torture_processes import run_sharing
from scripts.torture_strings import BATCH, run_strings
from scripts.torture_surroundings import run_surroundings
from tests.hostile import KINDS as HOSTILE
from tests.hostile_cases import Process, run_case, worker

SECONDS = 300.0
"""A trial that takes longer hangs. Most take less than a second, but the first train models and compile kernels."""


def run_mutation(trial: int) -> tuple[str, str]:
    # the included model is large, so that trials of it take ten times as long
    kinds = sorted(set(HOSTILE) - {"default"}) * 4 + ["default"]
    kind = kinds[trial % len(kinds)]
    told, failure = run_case(kind, trial)
    return f"{kind}: {told}", failure


class Kind(NamedTuple):
    """A kind of trials: how one runs, its share of the time, and how many things it tries at once."""

    run: Callable[[int], tuple[str, str]]
    share: float
    size: int
    what: str


KINDS = {
    "strings": Kind(run_strings, 0.20, BATCH, "random strings, through the API and as a stream"),
    "files": Kind(run_files, 0.05, 1, "random files, encodings, archives, tables and lists, through the command line"),
    "mutations": Kind(run_mutation, 0.52, 1, "changed models, shards and other inputs, with right checksums"),
    "kills": Kind(run_kill, 0.12, 1, "commands that were killed, terminated or interrupted while they wrote"),
    "surroundings": Kind(
        run_surroundings, 0.06, 1, "full disks, missing rights, changing inputs, closed outputs, limits"
    ),
    "sharing": Kind(run_sharing, 0.05, 1, "threads, forked and spawned processes, asyncio, flat memory in many calls"),
}


class Result(NamedTuple):
    kind: str
    trial: int
    what: str
    failure: str


class Clock:
    """Draws the kind of the next trial: the one that has had least of its share of the time."""

    def __init__(self, kinds: list[str], seconds: float, first: int) -> None:
        self._end = time.monotonic() + seconds
        self._used = dict.fromkeys(kinds, 0.0)
        self._next = dict.fromkeys(kinds, first)
        self._lock = threading.Lock()

    def next(self) -> tuple[str, int] | None:
        """Give the next trial; at the end of the time none, when each kind has been tried."""
        with self._lock:
            kinds = list(self._used)
            if time.monotonic() > self._end:
                kinds = [kind for kind in kinds if not self._used[kind]]
            if not kinds:
                return None
            kind = min(kinds, key=lambda kind: self._used[kind] / KINDS[kind].share)
            self._used[kind] += 1e-3  # until it is known
            self._next[kind] += 1
            return kind, self._next[kind] - 1

    def add(self, kind: str, seconds: float) -> None:
        with self._lock:
            self._used[kind] += seconds


def run_trials(kinds: list[str], seconds: float, first: int, workers: int) -> Iterator[Result]:
    """Run trials until the time is over."""
    clock = Clock(kinds, seconds, first)

    def loop(_: int) -> list[Result]:
        found = []
        process = Process("scripts.torture", SECONDS)
        try:
            while drawn := clock.next():
                began = time.monotonic()
                result = Result(*drawn, *process.run(*drawn))
                clock.add(result.kind, time.monotonic() - began)
                if result.failure:
                    report(result)
                found.append(result)
        finally:
            process.close()
        return found

    with ThreadPoolExecutor(workers) as pool:
        for found in pool.map(loop, range(workers)):
            yield from found


def report(result: Result) -> None:
    lines = [line.strip() for line in result.failure.strip().splitlines() if line.strip()]
    where = [line for line in lines if "segtool/" in line][-1:]
    print(f"{result.kind}:{result.trial} {result.what[:300]}\n    {' | '.join([*where, *lines[-1:]])[:600]}",
          file=sys.stderr, flush=True)  # fmt: skip


def print_table(results: list[Result]) -> None:
    print("| kind | what | tried | skipped | failed | trials that failed |\n| --- | --- | --- | --- | --- | --- |")
    for name, kind in KINDS.items():
        own = [result for result in results if result.kind == name]
        skipped = sum(kind.size for result in own if result.what.startswith("skipped"))
        failed = sorted(result.trial for result in own if result.failure)
        if own:
            tried = len(own) * kind.size - skipped
            names = ", ".join(f"{name}:{trial}" for trial in failed) or "none"
            print(f"| {name} | {kind.what} | {tried:,} | {skipped:,} | {len(failed):,} | {names} |")
    for what in sorted({result.what for result in results if result.what.startswith("skipped")}):
        print(f"\n{what}")


def run_trial(kind: str, trial: int) -> tuple[str, str]:
    return KINDS[kind].run(trial)


def run_command() -> int:
    parser = argparse.ArgumentParser(prog="scripts/torture", description="Try to break segtool.")
    parser.add_argument("--seconds", type=float, default=60, help="when to stop (60)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first trial, in millions (0)")
    workers = (os.cpu_count() or 1) + 1  # as some wait for the commands that they start
    parser.add_argument("--workers", type=int, default=workers, help=f"processes at a time ({workers})")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="what to try (all)")
    parser.add_argument("--only", metavar="KIND:TRIAL", help="repeat one trial, in this process")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if given.worker:
        worker(run_trial)
        return 0
    # a disk in memory, if there is one, spares the waiting for a real one
    disk = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 4 << 30 else None
    with tempfile.TemporaryDirectory(prefix="segtool-torture-", dir=disk) as folder:
        os.environ["SEGTOOL_HOSTILE"] = folder
        if given.only:
            kind, _, trial = given.only.partition(":")
            what, failure = run_trial(kind, int(trial))
            print(what, failure or "did not fail", sep="\n")
            return bool(failure)
        began = time.monotonic()
        results = list(run_trials(given.kinds, given.seconds, given.seed * 1_000_000, given.workers))
        took = time.monotonic() - began
    cores = os.cpu_count()
    print(f"A run of {took:,.0f} seconds on {cores} cores, by {given.workers} processes, with `--seed {given.seed}`:\n")
    print_table(results)
    return any(result.failure for result in results)


if __name__ == "__main__":
    sys.exit(run_command())
