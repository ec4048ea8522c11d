"""Language models on the disk: opens every kind, and imports files that other tools wrote."""

from __future__ import annotations

import os
from pathlib import Path

from segtool import __version__
from segtool.lm.arpa_reader import read_arpa
from segtool.lm.kenlm import KenLM, is_binary
from segtool.lm.language_model import LM, LanguageModel
from segtool.store.cards import CARD, copy_file
from segtool.store.files import atomic_directory
from segtool.store.model import LM_FOLDER

__all__ = ["import_lm", "open_lm", "save_lm"]

_BINARY_COPY = "model.kenlm"


def save_lm(lm: LanguageModel, path: str | os.PathLike[str]) -> LanguageModel:
    """Write a language model into a directory that is replaced whole or not at all.

    Parameters
    ----------
    lm : LanguageModel
    path : path
        A directory that does not exist, is empty, or holds a model, which is replaced.

    Returns
    -------
    LanguageModel
        The same, opened from the directory.

    Raises
    ------
    OutputError
        If the place cannot be written or holds something else.
    """
    with atomic_directory(path, marker=CARD) as folder:
        lm.write(folder)
    return LanguageModel.open(Path(path))


def open_lm(path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Open a language model of any kind.

    Parameters
    ----------
    path : path
        An ARPA file, a KenLM binary, a directory of either, or a model that keeps a language model.

    Returns
    -------
    LanguageModel or KenLM

    Raises
    ------
    InputError, ModelError
        If it is no language model, or cannot be read.
    """
    if not os.path.isdir(path):
        return KenLM(path) if is_binary(path) else read_arpa(path)
    if os.path.isdir(os.path.join(path, LM_FOLDER)):
        path = os.path.join(path, LM_FOLDER)
    folder = Path(path)
    card = LM.read(folder)
    if card["kind"] == "tables":
        return LanguageModel.open(folder)
    return KenLM(LM.find_file(folder, _BINARY_COPY, card))


def import_lm(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Make a directory of a language model that another tool trained.

    Parameters
    ----------
    source : path
        An ARPA file, which becomes tables, or a KenLM binary, which is copied.
    path : path
        A directory that does not exist, is empty, or holds a model, which is replaced.

    Returns
    -------
    LanguageModel or KenLM
        Opened from the directory.

    Raises
    ------
    InputError, ModelError
        If the source is no language model of characters, or cannot be read.
    OutputError
        If the place cannot be written or holds something else.
    """
    if not is_binary(source):
        return save_lm(read_arpa(source), path)
    order = KenLM(source).order
    with atomic_directory(path, marker=CARD) as folder:
        files = copy_file(folder, _BINARY_COPY, source)
        imported = {"file": os.path.basename(source)}
        card = {"kind": "kenlm", "order": order, "imported": imported, "segtool_version": __version__}
        LM.write(folder, card, files)
    return open_lm(path)
