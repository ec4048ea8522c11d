"""Lines of a corpus prepared for learning: wrapped lines joined, repeated lines left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from segtool.text.symbols import C_LATIN, C_LETTER, PART, class_table, last_break

__all__ = ["join_wrapped", "join_wrapped_utf8", "leave_out_repeats", "line_keys"]


def join_wrapped(blocks: Iterable[str], width: int) -> Iterator[str]:
    r"""Join lines of at least `width` characters with the next line.

    Where such a line ends in a mark, this makes no difference: the mark ends the run.

    Parameters
    ----------
    blocks : iterable of str
        Text of one source. Only "\n" ends a line; a block may end within one.
    width : int

    Yields
    ------
    str
        Blocks that end where a run ends, or after :data:`segtool.text.symbols.PART` characters.
    """
    held = ""
    begun = 0  # characters of the line within which the last block ended
    for block in blocks:
        *lines, rest = block.split("\n")
        parts = [held]
        for line in lines:
            text = line.removesuffix("\r")
            parts.append(text if begun + len(text) >= width else text + "\n")
            begun = 0
        begun += len(rest)
        text = "".join([*parts, rest])
        end = len(text) if text.endswith("\n") or len(text) > PART else last_break(text)
        if end:
            yield text[:end]
        held = text[end:]
    if held:
        yield held


def join_wrapped_utf8(pieces: Iterable[bytes], width: int) -> Iterator[bytes]:
    r"""Join lines of at least `width` characters with the next line, unless that is empty, so that each is a paragraph.

    Between two letters that are no Han characters, such as Latin ones, a space takes the place of the line end.

    Parameters
    ----------
    pieces : iterable of bytes
        The text as UTF-8; a piece may end anywhere but inside a character. Lines end in "\n" or "\r\n".
    width : int
        1 or more.

    Yields
    ------
    bytes
        The text with joined lines; lines that are not to be joined as soon as they are complete.
    """
    held, before, begun = "", "", 0
    for piece in pieces:
        text, held, before, begun = _join_piece(held + piece.decode("utf-8", "surrogatepass"), before, begun, width)
        if text:
            yield text.encode("utf-8", "surrogatepass")
    if held:
        yield held.encode("utf-8")


def _join_piece(text: str, before: str, begun: int, width: int) -> tuple[str, str, str, int]:
    """Join lines of a piece of text.

    `begun` is the number of characters of its first line that came in earlier pieces, and `before` the last one of
    them. The result is the text, what is held of it until more is known, and both for the line in which that begins.
    """
    *lines, rest = text.split("\n")
    parts: list[str] = []
    for i, line in enumerate(lines):
        body = line.removesuffix("\r")
        end, follows = line[len(body) :] + "\n", lines[i + 1] if i + 1 < len(lines) else rest
        parts.append(body)
        before, begun = body[-1:] or before, begun + len(body)
        if begun >= width:
            if follows.removesuffix("\r"):
                end = " " if _separates(before) and _separates(follows[0]) else ""
            elif i + 1 == len(lines):
                return "".join(parts), end + follows, before, begun
        parts.append(end)
        before, begun = "", 0
    body = rest.removesuffix("\r")
    return "".join([*parts, body]), rest[len(body) :], body[-1:] or before, begun + len(body)


def _separates(character: str) -> bool:
    """Whether a line end beside a character stands for a space: beside letters that are no Han characters."""
    return class_table()[ord(character)] in (C_LATIN, C_LETTER)


def leave_out_repeats(blocks: Iterable[str]) -> Iterator[str]:
    """Leave out lines that were there before; numbers and whitespace at either end make no difference.

    Counting sees every number as the same symbol. Eight bytes are kept of each different line.
    """
    seen = _Seen()
    for block in blocks:
        lines = block.split("\n")
        hashes = np.frombuffer(b"".join(line_keys(block)), "<u8")
        yield "\n".join(lines[i] for i in seen.add(hashes))


def line_keys(block: str) -> Iterator[bytes]:
    """Give eight bytes for each line of a block: the same for lines of which one is left out.

    A byte order mark at the begin makes no difference either.
    """
    for line in re.sub(r"\d+", "0", block).split("\n"):
        key = line.strip().removeprefix("\ufeff").lstrip()
        yield blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()


class _Seen:
    """Numbers that were there before, in sorted arrays, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._arrays: list[npt.NDArray[np.uint64]] = []

    def add(self, numbers: npt.NDArray[np.uint64]) -> list[int]:
        """Add numbers; returns the places of the new ones, each once, ascending."""
        different, places = np.unique(numbers, return_index=True)
        is_new = np.ones(len(different), np.bool_)
        for array in self._arrays:
            is_new &= array[np.minimum(np.searchsorted(array, different), len(array) - 1)] != different
        if is_new.any():
            self._arrays.append(different[is_new])
        while len(self._arrays) > 1 and len(self._arrays[-2]) < 2 * len(self._arrays[-1]):
            last = self._arrays.pop()
            self._arrays[-1] = np.union1d(self._arrays[-1], last)
        return sorted(places[is_new].tolist())
