"""Working memory of decoders, kept between calls."""

from __future__ import annotations

import threading

import numpy as np

from segtool.decode.block import SLACK, SPAN, Scratch
from segtool.runtime.arrays import Bytes

__all__ = ["KEPT_BYTES", "ROOM", "SHORT", "Memory"]

ROOM = 1 << 12
"""Tokens of a block; more is taken where that is too little for what stays open."""

SHORT = 1 << 11
"""Characters up to which a text is cut in one call, which keeps Python's lock; for longer ones the lock is free."""

KEPT_BYTES = 1 << 23
"""Room for the output up to this size is kept between calls."""


class Memory(threading.local):
    """Working memory, one for each thread.

    Attributes
    ----------
    scratch : Scratch
    short : ndarray of uint8
        Output for a short text.
    short_places : ndarray of int64, shape (n, 2)
        The same as places of words.
    """

    def __init__(self) -> None:
        self.scratch = Scratch(ROOM)
        self.out = np.empty(1 << 12, np.uint8)
        self.short = np.empty(4 * SHORT * SPAN + SLACK, np.uint8)
        self.short_places = self.short[:-SLACK].view(np.int64).reshape(-1, 2)

    def out_of(self, size: int) -> Bytes:
        """Give room for an output of a size."""
        if size > KEPT_BYTES:
            return np.empty(size, np.uint8)
        if len(self.out) < size:
            self.out = np.empty(2 * size + size % 8, np.uint8)
        return self.out
