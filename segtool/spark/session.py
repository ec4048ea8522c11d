"""A session on an Apache Spark cluster, which :mod:`segtool.spark.engine` runs on."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segtool.errors import DataError, UsageError
from segtool.spark.engine import SparkEngine
from segtool.spark.failures import cluster_answers, errors_of_cluster, first_line

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

__all__ = ["open_spark"]

BATCH = 1 << 23
"""Bytes of an Arrow batch that goes to Python, about."""

_BATCH_SETTING = "spark.sql.execution.arrow.maxBytesPerBatch"

_QUIET = """\
rootLogger.level = off
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = off
"""
"""Settings of the log of a driver on this machine alone: exceptions already hold every error."""


@contextmanager
def open_spark(master: str | None = None) -> Iterator[SparkEngine]:
    """Open a Spark session, or use the active one.

    Parameters
    ----------
    master : str, optional
        URL of the cluster; by default that of the environment, as set by ``spark-submit``.

    Yields
    ------
    SparkEngine

    Raises
    ------
    UsageError
        If pyspark or Java is missing, or a session with another cluster is open.
    DataError
        If the cluster cannot be reached.
    """
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UsageError(f"--engine spark: {error.name} is missing: pip install 'segtool[spark]'") from None
    if master is not None and master.startswith("sc://"):
        raise UsageError(f"--master {master}: Spark Connect cannot run the passes: pass the URL of the cluster itself")
    session = SparkSession.getActiveSession()
    with ExitStack() as stack:
        if session is None:
            session = stack.enter_context(_new_session(master))
        elif master is not None and session.sparkContext.master != master:
            raise UsageError(f"--master {master}: a session of {session.sparkContext.master} is open: stop it first")
        else:
            before = session.conf.get(_BATCH_SETTING, None)
            if before is None:
                stack.callback(session.conf.unset, _BATCH_SETTING)
            else:
                stack.callback(session.conf.set, _BATCH_SETTING, before)
        session.conf.set(_BATCH_SETTING, str(BATCH))
        yield SparkEngine(session)


@contextmanager
def _new_session(master: str | None) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=os.path.join(home, "bin") if home else None)
    if java is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise UsageError(f"--engine spark: no Java {where}: install a Java runtime (17 or newer) or set JAVA_HOME")
    if master is not None and not cluster_answers(master):
        raise DataError(f"Spark ({master}): no master answers there: start it, or correct --master")
    settings = {"spark.ui.showConsoleProgress": "false", "spark.driver.maxResultSize": "0"}
    with tempfile.TemporaryDirectory() as folder:
        builder = SparkSession.builder.appName("segtool")
        if master is not None:
            builder = builder.master(master)
        if master is not None and master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
            quiet = Path(folder) / "log4j2.properties"
            quiet.write_text(_QUIET, encoding="ascii")
            settings["spark.driver.defaultJavaOptions"] = f"-Dlog4j2.configurationFile={quiet.as_uri()}"
            settings["spark.ui.enabled"] = "false"
        for name, value in settings.items():
            builder = builder.config(name, value)
        try:
            session = builder.getOrCreate()
        except Exception as error:
            raise DataError(f"Spark{'' if master is None else f' ({master})'}: {first_line(error)}") from None
        try:
            with errors_of_cluster(session.sparkContext):
                session.sparkContext.setLogLevel("OFF")
                if not session.sparkContext.master.startswith("local["):
                    _ship(session.sparkContext, Path(folder))
            yield session
        finally:
            with suppress(ConnectionError):  # Spark's Java process may have ended
                session.stop()


def _ship(context: SparkContext, folder: Path) -> None:
    """Send this package to the executors, unless every one of them has the same."""

    def digest(_: object = None) -> str:  # nested, so that its code is sent and not its name
        import hashlib
        import importlib.util
        from pathlib import Path

        spec = importlib.util.find_spec("segtool")
        root = Path(spec.origin if spec is not None and spec.origin is not None else "nowhere/").parent
        files = sorted([*root.rglob("*.py"), *root.rglob("*.txt")])
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()

    slots = max(context.defaultParallelism, 2)
    if context.parallelize(range(slots), slots).map(digest).distinct().collect() != [digest()]:
        archive = pack_package(folder / "segtool.zip")
        # executors unpack it into a folder that is on the path of their workers, which then share compiled kernels
        context.addArchive(f"{archive}#segtool")


def pack_package(archive: Path) -> Path:
    """Write this package, without the default model, into a zip archive and return its path."""
    root = Path(__file__).parent.parent
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".txt"):
                file.write(path, path.relative_to(root))
    return archive
