"""Other cuts of a text than the best one, and how certain its boundaries are.

The scores of a model are log weights, but as probabilities they are too confident. Each model has a *calibration*
(:attr:`segtool.store.model.Model.calibration`), the nats of log probability for each nat of score, with which the
probabilities of boundaries agree with labelled text (temperature scaling: Guo et al. 2017, "On Calibration of Modern
Neural Networks", ICML).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from segtool.decode.lattice_of_text import Lattice
from segtool.decode.n_best import best_paths
from segtool.decode.posterior import place_probabilities, random_path
from segtool.decode.rule_table import (
    DATES,
    DATES_AT,
    DAY,
    FLAGS,
    KEEPERS,
    MONTH,
    MOST_UNIT,
    RULES_SIZE,
    UNITS_APART,
    UNITS_AT,
    UNITS_WHOLE,
)
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.runtime.arrays import Floats
from segtool.text.lines import write_lines
from segtool.text.symbols import LAT, MARK, NUM, SPACE
from segtool.tokens import Cut

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = [
    "MOST_CUTS",
    "best_cuts",
    "check_draw",
    "check_number",
    "gap_probabilities",
    "nbest_utf8_stream",
    "random_cut",
]

MOST_CUTS = 1000
"""Limit of the number of cuts of a text."""

MOST_TEMPERATURE = 1000
COLD = 1e-9
"""At a lower temperature only cuts of equal score could differ from the best one, so that is taken."""

LONGEST_LISTED = 1 << 22
"""Characters of a line whose best cuts are listed, at most."""


def check_number(n: int) -> None:
    """Raise UsageError if so many cuts cannot be listed."""
    if not isinstance(n, Integral) or not 1 <= n <= MOST_CUTS:
        raise UsageError(f"{n} cuts of a text: choose a whole number from 1 to {MOST_CUTS}")


def check_draw(temperature: float, seed: int) -> None:
    """Raise UsageError if no cut can be drawn at a temperature or with a seed."""
    if not isinstance(temperature, Real) or not 0 <= temperature <= MOST_TEMPERATURE:
        raise UsageError(f"temperature {temperature}: choose a number from 0 to {MOST_TEMPERATURE}")
    if not isinstance(seed, Integral) or seed < 0:
        raise UsageError(f"seed {seed}: choose a whole number, 0 or more")


def best_cuts(lattice: Lattice, text: str, n: int) -> Iterator[Cut]:
    """Find the best cuts of a text, one by one; see :meth:`segtool.segmenter.Segmenter.nbest`."""
    for score, ends in _different_paths(lattice, n) if lattice.differs else best_paths(lattice, n):
        yield Cut(lattice.words(ends, text), score / WEIGHT_UNIT)


def _different_paths(lattice: Lattice, n: int) -> Iterable[tuple[int, Sequence[int]]]:
    """Find the best paths that differ in words, as some edges stand for several: of equal ones the best."""
    paths = n
    while True:
        found = list(best_paths(lattice, paths))
        cuts: dict[tuple[int, ...], int] = {}
        for score, path in found:
            cuts.setdefault(tuple(lattice.word_ends(path)), score)
        if len(cuts) >= n or len(found) < paths:
            return islice(((score, ends) for ends, score in cuts.items()), n)
        paths *= 2


def random_cut(lattice: Lattice, text: str, scale: float, temperature: float, seed: int) -> list[str]:
    """Draw a cut of a text; see :meth:`segtool.segmenter.Segmenter.sample`. `scale` is the calibration of the model."""
    if temperature < COLD:
        [(_, path)] = best_paths(lattice, 1)
    else:
        path = random_path(lattice, scale / temperature, seed)
    return lattice.words(lattice.word_ends(path), text)


def gap_probabilities(lattice: Lattice, scale: float) -> Floats:
    """Find the probability of each gap; see :meth:`segtool.segmenter.Segmenter.boundary_probabilities`."""
    starts, codes = np.array(lattice.starts), np.pad(lattice.codes, 1, constant_values=SPACE)
    shares = place_probabilities(lattice, scale)
    shares[(codes[1:] <= MARK) | (codes[:-1] <= MARK)] = 1.0
    _apply_rules(lattice, shares)
    found = np.zeros(starts[-1] + 1)
    found[starts] = shares
    for token in np.flatnonzero(codes[1:-1] == SPACE).tolist():
        found[starts[token] : starts[token + 1]] = 1.0
    return found[1:-1]


def _apply_rules(lattice: Lattice, shares: Floats) -> None:
    """Let the rules change the probability that a word ends at each place.

    Parameters
    ----------
    lattice : Lattice
    shares : ndarray of float64, shape (tokens + 1,), read and written
        Where a rule depends on two boundaries, the probability of both is the lesser one of theirs.
    """
    rules = lattice.rules.tolist()
    symbols = [MARK, *lattice.symbols.tolist(), MARK, MARK]
    for t in np.flatnonzero(lattice.symbols == NUM)[::-1].tolist() if rules[FLAGS] else ():
        before, unit = symbols[t], symbols[t + 2]  # the number is token t + 1
        if before > LAT and before not in rules[KEEPERS:DATES_AT]:
            shares[t] = 1.0
        is_word = shares[t]
        if rules[FLAGS] & UNITS_APART:
            shares[t + 1] = max(shares[t + 1], is_word)
            continue
        ends = [t + 2] if rules[FLAGS] & DATES and unit in rules[DATES_AT:UNITS_AT] and unit > LAT else []
        if rules[FLAGS] & UNITS_WHOLE:
            for i in range(UNITS_AT, RULES_SIZE, MOST_UNIT):
                letters = [symbol for symbol in rules[i : i + MOST_UNIT] if symbol]
                if letters and symbols[t + 2 : t + 2 + len(letters)] == letters:
                    ends.append(t + 1 + len(letters))
        if ends and unit == rules[DAY] and before == rules[MONTH]:
            shares[t + 1], shares[t + 2] = min(shares[t + 1], 1.0 - is_word), max(shares[t + 2], is_word)
        elif ends:
            shares[t + 1] = max(shares[t + 1] - min(is_word, max(shares[end] for end in ends)), 0.0)
    shares[list(lattice.joined)] = 0.0


def nbest_utf8_stream(
    segmenter: Segmenter,
    pieces: Iterable[bytes],
    separator: str,
    n: int,
    workers: int = 1,
    numbers: Iterator[int] | None = None,
) -> Iterator[bytes]:
    """Find the best cuts of each line of a text that comes in pieces of UTF-8.

    Parameters
    ----------
    segmenter, n
        As for :meth:`segtool.segmenter.Segmenter.nbest`.
    pieces : iterable of bytes
        The text; a piece may end anywhere but inside a character.
    separator : str
        Written between two words.
    workers : int
        Threads. The result does not depend on it.
    numbers : iterator of int, optional
        Numbers for the lines, from 1 if there are none.

    Yields
    ------
    bytes
        For each cut its line's number, its score in nats and its words, with a tab between these, and a line end; the
        cuts of a line together, as soon as the line is complete.

    Raises
    ------
    InputError
        For a line of more than `LONGEST_LISTED` characters.
    """
    if segmenter.literals is not None:
        segmenter.literals.check_separator(separator)
    check_number(n)
    between = separator.encode("utf-8", "surrogatepass")
    given = count(1) if numbers is None else numbers

    def listed(group: list[tuple[str, int]]) -> bytes:
        out = []
        for line, number in group:
            for cut in best_cuts(segmenter.lattice(line, "the best cuts", n), line, n):
                words = "\n".join(cut.words).encode("utf-8", "surrogatepass")  # no word holds a line end
                out.append(b"%d\t%.5f\t%s\n" % (number, cut.score, words.replace(b"\n", between)))
        return b"".join(out)

    yield from write_lines(pieces, listed, LONGEST_LISTED, "has no list of best cuts: divide it", given, workers)
