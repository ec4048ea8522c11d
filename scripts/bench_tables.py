"""The report of scripts/bench.py: figures as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from scripts.bench_tasks import SENTENCEPIECE
from scripts.experiments import ALL

EMBEDDED_GOLD = "data/gold.seg.txt"
METRICS = {  # label, digits, whether more is better
    "training_seconds": ("training, s", 1, False),
    "training_peak_mb": ("training, peak memory, MB", 0, False),
    "file": ("cutting a file, 1 worker, MB/s; load counted for segtool only", 2, True),
    "file_all_in": ("cutting a file, 1 worker, MB/s; load counted for all", 2, True),
    "file_2": ("cutting a file, 2 workers, MB/s; load counted", 2, True),
    "file_2_to_1": ("two workers, times one worker", 2, True),
    "bare": ("kernels alone, on text in memory, 1 thread, MB/s", 2, True),
    "bare_2_to_1": ("two threads of kernels alone, times one", 2, True),
    "columns": ("cutting a column by `cut_arrow`, 1 worker, MB/s", 2, True),
    "columns_to_file": ("… times a file", 2, True),
    "columns_2_to_1": ("… 2 workers, times 1 worker", 2, True),
    "call": ("cutting by a Python call for each line, MB/s", 2, True),
    "tokenize": ("words and their places by `tokenize` for each line, MB/s", 2, True),
    "spans": ("places by `spans` for each line, MB/s", 2, True),
    "spans_to_call": ("… times `cut` for each line", 2, True),
    "batch": ("cutting by a Python call for 10,000 lines, 1 worker, MB/s", 2, True),
    "batch_2": ("… 2 workers, MB/s", 2, True),
    "load": ("import and load, s; segtool links its kernels later, for a long text", 3, False),
    "load_ms": ("load of a model in a process that has numpy, ms", 1, False),
    "private_mb": ("memory of its own of each of ten processes with one model, MB", 1, False),
    "shared_mb": ("memory that these ten share, the model's pages among it, MB", 1, False),
    "first_word": ("from shell to first word of a short line, s", 3, False),
    "help": ("from shell to `--help`, s", 3, False),
}
Figures = dict[str, Any]


def report(record: Figures) -> str:
    """Give the whole report as Markdown."""
    peers = record["environment"]["peers"]
    parts = [describe(record["environment"]), speed_table(record["values"], peers)]
    rows = [[name, *(f"{f1:.4f}" for f1 in scores.values())] for name, scores in record["f1"].items()]
    parts.append(markdown(["F1 of words, by spans", *scored(peers)], rows))
    if missing := [name for name in (*ALL, EMBEDDED_GOLD) if name not in record["f1"]]:
        parts.append(f"No gold text was found for {', '.join(missing)} (--data).")
    return "\n\n".join(parts)


def scored(peers: Sequence[str]) -> list[str]:
    """Name the tools that F1 is measured of: tokenizers has the words of sentencepiece."""
    return [tool for tool in ("segtool", *peers) if tool != "tokenizers"]


def describe(environment: Figures) -> str:
    """Name the texts, the machine, the versions and the settings."""

    def pairs(name: str) -> str:
        return ", ".join(f"{key} {value}" for key, value in environment[name].items())

    pieces = f"; of sentencepiece: {' '.join(SENTENCEPIECE.split())}, giving {environment.get('pieces')} pieces"
    shared = ", which tokenizers has too" if "tokenizers" in environment["peers"] else ""
    return (
        f"{pairs('versions')}; {environment['cores']} cores, load average {environment['load']:.1f} before. "
        f"Trained on {', '.join(environment['texts'])} ({environment['text_mb']:.1f} MB), "
        f"{environment['workers']} threads. Parameters of segtool: {pairs('parameters')}"
        f"{pieces + shared if 'pieces' in environment else ''}. "
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
