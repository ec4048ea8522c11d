"""Entries for search from all covers, from the definition in segtool/decode/near_best.py."""

import itertools

from segtool.text.symbols import MARK
from tests import naive
from tests.naive import STRANGE


def entries(run, weights, extras, within):
    """Of a run, as (start, end, primary): words whose best cover is nearly the best and that cross no word of it."""
    weights = weights | naive.unknown_words(run, weights, extras)
    score = naive.cover_score(run, weights, extras)
    cut = set(naive.word_places(run, weights, extras))
    best: dict[tuple[int, int], int] = {}
    for cover in naive.covers(run, weights):
        ends = list(itertools.accumulate(map(len, cover)))
        for place in zip([0, *ends], ends, strict=False):
            best[place] = max(best.get(place, -(1 << 62)), score(cover))
    found = []
    for start, end in sorted(best):
        crosses = any(low < start < high < end or start < low < end < high for low, high in cut)
        if not crosses and best[start, end] >= max(best.values()) - within:
            found.append((start, end, (start, end) in cut))
    return found


def search(text, weights, unknown, extras, within):
    """Of a text; parameters as for :func:`tests.naive.cut`."""
    found = naive.tokens(text)
    spans = [(start, end, True) for start, end, code in found if code == MARK]
    for run in naive.runs_of_tokens(found):
        codes = [code if not extras.tags or (code,) in extras.tags else STRANGE for _, _, code in run]
        singles = {(c,): unknown for c in codes if (c,) not in weights}
        for start, end, primary in entries(codes, weights | singles, extras, within):
            spans.append((run[start][0], run[end - 1][1], primary))
    return sorted(spans)
