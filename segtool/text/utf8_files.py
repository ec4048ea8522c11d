"""Files read as UTF-8, whatever their encoding: bytes of UTF-8 are only checked."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np

from segtool.runtime.kernels import kernel
from segtool.text.content import text_pieces
from segtool.text.encodings import decode_pieces, find_codec, undecodable
from segtool.text.sources import Source
from segtool.text.unpacked import UnpackedFile

__all__ = ["end_of_utf8", "read_utf8"]

_COMPILED_BYTES = 1 << 16
"""Pieces from this size on are checked by compiled code; for less, loading it would take longer."""

_STEP = 128
"""Bytes that are checked together."""


def read_utf8(
    source: Source,
    *,
    encoding: str = "utf-8",
    progress: Callable[[int], object] | None = None,
    as_is: bool = False,
) -> Iterator[bytes]:
    """Read a source as it comes, without waiting for the end of a line.

    Parameters
    ----------
    source, encoding, progress
        As for :func:`segtool.text.sources.read_pieces`.
    as_is : bool
        Whether a byte order mark of UTF-8 and the line ends of old Macs are kept.

    Yields
    ------
    bytes
        Text as UTF-8, whole characters.

    Raises
    ------
    UsageError, EncodingError, InputError
        As there.
    """
    codec, _ = find_codec(encoding)
    with closing(UnpackedFile(source.path, source.name, progress)) as file:
        pieces = text_pieces(file, source.name, codec, as_is)
        if codec == "utf-8":
            yield from _whole_characters(pieces, source.name, as_is)
        else:
            for text in decode_pieces(pieces, source.name, codec):
                yield text.encode("utf-8", "surrogatepass")


def _whole_characters(pieces: Iterable[bytes], name: str, as_is: bool = False) -> Iterator[bytes]:
    """Check that bytes are UTF-8, drop a byte order mark, leave half a character for the next piece."""
    held, offset, line, begun = b"", 0, 1, False
    for piece in pieces:
        data = held + piece
        if not begun:
            if len(data) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(data):
                held = data
                continue
            begun = True
            if data.startswith(codecs.BOM_UTF8):
                offset = len(codecs.BOM_UTF8)
                data = data[offset:]
                if as_is:
                    yield codecs.BOM_UTF8
        end, lines = _settled(data)
        if end < 0:
            raise undecodable(data, name, line, offset, "utf-8")
        whole, held = data[:end], data[end:]
        yield whole
        offset += len(whole)
        line += lines
    if held:
        raise undecodable(held, name, line, offset, "utf-8")


def _settled(data: bytes) -> tuple[int, int]:
    """Find where the last whole character of UTF-8 ends, and count the line ends; -1 and 0 for what is no UTF-8."""
    begin = lines = 0
    if len(data) >= _COMPILED_BYTES:
        array = np.frombuffer(data, np.uint8)
        begin = end_of_utf8(array)
        if begin < 0:
            return -1, 0
        lines = int(np.count_nonzero(array[:begin] == ord("\n")))  # faster than count()
    try:
        _, end = codecs.utf_8_decode(data[begin:], "strict", False)
    except UnicodeDecodeError:
        return -1, 0
    return begin + end, lines + data.count(b"\n", begin, begin + end)


@kernel("b1(u1, u1, u1, u1)")
def _is_wrong(byte, last, second_last, third_last):  # type: ignore[no-untyped-def]
    """Whether a byte cannot be in UTF-8 behind three others; without a branch."""
    is_needed = (last >= 0xC0) | (second_last >= 0xE0) | (third_last >= 0xF0)
    is_inner = (byte >= 0x80) & (byte < 0xC0)
    never = (byte == 0xC0) | (byte == 0xC1) | (byte > 0xF4)
    too_long = ((last == 0xE0) & (byte < 0xA0)) | ((last == 0xF0) & (byte < 0x90))
    surrogate = (last == 0xED) & (byte >= 0xA0)
    too_great = (last == 0xF4) & (byte >= 0x90)
    return (is_needed != is_inner) | never | too_long | surrogate | too_great


@kernel("i8(u1[const])")
def end_of_utf8(data):  # type: ignore[no-untyped-def]
    """Check that bytes are UTF-8, but for the last three.

    Parameters
    ----------
    data : uint8[n]

    Returns
    -------
    int
        Where the first character begins with which three bytes or less are left; -1 if what is before is no UTF-8.
    """
    size = len(data)
    end = max(size - 3, 0)
    while end < size and 0x80 <= data[end] < 0xC0:
        end += 1
    last = min(end + 1, size)  # the byte there shows whether the character before is whole
    wrong = False
    for i in range(min(last, 3)):
        wrong |= _is_wrong(data[i], data[max(i - 1, 0)] * (i > 0), data[0] * (i > 1), 0)
    at = 3
    while at + _STEP <= last:
        bytes_3, bytes_2, bytes_1, bytes_0 = data[at - 3 :], data[at - 2 :], data[at - 1 :], data[at:]
        for i in range(_STEP):  # all at a time, by the vector instructions of the processor
            wrong |= _is_wrong(bytes_0[i], bytes_1[i], bytes_2[i], bytes_3[i])
        at += _STEP
    for i in range(at, last):
        wrong |= _is_wrong(data[i], data[i - 1], data[i - 2], data[i - 3])
    return -1 if wrong else end
