"""Put the figures of a run of scripts/bench into docs/scale.md and the READMEs: bench_docs.py [JSON]."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Any

from scripts.bench import ROOT
from scripts.bench_tables import METRICS, describe, speed_table

SHOWN = ("segtool", "", "jieba", "sentencepiece")
"""The columns of the table in the READMEs, one of which has no speed."""


def update(record: dict[str, Any], root: Path = ROOT) -> None:
    """Write the figures of a run into the documents below a folder."""
    log = root / "docs" / "scale.md"
    parts = {
        r"\|  \| segtool \| jieba.*?(?=\n\n)": speed_table(record["values"], record["environment"]["peers"]),
        r"(?<=of this run</summary>\n\n).*?(?=\n\n</details>)": fill(describe(record["environment"]), 120),
    }
    text = log.read_text(encoding="utf-8")
    for pattern, part in parts.items():
        old = re.search(pattern, text, re.DOTALL)
        if old is None:
            raise SystemExit(f"{log}: no place for the figures")
        text = text[: old.start()] + part + text[old.end() :]
    log.write_text(text, encoding="utf-8")
    readmes = [root / name for name in ("README.md", "README.zh.md")]  # which have the same tables
    lines = [path.read_text(encoding="utf-8").split("\n") for path in readmes]
    rows = [[i for i, line in enumerate(each) if line.startswith("|")] for each in lines]
    for english, chinese in zip(*rows, strict=True):
        name = lines[0][english].split(" | ")[0].removeprefix("| ")
        metric = next((metric for metric, (label, *_) in METRICS.items() if label.startswith(name)), None)
        if len(name) > 3 and metric:
            cells = [cell_of(record, metric, tool) for tool in SHOWN]
            for text_lines, i in zip(lines, (english, chinese), strict=True):
                row = " | ".join([text_lines[i].split(" | ")[0], *cells]) + " |"
                text_lines[i] = re.sub(r"\|  (?=\|)", "| ", row)
    for path, each in zip(readmes, lines, strict=True):
        path.write_text("\n".join(each), encoding="utf-8")


def cell_of(record: dict[str, Any], metric: str, tool: str) -> str:
    """The median of a figure, or nothing."""
    values = record["values"][metric].get(tool)
    return f"{median(values):,.{METRICS[metric][1]}f}" if values else ""


if __name__ == "__main__":
    path = Path(sys.argv[1] if sys.argv[1:] else ROOT / "build" / "bench.json")
    update(json.loads(path.read_text(encoding="utf-8")))
