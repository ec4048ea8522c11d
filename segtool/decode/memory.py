"""Working memory of decoders, kept between calls."""

from __future__ import annotations

import ctypes
import functools
import sys
import threading

import numpy as np

from segtool.decode.block import Scratch
from segtool.decode.short_texts import SHORT_ROOM
from segtool.runtime.arrays import Bytes

__all__ = ["KEPT_BYTES", "ROOM", "Memory", "ShortMemory", "shared_memory", "working"]

ROOM = 1 << 12
"""Tokens of a block; more is taken where that is too little for what stays open."""

KEPT_BYTES = 1 << 23
"""Room for the output up to this size is kept between calls."""

KEPT_WORDS = 1 << 13
"""Short words that are kept as strings, to be given again."""


class ShortMemory:
    """Working memory for short texts.

    Attributes
    ----------
    arrays : tuple of ndarray
        The scratch as a whole, the output, and the words that are kept; see
        :func:`segtool.decode.short_texts.cut_short`.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._words = np.zeros(KEPT_WORDS, [("key", np.int64), ("word", object)])  # owns the words
        view = (ctypes.c_int64 * (2 * KEPT_WORDS)).from_address(self._words.ctypes.data)
        self.arrays = scratch.whole, np.empty(SHORT_ROOM, np.uint8), np.frombuffer(view, np.int64)


class Memory(threading.local):
    """Working memory, one for each thread.

    Attributes
    ----------
    scratch : Scratch
    """

    def __init__(self) -> None:
        self.scratch = Scratch(ROOM)
        self.out = np.empty(1 << 12, np.uint8)

    def out_of(self, size: int) -> Bytes:
        """Give room for an output of a size."""
        if size > KEPT_BYTES:
            return np.empty(size, np.uint8)
        if len(self.out) < size:
            self.out = np.empty(2 * size + size % 8, np.uint8)
        return self.out

    @functools.cached_property
    def short(self) -> ShortMemory:
        """Memory for short texts."""
        return ShortMemory(self.scratch)


working = Memory()


@functools.cache
def shared_memory() -> ShortMemory | None:
    """Give the memory for short texts that all threads share; None in a Python without a lock.

    The kernels keep the lock and let no other code run. To find the memory of a thread would take longer.
    """
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return ShortMemory(Scratch(ROOM)) if has_lock else None
