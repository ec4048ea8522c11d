"""Stages of long work: a progress bar in a terminal or notebook, and the time and peak memory of each stage."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Progress", "StageReport", "is_watched"]


def is_watched() -> bool:
    """Whether a person sees standard error now: it is a terminal, or the process runs the cells of a notebook."""
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())  # as tqdm.auto decides


@dataclass(frozen=True)
class StageReport:
    """Time and memory of a stage.

    Attributes
    ----------
    seconds : float
        Wall-clock time.
    peak_bytes : int
        Largest resident memory of the process during the stage, or since the process began if progress is not shown or
        the operating system cannot reset the mark; 0 if it is unknown.
    """

    name: str
    seconds: float
    peak_bytes: int


class Progress:
    """Runs and times stages, one after the other.

    Parameters
    ----------
    show : bool
        Draw a bar for each stage, if standard error is a terminal or the process runs a notebook. Each stage then
        resets the kernel's mark of peak memory, which would disturb a program that measures this process from outside.
    stages : list of StageReport, optional
        Receives a report of each stage that ends.
    """

    def __init__(self, show: bool, stages: list[StageReport] | None = None) -> None:
        self._show, self._stages = show, stages if stages is not None else []

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "it") -> Iterator[Callable[[int], object]]:
        """Run a stage; yields a function that takes the size of each step, from any thread."""
        if self._show:
            with suppress(OSError):  # other systems cannot reset the mark
                Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        begin = time.perf_counter()
        if self._show and is_watched():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # without ipywidgets a notebook has bars of text
                from tqdm.auto import tqdm

            lock = threading.Lock()
            with tqdm(total=total, desc=name, unit=unit, unit_scale=True, leave=False, file=sys.stderr) as bar:

                def step(amount: int) -> None:
                    with lock:
                        bar.update(amount)

                yield step
        else:
            yield lambda amount: None
        self._stages.append(StageReport(name, time.perf_counter() - begin, _peak()))


def _peak() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
