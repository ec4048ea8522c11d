"""Compiled code that finds literals (:mod:`segtool.decode.literals`)."""

from __future__ import annotations

import numpy as np

from segtool.decode.characters import read_character
from segtool.runtime.kernels import LazyKernel, kernel
from segtool.text.symbols import STAND_INS
from segtool.text.token_grammar import MOST_AHEAD

__all__ = [
    "BEGINS_LITERAL",
    "IS_EXTENDER",
    "IS_HAN",
    "IS_NEWLINE",
    "OPENS",
    "find_literals",
    "find_stretches",
]

BEGINS_LITERAL, IS_HAN, IS_EXTENDER, IS_NEWLINE, OPENS = 1, 2, 4, 8, 16
"""Bits of the kind of a character; a token with Han characters in it may begin with one that opens."""

_REACH = MOST_AHEAD + 8  # bytes that such a token has at most, but for invisible characters at its end

_FIRST, _SECOND = map(ord, STAND_INS)


def _find_literals(points, tokens, starts, ids, units, places):  # type: ignore[no-untyped-def]
    """Find literals among tokens.

    Parameters
    ----------
    points : uint32[n]
    tokens : int
    starts : int32[n + 1]
        Start of each token; n behind the last one.
    ids : uint16[0x110000]
        Number of each character in literals, 0 for others.
    units : int32[4 * nodes]
        See :func:`segtool.decode.linked_trie.linked_trie`; a literal has value 1.
    places : int32[2 * n], written
        Start and end of each literal. A token that holds one of `STAND_INS` counts as a literal, too.

    Returns
    -------
    int
        Number of literals.
    """
    count = t = 0
    size = len(points)
    while t < tokens:
        at = end = starts[t]
        behind = t + 1
        for i in range(at, starts[t + 1]):
            if points[i] in (_FIRST, _SECOND):
                end = starts[t + 1]
        node = ids[points[at]] + 0
        s = t + 1
        i = at + 1
        while node != 0:
            while starts[s] < i:
                s += 1
            if units[4 * node + 3] != 0 and starts[s] == i:
                end = i
                behind = s
            if i == size:
                break
            symbol = ids[points[i]]
            node = units[4 * node + 1]
            while node != 0 and units[4 * node] != symbol:
                node = units[4 * node + 2]
            i += 1
        if end > at:
            places[2 * count] = at
            places[2 * count + 1] = end
            count += 1
        t = behind
    return count


find_literals = LazyKernel(_find_literals, "i8(u4[const], i8, i4[const], u2[const], i4[const], i4[])")


@kernel("(i8,b1)(u1[const], i8, i8, i8, u2[const], i4[const])")
def _follow(data, at, point, behind, ids, units):  # type: ignore[no-untyped-def]
    """The end of the longest literal that begins with a character, -1 for none; whether more text may change it."""
    end = behind if point in (_FIRST, _SECOND) else np.int64(-1)
    node = np.int64(ids[point])
    while node != 0:
        if units[4 * node + 3] != 0:
            end = behind
        node = np.int64(units[4 * node + 1])
        if node != 0:
            if behind == len(data):
                return end, True
            following, behind = read_character(data, behind)
            symbol = np.int64(ids[following])
            while node != 0 and units[4 * node] != symbol:
                node = np.int64(units[4 * node + 2])
    return end, False


@kernel("i8(u1[const], i8, i8, u1[const])")
def _last_opener(data, at, floor, kinds):  # type: ignore[no-untyped-def]
    """The last place before `at`, from `floor` on and in the same line, of a character that opens; -1 for none."""
    while at > floor:
        at -= 1
        while data[at] & 0xC0 == 0x80:
            at -= 1
        kind = kinds[read_character(data, at)[0]]
        if kind & OPENS:
            return at
        if kind & IS_NEWLINE:
            break
    return -1


@kernel("i8(u1[const], i8, i8, u1[const])")
def _safe_start(data, at, floor, kinds):  # type: ignore[no-untyped-def]
    """The last place up to `at`, and from `floor` on, where a token begins whatever is before it."""
    is_han = at < len(data) and kinds[read_character(data, at)[0]] & IS_HAN != 0
    while at > floor:
        before = at - 1
        while data[before] & 0xC0 == 0x80:
            before -= 1
        kind = kinds[read_character(data, before)[0]]
        if kind & IS_NEWLINE:
            return at
        if is_han and kind & IS_EXTENDER == 0:
            opener = _last_opener(data, at, max(floor, at - _REACH), kinds)
            if opener < 0:
                return at
            before = opener
            kind = np.uint8(0)
        at = before
        is_han = kind & IS_HAN != 0
    return at


@kernel("(i8,i8)(u1[const], b1, u1[const], u2[const], i4[const], i8[])")
def find_stretches(data, final, kinds, ids, units, places):  # type: ignore[no-untyped-def]
    """Find the stretches of a text in which the characters of a literal are.

    A stretch begins and ends where a token begins whatever is around it: at line ends, and before a Han character. So
    its tokens depend on nothing before it, and just on the Han character behind it.

    Parameters
    ----------
    data : uint8[n]
        UTF-8, whole characters; surrogates allowed.
    final : bool
        Whether the text ends there.
    kinds : uint8[0x110000]
        Of each character, as bits, whether a literal begins with it, and what it is.
    ids, units
        As for `find_literals`.
    places : int64[m], written
        Start and end of each stretch, as far as there is room.

    Returns
    -------
    count : int
        Number of stretches.
    held : int
        Place up to which nothing that follows can change them.
    """
    size = len(data)
    count = at = floor = 0
    while at < size:
        point, behind = read_character(data, at)
        if kinds[point] & BEGINS_LITERAL == 0:
            at = behind
            continue
        end, is_open = _follow(data, at, point, behind, ids, units)
        is_open = is_open and not final
        if end < 0 and not is_open:
            at = behind
            continue
        low = _safe_start(data, at, floor, kinds)
        at = behind
        extends = kinds[point] & IS_EXTENDER
        while at < size and not is_open:
            point, behind = read_character(data, at)
            kind = kinds[point]
            if at >= end and kind & IS_NEWLINE:
                break
            ends = at >= end and kind & IS_HAN != 0 and not extends
            if ends and _last_opener(data, at, max(low, at - _REACH), kinds) < 0:
                break
            extends = kind & IS_EXTENDER
            if kind & BEGINS_LITERAL:
                other, is_open = _follow(data, at, point, behind, ids, units)
                end = max(end, other)
                is_open = is_open and not final
            at = behind
        if is_open or (at == size and not final):
            return count, low
        if 2 * count + 1 < len(places):
            places[2 * count], places[2 * count + 1] = low, at
        count += 1
        floor = at
    return count, size if final else _safe_start(data, size, floor, kinds)
