"""However much memory there is to count a corpus, the same model comes out."""

import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool.errors import CorpusError, OutputError
from segtool.ngrams import counter as counting
from segtool.ngrams.count_stage import count
from segtool.ngrams.counter import CorpusCounter, collect_corpus
from segtool.ngrams.shards import Shard, ShardWriter
from segtool.ngrams.table import gather
from segtool.training import train
from tests import naive, naive_count
from tests.helpers import SAMPLE, contents, folder, random_text, sample_model, sample_text
from tests.memory import LINES, little_memory, spills

# Blocks of text


@settings(max_examples=50)
@given(LINES, st.integers(2, 5), st.booleans(), st.integers(1, 60), st.integers(1, 2))
def test_counts_are_naive_in_memory_or_not(lines, order, fold, room, least):
    """Runs and counts of a counter that spills whenever it holds so many symbols."""
    whole = collect_corpus(lines, fold)
    expected = naive.ngrams(naive.unstream(whole.whole().stream), order)
    for keep in (True, False):
        with folder() as path:
            counter = CorpusCounter(order, fold, room, lambda path=path: path)
            for line in lines:
                counter.add(line)
            counted = counter.finish(least, room, keep)
            assert naive.unstream(counted.corpus.whole().stream) == naive.unstream(whole.whole().stream)
            assert counted.corpus.codes.tolist() == whole.codes.tolist() == counted.ngrams.codes.tolist()
            assert counted.corpus.alphabet.display.tolist() == whole.alphabet.display.tolist()
            counts = gather(counted.ngrams)
            found = {
                tuple(gram): int(times)
                for k, level in enumerate(counts.levels, 1)
                for gram, times in zip(naive_count.grams(counts, k).tolist(), level.count, strict=True)
                if times
            }
            rare = {gram for gram, times in expected.items() if times < least and len(gram) > 1}
            assert {gram: times for gram, times in found.items() if gram not in rare} == {
                gram: times for gram, times in expected.items() if gram not in rare
            }
            assert {gram: expected[gram] for gram in found} == found


def test_counter_holds_no_more_than_there_is_room_for(tmp_path):
    counter = CorpusCounter(3, True, 100, lambda: tmp_path)
    for i in range(50):
        counter.add(chr(0x4E00 + i) * 30 + "\n")
    assert [path.name for path in counter.shards] == [f"spill-{i:05}" for i in range(12)]
    assert [Shard.open(path).frequency.sum() for path in counter.shards] == [4 * 31] * 12


def test_nothing_is_written_where_there_is_room():
    counter = CorpusCounter(3, True, 1000, lambda: pytest.fail("no folder is needed"))
    counter.add("今天天气很好\n")
    assert counter.finish(1, 1000).corpus.stats.symbols == 6


@pytest.mark.parametrize("room", [1, 1000])
@pytest.mark.parametrize(
    ("blocks", "what"), [([], "empty"), ([""], "empty"), (["\n", "。"], "no Han"), (["abc 1\n", "2"], "no Han")]
)
def test_nothing_to_count(tmp_path, room, blocks, what):
    counter = CorpusCounter(3, True, room, lambda: tmp_path)
    for block in blocks:
        counter.add(block)
    with pytest.raises(CorpusError, match=what):
        counter.finish(1, 1000)
    with pytest.raises(CorpusError, match=what):
        collect_corpus(blocks)


def test_counting_goes_on_where_another_was_killed(tmp_path):
    """It may have left shards, whole or not, or all of them."""
    one, other, third = (CorpusCounter(3, True, 20, lambda: tmp_path) for _ in range(3))
    texts = ["今天天气很好\n" * 3, "我们去公园\n" * 5, "好\n"]
    one.add(texts[0])
    (tmp_path / "spill-00001").mkdir()
    (tmp_path / "spill-00001" / "runs.bin").touch()
    for text in texts:
        other.add(text)
    other.spill()
    other.spill()
    assert [path.name for path in other.shards] == ["spill-00000", "spill-00001", "spill-00002"]
    assert third.resume([path.name for path in other.shards])
    found = third.finish(1, 100)
    assert naive.unstream(found.corpus.whole().stream) == naive.unstream(collect_corpus(texts).whole().stream)
    (tmp_path / "spill-00001" / "symbols.npy").unlink()
    again = CorpusCounter(3, True, 20, lambda: tmp_path)
    assert not again.resume([path.name for path in other.shards])
    assert again.shards == []
    for text in texts:
        again.add(text)
    shutil.rmtree(tmp_path / "merged")
    assert again.finish(1, 100).corpus.stats.symbols == found.corpus.stats.symbols == 44


# The same bytes


@pytest.mark.parametrize("options", [{}, {"method": "lm"}, {"method": "entropy"}, {"fold": False, "with_lm": True}])
@pytest.mark.parametrize("workers", [1, 3])
def test_models_do_not_depend_on_memory(tmp_path, options, workers):
    train(SAMPLE, tmp_path / "much", **options)
    with little_memory(), spills() as paths:
        train(SAMPLE, tmp_path / "little", workers=workers, **options)
    assert len(paths) > 5
    assert contents(tmp_path / "little") == contents(tmp_path / "much")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["little", "much"]
    if not options:
        assert contents(tmp_path / "much") == contents(sample_model())


