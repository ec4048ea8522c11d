"""Slow, obvious twins of word classes and of the lattice under class bigrams.

Words are tuples of symbols; the boundary is the word ``()``, of class 0. A cut corpus is a list of words
that begins and ends with it. `factors` maps (class, class behind it) to a factor.
"""

import itertools
import math
from collections import Counter

from tests import naive

BOUNDARY = ()


# ---------------------------------------------------------------- lattice


def path(cover, weights, class_of, factors):
    """Weight of one cover; `weights` are logs."""
    classes = [0, *(class_of[word] for word in cover), 0]
    return math.prod(math.exp(weights[word]) for word in cover) * math.prod(
        factors[pair] for pair in itertools.pairwise(classes)
    )


def expectations(runs, weights, class_of, factors):
    """Expected occurrences of each word, log-likelihood, and P(boundary) inside each run, by enumeration."""
    expected = Counter()
    log_likelihood = 0.0
    boundaries = []
    for run in runs:
        paths = [(path(cover, weights, class_of, factors), cover) for cover in naive.covers(run, weights)]
        total = sum(weight for weight, _ in paths)
        log_likelihood += math.log(total)
        inside = [0.0] * len(run)
        for weight, cover in paths:
            for word in cover:
                expected[word] += weight / total
            for start in itertools.accumulate(map(len, cover[:-1])):
                inside[start] += weight / total
        boundaries.append(inside[1:])
    return expected, log_likelihood, boundaries


def expectations_of_long_runs(runs, weights, class_of, factors):
    """The same for runs of any length: sums over what stands before and behind each word, in logs."""

    def log_sum(terms):
        top = max(terms, default=-math.inf)
        return top + math.log(sum(math.exp(term - top) for term in terms)) if top > -math.inf else top

    def log_factor(word, next_word):
        return math.log(factors[class_of[word], class_of[next_word]])

    longest = max(map(len, weights))
    expected = Counter()
    log_likelihood = 0.0
    boundaries = []
    for run in runs:
        size = len(run)
        spans = [(i, j) for i in range(size) for j in range(i + 1, min(i + longest, size) + 1)]
        word = {(i, j): tuple(run[i:j]) for i, j in spans if weights.get(tuple(run[i:j]), -math.inf) > -math.inf}
        word[0, 0] = word[size, size] = BOUNDARY
        ending = {j: [span for span in word if span[1] == j and span[0] < j] for j in range(1, size + 1)}
        opening = {i: [span for span in word if span[0] == i and span[1] > i] for i in range(size)}
        ending[0], opening[size] = [(0, 0)], [(size, size)]
        before, behind = {(0, 0): 0.0}, {(size, size): 0.0}
        for span in sorted(word):
            if span[0] < span[1]:
                left = [before[each] + log_factor(word[each], word[span]) for each in ending[span[0]]]
                before[span] = weights[word[span]] + log_sum(left)
        for span in sorted(word, reverse=True):
            if span[0] < span[1]:
                right = [
                    behind[each] + log_factor(word[span], word[each]) + weights.get(word[each], 0.0)
                    for each in opening[span[1]]
                ]
                behind[span] = log_sum(right)
        total = log_sum([before[span] + behind[span] for span in ending[size]])
        log_likelihood += total
        inside = [0.0] * size
        for i, j in word:
            if i < j:
                posterior = math.exp(before[i, j] + behind[i, j] - total)
                expected[word[i, j]] += posterior
                inside[i] += posterior
        boundaries.append(inside[1:])
    return expected, log_likelihood, boundaries


# ---------------------------------------------------------------- classes


def log_likelihood(words, class_of):
    """Of a cut corpus under class bigrams, but for what does not depend on the classes."""
    classes = [class_of[word] for word in words]
    before, behind = Counter(classes[:-1]), Counter(classes[1:])
    pairs = Counter(itertools.pairwise(classes))
    return sum(
        count * (math.log(count) - math.log(before[left]) - math.log(behind[right]))
        for (left, right), count in pairs.items()
    )


def exchange(words, class_of, chosen, free, iterations, same):
    """Move each of the chosen words to the first of the free classes with the greatest likelihood."""
    class_of = dict(class_of)
    for _ in range(iterations):
        for word in chosen:
            likelihoods = {c: log_likelihood(words, class_of | {word: c}) for c in free}
            best = max(likelihoods.values())
            class_of[word] = min(c for c in free if likelihoods[c] > best - same)
    return class_of


def cluster(words, class_words, word_classes, longest, iterations, same, least):
    """Class of each word of a cut corpus."""
    frequency = Counter(words)
    del frequency[BOUNDARY]
    ranked = sorted(frequency, key=lambda word: (-frequency[word], len(word), word))
    chosen = [word for word in ranked[:class_words] if frequency[word] >= least]
    class_of = {word: len(word) for word in [BOUNDARY, *frequency]}
    class_of |= {word: longest + 1 + rank % word_classes for rank, word in enumerate(chosen)}
    return exchange(words, class_of, chosen, range(longest + 1, longest + 1 + word_classes), iterations, same)


def factors(words, class_of, classes, weight):
    """Factor of each class behind each class."""
    pairs = Counter(itertools.pairwise(class_of[word] for word in words))
    before = Counter(left for left, _ in pairs.elements())
    behind = Counter(right for _, right in pairs.elements())
    found = {}
    for left, right in itertools.product(range(classes), repeat=2):
        chance = before[left] * behind[right] / max(pairs.total(), 1)
        log = math.log((pairs[left, right] + 1) / (chance + 1)) if chance > 3 else 0.0
        found[left, right] = math.exp(weight * max(-4.0, min(log, 4.0)))
    return found
