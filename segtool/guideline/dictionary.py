"""Telling a model what a word is: word lists, and dictionaries in three strengths.

- A word of a *list* scores the greater of its own weight and its best split + μ. Every word of two symbols or more that
  is not listed, unknown words too, pays ν.
- A *preferred* word scores the same without any cost for others: alone it is one word, in a context a better reading
  still wins. A word that the lexicon lacks has no evidence of its own, so its μ is greater.
- *Forced* words gain so much for each symbol that the cover with the most forced characters wins; between equal ones
  the ordinary scores decide. A forced split, ``和|服务``, is a forced word that comes out as its parts.
- A *forbidden* word never comes out, as a word of the lexicon or as an unknown one.

These become weights in the trie of the model, so cutting costs nothing more. Words that symbols cannot distinguish,
such as ``C++`` and ``5G``, are literals (:mod:`segtool.decode.literals`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import NO_WORD, WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.guideline.extend import (
    FORCE,
    NO_COVER,
    WordTrie,
    best_splits,
    find_nodes,
    own_scores,
    record_strength,
    widen,
    with_trie,
)
from segtool.guideline.word_files import NamedWords, named_words
from segtool.limits import LONGEST_WORD
from segtool.runtime.arrays import Floats, Integers
from segtool.settings import settings_of
from segtool.store.model import DICTIONARY, Model
from segtool.text.folding import fold_table, fold_text
from segtool.text.symbols import LAT, MARK, NUM, tokenise

__all__ = ["SPLIT", "Dictionary", "check_dictionary", "extend"]

GAIN = 4.0
"""μ, in nats: gain of a word over its best split."""

NEW_GAIN = 12.0
"""μ of a preferred word that the lexicon lacks.

