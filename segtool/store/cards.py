"""Directories of arrays with a card: the format of models, language models and count shards.

The card, ``card.json``, holds the kind of directory, the format version, the size and checksum of every other file, and
a checksum of the card itself. Arrays are ``.npy`` files without pickle, opened as memory maps.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from segtool.errors import ModelError, OutputError, fix_of, one_line, reason_of
from segtool.runtime.arrays import Bytes
from segtool.runtime.regular_files import UNFIT, open_regular, read_regular
from segtool.store.leftovers import restore
from segtool.store.npy import HeaderError, map_file, view_array

__all__ = [
    "CARD", "CardFormat", "card_checksum", "copy_file", "is_number", "is_whole", "kind_of", "parse_card", "write_array",
]  # fmt: skip

CARD = "card.json"
MOST_CARD = 1 << 24
"""Greatest size of a card, in bytes."""
_MOST_LEVELS = 200
"""Objects and lists within one another; a model that continues another one has two levels more."""


@dataclass(frozen=True)
class CardFormat:
    """A kind of directory: it writes cards, checks them, and words the errors.

    Reading raises ModelError for all that is missing, damaged, unreadable, or of another kind or version.

    Attributes
    ----------
    name : str
        Its name in the card.
    what, title : str
        Its short and its full name in messages.
    command : str
        The command that makes such a directory.
    verb : str
        The user's action that makes it again, such as "train".
    option : str
        The option that takes such a directory, if there is one.
    advice : str
        What to do about damage, if it is not to restore or make it again.
    """

    name: str
    version: int
    what: str
    title: str
    command: str
    verb: str
    option: str = ""
    advice: str = ""

    @property
    def fix(self) -> str:
        """Advice for a damaged directory."""
        return self.advice or f"restore the {self.what} or {self.verb} it again"

    def check_target(self, path: str | os.PathLike[str]) -> None:
        """Raise OutputError if a directory of another kind would be replaced."""
        try:
            card = parse_card(read_regular(Path(path) / CARD, MOST_CARD))
        except (OSError, ValueError):
            return
        if isinstance(card, dict) and card.get("format", self.name) != self.name:
            kind = one_line(card["format"])
            raise OutputError(f"{os.fspath(path)}: holds {kind}, not a {self.title}: remove it or pass another -o")

    def damaged(self, folder: Path, what: str = "its checksum is wrong") -> ModelError:
        """Make the error of a card that was changed."""
        return ModelError(f"{folder / CARD}: damaged ({what}): {self.fix}")

    def write(self, folder: Path, entries: dict[str, Any], files: dict[str, Any]) -> None:
        """Write a card; `files` are the joined results of :func:`write_array` and :func:`copy_file`."""
        card = {**entries, "format": self.name, "format_version": self.version, "arrays": files}
        card["checksum"] = card_checksum(card)
        text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (folder / CARD).write_text(text, encoding="utf-8")

    def read(self, folder: Path) -> dict[str, Any]:
        """Read the card of a directory, and check everything but the entries of single files."""
        file = folder / CARD
        if not folder.exists():
            restore(Path(os.path.realpath(folder)))
        try:
            card = parse_card(read_regular(file, MOST_CARD))
        except FileNotFoundError:
            what = f"is not a {self.what} (it holds no {CARD})" if folder.is_dir() else "does not exist"
            raise ModelError(f"{folder}: {what}: make one with '{self.command} CORPUS -o {folder}'") from None
        except NotADirectoryError:
            what = f"a {self.what} is a directory, this is a file"
            fix = f"pass the directory to {self.option}" if self.option else self.fix
            raise ModelError(f"{folder}: {what}: {fix}") from None
        except OSError as error:
            raise self.unreadable(file, error) from None
        except ValueError:
            raise ModelError(f"{file}: damaged (not JSON): {self.fix}") from None
        if not isinstance(card, dict) or card.get("format") != self.name:
            fix = f"pass a directory written by '{self.command}'"
            raise ModelError(f"{file}: not the card of a {self.title}: {fix}")
        version = card.get("format_version")
        if version != self.version:
            raise ModelError(
                f"{folder}: {self.what} format {one_line(version)}, "
                f"written by segtool {one_line(card.get('segtool_version'))}; "
                f"this segtool reads format {self.version}: {self.verb} the {self.what} again or install that version"
            )
        if card.get("checksum") != card_checksum(card) or not isinstance(card.get("arrays"), dict):
            raise self.damaged(folder)
        return card

    def find_file(self, folder: Path, name: str, card: dict[str, Any], verify: bool = True) -> Path:
        """Find a file of a directory, and compare its size, and its checksum if `verify`, with the card."""
        file, entry = folder / name, self._entry(folder, name, card)
        try:
            with open_regular(file) as opened:
                self._check(file, entry, map_file(opened) if verify else None, os.fstat(opened.fileno()).st_size)
        except OSError as error:
            raise self.unreadable(file, error) from None
        return file

    def open_array(
        self,
        folder: Path,
        name: str,
        card: dict[str, Any],
        dtype: npt.DTypeLike,
        length: int | None = None,
        verify: bool = True,
    ) -> npt.NDArray[Any]:
        """Open a one-dimensional array of a directory as a read-only memory map; see :meth:`find_file`."""
        file, entry = folder / f"{name}.npy", self._entry(folder, f"{name}.npy", card)
        try:
            with open_regular(file) as opened:
                data = map_file(opened)
            self._check(file, entry, data if verify else None, len(data))
            array = view_array(data, dtype)
        except OSError as error:
            raise self.unreadable(file, error) from None
        except HeaderError as error:
            if not error.is_array:
                raise ModelError(f"{file}: damaged (not a .npy array): {self.fix}") from None
            array = None
        if array is None or length not in (None, len(array)):
            raise ModelError(f"{file}: not the array of a {self.what}: {self.verb} the {self.what} again")
        return array

    def wrong(self, folder: Path, name: str, what: str) -> ModelError:
        """Make the error of a file whose content makes no sense, although its checksum is right."""
        return ModelError(f"{folder / name}: damaged ({what}): {self.fix}")

    def _entry(self, folder: Path, name: str, card: dict[str, Any]) -> dict[str, Any]:
        """Find the entry of a file in the card."""
        entry = card["arrays"].get(name)
        if not isinstance(entry, dict) or not is_whole(entry.get("bytes")) or "crc32" not in entry:
            raise self.damaged(folder, f"it has no size and checksum of {name}")
        return entry

    def _check(self, file: Path, entry: dict[str, Any], data: Bytes | None, size: int) -> None:
        """Compare the size of a file, and the checksum of its content if that is given, with the card."""
        if size != entry["bytes"]:
            raise ModelError(f"{file}: damaged ({size:,} bytes instead of {entry['bytes']:,}): {self.fix}")
        if data is not None and f"{zlib.crc32(data):08x}" != entry["crc32"]:
            raise ModelError(f"{file}: damaged (wrong checksum): {self.fix}")

    def unreadable(self, file: Path, error: OSError) -> ModelError:
        """Make the error of a file that is missing or cannot be read."""
        if isinstance(error, FileNotFoundError):
            return ModelError(f"{file}: missing from the {self.what}: {self.fix}")
        if error.errno in UNFIT:
            return ModelError(f"{file}: damaged ({error.strerror}): {self.fix}")
        return ModelError(f"{file}: {reason_of(error)}: {self._permissions(error)}")

    def _permissions(self, error: OSError) -> str:
        return fix_of(error, f"check the permissions of the {self.what}")


def parse_card(data: bytes) -> Any:
    """Parse JSON; ValueError if it is none, holds NaN or infinity, or is nested too deeply."""
    try:
        card = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
        if rb"\u" in data:
            json.dumps(card, ensure_ascii=False).encode()  # fails on a half of a pair, which nothing can print
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [card]
    for _ in range(_MOST_LEVELS):
        inside = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
        level = [each for values in inside for each in values]
        if not level:
            return card
    raise ValueError("nested too deeply")


def kind_of(folder: str | os.PathLike[str]) -> str | None:
    """Read the kind of a directory from its card; None if it has no card."""
    try:
        card = json.loads(read_regular(Path(folder) / CARD, MOST_CARD))
    except (OSError, ValueError, RecursionError):
        return None
    return card.get("format") if isinstance(card, dict) else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def is_whole(value: object, low: int = 0, high: int = 1 << 62) -> bool:
    """Whether an entry of a card is a whole number from `low` to `high`."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_number(value: object, limit: float = 1e300) -> bool:
    """Whether an entry of a card is a number, not beyond a limit in either direction."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -limit <= value <= limit


def write_array(folder: Path, name: str, array: npt.NDArray[Any]) -> dict[str, dict[str, Any]]:
    """Write an array into a directory, and return the card's entry of the file under the name of the file."""
    with open(folder / f"{name}.npy", "wb") as file:
        summed = _Summed(file)
        np.save(summed, array, allow_pickle=False)
    return {f"{name}.npy": summed.entry}


def copy_file(folder: Path, name: str, source: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Copy a file into a directory; see :func:`write_array`."""
    import shutil

    with open(source, "rb") as original, open(folder / name, "wb") as file:
        summed = _Summed(file)
        shutil.copyfileobj(original, summed)
    return {name: summed.entry}


def card_checksum(card: dict[str, Any]) -> str:
    """Compute the checksum of all other entries of a card."""
    others = {key: value for key, value in card.items() if key != "checksum"}
    return f"{zlib.crc32(json.dumps(others, sort_keys=True).encode()):08x}"


class _Summed:
    """Writes a file and sums up its bytes.

    To numpy it is not a file: numpy's errors on writing files leave out the reason that the disk gives.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._bytes, self._crc32 = file, 0, 0

    def write(self, data: bytes) -> int:
        self._bytes += len(data)
        self._crc32 = zlib.crc32(data, self._crc32)
        return self._file.write(data)

    @property
    def entry(self) -> dict[str, Any]:
        """Entry of the file in the card."""
        return {"bytes": self._bytes, "crc32": f"{self._crc32:08x}"}
