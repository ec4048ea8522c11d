"""A model: the words of a lexicon laid out for decoding, in memory or in a directory.

The directory holds ``.npy`` arrays, opened as memory maps, and ``card.json``: format version,
parameters, size and digest of the corpus, segtool's version, and for every array its size and
checksum. Nothing is pickled. The same corpus and parameters give the same bytes.

======================  =====================================================================
file                    holds
======================  =====================================================================
``symbols.npy``         code of each symbol id (uint32)
``lexicon.npy``         the trie: base, check, weight and a spare of each node (int32, flat)
``words.npy``           a record for each word: its symbols, counts and scores
``lm/``                 the language model of method ``lm`` (:mod:`segtool.lm`), with a card of its own
======================  =====================================================================
"""

from __future__ import annotations

import io
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segtool.errors import ModelError
from segtool.files import atomic_directory
from segtool.symbols import LAT, NUM

if TYPE_CHECKING:
    from segtool.lm import LanguageModel

__all__ = ["CARD", "FORMAT_VERSION", "Model", "load_model", "save_model", "word_record", "write_model"]

CARD = "card.json"
LM_FOLDER = "lm"
FORMAT = "segtool model"
FORMAT_VERSION = 1
_ARRAYS = {"symbols": np.dtype("<u4"), "lexicon": np.dtype("<i4"), "words": None}


@dataclass(frozen=True)
class Model:
    """Everything that decoding needs, and what is known of the words.

    Attributes
    ----------
    symbols : ndarray of uint32, shape (symbols,)
        Code of each symbol id; the id one past them stands for every unknown Han character.
    lexicon : ndarray of int32, shape (4 * nodes,)
        Base, check, weight and a spare of each trie node; see :func:`segtool.decode.viterbi`.
    words : structured ndarray, shape (words,)
        See :func:`word_record`; single symbols first, then by length and code points.
    card : dict
        What the model is and where it comes from.
    path : Path or None
        The directory it was loaded from.
    lm : LanguageModel or None
        Of method ``lm``.
    """

    symbols: npt.NDArray[np.uint32]
    lexicon: npt.NDArray[np.int32]
    words: npt.NDArray[Any]
    card: dict[str, Any]
    path: Path | None = None
    lm: LanguageModel | None = None

    @property
    def max_word_len(self) -> int:
        """Longest word, in symbols."""
        return int(self.card["parameters"]["max_word_len"])

    def spell(self, index: int) -> str:
        """Word `index` as text; a digit run is shown as ``0``, a Latin run as ``A``."""
        record = self.words[index]
        codes = self.symbols[record["symbols"][: record["length"]]].tolist()
        return "".join({NUM: "0", LAT: "A"}.get(code) or chr(code) for code in codes)


def word_record(max_word_len: int) -> np.dtype[Any]:
    """Layout of a word in ``words.npy``.

    Parameters
    ----------
    max_word_len : int

    Returns
    -------
    dtype
        ``symbols``: ids, 0 behind the last; ``length``; ``count`` as an n-gram; ``expected`` count as a
        word; ``weight``, ``cohesion``, ``left_entropy``, ``right_entropy`` in nats.
    """
    return np.dtype(
        [
            ("symbols", "<u2", (max_word_len,)),
            ("length", "<u2"),
            ("count", "<i8"),
            ("expected", "<f8"),
            ("weight", "<f4"),
            ("cohesion", "<f4"),
            ("left_entropy", "<f4"),
            ("right_entropy", "<f4"),
        ]
    )


def save_model(model: Model, path: str | os.PathLike[str]) -> Model:
    """Write a model directory, beside and renamed.

    Parameters
    ----------
    model : Model
    path : path
        A directory that does not exist, is empty, or is a model, which is replaced.

    Returns
    -------
    Model
        The same model, opened from the directory.

    Raises
    ------
    OutputError
        If the place cannot be written or holds something else.
    """
    with atomic_directory(path, marker=CARD) as folder:
        write_model(model, folder)
    return load_model(path)


