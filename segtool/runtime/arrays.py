"""Names for the types of arrays that the stages exchange."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Bytes", "Codes", "Floats", "Ids", "Integers", "Places", "Singles"]

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
