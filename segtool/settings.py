"""The parameters of training: one dataclass per method, each parameter in one place.

The options of the command line, the range checks and docs/cli.md follow from the fields. Importing this module loads
neither numpy nor numba.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from segtool.errors import ModelError, UsageError, one_line
from segtool.limits import LONGEST_WORD

if TYPE_CHECKING:
    from segtool.store.model import Model

__all__ = [
    "METHODS",
    "MOVES",
    "CandidateSettings",
    "CohesionSettings",
    "EntropySettings",
    "LexiconSettings",
    "TagSettings",
    "TaggerSettings",
    "TrainingSettings",
    "UnknownSettings",
    "check_moves",
    "flag_of",
    "parameter",
    "parameters_by_title",
    "settings_of",
    "spelled_value",
]

METHODS = {
    "unigram": ("segmental unigram lexicon by EM", "segtool.lexicon.em"),
    "entropy": ("variation of branching entropy", "segtool.methods.entropy"),
    "cohesion": ("new words by cohesion", "segtool.methods.cohesion"),
    "lm": ("character language model and position tags", "segtool.methods.tags"),
    "dict": ("a given word list", "segtool.methods.word_list"),
}
"""Of each method: how it finds words, and the module whose ``learn`` does (:mod:`segtool.lexicon.learned`)."""

MOVES = ("bb", "bc", "cb", "cd", "db", "de", "eb", "ee")
"""The moves from tag to tag that a text can make (:mod:`segtool.methods.tags`)."""

Value = TypeVar("Value")
Checked = TypeVar("Checked", bound="_Settings")


def parameter(
    default: Value,
    help: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    choices: tuple[Value, ...] = (),
    flag: str | None = None,
    check: Callable[[Value], object] | None = None,
) -> Value:
    """Declare a parameter as a field of a settings dataclass.

    Parameters
    ----------
    default : bool, int, float, str or tuple of float
        Also decides the type: an int parameter takes whole numbers only.
    help : str
        One sentence for ``--help`` and docs/cli.md.
    low, high : float
        Least and greatest value.
    choices : tuple, optional
        The values to choose from, instead of a range.
    flag : str, optional
        Spelling of the option where it is not the name with dashes.
    check : callable, optional
        Raises UsageError for a value that makes no sense, instead of a range.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "flag": flag, "check": check}
    return field(default=default, metadata=metadata)


def flag_of(name: str) -> str:
    """Spell the name of a parameter as the flag that sets it."""
    return "--" + name.replace("_", "-")


