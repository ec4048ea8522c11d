"""Which words two segmentations of one text have in common."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import isqrt

__all__ = ["error_kinds", "longest_common_subsequence", "same_spans", "stretches"]


def stretches(gold: list[str], predicted: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Divide the words of two segmentations of one text at every boundary that they share."""
    i = j = 0
    while i < len(gold):
        first_i, first_j = i, j
        ahead = len(gold[i]) - len(predicted[j])
        while ahead:
            if ahead < 0:
                i += 1
                ahead += len(gold[i])
            else:
                j += 1
                ahead -= len(predicted[j])
        i, j = i + 1, j + 1
        yield gold[first_i:i], predicted[first_j:j]


def same_spans(gold: list[str], predicted: list[str]) -> list[str]:
    """Give the words whose spans both segmentations of one text have, in order."""
    return [ours[0] for ours, theirs in stretches(gold, predicted) if ours == theirs]


def error_kinds(gold: list[str], predicted: list[str]) -> Iterator[str]:
    """Name the kind of each predicted word that gold lacks at its place.

    Parameters
    ----------
    gold, predicted : list of str
        Two segmentations of one text.

    Yields
    ------
    {"crossing", "coarser", "finer", "split pair"}
        Whether it overlaps a gold word in part, is several gold words in one, or a part of a gold word; and once for
        each gold word of two characters that is predicted as two words.
    """
    for ours, theirs in stretches(gold, predicted):
        if ours == theirs:
            continue
        if len(theirs) == 1:
            yield "coarser"
            continue
        if len(ours) == 1 and len(ours[0]) == 2:
            yield "split pair"
        cuts = set(accumulate(map(len, ours)))
        end = 0
        for word in theirs:
            start, end = end, end + len(word)
            yield "crossing" if any(place in cuts for place in range(start + 1, end)) else "finer"


def longest_common_subsequence(gold: list[str], predicted: list[str]) -> list[str]:
    """Give the words of a longest common subsequence; :func:`segtool.evaluate` defines which of several.

    Bit-parallel, each row one int (Crochemore et al. 2001, Hyyrö 2004), over reversed lists, so that the way back runs
    from left to right. Bit i of row j is 0 if the subsequence of gold[: i + 1] and predicted[:j] is longer than that of
    gold[:i]. Only every √m-th row is kept, and the way back computes the others again, because a line may be a whole
    document.
    """
    gold, predicted = gold[::-1], predicted[::-1]
    occurrences: dict[str, int] = {}
    for i, word in enumerate(gold):
        occurrences[word] = occurrences.get(word, 0) | 1 << i
    full = (1 << len(gold)) - 1

    def next_row(row: int, word: str) -> int:
        met = row & occurrences.get(word, 0)
        return ((row + met) | (row - met)) & full

    step = isqrt(len(predicted)) + 1
    blocks = [(full, predicted[:step])]
    for start in range(step, len(predicted), step):
        *_, row = accumulate(blocks[-1][1], next_row, initial=blocks[-1][0])
        blocks.append((row, predicted[start : start + step]))

    common: list[str] = []
    i = len(gold)
    for first_row, block in reversed(blocks):
        rows = list(accumulate(block, next_row, initial=first_row))
        j = len(block)
        while i and j:
            bit = 1 << (i - 1)
            if not rows[j] & bit:
                j -= 1
                if not rows[j] & bit:
                    continue
                common.append(gold[i - 1])
            i -= 1
    return common
