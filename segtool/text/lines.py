"""Whole lines of a text that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from segtool.errors import InputError

__all__ = ["complete_lines"]


def complete_lines(pieces: Iterable[str], most: int, fault: str) -> Iterator[list[str]]:
    """Give the lines that each piece completes, without their ends; the last one may lack its end.

    Parameters
    ----------
    pieces : iterable of str
    most : int
        Greatest length of a line, in characters, about.
    fault : str
        What a longer line lacks, and what to do, for the message.

    Yields
    ------
    list of str

    Raises
    ------
    InputError
        For a longer line.
    """
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if "\n" in piece:
            *lines, rest = "".join(waiting).split("\n")
            yield lines
            waiting, size = [rest], len(rest)
        if size > most:
            raise InputError(f"a line of more than {most:,} characters {fault}")
    rest = "".join(waiting)
    if rest:
        yield [rest]
