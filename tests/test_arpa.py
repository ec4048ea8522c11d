"""ARPA files and KenLM binaries: written, read, and asked through KenLM itself."""

import gzip
import itertools
import math
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool import load
from segtool.errors import InputError, ModelError, OutputError
from segtool.lm import arpa, arpa_reader
from segtool.lm.arpa import word_of, write_arpa
from segtool.lm.arpa_reader import read_arpa
from segtool.lm.kenlm import KenLM
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import LanguageModel
from segtool.lm.store import import_lm, open_lm
from segtool.ngrams.count import count_stream
from segtool.text.runs import RunCollector
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests.helpers import contents, scratch
from tests.naive_lm import BINARY, HAN, ORDERS, PRUNES, RUNS, plain_table, same, table, train

HELD_OUT = """医生说今天要休息,明天再来。
我们3点半去公园散步, OK的话请打电话给我!
龘𠮷这两个字没有见过
学校的老师和学生都喜欢运动。

天天天天天天天天气,气
"""


def train_text(text, order, prune=()):
    collector = RunCollector()
    collector.add(text)
    runs = collector.runs()
    return estimate(count_stream(runs.stream, runs.codes, order), order, prune)


def tiny():
    return train_text("的一\n一的是,3的\n", 2)


@pytest.fixture(scope="module")
def lm(sample_counts):
    return estimate(sample_counts, 5)


@pytest.fixture
def binary(tmp_path):
    path = tmp_path / "tiny.binary"
    path.write_bytes(BINARY)
    return path


def spelt_runs(text):
    """What KenLM calls sentences."""
    return [" ".join(map(word_of, run)) for run in naive.runs(text)]


# Writing


@given(RUNS, ORDERS, PRUNES)
def test_file_lists_every_ngram(runs, order, prune):
    lm = train(runs, order, prune[:order])
    path = scratch() / "listed.arpa"
    write_arpa(lm, path)
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
    write_arpa(lm, path)
    found = read_arpa(path)
    assert same(found, lm)
    assert found.ngrams == lm.ngrams


def test_real_text_is_read_back(lm, tmp_path):
    write_arpa(lm, tmp_path / "a.arpa")
    steps = []
    assert same(read_arpa(tmp_path / "a.arpa", steps.append), lm)
    assert sum(steps) == (tmp_path / "a.arpa").stat().st_size


def test_progress_is_told_of_every_ngram(lm, tmp_path):
    steps = []
    write_arpa(lm, tmp_path / "a.arpa", steps.append)
    assert sum(lm.ngrams) - sum(steps) == 2  # the two that are written by hand


def test_compressed_files_do_not_depend_on_name_or_time(lm, tmp_path):
    write_arpa(lm, tmp_path / "one.arpa.gz")
    write_arpa(lm, tmp_path / "other.arpa.gz")
    write_arpa(lm, tmp_path / "plain.arpa")
    packed = (tmp_path / "one.arpa.gz").read_bytes()
    assert packed == (tmp_path / "other.arpa.gz").read_bytes()
    assert packed[3:8] == bytes(5)  # no name, no time
    assert gzip.decompress(packed) == (tmp_path / "plain.arpa").read_bytes()


def test_chunks_do_not_show(lm, tmp_path, monkeypatch):
    write_arpa(lm, tmp_path / "one.arpa")
    monkeypatch.setattr(arpa, "_LINES", 7)
    write_arpa(lm, tmp_path / "other.arpa")
    assert (tmp_path / "one.arpa").read_bytes() == (tmp_path / "other.arpa").read_bytes()


def test_file_that_cannot_be_written(lm, tmp_path):
    with pytest.raises(OutputError, match="create the folder"):
        write_arpa(lm, tmp_path / "nowhere" / "a.arpa")


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
    write_arpa(lm, tmp_path / "a.arpa")
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
    write_arpa(lm, path)
    model = kenlm.Model(str(path), quiet(kenlm))
    for text in [*texts, *runs]:
        ids = [min(symbol, lm.unknown) for symbol in text]
        sentence = " ".join(word_of(int([*lm.codes, ord("龘")][symbol])) for symbol in ids)
        total = lm.score_ids(naive.stream([ids])).sum()
        assert total == pytest.approx(model.score(sentence), abs=1e-4)


