"""Lines of a corpus prepared for learning: wrapped lines joined, repeated lines left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from segtool.text.symbols import PART, last_break

__all__ = ["join_wrapped", "leave_out_repeats", "line_keys"]


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
