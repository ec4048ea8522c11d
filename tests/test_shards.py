"""Count shards: what is written is read, the same content gives the same bytes, and damage is told."""

import json
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import astuple
from itertools import chain
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import ModelError, OutputError, UsageError
from segtool.ngrams import blocks, shards
from segtool.ngrams.blocks import BLOCK_RECORD
from segtool.ngrams.merge import merge_ngrams
from segtool.ngrams.shards import Shard, ShardWriter, open_shards
from segtool.ngrams.table import NGramTable
from segtool.store.cards import card_checksum, write_array
from segtool.store.files import atomic_directory
from segtool.text.stats import CorpusStats
from tests import naive, naive_count
from tests.helpers import folder
from tests.naive_count import ORDERS, RUNS, SOME_RUNS

ROOMS = st.integers(0, 60)
SMALL = st.integers(1, 20)


def stream_of(runs, written):
    ids = {int(code): i for i, code in enumerate(written)}
    return naive.stream([[ids[code] for code in run] for run in runs])


def write(folder, runs, order=4, counts=None, fold=True, pieces=1):
    """Write the shard of some runs; these come in pieces."""
    codes, levels = naive_count.trie(runs, order)
    counts = counts or naive_count.sliced(codes, levels, 20)
    with ShardWriter(folder, codes, codes, fold, order) as writer:
        for i in range(pieces):
            writer.add_runs(stream_of(runs[i * len(runs) // pieces : (i + 1) * len(runs) // pieces], codes))
        writer.add_bigrams(counts.frequency, counts.bigrams)
        for each in counts.slices():
            writer.add_slice(each)
        writer.finish({"runs": len(runs)})
    return folder


@contextmanager
def small_blocks(ngrams, symbols=1 << 18):
    with patch.multiple(shards, NGRAMS_PER_BLOCK=ngrams, CHUNK=symbols):
        yield


def content(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.fixture
def shard(tmp_path):
    (tmp_path / "shard").mkdir()
    with small_blocks(20, 8):
        return write(tmp_path / "shard", SOME_RUNS)


def read_all(path):
    found = Shard.open(path)
    return (
        naive_count.plain(*naive_count.whole(found)),
        found.sizes().tolist(),
        [found.chunk(i).tolist() for i in range(found.chunks)],
        (found.fold, found.order, found.corpus, found.written.tolist()),
    )


@given(RUNS, ORDERS, SMALL, SMALL, st.booleans())
def test_what_is_written_is_read(runs, order, ngrams, symbols, fold):
    with folder() as path, small_blocks(ngrams, symbols):
        read = Shard.open(write(path, runs, order, fold=fold))
        codes, levels = naive_count.trie(runs, order)
        assert naive_count.same(naive_count.whole(read), (codes, levels))
        assert naive_count.same(naive_count.whole(read), (codes, levels))
        assert naive_count.plain(codes, [read.bigrams]) == naive_count.plain(codes, [levels[1]])
        sizes = naive_count.sizes(runs, order)
        assert read.sizes().tolist() == sizes
        assert [each.high for each in read.slices()] == naive_count.range_ends(sizes, ngrams)
        stream = stream_of(runs, codes)
        found = [read.chunk(i).tolist() for i in range(read.chunks)]
        assert found == naive_count.run_blocks(stream.tolist(), symbols)
        assert all(read.chunk(i).dtype == np.uint16 for i in range(read.chunks))
        assert (read.fold, read.order, read.corpus["runs"]) == (fold, order, len(runs))
        for here, there in zip(astuple(read.stats), astuple(CorpusStats.of(stream, codes)), strict=True):
            assert np.array_equal(here, there)
        assert read.written.tolist() == codes.tolist()


@given(RUNS, ORDERS, SMALL, st.data())
def test_any_slice_is_read(runs, order, ngrams, data):
    with folder() as path, small_blocks(ngrams):
        read = Shard.open(write(path, runs, order))
        codes, levels = naive_count.trie(runs, order)
        low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(levels[1]))] * 2)))
        found, expected = read.slice(low, high), NGramTable(codes, levels).slice(low, high)
        assert (found.low, found.high) == (low, high)
        assert naive_count.same((codes, found.levels), (codes, expected.levels))


@given(RUNS, ORDERS, ROOMS, st.integers(1, 7), SMALL, SMALL)
def test_same_content_same_bytes(runs, order, room, pieces, ngrams, symbols):
    """However slices and runs were cut, and whether the counts were merged."""
    with folder() as one, folder() as other, folder() as third, small_blocks(ngrams, symbols):
        trie = naive_count.trie(runs, order)
        write(one, runs, order, naive_count.sliced(*trie, 1 << 20))
        write(other, runs, order, naive_count.sliced(*trie, room), pieces=pieces)
        half = len(runs) // 2
        parts = [NGramTable(*naive_count.trie(each, order)) for each in (runs[half:], runs[:half])]
        write(third, runs, order, merge_ngrams(parts, room), pieces=pieces)
        assert content(one) == content(other) == content(third)


