"""The benchmark script: its report, and one run on a tiny text."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bench, bench_tables

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    "versions": {"segtool": "1.0", "jieba": "0.42.1"},
    "cores": 2,
    "load": 0.25,
    "peers": ["jieba"],
    "texts": ["a.txt", "b.txt"],
    "text_mb": 18.12,
    "cut_texts": ["pku/test.raw.txt"],
    "workers": 2,
    "parameters": {"passes": 8},
    "cut_mb": {"segtool": 20.0, "jieba": 2.0},
}


def values():
    found = {name: {"segtool": [4.0]} for name in bench_tables.METRICS}
    found["call"] = {"segtool": [10.0, 30.0, 20.0], "jieba": [1.0, 2.0, 4.0]}
    found["load"] = {"segtool": [0.5, 0.25], "jieba": [1.0, 1.0]}
    return found


def test_spread_gives_the_median_and_the_ends():
    assert bench_tables.spread([1234.5678], 1) == "1,234.6"
    assert bench_tables.spread([3.0, 1.0, 2.0], 2) == "2.00 (1.00–3.00)"


def test_ratios_compare_the_neighbours_of_a_turn():
    assert bench_tables.ratios([10, 30], [1, 2], more_is_better=True) == [10, 15]
    assert bench_tables.ratios([10, 30], [20, 15], more_is_better=False) == [2, 0.5]
    with pytest.raises(ValueError):
        bench_tables.ratios([1], [1, 2], more_is_better=True)


def test_the_tables_hold_every_metric_and_name_missing_gold():
    scores = {"pku/test": {"segtool": 0.84, "jieba": 0.8183}}
    text = bench_tables.report({"environment": ENVIRONMENT, "values": values(), "f1": scores})
    lines = text.splitlines()
    for label, _, _ in bench_tables.METRICS.values():
        assert sum(line.startswith(f"| {label} |") for line in lines) == 1
    label = bench_tables.METRICS["call"][0]
    assert f"| {label} | 20.00 (10.00–30.00) | 2.00 (1.00–4.00) | 10.00× |" in lines
    assert any(line.endswith("| 0.375 (0.250–0.500) | 1.000 (1.000–1.000) | 3.00× |") for line in lines)
    assert "| pku/test | 0.8400 | 0.8183 |" in lines
    assert "msr/test" in lines[-1] and "pku/test" not in lines[-1]
    assert "segtool 1.0, jieba 0.42.1; 2 cores" in lines[0] and "passes 8" in lines[0]
    assert "sentencepiece" not in lines[0]


def test_write_text_repeats_lines_up_to_a_size(tmp_path):
    (tmp_path / "a").write_bytes(b"12\n34")
    (tmp_path / "b").write_bytes(b"56")
    assert bench.write_text([tmp_path / "a", tmp_path / "b"], tmp_path / "out", 20e-6) == 21e-6
    assert (tmp_path / "out").read_bytes() == b"12\n34\n56\n12\n34\n56\n12\n"


def test_a_missing_peer_is_named_with_what_to_do(monkeypatch, tmp_path, capsys):
    def version(name):
        if name == "jieba":
            raise bench.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(bench, "version", version)
    assert bench.main(["--data", str(tmp_path), "--peers", "jieba"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "jieba is not installed: pip install 'segtool[bench]'" in said


def test_unknown_peers_and_sizes_are_refused(capsys):
    for arguments in (["--peers", "hanlp"], ["--runs", "0"], ["--size", "-1"]):
        with pytest.raises(SystemExit, match="2"):
            bench.main(arguments)
        assert arguments[0] in capsys.readouterr().err


def test_a_run_without_peers(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("今天天气很好。今天我们去公园。\n明天天气不好,明天我们在家。\n" * 20, encoding="utf-8")
    options = ["--peers", "none", "--runs", "2", "--starts", "1", "--size", "0.01"]
    options += ["--data", tmp_path, "--json", tmp_path / "b/c.json"]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench", text, *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "Trained on text.txt" in done.stdout and "| from shell to `--help`, s |" in done.stdout
    assert "\n| data/gold.seg.txt | 0." in done.stdout
    record = json.loads((tmp_path / "b" / "c.json").read_text(encoding="utf-8"))
    assert {name: len(found["segtool"]) for name, found in record["values"].items()} == {
        "training_seconds": 1,
        "training_peak_mb": 1,
        "file": 2,
        "file_all_in": 2,
        "file_2_workers": 2,
        "two_to_one": 2,
        "call": 2,
        "load": 2,
        "load_ms": 1,
        "private_mb": 1,
        "shared_mb": 1,
        "first_word": 1,
        "help": 1,
    }
    assert all(process["peak_mb"] > 5 for process in record["processes"])
    assert bench_tables.report(record) == done.stdout.rstrip("\n")
