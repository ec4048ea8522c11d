"""Compressed blocks of counts and of runs.

A block holds columns, each deflated on its own by zlib: of n-grams the number of children of each parent, the low and
the high bytes of the last symbols, and the counts; numbers are varints (seven bits a byte, the lowest first). Symbols
of n-grams hardly repeat, so that zlib looks for no more than runs and leaves the rest to Huffman's code: twice as
fast as its level 1, and smaller. What comes out of a block is checked: it is counts of an alphabet, or an error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from segtool.ngrams.table import Level, fan_out
from segtool.runtime.arrays import Bytes, Ids, Integers
from segtool.runtime.kernels import kernel

__all__ = [
    "DamagedBlock",
    "pack_levels",
    "pack_numbers",
    "pack_stream",
    "unpack_levels",
    "unpack_numbers",
    "unpack_stream",
]

_LONGEST_VARINT = 10
"""Bytes of the longest varint of 64 bits."""


class DamagedBlock(ValueError):
    """A block that does not hold what it should."""


def pack_levels(levels: Sequence[Level], low: int, high: int) -> bytes:
    """Compress n-grams that begin with a range of shorter ones.

    Parameters
    ----------
    levels : sequence of Level
        Each one symbol longer than the one before. Parents in the first lie from `low` to before `high`, those in the
        others are places in the level before.
    low, high : int

    Returns
    -------
    bytes
        The same for the same n-grams.
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


def unpack_levels(data: bytes, low: int, high: int, lengths: int, alphabet: int) -> tuple[Level, ...]:
    """Take n-grams out of a block.

    Parameters
    ----------
    data : bytes
        From :func:`pack_levels`.
    low, high : int
        As they were there.
    lengths : int
        Number of levels.
    alphabet : int
        Number of symbols.

    Returns
    -------
    tuple of Level

    Raises
    ------
    DamagedBlock
        If it does not hold n-grams of this range and alphabet.
    """
    header = 8 * lengths
    if len(data) < header:
        raise DamagedBlock("it ends early")
    sizes = struct.unpack(f"<{lengths}Q", data[:header])
    packed_fans, low_bytes, high_bytes, packed_counts = _unpack(data[header:], 4)
    if not sum(sizes) == len(low_bytes) == len(high_bytes):
        raise DamagedBlock("its columns differ in length")
    symbol = np.empty(2 * len(low_bytes), np.uint8)
    symbol[0::2], symbol[1::2] = low_bytes, high_bytes
    symbols = symbol.view("<u2").astype(np.uint16, copy=False)
    fans = _from_varints(packed_fans, high - low + sum(sizes[:-1]) if lengths else 0)
    counts = _from_varints(packed_counts, sum(sizes))
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


def unpack_numbers(data: bytes, length: int) -> Integers:
    """Take numbers out of a block.

    Raises
    ------
    DamagedBlock
        If they are not as many as stated.
    """
    return _from_varints(_unpack(data, 1)[0], length)


def pack_stream(stream: Ids) -> bytes:
    """Compress a stream of symbol ids, which repeats itself more than a trie does."""
    return _pack([stream.astype("<u2").view(np.uint8)], zlib.Z_DEFAULT_STRATEGY)


def unpack_stream(data: bytes, length: int, alphabet: int) -> Ids:
    """Take a stream of symbol ids out of a block.

    Raises
    ------
    DamagedBlock
        If it has another length, other ids, or no boundary at one of its ends.
    """
    (column,) = _unpack(data, 1)
    if len(column) != 2 * length:
        raise DamagedBlock("it has another length")
    stream = column.view("<u2").astype(np.uint16, copy=False)
    if length == 0 or stream[0] or stream[-1] or stream.max() >= alphabet:
        raise DamagedBlock("it holds no runs of this alphabet")
    return stream


def _varints(parts: Sequence[Integers]) -> Bytes:
    """Varints of the numbers of all parts, one behind the other."""
    numbers = np.concatenate([np.zeros(0, np.int64), *parts])
    longest = -(-int(numbers.max(initial=1)).bit_length() // 7)
    out = np.empty(longest * len(numbers), np.uint8)
    return out[: _write_varints(numbers, out)]


def _from_varints(varints: Bytes, length: int) -> Integers:
    if not length <= len(varints) <= _LONGEST_VARINT * length:
        raise DamagedBlock("a column has another length")
    out = np.empty(length, np.int64)
    if _read_varints(varints, out) != len(varints):
        raise DamagedBlock("it holds numbers that are none")
    return out


def _pack(columns: Sequence[Bytes], strategy: int) -> bytes:
    packed = []
    for column in columns:
        deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        packed.append(deflate.compress(column) + deflate.flush())
    sizes = [size for column, part in zip(columns, packed, strict=True) for size in (len(column), len(part))]
    return b"".join([struct.pack(f"<{len(sizes)}Q", *sizes), *packed])


def _unpack(data: bytes, columns: int) -> list[Bytes]:
    header = 16 * columns
    if len(data) < header:
        raise DamagedBlock("it ends early")
    sizes = struct.unpack(f"<{2 * columns}Q", data[:header])
    if header + sum(sizes[1::2]) != len(data):
        raise DamagedBlock("its columns have another length")
    found = []
    at = header
    for size, packed in zip(sizes[0::2], sizes[1::2], strict=True):
        inflate = zlib.decompressobj()
        try:
            # one byte more than there should be, so that too many are seen, and no more than these are made
            column = inflate.decompress(memoryview(data)[at : at + packed], min(size, 1 << 62) + 1)
        except zlib.error as error:
            raise DamagedBlock(f"it cannot be inflated: {error}") from None
        if len(column) != size or not inflate.eof or inflate.unused_data:
            raise DamagedBlock("a column has another length")
        found.append(np.frombuffer(column, np.uint8))
        at += packed
    return found


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
    """Read as many numbers as there is room for; returns the bytes read, or -1 if one is none or does not end."""
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


@kernel("b1(i8[const], u2[const], i8[const], i8, i8, i4[])")
def _lay_out(fans, symbol, count, alphabet, offset, parent):  # type: ignore[no-untyped-def]
    """Write the parent of each n-gram; tells whether they are all there, of the alphabet, ascending and counted."""
    used = 0
    for i in range(len(fans)):
        if fans[i] > len(symbol) - used:
            return False
        before = -1
        for _ in range(fans[i]):
            if symbol[used] <= before or symbol[used] >= alphabet or count[used] < 1:
                return False
            before = symbol[used]
            parent[used] = i + offset
            used += 1
    return used == len(symbol)
