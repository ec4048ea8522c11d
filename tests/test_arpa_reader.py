"""Reading ARPA files of other tools."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import InputError, ModelError
from segtool.lm.arpa_reader import read_arpa
from segtool.lm.kneser_ney import estimate
from segtool.lm.store import open_lm
from segtool.text import unpacked
from segtool.text.symbols import NUM
from tests.helpers import scratch
from tests.naive_lm import (
    ARPA,
    HAN,
    quiet,
    same,
    spelt_runs,
    tiny,
    train_text,
    write,
    write_arpa_file,
)


@pytest.fixture(scope="module")
def lm(sample_counts):
    return estimate(sample_counts, 5)


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
    write_arpa_file(lm, tmp_path / "whole.arpa")
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
    write_arpa_file(lm, tmp_path / "a.arpa")
    monkeypatch.setattr(unpacked, "_BUFFER_BYTES", 1000)
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
    write_arpa_file(tiny(), tmp_path / "a.arpa.gz")
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