def quiet(kenlm):
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    return config


def test_kenlm_behind_the_same_methods(lm, tmp_path):
    pytest.importorskip("kenlm")
    write_arpa(lm, tmp_path / "a.arpa")
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
    write_arpa(estimate(counts, order, prune), tmp_path / "own.arpa")
    own, other = plain_table(tmp_path / "own.arpa"), plain_table(tmp_path / "other.arpa")
    assert own.keys() == other.keys()
    worst = max(abs(a - b) for gram in own for a, b in zip(own[gram], other[gram], strict=True))
    assert worst < 1e-4
    assert read_arpa(tmp_path / "other.arpa").ngrams == read_arpa(tmp_path / "own.arpa").ngrams


# Reading what others wrote

ARPA = """\
# of somewhere else

\\data\\
ngram 1=8
ngram 2=6
ngram 3=3

\\1-grams:
-99\t<s>\t-0.1
-0.9\t</s>
-0.5\t一\t-0.2
-0.7\t丁\t-0.3
-0.8\t<num>\t-0.25
-1.5\t2008\t-0.1
-1.6\t,\t-0.1
-2.5\t<unk>

\\2-grams:
-0.4\t<s> 一\t-0.15
-0.3\t一 丁\t-0.05
-0.2\t一 2008\t-0.35
-0.6\t丁 一\t0.11
-0.7\t丁 </s>
-0.75\t<unk> 丁\t-0.01

\\3-grams:
-0.11\t<s> 一 丁
-0.12\t一 丁 一
-0.13\t<s> 一 2008

\\end\\
"""


def write(text, name="other.arpa"):
    path = scratch() / name
    path.write_bytes(text.encode())
    return path


def test_words_that_no_text_leads_to_are_left_out(caplog):
    lm = read_arpa(write(ARPA))
    assert lm.codes.tolist() == [0, NUM, *sorted(map(ord, "一丁"))]
    assert lm.ngrams == (5, 5, 2)
    assert lm.card["imported"] == {"file": "other.arpa", "left_out": 4}
    assert "left out 4 n-grams" in caplog.text


@pytest.mark.parametrize("text", ["一丁一", "丁丁", "一", "3一丁", "龘丁", "一龘丁", "丁一丁一丁", "abc一2008"])
def test_a_model_of_others_gives_the_scores_of_kenlm(text):
    kenlm = pytest.importorskip("kenlm")
    path = write(ARPA)
    lm, model = read_arpa(path), kenlm.Model(str(path), quiet(kenlm))
    for sentence in spelt_runs(text):
        assert lm.score_text(text).log10_probability == pytest.approx(model.score(sentence), abs=1e-5)


