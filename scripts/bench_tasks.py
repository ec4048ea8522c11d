"""Measurements of scripts/bench.py that each run in a process of their own, which prints figures as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from time import perf_counter
from typing import Any

MB = 1e6
SENTENCEPIECE = """model_type=unigram vocab_size=30000 hard_vocab_limit=false character_coverage=0.9995
input_sentence_size=0 max_sentence_length=1000000000 normalization_rule_name=identity"""

Figures = dict[str, Any]


def load_cutter(tool: str, model: str) -> Callable[[str], list[str]]:
    """Import a tool, load its model or dictionary, and return its call for one line."""
    if tool == "segtool":
        import segtool

        return segtool.load(model).cut
    if tool == "jieba":
        import jieba

        jieba.setLogLevel(60)
        jieba.initialize()
        return jieba.lcut
    from sentencepiece import SentencePieceProcessor

    return partial(SentencePieceProcessor(model_file=model).encode, out_type=str)


def cut_lines(tool: str, model: str, source: str, target: str) -> Figures:
    """Cut a file line by line, which warms up, then its lines in memory."""
    begin = perf_counter()
    cut = load_cutter(tool, model)
    loaded = perf_counter()
    with open(source, encoding="utf-8", newline="\n") as file, open(target, "w", encoding="utf-8") as out:
        for line in file:
            out.write(" ".join(cut(line.rstrip("\n"))) + "\n")
    written = perf_counter()
    lines = Path(source).read_text(encoding="utf-8").split("\n")
    ready = perf_counter()
    for line in lines:
        cut(line)
    return {"loading": loaded - begin, "cutting": written - loaded, "calling": perf_counter() - ready}


def train_sentencepiece(prefix: str, workers: str, *files: str) -> Figures:
    """Train on every line a unigram model that alters no character."""
    from sentencepiece import SentencePieceTrainer

    settings: Figures = dict(setting.split("=") for setting in SENTENCEPIECE.split())
    SentencePieceTrainer.train(input=list(files), model_prefix=prefix, num_threads=workers, **settings)
    return {"pieces": Path(f"{prefix}.vocab").read_bytes().count(b"\n")}


def load_model(model: str, processes: str) -> Figures:
    """Load a model, as many processes do at a time; return the seconds of the first, and the memory of all."""
    import numpy as np  # noqa: F401

    import segtool.segmenter

    held = []
    for _ in range(int(processes) - 1):
        held.append(Popen([sys.executable, "-m", "scripts.bench_tasks", "hold", model], stdin=PIPE, stdout=PIPE))
    for process in held:
        assert process.stdout is not None
        process.stdout.readline()
    begin = perf_counter()
    segmenter = segtool.load(model)
    seconds = perf_counter() - begin
    segmenter.cut("今天天气很好")
    figures = [memory_of(pid) for pid in [os.getpid(), *(process.pid for process in held)]]
    for process in held:
        process.communicate()
    private, shared = ([each[i] / MB for each in figures] for i in range(2))
    return {"loading": seconds, "private_mb": sum(private) / len(private), "shared_mb": max(shared)}


def hold_model(model: str) -> Figures:
    """Load a model and keep it until standard input ends."""
    load_cutter("segtool", model)("今天天气很好")
    print(flush=True)
    sys.stdin.read()
    return {}


def memory_of(pid: int) -> tuple[int, int]:
    """Bytes that a process has for itself and bytes that it shares; 0 where the system does not list them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return 0, 0
    listed = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
    return tuple(listed[f"{kind}_Clean"] + listed[f"{kind}_Dirty"] for kind in ("Private", "Shared"))  # type: ignore[return-value]


TASKS: dict[str, Callable[..., Figures]] = {
    "cut": cut_lines,
    "train": train_sentencepiece,
    "load": load_model,
    "hold": hold_model,
}


if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
