"""Changes to what segtool reads, with checksums made right: fields of cards, arrays, columns of blocks, whole files.

:func:`mutate` changes a directory by a random generator and describes the change. ``tests/hostile.py`` opens and uses
what comes out; nothing but an error of segtool may happen.
"""

from __future__ import annotations

import json
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segtool.ngrams import blocks
from segtool.store.cards import card_checksum

__all__ = ["change_array", "change_card", "make_odd", "mutate", "mutate_array", "mutate_bytes", "seal", "write_blocks"]

SPARSE = (1 << 29) - 1
"""Size of a file of nothing but zeros, below the limit of files that ``tests/hostile_cases.py`` sets."""
NUMBERS = [-(2**63), -(2**31), -65537, -2, -1, 0, 1, 2, 3, 15, 16, 255, 65535, 65536, 2**31 - 1, 2**31, 2**48, 2**62]
FLOATS = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-310, 1.0, -1.0, 1e38, -1e38, 3e38, 1e300, -1e300]
LETTERS = ["", "x", "a\nb", "\x1b[31m red", "\ud800", "\x00", "../../etc/passwd", "今天", "9" * 5000, "tags", "pairs"]
JUNK: list[Any] = [
    None, True, False, -1, 0, 1, 2, 15, 16, 17, 10**6, 2**31, 2**63, 10**30,
    0.5, -0.5, 1e308, 1e999, -1e999, float("nan"), [], {}, [[]], [0], [1, 2, 3], {"a": 1}, [None], *LETTERS,
]  # fmt: skip


def seal(folder: Path, *names: str) -> None:
    """Make the card vouch for files as they are now, and for itself."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for name in names:
        data = (folder / name).read_bytes()
        card["arrays"][name] = {"bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    write_card(folder, card)


def write_card(folder: Path, card: Any) -> None:
    """Write a card with a right checksum of its own."""
    if isinstance(card, dict):
        card = card | {"checksum": card_checksum(card)}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def change_array(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change an array of a directory, which may be below a folder of it, and make the checksum right.

    `change` receives a copy and returns the new array, or changes the copy and returns None.
    """
    file = folder / f"{name}.npy"
    array = np.load(file)
    changed = change(array)
    np.save(file, array if changed is None else changed)
    seal(file.parent, file.name)


def change_card(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the card of a directory, and make the checksum right."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    changed = change(card)
    write_card(folder, card if changed is None else changed)


def mutate(folder: Path, draw: random.Random) -> str:
    """Change one thing, or up to three, in a directory of segtool; returns what was changed."""
    told = [_mutate_once(folder, draw)]
    while draw.random() < 0.2 and len(told) < 3:
        told.append(_mutate_once(folder, draw))
    return "; ".join(told)


def _mutate_once(folder: Path, draw: random.Random) -> str:
    cards = sorted(folder.rglob("card.json"))
    cards = [card for card in cards if card.is_file() and card.stat().st_size < 1 << 20]
    if not cards:
        return "nothing left"
    home = draw.choice(cards).parent
    files = [path for path in sorted(home.iterdir()) if path.is_file() and path.stat().st_size < 1 << 28]
    files = [path for path in files if path.suffix in (".npy", ".bin")]
    try:
        if draw.random() < 0.3 or not files:
            return _mutate_card(home, draw)
        file = draw.choice(files)
        if draw.random() < 0.06:
            return _replace_file(file, draw)
        if file.suffix == ".bin" and draw.random() < 0.9:
            return _mutate_block(home, file.stem, draw)
        if file.suffix == ".npy" and draw.random() < 0.93:
            array = np.load(file)
            array, what = mutate_array(array, draw)
            np.save(file, array)
        else:
            what = mutate_bytes(file, draw)
        seal(home, file.name)
        return f"{file.name}: {what}"
    except Exception as error:
        return f"nothing ({type(error).__name__})"  # the change before took away what this one needs


# Cards


def _mutate_card(home: Path, draw: random.Random) -> str:
    if draw.random() < 0.04:
        return _odd_card(home / "card.json", draw)
    card = json.loads((home / "card.json").read_text(encoding="utf-8"))
    places = [place for place in _places(card) if place[0] != "checksum"]
    place = draw.choice(places)
    *way, last = place
    at = card
    for step in way:
        at = at[step]
    act = draw.random()
    if act < 0.1:
        del at[last]
        what = "deleted"
    elif act < 0.2 and isinstance(at, list):
        at.append(draw.choice(JUNK))
        what = "one more"
    else:
        value = at[last]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and draw.random() < 0.5:
            new: Any = draw.choice([value + 1, value - 1, -value, value * 2, value / 2, value * 10**6, *NUMBERS])
        elif draw.random() < 0.05:
            new = value
            for _ in range(draw.choice([10, 500, 900])):
                new = [new]
        else:
            new = draw.choice(JUNK)
        at[last] = new
        what = f"= {str(new)[:40]!r}"
    write_card(home, card)
    return f"{home.name}/card {'.'.join(map(str, place))} {what}"


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*above, key)
        yield from _places(child, (*above, key))


