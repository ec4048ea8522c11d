"""From the inputs of a command to blocks of text.

Inputs are files, folders, globs and ``-`` for standard input; plain or compressed; UTF-8 unless stated otherwise. Text
comes out as decoded, in blocks of whole lines from one source each: no n-gram crosses a file, and no line is changed,
shortened or lost without a report. A line that is longer than a block comes in several, cut where no run goes on.
"""

from __future__ import annotations

import glob
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from segtool.errors import EncodingError, InputError, UsageError
from segtool.text.content import kind_of_content, refused, text_pieces
from segtool.text.encodings import SkippedLine, decode_lines, decode_pieces, find_codec
from segtool.text.unpacked import UnpackedFile

__all__ = ["ReadReport", "Source", "find_sources", "read_blocks", "read_lines", "read_pieces", "total_size"]

BEYOND_BLOCK = 1 << 20
"""Characters by which a line may exceed a block; a longer one is passed on in several blocks."""

MOST_LINE = 1 << 24
"""Characters of a line of a file that is read line by line, at most."""

_LISTED_LINES = 100
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One input that can be read.

    Attributes
    ----------
    name : str
        Name for messages, unprintable characters escaped; ``"<stdin>"`` for standard input.
    path : Path or None
        None for standard input.
    """

    name: str
    path: Path | None


@dataclass
class ReadReport:
    """Record of the text that was read, and of the lines that were left out.

    Attributes
    ----------
    files, bytes : int
        Sources opened; decompressed bytes read, byte order marks and skipped lines included.
    lines, characters : int
        Passed on; a last line without a line end counts as a line, and line ends are no characters.
    skipped_lines, skipped : int, list of SkippedLine
        Number of the lines that could not be decoded, and the first 100 of them.
    """

    files: int = 0
    bytes: int = 0
    lines: int = 0
    characters: int = 0
    skipped_lines: int = 0
    skipped: list[SkippedLine] = field(default_factory=list)

    def skip(self, line: SkippedLine) -> None:
        """Count a line that was left out."""
        self.skipped_lines += 1
        if len(self.skipped) < _LISTED_LINES:
            self.skipped.append(line)


def find_sources(
    inputs: Sequence[str | os.PathLike[str]], encoding: str | None = None, also: str | None = None
) -> list[Source]:
    """List the files of the inputs of a command.

    Parameters
    ----------
    inputs : sequence of str or PathLike
        Files, folders (searched recursively, hidden files and folders left out, links followed), globs
        (``**`` for any depth) and ``-`` for standard input. A name that exists is never taken as a glob.
    encoding : str, optional
        That of the text. With it, files of folders and globs that are no text (:mod:`segtool.text.content`) are left
        out, and one warning of the logger ``segtool`` names them; a file that is named must be text.
    also : str, optional
        A kind of content that is taken besides text.

    Returns
    -------
    list of Source
        In the order of the inputs, sorted by code point within each; a file reached twice is listed once.

    Raises
    ------
    InputError
        For a missing file, a glob without a match, a folder without visible files or with a dangling link,
        for files and folders that cannot be read, and, with an encoding, for a named file that is no text, and for
        folders and globs without any text.
    UsageError
        For an unknown encoding.
    """
    found: dict[str, Source] = {}
    left_out: dict[str, str] = {}
    names = [os.fspath(given) for given in inputs]
    for name in names:
        if name == "-":
            found.setdefault(name, Source("<stdin>", None))
            continue
        is_one = os.path.lexists(name) and not os.path.isdir(name)
        for path in sorted(_files_of(name)):
            source = Source(_display_name(path), Path(path))
            kind = None if encoding is None else _kind_of_file(source, encoding)
            if kind is None or kind == also:
                found.setdefault(os.path.realpath(path), source)
            elif is_one:
                raise refused(source.name, kind)
            else:
                left_out[source.name] = kind
    if left_out:
        files = "1 file that is" if len(left_out) == 1 else f"{len(left_out):,} files that are"
        listed = ", ".join(f"{name} ({kind})" for name, kind in list(left_out.items())[:_LISTED_LINES])
        listed += ", …" if len(left_out) > _LISTED_LINES else ""
        if not found:
            raise InputError(f"{' '.join(map(_display_name, names))}: holds no text: {listed}")
        _LOGGER.warning("left out %s no text: %s", files, listed)
    return list(found.values())


def _kind_of_file(source: Source, encoding: str) -> str | None:
    """Name the kind of a file on disk that is no text; None for text, and for what cannot be read, or only once."""
    if source.path is None or not source.path.is_file():
        return None
    with suppress(InputError), closing(UnpackedFile(source.path, source.name)) as file:
        return kind_of_content(next(file.pieces, b""), encoding)
    return None


def total_size(sources: Iterable[Source]) -> int | None:
    """Sum the (compressed) bytes of sources on disk; None for standard input, a pipe or a device among them."""
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
        Read in this order.
    encoding : str
        Any text encoding of Python. A byte order mark is dropped for UTF-8, and by the codec for UTF-16.
    skip_undecodable : bool
        Leave out and report lines that cannot be decoded, instead of raising. Encodings in which the byte 0x0A is
        not always a line end (UTF-16, UTF-32, UTF-7, HZ, ISO-2022, EBCDIC) raise in any case.
    block_chars : int
        Characters at which a block ends, with the line it has reached, or `BEYOND_BLOCK` characters later.
    report : ReadReport or None
        Filled while reading.
    progress : callable or None
        Called with the number of on-disk bytes read since the last call; these sum to `total_size`.

    Returns
    -------
    iterator of str
        Every block ends after a "\n", except that the last one of a source may end with the source, and that a block
        of a long line ends before a mark or whitespace, or, where `BEYOND_BLOCK` characters hold neither, anywhere.
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
    codec, by_line = find_codec(encoding)
    counts = ReadReport() if report is None else report

    def blocks() -> Iterator[str]:
        for source in sources:
            with closing(UnpackedFile(source.path, source.name, progress)) as file:
                counts.files += 1
                bytes_before = counts.bytes
                pieces = text_pieces(file, source.name, codec)
                texts = (
                    decode_lines(pieces, source.name, codec, counts.skip if skip_undecodable else None)
                    if by_line
                    else decode_pieces(pieces, source.name, codec)
                )
                texts = _with_remedy(texts, codec, by_line)
                open_line = False
                for block in _whole_lines(texts, block_chars):
                    counts.bytes = bytes_before + file.size
                    ends = block.count("\n")
                    counts.lines += ends - open_line
                    open_line = not block.endswith("\n")
                    counts.lines += open_line
                    counts.characters += len(block) - ends
                    yield block
                counts.bytes = bytes_before + file.size

    return blocks()


def read_pieces(
    source: Source, *, encoding: str = "utf-8", progress: Callable[[int], object] | None = None
) -> Iterator[str]:
    """Read a source as :func:`read_blocks` does, but cut anywhere, without waiting for the end of a line."""
    codec, _ = find_codec(encoding)
    with closing(UnpackedFile(source.path, source.name, progress)) as file:
        yield from decode_pieces(text_pieces(file, source.name, codec), source.name, codec)


def read_lines(name: str | os.PathLike[str], *, encoding: str = "utf-8") -> Iterator[str]:
    """Read a file, or standard input for ``-``, line by line; only the last may lack its line end.

    Raises
    ------
    InputError
        Also for a line of more than `MOST_LINE` characters.
    """
    path = os.fspath(name)
    source = Source("<stdin>", None) if path == "-" else Source(_display_name(path), Path(path))
    held: list[str] = []
    size, number = 0, 1
    for text in read_pieces(source, encoding=encoding):
        # not splitlines, which also splits at other characters
        *lines, rest = text.split("\n")
        for line in lines:
            yield "".join([*held, line, "\n"])
            held, size = [], 0
        number += len(lines)
        held.append(rest)
        size += len(rest)
        if size > MOST_LINE:
            raise InputError(
                f"{source.name}, line {number}: longer than {MOST_LINE:,} characters: "
                "this file needs a line for each sentence, paragraph or word"
            )
    if size:
        yield "".join(held)


def _with_remedy(texts: Iterator[str], codec: str, by_line: bool) -> Iterator[str]:
    """Add a remedy to an error of decoding: to skip such lines."""
    try:
        yield from texts
    except EncodingError as exc:
        if by_line:
            raise EncodingError(f"{exc}, or --skip-undecodable to leave such lines out") from exc
        raise EncodingError(f"{exc} (--skip-undecodable cannot find the lines of {codec})") from exc


def _display_name(path: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)


def _unreadable(name: str, exc: OSError) -> InputError:
    return InputError(f"{_display_name(name)}: cannot be read: {exc.strerror}")


def _files_of(name: str) -> list[str]:
    matches = [name]
    try:
        os.stat(name)
    except OSError as exc:
        if not glob.has_magic(name):
            raise _unreadable(name, exc) from exc
        matches = glob.glob(name, recursive=True)
        if not matches:
            raise InputError(f"{_display_name(name)}: no file matches this pattern") from None
    seen: set[str] = set()
    files = [file for match in matches for file in (_walk(match, seen) if os.path.isdir(match) else [match])]
    if not files:
        raise InputError(f"{_display_name(name)}: the folder holds no files (hidden ones are left out)")
    return files


def _walk(folder: str, seen: set[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        # a dangling link fails here: most often its data were never fetched
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(entry.path, seen)
            elif stat.S_ISREG(entry.stat().st_mode):
                yield entry.path
    except OSError as exc:
        raise _unreadable(str(exc.filename), exc) from exc


def _whole_lines(texts: Iterable[str], block_chars: int) -> Iterator[str]:
    """Join texts to blocks of whole lines; a block of a longer line ends before a mark or whitespace, if it can."""
    most = block_chars + BEYOND_BLOCK
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size < block_chars or (size < most and "\n" not in text):
            continue
        text = "".join(held)
        start = 0
        while True:
            end = text.find("\n", start + block_chars - 1, start + most) + 1
            if not end:
                if len(text) - start < most:
                    break
                from segtool.text.symbols import last_break  # numpy, for long lines only

                # the place follows from the text alone, not from the pieces in which it came
                end = start + (last_break(text[start : start + most]) or most)
            yield text[start:end]
            start = end
        held, size = [text[start:]], len(text) - start
    if size:
        yield "".join(held)
