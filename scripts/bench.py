#!/usr/bin/env python3
"""Measure segtool beside jieba and SentencePiece, in one run on one machine.

Every figure comes from a process of its own, and the tools take turns (A B A B …), so that whatever else
the machine does meets all of them alike. A ratio compares the neighbours of one turn. The table goes to
standard output, as Markdown; every single measurement into a JSON file; talk to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import cycle
from pathlib import Path
from statistics import median
from subprocess import DEVNULL, PIPE, Popen
from time import perf_counter
from typing import Any

from segtool import __version__
from segtool.errors import SegtoolError
from segtool.evaluation import evaluate_files
from segtool.text.sources import find_sources

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.executable).with_name("segtool")
SEGTOOL = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "segtool"]
PEERS = ("jieba", "sentencepiece")
NEWS = ("news_pfr1998_jan", "news_pfr1998_feb", "news_msra_ner")
EMBEDDED_GOLD = "data/gold.seg.txt"
GOLD = ("pku/test", "msr/test", "pku/dev10pct", "msr/dev10pct", "ud_gsdsimp/dev", "ud_gsd_trad/dev")
SHARE = {"segtool": 1.0, "jieba": 0.1, "sentencepiece": 0.25}  # of the text to cut: the slow take less of it
SENTENCEPIECE = """model_type=unigram vocab_size=30000 hard_vocab_limit=false character_coverage=0.9995
input_sentence_size=0 max_sentence_length=1000000000 normalization_rule_name=identity"""
STARTS = 7
MB = 1e6
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
METRICS = {  # label, digits, whether more is better
    "training_seconds": ("training, s", 1, False),
    "training_peak_mb": ("training, peak memory, MB", 0, False),
    "file": ("cutting a file, 1 worker, MB/s; load counted for segtool only", 2, True),
    "file_all_in": ("cutting a file, 1 worker, MB/s; load counted for all", 2, True),
    "file_2_workers": ("cutting a file, 2 workers, MB/s; load counted", 2, True),
    "two_to_one": ("two workers, times one worker", 2, True),
    "call": ("cutting by a Python call for each line, MB/s", 2, True),
    "load": ("import and load, s; segtool links its kernels later, for a long text", 3, False),
    "load_ms": ("load of a model in a process that has numpy, ms", 1, False),
    "private_mb": ("memory of its own of each of ten processes with one model, MB", 1, False),
    "shared_mb": ("memory that these ten share, the model's pages among it, MB", 1, False),
    "first_word": ("from shell to first word of a short line, s", 3, False),
    "help": ("from shell to `--help`, s", 3, False),
}
Figures = dict[str, Any]


# What runs in processes of its own: this script again, with --child


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
    """Load a model, as many processes do at a time; tell what the first took, and the memory of all."""
    import numpy as np  # noqa: F401

    import segtool.segmenter

    held = []
    for _ in range(int(processes) - 1):
        held.append(Popen([sys.executable, __file__, "--child", "hold", model], stdin=PIPE, stdout=PIPE))
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
    """Bytes that a process has for itself, and bytes that it shares with others; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return 0, 0
    told = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
    return tuple(told[f"{kind}_Clean"] + told[f"{kind}_Dirty"] for kind in ("Private", "Shared"))  # type: ignore[return-value]


TASKS: dict[str, Callable[..., Figures]] = {
    "cut": cut_lines,
    "train": train_sentencepiece,
    "load": load_model,
    "hold": hold_model,
}


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
        for tool in [tool for tool in self.tools if tool != "sentencepiece"]:
            self.cut(tool, self.inputs["segtool"])
        self.record["processes"].clear()
        for turn in range(self.options.train_runs):
            say(f"training, turn {turn + 1} of {self.options.train_runs} (a minute or more)")
            self.train()
        card = json.loads((self.models["segtool"] / "card.json").read_text(encoding="utf-8"))
        sizes = {}
        for tool, path in self.inputs.items():
            sizes[tool] = write_text(self.cut_texts, path, self.options.size * SHARE[tool])
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
        for tool, done in trained.items():
            self.add("training_seconds", tool, done["seconds"])
            self.add("training_peak_mb", tool, done["peak_mb"])

    def cut_all(self, sizes: dict[str, float]) -> None:
        """Cut a file, and its lines in memory."""
        whole = sizes["segtool"]
        seconds = self.cut("segtool", self.inputs["segtool"])["seconds"]
        self.add("file", "segtool", whole / seconds)
        self.add("file_all_in", "segtool", whole / seconds)
        for tool, size in sizes.items():
            done = self.task("cut", tool, self.models[tool], self.inputs[tool], self.out)
            self.add("load", tool, done["loading"])
            self.add("call", tool, size / done["calling"])
            if tool != "segtool":
                self.add("file", tool, size / done["cutting"])
                # As if it cut the whole text: beside a part of it, loading would weigh too much.
                self.add("file_all_in", tool, whole / (done["loading"] + done["cutting"] * whole / size))
        both = self.cut("segtool", self.inputs["segtool"], "-j", "2")["seconds"]
        self.add("file_2_workers", "segtool", whole / both)
        self.add("two_to_one", "segtool", seconds / both)

    def start(self) -> None:
        """Start segtool from a shell, as someone who types does; the first turn warms up."""
        command, model = shlex.join(SEGTOOL), shlex.quote(str(self.models["segtool"]))
        lines = {"first_word": f"echo 今天天气很好 | {command} cut -m {model}", "help": f"{command} --help"}
        for turn in range(STARTS + 1):
            loaded = self.task("load", self.models["segtool"], "10")
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
            for tool in self.tools:
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
        """Run one of `TASKS`."""
        command = [sys.executable, "-W", "ignore", __file__, "--child", *arguments]
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
    news = [data / "raw" / "research" / f"{name}.txt" for name in NEWS]
    sources = find_sources(names or (news if all(map(Path.exists, news)) else [ROOT / "data" / "sample"]))
    texts = [source.path.resolve() for source in sources if source.path]
    tests = [data / "gold" / name / "test.raw.txt" for name in ("pku", "msr")]
    gold = {name: data / "gold" / f"{name}.seg.txt" for name in GOLD} | {EMBEDDED_GOLD: ROOT / EMBEDDED_GOLD}
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


