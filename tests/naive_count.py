"""Slow, obvious twins of counting, merging and storing n-grams: Counters of tuples, lists and enumeration."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from segtool.ngrams.merge import cut_ranges
from segtool.ngrams.table import Level, NGramTable, join_slices, spell
from tests import naive

CODES = st.sampled_from([1, 2, 0x3400, 0x4E00, 0x4E01, 0x9FFF, 0x20000])
RUNS = st.lists(st.lists(CODES, min_size=1, max_size=9), max_size=6)
ORDERS = st.integers(2, 6)
SOME_RUNS = [[0x4E00, 0x4E01, 0x9FFF], [0x4E00, 0x4E01], [1, 0x4E00]] * 3


def level(rows):
    """A level of (last symbol, parent, count)."""
    symbol, parent, count = zip(*rows, strict=True) if rows else ((), (), ())
    return Level(np.array(symbol, np.uint16), np.array(parent, np.int32), np.array(count, np.int64))


def alphabet(corpora):
    """The boundary, NUM, LAT and the codes of the runs of some corpora."""
    return np.array(sorted({0, 1, 2}.union(*(run for runs in corpora for run in runs))), np.uint32)


def trie(runs, order, least=1):
    """Codes, and levels of n-grams; those of two symbols or more occur `least` times. Runs are lists of codes."""
    codes = alphabet([runs])
    ids = {int(code): i for i, code in enumerate(codes)}
    found = naive.ngrams([[ids[code] for code in run] for run in runs], order)
    place = {(i,): i for i in range(len(codes))}
    levels = [level([(i, 0, found[(i,)]) for i in range(len(codes))])]
    for k in range(2, order + 1):
        grams = sorted(gram for gram, count in found.items() if len(gram) == k and count >= least)
        levels.append(level([(gram[-1], place[gram[:-1]], found[gram]) for gram in grams]))
        place = {gram: i for i, gram in enumerate(grams)}
    return codes, levels


class Sliced(NGramTable):
    """A table whose slices have room for so many n-grams."""

    room = 20

    def slices(self):
        cuts = cut_ranges(self.sizes(), self.room)
        return (self.slice(low, high) for low, high in pairwise(cuts))


def sliced(codes, levels, room):
    """A table that comes in slices of `room` n-grams."""
    return type("", (Sliced,), {"room": room})(codes, levels)


def grams(table, k):
    """Symbol ids of all k-grams, a row each."""
    return spell(table.levels, k, np.arange(len(table.levels[k - 1])))


def sizes(runs, order):
    """Number of n-grams of three symbols or more that begin with each bigram."""
    found = sorted(naive.ngrams(runs, order))
    return [sum(gram[:2] == bigram for gram in found if len(gram) > 2) for bigram in found if len(bigram) == 2]


def groups_of(stream, k):
    """Where windows open that share k symbols, of which only the first and the last may be a boundary."""
    found = {}
    for i in range(len(stream) - k):
        if 0 not in stream[i + 1 : i + k - 1]:
            found.setdefault(tuple(stream[i : i + k]), []).append(i)
    return list(found.values())


def parted(stream, groups, k, least):
    """(symbol, number of the group, windows) of the parts of groups that share k symbols; a boundary ends a window."""
    rows = []
    for number, group in enumerate(groups):
        if k > 1 and stream[group[0] + k - 1] == 0:
            continue
        parts = {}
        for i in group:
            parts.setdefault(stream[i + k], []).append(i)
        rows += [(symbol, number, parts[symbol]) for symbol in sorted(parts) if len(parts[symbol]) >= least]
    return rows


def whole(counts):
    """Codes and levels of counts that come in slices, which must be one behind the other."""
    slices = list(counts.slices())
    ends = [0, *(each.high for each in slices)]
    assert [each.low for each in slices] == ends[:-1]
    assert ends[-1] == len(counts.bigrams)
    first = level([(i, 0, count) for i, count in enumerate(counts.frequency.tolist())])
    longer = join_slices(slices).levels if slices else (level([]),) * (counts.order - 2)
    return counts.codes, [first, counts.bigrams, *longer]


def same(one, other):
    """Whether codes and levels are the same arrays, byte for byte."""
    return plain(*one) == plain(*other)


def plain(codes, levels):
    """What tells arrays apart."""
    arrays = [codes, *(array for each in levels for array in (each.symbol, each.parent, each.count))]
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


def fan_out(parents, offset, width):
    """How many children each parent has."""
    return [parents.count(i + offset) for i in range(width)]


def merge_children(families, least):
    """Merge children of merged n-grams; ``families[i]`` holds (place, symbol, count) of the children of n-gram i.

    Returns rows (symbol, parent, count), and the places that each stands for.
    """
    rows, held = [], []
    for parent, family in enumerate(families):
        total, places = Counter(), {}
        for place, symbol, count in family:
            total[symbol] += count
            places.setdefault(symbol, []).append(place)
        for symbol in sorted(total):
            if total[symbol] >= least:
                rows.append((symbol, parent, total[symbol]))
                held.append(places[symbol])
    return rows, held


def varints(numbers):
    """Seven bits a byte, the lowest first; all but the last byte of a number have the highest bit."""
    out = []
    for number in numbers:
        digits = []
        while not digits or number:
            number, digit = divmod(number, 128)
            digits.append(digit)
        out += [128 + digit for digit in digits[:-1]] + digits[-1:]
    return bytes(out)


def run_blocks(stream, least):
    """Streams of `least` symbols or more, that end with the first boundary there is; neighbours share it."""
    blocks, begin = [], 0
    while begin < len(stream) - 1:
        end = next((i for i in range(begin + least, len(stream)) if stream[i] == 0), len(stream) - 1)
        blocks.append(stream[begin : end + 1])
        begin = end
    return blocks


def range_ends(sizes, least):
    """Where ranges of things end that are the shortest with a sum of `least`; the last may have less."""
    ends, held = [], 0
    for i, size in enumerate(sizes):
        held += size
        if held >= least or i == len(sizes) - 1:
            ends.append(i + 1)
            held = 0
    return ends
