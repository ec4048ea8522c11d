"""However a corpus is counted - at once, in parts, by shards in any order - the same model comes out."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool.errors import CorpusError, InputError, ModelError, OutputError, UsageError
from segtool.ngrams import counter as counting
from segtool.ngrams.count_stage import CountingReport, count
from segtool.ngrams.counter import CorpusCounter, add_up, collect_corpus, write_shard
from segtool.ngrams.shards import Shard, ShardWriter, open_shards
from segtool.ngrams.table import gather
from segtool.runtime.budget import Budget
from segtool.training import TrainingReport, train
from tests import naive, naive_count
from tests.helpers import SAMPLE, contents, random_text, sample_model, sample_text

FILES = sorted(SAMPLE.glob("*.txt"))
LINES = st.lists(
    st.text(st.sampled_from("一丁七万發发1a，"), max_size=12).map(lambda line: f"今天{line}\n"), min_size=1, max_size=6
)
FOLDED = {False: {}, True: {"fold": False}}


@contextmanager
def little_memory(symbols=3000, ngrams=2000):
    """Room for so many symbols, and to merge so many n-grams at a time."""
    with patch.object(Budget, "symbols", symbols), patch.object(Budget, "ngrams", lambda self, workers: ngrams):
        yield


@contextmanager
def folder():
    """An empty folder; those of pytest last longer than one example of hypothesis."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@contextmanager
