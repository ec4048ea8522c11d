"""Names for the types of arrays that the stages exchange."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Bytes", "Codes", "Floats", "Ids", "Integers", "Places", "Singles", "add_up_keys", "dot"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Codes: TypeAlias = npt.NDArray[np.uint32]
"""Code points of characters, or codes of class symbols."""
Floats: TypeAlias = npt.NDArray[np.float64]
Ids: TypeAlias = npt.NDArray[np.uint16]
"""Symbols, by their place in an array of codes."""
Integers: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]
"""Places in another array."""
Singles: TypeAlias = npt.NDArray[np.float32]


def add_up_keys(counted: Iterable[tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    """Join pairs of keys and counts: the keys in order, each once, with its sum."""
    keys, counts = map(np.concatenate, zip(*counted, strict=True))
    keys, place = np.unique(keys, return_inverse=True)
    total = np.zeros(len(keys), np.int64)
    np.add.at(total, place, counts)
    return keys, total


def dot(a: Floats, b: Floats) -> float:
    """Inner product, without BLAS: its threads would make the sum depend on their number, and wait for each other."""
    return float(np.einsum("i,i->", a, b))
