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

_MASK = (1 << 62) - 1  # masks a place, which spares the compiled code the question whether it is negative


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
        begin, lines = end_of_utf8(np.frombuffer(data, np.uint8))
        if begin < 0:
            return -1, 0
    try:
        _, end = codecs.utf_8_decode(data[begin:], "strict", False)
    except UnicodeDecodeError:
        return -1, 0
    return begin + end, lines + data.count(b"\n", begin, begin + end)


@kernel("(i8,i8)(u1[const])")
def end_of_utf8(data):  # type: ignore[no-untyped-def]
    """Check that bytes are UTF-8, but for the last three.

    Parameters
    ----------
    data : uint8[n]

    Returns
    -------
    end : int
        Where the first character begins with which three bytes or less are left; -1 if what is before is no UTF-8.
    lines : int
        Number of line ends before.
    """
    at = lines = 0
    wrong = False
    while at + 3 < len(data):
        at &= _MASK
        four = (
            np.int64(data[at])
            | np.int64(data[at + 1]) << 8
            | np.int64(data[at + 2]) << 16
            | np.int64(data[at + 3]) << 24
        )
        if four & 0xF0 == 0xE0:
            bits = four & 0x200F
            wrong |= (four & 0xC0C0F0 != 0x8080E0) | (bits == 0) | (bits == 0x200D)  # too long, a surrogate
            at += 3
        elif four & 0x80 == 0:
            lines += np.int64(four & 0xFF == 10)
            at += 1
        elif four & 0xE0 == 0xC0:
            wrong |= (four & 0xC000 != 0x8000) | (four & 0x1E == 0)
            at += 2
        else:
            high = (four & 7) << 2 | four >> 12 & 3  # the bits of the code point above the lowest 16
            wrong |= (four & 0xC0C0C0F8 != 0x808080F0) | (high == 0) | (high > 16)
            at += 4
    return (-1, 0) if wrong else (at, lines)
