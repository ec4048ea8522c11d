"""Tuning a model to labelled sentences: what their guideline counts as a word.

The layer (:mod:`segtool.guideline.layer`) is fitted to the sentences with the model as its prior: L-BFGS maximises the
probability of the labels in the lattice, as in a semi-Markov conditional random field (Sarawagi & Cohen 2004) whose
words come from a lexicon. Cross-validation decides whether the result cuts unseen sentences better than the model; if
it does not, the model keeps its weights.

A word list extends the model before the fit, so it is part of the prior. What the list says of words that it lacks is
not learned from labels: the list of a guideline usually has all words of its labelled sentences, so labels would bar
unlisted words from other text. Preferred, forced and forbidden words are added to the tuned model.

Whether names with a middle dot and parts of dates are words follows most of the labels, too
(:mod:`segtool.guideline.token_labels`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from segtool.decode.decoders import decoder_of
from segtool.errors import CorpusError, UsageError
from segtool.evaluation import Evaluation, evaluate
from segtool.guideline.dictionary import Dictionary, check_dictionary, extend
from segtool.guideline.features import PRIOR_AFFIX, PRIOR_SCALAR, PRIOR_TYPE
from segtool.guideline.fold import fold_layer
from segtool.guideline.gold import encode_gold
from segtool.guideline.knowledge import knowledge_of
from segtool.guideline.layer import Layer
from segtool.guideline.lbfgs import minimise
from segtool.guideline.token_labels import choices_of_labels
from segtool.lexicon.build import MODEL_PATIENCE
from segtool.lexicon.trie import PATIENCE
from segtool.settings import settings_of
from segtool.store.model import Model, with_tokens

__all__ = ["TuneReport", "tune_model"]

MOST_STEPS = 100
FOLDS, MANY_FOLDS = 5, 2
MANY_SENTENCES = 5_000
"""More sentences than these are divided into fewer folds."""


@dataclass(frozen=True)
class TuneReport:
    """What a tuning was made from, and what it gains.

    Attributes
    ----------
    sentences, words : int
        Labelled sentences, and different words in them that the lexicon lacked.
    lost : int
        Boundaries between labelled words inside a number or a Latin run, where no cut is possible.
    before, after : Evaluation
        Of the sentences, cut by the model as it was, and by models that were tuned to the other sentences.
    """

    sentences: int
    words: int
    lost: int
    before: Evaluation
    after: Evaluation

    @property
    def wins(self) -> bool:
        """Whether the tuned weights cut unseen sentences better; if not, the model keeps its own."""
        return self.after.f1 > self.before.f1


def tune_model(
    model: Model,
    sentences: Sequence[Sequence[str]],
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
    dictionary: Dictionary | None = None,
) -> tuple[Model, TuneReport]:
    """Tune a model to labelled sentences.

    Parameters
    ----------
    model : Model
        Of method ``unigram``. It does not change.
    sentences : sequence of sequence of str
        The words of each sentence. Sentences may contradict each other; the layer then weighs them up.
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with 1 for each of the `FOLDS` + 1 fits or fewer.
    dictionary : Dictionary, optional
        Its word list is part of the prior; its words in three strengths are added to the result.

    Returns
    -------
    model : Model
        In memory; with the weights of `model` if the tuned ones do not win.
    report : TuneReport

    Raises
    ------
    CorpusError
        If there are fewer than two sentences, or no Han character in them.
    UsageError
        If a sentence is one string, `workers` is less than 1, or the model is of another method or has preferred,
        forced or forbidden words.

    References
    ----------
    Sarawagi & Cohen (2004), "Semi-Markov Conditional Random Fields for Information Extraction", NIPS.
    """
    if any(isinstance(words, str) for words in sentences):
        raise UsageError("tune(): a sentence is a list of words, not one string: pass line.split()")
    if workers < 1:
        raise UsageError(f"tune(): {workers} workers: choose 1 or more")
    method = settings_of(model).method
    if method != "unigram":
        raise UsageError(f"a model of method {method} cannot be tuned: train one of method unigram")
    if any(map(model.dictionary.get, ("prefer", "force", "forbid"))):
        raise UsageError("a model with preferred, forced or forbidden words cannot be tuned: tune it, then add them")
    sentences = [words for words in sentences if any(word.strip() for word in words)]
    if len(sentences) < 2:
        raise CorpusError("fewer than two labelled sentences: give 20 or more, so that some are left to test on")
    given = dictionary or Dictionary.of()
    strengths = Dictionary.of(given.prefer, given.force, given.forbid)
    is_stronger = any(each.words for each in strengths.strengths)
    if is_stronger:
        check_dictionary(strengths, model.folds, model.has_number_tokens)  # before the fits, which take long
    if given.words.words:
        model = extend(model, Dictionary.of(words=given.words, words_only=given.words_only))
    step = progress or (lambda amount: None)
    lines = [" ".join(words).replace("\n", " ") for words in sentences]
    before = _cut_again(model, sentences)
    untuned, model = model, with_tokens(model, choices_of_labels(model, sentences))
    after = [""] * len(sentences)
    folds = min(FOLDS if len(sentences) <= MANY_SENTENCES else MANY_FOLDS, len(sentences))
    for fold in range(folds):
        others = [words for i, words in enumerate(sentences) if i % folds != fold]
        tuned, _, _ = _fit_layer(model, others, workers, PATIENCE)
        after[fold::folds] = _cut_again(tuned, sentences[fold::folds])
        step(1)
    tuned, new, lost = _fit_layer(model, sentences, workers, MODEL_PATIENCE)
    step(1)
    scored = [evaluate(lines, cut) for cut in (before, after)]
    report = TuneReport(len(sentences), new, lost, *scored)
    entry = {
        "sentences": len(sentences),
        "words": new,
        "digest": hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16],
        "precision": [PRIOR_SCALAR, PRIOR_AFFIX, PRIOR_TYPE],
        "f1": [round(each.f1, 4) for each in scored],
        "wins": report.wins,
    }
    chosen = tuned if report.wins else untuned
    chosen = replace(chosen, card=chosen.card | {"tuned": entry}, path=None)
    if is_stronger:
        chosen = extend(chosen, strengths)
    return chosen, report


def _fit_layer(model: Model, sentences: Sequence[Sequence[str]], workers: int, patience: int) -> tuple[Model, int, int]:
    """Fit the layer and fold it into the model; also the number of new words and of lost boundaries."""
    gold = encode_gold(model, sentences)
    known = knowledge_of(model, gold)
    layer = Layer(known, gold, model.unknown_len, workers)
    point, _ = minimise(layer, layer.start, MOST_STEPS)
    tuned = fold_layer(model, known, layer, layer.all_weights(point), patience)
    return tuned, int(known.is_new.sum()), gold.lost


def _cut_again(model: Model, sentences: Sequence[Sequence[str]]) -> list[str]:
    """Cut the text of sentences with a model; a line of words for each."""
    text = "\n".join("".join(words).replace("\n", " ").replace("\r", " ") for words in sentences)
    words = decoder_of(model).cut(text.encode("utf-8", "surrogatepass"), b" ")[0]
    return str(words, "utf-8", "surrogatepass").split("\n")
