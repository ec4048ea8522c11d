"""Runs changes of :mod:`tests.mutations` in processes of their own, so that a crash or a hang ends one process only.

``python -m tests.hostile_cases [KIND...] [--count N] [--seed S] [--workers W]`` prints what failed, with its seed;
``--only SEED`` repeats one of them in this process.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import segtool
from segtool.errors import LittleTextWarning
from tests.hostile import KINDS, Failure, check_message, home, original

SECONDS = 40
"""A case that takes longer hangs. Kernels are compiled before."""
MEMORY = 1 << 30
"""A case may need so much more memory than the cases before, in bytes."""


def run_case(kind: str, seed: int) -> tuple[str, str]:
    """Change a copy and use it; returns the change, and what failed, if anything did."""
    place = Path(tempfile.mkdtemp(dir=home(), prefix="case"))
    folder = place / kind
    told = ""
    try:
        shutil.copytree(original(kind), folder, symlinks=True)
        told = KINDS[kind].change(folder, random.Random(f"{kind} {seed}"))
        print(json.dumps({"told": told}), flush=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", LittleTextWarning)
            try:
                KINDS[kind].probe(folder)
            except segtool.SegtoolError as error:
                check_message(str(error))
                told += f" -> {error}".replace(str(place), "")
        return told, ""
    except Failure as error:
        return told, str(error)
    except BaseException:
        return told, traceback.format_exc()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def worker(run: Callable[[str, int], tuple[str, str]] | None = None) -> None:
    """Run the cases that standard input names, a line each."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 29, 1 << 29))
    main_out = sys.stdout
    for line in sys.stdin:
        kind, seed = line.split()
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        with contextlib.redirect_stdout(main_out):
            told, failure = (run or run_case)(kind, int(seed))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - used
        if grown > MEMORY and not failure:
            failure = f"memory: {grown >> 20} MB more"
        print(json.dumps({"told": told, "failure": failure}), flush=True)


class Process:
    """A process that runs cases, and is replaced when one of them ends it or takes too many seconds."""

    def __init__(self, module: str = "tests.hostile_cases", seconds: float = SECONDS) -> None:
        self._module = module
        self._seconds = seconds
        self._start()

    def _start(self) -> None:
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        command = [sys.executable, "-m", self._module, "--worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._err, text=True
        )

    def run(self, kind: str, seed: int) -> tuple[str, str]:
        """Run a case; returns the change and the failure."""
        assert self._process.stdin and self._process.stdout
        timer = threading.Timer(self._seconds, self._process.kill)
        timer.start()
        began, told = time.monotonic(), ""
        try:
            self._process.stdin.write(f"{kind} {seed}\n")
            self._process.stdin.flush()
            for line in self._process.stdout:
                if not line.startswith("{"):
                    continue
                found = json.loads(line)
                told = found["told"]
                if "failure" in found:
                    if found["failure"].startswith("memory"):
                        self.close()
                        self._start()
                    return told, found["failure"]
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
        code = self._process.wait()
        self._err.seek(0)
        tail = self._err.read().decode(errors="replace")[-1500:]
        self._start()
        hung = time.monotonic() - began > self._seconds - 1
        return told, f"{'hangs' if hung else f'ends with {code}'}: {tail}"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def run_cases(kinds: list[str], seeds: range, workers: int) -> Iterator[tuple[str, int, str, str]]:
    """Run cases of all kinds; yields kind, seed, change and failure of each."""
    own = threading.local()
    started: list[Process] = []

    def one(case: tuple[str, int]) -> tuple[str, int, str, str]:
        if not hasattr(own, "process"):
            own.process = Process()
            started.append(own.process)
        return (*case, *own.process.run(*case))

    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(one, [(kind, seed) for seed in seeds for kind in kinds])
    finally:
        for process in started:
            process.close()


def report(kinds: list[str], seeds: range, workers: int, loud: bool = False) -> int:
    """Run cases and print those that failed; with `loud`, all."""
    failed: Counter[str] = Counter()
    tried = refused = 0
    for kind, seed, told, failure in run_cases(kinds, seeds, workers):
        tried += 1
        refused += " -> " in told
        if loud:
            print(kind, seed, told, flush=True)
        if failure:
            failed[kind] += 1
            last = [line for line in failure.strip().splitlines() if line.strip()]
            where = [line.strip() for line in last if "segtool/" in line][-1:]
            print(f"{kind} {seed}: {told}\n    {' | '.join([*where, *last[-1:]])[:400]}", flush=True)
    print(f"{tried} tried, {refused} refused when opened, {sum(failed.values())} failed: {dict(failed)}")
    return bool(failed)


def run_command() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--loud", action="store_true")
    parser.add_argument("--only", type=int)
    parser.add_argument("--worker", action="store_true")
    given = parser.parse_args()
    if given.worker:
        worker()
        return 0
    with tempfile.TemporaryDirectory(prefix="segtool-hostile-") as folder:
        os.environ.setdefault("SEGTOOL_HOSTILE", folder)
        kinds = given.kinds or list(KINDS)
        if given.only is not None:
            for kind in kinds:
                print(*run_case(kind, given.only), sep="\n")
            return 0
        return report(kinds, range(given.seed, given.seed + given.count), given.workers, given.loud)


if __name__ == "__main__":
    sys.exit(run_command())
