"""Cutting a corpus, whose text is symbols already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segtool.decode.block import Scratch
from segtool.decode.decoder import Decoder
from segtool.decode.memory import ROOM
from segtool.limits import MOST_OPEN
from segtool.text.symbols import MARK

if TYPE_CHECKING:
    from segtool.text.runs import Chunk

__all__ = ["cut_runs"]


def cut_runs(decoder: Decoder, runs: Chunk) -> npt.NDArray[np.bool_]:
    """Cut a corpus into the words of the best covers, before any rule (:mod:`segtool.decode.word_rules`).

    Parameters
    ----------
    decoder : Decoder
    runs : Chunk

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each symbol of the stream and the next one are of one word.
    """
    ids, stream = decoder.ids[runs.codes], runs.stream
    ends = np.append(np.flatnonzero(stream == MARK) + 1, len(stream))
    joined = np.zeros(len(stream), np.bool_)
    scratch = Scratch(ROOM)
    low = before = 0
    while low < len(stream):  # as many whole runs as there is room for, but at least one
        after, fitting = np.searchsorted(ends, (low, low + scratch.room), "right")
        high = int(ends[max(after, fitting - 1)])
        if high - low > scratch.room and scratch.room < MOST_OPEN:
            scratch = Scratch(min(high - low, MOST_OPEN))
        within = high - low > scratch.room  # the block ends within a run
        high = min(high, low + scratch.room)
        scratch.put(ids[stream[low:high]])
        scratch.symbols[0] = before
        settled = decoder.cover(high - low, high - low - within, scratch)
        if settled == 0:  # as in Decoder.cut
            high = low + MOST_OPEN - 2
            scratch.put(ids[stream[low:high]])
            scratch.symbols[0] = before
            settled = decoder.cover(high - low, high - low, scratch)
        joined[low : low + settled - 1] = scratch.begins[2 : settled + 1] == 0
        low += settled
        before = int(scratch.symbols[settled])
    return joined
