"""The benchmark script: its report, and one run on a tiny text."""

import json
import sys
from pathlib import Path

import pytest

from scripts import bench, bench_docs, bench_tables, bench_tasks

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


def test_a_run_without_peers(tmp_path, monkeypatch, capsys):
    text = tmp_path / "text.txt"
    text.write_text("今天天气很好。今天我们去公园。\n明天天气不好,明天我们在家。\n" * 20, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(bench, "SEGTOOL", [sys.executable, "-m", "segtool"])
    monkeypatch.setattr(bench, "STARTS", 1)
    monkeypatch.setattr(bench, "PROCESSES", 2)
    options = ["--peers", "none", "--runs", "1", "--size", "0.01"]
    kept = tmp_path / "b" / "c.json"
    assert bench.main([*options, "--data", str(tmp_path), "--json", str(kept), str(text)]) == 0
    said = capsys.readouterr().out
    assert "Trained on text.txt" in said and "| from shell to `--help`, s |" in said
    assert "\n| data/gold.seg.txt | 0." in said
    record = json.loads(kept.read_text(encoding="utf-8"))
    assert record["values"].keys() == {*bench_tables.METRICS, "bare_2", "columns_2"}
    assert all(len(found["segtool"]) == 1 for found in record["values"].values())
    assert all(process["peak_mb"] > 5 for process in record["processes"])
    assert bench_tables.report(record) == said.rstrip("\n")


CALLS = {
    "segtool": {"batch", "batch_2", "bare", "bare_2", "columns", "columns_2", "spans", "tokenize"},
    "jieba": {"tokenize"},
    "jieba-next": {"tokenize"},
    "rjieba": {"tokenize"},
    "sentencepiece": {"batch", "tokenize"},
    "tokenizers": {"batch", "tokenize"},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """SentencePiece's pieces of the sample, and the same for tokenizers."""
    for package in ("sentencepiece", "tokenizers"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("models")
    bench_tasks.train_sentencepiece(str(folder / "sentencepiece"), "2", *map(str, (ROOT / "data" / "sample").iterdir()))
    bench_tasks.convert_sentencepiece(str(folder / "sentencepiece.model"), str(folder / "tokenizers.model"))
    return folder


@pytest.mark.parametrize("tool", CALLS)
def test_every_tool_cuts_in_every_way(tool, models):
    if tool != "segtool":
        pytest.importorskip(tool.replace("-", "_"))
    model = "default" if tool == "segtool" else str(models / f"{tool}.model")
    cut, calls = bench_tasks.LOADERS[tool](model)
    lines = ["今天天气很好，我们去公园。", "明天在家。"]
    assert "".join(cut(lines[0])).removeprefix("▁") == lines[0]
    assert calls.keys() == CALLS[tool]
    assert {"call", *CALLS[tool]} <= {*bench.WAYS}
    for way, call in calls.items():
        call(bench_tasks.column_of(lines) if way.startswith("columns") else lines)


def test_tokenizers_has_the_words_of_sentencepiece(models):
    ours, theirs = (
        bench_tasks.LOADERS[tool](str(models / f"{tool}.model"))[0] for tool in ("sentencepiece", "tokenizers")
    )
    for line in (ROOT / "data" / "sample" / "city.txt").read_text(encoding="utf-8").splitlines():
        assert ours(line) == theirs(line)


def test_figures_go_into_the_documents(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "README.zh.md", "docs/scale.md"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    found = {name: {"segtool": [4.5]} for name in bench_tables.METRICS}
    found["call"] = {"segtool": [50.0, 70.0, 60.0], "jieba": [1.0, 2.0, 4.0], "sentencepiece": [9.0, 9.0, 9.0]}
    environment = ENVIRONMENT | {"peers": ["jieba", "sentencepiece"]}
    bench_docs.update({"environment": environment, "values": found}, tmp_path)
    label = bench_tables.METRICS["call"][0]
    log = (tmp_path / "docs" / "scale.md").read_text(encoding="utf-8")
    assert f"| {label} | 60.00 (50.00–70.00) | 2.00 (1.00–4.00) | 35.00× | 9.00 (9.00–9.00) | 6.67× |" in log
    assert "Trained on a.txt, b.txt (18.1 MB)" in log.replace("\n", " ") and "news_pfr1998_jan" not in log
    for name in ("README.md", "README.zh.md"):
        before, after = ((each / name).read_text(encoding="utf-8").split("\n") for each in (ROOT, tmp_path))
        assert len(before) == len(after) and sum(a != b for a, b in zip(before, after, strict=True)) == 7
        assert sum(line.endswith(" | 60.00 | | 2.00 | 9.00 |") for line in after) == 1


def test_documents_have_the_table_of_the_script():
    log = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    table = log[log.index("|  | segtool | jieba") :].split("\n\n")[0]
    labels = [line.split(" | ")[0].removeprefix("| ") for line in table.split("\n")[2:]]
    known = [label for label, _, _ in bench_tables.METRICS.values()]
    assert [label for label in known if label in labels] == labels
