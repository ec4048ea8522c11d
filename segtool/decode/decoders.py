"""How models cut: one class a kind of decoder, all called alike.

A decoder cuts UTF-8 into UTF-8 (:meth:`Decoder.cut`) and marks the words of runs of symbols (:func:`cut_runs`), both
compiled. Some also cut short texts in plain Python (:meth:`Decoder.cut_plain`).
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segtool.decode import utf8_kernel as rows
from segtool.decode.utf8_kernel import (
    LANES,
    PAD,
    ROWS,
    SLACK,
    cover,
    cut_utf8,
    read_tokens,
    write_words,
)
from segtool.decode.viterbi import LONGEST_WORD, NO_WORD, viterbi
from segtool.errors import ModelError
from segtool.runtime.kernels import kernel
from segtool.store.model import Model
from segtool.text.folding import fold_table
from segtool.text.symbols import (
    C_HAN,
    CODE_LIMIT,
    LAT,
    MARK,
    NUM,
    SPACE,
    class_table,
    symbolise,
)

if TYPE_CHECKING:
    from segtool.text.runs import Runs

__all__ = ["Decoder", "Scratch", "character_table", "cut_runs", "decoder_of"]

ROOM = 1 << 12
"""Tokens of a block; more is taken where that is too little for what stays open."""

KEPT_BYTES = 1 << 23
"""Room for the output up to this size is kept between calls."""


def decoder_of(model: Model) -> Decoder:
    """Decoder of a model's method.

    Raises
    ------
    ModelError
        If this version does not know it.
    """
    kind = model.card.get("decoder", "lattice")
    if kind not in _DECODERS:
        raise ModelError(
            f"{model.path}: a model for decoder {kind!r}, which this segtool lacks: train it again"
        )
    return _DECODERS[kind](model)


def cut_runs(decoder: Decoder, runs: Runs) -> npt.NDArray[np.bool_]:
    """Cut a corpus.

    Parameters
    ----------
    decoder : Decoder
    runs : Runs

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each symbol of the stream and the next one are of one word.
    """
    ids, stream = decoder.ids[runs.codes], runs.stream
    ends = np.append(np.flatnonzero(stream == MARK) + 1, len(stream))
    joined = np.zeros(len(stream), np.bool_)
    scratch = Scratch(ROOM)
    low = 0
    while low < len(stream):  # whole runs, as many as there is room for
        high = int(
            ends[
                max(
                    np.searchsorted(ends, low + scratch.room, "right") - 1,
                    np.searchsorted(ends, low, "right"),
                )
            ]
        )
        if high - low > scratch.room:
            scratch = Scratch(high - low)
        scratch.put(ids[stream[low:high]])
        decoder.cover(high - low, high - low, scratch)
        joined[low : high - 1] = scratch.begins[2 : high - low + 1] == 0
        low = high
    return joined


def character_table(
    ids: npt.NDArray[np.uint16], max_len: int = 0, unknown_len: int = 0
) -> npt.NDArray[np.uint16]:
    """Table by which the kernels know a character.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    max_len, unknown_len : int
        Longest word of the trie and longest unknown word, in symbols.

    Returns
    -------
    ndarray of uint16, shape (CHARACTERS + 4,)
        The symbol id of a Han character, for others their class; then the ids of numbers and of Latin runs, and the
        two limits.
    """
    classes = np.frombuffer(class_table(), np.uint8)
    table = np.empty(rows.CHARACTERS + 4, np.uint16)
    table[: rows.CHARACTERS] = classes
    table[: rows.CHARACTERS] |= rows.CLASSES
    table[:CODE_LIMIT] = np.where(
        classes[:CODE_LIMIT] == C_HAN, ids, table[:CODE_LIMIT]
    )
    table[rows.CHARACTERS :] = *ids[[NUM, LAT]], max_len, unknown_len
    return table


class Scratch:
    """Working memory of the kernels for a block.

    Parameters
    ----------
    room : int
        Most tokens of a block: the longest stretch of text within which the words may stay open.
    """

    def __init__(self, room: int) -> None:
        row = room + PAD
        self.room = room
        self.whole = np.empty((LANES + ROWS // 2) * row, np.int64)
        self.scores, self.places = (
            self.whole[: LANES * row],
            self.whole[LANES * row :].view(np.int32),
        )
        self.symbols, self.begins, self.starts = (
            self.places[i * row : (i + 1) * row]
            for i in (rows.SYMBOLS, rows.BEGINS, rows.STARTS)
        )

    def put(self, symbols: npt.NDArray[np.uint16]) -> None:
        """Put symbol ids where :func:`segtool.decode.utf8_kernel.read_tokens` puts those of a text."""
        self.symbols[0] = 0
        self.symbols[1 : len(symbols) + 1] = symbols
        self.symbols[len(symbols) + 1 : len(symbols) + LONGEST_WORD + 2] = 0


class _Memory(threading.local):
    """Working memory, kept between calls; one for each thread."""

    def __init__(self) -> None:
        self.scratch = Scratch(ROOM)
        self.out = np.empty(1 << 12, np.uint8)

    def out_of(self, size: int) -> npt.NDArray[np.uint8]:
        if size > KEPT_BYTES:
            return np.empty(size, np.uint8)
        if len(self.out) < size:
            self.out = np.empty(2 * size, np.uint8)
        return self.out


_memory = _Memory()


class Decoder:
    """Cuts by a model; a subclass for each kind.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.
    max_len, unknown_len : int
        As for :func:`character_table`.

    Attributes
    ----------
    ids : ndarray of uint16
    plain : callable or None
        Gives the lengths of the words of a run of symbol ids, in plain Python.
    """

    plain: Callable[[list[int]], list[int]] | None = None

    def __init__(
        self, ids: npt.NDArray[np.uint16], max_len: int = 0, unknown_len: int = 0
    ) -> None:
        self.ids = ids
        self._limits = max_len, unknown_len

    @functools.cached_property
    def characters(self) -> npt.NDArray[np.uint16]:
        """See :func:`character_table`."""
        return character_table(self.ids, *self._limits)

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        """Find the words of a block; parameters and result of :func:`segtool.decode.utf8_kernel.cover`."""
        raise NotImplementedError

    def cut(
        self,
        data: bytes,
        separator: bytes,
        final: bool = True,
        before: int = 0,
        open_line: bool = False,
    ) -> tuple[npt.NDArray[np.uint8], int, int, bool]:
        """Cut a text.

        Parameters
        ----------
        data, final, before
            As for :func:`segtool.decode.utf8_kernel.read_tokens`.
        separator, open_line
            As for :func:`segtool.decode.utf8_kernel.write_words`.

        Returns
        -------
        out : ndarray of uint8
            Valid until the next call in the same thread.
        consumed, before, open_line
            As for :func:`segtool.decode.utf8_kernel.cut_utf8`; if `final`, all is consumed.
        """
        points, between = (
            np.frombuffer(data, np.uint8),
            np.frombuffer(separator, np.uint8),
        )
        out = _memory.out_of(len(data) * (1 + len(separator)) + SLACK)
        scratch = _memory.scratch
        state = final, before, open_line
        size, consumed, before, open_line, stuck = self._cut(
            points, *state, between, scratch, out
        )
        while stuck:
            scratch = Scratch(4 * scratch.room)
            state = final, before, open_line
            more, rest, before, open_line, stuck = self._cut(
                points[consumed:], *state, between, scratch, out[size:]
            )
            size += more
            consumed += rest
        return out[:size], consumed, before, open_line

    def _cut(
        self,
        data: Any,
        final: bool,
        before: int,
        open_line: bool,
        separator: Any,
        scratch: Scratch,
        out: Any,
    ) -> tuple[int, int, int, bool, bool]:
        """As :func:`segtool.decode.utf8_kernel.cut_utf8` does, block by block."""
        at = written = 0
        read, write, places = read_tokens.compiled, write_words.compiled, scratch.places
        while at < len(data):
            tokens, certain, spaces, full = read(
                data, at, final, before, self.characters, places
            )
            settled = self.cover(tokens, certain, scratch)
            written, open_line = write(
                data, at, settled, spaces, open_line, separator, places, written, out
            )
            before = int(scratch.symbols[settled])
            at += int(scratch.starts[settled + 1])
            if certain < tokens and (settled == 0 or not full):
                return written, at, before, open_line, full
        return written, at, 0 if final else before, open_line, False

    def cut_plain(self, text: str) -> list[str]:
        """Cut a text without compiled code."""
        assert self.plain is not None
        size = len(text)
        codes, starts = [0] * (size + 1), [0] * (size + 1)
        tokens = symbolise.interpreted(
            list(map(ord, text)), class_table(), codes, starts
        )
        starts[tokens], codes[tokens] = size, MARK
        words = []
        t = 0
        while t < tokens:
            if codes[t] > MARK:
                end = t + 1
                while codes[end] > MARK:
                    end += 1
                for length in self.plain(
                    [self._plain_ids[code] for code in codes[t:end]]
                ):
                    words.append(text[starts[t] : starts[t + length]])
                    t += length
            else:
                if codes[t] != SPACE:
                    words.append(text[starts[t] : starts[t + 1]])
                t += 1
        return words

    @functools.cached_property
    def _plain_ids(self) -> memoryview:
        return memoryview(self.ids)


class _Lattice(Decoder):
    """The best cover of each run by words."""

    def __init__(self, model: Model) -> None:
        super().__init__(_symbol_ids(model), model.max_word_len, model.unknown_len)
        self._tables = model.lexicon, model.spelling
        self._plain_tables = memoryview(model.lexicon), memoryview(model.spelling)

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        tables = self.characters, *self._tables
        return int(
            cover.compiled(tokens, certain, *tables, scratch.places, scratch.scores)
        )

    def _cut(
        self,
        data: Any,
        final: bool,
        before: int,
        open_line: bool,
        separator: Any,
        scratch: Scratch,
        out: Any,
    ) -> tuple[int, int, int, bool, bool]:
        tables = self.characters, *self._tables
        return cut_utf8.compiled(
            data, final, before, open_line, separator, *tables, scratch.whole, out
        )  # type: ignore[no-any-return]

    def plain(self, symbols: list[int]) -> list[int]:
        return viterbi(symbols, *self._plain_tables, *self._limits)


class _Pairs(Decoder):
    """A cut between all neighbours that are no pair of the trie."""

    def __init__(self, model: Model) -> None:
        super().__init__(_symbol_ids(model))
        self._units = model.lexicon

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        return int(cover_pairs.compiled(tokens, certain, self._units, scratch.places))

    def plain(self, symbols: list[int]) -> list[int]:
        """See :func:`cover_pairs`, which does the same compiled."""
        units = memoryview(self._units)
        lengths = [1]
        for first, second in itertools.pairwise(symbols):
            child = units[4 * first] + second
            if (
                units[4 * first] != 0
                and units[4 * child + 1] == first
                and units[4 * child + 2] != NO_WORD
            ):
                lengths[-1] += 1
            else:
                lengths.append(1)
        return lengths


class _Tags(Decoder):
    """Tags by a language model; always compiled."""

    def __init__(self, model: Model) -> None:
        from segtool.methods.tags import cover_tags, move_scores

        if model.lm is None:
            raise ModelError(
                f"{model.path}: the language model is missing: restore the model or train it again"
            )
        super().__init__(model.lm.ids())
        self._kernel = cover_tags
        self._tables = (
            *model.lm.tables,
            move_scores(tuple(model.card["parameters"]["lm_moves"])),
        )

    def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
        return int(
            self._kernel.compiled(
                tokens, certain, *self._tables, scratch.places, scratch.scores
            )
        )


@kernel("i8(i8, i8, i4[const], i4[])")
def cover_pairs(tokens, certain, units, places):  # type: ignore[no-untyped-def]
    """Cut between all neighbours of a run that are no pair of the trie.

    Parameters and result are those of :func:`segtool.decode.utf8_kernel.cover`.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    begins = places[rows.BEGINS * row : (rows.BEGINS + 1) * row]
    for t in range(1, certain + 1):
        first, second = np.int64(symbols[t - 1]), np.int64(symbols[t])
        child = np.int64(units[4 * first]) + second
        joins = t > 1 and first != 0 and second != 0 and units[4 * first] != 0
        joins = (
            joins and units[4 * child + 1] == first and units[4 * child + 2] != NO_WORD
        )
        begins[t] = not joins
    settled = certain
    if 0 < certain < tokens and symbols[certain] != 0:
        while begins[settled] == 0:  # the word may go on
            settled -= 1
        settled -= 1
    return settled


_DECODERS: dict[str, Any] = {"lattice": _Lattice, "pairs": _Pairs, "tags": _Tags}


def _symbol_ids(model: Model) -> npt.NDArray[np.uint16]:
    """Symbol id of each code, folded if the model folds; the codes that it does not know share the id past the last."""
    ids = np.full(CODE_LIMIT, len(model.symbols), np.uint16)
    ids[model.symbols] = np.arange(len(model.symbols), dtype=np.uint16)
    return ids[fold_table()] if model.folds else ids
