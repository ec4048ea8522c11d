"""Cutting UTF-8 into UTF-8 by the best cover, all compiled.

Each step is a loop over a block (:mod:`segtool.decode.block`) that branches on the text as little as possible, so that
look-ups overlap:

1. :func:`segtool.decode.token_reader.read_tokens`: bytes to tokens, each with its symbol id and its place;
2. :func:`_score_symbols`: weights of single symbols, scores of unknown words, with whole vectors;
3. :func:`_score_pairs`: pairs of symbols in the trie, which score the gaps and the words of two symbols;
4. :func:`_score_long_words`: longer words, a length at a time, from those places only where the trie goes on;
5. :func:`_best_cover`: the greatest of a handful of sums for each token;
6. :func:`_mark_words`: back along the best cover, as far as it is settled;
7. :func:`segtool.decode.word_rules.apply_rules`: numbers, dates and names by rule;
8. :func:`segtool.decode.block.write_words`: words to bytes, or :func:`segtool.decode.block.write_spans`.

:func:`cover` does steps 2 to 6, :func:`cut_utf8` all of them, block by block. Scores and the choice between equal ones
are those of :mod:`segtool.decode.viterbi`; across boundaries all covers have the same score.
"""

from __future__ import annotations

import numpy as np

from segtool.decode.block import BACKS, BEGINS, LANES, NODE, ROWS, STARTS, write_spans, write_words
from segtool.decode.characters import CHARACTERS, RULES
from segtool.decode.forced_splits import split_words
from segtool.decode.token_reader import read_tokens
from segtool.decode.viterbi import FLIP, FLIPPED, GRANULARITY, NO_WORD, SHIFT, SPLITS, TAG_STEP
from segtool.decode.word_rules import apply_rules, hold_open
from segtool.limits import LONGEST_WORD
from segtool.runtime.kernels import kernel
from segtool.runtime.prefetch import prefetch

__all__ = ["BARRED", "GAPS", "LONG", "NO_SCORE", "UNROLLED", "cover", "cut_utf8"]

GAPS, _WHERE, _NODES, _BASES, _ROOTS, _SINGLES, _PAIRS = range(5, ROWS)
LONG = _SINGLES  # of which only the gaps need the first content
"""Lengths, as bits, of the words of the trie beyond the lanes that end with a token."""
UNROLLED = 6
"""Lengths of words that the search is written out for: lanes that always are in use."""
NO_SCORE = -(1 << 61)
_NO_WORD = NO_SCORE + 1  # a word of one symbol, so that marking words ends even where the weights add up to less
BARRED = -(1 << 56)  # no stretch with a boundary in it is an unknown word
_LENGTH = SHIFT - 1
_WORD = 0xFFFFFFFF
_VECTOR = 16  # whole vectors leave no rest, which would be done one by one; a row has room for what is beyond its end


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
    for t in range(tokens + 1 + lanes):
        symbol = symbols[t] & NODE
        barred = BARRED if symbol == 0 else 0
        lane[t] = SHIFT * np.int64(units[4 * symbol + 2]) + 1
        roots[t] = units[4 * symbol]
        prefetch(units, 4 * np.int64((roots[t] + symbols[t + 1]) & NODE))
        singles[t] = units[4 * symbol + 3] ^ FLIP
        firsts[t] = SHIFT * np.int64(spelling[4 * symbol]) + barred
        middles[t] = SHIFT * np.int64(spelling[4 * symbol + 1]) + barred
        lasts[t] = SHIFT * np.int64(spelling[4 * symbol + 2]) + barred
    count = (tokens + _VECTOR) & -_VECTOR
    for k in range(2, lanes + 1):
        lane = scores[(k - 1) * row : k * row]
        if k <= unknown_len:
            ends = lasts[k - 1 :]
            for t in range(count):
                lane[t] = firsts[t] + ends[t] + k
            if k < unknown_len:
                inner = middles[k - 1 :]
                for t in range(count):
                    firsts[t] += inner[t]
        else:
            for t in range(count):
                lane[t] = _NO_WORD


