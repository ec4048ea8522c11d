"""The parameters of training as keyword arguments, for type checkers."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Parameters"]


class Parameters(TypedDict, total=False):
    """The fields of :class:`segtool.settings.TrainingSettings` as keyword arguments, for type checkers."""

    method: str
    min_count: int
    min_per_million: float
    max_word_len: int
    fold: bool
    numbers: bool
    with_lm: bool
    sample: float
    seed: int
    join_lines: int
    unique_lines: bool
    length_penalty: float
    variation_weight: float
    entropy_weight: float
    entropy_floor: float
    passes: int
    min_expected: float
    word_classes: int
    class_words: int
    class_weight: float
    class_passes: int
    beginning_weight: float
    divergence_weight: float
    evidence_weight: float
    parts_weight: float
    unknown_len: int
    unknown_cost: float
    unknown_step: float
    spelling_weight: float
    tagger_weight: float
    tagger_min_count: int
    entropy_mean: str
    entropy_scaled: bool
    entropy_length_power: float
    cohesion_thresholds: tuple[float, ...]
    cohesion_min_count: int
    cohesion_revision: int
    lm_order: int
    lm_moves: tuple[float, ...]