def spills():
    """The shards that are spilled."""
    paths = []

    def write(path, counted, *rest):
        paths.append(path)
        return write_shard(path, counted, *rest)

    with patch.object(counting, "write_shard", write):
        yield paths


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Shards of the sample: a, b and c are of its files, abc of all of them."""
    path = tmp_path_factory.mktemp("shards")
    for name, files in (("a", FILES[:2]), ("b", FILES[2:7]), ("c", FILES[7:]), ("abc", FILES)):
        count(files, path / name)
    return path


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


# Shards


def test_counting_and_training_on_the_counts_is_training(tmp_path, shards):
    train(counts=[shards / "abc"], output=tmp_path / "m")
    assert contents(tmp_path / "m") == contents(sample_model())


@pytest.mark.parametrize("names", [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]])
def test_shards_in_any_order(tmp_path, shards, names):
    for memory in (little_memory(), little_memory(1 << 20, 1 << 20)):
        with memory:
            train(counts=[shards / name for name in names], output=tmp_path / "m")
        assert contents(tmp_path / "m") == contents(sample_model())
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("groups", [["ab", "c"], ["a", "bc"], ["ca", "b"], ["bca"], ["abc"]])
def test_shards_in_any_grouping(tmp_path, shards, groups):
    for i, names in enumerate(groups):
        count(None, tmp_path / f"sum{i}", counts=[shards / name for name in names])
    train(counts=sorted(tmp_path.iterdir()), output=tmp_path / "m")
    assert contents(tmp_path / "m") == contents(sample_model())


def test_a_sum_in_the_order_of_the_text_is_the_shard_of_the_text(tmp_path, shards):
    count(None, tmp_path / "ab", counts=[shards / "a", shards / "b"])
    with little_memory():
        count(None, tmp_path / "sum", counts=[tmp_path / "ab", shards / "c"], workers=2)
    assert contents(tmp_path / "sum") == contents(shards / "abc")


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_do_not_depend_on_memory(tmp_path, shards, workers):
    with little_memory(), spills() as paths:
        count(SAMPLE, tmp_path / "little", workers=workers)
    assert len(paths) > 5
    assert contents(tmp_path / "little") == contents(shards / "abc")
    assert [path.name for path in tmp_path.iterdir()] == ["little"]


def test_shards_of_texts_and_of_a_folded_corpus(tmp_path, shards):
    count(None, tmp_path / "texts", texts=sample_text().splitlines(keepends=True))
    card, other = (json.loads((path / "card.json").read_text()) for path in (tmp_path / "texts", shards / "abc"))
    assert card["arrays"] == other["arrays"]
    assert card["corpus"] == other["corpus"] | {"files": 0}
    count(None, tmp_path / "plain", texts=["發发髮"], fold=False)
    count(None, tmp_path / "folded", texts=["發发髮"])
    assert [len(Shard.open(tmp_path / name).codes) - 3 for name in ("plain", "folded")] == [3, 1]


def test_what_more_was_counted_makes_no_difference(tmp_path, shards):
    """Longer n-grams than a training asks for."""
    for i, options in enumerate([{"max_word_len": 3}, {"max_word_len": 2, "with_lm": True}, {"method": "lm"}]):
        train(SAMPLE, tmp_path / f"text{i}", **options)
        train(counts=[shards / "b", shards / "c", shards / "a"], output=tmp_path / f"counts{i}", **options)
        assert contents(tmp_path / f"text{i}") == contents(tmp_path / f"counts{i}")


@settings(max_examples=12)
@given(LINES, LINES, LINES, st.booleans(), st.integers(1, 3), st.permutations(range(3)), st.booleans())
def test_shards_of_any_texts(one, other, third, plain, min_count, order, grouped):
    parameters = {"min_count": min_count, "max_word_len": 3, "passes": 1, "class_passes": 1, **FOLDED[plain]}
    texts = one, other, third
    with folder() as path, little_memory(20, 30):
        train(texts=list(chain(*texts)), output=path / "m", **parameters)
        for i, lines in enumerate(texts):
            count(None, path / str(i), texts=lines, max_word_len=3, **FOLDED[plain])
        paths = [path / str(i) for i in order]
        if grouped:
            count(None, path / "sum", counts=paths[:2])
            paths = [paths[2], path / "sum"]
        train(counts=paths, output=path / "other", **parameters)
        assert contents(path / "other") == contents(path / "m")


def test_report(tmp_path, shards):
    report = CountingReport()
    count(SAMPLE, tmp_path / "shard", report=report)
    text = sample_text()
    assert (report.reading.files, report.reading.lines) == (10, text.count("\n"))
    assert report.reading.characters == len(text) - text.count("\n")
    runs = naive.runs(text)
    assert (report.runs, report.symbols) == (len(runs), sum(map(len, runs)))
    assert report.ngrams == len([gram for gram in naive.ngrams(folded(text), 7) if gram != (0,)])
    assert [stage.name for stage in report.stages] == ["read", "count", "write"]
    corpus = Shard.open(tmp_path / "shard").corpus
    assert corpus["ngrams"] == report.ngrams
    again = CountingReport()
    count(None, tmp_path / "sum", counts=[shards / name for name in "abc"], report=again)
    for name in ("runs", "symbols", "ngrams"):
        assert getattr(again, name) == getattr(report, name)
    trained = TrainingReport()
    train(counts=[shards / name for name in "abc"], report=trained)
    for reading in (again.reading, trained.reading):
        assert (reading.files, reading.lines, reading.characters) == (10, 454, report.reading.characters)
    assert (trained.runs, trained.symbols) == (report.runs, report.symbols)


def folded(text):
    return naive.unstream(collect_corpus([text]).whole().stream)


# Errors


def test_calls_that_make_no_sense(tmp_path, shards):
    for options in ({}, {"texts": ["一"], "counts": [shards / "a"]}):
        with pytest.raises(UsageError, match="texts"):
            count(None, tmp_path / "m", **options)
    for options, what in (
        ({"max_word_len": 0}, "--max-word-len 0"),
        ({"max_word_len": 16}, "--max-word-len 16"),
        ({"workers": 0}, "workers"),
        ({"memory": "1M"}, "--memory"),
        ({"memory": "much"}, "--memory much"),
        ({"memory": 5}, "--memory"),
    ):
        with pytest.raises(UsageError, match=what):
            count(SAMPLE, tmp_path / "m", **options)
    for function in (lambda: count(None, tmp_path / "m", counts=[]), lambda: train(counts=[])):
        with pytest.raises(UsageError, match="no count shards"):
            function()
    assert contents(tmp_path) == {}


def test_inputs_that_cannot_be_counted(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        count(tmp_path / "nowhere", tmp_path / "m")
    for texts, what in (([], "empty"), (["abc"], "no Han")):
        with pytest.raises(CorpusError, match=what):
            count(None, tmp_path / "m", texts=texts)
        with little_memory(1), pytest.raises(CorpusError, match=what):
            count(None, tmp_path / "m", texts=texts)
    assert contents(tmp_path) == {}


def test_training_that_asks_for_other_counts(tmp_path, shards):
    count(None, tmp_path / "plain", texts=["今天"], fold=False)
    count(None, tmp_path / "short", texts=["今天"], max_word_len=2)
    before = contents(tmp_path)
    for paths, options, what in (
        ([tmp_path / "plain"], {}, "plain: counted with --no-fold"),
        ([shards / "a"], {"fold": False}, "a: counted with --fold"),
        ([tmp_path / "short"], {}, r"short: n-grams of up to 3 symbols .* 7 are needed: .*--max-word-len"),
        ([tmp_path / "short"], {"max_word_len": 1, "with_lm": True}, "3 symbols .* 4 are needed"),
        ([shards / "a", tmp_path / "plain"], {}, "only .*plain was counted with --no-fold"),
        ([shards / "a", tmp_path / "short"], {}, "7 and 3 symbols: .*--max-word-len"),
        ([shards / "a"], {"base": sample_model()}, "--counts: a base model and a word list need text"),
        ([shards / "a"], {"method": "dict"}, "--counts: a base model and a word list need text"),
        ([shards / "a"], {"sample": 0.5}, "--sample: .*--counts"),
    ):
        with pytest.raises(UsageError, match=what):
            train(counts=paths, output=tmp_path / "m", **options)
        assert contents(tmp_path) == before
    with pytest.raises(UsageError, match=r"only .*plain was counted with --no-fold"):
        count(None, tmp_path / "m", counts=[shards / "a", tmp_path / "plain"])
    assert contents(tmp_path) == before
    train(counts=[tmp_path / "short"], max_word_len=2)


def test_models_and_shards_are_told_apart(tmp_path, shards):
    for function in (
        lambda: train(counts=[sample_model()], output=tmp_path / "m"),
        lambda: count(None, tmp_path / "m", counts=[shards / "a", sample_model()]),
    ):
        with pytest.raises(ModelError, match=f"{sample_model()}.*count shard"):
            function()
    for function in (
        lambda: segtool.load(shards / "a"),
        lambda: train(SAMPLE, tmp_path / "m", base=shards / "a"),
    ):
        with pytest.raises(ModelError, match=f"{shards / 'a'}.*model"):
            function()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["ngrams.bin", "runs.bin", "symbols.npy", "card.json"])
def test_damaged_shards(tmp_path, shards, name):
    shutil.copytree(shards / "b", tmp_path / "shard")
    data = bytearray((tmp_path / "shard" / name).read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "shard" / name).write_bytes(data)
    before = contents(tmp_path)
    for paths in ([tmp_path / "shard"], [shards / "a", tmp_path / "shard"]):
        for function in (lambda paths=paths, **options: count(None, counts=paths, **options), train):
            with pytest.raises(ModelError, match=f"{tmp_path / 'shard' / name}: damaged"):
                function(counts=paths, output=tmp_path / "m") if function is train else function(output=tmp_path / "m")
            assert contents(tmp_path) == before


def test_missing_shards(tmp_path, shards):
    for options in ({}, {"resume": True}):
        with pytest.raises(ModelError, match="nowhere: does not exist: make one with 'segtool count"):
            train(counts=[shards / "a", tmp_path / "nowhere"], output=tmp_path / "m", **options)
    assert contents(tmp_path) == {}


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


# Merging what is there


def test_merged_counts_are_kept_to_be_gone_through_again(tmp_path, shards):
    parts = open_shards([shards / name for name in "abc"])
    first = add_up(parts, 2, 1000, 1, lambda: tmp_path)
    assert (tmp_path / "merged").is_dir()
    with patch.object(counting, "merge_ngrams", None):
        again = add_up(parts, 2, 1000, 1, lambda: tmp_path)
    plain = add_up(parts, 2, 1000, 1, None)
    found = [naive_count.plain(*naive_count.whole(each.ngrams)) for each in (first, again, plain)]
    assert found[0] == found[1] == found[2]
