"""Building a model from a lexicon: trie, boundary model, scores of unknown words, table of words, display forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import NO_WORD, WEIGHT_UNIT
from segtool.lexicon.boundary_model import fit_boundary_model
from segtool.lexicon.learned import Learned, Lexicon
from segtool.lexicon.spellings import odd_spellings
from segtool.lexicon.trie import build_trie, word_nodes
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Codes, Floats, Ids, Integers, Places
from segtool.settings import TrainingSettings
from segtool.store.model import Model, word_record
from segtool.text.runs import Corpus, corpus_chunks
from segtool.text.symbols import CODE_LIMIT, LAT, NUM, class_table, symbolise

__all__ = [
    "MODEL_PATIENCE",
    "boundary_bytes",
    "build_model",
    "decoder_trie",
    "ngram_levels",
    "tagged_trie",
    "trie_weights",
    "weight_steps",
    "word_table",
]

MODEL_PATIENCE = 1 << 12
"""See :func:`segtool.lexicon.trie.build_trie`; a model is built once and loaded often."""


def build_model(
    candidates: Candidates,
    learned: Learned,
    card: dict[str, object],
    settings: TrainingSettings | None = None,
    corpus: Corpus | None = None,
    lm: LanguageModel | None = None,
) -> Model:
    """Build a model from the result of a method.

    Parameters
    ----------
    settings : TrainingSettings, optional
        Of the boundary model and of unknown words; a model is built without them if this is not given, or if `learned`
        has no boundaries.
    corpus : Corpus, optional
        The training text, which decides the display form of words; without it they are displayed as their symbols.
    """
    if not learned.has_boundaries:
        settings = None
    pairs = None
    if settings is not None and settings.tagger_weight and len(candidates.levels) > 1:
        pairs = candidates.levels[1].count >= settings.tagger_min_count
    units = decoder_trie(candidates, learned.decoding, pairs, MODEL_PATIENCE)
    words = word_table(candidates, learned.words)
    spelling = np.zeros(4 * (len(candidates.codes) + 1), np.int32)
    if settings is not None:
        sample = learned.sample, learned.boundaries
        if settings.numbers:
            sample = join_numbers(*sample, candidates.codes)
        units[3::4] = fit_boundary_model(*sample, units, settings)
        spelling = spelling_steps(spelling_scores(words, candidates.codes, settings))
    display = candidates.codes if corpus is None else corpus.alphabet.display
    spellings = odd_spellings(corpus, candidates, learned.words.at)
    return Model(candidates.codes, display, units, spelling, words, spellings, card, lm=lm)


def decoder_trie(
    candidates: Candidates, lexicon: Lexicon, pairs: npt.NDArray[np.bool_] | None, patience: int
) -> Places:
    """Lay out the words of a lexicon as the trie that text is cut by.

    `pairs` marks candidates of two symbols that get a node even if no word begins with them. The trie holds base,
    check, weight, and room for the boundary model of each node (:mod:`segtool.decode.viterbi`). The node behind the
    known symbols is that of unknown characters.
    """
    levels = candidates.levels
    unknown = len(levels[0])
    is_word = np.zeros(len(candidates) + 1, np.bool_)
    is_word[lexicon.at] = True
    wanted = candidates.split(is_word)
    if pairs is not None:
        wanted[1] |= pairs
    base, check, nodes = build_trie(
        [np.append(levels[0].symbol, np.uint16(unknown)), *(level.symbol for level in levels[1:])],
        [np.append(levels[0].parent, np.int32(0)), *(level.parent for level in levels[1:])],
        [np.append(wanted[0], True), *wanted[1:]],
        patience,
    )
    units = np.zeros((len(base), 4), np.int32)
    units[:, 0], units[:, 1], units[:, 2] = base, check, NO_WORD
    units[unknown, 2] = weight_steps(np.array(lexicon.unknown_weight))
    nodes[0] = nodes[0][:unknown]
    units[np.concatenate(nodes)[lexicon.at], 2] = weight_steps(lexicon.weight)
    return units.ravel()


def tagged_trie(candidates: Candidates, lexicon: Lexicon, tags: Places, unknown_tag: int, patience: int) -> Places:
    """Lay out the words of a lexicon together with a boundary model, four bytes for each candidate."""
    singles, *longer = candidates.split(tags)
    tagged = longer[0] != 0 if longer else None
    flat = decoder_trie(candidates, lexicon, tagged, patience)
    units = flat.reshape(-1, 4)
    units[: len(singles), 3], units[len(singles), 3] = singles, unknown_tag
    if tagged is not None:
        pairs = candidates.levels[1]
        units[units[pairs.parent[tagged], 0] + pairs.symbol[tagged], 3] = longer[0][tagged]
    return flat


def trie_weights(model: Model) -> Floats:
    """Log weight of each word of a model in nats, exactly as it is when text is cut."""
    units = np.asarray(model.lexicon).reshape(-1, 4)
    weights: Floats = units[word_nodes(units, model.words["symbols"], model.words["length"]), 2] / WEIGHT_UNIT
    return weights


def boundary_bytes(model: Model) -> tuple[Ids, Places, Places]:
    """Pairs of symbols with a weight in the boundary model, their bytes, and the bytes of single symbols."""
    units = model.lexicon.reshape(-1, 4)
    singles = len(model.symbols) + 1
    node = np.flatnonzero((units[:, 1] >= 0) & (units[:, 1] < singles - 1) & (units[:, 3] != 0))
    first = units[node, 1]
    pairs = np.column_stack([first, node - units[first, 0]]).astype(np.uint16)
    return pairs, units[node, 3], units[:singles, 3]


def ngram_levels(
    rows: list[Ids], lengths: list[npt.NDArray[Any]], alphabet: int
) -> tuple[list[Ids], list[Places], list[Integers]]:
    """Symbols and parents of the n-grams in some tables and of all prefixes, and the place of each row among all."""
    width = rows[0].shape[1]
    spelled = np.concatenate([np.pad(table, ((0, 0), (0, width)))[:, :width] for table in rows])
    length = np.concatenate(lengths)
    symbols, parents = [np.arange(alphabet, dtype=np.uint16)], [np.zeros(alphabet, np.int32)]
    at = spelled[:, 0].astype(np.int64)
    offset = 0
    for k in range(2, width + 1):
        here = np.flatnonzero(length >= k)
        keys, inverse = np.unique(at[here] << 16 | spelled[here, k - 1], return_inverse=True)
        at[here] = inverse
        offset += len(symbols[-1])
        at[here[length[here] == k]] += offset
        symbols.append((keys & 0xFFFF).astype(np.uint16))
        parents.append((keys >> 16).astype(np.int32))
    return symbols, parents, np.split(at, np.cumsum([len(table) for table in rows])[:-1])


def join_numbers(stream: Ids, boundaries: Ids, codes: Codes) -> tuple[Ids, Ids]:
    """Make one symbol ``NUM`` of each number in a stream (:mod:`segtool.text.numbers`).

    Parameters
    ----------
    stream : ndarray of uint16, shape (n,)
        Symbol ids.
    boundaries : ndarray of uint16, shape (n,)
        A value for each symbol; that of the first symbol of a number stays.
    codes : ndarray of uint32, shape (symbols,)

    Returns
    -------
    stream, boundaries : ndarray of uint16
    """
    shown = codes.copy()
    shown[np.searchsorted(codes, [0, NUM, LAT])] = [ord(each) for each in "\n0A"]
    ids = np.zeros(CODE_LIMIT, np.uint16)
    ids[codes] = np.arange(len(codes), dtype=np.uint16)
    classes = np.frombuffer(class_table(True), np.uint8)
    joined: tuple[list[Ids], list[Ids]] = ([stream[:1]], [boundaries[:1]])
    for low, high in corpus_chunks(stream):
        points = shown[stream[low + 1 : high + 1]]
        found, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
        tokens = symbolise.compiled(points, classes, found, starts)
        joined[0].append(ids[np.maximum(found[:tokens], 0)])
        joined[1].append(boundaries[low + 1 + starts[:tokens]])
    return np.concatenate(joined[0]), np.concatenate(joined[1])


def weight_steps(weight: Floats) -> Floats:
    """Round log weights to the steps of the decoder, all greater than the value for no word."""
    return np.clip(np.rint(weight * WEIGHT_UNIT), NO_WORD + 1, -NO_WORD - 1)


def word_table(candidates: Candidates, words: Lexicon) -> npt.NDArray[Any]:
    """Make a record of each word, as the model lists them (:func:`segtool.store.model.word_record`)."""
    table = np.zeros(len(words.at), word_record(len(candidates.levels)))
    table["symbols"], table["length"] = candidates.spell(words.at), candidates.lengths()[words.at]
    for name in ("count", "cohesion", "left_entropy", "right_entropy"):
        table[name] = candidates.column(name)[words.at]
    table["expected"], table["weight"] = words.expected, words.weight
    return table
