"""Viterbi decoding: the cover of each run by words whose scores, with those of its gaps, add up to the most.

- A word of the lexicon has its log weight.
- A stretch of 2 to `unknown_len` symbols that is no word may be an unknown word, whose score is the sum of one
  for its first symbol, one for its last and one for each between them. A single symbol always is a word.
- A gap between two words of a run has the score that a small linear tagger gives it, which looks at two symbols on
  either side, ``a b | c d``, and at the pairs ab, bc and cd. Its weights stand in the trie, where decoding comes by
  in any case: the last number of a unit is four signed bytes, in steps of `TAG_STEP`. A gap has byte 0 of a's node,
  1 of b's, 2 of c's, 3 of d's, and byte 0 of ab's node, 1 of bc's and 2 of cd's, as far as these are in the trie.
  Beyond the ends of a run stands the boundary, symbol 0, which is in no pair.

Scores are whole numbers of 1/65536 nat, so that sums are exact: the best cover does not depend on
where decoding began, and a stream can be decoded piece by piece. What the last token begins is left for the next
piece, but its symbol is known and tells the score of the gap before it; the next piece is told the symbol before it,
which bears on its first gap but one. Between covers of equal score the one whose last word is longest wins.

All kernels here also run uncompiled (:class:`segtool.runtime.kernels.LazyKernel`).
"""

from __future__ import annotations

from segtool.runtime.kernels import LazyKernel
from segtool.settings import UNKNOWN_LIMIT
from segtool.text.symbols import MARK, NUM, SPACE

__all__ = ["NO_WORD", "TAG_STEP", "WEIGHT_UNIT", "cut_pairs", "join_utf8", "viterbi"]

WEIGHT_UNIT = 1 << 16
"""How many steps of weight make a nat."""

TAG_STEP = WEIGHT_UNIT // 16
"""What 1 in a byte of the tagger's weights is worth."""

NO_WORD = -(1 << 31)
"""Weight of a trie node that is the beginning of words but no word."""

_NOTHING = -(1 << 62)
_SHIFT = 32  # a score times this, plus the length of the last word: of equal scores the longest one is the greatest
_LENGTH = _SHIFT - 1
_FLIP = 0x80808080  # turns four signed bytes into what they are above -128
_FLIPPED = 7 * 128
_EVEN = 0x00FF00FF  # two bytes of four, with room for sums
_ID = 0xFFFF  # these two spare the compiled code the question whether an index is negative
_NODE = 0x7FFFFFFF
_NEWLINE = 10
_RETURN = 13


