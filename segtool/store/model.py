"""A model: the words of a lexicon laid out for decoding, in memory or in a directory.

The directory holds ``.npy`` arrays, opened as memory maps, and a card (:mod:`segtool.store.cards`) with the parameters,
the size and digest of the corpus, and segtool's version. The same corpus and parameters give the same bytes.

======================  =====================================================================
file                    holds
======================  =====================================================================
``symbols.npy``         code of each symbol id (uint32)
``faces.npy``           the character that each symbol id is shown as (uint32)
``lexicon.npy``         the trie: base, check, weight and four bytes of the tagger of each node (int32, flat)
``spelling.npy``        scores of unknown words: of each symbol as first, middle and last, and a spare (int32, flat)
``words.npy``           a record for each word: its symbols, counts and scores
``spellings.npy``       where words are shown with another character than the face of a symbol
``lm/``                 a language model, where one is kept (:mod:`segtool.lm.language_model`), with its own card
======================  =====================================================================
"""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segtool.errors import UsageError
from segtool.runtime.arrays import Codes
from segtool.store.cards import CARD, CardFormat, is_number, write_array
from segtool.store.description import facts_of, shown_facts
from segtool.store.model_checks import MOST_CALIBRATION, MOST_GRANULARITY, check_card, model_faults
from segtool.text.choices import TokenChoices
from segtool.text.html import html_table
from segtool.text.symbols import LAT, NUM
from segtool.text.token_grammar import NUMBER_TOKENS, NUMBERS_APART, URLS_APART

if TYPE_CHECKING:
    from segtool.lm.language_model import LanguageModel

__all__ = [
    "ADAPTED",
    "DEFAULT",
    "DICTIONARY",
    "FORMAT_VERSION",
    "LM_FOLDER",
    "MODEL",
    "SPELLING",
    "Model",
    "find_model",
    "is_calibration",
    "is_granularity",
    "load_model",
    "load_written",
    "save_model",
    "with_granularity",
    "with_settings",
    "with_tokens",
    "word_record",
    "write_model",
]

FORMAT_VERSION = 2
MODEL = CardFormat(
    name="segtool model",
    version=FORMAT_VERSION,
    what="model",
    title="segtool model",
    command="segtool train",
    verb="train",
    option="-m",
)
CALIBRATION, CALIBRATION_POWER = 0.33, -0.125
"""Calibration after a corpus of a million symbols, and the power of its size that it follows; fitted to the dev parts,
with models of 16,000 to 21 million symbols (``scripts/reliability.py``)."""
LEAST_SYMBOLS = 10_000
DEFAULT = "default"
"""Name of the model that comes with the package, trained on open text by ``scripts/make_default.py``."""
ADAPTED = "adapted"
"""Entry of the card of a model that a segmenter adapted to raw text."""
DICTIONARY = "dictionary"
"""Entry of the card of a model that was extended by words."""
LM_FOLDER = "lm"
"""Folder of a model that holds its language model."""
SPELLING = np.dtype([("word", "<u4"), ("place", "<u4"), ("code", "<u4")])
"""A record of ``spellings.npy``: a place in a word, and the character there."""
_ARRAYS = {
    "symbols": np.dtype("<u4"),
    "faces": np.dtype("<u4"),
    "lexicon": np.dtype("<i4"),
    "spelling": np.dtype("<i4"),
    "words": None,
    "spellings": SPELLING,
}


