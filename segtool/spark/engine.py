"""Counting and EM passes on an Apache Spark cluster.

Executors read the lines, count them some millions of symbols at a time with the kernels that count here, and send
the n-grams to buckets: ranges of bigrams, between borders that a look at the first lines gives. Each bucket is added
up by an executor (:mod:`segtool.ngrams.merge`), and the driver lays all buckets down in order. In an EM pass, the
task goes to the executors, each adds up its chunks, and the sums are added up block by block. Whole numbers are
added, so that the result is that of one machine, byte for byte, however often a part is done again because a machine
was lost.

Data go through Arrow (``mapInArrow``). See :mod:`segtool.spark.tasks` for what executors do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from segtool import errors
from segtool.errors import DataError, EncodingError, InputError, UsageError
from segtool.lexicon.passes import Task
from segtool.ngrams.counter import Counted, checked_corpus
from segtool.ngrams.shards import Shard
from segtool.runtime.arrays import Integers
from segtool.store.checkpoints import WorkFolder
from segtool.text.encodings import find_codec
from segtool.text.runs import Corpus, RunCollector
from segtool.text.sources import ReadReport, SkippedLine, Source, find_sources, read_blocks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["SparkEngine", "first_line"]

ROOM = 1 << 22
"""Symbols that a partition counts at a time."""

SAMPLE = 2000
"""Lines of which the borders of buckets are guessed, and 4096 bytes of each."""

BUCKETS = 4
"""Buckets for each partition of the input, which is 128 MB at most."""


class SparkEngine:
    """Counts and runs passes on a cluster; see :class:`segtool.lexicon.passes.Engine`.

    Parameters
    ----------
    session : SparkSession
    room : int
        Symbols that a partition counts at a time.
    """

    def __init__(self, session: SparkSession, room: int = ROOM) -> None:
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
    ) -> Counted:
        """Count the n-grams of text.

        Parameters
        ----------
        inputs : path or sequence of paths
            As for :func:`segtool.count` where Spark's paths are local ones; else whatever Spark reads, such as
            ``hdfs://…`` or ``s3a://…``, folders and globs, too. All executors have to see it.
        order : int
            Length of the longest n-grams, in symbols.
        fold : bool
            Whether characters that fold to one count as one.
        work : WorkFolder
            Where the counts are laid down.
        reading : ReadReport
            Filled with what was read.
        encoding, skip_undecodable
            As for :func:`segtool.count`; lines have to be told apart in the bytes.

        Returns
        -------
        Counted
            As long as the folder is there.

        Raises
        ------
        UsageError
            For an encoding in which lines cannot be told apart.
        InputError, EncodingError
            If an input cannot be read.
        CorpusError
            If there is no Han character in the text.
        OutputError
            If the work folder cannot be written.
        DataError
            If the cluster fails.
        """
        from segtool.spark import tasks as spark_tasks
        from segtool.spark.spool import Spool

        codec, by_line = find_codec(encoding)
        if not by_line:
            raise UsageError(f"--encoding {encoding}: Spark cannot tell its lines apart: convert the text to UTF-8")
        names = [os.fspath(name) for name in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
        sources = self._sources(names)
        try:
            with _told_of_executors():
                lines, files = self._lines(names, sources)
                buckets = BUCKETS * max(lines.rdd.getNumPartitions(), self.session.sparkContext.defaultParallelism)
                borders = self._borders(lines, codec, fold, buckets)
                job = spark_tasks.CountJob(order, fold, codec, skip_undecodable, self._room, borders)
                pieces = lines.mapInArrow(partial(spark_tasks.count_lines, job, _partition), spark_tasks.ROWS)
                pieces = pieces.repartition(buckets, "bucket").sortWithinPartitions("bucket", "place")
                merged = pieces.mapInArrow(spark_tasks.merge_buckets, spark_tasks.ROWS)
                spool = Spool(work())
                with _kept(merged):
                    for row in merged.toLocalIterator():
                        spool.add(row.bucket, row.place, bytes(row.data))
        except EncodingError as error:
            _read_again(error, sources, encoding)
            raise
        _fill(reading, spool.tally, files, sources)
        runs, counts = spool.finish(order, fold)
        return Counted(checked_corpus(Corpus([runs], fold), reading.lines > 0), counts)

    def _sources(self, names: Sequence[str]) -> list[Source]:
        """Files that are local ones for Spark and are found here; empty if some are not."""
        if "-" in names:
            raise UsageError("--engine spark: standard input is not for a cluster: pass files")
        default = self.session.sparkContext._jsc.hadoopConfiguration().get("fs.defaultFS")
        if any("://" in name for name in names) or not str(default).startswith("file:"):
            return []
        sources = find_sources(names)
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

    def _borders(self, lines: DataFrame, codec: str, fold: bool, buckets: int) -> Integers:
        """Bigrams that part the text into about equally many."""
        from pyspark.sql import functions as F

        from segtool.spark.pieces import bigram_keys

        collector = RunCollector()
        for row in lines.limit(SAMPLE).select(F.substring("line", 1, 4096).alias("line")).collect():
            collector.add(bytes(row.line).decode(codec, "ignore"))
        codes = collector.runs(fold)
        stream = codes.codes[codes.stream]
        keys = np.sort(bigram_keys(stream[:-1], stream[1:]))
        return np.unique(keys[np.arange(1, buckets) * len(keys) // buckets]) if len(keys) else np.zeros(0, np.int64)

    def run(
        self, task: Task, runs: Corpus, progress: Callable[[int], object] | None = None
    ) -> tuple[Integers, list[Any]]:
        """Run a task over a corpus.

        Executors open shards by their path; where one cannot, the runs are sent to them.

        Parameters
        ----------
        task : Task
        runs : Corpus
        progress : callable, optional
            Called with the number of symbols passed since the last call.

        Returns
        -------
        total : ndarray of int64, shape (task.size,)
        results : list

        Raises
        ------
        DataError
            If the cluster fails.
        """
        from segtool.spark.tasks import NOT_SEEN

        try:
            total, results = self._run(task, runs)
        except errors.ModelError as error:
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

        parts = [(self._path(part), alphabet) for part, alphabet in zip(runs.parts, runs.alphabets, strict=True)]
        total: Integers = np.zeros(task.size, np.int64)
        results: list[Any] = [None] * len(runs)
        told = self.session.sparkContext.broadcast(cloudpickle.dumps((task, parts)))
        try:
            with _told_of_executors():
                work = partial(spark_tasks.run_chunks, partial(_value, told))
                rows = self._chunks(runs).mapInArrow(work, spark_tasks.ROWS)
                shared = self.session.sparkContext.defaultParallelism
                rows = rows.repartition(shared, "bucket").sortWithinPartitions("bucket")
                for row in rows.mapInArrow(spark_tasks.add_sums, spark_tasks.ROWS).collect():
                    if row.bucket < 0:
                        results[-1 - row.bucket] = cloudpickle.loads(bytes(row.data))
                    else:
                        sums = np.frombuffer(bytes(row.data), np.int64)
                        begin = row.bucket * spark_tasks.SUMS
                        total[begin : begin + len(sums)] = sums
        finally:
            told.destroy()
        return total, results

    def _path(self, part: Any) -> str | None:
        return os.path.abspath(part.path) if self._paths and isinstance(part, Shard) else None

    def _chunks(self, runs: Corpus) -> DataFrame:
        """Where the chunks are, or the chunks themselves."""
        from segtool.spark.pieces import pack_runs

        if self._sent is None or self._sent[0] is not runs:
            rows = []
            for i in range(len(runs)):
                part, place = runs.place(i)
                holder = runs.parts[part]
                here = self._path(holder) is None
                rows.append((i, part, place, pack_runs(holder.chunk(place), holder.written) if here else None))
            context = self.session.sparkContext
            shared = context.parallelize(rows, max(min(len(rows), 2 * context.defaultParallelism), 1))
            frame = self.session.createDataFrame(shared, "chunk long, part int, place int, data binary")
            self._sent = runs, frame
        return self._sent[1]


def _partition() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _value(told: Any) -> bytes:
    data: bytes = told.value
    return data


@contextmanager
def _kept(frame: DataFrame) -> Iterator[None]:
    """Compute all of a frame, on all executors, and keep it on their disks."""
    from pyspark import StorageLevel

    frame.persist(StorageLevel.DISK_ONLY)
    try:
        frame.count()
        yield
    finally:
        frame.unpersist()


@contextmanager
def _told_of_executors() -> Iterator[None]:
    """Raise the errors of executors as they would be raised here."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        found = re.findall(r"segtool\.errors\.(\w+Error): (.+)", str(error))
        if found:
            kind, message = found[-1]
            raise getattr(errors, kind)(message) from None
        if "PATH_NOT_FOUND" in str(error):
            raise InputError(f"Spark: {first_line(error)}") from None
        raise DataError(f"Spark: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What an error says, without the way it went through Java."""
    text = str(error).strip() or type(error).__name__
    found = re.findall(r"^(\w[\w.]*(?:Error|Exception): .+)$", text.partition("Traceback")[2], re.MULTILINE)
    found = found or re.findall(r"^: (.+)$", text, re.MULTILINE)[:1]
    return found[-1] if found else text.splitlines()[0]


def _read_again(error: EncodingError, sources: Sequence[Source], encoding: str) -> None:
    """Raise the error that reading a file here raises, which names the place; return if the file is elsewhere."""
    source = _source_of(str(error).partition(", line ")[0], sources)
    for _ in read_blocks([source] if source is not None else [], encoding=encoding):
        pass


def _source_of(uri: str, sources: Sequence[Source]) -> Source | None:
    """Find the source that Spark calls so."""
    path = unquote(urlsplit(uri).path)
    return next((source for source in sources if os.path.abspath(str(source.path)) == path), None)


def _fill(reading: ReadReport, tally: Any, files: int, sources: Sequence[Source]) -> None:
    """Note what was read."""
    reading.files += files
    reading.characters += tally.characters
    reading.bytes += sum(size for _, size in tally.splits.values())
    reading.lines += sum(lines for lines, _ in tally.splits.values()) - tally.skipped
    begins: dict[tuple[str, int], tuple[int, int]] = {}
    name, lines, size = "", 0, 0
    for split in sorted(tally.splits):
        if split[0] != name:
            name, lines, size = split[0], 0, 0
        begins[split] = lines, size
        lines, size = lines + tally.splits[split][0], size + tally.splits[split][1]
    for file, begin, number, offset, what in sorted(tally.bad):
        lines, size = begins[file, begin]
        source = _source_of(file, sources)
        reading.skip(SkippedLine(file if source is None else source.name, lines + number + 1, size + offset, what))
    reading.skipped_lines = tally.skipped
