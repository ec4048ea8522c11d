"""Slow, obvious twins of the kernels, written from their definitions: strings, dicts and enumeration.

Runs are lists of symbols (ids or codes), n-grams are tuples of them, 0 is a boundary.
"""

import itertools
import math
import re
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from segtool.decode.viterbi import TAG_STEP
from segtool.text.symbols import MARK
from tests.naive_beginnings import evidence, gain
from tests.naive_tokens import tokens

# ---------------------------------------------------------------- runs


def runs_of_tokens(found):
    """Runs of tokens that are symbols; what stands between them is dropped."""
    return [list(group) for symbol, group in itertools.groupby(found, lambda t: t[2] > 0) if symbol]


def runs(text):
    """Runs of symbol codes."""
    return [[code for _, _, code in run] for run in runs_of_tokens(tokens(text))]


def stream(runs):
    """Runs as one array, a boundary before, between and behind them."""
    out = [0]
    for run in runs:
        out += [*run, 0]
    return np.array(out, np.uint16)


def unstream(ids):
    """The other way round."""
    out, run = [], []
    for symbol in list(ids)[1:]:
        if symbol:
            run.append(int(symbol))
        else:
            out.append(run)
            run = []
    return out


# ---------------------------------------------------------------- counts


def ngrams(runs, order):
    """Occurrences of every n-gram of up to `order` symbols; (0,) counts the runs."""
    found = Counter()
    for run in runs:
        padded = (0, *run, 0)
        found[(0,)] += 1
        for symbol in run:
            found[(symbol,)] += 1
        for k in range(2, order + 1):
            for i in range(len(padded) - k + 1):
                found[padded[i : i + k]] += 1
    return found


# ---------------------------------------------------------------- spellings


def face(originals):
    """The most frequent of the characters that count as one, the lowest of several."""
    return max(originals, key=lambda code: (originals[code], -code))


def spellings(runs, fold, words):
    """Each of the words, tuples of folded symbols, as it is mostly written, character by character."""
    seen = defaultdict(Counter)  # characters of each symbol, and of each place in each word
    for run in runs:
        folded = tuple(map(fold, run))
        for start in range(len(run)):
            seen[folded[start]][run[start]] += 1
            for end in range(start + 1, len(run) + 1):
                for place in range(end - start):
                    seen[folded[start:end], place][run[start + place]] += 1
    spelled = {}
    for word in words:
        chosen = []
        for place, symbol in enumerate(word):
            there, usual = seen[word, place], face(seen[symbol]) if seen[symbol] else symbol
            chosen.append(max({*there, usual}, key=lambda code: (there[code], code == usual, -code)))
        spelled[word] = tuple(chosen)
    return spelled


# ---------------------------------------------------------------- scores


def entropy(frequencies):
    """Of a distribution, in nats."""
    total = sum(frequencies)
    return -sum(f / total * math.log(f / total) for f in frequencies if f)


def neighbours(runs, max_len):
    """How often each symbol stands before and behind each n-gram, two dicts of counters."""
    left, right = defaultdict(Counter), defaultdict(Counter)
    for run in runs:
        padded = (0, *run, 0)
        for start in range(1, len(run) + 1):
            for end in range(start + 1, min(start + max_len, len(run) + 1) + 1):
                left[padded[start:end]][padded[start - 1]] += 1
                right[padded[start:end]][padded[end]] += 1
    return left, right


def branching_entropy(neighbours, fanout):
    """Entropy of a neighbour symbol; a boundary stands for up to `fanout` equally frequent ones."""
    frequencies = [count for symbol, count in neighbours.items() if symbol != 0]
    hidden = min(neighbours[0], fanout)
    return entropy(frequencies + [neighbours[0] / hidden] * hidden) if hidden else entropy(frequencies)


def cohesion(counts, total, ngram):
    """Pointwise mutual information, minimum over the binary splits."""
    return min(
        (math.log(counts[ngram] * total / (counts[ngram[:i]] * counts[ngram[i:]])) for i in range(1, len(ngram))),
        default=math.inf,
    )


class Score(NamedTuple):
    """Of a candidate; its fields are the arrays of :class:`segtool.ngrams.scores.CandidateLevel`."""

    count: int  # type: ignore[assignment]
    cohesion: float
    left_entropy: float
    right_entropy: float
    left_variation: float
    right_variation: float


