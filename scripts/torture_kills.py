"""Commands for scripts/torture that are killed while they write; a part of them in processes that start from nothing.

A command that starts from nothing takes most of its life to import modules, so two of three are forked from the process
of the trials, which has imported them: such a command only works and writes.
"""

from __future__ import annotations

import functools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.torture_commands import (
    COMMANDS,
    INPUTS,
    SECONDS,
    Reference,
    arguments_of,
    check_errors,
    guarded,
    output_of,
    reference,
    snapshot,
    workplace,
)
from segtool.cli.main import main
from tests.helpers import command, environment
from tests.hostile import Failure, original

SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]


class Ended(NamedTuple):
    """How a command ended, as :class:`subprocess.CompletedProcess` says it."""

    code: int
    errors: bytes


class Forked:
    """A command in a fork of this process, with the interface of :class:`subprocess.Popen` as far as it is needed."""

    def __init__(self, arguments: list[str], place: Path) -> None:
        self._errors = place.parent / f"{place.name}.errors"
        self.pid = os.fork()
        self._code: int | None = None
        if self.pid == 0:
            try:
                run_forked(arguments, place, self._errors)
            except SystemExit as ended:  # from a signal that came when the command had just ended
                os._exit(ended.code if isinstance(ended.code, int) else 1)
            finally:
                os._exit(70)

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def ended(self) -> Ended:
        end = time.monotonic() + SECONDS
        while self.poll() is None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise Failure("hangs")
            time.sleep(0.001)
        assert self._code is not None
        errors = self._errors.read_bytes() if self._errors.exists() else b""
        self._errors.unlink(missing_ok=True)
        return Ended(self._code, errors)


def run_forked(arguments: list[str], place: Path, errors: Path) -> None:
    """Become a command; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as `segtool/__init__.py` sets it
    os.chdir(place)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, name in enumerate((os.devnull, os.devnull, str(errors))):
        os.dup2(os.open(name, flags if number else os.O_RDONLY, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    code: Any = 0
    try:
        main(arguments, prog_name="segtool")
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


class Started(subprocess.Popen[bytes]):
    """A command that starts from nothing."""

    def __init__(self, arguments: list[str], place: Path, **variables: str) -> None:
        super().__init__(
            command(*arguments), cwd=place, env=environment(**variables), preexec_fn=heed_signals,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def ended(self) -> Ended:
        _, errors = self.communicate(timeout=SECONDS)
        return Ended(self.returncode, errors)


def heed_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@functools.cache
def forked_reference(name: str) -> Reference:
    """Give what a forked command writes, which is what any writes, and how long it takes."""
    with workplace() as place:
        for _ in range(2):  # the first may import modules and load machine code
            began = time.monotonic()
            code, errors = run_once(name, place)
            if code:
                raise Failure(f"the reference fails: {errors.decode()[-300:]}")
        return Reference(snapshot(place / output_of(name)), time.monotonic() - began)


def run_once(name: str, place: Path) -> Ended:
    """Run a command in a fork of this process."""
    return Forked(arguments_of(name), place).ended()


def run_kill(trial: int) -> tuple[str, str]:
    """Kill a command at a random moment; its output is the old one or the new one, and the next command cleans up."""
    return guarded("kills", kill_compiling if trial % 100 == 99 else kill, trial)


def kill(draw: random.Random) -> Iterator[str]:
    name, number = draw.choice(sorted(COMMANDS)), draw.choice(SIGNALS)
    forked = draw.random() < 0.67
    writing = draw.random() < 0.5  # a moment behind the first temporary beside the output
    moment = draw.random() * (0.1 if writing else 1.05)
    how = "forked" if forked else "started"
    yield f"{name}, {how}, {number.name}, {'writing + ' if writing else ''}{moment:.3f}"
    expected = forked_reference(name)
    seconds = expected.seconds if forked else reference(name).seconds
    with workplace() as place:
        output = place / output_of(name)
        if draw.random() < 0.7:
            make_old(output, name, expected.output)
        old = snapshot(output)
        process = (Forked if forked else Started)(arguments_of(name), place)
        end = time.monotonic() + seconds * 3
        while writing and not list(place.glob(".*")) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(moment * seconds)
        process.send_signal(number)
        code, errors = process.ended()
        yield f"exit {code}"
        if number == signal.SIGINT and before_segtool(errors.decode()):
            yield "Python was starting"
        else:
            check_errors(errors, code, {0, -number, 128 + number})
        now = snapshot(output)
        if now != expected.output and now != old:
            raise Failure("the output is neither the old one nor the new one")
        code, errors = run_once(name, place)
        check_errors(errors, code, {0})
        if snapshot(output) != expected.output:
            raise Failure("the next command writes something else")
        left = sorted(path.name for path in place.iterdir() if path.name not in {*INPUTS, output.name})
        if left:
            raise Failure(f"the next command leaves {left}")


def kill_compiling(draw: random.Random) -> Iterator[str]:
    """Kill a command while it compiles its kernels; the next one compiles what is missing, and removes what is left."""
    number, moment = draw.choice(SIGNALS), draw.random() * 10
    yield f"compiling, {number.name}, {moment:.3f}"
    with workplace() as place:
        variables = {"NUMBA_CACHE_DIR": str(place / "code")}
        process = Started(["cut", "text", "-o", "out", "-q"], place, **variables)
        time.sleep(moment)
        process.send_signal(number)
        code, errors = process.ended()
        yield f"exit {code}"
        if number == signal.SIGINT and before_segtool(errors.decode()):
            yield "Python was starting"
        else:
            check_errors(errors, code, {0, -number, 128 + number})
        code, errors = Started(["cut", "text", "-o", "out", "-q"], place, **variables).ended()
        check_errors(errors, code, {0})
        if snapshot(place / "out") != forked_reference("cut").output:
            raise Failure("the next command writes something else")


def before_segtool(errors: str) -> bool:
    """Whether Ctrl-C came while Python started, before the first lines of segtool ran."""
    files = re.findall(r'File "(.*)", line', errors)
    own = {file.partition("/segtool/")[2] for file in files} - {""}
    return bool(files) and own <= {"__init__.py"}


def make_old(output: Path, name: str, new: Any) -> None:
    """Make an older version of an output."""
    if isinstance(new, dict):
        shutil.copytree(original("shard" if name == "count" else "lm" if name.startswith("lm") else "model"), output)
    else:
        output.write_text("old", encoding="utf-8")
