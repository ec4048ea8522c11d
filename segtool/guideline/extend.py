"""Adding words to the trie of a model, with new weights for any of its words.

A word in the trie has one weight, so the strengths of a dictionary (:mod:`segtool.guideline.dictionary`) cost nothing
when text is cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import NO_WORD, TAG_STEP, WEIGHT_UNIT
from segtool.lexicon.trie import build_trie, word_nodes
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.store.model import Model, word_record
from segtool.text.symbols import CODE_LIMIT

__all__ = [
    "FORCE",
    "NO_COVER",
    "STRENGTHS",
    "WordTrie",
    "best_splits",
    "find_nodes",
    "own_scores",
    "record_strength",
    "strength_of",
    "strengths_of",
    "widen",
    "with_trie",
]

FORCE = 1000 * WEIGHT_UNIT
"""Steps that a forced word gains for each of its symbols."""

STRENGTHS = ("", "listed", "preferred", "forced", "forbidden")
"""By what list a dictionary has a word of two symbols or more: a number in the last byte of its node, which no gap
uses."""

_STRENGTH_SHIFT = 24
"""Bits before that byte."""

NO_COVER = -(1 << 60)
"""Score of a cover that does not exist, in steps."""


@dataclass(frozen=True)
class WordTrie:
    """A trie with room for more words than a model has.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id: the symbols of the model and of the new words, ascending.
    id_of : ndarray of uint16, shape (CODE_LIMIT,)
        The reverse.
    ids : ndarray of int64, shape (symbols of the model + 1,)
        Symbol id here of each one of the model; the last one is that of unknown characters.
    units : ndarray of int32, shape (nodes, 4)
        As ``lexicon`` of the model. New words have no weight yet.
    spelling : ndarray of int32, shape (symbols + 1, 4)
    rows : list of ndarray of uint16
        ``rows[k - 1]``: symbol ids of the new words of k symbols, different and ascending, shape (words, k).
    nodes : list of ndarray of int64
        The node of each of them.
    unknown_len : int
        Symbols of the longest unknown word.
    granularity : int
        Score of each gap, in steps.
    """

    codes: Codes
    id_of: Ids
    ids: Integers
    units: npt.NDArray[np.int32]
    spelling: npt.NDArray[np.int32]
    rows: list[Ids]
    nodes: list[Integers]
    unknown_len: int
    granularity: int


def widen(model: Model, codes: list[npt.NDArray[np.int64]]) -> WordTrie:
    """Lay out the trie of a model anew, with nodes for more words.

    Parameters
    ----------
    model : Model
        Cut by the lattice.
    codes : list of ndarray of int64
        ``codes[k - 1]``: the folded codes of words of k symbols, shape (words, k).

    Returns
    -------
    WordTrie
        A character that the model does not know gets an id and scores as unknown characters do.
    """
    unknown = len(model.symbols)
    found = [np.unique(table) for table in codes if table.size]
    alphabet = np.unique(np.concatenate([model.symbols, *found])).astype(np.uint32)
    id_of = np.zeros(CODE_LIMIT, np.uint16)
    id_of[alphabet] = np.arange(len(alphabet), dtype=np.uint16)
    ids = np.append(id_of[model.symbols].astype(np.int64), len(alphabet))
    rows = [np.unique(id_of[table], axis=0) for table in codes]
    old = np.asarray(model.lexicon).reshape(-1, 4)
    levels = [np.arange(unknown + 1)]  # nodes of the model, by length
    child = np.flatnonzero(old[:, 1] >= 0)
    depth = np.zeros(len(old), np.int64)
    depth[: unknown + 1] = 1
    while True:
        here = child[depth[old[child, 1]] == len(levels)]
        if not len(here):
            break
        levels.append(here)
        depth[here] = len(levels)
    symbols, parents = [np.arange(len(alphabet) + 1, dtype=np.uint16)], [np.zeros(len(alphabet) + 1, np.int32)]
    place = np.zeros(len(old), np.int64)
    place[: unknown + 1] = ids
    at = [table[:, 0].astype(np.int64) if table.size else np.zeros(0, np.int64) for table in rows]
    for k in range(2, max(len(levels), len(rows)) + 1):
        nodes = levels[k - 1] if k <= len(levels) else np.zeros(0, np.int64)
        parent = old[nodes, 1]
        keys = [place[parent] << 16 | ids[nodes - old[parent, 0]]]
        keys += [at[j] << 16 | rows[j][:, k - 1] for j in range(k - 1, len(rows)) if len(at[j])]
        union, inverse = np.unique(np.concatenate(keys), return_inverse=True)
        parts = np.split(inverse, np.cumsum([len(each) for each in keys])[:-1])
        place[nodes] = parts[0]
        for j, part in zip([j for j in range(k - 1, len(rows)) if len(at[j])], parts[1:], strict=True):
            at[j] = part
        symbols.append((union & 0xFFFF).astype(np.uint16))
        parents.append((union >> 16).astype(np.int32))
    base, check, laid = build_trie(symbols, parents, [np.ones(len(level), np.bool_) for level in symbols])
    units = np.zeros((len(base), 4), np.int32)
    units[:, 0], units[:, 1], units[:, 2] = base, check, NO_WORD
    units[: len(alphabet), 2:] = old[unknown, 2:]
    for nodes, new in zip(levels, laid, strict=False):
        units[new[place[nodes]], 2:] = old[nodes, 2:]
    spelled = np.asarray(model.spelling).reshape(-1, 4)
    spelling = np.repeat(spelled[unknown:], len(alphabet) + 1, axis=0)
    spelling[ids] = spelled
    granularity = round(model.granularity * WEIGHT_UNIT)
    found_nodes = [laid[k][where].astype(np.int64) if len(where) else where for k, where in enumerate(at)]
    return WordTrie(alphabet, id_of, ids, units, spelling, rows, found_nodes, model.unknown_len, granularity)


def find_nodes(trie: WordTrie, codes: npt.NDArray[np.int64]) -> tuple[Ids, Integers]:
    """Find words of one length, given by their codes, shape (words, k): their symbol ids and nodes.

    All of them were given to :func:`widen`.
    """
    rows = trie.id_of[codes]
    return rows, word_nodes(trie.units, rows, np.full(len(rows), rows.shape[1]))


def record_strength(trie: WordTrie, nodes: Integers, strength: str) -> None:
    """Record by what list a dictionary has words (one of `STRENGTHS`); single symbols have no room for it."""
    longer = nodes[trie.units[nodes, 1] >= 0]
    number = STRENGTHS.index(strength) << _STRENGTH_SHIFT
    trie.units[longer, 3] = trie.units[longer, 3] & ((1 << _STRENGTH_SHIFT) - 1) | number


def strength_of(packed: int) -> str:
    """Read what :func:`record_strength` wrote, from the last number of a node of two symbols or more."""
    number = packed >> _STRENGTH_SHIFT
    return STRENGTHS[number] if 0 <= number < len(STRENGTHS) else ""


def strengths_of(units: npt.NDArray[np.int32], nodes: Integers) -> Integers:
    """Read the numbers that :func:`record_strength` wrote, 0 for single symbols."""
    return np.where(units[nodes, 1] >= 0, units[nodes, 3] >> _STRENGTH_SHIFT, 0)


def own_scores(trie: WordTrie, rows: Ids, nodes: Integers) -> Integers:
    """Scores of words of one length, in steps: their weights as not forced, or else their scores as unknown words.

    `NO_COVER` if they can be neither.
    """
    k = rows.shape[1]
    unknown = np.full(len(rows), NO_COVER)
    if 2 <= k <= trie.unknown_len:
        scores = trie.spelling.astype(np.int64)
        unknown = scores[rows[:, 0], 0] + scores[rows[:, 1:-1], 1].sum(axis=1) + scores[rows[:, -1], 2]
    weight = trie.units[nodes, 2].astype(np.int64)
    return np.where(weight == NO_WORD, unknown, _unforced(weight, k))


def _unforced(weight: Integers, k: int) -> Integers:
    """Weights of words of k symbols without the gain of forced words."""
    return np.where(weight > FORCE * k // 2, weight - FORCE * k, weight)


def best_splits(trie: WordTrie, rows: Ids) -> Integers:
    """Score the best covers of words by two words or more, as if each were a run of its own.

    Parameters
    ----------
    trie : WordTrie
    rows : ndarray of uint16, shape (words, k)

    Returns
    -------
    ndarray of int64, shape (words,)
        In steps, with the gaps; `NO_COVER` for single symbols. The scores are those of
        :func:`segtool.decode.viterbi.viterbi`.
    """
    units, spelling = trie.units, trie.spelling.astype(np.int64)
    count, k = rows.shape
    symbols = rows.astype(np.int64)
    gaps = _gaps(trie, symbols)
    best = [np.zeros(count, np.int64), *(np.full(count, NO_COVER) for _ in range(k))]
    for start in range(k):
        score = best[start] + gaps[start]
        node = symbols[:, start]
        inner = spelling[node, 0]
        known = np.ones(count, np.bool_)
        for end in range(start + 1, min(k, start + k - 1) + 1):
            last = symbols[:, end - 1]
            value = np.full(count, NO_COVER)
            if 2 <= end - start <= trie.unknown_len:
                value = inner + spelling[last, 2]
            if end - start > 1:
                inner = inner + spelling[last, 1]
                child = units[node, 0] + last
                known &= units[child, 1] == node
                node = np.where(known, child, 0)
            weight = units[node, 2].astype(np.int64)
            value = np.where(known & (weight != NO_WORD), _unforced(weight, end - start), value)
            best[end] = np.maximum(best[end], score + value)
    return best[k]


def _gaps(trie: WordTrie, symbols: Integers) -> list[Integers]:
    """Score of the gap before each symbol of words of one length; 0 for the first."""
    units = trie.units
    padded = np.pad(symbols, ((0, 0), (1, 1)))
    tags = np.ascontiguousarray(units[:, 3]).view(np.int8).reshape(-1, 4).astype(np.int64)
    child = units[padded[:, :-1], 0] + padded[:, 1:]
    pairs = np.where((units[child, 1] == padded[:, :-1])[..., None], tags[child], 0)
    single = tags[padded]
    gaps = [np.zeros(len(symbols), np.int64)]
    for i in range(symbols.shape[1] - 1):
        total = single[:, i, 0] + single[:, i + 1, 1] + single[:, i + 2, 2] + single[:, i + 3, 3]
        total += pairs[:, i, 0] + pairs[:, i + 1, 1] + pairs[:, i + 2, 2]
        gaps.append(TAG_STEP * total + trie.granularity)
    return gaps


def with_trie(model: Model, trie: WordTrie, card: dict[str, Any]) -> Model:
    """Make a model of a trie whose words have their weights.

    Parameters
    ----------
    model : Model
        The one that was widened.
    trie : WordTrie
    card : dict
        Of the new model, except that its longest word follows from the trie.

    Returns
    -------
    Model
        In memory. Words that the model lacked are in its table with a count of 0.
    """
    longest = max([model.max_word_len, *(k for k, rows in enumerate(trie.rows, 1) if len(rows))])
    old = model.words
    tables = [np.zeros(len(old), word_record(longest))]
    for name in old.dtype.names:
        if name != "symbols":
            tables[0][name] = old[name]
    spelled = trie.ids[old["symbols"]]
    spelled[np.arange(spelled.shape[1]) >= old["length"][:, None]] = 0
    tables[0]["symbols"][:, : spelled.shape[1]] = spelled
    held = np.zeros(len(trie.units), np.bool_)
    at = word_nodes(trie.units, tables[0]["symbols"], old["length"])
    held[at] = True
    tables[0]["weight"] = trie.units[at, 2] / WEIGHT_UNIT
    for k, (rows, nodes) in enumerate(zip(trie.rows, trie.nodes, strict=True), 1):
        if not len(nodes):
            continue
        new = ~held[nodes] & (trie.units[nodes, 2] != NO_WORD)
        table = np.zeros(int(new.sum()), word_record(longest))
        table["symbols"][:, :k], table["length"] = rows[new], k
        table["weight"] = trie.units[nodes[new], 2] / WEIGHT_UNIT
        tables.append(table)
    singles = np.setdiff1d(np.arange(1, len(trie.codes)), trie.ids)
    more = np.setdiff1d(singles, np.concatenate([each["symbols"][each["length"] == 1, 0] for each in tables]))
    table = np.zeros(len(more), word_record(longest))
    table["symbols"][:, 0], table["length"], table["weight"] = more, 1, trie.units[more, 2] / WEIGHT_UNIT
    words = np.concatenate([*tables, table])
    order = np.lexsort((*words["symbols"].T[::-1], words["length"]))
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.arange(len(order))
    spellings = model.spellings.copy()
    spellings["word"] = row_of[spellings["word"]]
    spellings = spellings[np.lexsort((spellings["place"], spellings["word"]))]
    faces = trie.codes.copy()
    faces[trie.ids[:-1]] = model.faces
    return replace(
        model,
        symbols=trie.codes,
        faces=faces,
        lexicon=np.ascontiguousarray(trie.units).ravel(),
        spelling=np.ascontiguousarray(trie.spelling).ravel(),
        words=words[order],
        spellings=spellings,
        card=card | {"parameters": card["parameters"] | {"max_word_len": longest}},
        path=None,
    )