def report(record: Figures) -> str:
    """Give the whole report as Markdown."""
    peers = record["environment"]["peers"]
    parts = [describe(record["environment"]), speed_table(record["values"], peers)]
    rows = [[name, *(f"{f1:.4f}" for f1 in scores.values())] for name, scores in record["f1"].items()]
    parts.append(markdown(["F1 of words, by spans", "segtool", *peers], rows))
    if missing := [name for name in (*GOLD, EMBEDDED_GOLD) if name not in record["f1"]]:
        parts.append(f"No gold text was found for {', '.join(missing)} (--data).")
    return "\n\n".join(parts)


def describe(environment: Figures) -> str:
    """Say what was measured, on what, with which settings."""

    def pairs(name: str) -> str:
        return ", ".join(f"{key} {value}" for key, value in environment[name].items())

    pieces = f"; of sentencepiece: {' '.join(SENTENCEPIECE.split())}, giving {environment.get('pieces')} pieces"
    return (
        f"{pairs('versions')}; {environment['cores']} cores, load average {environment['load']:.1f} before. "
        f"Trained on {', '.join(environment['texts'])} ({environment['text_mb']:.1f} MB), "
        f"{environment['workers']} threads. Parameters of segtool: {pairs('parameters')}"
        f"{pieces if 'pieces' in environment else ''}. "
        f"Cut: {', '.join(environment['cut_texts'])}, over and over (in MB: {pairs('cut_mb')}). "
        "Kernels are compiled and dictionaries cached beforehand. Median (least–greatest); "
        "× is how many times better segtool does, the median over neighbouring runs."
    )


def ratios(ours: Sequence[float], theirs: Sequence[float], more_is_better: bool) -> list[float]:
    """Compare turn by turn; more than 1 is in favour of the first."""
    return [a / b if more_is_better else b / a for a, b in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float], digits: int) -> str:
    """Give the median, with the least and the greatest value if there are several."""
    middle, least, greatest = (f"{get(values):,.{digits}f}" for get in (median, min, max))
    return middle if len(values) == 1 else f"{middle} ({least}–{greatest})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table, the first column left, the others right."""
    lines = (head, ["---"] + ["--:"] * (len(head) - 1), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def speed_table(values: Figures, peers: Sequence[str]) -> str:
    """Lay out all but F1."""
    rows = []
    for name, (label, digits, more_is_better) in METRICS.items():
        ours = values[name]["segtool"]
        row = [label, spread(ours, digits)]
        for peer in peers:
            theirs = values[name].get(peer)
            times = theirs and median(ratios(ours, theirs, more_is_better))
            row += [spread(theirs, digits), f"{times:.2f}×"] if theirs else ["", ""]
        rows.append(row)
    return markdown(["", "segtool", *(cell for peer in peers for cell in (peer, "×"))], rows)


def say(text: str) -> None:
    """Tell how far the run is."""
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
        parser.error(f"--peers takes {','.join(PEERS)}, one of them, or none")
    if min(options.runs, options.train_runs, options.workers, options.size) <= 0:
        parser.error("--runs, --train-runs, --workers and --size take more than 0")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark, or one task of it in a child."""
    if arguments[:1] == ["--child"]:
        print(json.dumps(TASKS[arguments[1]](*arguments[2:])))
        return 0
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
