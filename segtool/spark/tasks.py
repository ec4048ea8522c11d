"""The work of Spark's executors on their part of a corpus; :mod:`segtool.spark.engine` is the driver's side.

Every function maps Arrow batches to Arrow batches (``mapInArrow``). Counting a partition gives the files of one count
shard. A pass over chunks of runs gives sums, which :func:`add_sums` adds up.
"""

from __future__ import annotations

import functools
import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from segtool.errors import ModelError
from segtool.ngrams.blocks import pack_stream, unpack_stream
from segtool.ngrams.counter import CorpusCounter, add_up, write_shard
from segtool.ngrams.shards import SPILLED, Shard
from segtool.runtime.arrays import Ids
from segtool.store.cards import CARD
from segtool.store.files import as_output_errors
from segtool.text.encodings import decode_lines
from segtool.text.preparing import line_keys
from segtool.text.runs import Chunk
from segtool.text.sources import ReadReport

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast

__all__ = [
    "FILES",
    "KEYED",
    "NOT_SEEN",
    "SUMS",
    "SUM_BLOCK",
    "CountJob",
    "Split",
    "add_sums",
    "count_keyed",
    "count_lines",
    "find_shard",
    "key_lines",
    "pack_chunk",
    "run_chunks",
]

FILES = "file string, data binary"
"""Columns of a counted partition."""

KEYED = "key binary, data binary"
"""Columns of lines with their keys (:func:`segtool.text.preparing.line_keys`); a row without a key holds reports."""

SUMS = "bucket long, data binary"
"""Columns of a pass: sums of block `bucket`, or, where it is negative, the result of chunk ``-1 - bucket``."""

NOT_SEEN = "cannot be seen by an executor"
"""Part of the error of an executor that cannot open a shard."""

SUM_BLOCK = 1 << 16
"""Numbers in a block of sums."""

SENT = 1 << 22
"""Bytes of a batch of rows, about, and of a piece of a file at most."""

MERGED = 1 << 20
"""N-grams that a task merges at a time."""

Split: TypeAlias = tuple[str, int]
"""A part of a file: its name for Spark, and the byte where the part begins."""
Row: TypeAlias = tuple[Any, ...]
Batches: TypeAlias = "Iterable[pa.RecordBatch]"


@dataclass(frozen=True)
class CountJob:
    """How text is counted.

    Attributes
    ----------
    order : int
        Length of the longest n-grams.
    codec : str
        Encoding of the lines; none of its characters holds the byte of a line end.
    skip : bool
        Leave out lines that are not in it.
    room : int
        Symbols that a task holds in memory.
    """

    order: int
    fold: bool
    codec: str
    skip: bool
    room: int


def count_lines(job: CountJob, batches: Batches) -> Iterator[pa.RecordBatch]:
    """Count the n-grams of a partition.

    Parameters
    ----------
    job : CountJob
    batches : iterable of RecordBatch
        Columns line (binary), file (string) and begin (where the split of the line begins in the file, in bytes).
        Lines of one split follow one another.

    Yields
    ------
    RecordBatch
        ``FILES``: the files of one count shard, each in one or more rows that follow one another. The last row, whose
        file has no name, holds the pickled :class:`segtool.text.sources.ReadReport` of each ``Split``.
    """
    reports: dict[Split, ReadReport] = {}
    return _in_batches(FILES, _shard_rows(job, _texts(job, batches, reports), reports))


def key_lines(job: CountJob, batches: Batches) -> Iterator[pa.RecordBatch]:
    """Give lines their keys.

    Parameters
    ----------
    job, batches
        As for :func:`count_lines`.

    Yields
    ------
    RecordBatch
        ``KEYED``: the lines in UTF-8, then the pickled :class:`segtool.text.sources.ReadReport` of each ``Split``.
    """
    return _in_batches(KEYED, _keyed_rows(job, batches))


def _keyed_rows(job: CountJob, batches: Batches) -> Iterator[Row]:
    reports: dict[Split, ReadReport] = {}
    for text in _texts(job, batches, reports):
        for key, line in zip(line_keys(text), text.split("\n"), strict=True):
            yield key, line.encode("utf-8", "surrogatepass")
    yield b"", pickle.dumps(reports)


def count_keyed(job: CountJob, batches: Batches) -> Iterator[pa.RecordBatch]:
    """Count the n-grams of lines of :func:`key_lines`, as :func:`count_lines` does, but without reports."""
    lines = (batch.column("data").to_pylist() for batch in batches)
    texts = (b"\n".join(each).decode("utf-8", "surrogatepass") for each in lines)
    return _in_batches(FILES, _shard_rows(job, texts, {}))


def _shard_rows(job: CountJob, texts: Iterable[str], reports: dict[Split, ReadReport]) -> Iterator[Row]:
    # Spark removes its own folders even when a worker is killed
    local = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0] or None
    with tempfile.TemporaryDirectory(prefix="segtool-", dir=local) as name:
        folder = Path(name)
        counter = CorpusCounter(job.order, job.fold, job.room, lambda: folder)
        for text in texts:
            counter.add(text)
        counter.spill()
        for path in sorted(_as_one(counter.shards, folder, job.fold).iterdir()):
            with open(path, "rb") as file:
                yield path.name, file.read(SENT)
                while piece := file.read(SENT):
                    yield path.name, piece
    yield "", pickle.dumps(reports)


