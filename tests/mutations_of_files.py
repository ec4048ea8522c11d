"""Changes to what segtool reads that has no card: ARPA files, checkpoints, machine code; see :mod:`tests.mutations`."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np

from tests.mutations import make_odd, mutate, mutate_array, mutate_bytes

__all__ = ["mutate_arpa", "mutate_checkpoints", "mutate_code"]


def mutate_arpa(folder: Path, draw: random.Random) -> str:
    """Change lines of an ARPA file."""
    file = folder / "a.arpa"
    lines = file.read_text(encoding="utf-8").splitlines()
    words = ["nan", "inf", "-inf", "1e38", "-1e38", "1e400", "-99", "0", "0.5", "x", "<s>", "</s>", "<unk>", ""]
    told = []
    for _ in range(draw.choice([1, 1, 2, 5])):
        how = draw.choice(["counts", "orders", "field", "field", "delete", "twice", "swap", "end", "long", "mark"])
        lines = lines or [""]
        at = draw.randrange(len(lines))
        heads = [i for i, line in enumerate(lines) if line.startswith("ngram ")] or [0]
        if how == "counts":
            number = draw.choice([0, 1, -1, 2**31, 10**14, 10**30])
            lines[draw.choice(heads)] = f"ngram {draw.choice([0, 1, 2, 3])}={number}"
        elif how == "orders":
            more = draw.choice([1, 16, 20_000])
            lines[heads[-1] + 1 : heads[-1] + 1] = [f"ngram {i}=0" for i in range(4, 4 + more)]
            if draw.random() < 0.7:
                end = lines.index("\\end\\") if "\\end\\" in lines else len(lines)
                lines[end:end] = [part for i in range(4, 4 + more) for part in (f"\\{i}-grams:", "")]
        elif how == "field":
            at = draw.randrange(min(len(heads) + 3, len(lines) - 1), len(lines))
            parts = lines[at].split("\t")
            parts[draw.randrange(len(parts))] = draw.choice(words)
            lines[at] = "\t".join(parts)
        elif how == "delete":
            del lines[at : at + draw.choice([1, 1, 100])]
        elif how == "twice":
            lines.insert(at, lines[draw.randrange(len(lines))])
        elif how == "swap":
            other = draw.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "end":
            del lines[max(at, 5) :]
        elif how == "long":
            lines[at] += draw.choice(["9" * 100_000, "\t" * 100_000, "x" * 100_000, " 今" * 1000])
        else:
            lines[at] += draw.choice(["\x00", "\ufeff", "\x1b[31m", "\r", "\\", "\u2028"])
        told.append(f"{how} {at}")
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + draw.choice([b"\n", b""]))
    return ", ".join(told)


def mutate_checkpoints(folder: Path, draw: random.Random) -> str:
    """Change an array of a checkpoint, or its bytes; the card of the work folder stays as it is."""
    if draw.random() < 0.3:
        return mutate(folder / "work" / "spill-00000", draw)
    file = draw.choice(sorted((folder / "work").glob("*.npz")))
    if draw.random() < 0.1:
        return f"{file.name} {mutate_bytes(file, draw)}"
    with np.load(file) as found:
        arrays = dict(found)
    name = draw.choice(sorted(arrays))
    if draw.random() < 0.1:
        del arrays[name]
        what = "deleted"
    elif arrays[name].ndim == 0 or arrays[name].dtype.kind == "U":
        what = draw.choice(["{}", "[]", '{"shards": ["../../x"]}', "x", "-1", "[" * 90_000])
        arrays[name] = np.array(draw.choice([what, -1, 2**62, 0.5])) if draw.random() < 0.7 else np.zeros((3, 3))
    else:
        arrays[name], what = mutate_array(arrays[name], draw)
    with zipfile.ZipFile(file, "w", draw.choice([zipfile.ZIP_STORED] * 9 + [zipfile.ZIP_DEFLATED])) as out:
        for each, array in arrays.items():
            data = io.BytesIO()
            np.save(data, array)
            out.writestr(f"{each}.npy", data.getvalue())
    return f"{file.name} {name} {what}"


def mutate_code(folder: Path, draw: random.Random) -> str:
    """Change a file of machine code, whose digest is a SHA-256 of what the code was made from, too."""
    file = draw.choice(sorted(folder.rglob("*.code")))
    if draw.random() < 0.8:
        return mutate_bytes(file, draw)
    kind = draw.choice(["fifo", "folder", "zero", "sparse", "gone"])
    make_odd(file, kind)
    return kind