def _viterbi(  # type: ignore[no-untyped-def]
    codes, starts, tokens, final, before, ids, units, spelling, max_len, unknown_len,
    best, opened, word_starts, word_ends, symbols, pairs, gaps, lengths, tail,
):  # fmt: skip
    """Cut tokens into words.

    Parameters
    ----------
    codes, starts : int32[tokens + 1 or more]
        From :func:`segtool.text.symbols.symbolise`, with the length of the text behind the last start.
    tokens : int
    final : bool
        Whether the text ends here. If not, what the text to come may change is left alone.
    before : int
        Code of the symbol right before the text if that begins within a run, ``MARK`` if not.
    ids : uint16[0x40000]
        Symbol id of each code.
    units : int32[4 * nodes]
        The trie: base, check, weight (in steps, ``NO_WORD`` for none) and four bytes of the tagger of each node.
    spelling : int32[4 * symbols]
        What each symbol id scores as first, middle and last symbol of an unknown word, and a spare.
    max_len, unknown_len : int
        Longest word of the trie and longest unknown word, in symbols; below 2 no word is unknown.
    best : int64[tokens + 2 or more], opened : int64[tokens + UNKNOWN_LIMIT or more]
        Scratch.
    word_starts, word_ends : int32[tokens or more], written
        The words, as slices of the text.
    symbols, pairs, gaps, lengths : int32[tokens + 2 or more], tail : int32[max(max_len, unknown_len) + 1 or more]
        Scratch.

    Returns
    -------
    words : int
        Number of words.
    consumed : int
        Characters that are settled; the text from there on must be given again, with what follows.
    before : int
        What to give with it.
    """
    words = 0
    certain = tokens
    if not final:
        certain -= 1  # the last token may go on
        if tokens > 1 and codes[tokens - 2] == NUM:
            certain -= 1  # and a sign between digits may join both to what follows
    settled = max(certain, 0)
    for j in range(UNKNOWN_LIMIT):
        opened[j] = _NOTHING  # no word begins before its run
    too_long = -1 << (unknown_len + 1)
    i = 0
    while i < certain:
        if codes[i] <= MARK:
            if codes[i] != SPACE:
                word_starts[words] = starts[i]
                word_ends[words] = starts[i + 1]
                words += 1
            i += 1
            continue

        # the run, between its neighbours; a token that may go on cannot be cut yet, but its code will stay
        symbols[0] = ids[before] if i == 0 else 0
        length = 0
        while i + length < certain and codes[i + length] > MARK:
            length += 1
            symbols[length] = ids[codes[i + length - 1]]
        symbols[length + 1] = ids[codes[i + length]] if i + length < tokens and codes[i + length] > MARK else 0

        # pairs and gaps: nothing branches on what the trie holds, so that one look-up need not wait for another
        following = symbols[0] & _ID
        even = (units[4 * following + 3] ^ _FLIP) & _EVEN
        total = last_total = 0
        for j in range(length + 1):
            symbol = following
            following = symbols[j + 1] & _ID
            child = (units[4 * symbol] + following) & _NODE
            found = units[4 * child + 1] == symbol
            pair = units[4 * child + 3]
            pair = (pair if found else 0) ^ _FLIP
            single = units[4 * following + 3] ^ _FLIP
            # bytes 3 are for the gap before this symbol, bytes 2, 1 and 0 for the three gaps behind it
            before_last, last_total = last_total, total
            total = even + (single >> 8 & _EVEN) + (pair & _EVEN)
            even = (single & _EVEN) + (pair << 8 & _EVEN)
            pairs[j] = child if found else 0
            gaps[j] = _SHIFT * TAG_STEP * ((total >> 16) + (before_last & 0xFFFF) - _FLIPPED)
            best[j] = _NOTHING
            lengths[j + 1] = 0
        gaps[1] = 0  # all covers have it in common

        here = middle = 0  # middle: what all symbols so far would score inside an unknown word
        for j in range(length):
            symbol = symbols[j + 1] & _ID
            here += gaps[j + 1]
            way = max(best[j + 1], here + _SHIFT * units[4 * symbol + 2] + 1)
            node = pairs[j + 1] & _NODE
            stop = min(length, j + max_len)
            k = j + 2
            while node != 0 and k <= stop:
                weight = units[4 * node + 2]
                is_word = weight != NO_WORD
                best[k] = max(best[k], here + _SHIFT * weight + k - j if is_word else _NOTHING)
                lengths[k] |= is_word << (k - j)
                if k == stop:
                    break
                child = (units[4 * node] + symbols[k + 1]) & _NODE
                if units[4 * child + 1] != node:
                    break
                node = child
                k += 1
            if unknown_len > 1:
                top = _NOTHING
                barred = lengths[j + 1] | too_long
                for size in range(2, 5):  # a loop of its own, as it can be unrolled
                    score = opened[j + 1 - size + UNKNOWN_LIMIT] + size
                    top = max(top, score if barred >> size & 1 == 0 else _NOTHING)
                for size in range(5, unknown_len + 1):
                    score = opened[j + 1 - size + UNKNOWN_LIMIT] + size
                    top = max(top, score if barred >> size & 1 == 0 else _NOTHING)
                way = max(way, top + middle + _SHIFT * spelling[4 * symbol + 2])
                middle += _SHIFT * spelling[4 * symbol + 1]
                opened[j + UNKNOWN_LIMIT] = here + _SHIFT * spelling[4 * symbol] - middle
            best[j + 1] = way
            here = way - (way & _LENGTH)

        end = length
        if i + length == certain and not final:
            # the run may go on: keep only what all covers that may still win have in common
            open_ends = 0
            for j in range(max(length - max(max_len, unknown_len) + 1, 0), length + 1):
                tail[open_ends] = j
                open_ends += 1
            while open_ends > 1:
                last = tail[open_ends - 1]
                open_ends -= 1
                source = last - (best[last] & _LENGTH)
                at = open_ends
                while at > 0 and tail[at - 1] > source:
                    at -= 1
                if at == 0 or tail[at - 1] != source:
                    for j in range(open_ends, at, -1):
                        tail[j] = tail[j - 1]
                    tail[at] = source
                    open_ends += 1
            end = tail[0]
            settled = i + end
        first = words
        j = end
        while j > 0:  # back to front, then turned round
            word_starts[words] = starts[i + j - (best[j] & _LENGTH)]
            word_ends[words] = starts[i + j]
            words += 1
            j -= best[j] & _LENGTH
        low = first
        high = words - 1
        while low < high:
            start = word_starts[low]
            word_starts[low] = word_starts[high]
            word_starts[high] = start
            stop = word_ends[low]
            word_ends[low] = word_ends[high]
            word_ends[high] = stop
            low += 1
            high -= 1
        i += length
    if final:
        before = MARK
    elif settled > 0:
        before = max(codes[settled - 1], MARK)
    return words, starts[settled], before


