"""Loops of scripts/ideas.py: a decoder with scores of gaps and classes, and a tagger with further features."""

import numba
import numpy as np

from segtool.decode.viterbi import NO_WORD, WEIGHT_UNIT
from segtool.lexicon.boundary_model import LEAST_SQUARE, RATE

CHARACTER_CLASSES = 64
CLASSES, TRIPLES, WINDOW, NO_PAIRS = 1, 2, 4, 8
"""Further features of the tagger: class pairs, class triples, the symbols three before and behind; or no pairs."""


@numba.njit
def cover(ids, units, spelling, gaps, of_node, factors, max_len, unknown_len, joined):  # type: ignore[no-untyped-def]
    """Mark the symbols of the best cover that share a word with the next; a state is a word's end and length."""
    width = max(max_len, unknown_len)
    best = np.full((len(ids) + 1, width + 1), -np.inf)
    kind = np.zeros((len(ids) + 1, width + 1), np.int64)
    back = np.zeros((len(ids) + 1, width + 1), np.int64)
    for i in range(len(ids)):
        node = np.int64(ids[i])
        if node == 0:
            size = width - np.argmax((best[i] + factors[0][kind[i]])[::-1])  # the longest of equals
            end = i
            while ids[end - 1] != 0:
                joined[end - size : end - 1] = True
                end, size = end - size, back[end, size]
            continue
        spelled = spelling[4 * node] / WEIGHT_UNIT
        in_trie = True
        for k in range(1, width + 1):
            symbol = np.int64(ids[i + k - 1])
            if symbol == 0:
                break
            weight = -np.inf
            word_class = min(k, len(factors) - 1)
            if k > 1 and in_trie:
                child = units[4 * node] + symbol
                in_trie = k <= max_len and units[4 * child + 1] == node
                node = child
            if in_trie and units[4 * node + 2] != NO_WORD:
                weight = units[4 * node + 2] / WEIGHT_UNIT
                word_class = of_node[node]
            elif 1 < k <= unknown_len:
                weight = spelled + spelling[4 * symbol + 2] / WEIGHT_UNIT
            if k > 1:
                spelled += spelling[4 * symbol + 1] / WEIGHT_UNIT
            if ids[i - 1] == 0:
                best[i + k, k] = weight + factors[word_class, 0]
            else:
                scores = best[i] + factors[word_class][kind[i]]
                back[i + k, k] = width - np.argmax(scores[::-1])
                best[i + k, k] = weight + gaps[i] + scores[back[i + k, k]]
            kind[i + k, k] = word_class


@numba.njit
def features(stream, units, classes, kinds, i, out):  # type: ignore[no-untyped-def]
    """Write the features of the gap before symbol i; return how many there are."""
    a, b, c, d = np.int64(stream[i - 2]), np.int64(stream[i - 1]), np.int64(stream[i]), np.int64(stream[i + 1])
    out[0], out[1], out[2], out[3] = 4 * a, 4 * b + 1, 4 * c + 2, 4 * d + 3
    found, start, n = 4, len(units), CHARACTER_CLASSES  # four places a node
    A, B, C, D = classes[a], classes[b], classes[c], classes[d]
    if kinds & CLASSES:
        out[found] = start + A * n + B
        out[found + 1] = start + (n + B) * n + C
        out[found + 2] = start + (2 * n + C) * n + D
        found += 3
    start += 3 * n * n
    if kinds & TRIPLES:
        out[found] = start + (A * n + B) * n + C
        out[found + 1] = start + ((n + B) * n + C) * n + D
        found += 2
    start += 2 * n * n * n
    if kinds & WINDOW:
        out[found] = start + 2 * np.int64(stream[i - 3] if a != 0 else 0)
        out[found + 1] = start + 2 * np.int64(stream[i + 2] if d != 0 else 0) + 1
        found += 2
    for place, (left, right) in enumerate(((a, b), (b, c), (c, d))):
        child = units[4 * left] + right
        if left != 0 and right != 0 and units[4 * child + 1] == left and not kinds & NO_PAIRS:
            out[found] = 4 * child + place
            found += 1
    return found


@numba.njit
def fit_gaps(stream, boundaries, units, classes, kinds, dropout, weights):  # type: ignore[no-untyped-def]
    """Fit the weights in two rounds, as the package does; the bias goes to the symbol before the gap."""
    np.random.seed(1)
    squares = np.full(len(weights), LEAST_SQUARE, np.float32)
    out = np.zeros(32, np.int64)
    bias, bias_square = 0.0, LEAST_SQUARE
    for _ in range(2):
        for i in range(2, len(stream) - 1):
            if stream[i] == 0 or stream[i - 1] == 0:
                continue
            dropped = NO_PAIRS if dropout > 0 and np.random.random() < dropout else 0
            found = features(stream, units, classes, kinds | dropped, i, out)
            logit = bias
            for feature in out[:found]:
                logit += weights[feature]
            error = 1.0 / (1.0 + np.exp(-logit)) - boundaries[i] / 65535.0
            bias_square += error * error
            bias -= RATE * error / np.sqrt(bias_square)
            for feature in out[:found]:
                squares[feature] += error * error
                weights[feature] -= RATE * error / np.sqrt(squares[feature])
    weights[1 : 4 * len(classes) : 4] += bias


@numba.njit
def apply_gaps(stream, units, classes, kinds, weights, scores):  # type: ignore[no-untyped-def]
    """Write the score of the gap before each symbol."""
    out = np.zeros(32, np.int64)
    for i in range(2, len(stream) - 1):
        if stream[i] != 0 and stream[i - 1] != 0:
            found = features(stream, units, classes, kinds, i, out)
            for feature in out[:found]:
                scores[i] += weights[feature]
