"""Tasks over a corpus, in threads: integer sums, and results in the order of the chunks."""

import pickle
import threading
from collections import Counter
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.lexicon import word_classes
from segtool.lexicon.em import Expectation
from segtool.lexicon.passes import Threads
from segtool.lexicon.word_classes import WordCut, _count
from segtool.text.folding import fold_table
from segtool.text.runs import Alphabet, Chunk, Corpus
from tests import naive, naive_run_hashes
from tests.helpers import Streams, chunked

CODES = [0, 1, 2, 0x4E00, 0x4E01, 0x4E02]
RUNS = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), max_size=9)


class CountSymbols:
    """Counts symbols, and gives the stream of each chunk."""

    size = len(CODES)

    def __init__(self):
        self.threads = set()

    def scratch(self):
        return (np.zeros(1),)

    def __call__(self, chunk, scratch, total):
        self.threads.add(threading.get_ident())
        scratch[0][:] = len(chunk.stream)
        total += np.bincount(chunk.stream, minlength=len(total))
        return chunk.stream.tolist()


@given(RUNS, st.integers(1, 12), st.integers(1, 4))
def test_sums_and_results(runs, size, workers):
    corpus, seen = chunked(runs, CODES, size), []
    total, results = Threads(workers).run(CountSymbols(), corpus, seen.append)
    assert [run for stream in results for run in naive.unstream(stream)] == runs
    assert total.dtype == np.int64
    assert total[1:].tolist() == np.bincount(sum(runs, []), minlength=len(CODES))[1:].tolist()  # noqa: RUF017
    assert sum(seen) == corpus.stats.positions
    assert len(seen) == len(results) == len(corpus)


def test_more_threads_than_chunks():
    task = CountSymbols()
    Threads(50).run(task, chunked([[3], [4]], CODES))
    assert len(task.threads) == 1


def test_error_of_a_task_is_raised():
    def fail(chunk, scratch, total):
        raise LookupError("no such word")

    task = CountSymbols()
    task.__class__ = type("Failing", (CountSymbols,), {"__call__": lambda self, *args: fail(*args)})
    with pytest.raises(LookupError, match="no such word"):
        Threads(2).run(task, chunked([[3], [4]] * 5, CODES, 2))


@given(RUNS.filter(bool))
def test_chunk(runs):
    """Hashes do not depend on the script, and the stream is of what counts as one."""
    written, ids = np.array([0, 1, 2, 0x767C, 0x53D1, 0x4E00], np.uint32), np.array([0, 1, 2, 4, 4, 3], np.uint16)
    stream = naive.stream(runs)
    codes = written[[0, 1, 2, 5, 4]]
    chunk = Chunk(stream, Alphabet(written, ids, codes, codes))
    assert chunk.stream.tolist() == ids[stream].tolist()
    assert chunk.hashes().tolist() == [naive_run_hashes.hash_of(fold_table()[written[run]].tolist()) for run in runs]


def test_chunks_of_a_folded_corpus():
    """Both scripts have one id, and each part its own written ids."""
    parts = [Streams([0, 1, 2, 0x767C], [[0, 3, 0]]), Streams([0, 1, 2, 0x4E00, 0x53D1], [[0, 4, 3, 0]])]
    corpus = Corpus(parts, True)
    _, results = Threads(2).run(CountSymbols(), corpus)
    assert results == [[0, 4, 0], [0, 4, 3, 0]]


@given(st.lists(st.integers(0, 6)), st.integers(0, 3))
def test_keys_are_counted(keys, before):
    total = np.full(7, before, np.int64)
    _count(np.array(keys, np.int32), total)
    assert total.tolist() == [before + keys.count(key) for key in range(7)]


@given(RUNS.filter(bool), st.integers(1, 12), st.booleans(), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_bigrams_of_words(runs, size, dense, types):
    """Words are single symbols here; those of symbols of one type are one. Boundaries are a type, too."""
    corpus, type_of = chunked(runs, CODES, size), np.array([0, *types], np.int64)
    lattice = np.zeros(0, np.int32), np.zeros(len(CODES)), 1, max(corpus.stats.longest_run, 1)
    with patch.object(word_classes, "DENSE", 1 << 23 if dense else 0):
        task = WordCut(lattice, type_of)
        left, right, count = task.bigrams(*Threads(2).run(task, corpus))
    assert task.size == ((max(types) + 1) ** 2 if dense else 0)
    expected = Counter(pairwise(type_of[naive.stream(runs)].tolist()))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(expected)
    assert count.tolist() == [expected[pair] for pair in sorted(expected)]
    counts, _ = Threads(2).run(WordCut(lattice), corpus)
    seen = Counter(symbol for chunk in range(len(corpus)) for symbol in corpus.chunk(chunk).stream.tolist())
    assert counts.tolist() == [seen[symbol] for symbol in range(len(CODES))]


def test_tasks_can_be_sent_elsewhere():
    """As to the executors of a cluster."""
    units = np.array([0, -1] * 6, np.int32)
    units[2 * 3] = 0
    linear = np.array([0, 0.1, 0.1, 0.5, 0.2, 0.1])
    corpus = chunked([[3, 4], [5, 3, 3]], CODES)
    for task in (
        Expectation(units, linear, (), 1, corpus.stats.longest_run, 1 << 16),
        WordCut((units, np.log(np.maximum(linear, 1e-9)), 1, corpus.stats.longest_run)),
    ):
        sent = pickle.loads(pickle.dumps(task))
        one, other = (Threads().run(each, corpus) for each in (task, sent))
        assert one[0].tolist() == other[0].tolist()
        assert repr(one[1]) == repr(other[1])