Of the words of a gold standard that the included model lacks, 12 nats recall .95 on pku, .99 on msr and .90 on ud (dev
parts); 4 nats recall .87, .94 and .79, and F1 is lower, too. Words of the lexicon gain little by more than 4 nats, at
which 研究生 may be preferred and 研究生命 is still cut as it should be.
"""

PENALTY = 8.0
"""ν, in nats: cost of every unlisted word of two symbols or more, if the list is complete."""

FORBIDDEN = -32_000 * WEIGHT_UNIT
SPLIT = "|"
"""Where a forced word is split on output."""
SYMBOL_LIMIT = 65_000

Words = Iterable[str] | NamedWords


@dataclass(frozen=True)
class Dictionary:
    """Words in three strengths, and a word list.

    Attributes
    ----------
    prefer, force, forbid : NamedWords
        ``|`` in a forced word is where it is split on output.
    words : NamedWords
        A word list. Words with marks in them are passed over.
    words_only : bool
        Whether that list is complete, so that words that it lacks are unlikely.
    """

    prefer: NamedWords
    force: NamedWords
    forbid: NamedWords
    words: NamedWords
    words_only: bool = False

    @classmethod
    def of(
        cls,
        prefer: Words | Mapping[str, float] = (),
        force: Words = (),
        forbid: Words = (),
        words: Words = (),
        words_only: bool = False,
    ) -> Dictionary:
        """Make a dictionary of words in memory.

        Parameters
        ----------
        prefer : iterable of str, mapping of str to float, or NamedWords
            A mapping gives the gain of each word over its best split, in nats.
        force, forbid, words : iterable of str or NamedWords
        words_only : bool

        Raises
        ------
        UsageError
            If there is something other than words, or the list that is complete is missing.
        """
        lists = named_words("prefer", prefer), named_words("force", force), named_words("forbid", forbid)
        made = cls(*lists, named_words("words", words), words_only)
        if words_only and not made.words.words:
            raise UsageError("words_only: there is no word list: pass words, too")
        return made

    @property
    def strengths(self) -> list[NamedWords]:
        """The words of each strength."""
        return [self.prefer, self.force, self.forbid]


@dataclass(frozen=True)
class _Encoded:
    """Words as symbols.

    Attributes
    ----------
    codes : ndarray of int64, shape (words, LONGEST_WORD)
        Folded codes; 0 behind the last.
    length : ndarray of int64
        Tokens of each word.
    has_mark, has_class : ndarray of bool
        Whether a word holds a token that is no symbol, or a number or Latin run.
    """

    codes: npt.NDArray[np.int64]
    length: Integers
    has_mark: npt.NDArray[np.bool_]
    has_class: npt.NDArray[np.bool_]

    @property
    def fits(self) -> npt.NDArray[np.bool_]:
        """Whether a word can be in the trie."""
        return ~self.has_mark & (self.length <= LONGEST_WORD)


def extend(model: Model, dictionary: Dictionary, gain: float = GAIN, penalty: float = PENALTY) -> Model:
    """Extend a model by the words of a dictionary.

    Parameters
    ----------
    model : Model
        Of a method that cuts by the lattice. It does not change.
    dictionary : Dictionary
    gain : float
        μ, in nats: gain of a preferred or listed word over its best split; of preferred words that the lexicon lacks it
        is `NEW_GAIN`, if that is more.
    penalty : float
        ν, in nats: cost of every unlisted word of two symbols or more, if the list is complete.

    Returns
    -------
    Model
        In memory.

    Raises
    ------
    UsageError
        If a word is in two of `prefer`, `force` and `forbid`, or cannot be forbidden, or the model's method takes no
        words.
    DataError
        The same for words of a file, with its name and line.
    """
    if model.card.get("decoder", "lattice") != "lattice":
        raise UsageError(f"a model of method {settings_of(model).method} takes no words: use one of method unigram")
    listed, strengths = dictionary.words, dictionary.strengths
    preferred = dictionary.prefer
    encoded, split_words = _encoded_strengths(dictionary, model.folds, model.has_number_tokens)
    in_list = _encode(list(listed.words), model.folds, model.has_number_tokens)
    in_trie = [encoded[0].fits & ~encoded[0].has_class, encoded[1].fits & ~encoded[1].has_class, encoded[2].fits]
    tables = [(in_list.codes[in_list.fits], in_list.length[in_list.fits])]
    tables += [(each.codes[fits], each.length[fits]) for each, fits in zip(encoded, in_trie, strict=True)]
    trie = _widened(model, tables)
    if listed.words:
        _add_list(trie, tables, gain, penalty if dictionary.words_only else 0.0)
    own = np.array([np.nan if each is None else each for each in preferred.words.values()])
    _prefer(trie, *tables[1], own[in_trie[0]] if len(own) else own, gain, "preferred")
    _prefer(trie, *tables[2], np.full(len(tables[2][0]), gain), gain, "forced")
    for k in range(1, LONGEST_WORD + 1):
        _, nodes = _find(trie, tables[2], k)
        # a word that an earlier dictionary forced has been set back by _prefer
        trie.units[nodes, 2] += FORCE * k
        _, nodes = _find(trie, tables[3], k)
        trie.units[nodes, 2] = FORBIDDEN
        record_strength(trie, nodes, "forbidden")
    literals: list[str] = []
    for entries, symbols, fits in zip(strengths[:2], encoded, in_trie, strict=False):
        # a single mark is a word in any case
        wanted = ~fits & ((symbols.length > 1) | symbols.has_class & (entries is dictionary.force))
        literals += [word for word, want in zip(entries.words, wanted.tolist(), strict=True) if want]
    return with_trie(model, trie, _card(model, dictionary, split_words, literals))


def check_dictionary(dictionary: Dictionary, folds: bool, numbers: bool = False) -> None:
    """Raise the errors of :func:`extend` that depend on folding and number tokens of the model, and nothing else."""
    _encoded_strengths(dictionary, folds, numbers)


def _encoded_strengths(dictionary: Dictionary, folds: bool, numbers: bool) -> tuple[list[_Encoded], list[str]]:
    """Check a dictionary; the words of each strength as symbols, and those that are split."""
    splits = _splits(dictionary.force, folds, numbers)
    _check_conflicts(dictionary.strengths, folds)
    forced = [word.replace(SPLIT, "") for word in dictionary.force.words]
    words = list(dictionary.prefer.words), forced, list(dictionary.forbid.words)
    encoded = [_encode(each, folds, numbers) for each in words]
    _check_forbidden(dictionary.forbid, encoded[2])
    return encoded, splits


def _encode(words: list[str], folds: bool, numbers: bool) -> _Encoded:
    """Turn words into folded codes."""
    text = "\n".join(words)
    codes, starts = tokenise(text, numbers)
    ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1) - 1
    owner = np.searchsorted(ends, starts)
    inside = starts < ends[owner] if len(words) else np.zeros(0, np.bool_)
    codes, owner = codes[inside].astype(np.int64), owner[inside]
    length = np.bincount(owner, minlength=len(words))
    place = np.arange(len(owner)) - (np.cumsum(length) - length)[owner]
    is_symbol = codes > MARK
    folded = codes.copy()
    if folds:
        folded[is_symbol] = fold_table()[codes[is_symbol]]
    table = np.zeros((len(words), LONGEST_WORD), np.int64)
    short = place < LONGEST_WORD
    table[owner[short], place[short]] = np.where(is_symbol, folded, 0)[short]
    has_mark = np.bincount(owner, ~is_symbol, len(words)) > 0
    has_class = np.bincount(owner, (codes == NUM) | (codes == LAT), len(words)) > 0
    return _Encoded(table, length, has_mark, has_class)


def _folded(words: Iterable[str], folds: bool) -> list[str]:
    """Words as the model has them."""
    words = list(words)
    return fold_text("\n".join(words)).split("\n") if folds and words else words


def _check_conflicts(strengths: list[NamedWords], folds: bool) -> None:
    """Raise the error of a word that is in two lists, or in one with two meanings."""
    keys = [_folded(entries.words, folds) for entries in strengths]
    whole = [key.replace(SPLIT, "") for key in keys[1]]
    distinct = [{*keys[0]}, {*whole}, {*keys[2]}]
    if len(distinct[0] | distinct[1] | distinct[2]) == sum(map(len, distinct)) and len({*keys[1]}) == len(distinct[1]):
        return
    seen: dict[str, tuple[NamedWords, str, str]] = {}
    keys[1], meanings = whole, keys[1]
    for entries, spelled in zip(strengths, keys, strict=True):
        exact = meanings if entries is strengths[1] else spelled
        for word, key, meaning in zip(entries.words, spelled, exact, strict=True):
            other, before, earlier = seen.setdefault(key, (entries, word, meaning))
            if other is not entries:
                raise entries.error(word, f"the same word is in {other.where(before)}: keep one of them")
            if meaning != earlier:
                raise entries.error(word, f"split in another way in {other.where(before)}: keep one of them")


def _check_forbidden(forbidden: NamedWords, encoded: _Encoded) -> None:
    """Raise the error of a word that cannot be forbidden."""
    single = encoded.length == 1
    special = encoded.has_class & ~encoded.has_mark
    for i in np.flatnonzero(single | special)[:1].tolist():
        fault = "a number or a Latin run in it is any number, any Latin run: forbid words of Han characters only"
        if single[i] and not special[i]:
            fault = "a single character cannot be forbidden, as any text must be cut into words: remove it"
        raise forbidden.error(list(forbidden.words)[i], fault)


def _splits(forced: NamedWords, folds: bool, numbers: bool) -> list[str]:
    """The forced words that are split on output, folded."""
    found = [word for word in forced.words if SPLIT in word]
    for word in found:
        parts, whole = (_encode(each, folds, numbers) for each in (word.split(SPLIT), [word.replace(SPLIT, "")]))
        if not all(map(str.strip, word.split(SPLIT))):
            raise forced.error(word, f"no word on one side of {SPLIT}: write it as 和{SPLIT}服务")
        has_class = parts.has_class.any() or whole.has_class.any()
        if not (parts.fits.all() and parts.length.sum() <= LONGEST_WORD) or has_class:
            fault = f"a split word has Han characters only, {LONGEST_WORD} or fewer, no number: change or remove it"
            raise forced.error(word, fault)
    return _folded(found, folds)


def _widened(model: Model, tables: list[tuple[npt.NDArray[np.int64], Integers]]) -> WordTrie:
    """Make the trie with room for all words."""
    codes = np.concatenate([each for each, _ in tables])
    length = np.concatenate([each for _, each in tables])
    by_length = [codes[length == k, :k] for k in range(1, LONGEST_WORD + 1)]
    alphabet = np.union1d(np.unique(codes), model.symbols)
    if len(alphabet) > SYMBOL_LIMIT:
        raise UsageError(f"{len(alphabet):,} different characters in the words: {SYMBOL_LIMIT:,} at most are possible")
    return widen(model, by_length)


def _find(
    trie: WordTrie, table: tuple[npt.NDArray[np.int64], Integers], k: int
) -> tuple[npt.NDArray[np.uint16], Integers]:
    """Find the words of k symbols: each once."""
    codes, length = table
    rows, nodes = find_nodes(trie, codes[length == k, :k])
    nodes, first = np.unique(nodes, return_index=True)
    return rows[first], nodes


def _add_list(
    trie: WordTrie, tables: list[tuple[npt.NDArray[np.int64], Integers]], gain: float, penalty: float
) -> None:
    """Raise the weights of listed words, and lower those of all others but preferred and forced ones."""
    steps = round(penalty * WEIGHT_UNIT)
    is_listed = np.zeros(len(trie.units), np.bool_)
    own = {}
    for k in range(1, LONGEST_WORD + 1):
        for table in tables[:3]:
            is_listed[_find(trie, table, k)[1]] = True
        rows, nodes = _find(trie, tables[0], k)
        own[k] = own_scores(trie, rows, nodes)
    costs = (trie.units[:, 1] >= 0) & (trie.units[:, 2] > NO_WORD) & ~is_listed
    trie.units[costs, 2] = np.maximum(trie.units[costs, 2].astype(np.int64) - steps, FORBIDDEN)
    trie.spelling[:, 0] -= steps
    for k in range(2, LONGEST_WORD + 1):
        rows, nodes = _find(trie, tables[0], k)
        if len(rows):
            _raise(trie, nodes, own[k], best_splits(trie, rows) + round(gain * WEIGHT_UNIT), "listed")


def _prefer(
    trie: WordTrie, codes: npt.NDArray[np.int64], length: Integers, own: Floats, gain: float, strength: str
) -> None:
    """Raise the weights of words over their best splits, by their own nats if they have any; shorter words first."""
    for k in range(1, LONGEST_WORD + 1):
        here = length == k
        if not here.any():
            continue
        rows, nodes = find_nodes(trie, codes[here, :k])
        usual = np.where(trie.units[nodes, 2] == NO_WORD, max(gain, NEW_GAIN), gain)
        bonus = np.rint(np.where(np.isnan(own[here]), usual, own[here]) * WEIGHT_UNIT).astype(np.int64)
        splits = best_splits(trie, rows)
        splits = np.where(splits > NO_COVER, splits + bonus, splits)
        _raise(trie, nodes, own_scores(trie, rows, nodes), splits, strength)


def _raise(trie: WordTrie, nodes: Integers, own: Integers, split: Integers, strength: str) -> None:
    trie.units[nodes, 2] = np.clip(np.maximum(own, split), NO_WORD + 1, -NO_WORD - 1)
    record_strength(trie, nodes, strength)


def _card(model: Model, dictionary: Dictionary, splits: list[str], literals: list[str]) -> dict[str, object]:
    """The card of the extended model: sizes and digest of the words, and those that the decoder needs."""
    lists = [dictionary.words, *dictionary.strengths]
    before = model.dictionary
    names = ("words", "prefer", "force", "forbid")
    nats = [str(each) for each in lists[1].words.values() if each is not None]
    text = "\n\n".join("\n".join(words) for words in (*(each.words for each in lists), nats))
    old = {word.replace(SPLIT, ""): word for word in before.get("splits", ())}
    again = _folded((w.replace(SPLIT, "") for each in lists[1:] for w in each.words), model.folds) if old else []
    for word in again:
        old.pop(word, None)
    digest = hashlib.sha256((before.get("digest", "") + text).encode("utf-8", "surrogatepass")).hexdigest()
    entry = {name: len(each.words) + before.get(name, 0) for name, each in zip(names, lists, strict=True)}
    return model.card | {
        DICTIONARY: entry
        | {
            "words_only": dictionary.words_only or before.get("words_only", False),
            "digest": digest[:16],
            "splits": sorted({*old.values(), *splits}),
            "literals": sorted({*before.get("literals", ()), *literals}),
        }
    }