@dataclass(frozen=True, repr=False)
class Model:
    """Everything that decoding needs, and statistics of the words.

    Attributes
    ----------
    symbols : ndarray of uint32, shape (symbols,)
        Code of each symbol id; the id after the last one is that of every unknown Han character.
    faces : ndarray of uint32, shape (symbols,)
        What each symbol id is shown as; another character than its code only where the model folds.
    lexicon : ndarray of int32, shape (4 * nodes,)
        Base, check, weight and the tagger's weights of each trie node; see :mod:`segtool.decode.viterbi`.
    spelling : ndarray of int32, shape (4 * (symbols + 1),)
        Score that each symbol id, including the unknown one, adds to an unknown word as its first, a middle and
        its last symbol, and a spare; zeros if `unknown_len` is 0.
    words : structured ndarray, shape (words,)
        See :func:`word_record`; single symbols first, then by length and code points.
    spellings : structured ndarray
        Places where words are shown with another character than a face (``SPELLING``), by word and place.
    card : dict
        Parameters and origin of the model.
    path : Path or None
        The directory it was loaded from.
    lm : LanguageModel or None
        Of a model that was just trained; :func:`load_model` leaves it on the disk.

    Examples
    --------
    >>> import segtool
    >>> model = segtool.load().model
    >>> model.max_word_len, model.folds, model.granularity, model.card["parameters"]["method"]
    (6, True, 0.0, 'unigram')
    """

    symbols: Codes
    faces: Codes
    lexicon: npt.NDArray[np.int32]
    spelling: npt.NDArray[np.int32]
    words: npt.NDArray[Any]
    spellings: npt.NDArray[Any]
    card: dict[str, Any]
    path: Path | None = None
    lm: LanguageModel | None = None

    @property
    def max_word_len(self) -> int:
        """Longest word of the lexicon, in symbols."""
        return int(self.card["parameters"]["max_word_len"])

    @property
    def unknown_len(self) -> int:
        """Longest unknown word, in symbols; 0 if unknown words are single symbols."""
        return int(self.card["parameters"].get("unknown_len", 0))

    @property
    def folds(self) -> bool:
        """Whether characters are folded (:mod:`segtool.text.folding`)."""
        return bool(self.card["parameters"].get("fold", False))

    @property
    def has_number_tokens(self) -> bool:
        """Whether a number in Han characters is one token when text is cut (:mod:`segtool.text.numbers`)."""
        parameters = self.card["parameters"]
        return parameters.get("method") == "unigram" and bool(parameters.get("numbers", False))

    @property
    def token_choices(self) -> TokenChoices:
        """How URLs, names, units and dates are cut."""
        return TokenChoices.of(self.card.get("tokens", {}))

    @property
    def reading(self) -> int:
        """How text is read when it is cut; see :func:`segtool.text.symbols.class_table`."""
        choices = self.token_choices
        found = NUMBER_TOKENS if self.has_number_tokens else 0
        found += URLS_APART if choices.urls == "parts" else 0
        return found + (NUMBERS_APART if choices.units == "apart" else 0)

    @property
    def is_included(self) -> bool:
        """Whether it is the model that comes with the package, as it is on disk."""
        return self.path == find_model(DEFAULT).absolute()

    @property
    def keeps_lm(self) -> bool:
        """Whether it keeps a language model, in memory or in its folder."""
        return self.lm is not None or (self.path is not None and (self.path / LM_FOLDER).is_dir())

    @property
    def dictionary(self) -> dict[str, Any]:
        """What the card says of the words that the model was extended by; empty if there are none."""
        found: dict[str, Any] = self.card.get(DICTIONARY, {})
        return found

    @property
    def granularity(self) -> float:
        """Nats for each gap between two words: more than 0 for finer words, less for coarser ones."""
        return float(self.card.get("granularity", 0.0))

    @property
    def settings(self) -> dict[str, Any]:
        """What of the granularity and the choices of tokens was set."""
        return {name: self.card[name] for name in ("granularity", "tokens") if name in self.card}

    @property
    def calibration(self) -> float:
        """Nats of log probability for each nat of score (:mod:`segtool.decode.confidence`).

        If no labelled sentences say better, it follows from the size of the corpus: the larger it is, the farther apart
        are the log weights of common and rare words.
        """
        if "calibration" in self.card:
            return float(self.card["calibration"])
        symbols, card = 0, self.card
        while card:
            symbols, card = symbols + card.get("corpus", {}).get("symbols", 0), card.get("base", {})
        return CALIBRATION * (max(symbols, LEAST_SYMBOLS) / 1e6) ** CALIBRATION_POWER

    def __repr__(self) -> str:
        where = self.path if self.path is not None else "in memory"
        return f"<Model {where}: {len(self.words):,} words, method {self.card['parameters'].get('method', 'unigram')}>"

    def _repr_html_(self) -> str:
        return html_table("segtool model", shown_facts(facts_of(self)))

    @functools.cached_property
    def _odd(self) -> dict[int, list[tuple[int, int]]]:
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for word, place, code in self.spellings.tolist():
            found[word].append((place, code))
        return found

    def spell(self, index: int) -> str:
        """Word `index` as text, as it most often is in the training text; digits are shown as ``0``, Latin as ``A``.

        Examples
        --------
        >>> import segtool
        >>> segtool.train("data/sample").model.spell(1947)
        '意见'
        """
        record = self.words[index]
        codes = self.faces[record["symbols"][: record["length"]]].tolist()
        for place, code in self._odd.get(index, ()):
            codes[place] = code
        return "".join({NUM: "0", LAT: "A"}.get(code) or chr(code) for code in codes)


