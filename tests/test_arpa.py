"""ARPA files and KenLM binaries: written, read, and asked through KenLM itself."""

import gzip
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool import load
from segtool.errors import ModelError, OutputError
from segtool.lm import arpa, arpa_reader
from segtool.lm.arpa import word_of
from segtool.lm.arpa_reader import read_arpa
from segtool.lm.kenlm import KenLM
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import LanguageModel
from segtool.lm.store import import_lm, open_lm
from segtool.lm.train import train_language_model
from segtool.ngrams.count import count_stream
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests.helpers import SAMPLE, contents, scratch
from tests.naive_lm import (
    ARPA,
    BINARY,
    HELD_OUT,
    ORDERS,
    PRUNES,
    RUNS,
    plain_table,
    quiet,
    same,
    spelt_runs,
    table,
    tiny,
    train,
    write,
    write_arpa_file,
)


@pytest.fixture(scope="module")
def lm(sample_counts):
    return estimate(sample_counts, 5)


@pytest.fixture
def binary(tmp_path):
    path = tmp_path / "tiny.binary"
    path.write_bytes(BINARY)
    return path


# Writing


@given(RUNS, ORDERS, PRUNES)
def test_file_lists_every_ngram(runs, order, prune):
    lm = train(runs, order, prune[:order])
    path = scratch() / "listed.arpa"
    write_arpa_file(lm, path)
    names = {NUM: "<num>", LAT: "<lat>"}
    expected = {
        " ".join(word if isinstance(word, str) else names.get(word) or chr(word) for word in gram): (
            np.float32(logs[0]),
            np.float32(logs[1]),
        )
        for gram, logs in table(lm).items()
    }
    assert plain_table(path) == expected  # to the last bit of a float32
    lines = path.read_text(encoding="utf-8").split("\n")
    sizes = [lm.ngrams[0] + 1, *lm.ngrams[1:]]
    assert lines[: order + 2] == ["\\data\\", *(f"ngram {k}={n}" for k, n in enumerate(sizes, 1)), ""]
    assert lines[-3:] == ["", "\\end\\", ""]


@given(RUNS, ORDERS, PRUNES, st.sampled_from(["a.arpa", "a.arpa.gz"]))
def test_what_is_written_is_read(runs, order, prune, name):
    runs = [*runs, [3]]  # a character at least
    lm = train(runs, order, prune[:order])
    path = scratch() / name
    write_arpa_file(lm, path)
    found = read_arpa(path)
    assert same(found, lm)
    assert found.ngrams == lm.ngrams


def test_real_text_is_read_back(lm, tmp_path):
    write_arpa_file(lm, tmp_path / "a.arpa")
    steps = []
    assert same(read_arpa(tmp_path / "a.arpa", steps.append), lm)
    assert sum(steps) == (tmp_path / "a.arpa").stat().st_size


def test_progress_is_told_of_every_ngram(lm, tmp_path):
    steps = []
    write_arpa_file(lm, tmp_path / "a.arpa", steps.append)
    assert sum(lm.ngrams) - sum(steps) == 2  # the two that are written by hand


def test_compressed_files_do_not_depend_on_name_or_time(lm, tmp_path):
    write_arpa_file(lm, tmp_path / "one.arpa.gz")
    write_arpa_file(lm, tmp_path / "other.arpa.gz")
    write_arpa_file(lm, tmp_path / "plain.arpa")
    packed = (tmp_path / "one.arpa.gz").read_bytes()
    assert packed == (tmp_path / "other.arpa.gz").read_bytes()
    assert packed[3:8] == bytes(5)  # no name, no time
    assert gzip.decompress(packed) == (tmp_path / "plain.arpa").read_bytes()


def test_chunks_do_not_show(lm, tmp_path, monkeypatch):
    write_arpa_file(lm, tmp_path / "one.arpa")
    monkeypatch.setattr(arpa, "_LINES", 7)
    write_arpa_file(lm, tmp_path / "other.arpa")
    assert (tmp_path / "one.arpa").read_bytes() == (tmp_path / "other.arpa").read_bytes()


def test_file_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="create the folder"):
        train_language_model([SAMPLE], str(tmp_path / "nowhere" / "a.arpa"))


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


def put(value):
    out = np.zeros(40, np.uint8)
    return out[: arpa._put_number(value, out, 0)].tobytes().decode()


