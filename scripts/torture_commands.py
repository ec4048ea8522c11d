"""Commands of scripts/torture: their inputs, what they write, and what their messages may be."""

from __future__ import annotations

import contextlib
import functools
import random
import shutil
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.helpers import command, contents, environment, said
from tests.hostile import GOLD, SMALL, TEXT, Failure, corpus, home, original

SECONDS = 120
"""A command that takes longer hangs."""
COMMANDS: dict[str, list[str]] = {
    "train": ["train", "text", "-o", "out"],
    "train resumable": ["train", "text", "-o", "out", "--resume", "--memory", "2G"],
    "train entropy": ["train", "text", "-o", "out", "--method", "entropy"],
    "train from a base": ["train", "small", "--base", "MODEL", "-o", "out"],
    "count": ["count", "text", "-o", "out"],
    "cut": ["cut", "text", "-o", "out"],
    "cut with threads": ["cut", "text", "-o", "out", "-j", "2", "-m", "MODEL"],
    "tune": ["tune", "gold", "-o", "out", "-m", "MODEL"],
    "words": ["words", "text", "-o", "out"],
    "export": ["export", "-m", "MODEL", "-o", "out"],
    "cut in place": ["cut", "small", "-o", "out", "--in-place", "--search"],
    "cut to json": ["cut", "text", "-o", "out", "--format", "jsonl", "--offsets", "byte", "-m", "MODEL"],
    "cut a column": ["cut", "table.csv", "-o", "out", "--column", "line", "--drop", "punct"],
    "explain": ["explain", "今天天气很好", "-o", "out", "-m", "MODEL"],
    "lm train": ["lm", "train", "text", "-o", "out"],
    "lm train arpa": ["lm", "train", "text", "-o", "out.arpa"],
    "lm import": ["lm", "import", "ARPA", "-o", "out"],
}


def arguments_of(name: str) -> list[str]:
    places = {"MODEL": str(original("model")), "ARPA": str(original("arpa") / "a.arpa")}
    given = [places.get(argument, argument) for argument in COMMANDS[name]]
    return given if name in ("explain", "export") else [*given, "-q"]


def output_of(name: str) -> str:
    return "out.arpa" if name.endswith("arpa") else "out"


INPUTS = {"text", "small", "gold", "table.csv"}


def write_inputs(place: Path) -> None:
    (place / "text").write_text(corpus() + TEXT, encoding="utf-8")
    (place / "small").write_text(SMALL, encoding="utf-8")
    (place / "gold").write_text("\n".join(" ".join(line) for line in GOLD), encoding="utf-8")
    (place / "table.csv").write_text("id,line\n" + "".join(f'{i},"{SMALL}"\n' for i in range(50)), encoding="utf-8")


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(dir=home(), prefix="place"))
    try:
        write_inputs(place)
        yield place
    finally:
        for path in [place, *place.rglob("*")]:
            with contextlib.suppress(OSError):
                path.chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)


def snapshot(path: Path) -> Any:
    """Give the bytes of an output, be it a file or a folder."""
    return contents(path) if path.is_dir() else path.read_bytes() if path.exists() else None


class Reference(NamedTuple):
    """What a command writes when nothing happens, and how long it takes."""

    output: Any
    seconds: float


@functools.cache
def reference(name: str) -> Reference:
    with workplace() as place:
        began = time.monotonic()
        done = subprocess.run(
            command(*arguments_of(name)), cwd=place, env=environment(), capture_output=True, timeout=SECONDS
        )
        if done.returncode:
            raise Failure(f"the reference fails: {done.stderr.decode()[-300:]}")
        return Reference(snapshot(place / output_of(name)), time.monotonic() - began)


def guarded(kind: str, run: Callable[[random.Random], Iterator[str]], trial: int) -> tuple[str, str]:
    """Run a trial, a generator that yields what it does."""
    told: list[str] = []
    try:
        for step in run(random.Random(f"{kind} {trial}")):
            told.append(step)
    except Failure as error:
        return ", ".join(told), str(error)
    except BaseException:
        return ", ".join(told), traceback.format_exc()
    return ", ".join(told), ""


def check_errors(errors: bytes, code: int, codes: set[int]) -> None:
    lines = said(errors)
    if code not in codes or len(lines) > 1 or any("Traceback" in line for line in lines):
        raise Failure(f"exit {code}: {' / '.join(lines[-12:])[:1500]}")
