"""Parquet files whose texts are cut in one column, batch by batch (extra ``arrow``)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segtool.errors import DataError, InputError, one_line

__all__ = ["ParquetTable", "is_parquet"]

_PARQUET_MAGIC = b"PAR1"
_BATCH_BYTES = 1 << 23
"""About so many bytes of all columns are read at a time."""


def is_parquet(path: Path | None) -> bool:
    """Whether a file is one of Parquet, by its first bytes; standard input and pipes are not looked at."""
    if path is None or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError:  # which reading reports
        return False


class ParquetTable:
    """A Parquet file with a column of strings.

    Parameters
    ----------
    path : Path
    name : str
        For messages.
    column : str

    Attributes
    ----------
    schema : pyarrow.Schema
    place : int
        Number of the column.

    Raises
    ------
    InputError
        If pyarrow is missing, or the file is damaged.
    DataError
        If there is no such column, or its values are no strings.
    """

    def __init__(self, path: Path, name: str, column: str) -> None:
        try:
            import pyarrow.parquet as parquet
        except ModuleNotFoundError:
            fault = f"{name}: is a Parquet file, which needs a package"
            raise InputError(f"{fault}: pip install 'segtool[arrow]'") from None
        self._parquet, self._name = parquet, name
        with self._damage():
            self._file = parquet.ParquetFile(path)
            self.schema = self._file.schema_arrow
        names = self.schema.names
        if column not in names:
            raise DataError(f"{name}: no column {column} (--column): there are {', '.join(map(one_line, names[:20]))}")
        self.place = names.index(column)
        kind = self.schema.field(self.place).type
        kind = getattr(kind, "value_type", kind) if str(kind).startswith("dictionary") else kind
        if str(kind) not in ("string", "large_string", "string_view"):
            raise DataError(f"{name}: column {column} is of {kind}, not of strings: name another --column")

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Report what is wrong with the file."""
        from pyarrow import ArrowException

        try:
            yield
        except (ArrowException, OSError) as error:
            fault = f"{self._name}: the Parquet file is damaged: {one_line(error, 100)}"
            raise InputError(f"{fault}: fetch or write it again") from None

    def batches(self, progress: Callable[[int], object]) -> Iterator[Any]:
        """Read the rows.

        Parameters
        ----------
        progress : callable
            Takes the number of bytes of the file that were read.

        Yields
        ------
        pyarrow.RecordBatch
            Of one row group.
        """
        for number in range(self._file.num_row_groups):
            group = self._file.metadata.row_group(number)
            rows = max(1, min(1 << 16, _BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1)))
            batches = self._file.iter_batches(rows, row_groups=[number])
            while True:
                with self._damage():
                    batch = next(batches, None)
                if batch is None:
                    break
                yield batch
            progress(sum(group.column(i).total_compressed_size for i in range(group.num_columns)))

    def written(self, cut: Callable[[Any], Any], progress: Callable[[int], object]) -> Iterator[bytes]:
        """Write a file with the same columns, of which one is cut.

        Parameters
        ----------
        cut : callable
            Takes an array of strings, and gives the array that takes its place.
        progress
            As for :meth:`batches`.

        Yields
        ------
        bytes
            Of the file, piece by piece.
        """
        import pyarrow as pa

        field = self.schema.field(self.place)
        kind = cut(pa.array([], field.type)).type
        schema = self.schema.set(self.place, pa.field(field.name, kind, field.nullable, field.metadata))
        codec = "NONE"
        if self._file.num_row_groups:
            codec = self._file.metadata.row_group(0).column(0).compression.replace("UNCOMPRESSED", codec)
        sink = io.BytesIO()
        with self._parquet.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression=codec) as writer:
            for batch in self.batches(progress):
                columns = batch.columns
                columns[self.place] = cut(columns[self.place])
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
                yield from _drained(sink)
        yield from _drained(sink)


def _drained(sink: io.BytesIO) -> Iterator[bytes]:
    """Take what was written."""
    data = sink.getvalue()
    if data:
        sink.seek(0)
        sink.truncate()
        yield data
