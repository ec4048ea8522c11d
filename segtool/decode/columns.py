"""Tables whose texts are cut in one column: CSV with a header, JSON Lines, Parquet. Other fields keep their values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segtool.decode.formats import CutLine, Format, LineCutter, json_line
from segtool.errors import DataError, one_line
from segtool.runtime.workers import in_order
from segtool.text.lines import GROUPED, complete_lines, decoded
from segtool.text.sources import MOST_LINE

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = ["ColumnCutter"]

_DELIMITERS = ",\t;"
_ROWS = 1 << 10
"""Rows of Parquet that a thread takes at a time."""


@dataclass
class _Record:
    """A record as it was read; `text` is to be cut, or None if there is none."""

    fields: Any
    text: str | None


class _Lines(Iterator[str]):
    """Lines one by one, with their ends.

    Attributes
    ----------
    left : int
        Lines that are there without waiting for more of the input.
    number : int
        Of the last line that was given.
    """

    def __init__(self, lists: Iterator[list[str]]) -> None:
        self._lists = lists
        self._now: list[str] = []
        self.left = self.number = 0

    def peek(self) -> str:
        """Give the next line without taking it; empty if there is none."""
        while not self.left:
            self._now = next(self._lists, [])
            self.left = len(self._now)
            if not self._now:
                return ""
        return self._now[-self.left] + "\n"

    def __next__(self) -> str:
        line = self.peek()
        if not line:
            raise StopIteration
        self.left -= 1
        self.number += 1
        return line


class ColumnCutter:
    """Cuts one field of the records of tables.

    A table in text is JSON Lines if its first line begins with a brace, else CSV with a header, whose fields are
    divided by commas, tabs or semicolons. In the format ``jsonl`` the records are written as JSON Lines, and the field
    is a list of words. In the format ``text`` they are written as they came, and the field is the words with the
    separator between them.

    Parameters
    ----------
    segmenter : Segmenter
    form : Format
        ``text`` or ``jsonl``.
    column : str
        Name of the field.
    workers : int
        Threads. The result does not depend on it.
    """

    def __init__(self, segmenter: Segmenter, form: Format, column: str, workers: int = 1) -> None:
        self._cutter = LineCutter(segmenter, form)
        self._form, self._column, self._workers = form, column, workers
        self._first: tuple[str, list[str] | None] | None = None  # name and header of the first table

    def cut(self, pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
        """Cut a table that comes in pieces of UTF-8.

        Parameters
        ----------
        pieces : iterable of bytes
            A piece may end anywhere but inside a character.
        name : str
            Of the input, for messages.

        Yields
        ------
        bytes
            Whole records, as soon as they are complete. The header of CSV comes with the first table only.

        Raises
        ------
        DataError
            If there is no such column, a text is no string, a line is no record, or the tables do not fit together.
        """
        lines = _Lines(complete_lines(decoded(pieces), MOST_LINE, "is too long for a record: divide it"))
        first = lines.peek()
        if not first:
            return
        is_first = self._first is None
        if first.lstrip().startswith("{"):
            self._check_kind(name, None)
            records, write = self._json_records(lines, name), self._write_json
        else:
            csv.field_size_limit(MOST_LINE)
            delimiter = self._delimiter(first, name)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            header = next(reader)
            self._check_kind(name, header)
            if is_first and self._form.name == "text":
                yield _csv_row(header, delimiter).encode("utf-8", "surrogatepass")
            records = self._csv_records(reader, header, name)

            def write(record: _Record, cut: CutLine | None) -> str:
                return self._write_csv(record, cut, header, delimiter)

        for group in _groups(records, lines):
            yield from in_order(lambda some: self._written(some, write), group, self._workers)

    def cut_parquet(self, path: Path, name: str, progress: Callable[[int], object]) -> Iterator[bytes]:
        """Cut a Parquet file.

        In the format ``text`` it is written as Parquet, in which the field is a list of words, too, or a string if its
        whitespace is kept.

        Parameters
        ----------
        path : Path
        name : str
            Of the input, for messages.
        progress : callable
            Takes the number of bytes that were read.

        Yields
        ------
        bytes

        Raises
        ------
        InputError
            If pyarrow is missing, or the file is damaged.
        DataError
            If there is no such column of strings, it is not the only table of its output, or its other values have no
            form in JSON.
        """
        from segtool.decode.parquet import ParquetTable

        table = ParquetTable(path, name, self._column)
        is_first = self._first is None
        self._check_kind(name, ["Parquet", *table.schema.names])
        if self._form.name == "text":
            if not is_first:
                raise DataError(f"{name} is a second Parquet file: cut each by a command of its own")
            yield from table.written(self._cut_array, progress)
            return
        for batch in table.batches(progress):
            records = [_Record(row, row[self._column]) for row in batch.to_pylist()]
            groups = [records[i : i + _ROWS] for i in range(0, len(records), _ROWS)]
            try:
                yield from in_order(lambda some: self._written(some, self._write_json), groups, self._workers)
            except TypeError as error:
                raise DataError(f"{name}: {one_line(error)}: leave out --format jsonl") from None

    def _cut_array(self, texts: Any) -> Any:
        """Cut an array of strings into one of lists of words, or of strings with separators."""
        segmenter, form = self._cutter.segmenter, self._form
        if form.within is None and not form.dropped and not form.keep_space:
            return segmenter.cut_arrow(texts, self._workers)
        import pyarrow

        if form.keep_space:
            lines = [None if text is None else segmenter.separate(text, form.separator) for text in texts.to_pylist()]
            return pyarrow.array(lines, texts.type)
        cuts = self._cutter.cut_lines([text for text in texts.to_pylist() if text is not None])
        lists = [None if text is None else next(cuts)[0].words for text in texts.to_pylist()]
        return pyarrow.array(lists, segmenter.cut_arrow(texts[:0]).type)

    def _check_kind(self, name: str, header: list[str] | None) -> None:
        """Check that a table has the columns of the first one, which gives the header of the output."""
        self._first = self._first or (name, header)
        if self._first[1] != header:
            raise DataError(f"{name} has other columns than {self._first[0]}: cut each by a command of its own")

    def _delimiter(self, first: str, name: str) -> str:
        """Find what divides the fields of a header."""
        try:
            headers = {each: next(csv.reader([first], delimiter=each)) for each in _DELIMITERS}
        except csv.Error as error:
            raise DataError(f"{name}, line 1: no header of a table: {error}") from None
        for each, header in headers.items():
            if self._column in header:
                return each
        listed = ", ".join(map(one_line, max(headers.values(), key=len)[:20]))
        raise DataError(f"{name}, line 1: no column {self._column} (--column): there are {listed}")

    def _csv_records(self, reader: Any, header: list[str], name: str) -> Iterator[_Record]:
        at = header.index(self._column)
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise DataError(f"{name}, line {reader.line_num}: no row of CSV: {error}: correct it") from None
            if fields is None:
                return
            if fields and len(fields) != len(header):
                counts = f"{len(fields)} fields, and the header has {len(header)}"
                raise DataError(f"{name}, line {reader.line_num}: {counts}: quote fields with {_DELIMITERS!r} in them")
            yield _Record(fields, fields[at] if fields else None)

    def _json_records(self, lines: _Lines, name: str) -> Iterator[_Record]:
        found = False
        for line in lines:
            if not line.strip():
                yield _Record(None, None)
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{name}, line {lines.number}: no JSON: {one_line(error)}: correct it") from None
            if not isinstance(record, dict):
                raise DataError(f"{name}, line {lines.number}: no object: --column needs one object a line")
            text = record.get(self._column)
            found = found or self._column in record
            if text is not None and not isinstance(text, str):
                kind = f"{self._column} is {one_line(json.dumps(text), 30)}"
                raise DataError(f"{name}, line {lines.number}: {kind}, no string: name another --column")
            yield _Record(record, text)
        if not found:
            raise DataError(f"{name}: no object has a field {self._column} (--column)")

    def _written(self, records: list[_Record], write: Callable[[_Record, CutLine | None], str]) -> bytes:
        """Cut records, and write them."""
        cuts = self._cutter.cut_lines([each.text for each in records if each.text is not None])
        rows = [write(each, None if each.text is None else next(cuts)[0]) for each in records]
        return "".join(rows).encode("utf-8", "surrogatepass")

    def _write_json(self, record: _Record, cut: CutLine | None) -> str:
        if record.fields is None:
            return "\n"
        return json_line(record.fields if cut is None else self._with_words(record.fields, cut))

    def _write_csv(self, record: _Record, cut: CutLine | None, header: list[str], delimiter: str) -> str:
        if cut is None:
            return "\n" if self._form.name == "text" else ""
        if self._form.name == "jsonl":
            return json_line(self._with_words(dict(zip(header, record.fields, strict=True)), cut))
        at = header.index(self._column)
        fields = [*record.fields[:at], self._form.separator.join(cut.words), *record.fields[at + 1 :]]
        return _csv_row(fields, delimiter)

    def _with_words(self, record: dict[str, Any], cut: CutLine) -> dict[str, Any]:
        """Put words into the field of a record."""
        if self._form.name == "text":
            return record | {self._column: self._form.separator.join(cut.words)}
        added = cut.to_dict(self._column, self._form.unit)
        taken = (added.keys() - {self._column}) & record.keys()
        if taken:
            raise DataError(f"the records have a field {min(taken)} already: leave out --offsets, or rename it")
        return record | added


def _csv_row(fields: list[str], delimiter: str) -> str:
    out = io.StringIO()
    # only fields with a character of this line end are quoted for it
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(fields)
    return out.getvalue().removesuffix("\r\n") + "\n"


def _groups(records: Iterator[_Record], lines: _Lines) -> Iterator[list[list[_Record]]]:
    """Group records for threads; a list of groups is of records that are there without waiting for more."""
    groups: list[list[_Record]] = [[]]
    size = total = 0
    for record in records:
        if size > GROUPED:
            groups.append([])
            size = 0
        groups[-1].append(record)
        size += len(record.text or "") + 1
        total += len(record.text or "") + 1
        if not lines.left or total > 64 * GROUPED:
            yield groups
            groups, size, total = [[]], 0, 0
    if groups[0]:
        yield groups
