"""What the executors of a Spark cluster do with their part of a corpus; :mod:`segtool.spark.session` is the other side.

All of it maps Arrow batches to Arrow batches. Rows in between are ``(bucket, place, data)``: n-grams whose first two
symbols lie between two borders share a bucket, in *pieces* (:mod:`segtool.spark.pieces`); rows that nobody merges have
a negative one.
"""

from __future__ import annotations

import functools
import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from segtool.errors import EncodingError, ModelError
from segtool.ngrams.count import count_stream
from segtool.ngrams.shards import Shard
from segtool.runtime.arrays import Integers
from segtool.spark.pieces import Pieces, bigram_keys, pack_piece, pack_runs, unpack_piece, unpack_runs
from segtool.text.runs import Chunk, Corpus, CorpusStats, RunCollector

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NOT_SEEN", "ROWS", "SUMS", "CountJob", "Tally", "add_sums", "count_lines", "merge_buckets", "run_chunks"]

ROWS = "bucket long, place long, data binary"
"""Columns of what goes between executors."""

NOT_SEEN = "cannot be seen by an executor"
"""In the message of an executor that has no access to a shard."""

SUMS = 1 << 16
"""Sums are added up in blocks of so many."""

SENT = 1 << 22
"""Bytes of a batch of rows, about."""

LISTED = 100
"""Of the lines of a partition that cannot be decoded so many are named."""

Row = tuple[int, int, bytes]
Batches: TypeAlias = "Iterable[pa.RecordBatch]"


@dataclass(frozen=True)
class CountJob:
    """How text is counted.

    Attributes
    ----------
    order : int
        Length of the longest n-grams.
    fold : bool
        Whether characters that fold to one count as one.
    codec : str
        Encoding of the lines, one that does not hold line ends in its characters.
    skip : bool
        Leave out lines that are no text in it.
    room : int
        Symbols that are counted at a time.
    borders : ndarray of int64
        Where buckets end, as keys of bigrams (:func:`bigram_keys`), ascending.
    """

    order: int
    fold: bool
    codec: str
    skip: bool
    room: int
    borders: Integers


class Tally:
    """What is told of the text of a partition, or of all.

    Attributes
    ----------
    characters, skipped : int
        Characters that were read, without line ends; lines that were left out.
    bad : list of tuple
        The first of these: file, begin of the split, lines and bytes before it in the split, what is wrong.
    splits : dict
        Lines and bytes of each part of a file, by its name and where that part begins.
    stats : CorpusStats
        Of the runs.
    """

    def __init__(self) -> None:
        self.characters = self.skipped = 0
        self.bad: list[tuple[str, int, int, int, str]] = []
        self.splits: dict[tuple[str, int], tuple[int, int]] = {}
        self.stats = CorpusStats()

    def add(self, other: Tally) -> None:
        """Tell of another partition."""
        self.characters += other.characters
        self.skipped += other.skipped
        self.bad += other.bad
        for split, (lines, size) in other.splits.items():
            known = self.splits.get(split, (0, 0))
            self.splits[split] = known[0] + lines, known[1] + size
        self.stats += other.stats

    def pack(self) -> bytes:
        """All of it as bytes."""
        return zlib.compress(pickle.dumps(self), 1)

    @staticmethod
    def unpack(data: bytes) -> Tally:
        """The tally of :meth:`pack`."""
        tally: Tally = pickle.loads(zlib.decompress(data))
        return tally


def count_lines(job: CountJob, partition: Callable[[], int], batches: Batches) -> Iterator[pa.RecordBatch]:
    """Count the n-grams of a partition.

    Parameters
    ----------
    job : CountJob
    partition : callable
        Gives the number of the partition.
    batches : iterable of RecordBatch
        Columns line (binary), file (string) and begin (where the split begins that the line is of).

    Yields
    ------
    RecordBatch
        Rows of pieces of counts; of one partition each, and with negative buckets, rows of runs (:func:`pack_runs`) at
        places from 1 on, and at place 0 the tally.

    Raises
    ------
    EncodingError
        If a line is no text and is not to be left out.
    CorpusError
        If there are too many different characters.
    """
    return _in_batches(_counted_rows(job, -1 - partition(), batches))


def _counted_rows(job: CountJob, own: int, batches: Batches) -> Iterator[Row]:
    tally, collector, place = Tally(), RunCollector(), 0
    for batch in batches:
        for text in _texts(job, batch, tally):
            collector.add(text)
            if collector.positions >= job.room:
                yield from _flush(job, collector, own, place)
                place += collector.chunks
                tally.stats += collector.stats
                collector = RunCollector()
    if collector.positions:
        yield from _flush(job, collector, own, place)
        tally.stats += collector.stats
    yield own, 0, tally.pack()


def _texts(job: CountJob, batch: pa.RecordBatch, tally: Tally) -> Iterator[str]:
    """Decode lines, those of one split together."""
    begins = batch.column("begin").to_numpy()
    files = batch.column("file").dictionary_encode()
    changes = (np.diff(begins) != 0) | (np.diff(files.indices.to_numpy()) != 0)
    for low, high in pairwise([0, *(np.flatnonzero(changes) + 1).tolist(), len(begins)]):
        if low == high:
            continue
        split = files[low].as_py(), int(begins[low])
        lines = batch.column("line").slice(low, high - low).to_pylist()
        before = tally.splits.get(split, (0, 0))
        data = b"\n".join(lines)
        try:
            text = data.decode(job.codec)
        except UnicodeDecodeError:
            text = "\n".join(_rescue(job, lines, split, before, tally))
        tally.splits[split] = before[0] + len(lines), before[1] + len(data) + 1
        tally.characters += len(text) - text.count("\n")
        yield text