def _as_one(shards: Sequence[Path], folder: Path, fold: bool) -> Path:
    """Merge the shards of a partition that did not fit into memory."""
    if len(shards) == 1:
        return shards[0]
    merged = folder / "merged"
    with as_output_errors(folder):
        merged.mkdir()
        write_shard(merged, add_up([Shard.open(path, SPILLED) for path in shards], 1, MERGED))
    return merged


def _texts(job: CountJob, batches: Batches, reports: dict[Split, ReadReport]) -> Iterator[str]:
    """Decode the lines, and report on each split."""
    for split, pieces in groupby(_pieces(batches), itemgetter(0)):
        report = reports[split] = ReadReport()
        name, begin = split
        name = f"{name} from byte {begin}" if begin else name
        skip = report.skip if job.skip else None
        for text in decode_lines(_noted(map(itemgetter(1), pieces), report), name, job.codec, skip, drop_mark=False):
            report.characters += len(text) - text.count("\n")
            yield text
        report.lines -= report.skipped_lines


def _pieces(batches: Batches) -> Iterator[tuple[Split, list[bytes]]]:
    """Lines that share a batch and a split."""
    for batch in batches:
        begins = batch.column("begin").to_numpy()
        files = batch.column("file").dictionary_encode()
        changes = (np.diff(begins) != 0) | (np.diff(files.indices.to_numpy()) != 0)
        for low, high in pairwise([0, *(np.flatnonzero(changes) + 1).tolist(), len(begins)]):
            if low < high:
                yield (files[low].as_py(), int(begins[low])), batch.column("line").slice(low, high - low).to_pylist()


def _noted(pieces: Iterable[list[bytes]], report: ReadReport) -> Iterator[bytes]:
    """Give lines their ends, and count lines and bytes."""
    for lines in pieces:
        data = b"\n".join([*lines, b""])
        report.lines += len(lines)
        report.bytes += len(data)
        yield data


def pack_chunk(chunk: Ids) -> bytes:
    """A chunk of runs as bytes, for :func:`run_chunks`."""
    return pickle.dumps((len(chunk), pack_stream(chunk)))


def run_chunks(broadcast: Broadcast[bytes], batches: Batches) -> Iterator[pa.RecordBatch]:
    """Run a task over chunks of runs.

    Parameters
    ----------
    broadcast : Broadcast
        A pickle of the task, and of each part of the corpus its path (None if the rows hold the chunks), its
        :class:`segtool.text.runs.Alphabet` and what :func:`find_shard` knows it by.
    batches : iterable of RecordBatch
        Columns chunk (its number in the corpus), part, place (its number in the part) and data (:func:`pack_chunk`,
        or null).

    Yields
    ------
    RecordBatch
        ``SUMS``.
    """
    return _in_batches(SUMS, _sum_rows(broadcast, batches))


def _sum_rows(broadcast: Broadcast[bytes], batches: Batches) -> Iterator[Row]:
    task, parts = pickle.loads(broadcast.value)
    scratch, total, any_chunk = task.scratch(), np.zeros(task.size, np.int64), False
    for batch in batches:
        for row in batch.to_pylist():
            path, alphabet, identity = parts[row["part"]]
            if path is None:
                length, data = pickle.loads(row["data"])
                written = unpack_stream(data, length, len(alphabet.written))
            else:
                written = find_shard(path, identity).chunk(row["place"])
            any_chunk = True
            yield -1 - row["chunk"], pickle.dumps(task(Chunk(written, alphabet), scratch, total))
    if any_chunk:
        for block in range(0, task.size, SUM_BLOCK):
            sums = total[block : block + SUM_BLOCK]
            if sums.any():
                yield block // SUM_BLOCK, sums.tobytes()


def find_shard(path: str, identity: tuple[int, int]) -> Shard:
    """Open a shard, unless this worker has it open; if it or its digest is not there, the error says ``NOT_SEEN``.

    `identity` is the digest of its runs and the length of the longest one, for which working memory is made.
    """
    try:
        status = os.stat(os.path.join(path, CARD))
        shard = _open_shard(path, status.st_ino, status.st_mtime_ns)
    except (OSError, ModelError) as error:
        raise ModelError(f"{path}: {NOT_SEEN} ({error})") from None
    if (shard.stats.digest, shard.stats.longest_run) != identity:
        raise ModelError(f"{path}: {NOT_SEEN} (another shard is there)")
    return shard


@functools.lru_cache(64)
def _open_shard(path: str, *_: int) -> Shard:
    return Shard.open(path)


def add_sums(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Add up the ``SUMS`` of each block, whose rows follow one another; results of chunks pass unchanged."""
    return _in_batches(SUMS, _added_rows(batches))


def _added_rows(batches: Batches) -> Iterator[Row]:
    rows = (row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    for bucket, group in groupby(rows, itemgetter(0)):
        if bucket < 0:
            yield from group
        else:
            sums = sum((np.frombuffer(data, np.int64) for _, data in group), np.zeros(1, np.int64))
            yield bucket, sums.tobytes()


def _in_batches(columns: str, rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += len(row[-1])
        if size >= SENT:
            yield _batch(columns, held)
            held, size = [], 0
    if held:
        yield _batch(columns, held)


def _batch(columns: str, rows: list[Row]) -> Any:
    import pyarrow as pa

    names = [column.split()[0] for column in columns.split(", ")]
    return pa.RecordBatch.from_arrays([pa.array(values) for values in zip(*rows, strict=True)], names=names)
