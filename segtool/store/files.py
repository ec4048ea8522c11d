"""Reading files of any compression, and replacing files and folders as a whole.

Reading recognises the compression (gz, bz2, xz, zst) by the first bytes, not by the name, and detects archives that end
early. Writing goes to a temporary name beside the target, which is then renamed: after a full disk, an interrupt or a
crash the target is the old one, never a part of the new one.
"""

from __future__ import annotations

import bz2
import errno
import io
import logging
import lzma
import os
import re
import shutil
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from segtool.errors import InputError, OutputError, UsageError

__all__ = ["UnpackedFile", "as_output_errors", "atomic_directory", "atomic_file"]

_LOGGER = logging.getLogger(__name__)
_BUFFER_BYTES = 1 << 20
# Small, because repetitive text can unpack to a thousand times its size in one call.
_PACKED_BYTES = 1 << 14
# A file that ends within the magic bytes counts as compressed, unless these may be a short text ("BZh9").
_MAGIC = re.compile(
    rb"(?P<gz>\x1f\x8b(?:\x08|\Z))|(?P<xz>\xfd7(?:zXZ\0|z?X?Z?\Z))"
    rb"|(?P<zst>\x28\xb5(?:\x2f\xfd|\x2f?\Z)|[\x50-\x5f]\x2a\x4d\x18)"
    rb"|(?P<bz2>BZh[1-9](?:1AY&SY|\x17rE8P\x90|1A?Y?&?S?\Z))"
)
_MAGIC_BYTES = 10
_MAGIC_FIRST = b"\x1f\xfd\x28" + bytes(range(0x50, 0x60)) + b"B"
_FIXES = {
    errno.ENOENT: "create the folder {parent} or pass another -o",
    errno.ENOTDIR: "part of the path is a file: pass another -o",
    errno.EACCES: "change the permissions or pass another -o",
    errno.EPERM: "change the permissions or pass another -o",
    errno.EROFS: "pass an -o on a disk that can be written",
    errno.ENOSPC: "free some space or pass an -o on another disk",
    errno.EDQUOT: "free some space or pass an -o on another disk",
    errno.EISDIR: "pass the name of a file with -o",
}


