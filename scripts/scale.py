#!/usr/bin/env python3
"""Measure how training grows with its corpus: the tables of docs/scale.md.

    .venv/bin/python -m scripts.scale DATA [--sizes 1,10,100,1000] [--memory 2G] [--json build/scale.json]

Texts of each size (in MB) are made of the lines of all files below DATA/raw, shuffled. Where these are not enough they
come again, shuffled anew, with --noise of their Han characters replaced by others drawn at random, so that new n-grams
keep coming. Every size is trained on within --memory, and counted; both are processes of their own, whose seconds and
peak memory are listed stage by stage. Exponents are least squares on the logarithms.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from segtool.plot.figures import growth_exponent
from segtool.text.sources import find_sources

SEGTOOL = [sys.executable, "-m", "segtool"]
HAN = 0x4E00, 0x9FA6
MB = 1_000_000
Figures = dict[str, Any]
STAGE = re.compile(r"(\w+) +([\d.]+) s +([\d,]+) MB( peak)?")


def make_text(data: Path, target: Path, size: int, noise: float) -> None:
    """Write about `size` bytes of lines, each time that all have been written in another order and with noise."""
    lines = []
    folder = data / "raw" if (data / "raw").exists() else data / "sample"
    for source in find_sources([folder]):
        assert source.path is not None
        lines += [line + "\n" for line in source.path.read_text(encoding="utf-8").split("\n") if line]
    draw = np.random.default_rng(0)
    with target.open("wb") as out:
        turn = 0
        while out.tell() < size:
            text = "".join(lines[i] for i in draw.permutation(len(lines)))
            points = np.frombuffer(text.encode("utf-32-le"), "<u4").copy()
            if turn:
                han = np.flatnonzero((points >= HAN[0]) & (points < HAN[1]))
                change = han[draw.random(len(han)) < noise]
                points[change] = draw.integers(*HAN, len(change))
            encoded = points.tobytes().decode("utf-32-le").encode()
            room = size - out.tell()
            out.write(encoded if len(encoded) <= room else encoded[: encoded.find(b"\n", room) + 1 or len(encoded)])
            turn += 1


def run(command: list[str]) -> Figures:
    """Run a command of segtool and read its stages off standard error."""
    begin = time.perf_counter()
    process = subprocess.Popen([*SEGTOOL, *command], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    _, talk = process.communicate()
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"scale: {' '.join(command)} failed: {talk}")
    stages = {
        name: (float(each), int(peak.replace(",", "")))
        for name, each, peak, _ in STAGE.findall(talk)
        if name != "total"
    }
    peak = max(each[1] for each in stages.values())  # the system's own mark begins anew with each stage
    return {"seconds": seconds, "peak_mb": peak, "stages": stages, "talk": talk}


def measure(text: Path, folder: Path, options: argparse.Namespace) -> Figures:
    """Train on a text, and count it."""
    limits = ["--memory", options.memory, "--tmp", str(folder), "-j", str(options.workers)]
    trained = run(["train", str(text), "-o", str(folder / "model"), *limits])
    counted = run(["count", str(text), "-o", str(folder / "shard"), *limits])
    corpus = json.loads((folder / "shard" / "card.json").read_text(encoding="utf-8"))["corpus"]
    shard = sum(path.stat().st_size for path in (folder / "shard").iterdir())
    model = sum(path.stat().st_size for path in (folder / "model").iterdir())
    learned = re.findall(r"learned +([\d,]+) words out of ([\d,]+)", trained["talk"])[0]
    words, candidates = (int(number.replace(",", "")) for number in learned)
    shutil.rmtree(folder / "shard")
    sizes = {"shard_mb": shard / MB, "model_mb": model / MB, "words": words, "candidates": candidates}
    return {"mb": text.stat().st_size / MB, "train": trained, "count": counted, "corpus": corpus, **sizes}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def report(results: list[Figures]) -> str:
    """Tables of seconds and peaks by stage, and of n-gram types."""
    sizes = [each["mb"] for each in results]
    names = list(results[-1]["train"]["stages"])
    rows = []
    for name in names:
        cells = [each["train"]["stages"].get(name) for each in results]
        slope = growth_exponent(sizes, [max(cell[0], 0.01) for cell in cells]) if all(cells) else float("nan")
        rows.append([name, *(f"{cell[0]:.2f} s, {cell[1]:,} MB" if cell else "" for cell in cells), f"{slope:.2f}"])
    whole = [each["train"]["seconds"] for each in results]
    peaks = [f"{each['train']['seconds']:.1f} s, {each['train']['peak_mb']:,.0f} MB" for each in results]
    rows.append(["all", *peaks, f"{growth_exponent(sizes, whole):.2f}"])
    times = [each["count"]["seconds"] for each in results]
    counted = [f"{each['count']['seconds']:.1f} s, {each['count']['peak_mb']:,.0f} MB" for each in results]
    rows.append(["`segtool count`", *counted, f"{growth_exponent(sizes, times):.2f}"])
    titles = [f"{size:,.0f} MB" for size in sizes]
    growth = []
    lengths = len(results[0]["corpus"]["types"])
    symbols = [each["corpus"]["symbols"] for each in results]
    growth.append(["symbols", *(f"{number:,}" for number in symbols), f"{growth_exponent(sizes, symbols):.2f}"])
    for k in range(lengths):
        types = [each["corpus"]["types"][k] for each in results]
        slope = growth_exponent(symbols, types)
        growth.append([f"{k + 1}-grams", *(f"{number:,}" for number in types), f"{slope:.2f}"])
    others = {"candidates": "candidates", "words": "words", "shard_mb": "shard, MB", "model_mb": "model, MB"}
    for name, label in others.items():
        values = [each[name] for each in results]
        growth.append([label, *(f"{value:,.0f}" for value in values), f"{growth_exponent(symbols, values):.2f}"])
    return "\n\n".join([table(["", *titles, "exponent"], rows), table(["types", *titles, "exponent"], growth)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sizes", default="1,10,100,1000", help="MB, with commas between; %(default)s")
    parser.add_argument("--memory", default="2G")
    parser.add_argument("--noise", type=float, default=0.02, help="share of characters; %(default)s")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tmp", help="folder for the texts and all that is temporary")
    parser.add_argument("--make", type=Path, metavar="FILE", help="only write the text of one size")
    parser.add_argument("--json", type=Path, help="takes every measurement")
    options = parser.parse_args()
    if options.make:
        make_text(options.data, options.make, int(float(options.sizes) * MB), options.noise)
        return
    results = []
    with tempfile.TemporaryDirectory(dir=options.tmp) as name:
        folder = Path(name)
        for size in options.sizes.split(","):
            print(f"scale: {size} MB", file=sys.stderr, flush=True)
            # in a process of its own: a child's peak starts at the size of its parent
            text = folder / "text.txt"
            own = [str(options.data), "--sizes", size, "--noise", str(options.noise), "--make", str(text)]
            subprocess.run([sys.executable, "-m", "scripts.scale", *own], check=True)
            results.append(measure(text, folder, options))
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(report(results))


if __name__ == "__main__":
    main()
