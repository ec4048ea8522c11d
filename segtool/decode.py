"""Viterbi decoding: the cover of each run by words whose log weights add up to the most.

Weights are whole numbers of 1/65536 nat, so that sums are exact: the best cover does not depend on
where decoding began, and a stream can be decoded piece by piece. Between covers of equal weight the one
whose last word is longest wins.

All kernels here also run uncompiled (:class:`segtool._jit.LazyKernel`).
"""

from __future__ import annotations

from segtool._jit import LazyKernel
from segtool.symbols import MARK, NUM, SPACE

__all__ = ["NO_WORD", "WEIGHT_UNIT", "cut_pairs", "join_utf8", "viterbi"]

WEIGHT_UNIT = 1 << 16
"""How many steps of weight make a nat."""

NO_WORD = -(1 << 31)
"""Weight of a trie node that is the beginning of words but no word."""

_NEWLINE = 10
_RETURN = 13


def _viterbi(codes, starts, tokens, final, ids, units, max_len, best, back, word_starts, word_ends, tail):  # type: ignore[no-untyped-def]
    """Cut tokens into words.

    Parameters
    ----------
    codes, starts : int32[tokens + 1 or more]
        From :func:`segtool.symbols.symbolise`, with the length of the text behind the last start.
    tokens : int
    final : bool
        Whether the text ends here. If not, what the text to come may change is left alone.
    ids : uint16[0x40000]
        Symbol id of each code.
    units : int32[4 * nodes]
        The trie: base, check, weight (in steps, ``NO_WORD`` for none) and a spare of each node.
    max_len : int
        Longest word, in symbols.
    best : int64[tokens + 2 or more], back : int32[tokens + 2 or more], tail : int32[max_len + 1 or more]
        Scratch.
    word_starts, word_ends : int32[tokens or more], written
        The words, as slices of the text.

    Returns
    -------
    words : int
        Number of words.
    consumed : int
        Characters that are settled; the text from there on must be given again, with what follows.
    """
    words = 0
    certain = tokens
    if not final:
        certain -= 1  # the last token may go on
        if tokens > 1 and codes[tokens - 2] == NUM:
            certain -= 1  # and a sign between digits may join both to what follows
    consumed = starts[tokens] if final else (starts[certain] if certain >= 0 else 0)
    i = 0
    while i < certain:
        if codes[i] <= MARK:
            if codes[i] != SPACE:
                word_starts[words] = starts[i]
                word_ends[words] = starts[i + 1]
                words += 1
            i += 1
            continue
        length = 0
        best[0] = 0
        while i + length < certain and codes[i + length] > MARK:
            length += 1
        for j in range(1, length + 1):
            best[j] = -(1 << 62)
        for j in range(length):
            here = best[j]
            node = ids[codes[i + j]]
            score = here + units[4 * node + 2]
            if score > best[j + 1]:
                best[j + 1] = score
                back[j + 1] = j
            base = units[4 * node]
            stop = min(length, j + max_len)
            k = j + 1
            while base != 0 and k < stop:
                child = base + ids[codes[i + k]]
                if units[4 * child + 1] != node:
                    break
                node = child
                k += 1
                weight = units[4 * node + 2]
                if weight != NO_WORD:
                    score = here + weight
                    if score > best[k]:
                        best[k] = score
                        back[k] = j
                base = units[4 * node]
        end = length
        if i + length == certain and not final:
            # the run may go on: keep only what all covers that may still win have in common
            open_ends = 0
            for j in range(max(length - max_len + 1, 0), length + 1):
                tail[open_ends] = j
                open_ends += 1
            while open_ends > 1:
                last = tail[open_ends - 1]
                open_ends -= 1
                before = back[last]
                at = open_ends
                while at > 0 and tail[at - 1] > before:
                    at -= 1
                if at == 0 or tail[at - 1] != before:
                    for j in range(open_ends, at, -1):
                        tail[j] = tail[j - 1]
                    tail[at] = before
                    open_ends += 1
            end = tail[0]
            consumed = starts[i + end]
        first = words
        j = end
        while j > 0:  # back to front, then turned round
            word_starts[words] = starts[i + back[j]]
            word_ends[words] = starts[i + j]
            words += 1
            j = back[j]
        low = first
        high = words - 1
        while low < high:
            a = word_starts[low]
            word_starts[low] = word_starts[high]
            word_starts[high] = a
            b = word_ends[low]
            word_ends[low] = word_ends[high]
            word_ends[high] = b
            low += 1
            high -= 1
        i += length
    return words, consumed


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
    "(i8,i8)(i4[const], i4[const], i8, b1, u2[const], i4[const], i8, i8[], i4[], i4[], i4[], i4[])",
)
cut_pairs = LazyKernel(
    _cut_pairs,
    "(i8,i8)(i4[const], i4[const], i8, b1, u2[const], i4[const], i4[], i4[])",
)
join_utf8 = LazyKernel(
    _join_utf8,
    "(i8,b1)(u4[const], i4[const], i4[const], i8, i8, u1[const], b1, u1[])",
)
