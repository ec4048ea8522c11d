"""Slow, obvious twins of the kernels of segtool.guideline: every cover of a run, one by one."""

import math

NEVER = -1e29


def covers(length, edges):
    """Every way to cover `length` symbols by edges (start, end) -> score, as tuples of edges."""
    found = {0: [()]}
    for end in range(1, length + 1):
        found[end] = [
            (*cover, (start, end)) for start in range(end) if (start, end) in edges for cover in found.get(start, [])
        ]
    return found[length]


def weigh(cover, edges, gaps):
    return sum(edges[edge] for edge in cover) + sum(gaps[start] for start, _ in cover if start)


def agrees(cover, words, edges):
    """Whether a cover cuts where the labels do; a labelled word that is an edge has to be in it."""
    ends = {end for _, end in cover}
    return all(end in ends for _, end in words) and all(word in cover for word in words if word in edges)


def posteriors(length, edges, gaps, words=None):
    """Log of the sum over covers, and the posterior of every edge and gap, of the covers that agree with the labels."""
    taken = [cover for cover in covers(length, edges) if words is None or agrees(cover, words, edges)]
    weights = [math.exp(weigh(cover, edges, gaps)) for cover in taken]
    total = sum(weights)
    by_edge = {edge: sum(w for w, c in zip(weights, taken, strict=True) if edge in c) / total for edge in edges}
    by_gap = [
        sum(w for w, c in zip(weights, taken, strict=True) if any(start == i for start, _ in c)) / total
        for i in range(length)
    ]
    return math.log(total), by_edge, by_gap


def find_words(stream, words, longest):
    """Of each place, the lengths of the words that begin there, and their numbers."""
    found = []
    for i in range(len(stream)):
        here = []
        for k in range(1, longest + 1):
            row = tuple(stream[i : i + k])
            if len(row) == k and 0 not in row and row in words:
                here.append((k, words[row]))
        found.append(here)
    return found
