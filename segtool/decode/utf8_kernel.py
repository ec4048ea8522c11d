"""Cutting UTF-8 into UTF-8: the kernels of decoding.

The text is cut a block at a time, some hundred tokens whose arrays stay in the processor's nearest memory. A block
ends before a mark or whitespace if it can, else where the best cover is settled. Each step is a loop over the block
that branches on the text as little as possible, so that look-ups overlap:

1. :func:`read_tokens`: bytes to tokens, each with its symbol id and its place;
2. :func:`_score_symbols`: weights of single symbols, scores of unknown words, with whole vectors;
3. :func:`_score_pairs`: pairs of symbols in the trie, which score the gaps and the words of two symbols;
4. :func:`_score_long_words`: longer words, a length at a time, from those places only where the trie goes on;
5. :func:`_best_cover`: the greatest of a handful of sums for each token;
6. :func:`_mark_words`: back along the best cover, as far as it is settled;
7. :func:`write_words`: words to bytes.

:func:`cover` does steps 2 to 6, :func:`cut_utf8` all of them, block by block. The other decoders have a kernel of
their own for steps 2 to 6 (:func:`segtool.decode.decoders.cover_pairs`, :func:`segtool.methods.tags.cover_tags`).

Boundaries are symbols like others here, which nothing joins; between them all covers have the same score. Equal
scores: of two covers the one whose last word is longer wins. :func:`segtool.decode.viterbi.viterbi` defines the scores.
"""

from __future__ import annotations

import numpy as np

from segtool.decode.viterbi import LONGEST_WORD, NO_WORD, TAG_STEP
from segtool.runtime.kernels import kernel
from segtool.text.symbols import (
    C_DIGIT,
    C_EXTEND,
    C_HAN,
    C_LATIN,
    C_LETTER,
    C_MARK,
    C_PERCENT,
    C_SIGN,
    C_SPACE,
)

__all__ = [
    "BACKS", "BEGINS", "CHARACTERS", "CLASSES", "PAD", "ROWS", "SLACK", "STARTS", "SYMBOLS",
    "cover", "cut_utf8", "read_tokens", "write_words",
]  # fmt: skip

SLACK = 8
"""Bytes of the output beyond those that are needed."""

PAD = 40
"""Tokens of room around a block, for loops that look ahead and back."""

ROWS = 12
"""Rows of int32 in the scratch of a block, which have the names below."""

LANES = LONGEST_WORD + 4
"""Rows of int64 in the scratch of a block."""

CHARACTERS = 0x110000
"""Characters in a character table; the ids of numbers and of Latin runs come next, then the two limits."""

CLASSES = 0xFFF0
"""The character table holds this and the class for a character other than Han."""

_BLOCK = 512  # tokens after which a block ends at the next boundary
(
    SYMBOLS,
    STARTS,
    _SPACES,
    BEGINS,
    BACKS,
    _GAPS,
    _WHERE,
    _NODES,
    _BASES,
    _ROOTS,
    _SINGLES,
    _PAIRS,
) = range(ROWS)
_UNROLLED = 6  # lengths of words that the search is written out for
_NOTHING = -(1 << 61)
_BARRED = -(1 << 56)  # no stretch with a boundary in it is an unknown word
_SHIFT = 32  # a score times this, plus the length of the last word: of equal scores the longest one is the greatest
_LENGTH = _SHIFT - 1
_FLIP = 0x80808080  # turns four signed bytes into what they are above -128
_FLIPPED = 7 * 128
_WORD = 0xFFFFFFFF
_NODE = 0x7FFFFFFF  # these two spare the compiled code the question whether an index is negative
_INDEX = (1 << 62) - 1
_JOINER = 0x200D
_NEWLINE = 10
_RETURN = 13


