"""Explaining cuts: scores of words and gaps with their parts and origins, and what the best alternatives lose.

Texts are explained in plain Python, with the tables of the decoder. Scores are whole numbers of 1/65536 nat, so the
sums of the scores in nats are exact, too: those of its words and gaps give the score of a run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any

from segtool.decode.texts import TextCutter
from segtool.decode.viterbi import GRANULARITY, TAG_STEP, WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.explain.explanation import (
    Alternative,
    ExplainedGap,
    ExplainedRun,
    ExplainedWord,
    Explanation,
    ScorePart,
)
from segtool.explain.lattice import Detour, LatticeTables, RunLattice
from segtool.guideline.extend import FORCE, strength_of
from segtool.store.model import DEFAULT, Model

__all__ = ["MOST_CHARACTERS", "ORIGINS", "explain_runs", "explain_text"]

MOST_CHARACTERS = 10_000
"""Longest text that is explained."""

ORIGINS = {
    "lexicon": "a word that the model has learned",
    "listed": "a word of the dictionary's word list",
    "unlisted": "a word that the model has learned, at a cost because the complete word list lacks it",
    "preferred": "a word that the dictionary prefers",
    "forced": "a word that the dictionary forces",
    "forbidden": "a word that the dictionary forbids",
    "unknown word": "scored by its first, middle and last characters as words of the lexicon have them",
    "unknown character": "a character that the training text lacks",
    "literal": "a word of the dictionary that is found as it is written, before the text is cut",
    "mark": "a mark or a run of other letters, always a word of its own",
}
"""Where words come from."""

Counts = Callable[[Sequence[int]], "tuple[int, float] | None"]

_PLACES = "a", "b", "c", "d", "ab", "bc", "cd"


def explain_text(cutter: TextCutter, model: Model, text: str) -> Explanation:
    """Explain the cut of a text.

    Parameters
    ----------
    cutter : TextCutter
        Of the model.
    model : Model
    text : str

    Returns
    -------
    Explanation

    Raises
    ------
    UsageError
        If the text has more than `MOST_CHARACTERS` characters, or the model is of a method without scores of words.
    """
    if len(text) > MOST_CHARACTERS:
        fix = "give the sentence whose words you ask about"
        raise UsageError(f"explain: {len(text):,} characters: {MOST_CHARACTERS:,} at most are explained: {fix}")
    cutter.decoder.demand_scores("explain")
    name = DEFAULT if model.is_included else "in memory" if model.path is None else str(model.path)
    runs = explain_runs(cutter, text, _word_counts(model), model.calibration, model.dictionary)
    return Explanation(text, name, model.granularity, tuple(runs), tuple(cutter.cut(text, plain=True)))


def explain_runs(
    cutter: TextCutter,
    text: str,
    counts: Counts,
    calibration: float = 1.0,
    dictionary: Mapping[str, Any] = MappingProxyType({}),
) -> list[ExplainedRun]:
    """Explain each run of a text.

    Parameters
    ----------
    cutter : TextCutter
        With a decoder that scores words.
    text : str
    counts : Counts
        Gives the count of a word in the training text, and how often it is expected to be a word there, from its symbol
        ids.
    calibration : float
        See :meth:`segtool.explain.lattice.RunLattice.probabilities`.
    dictionary : mapping, optional
        The dictionary of the model (:attr:`segtool.store.model.Model.dictionary`).

    Returns
    -------
    list of ExplainedRun
    """
    decoder = cutter.decoder
    tables = LatticeTables(*decoder.lattice_tables)
    hidden = text
    literals: set[int] = set()
    shift: Callable[[list[int]], list[int]] = list
    if cutter.literals is not None:
        hidden, found = cutter.literals.hide(text)
        shift = cutter.literals.shift(hidden, found)
        literals = set(shift(cutter.literals.places(hidden)))
    runs = []
    for places, symbols in decoder.plain_runs(hidden):
        starts = shift(places)
        if symbols:
            runs.append(_Run(text, starts, symbols, tables, decoder.splits).explained(counts, calibration, dictionary))
        else:
            origin = "literal" if starts[0] in literals else "mark"
            runs.append(ExplainedRun(text[starts[0] : starts[1]], starts[0], starts[1], origin=origin))
    return runs


class _Run:
    """A run with its lattice.

    Parameters
    ----------
    text : str
    starts : list of int
        Where each symbol begins and the last one ends, in characters.
    symbols : list of int
    tables : LatticeTables
    splits : mapping of tuple of int to list of int
        See :class:`segtool.decode.decoder.Decoder`.
    """

    def __init__(
        self,
        text: str,
        starts: list[int],
        symbols: list[int],
        tables: LatticeTables,
        splits: Mapping[tuple[int, ...], list[int]],
    ) -> None:
        self.text, self.starts, self.symbols, self.tables, self.splits = text, starts, symbols, tables, splits
        self.lattice = RunLattice(symbols, tables)

    def explained(self, counts: Counts, calibration: float, dictionary: Mapping[str, Any]) -> ExplainedRun:
        """Explain it; parameters as for :func:`explain_runs`."""
        lattice, starts = self.lattice, self.starts
        cover = dict(zip(lattice.borders, lattice.borders[1:], strict=False))
        shares, of_gaps = lattice.probabilities(calibration)
        words = []
        for start, found in enumerate(lattice.words):
            for (end, score, node), share in zip(found, shares[start], strict=True):
                chosen = cover.get(start) == end
                count, expected = (counts(self.symbols[start:end]) if node else None) or (None, None)
                if node == 0:
                    origin = "unknown word"
                elif end > start + 1:
                    origin = self._origin_of_longer(node, dictionary)
                else:
                    origin = self._origin_of_single(node, score, count)
                words.append(
                    ExplainedWord(
                        self._slice(start, end),
                        starts[start],
                        starts[end],
                        score / WEIGHT_UNIT,
                        origin,
                        self._word_parts(start, end, score, node, origin),
                        lattice.word_loss(start, end, score) / WEIGHT_UNIT,
                        share,
                        chosen,
                        count or None,  # words of a dictionary were never counted
                        expected if count else None,
                        self._alternative(lattice.without_word(start, end)) if chosen else None,
                        self._pieces(start, end),
                    )
                )
        gaps = tuple(self._gap(place, of_gaps[place], place in cover) for place in range(1, lattice.size))
        whole = self._slice(0, lattice.size), starts[0], starts[-1], lattice.score / WEIGHT_UNIT
        return ExplainedRun(*whole, tuple(starts[:-1]), tuple(words), gaps)

    def _slice(self, start: int, end: int) -> str:
        return self.text[self.starts[start] : self.starts[end]]

    def _pieces(self, start: int, end: int) -> tuple[str, ...]:
        """What a word comes out as."""
        lengths = self.splits.get(tuple(self.symbols[start:end]), [end - start])
        return tuple(self._slice(low, high) for low, high in pairwise(accumulate(lengths, initial=start)))

    def _origin_of_longer(self, node: int, dictionary: Mapping[str, Any]) -> str:
        if not dictionary:
            return "lexicon"
        strength = strength_of(self.tables.units[4 * node + 3])
        return strength or ("unlisted" if dictionary.get("words_only") else "lexicon")

    def _origin_of_single(self, symbol: int, score: int, count: int | None) -> str:
        if score > FORCE // 2:
            return "forced"
        unknown = len(self.tables.spelling) // 4 - 1
        return "unknown character" if symbol == unknown or count == 0 else "lexicon"

    def _word_parts(self, start: int, end: int, score: int, node: int, origin: str) -> tuple[ScorePart, ...]:
        if node:
            force = FORCE * (end - start) if origin == "forced" else 0
            weight = ScorePart("weight", self._slice(start, end), (score - force) / WEIGHT_UNIT)
            return (weight, ScorePart("force", weight.text, force / WEIGHT_UNIT)) if force else (weight,)
        last = end - start - 1
        parts = []
        for i in range(last + 1):
            place = 2 if i == last else min(i, 1)
            nats = self.tables.spelling[4 * self.symbols[start + i] + place] / WEIGHT_UNIT
            name = ("first", "middle", "last")[place]
            parts.append(ScorePart(name, self._slice(start + i, start + i + 1), nats))
        return tuple(parts)

    def _gap(self, place: int, probability: float, chosen: bool) -> ExplainedGap:
        lattice = self.lattice
        score = lattice.gaps[place]
        granularity = self.tables.spelling[GRANULARITY]
        parts = (*self._gap_parts(place), ScorePart("granularity", "", granularity / WEIGHT_UNIT))
        return ExplainedGap(
            self.starts[place],
            score / WEIGHT_UNIT,
            (score - granularity) / WEIGHT_UNIT,
            granularity / WEIGHT_UNIT,
            parts,
            probability,
            chosen,
            self._alternative(lattice.without_gap(place) if chosen else lattice.with_gap(place)),
        )

    def _gap_parts(self, place: int) -> list[ScorePart]:
        """Shares of the symbols a, b, c, d and of the pairs ab, bc, cd around a gap."""
        around = [i if 0 <= i < len(self.symbols) else None for i in range(place - 2, place + 2)]
        a, b, c, d = ("" if i is None else self._slice(i, i + 1) for i in around)
        nodes = [0 if i is None else self.symbols[i] for i in around]
        texts = f"{a}·|", f"{b}|", f"|{c}", f"|·{d}", f"{a}{b}|", f"{b}|{c}", f"|{c}{d}"
        pairs = [self._pair(first, second) for first, second in pairwise(nodes)]
        bytes_of = [*enumerate(nodes), *enumerate(pairs)]
        parts = []
        for name, text, (i, node) in zip(_PLACES, texts, bytes_of, strict=True):
            byte = self.tables.units[4 * node + 3] >> 8 * i & 255 if node or len(name) == 1 else 0
            parts.append(ScorePart(name, text, (byte - ((byte & 128) << 1)) * TAG_STEP / WEIGHT_UNIT))
        return parts

    def _pair(self, first: int, second: int) -> int:
        """Trie node of two symbols, 0 for none; the boundary is in no pair."""
        units = self.tables.units
        child = units[4 * first] + second
        return child if units[4 * child + 1] == first else 0

    def _alternative(self, detour: Detour | None) -> Alternative | None:
        if detour is None:
            return None
        borders = detour.borders
        words = tuple(piece for start, end in pairwise(borders) for piece in self._pieces(start, end))
        return Alternative(self.starts[borders[0]], self.starts[borders[-1]], words, detour.loss / WEIGHT_UNIT)


def _word_counts(model: Model) -> Counts:
    """Find words in the table of a model."""
    table = model.words
    ids, lengths = table["symbols"], table["length"]

    def counts(symbols: Sequence[int]) -> tuple[int, float] | None:
        key = (len(symbols), *symbols)
        row = bisect_left(range(len(table)), key, key=lambda i: (int(lengths[i]), *ids[i, : lengths[i]].tolist()))
        if row == len(table) or (int(lengths[row]), *ids[row, : lengths[row]].tolist()) != key:
            return None
        return int(table["count"][row]), float(table["expected"][row])

    return counts
