"""Files read as UTF-8, whatever they are in: bytes that need no decoding are only checked."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np

from segtool.runtime.kernels import LazyKernel
from segtool.text.encodings import decode_pieces, find_codec, undecodable
from segtool.text.sources import Source
from segtool.text.unpacked import UnpackedFile

__all__ = ["read_utf8", "valid_utf8"]

PLAIN_BYTES = 1 << 15
"""Python's decoder checks so much before it is worth a compiled kernel."""


def read_utf8(
    source: Source, *, encoding: str = "utf-8", progress: Callable[[int], object] | None = None
) -> Iterator[bytes]:
    """Read a source as it comes, without waiting for the end of a line.

    Parameters
    ----------
    source, encoding, progress
        As for :func:`segtool.text.sources.read_pieces`.

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
        if codec == "utf-8":
            yield from _whole_characters(file.pieces, source.name)
        else:
            for text in decode_pieces(file.pieces, source.name, codec):
                yield text.encode("utf-8", "surrogatepass")


def _whole_characters(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
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
        end = _last_whole(data)
        whole, held = (data, b"") if end == len(data) else (data[:end], data[end:])
        if not _is_utf8(whole):
            raise undecodable(data, name, line, offset, "utf-8")
        yield whole
        offset += len(whole)
        line += whole.count(b"\n")
    if held:
        raise undecodable(held, name, line, offset, "utf-8")


def _last_whole(data: bytes) -> int:
    """Where a character begins that the end cuts off, if there is one."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            return len(data) - back if byte >= (0xC0, 0xE0, 0xF0)[back - 1] else len(data)
        if byte < 0x80:
            break
    return len(data)


def _is_utf8(data: bytes) -> bool:
    if len(data) > PLAIN_BYTES:
        return bool(valid_utf8.compiled(np.frombuffer(data, np.uint8)))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _valid_utf8(data):  # type: ignore[no-untyped-def]
    """Whether bytes, uint8[n], are UTF-8 as Python's decoder has it: no surrogates, nothing longer than it must be."""
    at = 0
    size = len(data)
    wrong = 0
    while at < size:
        at &= (1 << 62) - 1  # spares the compiled code the question whether it is negative
        lead = np.int64(data[at])
        if lead < 0x80:
            at += 1
            continue
        width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        if lead < 0xC2 or lead > 0xF4 or at + width > size:
            return False
        second = np.int64(data[at + 1])
        wrong |= second ^ 0x80
        if width > 2:
            wrong |= np.int64(data[at + 2]) ^ 0x80
            head = lead << 8 | second
            if width > 3:
                wrong |= np.int64(data[at + 3]) ^ 0x80
                if head < 0xF090 or head >= 0xF490:  # three would do; beyond the last code point
                    return False
            elif head < 0xE0A0 or (lead == 0xED and head >= 0xEDA0):  # two would do; surrogates
                return False
        at += width
    return wrong & 0xC0 == 0


valid_utf8 = LazyKernel(_valid_utf8, "b1(u1[const])")
