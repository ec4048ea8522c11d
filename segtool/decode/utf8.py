"""UTF-8 in, UTF-8 out: the kernel of :mod:`segtool.decode.utf8_kernel` with its working memory."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from segtool.decode.utf8_kernel import SLACK, cut_utf8, scratch_of
from segtool.runtime.arrays import Bytes

__all__ = ["cut"]

ROOM = 1 << 12
"""Tokens of a block; more is taken where that is too little for what stays open."""

KEPT_BYTES = 1 << 23
"""Room for the output up to this size is kept between calls."""


class _Scratch(threading.local):
    """Working memory, one for each thread."""

    def __init__(self) -> None:
        self.tables = scratch_of(ROOM)
        self.out = np.empty(1 << 12, np.uint8)


_scratch = _Scratch()


def cut(
    tables: tuple[Any, ...], data: bytes, separator: Bytes, final: bool = True, before: int = 0, open_line: bool = False
) -> tuple[Bytes, int, int, bool]:
    """Cut a text.

    Parameters
    ----------
    tables : tuple
        Of a decoder (:class:`segtool.decode.decoders.Decoder`).
    data, separator, final, before, open_line
        See :func:`segtool.decode.utf8_kernel.cut_utf8`.

    Returns
    -------
    out : ndarray of uint8
        Valid until the next call in the same thread.
    consumed, before, open_line
        As there; if `final`, all is consumed.
    """
    need = len(data) * (1 + len(separator)) + SLACK
    out = _scratch.out
    if len(out) < need:
        out = np.empty(need if need > KEPT_BYTES else 2 * need, np.uint8)
        if need <= KEPT_BYTES:
            _scratch.out = out
    points = np.frombuffer(data, np.uint8)
    kernel = cut_utf8.compiled
    size, consumed, before, open_line, stuck = kernel(
        points, final, before, open_line, separator, *tables, *_scratch.tables, out
    )
    room = ROOM
    while stuck:
        room *= 4
        more, rest, before, open_line, stuck = kernel(
            points[consumed:], final, before, open_line, separator, *tables, *scratch_of(room), out[size:]
        )
        size += more
        consumed += rest
    return out[:size], consumed, before, open_line
