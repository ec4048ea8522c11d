r"""What the first bytes of a file say: whether it is text, and whether its lines end in ``\r`` alone.

A file is no text if it begins as a picture, an archive or another common kind of file does, or if its first block has
both NUL bytes (one in `_NUL_SHARE` at least) and bytes that are not valid in the encoding. Valid text is text, whatever
it begins with.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain

from segtool.errors import InputError
from segtool.text.encodings import find_codec
from segtool.text.unpacked import UnpackedFile

__all__ = ["BINARY", "PARQUET", "kind_of_content", "refused", "text_pieces"]

BINARY = "binary data"
PARQUET = "a Parquet table"
_FILE_KINDS = {
    "a PNG picture": rb"\x89PNG\r\n\x1a\n",
    "a JPEG picture": rb"\xff\xd8\xff",
    "a GIF picture": rb"GIF8[79]a",
    "a BMP picture": rb"BM.{4}\0{4}",
    "a TIFF picture": rb"II\*\0|MM\0\*",
    "a WebP picture, a sound or a film": rb"RIFF.{4}(?:WEBP|WAVE|AVI )|OggS\0|ID3[\x02-\x04]|fLaC\0|.{4}ftyp",
    "a PDF document": rb"%PDF-",
    "a document of an old office program": rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a ZIP archive or an office document": rb"PK(?:\x03\x04|\x05\x06|\x07\x08)",
    "a tar archive": rb".{257}ustar[\0 ]",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "a program": rb"\x7fELF|MZ.{58}|\xcf\xfa\xed\xfe",
    "an array of numpy": rb"\x93NUMPY",
    "a database of SQLite": rb"SQLite format 3\0",
    PARQUET: rb"PAR1",
}
_BEGINNINGS = [(kind, re.compile(begin, re.DOTALL)) for kind, begin in _FILE_KINDS.items()]
_NUL_SHARE = 512
_MARKS_OF_WIDE_TEXT = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def kind_of_content(head: bytes, encoding: str) -> str | None:
    """Name the kind of a file that is no text.

    Parameters
    ----------
    head : bytes
        The first block of the file, unpacked.
    encoding : str
        The encoding that it should be in.

    Returns
    -------
    str or None
        Such as ``"a PNG picture"``, or `BINARY`; None for text, also in another encoding.
    """
    codec, by_line = find_codec(encoding)
    kind = next((kind for kind, begin in _BEGINNINGS if begin.match(head)), None)
    has_nul = b"\0" in head
    is_odd = has_nul and head.count(b"\0") * _NUL_SHARE >= len(head)  # most files but texts have more
    if kind is None and not (is_odd and by_line and not head.startswith(_MARKS_OF_WIDE_TEXT)):
        return None
    if kind == "a tar archive":  # of UTF-8 texts it is valid UTF-8
        return kind
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeError:
        return kind or BINARY
    # in an encoding in which any byte is a character
    return kind if has_nul else None


def refused(name: str, kind: str) -> InputError:
    """Make the error of a file that is named and is no text."""
    if "archive" in kind:
        return InputError(f"{name}: is {kind}, which is not read: unpack it and pass the folder, or the texts in it")
    if kind == BINARY:
        fault = "is binary data (NUL bytes, and bytes that are no text)"
        return InputError(f"{name}: {fault}: leave it out, or pass --encoding if it is text (utf-16 has NUL bytes)")
    fix = "segtool cut reads one of its columns with --column" if kind == PARQUET else "save its text as UTF-8"
    return InputError(f"{name}: is {kind}, no text: leave it out; {fix}")


def text_pieces(file: UnpackedFile, name: str, encoding: str, as_is: bool = False) -> Iterator[bytes]:
    r"""Give the pieces of a file that is text.

    The ends of lines become ``\n`` in a file whose first block has ``\r`` and no ``\n``, as old Macs wrote, but not
    if the text is wanted as it is.

    Raises
    ------
    InputError
        If the file is of a common kind that is no text; other errors are those of `file`.
    """
    pieces = iter(file.pieces)
    head = next(pieces, b"")
    kind = kind_of_content(head, encoding)
    if kind is not None and kind != BINARY:  # of other binary data, decoding names the place
        raise refused(name, kind)
    pieces = chain([head] if head else [], pieces)
    # what has come from a pipe so far says nothing on the whole
    if not as_is and file.is_regular and b"\r" in head[:-1] and b"\n" not in head and find_codec(encoding)[1]:
        pieces = _with_line_feeds(pieces)
    yield from pieces


def _with_line_feeds(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Replace each ``\r`` that no ``\n`` follows."""
    held = b""
    for piece in pieces:
        data = held + piece
        held = data[-1:] if data.endswith(b"\r") else b""
        yield re.sub(rb"\r(?!\n)", b"\n", data[: len(data) - len(held)])
    if held:
        yield b"\n"
