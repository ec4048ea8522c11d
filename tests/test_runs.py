"""From blocks of text to streams of symbol ids."""

import itertools
from collections import Counter
from dataclasses import astuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import CorpusError
from segtool.text import runs as running
from segtool.text.folding import fold_table
from segtool.text.runs import MAX_SYMBOLS, Corpus, RunCollector, corpus_chunks
from segtool.text.stats import CorpusStats
from segtool.text.symbols import LAT, NUM
from tests import naive, naive_count, naive_run_hashes

LINES = st.lists(
    st.text(st.sampled_from("一丁七𠮷〇1５.%aＡ，。\u0301 \t"), max_size=10).map(lambda line: line + "\n"),
    max_size=6,
)


def collect(blocks):
    collector = RunCollector()
    for block in blocks:
        collector.add(block)
    return Corpus([collector], False).whole()


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


def test_runs_can_be_asked_for_between_blocks():
    collector = RunCollector()
    collector.add("七一")
    assert same(Corpus([collector], False).whole(), collect(["七一"]))
    collector.add("丁")
    assert same(Corpus([collector], False).whole(), collect(["七一\n丁"]))


def test_a_text_of_many_blocks_and_chunks():
    blocks = ["".join(chr(0x4E00 + i % n) for i in range(n)) + "。一\n" for n in range(1, 40)]
    with patch.object(running, "CHUNK", 50):
        collector = RunCollector()
        for block in blocks:
            collector.add(block)
        assert collector.chunks > 10
        check(Corpus([collector], False).whole(), "".join(blocks))


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


# Long runs


CODES = st.lists(st.sampled_from([-1, 0, 1, 2, 0x4E00, 0x4E01]), max_size=30)