@given(st.lists(RUNS, min_size=1, max_size=3), ORDERS, ROOMS, SMALL, st.integers(1, 3))
def test_shards_are_merged(corpora, order, room, ngrams, workers):
    with folder() as path, small_blocks(ngrams):
        paths = [path / str(i) for i in range(len(corpora))]
        for each, runs in zip(paths, corpora, strict=True):
            each.mkdir()
            write(each, runs, order)
        merged = merge_ngrams(open_shards(paths, allow_duplicates=True), room, workers)
        assert naive_count.same(naive_count.whole(merged), naive_count.trie(list(chain(*corpora)), order))


def test_runs_may_have_symbols_of_their_own(tmp_path):
    codes, levels = naive_count.trie([[0x4E00]], 3)
    written = np.array([0, 1, 2, 0x4E00, 0x4E01, 0x4E02], np.uint32)
    with ShardWriter(tmp_path, codes, written, True, 3) as writer:
        writer.add_runs(np.array([0, 5, 0], np.uint16))
        writer.add_bigrams(levels[0].count, levels[1])
        for each in NGramTable(codes, levels).slices():
            writer.add_slice(each)
        writer.finish({})
    read = Shard.open(tmp_path)
    assert (read.codes.tolist(), read.written.tolist()) == (codes.tolist(), written.tolist())
    assert read.chunk(0).tolist() == [0, 5, 0]


def test_shard_of_nothing(tmp_path):
    read = Shard.open(write(tmp_path, []))
    assert (read.chunks, len(read.bigrams), list(read.slices())) == (0, 0, [])


def test_counts_without_runs(tmp_path):
    codes, levels = naive_count.trie(SOME_RUNS, 4)
    with ShardWriter(tmp_path, codes, codes, True, 4) as writer:
        writer.add_bigrams(levels[0].count, levels[1])
        writer.add_slice(NGramTable(codes, levels).slice(0, len(levels[1])))
        writer.finish({})
    assert Shard.open(tmp_path).chunks == 0


# ---------------------------------------------------------------- misuse


@pytest.mark.parametrize("stream", [[], [3, 0], [0, 3], [0, 9, 0]])
def test_what_is_no_stream(tmp_path, stream):
    codes, _ = naive_count.trie(SOME_RUNS, 4)
    with (
        ShardWriter(tmp_path, codes, codes, True, 4) as writer,
        pytest.raises(UsageError, match="begin and end with a boundary"),
    ):
        writer.add_runs(np.array(stream, np.uint16))


def test_slices_in_disorder(tmp_path):
    codes, levels = naive_count.trie(SOME_RUNS, 4)
    part = NGramTable(codes, levels)
    with ShardWriter(tmp_path, codes, codes, True, 4) as writer:
        with pytest.raises(UsageError, match="follow one another"):
            writer.add_slice(part.slice(0, 1))
        with pytest.raises(UsageError, match="0 of 0"):
            writer.finish({})
        writer.add_bigrams(levels[0].count, levels[1])
        writer.add_slice(part.slice(0, 2))
        for low, high in ((0, 2), (3, 4)):
            with pytest.raises(UsageError, match="follow one another"):
                writer.add_slice(part.slice(low, high))
        with pytest.raises(UsageError, match=f"2 of {len(levels[1])} are there"):
            writer.finish({})
    assert not (tmp_path / "card.json").exists()


def test_shards_counted_in_different_ways(tmp_path):
    for name, order, fold in (("a", 4, True), ("b", 4, False), ("c", 5, True)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, SOME_RUNS, order, fold=fold)
    a, b, c = (tmp_path / name for name in "abc")
    assert [each.path for each in open_shards([a, a], allow_duplicates=True)] == [a, a]
    with pytest.raises(UsageError, match=f"{a} and {a} hold the same text, .*--allow-duplicates"):
        open_shards([a, a])
    for pair in ([a, b], [b, a]):
        with pytest.raises(UsageError, match=rf"{pair[0]} and {pair[1]} .* only {b} was counted with --no-fold"):
            open_shards(pair)
    with pytest.raises(UsageError, match=f"{a} and {c} .* 4 and 5 symbols: .*--max-word-len"):
        open_shards([a, c])


# ---------------------------------------------------------------- damage


