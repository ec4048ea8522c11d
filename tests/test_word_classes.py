"""Cutting a corpus, the exchange algorithm and the factors of class bigrams against their slow twins."""

import itertools
from collections import Counter
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.lexicon import word_classes
from segtool.lexicon.passes import Threads
from segtool.lexicon.trie import candidate_trie
from segtool.lexicon.word_classes import CutCorpus, WordCut, class_factors, cluster
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import score
from segtool.ngrams.table import spell
from segtool.text.runs import Alphabet, Chunk
from segtool.text.stats import CorpusStats
from tests import naive, naive_classes

SYMBOLS = 6
RUN = st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=9)
RUNS = st.lists(RUN, max_size=8)


class Corpus:
    """Runs with the trie of all their n-grams."""

    def __init__(self, runs, longest):
        self.stream = naive.stream(runs)
        counts = count_stream(self.stream, np.arange(SYMBOLS, dtype=np.uint32), longest + 1)
        self.candidates = score(counts, longest)
        self.units, self.nodes = candidate_trie(self.candidates)
        levels = self.candidates.levels
        self.lengths = np.repeat(np.arange(1, longest + 1), list(map(len, levels)))
        spelled = [spell(levels, k, np.arange(len(levels[k - 1]))).tolist() for k in range(1, longest + 1)]
        self.ngrams = [naive_classes.BOUNDARY, *list(map(tuple, itertools.chain(*spelled)))[1:]]
        self.longest = longest
        self.node = dict(zip(self.ngrams, self.nodes.tolist(), strict=True))

    def per_node(self, values, default, kind):
        out = np.full(len(self.units) // 2, default, kind)
        for ngram, value in values.items():
            out[self.node[ngram]] = value
        return out

    def lattice(self, weights):
        return self.units, self.per_node(weights, -np.inf, np.float64), self.longest, len(self.stream)

    def cut(self, weights):
        cut = WordCut(self.lattice(weights))
        found = cut.nodes(SimpleNamespace(stream=self.stream), cut.scratch())
        ngram = {node: ngram for ngram, node in self.node.items()}
        return [ngram[node] for node in found.tolist()]

    def cluster(self, words, class_words, word_classes):
        given = GivenWords(np.array([self.node[word] for word in words]), len(self.units) // 2)
        classes, counts = cluster(given, self.nodes, self.lengths, class_words, word_classes)
        return dict(zip(self.ngrams, classes.tolist(), strict=True)), counts


class GivenWords:
    """A corpus that has been cut."""

    def __init__(self, words, nodes):
        self.words, self.nodes = words, nodes

    def frequency(self):
        return np.bincount(self.words, minlength=self.nodes)

    def bigrams(self, type_of):
        types = type_of[self.words].tolist()
        pairs = Counter(itertools.pairwise(types))
        rows = [(left, right, pairs[left, right]) for left, right in sorted(pairs)]
        return tuple(np.array(rows, np.int64).reshape(-1, 3).T.copy())


def cut_at_random(draw, runs, longest):
    """The words of a random cover of each run, with boundaries."""
    words = [naive_classes.BOUNDARY]
    for run in runs:
        while run:
            k = draw.integers(1, min(longest, len(run)), endpoint=True)
            words.append(tuple(run[:k]))
            run = run[k:]
        words.append(naive_classes.BOUNDARY)
    return words


@settings(max_examples=200)
@given(RUNS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_cut_is_naive(runs, longest, random):
    corpus = Corpus(runs, longest)
    weights = {
        ngram: float(random.randint(-6, 0)) for ngram in corpus.ngrams[1:] if len(ngram) == 1 or random.random() < 0.7
    }
    expected = [naive_classes.BOUNDARY]
    for run in runs:
        expected += [*naive.best_cover(run, weights), naive_classes.BOUNDARY]
    assert corpus.cut(weights) == expected


class Chunks:
    """Runs in chunks, whose written ids are their ids."""

    def __init__(self, chunks):
        self.streams = [naive.stream(runs) for runs in chunks]
        symbols = np.arange(SYMBOLS, dtype=np.uint32)
        self.alphabet = Alphabet(symbols, symbols.astype(np.uint16), symbols, symbols)
        self.stats = sum((CorpusStats.of(stream, symbols) for stream in self.streams), CorpusStats())

    def __len__(self):
        return len(self.streams)

    def chunk(self, i):
        return Chunk(self.streams[i], self.alphabet)


@given(
    st.lists(RUNS, min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_counts_of_words_and_bigrams_are_naive(chunks, longest, workers, dense, kept, seed):
    corpus = Corpus([run for runs in chunks for run in runs], longest)
    draw = np.random.default_rng(seed)
    weights = {ngram: float(draw.integers(-6, 0)) for ngram in corpus.ngrams[1:]}
    with patch.object(word_classes, "KEPT", 1 << 24 if kept else 0):
        cut = CutCorpus(Threads(workers), Chunks(chunks), corpus.lattice(weights))
    words, pairs = Counter(), Counter()
    type_of = draw.integers(0, 4, len(corpus.units) // 2)
    for runs in chunks:
        found = [0]
        for run in runs:
            found += [corpus.node[word] for word in naive.best_cover(run, weights)] + [0]
        words.update(found)
        pairs.update(itertools.pairwise(type_of[found].tolist()))
    assert {node: count for node, count in enumerate(cut.frequency().tolist()) if count} == dict(words)
    with patch.object(word_classes, "DENSE", 1 << 23 if dense else 0):
        rows = np.stack(cut.bigrams(type_of), axis=1).tolist()
    assert rows == [[*pair, pairs[pair]] for pair in sorted(pairs)]


@settings(max_examples=200)
@given(
    RUNS,
    st.integers(1, 3),
    st.integers(1, 8),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 1 << 32),
    st.booleans(),
)
def test_exchange_is_naive(runs, longest, class_words, classes, least, seed, small):
    corpus = Corpus(runs, longest)
    words = cut_at_random(np.random.default_rng(seed), runs, longest)
    limits = {"LEAST_SEEN": least} | ({"TABLED": 1} if small else {})
    with patch.multiple(word_classes, **limits):
        class_of, counts = corpus.cluster(words, class_words, classes)
    longest = max(map(len, corpus.ngrams), default=1) or 1
    expected = naive_classes.cluster(
        words, class_words, classes, longest, word_classes.ITERATIONS, word_classes.SAME, least
    )
    assert {word: class_of[word] for word in words} == {word: expected[word] for word in words}
    assert all(class_of[ngram] == len(ngram) for ngram in class_of.keys() - set(words))
    table = np.zeros_like(counts)
    for left, right in itertools.pairwise(words):
        table[class_of[left], class_of[right]] += 1
    assert counts.tolist() == table.tolist()
    assert len(counts) == longest + 1 + classes


@given(RUNS, st.integers(1, 3), st.integers(0, 1 << 32))
def test_exchange_never_lowers_the_likelihood(runs, classes, seed):
    corpus = Corpus(runs, 3)
    words = cut_at_random(np.random.default_rng(seed), runs, 3)
    likelihoods = []
    for iterations in range(4):
        with patch.multiple(word_classes, ITERATIONS=iterations, LEAST_SEEN=1):
            likelihoods.append(naive_classes.log_likelihood(words, corpus.cluster(words, 20, classes)[0]))
    assert np.all(np.diff(likelihoods) >= -1e-5)


@given(RUNS, st.integers(1, 3), st.floats(0, 5), st.integers(0, 1 << 32))
def test_factors_are_naive(runs, classes, weight, seed):
    corpus = Corpus(runs * 4, 2)
    words = cut_at_random(np.random.default_rng(seed), runs * 4, 2)
    class_of, counts = corpus.cluster(words, 4, classes)
    found = class_factors(counts, weight)
    for (left, right), factor in naive_classes.factors(words, class_of, len(counts), weight).items():
        assert found[right, left] == pytest.approx(factor)


def test_factors_have_limits():
    counts = np.array([[10**6, 0], [0, 10**9]])
    assert class_factors(counts, 2.0) == pytest.approx(np.exp([[8, -8], [-8, 0]]), abs=0.01)
    assert class_factors(counts, 0.0).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert class_factors(np.zeros((3, 3), np.int64), 1.0).tolist() == [[1.0] * 3] * 3


def test_words_that_meet_the_same_words_share_a_class():
    draw = np.random.default_rng(1)
    kinds = [(1, 2), (3,), (4, 5)]
    runs = [[int(draw.choice(kind)) for kind in kinds] * draw.integers(1, 4) for _ in range(200)]
    corpus = Corpus(runs, 1)
    class_of, _ = corpus.cluster(corpus.cut(dict.fromkeys(corpus.ngrams[1:], -1.0)), 10, 3)
    assert {class_of[(symbol,)] for symbol in range(1, 6)} == {2, 3, 4}
    for kind in kinds:
        assert len({class_of[(symbol,)] for symbol in kind}) == 1
