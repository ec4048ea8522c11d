"""Script folding: simplified and traditional characters, and compatibility forms, count as one.

A model that folds replaces every Han character by the simplified one in ``fold.txt`` (written by
``scripts/make_fold.py``) before it counts or looks up, one for one: no text changes its length. Words keep the
characters of the input. Characters of other classes fold to themselves.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from segtool.runtime.arrays import Codes
from segtool.text.symbols import CODE_LIMIT, code_points

__all__ = ["fold_table", "fold_text"]


@functools.cache
def fold_table() -> Codes:
    """Folded code of every code below ``CODE_LIMIT``; read-only. Folding twice is folding once."""
    text = Path(__file__).with_name("fold.txt").read_text(encoding="ascii")
    # six hexadecimal digits a code: three bytes, big-endian
    digits = np.frombuffer(bytes.fromhex(text[text.index("\n") :]), np.uint8).reshape(-1, 2, 3)
    pairs = digits.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    table = np.arange(CODE_LIMIT, dtype=np.uint32)
    table[pairs[:, 0]] = pairs[:, 1]
    table.flags.writeable = False
    return table


def fold_text(text: str) -> str:
    """Fold every character of a text, which keeps its length."""
    points = code_points(text).copy()
    here = points < CODE_LIMIT
    points[here] = fold_table()[points[here]]
    return points.tobytes().decode("utf-32-le", "surrogatepass")
