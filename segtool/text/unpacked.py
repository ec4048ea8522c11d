"""Reading files of any compression.

The first bytes, not the name, determine the compression (gz, bz2, xz, zst). Archives that end early are errors. Text
comes out in pieces of at most a quarter of a megabyte, however far a small archive unpacks.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from segtool.errors import InputError, reason_of

__all__ = ["UnpackedFile"]

_BUFFER_BYTES = 1 << 18  # a piece stays in the nearer memory of a processor while it is checked, cut and written
_PACKED_BYTES = 1 << 14
# zstandard unpacks all that it is given at once: up to 128 kB from four bytes.
_ZSTD_BYTES = 1 << 8
MOST_WINDOW = 1 << 27
"""Bytes of unpacked text that an archive may refer back to; more is for ``xz`` and ``zstd`` with special options."""
# A file that ends within the magic bytes counts as compressed, unless these may be a short text ("BZh9").
_MAGIC = re.compile(
    rb"(?P<gz>\x1f\x8b(?:\x08|\Z))|(?P<xz>\xfd7(?:zXZ\0|z?X?Z?\Z))"
    rb"|(?P<zst>\x28\xb5(?:\x2f\xfd|\x2f?\Z)|[\x50-\x5f]\x2a\x4d\x18)"
    rb"|(?P<bz2>BZh[1-9](?:1AY&SY|\x17rE8P\x90|1A?Y?&?S?\Z))"
)
_MAGIC_BYTES = 10
_MAGIC_FIRST = b"\x1f\xfd\x28" + bytes(range(0x50, 0x60)) + b"B"


class UnpackedFile:
    """The decompressed bytes of a file, or of standard input for None, as `pieces`; `size` counts them.

    `progress` receives the number of compressed bytes read since the last call. Raises InputError if the file cannot be
    opened; while reading, if it cannot be read, is damaged or ends early.
    """

    def __init__(self, path: Path | None, name: str, progress: Callable[[int], object] | None = None) -> None:
        self.pieces = self._unpack()
        self.size = 0
        self._name = name
        self._progress = progress
        self._file: io.FileIO | None = None
        if path is not None:
            try:
                self._file = open(path, "rb", buffering=0)  # noqa: SIM115
            except ValueError as exc:  # a name with a null character
                raise InputError(f"{name}: cannot be read: {exc}") from exc
            except OSError as exc:
                raise InputError(f"{name}: cannot be read: {reason_of(exc)}") from exc
            self._read_some: Callable[[int], bytes | None] = self._file.read
        elif sys.stdin is None or sys.stdin.closed:
            self._read_some = io.BytesIO().read
        else:
            # read1 returns what a pipe or a terminal holds; read would wait for the full size.
            stdin: Any = sys.stdin.buffer
            self._read_some = getattr(stdin, "read1", None) or stdin.read

    @property
    def is_regular(self) -> bool:
        """Whether it is a file on disk, no pipe, device or terminal."""
        with suppress(AttributeError, OSError, ValueError):  # standard input may be closed, or no file
            return stat.S_ISREG(os.fstat((self._file or sys.stdin).fileno()).st_mode)
        return False

    def close(self) -> None:
        """Close the file, but never standard input."""
        if self._file is not None:
            self._file.close()

    def _read(self, size: int) -> bytes:
        try:
            piece = self._read_some(size) or b""
        except OSError as exc:
            raise InputError(f"{self._name}: cannot be read: {reason_of(exc)}") from exc
        if piece and self._progress is not None:
            self._progress(len(piece))
        return piece

    def _unpack(self) -> Iterator[bytes]:
        piece = self._read(_PACKED_BYTES)
        while 0 < len(piece) < _MAGIC_BYTES and piece[0] in _MAGIC_FIRST:
            more = self._read(_PACKED_BYTES)
            if not more:
                break
            piece += more
        packed = _MAGIC.match(piece)
        if packed is not None:
            yield from self._members(piece, *self._decompressor(cast(str, packed.lastgroup)))
        else:
            while piece:
                self.size += len(piece)
                yield piece
                piece = self._read(_BUFFER_BYTES)

    def _members(self, piece: bytes, new: Callable[[], Any], damage: tuple[type[Exception], ...]) -> Iterator[bytes]:
        while piece:
            member = new()
            while True:
                try:
                    for data in member.unpack(piece):
                        self.size += len(data)
                        yield data
                except damage as exc:
                    if "memory" in str(exc).lower():
                        raise InputError(
                            f"{self._name}: needs more than {MOST_WINDOW >> 20} MB to be unpacked: unpack it before, "
                            "or compress it without --long or a large dictionary"
                        ) from exc
                    raise InputError(
                        f"{self._name}: compressed data is damaged (after {self.size} bytes of text: {exc}): "
                        "fetch or compress it again"
                    ) from exc
                if member.eof:
                    break
                piece = self._read(_PACKED_BYTES)
                if not piece:
                    raise InputError(
                        f"{self._name}: compressed data ends early (after {self.size} bytes of text); the "
                        "file is truncated or damaged: fetch or compress it again"
                    )
            # gzip and xz allow zero bytes as padding between members and at the end.
            piece = member.unused_data.lstrip(b"\0")
            while not piece and (more := self._read(_PACKED_BYTES)):
                piece = more.lstrip(b"\0")

    def _decompressor(self, kind: str) -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
        if kind == "gz":
            return _Deflated, (zlib.error,)
        if kind == "bz2":
            return lambda: _Bounded(bz2.BZ2Decompressor()), (OSError, ValueError)
        if kind == "xz":
            # a dictionary and the little that is needed besides
            limit = MOST_WINDOW + (1 << 24)
            return lambda: _Bounded(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limit)), (lzma.LZMAError,)
        try:
            import zstandard
        except ImportError as exc:
            raise InputError(
                f"{self._name}: is zstd-compressed, which needs a package: pip install 'segtool[zstd]'"
            ) from exc
        # decompressobj reports whether a frame has ended; stream_reader returns short data without an error.
        new = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW).decompressobj
        return lambda: _Zstandard(new()), (zstandard.ZstdError,)


class _Deflated:
    """A gzip member, unpacked in pieces."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        while packed and not self._inflate.eof:
            if data := self._inflate.decompress(packed, _BUFFER_BYTES):
                yield data
            packed = self._inflate.unconsumed_tail
        # what did not fit in at the very end of the input
        while not self._inflate.eof and (data := self._inflate.decompress(b"", _BUFFER_BYTES)):
            yield data


class _Bounded:
    """A bz2 or xz stream, unpacked in pieces."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        return cast(bytes, self._stream.unused_data)

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        while True:
            if data := self._stream.decompress(packed, _BUFFER_BYTES):
                yield data
            if self._stream.eof or self._stream.needs_input:
                return
            packed = b""


class _Zstandard:
    """A zstd frame, unpacked in pieces."""

    def __init__(self, frame: Any) -> None:
        self._frame, self.unused_data = frame, b""

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        for low in range(0, len(packed), _ZSTD_BYTES):
            data = self._frame.decompress(packed[low : low + _ZSTD_BYTES])
            for start in range(0, len(data), _BUFFER_BYTES):
                yield data[start : start + _BUFFER_BYTES]
            if self._frame.eof:
                self.unused_data = self._frame.unused_data + packed[low + _ZSTD_BYTES :]
                return
