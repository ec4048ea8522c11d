"""Whole lines of a text that comes in pieces, and work on them in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from segtool.errors import InputError
from segtool.runtime.workers import in_order, text_groups

__all__ = ["GROUPED", "complete_lines", "decoded", "write_lines"]

GROUPED = 1 << 14
"""Characters of the lines that a thread takes at a time."""


def decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    """Decode pieces of UTF-8, in which lone surrogates are allowed."""
    return (piece.decode("utf-8", "surrogatepass") for piece in pieces)


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


def write_lines(
    pieces: Iterable[bytes],
    write: Callable[[list[tuple[str, int]]], bytes],
    most: int,
    fault: str,
    numbers: Iterator[int],
    workers: int,
) -> Iterator[bytes]:
    """Work on the lines of a text that comes in pieces of UTF-8, as soon as they are complete.

    Parameters
    ----------
    pieces : iterable of bytes
        A piece may end anywhere but inside a character.
    write : callable
        Given some lines and their numbers, returns what is written for them.
    most, fault
        As for :func:`complete_lines`.
    numbers : iterator of int
        Numbers for the lines.
    workers : int
        Threads.

    Yields
    ------
    bytes
    """
    for lines in complete_lines(decoded(pieces), most, fault):
        groups = text_groups(lines, GROUPED)
        yield from in_order(write, (list(zip(group, numbers, strict=False)) for group in groups), workers)
