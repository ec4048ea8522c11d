"""Adapting a model to a text: counts from the text are added to those of the model, in a new model.

A model keeps the expected count E_m of each word in its training corpus. The n-grams of the text are counted and scored
as in training (:mod:`segtool.ngrams.count`, :mod:`segtool.ngrams.scores`); they and the words of the model are the
candidates. A few EM passes over the text alone give their expected counts E_t in the text. The lattice of these passes
is that of decoding: words, unknown words and the boundary model. Then

    θ(x) ∝ E_m(x) + ν E_t(x)

The other terms of a word's weight are those of the model; a word that the model lacks has those of the text. A text is
small beside a corpus: ν raises it to a share of 4 %, but at most tenfold. So names that recur in the text become words,
and the words of the model keep their weights. Papers on unsupervised segmentation train on the raw text that they test
on (Goldwater, Griffiths & Johnson 2009; Mochihashi, Yamada & Ueda 2009); adaptation does so at the cost of the text
alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.errors import UsageError
from segtool.lexicon.build import boundary_bytes, ngram_levels, tagged_trie, word_table
from segtool.lexicon.decoder_lattice import TextLattice
from segtool.lexicon.em import FORGOTTEN, LEAST_EXPECTED, expected_words, log_prior, log_weight
from segtool.lexicon.number_words import pool_numbers
from segtool.lexicon.parts import weigh_parts
from segtool.lexicon.passes import Threads
from segtool.lexicon.spellings import odd_spellings
from segtool.lexicon.trie import PATIENCE
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import CandidateLevel, Candidates, score
from segtool.runtime.arrays import Codes, Floats, Ids, Integers, Places
from segtool.settings import TrainingSettings, settings_of
from segtool.store.model import SPELLING, Model
from segtool.text.runs import Corpus

__all__ = ["PASSES", "adapt_model"]

SHARE, MOST = 0.04, 10.0
"""Weight of a text that is cut: this share of the model's corpus, but at most tenfold."""

TRAINING_SHARE, TRAINING_MOST = 1.0, 30.0
"""The same for a text that a model is trained on."""

PASSES = 3

MIN_COUNT, MIN_EXPECTED = 2, 0.5
"""Defaults of training. The model's own settings may be higher, because its corpus may have been large."""


def adapt_model(
    model: Model,
    corpus: Corpus,
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
    share: float = SHARE,
    most: float = MOST,
) -> Model:
    """Make a model that also knows the words of a text.

    Parameters
    ----------
    model : Model
        Of method ``unigram``. It does not change.
    corpus : Corpus
        The text, folded if the model folds.
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with the number of symbols passed since the last call; `PASSES` times the stream in all.
    share, most : float
        The counts of a text with less than this share of the symbols of the model's corpus are multiplied to reach it,
        but by `most` at most.

    Returns
    -------
    Model
        In memory, with the model's card.

    Raises
    ------
    UsageError
        If the model is of another method or has a dictionary.
    """
    settings = settings_of(model)
    if settings.method != "unigram":
        raise UsageError(f"a model of method {settings.method} cannot learn more: train one of method unigram")
    if model.dictionary:
        raise UsageError("a model with a dictionary cannot be adapted: adapt it first, then add the words")
    if model.card.get("tuned", {}).get("wins"):
        raise UsageError("a tuned model cannot learn from raw text: adapt or train first, then tune")
    stream = corpus.whole().stream
    counts = count_stream(stream, corpus.codes, model.max_word_len + 1, workers, MIN_COUNT)
    of_text = score(counts, model.max_word_len, MIN_COUNT, workers)
    del counts
    joined = _join_ngrams(model, of_text)
    codes = joined.candidates.codes
    prior = _prior(joined, model, of_text, settings)
    model_symbols = float(model.words["count"][model.words["length"] == 1].sum())
    text_weight = min(max(share * model_symbols / max(corpus.stats.symbols, 1), 1.0), most)
    in_model = joined.spread(joined.at_model, model.words["expected"])
    in_text = joined.spread(joined.at_text, of_text.column("count")[1:])
    expected = np.where(np.isfinite(prior), in_model + text_weight * in_text, 0.0)
    spelling = spelling_scores(joined.words, codes, settings)
    lattice = TextLattice(joined.of_text[stream], joined.candidates, joined.tags, spelling, settings.unknown_len)
    for _ in range(PASSES):
        weight = log_weight(_living(expected, len(codes)), prior)
        expected = in_model + text_weight * lattice.expect(weight, workers, progress)
    words = expected_words(_living(expected, len(codes)), prior, slice(1, len(codes)), MIN_EXPECTED)
    units = tagged_trie(joined.candidates, words, joined.tags, joined.unknown_tag, PATIENCE)
    display, spellings = _display_forms(joined, words.at, model, corpus, of_text)
    table = word_table(joined.candidates, words)
    adapted = Model(codes, display, units, spelling_steps(spelling), table, spellings, dict(model.card))
    if settings.parts_weight:
        new = ~np.isin(words.at, joined.at_model)
        adapted = weigh_parts(adapted, corpus, settings.parts_weight, Threads(workers), new=new)
    return pool_numbers(adapted, PATIENCE)


