"""Counting and EM passes on an Apache Spark cluster, from the driver's side.

Counting: each task counts its partition of the text as ``segtool count`` does and returns the files of a count shard
(:mod:`segtool.ngrams.shards`). The driver writes the shards into its work folder, where :mod:`segtool.ngrams.merge`
adds them up as it adds up any shards.

EM: the driver broadcasts the task of a pass, executors run it over their chunks of runs, and the sums are added up
block by block.

All sums are of whole numbers and every task can run again, so that partitions, retries and lost machines do not change
a byte of the result. :mod:`segtool.spark.tasks` holds the executors' side.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from segtool.errors import EncodingError, InputError, ModelError, UsageError
from segtool.lexicon.passes import Task
from segtool.ngrams.shards import Shard
from segtool.runtime.arrays import Integers
from segtool.spark.failures import errors_of_cluster
from segtool.store.checkpoints import WorkFolder
from segtool.store.files import as_output_errors
from segtool.text.encodings import find_codec
from segtool.text.runs import Corpus
from segtool.text.sources import ReadReport, Source, find_sources, read_blocks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from segtool.spark.tasks import CountJob, Split

__all__ = ["SparkEngine"]

COUNTED_SYMBOLS = 1 << 22
"""Symbols that a counting task holds in memory."""


class SparkEngine:
    """Counts and runs passes on a cluster; see :class:`segtool.ngrams.count_stage.CountingEngine`."""

    def __init__(self, session: SparkSession, room: int = COUNTED_SYMBOLS) -> None:
        self.session, self._room = session, room
        self._sent: tuple[Corpus, DataFrame] | None = None
        self._paths = True

    def count(
        self,
        inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        order: int,
        fold: bool,
        work: WorkFolder,
        reading: ReadReport,
        encoding: str = "utf-8",
        skip_undecodable: bool = False,
        unique_lines: bool = False,
    ) -> list[Path]:
        """Count the n-grams of text.

        Parameters
        ----------
        inputs : path or sequence of paths
            As for :func:`segtool.count` where Spark's default file system is the local one. Otherwise any path that
            Spark reads (``hdfs://…``, ``s3a://…``), also of folders and globs. Every executor must be able to read it.
        order : int
            Length of the longest n-grams, in symbols.
        fold, encoding, skip_undecodable, unique_lines
            As for :func:`segtool.count`. The encoding must be one in which line ends can be found in the bytes.
        work : WorkFolder
            Receives the shards.
        reading : ReadReport
            Filled in.

        Returns
        -------
        list of Path
            Count shards, one for each partition.

        Raises
        ------
        DataError
            If the cluster fails; other errors are those of :func:`segtool.count`.
        """
        from segtool.spark import tasks as spark_tasks

        codec, by_line = find_codec(encoding)
        if not by_line:
            raise UsageError(f"--encoding {encoding}: Spark cannot tell its lines apart: convert the text to UTF-8")
        names = [os.fspath(name) for name in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
        sources = self._sources(names, encoding)
        folder = work()  # before hours of work, if it cannot be written
        try:
            with errors_of_cluster(self.session.sparkContext):
                lines, files = self._lines(names, sources)
                job = spark_tasks.CountJob(order, fold, codec, skip_undecodable, self._room)
                shards, reports = (_count_different_lines if unique_lines else _count_lines)(lines, job, folder)
        except EncodingError as error:
            _read_again(error, sources, encoding)
            raise EncodingError(f"{error}, or --skip-undecodable to leave such lines out") from None
        _add_reports(reading, reports, files, sources)
        return shards

    def _sources(self, names: Sequence[str], encoding: str) -> list[Source]:
        """Find local files; empty if some of the names are not of local files for Spark."""
        if "-" in names:
            raise UsageError("--engine spark: standard input is not for a cluster: pass files")
        with errors_of_cluster(self.session.sparkContext):
            default = self.session.sparkContext._jsc.hadoopConfiguration().get("fs.defaultFS")
        if any("://" in name for name in names) or not str(default).startswith("file:"):
            return []
        sources = find_sources(names, encoding)
        for source in sources:
            name = source.path.name if source.path is not None else ""
            if name.startswith(("_", ".")) or ":" in name:
                raise InputError(f"{source.name}: Spark reads no file of this name: rename it")
            if name.endswith((".xz", ".zst")):
                raise InputError(f"{source.name}: Spark cannot unpack it: unpack it, or compress it with gzip")
        return sources

    def _lines(self, names: Sequence[str], sources: list[Source]) -> tuple[DataFrame, int]:
        """Lines as bytes with their file and split, and the number of files."""
        from pyspark.sql import functions as F

        reader = self.session.read.option("recursiveFileLookup", "true")
        if sources:
            names = [f"file://{os.path.abspath(str(source.path))}" for source in sources]
            reader = reader.option("__globPaths__", "false")
        text = reader.text(list(names), lineSep="\n")
        files = len(text.inputFiles())
        if sources and files != len(sources):
            raise InputError(f"Spark finds {files:,} of {len(sources):,} files: rename those with odd characters")
        lines = text.select(
            F.col("value").cast("binary").alias("line"),
            F.col("_metadata.file_path").alias("file"),
            F.col("_metadata.file_block_start").alias("begin"),
        )
        return lines, files

    def run(
        self, task: Task, runs: Corpus, progress: Callable[[int], object] | None = None
    ) -> tuple[Integers, list[Any]]:
        """Run a task over a corpus as :meth:`segtool.lexicon.passes.Engine.run` does.

        Executors open shards by their path. Where one cannot, the runs are sent to all.
        """
        from segtool.spark.tasks import NOT_SEEN

        try:
            total, results = self._run(task, runs)
        except ModelError as error:
            if NOT_SEEN not in str(error) or not self._paths:
                raise
            self._paths, self._sent = False, None
            total, results = self._run(task, runs)
        if progress is not None:
            progress(runs.stats.positions)
        return total, results

    def _run(self, task: Task, runs: Corpus) -> tuple[Integers, list[Any]]:
        from pyspark import cloudpickle

        from segtool.spark import tasks as spark_tasks

        parts = [
            (self._path(part), alphabet, (part.stats.digest, part.stats.longest_run))
            for part, alphabet in zip(runs.parts, runs.alphabets, strict=True)
        ]
        total: Integers = np.zeros(task.size, np.int64)
        results: list[Any] = [None] * len(runs)
        with errors_of_cluster(self.session.sparkContext):
            shared = self.session.sparkContext.broadcast(cloudpickle.dumps((task, parts)))
            try:
                work = partial(spark_tasks.run_chunks, shared)
                rows = self._chunks(runs).mapInArrow(work, spark_tasks.SUMS)
                slots = self.session.sparkContext.defaultParallelism
                rows = rows.repartition(slots, "bucket").sortWithinPartitions("bucket")
                for row in rows.mapInArrow(spark_tasks.add_sums, spark_tasks.SUMS).collect():
                    if row.bucket < 0:
                        results[-1 - row.bucket] = cloudpickle.loads(bytes(row.data))
                    else:
                        sums = np.frombuffer(bytes(row.data), np.int64)
                        begin = row.bucket * spark_tasks.SUM_BLOCK
                        total[begin : begin + len(sums)] = sums
            finally:
                shared.destroy()
        return total, results

    def _path(self, part: Any) -> str | None:
        return os.path.abspath(part.path) if self._paths and isinstance(part, Shard) else None

    def _chunks(self, runs: Corpus) -> DataFrame:
        """Place of each chunk, or the chunk itself where executors do not open shards."""
        from segtool.spark.tasks import pack_chunk

        if self._sent is None or self._sent[0] is not runs:
            rows = []
            for i in range(len(runs)):
                part, place = runs.place(i)
                here = self._path(runs.parts[part]) is None
                rows.append((i, part, place, pack_chunk(runs.parts[part].chunk(place)) if here else None))
            context = self.session.sparkContext
            spread = context.parallelize(rows, max(min(len(rows), 2 * context.defaultParallelism), 1))
            frame = self.session.createDataFrame(spread, "chunk long, part int, place int, data binary")
            self._sent = runs, frame
        return self._sent[1]


def _count_lines(lines: DataFrame, job: CountJob, folder: Path) -> tuple[list[Path], dict[Split, ReadReport]]:
    """Count lines, and write the shards into a folder."""
    from segtool.spark import tasks as spark_tasks

    counted = lines.mapInArrow(partial(spark_tasks.count_lines, job), spark_tasks.FILES)
    with _computed(counted):
        return _receive(counted.toLocalIterator(), folder)


def _count_different_lines(lines: DataFrame, job: CountJob, folder: Path) -> tuple[list[Path], dict[Split, ReadReport]]:
    """Do the same without lines that were there before; the reports are on all lines."""
    from segtool.spark import tasks as spark_tasks

    keyed = lines.mapInArrow(partial(spark_tasks.key_lines, job), spark_tasks.KEYED)
    with _computed(keyed):
        reports: dict[Split, ReadReport] = {}
        for row in keyed.where("length(key) = 0").toLocalIterator():
            reports |= pickle.loads(bytes(row.data))
        different = keyed.where("length(key) > 0").repartition(keyed.rdd.getNumPartitions(), "key")
        different = different.dropDuplicates(["key"])
        counted = different.mapInArrow(partial(spark_tasks.count_keyed, job), spark_tasks.FILES)
        with _computed(counted):
            shards, _ = _receive(counted.toLocalIterator(), folder)
    return shards, reports


def _receive(rows: Iterator[Any], folder: Path) -> tuple[list[Path], dict[Split, ReadReport]]:
    """Write the shards that tasks return into a folder."""
    shards: list[Path] = []
    reports: dict[Split, ReadReport] = {}
    with as_output_errors(folder):
        for left in folder.glob("part-*"):  # by a training that was killed
            shutil.rmtree(left)
    for row in rows:
        path = folder / f"part-{len(shards):05}"
        if not row.file:
            reports |= pickle.loads(bytes(row.data))
            shards.append(path)
            continue
        with as_output_errors(folder):
            path.mkdir(exist_ok=True)
            with open(path / row.file, "ab") as file:
                file.write(row.data)
    return shards, reports


@contextmanager
def _computed(frame: DataFrame) -> Iterator[None]:
    """Compute a frame on all executors at once, and keep it on their disks."""
    from pyspark import StorageLevel

    frame.persist(StorageLevel.DISK_ONLY)
    try:
        frame.count()
        yield
    finally:
        frame.unpersist()


def _read_again(error: EncodingError, sources: Sequence[Source], encoding: str) -> None:
    """Read the file again, to raise the error with its place in the whole file; return if the file is elsewhere."""
    source = _source_of(re.split(r"(?: from byte \d+)?, line ", str(error))[0], sources)
    for _ in read_blocks([source] if source is not None else [], encoding=encoding):
        pass


def _source_of(uri: str, sources: Sequence[Source]) -> Source | None:
    """Find the source of a URI of Spark's."""
    path = unquote(urlsplit(uri).path)
    return next((source for source in sources if os.path.abspath(str(source.path)) == path), None)


def _add_reports(total: ReadReport, reports: Mapping[Split, ReadReport], files: int, sources: Sequence[Source]) -> None:
    """Add up the reports on splits; the places of skipped lines are those in the whole file."""
    total.files += files
    name, lines, size = "", 0, 0
    for (file, _), report in sorted(reports.items(), key=lambda item: item[0]):
        if file != name:
            name, lines, size = file, 0, 0
        source = _source_of(file, sources)
        shown = file if source is None else source.name
        for bad in report.skipped:
            total.skip(bad._replace(source=shown, line=lines + bad.line, offset=size + bad.offset))
        total.skipped_lines += report.skipped_lines - len(report.skipped)
        total.bytes += report.bytes
        total.lines += report.lines
        total.characters += report.characters
        lines, size = lines + report.lines + report.skipped_lines, size + report.bytes
