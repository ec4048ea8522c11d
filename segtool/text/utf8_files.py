"""Files read as UTF-8, whatever their encoding: bytes of UTF-8 are only checked."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from segtool.text.content import text_pieces
from segtool.text.encodings import decode_pieces, find_codec, undecodable
from segtool.text.sources import Source
from segtool.text.unpacked import UnpackedFile

__all__ = ["read_utf8"]


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
        try:
            _, end = codecs.utf_8_decode(data, "strict", False)
        except UnicodeDecodeError:
            raise undecodable(data, name, line, offset, "utf-8") from None
        whole, held = data[:end], data[end:]
        yield whole
        offset += len(whole)
        line += whole.count(b"\n")
    if held:
        raise undecodable(held, name, line, offset, "utf-8")
