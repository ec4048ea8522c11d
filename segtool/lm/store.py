"""Language models as directories: written, opened, and made out of the files of others.

A directory holds the arrays of :class:`segtool.lm.language_model.LanguageModel` as ``.npy`` files (kind ``tables``),
or the copy of a KenLM binary (kind ``kenlm``), and a card (:mod:`segtool.store.cards`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segtool import __version__
from segtool.errors import ModelError
from segtool.lm.language_model import LanguageModel
from segtool.store.cards import CARD, CardFormat, copy_file, write_array
from segtool.store.files import atomic_directory
from segtool.store.model import LM_FOLDER

if TYPE_CHECKING:
    from segtool.lm.kenlm import KenLM

__all__ = ["import_lm", "load_lm", "open_lm", "save_lm", "write_lm"]

_FORMAT = CardFormat(
    name="segtool language model",
    version=1,
    what="language model",
    title="language model",
    command="segtool lm train",
    verb="make",
)
_BINARY_COPY = "model.kenlm"
_ARRAYS = {
    "codes": "<u4",
    "symbol": "<u2",
    "first_child": "<i4",
    "suffix": "<i4",
    "log10_probability": "<f4",
    "log10_backoff": "<f4",
}


def save_lm(lm: LanguageModel, path: str | os.PathLike[str]) -> LanguageModel:
    """Write a language model into a directory of its own, beside and renamed.

    Parameters
    ----------
    lm : LanguageModel
    path : path
        A directory that does not exist, is empty, or holds a model, which is replaced. It may lie in the
        directory of a model that is being written.

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
        write_lm(lm, folder)
    return load_lm(path)


def write_lm(lm: LanguageModel, folder: Path) -> None:
    """Write the files of a language model into an empty directory."""
    files: dict[str, Any] = {}
    for name, dtype in _ARRAYS.items():
        files |= write_array(folder, name, getattr(lm, name).astype(dtype, copy=False))
    _write_card(folder, {**lm.card, "kind": "tables", "ngrams": lm.ngrams, "discounts": lm.discounts}, files)


def _write_card(folder: Path, entries: dict[str, Any], files: dict[str, Any]) -> None:
    _FORMAT.write(folder, {**entries, "segtool_version": __version__}, files)


def load_lm(path: str | os.PathLike[str], verify: bool = True) -> LanguageModel:
    """Open a directory written by :func:`save_lm`.

    Parameters
    ----------
    path : path
    verify : bool
        Compare the checksums of the arrays with the card.

    Returns
    -------
    LanguageModel
        Its arrays are read-only memory maps.

    Raises
    ------
    ModelError
        If the directory or a file of it is missing, damaged, or of another format version.
    """
    folder = Path(path)
    card = _FORMAT.read(folder)
    if card["kind"] != "tables":
        raise ModelError(f"{folder}: holds a KenLM binary and no tables: import an ARPA file for this use")
    sizes = tuple(card["ngrams"])
    nodes, inner = sum(sizes), sum(sizes[:-1])
    lengths = (sizes[0] - 1, nodes, inner + 1, nodes, nodes, inner)
    loaded = {
        name: _FORMAT.open_array(folder, name, card, dtype, length, verify)
        for (name, dtype), length in zip(_ARRAYS.items(), lengths, strict=True)
    }
    return LanguageModel(**loaded, ngrams=sizes, discounts=tuple(map(tuple, card["discounts"])), card=card)


def open_lm(path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Open a language model, whatever it is.

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
        If it is none, or cannot be read.
    """
    from segtool.lm.arpa_reader import read_arpa
    from segtool.lm.kenlm import KenLM, is_binary

    if not os.path.isdir(path):
        return KenLM(path) if is_binary(path) else read_arpa(path)
    if os.path.isdir(os.path.join(path, LM_FOLDER)):
        path = os.path.join(path, LM_FOLDER)
    card = _FORMAT.read(Path(path))
    if card["kind"] == "tables":
        return load_lm(path)
    return KenLM(_FORMAT.find_file(Path(path), _BINARY_COPY, card))


def import_lm(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Make a directory out of a language model that was trained elsewhere.

    Parameters
    ----------
    source : path
        An ARPA file, which is turned into tables, or a KenLM binary, which is copied.
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
    from segtool.lm.arpa_reader import read_arpa
    from segtool.lm.kenlm import KenLM, is_binary

    if not is_binary(source):
        return save_lm(read_arpa(source), path)
    order = KenLM(source).order
    with atomic_directory(path, marker=CARD) as folder:
        files = copy_file(folder, _BINARY_COPY, source)
        imported = {"file": os.path.basename(source)}
        _write_card(folder, {"kind": "kenlm", "order": order, "imported": imported}, files)
    return open_lm(path)
