"""The same text and parameters give the same model, whatever way the text comes in."""

import dataclasses
import gzip
import math
import random
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

import segtool
from segtool import (
    CorpusError,
    OutputError,
    TrainingReport,
    TrainingSettings,
    UsageError,
    evaluate,
    load,
    train,
)
from tests.helpers import (
    GOLD,
    SAMPLE,
    TIMEOUT,
    contents,
    environment,
    random_text,
    sample_model,
    sample_segmenter,
    sample_text,
    succeed,
)

SENTENCES = ["今天天气很好。", "今天天气不好,我们不去公园。", "我们今天去公园3次。"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The sample as one file."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text(sample_text(), encoding="utf-8")
    return path


def words_of(segmenter):
    return {segmenter.model.spell(i) for i in range(len(segmenter.model.words))}


# The same bytes


def test_training_twice(tmp_path):
    train(SAMPLE, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(sample_model())


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers(tmp_path, workers):
    train(SAMPLE, tmp_path / "m", workers=workers)
    assert contents(tmp_path / "m") == contents(sample_model())


def test_workers_of_a_corpus_of_many_chunks(tmp_path):
    (tmp_path / "corpus").write_text(random_text(1_200_000), encoding="utf-8")
    for workers in (1, 2):
        train(tmp_path / "corpus", tmp_path / str(workers), workers=workers, passes=2)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_commands_with_one_and_two_workers_standard_input_and_a_file(tmp_path, corpus):
    succeed("train", "-", "-o", tmp_path / "stdin", "-j", 1, input=corpus.read_bytes())
    succeed("train", corpus, "-o", tmp_path / "file", "-j", 2)
    assert contents(tmp_path / "stdin") == contents(tmp_path / "file") == contents(sample_model())


def test_compressed_or_not(tmp_path, corpus):
    (tmp_path / "corpus.gz").write_bytes(gzip.compress(corpus.read_bytes()))
    train(tmp_path / "corpus.gz", tmp_path / "m")
    assert contents(tmp_path / "m") == contents(sample_model())
    succeed("train", "-", "-o", tmp_path / "stdin", input=(tmp_path / "corpus.gz").read_bytes())
    assert contents(tmp_path / "stdin") == contents(sample_model())


def test_one_file_or_many(tmp_path, corpus):
    train(corpus, tmp_path / "one")
    train(sorted(SAMPLE.glob("*.txt")), tmp_path / "many")
    train(f"{SAMPLE}/*.txt", tmp_path / "glob")
    train(SAMPLE.glob("*.txt"), tmp_path / "iterator")
    for name in ("one", "many", "glob", "iterator"):
        assert contents(tmp_path / name) == contents(sample_model())


def test_other_encodings(tmp_path):
    (tmp_path / "gb").write_bytes(sample_text().encode("gb18030"))
    (tmp_path / "utf16").write_bytes(sample_text().encode("utf-16"))
    (tmp_path / "bom").write_bytes(sample_text().encode("utf-8-sig"))
    for name, encoding in (("gb", "gb18030"), ("utf16", "utf-16"), ("bom", "utf-8")):
        train(tmp_path / name, tmp_path / f"{name}.model", encoding=encoding)
        assert contents(tmp_path / f"{name}.model") == contents(sample_model())


@pytest.mark.parametrize("size", [10_000_000, 1])
def test_texts_or_files(tmp_path, size):
    text = sample_text()
    texts = [text] if len(text) < size else text.splitlines(keepends=True)
    train(texts=iter(texts), output=tmp_path / "m")
    assert contents(tmp_path / "m") == contents(sample_model())


@pytest.mark.parametrize("method", ["unigram", "entropy", "cohesion", "lm"])
def test_order_of_lines_and_files_changes_nothing(tmp_path, method):
    lines = sample_text().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    files = sorted(SAMPLE.glob("*.txt"))
    train(files, tmp_path / "m", method=method)
    train(texts=["".join(lines)], output=tmp_path / "lines", method=method)
    train(files[::-1], tmp_path / "files", method=method)
    assert contents(tmp_path / "lines") == contents(tmp_path / "files") == contents(tmp_path / "m")


def test_order_of_a_corpus_of_many_chunks_changes_nothing(tmp_path):
    """Of more runs than the tagger is fitted to, too."""
    lines = random_text(600_000).splitlines(keepends=True)
    with mock.patch("segtool.lexicon.em.SAMPLED", 200_000):
        train(texts=["".join(lines)], output=tmp_path / "one", passes=2)
        random.Random(2).shuffle(lines)
        train(texts=["".join(lines)], output=tmp_path / "other", passes=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_other_parameters_give_another_model(tmp_path):
    train(SAMPLE, tmp_path / "m", length_penalty=2.5)
    before, after = contents(sample_model()), contents(tmp_path / "m")
    assert before["lexicon.npy"] != after["lexicon.npy"]
    assert load(tmp_path / "m").model.card["parameters"]["length_penalty"] == 2.5


def test_settings_or_keywords(tmp_path):
    by_name = train(SAMPLE, min_count=4, passes=3)
    as_settings = train(SAMPLE, settings=TrainingSettings(min_count=4, passes=3))
    both = train(SAMPLE, settings=TrainingSettings(min_count=9, passes=3), min_count=4)
    assert by_name.model.card == as_settings.model.card == both.model.card
    assert by_name.model.words.tobytes() == as_settings.model.words.tobytes() == both.model.words.tobytes()


def test_no_word_goes_from_one_text_to_the_next():
    apart, together = TrainingReport(), TrainingReport()
    train(texts=["公", "园"] * 50, min_count=1, report=apart)
    train(texts=["公园"] * 50, min_count=1, report=together)
    assert together.candidates == apart.candidates + 1


# A sample of the lines


def test_sample_repeats_with_its_seed(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(SAMPLE, tmp_path / name, sample=0.5, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    a, c = (load(tmp_path / name).model.card["corpus"]["digest"] for name in "ac")
    assert a != c


def test_sample_takes_about_its_share():
    lines = [f"今天天气{'很' * (i % 5)}好。\n" for i in range(2000)]
    runs = [train(texts=["".join(lines)], sample=share).model.card["corpus"]["runs"] for share in (0.25, 0.5, 1.0)]
    assert runs[2] == 2000
    assert 400 < runs[0] < 600
    assert 850 < runs[1] < 1150


def test_sample_of_nothing():
    with pytest.raises(CorpusError, match="--sample"):
        train(texts=["今天天气很好"], sample=1e-9)


# What is learned


def test_parameters_are_respected():
    short = train(SAMPLE, max_word_len=2)
    assert max(map(len, words_of(short))) == 2
    assert max(len(word) for word in short.cut("自行车图书馆") if word) <= 2
    frequent = train(SAMPLE, min_count=10)
    counts = frequent.model.words["count"][frequent.model.words["length"] > 1]
    assert counts.min() >= 10
    few = train(SAMPLE, min_expected=20.0)
    assert few.model.words["expected"][few.model.words["length"] > 1].min() >= 20
    assert len(few.model.words) < len(sample_segmenter().model.words)


def test_invented_words_are_found():
    draw = random.Random(3)
    words = ["".join(chr(0x4E00 + 7 * i + j) for j in range(1 + i % 3)) for i in range(60)]
    lines = [draw.choices(words, k=12) for _ in range(600)]
    segmenter = train(texts=["".join(line) for line in lines])
    result = evaluate([" ".join(line) for line in lines], [" ".join(segmenter.cut("".join(line))) for line in lines])
    assert result.f1 > 0.98


def test_words_of_the_sample_are_found():
    gold = GOLD.read_text(encoding="utf-8").splitlines()
    raw = [line.replace(" ", "") for line in gold]
    result = evaluate(gold, [" ".join(words) for words in sample_segmenter().cut_batch(raw)])
    characters = evaluate(gold, [" ".join(line) for line in raw])
    assert result.f1 > max(0.75, characters.f1 + 0.1)


def test_digits_and_letters_are_symbols():
    segmenter = train(texts=["我有3个GPU。", "我有12个CPU。", "他有4.5个苹果。"] * 5)
    assert "0" in words_of(segmenter)
    assert "A" in words_of(segmenter)
    assert segmenter.cut("我有99.5个XPU")[-1] == "XPU"


@pytest.mark.parametrize(
    "texts", [["天"], ["天" * 1000], ["天\n" * 10], ["今天天气"], ["天。" * 3], ["😀天\ud800气\U00020000"]]
)
@pytest.mark.parametrize("parameters", [{}, {"max_word_len": 1}, {"max_word_len": 15, "min_count": 1}, {"workers": 3}])
def test_least_text(tmp_path, texts, parameters):
    segmenter = train(texts=texts, output=tmp_path / "m", **parameters)
    weights = segmenter.model.words["weight"]
    assert np.isfinite(weights).all()
    for text in texts:
        assert "".join(segmenter.cut(text)) == "".join(text.split())


@pytest.mark.parametrize(
    ("name", "value"),
    [("variation_weight", -5), ("variation_weight", 5), ("entropy_weight", 0), ("entropy_weight", 100)],
)
def test_extreme_weights_cut_all_the_same(name, value):
    segmenter = train(texts=SENTENCES * 3, **{name: value})
    assert "".join(segmenter.cut(SENTENCES[0])) == SENTENCES[0]


def test_extreme_length_penalties_cut_all_the_same():
    for penalty in (0.0, 10.0):
        segmenter = train(texts=SENTENCES * 3, length_penalty=penalty, max_word_len=15)
        assert "".join(segmenter.cut(SENTENCES[0])) == SENTENCES[0]


# The report


def test_report_is_filled(tmp_path):
    report = TrainingReport()
    segmenter = train(SAMPLE, tmp_path / "m", report=report)
    text = sample_text()
    assert report.reading.files == 10
    assert report.reading.characters == len(text) - text.count("\n")
    assert report.reading.lines == text.count("\n")
    assert report.reading.skipped_lines == 0
    assert report.words == len(segmenter.model.words)
    assert report.candidates > 0
    assert report.runs == segmenter.model.card["corpus"]["runs"]
    assert [stage.name for stage in report.stages] == ["read", "count", "score", "lexicon", "build", "parts", "write"]
    assert all(stage.seconds >= 0 <= stage.peak_bytes for stage in report.stages)


def test_report_of_texts():
    report = TrainingReport()
    train(texts=["今天\n天气", "", "很好\n"], report=report)
    assert report.reading.lines == 3
    assert report.reading.characters == 6


# Calls that make no sense


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("min_count", [0, -1]),
        ("max_word_len", [0, 16, -3]),
        ("sample", [0.0, 1.01, -0.5]),
        ("seed", [-1]),
        ("length_penalty", [-0.1, 10.1]),
        ("variation_weight", [101, -101]),
        ("entropy_weight", [101, -101]),
        ("entropy_floor", [-0.1, 101]),
        ("passes", [0, 1001]),
        ("min_expected", [-0.1]),
        ("word_classes", [-1, 201]),
        ("class_words", [0, 20001]),
        ("class_weight", [-0.1, 5.1]),
        ("class_passes", [-1, 101]),
        ("beginning_weight", [-0.1, 10.1]),
        ("divergence_weight", [-0.1, 10.1]),
        ("evidence_weight", [-0.1, 20.1]),
    ],
)
def test_parameter_out_of_range(name, values):
    for value in (*values, math.nan, math.inf, -math.inf):
        with pytest.raises(UsageError) as caught:
            train(texts=SENTENCES, **{name: value})
        assert str(caught.value).startswith(f"--{name.replace('_', '-')} {value}")


def test_every_parameter_has_limits():
    for field in dataclasses.fields(TrainingSettings):
        with pytest.raises(UsageError, match=f"--{field.name.replace('_', '-')} nan"):
            dataclasses.replace(TrainingSettings(), **{field.name: math.nan}).checked()


def test_unknown_parameter():
    with pytest.raises(UsageError, match="min_cuont"):
        train(texts=SENTENCES, min_cuont=3)


def test_inputs_and_texts():
    with pytest.raises(UsageError, match="texts"):
        train(SAMPLE, texts=SENTENCES)
    with pytest.raises(UsageError, match="texts"):
        train()
    with pytest.raises(UsageError, match="shards"):
        train(SAMPLE, counts=["shard"])


def test_too_few_workers():
    with pytest.raises(UsageError, match="workers"):
        train(texts=SENTENCES, workers=0)
    code = f"import segtool; segtool.train(texts={SENTENCES!r}, workers=-1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), timeout=TIMEOUT)
    assert done.returncode == 1, "the interpreter itself has crashed" if done.returncode < 0 else "no error"
    assert b"UsageError" in done.stderr
    assert b"workers" in done.stderr


@pytest.mark.parametrize("texts", [[], [""], ["", "\n \n"], ["", "abc 123 😀。"], ["\ud800"]])
def test_nothing_to_learn_from(tmp_path, texts):
    with pytest.raises(CorpusError, match="Chinese text"):
        train(texts=texts, output=tmp_path / "m")
    assert contents(tmp_path) == {}


# An end in the middle


@pytest.mark.parametrize("end", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device")])
@pytest.mark.parametrize(
    "place",
    ["segtool.lexicon.em.learn", "json.dumps", "segtool.store.files._sync", "segtool.store.files.exchange"],
    ids=str,
)
def test_an_end_in_the_middle_leaves_the_old_model(tmp_path, monkeypatch, end, place):
    train(texts=SENTENCES, output=tmp_path / "m")
    before = contents(tmp_path)
    calls = []

    def stop(*args, **options):
        calls.append(args)
        raise end

    with monkeypatch.context() as patch:
        patch.setattr(place, stop)
        with pytest.raises((type(end), OutputError), match=str(end.args[-1]) if end.args else None):
            train(texts=SENTENCES, output=tmp_path / "m", length_penalty=3.0)
    assert calls
    assert contents(tmp_path) == before


def test_generator_that_fails_is_heard(tmp_path):
    def texts():
        yield "今天天气很好"
        raise LookupError("the database is gone")

    with pytest.raises(LookupError, match="database"):
        segtool.train(texts=texts(), output=tmp_path / "m")
    assert contents(tmp_path) == {}
