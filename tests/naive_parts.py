"""Slow, obvious twins of the weights from the parts of words.

Words are tuples of symbols. A cut is a list of runs, each a list of words. `facts` maps words to their count, expected
count and cohesion.
"""

import math
from collections import Counter


def kind(word):
    """Of a neighbour: () is a boundary."""
    return min(len(word), 3)


def neighbours(cut, lexicon):
    """How often each word of one or two symbols in a lexicon has a neighbour of each kind, as (word, side, kind)."""
    counts = Counter()
    for run in cut:
        padded = [(), *run, ()]
        for i in range(1, len(padded) - 1):
            if len(padded[i]) <= 2 and padded[i] in lexicon:
                counts[padded[i], "left", kind(padded[i - 1])] += 1
                counts[padded[i], "right", kind(padded[i + 1])] += 1
    return counts


def ratio(counts, word, side, j):
    """How much likelier than for all words a neighbour of kind j is, as a logarithm."""
    of_kind = sum(n for (_, where, which), n in counts.items() if where == side and which == j)
    of_side = sum(n for (_, where, _), n in counts.items() if where == side)
    if of_kind == 0:
        return 0.0
    share = of_kind / of_side
    own = sum(counts[word, side, which] for which in range(4))
    return math.log((counts[word, side, j] + 3 * share) / (own + 3) / share)


def between(low, value, high):
    return max(low, min(value, high))


def free(facts, symbol):
    count, expected, _ = facts[symbol,]
    return between(-5.0, math.log(expected / max(count, 1)), 0.0) if expected > 0 else -5.0


def terms(facts, counts):
    """All terms that are not 0, as {name: {word: value}}."""
    of_pairs = "pair", "free_both", "free_first", "prefix", "before_long", "bound_pair"
    found = {name: {} for name in ("opening", *of_pairs, "suffix", "bound_three")}
    for word, (count, _, cohesion) in facts.items():
        if len(word) == 1:
            found["opening"][word] = ratio(counts, word, "left", 0) - ratio(counts, word, "right", 0)
        if len(word) == 2:
            found["pair"][word] = 1.0
            found["free_both"][word] = min(free(facts, word[0]), free(facts, word[1]))
            found["free_first"][word] = free(facts, word[0])
            found["prefix"][word] = float(ratio(counts, word[:1], "right", 1) > 0.78)
            found["before_long"][word] = ratio(counts, word, "right", 3)
            found["bound_pair"][word] = between(-4.0, cohesion - 4.0, 8.0)
        if len(word) == 3:
            if count >= 14:
                found["suffix"][word] = between(0.0, -ratio(counts, word[-1:], "left", 1) - 0.3, 2.0)
            found["bound_three"][word] = between(-4.0, cohesion - 4.0, 8.0)
    return found
