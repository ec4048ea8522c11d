"""Blocks of count shards: what is packed is unpacked, and damage is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.ngrams import blocks
from segtool.ngrams.blocks import DamagedBlock
from tests import naive_count
from tests.naive_count import ORDERS, RUNS, SOME_RUNS

NUMBERS = st.lists(st.integers(0, 300) | st.integers(0, 2**63 - 1), max_size=9)


@given(NUMBERS)
def test_varints(numbers):
    written = blocks._varints([np.array(numbers, np.int64)])
    assert bytes(written) == naive_count.varints(numbers)
    read = np.empty(len(numbers), np.int64)
    assert blocks._read_varints(written, read) == len(written)
    assert read.tolist() == numbers
    assert blocks.unpack_numbers(blocks.pack_numbers(np.array(numbers, np.int64)), len(numbers)).tolist() == numbers


@given(st.binary(max_size=12), st.integers(1, 3))
def test_varints_of_any_bytes(data, length):
    """Read numbers, if they are written back as they stand there, or refuse."""
    read = np.zeros(length, np.int64)
    used = blocks._read_varints(np.frombuffer(data, np.uint8), read)
    ends = [i + 1 for i, byte in enumerate(data) if byte < 128][:length]
    spans = list(pairwise([0, *ends]))
    whole = len(ends) == length and all(end - begin <= 9 for begin, end in spans)
    assert used == (ends[-1] if whole else -1)
    if whole:
        digits = [[byte & 127 for byte in data[begin:end]] for begin, end in spans]
        assert read.tolist() == [sum(digit << 7 * i for i, digit in enumerate(each)) for each in digits]


FAMILIES = st.lists(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), max_size=3), max_size=4)


@given(FAMILIES, st.integers(-2, 2))
def test_lay_out(families, more):
    """Children lie behind one another; more or fewer than there are, or of no alphabet, are refused."""
    rows = [(symbol, i + 5, count) for i, family in enumerate(families) for symbol, count in family]
    fans = [len(family) for family in families]
    if families:
        fans[-1] = max(fans[-1] + more, 0)
    level = naive_count.level(rows)
    parent = np.zeros(len(rows), np.int32)
    good = blocks._lay_out(np.array(fans, np.int64), level.symbol, level.count, 6, 5, parent)
    symbols = [[symbol for symbol, _ in family] for family in families]
    ascending = all(each == sorted(set(each)) for each in symbols)
    known = all(symbol < 6 and count > 0 for symbol, _, count in rows)
    assert good == (ascending and known and fans == [len(family) for family in families])
    if good:
        assert parent.tolist() == [i for _, i, _ in rows]


@given(RUNS, ORDERS)
def test_levels(runs, order):
    codes, levels = naive_count.trie(runs, order)
    symbols = len(codes)
    read = blocks.unpack_levels(blocks.pack_levels(levels[1:], 0, symbols), 0, symbols, order - 1, symbols)
    assert naive_count.same((codes, read), (codes, levels[1:]))


def refused(unpack, data):
    """Whether every change of one byte that changes the content, and every other length, is refused."""
    content = unpack(data)
    for i in range(len(data)):
        for bit in (1, 128):
            try:
                changed = unpack(data[:i] + bytes([data[i] ^ bit]) + data[i + 1 :])
            except DamagedBlock:
                continue
            assert changed == content  # zlib leaves some bits unused
        with pytest.raises(DamagedBlock):
            unpack(data[:i])
    with pytest.raises(DamagedBlock):
        unpack(data + b"\0")


def test_damaged_blocks():
    """Without the checksum of the whole, too."""
    codes, levels = naive_count.trie(SOME_RUNS, 4)
    symbols = len(codes)
    data = blocks.pack_levels(levels[1:], 0, symbols)
    refused(lambda data: naive_count.plain(codes, blocks.unpack_levels(data, 0, symbols, 3, symbols)), data)
    refused(lambda data: blocks.unpack_numbers(data, 4).tolist(), blocks.pack_numbers(np.array([0, 1, 500, 1 << 40])))
    stream = np.array([0, 3, 4, 0, 5, 0], np.uint16)
    refused(lambda data: blocks.unpack_stream(data, 6, 6).tolist(), blocks.pack_stream(stream))


@pytest.mark.parametrize(("high", "lengths", "alphabet"), [(6, 3, 5), (7, 3, 6), (5, 3, 6), (6, 2, 6), (6, 4, 6)])
def test_blocks_of_other_ngrams(high, lengths, alphabet):
    codes, levels = naive_count.trie(SOME_RUNS, 4)
    assert len(codes) == 6
    with pytest.raises(DamagedBlock):
        blocks.unpack_levels(blocks.pack_levels(levels[1:], 0, 6), 0, high, lengths, alphabet)


@pytest.mark.parametrize(
    ("stream", "length", "alphabet"),
    [([0, 3, 4, 0], 4, 4), ([0, 3, 4, 0], 3, 5), ([], 0, 5), ([3, 4, 0], 3, 5), ([0, 3, 4], 3, 5)],
)
def test_blocks_of_other_streams(stream, length, alphabet):
    with pytest.raises(DamagedBlock):
        blocks.unpack_stream(blocks.pack_stream(np.array(stream, np.uint16)), length, alphabet)


def test_blocks_of_other_numbers():
    with pytest.raises(DamagedBlock):
        blocks.unpack_numbers(blocks.pack_numbers(np.arange(3)), 4)


def test_large_counts_and_ids():
    level = naive_count.level([(0, 0, 1), (65_535, 0, 2**48), (7, 2, 127)])
    data = blocks.pack_levels([level], 0, 3)
    (read,) = blocks.unpack_levels(data, 0, 3, 1, 65_536)
    assert naive_count.same((level.symbol, [read]), (level.symbol, [level]))
