"""How models cut: one class a kind of decoder, all called alike.

A decoder cuts UTF-8 into UTF-8 (:meth:`Decoder.cut`), finds the places of words in it (:meth:`Decoder.spans`) and marks
the words of runs of symbols (:func:`segtool.decode.runs_of_corpus.cut_runs`), all compiled. Some also cut short texts
in plain Python (:meth:`Decoder.cut_plain`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from segtool.decode.block import SLACK, SPAN, Scratch, write_spans, write_words
from segtool.decode.characters import character_table, symbol_ids
from segtool.decode.forced_splits import split_lengths, split_trie, split_words
from segtool.decode.lattice_of_text import Lattice, compiled_lattice, plain_lattice
from segtool.decode.memory import shared_memory, working
from segtool.decode.near_best import bar_splits, cover_entries, list_entries, plain_entries
from segtool.decode.pairs import cover_pairs
from segtool.decode.short_texts import cut_short, span_short
from segtool.decode.token_reader import read_tokens
from segtool.decode.utf8_kernel import cover, cut_utf8
from segtool.decode.viterbi import GRANULARITY, NO_WORD, SPLITS, WEIGHT_UNIT, viterbi
from segtool.errors import ModelError, UsageError
from segtool.limits import MOST_OPEN
from segtool.runtime.arrays import Bytes, Ids, Integers
from segtool.store.model import LM_FOLDER, Model
from segtool.text.symbols import MARK, SPACE, class_table, symbolise
from segtool.tokens import Token

__all__ = ["Decoder", "ShortCut", "decoder_of"]


def decoder_of(model: Model) -> Decoder:
    """Decoder of a model's method.

    Raises
    ------
    ModelError
        If this version does not know it.
    """
    kind = model.card.get("decoder", "lattice")
    if kind not in _DECODERS:
        raise ModelError(f"{model.path}: a model for decoder {str(kind)[:60]!r}, which segtool lacks: train it again")
    splits = model.dictionary.get("splits")
    return _SplitLattice(model, splits) if splits and kind == "lattice" else _DECODERS[kind](model)


ShortCut = Callable[[str], "list[Any] | None"]


class Decoder:
    """Cuts by a model; a subclass for each kind.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    max_len, unknown_len, numbers
        As for :func:`segtool.decode.characters.character_table`.

    Attributes
    ----------
    ids : ndarray of uint16
    numbers : bool
    plain : callable or None
        Gives the lengths of the words of a run of symbol ids, in plain Python.
    splits : mapping of tuple of int to list of int
        Symbols of words that come out as their parts, and the lengths of these.
    """

    plain: Callable[[list[int]], list[int]] | None = None
    splits: Mapping[tuple[int, ...], list[int]] = MappingProxyType({})

    def __init__(self, ids: Ids, max_len: int = 0, unknown_len: int = 0, numbers: bool = False) -> None:
        self.ids, self.numbers = ids, numbers
        self._limits = max_len, unknown_len

    @functools.cached_property
    def characters(self) -> Ids:
        """See :func:`segtool.decode.characters.character_table`."""
        return character_table(self.ids, *self._limits, self.numbers)

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        """Find the words of a block; parameters and result of :func:`segtool.decode.utf8_kernel.cover`."""
        raise NotImplementedError

    def demand_scores(self, wish: str) -> None:
        """Check that words have scores, for the granularity and for search.

        Raises
        ------
        UsageError
            If they have none.
        """
        raise UsageError(f"{wish}: the method of this model does not score words: use a model of method unigram")

    @property
    def lattice_tables(self) -> tuple[Sequence[int], Sequence[int], int, int]:
        """Trie, scores of unknown words and limits, as for :func:`segtool.decode.viterbi.viterbi`."""
        raise NotImplementedError

    def search(self, tokens: int, certain: int, within: int, scratch: Scratch, entries: Any) -> tuple[int, int]:
        """Find the entries of a block; parameters and result of :func:`segtool.decode.near_best.cover_entries`."""
        raise NotImplementedError

    def plain_search(self, symbols: list[int], within: int) -> list[tuple[int, int, bool]]:
        """Find the entries of a run in plain Python; see :func:`segtool.decode.near_best.plain_entries`."""
        raise NotImplementedError

    def lattice(self, text: str, plain: bool) -> Lattice:
        """Score the words at all places of a text; `plain` without compiled code."""
        raise NotImplementedError

    def cut(
        self, data: bytes, separator: bytes, final: bool = True, before: int = 0, open_line: bool = False
    ) -> tuple[Bytes, int, int, bool]:
        """Cut a text.

        Parameters
        ----------
        data, final, before
            As for :func:`segtool.decode.token_reader.read_tokens`.
        separator, open_line
            As for :func:`segtool.decode.block.write_words`; no separator asks for places
            (:func:`segtool.decode.block.write_spans`).

        Returns
        -------
        out : ndarray of uint8
            Valid until the next call in the same thread.
        consumed, before, open_line
            As for :func:`segtool.decode.utf8_kernel.cut_utf8`; if `final`, all is consumed.
        """
        points, between = (np.frombuffer(data, np.uint8), np.frombuffer(separator, np.uint8))
        out = working.out_of(len(data) * (1 + len(separator) if separator else SPAN) + SLACK)
        scratch = working.scratch
        size, consumed, end, following, stuck = 0, 0, 0, 0, True
        while stuck:
            state = final or end > 0, before, open_line, between, scratch, out[size:]
            more, rest, before, open_line, stuck = self._cut(points[consumed : end or None], *state)
            if not separator:
                out[size : size + more].view(np.int64)[:] += consumed
            size += more
            consumed += rest
            if end:
                end, before, stuck = 0, following, True
            elif stuck and scratch.room < MOST_OPEN:
                scratch = Scratch(min(4 * scratch.room, MOST_OPEN))
            elif stuck:  # cut behind the tokens that what follows cannot change
                following = int(scratch.symbols[MOST_OPEN - 2])
                end = consumed + int(scratch.starts[MOST_OPEN - 1])
        return out[:size], consumed, before, open_line

    def spans(self, data: bytes) -> Integers:
        """Find the places of the words of a text: start and end in turn, in bytes.

        The result is valid until the next call in the same thread.
        """
        return self.cut(data, b"")[0].view(np.int64)

    def short_cutter(self, kind: int) -> ShortCut:
        """Make a function that cuts a text in one call of compiled code, or gives None, as for a text that is too long.

        `kind` and its result are as for :func:`segtool.decode.short_texts.cut_short`.
        """
        return lambda text: None

    def short_spans(self, text: str, in_bytes: bool) -> Integers | None:
        """Find the places of words as a short cutter does, in bytes or in characters."""
        return None

    def _cut(
        self, data: Any, final: bool, before: int, open_line: bool, separator: Any, scratch: Scratch, out: Any
    ) -> tuple[int, int, int, bool, bool]:
        """As :func:`segtool.decode.utf8_kernel.cut_utf8` does, block by block."""
        at, written, read, write, places = 0, 0, read_tokens.compiled, write_words.compiled, scratch.places
        while at < len(data):
            tokens, certain, spaces, full = read(data, at, final, before, self.characters, places)
            settled = self.cover(tokens, certain, scratch)
            if len(separator):
                written, open_line = write(data, at, settled, spaces, open_line, separator, places, written, out)
            else:
                written = write_spans.compiled(at, settled, spaces, places, written, out)
            before = int(scratch.symbols[settled])
            at += int(scratch.starts[settled + 1])
            if certain < tokens and (settled == 0 or not full):
                return written, at, before, open_line, full
        return written, at, 0 if final else before, open_line, False

    def cut_plain(self, text: str) -> list[str]:
        """Cut a text without compiled code."""
        return [text[start:end] for start, end in self.plain_spans(text)]

    def plain_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Find the places of the words of a text, in characters, without compiled code."""
        assert self.plain is not None
        for starts, symbols in self.plain_runs(text):
            t = 0
            for length in self.plain(symbols) if symbols else (1,):
                yield starts[t], starts[t + length]
                t += length

    def plain_runs(self, text: str) -> Iterator[tuple[list[int], list[int]]]:
        """Read a text without compiled code.

        Yields
        ------
        starts : list of int
            Where each token of a run begins and, last, where the run ends, in characters; or those of a mark.
        symbols : list of int
            Ids of the run; none for a mark.
        """
        size = len(text)
        codes, starts = [0] * (size + 1), [0] * (size + 1)
        tokens = symbolise.interpreted(list(map(ord, text)), class_table(self.numbers), codes, starts)
        starts[tokens], codes[tokens] = size, MARK
        t = 0
        while t < tokens:
            end = t + 1
            if codes[t] > MARK:
                while codes[end] > MARK:
                    end += 1
            if codes[t] != SPACE:
                ids = [self._plain_ids[code] for code in codes[t:end]] if codes[t] > MARK else []
                yield starts[t : end + 1], ids
            t = end

    @functools.cached_property
    def _plain_ids(self) -> memoryview:
        return memoryview(self.ids)


