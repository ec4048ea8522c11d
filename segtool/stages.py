"""What finished stages of a training made, kept in a folder so that a killed training can go on.

A stage is one ``.npz`` file of arrays, written beside and renamed, so that it is there whole or not at all. A card in
the folder says which training it is of; what another training left is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.errors import OutputError
from segtool.files import told_of

__all__ = ["Stages", "fingerprint", "work_folder"]

_CARD = "stages.json"


class Stages:
    """Keeps what stages made.

    Parameters
    ----------
    folder : Path, optional
        Without one nothing is kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def load(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """Arrays of a stage, None if it is not finished."""
        if self.folder is None or not (self.folder / f"{name}.npz").exists():
            return None
        try:
            with np.load(self.folder / f"{name}.npz", allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None  # what cannot be read is made again

    def save(self, name: str, **arrays: npt.ArrayLike) -> None:
        """Keep the arrays of a stage that is finished.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        if self.folder is None:
            return
        path = self.folder / f"{name}.npz"
        with told_of(self.folder):
            beside = path.with_suffix(".tmp")
            with open(beside, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)

    def forget(self, *names: str) -> None:
        """Remove stages that are not needed any more."""
        for name in names if self.folder is not None else ():
            (self.folder / f"{name}.npz").unlink(missing_ok=True)  # type: ignore[operator]


def fingerprint(*things: Any) -> str:
    """Digest of what a training is of.

    Parameters
    ----------
    *things
        Whatever JSON can hold, or :func:`str` can tell.
    """
    return hashlib.sha256(json.dumps(things, sort_keys=True, default=str).encode()).hexdigest()[:32]


def files_seen(paths: Sequence[Path | None]) -> list[Any]:
    """Name, size and time of change of every file."""
    return [None if path is None else [os.path.realpath(path), *_size_and_time(path)] for path in paths]


def _size_and_time(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


@contextmanager
def work_folder(parent: Path, name: str, training: str, resume: bool) -> Iterator[Path]:
    """A folder for a training, removed in the end.

    Parameters
    ----------
    parent : Path
        Where it is made.
    name : str
        What it is for, such as the name of the model.
    training : str
        :func:`fingerprint` of the training.
    resume : bool
        Keep it if the training fails, and go on with one that is there already.

    Yields
    ------
    Path

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    folder = parent / f".{name[:50]}.work"
    card = folder / _CARD
    if not parent.is_dir():
        raise OutputError(f"{parent}: no folder for temporary files: create it or pass another --tmp")
    known = None
    if card.exists():
        try:
            known = json.loads(card.read_text(encoding="ascii")).get("training")
        except (OSError, ValueError, AttributeError):
            known = None
    elif folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{folder}: holds files that are none of a training: remove it or pass another --tmp")
    if not resume or known != training:
        shutil.rmtree(folder, ignore_errors=True)
    with told_of(folder):
        folder.mkdir(exist_ok=True)
        card.write_text(json.dumps({"training": training}), encoding="ascii")
    try:
        yield folder
    except BaseException:
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
