"""Hashes of runs, and what they choose and order, against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.text import run_hashes as hashing
from segtool.text.run_hashes import BUCKETS, hash_limit, hash_runs, select_runs, shuffle_runs
from tests import naive, naive_run_hashes

CODES = np.array([0, 1, 2, 0x3400, 0x4E00, 0x9FFF, 0x323AF], np.uint32)
RUNS = st.lists(st.lists(st.integers(1, len(CODES) - 1), min_size=1, max_size=6), max_size=12)
HASHES_OF_EVER = ["650243aa358c96b3", "87ae238e93caae9b"]
HASHES = st.integers(0, 3) | st.integers(0, (1 << 64) - 1)


def hashes_of(runs):
    return [naive_run_hashes.hash_of(CODES[run].tolist()) for run in runs]


@given(RUNS)
def test_hashes_are_naive(runs):
    found = hash_runs(naive.stream(runs), CODES)
    assert found.dtype == np.uint64
    assert found.tolist() == hashes_of(runs)


def test_hashes_are_those_of_ever():
    """Counts of one version are merged with those of another; a change of these numbers is a new format of shards."""
    stream, codes = np.array([0, 1, 0, 3, 4, 0], np.uint16), np.array([0, 1, 2, 0x4E00, 0x4E01], np.uint32)
    assert [f"{value:016x}" for value in hash_runs(stream, codes).tolist()] == HASHES_OF_EVER


def test_hashes_do_not_depend_on_ids():
    """Only on the characters: shards have ids of their own."""
    order = np.array([0, 1, 2, 6, 5, 4, 3])
    stream = naive.stream([[3, 4, 5], [6], [1, 2, 6, 6]])
    renamed = np.argsort(order)[stream].astype(np.uint16)
    assert hash_runs(stream, CODES).tolist() == hash_runs(renamed, CODES[order]).tolist()


def test_hashes_are_spread():
    """About as many runs in each part of the range, however alike they are."""
    runs = [[a, b, c] for a in range(3, 60) for b in range(3, 60) for c in range(3, 6)]
    hashes = hash_runs(naive.stream(runs), np.arange(60, dtype=np.uint32))
    assert len(np.unique(hashes)) == len(runs)
    share = np.bincount((hashes >> np.uint64(60)).astype(np.int64), minlength=16) / len(runs)
    assert np.all(np.abs(share - 1 / 16) < 0.01)


@given(st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(1, 9), max_size=9), st.integers(0, 40))
def test_limits_are_naive(sizes, symbols):
    every = np.zeros(BUCKETS, np.int64)
    for bucket, size in sizes.items():
        every[bucket] = size
    assert hash_limit(every, symbols) == naive_run_hashes.limit(every.tolist(), symbols)


def parts_of(runs, hashes, boundaries):
    """Runs as :func:`select_runs` gives them."""
    stream = naive.stream(runs)[1:]
    return stream, np.array(boundaries, np.uint16)[: len(stream)], np.array(hashes, np.uint64)


@given(RUNS, st.data())
def test_runs_are_selected(runs, data):
    hashes = data.draw(st.lists(HASHES, min_size=len(runs), max_size=len(runs)))
    limit = data.draw(st.integers(0, BUCKETS))
    stream = naive.stream(runs)
    known = np.arange(len(stream), dtype=np.uint16)
    found = select_runs(stream, known, np.array(hashes, np.uint64), limit)
    expected, places, at = [], [], 1
    for run, value in zip(runs, hashes, strict=True):
        if value >> 48 < limit:
            expected += [*run, 0]
            places += range(at, at + len(run) + 1)
        at += len(run) + 1
    assert found[0].tolist() == expected
    assert found[1].tolist() == places
    assert found[2].tolist() == [value for value in hashes if value >> 48 < limit]


@given(RUNS, st.data())
def test_runs_are_shuffled(runs, data):
    """By few different hashes, so that many are equal: those runs are sorted by their symbols."""
    hashes = {tuple(run): data.draw(st.integers(0, 2)) for run in runs}
    cuts = sorted(data.draw(st.lists(st.integers(0, len(runs)), max_size=3)))
    parts = []
    for low, high in zip([0, *cuts], [*cuts, len(runs)], strict=True):
        here = runs[low:high]
        # what is known of a place tells the run that it is of, and the place in it
        known = [100 * len(run) + 10 * run[min(i, len(run) - 1)] + i for run in here for i in range(len(run) + 1)]
        parts.append(parts_of(here, [hashes[tuple(run)] for run in here], known))
    stream, boundaries = shuffle_runs(parts)
    ordered = sorted(runs, key=lambda run: (hashes[tuple(run)], run))
    assert naive.unstream(stream) == ordered
    expected = [100 * len(run) + 10 * run[min(i, len(run) - 1)] + i for run in ordered for i in range(len(run) + 1)]
    assert boundaries.tolist() == [0, *expected]
    assert (stream.dtype, boundaries.dtype) == (np.uint16, np.uint16)


@given(RUNS, st.data())
def test_ties_are_settled(runs, data):
    drawn = data.draw(st.lists(st.integers(0, 2), min_size=len(runs), max_size=len(runs)))
    hashes = np.array(sorted(drawn), np.uint64)
    stream = naive.stream(runs)
    begins = np.flatnonzero(stream == 0)[:-1] + 1
    order = np.arange(len(runs))
    hashing._settle_ties(stream, begins, hashes, order)
    expected = sorted(range(len(runs)), key=lambda i: (hashes[i], runs[i]))
    assert [(hashes[i], runs[i]) for i in order] == [(hashes[i], runs[i]) for i in expected]
    assert sorted(order.tolist()) == list(range(len(runs)))


@given(RUNS, st.randoms())
def test_runs_are_gathered(runs, draw):
    stream = naive.stream(runs)
    order = draw.sample(range(len(runs)), draw.randint(0, len(runs)))
    out, known = np.zeros((2, 1 + sum(len(runs[i]) + 1 for i in order)), np.uint16)
    begins = np.flatnonzero(stream == 0)[:-1] + 1
    hashing._gather(stream, np.arange(len(stream), dtype=np.uint16), begins, np.array(order, np.int64), out, known)
    assert naive.unstream(out) == [runs[i] for i in order]
    assert stream[known[1:]].tolist() == out[1:].tolist()
    assert known[1:].tolist() == [place for i in order for place in range(begins[i], begins[i] + len(runs[i]) + 1)]


@pytest.mark.parametrize("parts", [[], [parts_of([], [], [])]])
def test_nothing_to_shuffle(parts):
    assert [array.tolist() for array in shuffle_runs(parts)] == [[0], [0]]
