"""From blocks of text to one stream of symbol ids."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import CorpusError
from segtool.runs import MAX_SYMBOLS, RunCollector
from segtool.symbols import LAT, NUM
from tests import naive

LINES = st.lists(
    st.text(st.sampled_from("一丁七𠮷〇1５.%aＡ，。\u0301 \t"), max_size=10).map(lambda line: line + "\n"),
    max_size=6,
)


def collect(blocks):
    collector = RunCollector()
    for block in blocks:
        collector.add(block)
    return collector.runs()


def same(one, other):
    return all(
        (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        for a, b in ((one.stream, other.stream), (one.codes, other.codes))
    )


def check(runs, text):
    """`runs` is what the definition says of a text."""
    expected = naive.runs(text)
    assert [[int(runs.codes[i]) for i in run] for run in naive.unstream(runs.stream)] == expected
    assert runs.codes.tolist() == sorted({0, NUM, LAT}.union(*expected))
    assert (runs.stream.dtype, runs.codes.dtype) == (np.uint16, np.uint32)
    assert runs.stream[0] == 0
    assert runs.count == len(expected)
    assert runs.symbols == sum(map(len, expected))


@given(LINES)
def test_runs_are_naive(lines):
    check(collect(["".join(lines)]), "".join(lines))


def test_runs_of_real_text(sample_runs, sample_text):
    check(sample_runs, sample_text)


@given(LINES, st.data())
def test_blocks_may_be_any_lines(lines, data):
    whole = collect(["".join(lines)])
    assert same(collect(lines), whole)
    cuts = [0, *sorted(data.draw(st.sets(st.integers(0, len(lines))))), len(lines)]
    blocks = ["".join(lines[low:high]) for low, high in itertools.pairwise(cuts)]
    assert same(collect(blocks), whole)


def test_blocks_of_real_text(sample_runs, sample_text):
    assert same(collect(sample_text.splitlines(keepends=True)), sample_runs)


def test_a_block_ends_a_run():
    assert naive.unstream(collect(["一", "一"]).stream) == [[3], [3]]


def test_the_order_of_lines_does_not_change_the_codes():
    one, other = collect(["七\n", "一\n"]), collect(["一\n", "七\n"])
    assert one.codes.tolist() == other.codes.tolist() == [0, NUM, LAT, ord("一"), ord("七")]
    assert one.stream.tolist() == [0, 4, 0, 3, 0]


@pytest.mark.parametrize("text", ["", "\n\n", "。，！", "のの"])
def test_nothing_to_learn_from(text):
    runs = collect([text])
    assert runs.stream.tolist() == [0]
    assert (runs.count, runs.symbols) == (0, 0)


def test_collector_is_empty_afterwards():
    collector = RunCollector()
    collector.add("七一")
    collector.runs()
    collector.add("丁")
    assert same(collector.runs(), collect(["丁"]))


def han(count):
    """A line of different Han characters, the last ones first."""
    return "".join(map(chr, range(0x20000 + count - 1, 0x1FFFF, -1)))


def test_as_many_characters_as_can_be_told_apart():
    runs = collect([han(MAX_SYMBOLS)])
    assert runs.codes[runs.stream[1:-1]].tolist() == list(map(ord, han(MAX_SYMBOLS)))
    assert runs.codes[3:].tolist() == sorted(map(ord, han(MAX_SYMBOLS)))


@pytest.mark.parametrize("blocks", [[han(65_001)], [han(64_000), han(65_001)], [han(65_534)]])
def test_more_characters_than_can_be_told_apart(blocks):
    with pytest.raises(CorpusError, match="65,000 different Han characters"):
        collect(blocks)
