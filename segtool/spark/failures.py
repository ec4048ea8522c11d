"""Failures of a cluster as errors of segtool: those of executors, and a cluster that goes away.

Spark waits for executors as long as it takes. If the master of a standalone cluster is gone as well, none will come, so
:func:`errors_of_cluster` looks for both while a job runs.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from segtool import errors
from segtool.errors import DataError, InputError

if TYPE_CHECKING:
    from pyspark import SparkContext

__all__ = ["cluster_answers", "errors_of_cluster", "first_line"]

LOST_SECONDS = 60.0
"""How long a cluster may have neither master nor executors before it counts as gone; a master may restart."""

PROBE_SECONDS = 5.0
"""Time between two looks at the cluster."""

_STANDALONE = "spark://"

_ENDED = re.compile("stopped SparkContext|SparkContext (was shut down|has been shut ?down)")
"""How Spark's errors say that the session has ended."""


def cluster_answers(master: str) -> bool:
    """Return whether a master of a standalone cluster accepts connections; true for any other kind of cluster."""
    if not master.startswith(_STANDALONE):
        return True
    for address in master.removeprefix(_STANDALONE).split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
        except OSError:
            continue
        except ValueError:  # Spark reports an URL without a port
            pass
        return True
    return False


@contextmanager
def errors_of_cluster(context: SparkContext) -> Iterator[None]:
    """Raise segtool's own errors on executors as the same errors here, and DataError if the cluster goes away."""
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    done, lost = threading.Event(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(context, done, lost), daemon=True)
    watcher.start()
    try:
        yield
    except (Py4JError, PySparkException, ConnectionError) as error:
        if lost.is_set():
            raise _gone(context, "its master does not answer and its executors are lost") from None
        java = getattr(context._gateway, "proc", None)
        if isinstance(error, Py4JNetworkError | ConnectionError) or (java is not None and java.poll() is not None):
            raise _gone(context, "Spark's Java process has ended") from None
        found = re.findall(r"segtool\.errors\.(\w+Error): (.+)", str(error))
        if found:
            kind, message = found[-1]
            if kind == "OutputError":  # its advice is for the driver
                message = f"{message.partition(';')[0]}, on an executor; free some space there or set spark.local.dir"
            raise getattr(errors, kind)(message) from None
        if _ENDED.search(str(error)):
            raise _gone(context, "it has ended the session") from None
        if "PATH_NOT_FOUND" in str(error):
            raise InputError(f"Spark: {first_line(error)}") from None
        raise DataError(f"Spark: {first_line(error)}") from error
    finally:
        done.set()
        watcher.join()


def _watch(context: SparkContext, done: threading.Event, lost: threading.Event) -> None:
    """Cancel all jobs if a standalone cluster has neither executors nor a master for a while."""
    if not context.master.startswith(_STANDALONE):
        return
    seen = monotonic()
    while not done.wait(PROBE_SECONDS):
        try:
            if context._jsc.sc().getExecutorMemoryStatus().size() > 1 or cluster_answers(context.master):  # 1: driver
                seen = monotonic()
            elif monotonic() - seen > LOST_SECONDS:
                lost.set()
                context.cancelAllJobs()
                return
        except Exception:  # the session has ended, which the job that is watched reports
            return


def _gone(context: SparkContext, cause: str) -> DataError:
    return DataError(
        f"Spark ({context.master}): the cluster is gone: {cause}: run the command again; "
        f"a training with --resume goes on after its last finished pass, also with --engine threads"
    )


def first_line(error: BaseException) -> str:
    """Message of an error, without Java's traces."""
    text = str(error).strip() or type(error).__name__
    found = re.findall(r"^(\w[\w.]*(?:Error|Exception): .+)$", text.partition("Traceback")[2], re.MULTILINE)
    found = found or re.findall(r"^: (.+)$", text, re.MULTILINE)[:1]
    return found[-1] if found else text.splitlines()[0]
