"""The result of every method, and the resources that a method may use.

A method is a module with a frozen dataclass of settings and one function::

    learn(corpus, candidates, settings, resources=None) -> Learned

``segtool.settings.METHODS`` lists the modules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segtool.lexicon.passes import Engine
from segtool.runtime.arrays import Floats, Ids, Integers
from segtool.store.checkpoints import Checkpoints

if TYPE_CHECKING:
    from segtool.lm.language_model import LanguageModel

__all__ = ["NO_WORDS", "Learned", "Lexicon", "Resources"]


@dataclass(frozen=True)
class Lexicon:
    """Words with their log weights, in order of length, then of symbol ids.

    Attributes
    ----------
    at : ndarray of int64, shape (words,)
        Place of each word among all candidates, ascending.
    weight : ndarray of float64, shape (words,)
        Log weight, nats.
    expected : ndarray of float64, shape (words,)
        Expected occurrences as a word.
    unknown_weight : float
        Log weight of a character that the corpus does not hold, nats.
    """

    at: Integers
    weight: Floats
    expected: Floats
    unknown_weight: float


NO_WORDS = Lexicon(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0.0)


@dataclass(frozen=True)
class Learned:
    """The result of a method.

    Attributes
    ----------
    decoder : {"lattice", "pairs", "tags"}
        How the model cuts text (:mod:`segtool.decode.decoders`).
    decoding : Lexicon
        The words, or pairs of symbols, that it cuts by; a language model alone decides for ``"tags"``.
    words : Lexicon
        The words that it lists, with their counts; for most methods the same.
    sample, boundaries : ndarray of uint16, shape (n,)
        Text for the boundary model, of method ``unigram``: runs of the corpus, or a sample of them if they are many, in
        the order of their hashes (:mod:`segtool.text.run_hashes`); and for each symbol the probability that a word or a
        run begins there, or that a run has ended, times 65535.
    log_likelihood : tuple of float
        Log likelihood of the corpus before each EM pass, nats; not comparable between passes with and without classes.
    """

    decoder: str
    decoding: Lexicon
    words: Lexicon
    sample: Ids = field(default_factory=lambda: np.zeros(0, np.uint16))
    boundaries: Ids = field(default_factory=lambda: np.zeros(0, np.uint16))
    log_likelihood: tuple[float, ...] = ()

    @property
    def has_boundaries(self) -> bool:
        """Whether a boundary model can be fitted; only then are there scores of unknown words."""
        return len(self.sample) > 0


@dataclass(frozen=True)
class Resources:
    """Resources of a method besides the corpus and its candidates.

    Attributes
    ----------
    engine : Engine or None
        Runs EM passes; by default one thread. The result does not depend on it.
    progress : callable or None
        Called with the number of symbols passed since the last call.
    checkpoints : Checkpoints
        Saves the state after each EM pass, so that a killed training can be resumed.
    lm : LanguageModel or None
        Of the corpus; for method ``lm``.
    run_counts : ndarray of float64 or None
        How often each run of the corpus counts; for method ``dict``, whose runs are the words of a list.
    """

    engine: Engine | None = None
    progress: Callable[[int], object] | None = None
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    lm: LanguageModel | None = None
    run_counts: Floats | None = None
