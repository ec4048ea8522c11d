"""Laying out what was learned as a model: the trie with its tagger, scores of unknown words, the table of words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import NO_WORD, WEIGHT_UNIT
from segtool.lexicon.boundary_model import fit_tagger
from segtool.lexicon.learned import Learned, Lexicon
from segtool.lexicon.spellings import odd_spellings
from segtool.lexicon.trie import build_trie
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.scores import Candidates
from segtool.ngrams.table import spell
from segtool.runtime.arrays import Floats
from segtool.settings import TrainingSettings
from segtool.store.model import Model, word_record
from segtool.text.runs import Corpus

__all__ = ["beyond_the_lexicon", "build_model", "weight_steps"]

PATIENCE = 1 << 12
"""See :func:`segtool.lexicon.trie.build_trie`."""


def build_model(
    candidates: Candidates,
    lexicon: Lexicon,
    words: Lexicon,
    card: dict[str, object],
    lm: LanguageModel | None = None,
    runs: Corpus | None = None,
    tagged_count: int = 0,
) -> Model:
    """Lay out a lexicon for decoding.

    Parameters
    ----------
    candidates : Candidates
        From which the lexicons were made.
    lexicon : Lexicon
        What text is cut by.
    words : Lexicon
        What the model says of its words; for most methods the same.
    card : dict
        Entries of the model's card.
    lm : LanguageModel, optional
        For the decoder that needs one.
    runs : Corpus, optional
        Tells how words are written in the text; without it they are shown as they are counted.
    tagged_count : int
        Pairs of symbols that are so frequent are laid out even if they begin no word, for the tagger; 0 for none.

    Returns
    -------
    Model
    """
    levels = candidates.levels
    unknown = len(levels[0])
    wanted = [np.zeros(len(level), np.bool_) for level in levels]
    for k, mask in enumerate(wanted, 1):
        mask[lexicon.place[lexicon.level == k]] = True
    if tagged_count and len(levels) > 1:
        wanted[1] |= levels[1].count >= tagged_count
    base, check, nodes = build_trie(
        [np.append(levels[0].symbol, np.uint16(unknown)), *(level.symbol for level in levels[1:])],
        [np.append(levels[0].parent, np.int32(0)), *(level.parent for level in levels[1:])],
        [np.append(wanted[0], True), *wanted[1:]],
        PATIENCE,
    )
    units = np.zeros((len(base), 4), np.int32)
    units[:, 0], units[:, 1], units[:, 2] = base, check, NO_WORD
    units[unknown, 2] = weight_steps(np.array(lexicon.unknown_weight))
    for k in range(1, len(levels) + 1):
        here = lexicon.level == k
        units[nodes[k - 1][lexicon.place[here]], 2] = weight_steps(lexicon.weight[here])
    faces = candidates.codes if runs is None else runs.alphabet.display
    spellings = odd_spellings(runs, candidates, words)
    spelling = np.zeros(4 * (unknown + 1), np.int32)
    table = _word_table(candidates, words)
    return Model(candidates.codes, faces, units.ravel(), spelling, table, spellings, card, lm=lm)


def beyond_the_lexicon(model: Model, learned: Learned, settings: TrainingSettings) -> Model:
    """Add the tagger and the scores of unknown words.

    Parameters
    ----------
    model : Model
        From :func:`build_model`.
    learned : Learned
        With a sample of the corpus and the boundaries that EM expects in it.
    settings : TrainingSettings

    Returns
    -------
    Model
    """
    units = model.lexicon.copy()
    units[3::4] = fit_tagger(learned.sample, learned.boundaries, units, settings)
    spelling = spelling_steps(spelling_scores(model.words, model.symbols, settings))
    return replace(model, lexicon=units, spelling=spelling)


def weight_steps(weight: Floats) -> Floats:
    """Log weights in the whole steps that the decoder counts in, none so low that it would mean no word."""
    return np.clip(np.rint(weight * WEIGHT_UNIT), NO_WORD + 1, -NO_WORD - 1)


def _word_table(candidates: Candidates, words: Lexicon) -> npt.NDArray[Any]:
    levels = candidates.levels
    table = np.zeros(len(words.weight), word_record(len(levels)))
    for k in range(1, len(levels) + 1):
        here = words.level == k
        at = words.place[here]
        table["symbols"][here, :k] = spell(levels, k, at)
        table["length"][here] = k
        for name in ("count", "cohesion", "left_entropy", "right_entropy"):
            table[name][here] = getattr(levels[k - 1], name)[at]
    table["expected"], table["weight"] = words.expected, words.weight
    return table
