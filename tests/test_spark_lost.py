"""Spark's driver or its whole cluster is lost in a training: the error says how to go on, and a later one goes on."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from unittest.mock import patch

import pytest

from segtool.errors import DataError
from segtool.lexicon.em import Expectation
from segtool.ngrams.count_stage import count
from segtool.spark.engine import SparkEngine
from segtool.spark.failures import cluster_answers
from segtool.spark.session import open_spark
from segtool.training import train
from tests.helpers import ROOT, SAMPLE, TIMEOUT, contents, environment, refusal, sample_model
from tests.killed_training import PASSES, goes_on, visible

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'segtool[spark]'")

HOME = Path(pyspark.__file__).parent


@pytest.fixture
def java():
    """Start a class of Spark's in a Java process."""
    started = []

    def start(name, *arguments, **options):
        home = os.environ.get("JAVA_HOME")
        java = os.path.join(home, "bin", "java") if home else "java"
        command = [java, "-Xmx256m", "-cp", f"{HOME}/jars/*", f"org.apache.spark.deploy.{name}", *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def spark_environment():
    return environment(
        SPARK_HOME=str(HOME), SPARK_SCALA_VERSION="2.13", SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable
    )


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def cluster(java, tmp_path):
    """A master with two workers: its URL, the process of the master, and those of the workers."""
    options = {"env": spark_environment(), "cwd": tmp_path}
    place = ["--host", "127.0.0.1", "--webui-port", "0"]
    url = f"spark://127.0.0.1:{(port := free_port())}"
    master = java("master.Master", *place, "--port", str(port), **options)
    end = monotonic() + TIMEOUT
    while not cluster_answers(url) and monotonic() < end:
        sleep(0.1)
    worker = ["worker.Worker", *place, "-c", "1", "-m", "1g", "-d", str(tmp_path / "work"), url]
    return url, master, [java(*worker, **options) for _ in range(2)]


def training(folder, killed, master):
    """Train with Spark; the processes that are lost, by the EM pass before which they are killed."""
    options = ["--engine", "spark", "--master", master, "--resume", "-q", "-o", folder / "m", SAMPLE]
    command = [sys.executable, ROOT / "tests" / "lost_cluster.py", json.dumps(killed), "train", *map(str, options)]
    return subprocess.run(command, env=spark_environment(), capture_output=True, timeout=2 * TIMEOUT)


def test_a_lost_cluster_is_reported_and_its_training_goes_on(cluster, tmp_path):
    """Without its master it trains; without workers as well it ends, and threads go on behind its last pass."""
    url, master, workers = cluster
    (tmp_path / "out").mkdir()
    done = training(tmp_path / "out", {2: [master], 4: workers}, url)
    assert done.returncode == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert refusal(last).startswith(f"segtool: Spark ({url}): the cluster is gone: its master does not answer")
    assert b"--resume" in last and b"Traceback" not in done.stderr
    assert visible(tmp_path / "out") == [".m.work"]
    calls = goes_on(tmp_path / "out")
    assert (calls["blocks"], calls["passes"]) == (0, PASSES - 3)


@contextmanager
def passes():
    """The EM passes on Spark."""
    found, run = [], SparkEngine.run

    def counted(self, task, *rest):
        if isinstance(task, Expectation):
            found.append(task)
        return run(self, task, *rest)

    with patch.object(SparkEngine, "run", counted):
        yield found


def test_a_driver_that_is_killed_goes_on(tmp_path):
    done = training(tmp_path, {3: [0]}, "local[2]")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert visible(tmp_path) == [".m.work"]
    with open_spark("local[2]") as engine, passes() as found:
        train(SAMPLE, tmp_path / "m", resume=True, engine=engine)
    assert len(found) == PASSES - 2
    assert contents(tmp_path / "m") == contents(sample_model())
    assert visible(tmp_path) == ["m"]


def test_an_ended_session_is_reported(tmp_path):
    """As where the cluster removes an application: the session ends in Java."""
    with open_spark("local[1]") as engine:
        engine.session.sparkContext._jsc.sc().stop()
        with pytest.raises(DataError, match=r"Spark \(local\[1\]\): the cluster is gone: it has ended the session"):
            count(SAMPLE, tmp_path / "shard", engine=engine)
        with pytest.raises(DataError, match="goes on after its last finished pass, also with --engine threads"):
            train(SAMPLE, tmp_path / "m", resume=True, engine=engine)
    assert not (tmp_path / "m").exists()


def test_a_master_that_does_not_answer_is_reported():
    url = f"spark://127.0.0.1:{free_port()}"
    with pytest.raises(DataError, match="no master answers there"), open_spark(url):
        pass
    assert cluster_answers("yarn") and cluster_answers("spark://no-port")
