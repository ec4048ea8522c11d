"""Slow, obvious twins of the methods of segmentation, written from their definitions, and a harness for decoders.

As in :mod:`tests.naive`, runs are lists of symbols (ids or codes) and n-grams are tuples of them.
"""

import itertools
import math
from collections import Counter

import numpy as np

from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import score
from segtool.ngrams.table import spell
from segtool.text.runs import Corpus, RunCollector
from segtool.text.symbols import LAT, MARK, NUM
from tests import naive
from tests.helpers import cut_spans, spans_of

LEAST_COUNT = 0.5  # of a single character that is no word, by the documentation
MOVES = ("bb", "bc", "cb", "cd", "db", "de", "eb", "ee")

# ---------------------------------------------------------------- entropy


def autonomy(table, mean, scaled, power):
    """Weight of every n-gram of :func:`tests.naive.scores`: normalised variations, times a power of the length."""
    out = {}
    for k in set(map(len, table)):
        rows = {ngram: row for ngram, row in table.items() if len(ngram) == k and row.count > 0}
        times = {ngram: row.count if mean == "occurrences" else 1 for ngram, row in rows.items()}
        for ngram in (ngram for ngram in table if len(ngram) == k):
            total = 0.0
            for side in ("left_variation", "right_variation"):
                drawn = [getattr(row, side) for key, row in rows.items() for _ in range(times[key])]
                average = sum(drawn) / len(drawn) if drawn else 0.0
                value = getattr(table[ngram], side) - average
                if scaled and drawn:
                    deviation = math.sqrt(sum((each - average) ** 2 for each in drawn) / len(drawn))
                    value = value / deviation if deviation > 1e-9 else value  # all are the same, but for rounding
                total += value
            out[ngram] = total * k**power
    return out


# ---------------------------------------------------------------- words and their counts


def frequency_weights(counts, symbols):
    """Log share of each word; every single symbol counts a half at least."""
    counts = {word: float(count) for word, count in counts.items() if count}
    for symbol in symbols:
        counts[(symbol,)] = max(counts.get((symbol,), 0.0), LEAST_COUNT)
    total = sum(counts.values())
    return {word: (math.log(count / total), count) for word, count in counts.items()}


def words_of(run, joined):
    """Words of a run; `joined[i]` tells whether symbols i and i + 1 are of one word."""
    words = [[run[0]]]
    for i in range(1, len(run)):
        if joined[i - 1]:
            words[-1].append(run[i])
        else:
            words.append([run[i]])
    return [tuple(word) for word in words]


# ---------------------------------------------------------------- cohesion


def kept(table, thresholds, min_count):
    """N-grams of 2, 3, … symbols that cohere and are frequent enough."""
    return {
        ngram
        for ngram, row in table.items()
        if 2 <= len(ngram) < len(thresholds) + 2
        and row.cohesion >= thresholds[len(ngram) - 2]
        and row.count >= min_count
    }


def joined_words(run, kept):
    """Words of a run if neighbours belong together just where some kept n-gram covers both."""
    size = len(run)
    covered = [(i, j) for i in range(size) for j in range(i + 2, size + 1) if tuple(run[i:j]) in kept]
    return words_of(run, [any(i <= at and at + 1 < j for i, j in covered) for at in range(size - 1)])


def checks_back(word, kept, longest):
    """Whether a word is a kept n-gram, or if it is longer than them, consists of kept n-grams throughout."""
    if len(word) == 1:
        return True
    if len(word) <= longest:
        return word in kept
    return all(word[i : i + longest] in kept for i in range(len(word) - longest + 1))


# ---------------------------------------------------------------- cutting


def cut_runs(text, words_of_run):
    """Words of a text as (start, end), given what cuts a run of codes."""
    found = naive.tokens(text)
    spans = [(start, end) for start, end, code in found if code == MARK]
    for run in naive.runs_of_tokens(found):
        ends = list(itertools.accumulate(map(len, words_of_run([code for _, _, code in run]))))
        spans += [(run[low][0], run[high - 1][1]) for low, high in zip([0, *ends], ends, strict=False)]
    return sorted(spans)


# ---------------------------------------------------------------- language model and tags


def lm_table(lm):
    """Log10 probability and back-off weight of every n-gram of a model, as tuples of symbol ids."""
    inner = len(lm.first_child) - 1
    grams = {node: (node,) for node in range(lm.ngrams[0])}
    for node in range(inner):  # children stand behind their parents
        for child in range(lm.first_child[node], lm.first_child[node + 1]):
            grams[child] = (*grams[node], int(lm.symbol[child]))
    return {
        gram: (float(lm.log10_probability[node]), float(lm.log10_backoff[node]) if node < inner else 0.0)
        for node, gram in grams.items()
    }


