"""From blocks of text to runs of symbol ids, the stream that counting and EM read.

Text between boundaries is a *run*. A *stream* is a row of runs with a single 0 before, between and behind them. A
corpus comes in *chunks*, streams of about 262,000 symbols, from memory or from shards on the disk
(:mod:`segtool.ngrams.shards`). Chunks keep the characters as written; :class:`Corpus` maps them to the symbol ids of
the whole corpus. These follow the order of the codes: sorting by id is sorting by code point.

Where the script is folded (:mod:`segtool.text.folding`), characters that fold to one character share an id, and its
code is that character.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Protocol

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.kernels import kernel
from segtool.text.folding import fold_table
from segtool.text.run_hashes import hash_runs
from segtool.text.stats import ALWAYS, CorpusStats
from segtool.text.symbols import CODE_LIMIT, LAT, NUM, bounded_parts, class_table, code_points, symbolise

__all__ = [
    "CHUNK", "LONGEST_RUN", "Alphabet", "Chunk", "Corpus", "CorpusPart", "RunCollector", "corpus_chunks",
]  # fmt: skip

MAX_SYMBOLS = 65_000
CHUNK = 1 << 18
"""Least number of symbols in a chunk, but for the last one."""

LONGEST_RUN = 1 << 16
"""A run ends after this many symbols, even if no boundary follows."""


@dataclass(frozen=True)
class Alphabet:
    """Ids of characters as written, and the symbols of the corpus that they count as.

    Attributes
    ----------
    written : ndarray of uint32
        Code of each written id: the boundary, ``NUM`` and ``LAT`` first, the others in any order.
    ids : ndarray of uint16
        Symbol id of each written id.
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id, ascending.
    display : ndarray of uint32, shape (symbols,)
        The most frequent character of each symbol, of equally frequent ones the lowest code point.
    """

    written: Codes
    ids: Ids
    codes: Codes
    display: Codes

    @property
    def is_odd(self) -> npt.NDArray[np.bool_]:
        """Whether each written id is another character than the one that its symbol is displayed as."""
        return self.display[self.ids] != self.written


class Chunk:
    """A stream of symbol ids, made of written ids; hashes and odd characters are computed when they are asked for."""

    def __init__(self, written: Ids, alphabet: Alphabet) -> None:
        self._written, self.alphabet = written, alphabet
        self.stream = alphabet.ids[written]

    @property
    def codes(self) -> Codes:
        """Code of each symbol id: the boundary (0), ``NUM``, ``LAT``, then Han code points, ascending."""
        return self.alphabet.codes

    def odd(self) -> tuple[Integers, Codes]:
        """Places of characters that their symbol is not displayed as, ascending, and these characters."""
        places = np.flatnonzero(self.alphabet.is_odd[self._written])
        return places, self.alphabet.written[self._written[places]]

    def hashes(self) -> npt.NDArray[np.uint64]:
        """Hash of each run (:mod:`segtool.text.run_hashes`), the same in either script."""
        return hash_runs(self._written, fold_table()[self.alphabet.written])


class CorpusPart(Protocol):
    """Some runs of a corpus, with written ids of their own."""

    @property
    def written(self) -> Codes:
        """Code of each written id; the first are the boundary, ``NUM`` and ``LAT``."""

    @property
    def stats(self) -> CorpusStats:
        """Statistics of these runs; they hold all codes of `written`."""

    @property
    def chunks(self) -> int:
        """Number of chunks."""

    def chunk(self, i: int) -> Ids:
        """Written ids of a chunk, a boundary at either end."""


class Corpus:
    """The runs of a corpus, chunk by chunk.

    Parameters
    ----------
    parts : sequence of CorpusPart
    fold : bool
        Whether characters that fold to one count as one.

    Attributes
    ----------
    parts : list of CorpusPart
    stats : CorpusStats
        Of all parts.
    alphabet : Alphabet
        Of the whole; its written ids ascend by code.
    alphabets : list of Alphabet
        Of each part.

    Raises
    ------
    CorpusError
        If the parts together hold more than 65,000 different Han characters.
    """

    def __init__(self, parts: Sequence[CorpusPart], fold: bool) -> None:
        self.parts, self.fold = list(parts), fold
        self.stats = reduce(add, (part.stats for part in parts), CorpusStats())
        written = self.stats.written
        if len(written) > MAX_SYMBOLS + len(ALWAYS):
            raise too_many_symbols()
        codes, symbols = np.unique(fold_table()[written] if fold else written, return_inverse=True)
        order = np.lexsort((written, -self.stats.counts, symbols))
        display = written[order[np.searchsorted(symbols[order], np.arange(len(codes)))]]
        self.alphabet = Alphabet(written, symbols.astype(np.uint16), codes, display)
        self._ids = [np.searchsorted(written, part.written).astype(np.uint16) for part in parts]
        self.alphabets = [
            Alphabet(part.written, self.alphabet.ids[ids], codes, display)
            for part, ids in zip(parts, self._ids, strict=True)
        ]
        self._index = [(part, i) for part, each in enumerate(parts) for i in range(each.chunks)]

    def __len__(self) -> int:
        return len(self._index)

    @property
    def codes(self) -> Codes:
        """Code of each symbol id."""
        return self.alphabet.codes

    @property
    def odd_symbols(self) -> npt.NDArray[np.bool_]:
        """Whether each symbol is sometimes another character than the one it is displayed as."""
        odd = np.zeros(len(self.codes), np.bool_)
        odd[self.alphabet.ids[self.alphabet.is_odd]] = True
        return odd

    def place(self, i: int) -> tuple[int, int]:
        """Part that a chunk belongs to, and its number there."""
        return self._index[i]

    def chunk(self, i: int) -> Chunk:
        """One chunk."""
        part, place = self._index[i]
        return Chunk(self.parts[part].chunk(place), self.alphabets[part])

    def written_chunks(self) -> Iterator[Ids]:
        """All chunks, in the written ids of the whole."""
        for part, ids in zip(self.parts, self._ids, strict=True):
            for i in range(part.chunks):
                yield ids[part.chunk(i)]

    def whole(self) -> Chunk:
        """All chunks as one, in memory."""
        # two chunks share the boundary between them
        streams = [np.zeros(1, np.uint16), *(chunk[1:] for chunk in self.written_chunks())]
        return Chunk(np.concatenate(streams), self.alphabet)


class RunCollector:
    """A part of a corpus in memory, made from blocks of text; `positions` counts symbols and boundaries so far.

    A block ends every run: give blocks that end at the end of a line or of a file.
    """

    def __init__(self) -> None:
        self._classes = np.frombuffer(class_table(), np.uint8)
        self._ids = np.zeros(CODE_LIMIT, np.uint16)
        self._ids[[NUM, LAT]] = 1, 2
        self._known = np.zeros(MAX_SYMBOLS + len(ALWAYS), np.int32)
        self._known[: len(ALWAYS)] = ALWAYS
        self._used = len(ALWAYS)
        self._open: list[Ids] = []
        self._open_size = 0
        self._chunks: list[Ids] = []
        self._stats = CorpusStats()
        self.positions = 0

    def add(self, text: str) -> None:
        """Append the runs of a block."""
        for part in bounded_parts(text):
            self._add(part)

    def _add(self, text: str) -> None:
        points = code_points(text)
        codes, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
        tokens = symbolise.compiled(points, self._classes, codes, starts)
        out = np.empty(tokens + tokens // LONGEST_RUN + 1, np.uint16)
        size, self._used = _append(codes, tokens, self._ids, self._known, self._used, LONGEST_RUN, out)
        if size < 0:
            raise too_many_symbols()
        self._open.append(out[:size].copy())
        self._open_size += size
        self.positions += size
        if self._open_size >= CHUNK:
            self._close()

    def _close(self) -> None:
        """Make chunks of the blocks that were added since the last ones."""
        if self._open or not self._chunks:
            stream = np.concatenate([np.zeros(1, np.uint16), *self._open])
            self._open, self._open_size = [], 0
            for low, high in corpus_chunks(stream):
                chunk = stream[low : high + 1]
                self._chunks.append(chunk)
                self._stats += CorpusStats.of(chunk, self.written)

    @property
    def written(self) -> Codes:
        """Code of each written id, in the order of their first occurrence."""
        return self._known[: self._used].astype(np.uint32)

    @property
    def stats(self) -> CorpusStats:
        """Statistics of the runs."""
        self._close()
        return self._stats

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        self._close()
        return len(self._chunks)

    def chunk(self, i: int) -> Ids:
        """Written ids of a chunk."""
        self._close()
        return self._chunks[i]


def too_many_symbols() -> CorpusError:
    """Error of a text with more Han characters than any Chinese text has."""
    return CorpusError(
        f"the corpus holds more than {MAX_SYMBOLS:,} different Han characters: "
        "is it Chinese text, and is --encoding right?"
    )


def corpus_chunks(stream: Ids) -> list[tuple[int, int]]:
    """Cut a stream into pieces that begin and end with a boundary, the same whatever the number of workers.

    Each is returned as its begin and its end, which is the begin of the next.
    """
    boundaries = np.flatnonzero(stream == 0)
    cuts = boundaries[np.unique(np.searchsorted(boundaries, np.arange(0, len(stream), CHUNK)))]
    ends = [*cuts[1:].tolist(), len(stream) - 1]
    return [(low, high) for low, high in zip(cuts.tolist(), ends, strict=True) if low < high]


@kernel("(i8,i8)(i4[const], i8, u2[], i4[], i8, i8, u2[])")
def _append(codes, tokens, ids, known, used, longest, out):  # type: ignore[no-untyped-def]
    """Write token codes as ids, boundaries merged, a boundary last; new codes get the next free id.

    Returns the length written, or -1 when there are too many codes, and the number of ids in use. A run of
    `longest` symbols is ended.
    """
    size = 0
    length = 0
    for i in range(tokens):
        code = codes[i]
        if length > 0 and (code <= 0 or length == longest):
            out[size] = 0
            size += 1
            length = 0
        if code <= 0:
            continue
        if ids[code] == 0:
            if used >= len(known):
                return -1, used
            known[used] = code
            ids[code] = used
            used += 1
        out[size] = ids[code]
        size += 1
        length += 1
    if length > 0:
        out[size] = 0
        size += 1
    return size, used
