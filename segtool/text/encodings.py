"""Bytes to text, with the exact places of bytes that are no text.

Pieces of bytes come in as they are read. Text goes out in whole lines if line ends can be found in the bytes of the
encoding, otherwise piece by piece. Errors name file, line and byte offset.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from segtool.errors import EncodingError, UsageError

__all__ = ["PART_BYTES", "SkippedLine", "byte_lines", "decode_lines", "decode_pieces", "find_codec", "undecodable"]

PART_BYTES = 1 << 20
"""Bytes from which on a line is decoded in parts."""

_GUESS_BYTES = 1 << 15
_BYTE_ORDER_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
_PROBE = "中文"


class SkippedLine(NamedTuple):
    """A line that was left out because it could not be decoded.

    `offset` is the place of its first bad byte in the decompressed source, from 0.
    """

    source: str
    line: int
    offset: int
    reason: str


def find_codec(encoding: str) -> tuple[str, bool]:
    """Look an encoding up: its name in Python, and whether its line ends can be found in the bytes."""
    try:
        name = codecs.lookup(encoding).name.removesuffix("-sig")
        line_end = "\n".encode(name)
        readable = _reads_in_pieces(name)
    except (LookupError, ValueError) as exc:
        raise UsageError(f"unknown encoding {encoding!r}: pass --encoding utf-8, gb18030, big5, …") from exc
    if not readable:
        raise UsageError(f"encoding {encoding!r} is not for files: pass --encoding utf-8, gb18030, big5, …")
    # ISO-2022 shifts continue over line ends, and escapes of HZ and UTF-7 contain them
    return name, line_end == b"\n" and not re.match("utf-7|hz|iso2022", name)


def _reads_in_pieces(codec: str) -> bool:
    """Whether a text may be decoded byte by byte, which is not so for Punycode."""
    try:
        data = _PROBE.encode(codec)
    except UnicodeEncodeError:
        return True  # a small alphabet, a byte for each character
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        return "".join(decoder.decode(data[i : i + 1]) for i in range(len(data))) == _PROBE
    except UnicodeError:
        return False


def byte_lines(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Divide a stream into blocks of whole lines, and a line of `PART_BYTES` bytes or more into parts of so many.

    Yields
    ------
    data : bytes
        Whole lines, the last one of the stream (perhaps empty) perhaps without a line end; or a part of a long line.
    ends : bool
        False for a part: its line goes on.
    """
    held: list[bytes] = []
    size = 0
    for piece in _no_longer(pieces, PART_BYTES):
        held.append(piece)
        size += len(piece)
        if size < PART_BYTES and b"\n" not in piece:
            continue
        data = b"".join(held)
        start = 0
        while len(data) - start >= PART_BYTES and data.find(b"\n", start, start + PART_BYTES) < 0:
            yield data[start : start + PART_BYTES], False
            start += PART_BYTES
        end = max(data.rfind(b"\n") + 1, start)
        if end > start:
            yield data[start:end], True
        held, size = [data[end:]], len(data) - end
    yield b"".join(held), True


def _no_longer(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) <= most:
            yield piece
        else:
            yield from (piece[low : low + most] for low in range(0, len(piece), most))


def decode_lines(
    pieces: Iterable[bytes],
    name: str,
    codec: str,
    skip: Callable[[SkippedLine], object] | None = None,
    drop_mark: bool = True,
) -> Iterator[str]:
    """Decode the bytes of a source, cut anywhere, as blocks of whole lines, and long lines in parts.

    The last line may lack its end. `name` is the source in messages, `codec` one whose line ends can be found in the
    bytes. `skip` receives every line that cannot be decoded, which is left out, or what follows of it if parts of it
    were passed on; without `skip` such a line is an EncodingError. `drop_mark` drops a byte order mark of UTF-8 at the
    start.
    """
    offset, line = 0, 1
    rest = b""  # the character that the part before ends within
    within = leaving = False  # whether parts of this line were passed on; whether it is left out from here on
    for data, ends in byte_lines(pieces):
        if drop_mark and offset == 0 and codec == "utf-8" and data.startswith(codecs.BOM_UTF8):
            offset = len(codecs.BOM_UTF8)
            data = data[offset:]
        if leaving:
            end = data.find(b"\n") + 1
            passed = end - within if end else len(data)  # the line end of what was passed on
            offset += passed
            line += data.count(b"\n", 0, passed)
            data = data[passed:]
            leaving = not end
        data, offset = rest + data, offset - len(rest)
        rest = b""
        try:
            if ends:
                text = data.decode(codec)
            else:
                decoder = codecs.getincrementaldecoder(codec)()
                text = decoder.decode(data)
                rest = decoder.getstate()[0]
        except UnicodeDecodeError as exc:
            if skip is None:
                raise undecodable(data, name, line, offset, codec) from exc
            text = "".join(_rescue(data, name, line, offset, codec, skip))
            leaving = not ends
            end = data.find(b"\n") + 1
            if within and exc.start < end:  # the line end of what was passed on
                text = "\n" + text
        yield text
        offset += len(data)
        line += data.count(b"\n")
        within = not ends and (within or text != "")


