"""Commands for scripts/torture that run where something is missing, full, forbidden or changing."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import segtool
from scripts.torture_commands import (
    COMMANDS,
    INPUTS,
    SECONDS,
    arguments_of,
    check_errors,
    guarded,
    output_of,
    reference,
    snapshot,
    workplace,
)
from scripts.torture_kills import forked_reference, run_once
from tests.helpers import command, environment, said
from tests.hostile import SMALL, TEXT, Failure, original


def run_surroundings(trial: int) -> tuple[str, str]:
    """Run a command where something is missing, full, forbidden or changing; one line names it, or all is well."""
    names = sorted(SURROUNDINGS)
    name = names[trial % len(names)]
    told, failure = guarded("surroundings", SURROUNDINGS[name], trial)
    return told if told.startswith("skipped") else f"{name}: {told}", failure


def attempt(place: Path, name: str, **options: Any) -> int:
    """Run a command; it succeeds with the output that it has elsewhere, or fails with a line and changes nothing."""
    output = place / output_of(name)
    old = snapshot(output)
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "env": environment(), "stdin": subprocess.DEVNULL} | options
    done = subprocess.run(command(*arguments_of(name)), cwd=place, stderr=subprocess.PIPE, timeout=SECONDS, **given)
    check_errors(done.stderr, done.returncode, {0, 1, 2})
    if done.returncode and not said(done.stderr):
        raise Failure(f"exit {done.returncode} without a line")
    now = snapshot(output)
    if done.returncode and now != old:
        raise Failure(f"exit {done.returncode}, and the output has changed")
    if done.returncode == 0 and now is None:
        raise Failure("exit 0 without an output")
    return done.returncode


def limited(what: int, low: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (low, low))


def full_disk(draw: random.Random) -> Iterator[str]:
    name = draw.choice(sorted(COMMANDS))
    size = int(10 ** draw.uniform(0, 6))
    yield f"{name} with files of {size} bytes"
    with workplace() as place:
        code = attempt(place, name, preexec_fn=limited(resource.RLIMIT_FSIZE, size))
        yield f"exit {code}"
        finish(place, name)


def finish(place: Path, name: str) -> None:
    """Run the command again where nothing is in its way."""
    code, errors = run_once(name, place)
    check_errors(errors, code, {0})
    if snapshot(place / output_of(name)) != forked_reference(name).output:
        raise Failure("the next command does not write what it should")


def low_memory(draw: random.Random) -> Iterator[str]:
    name, size = draw.choice(sorted(COMMANDS)), draw.randrange(300, 1500)
    yield f"{name} with {size} MB of addresses"
    with workplace() as place:
        yield f"exit {attempt(place, name, preexec_fn=limited(resource.RLIMIT_AS, size << 20))}"
        finish(place, name)


def few_descriptors(draw: random.Random) -> Iterator[str]:
    name, number = draw.choice(sorted(COMMANDS)), draw.randrange(8, 40)
    yield f"{name} with {number} descriptors"
    with workplace() as place:
        yield f"exit {attempt(place, name, preexec_fn=limited(resource.RLIMIT_NOFILE, number))}"
        finish(place, name)


def drop_rights() -> None:
    """Give up root's right to write where the mode of a file or folder forbids it; takes effect at exec."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@functools.cache
def has_rights() -> bool:
    """Whether modes of files do not hold for processes started with :func:`drop_rights`."""
    with workplace() as place:
        (place / "text").chmod(0)
        program = [sys.executable, "-c", "open('text')"]
        return subprocess.run(program, cwd=place, preexec_fn=drop_rights, capture_output=True).returncode == 0


def no_permission(draw: random.Random) -> Iterator[str]:
    if has_rights():
        yield "skipped: no permission, for modes of files do not hold for this user"
        return
    name = draw.choice(sorted(COMMANDS))
    where = draw.choice([*sorted(INPUTS.intersection(COMMANDS[name])), "."])
    yield f"{name}, {where} forbidden"
    with workplace() as place:
        (place / where).chmod(0o555 if where == "." else 0)
        if attempt(place, name, preexec_fn=drop_rights) != 1:
            raise Failure("does not end with 1")
        (place / where).chmod(0o755)
        finish(place, name)


