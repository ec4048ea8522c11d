"""Tuning a model to labelled sentences: what their guideline counts as a word.

The layer (:mod:`segtool.guideline.layer`) is fitted to the sentences with the model as its prior: the probability of the
labels in the lattice is maximised by L-BFGS. Cross-validation decides whether the result is better than the model on
sentences that it was not fitted to; if not, the model stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segtool.errors import CorpusError, UsageError
from segtool.guideline.gold import encode_gold
from segtool.guideline.layer import Objective, fold, knowledge_of
from segtool.guideline.lbfgs import minimise
from segtool.settings import settings_of
from segtool.store.model import Model

__all__ = ["tune_model"]

STEPS = 100
PATIENCE = 1 << 12


def tune_model(model: Model, sentences: Sequence[Sequence[str]], workers: int = 1, patience: int = PATIENCE) -> Model:
    known_settings = settings_of(model)
    if known_settings.method != "unigram":
        raise UsageError(f"a model of method {known_settings.method} cannot be tuned: train one of method unigram")
    gold = encode_gold(model, sentences)
    known = knowledge_of(model, gold)
    objective = Objective(known, gold, model.unknown_len, workers)
    weights, steps = minimise(objective, objective.start, STEPS)
    return fold(model, known, objective, objective.all_weights(weights), patience)