def test_models_without_some_suffixes_give_the_scores_of_kenlm(tmp_path):
    """SRILM prunes by entropy: an n-gram stays where the one without its first word has gone."""
    kenlm = pytest.importorskip("kenlm")
    draw = random.Random(7)
    lm = train_text("".join(f"{''.join(draw.choices(HAN, k=draw.randint(1, 6)))}\n" for _ in range(60)), 4)
    write_arpa(lm, tmp_path / "whole.arpa")
    found = [line.split("\t") for line in (tmp_path / "whole.arpa").read_text("utf-8").splitlines()]
    grams = {fields[1]: fields for fields in found if len(fields) > 1}
    for gram in sorted(grams, key=lambda gram: -gram.count(" ")):
        contexts = {" ".join(each.split()[:-1]) for each in grams}
        if " " in gram and gram not in contexts and draw.random() < 0.5:
            del grams[gram]
    levels = [[grams[gram] for gram in grams if gram.count(" ") == k] for k in range(4)]
    text = "\\data\\\n" + "".join(f"ngram {k}={len(level)}\n" for k, level in enumerate(levels, 1))
    for k, level in enumerate(levels, 1):
        text += f"\n\\{k}-grams:\n" + "".join("\t".join(fields) + "\n" for fields in level)
    path = write(text + "\n\\end\\\n")
    pruned, model = read_arpa(path), kenlm.Model(str(path), quiet(kenlm))
    kept = [tuple(gram.split()) for gram in grams]
    assert any(gram[1:] not in kept for gram in kept if len(gram) > 1)
    for _ in range(200):
        sentence = "".join(draw.choices(HAN, k=draw.randint(1, 8)))
        score = pruned.score_text(sentence).log10_probability
        assert score == pytest.approx(model.score(" ".join(sentence)), abs=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda text: text.replace("\t", " "), id="spaces"),
        pytest.param(lambda text: text.replace("\t", " \t").replace("\n-", "\n  -"), id="more blanks"),
        pytest.param(lambda text: "\ufeff" + text.removeprefix("# of somewhere else\n\n"), id="byte order mark"),
        pytest.param(lambda text: text.rstrip("\n"), id="no last line end"),
        pytest.param(lambda text: text.replace("<unk>", "<UNK>"), id="capitals"),
        pytest.param(lambda text: text.replace("\n\n", "\n\n\n").replace("ngram 2=", "ngram 2 = "), id="blank lines"),
        pytest.param(lambda text: text.replace("-0.12\t", "-1.2e-1\t").replace("-0.5\t", "-.5\t"), id="numbers"),
        pytest.param(lambda text: text.replace("一 丁 一", "一 丁 一\t0"), id="back-off of the longest"),
    ],
)
def test_spellings_of_the_format(change):
    assert same(read_arpa(write(change(ARPA))), read_arpa(write(ARPA)))


def test_order_of_lines_does_not_matter():
    lines = ARPA.split("\n")
    shuffled = []
    for filled, part in itertools.groupby(lines, lambda line: line.startswith("-")):
        shuffled += list(part)[:: -1 if filled else 1]
    assert same(read_arpa(write("\n".join(shuffled))), read_arpa(write(ARPA)))


def test_blocks_do_not_show(lm, tmp_path, monkeypatch):
    write_arpa(lm, tmp_path / "a.arpa")
    monkeypatch.setattr(arpa_reader, "_BLOCK", 1)
    assert same(read_arpa(tmp_path / "a.arpa"), lm)


def test_a_model_without_unknown_words(caplog):
    text = ARPA.replace("-2.5\t<unk>\n", "").replace("ngram 1=8", "ngram 1=7")
    lm = read_arpa(write(text.replace("-0.75\t<unk> 丁\t-0.01\n", "").replace("ngram 2=6", "ngram 2=5")))
    assert lm.score_text("龘").log10_probability < -100