def spelled_value(value: object) -> str:
    """Spell the value of a parameter as on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(map(spelled_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check(parameter: Field[Any], value: Any) -> None:
    """Raise UsageError if a value is not of the type, in the range or among the choices of its parameter."""
    limits, default = parameter.metadata, parameter.default
    wanted = f"{flag_of(parameter.name)} {value}: "
    if limits["check"]:
        limits["check"](value)
    elif limits["choices"]:
        if value not in limits["choices"]:
            *most, last = map(str, limits["choices"])
            raise UsageError(f"{wanted}choose {', '.join(most)} or {last}")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{wanted}choose true or false")
    elif isinstance(default, tuple):
        if not isinstance(value, tuple | list) or not value or not all(map(math.isfinite, value)):
            raise UsageError(f"{wanted}give one number or more, such as {spelled_value(default)}")
    else:
        low, high = limits["low"], limits["high"]
        try:
            (operator.index if isinstance(default, int) else float)(value)
            fits = low <= value <= high
        except (TypeError, ValueError):
            fits = False
        if not fits:
            kind = "a whole number from " if isinstance(default, int) else ""
            raise UsageError(f"{wanted}choose {kind}{spelled_value(low)} to {spelled_value(high)}")


@dataclass(frozen=True)
class _Settings:
    """Base of the dataclasses below; `title` is their heading in ``--help`` and docs/cli.md."""

    title: ClassVar[str]

    def checked(self: Checked) -> Checked:
        """Return the settings themselves, or raise UsageError for the first parameter that makes no sense."""
        for each in fields(self):
            _check(each, getattr(self, each.name))
        return self


@dataclass(frozen=True)
class CandidateSettings(_Settings):
    """Which n-grams can be words."""

    title: ClassVar[str] = "Candidates"

    max_word_len: int = parameter(6, "Longest word, in symbols (characters, numbers, Latin runs).", 1, LONGEST_WORD)
    fold: bool = parameter(True, "Count simplified and traditional characters as one.", flag="--fold/--no-fold")
    numbers: bool = parameter(
        True,
        "Cut a number in Han characters, such as 五十五, as one token, as digits are; method unigram.",
        flag="--numbers/--no-numbers",
    )
    min_count: int = parameter(2, "N-grams seen less often are no candidates.", 1, 1 << 31)
    min_per_million: float = parameter(
        0.1,
        "N-grams seen less often per million symbols are no candidates; matters above some 60 MB of text.",
        0.0,
        1e6,
    )

    def least_count(self, symbols: int) -> int:
        """Give the least count of a candidate of two symbols or more in a corpus of so many symbols."""
        return max(self.min_count, math.ceil(self.min_per_million * symbols / 1e6))


@dataclass(frozen=True)
class LexiconSettings(_Settings):
    """Parameters of the segmental unigram lexicon (:mod:`segtool.lexicon.em`)."""

    title: ClassVar[str] = "Lexicon of the method unigram"

    length_penalty: float = parameter(
        2.0, "β: a word of k symbols costs k^β nats; lower values give longer words.", 0.0, 10.0
    )
    variation_weight: float = parameter(0.05, "ρ: weight of the variation of branching entropy.", -5.0, 5.0)
    entropy_weight: float = parameter(2.0, "η: weight of branching entropy that is below the floor.", 0.0, 100.0)
    entropy_floor: float = parameter(1.5, "h0: the floor, in nats.", 0.0, 100.0)
    passes: int = parameter(4, "EM passes without word classes.", 1, 1000)
    min_expected: float = parameter(0.5, "Words expected less often in the corpus leave the lexicon.", 0.0, 1e18)
    word_classes: int = parameter(60, "Classes of frequent words; 0 for none.", 0, 200)
    class_words: int = parameter(2000, "Frequent words that get a class.", 1, 20000)
    class_weight: float = parameter(1.0, "μ: power of the factors of class bigrams.", 0.0, 5.0)
    class_passes: int = parameter(4, "EM passes with class bigrams, after the others.", 0, 100)
    beginning_weight: float = parameter(
        1.0, "π: weight of pairs of symbols that begin runs more often than their first symbol.", 0.0, 10.0
    )
    divergence_weight: float = parameter(
        0.5, "δ: weight of pairs of symbols whose neighbours are not those of their parts.", 0.0, 10.0
    )
    evidence_weight: float = parameter(
        3.0, "ω: gain of a pair of frequent symbols that is evidently a word, in nats.", 0.0, 20.0
    )
    parts_weight: float = parameter(
        1.0, "Weight of what the parts of a word say of it, added after the last pass; 0 for none.", 0.0, 10.0
    )

    @property
    def all_passes(self) -> int:
        """EM passes with and without classes."""
        return self.passes + (self.class_passes if self.word_classes else 0)


@dataclass(frozen=True)
class UnknownSettings(_Settings):
    """Parameters of words outside the lexicon (:mod:`segtool.lexicon.unknown_words`)."""

    title: ClassVar[str] = "Unknown words of the method unigram"

    unknown_len: int = parameter(4, "Longest word outside the lexicon, in symbols; 0 for none.", 0, LONGEST_WORD)
    unknown_cost: float = parameter(
        12.2,
        "Cost of such a word beyond its spelling, in nats, after a million words of text; more after more.",
        -100.0,
        1000.0,
    )
    unknown_step: float = parameter(6.25, "Cost of each of its symbols beyond the second, in nats.", -100.0, 1000.0)
    spelling_weight: float = parameter(0.5, "κ: weight of the log probability of its spelling.", 0.0, 10.0)


@dataclass(frozen=True)
class TaggerSettings(_Settings):
    """Parameters of the boundary model (:mod:`segtool.lexicon.boundary_model`)."""

    title: ClassVar[str] = "Boundary model of the method unigram"

    tagger_weight: float = parameter(1.0, "λ: weight of the boundary model; 0 for none.", 0.0, 10.0)
    tagger_min_count: int = parameter(30, "Rarer pairs of symbols have no weight in it.", 1, 1 << 31)


@dataclass(frozen=True)
class EntropySettings(_Settings):
    """Parameters of the method ``entropy`` (:mod:`segtool.methods.entropy`)."""

    title: ClassVar[str] = "Method entropy"

    entropy_mean: str = parameter(
        "types", "Mean and deviation of a length are over types or over occurrences.", choices=("types", "occurrences")
    )
    entropy_scaled: bool = parameter(True, "Divide by the standard deviation.")
    entropy_length_power: float = parameter(1.0, "Power of the length that multiplies autonomy.", 0.0, 3.0)


@dataclass(frozen=True)
class CohesionSettings(_Settings):
    """Parameters of the method ``cohesion`` (:mod:`segtool.methods.cohesion`)."""

    title: ClassVar[str] = "Method cohesion"

    cohesion_thresholds: tuple[float, ...] = parameter(
        (2.0, 4.0, 6.0), "Least cohesion of kept n-grams of 2, 3, … symbols, in nats."
    )
    cohesion_min_count: int = parameter(3, "Rarer n-grams are not kept.", 1, 1 << 63)
    cohesion_revision: int = parameter(2017, "Year of the article to follow.", choices=(2015, 2017))


def check_moves(weights: tuple[float, ...]) -> None:
    """Check the weights of the tag moves, in the order of :data:`MOVES`; 0 forbids a move.

    Raises
    ------
    UsageError
        If there are not eight, or one is negative, or no word can end.
    """
    listed = isinstance(weights, tuple | list)
    if not listed or len(weights) != len(MOVES) or not all(0 <= weight < math.inf for weight in weights):
        raise UsageError(f"--lm-moves {weights}: give eight weights, none negative, for {', '.join(MOVES)}")
    if not all(weight for move, weight in zip(MOVES, weights, strict=True) if move[1] == "b"):
        raise UsageError(f"--lm-moves {weights}: bb, cb, db and eb must be above 0, or some text has no cut")


@dataclass(frozen=True)
class TagSettings(_Settings):
    """Parameters of the method ``lm`` (:mod:`segtool.methods.tags`).

    Words are scored by contexts of 3 symbols at most, so that an `lm_order` above 4 only changes how 4-grams are
    counted.
    """

    title: ClassVar[str] = "Language model, and the method lm"

    lm_order: int = parameter(4, "Length of the longest n-grams of the language model.", 2, 6)
    lm_moves: tuple[float, ...] = parameter(
        (1.0, 0.15, 1.0, 0.01, 1.0, 0.01, 1.0, 0.001),
        f"Weights of the tag moves {', '.join(MOVES)}.",
        check=check_moves,
    )


@dataclass(frozen=True)
class TrainingSettings(
    TagSettings,
    CohesionSettings,
    EntropySettings,
    TaggerSettings,
    UnknownSettings,
    LexiconSettings,
    CandidateSettings,
):
    """All parameters of training: those of every method, and these.

    Examples
    --------
    >>> from segtool import TrainingSettings, train
    >>> settings = TrainingSettings(max_word_len=4).checked()
    >>> settings.least_count(50_000_000)
    5
    >>> train("data/sample", settings=settings).model.max_word_len
    4
    """

    title: ClassVar[str] = "Training"

    method: str = parameter(
        "unigram", "How words are found; docs/methods.md compares the methods.", choices=tuple(METHODS)
    )
    with_lm: bool = parameter(False, "Keep a language model in the model; the method lm always does.")
    sample: float = parameter(1.0, "Share of the lines to train on, drawn at random.", 1e-9, 1.0)
    seed: int = parameter(0, "Seed of that draw; nothing else in training is random.", 0, 1 << 63)
    join_lines: int = parameter(0, "Wrapped text: join lines of so many characters with the next; 0: none.", 0, 1 << 31)
    unique_lines: bool = parameter(False, "Learn from equal lines once.", flag="--unique-lines/--no-unique-lines")

    @property
    def needs_lm(self) -> bool:
        """Whether a language model is trained."""
        return self.method == "lm" or self.with_lm

    def checked(self) -> TrainingSettings:
        """Return the settings themselves, or raise UsageError."""
        super().checked()
        if self.with_lm and self.method == "dict":
            raise UsageError("--with-lm true: a word list is no text to learn from; use another --method")
        if self.method == "dict" and (self.join_lines or self.unique_lines):
            raise UsageError("--join-lines and --unique-lines: for text only, and --method dict reads a word list")
        return self


def parameters_by_title() -> dict[str, list[Field[Any]]]:
    """Give all parameters under the titles of their classes, those of training first."""
    groups: dict[str, list[Field[Any]]] = {TrainingSettings.title: []}
    bases = [base for base in reversed(TrainingSettings.__mro__) if issubclass(base, _Settings)]
    for each in fields(TrainingSettings):
        home = next(base for base in bases if hasattr(base, each.name))
        groups.setdefault(home.title, []).append(each)
    return groups


def settings_of(model: Model) -> TrainingSettings:
    """Return the parameters that a model was trained with: those of its card, the defaults where it has none.

    Raises
    ------
    ModelError
        If one of them makes no sense.
    """
    names = {each.name for each in fields(TrainingSettings)}
    stored = {name: value for name, value in model.card["parameters"].items() if name in names}
    stored = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    try:
        return TrainingSettings(**stored).checked()
    except (UsageError, TypeError, ValueError, OverflowError) as error:
        fault = f"a parameter in its card makes no sense ({one_line(error, 200)})"
        raise ModelError(f"{model.path}: {fault}: train it again") from None
