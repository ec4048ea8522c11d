"""Files of blocks with an index beside them, in a directory with a card (:mod:`segtool.store.cards`).

``NAME.bin`` holds the blocks one behind the other, ``NAME_index.npy`` a record for each. The file is read and not
mapped, since mapped pages count as memory; a block has a checksum of its own, so that only what is used is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from segtool.errors import ModelError
from segtool.ngrams.blocks import DamagedBlock
from segtool.store.cards import CardFormat, write_array

__all__ = ["BLOCK_RECORD", "BlockReader", "BlockWriter"]

BLOCK_RECORD = np.dtype([("end", "<i8"), ("offset", "<i8"), ("bytes", "<i8"), ("crc32", "<u4")])
"""Where the content of a block ends; where it stands in its file, its size and its checksum."""
Content = TypeVar("Content")


class BlockWriter:
    """Appends blocks to a file, and keeps their index.

    Every method raises :class:`OSError` if the disk fails or is full.

    Parameters
    ----------
    folder : Path
    name : str
        Without the endings.

    Attributes
    ----------
    end : int
        Where the content of the last block ends.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._file = open(folder / f"{name}.bin", "wb")  # noqa: SIM115
        self._rows: list[tuple[int, int, int, int]] = []
        self._size = self._crc32 = self.end = 0

    def add(self, data: bytes, end: int) -> None:
        """Append a block."""
        self._file.write(data)
        self._rows.append((end, self._size, len(data), zlib.crc32(data)))
        self._crc32 = zlib.crc32(data, self._crc32)
        self._size += len(data)
        self.end = end

    def finish(self) -> dict[str, dict[str, Any]]:
        """Write the index; give what the card says of both files."""
        self.close()
        entry = {"bytes": self._size, "crc32": f"{self._crc32:08x}"}
        index = write_array(self._folder, f"{self._name}_index", np.array(self._rows, BLOCK_RECORD))
        return {f"{self._name}.bin": entry} | index

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class BlockReader:
    """Reads blocks of a file by their index; several threads may do so at a time.

    Parameters
    ----------
    form : CardFormat
        Of the directory.
    folder : Path
    name : str
        Without the endings.
    card : dict
        Of the directory.

    Attributes
    ----------
    ends : ndarray of int64, shape (blocks,)
        Where the content of each block ends.

    Raises
    ------
    ModelError
        If a file is missing or the index damaged.
    """

    def __init__(self, form: CardFormat, folder: Path, name: str, card: dict[str, Any]) -> None:
        self._form = form
        self._file = form.find_file(folder, f"{name}.bin", card, verify=False)
        self._index = np.array(form.open_array(folder, f"{name}_index", card, BLOCK_RECORD))
        self.ends = self._index["end"].astype(np.int64)
        sizes = self._index["bytes"]
        offsets = np.cumsum(sizes) - sizes
        whole = int(sizes.sum()) == card["arrays"][f"{name}.bin"]["bytes"] and bool(np.all(sizes >= 0))
        if not whole or np.any(offsets != self._index["offset"]) or np.any(np.diff(self.ends, prepend=0) < 0):
            raise self.damaged("its index")

    def read(self, i: int, unpack: Callable[[bytes], Content]) -> Content:
        """Content of a block.

        Parameters
        ----------
        i : int
        unpack : callable
            Makes the content of the bytes, or raises :class:`DamagedBlock`.

        Raises
        ------
        ModelError
            If the block is damaged or cannot be read.
        """
        _, offset, size, crc32 = self._index[i].tolist()
        try:
            with open(self._file, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        except FileNotFoundError:
            raise ModelError(f"{self._file}: missing from the {self._form.what}: {self._form.fix}") from None
        except OSError as error:
            what = error.strerror or error
            raise ModelError(f"{self._file}: {what}: check the permissions of the {self._form.what}") from None
        if len(data) != size or zlib.crc32(data) != crc32:
            raise self.damaged(f"block {i}: wrong checksum")
        try:
            return unpack(data)
        except DamagedBlock as error:
            raise self.damaged(f"block {i}: {error}") from None

    def damaged(self, what: str) -> ModelError:
        """Error of a file of which something is damaged."""
        return ModelError(f"{self._file}: damaged ({what}): {self._form.fix}")
