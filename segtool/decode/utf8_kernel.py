"""Cutting UTF-8 into UTF-8, all in one compiled kernel.

It does what :mod:`segtool.text.symbols` and :mod:`segtool.decode.viterbi` do.

The text is cut a block at a time, some hundred tokens whose arrays stay in the processor's nearest memory. A block
ends before a mark or whitespace if it can, and else where the best cover is settled. Each step is a loop over the
block that branches on the text as little as possible, so that no look-up has to wait for another:

1. bytes to tokens, each with its symbol id and the place where it starts;
2. weights of single symbols, scores of unknown words, with whole vectors;
3. pairs of symbols in the trie, which give the gaps their scores and the words of two symbols their weights;
4. longer words, a length at a time, from those places only where the trie goes on;
5. the best cover: the greatest of a handful of sums for each token, nothing else;
6. back along it, and out.

Boundaries are symbols like others here, which nothing joins; between them all covers have the same score.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import NO_WORD, TAG_STEP
from segtool.runtime.arrays import Ids, Integers
from segtool.runtime.kernels import LazyKernel
from segtool.text.symbols import CODE_LIMIT, LAT, NUM, class_table

__all__ = ["SLACK", "character_table", "cut_utf8", "scratch_of"]

SLACK = 8
"""Bytes of the output beyond those that are needed."""

_BLOCK = 512  # tokens after which a block ends at the next boundary
_LONGEST = 15  # longest word, in symbols
_LANES = 6  # lengths of words that the search is written out for
_PAD = 40  # tokens of room around a block for what looks ahead and back
_ROWS = 12  # int32 arrays of a block
_NOTHING = -(1 << 61)
_BARRED = -(1 << 56)  # no stretch with a boundary in it is an unknown word
_CLASSES = 0xFFF0  # of a character that is none of Han the table holds this and its class
_SHIFT = 32  # a score times this, plus the length of the last word: of equal scores the longest one is the greatest
_LENGTH = _SHIFT - 1
_FLIP = 0x80808080  # turns four signed bytes into what they are above -128
_FLIPPED = 7 * 128
_WORD = 0xFFFFFFFF
_NODE = 0x7FFFFFFF  # these two spare the compiled code the question whether an index is negative
_INDEX = (1 << 62) - 1
_NEWLINE = 10
_RETURN = 13
_C_MARK, _C_SPACE, _C_LETTER, _C_EXTEND, _C_DIGIT, _C_LATIN, _C_HAN = range(7)


def character_table(ids: Ids) -> Ids:
    """What the kernel knows of each character.

    Parameters
    ----------
    ids : ndarray of uint16, shape (CODE_LIMIT,)
        Symbol id of each code.

    Returns
    -------
    ndarray of uint16, shape (CODE_LIMIT + 2,)
        The symbol id of a Han character, for others their class; behind them the ids of numbers and of Latin runs.
    """
    classes = np.frombuffer(class_table(), np.uint8, CODE_LIMIT)
    table = np.empty(CODE_LIMIT + 2, np.uint16)
    table[:CODE_LIMIT] = np.where(classes == _C_HAN, ids, _CLASSES | classes.astype(np.uint16))
    table[CODE_LIMIT:] = ids[[NUM, LAT]]
    return table


def scratch_of(room: int) -> tuple[Integers, npt.NDArray[np.int32]]:
    """Working memory of :func:`cut_utf8`.

    Parameters
    ----------
    room : int
        Most tokens of a block; the longest stretch of text within which the best cover may stay open.

    Returns
    -------
    scores : ndarray of int64
    places : ndarray of int32
    """
    row = room + _PAD
    return np.empty((_LONGEST + 4) * row, np.int64), np.empty(_ROWS * row, np.int32)


def _cut_utf8(  # type: ignore[no-untyped-def]
    data, final, before, open_line, separator, chars, classes, units, spelling, max_len, unknown_len,
    scores, places, out,
):  # fmt: skip
    """Cut a text and write its words, a separator between two of a line; line ends are kept, other space is not.

    Parameters
    ----------
    data : uint8[n]
        UTF-8, ending with a whole character; may hold surrogates.
    final : bool
        Whether the text ends here. If not, what the text to come may change is left alone.
    before : int
        Id of the symbol right before the text if that begins within a run, 0 if not.
    open_line : bool
        Whether the line already holds a word that was written before.
    separator : uint8[m]
        Not empty.
    chars : uint16[CODE_LIMIT + 2]
        From :func:`character_table`.
    classes : uint8[0x110000]
        From :func:`segtool.text.symbols.class_table`.
    units, spelling, max_len, unknown_len
        See :func:`segtool.decode.viterbi.viterbi`.
    scores, places
        From :func:`scratch_of`.
    out : uint8[(m + 1) * n + SLACK or more], written

    Returns
    -------
    size : int
        Bytes written.
    consumed : int
        Bytes that are settled; the text from there on must be given again, with what follows.
    before, open_line
        What to give with it.
    stuck : bool
        Whether it ends there because more stays open than the scratch has room for: then give it more.
    """
    row = len(places) // _ROWS
    room = row - _PAD
    longest = max(max_len, unknown_len)
    wide = len(separator) > 1
    num_id = np.int64(chars[CODE_LIMIT])
    lat_id = np.int64(chars[CODE_LIMIT + 1])
    symbols = places[:row]
    starts = places[row : 2 * row]
    spaces = places[2 * row : 3 * row]
    gaps = places[3 * row : 4 * row]
    begins = places[4 * row : 5 * row]
    backs = places[5 * row : 6 * row]
    where = places[6 * row : 7 * row]
    nodes = places[7 * row : 8 * row]
    bases = places[8 * row : 9 * row]
    roots = places[9 * row : 10 * row]
    singles = places[10 * row : 11 * row]
    pairs = places[11 * row : 12 * row]
    symbols_1 = symbols[1:]
    checks = gaps  # not needed at the same time
    gaps_2 = gaps[2:]
    backs_1 = backs[1:]
    singles_1 = singles[1:]
    singles_2 = singles[2:]
    singles_3 = singles[3:]
    pairs_1 = pairs[1:]
    pairs_2 = pairs[2:]
    lanes = max(longest, _LANES)
    firsts = scores[lanes * row : (lanes + 1) * row]
    middles = scores[(lanes + 1) * row : (lanes + 2) * row]
    lasts = scores[(lanes + 2) * row : (lanes + 3) * row]
    totals = scores[(lanes + 3) * row : (lanes + 4) * row]
    size = len(data)
    at = 0
    written = 0
    while at < size:
        # 1. tokens; the first is number 1, and number 0 the symbol before
        origin = at
        symbols[0] = before
        tokens = 0
        kind = -1
        closed = -2
        previous = 0
        digit_before = False
        sign = False  # the last token is one that a digit behind it makes a part of a number
        space_count = 0
        full = False
        while at < size:
            at &= _INDEX
            tokens &= _NODE
            lead = np.int64(data[at])
            if lead & 0xF0 == 0xE0:
                point = (lead & 15) << 12 | (np.int64(data[at + 1]) & 63) << 6 | np.int64(data[at + 2]) & 63
                entry = np.int64(chars[point])
                if entry < _CLASSES:  # most are Han
                    if tokens == room:
                        full = True
                        break
                    tokens += 1
                    symbols[tokens] = entry
                    starts[tokens] = at - origin
                    at += 3
                    kind = _C_HAN
                    digit_before = sign = False
                    continue
                width = 3
                here = entry & 15
            elif lead < 0x80:
                point = lead
                width = 1
                here = np.int64(chars[point]) & 15
            elif lead < 0xE0:
                point = (lead & 31) << 6 | np.int64(data[at + 1]) & 63
                width = 2
                here = np.int64(chars[point]) & 15
            else:
                point = (
                    (lead & 7) << 18
                    | (np.int64(data[at + 1]) & 63) << 12
                    | (np.int64(data[at + 2]) & 63) << 6
                    | np.int64(data[at + 3]) & 63
                )
                width = 4
                here = np.int64(classes[point])
            joins = False
            if here == _C_EXTEND:
                joins = kind != _C_SPACE and kind != -1
            elif here == _C_DIGIT:
                joins = kind == here
                if sign:
                    joins = True
                    tokens -= 1
                    kind = here
            elif here == _C_LATIN or here == _C_LETTER or here == _C_SPACE:  # noqa: SIM109
                joins = kind == here
            elif here == _C_MARK and kind == _C_MARK:
                joins = point == previous or previous == 0x200D
            elif (
                here == _C_MARK and kind == _C_DIGIT and digit_before and (point == 0x25 or point == 0xFF05)
            ):  # percent signs, half and full width
                joins = True
                kind = closed
            if not joins:
                closes = here <= _C_EXTEND and kind != _C_DIGIT  # a sign may yet belong to a number
                if tokens == room or (tokens >= _BLOCK and closes):
                    full = not closes
                    break
                tokens += 1
                starts[tokens] = at - origin
                sign = (
                    here == _C_MARK
                    and kind == _C_DIGIT
                    and digit_before
                    and (
                        point == 0x2E
                        or point == 0xFF0E  # full-width full stop
                        or point == 0xB7  # middle dot
                        or point == 0x2C
                        or point == 0x2F
                        or point == 0xFF0F  # full-width slash
                        or point == 0x3A
                        or point == 0xFF1A  # full-width colon
                        or point == 0x2236  # ratio
                    )
                )
                kind = here
                if here == _C_HAN:
                    symbols[tokens] = chars[point]
                elif here == _C_DIGIT:
                    symbols[tokens] = num_id
                elif here == _C_LATIN:
                    symbols[tokens] = lat_id
                else:
                    symbols[tokens] = 0
                    if here == _C_SPACE:
                        spaces[space_count] = tokens
                        space_count += 1
            else:
                sign = False
            digit_before = here == _C_DIGIT
            previous = point
            at += width
        starts[tokens + 1] = at - origin
        for t in range(tokens + 1, tokens + _LONGEST + 2):
            symbols[t] = 0
        ends_open = full or (at == size and not final)
        certain = tokens
        if ends_open:
            certain -= 1  # the last token may go on
            if tokens > 1 and symbols[tokens - 1] == num_id:
                certain -= 1  # and a sign between digits may join both to what follows
            certain = max(certain, 0)

        # 2. single symbols and unknown words
        lane = scores[:row]
        for t in range(tokens + 1 + _LONGEST):
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

        # 3. pairs and gaps; masks, as conditions would become jumps
        lane = scores[row : 2 * row]
        words_mask = -1 if max_len > 1 else 0
        found_count = 0
        for t in range(tokens + 1):  # alone, so that many look-ups are under way at once
            child = (roots[t] + symbols_1[t]) & _NODE
            pairs[t] = child
            checks[t] = units[4 * child + 1]
        for t in range(tokens + 1):
            child = pairs[t] & _NODE
            mask = (((checks[t] ^ symbols[t]) & _WORD) - 1) >> 63
            pairs[t] = (units[4 * child + 3] & mask) ^ _FLIP
            weight = np.int64(units[4 * child + 2])
            is_word = (weight - NO_WORD) & mask & words_mask
            old = lane[t]
            lane[t] = _SHIFT * weight + 2 if is_word != 0 else old
            base = units[4 * child] & mask
            where[found_count] = t
            nodes[found_count] = child
            bases[found_count] = base
            found_count += np.int64(base != 0)
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

        # 4. longer words
        for k in range(3, max_len + 1):
            lane = scores[(k - 1) * row : k * row]
            ahead = symbols[k - 1 :]
            left = 0
            for i in range(found_count):
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
            found_count = left

        # 5. the best cover
        for k in range(1, lanes + 1):
            for t in range(k):
                scores[(k - 1) * (row - 1) + t] = _NOTHING  # nothing begins before the first token
        lane_1 = scores[1:]  # from here on by where words end
        lane_2 = scores[row:]
        lane_3 = scores[2 * row - 1 :]
        lane_4 = scores[3 * row - 2 :]
        lane_5 = scores[4 * row - 3 :]
        lane_6 = scores[5 * row - 4 :]
        if lanes == _LANES:
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
        else:
            for t in range(_LONGEST):
                totals[t] = _NOTHING
            totals[_LONGEST] = 0
            for t in range(certain):
                best = np.int64(_NOTHING)
                for k in range(1, lanes + 1):
                    best = max(best, totals[t + _LONGEST + 1 - k] + scores[(k - 1) * (row - 1) + 1 + t])
                backs_1[t] = best & _LENGTH
                totals[t + _LONGEST + 1] = best - (best & _LENGTH) + _SHIFT * TAG_STEP * np.int64(gaps_2[t])

        # 6. out
        settled = certain
        if ends_open and certain > 0 and symbols[certain] != 0:
            # the run may go on: keep only what all covers that may still win have in common
            start = certain - 1
            while start > 0 and symbols[start] != 0:
                start -= 1
            open_ends = 0
            for t in range(max(certain - longest + 1, start), certain + 1):
                where[open_ends] = t
                open_ends += 1
            while open_ends > 1:
                open_ends -= 1
                source = where[open_ends] - backs[where[open_ends]]
                place = open_ends
                while place > 0 and where[place - 1] > source:
                    place -= 1
                if place == 0 or where[place - 1] != source:
                    for i in range(open_ends, place, -1):
                        where[i] = where[i - 1]
                    where[place] = source
                    open_ends += 1
            settled = np.int64(where[0])
        for t in range(1, settled + 2):
            begins[t] = 0
        t = settled
        while t > 0:
            t -= backs[t]
            begins[t + 1] = 1
        t = 1
        for i in range(space_count + 1):
            stop = np.int64(spaces[i]) if i < space_count else tokens + 1
            stop = min(stop, settled + 1)
            if t < stop:
                if not open_line:
                    begins[t] = 0
                open_line = True
                low = origin + np.int64(starts[t])
                for j in range(t, stop):
                    high = origin + np.int64(starts[j + 1])
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
                low = origin + np.int64(starts[stop])
                high = origin + np.int64(starts[stop + 1])
                for m in range(low, high):
                    if data[m] == _NEWLINE:
                        if m > low and data[m - 1] == _RETURN:
                            out[written] = _RETURN
                            written += 1
                        out[written] = _NEWLINE
                        written += 1
                        open_line = False
            t = stop + 1
        before = np.int64(symbols[settled])
        if ends_open:
            at = origin + np.int64(starts[settled + 1])
            if settled == 0 or not full:
                return written, at, before, open_line, full
    return written, at, before if not final else 0, open_line, False


cut_utf8 = LazyKernel(
    _cut_utf8,
    "(i8,i8,i8,b1,b1)(u1[const], b1, i8, b1, u1[const], u2[const], u1[const], i4[const], i4[const], i8, i8,"
    " i8[], i4[], u1[])",
)