def read_only_package(draw: random.Random) -> Iterator[str]:
    if has_rights():
        yield "skipped: read-only package, for modes of files do not hold for this user"
        return
    yield "cut"
    with workplace() as place:
        package = Path(segtool.__file__).parent
        shutil.copytree(package, place / "copy" / "segtool", ignore=shutil.ignore_patterns("__pycache__"))
        (place / "home").mkdir()
        for path in [place / "home", place / "copy", *(place / "copy").rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        variables = environment(HOME=str(place / "home"), XDG_CACHE_HOME=str(place / "home"))
        variables |= {"PYTHONPATH": str(place / "copy")}
        variables.pop("NUMBA_CACHE_DIR", None)
        done = subprocess.run(
            command("cut", "-q"), cwd=place, env=variables, preexec_fn=drop_rights, input=TEXT.encode(),
            capture_output=True, timeout=SECONDS,
        )  # fmt: skip
        check_errors(done.stderr, done.returncode, {0})
        if done.stdout.decode().split() != segtool.load().cut(TEXT):
            raise Failure("the cut differs")


def changing_input(draw: random.Random) -> Iterator[str]:
    """Let an input grow, shrink or vanish while it is read."""
    name = draw.choice(["train", "count", "cut", "cut with threads", "lm train", "words"])
    how, moment = draw.choice(["grows", "shrinks", "vanishes", "is replaced"]), draw.random()
    yield f"{name}, the input {how} at {moment:.3f}"
    with workplace() as place:
        wait = moment * reference(name).seconds
        timer = threading.Timer(wait, change, (place / "text", how))
        timer.start()
        try:
            yield f"exit {attempt(place, name)}"
        finally:
            timer.cancel()
            timer.join()


def change(file: Path, how: str) -> None:
    if how == "grows":
        for _ in range(20):
            with open(file, "ab") as out:
                out.write(SMALL.encode())
            time.sleep(0.002)
    elif how == "shrinks":
        os.truncate(file, 1001)
    elif how == "vanishes":
        file.unlink()
    else:
        (file.parent / "other").write_text(TEXT, encoding="utf-8")
        (file.parent / "other").replace(file)


def odd_outputs(draw: random.Random) -> Iterator[str]:
    """Let standard output be closed, full, or a pipe that nobody reads."""
    how = draw.choice(["closed", "full", "gone"])
    model = ["-m", str(original("model"))]
    given = draw.choice([
        ["cut", "text"], ["cut", "text", "-j", "2"], ["cut", "text", "--format", "jsonl"], ["cut", "text", "--search"],
        ["cut", "table.csv", "--column", "line"], ["cut", "small", "--nbest", "3"], ["words", "text", "-q"],
        ["export", *model], ["eval", "gold", "gold"], ["explain", "今天天气很好", *model], ["completion", "bash"],
        ["lm", "info", str(original("arpa") / "a.arpa")], ["lm", "score", str(original("lm")), "text"], ["--help"],
    ])  # fmt: skip
    yield f"{given[0]}, standard output {how}"
    with workplace() as place, contextlib.ExitStack() as stack:
        options: dict[str, Any] = {}
        if how == "closed":
            options["preexec_fn"] = lambda: os.close(1)
        elif how == "full":
            options["stdout"] = stack.enter_context(open("/dev/full", "wb"))
        else:
            reader, writer = os.pipe()
            os.close(reader)
            options["stdout"] = stack.enter_context(os.fdopen(writer, "wb"))
        done = subprocess.run(
            command(*given), cwd=place, env=environment(), stderr=subprocess.PIPE, timeout=SECONDS, **options
        )
        yield f"exit {done.returncode}"
        check_errors(done.stderr, done.returncode, {1, 141, -signal.SIGPIPE} | ({0} if given == ["--help"] else set()))
        if how != "gone" and given != ["--help"] and not said(done.stderr):
            raise Failure("fails without a line")


SURROUNDINGS = {
    "full disk": full_disk,
    "memory": low_memory,
    "descriptors": few_descriptors,
    "rights": no_permission,
    "package": read_only_package,
    "inputs": changing_input,
    "outputs": odd_outputs,
}