@pytest.mark.parametrize(
    ("old", "new", "line", "part"),
    [
        ("\\data\\\n", "", None, "no line"),
        ("ngram 2=6\n", "", 5, "'ngram 3=3' is not"),
        ("ngram 2=6", "ngram 2=many", 5, "'ngram 2=many' is not"),
        ("ngram 2=6", f"ngram 2={'9' * 5000}", 5, "is not what"),
        ("ngram 2=6", "ngram 2=999999999999", 26, "6 2-grams, and 999,999,999,999 were announced"),
        ("ngram 3=3", "ngram 3=2", 31, "3 3-grams, and 2 were announced"),
        ("\\2-grams:", "\\3-grams:", 18, "is not what"),
        ("-0.3\t一 丁", "x\t一 丁", 20, "a 2-gram that begins with no number"),
        ("-0.3\t一 丁", "-inf\t一 丁", 20, "begins with no number"),
        ("-0.3\t一 丁", "0.3\t一 丁", 20, "log10 probability above 0"),
        ("-0.3\t一 丁\t-0.05", "-0.3\t一", 20, "too few words"),
        ("-0.3\t一 丁\t-0.05", "-0.3\t一 丁 一\t-0.05", 20, "holds more than"),
        ("-0.3\t一 丁\t-0.05", "-0.3\t一 丁\t-0.05 x", 20, "holds more than"),
        ("-0.3\t一 丁", "-0.3\t一 万", 20, "not among the 1-grams"),
        ("-0.3\t一 丁", "-0.3\t<s> 一", 20, "second time"),
        ("-0.7\t丁\t", "-0.7\t一\t", 12, "second time"),
        ("-99\t<s>", "-99\t</s>", 10, "second time"),
        ("-0.12\t一 丁 一", "-0.12\t丁 丁 一", 28, "first 2 words are no n-gram"),
        ("-0.12\t一 丁 一", "\n-0.12\t一 丁 一", 29, "is not what"),
        ("\\end\\\n", "", None, "ends early"),
        ("\\3-grams:", "\\end\\\nx", 26, "is not what"),
        ("\\end\\\n", "\\end\\\n-0.1\t一\n", 32, "is not what"),
    ],
)
def test_files_that_are_refused(old, new, line, part):
    assert old in ARPA
    path = write(ARPA.replace(old, new, 1))
    with pytest.raises(ModelError) as caught:
        read_arpa(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {line}: " if line else str(path)), message
    assert part in message and "\n" not in message
    assert any(verb in message.rpartition(": ")[2] for verb in ("fetch", "pass"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no line"),
        ("今天\n天气\n", "no line"),
        ("\\data\\\nngram 1=1\n\n\\1-grams:\n-1\t一\n\n\\end\\\n", "order 1"),
        ("\\data\\\n\\end\\\n", "order 0"),
        (ARPA.replace("一", "one").replace("丁", "two"), "no 1-gram is a Han character"),
        (ARPA.replace("-0.9\t</s>\n", "").replace("ngram 1=8", "ngram 1=7"), "whole sentences"),
    ],
)
def test_files_of_another_kind(text, part):
    with pytest.raises(ModelError, match=part) as caught:
        read_arpa(write(text))
    assert "pass" in str(caught.value).rpartition(": ")[2]


def test_a_file_in_another_encoding(tmp_path):
    (tmp_path / "a.arpa").write_bytes(ARPA.encode("gb18030"))
    with pytest.raises(ModelError, match="in UTF-8"):
        read_arpa(tmp_path / "a.arpa")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_arpa(tmp_path / "nowhere.arpa")
    with pytest.raises(InputError, match="cannot be read"):
        open_lm(tmp_path / "nowhere.arpa")
    write_arpa(tiny(), tmp_path / "a.arpa.gz")
    (tmp_path / "half.gz").write_bytes((tmp_path / "a.arpa.gz").read_bytes()[:-20])
    with pytest.raises(InputError, match="ends early"):
        read_arpa(tmp_path / "half.gz")


BYTES = st.lists(st.sampled_from([*ARPA.encode().splitlines(keepends=True), b"\xff", b"\xe4\xb8", b"<s>", b"\t"]))


@given(BYTES.map(b"".join) | st.binary())
def test_any_bytes_are_read_or_refused(data):
    path = scratch() / "any.bytes"
    path.write_bytes(data)
    with pytest.raises((ModelError, InputError)):
        read_arpa(path)


@given(st.integers(0, len(ARPA.encode()) - 1), st.binary(max_size=3))
def test_damaged_files_are_read_or_refused(at, other):
    data = ARPA.encode()
    path = scratch() / "damaged.arpa"
    path.write_bytes(data[:at] + other + data[at + 1 :])
    try:
        lm = read_arpa(path)
    except (ModelError, InputError):
        return
    assert math.isfinite(lm.score_text("一丁一2008").log10_probability)


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
    write_arpa(lm, tmp_path / "a.arpa.gz")
    imported = import_lm(tmp_path / "a.arpa.gz", tmp_path / "m")
    assert isinstance(imported, LanguageModel)
    assert same(imported, lm)
    opened = open_lm(tmp_path / "m")
    assert opened.score_text(HELD_OUT) == lm.score_text(HELD_OUT)
    write_arpa(lm, tmp_path / "again.arpa")
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
    with pytest.raises(ModelError, match="pip install kenlm"):
        open_lm(binary)
    assert open_lm(write(ARPA)).order == 3  # an ARPA file does not need it


def test_reserved_words_cannot_collide():
    names = {word_of(code) for code in (NUM, LAT, *map(ord, "一𠮷〇"))}
    assert names == {"<num>", "<lat>", "一", "𠮷", "〇"}
    assert len(names | {"<s>", "</s>", "<unk>"}) == 8