def _odd_card(file: Path, draw: random.Random) -> str:
    kind = draw.choice(["fifo", "deep", "deeper", "zero", "folder", "big number", "null", "sparse"])
    if kind == "deep":
        file.write_text("[" * 100_000 + "]" * 100_000, encoding="utf-8")
    elif kind == "deeper":
        file.write_text('{"a":' * 950 + "1" + "}" * 950, encoding="utf-8")
    elif kind == "big number":
        file.write_text('{"format_version": ' + "9" * 100_000 + "}", encoding="utf-8")
    elif kind == "null":
        file.write_text("null", encoding="utf-8")
    else:
        make_odd(file, kind)
    return f"card.json: {kind}"


def make_odd(file: Path, kind: str) -> None:
    """Put something else in the place of a file."""
    file.unlink()
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "zero":
        file.symlink_to("/dev/zero")
    elif kind == "sparse":
        with open(file, "wb") as out:
            out.truncate(SPARSE)


def _replace_file(file: Path, draw: random.Random) -> str:
    kind = draw.choice(["fifo", "folder", "zero", "sparse", "gone"])
    card = json.loads((file.parent / "card.json").read_text(encoding="utf-8"))
    size = draw.choice([0, card["arrays"][file.name]["bytes"], SPARSE])
    card["arrays"][file.name] = {"bytes": size, "crc32": "00000000"}
    write_card(file.parent, card)
    make_odd(file, kind)
    return f"{file.name}: {kind}"


# Arrays


def mutate_array(array: Any, draw: random.Random) -> tuple[Any, str]:
    if draw.random() < 0.15:
        return _reshape(array, draw)
    names = array.dtype.names
    column, where = array, ""
    if names:
        name = draw.choice(names)
        column, where = array[name], f".{name}"
    flat = column.reshape(-1) if column.flags.c_contiguous else None
    if not column.size:
        return array, "is empty"
    if column.ndim > 1:
        part = draw.randrange(column.shape[1])
        column, where = column[:, part], f"{where}[:, {part}]"
    elif flat is not None and draw.random() < 0.5 and len(flat) % 4 == 0:
        part = draw.randrange(4)
        column, where = flat.reshape(-1, 4)[:, part], f"[{part}::4]"
    size = len(column)
    how = draw.choice(["one", "one", "some", "range", "all", "swap", "sort", "shuffle", "add", "index", "roll", "head"])
    value = _value(column, draw)
    if how == "one":
        column[draw.choice([draw.randrange(size), 0, size - 1, min(size - 1, draw.randrange(8))])] = value
    elif how == "some":
        for _ in range(draw.choice([3, 30, 300])):
            column[draw.randrange(size)] = _value(column, draw)
    elif how == "range":
        low = draw.randrange(size)
        column[low : low + draw.choice([2, 20, 2000])] = value
    elif how == "all":
        column[:] = value
    elif how == "swap":
        one, other = draw.randrange(size), draw.randrange(size)
        column[one], column[other] = column[other].copy(), column[one].copy()
    elif how == "sort":
        column[:] = np.sort(column)[:: draw.choice([1, -1])]
    elif how == "shuffle":
        column[:] = np.random.default_rng(draw.randrange(1 << 32)).permutation(column)
    elif how == "add":
        part_of = slice(draw.randrange(size), None, draw.choice([1, 7, 1000]))
        column[part_of] += np.array(draw.choice([1, -1, 2])).astype(column.dtype)
    elif how == "index":  # such as a node that is its own child
        at = draw.randrange(size)
        column[at] = np.array(at + draw.choice([0, 0, 1, -1])).astype(column.dtype)
    elif how == "roll":
        column[:] = np.roll(column, draw.choice([1, -1, 5]))
    else:
        column[: draw.choice([1, 4, 40])] = value
    return array, f"{where} {how} {value}"