def _cut_pairs(codes, starts, tokens, final, ids, units, word_starts, word_ends):  # type: ignore[no-untyped-def]
    """Cut between all neighbours of a run that are no pair of the trie.

    Parameters and result are those of :func:`viterbi`; the trie holds the pairs that are not cut.
    """
    words = 0
    certain = tokens
    if not final:
        certain -= 1
        if tokens > 1 and codes[tokens - 2] == NUM:
            certain -= 1
    consumed = starts[tokens] if final else (starts[certain] if certain >= 0 else 0)
    i = 0
    while i < certain:
        if codes[i] == SPACE:
            i += 1
            continue
        end = i + 1
        if codes[i] > MARK:
            while end < certain and codes[end] > MARK:
                node = ids[codes[end - 1]]
                base = units[4 * node]
                child = base + ids[codes[end]]
                if base == 0 or units[4 * child + 1] != node or units[4 * child + 2] == NO_WORD:
                    break
                end += 1
            if end == certain and not final:
                consumed = starts[i]  # the word may go on
                break
        word_starts[words] = starts[i]
        word_ends[words] = starts[end]
        words += 1
        i = end
    return words, consumed


def _join_utf8(points, word_starts, word_ends, words, consumed, separator, open_line, out):  # type: ignore[no-untyped-def]
    """Write words as UTF-8, a separator between two of a line; line ends are kept, other space is not.

    Parameters
    ----------
    points : uint32[n]
    word_starts, word_ends : int32[words or more]
    words, consumed : int
        From :func:`viterbi`.
    separator : uint8[m]
    open_line : bool
        Whether the line already holds a word that was written before.
    out : uint8[4 * n + m * words or more], written

    Returns
    -------
    size : int
        Bytes written.
    open_line : bool
    """
    size = 0
    at = 0
    for word in range(words + 1):
        until = word_starts[word] if word < words else consumed
        for i in range(at, until):
            if points[i] == _NEWLINE:
                if i > 0 and points[i - 1] == _RETURN:
                    out[size] = _RETURN
                    size += 1
                out[size] = _NEWLINE
                size += 1
                open_line = False
        if word == words:
            break
        if open_line:
            for i in range(len(separator)):
                out[size] = separator[i]
                size += 1
        open_line = True
        at = word_ends[word]
        for i in range(until, at):
            point = points[i]
            if point < 0x80:
                out[size] = point
                size += 1
            elif point < 0x800:
                out[size] = 0xC0 | point >> 6
                out[size + 1] = 0x80 | point & 0x3F
                size += 2
            elif point < 0x10000:
                out[size] = 0xE0 | point >> 12
                out[size + 1] = 0x80 | point >> 6 & 0x3F
                out[size + 2] = 0x80 | point & 0x3F
                size += 3
            else:
                out[size] = 0xF0 | point >> 18
                out[size + 1] = 0x80 | point >> 12 & 0x3F
                out[size + 2] = 0x80 | point >> 6 & 0x3F
                out[size + 3] = 0x80 | point & 0x3F
                size += 4
    return size, open_line


viterbi = LazyKernel(
    _viterbi,
    "(i8,i8,i8)(i4[const], i4[const], i8, b1, i8, u2[const], i4[const], i4[const], i8, i8,"
    " i8[], i8[], i4[], i4[], i4[], i4[], i4[], i4[], i4[])",
)
cut_pairs = LazyKernel(
    _cut_pairs,
    "(i8,i8)(i4[const], i4[const], i8, b1, u2[const], i4[const], i4[], i4[])",
)
join_utf8 = LazyKernel(
    _join_utf8,
    "(i8,b1)(u4[const], i4[const], i4[const], i8, i8, u1[const], b1, u1[])",
)
