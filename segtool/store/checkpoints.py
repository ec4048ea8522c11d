"""Checkpoints of a training, kept in a work folder so that a killed training can be resumed.

A checkpoint is one ``.npz`` file of arrays. It is written under another name and renamed, so that it is complete or
absent. The file ``training`` identifies the training that the folder belongs to; the files of any other training are
removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from segtool.errors import OutputError, UsageError
from segtool.runtime.regular_files import open_regular
from segtool.store.cards import CARD
from segtool.store.files import as_output_errors
from segtool.store.leftovers import lock_handle
from segtool.store.npy import parse_array
from segtool.text.sources import find_sources

__all__ = ["Checkpoints", "WorkFolder", "file_identities", "fingerprint", "input_identities", "work_location"]

_CARD = "training"
_SIZE = "arrays"
"""Entry of a checkpoint with the number of its arrays, because zip does not check its table of contents."""


class Checkpoints:
    """Saves and loads checkpoints; without a folder, it saves nothing."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def load(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """Return the arrays of a checkpoint, or None if it is absent or damaged."""
        if self.folder is None:
            return None
        try:
            with open_regular(self.folder / f"{name}.npz") as file, zipfile.ZipFile(file) as archive:
                found = {each.filename.removesuffix(".npy"): _read_member(archive, each) for each in archive.infolist()}
            return found if found.pop(_SIZE).item() == len(found) else None
        except (OSError, ValueError, EOFError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
            return None

    def save(self, name: str, **arrays: npt.ArrayLike) -> None:
        """Save the arrays of a checkpoint, in place of an older one of this name."""
        if self.folder is None:
            return
        path = self.folder / f"{name}.npz"
        with as_output_errors(self.folder):
            beside = path.with_suffix(".tmp")
            with open(beside, "wb") as file:
                np.savez(file, **arrays | {_SIZE: len(arrays)})
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Read an array, which is not compressed, so that it takes no more memory than the file has bytes."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise ValueError(f"{member.filename} is compressed")
    return parse_array(archive.read(member))


def fingerprint(*things: Any) -> str:
    """Compute a digest of values that JSON or :class:`str` can represent: the inputs and parameters of a training."""
    return hashlib.sha256(json.dumps(things, sort_keys=True, default=str).encode()).hexdigest()[:32]


def file_identities(paths: Iterable[Path]) -> list[Any]:
    """Return real path, size and modification time of every file."""
    known = [(os.path.realpath(path), os.stat(path)) for path in paths]
    return [[path, status.st_size, status.st_mtime_ns] for path, status in known]


def input_identities(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    counts: Sequence[str | os.PathLike[str]] | None,
    resume: bool,
) -> Any:
    """Identify the inputs of :func:`segtool.train` for :func:`fingerprint`: equal for the same unchanged files only.

    Texts and standard input have a random identity, and raise UsageError with `resume`.
    """
    if counts is not None:
        return file_identities([Path(each) / CARD for each in counts])
    names = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs or ())
    sources = find_sources(names)
    paths = [source.path for source in sources if source.path is not None]
    if inputs is not None and len(paths) == len(sources) and all(path.is_file() for path in paths):
        return file_identities(paths)
    if resume:
        kind = "texts" if inputs is None else "standard input (-), pipes and devices"
        raise UsageError(f"--resume: {kind} cannot be recognised by a later training: pass files")
    return secrets.token_hex(16)


def work_location(
    output: str | os.PathLike[str] | None, tmp: str | os.PathLike[str] | None, resume: bool
) -> tuple[str | os.PathLike[str], str]:
    """Choose parent and name of the :class:`WorkFolder` of a training; see :func:`segtool.train`."""
    if output is not None:
        target = os.path.realpath(output)
        return os.path.dirname(target) if tmp is None else tmp, os.path.basename(target)
    if resume:
        raise UsageError("--resume: the work folder is named after the output: pass an output")
    return tempfile.gettempdir() if tmp is None else tmp, f"training-{os.getpid()}-{secrets.token_hex(4)}"


class WorkFolder:
    """A folder for the data that a training does not hold in memory: made on first use, removed at the end.

    Files of an earlier training are removed, unless this training resumes it.

    Parameters
    ----------
    stack : ExitStack
        Removes the folder when it closes.
    parent : path
    name : str
        Name of the output.
    training : str
        :func:`fingerprint` of the training.
    resume : bool
        Make the folder at once, use the checkpoints of the same training, and keep the folder if the training fails.

    Raises
    ------
    OutputError
        If the folder cannot be written, or another training uses it.
    """

    def __init__(
        self, stack: ExitStack, parent: str | os.PathLike[str], name: str, training: str, resume: bool
    ) -> None:
        self._stack, self._parent, self._training, self._resume = stack, Path(parent), training, resume
        self._folder = self._parent / f".{name[:50]}.work"
        self.checkpoints = Checkpoints()  # saved in the folder once it exists
        if resume:
            self()
        elif (self._folder / _CARD).exists():
            with suppress(OutputError), self._enter():  # another training may be using the folder
                pass

    @property
    def entered(self) -> bool:
        """Whether the folder has been made."""
        return self.checkpoints.folder is not None

    def check(self) -> None:
        """Raise an error if the folder could not be made."""
        if not self._parent.is_dir():
            raise OutputError(f"{self._parent}: no folder for temporary files: create it or pass another --tmp")
        if not os.access(self._parent, os.W_OK | os.X_OK):
            raise OutputError(f"{self._parent}: no temporary files can be written: pass another --tmp")

    def __call__(self) -> Path:
        """Return the folder, and make it on the first call."""
        if not self.entered:
            self.check()
            self._stack.enter_context(self._enter())
            self.checkpoints.folder = self._folder
        return self._folder

    @contextmanager
    def _enter(self) -> Iterator[None]:
        """Lock the folder and claim it for this training; remove it at the end."""
        card = self._folder / _CARD
        if self._folder.exists() and not card.exists() and any(self._folder.iterdir()):
            raise OutputError(f"{self._folder}: holds files of something else: remove it or pass another --tmp")
        with ExitStack() as stack:
            with as_output_errors(self._folder):
                self._folder.mkdir(exist_ok=True)
                lock = stack.enter_context(open(card, "a+b"))
            if not _locked(lock):
                raise OutputError(f"{self._folder}: another training uses it: wait or pass another --tmp")
            done = False
            try:
                with as_output_errors(self._folder):
                    self._claim(lock, card)
                yield
                done = True
            finally:
                if done or not self._resume:
                    self._remove(card)

    def _claim(self, lock: IO[bytes], card: Path) -> None:
        """Empty the folder and write the card, unless this training resumes the one on the card."""
        lock.seek(0)
        if self._resume and lock.read() == self._training.encode():
            return
        self._empty(card)
        lock.truncate(0)
        lock.write(self._training.encode())
        lock.flush()

    def _empty(self, card: Path) -> None:
        """Remove all but the card."""
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path != card:
                path.unlink()

    def _remove(self, card: Path) -> None:
        """Remove the folder, its card last: where something stays, as without descriptors, a training may claim it."""
        with suppress(OSError):
            self._empty(card)
            if [*self._folder.iterdir()] == [card]:
                card.unlink()
                self._folder.rmdir()


def _locked(file: IO[bytes]) -> bool:
    """Lock a file until it is closed or the process ends; return False if another process has locked it."""
    try:
        return lock_handle(file.fileno())
    except OSError:
        return False