def _rescue(
    data: bytes, name: str, line: int, offset: int, codec: str, skip: Callable[[SkippedLine], object]
) -> Iterator[str]:
    # line by line, because decoding from each bad place on would copy the rest every time
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        try:
            yield data[start:end].decode(codec)
        except UnicodeDecodeError as exc:
            skip(_bad_line(exc, name, line, offset + start, codec))
        start = end
        line += 1


def decode_pieces(pieces: Iterable[bytes], name: str, codec: str) -> Iterator[str]:
    """Decode a source in any codec piece by piece, as :func:`decode_lines` does; yields the text each piece adds."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if codec == "utf-8" else codec)()
    read, line = 0, 1
    for piece in chain(_marked(pieces, name, codec), [b""]):
        state = decoder.getstate()
        read += len(piece)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as exc:
            # the exception holds the bytes that the decoder had kept back, then the piece
            kept = len(exc.object) - len(piece)
            decoder.setstate(state)
            line += decoder.decode(piece[: max(0, exc.start - kept)]).count("\n")
            raise _undecodable(exc, name, line, read - len(exc.object), codec) from exc
        yield text
        line += text.count("\n")


def _marked(pieces: Iterable[bytes], name: str, codec: str) -> Iterator[bytes]:
    """Pass the pieces on; EncodingError if they lack the byte order mark that the codec needs.

    Python's decoders notice that too, but only after some code units, and not if those are bad as well.
    """
    marks = _BYTE_ORDER_MARKS.get(codec)
    pieces = iter(pieces)
    if marks:
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= len(marks[0]):
                break
        if head and not head.startswith(marks):
            fix = f"pass --encoding {codec}-le, {codec}-be or what the file is in"
            raise EncodingError(f"{name}: no byte order mark at its start: {fix}")
        if head:
            yield head
    yield from pieces


def undecodable(data: bytes, name: str, line: int, offset: int, codec: str) -> EncodingError:
    """Make the error of bytes that cannot be decoded and begin at a line (from 1) and an offset (from 0)."""
    try:
        data.decode(codec)
    except UnicodeDecodeError as exc:
        return _undecodable(exc, name, line + data.count(b"\n", 0, exc.start), offset, codec)
    raise ValueError(f"{name}: these bytes can be decoded")


def _bad_line(exc: UnicodeDecodeError, name: str, line: int, offset: int, codec: str) -> SkippedLine:
    shown = exc.object[exc.start : exc.end][:8].hex()
    return SkippedLine(name, line, offset + exc.start, f"bytes 0x{shown} are not {codec}")


def _undecodable(exc: UnicodeDecodeError, name: str, line: int, offset: int, codec: str) -> EncodingError:
    bad = _bad_line(exc, name, line, offset, codec)
    guess = _guess_encoding(exc.object, exc.start, codec, is_head=bad.offset == exc.start)
    fix = "pass --encoding " + (f"{guess} (or what the file is in)" if guess else "with what the file is in")
    return EncodingError(f"{bad.source}, line {bad.line}, byte offset {bad.offset}: {bad.reason}; {fix}")


def _guess_encoding(data: bytes, place: int, codec: str, is_head: bool) -> str | None:
    if is_head and not codec.startswith("utf-16") and data.startswith(_BYTE_ORDER_MARKS["utf-16"]):
        return "utf-16"
    start = data.rfind(b"\n", 0, max(0, place - _GUESS_BYTES)) + 1
    end = data.find(b"\n", place + _GUESS_BYTES) + 1 or len(data)
    # UTF-8 and Big5 text often decodes as gb18030, too, but rarely to the common characters, which GB 2312 and Big5
    # hold on their first level, up to lead byte 0xD7 and 0xC6
    for name, last_lead, first_trail in (("utf-8", 0xFF, 0), ("gb18030", 0xD7, 0xA1), ("big5", 0xC6, 0)):
        try:
            wide = [c.encode(name) for c in data[start:end].decode(name) if c > "\x7f"]
        except UnicodeDecodeError:
            continue
        common = sum(c[0] <= last_lead and c[1] >= first_trail for c in wide)
        if name != codec and common > 0.7 * len(wide):
            return name
    return None