def scores(runs, max_word_len, min_count, fanout):
    """The score of every candidate of the runs."""
    counts = ngrams(runs, max_word_len)
    total = sum(map(len, runs))
    left, right = (
        {ngram: branching_entropy(seen, fanout) for ngram, seen in side.items()}
        for side in neighbours(runs, max_word_len)
    )
    left[()] = right[()] = entropy(Counter(itertools.chain(*runs)).values())
    return {
        ngram: Score(
            count,
            cohesion(counts, total, ngram),
            left[ngram],
            right[ngram],
            left[ngram] - left[ngram[1:]],
            right[ngram] - right[ngram[:-1]],
        )
        for ngram, count in counts.items()
        if 0 not in ngram and (len(ngram) == 1 or count >= min_count)
    }


# ---------------------------------------------------------------- trie


def prefixes(ngrams):
    """The n-grams and all that they begin with."""
    return {ngram[:k] for ngram in ngrams for k in range(1, len(ngram) + 1)}


# ---------------------------------------------------------------- covers


def covers(run, words):
    """Every way to write a run as a sequence of words."""
    if not run:
        yield []
    for k in range(1, len(run) + 1):
        if tuple(run[:k]) in words:
            for rest in covers(run[k:], words):
                yield [tuple(run[:k]), *rest]


def expectations(runs, weights):
    """Expected occurrences of each word and the log-likelihood, by enumeration; `weights` are logs."""
    expected = Counter()
    log_likelihood = 0.0
    for run in runs:
        paths = [(math.exp(sum(weights[word] for word in cover)), cover) for cover in covers(run, weights)]
        total = sum(weight for weight, _ in paths)
        log_likelihood += math.log(total)
        for weight, cover in paths:
            for word in cover:
                expected[word] += weight / total
    return expected, log_likelihood


def expectations_of_long_runs(runs, weights):
    """The same for runs of any length: sums over prefixes and suffixes, in logs."""

    def log_sum(terms):
        top = max(terms)
        return top + math.log(sum(math.exp(term - top) for term in terms))

    longest = max(map(len, weights))
    expected = Counter()
    log_likelihood = 0.0
    for run in runs:
        size = len(run)
        words = {
            (i, j): weights[tuple(run[i:j])]
            for i in range(size)
            for j in range(i + 1, min(i + longest, size) + 1)
            if weights.get(tuple(run[i:j]), -math.inf) > -math.inf
        }
        before, behind = [0.0] * (size + 1), [0.0] * (size + 1)
        for j in range(1, size + 1):
            starts = range(max(j - longest, 0), j)
            before[j] = log_sum([before[i] + words[i, j] for i in starts if (i, j) in words])
        for i in reversed(range(size)):
            ends = range(i + 1, min(i + longest, size) + 1)
            behind[i] = log_sum([behind[j] + words[i, j] for j in ends if (i, j) in words])
        for (i, j), weight in words.items():
            expected[tuple(run[i:j])] += math.exp(before[i] + weight + behind[j] - before[size])
        log_likelihood += before[size]
    return expected, log_likelihood


def log_priors(runs, table, settings):
    """The part of each candidate's log weight that is not θ; `table` is that of :func:`scores`."""
    means, pairs = {}, evidence(runs)
    for k in set(map(len, table)):
        rows = [row for ngram, row in table.items() if len(ngram) == k]
        occurrences = sum(row.count for row in rows)
        means[k] = sum(row.count * (row.left_variation + row.right_variation) for row in rows) / occurrences
    priors = {}
    for ngram, row in table.items():
        k = len(ngram)
        priors[ngram] = settings.variation_weight * (row.left_variation + row.right_variation - means[k])
        priors[ngram] -= k**settings.length_penalty
        if k >= 2:
            lower = min(row.left_entropy, row.right_entropy)
            priors[ngram] += settings.entropy_weight * min(0.0, lower - settings.entropy_floor)
        if k == 2:
            priors[ngram] += gain(row, *pairs[ngram], settings)
    return priors