class UnpackedFile(io.RawIOBase):
    """The decompressed bytes of a file or of standard input.

    Parameters
    ----------
    path : Path or None
        The file; None for standard input, which `close` leaves open, and which reads as empty if it is closed.
    name : str
        Its name in messages.
    progress : callable or None
        Called with the number of compressed bytes read since the last call.

    Attributes
    ----------
    pieces : iterator of bytes
        The content; use either this or ``read``.
    size : int
        Decompressed bytes so far.

    Raises
    ------
    InputError
        If the file cannot be opened; while reading, if it cannot be read, is damaged or ends early.
    """

    def __init__(self, path: Path | None, name: str, progress: Callable[[int], object] | None = None) -> None:
        self.pieces = self._unpack()
        self.size = 0
        self._name = name
        self._progress = progress
        self._rest = b""
        self._file: io.FileIO | None = None
        if path is not None:
            try:
                self._file = open(path, "rb", buffering=0)  # noqa: SIM115
            except ValueError as exc:  # a name with a null character
                raise InputError(f"{name}: cannot be read: {exc}") from exc
            except OSError as exc:
                raise InputError(f"{name}: cannot be read: {_reason(exc)}") from exc
            self._read_some: Callable[[int], bytes | None] = self._file.read
        elif sys.stdin is None or sys.stdin.closed:
            self._read_some = io.BytesIO().read
        else:
            # read1 returns what a pipe or a terminal holds; read would wait for the full size.
            stdin: Any = sys.stdin.buffer
            self._read_some = getattr(stdin, "read1", None) or stdin.read

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return the number of bytes, 0 at the end."""
        self._rest = self._rest or next(self.pieces, b"")
        size = min(len(self._rest), len(buffer))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        """Close the file, but never standard input."""
        if not self.closed and self._file is not None:
            self._file.close()
        super().close()

    def _read(self, size: int) -> bytes:
        try:
            piece = self._read_some(size) or b""
        except OSError as exc:
            raise InputError(f"{self._name}: cannot be read: {_reason(exc)}") from exc
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
                    data: bytes = member.decompress(piece)
                except damage as exc:
                    raise InputError(
                        f"{self._name}: compressed data is damaged (after {self.size} bytes of text: {exc}): "
                        "fetch or compress it again"
                    ) from exc
                if data:
                    self.size += len(data)
                    yield data
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
            return lambda: zlib.decompressobj(wbits=31), (zlib.error,)
        if kind == "bz2":
            return bz2.BZ2Decompressor, (OSError, ValueError)
        if kind == "xz":
            return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), (lzma.LZMAError,)
        try:
            import zstandard
        except ImportError as exc:
            raise InputError(
                f"{self._name}: is zstd-compressed, which needs a package: pip install 'segtool[zstd]'"
            ) from exc
        # decompressobj reports whether a frame has ended; stream_reader returns short data without an error.
        return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj, (zstandard.ZstdError,)


@contextmanager
def atomic_file(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[BinaryIO]:
    """Replace a file as a whole, or leave it as it is.

    A link is followed, an existing file keeps its permission bits, and a device or a pipe (``/dev/null``,
    ``/dev/stdout``) is written directly.

    Parameters
    ----------
    path : str or PathLike
        The file to write.
    mode : {"wb", "w+b"}
        ``"w+b"`` also allows reading and seeking.

    Yields
    ------
    BinaryIO
        An open file in the folder of the target, renamed to the target when the block ends without error.

    Raises
    ------
    OutputError
        On entry if the target cannot be written, later if the disk fails.
    UsageError
        For another mode.
    """
    if mode not in ("wb", "w+b"):
        raise UsageError(f"mode must be 'wb' or 'w+b', not {mode!r}")
    shown = os.fspath(path)
    target = Path(os.path.realpath(shown))
    standard = _standard_stream(shown)
    with _naming(shown, target):
        status = target.stat() if standard is None and target.exists() else None
        if shown.endswith(os.sep) or (status and stat.S_ISDIR(status.st_mode)):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if status and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if standard is not None or (status and not stat.S_ISREG(status.st_mode)):
        # Opening a standard stream anew would truncate the file it is redirected to.
        with _naming(shown, target), open(shown if standard is None else os.dup(standard), mode) as file:
            yield cast(BinaryIO, file)
        return
    temporary = _beside(target, "tmp")
    try:
        with _naming(shown, temporary):
            # os.open applies the umask, where tempfile would make the output private.
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            with open(handle, mode) as file:
                if status:
                    os.chmod(temporary, stat.S_IMODE(status.st_mode))
                yield cast(BinaryIO, file)
                if not file.closed:
                    file.flush()
                    os.fsync(handle)
            os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_directory(path: str | os.PathLike[str], *, marker: str = "card.json") -> Iterator[Path]:
    """Replace a folder as a whole, or leave it as it is.

    Parameters
    ----------
    path : str or PathLike
        The folder to write; links are followed. It may exist if it is empty or holds the marker.
    marker : str
        Name of the file by which a folder that may be replaced is recognised.

    Yields
    ------
    Path
        An empty folder beside the target, renamed to the target when the block ends without error.

    Raises
    ------
    OutputError
        On entry if the target cannot be written or holds something else, later if the disk fails.
    """
    shown = os.fspath(path)
    target = Path(os.path.realpath(shown))
    temporary, aside = _beside(target, "tmp"), _beside(target, "old")
    try:
        with _naming(shown, target, temporary, aside):
            _check_replaceable(shown, target, marker)
            os.mkdir(temporary)
            yield temporary
            _sync(temporary)
            # The block may have run for hours, and the target may have changed.
            _check_replaceable(shown, target, marker)
            _swap(shown, temporary, target, aside)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if os.path.exists(aside) and os.path.exists(target):
            shutil.rmtree(aside, ignore_errors=True)
            if os.path.exists(aside):
                _LOGGER.warning("%s is written, but its old version is still at %s: delete it", shown, aside)


@contextmanager
def as_output_errors(folder: Path) -> Iterator[None]:
    """Raise errors of writing into a folder for temporary files as ones that name the folder.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    OutputError
        If the disk is full or fails, or the folder cannot be written.
    """
    try:
        yield
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "free some space or pass --tmp on another disk" if full else "pass another --tmp"
        raise OutputError(f"{folder}: temporary files cannot be written: {_reason(exc)}; {fix}") from exc


def _standard_stream(path: str) -> int | None:
    path = os.path.abspath(path)
    numbered = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", path)
    return int(numbered[1]) if numbered else {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)


def _reason(exc: OSError) -> str:
    return exc.strerror or str(exc) or type(exc).__name__


def _beside(target: Path, ending: str) -> Path:
    # The target may use all 255 bytes that a name can have.
    return target.parent / f".{target.name[:50]}.{os.urandom(4).hex()}.{ending}"


@contextmanager
def _naming(shown: str, *own: Path) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, ChildProcessError, TimeoutError):
        # Not about the disk: a closed pipe ends a command quietly, so the caller needs this very error.
        raise
    except OSError as exc:
        name = exc.filename
        # Errors of write and flush name no file; one that names another file is not about this output.
        if isinstance(name, str) and name != shown and not name.startswith(tuple(map(str, own))):
            raise
        fix = _FIXES.get(exc.errno or 0, "pass another -o").format(parent=own[0].parent)
        raise OutputError(f"{shown}: cannot be written: {_reason(exc)}; {fix}") from exc


def _check_replaceable(shown: str, target: Path, marker: str) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{shown}: is a file, not a folder: remove it or pass another -o")
    if os.path.ismount(target) or os.path.samefile(target, "."):
        raise OutputError(f"{shown}: cannot replace a mount point or the current folder: pass -o a folder inside it")
    entries = os.listdir(target)
    if entries and marker not in entries:
        raise OutputError(f"{shown}: holds files but no {marker}, so it is kept as it is: empty it or pass another -o")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _sync(folder: Path) -> None:
    flags = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY
    for file in folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, flags)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _swap(shown: str, temporary: Path, target: Path, aside: Path) -> None:
    try:
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            os.rename(target, aside)
        os.rename(temporary, target)
    except BaseException as exc:
        if aside.exists() and not target.exists():
            try:
                os.rename(aside, target)
            except OSError:
                message = f"{shown}: cannot be written; what was there is now at {aside}: rename it back"
                raise OutputError(message) from exc
        raise