@kernel("(i8,i8,i8,b1)(u1[const], i8, b1, i8, u2[const], i4[])")
def read_tokens(data, at, final, before, characters, places):  # type: ignore[no-untyped-def]
    """Read a block of tokens; :func:`segtool.text.symbols.symbolise` for UTF-8, and for text that may go on.

    Parameters
    ----------
    data : uint8[n]
        UTF-8, ending with a whole character; may hold surrogates.
    at : int
        Where the block begins.
    final : bool
        Whether the text ends where the data does.
    before : int
        Id of the symbol right before, 0 for none.
    characters : uint16[CHARACTERS + 4]
    places : int32[ROWS * row], written
        Symbols and starts of the tokens, which count from 1: token 0 is the symbol before. Which tokens are spaces.

    Returns
    -------
    tokens : int
    certain : int
        Tokens that what follows cannot change. Less than `tokens` just if the block ends within a run or the text
        may go on.
    spaces : int
        Number of spaces.
    full : bool
        Whether the block ends within a run, as there is no room for more.
    """
    row = len(places) // ROWS
    room = row - PAD
    symbols = places[:row]
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[_SPACES * row : (_SPACES + 1) * row]
    num_id = np.int64(characters[CHARACTERS])
    lat_id = np.int64(characters[CHARACTERS + 1])
    size = len(data)
    origin = at
    symbols[0] = before
    tokens = space_count = previous = 0
    kind = -1
    closed = -2
    digit_before = False
    sign = (
        False  # the last token is one that a digit behind it makes a part of a number
    )
    full = False
    while at < size:
        at &= _INDEX
        tokens &= _NODE
        lead = np.int64(data[at])
        if lead & 0xF0 == 0xE0:
            point = (
                (lead & 15) << 12
                | (np.int64(data[at + 1]) & 63) << 6
                | np.int64(data[at + 2]) & 63
            )
            entry = np.int64(characters[point])
            if entry < CLASSES:  # most are Han
                if tokens == room:
                    full = True
                    break
                tokens += 1
                symbols[tokens] = entry
                starts[tokens] = at - origin
                at += 3
                kind = C_HAN
                digit_before = sign = False
                continue
            width = 3
            here = entry & 15
        elif lead < 0x80:
            point = lead
            width = 1
            here = np.int64(characters[point]) & 15
        elif lead < 0xE0:
            point = (lead & 31) << 6 | np.int64(data[at + 1]) & 63
            width = 2
            here = np.int64(characters[point]) & 15
        else:
            point = (lead & 7) << 18 | (np.int64(data[at + 1]) & 63) << 12
            point |= (np.int64(data[at + 2]) & 63) << 6 | np.int64(data[at + 3]) & 63
            width = 4
            entry = np.int64(characters[point])
            here = entry & 15 if entry >= CLASSES else C_HAN
        mark = here
        here = C_MARK if mark > C_HAN else mark
        is_sign = mark == C_SIGN
        is_percent = mark == C_PERCENT
        joins = False
        if here == C_EXTEND:
            joins = kind != C_SPACE and kind != -1
        elif here == C_DIGIT:
            joins = kind == here
            if sign:
                joins = True
                tokens -= 1
                kind = here
        elif here == C_LATIN or here == C_LETTER or here == C_SPACE:  # noqa: SIM109
            joins = kind == here
        elif kind == C_MARK:
            joins = point == previous or previous == _JOINER
        elif is_percent and kind == C_DIGIT and digit_before:
            joins = True
            kind = closed
        if joins:
            sign = False
        else:
            closes = (
                here <= C_EXTEND and kind != C_DIGIT
            )  # a sign may yet belong to a number
            if tokens == room or (tokens >= _BLOCK and closes):
                full = not closes
                break
            tokens += 1
            starts[tokens] = at - origin
            sign = is_sign and kind == C_DIGIT and digit_before
            kind = here
            if here == C_HAN:
                symbols[tokens] = entry
            elif here == C_DIGIT:
                symbols[tokens] = num_id
            elif here == C_LATIN:
                symbols[tokens] = lat_id
            else:
                symbols[tokens] = 0
            if here == C_SPACE:
                spaces[space_count] = tokens
                space_count += 1
        digit_before = here == C_DIGIT
        previous = point
        at += width
    starts[tokens + 1] = at - origin
    for t in range(tokens + 1, tokens + LONGEST_WORD + 2):
        symbols[t] = 0
    certain = tokens
    if full or (at == size and not final):
        certain -= 1  # the last token may go on
        if tokens > 1 and symbols[tokens - 1] == num_id:
            certain -= 1  # and a sign between digits may join both to what follows
        certain = max(certain, 0)
    return tokens, certain, space_count, full