@dataclass(frozen=True)
class _Joined:
    """The n-grams of a model and of a text.

    `candidates` are all of them and the n-grams that they begin with, with the counts and scores of both, but without
    variations. `of_model` and `of_text` map the symbol ids of the model and of the text to those here; `at_model` and
    `at_text` are the places here of the words of the model and of the candidates of the text. `tags` holds four bytes
    of the boundary model for each n-gram (:func:`segtool.lexicon.boundary_model.fit_boundary_model`).
    """

    candidates: Candidates
    of_model: Ids
    of_text: Ids
    at_model: Integers
    at_text: Integers
    words: npt.NDArray[Any]
    """The words of the model, with the symbol ids here."""
    tags: Places
    unknown_tag: int
    """The four bytes of unknown characters."""

    def spread(self, at: Integers, values: npt.NDArray[Any]) -> Floats:
        """Values for all n-grams: those given for the n-grams at some places, else 0."""
        out = np.zeros(len(self.tags))
        out[at] = values
        return out


def _join_ngrams(model: Model, of_text: Candidates) -> _Joined:
    codes = np.union1d(model.symbols, of_text.codes).astype(np.uint32)
    to_model, to_text = (np.searchsorted(codes, each).astype(np.uint16) for each in (model.symbols, of_text.codes))
    in_text = np.arange(1, len(of_text) + 1)
    words = model.words.copy()
    words["symbols"] = to_model[words["symbols"]]
    pairs, pair_tags, single_tags = boundary_bytes(model)
    symbols, parents, (at_model, at_text, at_pairs) = ngram_levels(
        [words["symbols"], to_text[of_text.spell(in_text)], to_model[pairs]],
        [words["length"], of_text.lengths()[in_text], np.full(len(pairs), 2)],
        len(codes),
    )
    ends = np.cumsum([len(level) for level in symbols])
    tags = np.zeros(ends[-1], np.int32)
    tags[: len(codes)] = single_tags[-1]  # the bytes of unknown characters, unless the model knows the symbol
    tags[to_model] = single_tags[:-1]
    tags[at_pairs] = pair_tags
    scores = [*_mixed_scores(len(tags), at_model, words, at_text, of_text), *[np.zeros(len(tags), np.float32)] * 2]
    columns = (np.split(values, ends[:-1]) for values in scores)
    levels = itertools.starmap(CandidateLevel, zip(symbols, parents, *columns, strict=True))
    candidates = Candidates(codes, tuple(levels), of_text.total)
    return _Joined(candidates, to_model, to_text, at_model, at_text, words, tags, int(single_tags[-1]))


def _mixed_scores(
    size: int, at_model: Integers, words: npt.NDArray[Any], at_text: Integers, of_text: Candidates
) -> list[npt.NDArray[Any]]:
    """Counts and scores of n-grams: scores are means, weighted by how often an n-gram occurs in corpus and text."""

    def both(name: str) -> tuple[Floats, Floats]:
        old, new = np.zeros(size), np.zeros(size)
        old[at_model] = words[name]
        new[at_text] = of_text.column(name)[1:]
        return old, new

    old_count, new_count = both("count")
    share = new_count / np.maximum(old_count + new_count, 1.0)
    columns: list[npt.NDArray[Any]] = [(old_count + new_count).astype(np.int64)]
    for name in ("cohesion", "left_entropy", "right_entropy"):
        old, new = both(name)
        mixed = (share > 0) & (share < 1) & np.isfinite(old)
        score = np.where(share == 1, new, old)
        score[mixed] += share[mixed] * (new[mixed] - old[mixed])
        columns.append(score.astype(np.float32))
    return columns


def _prior(joined: _Joined, model: Model, of_text: Candidates, settings: TrainingSettings) -> Floats:
    """Log weights without log θ: those of the model, else those of the text; minus infinity for what is no word."""
    theta = model.words["expected"] / model.words["expected"].sum()
    prior = np.full(len(joined.tags), -np.inf)
    prior[joined.at_text] = log_prior(of_text, settings)[1:].astype(np.float32)  # as precise as the model's weights
    prior[joined.at_model] = model.words["weight"] - np.log(np.maximum(theta, np.finfo(np.float64).tiny))
    return prior


def _living(expected: Floats, symbols: int) -> Floats:
    """Drop candidates that are hardly expected, but hold up single symbols."""
    expected = np.where(expected >= FORGOTTEN, expected, 0.0)
    expected[1:symbols] = np.maximum(expected[1:symbols], LEAST_EXPECTED)
    return expected


def _display_forms(
    joined: _Joined, at: Integers, model: Model, corpus: Corpus, of_text: Candidates
) -> tuple[Codes, npt.NDArray[Any]]:
    """Choose the display form of symbols, and of words that differ from it: that of the model, else of the text."""
    in_text = np.zeros(len(joined.candidates.codes), np.uint32)
    in_text[joined.of_text] = corpus.alphabet.display
    display = in_text.copy()
    display[joined.of_model] = model.faces
    row_of = np.full(len(joined.tags), -1)
    row_of[at] = np.arange(len(at))
    old = model.spellings.copy()
    row = row_of[joined.at_model[old["word"]]]
    old["word"] = np.maximum(row, 0)
    old = old[row >= 0]
    new = np.flatnonzero((row_of[joined.at_text] >= 0) & ~np.isin(joined.at_text, joined.at_model))
    odd = odd_spellings(corpus, of_text, new + 1)  # the first candidate is the boundary
    rows = joined.candidates.spell(joined.at_text[new])
    codes = in_text[rows]
    codes[odd["word"], odd["place"]] = odd["code"]
    which, where = np.nonzero((rows > 0) & (codes != display[rows]))
    more = np.zeros(len(which), SPELLING)
    more["word"], more["place"], more["code"] = row_of[joined.at_text[new]][which], where, codes[which, where]
    spellings = np.concatenate([old, more])
    return display, spellings[np.lexsort((spellings["place"], spellings["word"]))]