class _Lattice(Decoder):
    """The best cover of each run by words."""

    def demand_scores(self, wish: str) -> None:
        pass

    def __init__(self, model: Model) -> None:
        ids = symbol_ids(model.symbols, model.folds)
        super().__init__(ids, model.max_word_len, model.unknown_len, model.has_number_tokens)
        spelling, granularity = model.spelling, round(model.granularity * WEIGHT_UNIT)
        if spelling[GRANULARITY] != granularity or spelling[SPLITS] != 0:
            spelling = spelling.copy()
            spelling[[GRANULARITY, SPLITS]] = granularity, 0
        self._tables = self._cut_tables = model.lexicon, spelling
        self._plain_tables = memoryview(model.lexicon), memoryview(spelling)

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
        return viterbi(symbols, *self._plain_tables, *self._limits)

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
            return plain_lattice(text, self.ids, self._plain_tables, self._limits, self.numbers)
        return compiled_lattice(text, self.ids, self._tables, self.characters, self.numbers)


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
        settled = self.cover(tokens, certain, scratch)
        arrays = scratch.places, scratch.scores
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


class _Tags(Decoder):
    """Tags by a language model; always compiled."""

    def __init__(self, model: Model) -> None:
        from segtool.decode.position_tags import cover_tags, move_scores
        from segtool.lm.language_model import LanguageModel
        from segtool.settings import settings_of

        lm, folder = model.lm, None if model.path is None else model.path / LM_FOLDER
        if lm is None and folder is not None and folder.is_dir():
            lm = LanguageModel.open(folder)
        if lm is None:
            raise ModelError(f"{folder}: the language model is missing: restore the model or train it again")
        super().__init__(lm.ids())
        self._kernel = cover_tags
        self._tables = (*lm.tables, move_scores(settings_of(model).lm_moves))

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        return int(self._kernel.compiled(tokens, certain, *self._tables, scratch.places, scratch.scores))


_DECODERS: dict[str, Any] = {"lattice": _Lattice, "pairs": _Pairs, "tags": _Tags}
