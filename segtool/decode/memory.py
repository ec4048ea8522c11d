"""Working memory of decoders, kept between calls."""

from __future__ import annotations

import functools
import sys
import threading

import numpy as np

from segtool.decode.block import SLACK, SPAN, Scratch
from segtool.runtime.arrays import Bytes

__all__ = ["KEPT_BYTES", "ROOM", "SHORT", "Memory", "ShortMemory", "memory_of_words", "working"]

ROOM = 1 << 12
"""Tokens of a block; more is taken where that is too little for what stays open."""

SHORT = 1 << 11
"""Characters up to which a text is cut in one call, which keeps Python's lock; for longer ones the lock is free."""

KEPT_BYTES = 1 << 23
"""Room for the output up to this size is kept between calls."""


class ShortMemory:
    """Working memory for short texts.

    Attributes
    ----------
    short : tuple of ndarray
        The scratch as a whole, and the output.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.short = scratch.whole, np.empty(4 * SHORT * SPAN + SLACK, np.uint8)


class Memory(threading.local):
    """Working memory, one for each thread.

    Attributes
    ----------
    scratch : Scratch
    short
        As of :class:`ShortMemory`.
    """

    def __init__(self) -> None:
        self.scratch = Scratch(ROOM)
        self.short = ShortMemory(self.scratch).short
        self.out = np.empty(1 << 12, np.uint8)

    def out_of(self, size: int) -> Bytes:
        """Give room for an output of a size."""
        if size > KEPT_BYTES:
            return np.empty(size, np.uint8)
        if len(self.out) < size:
            self.out = np.empty(2 * size + size % 8, np.uint8)
        return self.out


working = Memory()


@functools.cache
def memory_of_words() -> ShortMemory | Memory:
    """Give the memory for lists of strings from short texts.

    All threads share it where Python has its lock, which the kernel keeps: to make strings never lets other code run.
    To find the memory of a thread takes longer.
    """
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return ShortMemory(Scratch(ROOM)) if has_lock else working