def write_model(model: Model, folder: Path) -> None:
    """Write the files of a model into an empty directory.

    Parameters
    ----------
    model : Model
    folder : Path

    Raises
    ------
    OSError
        If they cannot be written.
    """
    arrays = {}
    for name in _ARRAYS:
        # not np.save to the file, whose errors do not say what the disk says
        buffer = io.BytesIO()
        np.save(buffer, getattr(model, name), allow_pickle=False)
        data = buffer.getbuffer()
        (folder / f"{name}.npy").write_bytes(data)
        arrays[f"{name}.npy"] = {"bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    if model.lm is not None:
        from segtool.lm import save_lm

        save_lm(model.lm, folder / LM_FOLDER)
    card = {**model.card, "format": FORMAT, "format_version": FORMAT_VERSION, "arrays": arrays}
    card["checksum"] = _card_checksum(card)
    text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def load_model(path: str | os.PathLike[str], verify: bool = True) -> Model:
    """Open a model directory.

    Parameters
    ----------
    path : path
    verify : bool
        Compare the checksums of the arrays with the card.

    Returns
    -------
    Model
        Its arrays are read-only memory maps, shared between the processes that open it.

    Raises
    ------
    ModelError
        If the directory or a file of it is missing, damaged, or of another format version.
    """
    folder = Path(path)
    card = _read_card(folder)
    loaded = {}
    for name, dtype in _ARRAYS.items():
        array = _read_array(folder / f"{name}.npy", card["arrays"][f"{name}.npy"], verify)
        if array.dtype != (dtype or word_record(card["parameters"]["max_word_len"])) or array.ndim != 1:
            raise ModelError(f"{folder / name}.npy: not the array of a model: train the model again")
        loaded[name] = array
    lm = None
    if card.get("decoder") == "tags":
        from segtool.lm import load_lm

        lm = load_lm(folder / LM_FOLDER, verify)
    return Model(**loaded, card=card, path=Path(os.path.abspath(folder)), lm=lm)


def _read_card(folder: Path) -> dict[str, Any]:
    file = folder / CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = "is no model (it holds no card.json)" if folder.is_dir() else "does not exist"
        raise ModelError(f"{folder}: {what}: make one with 'segtool train CORPUS -o {folder}'") from None
    except NotADirectoryError:
        raise ModelError(f"{folder}: a model is a directory, this is a file: pass the directory to -m") from None
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}: check the permissions of the model") from None
    except ValueError:
        raise ModelError(f"{file}: damaged (not JSON): restore the model or train it again") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ModelError(f"{file}: not the card of a segtool model: pass a directory written by 'segtool train'")
    version = card.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{folder}: model format {version}, written by segtool {card.get('segtool_version')}; "
            f"this segtool reads format {FORMAT_VERSION}: train the model again or install that version"
        )
    damaged = ModelError(f"{file}: damaged (its checksum is wrong): restore the model or train it again")
    arrays = card.get("arrays")
    if card.get("checksum") != _card_checksum(card) or not isinstance(arrays, dict):
        raise damaged
    for name in _ARRAYS:
        entry = arrays.get(f"{name}.npy")
        if not isinstance(entry, dict) or not {"bytes", "crc32"} <= entry.keys():
            raise damaged
    parameters = card.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("max_word_len") not in range(1, 16):
        raise damaged
    return card


def _card_checksum(card: dict[str, Any]) -> str:
    """Checksum of everything else that the card says."""
    said = {key: value for key, value in card.items() if key != "checksum"}
    return f"{zlib.crc32(json.dumps(said, sort_keys=True).encode()):08x}"


def _read_array(file: Path, entry: dict[str, Any], verify: bool) -> npt.NDArray[Any]:
    mend = "restore the model or train it again"
    try:
        size = file.stat().st_size
        if size != entry["bytes"]:
            raise ModelError(f"{file}: damaged ({size:,} bytes instead of {entry['bytes']:,}): {mend}")
        if verify and f"{zlib.crc32(np.memmap(file, np.uint8, 'r')):08x}" != entry["crc32"]:
            raise ModelError(f"{file}: damaged (wrong checksum): {mend}")
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:
        raise ModelError(f"{file}: missing from the model: {mend}") from None
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror or error}: check the permissions of the model") from None
    except (ValueError, EOFError):
        raise ModelError(f"{file}: damaged (not a .npy array): {mend}") from None