@pytest.mark.parametrize("min_count", [1, 2, 3])
@pytest.mark.parametrize(("symbols", "ngrams"), [(1, 1), (700, 300), (2500, 1 << 20)])
def test_any_room(tmp_path, min_count, symbols, ngrams):
    text = sample_text()[:2500].splitlines(keepends=True)
    parameters = {"min_count": min_count, "max_word_len": 3}
    train(texts=text, output=tmp_path / "much", **parameters)
    with little_memory(symbols, ngrams):
        train(texts=text, output=tmp_path / "little", **parameters)
    assert contents(tmp_path / "little") == contents(tmp_path / "much")


def test_models_without_an_output_do_not_depend_on_memory_either(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with little_memory(), spills() as paths:
        found = train(texts=sample_text().splitlines(keepends=True)).model
    assert {path.parent.parent for path in paths} == {tmp_path / "tmp"}
    assert contents(tmp_path) == {"here": None, "tmp": None}
    for name in ("symbols", "lexicon", "words", "spelling", "faces"):
        assert getattr(found, name).tobytes() == getattr(segtool.load(sample_model()).model, name).tobytes()


def test_a_sample_does_not_depend_on_memory(tmp_path):
    train(SAMPLE, tmp_path / "much", sample=0.5, seed=3)
    with little_memory(500):
        train(SAMPLE, tmp_path / "little", sample=0.5, seed=3)
    assert contents(tmp_path / "little") == contents(tmp_path / "much")


def test_temporary_files_are_where_they_are_said_to_be(tmp_path):
    (tmp_path / "tmp").mkdir()
    for tmp, expected in ((tmp_path / "tmp", tmp_path / "tmp"), (None, tmp_path)):
        with little_memory(), spills() as paths:
            train(SAMPLE, tmp_path / "m", tmp=tmp)
        assert {path.parent for path in paths} == {expected / ".m.work"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "tmp"]
    assert contents(tmp_path / "tmp") == {}


def test_a_corpus_of_many_chunks(tmp_path):
    texts = [random_text(100_000)[i::9] for i in range(9)] * 9
    train(texts=texts, output=tmp_path / "much", passes=1, class_passes=1)
    with little_memory(300_000, 200_000), spills() as paths:
        train(texts=texts, output=tmp_path / "little", workers=2, passes=1, class_passes=1)
    assert len(paths) > 2
    assert contents(tmp_path / "little") == contents(tmp_path / "much")


# Disks that are full


class Full:
    """A function that fails at one of its calls, as on a full disk."""

    def __init__(self, function, call):
        self.function, self.left = function, call

    def __call__(self, *args, **options):
        self.left -= 1
        if self.left == 0:
            raise OSError(28, "No space left on device")
        return self.function(*args, **options)

    def __get__(self, instance, owner):
        return lambda *args, **options: self(instance, *args, **options)


@pytest.mark.parametrize("output", ["new", "old"])
@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (ShardWriter, "add_bigrams", 1),
        (ShardWriter, "add_runs", 3),
        (ShardWriter, "finish", 4),
        (ShardWriter, "finish", 10),  # merged
        (Path, "mkdir", 1),
        (Path, "mkdir", 2),
        (os, "replace", 1),
    ],
)
def test_disk_that_fills_while_shards_are_spilled_or_merged(tmp_path, owner, name, call, output):
    shutil.copytree(sample_model(), tmp_path / "old")
    (tmp_path / "tmp").mkdir()
    before = contents(tmp_path)
    full = Full(getattr(owner, name), call)
    message = r"tmp/\.(new|old)\.work: temporary files cannot .*No space left .*--tmp"
    with little_memory(), patch.object(owner, name, full), pytest.raises(OutputError, match=message) as error:
        train(SAMPLE, tmp_path / output, tmp=tmp_path / "tmp", passes=1)
    assert full.left <= 0
    assert "\n" not in str(error.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("call", [1, 2, 5])
def test_disk_that_fills_while_stages_are_kept(tmp_path, call):
    """What was kept before stays, to go on with."""
    full = Full(np.savez, call)
    with patch("numpy.savez", full), pytest.raises(OutputError, match=r"\.m\.work: temporary files cannot .*--tmp"):
        train(SAMPLE, tmp_path / "m", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == [".m.work"]
    train(SAMPLE, tmp_path / "m", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert contents(tmp_path / "m") == contents(sample_model())


@pytest.mark.parametrize("function", [train, count])
def test_folder_for_temporary_files_that_is_not_there(tmp_path, function):
    """Told at once, though it may not be needed."""
    with patch.object(counting, "RunCollector", None), pytest.raises(OutputError, match=r"nowhere: no folder .*--tmp"):
        function(SAMPLE, tmp_path / "m", tmp=tmp_path / "nowhere")
    assert contents(tmp_path) == {}
