"""Apache Spark: its shards and models are those of one machine, byte for byte, even if machines are lost."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from segtool.errors import CorpusError, EncodingError, InputError, UsageError
from segtool.lexicon.passes import Threads
from segtool.ngrams.counter import CountingReport, count
from segtool.ngrams.shards import Shard
from segtool.spark.engine import SparkEngine
from segtool.spark.session import open_spark
from segtool.text.runs import Corpus, RunCollector
from segtool.training import train
from tests.helpers import SAMPLE, command, contents, environment

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'segtool[spark]'")
pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'segtool[spark]'")

from pyspark import cloudpickle  # noqa: E402

from segtool.spark import tasks as spark_tasks  # noqa: E402
from segtool.spark.tasks import SUM_BLOCK, count_lines  # noqa: E402

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


def descendants(ancestor):
    """Command lines of the processes below one, by their ids."""
    parents, lines = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (path / "stat").read_text(encoding="utf-8", errors="replace")
            parents[int(path.name)] = int(status.rpartition(")")[2].split()[1])
            lines[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    found = {ancestor}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return {each: (parents[each], lines[each]) for each in found if each in lines}
        found |= more


def executor_at_work(ancestor):
    """An executor below a process that runs Python; None if none does."""
    below = descendants(ancestor)
    for parent, line in below.values():
        if "pyspark.daemon" in line and "CoarseGrainedExecutorBackend" in below.get(parent, (0, ""))[1]:
            return parent
    return None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="executors are found in /proc")
def test_a_killed_executor_is_replaced(engine, tmp_path):
    """A real one, in a JVM of its own, while it counts; the model is right."""
    train(SAMPLE, tmp_path / "one")
    options = ["--engine", "spark", "--master", "local-cluster[2,1,1024]", "-q", "-o", tmp_path / "spark"]
    process = subprocess.Popen(command("train", *options, SAMPLE), env=environment(), stderr=subprocess.PIPE)
    killed = None
    while process.poll() is None:
        if killed is None and (killed := executor_at_work(process.pid)) is not None:
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.05)
    assert process.returncode == 0, process.communicate()[1].decode()
    assert killed is not None
    assert contents(tmp_path / "spark") == contents(tmp_path / "one")


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
