"""Files that may come from elsewhere: opened only if they are what they should be.

A ``.npy`` file holds one array. Its header is compared with that of the array that is expected, so that nothing in it
is evaluated, and the length of the array follows from the size of the file. A process maps a file once, as long as
somebody uses it: a map takes a descriptor.
"""

from __future__ import annotations

import os
import re
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from segtool.runtime.arrays import Bytes

__all__ = ["HeaderError", "map_file", "parse_array", "view_array"]

_NUMPY = b"\x93NUMPY\x01\x00"
_START = len(_NUMPY) + 2
_ALIGNMENT = 64
"""Bytes that numpy aligns the elements to."""
_HEADER = re.compile(r"\{'descr': (.+), 'fortran_order': False, 'shape': \(([0-9, ]*)\), \}")
_NUMBERS = re.compile(r"'[<|](b1|[iuf][1248])'")
_maps: WeakValueDictionary[Any, Bytes] = WeakValueDictionary()
"""Maps in use, by the identity of the file. No lock guards it: a process could be forked while it is held."""


class HeaderError(ValueError):
    """A file is no array; or, if `is_array`, it is another one than expected."""

    def __init__(self, is_array: bool) -> None:
        super().__init__("another array" if is_array else "no array")
        self.is_array = is_array


def map_file(file: BinaryIO) -> Bytes:
    """Map a regular file into memory, to be read only; the file may be closed afterwards."""
    status = os.fstat(file.fileno())
    if status.st_size == 0:  # an empty file cannot be mapped
        return np.zeros(0, np.uint8)
    key = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    known = _maps.get(key)
    if known is None:
        known = _maps[key] = np.memmap(file, np.uint8, "r")
    return known


def view_array(data: Bytes, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """View the content of a ``.npy`` file as the one-dimensional array that it is.

    Raises
    ------
    HeaderError
        If it is anything else.
    """
    text, offset = _header(data[: _START + (1 << 16)].tobytes())
    found = _HEADER.fullmatch(text)
    if not found or "O" in found[1]:
        raise HeaderError(False)
    layout = np.dtype(dtype)
    length, rest = divmod(len(data) - offset, layout.itemsize)
    if rest or found[1] != repr(np.lib.format.dtype_to_descr(layout)) or found[2] != f"{length},":
        raise HeaderError(True)
    return np.asarray(data)[offset:].view(layout)


def parse_array(data: bytes) -> npt.NDArray[Any]:
    """Make an array of numbers, of any shape, of the content of a ``.npy`` file; HeaderError if it is none."""
    text, offset = _header(data)
    found = _HEADER.fullmatch(text)
    if not found or not _NUMBERS.fullmatch(found[1]):
        raise HeaderError(False)
    layout = np.dtype(found[1].strip("'"))
    shape = [int(each) for each in re.findall(r"[0-9]{1,18}", found[2])]
    elements = 1
    for each in shape:  # numbers of Python, which do not overflow
        elements *= each
    if elements * layout.itemsize != len(data) - offset or len(shape) > 2:
        raise HeaderError(True)
    return np.frombuffer(data, layout, offset=offset).reshape(shape).copy()


def _header(data: bytes) -> tuple[str, int]:
    """Return the description of an array, and where its elements begin."""
    offset = _START + int.from_bytes(data[len(_NUMPY) : _START], "little")
    if not data.startswith(_NUMPY) or offset % _ALIGNMENT or offset > len(data):
        raise HeaderError(False)
    return data[_START:offset].decode("latin-1").rstrip(" \n"), offset
