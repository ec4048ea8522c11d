"""Language models on the disk: opens every kind, and imports files that other tools wrote."""

from __future__ import annotations

import os
from pathlib import Path

from segtool import __version__
from segtool.lm.arpa_reader import read_arpa
from segtool.lm.kenlm import KenLM, is_binary
from segtool.lm.language_model import LM, LanguageModel, read_lm_card
from segtool.store.cards import CARD, copy_file
from segtool.store.files import atomic_directory
from segtool.store.model import LM_FOLDER

__all__ = ["import_lm", "open_lm"]

_BINARY_COPY = "model.kenlm"


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

    Examples
    --------
    >>> import segtool
    >>> from segtool.lm.store import open_lm
    >>> seg = segtool.train("data/sample", "lm.model", with_lm=True)
    >>> lm = open_lm("lm.model")
    >>> lm.score_text("今天天气很好").tokens
    7
    """
    if not os.path.isdir(path):
        return KenLM(path) if is_binary(path) else read_arpa(path)
    if os.path.isdir(os.path.join(path, LM_FOLDER)):
        path = os.path.join(path, LM_FOLDER)
    folder = Path(path)
    card = read_lm_card(folder)
    if card["kind"] == "tables":
        return LanguageModel.open(folder)
    return KenLM(LM.find_file(folder, _BINARY_COPY, card))


def import_lm(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Make a directory of a language model that another tool trained, and open it.

    Tables are made of an ARPA file; a KenLM binary is copied. The directory is replaced if it holds a model, once the
    new one has been opened.
    """
    lm = KenLM(source) if is_binary(source) else read_arpa(source)
    with atomic_directory(path, marker=CARD) as folder:
        if isinstance(lm, LanguageModel):
            lm.write(folder)
        else:
            files = copy_file(folder, _BINARY_COPY, source)
            imported = {"file": os.path.basename(source)}
            card = {"kind": "kenlm", "order": lm.order, "imported": imported, "segtool_version": __version__}
            LM.write(folder, card, files)
        return open_lm(folder)
