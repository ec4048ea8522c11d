"""Compressed blocks of n-grams and of runs, in files with an index.

A block holds columns, each compressed by zlib. For n-grams these are the number of children of each parent, the low and
the high bytes of the last symbols, and the counts; numbers are varints (seven bits a byte, the lowest first). Symbols
of n-grams hardly repeat, so zlib looks for runs of one byte only and leaves the rest to Huffman coding: this is twice
as fast as zlib's level 1, and smaller. Reading checks the content: it is n-grams of the alphabet, or an error.

``NAME.bin`` holds the blocks, ``NAME_index.npy`` a record for each, in a directory with a card
(:mod:`segtool.store.cards`). The file is read and not mapped, because mapped pages count as memory. Every block has its
own checksum, so that a few blocks can be read without the others.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from segtool.errors import ModelError
from segtool.ngrams.table import Level, fan_out
from segtool.runtime.arrays import Bytes, Ids, Integers
from segtool.runtime.kernels import kernel
from segtool.store.cards import CardFormat, write_array
from segtool.store.model_checks import MOST_COUNT
from segtool.text.runs import LONGEST_RUN

__all__ = [
    "BLOCK_RECORD",
    "UNPACKED_BYTES",
    "BlockReader",
    "BlockWriter",
    "DamagedBlock",
    "LargeBlock",
    "pack_levels",
    "pack_numbers",
    "pack_stream",
    "unpack_levels",
    "unpack_numbers",
    "unpack_stream",
]

BLOCK_RECORD = np.dtype([("end", "<i8"), ("offset", "<i8"), ("bytes", "<i8"), ("crc32", "<u4")])
"""End of the content of a block; its place in the file, in bytes, its size and its checksum."""

Content = TypeVar("Content")

ANY = 1 << 62
"""As a limit: none."""

_LONGEST_VARINT = 10
"""Bytes of the longest varint of 64 bits."""


MOST_POSITIONS = 1 << 24
"""Positions of a block of runs, at most; writers make some hundred thousand."""

UNPACKED_BYTES = 40
"""Of memory for an n-gram of a block."""


class DamagedBlock(ValueError):
    """The content of a block is not as expected."""


class LargeBlock(ValueError):
    """The content of a block does not fit into memory."""


def pack_levels(levels: Sequence[Level], low: int, high: int) -> bytes:
    """Compress n-grams that begin with a range of shorter ones; the same n-grams give the same bytes.

    Each level is one symbol longer than the one before. Parents in the first lie from `low` to before `high`, those in
    the others are places in the level before.
    """
    offset, parents = low, high - low
    fans = []
    for level in levels:
        fans.append(fan_out(level, offset, parents))
        offset, parents = 0, len(level)
    symbol = np.concatenate([np.zeros(0, np.uint16), *(level.symbol for level in levels)]).astype("<u2").view(np.uint8)
    columns = [
        _varints(fans),
        np.ascontiguousarray(symbol[0::2]),
        np.ascontiguousarray(symbol[1::2]),
        _varints([level.count for level in levels]),
    ]
    return struct.pack(f"<{len(levels)}Q", *map(len, levels)) + _pack(columns, zlib.Z_RLE)


def unpack_levels(data: bytes, low: int, high: int, lengths: int, alphabet: int, most: int = ANY) -> tuple[Level, ...]:
    """Decompress so many levels of n-grams.

    Raises
    ------
    DamagedBlock
        If they are not of this range and alphabet.
    LargeBlock
        If there are more than `most`, before they are decompressed.
    """
    header = 8 * lengths
    if len(data) < header:
        raise DamagedBlock("it ends early")
    sizes = struct.unpack(f"<{lengths}Q", data[:header])
    found = sum(sizes)
    parents = high - low + sum(sizes[:-1]) if lengths else 0
    one_each = (found, found)
    bounds = [_of_varints(parents), one_each, one_each, _of_varints(found)]
    columns = _unpack(data[header:], 4, bounds, found + parents, most)
    packed_fans, low_bytes, high_bytes, packed_counts = columns
    symbol = np.empty(2 * len(low_bytes), np.uint8)
    symbol[0::2], symbol[1::2] = low_bytes, high_bytes
    symbols = symbol.view("<u2").astype(np.uint16, copy=False)
    fans = _from_varints(packed_fans, parents)
    counts = _from_varints(packed_counts, found)
    levels = []
    begin, fan_begin, offset, parents = 0, 0, low, high - low
    for size in sizes:
        part = slice(begin, begin + size)
        parent = np.empty(size, np.int32)
        fan = fans[fan_begin : fan_begin + parents]
        if not _lay_out(fan, symbols[part], counts[part], alphabet, offset, parent):
            raise DamagedBlock("it holds no n-grams of this alphabet")
        levels.append(Level(symbols[part], parent, counts[part]))
        begin, fan_begin, offset, parents = begin + size, fan_begin + parents, 0, size
    return tuple(levels)


def pack_numbers(numbers: Integers) -> bytes:
    """Compress numbers that are not negative."""
    return _pack([_varints([numbers])], zlib.Z_RLE)


def unpack_numbers(data: bytes, length: int, most: int = ANY) -> Integers:
    """Decompress so many numbers, or raise DamagedBlock, or LargeBlock for more than `most`."""
    return _from_varints(_unpack(data, 1, [_of_varints(length)], length, most)[0], length)


def pack_stream(stream: Ids) -> bytes:
    """Compress a stream of symbol ids, which has more repeats than n-grams have."""
    return _pack([stream.astype("<u2").view(np.uint8)], zlib.Z_DEFAULT_STRATEGY)


def unpack_stream(data: bytes, length: int, alphabet: int, longest: int = LONGEST_RUN) -> Ids:
    """Decompress a stream of symbol ids; DamagedBlock if its length, its ids or its ends are not as expected.

    `longest` limits its runs, because working memory is made for the longest.
    """
    if not 0 < length <= MOST_POSITIONS:
        raise DamagedBlock("it has another length")
    (column,) = _unpack(data, 1, [(2 * length, 2 * length)])
    stream = column.view("<u2").astype(np.uint16, copy=False)
    if stream[0] or stream[-1]:
        raise DamagedBlock("it holds no runs")
    if not _are_runs(stream, alphabet, longest):
        raise DamagedBlock("it holds other symbols, or longer runs, than the card says")
    return stream


def _varints(parts: Sequence[Integers]) -> Bytes:
    """Varints of the numbers of all parts."""
    numbers = np.concatenate([np.zeros(0, np.int64), *parts])
    longest = -(-int(numbers.max(initial=1)).bit_length() // 7)
    out = np.empty(longest * len(numbers), np.uint8)
    return out[: _write_varints(numbers, out)]


def _of_varints(length: int) -> tuple[int, int]:
    """Least and greatest bytes of a column of so many varints."""
    return length, _LONGEST_VARINT * length


def _from_varints(varints: Bytes, length: int) -> Integers:
    if not length <= len(varints) <= _LONGEST_VARINT * length:
        raise DamagedBlock("a column has another length")
    out = np.empty(length, np.int64)
    if _read_varints(varints, out) != len(varints):
        raise DamagedBlock("it holds invalid numbers")
    return out


def _pack(columns: Sequence[Bytes], strategy: int) -> bytes:
    packed = []
    for column in columns:
        deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        packed.append(deflate.compress(column) + deflate.flush())
    sizes = [size for column, part in zip(columns, packed, strict=True) for size in (len(column), len(part))]
    return b"".join([struct.pack(f"<{len(sizes)}Q", *sizes), *packed])


def _unpack(
    data: bytes, columns: int, bounds: Sequence[tuple[int, int]] = (), numbers: int = 0, most: int = ANY
) -> list[Bytes]:
    """Decompress columns.

    `bounds` are the least and the greatest size of each, in bytes. LargeBlock if there are more than `most` numbers.
    """
    header = 16 * columns
    if len(data) < header:
        raise DamagedBlock("it ends early")
    sizes = struct.unpack(f"<{2 * columns}Q", data[:header])
    if header + sum(sizes[1::2]) != len(data):
        raise DamagedBlock("its columns have another length")
    if not all(low <= size <= high for size, (low, high) in zip(sizes[0::2], bounds, strict=False)):
        raise DamagedBlock("a column has another length")
    if numbers > most:
        raise LargeBlock(f"holds {numbers:,} n-grams, which need {numbers * UNPACKED_BYTES >> 20:,}M of memory")
    found = []
    at = header
    for size, packed in zip(sizes[0::2], sizes[1::2], strict=True):
        inflate = zlib.decompressobj()
        try:
            # one byte more than expected, so that a longer column is noticed but not inflated
            column = inflate.decompress(memoryview(data)[at : at + packed], min(size, ANY) + 1)
        except zlib.error as error:
            raise DamagedBlock(f"it cannot be inflated: {error}") from None
        if len(column) != size or not inflate.eof or inflate.unused_data:
            raise DamagedBlock("a column has another length")
        found.append(np.frombuffer(column, np.uint8))
        at += packed
    return found


class BlockWriter:
    """Appends blocks to the file ``NAME.bin`` and keeps their index; `end` is the end of the content of the last block.

    Every method raises :class:`OSError` if the disk fails or is full.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._file = open(folder / f"{name}.bin", "wb")  # noqa: SIM115
        self._rows: list[tuple[int, int, int, int]] = []
        self._size = self._crc32 = self.end = 0

    def add(self, data: bytes, end: int) -> None:
        """Append a block."""
        self._file.write(data)
        self._rows.append((end, self._size, len(data), zlib.crc32(data)))
        self._crc32 = zlib.crc32(data, self._crc32)
        self._size += len(data)
        self.end = end

    def finish(self) -> dict[str, dict[str, Any]]:
        """Write the index; return the entries of the card for both files."""
        self.close()
        entry = {"bytes": self._size, "crc32": f"{self._crc32:08x}"}
        index = write_array(self._folder, f"{self._name}_index", np.array(self._rows, BLOCK_RECORD))
        return {f"{self._name}.bin": entry} | index

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class BlockReader:
    """Reads blocks of a file by their index; `ends` has the end of the content of each.

    Several threads may read at a time. A file that is missing or an index that is damaged raises ModelError.
    """

    def __init__(self, form: CardFormat, folder: Path, name: str, card: dict[str, Any]) -> None:
        self._form = form
        self._file = form.find_file(folder, f"{name}.bin", card, verify=False)
        self._index = np.array(form.open_array(folder, f"{name}_index", card, BLOCK_RECORD))
        self.ends = self._index["end"].astype(np.int64)
        sizes = self._index["bytes"]
        offsets = np.cumsum(sizes) - sizes
        whole = int(sizes.sum()) == card["arrays"][f"{name}.bin"]["bytes"] and bool(np.all(sizes >= 0))
        if not whole or np.any(offsets != self._index["offset"]) or np.any(np.diff(self.ends, prepend=0) < 0):
            raise self.damaged("its index")

    def read(self, i: int, unpack: Callable[[bytes], Content]) -> Content:
        """Read block `i`; `unpack` makes the content from the bytes, or raises :class:`DamagedBlock`.

        Raises
        ------
        ModelError
            If the block is damaged, cannot be read or is too large (:class:`LargeBlock`).
        """
        _, offset, size, crc32 = self._index[i].tolist()
        try:
            with open(self._file, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        except OSError as error:
            raise self._form.unreadable(self._file, error) from None
        if len(data) != size or zlib.crc32(data) != crc32:
            raise self.damaged(f"block {i}: wrong checksum")
        try:
            return unpack(data)
        except DamagedBlock as error:
            raise self.damaged(f"block {i}: {error}") from None
        except LargeBlock as error:
            raise ModelError(f"{self._file}: block {i} {error}: give that much with --memory") from None

    def damaged(self, what: str) -> ModelError:
        """Error of a damaged file; `what` is the damaged part."""
        return ModelError(f"{self._file}: damaged ({what}): {self._form.fix}")


@kernel("i8(i8[const], u1[])")
def _write_varints(numbers, out):  # type: ignore[no-untyped-def]
    """Write numbers that are not negative, seven bits a byte; returns the number of bytes."""
    used = 0
    for i in range(len(numbers)):
        rest = numbers[i]
        while rest >= 128:
            out[used] = rest & 127 | 128
            used += 1
            rest >>= 7
        out[used] = rest
        used += 1
    return used


@kernel("i8(u1[const], i8[])")
def _read_varints(data, numbers):  # type: ignore[no-untyped-def]
    """Fill `numbers`; returns the number of bytes read, or -1 if a number is invalid or does not end."""
    at = 0
    for i in range(len(numbers)):
        value = 0
        shift = 0
        while at < len(data) and data[at] >= 128 and shift < 56:
            value |= (data[at] & 127) << shift
            shift += 7
            at += 1
        if at >= len(data) or data[at] >= 128:
            return -1
        numbers[i] = value | data[at] << shift
        at += 1
    return at


@kernel("b1(u2[const], i8, i8)")
def _are_runs(stream, alphabet, longest):  # type: ignore[no-untyped-def]
    """Return whether all symbols are below `alphabet`, and all runs between boundaries have 1 to `longest` of them."""
    length = 1
    for symbol in stream:
        if symbol == 0:
            if length == 0:
                return False
            length = 0
        else:
            length += 1
            if symbol >= alphabet or length > longest:
                return False
    return True


@kernel("b1(i8[const], u2[const], i8[const], i8, i8, i4[])")
def _lay_out(fans, symbol, count, alphabet, offset, parent):  # type: ignore[no-untyped-def]
    """Write parents; returns whether symbols are complete, valid and ascending, and counts positive and in range."""
    used = 0
    for i in range(len(fans)):
        if fans[i] > len(symbol) - used:
            return False
        before = -1
        for _ in range(fans[i]):
            if symbol[used] <= before or symbol[used] >= alphabet or not 1 <= count[used] <= MOST_COUNT:
                return False
            before = symbol[used]
            parent[used] = i + offset
            used += 1
    return used == len(symbol)