def _rescue(
    job: CountJob, lines: list[bytes], split: tuple[str, int], before: tuple[int, int], tally: Tally
) -> Iterator[str]:
    """Decode line by line."""
    number, offset = before
    for line in lines:
        try:
            yield (line + b"\n").decode(job.codec)[:-1]
        except UnicodeDecodeError as error:
            what = f"bytes 0x{error.object[error.start : error.end][:8].hex()} are not {job.codec}"
            if not job.skip:
                name, begin = split
                where = f"line {number + 1}" if begin == 0 else f"line {number + 1} behind byte {begin}"
                fix = "pass --encoding with what the file is in, or --skip-undecodable to leave such lines out"
                raise EncodingError(f"{name}, {where}: {what}; {fix}") from None
            tally.skipped += 1
            if len(tally.bad) < LISTED:
                tally.bad.append((*split, number, offset + error.start, what))
        number += 1
        offset += len(line) + 1


def _flush(job: CountJob, collector: RunCollector, own: int, place: int) -> Iterator[Row]:
    runs = Corpus([collector], job.fold)
    for i in range(collector.chunks):
        yield own, place + i + 1, pack_runs(collector.chunk(i), collector.written)
    counts = count_stream(runs.whole().stream, runs.codes, job.order)
    keys = bigram_keys(counts.codes[counts.bigrams.parent], counts.codes[counts.bigrams.symbol])
    cuts = [0, *np.searchsorted(keys, job.borders).tolist(), len(keys)]
    for bucket, (low, high) in enumerate(pairwise(cuts)):
        if low < high:
            yield bucket, own, pack_piece(counts, low, high)


def merge_buckets(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Merge the pieces of each bucket.

    Parameters
    ----------
    batches : iterable of RecordBatch
        ``ROWS``, those of one bucket one behind the other.

    Yields
    ------
    RecordBatch
        Pieces, those of a bucket in order from place 0 on; other rows as they were.
    """
    return _in_batches(_merged_rows(_rows(batches)))


def _merged_rows(rows: Iterable[Row]) -> Iterator[Row]:
    current, held = -1, Pieces()
    for bucket, place, data in rows:
        if bucket != current and current >= 0:
            yield from held.rows(current)
            held = Pieces()
        current = bucket
        if bucket < 0:
            yield bucket, place, data
        else:
            held.add(unpack_piece(data))
    if current >= 0:
        yield from held.rows(current)


def run_chunks(told: Callable[[], bytes], batches: Batches) -> Iterator[pa.RecordBatch]:
    """Run a task over chunks of runs.

    Parameters
    ----------
    told : callable
        Gives the pickled task, and of each part its path (None if the rows hold the chunks) and its
        :class:`segtool.text.runs.Alphabet`.
    batches : iterable of RecordBatch
        Columns chunk (its number of all), part, place (its number in the part) and data (binary, or null).

    Yields
    ------
    RecordBatch
        ``ROWS``: the result of chunk i, in bucket ``-1 - i``; sums in blocks, whose number is the bucket.

    Raises
    ------
    ModelError
        With ``NOT_SEEN`` in its message, if a shard is not there.
    """
    return _in_batches(_task_rows(told, batches))


def _task_rows(told: Callable[[], bytes], batches: Batches) -> Iterator[Row]:
    task, parts = pickle.loads(told())
    scratch, total, any_chunk = task.scratch(), np.zeros(task.size, np.int64), False
    for batch in batches:
        for row in batch.to_pylist():
            path, alphabet = parts[row["part"]]
            if path is None:
                codes, stream = unpack_runs(row["data"])
                order = np.argsort(alphabet.written)
                written = order[np.searchsorted(alphabet.written, codes, sorter=order)].astype(np.uint16)[stream]
            else:
                written = _open_shard(path).chunk(row["place"])
            result = task(Chunk(written, alphabet), scratch, total)
            any_chunk = True
            yield -1 - row["chunk"], 0, pickle.dumps(result)
    if any_chunk:
        for block in range(0, task.size, SUMS):
            sums = total[block : block + SUMS]
            if sums.any():
                yield block // SUMS, 0, sums.tobytes()


@functools.lru_cache(64)
def _open_shard(path: str) -> Shard:
    try:
        return Shard.open(path)
    except ModelError as error:
        raise ModelError(f"{path}: {NOT_SEEN} ({error})") from None


def add_sums(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Add up the blocks of sums of each bucket, whose rows stand one behind the other; other rows stay as they are."""
    return _in_batches(_summed_rows(_rows(batches)))


def _summed_rows(rows: Iterable[Row]) -> Iterator[Row]:
    current, sums = -1, np.zeros(0, np.int64)
    for bucket, place, data in rows:
        if bucket == current and bucket >= 0:
            sums += np.frombuffer(data, np.int64)
            continue
        if current >= 0:
            yield current, 0, sums.tobytes()
        current = bucket
        if bucket < 0:
            yield bucket, place, data
        else:
            sums = np.frombuffer(data, np.int64).copy()
    if current >= 0:
        yield current, 0, sums.tobytes()


def _rows(batches: Batches) -> Iterator[Row]:
    for batch in batches:
        columns = (batch.column(name) for name in ("bucket", "place", "data"))
        for bucket, place, data in zip(*columns, strict=True):
            yield bucket.as_py(), place.as_py(), data.as_py()


def _in_batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += len(row[2])
        if size >= SENT:
            yield _batch(held)
            held, size = [], 0
    if held:
        yield _batch(held)


def _batch(rows: list[Row]) -> Any:
    import pyarrow as pa

    buckets, places, data = zip(*rows, strict=True)
    columns = [pa.array(buckets, pa.int64()), pa.array(places, pa.int64()), pa.array(data, pa.binary())]
    return pa.RecordBatch.from_arrays(columns, names=["bucket", "place", "data"])