def _value(column: Any, draw: random.Random) -> Any:
    if draw.random() < 0.4:
        return column[draw.randrange(len(column))]
    if column.dtype.kind == "f":
        return np.array(draw.choice(FLOATS)).astype(column.dtype)
    limits = np.iinfo(column.dtype)
    near = draw.choice([len(column), len(column) // 4, draw.randrange(len(column)), *NUMBERS, limits.min, limits.max])
    return np.array(min(max(near, limits.min), limits.max)).astype(column.dtype)


def _reshape(array: Any, draw: random.Random) -> tuple[Any, str]:
    how = draw.choice(["cut", "cut", "grow", "empty", "two", "type", "order", "object", "void", "scalar"])
    if how == "cut":
        return array[: draw.choice([1, 4, len(array) // 2, max(len(array) - 4, 0), max(len(array) - 1, 0)])], how
    if how == "grow":
        return np.concatenate([array, array[: draw.choice([1, 4, 400])]]), how
    if how == "empty":
        return array[:0], how
    if how == "two":
        return array.reshape(1, -1), how
    if how == "type" and not array.dtype.names:
        types = ["<u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8", "?", "<c8"]
        return array.astype(draw.choice(types)), how
    if how == "order":
        return array.astype(array.dtype.newbyteorder()), how
    if how == "object":
        return np.array([str(each) for each in array[:5].tolist()]), how
    if how == "void":
        return array.view(f"V{array.dtype.itemsize}"), how
    return array[:1].reshape(()) if len(array) else array, "scalar"


def mutate_bytes(file: Path, draw: random.Random) -> str:
    data = bytearray(file.read_bytes())
    how = draw.choice(["bit", "bits", "header", "cut", "grow", "zip", "none", "nested", "version", "lies"])
    if how == "bit":
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif how == "bits":
        for _ in range(50):
            data[draw.randrange(len(data))] = draw.randrange(256)
    elif how == "header":
        data[draw.randrange(min(len(data), 128))] = draw.randrange(256)
    elif how == "cut":
        del data[draw.randrange(len(data)) :]
    elif how == "grow":
        data += bytes(draw.choice([1, 64, 4096]))
    elif how == "zip":
        data[:4] = b"PK\x03\x04"
    elif how == "none":
        data = bytearray()
    elif how == "nested":
        data = bytearray(b"\x93NUMPY\x01\x00" + struct.pack("<H", 9974 + 64 - 20) + b"(" * 10018 + bytes(64))
    elif how == "version":
        data[6:8] = bytes((draw.choice([0, 2, 3, 255]), draw.choice([0, 1])))
    else:
        data[10:128] = data[10:128].replace(b"(", b"(1" + b"0" * draw.choice([1, 9, 18]))[:118]
    file.write_bytes(bytes(data))
    return f"bytes: {how}"


# Blocks


def _mutate_block(home: Path, name: str, draw: random.Random) -> str:
    """Change the columns of a block, or the index that says where it ends."""
    index = np.load(home / f"{name}_index.npy")
    data = (home / f"{name}.bin").read_bytes()
    parts = [data[row["offset"] : row["offset"] + row["bytes"]] for row in index]
    at = draw.randrange(len(parts))
    header, columns = _block_layout(name, at, len(parts), parts[at])
    unpacked = [np.frombuffer(each, np.uint8).copy() for each in blocks._unpack(parts[at][header:], columns)]
    sizes = bytearray(parts[at][:header])
    what = draw.choice(["header", "column", "column", "column", "varints"])
    if what == "header" and header:
        place = draw.randrange(header // 8)
        struct.pack_into("<Q", sizes, 8 * place, draw.choice([0, 1, 2**31, 2**63, 2**64 - 1, 5]))
    else:
        which = draw.randrange(columns)
        column = unpacked[which]
        if what == "varints" and columns != 1:
            numbers = np.array([draw.choice([0, 1, 2, 1 << 40, (1 << 62) - 1]) for _ in range(max(len(column), 1))])
            unpacked[which] = blocks._varints([numbers[: max(len(column), 1)]])
        elif len(column):
            unpacked[which], told = mutate_array(column, draw)
            unpacked[which] = np.ascontiguousarray(unpacked[which].astype(np.uint8, copy=False).reshape(-1))
            what += told
    parts[at] = bytes(sizes) + blocks._pack(unpacked, zlib.Z_DEFAULT_STRATEGY)
    write_blocks(home, name, index["end"], parts)
    return f"{name} block {at} of {len(parts)}: {what}"


def write_blocks(home: Path, name: str, ends: Any, parts: list[bytes]) -> None:
    """Write the blocks of a shard, with an index and checksums that fit."""
    rows, offset = [], 0
    for end, part in zip(ends.tolist(), parts, strict=True):
        rows.append((end, offset, len(part), zlib.crc32(part)))
        offset += len(part)
    (home / f"{name}.bin").write_bytes(b"".join(parts))
    np.save(home / f"{name}_index.npy", np.array(rows, blocks.BLOCK_RECORD))
    seal(home, f"{name}.bin", f"{name}_index.npy")


def _block_layout(name: str, at: int, count: int, data: bytes) -> tuple[int, int]:
    """Bytes before the columns of a block of a shard, and the number of columns."""
    if name == "runs" or at == count - 1:
        return 0, 1
    if at == 0:
        return 8, 4
    for header in range(8, 128, 8):  # a size for each length
        sizes = struct.unpack_from("<8Q", data, header)
        if header + 64 + sum(sizes[1::2]) == len(data):
            return header, 4
    raise ValueError("no block")
