"""Cutting a stream: pieces of text in, UTF-8 bytes out; lines may have any length.

A piece is cut as soon as it comes. The part that its end leaves open (half a number, a word that may go on) is cut with
the next piece, from the symbol before it. So the result is that of cutting the whole text at once, and memory follows
the size of a piece. Several workers share the whole lines of each piece. Nothing waits for the next piece, which may be
a line that a user has yet to type, unless the caller allows it (`ahead`); then pieces are read and written while
workers cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

from segtool.decode.separation import separate_plain, separate_utf8

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = ["cut_stream", "cut_utf8_stream"]

_AHEAD = 4
"""Pieces that workers may take before the first of them is yielded."""


def cut_stream(
    segmenter: Segmenter, pieces: Iterable[str], separator: str = " ", workers: int = 1, keep_space: bool = False
) -> Iterator[bytes]:
    """Cut a text that comes in pieces.

    Parameters
    ----------
    segmenter : Segmenter
    pieces : iterable of str
        The text; a piece may end anywhere.
    separator : str
        Written between two words of a line.
    workers : int
        Threads. The result does not depend on it.
    keep_space : bool
        Whether whitespace stays as it is (:meth:`segtool.segmenter.Segmenter.separate`).

    Yields
    ------
    bytes
        The text in UTF-8, line by line as it came, with its words separated. Other whitespace than
        line ends is replaced by the separator, unless it is kept.
    """
    encoded = (piece.encode("utf-8", "surrogatepass") for piece in pieces)
    return cut_utf8_stream(segmenter, encoded, separator, workers, keep_space=keep_space)


def cut_utf8_stream(
    segmenter: Segmenter,
    pieces: Iterable[bytes],
    separator: str = " ",
    workers: int = 1,
    ahead: bool = False,
    keep_space: bool = False,
) -> Iterator[bytes]:
    """Cut a text that comes in pieces of UTF-8.

    Parameters
    ----------
    segmenter, separator, workers, keep_space
        As for :func:`cut_stream`.
    pieces : iterable of bytes
        The text, which is not checked; a piece may end anywhere but inside a character.
    ahead : bool
        Whether workers may take pieces before earlier ones are yielded; not if a piece may be a reply to those.

    Yields
    ------
    bytes
        As for :func:`cut_stream`.
    """
    kind = _SpaceKeeper if keep_space else _Cutter

    def cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
        return _cut_pieces(lambda: kind(segmenter, separator), pieces, workers, ahead)

    literals = segmenter.literals
    return cut(pieces) if literals is None else literals.around_stream(cut, pieces, separator, keep_space)


def _cut_pieces(
    new_cutter: Callable[[], _Cutter], pieces: Iterable[bytes], workers: int, ahead: bool
) -> Iterator[bytes]:
    """Cut pieces whose literals are hidden."""
    cutter = new_cutter()
    if workers == 1 and not ahead:
        for piece in pieces:
            yield cutter.cut(piece)
    else:
        under_way: deque[list[Future[bytes]]] = deque()  # the shares of each piece
        with ThreadPoolExecutor(workers) as pool:
            for piece in pieces:
                under_way.append([*_shares_of(piece, cutter, new_cutter, workers, pool)])
                if len(under_way) > (_AHEAD if ahead else 0):
                    yield from (share.result() for share in under_way.popleft())
            yield from (share.result() for shares in under_way for share in shares)
    yield cutter.cut(b"", final=True)


def _shares_of(
    piece: bytes, cutter: _Cutter, new_cutter: Callable[[], _Cutter], workers: int, pool: ThreadPoolExecutor
) -> Iterator[Future[bytes]]:
    """Share the whole lines of a piece among workers; what is open before and behind them is cut at once.

    One worker cuts whole pieces one after the other, while others are read and written.
    """
    if workers == 1:
        yield pool.submit(cutter.cut, piece)
        return
    head = piece.find(b"\n") + 1 if cutter.in_line else 0
    cuts = [head + (len(piece) - head) * i // workers for i in range(workers + 1)]
    cuts = sorted({piece.rfind(b"\n", head, cut) + 1 or head for cut in cuts})
    yield _done(cutter.cut(piece[:head]))
    for low, high in pairwise(cuts):
        yield pool.submit(new_cutter().cut, piece[low:high])
    yield _done(cutter.cut(piece[cuts[-1] :]))


def _done(data: bytes) -> Future[bytes]:
    future: Future[bytes] = Future()
    future.set_result(data)
    return future


class _Cutter:
    """Cuts a stream piece by piece and keeps the part that is left open."""

    def __init__(self, segmenter: Segmenter, separator: str) -> None:
        self._segmenter = segmenter
        self._decoder = segmenter._cutter.decoder
        self._separator = separator.encode("utf-8", "surrogatepass")
        self._kept = b""
        self._before = 0  # the symbol before the part that is kept
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._open_line = False

    @property
    def in_line(self) -> bool:
        """Whether the text so far ends inside a line."""
        return bool(self._open_line or self._kept or self._waiting)

    def cut(self, piece: bytes, final: bool = False) -> bytes:
        """Cut as much as is settled; `final` if nothing follows, or nothing that belongs to this line."""
        final = final or piece.endswith(b"\n")
        if not piece and not (final and self.in_line):
            return b""
        self._waiting.append(piece)
        self._waiting_size += len(piece)
        if not final and self._waiting_size < len(self._kept):
            return b""  # a token of great length: look at it again when there is twice as much
        data = self._kept + b"".join(self._waiting)
        self._waiting, self._waiting_size = [], 0
        if final and not self._open_line and self._segmenter.interprets(len(data) // 3):
            self._kept = b""
            return self._cut_plain(data.decode("utf-8", "surrogatepass"))
        out, consumed = self._cut_compiled(data, final)
        self._kept = data[consumed:]
        return out

    def _cut_compiled(self, data: bytes, final: bool) -> tuple[bytes, int]:
        """Cut what is settled; gives the words and how many bytes that was."""
        out, consumed, self._before, self._open_line = self._decoder.cut(
            data, self._separator, final, self._before, self._open_line
        )
        return out.tobytes(), consumed

    def _cut_plain(self, text: str) -> bytes:
        """Whole lines without compiled code, the last one perhaps without an end."""
        *lines, rest = text.split("\n")
        out = [self._plain_line(line) + (b"\r\n" if line.endswith("\r") else b"\n") for line in lines]
        return b"".join([*out, self._plain_line(rest)])

    def _plain_line(self, line: str) -> bytes:
        words = self._segmenter.cut(line)
        return self._separator.join(word.encode("utf-8", "surrogatepass") for word in words)


class _SpaceKeeper(_Cutter):
    """Cuts a stream and keeps its whitespace."""

    _last = 0  # what the last word holds, if nothing is behind it (:func:`segtool.decode.separation.write_separated`)

    def _cut_compiled(self, data: bytes, final: bool) -> tuple[bytes, int]:
        state = self._separator, final, self._before, self._last
        out, consumed, self._before, self._last = separate_utf8(self._decoder, data, *state)
        if consumed:
            self._open_line = data[consumed - 1 : consumed] != b"\n"
        return out.tobytes(), consumed

    def _cut_plain(self, text: str) -> bytes:
        separator = self._separator.decode("utf-8", "surrogatepass")
        spans = self._decoder.plain_spans(text)
        return separate_plain(text, spans, separator).encode("utf-8", "surrogatepass")
