"""Entries of a search index: the words of a text, and other words that nearly are (:mod:`segtool.decode.near_best`).

A run of more symbols than a block has room for is searched in pieces, which end where the words of the cut are settled.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from segtool.decode.block import Scratch
from segtool.decode.decoder import Decoder
from segtool.decode.memory import ROOM
from segtool.decode.near_best import ENTRY_SHIFT, LENGTH_MASK
from segtool.decode.rule_table import joined_spans, places_of_dots
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.limits import LONGEST_TOKEN, LONGEST_WORD, MOST_OPEN
from segtool.runtime.workers import in_order, text_groups
from segtool.text.lines import decoded
from segtool.text.symbols import MARK, SPACE, tokenise
from segtool.text.token_grammar import MOST_AHEAD

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = ["MOST_WITHIN", "Entries", "find_entries", "search_batch", "search_utf8_stream"]

MOST_WITHIN = 100
"""Limit of the greatest loss."""

SEARCHED_AT_ONCE = 1 << 14
"""Characters that are searched at a time."""

LONG_LINE = 1 << 16
"""A line of a stream that is longer, in characters, is searched in parts that end with a mark of punctuation."""

MOST_PART = LONGEST_TOKEN + (1 << 20)
"""Characters of a stretch of a line without such places that are searched at once, at most; it has room for a token."""

_SPACED = re.compile(r".+(?=\s)", re.DOTALL)
_PART = re.compile(r".*[。，、；：？！](?=[\u4e00-\u9fff])", re.DOTALL)
"""What ends before a Han character that follows a mark: no word, number or run of marks goes on there."""


class Entries(NamedTuple):
    """The entries of a text, by start, then by length.

    Attributes
    ----------
    starts, ends : list of int
        Offsets into the text, in characters.
    primary : list of bool
        Whether each is a word of the cut.
    """

    starts: list[int]
    ends: list[int]
    primary: list[bool]

    def words(self, text: str) -> list[str]:
        """The entries as slices of their text."""
        return [text[start:end] for start, end in zip(self.starts, self.ends, strict=True)]


class _SearchMemory(threading.local):
    """Working memory, kept between calls; one for each thread."""

    def __init__(self, room: int = ROOM) -> None:
        self.scratch = Scratch(room)
        self.entries = np.empty(LONGEST_WORD * room, np.int64)


_search_memory = _SearchMemory()


def find_entries(decoder: Decoder, text: str, within: float, plain: bool = False, room: int = ROOM) -> Entries:
    """Find the entries of a text.

    Parameters
    ----------
    decoder : Decoder
    text : str
    within : float
        Greatest loss of an entry, in nats.
    plain : bool
        Without compiled code, for short texts.
    room : int
        Most symbols of a block of compiled code.

    Returns
    -------
    Entries

    Raises
    ------
    UsageError
        If `within` is out of its limits, or the decoder does not score words.
    """
    if not 0 <= within <= MOST_WITHIN:
        raise UsageError(f"search within {within} nats: choose a number from 0 to {MOST_WITHIN}")
    decoder.demand_scores("search")
    steps = round(within * WEIGHT_UNIT)
    found = _find_plain(decoder, text, steps) if plain else _find_compiled(decoder, text, steps, room)
    dots = places_of_dots(text, decoder.reading, decoder.rules, plain)
    return _with_names(found, dots) if dots else found


def _with_names(entries: Entries, dots: dict[int, int]) -> Entries:
    """Add the names with middle dots, whose parts then are words within a word; the dots are no entries."""
    words = [(start, end) for start, end, is_word in zip(*entries, strict=True) if is_word]
    found = {(start, end): False for start, end, _ in zip(*entries, strict=True) if start not in dots}
    found |= {span: True for span in joined_spans(words, dots)}
    places = sorted(found)
    return Entries([start for start, _ in places], [end for _, end in places], [found[place] for place in places])


def _find_plain(decoder: Decoder, text: str, within: int) -> Entries:
    found = Entries([], [], [])
    for starts, symbols in decoder.plain_runs(text):
        for low, high, primary in decoder.plain_search(symbols, within) if symbols else ((0, 1, True),):
            found.starts.append(starts[low])
            found.ends.append(starts[high])
            found.primary.append(primary)
    return found


def _find_compiled(decoder: Decoder, text: str, within: int, room: int) -> Entries:
    codes, starts = tokenise(text, decoder.reading)
    ids = decoder.ids[np.maximum(codes, 0)]
    marks = np.flatnonzero(ids == 0)
    found = [np.zeros(0, np.int64)]
    low = before = 0
    size = room
    while low < len(ids):
        high = min(low + size, len(ids))
        certain = high - low
        if high < len(ids):  # end with a run if one ends here
            last = int(np.searchsorted(marks, high)) - 1
            if last >= 0 and marks[last] >= low:
                high = int(marks[last]) + 1
                certain = high - low
            else:
                certain -= 1
        memory = _search_memory if size <= ROOM else _SearchMemory(size)
        memory.scratch.put(ids[low:high])
        memory.scratch.symbols[0] = before
        settled, count = decoder.search(high - low, certain, within, memory.scratch, memory.entries)
        if settled == 0 and size < MOST_OPEN:  # more stays open than there is room for
            size = min(4 * size, MOST_OPEN)
            continue
        if settled == 0:  # as in Decoder.cut
            high = low + MOST_OPEN - 2
            memory.scratch.put(ids[low:high])
            memory.scratch.symbols[0] = before
            settled, count = decoder.search(high - low, high - low, within, memory.scratch, memory.entries)
        found.append(memory.entries[:count] + ((low - 1) << ENTRY_SHIFT))
        low += settled
        before, size = int(ids[low - 1]), room
    packed = np.concatenate(found)
    packed = packed[codes[packed >> ENTRY_SHIFT] != SPACE]
    first = packed >> ENTRY_SHIFT
    ends = np.append(starts, len(text))[first + (packed >> 1 & LENGTH_MASK)]
    return Entries(starts[first].tolist(), ends.tolist(), (packed & 1 != 0).tolist())


def search_batch(segmenter: Segmenter, texts: Iterable[str], within: float, workers: int = 1) -> list[list[str]]:
    """Find the entries of many texts.

    Parameters
    ----------
    segmenter : Segmenter
    texts : iterable of str
    within : float
        As for :meth:`segtool.segmenter.Segmenter.cut_for_search`.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    list of list of str
        Those of each text, in order.
    """

    def search(texts: list[str]) -> list[list[str]]:
        joined = "\n".join(texts)  # no entry crosses a line end
        entries = segmenter.entries(joined, within)
        words = entries.words(joined)
        ends = accumulate(len(text) + 1 for text in texts)
        borders = [bisect_left(entries.starts, end) for end in ends]
        return [words[low:high] for low, high in pairwise([0, *borders])]

    return [entries for group in in_order(search, text_groups(texts, SEARCHED_AT_ONCE), workers) for entries in group]


def search_utf8_stream(
    segmenter: Segmenter, pieces: Iterable[bytes], separator: str, within: float, workers: int = 1
) -> Iterator[bytes]:
    """Find the entries of a text that comes in pieces of UTF-8.

    Parameters
    ----------
    segmenter, within, workers
        As for :func:`search_batch`.
    pieces : iterable of bytes
        The text; a piece may end anywhere but inside a character.
    separator : str
        Written between two entries of a line.

    Yields
    ------
    bytes
        The entries in UTF-8, line by line as the text comes. A line is held until its end, unless it is longer than
        `LONG_LINE`.
    """

    def search(pieces: Iterable[bytes]) -> Iterator[bytes]:
        return _search_pieces(segmenter, pieces, separator, within, workers)

    literals = segmenter.literals
    return search(pieces) if literals is None else literals.around_stream(search, pieces, separator)


def _search_pieces(
    segmenter: Segmenter, pieces: Iterable[bytes], separator: str, within: float, workers: int
) -> Iterator[bytes]:
    """Find the entries of pieces whose literals are hidden."""
    between = separator.encode("utf-8", "surrogatepass")
    open_line = False
    for part in _line_parts(decoded(pieces)):
        lines = part.split("\n")
        out = []
        for i, entries in enumerate(search_batch(segmenter, lines, within, workers)):
            if entries and open_line:
                out.append(" ")
            out.append(" ".join(entries))
            open_line = open_line or bool(entries)
            if i < len(lines) - 1:
                out.append("\r\n" if lines[i].endswith("\r") else "\n")
                open_line = False
        # there is no space in an entry
        yield "".join(out).encode("utf-8", "surrogatepass").replace(b" ", between)


def _line_parts(pieces: Iterable[str]) -> Iterator[str]:
    """Whole lines, or parts of long ones between which no entry goes on."""
    waiting: list[str] = []
    size = 0
    limit = LONG_LINE
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if "\n" in piece or size > limit:
            text = "".join(waiting)
            start = 0
            while end := _end_of_part(text, start):
                yield text[start:end]
                start = end
            waiting, size = [text[start:]], len(text) - start
            limit = max(LONG_LINE, 2 * size)  # look at a long stretch again when there is twice as much
    yield "".join(waiting)


def _end_of_part(text: str, start: int) -> int:
    """Where the lines or the part of a line end that can be searched without what follows; 0 if there is none yet."""
    if end := text.rfind("\n", start) + 1:
        return end
    if len(text) - start <= LONG_LINE:
        return 0
    most = start + MOST_PART
    part = _PART.match(text, start, most) or _SPACED.match(text, start, most)
    if part:
        return part.end()
    if len(text) <= most:
        return 0
    codes, starts = tokenise(text[start:most])
    # what follows may change the last token, and those within which it looks ahead
    marks = np.flatnonzero((codes[:-1] <= MARK) & (starts[1:] < most - start - MOST_AHEAD))
    return start + int(starts[marks[-1] + 1]) if len(marks) else most
