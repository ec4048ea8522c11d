"""The methods of finding words, and the parameters of them all."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from segtool.errors import UsageError
from segtool.lexicon.boundary_model import TaggerSettings
from segtool.lexicon.em import LexiconSettings
from segtool.lexicon.unknown_words import UnknownSettings
from segtool.methods.cohesion import CohesionSettings, check_cohesion
from segtool.methods.entropy import EntropySettings, check_entropy
from segtool.methods.tags import TagSettings, move_scores

if TYPE_CHECKING:
    from segtool.store.model import Model

__all__ = ["METHODS", "TrainingSettings", "settings_of"]

METHODS = {
    "unigram": ("segmental unigram lexicon by EM", "segtool.lexicon.em"),
    "entropy": ("variation of branching entropy", "segtool.methods.entropy"),
    "cohesion": ("new words by cohesion", "segtool.methods.cohesion"),
    "lm": ("character language model and position tags", "segtool.methods.tags"),
    "dict": ("a given word list", "segtool.methods.word_list"),
}
"""Of each method: how it finds words, and the module whose ``learn`` does (:mod:`segtool.lexicon.learned`)."""


@dataclass(frozen=True)
class TrainingSettings(
    LexiconSettings, UnknownSettings, TaggerSettings, EntropySettings, CohesionSettings, TagSettings
):
    """All parameters: those of the four methods and these.

    Attributes
    ----------
    method : {"unigram", "entropy", "cohesion", "lm", "dict"}
        How words are found; see ``METHODS``.
    min_count : int
        N-grams of two symbols or more that are rarer are no candidates.
    min_per_million : float
        So are those that are rarer than this among a million symbols; it counts in corpora of tens of megabytes and
        more, and keeps the number of candidates within bounds.
    max_word_len : int
        Longest word, in symbols; 1 to 15.
    fold : bool
        Whether simplified and traditional characters count as one (:mod:`segtool.text.folding`).
    with_lm : bool
        Whether to train a language model of order `lm_order` and keep it in the model; ``lm`` always does.
    sample : float
        Share of the lines to train on, 0 to 1; which ones is drawn at random.
    seed : int
        Of that draw. Nothing else in training is random.
    """

    method: str = "unigram"
    min_count: int = 2
    min_per_million: float = 0.1
    max_word_len: int = 6
    fold: bool = True
    with_lm: bool = False
    sample: float = 1.0
    seed: int = 0

    @property
    def needs_lm(self) -> bool:
        """Whether a language model is trained."""
        return self.method == "lm" or self.with_lm

    def least_count(self, symbols: int) -> int:
        """How often an n-gram has to occur in a corpus of so many symbols to be a candidate."""
        return max(self.min_count, math.ceil(self.min_per_million * symbols / 1e6))

    def checked(self) -> TrainingSettings:
        """Return the settings themselves if they make sense.

        Raises
        ------
        UsageError
            Naming the first flag that does not.
        """
        if self.method not in METHODS:
            raise UsageError(f"--method {self.method}: choose {', '.join(METHODS)}")
        limits: dict[str, tuple[float, float]] = {
            "min_count": (1, 1 << 31),
            "min_per_million": (0.0, 1e6),
            "max_word_len": (1, 15),
            "sample": (1e-9, 1.0),
            "seed": (0, 1 << 63),
            "length_penalty": (0.0, 10.0),
            "variation_weight": (-5.0, 5.0),
            "entropy_weight": (0.0, 100.0),
            "entropy_floor": (0.0, 100.0),
            "passes": (1, 1000),
            "min_expected": (0.0, 1e18),
            "word_classes": (0, 200),
            "class_words": (1, 20000),
            "class_weight": (0.0, 5.0),
            "class_passes": (0, 100),
            "unknown_len": (0, 15),
            "unknown_cost": (-100.0, 1000.0),
            "unknown_step": (-100.0, 1000.0),
            "spelling_weight": (0.0, 10.0),
            "tagger_weight": (0.0, 10.0),
            "tagger_min_count": (1, 1 << 31),
            "lm_order": (2, 6),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: choose {low:g} to {high:g}")
        if not isinstance(self.fold, bool):
            raise UsageError(f"--fold {self.fold}: choose true or false")
        if not isinstance(self.with_lm, bool):
            raise UsageError(f"--with-lm {self.with_lm}: choose true or false")
        if self.with_lm and self.method == "dict":
            raise UsageError("--with-lm true: a word list is no text to learn from; use another --method")
        check_entropy(self)
        check_cohesion(self)
        move_scores(self.lm_moves)
        return self


def settings_of(model: Model) -> TrainingSettings:
    """Tell what a model was trained with.

    Parameters
    ----------
    model : Model

    Returns
    -------
    TrainingSettings
        As its card says; the defaults for what it does not say.
    """
    names = {field.name for field in fields(TrainingSettings)}
    told = {name: value for name, value in model.card["parameters"].items() if name in names}
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return TrainingSettings(**told)
