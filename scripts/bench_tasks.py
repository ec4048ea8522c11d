"""Measurements of scripts/bench.py that each run in a process of their own, which prints figures as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread
from time import perf_counter
from typing import Any

MB = 1e6
SENTENCEPIECE = """model_type=unigram vocab_size=30000 hard_vocab_limit=false character_coverage=0.9995
input_sentence_size=0 max_sentence_length=1000000000 normalization_rule_name=identity"""

BATCH = 10_000
"""Lines in a call for many."""

PIECES = 64
"""Parts of a text that threads share."""

Figures = dict[str, Any]
Cut = Callable[[str], Any]
Call = Callable[[Any], Any]
Tool = tuple[Cut, dict[str, Call]]
"""The call for one line, and other ways to cut, each of which takes all lines."""


def each_line(call: Cut) -> Call:
    """Make a call for all lines of a call for one line."""

    def run(lines: list[str]) -> None:
        for line in lines:
            call(line)

    return run


def load_segtool(model: str) -> Tool:
    import segtool

    seg = segtool.load(model)

    def batch(workers: int, lines: list[str]) -> None:
        for begin in range(0, len(lines), BATCH):
            seg.cut_batch(lines[begin : begin + BATCH], workers)

    def bare(workers: int, lines: list[str]) -> None:
        """Call the kernel alone, each thread on the lines of its share."""
        data = "\n".join(lines).encode()
        ends = [data.rfind(b"\n", 0, len(data) * i // PIECES) + 1 for i in range(PIECES)] + [len(data)]
        pieces = [data[low:high] for low, high in pairwise(ends)]

        def run(share: list[bytes]) -> None:
            for piece in share:
                seg.cut_utf8(piece, b" ")

        threads = [Thread(target=run, args=(pieces[i::workers],)) for i in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    calls = {"tokenize": each_line(seg.tokenize), "spans": each_line(seg.spans)}
    for suffix, workers in (("", 1), ("_2", 2)):
        calls["batch" + suffix] = partial(batch, workers)
        calls["bare" + suffix] = partial(bare, workers)
        calls["columns" + suffix] = partial(seg.cut_arrow, workers=workers)
    return seg.cut, calls


def load_jieba(_: str) -> Tool:
    import jieba

    jieba.setLogLevel(60)
    jieba.initialize()
    return jieba.lcut, {"tokenize": each_line(lambda line: list(jieba.tokenize(line)))}


def load_jieba_next(_: str) -> Tool:
    import jieba_next

    jieba_next.set_log_level(60)
    jieba_next.initialize()
    return jieba_next.lcut, {"tokenize": each_line(lambda line: list(jieba_next.tokenize(line)))}


def load_rjieba(_: str) -> Tool:
    from rjieba import Jieba

    jieba = Jieba()
    return jieba.cut, {"tokenize": each_line(jieba.tokenize)}


def load_sentencepiece(model: str) -> Tool:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_file=model)
    cut = partial(processor.encode, out_type=str)
    batch = partial(processor.encode, out_type=str, num_threads=1)
    return cut, {"tokenize": each_line(processor.encode_as_offset_mapping), "batch": batch}


def load_tokenizers(model: str) -> Tool:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(model)

    def cut(line: str) -> list[str]:
        return tokenizer.encode(line).tokens

    def place(line: str) -> tuple[list[str], list[tuple[int, int]]]:
        encoding = tokenizer.encode(line)
        return encoding.tokens, encoding.offsets

    def batch(lines: list[str]) -> None:
        for begin in range(0, len(lines), BATCH):
            for encoding in tokenizer.encode_batch_fast(lines[begin : begin + BATCH]):
                encoding.tokens  # noqa: B018 - makes the strings

    return cut, {"tokenize": each_line(place), "batch": batch}


LOADERS: dict[str, Callable[[str], Tool]] = {
    "segtool": load_segtool,
    "jieba": load_jieba,
    "sentencepiece": load_sentencepiece,
    "rjieba": load_rjieba,
    "jieba-next": load_jieba_next,
    "tokenizers": load_tokenizers,
}
"""Each imports a tool, loads its model or dictionary, and returns its calls."""


def cut_lines(tool: str, model: str, source: str, target: str, *ways: str) -> Figures:
    """Cut a file line by line, which warms up; then its lines in memory, in those of some ways that the tool has."""
    begin = perf_counter()
    cut, calls = LOADERS[tool](model)
    loaded = perf_counter()
    with open(source, encoding="utf-8", newline="\n") as file, open(target, "w", encoding="utf-8") as out:
        for line in file:
            out.write(" ".join(cut(line.rstrip("\n"))) + "\n")
    figures = {"loading": loaded - begin, "cutting": perf_counter() - loaded}
    lines = Path(source).read_text(encoding="utf-8").split("\n")
    calls["call"] = each_line(cut)
    for way in ways:
        if way in calls:
            texts = column_of(lines) if way.startswith("columns") else lines
            begin = perf_counter()
            calls[way](texts)
            figures[way] = perf_counter() - begin
    return figures


def column_of(lines: list[str]) -> Any:
    """Make a column of text that no Python object is needed for."""
    import pyarrow as pa

    return pa.array(lines)


def convert_sentencepiece(model: str, target: str) -> Figures:
    """Write the pieces of SentencePiece as a model of tokenizers, which cuts alike."""
    from sentencepiece import SentencePieceProcessor
    from tokenizers import Tokenizer, models, pre_tokenizers

    processor = SentencePieceProcessor(model_file=model)
    pieces = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(len(processor))]
    tokenizer = Tokenizer(models.Unigram(pieces, processor.unk_id()))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.save(target)
    return {}


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
    LOADERS["segtool"](model)[0]("今天天气很好")
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
    "convert": convert_sentencepiece,
    "train": train_sentencepiece,
    "load": load_model,
    "hold": hold_model,
}


if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
