"""From the inputs of a command to blocks of text.

Inputs are files, folders, globs and ``-`` for standard input; plain or compressed; UTF-8 unless stated
otherwise.  Text is handed on as decoded, in blocks of whole lines that come from one source each: no n-gram
crosses a file, and no line is altered, shortened or lost unseen.
"""

from __future__ import annotations

import codecs
import glob
import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from segtool.errors import EncodingError, InputError, UsageError
from segtool.files import UnpackedFile

__all__ = ["ReadReport", "SkippedLine", "Source", "find_sources", "open_source", "read_blocks", "total_size"]

_LISTED_LINES = 100
_GUESS_BYTES = 1 << 15


@dataclass(frozen=True)
class Source:
    """One input that can be read.

    Attributes
    ----------
    name : str
        Name for messages, unprintable characters escaped; ``"<stdin>"`` for standard input.
    path : Path or None
        Where it lies; None for standard input.
    """

    name: str
    path: Path | None


class SkippedLine(NamedTuple):
    """A line that was left out because it could not be decoded.

    Attributes
    ----------
    source, reason : str
        Display name of the source; which bytes are not in which encoding.
    line, offset : int
        Line number from 1; place of its first bad byte in the decompressed source, in bytes from 0.
    """

    source: str
    line: int
    offset: int
    reason: str


@dataclass
class ReadReport:
    """What `read_blocks` has read so far, and what it left out.

    Attributes
    ----------
    files, bytes : int
        Sources opened; decompressed bytes read, byte order marks and skipped lines included.
    lines, characters : int
        Handed on; a last line without a line end counts as a line.
    skipped_lines : int
        Lines left out because they could not be decoded.
    skipped : list of SkippedLine
        The first 100 of them.
    """

    files: int = 0
    bytes: int = 0
    lines: int = 0
    characters: int = 0
    skipped_lines: int = 0
    skipped: list[SkippedLine] = field(default_factory=list)


def find_sources(inputs: Sequence[str | os.PathLike[str]]) -> list[Source]:
    """List the files that the inputs of a command stand for.

    Parameters
    ----------
    inputs : sequence of str or PathLike
        Files, folders (searched recursively, hidden files and folders left out, links followed), globs
        (``**`` for any depth) and ``-`` for standard input.  A name that exists is never taken as a glob.

    Returns
    -------
    list of Source
        In the order of the inputs, sorted by code point within each; a file reached twice is listed once.

    Raises
    ------
    InputError
        For a missing file, a glob without a match, a folder without visible files or with a dangling link,
        and whatever may not be looked into.
    """
    found: dict[str, Source] = {}
    for name in [os.fspath(given) for given in inputs]:
        if name == "-":
            found.setdefault(name, Source("<stdin>", None))
            continue
        for path in sorted(_files_of(name)):
            found.setdefault(os.path.realpath(path), Source(_display(path), Path(path)))
    return list(found.values())


def total_size(sources: Iterable[Source]) -> int | None:
    """Sum the sizes of the sources as they lie on disk, for a progress bar.

    Parameters
    ----------
    sources : iterable of Source
        The sources to be read.

    Returns
    -------
    int or None
        Bytes on disk (compressed); None when a size is not known: standard input, a pipe, a device.

    Raises
    ------
    InputError
        When a file is gone or cannot be looked at.
    """
    total = 0
    for source in sources:
        if source.path is None:
            return None
        try:
            status = os.stat(source.path)
        except OSError as exc:
            raise _unreadable(source.name, exc) from exc
        if not stat.S_ISREG(status.st_mode):
            return None
        total += status.st_size
    return total


def open_source(source: Source) -> BinaryIO:
    """Open a source as a stream of decompressed bytes.

    Parameters
    ----------
    source : Source
        What to open.  Closing the stream leaves standard input open; closed standard input reads as empty.

    Returns
    -------
    BinaryIO
        Buffered, readable, not seekable.

    Raises
    ------
    InputError
        When the file cannot be opened; while reading, when it cannot be read, is damaged or ends early.
    """
    return io.BufferedReader(UnpackedFile(source.path, source.name))


