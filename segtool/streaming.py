"""Cutting a stream: pieces of text in, UTF-8 bytes out, whatever the length of lines.

A piece is cut as soon as it comes. What its end leaves open (half a number, a word that may go on) is
kept and cut with the next piece, knowing the symbol before it, so that the result is that of cutting the
whole text at once, and memory follows the size of a piece. With several workers the whole lines of each
piece are shared out between them; nothing waits for the next piece, which may be a line that someone has
yet to type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from segtool.decode import join_utf8
from segtool.segmenter import Segmenter
from segtool.symbols import MARK, code_points

__all__ = ["cut_stream"]


def cut_stream(segmenter: Segmenter, pieces: Iterable[str], separator: str = " ", workers: int = 1) -> Iterator[bytes]:
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

    Yields
    ------
    bytes
        The text in UTF-8, line by line as it came, with its words separated. Other whitespace than
        line ends is replaced by the separator.
    """
    cutter = _Cutter(segmenter, separator)
    if workers == 1:
        for piece in pieces:
            yield cutter.cut(piece)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for piece in pieces:
                head = piece.find("\n") + 1 if cutter.in_line else 0
                cuts = [head + (len(piece) - head) * i // workers for i in range(workers + 1)]
                cuts = sorted({piece.rfind("\n", head, cut) + 1 or head for cut in cuts})
                yield cutter.cut(piece[:head])
                parts = [piece[low:high] for low, high in pairwise(cuts)]
                yield from pool.map(lambda lines: _Cutter(segmenter, separator).cut(lines), parts)
                yield cutter.cut(piece[cuts[-1] :])
    yield cutter.cut("", final=True)


class _Cutter:
    """Cuts a stream piece by piece and keeps what is left open."""

    def __init__(self, segmenter: Segmenter, separator: str) -> None:
        self._segmenter = segmenter
        self._separator = separator.encode("utf-8", "surrogateescape")
        self._kept = ""
        self._before = MARK  # the symbol that what is kept goes on behind
        self._waiting: list[str] = []
        self._waiting_size = 0
        self._open_line = False

    @property
    def in_line(self) -> bool:
        """Whether the text so far ends inside a line."""
        return bool(self._open_line or self._kept or self._waiting)

    def cut(self, piece: str, final: bool = False) -> bytes:
        """Cut as much as is settled; `final` if nothing follows, or nothing that belongs to this line."""
        final = final or piece.endswith("\n")
        if not piece and not (final and self.in_line):
            return b""
        self._waiting.append(piece)
        self._waiting_size += len(piece)
        if not final and self._waiting_size < len(self._kept):
            return b""  # a token of great length: look at it again when there is twice as much
        text = self._kept + "".join(self._waiting)
        self._waiting, self._waiting_size = [], 0
        if final and not self._open_line and self._segmenter.interprets(len(text)):
            self._kept = ""
            return self._cut_plain(text)
        points = code_points(text)
        starts, ends, consumed, self._before = self._segmenter.decode(points, final, self._before)
        separator = np.frombuffer(self._separator, np.uint8)
        out = np.empty(4 * len(points) + len(starts) * len(separator) + 1, np.uint8)
        size, self._open_line = join_utf8.compiled(
            points, starts, ends, len(starts), consumed, separator, self._open_line, out
        )
        self._kept = text[consumed:]
        return out[:size].tobytes()

    def _cut_plain(self, text: str) -> bytes:
        """Whole lines without compiled code, the last one perhaps without an end."""
        *lines, rest = text.split("\n")
        out = [self._plain_line(line) + (b"\r\n" if line.endswith("\r") else b"\n") for line in lines]
        return b"".join([*out, self._plain_line(rest)])

    def _plain_line(self, line: str) -> bytes:
        words = self._segmenter.cut(line)
        return self._separator.join(word.encode("utf-8", "surrogatepass") for word in words)
