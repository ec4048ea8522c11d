"""What finished stages of a training made, kept in a folder so that a killed training can go on.

A stage is one ``.npz`` file of arrays, written beside and renamed, so that it is there whole or not at all. The file
``training`` says which training the folder is of; what another one left is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from segtool.errors import OutputError, UsageError
from segtool.store.cards import CARD
from segtool.store.files import as_output_errors
from segtool.text.sources import find_sources

__all__ = ["Stages", "WorkFolder", "files_seen", "fingerprint", "inputs_seen", "work_place"]

_CARD = "training"
_SIZE = "arrays"
"""Entry of a stage that tells how many others there are: zip does not check its table of contents."""


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
                found = dict(file)
            return found if found.pop(_SIZE) == len(found) else None
        except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile):
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
        with as_output_errors(self.folder):
            beside = path.with_suffix(".tmp")
            with open(beside, "wb") as file:
                np.savez(file, **arrays | {_SIZE: len(arrays)})
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)

    def forget(self, *names: str) -> None:
        """Remove stages that are not needed any more."""
        if self.folder is not None:
            for name in names:
                (self.folder / f"{name}.npz").unlink(missing_ok=True)


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


def inputs_seen(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    counts: Sequence[str | os.PathLike[str]] | None,
    resume: bool,
) -> Any:
    """What a training is of, for :func:`fingerprint`: the same for the same files, unchanged, and for nothing else.

    Parameters
    ----------
    inputs, counts, resume
        As for :func:`segtool.train`.

    Raises
    ------
    UsageError
        If it cannot be told whether another training is of the same, and it should be.
    """
    if counts is not None:
        return files_seen([Path(each) / CARD for each in counts])
    names = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs or ())
    paths = [source.path for source in find_sources(names)]
    if inputs is not None and None not in paths:
        return files_seen(paths)
    if resume:
        what = "texts" if inputs is None else "standard input (-)"
        raise UsageError(f"--resume: {what} cannot be told from others: pass files")
    return secrets.token_hex(16)


def work_place(
    output: str | os.PathLike[str] | None, tmp: str | os.PathLike[str] | None, resume: bool
) -> tuple[str | os.PathLike[str], str]:
    """Parent and name of the :class:`WorkFolder` of a training.

    Parameters
    ----------
    output, tmp, resume
        As for :func:`segtool.train`.

    Raises
    ------
    UsageError
        If another training could not find it, and should.
    """
    if output is not None:
        target = os.path.realpath(output)
        return os.path.dirname(target) if tmp is None else tmp, os.path.basename(target)
    if resume:
        raise UsageError("--resume: what is kept is found by the name of the output: pass one")
    return tempfile.gettempdir() if tmp is None else tmp, f"training-{os.getpid()}-{secrets.token_hex(4)}"


class WorkFolder:
    """A folder for what a training does not hold in memory, made when it is first asked for, and removed in the end.

    What a training that was killed has left is removed, unless this one goes on with it.

    Parameters
    ----------
    stack : ExitStack
        Its end is that of the training.
    parent : path
        Where the folder is made.
    name : str
        What the training makes.
    training : str
        :func:`fingerprint` of the training.
    resume : bool
        Make it at once, keep it should the training fail, and go on with one that is there already.

    Attributes
    ----------
    stages : Stages
        Kept there as soon as it is made.

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
        self.stages = Stages()
        if resume:
            self()
        elif (self._folder / _CARD).exists():
            with suppress(OutputError), self._enter():  # another training may be at work there
                pass

    @property
    def entered(self) -> bool:
        """Whether it has been made."""
        return self.stages.folder is not None

    def check(self) -> None:
        """Raise an error if the folder could not be made."""
        if not self._parent.is_dir():
            raise OutputError(f"{self._parent}: no folder for temporary files: create it or pass another --tmp")
        if not os.access(self._parent, os.W_OK | os.X_OK):
            raise OutputError(f"{self._parent}: no temporary files can be written: pass another --tmp")

    def __call__(self) -> Path:
        """Give the folder."""
        if not self.entered:
            self.check()
            self._stack.enter_context(self._enter())
            self.stages.folder = self._folder
        return self._folder

    @contextmanager
    def _enter(self) -> Iterator[None]:
        card = self._folder / _CARD
        if self._folder.exists() and not card.exists() and any(self._folder.iterdir()):
            raise OutputError(f"{self._folder}: holds files that are of no training: remove it or pass another --tmp")
        with ExitStack() as stack:
            with as_output_errors(self._folder):
                self._folder.mkdir(exist_ok=True)
                lock = stack.enter_context(open(card, "a+b"))
                if not _locked(lock):
                    message = f"{self._folder}: another training is at work there: wait or pass another --tmp"
                    raise OutputError(message)
            done = False
            try:
                with as_output_errors(self._folder):
                    self._claim(lock, card)
                yield
                done = True
            finally:
                if done or not self._resume:
                    shutil.rmtree(self._folder, ignore_errors=True)

    def _claim(self, lock: IO[bytes], card: Path) -> None:
        """Make the folder one of this training."""
        lock.seek(0)
        if not self._resume or lock.read() != self._training.encode():
            self._clear(but=card)
            lock.truncate(0)
            lock.write(self._training.encode())
            lock.flush()

    def _clear(self, but: Path) -> None:
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path != but:
                path.unlink()


def _locked(file: IO[bytes]) -> bool:
    """Lock a file, until it is closed or the process ends; False if another process holds it."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
