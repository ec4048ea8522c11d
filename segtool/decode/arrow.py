"""Columns of text as Arrow arrays: cut without a Python object for each text or word (extra ``arrow``).

Arrays come through the interface of Arrow (`__arrow_c_array__`, `__arrow_c_stream__`), so those of any library that has
it are read where they are. The texts of a few hundred kilobytes are joined by line ends, which no word crosses, and cut
at once; their words are copied side by side into the values of a list array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segtool.arguments import check_unit
from segtool.decode.block import INDEX
from segtool.decode.places import place_in_texts
from segtool.errors import ArgumentError, DataError, needs_extra, one_line
from segtool.runtime.arrays import Bytes, Integers
from segtool.runtime.kernels import kernel
from segtool.runtime.workers import checked_workers, in_order

if TYPE_CHECKING:
    from segtool.decode.texts import TextCutter

__all__ = ["cut_array", "join_texts", "pack_words", "spans_of_array"]

_GROUP_BYTES = 1 << 18
"""Bytes of the texts that a thread takes at a time."""


class _Part(NamedTuple):
    """What is found in some rows: the number of words of each, their places, and perhaps the words side by side."""

    counts: Integers
    places: npt.NDArray[Any]
    words: Bytes


def cut_array(cutter: TextCutter, array: Any, workers: int = 1) -> Any:
    """Cut the texts of an array; see :meth:`segtool.segmenter.Segmenter.cut_arrow`."""

    def cut(data: Bytes, bounds: Integers) -> _Part:
        spans = _byte_spans(cutter, data)
        counts, ends = (np.empty(len(bounds) - 1, np.int64), np.empty(len(spans) >> 1, np.int64))
        words = np.empty(len(data), np.uint8)
        size = pack_words(data, bounds, spans, counts, ends, words)
        return _Part(counts, _packed(ends), words[:size])

    def build(pa: Any, parts: Iterator[_Part], size: int, kind: Any) -> Any:
        words, at, found = np.empty(size, np.uint8), 0, []
        for part in parts:  # copied at once, so that the next one takes the same memory
            words[at : at + len(part.words)] = part.words
            found.append((at, part.places))
            at += len(part.words)
        ends, n = np.zeros(1 + sum(len(places) for _, places in found), kind), 1
        for before, places in found:
            np.add(places, before, out=ends[n : n + len(places)], casting="unsafe")
            n += len(places)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(words[:at])]
        return pa.Array.from_buffers(pa.string() if kind is np.int32 else pa.large_string(), len(ends) - 1, buffers)

    return _worked(array, "cut_arrow()", cut, build, workers)


def spans_of_array(cutter: TextCutter, array: Any, unit: str = "character", workers: int = 1) -> Any:
    """Find the places of the words of an array; see :meth:`segtool.segmenter.Segmenter.spans_arrow`."""
    check_unit(unit, "spans_arrow()")

    def place(data: Bytes, bounds: Integers) -> _Part:
        spans, counts = _byte_spans(cutter, data), np.empty(len(bounds) - 1, np.int64)
        place_in_texts(data, bounds, unit == "character", spans, counts)
        return _Part(counts, _packed(spans), data[:0])

    def build(pa: Any, parts: Iterator[_Part], size: int, kind: Any) -> Any:
        places = [part.places for part in parts]
        columns = ([each[i::2] for each in places] for i in range(2))
        arrays = [pa.array(np.concatenate(column, dtype=kind, casting="unsafe")) for column in columns]
        return pa.StructArray.from_arrays(arrays, ["start", "end"])

    return _worked(array, "spans_arrow()", place, build, workers)


def _packed(places: Integers) -> npt.NDArray[Any]:
    """A copy of places, in half the memory if that holds the last one."""
    return places.astype(np.int64 if len(places) and places[-1] >= 1 << 31 else np.int32)


def _byte_spans(cutter: TextCutter, data: Bytes) -> Integers:
    return cutter.byte_spans(data.tobytes() if cutter.literals is not None else data)


def _worked(
    array: Any,
    call: str,
    work: Callable[[Bytes, Integers], _Part],
    build: Callable[[Any, Iterator[_Part], int, Any], Any],
    workers: int,
) -> Any:
    """Work on groups of the texts of an array, and build the array of the results."""
    with needs_extra("arrow"):
        import pyarrow as pa
    workers = checked_workers(workers)
    given = _imported(pa, array, call)
    is_chunked = isinstance(given, pa.ChunkedArray)
    chunks = (given.chunks or [pa.array([], given.type)]) if is_chunked else [given]
    chunks = [_of_strings(pa, each, call) for each in chunks]
    groups = [list(_row_groups(each)) for each in chunks]
    tasks = (rows for each in groups for rows in each)
    found = in_order(lambda rows: work(*_joined_texts(pa, rows, call)), tasks, workers)
    made = []
    for chunk, rows in zip(chunks, groups, strict=True):
        wide = bool(pa.types.is_large_string(chunk.type))
        number: Any = np.int64 if wide else np.int32
        parts = (next(found) for _ in rows) if rows else iter([work(np.empty(0, np.uint8), np.zeros(1, np.int64))])
        counts: list[Integers] = []
        values = build(pa, _noting_counts(parts, counts), _content_size(chunk), number)
        ends = np.zeros(len(chunk) + 1, number)
        np.cumsum(np.concatenate(counts), out=ends[1:])
        kind = (pa.large_list if wide else pa.list_)(values.type)
        valid = None
        if chunk.null_count:
            valid = pa.py_buffer(np.packbits(chunk.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
        buffers = [valid, pa.py_buffer(ends)]
        made.append(pa.Array.from_buffers(kind, len(chunk), buffers, chunk.null_count, children=[values]))
    return pa.chunked_array(made) if is_chunked else made[0]


def _noting_counts(parts: Iterator[_Part], counts: list[Integers]) -> Iterator[_Part]:
    for part in parts:
        counts.append(part.counts)
        yield part


def _imported(pa: Any, array: Any, call: str) -> Any:
    """Import an array of any library."""
    if isinstance(array, pa.Array | pa.ChunkedArray):
        return array
    if isinstance(array, str | bytes):
        raise ArgumentError(f"{call}: one {type(array).__name__} is no array: pass a column of texts")
    try:
        if hasattr(array, "__arrow_c_stream__") and not hasattr(array, "__arrow_c_array__"):
            return pa.chunked_array(array)
        return pa.array(array, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError) as error:
        fault = f"{type(array).__name__} is no array of strings: {one_line(error)}"
        raise ArgumentError(f"{call}: {fault}: pass one column of texts") from None


def _string_type(pa: Any, kind: Any, call: str) -> Any:
    """The type, of string and large_string, that an array of another type of strings is cast to."""
    if pa.types.is_dictionary(kind):
        return _string_type(pa, kind.value_type, call)
    if pa.types.is_string(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return pa.large_string()
    if pa.types.is_struct(kind):
        names = ", ".join(kind.field(i).name for i in range(kind.num_fields))
        raise ArgumentError(f"{call}: a table is no array: pass one of its columns: {one_line(names, 60)}")
    raise ArgumentError(f"{call}: an array of {kind} is no array of strings: pass another column, or cast it to string")


def _of_strings(pa: Any, chunk: Any, call: str) -> Any:
    wanted = _string_type(pa, chunk.type, call)
    if chunk.type == wanted:
        return _checked_rows(pa, chunk, call, full=False)  # the rest when threads come to it
    return _checked_rows(pa, chunk, call, full=True).cast(wanted)


def _checked_rows(pa: Any, rows: Any, call: str, full: bool) -> Any:
    """Check what kernels trust: where texts begin and, if `full`, that all do and are UTF-8."""
    try:
        rows.validate(full=full)
    except pa.ArrowInvalid as error:
        raise DataError(f"{call}: the array is damaged: {one_line(error)}: make it anew") from None
    return rows


def _row_groups(chunk: Any) -> Iterator[Any]:
    """Divide an array into slices of so many bytes or, if rows are long, of a row."""
    if len(chunk):
        offsets = _offsets(chunk)
        cuts = np.searchsorted(offsets, np.arange(offsets[0], offsets[-1], _GROUP_BYTES)[1:])
        cuts = np.unique([0, *cuts.tolist(), len(chunk)])
        for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            yield chunk.slice(low, high - low)


def _offsets(rows: Any) -> npt.NDArray[Any]:
    """Where the texts of rows begin in the data, and the last one ends."""
    kind = np.dtype(np.int64 if str(rows.type) == "large_string" else np.int32)
    return np.frombuffer(rows.buffers()[1], kind, len(rows) + 1, rows.offset * kind.itemsize)


def _content_size(chunk: Any) -> int:
    """Bytes of all texts of an array."""
    offsets = _offsets(chunk) if len(chunk) else (0,)
    return int(offsets[-1]) - int(offsets[0])


def _joined_texts(pa: Any, rows: Any, call: str) -> tuple[Bytes, Integers]:
    """Join texts by line ends; give the data and where each text begins."""
    offsets = _offsets(_checked_rows(pa, rows, call, full=True)).astype(np.int64)
    sizes = np.diff(offsets)
    if rows.null_count:
        sizes[rows.is_null().to_numpy(zero_copy_only=False)] = 0
    bounds = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes + 1, out=bounds[1:])
    data = np.empty(bounds[-1], np.uint8)
    content = rows.buffers()[2]
    join_texts(np.empty(0, np.uint8) if content is None else np.frombuffer(content, np.uint8), offsets, bounds, data)
    return data, bounds


@kernel("void(u1[const], i8, i8, u1[], i8)")
def _copy(data, low, size, out, at):  # type: ignore[no-untyped-def]
    """Copy bytes from a place to a place; what is behind them in the output, up to seven bytes, is overwritten too."""
    whole = min(size + 7, len(data) - low, len(out) - at) & -8
    for m in range(0, whole, 8):
        low_m, at_m = low + m & INDEX, at + m & INDEX
        eight = (
            np.int64(data[low_m])
            | np.int64(data[low_m + 1]) << 8
            | np.int64(data[low_m + 2]) << 16
            | np.int64(data[low_m + 3]) << 24
            | np.int64(data[low_m + 4]) << 32
            | np.int64(data[low_m + 5]) << 40
            | np.int64(data[low_m + 6]) << 48
            | np.int64(data[low_m + 7]) << 56
        )
        for k in range(8):
            out[at_m + k] = eight >> 8 * k & 255
    for m in range(whole, size):
        out[at + m] = data[low + m]


@kernel("void(u1[const], i8[const], i8[const], u1[])")
def join_texts(data, starts, bounds, joined):  # type: ignore[no-untyped-def]
    """Join texts, a line end behind each.

    Parameters
    ----------
    data : uint8[n]
    starts : int64[texts or more]
        Where each text begins in the data.
    bounds : int64[texts + 1]
        Where each begins in the output; last, the size of the output.
    joined : uint8[m], written
    """
    for i in range(len(bounds) - 1):
        end = bounds[i + 1] - 1
        _copy(data, starts[i], end - bounds[i], joined, bounds[i])
        joined[end] = 10


@kernel("i8(u1[const], i8[const], i8[const], i8[], i8[], u1[])")
def pack_words(data, bounds, spans, counts, ends, words):  # type: ignore[no-untyped-def]
    """Copy words side by side.

    Parameters
    ----------
    data, bounds
        Texts as from :func:`join_texts`.
    spans : int64[2 * words]
        Start and end of each word, in bytes of the data.
    counts : int64[texts], written
        Number of words of each text.
    ends : int64[words], written
        Where each word ends in the output.
    words : uint8[n], written

    Returns
    -------
    int
        Bytes of the output.
    """
    n = size = 0
    for i in range(len(counts)):
        begun = n
        while n < len(ends) and spans[2 * n] < bounds[i + 1]:
            low = high = spans[2 * n]
            while n < len(ends) and spans[2 * n] == high:
                high = spans[2 * n + 1]
                ends[n] = size + high - low
                n += 1
            _copy(data, low, high - low, words, size)
            size += high - low
        counts[i] = n - begun
    return size