@given(FLOATS | st.floats(-9, 0, width=32))
def test_numbers_are_short_and_exact(value):
    text = put(value)
    assert np.float32(text) == np.float32(value)
    shortest = str(np.float32(value)).lower()
    assert len(text) <= max(len(shortest), len(repr(float(shortest)))) + 6
    digits = text.split("e")[0].lstrip("-").replace(".", "").lstrip("0")
    assert len(digits) <= max(9, len(str(int(abs(float(value))))))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-0.30103, "-0.30103"),
        (-1.0, "-1"),
        (-99.0, "-99"),
        (-1e-7, "-1e-7"),
        (0.5, "0.5"),
    ],
)
def test_numbers(value, text):
    assert put(np.float32(value)) == text


def parse(text):
    data = np.frombuffer(f"{text}\n".encode(), np.uint8)
    value, end = arpa_reader._parse_number(data, 0)
    return value if end == len(data) - 1 else None


@given(FLOATS)
def test_numbers_are_parsed(value):
    for text in (repr(value), f"{value:.9g}", f"{value:e}", put(value)):
        assert np.float32(parse(text)) == np.float32(text)


@pytest.mark.parametrize("text", ["", "-", ".", "x", "1x", "1e", "1e+", "--1", "1.2.3", "inf", "-inf", "nan", "1e999"])
def test_no_numbers(text):
    assert parse(text) is None


# KenLM


def test_kenlm_gives_the_same_scores(lm, tmp_path):
    kenlm = pytest.importorskip("kenlm")
    write_arpa_file(lm, tmp_path / "a.arpa")
    model = kenlm.Model(str(tmp_path / "a.arpa"))
    assert model.order == 5
    for text in HELD_OUT.splitlines():
        scores = [model.score(sentence) for sentence in spelt_runs(text)]
        assert lm.score_text(text).log10_probability == pytest.approx(sum(scores), abs=1e-4)
        tokens = [token for sentence in spelt_runs(text) for token in model.full_scores(sentence)]
        stream = naive.stream([lm.ids()[run].tolist() for run in naive.runs(text)])
        assert lm.score_ids(stream)[1:].tolist() == pytest.approx([token[0] for token in tokens], abs=1e-4)
        assert lm.score_text(text).unknown == sum(token[2] for token in tokens)
    assert lm.score_text(HELD_OUT).unknown > 1


@given(RUNS, ORDERS, PRUNES, st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=8), max_size=5))
def test_kenlm_gives_the_same_scores_for_any_model(runs, order, prune, texts):
    kenlm = pytest.importorskip("kenlm")
    lm = train(runs, order, prune[:order])
    path = scratch() / "any.arpa"
    write_arpa_file(lm, path)
    model = kenlm.Model(str(path), quiet(kenlm))
    for text in [*texts, *runs]:
        ids = [min(symbol, lm.unknown) for symbol in text]
        sentence = " ".join(word_of(int([*lm.codes, ord("龘")][symbol])) for symbol in ids)
        total = lm.score_ids(naive.stream([ids])).sum()
        assert total == pytest.approx(model.score(sentence), abs=1e-4)


def test_kenlm_behind_the_same_methods(lm, tmp_path):
    pytest.importorskip("kenlm")
    write_arpa_file(lm, tmp_path / "a.arpa")
    other = KenLM(tmp_path / "a.arpa")
    assert other.order == 5
    for own, theirs in zip(lm.score_lines(HELD_OUT), other.score_lines(HELD_OUT), strict=True):
        assert own.dtype == theirs.dtype
        assert own.tolist() == pytest.approx(theirs.tolist(), abs=1e-4)
    assert other.score_text("").tokens == 0