def read_blocks(
    sources: Iterable[Source],
    *,
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    block_chars: int = 1 << 20,
    report: ReadReport | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[str]:
    r"""Read sources as blocks of whole lines.

    Parameters
    ----------
    sources : iterable of Source
        What to read, in this order.
    encoding : str
        Any text encoding of Python.  A byte order mark is dropped for UTF-8, and by the codec for UTF-16.
    skip_undecodable : bool
        Leave out and report lines that cannot be decoded, instead of failing.  Encodings in which the byte
        0x0A is not always a line end (UTF-16, UTF-32, UTF-7, HZ, ISO-2022, EBCDIC) fail all the same.
    block_chars : int
        Characters at which a block ends, with the line it has reached; memory follows the longest line.
    report : ReadReport or None
        Filled while reading.
    progress : callable or None
        Called with the number of on-disk bytes read since the last call; these sum to `total_size`.

    Returns
    -------
    iterator of str
        Every block ends after a "\n", except that the last one of a source may end with the source.
        A block holds text of one source, and only "\n" ends a line.

    Raises
    ------
    UsageError
        At once, for an unknown encoding or block_chars under 1.
    EncodingError
        While iterating, for bytes that are not in the encoding; it names file, line and byte offset.
    InputError
        While iterating, for files that cannot be opened, read or unpacked.
    """
    if block_chars < 1:
        raise UsageError(f"block_chars must be at least 1, not {block_chars}")
    codec, by_line = _find_codec(encoding)
    counts = ReadReport() if report is None else report

    def blocks() -> Iterator[str]:
        for source in sources:
            with closing(UnpackedFile(source.path, source.name, progress)) as file:
                counts.files += 1
                bytes_before = counts.bytes
                decode = _decode_lines if by_line else _decode_stream
                texts = decode(file.pieces, source.name, codec, counts if skip_undecodable else None)
                for block in _whole_lines(texts, block_chars):
                    counts.bytes = bytes_before + file.size
                    counts.lines += block.count("\n") + (not block.endswith("\n"))
                    counts.characters += len(block)
                    yield block
                counts.bytes = bytes_before + file.size

    return blocks()


def _display(path: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)


def _unreadable(name: str, exc: OSError) -> InputError:
    return InputError(f"{_display(name)}: cannot be read: {exc.strerror}")


def _files_of(name: str) -> list[str]:
    matches = [name]
    try:
        os.stat(name)
    except OSError as exc:
        if not glob.has_magic(name):
            raise _unreadable(name, exc) from exc
        matches = glob.glob(name, recursive=True)
        if not matches:
            raise InputError(f"{_display(name)}: no file matches this pattern") from None
    seen: set[str] = set()
    files = [file for match in matches for file in (_walk(match, seen) if os.path.isdir(match) else [match])]
    if not files:
        raise InputError(f"{_display(name)}: the folder holds no files (hidden ones are left out)")
    return files


def _walk(folder: str, seen: set[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        # A dangling link fails here: most often it is data that was never fetched.
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(entry.path, seen)
            elif stat.S_ISREG(entry.stat().st_mode):
                yield entry.path
    except OSError as exc:
        raise _unreadable(str(exc.filename), exc) from exc


def _find_codec(encoding: str) -> tuple[str, bool]:
    try:
        name = codecs.lookup(encoding).name.removesuffix("-sig")
        line_end = "\n".encode(name)
    except (LookupError, ValueError) as exc:
        raise UsageError(f"unknown encoding {encoding!r}: pass --encoding utf-8, gb18030, big5, …") from exc
    # In ISO-2022 a shift goes on over line ends, and HZ and UTF-7 have escapes with them.
    return name, line_end == b"\n" and not re.match("utf-7|hz|iso2022", name)


def _whole_lines(texts: Iterable[str], block_chars: int) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in texts:
        start = 0
        while end := text.find("\n", start + max(0, block_chars - size - 1)) + 1:
            held.append(text[start:end])
            yield "".join(held)
            held, size, start = [], 0, end
        held.append(text[start:])
        size += len(text) - start
    if size:
        yield "".join(held)


def _byte_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*held, piece[:end]])
            held = []
        held.append(piece[end:])
    yield b"".join(held)


def _decode_lines(pieces: Iterable[bytes], name: str, codec: str, report: ReadReport | None) -> Iterator[str]:
    offset, line = 0, 1
    for data in _byte_lines(pieces):
        if offset == 0 and codec == "utf-8" and data.startswith(codecs.BOM_UTF8):
            offset = len(codecs.BOM_UTF8)
            data = data[offset:]
        try:
            text = data.decode(codec)
        except UnicodeDecodeError as exc:
            if report is None:
                bad = _bad_line(exc, name, line + data.count(b"\n", 0, exc.start), offset, codec)
                raise _undecodable(bad, exc, codec, by_line=True) from exc
            text = "".join(_rescue(data, name, line, offset, codec, report))
        yield text
        offset += len(data)
        line += data.count(b"\n")


def _rescue(data: bytes, name: str, line: int, offset: int, codec: str, report: ReadReport) -> Iterator[str]:
    # Line by line, because decoding on from each bad place would copy the rest every time.
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        try:
            yield data[start:end].decode(codec)
        except UnicodeDecodeError as exc:
            report.skipped_lines += 1
            if len(report.skipped) < _LISTED_LINES:
                report.skipped.append(_bad_line(exc, name, line, offset + start, codec))
        start = end
        line += 1


def _decode_stream(pieces: Iterable[bytes], name: str, codec: str, _: ReadReport | None) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    read, line = 0, 1
    for piece in chain(pieces, [b""]):
        state = decoder.getstate()
        read += len(piece)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeError as exc:
            if not isinstance(exc, UnicodeDecodeError) or "BOM" in exc.reason:
                mend = f"pass --encoding {codec}-le, {codec}-be or what the file is in"
                raise EncodingError(f"{name}: no byte order mark at its start: {mend}") from exc
            # The exception holds what the decoder had kept back, then the piece.
            kept = len(exc.object) - len(piece)
            decoder.setstate(state)
            line += decoder.decode(piece[: max(0, exc.start - kept)]).count("\n")
            bad = _bad_line(exc, name, line, read - len(exc.object), codec)
            raise _undecodable(bad, exc, codec, by_line=False) from exc
        yield text
        line += text.count("\n")


def _bad_line(exc: UnicodeDecodeError, name: str, line: int, offset: int, codec: str) -> SkippedLine:
    shown = exc.object[exc.start : exc.end][:8].hex()
    return SkippedLine(name, line, offset + exc.start, f"bytes 0x{shown} are not {codec}")


def _undecodable(bad: SkippedLine, exc: UnicodeDecodeError, codec: str, by_line: bool) -> EncodingError:
    guess = _guess_encoding(exc.object, exc.start, codec, is_head=bad.offset == exc.start)
    mend = "pass --encoding " + (f"{guess} (or what the file is in)" if guess else "with what the file is in")
    skip = ", or --skip-undecodable to leave such lines out"
    mend += skip if by_line else f" (--skip-undecodable cannot tell lines apart in {codec})"
    return EncodingError(f"{bad.source}, line {bad.line}, byte offset {bad.offset}: {bad.reason}; {mend}")


def _guess_encoding(data: bytes, place: int, codec: str, is_head: bool) -> str | None:
    if is_head and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = data.rfind(b"\n", 0, max(0, place - _GUESS_BYTES)) + 1
    end = data.find(b"\n", place + _GUESS_BYTES) + 1 or len(data)
    # UTF-8 and Big5 text often decodes as gb18030 too, but then not to the common characters that GB 2312
    # and Big5 keep on their first level: up to lead byte 0xD7 and 0xC6.
    for name, last_lead, first_trail in (("utf-8", 0xFF, 0), ("gb18030", 0xD7, 0xA1), ("big5", 0xC6, 0)):
        try:
            wide = [c.encode(name) for c in data[start:end].decode(name) if c > "\x7f"]
        except UnicodeDecodeError:
            continue
        common = sum(c[0] <= last_lead and c[1] >= first_trail for c in wide)
        if name != codec and common > 0.7 * len(wide):
            return name
    return None
