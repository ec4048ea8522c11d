"""Word classes, and factors for how much likelier words of one class are behind words of another than by chance.

A unigram lexicon takes 这是 for a word because 这 and 是 meet more often than by chance. Class bigrams explain that:
pronouns and verbs meet often. The most frequent words of a cut corpus are put into *free* classes by the exchange
algorithm: word by word, in order of frequency, each goes to the class where the likelihood of the corpus under class
bigrams is greatest. All other words belong to a fixed class for their length, and the boundary between runs to class 0.
With N(c, d) the number of times that class d follows class c, E(c, d) the number expected by chance, and μ the weight
of classes, class d behind c has the factor

    F(c, d) = exp(μ ln((N(c, d) + 1) / (E(c, d) + 1)))    where E(c, d) > 3, else 1

with the logarithm between −4 and 4.

References
----------
Kneser & Ney (1993), "Improved clustering techniques for class-based statistical language modelling", Eurospeech.
Martin, Liermann & Ney (1998), "Algorithms for bigram and trigram word clustering", Speech Communication.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.lexicon.passes import Engine, Threads
from segtool.runtime.arrays import Bytes, Floats, Integers, Places, add_up_keys
from segtool.runtime.kernels import kernel
from segtool.text.runs import Chunk, Corpus

__all__ = ["CutCorpus", "WordCut", "class_factors", "cluster"]

ITERATIONS = 3
"""Rounds of the exchange over all words."""

LEAST_SEEN = 5
"""Words that occur less often have no free class: there is too little evidence of their neighbours."""

LEAST_CHANCE = 3.0
"""Class bigrams that are expected by chance no more often than this have the factor 1."""

LIMIT = 4.0
"""The logarithm of a factor of weight 1 stays between this and its negative."""

DENSE = 1 << 23
"""Up to so many possible word bigrams are counted in a table of all of them; more are sorted."""

KEPT = 1 << 24
"""A corpus of up to so many symbols and boundaries is cut once, and its words stay in memory."""

TABLED = 1 << 16
"""x ln x is looked up for counts below."""

SAME = 1e-6
"""Log likelihoods that differ by less than this many nats are equal; the lowest class wins."""


class WordCut:
    """Cuts a chunk into its likeliest words, and counts them or their bigrams.

    Of covers of equal weight the one whose last word is longest wins, as in :mod:`segtool.decode.viterbi`.

    Parameters
    ----------
    lattice : tuple
        A trie (int32, base and check in turn), the log weight of each node's word (float64, -inf for none; every
        single symbol is a word), the longest word and the longest run, in symbols.
    type_of : ndarray of int64, optional
        Type of the word of each node, to count bigrams of types; without it words are counted by node.
    keep : bool
        Return the words of each chunk.
    """

    def __init__(
        self, lattice: tuple[Places, Floats, int, int], type_of: Integers | None = None, keep: bool = False
    ) -> None:
        *self._tables, self._longest_run = lattice
        self._keep = keep
        self._type_of = type_of
        self._types = 0 if type_of is None else int(type_of.max(initial=0)) + 1
        self._dense = self._types**2 <= DENSE
        self.size = len(lattice[1]) if type_of is None else self._types**2 if self._dense else 0

    def scratch(self) -> tuple[npt.NDArray[Any], ...]:
        """Allocate the working memory of one thread."""
        return np.empty(self._longest_run + 1), np.empty(2 * self._longest_run + 2, np.int32)

    def nodes(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...]) -> Places:
        """Return the node of each word, and 0 for each boundary, in order."""
        stream = chunk.stream
        nodes = np.full(len(stream), -1, np.int32)
        nodes[stream == 0] = 0
        _cut(stream, *self._tables, *scratch, nodes)
        return nodes[nodes >= 0]

    def __call__(self, chunk: Chunk, scratch: tuple[npt.NDArray[Any], ...], total: Integers) -> Any:
        """Add the counts; return the words to keep, or counted bigrams if there are too many types for a table."""
        return self.count(self.nodes(chunk, scratch), total)

    def count(self, words: Places, total: Integers) -> Any:
        """Count a sequence of words; see :meth:`__call__`."""
        if self._type_of is None:
            _count(words, total)
            return words if self._keep else None
        if self._dense:
            _count_pairs(words, self._type_of, self._types, total)
            return None
        types = self._type_of[words]
        return np.unique(types[:-1] * self._types + types[1:], return_counts=True)

    def bigrams(self, total: Integers, results: list[Any]) -> tuple[Integers, Integers, Integers]:
        """Return pairs of neighbours in lexicographic order, and how often each occurs."""
        if self._dense:
            key = np.flatnonzero(total)
            count = total[key]
        else:
            key, count = add_up_keys(results)
        return key // self._types, key % self._types, count


class CutCorpus:
    """A corpus cut into its likeliest words (:class:`WordCut`): cut for every count, or once if it is small."""

    def __init__(self, engine: Engine, runs: Corpus, lattice: tuple[Places, Floats, int, int]) -> None:
        self._engine, self._runs, self._lattice = engine, runs, lattice
        self._keep = isinstance(engine, Threads) and runs.stats.positions <= KEPT
        self._words: list[Places] = []

    def frequency(self) -> Integers:
        """Count how often each node is a word; node 0 is the boundary."""
        counts: Integers
        counts, words = self._engine.run(WordCut(self._lattice, keep=self._keep), self._runs)
        self._words = words if self._keep else []
        return counts

    def bigrams(self, type_of: Integers) -> tuple[Integers, Integers, Integers]:
        """Count pairs of types of neighbours, given the type of each node; the pairs are sorted."""
        pairs = WordCut(self._lattice, type_of)
        if self._words:
            total = np.zeros(pairs.size, np.int64)
            return pairs.bigrams(total, [pairs.count(words, total) for words in self._words])
        return pairs.bigrams(*self._engine.run(pairs, self._runs))


def cluster(
    corpus: CutCorpus, nodes: Places, lengths: Bytes, class_words: int, word_classes: int
) -> tuple[Bytes, Integers]:
    """Put the words of a corpus into classes.

    Parameters
    ----------
    nodes : ndarray of int32, shape (candidates,)
        Node of each candidate, or -1; the first candidate is the boundary, node 0.
    lengths : ndarray of uint8, shape (candidates,)
        Symbols of each candidate, ascending.
    class_words : int
        Number of words with free classes, if so many are seen often enough; of equally frequent words the first
        candidates are taken.
    word_classes : int
        Free classes.

    Returns
    -------
    classes : ndarray of uint8, shape (candidates,)
        Class of each candidate: 0 for the boundary, then one for each length, then the free ones.
    counts : ndarray of int64, shape (classes, classes)
        How often each class (column) follows each class (row).
    """
    there = np.flatnonzero(nodes >= 0)
    types_of_nodes = int(nodes.max()) + 1
    frequency = np.zeros(len(nodes), np.int64)
    frequency[there] = corpus.frequency()[nodes[there]]
    frequency[0] = 0
    often = np.flatnonzero(frequency >= LEAST_SEEN)
    chosen = often[np.argsort(-frequency[often], kind="stable")[:class_words]]
    classes = lengths.copy()
    classes[0] = 0
    fixed = int(lengths[-1]) + 1
    size = fixed + word_classes
    types = fixed + len(chosen)  # the fixed classes, as if words, and the words chosen
    type_of = np.zeros(types_of_nodes, np.int64)
    type_of[nodes[there]] = classes[there]
    type_of[nodes[chosen]] = np.arange(fixed, types)
    left, right, count = corpus.bigrams(type_of)
    class_of = np.concatenate([np.arange(fixed), fixed + np.arange(len(chosen)) % word_classes])
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (class_of[left], class_of[right]), count)
    sums = counts.sum(axis=1)
    order = np.argsort(right, kind="stable")
    # of each type the neighbours behind it, then of each type those before it
    begins = np.concatenate(
        [
            np.searchsorted(left, np.arange(types + 1)),
            np.searchsorted(right[order], np.arange(types + 1)) + len(right),
        ]
    )
    neighbours, times = np.concatenate([right, left[order]]), np.concatenate([count, count[order]])
    table = np.arange(TABLED, dtype=np.float64)
    table[1:] *= np.log(table[1:])
    scratch = np.empty(2 * size, np.int64)
    for _ in range(ITERATIONS):
        if not _exchange(begins, neighbours, times, class_of, fixed, counts.ravel(), sums, table, scratch):
            break
    classes[chosen] = class_of[fixed:]
    return classes, counts


def class_factors(counts: Integers, weight: float) -> Floats:
    """Compute F from the counts of :func:`cluster` and μ; row d holds the factors of class d behind each class."""
    chance = np.outer(counts.sum(axis=1), counts.sum(axis=0) / max(counts.sum(), 1))
    logs = np.where(chance > LEAST_CHANCE, np.log((counts + 1) / (chance + 1)), 0.0)
    return np.ascontiguousarray(np.exp(weight * np.clip(logs, -LIMIT, LIMIT)).T)


@kernel("void(i4[const], i8[])")
def _count(keys, total):  # type: ignore[no-untyped-def]
    """Count each key."""
    for key in keys:
        total[key] += 1


@kernel("void(i4[const], i8[const], i8, i8[])")
def _count_pairs(words, type_of, size, table):  # type: ignore[no-untyped-def]
    """Add up the pairs of neighbours."""
    last = type_of[words[0]]
    for i in range(1, len(words)):
        here = type_of[words[i]]
        table[last * size + here] += 1
        last = here


@kernel("void(u2[const], i4[const], f8[const], i8, f8[], i4[], i4[])")
def _cut(stream, units, weight, max_len, best, back, nodes):  # type: ignore[no-untyped-def]
    """Write the node of each word of the best cover where the word begins."""
    half = len(back) // 2
    begin = 1
    while begin < len(stream):
        length = 0
        while stream[begin + length] != 0:
            length += 1
        best[0] = 0.0
        best[1 : length + 1] = -np.inf
        for i in range(length):
            here = best[i]
            reach = min(max_len, length - i)
            node = np.int64(stream[begin + i])
            k = 0
            while True:
                k += 1
                score = here + weight[node]
                if score > best[i + k]:
                    best[i + k] = score
                    back[i + k] = i
                    back[half + i + k] = node
                if k == reach:
                    break
                child = units[2 * node] + np.int64(stream[begin + i + k])
                if units[2 * child + 1] != node:
                    break
                node = child
        j = length
        while j > 0:
            nodes[begin + back[j]] = back[half + j]
            j = back[j]
        begin += length + 1


@kernel("f8(i8, f8[const])")
def _power(x, table):  # type: ignore[no-untyped-def]
    """Return x ln x."""
    return table[x] if x < len(table) else x * np.log(x)


@kernel("i8(i8[const], i8[const], i8[const], i8[], i8, i8[], i8[], f8[const], i8[])")
def _exchange(  # type: ignore[no-untyped-def]
    begins, neighbours, times, class_of, fixed, counts, sums, table, scratch
):  # fmt: skip
    """Move every word to the free class where the likelihood is greatest; returns how many words changed class.

    The words behind word v are ``neighbours[begins[v]:begins[v + 1]]``, and `times` says how often; the words before it
    follow in the same way from the second half of `begins`. `counts` and `sums` are those of classes. Of the log
    likelihood Σ N(c, d) ln N(c, d) − 2 Σ N(c) ln N(c) only the terms that depend on the class of the word are computed.
    """
    size = len(sums)
    words = len(class_of)
    ahead, back = scratch[:size], scratch[size:]
    moved = 0
    for word in range(fixed, words):
        ahead[:] = 0
        back[:] = 0
        itself = 0
        occurrences = 0
        for e in range(begins[word], begins[word + 1]):
            occurrences += times[e]
            if neighbours[e] == word:
                itself = times[e]
            else:
                ahead[class_of[neighbours[e]]] += times[e]
        for e in range(begins[words + 1 + word], begins[words + 2 + word]):
            if neighbours[e] != word:
                back[class_of[neighbours[e]]] += times[e]
        old = class_of[word]
        for d in range(size):
            counts[old * size + d] -= ahead[d]
            counts[d * size + old] -= back[d]
        counts[old * size + old] -= itself
        sums[old] -= occurrences
        greatest = -np.inf
        new = old
        for c in range(fixed, size):
            both = counts[c * size + c]
            gain = _power(both + ahead[c] + back[c] + itself, table) - _power(both, table)
            gain -= 2.0 * (_power(sums[c] + occurrences, table) - _power(sums[c], table))
            for d in range(size):
                if d != c:
                    if ahead[d] > 0:
                        both = counts[c * size + d]
                        gain += _power(both + ahead[d], table) - _power(both, table)
                    if back[d] > 0:
                        both = counts[d * size + c]
                        gain += _power(both + back[d], table) - _power(both, table)
            if gain > greatest + SAME:
                greatest = gain
                new = c
        for d in range(size):
            counts[new * size + d] += ahead[d]
            counts[d * size + new] += back[d]
        counts[new * size + new] += itself
        sums[new] += occurrences
        class_of[word] = new
        moved += new != old
    return moved