@kernel("void(i8, i8, i8, i4[const], i4[const], i4[], i8[])")
def _score_symbols(tokens, lanes, unknown_len, units, spelling, places, scores):  # type: ignore[no-untyped-def]
    """Score single symbols as words, and all stretches as unknown words; both by where they begin."""
    row = len(places) // ROWS
    symbols = places[:row]
    roots = places[_ROOTS * row : (_ROOTS + 1) * row]
    singles = places[_SINGLES * row : (_SINGLES + 1) * row]
    firsts = scores[LONGEST_WORD * row : (LONGEST_WORD + 1) * row]
    middles = scores[(LONGEST_WORD + 1) * row : (LONGEST_WORD + 2) * row]
    lasts = scores[(LONGEST_WORD + 2) * row : (LONGEST_WORD + 3) * row]
    lane = scores[:row]
    for t in range(tokens + 1 + LONGEST_WORD):
        symbol = symbols[t] & _NODE
        barred = _BARRED if symbol == 0 else 0
        lane[t] = _SHIFT * np.int64(units[4 * symbol + 2]) + 1
        roots[t] = units[4 * symbol]
        singles[t] = units[4 * symbol + 3] ^ _FLIP
        firsts[t] = _SHIFT * np.int64(spelling[4 * symbol]) + barred
        middles[t] = _SHIFT * np.int64(spelling[4 * symbol + 1]) + barred
        lasts[t] = _SHIFT * np.int64(spelling[4 * symbol + 2]) + barred
    for k in range(2, lanes + 1):
        lane = scores[(k - 1) * row : k * row]
        if k <= unknown_len:
            ends = lasts[k - 1 :]
            for t in range(tokens + 1):
                lane[t] = firsts[t] + ends[t] + k
            inner = middles[k - 1 :]
            for t in range(tokens + 1):
                firsts[t] += inner[t]
        else:
            for t in range(tokens + 1):
                lane[t] = _NOTHING