@given(CODES, st.integers(1, 6), st.integers(3, 6))
def test_append(codes, longest, room):
    """Boundaries are merged, long runs ended, and codes get ids as they come, as far as there is room."""
    split = [list(group) for han, group in itertools.groupby(codes, lambda code: code > 0) if han]
    pieces = [piece for run in split for piece in naive_run_hashes.kept(run, longest)]
    ids = {1: 1, 2: 2}
    for code in itertools.chain(*pieces):
        ids.setdefault(code, len(ids) + 1)
    table, known = np.zeros(0x4E02, np.uint16), np.zeros(room, np.int32)
    table[1:3] = known[1:3] = 1, 2
    out = np.zeros(len(codes) + len(codes) // longest + 1, np.uint16)
    size, used = running._append(np.array(codes, np.int32), len(codes), table, known, 3, longest, out)
    if len(ids) >= room:
        assert size == -1
        return
    assert out[:size].tolist() == [symbol for piece in pieces for symbol in (*(ids[code] for code in piece), 0)]
    assert used == len(ids) + 1
    assert known[1:used].tolist() == list(ids)


@pytest.mark.parametrize("length", [4, 5, 9, 10, 11])
def test_runs_that_are_too_long_are_ended(length):
    text = "一丁七𠮷〇"[: length % 7] + "一" * (length - length % 7 if length > 7 else 0)
    with patch.object(running, "LONGEST_RUN", 5):
        collector = RunCollector()
        collector.add(f"{text}。{text}\n")
        runs = Corpus([collector], False).whole()
    found = ["".join(chr(runs.codes[i]) for i in run) for run in naive.unstream(runs.stream)]
    assert found == 2 * [text[i : i + 5] for i in range(0, len(text), 5)]
    assert collector.stats.longest_run == min(len(text), 5)


# Chunks


@given(LINES.filter(bool), st.integers(1, 20))
def test_streams_are_cut(lines, size):
    stream = collect(lines).stream
    with patch.object(running, "CHUNK", size):
        cuts = corpus_chunks(stream)
    boundaries = [i for i, symbol in enumerate(stream) if symbol == 0]
    places = sorted({next(i for i in boundaries if i >= at) for at in range(0, len(stream), size)} | {len(stream) - 1})
    assert cuts == list(itertools.pairwise(places))


TEXTS = st.lists(st.text(st.sampled_from("發发髮后後1a。一"), max_size=12), min_size=1, max_size=5)


def parts_of(texts, size):
    """Each text as a part of a corpus."""
    parts = []
    with patch.object(running, "CHUNK", size):
        for text in texts:
            part = RunCollector()
            part.add(text)
            assert part.chunks == part.chunks
            parts.append(part)
    return parts


@given(TEXTS, st.booleans(), st.integers(1, 12))
def test_parts_are_one_corpus(texts, fold, size):
    """Chunk by chunk and as a whole, with ids and displayed characters of the whole."""
    runs = Corpus(parts_of(texts, size), fold)
    whole = Corpus(parts_of(["\n".join(texts)], 1 << 18), fold).whole()
    streams = [runs.chunk(i) for i in range(len(runs))]
    assert list(itertools.chain(*(naive.unstream(chunk.stream) for chunk in streams))) == naive.unstream(whole.stream)
    assert originals(runs.whole()) == originals(whole) == list(itertools.chain(*map(originals, streams)))
    assert same(runs.whole(), whole)
    assert runs.whole().alphabet.display.tolist() == whole.alphabet.display.tolist()
    assert runs.stats.positions == len(whole.stream) - 1
    written = list(itertools.chain(*(naive.unstream(chunk) for chunk in runs.written_chunks())))
    found = [run for text in texts for run in naive.runs(text)]
    assert [[int(runs.stats.written[i]) for i in run] for run in written] == found


def originals(runs):
    """Runs as they were written."""
    written = runs.alphabet.display[runs.stream].astype(np.int64)
    places, codes = runs.odd()
    written[places] = codes
    written[runs.stream == 0] = 0
    return naive.unstream(written)


@given(TEXTS, st.booleans())
def test_displayed_characters(texts, fold):
    """The most frequent character of those that count as one."""
    runs = Corpus(parts_of(texts, 5), fold)
    table = fold_table() if fold else np.arange(0x110000)
    found = [run for text in texts for run in naive.runs(text)]
    assert originals(runs.whole()) == found
    counts = {}
    for code in itertools.chain(*found):
        counts.setdefault(int(table[code]), Counter())[code] += 1
    for code, face in zip(runs.codes.tolist(), runs.alphabet.display.tolist(), strict=True):
        assert face == (naive.face(counts[code]) if code in counts else code)
    odd = {code for code, seen in counts.items() if len(seen) > 1}
    assert set(runs.codes[runs.odd_symbols].tolist()) == odd


@given(TEXTS, st.booleans(), st.integers(1, 12), st.randoms())
def test_order_and_grouping_of_parts_change_no_digest(texts, fold, size, draw):
    one = Corpus(parts_of(texts, size), fold)
    other = Corpus(parts_of(draw.sample(texts, len(texts)), 1 << 18), fold)
    assert plain(one.stats) == plain(other.stats)
    for name in ("codes", "display"):
        assert getattr(one.alphabet, name).tolist() == getattr(other.alphabet, name).tolist()


# Statistics


def plain(stats):
    """All values of statistics, arrays as lists with their type."""
    return [(value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value for value in astuple(stats)]


def stats_of(text):
    collector = RunCollector()
    collector.add(text)
    return collector.stats


@given(st.text(st.sampled_from("發发髮后後1a。一"), max_size=30))
def test_stats_are_naive(text):
    runs = naive.runs(text)
    counts = Counter(itertools.chain(*runs)) | Counter({0: len(runs)})
    found = stats_of(text)
    assert found.written.tolist() == sorted({0, NUM, LAT, *counts})
    assert found.counts.tolist() == [counts[code] for code in found.written.tolist()]
    assert (found.runs, found.symbols) == (len(runs), sum(map(len, runs)))
    assert found.positions == found.runs + found.symbols
    assert found.longest_run == max(map(len, runs), default=0)
    assert found.digest == sum(map(naive_run_hashes.hash_of, runs)) % (1 << 64)
    hashes = [naive_run_hashes.hash_of(fold_table()[run].tolist()) for run in runs]
    assert found.hash_sizes.tolist() == naive_run_hashes.sizes(hashes, map(len, runs))


@given(TEXTS, st.randoms())
def test_stats_add_up(texts, draw):
    """In any order and grouping; the statistics of nothing change nothing."""
    whole, parts = stats_of("\n".join(texts)), [stats_of(text) for text in texts]
    draw.shuffle(parts)
    while len(parts) > 1:
        at = draw.randrange(len(parts) - 1)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    assert plain(parts[0]) == plain(whole) == plain(whole + CorpusStats()) == plain(CorpusStats() + whole)


@given(LINES, st.integers(1, 15))
def test_stats_of_blocks(lines, size):
    """Of a block at a time or of all."""
    chunk = collect(lines)
    blocks = [np.array(each, np.uint16) for each in naive_count.run_blocks(chunk.stream.tolist(), size)]
    total = sum((CorpusStats.of(block, chunk.codes) for block in blocks), CorpusStats())
    assert plain(total) == plain(CorpusStats.of(chunk.stream, chunk.codes)) == plain(stats_of("".join(lines)))


def test_parts_that_together_hold_too_many_characters():
    parts = parts_of([han(40_000), "".join(map(chr, range(0x4E00, 0x9FFF)))], 1 << 18)
    assert Corpus(parts, True).stats.symbols == 40_000 + 0x9FFF - 0x4E00
    parts += parts_of(["".join(map(chr, range(0x3400, 0x4DB0)))], 1 << 18)
    with pytest.raises(CorpusError, match="65,000 different Han characters"):
        Corpus(parts, True)