@kernel("i8(i8, i8, i4[const], i4[const], i4[], i8[])")
def _score_pairs(tokens, max_len, units, spelling, places, scores):  # type: ignore[no-untyped-def]
    """Score the words of two symbols and the gaps.

    Masks and lists of words, which are put in place afterwards, spare jumps that no processor could predict.

    Returns
    -------
    int
        Number of pairs with which longer words of the trie begin: `where`, and their nodes.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    following = symbols[1:]
    gaps = places[GAPS * row : (GAPS + 1) * row]
    checks = gaps  # not needed at the same time
    where = places[_WHERE * row : (_WHERE + 1) * row]
    nodes = places[_NODES * row : (_NODES + 1) * row]
    bases = places[_BASES * row : (_BASES + 1) * row]
    roots = places[_ROOTS * row : (_ROOTS + 1) * row]
    pairs = places[_PAIRS * row : (_PAIRS + 1) * row]
    lane = scores[row : 2 * row]
    for t in range(tokens + 1):  # alone, so that many look-ups are under way at once
        child = (roots[t] + following[t]) & NODE
        pairs[t] = child
        checks[t] = units[4 * child + 1]
    words_mask = -1 if max_len > 1 else 0
    words = roots  # which is not needed any more
    word_scores = scores[LONGEST_WORD * row : (LONGEST_WORD + 1) * row]
    found = count = 0
    for t in range(tokens + 1):
        child = pairs[t] & NODE
        mask = (((checks[t] ^ symbols[t]) & _WORD) - 1) >> 63
        pairs[t] = (units[4 * child + 3] & mask) ^ FLIP
        weight = np.int64(units[4 * child + 2])
        is_word = (weight - NO_WORD) & mask & words_mask
        words[count] = t
        word_scores[count] = SHIFT * weight + 2
        count += np.int64(is_word != 0)
        base = units[4 * child] & mask
        where[found] = t
        nodes[found] = child
        bases[found] = base
        found += np.int64(base != 0)
    for i in range(count):
        lane[words[i] & NODE] = word_scores[i]
    singles = places[_SINGLES * row : (_SINGLES + 1) * row]
    singles_1 = singles[1:]
    singles_2 = singles[2:]
    singles_3 = singles[3:]
    pairs_1 = pairs[1:]
    pairs_2 = pairs[2:]
    gaps_2 = gaps[2:]
    constant = np.int32(spelling[GRANULARITY] - TAG_STEP * FLIPPED)
    for t in range((tokens + _VECTOR) & -_VECTOR):
        gaps_2[t] = constant + TAG_STEP * (
            (singles[t] & 255)
            + (singles_1[t] >> 8 & 255)
            + (singles_2[t] >> 16 & 255)
            + (singles_3[t] >> 24 & 255)
            + (pairs[t] & 255)
            + (pairs_1[t] >> 8 & 255)
            + (pairs_2[t] >> 16 & 255)
        )
    gaps[1] = gaps[tokens + 1] = 0  # all covers have it in common
    return found


@kernel("i8(i8, i8, i8, i4[const], i4[], i8[])")
def _score_long_words(found, max_len, lanes, units, places, scores):  # type: ignore[no-untyped-def]
    """Score the words of three and more symbols that begin with the pairs found.

    Words longer than `lanes` are rare, so a bit at their last token says that there is one of this length.
    """
    row = len(places) // ROWS
    symbols = places[:row]
    where = places[_WHERE * row : (_WHERE + 1) * row]
    nodes = places[_NODES * row : (_NODES + 1) * row]
    bases = places[_BASES * row : (_BASES + 1) * row]
    words = places[_ROOTS * row : (_ROOTS + 1) * row]
    word_scores = scores[LONGEST_WORD * row : (LONGEST_WORD + 1) * row]
    long_words = places[LONG * row : (LONG + 1) * row]
    long_count = 0
    for i in range(found):
        prefetch(units, 4 * np.int64((bases[i] + symbols[where[i] + 2]) & NODE))
    for k in range(3, max_len + 1):
        if found == 0:
            break
        lane = scores[(k - 1) * row : k * row]
        ahead = symbols[k - 1 :]
        left = count = 0
        for i in range(found):
            t = where[i] & NODE
            node = nodes[i]
            child = (bases[i] + ahead[t]) & NODE
            mask = (((units[4 * child + 1] ^ node) & _WORD) - 1) >> 63
            weight = np.int64(units[4 * child + 2])
            is_word = (weight - NO_WORD) & mask
            words[count] = t
            word_scores[count] = SHIFT * weight + k
            count += np.int64(is_word != 0)
            base = units[4 * child] & mask
            where[left] = t
            nodes[left] = child
            bases[left] = base
            left += np.int64(base != 0)
        for i in range(count):
            lane[words[i] & NODE] = word_scores[i]
        if k > lanes:
            for i in range(count):
                if words[i] > 0:  # the symbol before the block begins no word
                    long_words[(words[i] + k - 1) & NODE] |= 1 << k
                    long_count += 1
        found = left
    return long_count


@kernel("void(i8, i8, i4[], i8[])")
def _best_cover(certain, lanes, places, scores):  # type: ignore[no-untyped-def]
    """Find the length of the best last word up to each token."""
    row = len(places) // ROWS
    gaps_2 = places[GAPS * row + 2 : (GAPS + 1) * row]
    backs_1 = places[BACKS * row + 1 : (BACKS + 1) * row]
    for k in range(1, lanes + 1):
        for t in range(k):
            scores[(k - 1) * (row - 1) + t] = _NO_WORD  # nothing begins before the first token
    if lanes == UNROLLED:
        lane_1 = scores[1:]  # from here on by where words end
        lane_2 = scores[row:]
        lane_3 = scores[2 * row - 1 :]
        lane_4 = scores[3 * row - 2 :]
        lane_5 = scores[4 * row - 3 :]
        lane_6 = scores[5 * row - 4 :]
        score_2 = score_3 = score_4 = score_5 = score_6 = np.int64(NO_SCORE)
        score_1 = np.int64(0)
        for t in range(certain):
            best = max(
                max(max(score_3 + lane_3[t], score_4 + lane_4[t]), max(score_5 + lane_5[t], score_6 + lane_6[t])),
                max(score_1 + lane_1[t], score_2 + lane_2[t]),
            )
            score_6 = score_5
            score_5 = score_4
            score_4 = score_3
            score_3 = score_2
            score_2 = score_1
            backs_1[t] = best & _LENGTH
            score_1 = best - (best & _LENGTH) + SHIFT * np.int64(gaps_2[t])
        return
    totals = scores[(LONGEST_WORD + 3) * row :]
    for t in range(LONGEST_WORD):
        totals[t] = NO_SCORE
    totals[LONGEST_WORD] = 0
    for t in range(certain):
        best = np.int64(_NO_WORD)
        for k in range(1, lanes + 1):
            best = max(best, totals[t + LONGEST_WORD + 1 - k] + scores[(k - 1) * (row - 1) + 1 + t])
        backs_1[t] = best & _LENGTH
        totals[t + LONGEST_WORD + 1] = best - (best & _LENGTH) + SHIFT * np.int64(gaps_2[t])


@kernel("void(i8, i8, i8, i4[], i8[])")
def _best_cover_of_long_words(certain, lanes, max_len, places, scores):  # type: ignore[no-untyped-def]
    """Do the same where words may be longer than `lanes`; of those, look only at the ones that are there."""
    row = len(places) // ROWS
    gaps_2 = places[GAPS * row + 2 : (GAPS + 1) * row]
    backs_1 = places[BACKS * row + 1 : (BACKS + 1) * row]
    long_words_1 = places[LONG * row + 1 : (LONG + 1) * row]
    totals = scores[(LONGEST_WORD + 3) * row :]
    for k in range(1, lanes + 1):
        for t in range(k):
            scores[(k - 1) * (row - 1) + t] = NO_SCORE
    for t in range(LONGEST_WORD):
        totals[t] = NO_SCORE
    totals[LONGEST_WORD] = 0
    for t in range(certain):
        best = np.int64(NO_SCORE)
        for k in range(1, UNROLLED + 1):
            best = max(best, totals[t + LONGEST_WORD + 1 - k] + scores[(k - 1) * (row - 1) + 1 + t])
        for k in range(UNROLLED + 1, lanes + 1):
            best = max(best, totals[t + LONGEST_WORD + 1 - k] + scores[(k - 1) * (row - 1) + 1 + t])
        if long_words_1[t] != 0:
            for k in range(lanes + 1, max_len + 1):
                if long_words_1[t] >> k & 1:
                    best = max(best, totals[t + LONGEST_WORD + 1 - k] + scores[(k - 1) * (row - 1) + 1 + t])
        backs_1[t] = best & _LENGTH
        totals[t + LONGEST_WORD + 1] = best - (best & _LENGTH) + SHIFT * np.int64(gaps_2[t])


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
    characters : uint16[CHARACTERS + 4 or more]
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
    lanes = max(unknown_len, UNROLLED)
    _score_symbols(tokens, lanes, unknown_len, units, spelling, places, scores)
    found = _score_pairs(tokens, max_len, units, spelling, places, scores)
    if max_len > lanes:
        row = len(places) // ROWS
        places[LONG * row : LONG * row + tokens + LONGEST_WORD + 1] = 0
    if _score_long_words(found, max_len, lanes, units, places, scores):
        _best_cover_of_long_words(certain, lanes, max_len, places, scores)
    else:
        _best_cover(certain, lanes, places, scores)
    return _mark_words(tokens, certain, longest, places)


@kernel("(i8,i8,i8,b1,b1)(u1[const], b1, i8, b1, u1[const], u2[const], i4[const], i4[const], i8[], u1[]) apart")
def cut_utf8(data, final, before, open_line, separator, characters, units, spelling, scratch, out):  # type: ignore[no-untyped-def]
    """Cut a text and write its words.

    Parameters
    ----------
    data, final, before, characters
        As for :func:`read_tokens`.
    open_line, separator, out
        As for :func:`write_words`; without a separator, `out` takes places, as for :func:`write_spans`.
    units, spelling
        As for :func:`cover`; with the words that are split on output behind the spelling scores, if there are any.
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
        tokens, certain, spaces, full = read_tokens(data, at, final, before, characters, places)
        settled = cover(tokens, certain, characters, units, spelling, places, scores)
        settled = hold_open(data, at, tokens, settled, characters[RULES:], places)
        if spelling[SPLITS] != 0:
            split_words(settled, spelling[spelling[SPLITS] :], places)
        apply_rules(data, at, settled, characters[RULES:], places)
        if len(separator) != 0:
            written, open_line = write_words(data, at, settled, spaces, open_line, separator, places, written, out)
        else:
            written = write_spans(at, settled, spaces, places, written, out)
        before = np.int64(places[settled])
        at += places[STARTS * row + settled + 1]
        if certain < tokens and (settled == 0 or not full):
            return written, at, before, open_line, full
    return written, at, 0 if final else before, open_line, False