@kernel("i8(i8, i8, i4[const], i4[], i8[])")
def _score_pairs(tokens, max_len, units, places, scores):  # type: ignore[no-untyped-def]
    """Score the words of two symbols and the gaps; masks, as conditions would become jumps.

    Returns
    -------
    int
        Number of pairs with which longer words of the trie begin: `where`, and their nodes.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    following = symbols[1:]
    gaps = places[_GAPS * row : (_GAPS + 1) * row]
    checks = gaps  # not needed at the same time
    where = places[_WHERE * row : (_WHERE + 1) * row]
    nodes = places[_NODES * row : (_NODES + 1) * row]
    bases = places[_BASES * row : (_BASES + 1) * row]
    roots = places[_ROOTS * row : (_ROOTS + 1) * row]
    pairs = places[_PAIRS * row : (_PAIRS + 1) * row]
    lane = scores[row : 2 * row]
    for t in range(tokens + 1):  # alone, so that many look-ups are under way at once
        child = (roots[t] + following[t]) & _NODE
        pairs[t] = child
        checks[t] = units[4 * child + 1]
    words_mask = -1 if max_len > 1 else 0
    found = 0
    for t in range(tokens + 1):
        child = pairs[t] & _NODE
        mask = (((checks[t] ^ symbols[t]) & _WORD) - 1) >> 63
        pairs[t] = (units[4 * child + 3] & mask) ^ _FLIP
        weight = np.int64(units[4 * child + 2])
        is_word = (weight - NO_WORD) & mask & words_mask
        old = lane[t]
        lane[t] = _SHIFT * weight + 2 if is_word != 0 else old
        base = units[4 * child] & mask
        where[found] = t
        nodes[found] = child
        bases[found] = base
        found += np.int64(base != 0)
    singles = places[_SINGLES * row : (_SINGLES + 1) * row]
    singles_1 = singles[1:]
    singles_2 = singles[2:]
    singles_3 = singles[3:]
    pairs_1 = pairs[1:]
    pairs_2 = pairs[2:]
    gaps_2 = gaps[2:]
    for t in range(tokens - 1):
        gaps_2[t] = (
            (singles[t] & 255)
            + (singles_1[t] >> 8 & 255)
            + (singles_2[t] >> 16 & 255)
            + (singles_3[t] >> 24 & 255)
            + (pairs[t] & 255)
            + (pairs_1[t] >> 8 & 255)
            + (pairs_2[t] >> 16 & 255)
            - _FLIPPED
        )
    gaps[1] = gaps[tokens + 1] = 0  # all covers have it in common
    return found


@kernel("void(i8, i8, i4[const], i4[], i8[])")
def _score_long_words(found, max_len, units, places, scores):  # type: ignore[no-untyped-def]
    """Score the words of three and more symbols that begin with the pairs found."""
    row = len(places) // ROWS
    symbols = places[:row]
    where = places[_WHERE * row : (_WHERE + 1) * row]
    nodes = places[_NODES * row : (_NODES + 1) * row]
    bases = places[_BASES * row : (_BASES + 1) * row]
    for k in range(3, max_len + 1):
        lane = scores[(k - 1) * row : k * row]
        ahead = symbols[k - 1 :]
        left = 0
        for i in range(found):
            t = where[i] & _NODE
            node = nodes[i]
            child = (bases[i] + ahead[t]) & _NODE
            mask = (((units[4 * child + 1] ^ node) & _WORD) - 1) >> 63
            weight = np.int64(units[4 * child + 2])
            is_word = (weight - NO_WORD) & mask
            old = lane[t]
            lane[t] = _SHIFT * weight + k if is_word != 0 else old
            base = units[4 * child] & mask
            where[left] = t
            nodes[left] = child
            bases[left] = base
            left += np.int64(base != 0)
        found = left


@kernel("void(i8, i8, i4[], i8[])")
def _best_cover(certain, lanes, places, scores):  # type: ignore[no-untyped-def]
    """Find the length of the best last word up to each token."""
    row = len(places) // ROWS
    gaps_2 = places[_GAPS * row + 2 : (_GAPS + 1) * row]
    backs_1 = places[BACKS * row + 1 : (BACKS + 1) * row]
    for k in range(1, lanes + 1):
        for t in range(k):
            scores[(k - 1) * (row - 1) + t] = (
                _NOTHING  # nothing begins before the first token
            )
    if lanes == _UNROLLED:
        lane_1 = scores[1:]  # from here on by where words end
        lane_2 = scores[row:]
        lane_3 = scores[2 * row - 1 :]
        lane_4 = scores[3 * row - 2 :]
        lane_5 = scores[4 * row - 3 :]
        lane_6 = scores[5 * row - 4 :]
        score_2 = score_3 = score_4 = score_5 = score_6 = np.int64(_NOTHING)
        score_1 = np.int64(0)
        for t in range(certain):
            best = max(
                max(
                    max(score_3 + lane_3[t], score_4 + lane_4[t]),
                    max(score_5 + lane_5[t], score_6 + lane_6[t]),
                ),
                max(score_1 + lane_1[t], score_2 + lane_2[t]),
            )
            score_6 = score_5
            score_5 = score_4
            score_4 = score_3
            score_3 = score_2
            score_2 = score_1
            backs_1[t] = best & _LENGTH
            score_1 = best - (best & _LENGTH) + _SHIFT * TAG_STEP * np.int64(gaps_2[t])
        return
    totals = scores[(LONGEST_WORD + 3) * row :]
    for t in range(LONGEST_WORD):
        totals[t] = _NOTHING
    totals[LONGEST_WORD] = 0
    for t in range(certain):
        best = np.int64(_NOTHING)
        for k in range(1, lanes + 1):
            best = max(
                best,
                totals[t + LONGEST_WORD + 1 - k] + scores[(k - 1) * (row - 1) + 1 + t],
            )
        backs_1[t] = best & _LENGTH
        totals[t + LONGEST_WORD + 1] = (
            best - (best & _LENGTH) + _SHIFT * TAG_STEP * np.int64(gaps_2[t])
        )


@kernel("i8(i8, i8, i8, i4[])")
def _mark_words(tokens, certain, longest, places):  # type: ignore[no-untyped-def]
    """Mark where the words of the best cover begin, as far as it is settled; parameters and result of :func:`cover`."""
    row = len(places) // ROWS
    symbols = places[:row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    backs = places[BACKS * row : (BACKS + 1) * row]
    settled = certain
    if 0 < certain < tokens and symbols[certain] != 0:
        # the run may go on: keep only what all covers that may still win have in common
        ends = places[_WHERE * row : (_WHERE + 1) * row]
        start = certain - 1
        while start > 0 and symbols[start] != 0:
            start -= 1
        count = 0
        for t in range(max(certain - longest + 1, start), certain + 1):
            ends[count] = t
            count += 1
        while count > 1:
            count -= 1
            source = ends[count] - backs[ends[count]]
            place = count
            while place > 0 and ends[place - 1] > source:
                place -= 1
            if place == 0 or ends[place - 1] != source:
                for i in range(count, place, -1):
                    ends[i] = ends[i - 1]
                ends[place] = source
                count += 1
        settled = np.int64(ends[0])
    for t in range(1, settled + 2):
        begins[t] = 0
    t = settled
    while t > 0:
        t -= backs[t]
        begins[t + 1] = 1
    return settled


@kernel("i8(i8, i8, u2[const], i4[const], i4[const], i4[], i8[])")
def cover(tokens, certain, characters, units, spelling, places, scores):  # type: ignore[no-untyped-def]
    """Find the words of a block.

    Parameters
    ----------
    tokens, certain : int
        From :func:`read_tokens`.
    characters : uint16[CHARACTERS + 4]
    units : int32[4 * nodes]
    spelling : int32[4 * symbols]
        See :func:`segtool.decode.viterbi.viterbi`.
    places : int32[ROWS * row], read and written
        Symbols of the tokens; where words begin.
    scores : int64[LANES * row], written

    Returns
    -------
    int
        How many tokens are settled: whatever follows, they are these words.
    """
    max_len = np.int64(characters[CHARACTERS + 2])
    unknown_len = np.int64(characters[CHARACTERS + 3])
    longest = max(max_len, unknown_len)
    lanes = max(longest, _UNROLLED)
    _score_symbols(tokens, lanes, unknown_len, units, spelling, places, scores)
    found = _score_pairs(tokens, max_len, units, places, scores)
    _score_long_words(found, max_len, units, places, scores)
    _best_cover(certain, lanes, places, scores)
    return _mark_words(tokens, certain, longest, places)


@kernel("(i8,b1)(u1[const], i8, i8, i8, b1, u1[const], i4[], i8, u1[])")
def write_words(
    data, at, settled, space_count, open_line, separator, places, written, out
):  # type: ignore[no-untyped-def]
    """Write the words of a block, a separator between two of a line; line ends are kept, other space is not.

    Parameters
    ----------
    data, at
        As for :func:`read_tokens`.
    settled : int
        Tokens to write.
    space_count : int
    open_line : bool
        Whether the line already holds a word that was written before.
    separator : uint8[m]
        Not empty.
    places : int32[ROWS * row]
    written : int
        Bytes of the output so far.
    out : uint8[(m + 1) * n + SLACK or more], written

    Returns
    -------
    written, open_line
    """
    row = len(places) // ROWS
    starts = places[STARTS * row : (STARTS + 1) * row]
    spaces = places[_SPACES * row : (_SPACES + 1) * row]
    begins = places[BEGINS * row : (BEGINS + 1) * row]
    size = len(data)
    wide = len(separator) > 1
    t = 1
    for i in range(space_count + 1):
        stop = min(np.int64(spaces[i]), settled + 1) if i < space_count else settled + 1
        if t < stop:
            if not open_line:
                begins[t] = 0
            open_line = True
            low = at + np.int64(starts[t])
            for j in range(t, stop):
                high = at + np.int64(starts[j + 1])
                written &= _INDEX
                out[written] = separator[0]
                written += begins[j]
                if wide and begins[j] != 0:
                    for m in range(1, len(separator)):
                        out[written] = separator[m]
                        written += 1
                if high - low == 3 and high < size:
                    # four bytes at a time, of which the next word overwrites the last
                    low &= _INDEX
                    written &= _INDEX
                    four = (
                        np.int64(data[low])
                        | np.int64(data[low + 1]) << 8
                        | np.int64(data[low + 2]) << 16
                        | np.int64(data[low + 3]) << 24
                    )
                    out[written] = four & 255
                    out[written + 1] = four >> 8 & 255
                    out[written + 2] = four >> 16 & 255
                    out[written + 3] = four >> 24 & 255
                    written += 3
                else:
                    for m in range(low, high):
                        out[written & _INDEX] = data[m & _INDEX]
                        written += 1
                low = high
        if i < space_count and stop <= settled:
            low = at + np.int64(starts[stop])
            high = at + np.int64(starts[stop + 1])
            for m in range(low, high):
                if data[m] == _NEWLINE:
                    if m > low and data[m - 1] == _RETURN:
                        out[written] = _RETURN
                        written += 1
                    out[written] = _NEWLINE
                    written += 1
                    open_line = False
        t = stop + 1
    return written, open_line


@kernel(
    "(i8,i8,i8,b1,b1)(u1[const], b1, i8, b1, u1[const], u2[const], i4[const], i4[const], i8[], u1[])"
)
def cut_utf8(
    data, final, before, open_line, separator, characters, units, spelling, scratch, out
):  # type: ignore[no-untyped-def]
    """Cut a text and write its words.

    Parameters
    ----------
    data, final, before, characters
        As for :func:`read_tokens`.
    open_line, separator, out
        As for :func:`write_words`.
    units, spelling
        As for :func:`cover`.
    scratch : int64[(LANES + ROWS // 2) * row]
        Scores and places.

    Returns
    -------
    written : int
        Bytes written.
    consumed : int
        Bytes that are settled; the text from there on must be given again, with what follows.
    before, open_line
        What to give with it.
    stuck : bool
        Whether it ends there because more stays open than the scratch has room for: then give it more.
    """
    row = len(scratch) // (LANES + ROWS // 2)
    scores = scratch[: LANES * row]
    places = scratch[LANES * row :].view(np.int32)
    at = written = 0
    full = False
    while at < len(data):
        tokens, certain, spaces, full = read_tokens(
            data, at, final, before, characters, places
        )
        settled = cover(tokens, certain, characters, units, spelling, places, scores)
        written, open_line = write_words(
            data, at, settled, spaces, open_line, separator, places, written, out
        )
        before = np.int64(places[settled])
        at += places[STARTS * row + settled + 1]
        if certain < tokens and (settled == 0 or not full):
            return written, at, before, open_line, full
    return written, at, 0 if final else before, open_line, False
