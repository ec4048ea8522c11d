"""Dictionaries, written from their definition: slow and obvious."""

import itertools

from segtool.decode.viterbi import NO_WORD, TAG_STEP
from tests import naive

NEVER = -(10**18)


def node_of(units, word):
    """Node of a word in a trie, None if it has none."""
    node = word[0]
    for symbol in word[1:]:
        child = units[node][0] + symbol
        if units[child][1] != node:
            return None
        node = child
    return node


def word_score(word, units, spelling, unknown_len):
    node = node_of(units, word)
    if node is not None and units[node][2] != NO_WORD:
        return units[node][2]
    if 2 <= len(word) <= unknown_len:
        return spelling[word[0]][0] + sum(spelling[s][1] for s in word[1:-1]) + spelling[word[-1]][2]
    return NEVER


def tag(units, word, byte):
    node = node_of(units, word) if 0 not in word or len(word) == 1 else None
    return 0 if node is None else ((units[node][3] >> 8 * byte & 255) ^ 128) - 128


def gap(units, word, i):
    """Score of the gap before symbol i of a word that is a run of its own."""
    a, b, c, d = ([0, *word, 0][i + k] for k in range(-1, 3))
    symbols = sum(tag(units, (s,), byte) for byte, s in enumerate((a, b, c, d)))
    return TAG_STEP * (symbols + sum(tag(units, pair, byte) for byte, pair in enumerate(((a, b), (b, c), (c, d)))))


def best_split(word, units, spelling, unknown_len):
    """Score of the best cover of a word by two words or more."""
    best = NEVER
    for cuts in range(1, len(word)):
        for inner in itertools.combinations(range(1, len(word)), cuts):
            bounds = [0, *inner, len(word)]
            parts = [word[i:j] for i, j in itertools.pairwise(bounds)]
            score = sum(word_score(part, units, spelling, unknown_len) for part in parts)
            best = max(best, score + sum(gap(units, word, i) for i in inner))
    return best


def most_forced(run, forced):
    """The greatest number of characters of a run that can be in forced words at once."""
    best = [0] * (len(run) + 1)
    for end in range(1, len(run) + 1):
        best[end] = best[end - 1]
        for start in range(end):
            if run[start:end] in forced:
                best[end] = max(best[end], best[start] + end - start)
    return best[-1]


def with_literals(text, literals, cut):
    """Words of a text, given the function that cuts text without literals."""
    bounds = {end for _, end, _ in naive.tokens(text)}
    starts = [start for start, _, _ in naive.tokens(text)]
    words, done = [], 0
    for start in starts:
        if start < done:
            continue
        ends = [start + len(w) for w in literals if text.startswith(w, start) and start + len(w) in bounds]
        if ends:
            words += [*cut(text[done:start]), text[start : max(ends)]]
            done = max(ends)
    return words + cut(text[done:])
