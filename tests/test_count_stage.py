"""However a corpus is counted - by shards in any order or grouping - the same model comes out."""

import json
import shutil
from itertools import chain
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool.errors import CorpusError, InputError, ModelError, UsageError
from segtool.ngrams import counter as counting
from segtool.ngrams.count_stage import CountingReport, count
from segtool.ngrams.counter import add_up, collect_corpus
from segtool.ngrams.shards import Shard, open_shards
from segtool.training import TrainingReport, train
from tests import naive, naive_count
from tests.helpers import SAMPLE, contents, folder, sample_model, sample_text
from tests.memory import LINES, little_memory, spills

FILES = sorted(SAMPLE.glob("*.txt"))
FOLDED = {False: {}, True: {"fold": False}}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Shards of the sample: a, b and c are of its files, abc of all of them."""
    path = tmp_path_factory.mktemp("shards")
    for name, files in (("a", FILES[:2]), ("b", FILES[2:7]), ("c", FILES[7:]), ("abc", FILES)):
        count(files, path / name)
    return path


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
            count(None, path / "sum", counts=paths[:2], allow_duplicates=True)
            paths = [paths[2], path / "sum"]
        train(counts=paths, output=path / "other", allow_duplicates=True, **parameters)
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