def fit(runs, table, settings, least, idle=0, expect=expectations):
    """Log weights, expected counts and log-likelihoods of EM in which no candidate is forgotten.

    Every single symbol is expected `least` times at least, and so are `idle` ones that do not occur.
    """

    def log_weights():
        total = sum(expected.values()) + idle * least
        logs = {ngram: math.log(count / total) if count else -math.inf for ngram, count in expected.items()}
        return {ngram: logs[ngram] + priors[ngram] for ngram in table}

    priors = log_priors(runs, table, settings)
    expected = {ngram: float(row.count) for ngram, row in table.items()}
    likelihoods = []
    for _ in range(settings.passes):
        found, likelihood = expect(runs, log_weights())
        likelihoods.append(likelihood)
        expected = {ngram: max(found[ngram], least if len(ngram) == 1 else 0.0) for ngram in table}
    return log_weights(), expected, likelihoods


# ---------------------------------------------------------------- decoding


class Extras(NamedTuple):
    """What else than the lexicon scores a cover; symbols that the tags do not list count as `STRANGE`."""

    tags: dict[tuple[int, ...], tuple[int, ...]] = {}  # noqa: RUF012
    """Signed bytes of symbols and pairs, tuples of codes; for the boundary, (0,)."""
    spelling: dict[int, tuple[int, ...]] = {}  # noqa: RUF012
    """Scores of each symbol as first, middle and last symbol of an unknown word."""
    unknown_len: int = 0
    granularity: int = 0
    """Of each gap, in steps of weight."""


STRANGE = -1
LEXICON_ONLY = Extras()


def gap_score(run, j, tags):
    """Of a cut before symbol `j` of a run, in steps of the tagger."""
    a, b, c, d = [0, *run, 0, 0][j - 1 : j + 3]
    at = [((a,), 0), ((b,), 1), ((c,), 2), ((d,), 3), ((a, b), 0), ((b, c), 1), ((c, d), 2)]
    return sum(tags[gram][byte] for gram, byte in at if gram in tags and (len(gram) == 1 or 0 not in gram))


def unknown_words(run, weights, extras):
    """Scores of the stretches of a run that may be unknown words."""
    scores = {}
    for k in range(2, extras.unknown_len + 1):
        for word in {tuple(run[i : i + k]) for i in range(len(run) - k + 1)} - set(weights):
            first, *middle, last = (extras.spelling[symbol] for symbol in word)
            scores[word] = first[0] + sum(score for _, score, _ in middle) + last[2]
    return scores


def best_cover(run, weights, extras=LEXICON_ONLY):
    """The cover of the greatest score; of several that with the longest last word, then the one before."""
    weights = weights | unknown_words(run, weights, extras)
    score = cover_score(run, weights, extras)
    return max(covers(run, weights), key=lambda cover: (score(cover), [len(word) for word in reversed(cover)]))


def cover_score(run, weights, extras):
    """The function that scores a cover of a run."""
    gaps = [TAG_STEP * gap_score(run, j, extras.tags) + extras.granularity for j in range(1, len(run))]

    def score(cover):
        inner = list(itertools.accumulate(map(len, cover)))[:-1]
        return sum(weights[word] for word in cover) + sum(gaps[j - 1] for j in inner)

    return score


def cut(text, weights, unknown, extras=LEXICON_ONLY):
    """Words of a text as (start, end); a symbol without a weight is a word of weight `unknown`."""
    found = tokens(text)
    spans = [(start, end) for start, end, code in found if code == MARK]
    for run in runs_of_tokens(found):
        codes = [code if not extras.tags or (code,) in extras.tags else STRANGE for _, _, code in run]
        singles = {(c,): unknown for c in codes if (c,) not in weights}
        for start, end in word_places(codes, weights | singles, extras):
            spans.append((run[start][0], run[end - 1][1]))
    return sorted(spans)


def word_places(run, weights, extras=LEXICON_ONLY):
    """Start and end of the words of the best cover."""
    ends = list(itertools.accumulate(map(len, best_cover(run, weights, extras))))
    return list(zip([0, *ends], ends, strict=False))


def join(text, spans, separator, open_line=False):
    """The words line by line, and whether the last line is open; `open_line` if a word stands before."""
    out = []
    at = 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        words = [text[start:end] for start, end in spans if at <= start < at + len(line)]
        out.append(separator.join(["", *words] if open_line and words else words))
        open_line = open_line or bool(words)
        if line.endswith("\n"):
            out.append("\r\n" if line.endswith("\r\n") else "\n")
            open_line = False
        at += len(line)
    return "".join(out).encode("utf-8", "surrogatepass"), open_line
