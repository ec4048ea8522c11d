"""All cuts of a text with their scores, and probabilities, by enumeration (segtool/decode/lattice_of_text.py)."""

import itertools
import math

from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.text.symbols import MARK
from tests import naive
from tests.naive import STRANGE


def cuts(text, weights, unknown, extras):
    """Of a text, as (score, spans), best first; parameters as for :func:`tests.naive.cut`."""
    found = naive.tokens(text)
    choices = [[(0, [(start, end)])] for start, end, code in found if code == MARK]
    for run in naive.runs_of_tokens(found):
        codes = [code if not extras.tags or (code,) in extras.tags else STRANGE for _, _, code in run]
        words = weights | {(c,): unknown for c in codes if (c,) not in weights}
        words |= naive.unknown_words(codes, words, extras)
        score = naive.cover_score(codes, words, extras)
        choices.append([])
        for cover in naive.covers(codes, words):
            ends = list(itertools.accumulate(map(len, cover)))
            spans = [(run[low][0], run[high - 1][1]) for low, high in zip([0, *ends], ends, strict=False)]
            choices[-1].append((score(cover), spans))
    whole = []
    for chosen in itertools.product(*choices):
        spans = sorted(itertools.chain.from_iterable(spans for _, spans in chosen))
        whole.append((sum(score for score, _ in chosen), spans))
    number = {place: i for i, place in enumerate([0, *(end for _, end, _ in found)])}

    def order(cut):
        lengths = [number[end] - number[start] for start, end in reversed(cut[1])]
        return -cut[0], [-length for length in lengths]

    return sorted(whole, key=order)


def probabilities(cuts, scale):
    """Of each cut, given nats of log probability for each nat of score."""
    top = cuts[0][0]
    shares = [math.exp(scale / WEIGHT_UNIT * (score - top)) for score, _ in cuts]
    return [share / sum(shares) for share in shares]


def gaps(text, cuts, scale):
    """Probability of a boundary in each gap between two characters of a text."""
    found = [0.0] * max(len(text) - 1, 0)
    for share, (_, spans) in zip(probabilities(cuts, scale), cuts, strict=True):
        word = [None] * len(text)
        for number, (start, end) in enumerate(spans):
            word[start:end] = [number] * (end - start)
        for i in range(len(text) - 1):
            found[i] += share * (word[i] is None or word[i] != word[i + 1])
    return found
