"""Apache Spark: its shards and models are those of one machine, byte for byte, even if machines are lost."""

import errno
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from segtool.errors import CorpusError, EncodingError, InputError, ModelError, OutputError, UsageError
from segtool.lexicon.passes import Threads
from segtool.ngrams.count_stage import CountingReport, count
from segtool.ngrams.shards import Shard
from segtool.spark.engine import SparkEngine
from segtool.spark.session import open_spark, pack_package
from segtool.store.files import as_output_errors
from segtool.text.runs import Corpus, RunCollector
from segtool.training import train
from tests.helpers import ROOT, SAMPLE, contents, environment

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'segtool[spark]'")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'segtool[spark]'")

from pyspark import cloudpickle  # noqa: E402

from segtool.spark import tasks as spark_tasks  # noqa: E402
from segtool.spark.tasks import SUM_BLOCK, CountJob, count_lines, find_shard  # noqa: E402

cloudpickle.register_pickle_by_value(sys.modules[__name__])

ODD = "漢字汉字，简体簡體3.5%繁體e\u0301字\u200d字\r字\x0b\x85\u2028字𠮷𪚥\ufeff字\x00字"


@pytest.fixture(scope="module")
def engine():
    with open_spark("local[2,4]") as opened:
        yield opened


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory):
    """Mixed scripts and odd characters: many short lines, empty ones, one without an end, a mark at the begin."""
    folder = tmp_path_factory.mktemp("odd")
    random.seed(1)
    sample = "".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.iterdir()))
    lines = ["".join(random.choices(ODD + sample[:2000], k=random.randrange(40))) for _ in range(600)]
    (folder / "a*b.txt").write_bytes(("\ufeff" + "\n".join(lines[:300]) + sample).encode())
    (folder / "b c.txt").write_bytes("\n".join(lines[300:]).encode() + b"\n\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "ü%20.txt").write_bytes(sample[:3000].encode())
    return folder


def runs_of(path):
    shard = Shard.open(path)
    streams = (shard.written[shard.chunk(i)] for i in range(shard.chunks))
    return sorted(run for stream in streams for run in "".join(map(chr, stream)).split("\0") if run)


def check_shards(one, other):
    """Shards of the same text, whose runs may stand in another order."""
    told, expected = contents(one), contents(other)
    for name in told:
        if not name.startswith(("runs", "card")):
            assert told[name] == expected[name], name
    assert runs_of(one) == runs_of(other)
    assert Shard.open(one).corpus == Shard.open(other).corpus


@pytest.mark.parametrize(
    ("room", "split", "word", "fold"), [(1 << 22, 1 << 27, 6, True), (2000, 1 << 15, 3, False), (300, 1 << 16, 1, True)]
)
def test_shards_are_those_of_one_machine(engine, odd_files, tmp_path, room, split, word, fold):
    inputs = [odd_files, SAMPLE / "city.txt"]
    count(inputs, tmp_path / "one", max_word_len=word, fold=fold)
    engine.session.conf.set("spark.sql.files.maxPartitionBytes", str(split))
    try:
        there = SparkEngine(engine.session, room)
        count([*map(str, inputs)], tmp_path / "spark", max_word_len=word, fold=fold, engine=there)
    finally:
        engine.session.conf.unset("spark.sql.files.maxPartitionBytes")
    check_shards(tmp_path / "spark", tmp_path / "one")


def test_models_are_those_of_one_machine(engine, odd_files, tmp_path):
    inputs = [SAMPLE, odd_files]
    train(inputs, tmp_path / "one")
    train(inputs, tmp_path / "spark", engine=engine)
    assert contents(tmp_path / "spark") == contents(tmp_path / "one")
    assert not list(tmp_path.glob(".*"))


def test_repeated_lines_are_left_out_as_on_one_machine(engine, odd_files, tmp_path):
    (tmp_path / "a").mkdir()
    sample = [path.read_text(encoding="utf-8") for path in sorted(SAMPLE.iterdir())[:2]]
    lines = "".join(sample).split("\n")
    repeats = [f"  第{i % 7}页 共30页\u3000\r" for i in range(300)]
    (tmp_path / "a" / "one.txt").write_bytes(("\ufeff" + "\n".join([*lines, *repeats, "第100页 共3页"])).encode())
    (tmp_path / "a" / "two.txt").write_bytes("\n".join([*lines[::2], *repeats[:50], *lines[::3]]).encode())
    inputs = [tmp_path / "a", odd_files]
    reports = {}
    engine.session.conf.set("spark.sql.files.maxPartitionBytes", "5000")
    try:
        for each in (None, engine):
            reports[each] = CountingReport()
            count(inputs, tmp_path / f"{each}", unique_lines=True, engine=each, report=reports[each])
        train(inputs, tmp_path / "spark.model", unique_lines=True, engine=engine)
    finally:
        engine.session.conf.unset("spark.sql.files.maxPartitionBytes")
    check_shards(tmp_path / f"{engine}", tmp_path / "None")
    assert reports[engine].runs == reports[None].runs
    train(inputs, tmp_path / "one.model", unique_lines=True)
    assert contents(tmp_path / "spark.model") == contents(tmp_path / "one.model")
    count(inputs, tmp_path / "all", report=(all_lines := CountingReport()))
    assert all_lines.runs > reports[None].runs


def test_lines_that_need_an_order_are_refused(engine, tmp_path):
    for settings in ({"join_lines": 20}, {"sample": 0.5}, {"join_lines": 20, "unique_lines": True}):
        told = message(UsageError, train, SAMPLE, tmp_path / "m", engine=engine, **settings)
        assert told.startswith(("--join-lines: needs", "--sample: needs"))


def test_paths_of_spark_are_read(engine, tmp_path):
    count(SAMPLE, tmp_path / "one")
    report = CountingReport()
    count([f"file://{SAMPLE}/c*.txt", f"file://{SAMPLE}/[!c]*"], tmp_path / "spark", engine=engine, report=report)
    check_shards(tmp_path / "spark", tmp_path / "one")
    assert (report.reading.files, report.reading.lines) == (10, Shard.open(tmp_path / "one").corpus["lines"])


def test_shards_are_trained_on(engine, tmp_path):
    shards = [tmp_path / "a", tmp_path / "b"]
    count(sorted(SAMPLE.iterdir())[:4], shards[0])
    count(sorted(SAMPLE.iterdir())[4:], shards[1])
    train(counts=shards, output=tmp_path / "one")
    train(counts=shards, output=tmp_path / "spark", engine=engine)
    assert contents(tmp_path / "spark") == contents(tmp_path / "one")


def test_workers_open_a_shard_that_was_replaced(tmp_path):
    """They live on, and the next training of the same output has shards of the same names."""
    path = tmp_path / "shard"
    for text in sorted(SAMPLE.iterdir())[:2]:
        count(text, path)
        stats = Shard.open(path).stats
        identity = stats.digest, stats.longest_run
        assert find_shard(str(path), identity) is find_shard(str(path), identity)
        with pytest.raises(ModelError, match="another shard is there"):
            find_shard(str(path), (stats.digest + 1, stats.longest_run))


def test_a_training_goes_on_with_its_shards(engine, tmp_path, monkeypatch):
    train(SAMPLE, tmp_path / "one")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(SparkEngine, "run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        train(SAMPLE, tmp_path / "spark", engine=engine, resume=True)
    monkeypatch.setattr(SparkEngine, "count", lambda *_: pytest.fail("counted twice"))
    train(SAMPLE, tmp_path / "spark", engine=engine, resume=True)
    assert contents(tmp_path / "spark") == contents(tmp_path / "one")


def partition(texts, size):
    """Arrow batches of `size` lines, as Spark gives them of files; the second half of each file is another split."""
    rows = []
    for name, text in texts.items():
        lines = text.encode().splitlines()
        rows += [(line, name, 0 if i < len(lines) // 2 else 99) for i, line in enumerate(lines)]
    for low in range(0, len(rows), size):
        columns = map(pa.array, zip(*rows[low : low + size], strict=True))
        yield pa.RecordBatch.from_arrays([*columns], ["line", "file", "begin"])


@pytest.mark.parametrize(("room", "size"), [(1 << 22, 1000), (2000, 7), (300, 1)])
def test_a_partition_is_a_shard(tmp_path, room, size):
    """The same whatever the memory of the task and the batches."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(SAMPLE.iterdir())[:3]}
    count(None, tmp_path / "one", texts=texts.values(), max_word_len=3)
    (tmp_path / "spark").mkdir()
    job = CountJob(4, True, "utf-8", False, room)
    *rows, last = (row for batch in count_lines(job, partition(texts, size)) for row in batch.to_pylist())
    for row in rows:
        with open(tmp_path / "spark" / row["file"], "ab") as file:
            file.write(row["data"])
    found, expected = contents(tmp_path / "spark"), contents(tmp_path / "one")
    assert found.keys() == expected.keys()
    assert all(found[name] == expected[name] for name in found if not name.startswith("card"))
    reports = pickle.loads(last["data"])
    assert last["file"] == ""
    for name, text in texts.items():
        halves = [reports[name, begin] for begin in (0, 99)]
        assert sum(half.lines for half in halves) == text.count("\n")
        assert sum(half.bytes for half in halves) == len(text.encode())
        assert sum(half.characters for half in halves) == len(text) - text.count("\n")


class Symbols:
    """Counts symbols; kills its worker once."""

    def __init__(self, size, flag=None):
        self.size, self._flag = size, flag

    def scratch(self):
        return ()

    def __call__(self, chunk, scratch, total):
        if self._flag is not None:
            die_once(self._flag)
        total += np.bincount(chunk.stream, minlength=self.size)
        return int(chunk.hashes().sum())


def die_once(flag):
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def dying_count(flag, job, batches):
    for batch in count_lines(job, batches):
        die_once(flag)
        yield batch


def check_passes(engine, runs, task):
    passed = []
    total, results = engine.run(task, runs, passed.append)
    expected, known = Threads().run(Symbols(task.size), runs)
    assert np.array_equal(total, expected)
    assert results == known
    assert sum(passed) == runs.stats.positions


@pytest.mark.parametrize("fold", [True, False])
def test_runs_reach_executors_that_see_no_shard(engine, tmp_path, monkeypatch, sample_text, fold):
    collector = RunCollector()
    for _ in range(12):
        collector.add(sample_text)
    runs = Corpus([collector, collector], fold)
    assert len(runs) >= 2
    check_passes(engine, runs, Symbols(len(runs.codes)))
    check_passes(engine, runs, Symbols(3 * SUM_BLOCK))
    count(SAMPLE, tmp_path / "shard", fold=fold)
    runs = Corpus([Shard.open(tmp_path / "shard"), collector], fold)
    check_passes(engine, runs, Symbols(len(runs.codes)))
    path = SparkEngine._path
    monkeypatch.setattr(SparkEngine, "_path", lambda self, part: (p := path(self, part)) and p + " elsewhere")
    there = SparkEngine(engine.session)
    check_passes(there, runs, Symbols(len(runs.codes)))
    assert not there._paths


def test_killed_workers_are_replaced(engine, tmp_path, monkeypatch, sample_text):
    count(SAMPLE, tmp_path / "one")
    monkeypatch.setattr(spark_tasks, "count_lines", partial(dying_count, str(tmp_path / "count")))
    count(SAMPLE, tmp_path / "spark", engine=engine)
    check_shards(tmp_path / "spark", tmp_path / "one")
    runs = Corpus([Shard.open(tmp_path / "one")], True)
    check_passes(engine, runs, Symbols(len(runs.codes), str(tmp_path / "pass")))
    assert all((tmp_path / name).exists() for name in ("count", "pass"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="an executor is found in /proc")
def test_killed_executors_are_replaced(tmp_path):
    """Executors in JVMs of their own, without this package, are killed while they count and in a pass."""
    train(SAMPLE, tmp_path / "one")
    packages, spark = tmp_path / "packages", tmp_path / "home"  # Spark writes below its home
    for links, folder in (packages, Path(np.__file__).parent.parent), (spark, Path(pyspark.__file__).parent):
        links.mkdir()
        for path in folder.iterdir():
            if "segtool" not in path.name and path.name != "work":
                (links / path.name).symlink_to(path)
    python = tmp_path / "python"
    others = f"$(printf %s \"$PYTHONPATH\" | tr : '\\n' | grep -vxF '{ROOT}' | paste -sd: -)"
    path = f"{others}:{packages}"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{path}" exec "{sys.executable}" -S "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    program = ROOT / "tests" / "lost_executors.py"
    options = ["--engine", "spark", "--master", "local-cluster[2,1,1024]", "-q", "-o", tmp_path / "spark"]
    arguments = [sys.executable, program, tmp_path, "train", *options, SAMPLE]
    variables = environment(PYSPARK_PYTHON=str(python), SPARK_HOME=str(spark))
    done = subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "spark") == contents(tmp_path / "one")
    for flag in ("count_lines", "run_chunks"):
        place = (tmp_path / flag).read_text(encoding="utf-8")
        assert place.startswith(str(spark / "work"))


def test_the_package_is_packed(tmp_path):
    with zipfile.ZipFile(pack_package(tmp_path / "segtool.zip")) as archive:
        names = set(archive.namelist())
    assert {"__init__.py", "spark/tasks.py", "text/charclass.txt", "text/fold.txt"} <= names
    root = ROOT / "segtool"
    assert names == {str(path.relative_to(root)) for path in root.rglob("*") if path.suffix in (".py", ".txt")}


def message(kind, function, *arguments, **options):
    with pytest.raises(kind) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_errors_are_those_of_one_machine(engine, tmp_path):
    good, bad, output = tmp_path / "a.txt", tmp_path / "b ü.txt", tmp_path / "out"
    good.write_text("中文\n" * 5, encoding="utf-8")
    bad.write_bytes("中文\n".encode() + "中文中文。\n".encode("gb18030") + "中文\n".encode())
    for kind, inputs in [(EncodingError, tmp_path), (InputError, "missing"), (InputError, tmp_path / "x*")]:
        assert message(kind, count, inputs, output, engine=engine) == message(kind, count, inputs, output)
    read = {}
    for each in (None, engine):
        report = CountingReport()
        count([good, bad], tmp_path / f"{each}", skip_undecodable=True, engine=each, report=report)
        read[each] = report.reading
    assert read[engine].skipped == read[None].skipped
    assert read[engine].skipped_lines == 1
    there = message(EncodingError, count, f"file://{tmp_path}/*.txt", output, engine=engine)
    assert re.search(r"b%20ü\.txt, line 2, byte offset 7: bytes 0x\w+ are not utf-8", there)
    assert "--skip-undecodable" in there
    bad.write_bytes("中文，漢字\r\n中文𠮷字".encode("gb18030"))
    for each in (None, engine):
        count(bad, tmp_path / f"{each}", encoding="gb18030", engine=each)
    check_shards(tmp_path / f"{engine}", tmp_path / "None")
    bad.write_bytes(b"only letters\n")
    for inputs in ([bad], [tmp_path / "empty"]):
        (tmp_path / "empty").write_bytes(b"")
        told = message(CorpusError, count, inputs, output)
        assert message(CorpusError, count, inputs, output, engine=engine) == told


def test_what_spark_cannot_read_is_told(engine, tmp_path):
    for name in ("_a.txt", "a:b.txt", "a.xz"):
        (tmp_path / name).write_text("中文", encoding="utf-8")
        assert name in message(InputError, count, tmp_path / name, tmp_path / "out", engine=engine)
    told = message(InputError, count, f"file://{tmp_path}/missing", tmp_path / "out", engine=engine)
    assert "missing" in told
    for inputs, options in (["-"], {}), ([SAMPLE], {"encoding": "utf-16"}):
        assert message(UsageError, count, inputs, tmp_path / "out", engine=engine, **options)
    assert "--sample" in message(UsageError, train, SAMPLE, engine=engine, sample=0.5)


def full_disk(job, batches):
    with as_output_errors(Path("/local/dir")):
        raise OSError(errno.ENOSPC, "No space left on device")
    yield from batches


def test_a_full_disk_of_an_executor_is_reported(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(spark_tasks, "count_lines", full_disk)
    said = message(OutputError, count, SAMPLE, tmp_path / "out", engine=engine)
    assert said.startswith("/local/dir: ") and "No space left" in said and "spark.local.dir" in said


def open_and_close(master):
    with open_spark(master):
        pass


def test_what_is_missing_is_told(engine, monkeypatch):
    assert "is open" in message(UsageError, open_and_close, "local[7]")
    assert "sc://" in message(UsageError, open_and_close, "sc://nowhere")
    monkeypatch.setattr(pyspark.sql.SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    assert "JAVA_HOME (/nowhere)" in message(UsageError, open_and_close, "local[1]")
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "no Java on the PATH" in message(UsageError, open_and_close, "local[1]")
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    assert "pip install 'segtool[spark]'" in message(UsageError, open_and_close, "local[1]")
