"""The double-array trie: what was laid out is found by walking, and nothing else is."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.lexicon.trie import build_trie
from segtool.ngrams.table import spell
from tests import naive

ALPHABET = 4
NGRAMS = st.sets(st.lists(st.integers(0, ALPHABET - 1), min_size=2, max_size=4).map(tuple), max_size=25)


def levels(ngrams, alphabet, longest):
    """N-grams and what they begin with, laid down level by level: symbols, parents, and the n-grams."""
    every = naive.prefixes(ngrams) | {(symbol,) for symbol in range(alphabet)}
    grams = [sorted(gram for gram in every if len(gram) == k) for k in range(1, longest + 1)]
    places = [{gram: i for i, gram in enumerate(level)} for level in grams]
    symbols = [np.array([gram[-1] for gram in level], np.uint16) for level in grams]
    parents = [
        np.array([places[k - 1][gram[:-1]] if k else 0 for gram in level], np.int32) for k, level in enumerate(grams)
    ]
    return symbols, parents, grams


def walk(base, check, gram):
    """Node of an n-gram, None if it leads nowhere; an index out of range raises."""
    node = gram[0]
    assert check[node] == -2
    for symbol in gram[1:]:
        child = base[node] + symbol
        if check[child] != node:
            return None
        node = child
    return node


def verify(base, check, nodes, grams, wanted, alphabet):
    """Everything that the docstrings promise."""
    there = naive.prefixes(gram for level in wanted for gram in level) | {(s,) for s in range(alphabet)}
    found = {}
    base_list, check_list = base.tolist(), check.tolist()
    for level, where in zip(grams, nodes, strict=True):
        for gram, node in zip(level, where.tolist(), strict=True):
            assert walk(base_list, check_list, gram) == (node if gram in there else None)
            if gram in there:
                found[gram] = node
            else:
                assert node == -1
    assert found.keys() == there
    assert len(set(found.values())) == len(found)
    assert all(found[(symbol,)] == symbol for symbol in range(alphabet))
    assert (base.dtype, check.dtype, base.shape) == (np.int32, np.int32, check.shape)
    taken = np.zeros(len(check), np.bool_)
    taken[list(found.values())] = True
    assert np.all(check[~taken] == -1)
    assert np.all(check[:alphabet] == -2) and np.all(check[alphabet:] != -2)
    assert base.min() >= 0
    assert base.max() + alphabet <= len(base)
    parents = {gram[:-1] for gram in there}
    assert all((base[node] == 0) == (gram not in parents) for gram, node in found.items())
    return there


@given(NGRAMS, st.data())
def test_wanted_ngrams_are_found_and_nothing_else(ngrams, data):
    longest = 4
    symbols, parents, grams = levels(ngrams, ALPHABET, longest)
    masks = [np.array([data.draw(st.booleans()) for _ in level], np.bool_) for level in grams]
    wanted = [[gram for gram, want in zip(*both, strict=True) if want] for both in zip(grams, masks, strict=True)]
    given_masks = [mask.copy() for mask in masks]
    base, check, nodes = build_trie(symbols, parents, masks)
    assert all(map(np.array_equal, masks, given_masks)), "what was passed in is not written to"
    there = verify(base, check, nodes, grams, wanted, ALPHABET)
    for k in range(1, longest + 1):
        for gram in itertools.product(range(ALPHABET), repeat=k):
            assert (walk(base, check, gram) is not None) == (gram in there)


@given(NGRAMS)
def test_same_ngrams_give_the_same_arrays(ngrams):
    symbols, parents, grams = levels(ngrams, ALPHABET, 4)
    masks = [np.ones(len(level), np.bool_) for level in grams]
    one, other = build_trie(symbols, parents, masks), build_trie(symbols, parents, masks)
    assert [a.tobytes() for a in (*one[:2], *one[2])] == [a.tobytes() for a in (*other[:2], *other[2])]


def test_unwanted_ngrams_leave_no_trace():
    """The arrays depend on what is wanted, not on what else there was to choose from."""
    some = {(1, 2), (1, 2, 3), (3, 3)}
    symbols, parents, grams = levels(some | {(0, 1), (1, 2, 1), (2, 2, 2)}, ALPHABET, 3)
    masks = [np.array([gram in some for gram in level], np.bool_) for level in grams]
    base, check, _ = build_trie(symbols, parents, masks)
    symbols, parents, grams = levels(some, ALPHABET, 3)
    alone = build_trie(symbols, parents, [np.ones(len(level), np.bool_) for level in grams])
    assert (base.tobytes(), check.tobytes()) == (alone[0].tobytes(), alone[1].tobytes())


@pytest.mark.parametrize(
    ("alphabet", "count", "spread"),
    [(300, 6000, 300), (2000, 3000, 2000), (2000, 3000, 5), (9, 6000, 9), (40_000, 100, 40_000), (1, 1, 1)],
)
def test_many_families(alphabet, count, spread):
    """Families that collide often, so that the search gives up on full stretches and the array grows."""
    draw = np.random.default_rng(count)
    heads = draw.integers(0, spread, (count, 3))
    lasts = draw.integers(0, alphabet, (count, 2))
    ngrams = {tuple(gram) for gram in np.column_stack([heads[:, 0], lasts]).tolist()}
    ngrams |= {tuple(gram) for gram in np.column_stack([heads[:, :2], lasts]).tolist()}
    symbols, parents, grams = levels(ngrams, alphabet, 4)
    masks = [draw.random(len(level)) < 0.7 for level in grams]
    base, check, nodes = build_trie(symbols, parents, masks)
    wanted = [[gram for gram, want in zip(*both, strict=True) if want] for both in zip(grams, masks, strict=True)]
    there = verify(base, check, nodes, grams, wanted, alphabet)
    for gram in draw.integers(0, alphabet, (5000, 2)).tolist():
        assert (walk(base, check, gram) is not None) == (tuple(gram) in there)


def test_array_has_room_behind_the_last_node():
    """However full the array is that the search was given."""
    alphabet = 100
    for count in range(700, 800, 5):
        draw = np.random.default_rng(0)
        pairs = np.column_stack([draw.integers(0, alphabet, count), draw.integers(0, alphabet, count)])
        ngrams = set(map(tuple, pairs.tolist()))
        symbols, parents, grams = levels(ngrams, alphabet, 2)
        masks = [np.ones(len(level), np.bool_) for level in grams]
        base, check, nodes = build_trie(symbols, parents, masks)
        verify(base, check, nodes, grams, grams, alphabet)


def test_ngrams_of_real_text(sample_candidates):
    candidates = sample_candidates.levels
    grams = [
        list(map(tuple, spell(candidates, k, np.arange(len(level))).tolist())) for k, level in enumerate(candidates, 1)
    ]
    masks = [level.count % 3 > 0 for level in candidates]
    base, check, nodes = build_trie(
        [level.symbol for level in candidates], [level.parent for level in candidates], masks
    )
    wanted = [[gram for gram, want in zip(*both, strict=True) if want] for both in zip(grams, masks, strict=True)]
    there = verify(base, check, nodes, grams, wanted, len(candidates[0]))
    assert len(there) > 1000
    assert len(base) < 3 * len(candidates[0]) + 2 * len(there)


def test_single_symbols_only():
    base, check, nodes = build_trie([np.arange(5, dtype=np.uint16)], [np.zeros(5, np.int32)], [np.zeros(5, np.bool_)])
    assert check[:5].tolist() == [-2] * 5
    assert nodes[0].tolist() == list(range(5))
    assert not np.any(base)
    assert len(base) >= 5