def test_every_byte_counts(shard):
    """A byte that changes anywhere is noticed when the place is read, and told in one line."""
    before = read_all(shard)
    for file in sorted(shard.iterdir()):
        data = file.read_bytes()
        for i in range(0, len(data), 1 if file.suffix == ".bin" else max(7, len(data) // 200)):
            file.write_bytes(data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :])
            message = rf"{re.escape(str(shard))}.*(damaged|not the card|shard format)"
            with pytest.raises(ModelError, match=message) as error:
                read_all(shard)
            assert "\n" not in str(error.value)
        file.write_bytes(data)
    assert read_all(shard) == before


@pytest.mark.parametrize("name", ["ngrams.bin", "runs.bin", "symbols.npy", "ngrams_index.npy", "runs_index.npy"])
def test_short_and_missing_files(shard, name):
    data = (shard / name).read_bytes()
    for size in (0, 1, len(data) - 1):
        (shard / name).write_bytes(data[:size])
        with pytest.raises(ModelError, match=rf"{name}: damaged \(.* bytes instead of .*count it again"):
            Shard.open(shard)
    (shard / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: missing from the shard: .*count it again"):
        Shard.open(shard)


def test_files_that_change_while_they_are_read(shard):
    read = Shard.open(shard)
    data = (shard / "ngrams.bin").read_bytes()
    (shard / "ngrams.bin").write_bytes(data[:-1])
    with pytest.raises(ModelError, match=r"ngrams\.bin: damaged \(block .*: wrong checksum\): .*count it again"):
        read.sizes()
    (shard / "ngrams.bin").unlink()
    with pytest.raises(ModelError, match=r"ngrams\.bin: missing"):
        read.slice(0, 1)
    (shard / "ngrams.bin").mkdir()
    with pytest.raises(ModelError, match=r"ngrams\.bin: .*permissions"):
        read.slice(0, 1)


def change_card(path, **entries):
    card = json.loads((path / "card.json").read_text(encoding="utf-8")) | entries
    card["checksum"] = card_checksum(card)
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")


@pytest.mark.parametrize(
    "entries",
    [
        {"corpus": 3},
        {"parameters": 3},
        {"parameters": {}},
        {"parameters": {"fold": 1, "order": 4}},
        {"parameters": {"fold": True, "order": 1}},
    ],
)
def test_cards_that_say_nothing(shard, entries):
    change_card(shard, **entries)
    with pytest.raises(ModelError, match=r"card\.json: damaged"):
        Shard.open(shard)


def test_what_is_no_shard(shard, tmp_path):
    with pytest.raises(ModelError, match=r"nowhere: does not exist: make one with 'segtool count CORPUS -o"):
        Shard.open(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="is not a shard"):
        Shard.open(tmp_path)
    with pytest.raises(ModelError, match="a shard is a directory, this is a file"):
        Shard.open(shard / "ngrams.bin")
    change_card(shard, format_version=9)
    with pytest.raises(ModelError, match=r"shard format 9, .* reads format 1: count the shard again"):
        Shard.open(shard)


@contextmanager
def writing(name, array):
    """Let another array be written for one, as by another program."""

    def write_other(path, other_name, other):
        return write_array(path, other_name, array if other_name == name else other)

    with patch.object(shards, "write_array", write_other), patch.object(blocks, "write_array", write_other):
        yield


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("symbols", np.array([0, 1, 2, 9, 9, 10, 11], "<u4")),
        ("symbols", np.array([0, 1, 3, 4, 5, 9, 10], "<u4")),
        ("written", np.array([0, 1], "<u4")),
        ("frequency", np.array([3], "<i8")),
        ("frequency", np.array([3, 3, 3, 3, 3, -3], "<i8")),
        ("ngrams_index", np.zeros(0, BLOCK_RECORD)),
        ("ngrams_index", np.zeros(3, BLOCK_RECORD)),
        ("runs_index", np.array([(9, 0, -1, 3)], BLOCK_RECORD)),
    ],
)
def test_arrays_that_make_no_sense(tmp_path, name, array):
    with writing(name, array):
        write(tmp_path, SOME_RUNS)
    with pytest.raises(ModelError, match=r"damaged \(.*count it again"):
        Shard.open(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", ["ngrams.bin", "runs.bin", "symbols.npy", "card.json"])
def test_full_disk(tmp_path, name):
    target = tmp_path / "shard"
    with pytest.raises(OutputError, match="shard: cannot be written: No space left"), atomic_directory(target) as path:
        (path / name).symlink_to("/dev/full")
        write(path, SOME_RUNS)
    assert not target.exists()


def test_damage_while_shards_are_merged(shard, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(shard, other)
    parts = open_shards([shard, other], allow_duplicates=True)
    merged = merge_ngrams(parts, 5, workers=2)
    data = bytearray((other / "ngrams.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (other / "ngrams.bin").write_bytes(data)
    with pytest.raises(ModelError, match=r"other.ngrams\.bin: damaged"):
        list(merged.slices())