@pytest.mark.parametrize(
    ("order", "prune"), [(2, ()), (3, (0, 1)), (4, ()), (4, (0, 0, 1)), (5, (0, 0, 1, 2)), (6, ())]
)
def test_lmplz_gives_the_same_model(sample_runs, order, prune, tmp_path):
    lmplz = shutil.which("lmplz")
    if lmplz is None:
        pytest.skip("lmplz is not on PATH: build it from kenlm's sources, with boost")
    words = [word_of(code) for code in sample_runs.codes.tolist()]
    sentences = [" ".join(words[symbol] for symbol in run) for run in naive.unstream(sample_runs.stream)]
    (tmp_path / "runs.txt").write_text("".join(f"{each}\n" for each in sentences), encoding="utf-8")
    options = ["-o", order, "-S", "100M", "-T", tmp_path, "--prune", *(prune or (0,))]
    options += ["--text", tmp_path / "runs.txt", "--arpa", tmp_path / "other.arpa"]
    subprocess.run([lmplz, *map(str, options)], check=True, capture_output=True)
    counts = count_stream(sample_runs.stream, sample_runs.codes, order)
    write_arpa_file(estimate(counts, order, prune), tmp_path / "own.arpa")
    own, other = plain_table(tmp_path / "own.arpa"), plain_table(tmp_path / "other.arpa")
    assert own.keys() == other.keys()
    worst = max(abs(a - b) for gram in own for a, b in zip(own[gram], other[gram], strict=True))
    assert worst < 1e-4
    assert read_arpa(tmp_path / "other.arpa").ngrams == read_arpa(tmp_path / "own.arpa").ngrams


# Binaries and directories


def test_a_binary_is_asked_through_kenlm(binary):
    pytest.importorskip("kenlm")
    model = open_lm(binary)
    assert isinstance(model, KenLM)
    expected = tiny().score_text("一的龘3,的")
    score = model.score_text("一的龘3,的")
    assert score.log10_probability == pytest.approx(expected.log10_probability, abs=1e-5)
    assert (score.tokens, score.unknown) == (expected.tokens, expected.unknown) == (7, 1)


def test_a_binary_is_imported_as_a_copy(binary, tmp_path):
    pytest.importorskip("kenlm")
    imported = import_lm(binary, tmp_path / "m")
    assert isinstance(imported, KenLM)
    assert sorted(contents(tmp_path / "m")) == ["card.json", "model.kenlm"]
    assert (tmp_path / "m" / "model.kenlm").read_bytes() == BINARY
    assert open_lm(tmp_path / "m").score_text("一的") == KenLM(binary).score_text("一的")
    with pytest.raises(ModelError, match="import an ARPA file"):
        LanguageModel.open(tmp_path / "m")
    (tmp_path / "m" / "model.kenlm").write_bytes(BINARY[:-1] + b"x")
    with pytest.raises(ModelError, match="checksum"):
        open_lm(tmp_path / "m")


def test_an_arpa_file_is_imported_as_tables(lm, tmp_path):
    write_arpa_file(lm, tmp_path / "a.arpa.gz")
    imported = import_lm(tmp_path / "a.arpa.gz", tmp_path / "m")
    assert isinstance(imported, LanguageModel)
    assert same(imported, lm)
    opened = open_lm(tmp_path / "m")
    assert opened.score_text(HELD_OUT) == lm.score_text(HELD_OUT)
    write_arpa_file(lm, tmp_path / "again.arpa")
    assert same(open_lm(tmp_path / "again.arpa"), lm)
    with pytest.raises(ModelError, match="not the card of a segtool model"):
        load(tmp_path / "m")


def test_binaries_that_cannot_be_opened(binary, tmp_path):
    pytest.importorskip("kenlm")
    binary.write_bytes(BINARY[:200])
    with pytest.raises(ModelError, match=r"KenLM cannot open it \(\w.* build_binary") as caught:
        open_lm(binary)
    assert "\n" not in str(caught.value)
    (tmp_path / "a.gz").write_bytes(gzip.compress(BINARY))
    with pytest.raises(ModelError, match="unpack it"):
        open_lm(tmp_path / "a.gz")
    with pytest.raises(ModelError, match="unpack"):
        read_arpa(tmp_path / "a.gz")
    with pytest.raises(ModelError, match="cannot open"):
        import_lm(binary, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_model_of_words_is_refused(tmp_path):
    pytest.importorskip("kenlm")
    text = ARPA.replace("一", "今天").replace("丁", "天气")
    with pytest.raises(ModelError, match="model of characters"):
        KenLM(write(text))


def test_without_kenlm_the_fix_is_named(binary, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(ModelError, match=r"pip install 'segtool\[kenlm\]'"):
        open_lm(binary)
    assert open_lm(write(ARPA)).order == 3  # an ARPA file does not need it


def test_reserved_words_cannot_collide():
    names = {word_of(code) for code in (NUM, LAT, *map(ord, "一𠮷〇"))}
    assert names == {"<num>", "<lat>", "一", "𠮷", "〇"}
    assert len(names | {"<s>", "</s>", "<unk>"}) == 8