def log10_behind(table, context, symbol):
    """Katz's rule: that of the n-gram if it is there, else the context's back-off and the shorter context."""
    backed_off = 0.0
    ngram = (*context, symbol)
    while ngram not in table:
        backed_off += table[ngram[:-1]][1] if ngram[:-1] in table else 0.0
        ngram = ngram[1:]
    return backed_off + table[ngram][0]


def tag_sequences(size, weights):
    """Every sequence of tags for a run that moves of a weight above 0 can make."""
    allowed = {move for move, weight in zip(MOVES, weights, strict=True) if weight > 0}
    found = ["b"]
    for _ in range(size - 1):
        found = [tags + tag for tags in found for tag in "bcde" if tags[-1] + tag in allowed]
    return found


def words_of_tags(run, tags):
    """A word begins at every b."""
    starts = [i for i, tag in enumerate(tags) if tag == "b"]
    return [tuple(run[low:high]) for low, high in zip(starts, [*starts[1:], len(run)], strict=True)]


def tag_score(run, tags, table, weights, unit):
    """Sum of moves and log probabilities behind up to three symbols of the word, each in whole steps."""
    logs = dict(zip(MOVES, weights, strict=True))
    total = 0
    begin = 0
    for i, tag in enumerate(tags):
        if i > 0:
            total += round(math.log(logs[tags[i - 1] + tag]) * unit)
        begin = i if tag == "b" else begin
        context = tuple(run[max(begin, i - 3) : i])
        total += round(log10_behind(table, context, run[i]) * (unit * math.log(10.0)))
    return total


def best_by_tags(run, table, weights, unit):
    """Words of the best sequence of tags; of several the longest last word decides, then the one before."""
    sequences = [(tags, words_of_tags(run, tags)) for tags in tag_sequences(len(run), weights)]
    return max(
        sequences,
        key=lambda each: (tag_score(run, each[0], table, weights, unit), [len(word) for word in reversed(each[1])]),
    )[1]


# ---------------------------------------------------------------- what the tests share


def runs_of(text):
    """Give the runs of a text as training sees them."""
    collector = RunCollector()
    collector.add(text)
    return Corpus([collector], False).whole()


def corpus_of(text):
    """Give the same as a corpus without folding."""
    collector = RunCollector()
    collector.add(text)
    return Corpus([collector], fold=False)


def candidates_of(runs, max_word_len, min_count):
    return score(count_stream(runs.stream, runs.codes, max_word_len + 1), max_word_len, min_count)


def as_dict(lexicon, candidates):
    """A lexicon as (weight, expected count) of each word, in codes; it holds none twice."""
    out = {}
    words = candidate_words(candidates)
    rows = zip(lexicon.at.tolist(), lexicon.weight.tolist(), lexicon.expected.tolist(), strict=True)
    for at, weight, expected in rows:
        word = words[at]
        assert word not in out
        out[word] = weight, expected
    return out


def word_counts(counts, candidates):
    """What count_words returns, as a dict of words in codes that occur."""
    rows = zip(candidate_words(candidates), counts.tolist(), strict=True)
    return {word: count for word, count in rows if count}


def candidate_words(candidates):
    """All candidates in codes, by length, then by symbol ids."""
    levels = [spell(candidates.levels, k, np.arange(len(level))) for k, level in enumerate(candidates.levels, 1)]
    return [tuple(word) for level in levels for word in candidates.codes[level].tolist()]


class Cutter:
    """A decoder by the places of its words."""

    def __init__(self, decoder):
        self.decoder = decoder

    def compiled(self, text, final=True):
        """Words as (start, end), and the characters settled."""
        return cut_spans(self.decoder, text, final)[:2]

    def interpreted(self, text):
        """The same in plain Python."""
        return spans_of(text, self.decoder.cut_plain(text)), len(text)

    def pieces(self, text, cuts):
        """Words of a text that comes in pieces, and the most characters that were ever kept."""
        found, low, kept_most = [], 0, 0
        for cut in [*sorted(min(cut, len(text)) for cut in cuts), len(text)]:
            words, consumed = self.compiled(text[low:cut], False)
            found += [(low + start, low + end) for start, end in words]
            low += consumed
            assert low <= cut
            kept_most = max(kept_most, cut - low)
        words, consumed = self.compiled(text[low:], True)
        assert low + consumed == len(text)
        return found + [(low + start, low + end) for start, end in words], kept_most


CLASSES = (NUM, LAT)


def counted(words):
    """How often each word occurs."""
    return Counter(words)
