"""What a model must be, so that no content of its files makes the kernels leave their memory or go on for ever.

The checksums of a directory only tell that it is complete. These checks take some milliseconds for the included model,
in whole columns, without compiled code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segtool.errors import UsageError
from segtool.limits import LONGEST_WORD, MOST_IDS
from segtool.runtime.arrays import Codes, Integers
from segtool.store.cards import is_number, is_whole
from segtool.text.choices import TokenChoices
from segtool.text.symbols import C_HAN, CODE_LIMIT, LAT, NUM, STAND_INS, class_table

if TYPE_CHECKING:
    from segtool.store.model import Model

__all__ = ["MOST_GRANULARITY", "are_symbols", "check_card", "model_faults"]

MOST_GRANULARITY = 100
"""Limit of the granularity, in nats, in either direction."""
MOST_CALIBRATION = 100
MOST_COUNT = 1 << 48
"""Limit of counts of words: sums of them stay below 2^63."""
MOST_SCORE = 1e5
"""Limit of log weights and scores; those of the trie have a limit of 32,768 by their type."""
_MOST_GAP = 1 << 30
_ALWAYS = [0, NUM, LAT]
_FORBIDDEN = {*STAND_INS, "\n", "\r"}
_TEXTS = ("name", "segtool_version", "decoder")
_OBJECTS = ("corpus", "parameters", "tuned", "adapted", "base", "dictionary")


def check_card(card: dict[str, Any]) -> str:
    """Describe the first entry of a model's card that makes no sense; empty if all do.

    Parameters that only training needs are checked when they are needed (:func:`segtool.settings.settings_of`).
    """
    for name in _TEXTS:
        if not isinstance(card.get(name, ""), str):
            return f"its {name} is no text"
    for name in _OBJECTS:
        if not isinstance(card.get(name, {}), dict):
            return f"its entry {name} is no object"
    if not is_whole(card.get("adapted", {}).get("symbols", 0)):
        return "the text that it was adapted to has no number of symbols"
    parameters = card.get("parameters", {})
    if not is_whole(parameters.get("max_word_len"), 1, LONGEST_WORD):
        return f"its max_word_len is no whole number from 1 to {LONGEST_WORD}"
    if not is_whole(parameters.get("unknown_len", 0), 0, LONGEST_WORD):
        return f"its unknown_len is no whole number from 0 to {LONGEST_WORD}"
    if not isinstance(parameters.get("fold", False), bool):
        return "its fold is neither true nor false"
    if not is_number(card.get("granularity", 0), MOST_GRANULARITY):
        return f"its granularity is no number from -{MOST_GRANULARITY} to {MOST_GRANULARITY}"
    try:
        TokenChoices.of(dict(card.get("tokens", {})))
    except (UsageError, TypeError, ValueError):
        return "its tokens are no choices that this version knows"
    calibration = card.get("calibration", 1.0)
    if not is_number(calibration, MOST_CALIBRATION) or calibration <= 0:
        return f"its calibration is no number up to {MOST_CALIBRATION}"
    return _base_fault(card) or _dictionary_fault(card.get("dictionary", {}))


def _base_fault(card: Any) -> str:
    """Check the corpora of a model and of those that it continues."""
    while card:
        corpus = card.get("corpus", {}) if isinstance(card, dict) else None
        if not isinstance(corpus, dict) or not is_whole(corpus.get("symbols", 0)):
            return "a corpus in it has no number of symbols"
        card = card.get("base", {})
    return ""


def _dictionary_fault(dictionary: dict[str, Any]) -> str:
    """Check the words of a dictionary that come out as their parts, or are found as they are written."""
    for name in ("words", "prefer", "force", "forbid"):
        if not is_whole(dictionary.get(name, 0)):
            return f"the {name} of its dictionary are no number"
    splits, literals = dictionary.get("splits", []), dictionary.get("literals", [])
    if not isinstance(splits, list) or not all(map(_is_split, splits)):
        return "a word of its dictionary cannot be split"
    if not isinstance(literals, list) or not all(map(_is_literal, literals)):
        return "a word of its dictionary cannot be in a text"
    if len(set().union(*literals)) >= MOST_IDS:
        return "its dictionary has too many characters"
    digest = dictionary.get("digest", "")
    return "" if isinstance(digest, str) and isinstance(dictionary.get("words_only", False), bool) else "no dictionary"


def _is_split(word: object) -> bool:
    """Whether it is a word of Han characters with its parts between ``|``."""
    if not isinstance(word, str):
        return False
    parts = word.split("|")
    fits = len(parts) > 1 and all(parts) and sum(map(len, parts)) <= LONGEST_WORD
    return fits and all(class_table()[ord(character)] == C_HAN for character in "".join(parts))


def _is_literal(word: object) -> bool:
    """Whether it is a word without whitespace at either end, line ends and characters that stand for words."""
    return isinstance(word, str) and 0 < len(word) == len(word.strip()) and not _FORBIDDEN & {*word}


def model_faults(model: Model) -> Iterator[tuple[str, str]]:
    """Find the arrays of a model that make no sense.

    Yields
    ------
    name : str
        Of the array.
    fault : str
    """
    symbols, words = model.symbols, model.words
    alphabet = len(symbols)
    if not are_symbols(symbols) or not np.all(symbols[1:] > symbols[:-1]):
        yield "symbols", "it is no alphabet"
    if not are_symbols(model.faces):
        yield "faces", "it holds no characters of this alphabet"
    yield from (("lexicon", fault) for fault in _trie_faults(model.lexicon, alphabet + 1, model.max_word_len))
    if not -_MOST_GAP <= model.spelling[3] <= _MOST_GAP:
        yield "spelling", "its granularity is out of range"
    yield from (("words", fault) for fault in _word_faults(words, alphabet))
    yield from (("spellings", fault) for fault in _spelling_faults(model.spellings, words))


def are_symbols(codes: Codes) -> bool:
    """Whether an array holds the codes of the boundary, ``NUM`` and ``LAT``, then Han characters."""
    return len(codes) < MOST_IDS and codes[:3].tolist() == _ALWAYS and are_han(codes[3:])


def are_han(codes: Codes) -> bool:
    """Whether all codes are Han characters."""
    classes = np.frombuffer(class_table(), np.uint8)
    return not len(codes) or bool(codes.max() < CODE_LIMIT and np.all(classes[codes] == C_HAN))


def _trie_faults(lexicon: npt.NDArray[np.int32], singles: int, longest: int) -> Iterator[str]:
    """Check a trie: `singles` nodes of single symbols, and children that lead to no place outside it, nor in a ring."""
    if len(lexicon) % 4 or len(lexicon) < 8 * singles:
        yield "it is no trie of this alphabet"
        return
    units = lexicon.reshape(-1, 4)
    base, parent = np.ascontiguousarray(units[:, 0]), np.ascontiguousarray(units[:, 1])
    if base.min() < 0 or base.max() > len(units) - singles:
        yield "a node has children outside the trie"
        return
    if base[0] != 0 or parent[:singles].max() >= 0 or parent.max() >= len(units):
        yield "a node has a parent that can be none"
        return
    node = np.flatnonzero(parent >= 0)
    above = parent[node]
    symbol = node - base[above]
    if np.any((symbol < 1) | (symbol >= singles) | (base[above] == 0)):
        yield "a node is no child of its parent"
        return
    for _ in range(longest - 1):
        above = above[above >= singles]
        if not len(above):
            return
        above = parent[above]
        if above.min() < 0:
            yield "a node has a parent that is no node"
            return
    if len(above):
        yield "a word is longer than all can be"


def _word_faults(words: npt.NDArray[Any], alphabet: int) -> Iterator[str]:
    """Check a table of words."""
    symbols, length = words["symbols"], words["length"]
    if not len(words):
        yield "it holds no word"
        return
    if length.min() < 1 or length.max() > symbols.shape[1] or symbols.max() >= alphabet:
        yield "a word has symbols outside the alphabet"
    elif np.any((symbols != 0) != (np.arange(symbols.shape[1]) < length[:, None])):
        yield "a word has another length than it says"
    elif not np.array_equal(symbols[length == 1, 0], np.arange(1, alphabet)):
        yield "a symbol is no word"
    if words["count"].min() < 0 or words["count"].max() > MOST_COUNT:
        yield "a count is out of range"
    expected = words["expected"]
    if not (expected.min() >= 0 and 0 < expected.max() <= MOST_COUNT):
        yield "an expected count is out of range"
    if np.any(np.isinf(words["cohesion"]) & (length > 1)):
        yield "a word of several symbols has no cohesion"
    for name in ("weight", "cohesion", "left_entropy", "right_entropy"):
        values = words[name]
        high = np.inf if name == "cohesion" else MOST_SCORE  # a single symbol has no split
        if not (values.min() >= -MOST_SCORE and values.max() <= high):
            yield f"a {name} is out of range"


def _spelling_faults(spellings: npt.NDArray[Any], words: npt.NDArray[Any]) -> Iterator[str]:
    """Check the places in words that are displayed otherwise."""
    if len(spellings):
        word: Integers = spellings["word"].astype(np.int64)
        if word.max() >= len(words) or np.any(spellings["place"] >= words["length"][word]):
            yield "a place is in no word"
        if not are_han(spellings["code"]):
            yield "it holds something else than Han characters"
