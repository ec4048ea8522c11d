#!/usr/bin/env python3
"""Measure segtool beside the segmenters and tokenizers of others, in one run on one machine.

Every figure comes from a process of its own, and the tools take turns (A B A B …), so that whatever else
the machine does affects all of them alike. A ratio compares the neighbours of one turn. The table goes to
standard output, as Markdown; every single measurement into a JSON file; messages to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import cycle
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from time import perf_counter
from typing import Any

from scripts.bench_tables import EMBEDDED_GOLD, report, scored
from scripts.bench_tasks import MB
from scripts.experiments import ALL, NEWS
from segtool import __version__
from segtool.errors import SegtoolError
from segtool.evaluation import evaluate_files
from segtool.text.sources import find_sources

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.executable).with_name("segtool")
SEGTOOL = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "segtool"]
PEERS = ("jieba", "sentencepiece", "rjieba", "jieba-next", "tokenizers")
SHARE = {"segtool": 1.0, "sentencepiece": 0.25, "rjieba": 0.25}  # of the text to cut: the slow take less of it
SLOW = 0.1  # the share of the others
WAYS = ("call", "tokenize", "spans", "batch", "batch_2", "columns", "columns_2", "bare", "bare_2")
RATIOS = {
    "file_2_to_1": ("file_2", "file"),
    "bare_2_to_1": ("bare_2", "bare"),
    "spans_to_call": ("spans", "call"),
    "columns_to_file": ("columns", "file"),
    "columns_2_to_1": ("columns_2", "columns"),
}
STARTS = 7
PROCESSES = 10
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
Figures = dict[str, Any]


class Bench:
    """One run: what to measure with, and the record of what it finds.

    The record is what the JSON file holds and `report` takes: ``environment``; ``values`` by metric and
    tool, one for each turn; ``f1`` by gold set and tool; ``processes``, every one that was measured.
    """

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.tools = options, ("segtool", *options.peers)
        self.models = {tool: folder / f"{tool}.model" for tool in self.tools}
        self.inputs = {tool: folder / f"{tool}.txt" for tool in self.tools}
        self.out = folder / "out.txt"
        self.texts, self.cut_texts, self.gold = find_texts(options.texts, options.data)
        environment = {
            "versions": versions(options.peers),
            "platform": platform.platform(),
            "cores": CORES,
            "load": os.getloadavg()[0],
            "peers": list(options.peers),
            "texts": [path.name for path in self.texts],
            "text_mb": sum(path.stat().st_size for path in self.texts) / MB,
            "cut_texts": ["/".join(path.parts[-2:]) for path in self.cut_texts],
            "workers": options.workers,
        }
        self.record: Figures = {"environment": environment, "values": {}, "f1": {}, "processes": []}

    def measure(self) -> None:
        """Take all measurements."""
        say("warming up: kernels are compiled, dictionaries cached")
        write_text(self.cut_texts, self.inputs["segtool"], 0.2)
        self.segtool("train", ROOT / "data" / "sample", "-o", self.models["segtool"])
        for tool in self.tools:
            if tool not in ("sentencepiece", "tokenizers"):  # which have yet to be trained
                self.cut(tool, self.inputs["segtool"])
        self.task("cut", "segtool", self.models["segtool"], self.inputs["segtool"], self.out, *WAYS)
        self.record["processes"].clear()
        for turn in range(self.options.train_runs):
            say(f"training, turn {turn + 1} of {self.options.train_runs} (a minute or more)")
            self.train()
        card = json.loads((self.models["segtool"] / "card.json").read_text(encoding="utf-8"))
        sizes = {}
        for tool, path in self.inputs.items():
            sizes[tool] = write_text(self.cut_texts, path, self.options.size * SHARE.get(tool, SLOW))
        shown = {tool: round(size, 2) for tool, size in sizes.items()}
        self.record["environment"] |= {"parameters": card["parameters"], "cut_mb": shown}
        for turn in range(self.options.runs):
            say(f"cutting, turn {turn + 1} of {self.options.runs}")
            self.cut_all(sizes)
        say("starting and scoring")
        self.start()
        self.score()

    def train(self) -> None:
        """Train the models that everything else uses."""
        workers = str(self.options.workers)
        trained = {"segtool": self.segtool("train", *self.texts, "-o", self.models["segtool"], "-j", workers)}
        if "sentencepiece" in self.tools:
            prefix = self.models["sentencepiece"].with_suffix("")
            trained["sentencepiece"] = self.task("train", prefix, workers, *self.texts)
            self.record["environment"]["pieces"] = trained["sentencepiece"]["pieces"]
        if "tokenizers" in self.tools:
            self.task("convert", self.models["sentencepiece"], self.models["tokenizers"])
        for tool, done in trained.items():
            self.add("training_seconds", tool, done["seconds"])
            self.add("training_peak_mb", tool, done["peak_mb"])

    def cut_all(self, sizes: dict[str, float]) -> None:
        """Cut a file, and its lines in memory in every way."""
        whole = sizes["segtool"]
        seconds = self.cut("segtool", self.inputs["segtool"])["seconds"]
        both = self.cut("segtool", self.inputs["segtool"], "-j", "2")["seconds"]
        self.add("file", "segtool", whole / seconds)
        self.add("file_all_in", "segtool", whole / seconds)
        self.add("file_2", "segtool", whole / both)
        for tool, size in sizes.items():
            done = self.task("cut", tool, self.models[tool], self.inputs[tool], self.out, *WAYS)
            self.add("load", tool, done["loading"])
            for way in WAYS:
                if way in done:
                    self.add(way, tool, size / done[way])
            if tool != "segtool":
                self.add("file", tool, size / done["cutting"])
                # As if it cut the whole text: beside a part of it, loading would weigh too much.
                self.add("file_all_in", tool, whole / (done["loading"] + done["cutting"] * whole / size))
        ours = {metric: values["segtool"][-1] for metric, values in self.record["values"].items()}
        for metric, (one, other) in RATIOS.items():
            self.add(metric, "segtool", ours[one] / ours[other])

    def start(self) -> None:
        """Start segtool from a shell, as someone who types does; the first turn warms up."""
        command, model = shlex.join(SEGTOOL), shlex.quote(str(self.models["segtool"]))
        lines = {"first_word": f"echo 今天天气很好 | {command} cut -m {model}", "help": f"{command} --help"}
        for turn in range(STARTS + 1):
            loaded = self.task("load", self.models["segtool"], str(PROCESSES))
            if turn:
                self.add("load_ms", "segtool", 1000 * loaded["loading"])
                self.add("private_mb", "segtool", loaded["private_mb"])
                self.add("shared_mb", "segtool", loaded["shared_mb"])
            for name, line in lines.items():
                done = self.run(name, ["sh", "-c", line])
                if turn:
                    self.add(name, "segtool", done["first_output_seconds"])

    def score(self) -> None:
        """Cut the text of the gold sets and score the words by their spans."""
        raw, out = self.inputs["segtool"], self.out
        for name, gold in self.gold.items():
            lines = gold.read_text(encoding="utf-8").split("\n")
            raw.write_text("\n".join("".join(line.split()) for line in lines), encoding="utf-8")
            for tool in scored(self.options.peers):
                self.cut(tool, raw)
                if tool == "sentencepiece":  # it sets ▁ for a space, and one before each line
                    out.write_text(out.read_text(encoding="utf-8").replace("▁", " "), encoding="utf-8")
                self.record["f1"].setdefault(name, {})[tool] = evaluate_files(gold, out).f1

    def add(self, metric: str, tool: str, value: float) -> None:
        """Add the value of one turn."""
        self.record["values"].setdefault(metric, {}).setdefault(tool, []).append(value)

    def cut(self, tool: str, text: Path, *options: str) -> Figures:
        """Cut a file to `self.out`: segtool by its command line, a peer by a task."""
        if tool == "segtool":
            return self.segtool("cut", text, "-m", self.models[tool], "-o", self.out, *options)
        return self.task("cut", tool, self.models[tool], text, self.out)

    def segtool(self, *arguments: str | Path) -> Figures:
        """Run a command of segtool."""
        return self.run(f"segtool {arguments[0]}", [*SEGTOOL, *arguments, "-q"])

    def task(self, *arguments: str | Path) -> Figures:
        """Run one of :data:`scripts.bench_tasks.TASKS`."""
        command = [sys.executable, "-W", "ignore", "-m", "scripts.bench_tasks", *arguments]
        return self.run(" ".join(Path(each).name for each in arguments[:2]), command, answers=True)

    def run(self, what: str, command: Sequence[str | Path], answers: bool = False) -> Figures:
        """Run a process and measure it and those it starts; one that `answers` prints figures as JSON."""
        # A child's peak starts at the size of its parent: this process imports nothing large.
        with tempfile.TemporaryFile() as talk:
            begin = perf_counter()
            process = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=talk)
            assert process.stdout is not None
            with process.stdout as pipe:
                first = pipe.read(1)
                first_output = perf_counter() - begin
                output = first + pipe.read()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                talk.seek(0)
                said = " ".join(talk.read().decode(errors="replace").split())
                raise SegtoolError(f"{what} failed: … {said[-400:]}")
        done = {
            "what": what,
            "seconds": seconds,
            "first_output_seconds": first_output,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mb": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MB,
        }
        self.record["processes"].append(done | (json.loads(output) if answers else {}))
        return self.record["processes"][-1]


def find_texts(names: list[str], data: Path) -> tuple[list[Path], list[Path], dict[str, Path]]:
    """Find the texts to train on (those named, else the news, else the sample), to cut, and to score."""
    news = [data / "raw" / "research" / name for name in NEWS]
    sources = find_sources(names or (news if all(map(Path.exists, news)) else [ROOT / "data" / "sample"]))
    texts = [source.path.resolve() for source in sources if source.path]
    tests = [data / "gold" / name / "test.raw.txt" for name in ("pku", "msr")]
    gold = {name: data / "gold" / f"{name}.seg.txt" for name in ALL} | {EMBEDDED_GOLD: ROOT / EMBEDDED_GOLD}
    found = {name: path for name, path in gold.items() if path.exists()}
    return texts, tests if all(map(Path.exists, tests)) else texts, found


def versions(peers: Sequence[str]) -> dict[str, str]:
    """Give the versions of what takes part."""
    try:
        found = {name: version(name) for name in ("numpy", "numba", *peers)}
    except PackageNotFoundError as error:
        fix = "pip install 'segtool[bench]', or measure segtool alone with --peers none"
        raise SegtoolError(f"{error.name} is not installed: {fix}") from None
    return {"segtool": __version__, "Python": platform.python_version()} | found


def write_text(sources: Sequence[Path], target: Path, megabytes: float) -> float:
    """Write the lines of the sources, again and again, up to a size; return that in MB."""
    lines = cycle([line for source in sources for line in source.read_bytes().split(b"\n")])
    with target.open("wb") as out:
        while out.tell() < megabytes * MB:
            out.write(next(lines) + b"\n")
        return out.tell() / MB


def say(text: str) -> None:
    """Print the progress of the run."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    data = Path(os.environ.get("SEGTOOL_DATA") or ROOT.parent / "shared" / "data")
    parser = argparse.ArgumentParser(prog="scripts/bench", description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("texts", metavar="TEXT", nargs="*", help="plain UTF-8 files or folders to train on; the news in DATA")
    add("--json", type=Path, default=ROOT / "build" / "bench.json", help="takes every measurement")
    add("--runs", type=int, default=5, help="turns of cutting; %(default)s")
    add("--train-runs", type=int, default=1, help="turns of training; %(default)s")
    add("--workers", type=int, default=CORES, help="threads of training; one for each processor")
    add("--size", type=float, default=50.0, metavar="MB", help="text to cut; %(default)s")
    add("--peers", default=",".join(PEERS), help="comma-separated, or none; %(default)s")
    add("--data", type=Path, default=data, help="folder with raw/ and gold/; SEGTOOL_DATA or ../shared/data")
    options = parser.parse_args(arguments)
    options.peers = tuple(peer for peer in options.peers.split(",") if peer != "none")
    if not set(options.peers) <= set(PEERS):
        parser.error(f"--peers takes {','.join(PEERS)}, some of them, or none")
    if "tokenizers" in options.peers and "sentencepiece" not in options.peers:
        parser.error("--peers tokenizers needs sentencepiece too, whose pieces it has")
    if min(options.runs, options.train_runs, options.workers, options.size) <= 0:
        parser.error("--runs, --train-runs, --workers and --size take more than 0")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="segtool-bench-") as folder:
            bench = Bench(options, Path(folder))
            bench.measure()
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(bench.record, indent=1) + "\n", encoding="utf-8")
    except (SegtoolError, OSError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    print(report(bench.record))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