def find_model(name: str | os.PathLike[str]) -> Path:
    """Return a directory as a path, and that of the included model for `DEFAULT`."""
    return Path(__file__).parent.parent / DEFAULT if name == DEFAULT else Path(name)


def is_granularity(number: object) -> bool:
    """Whether it is a number within the limits."""
    return is_number(number, MOST_GRANULARITY)


def is_calibration(number: object) -> bool:
    """Whether it is a number within the limits."""
    return isinstance(number, (int, float)) and is_number(number, MOST_CALIBRATION) and number > 0


def with_granularity(model: Model, nats: float) -> Model:
    """Set the granularity of a model, which shares the arrays of this one.

    Parameters
    ----------
    model : Model
    nats : float
        See :attr:`Model.granularity`.

    Returns
    -------
    Model

    Raises
    ------
    UsageError
        If it is no number within its limits.
    """
    if not is_granularity(nats):
        limit = MOST_GRANULARITY
        raise UsageError(f"granularity {nats}: choose a number of nats from -{limit} to {limit}")
    if nats == model.granularity:
        return model
    return replace(model, card=model.card | {"granularity": float(nats)})


def with_tokens(model: Model, choices: Mapping[str, str]) -> Model:
    """Choose how URLs, names, units and dates are cut, in a model that shares the arrays of this one.

    Parameters
    ----------
    model : Model
    choices : mapping of str to str
        See :class:`segtool.text.choices.TokenChoices`. Others stay as they are.

    Returns
    -------
    Model

    Raises
    ------
    UsageError
        If a name or a value is unknown.
    """
    chosen = TokenChoices.of(model.card.get("tokens", {}) | choices)
    return model if chosen == model.token_choices else replace(model, card=model.card | {"tokens": asdict(chosen)})


def with_settings(model: Model, settings: Mapping[str, Any]) -> Model:
    """Set what :attr:`Model.settings` of a model on disk has in memory."""
    model = with_granularity(model, settings["granularity"]) if "granularity" in settings else model
    return with_tokens(model, settings.get("tokens", {}))


def word_record(max_word_len: int) -> np.dtype[Any]:
    """Layout of the records of ``words.npy``.

    ``symbols`` are ids, with 0 after the last; ``count`` is that of the n-gram and ``expected`` that of the word;
    ``weight``, ``cohesion`` and entropies are in nats.
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
    """Write a model directory, which is replaced as a whole, and return the model opened from it."""
    from segtool.store.files import atomic_directory

    with atomic_directory(path, marker=CARD) as folder:
        write_model(model, folder)
        return load_written(folder, path)


def load_written(folder: Path, path: str | os.PathLike[str]) -> Model:
    """Open a model where it was written, before it moves to `path`: if this fails, the output is as it was."""
    return replace(load_model(folder), path=Path(os.path.abspath(path)))


def write_model(model: Model, folder: Path) -> None:
    """Write the files of a model into an empty directory."""
    files: dict[str, Any] = {}
    for name in _ARRAYS:
        files |= write_array(folder, name, getattr(model, name))
    if model.lm is not None:
        (folder / LM_FOLDER).mkdir()
        model.lm.write(folder / LM_FOLDER)
    MODEL.write(folder, model.card, files)


def load_model(path: str | os.PathLike[str], verify: bool = True) -> Model:
    """Open a model directory.

    Parameters
    ----------
    path : path
    verify : bool
        Check the checksums of the arrays, which takes about half a millisecond a megabyte, and not only their sizes and
        that their content makes sense.

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
    card = MODEL.read(folder)
    fault = check_card(card)
    if fault:
        raise MODEL.damaged(folder, fault)
    loaded: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in _ARRAYS.items():
        layout = dtype or word_record(card["parameters"]["max_word_len"])
        length = {"faces": len(loaded["symbols"]), "spelling": 4 * len(loaded["symbols"]) + 4} if loaded else {}
        loaded[name] = MODEL.open_array(folder, name, card, layout, length.get(name), verify)
    model = Model(**loaded, card=card, path=Path(os.path.abspath(folder)))
    for name, fault in model_faults(model):
        raise MODEL.wrong(folder, f"{name}.npy", fault)
    return model
