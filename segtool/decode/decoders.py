"""How models cut: one class a kind of decoder, all called alike.

A decoder cuts UTF-8 into UTF-8 (:meth:`Decoder.cut`), finds the places of words in it (:meth:`Decoder.spans`) and marks
the words of runs of symbols (:func:`segtool.decode.runs_of_corpus.cut_runs`), all compiled. Some also cut short texts
in plain Python (:meth:`Decoder.cut_plain`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from segtool.decode.block import SPAN, Scratch
from segtool.decode.characters import symbol_ids
from segtool.decode.decoder import Decoder, ShortCut
from segtool.decode.forced_splits import split_lengths, split_trie, split_words
from segtool.decode.lattice_of_text import Lattice, compiled_lattice, plain_lattice
from segtool.decode.memory import shared_memory, working
from segtool.decode.near_best import bar_splits, cover_entries, list_entries, plain_entries
from segtool.decode.pairs import cover_pairs
from segtool.decode.rule_table import NO_RULES, rule_table
from segtool.decode.short_texts import cut_short, span_short
from segtool.decode.utf8_kernel import cover, cut_utf8
from segtool.decode.viterbi import GRANULARITY, NO_WORD, SPLITS, WEIGHT_UNIT, viterbi
from segtool.decode.word_rules import apply_number_rules, hold_number, number_lengths
from segtool.errors import ModelError
from segtool.runtime.arrays import Integers
from segtool.store.model import Model
from segtool.tokens import Token

__all__ = ["decoder_of"]


def decoder_of(model: Model) -> Decoder:
    """Decoder of a model's method.

    Raises
    ------
    ModelError
        If this version does not know it.
    """
    kind = model.card.get("decoder", "lattice")
    if kind == "tags":
        from segtool.decode.position_tags import TagDecoder

        return TagDecoder(model)
    if kind not in _DECODERS:
        raise ModelError(f"{model.path}: a model for decoder {str(kind)[:60]!r}, which segtool lacks: train it again")
    splits = model.dictionary.get("splits")
    return _SplitLattice(model, splits) if splits and kind == "lattice" else _DECODERS[kind](model)


class _Lattice(Decoder):
    """The best cover of each run by words."""

    def demand_scores(self, wish: str) -> None:
        pass

    def __init__(self, model: Model) -> None:
        ids = symbol_ids(model.symbols, model.folds)
        has_rules = model.card["parameters"].get("method") == "unigram"
        rules = rule_table(ids, len(model.symbols), model.token_choices) if has_rules else NO_RULES
        super().__init__(ids, model.max_word_len, model.unknown_len, model.reading, rules)
        spelling, granularity = model.spelling, round(model.granularity * WEIGHT_UNIT)
        if spelling[GRANULARITY] != granularity or spelling[SPLITS] != 0:
            spelling = spelling.copy()
            spelling[[GRANULARITY, SPLITS]] = granularity, 0
        self._tables = self._cut_tables = model.lexicon, spelling
        self._plain_tables = memoryview(model.lexicon), memoryview(spelling)
        self._plain_rules = rules.tolist()

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        tables = self.characters, *self._tables
        return int(cover.compiled(tokens, certain, *tables, scratch.places, scratch.scores))

    def _cut(
        self, data: Any, final: bool, before: int, open_line: bool, separator: Any, scratch: Scratch, out: Any
    ) -> tuple[int, int, int, bool, bool]:
        tables = self.characters, *self._cut_tables
        return cut_utf8.compiled(data, final, before, open_line, separator, *tables, scratch.whole, out)

    def short_cutter(self, kind: int) -> ShortCut:
        tables = None, Token, kind, self.characters, *self._cut_tables
        run, memory = cut_short.compiled, shared_memory()
        if memory is not None:
            return functools.partial(run, *tables, *memory.arrays)
        return lambda text: run(*tables, *working.short.arrays, text)

    def short_spans(self, text: str, in_bytes: bool) -> Integers | None:
        scratch, out, _ = (shared_memory() or working.short).arrays
        count = span_short.compiled(in_bytes, self.characters, *self._cut_tables, scratch, out, text)
        return None if count < 0 else out[: SPAN * count].view(np.int64).reshape(-1, 2).copy()

    def plain(self, symbols: list[int]) -> list[int]:
        lengths = viterbi(symbols, *self._plain_tables, *self._limits)
        return number_lengths(symbols, lengths, self._plain_rules)

    @property
    def lattice_tables(self) -> tuple[Sequence[int], Sequence[int], int, int]:
        return *self._plain_tables, *self._limits

    def search(self, tokens: int, certain: int, within: int, scratch: Scratch, entries: Any) -> tuple[int, int]:
        tables = self.characters, *self._tables
        arrays = scratch.places, scratch.scores, entries
        settled, count = cover_entries.compiled(tokens, certain, within, *tables, *arrays)
        return int(settled), int(count)

    def plain_search(self, symbols: list[int], within: int) -> list[tuple[int, int, bool]]:
        return plain_entries(symbols, self.plain(symbols), *self._plain_tables, *self._limits, within)

    def lattice(self, text: str, plain: bool) -> Lattice:
        if plain:
            lattice = plain_lattice(text, self.ids, self._plain_tables, self._limits, self.reading)
        else:
            lattice = compiled_lattice(text, self.ids, self._tables, self.characters, self.reading)
        return lattice.with_rules(text, self.rules)


class _SplitLattice(_Lattice):
    """The best cover of each run by words, some of which come out as their parts."""

    def __init__(self, model: Model, splits: list[str]) -> None:
        super().__init__(model)
        self.splits = split_lengths(splits, self.ids)
        self._splits = split_trie(self.splits, len(model.symbols) + 1)
        units, spelling = self._tables
        joined = np.concatenate([spelling, self._splits])
        joined[SPLITS] = len(spelling)
        self._cut_tables = units, joined

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        settled = super().cover(tokens, certain, scratch)
        split_words.compiled(settled, self._splits, scratch.places)
        return settled

    def plain(self, symbols: list[int]) -> list[int]:
        words, lengths, at = super().plain(symbols), [], 0
        for length in words:
            lengths += self.splits.get(tuple(symbols[at : at + length]), [length])
            at += length
        return lengths

    def search(self, tokens: int, certain: int, within: int, scratch: Scratch, entries: Any) -> tuple[int, int]:
        settled = super().cover(tokens, certain, scratch)
        arrays = scratch.places, scratch.scores
        settled = int(hold_number.compiled(tokens, settled, self.rules, scratch.places))
        split_words.compiled(settled, self._splits, scratch.places)
        apply_number_rules.compiled(settled, self.rules, scratch.places)
        bar_splits.compiled(settled, self._splits, *arrays)
        return settled, int(list_entries.compiled(settled, within, self.characters, *arrays, entries))

    def plain_search(self, symbols: list[int], within: int) -> list[tuple[int, int, bool]]:
        tables = *self._plain_tables, *self._limits
        return plain_entries(symbols, self.plain(symbols), *tables, within, self.splits)

    def lattice(self, text: str, plain: bool) -> Lattice:
        return super().lattice(text, plain).with_splits(self.splits)


class _Pairs(Decoder):
    """A cut between all neighbours that are no pair of the trie."""

    def __init__(self, model: Model) -> None:
        super().__init__(symbol_ids(model.symbols, model.folds))
        self._units = model.lexicon

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        return int(cover_pairs.compiled(tokens, certain, self._units, scratch.places))

    def plain(self, symbols: list[int]) -> list[int]:
        """See :func:`cover_pairs`, which does the same compiled."""
        units = memoryview(self._units)
        lengths = [1]
        for first, second in itertools.pairwise(symbols):
            child = units[4 * first] + second
            if units[4 * first] != 0 and units[4 * child + 1] == first and units[4 * child + 2] != NO_WORD:
                lengths[-1] += 1
            else:
                lengths.append(1)
        return lengths


_DECODERS: dict[str, Any] = {"lattice": _Lattice, "pairs": _Pairs}
