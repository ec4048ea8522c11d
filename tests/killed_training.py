"""Trainings that are killed, and what those do that go on with them."""

import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import segtool
from segtool import training
from segtool.lexicon import build
from segtool.lexicon.em import Expectation
from segtool.lexicon.passes import Threads
from segtool.ngrams import counter as counting
from segtool.ngrams.counter import CorpusCounter
from segtool.runtime.budget import Budget
from tests.helpers import SAMPLE, TIMEOUT, contents, environment, sample_model

# Ends itself with SIGKILL behind the nth call of a function.
DRIVER = """
import os, signal, sys
from importlib import import_module
import segtool
from segtool.runtime.budget import Budget

module, owner, name, first, call, symbols, resume, output, *inputs = sys.argv[1:]
owner = getattr(import_module(module), owner) if owner else import_module(module)
function, left = getattr(owner, name), int(call)

def counted(*args, **options):
    global left
    found = function(*args, **options)
    # the first argument behind self that is text says of what the call is
    if not first or first in args[:2]:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(owner, name, counted)
if int(symbols):
    Budget.symbols, Budget.ngrams = int(symbols), lambda self, workers: 2000
segtool.train(inputs, output, resume=bool(int(resume)))
"""
SAVE = "segtool.store.checkpoints", "Checkpoints", "save"
PASSES = 8
NOTHING = {"blocks": 0, "merges": 0, "scores": 0, "passes": 0, "boundary models": 1}
LITTLE, MUCH = 3000, 0


def kill(folder, module, owner, name, first, call, symbols=LITTLE, resume=True, inputs=(SAMPLE,), output="m"):
    """Train until a call of a function, and no further."""
    arguments = (module, owner, name, first, call, symbols, int(resume), output, *inputs)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == -signal.SIGKILL, done
    assert (folder / ".m.work" / "training").exists()


@contextmanager
def watched(symbols=MUCH):
    """What a training does: blocks that it counts, merges, scores, EM passes, boundary models that it fits."""
    calls = dict.fromkeys(NOTHING, 0)

    def counted(name, function):
        def call(*args, **options):
            calls[name] += 1
            return function(*args, **options)

        return call

    def passes(self, task, *rest):
        calls["passes"] += isinstance(task, Expectation)
        return go(self, task, *rest)

    go = Threads.run
    with ExitStack() as stack:
        for owner, name, told in (
            (CorpusCounter, "add", "blocks"),
            (counting, "merge_ngrams", "merges"),
            (training, "score", "scores"),
            (build, "fit_boundary_model", "boundary models"),
        ):
            stack.enter_context(patch.object(owner, name, counted(told, getattr(owner, name))))
        stack.enter_context(patch.object(Threads, "run", passes))
        if symbols:
            stack.enter_context(patch.object(Budget, "symbols", symbols))
        yield calls


def visible(folder):
    """Names in a folder, but for what an output that was killed has left beside it."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".tmp"))


def goes_on(folder, symbols=MUCH, **options):
    """Train again; what it does. The model is that of a training that was not killed."""
    with watched(symbols) as calls:
        segtool.train(SAMPLE, folder / "m", resume=True, **options)
    assert contents(folder / "m") == contents(sample_model())
    assert visible(folder) == ["m"]
    return calls
