"""Arguments that were traps: what is no text, what can be read only once, what is misspelt."""

import inspect
import math
import pickle

import numpy as np
import pytest

import segtool
from segtool import ArgumentError, SegtoolError, UsageError
from segtool.alternatives import Alternatives
from segtool.columns import Columns
from segtool.derivation import Derivable
from segtool.discovery import discover, examples
from segtool.errors import LittleTextWarning
from tests.helpers import SAMPLE, python, sample_segmenter

SEGMENTER = sample_segmenter()
LINE = "医生说今天要休息"
WORDS = ["医生", "说", "今天", "要", "休息"]

WRONG = [None, math.nan, np.float64("nan"), b"\xe4\xbb\x8a", bytearray(b"a"), 3, 2.5, ["今天"], ("今", "天"), {"今"}]

CALLS = {
    "cut": SEGMENTER.cut,
    "call": SEGMENTER,
    "tokenize": SEGMENTER.tokenize,
    "tokenize for search": lambda text: SEGMENTER.tokenize(text, search=True),
    "cut_for_search": SEGMENTER.cut_for_search,
    "nbest": lambda text: SEGMENTER.nbest(text, 2),
    "sample": SEGMENTER.sample,
    "explain": SEGMENTER.explain,
    "boundary_probabilities": SEGMENTER.boundary_probabilities,
    "cut_batch": lambda text: SEGMENTER.cut_batch([LINE, text]),
    "cut_batch by two": lambda text: SEGMENTER.cut_batch([LINE, text], workers=2),
    "cut_iter": lambda text: list(SEGMENTER.cut_iter([LINE, text])),
    "train": lambda text: segtool.train(texts=[LINE, text]),
    "box": segtool.cut,
}


# What is no text


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_no_text(call, wrong):
    with pytest.raises(TypeError, match="is no text: ") as caught:
        CALLS[call](wrong)
    assert isinstance(caught.value, SegtoolError)
    assert isinstance(caught.value, ArgumentError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (None, "None is no text: leave missing values out"),
        (math.nan, r"nan \(float\) is no text: leave missing values out"),
        (b"ab", r"b'ab' \(bytes\) is no text: decode it"),
        (3, r"3 \(int\) is no text: pass a string"),
        (["今天"], "many to cut_batch"),
    ],
)
def test_message_says_what_to_do(wrong, remedy):
    with pytest.raises(ArgumentError, match=remedy):
        SEGMENTER.cut(wrong)


def test_number_of_the_text():
    with pytest.raises(ArgumentError, match=r"cut_batch\(\): texts\[2\]: None"):
        SEGMENTER.cut_batch([LINE, LINE, None])


def test_strings_of_other_classes():
    assert SEGMENTER.cut(np.str_(LINE)) == SEGMENTER.cut_batch([np.str_(LINE)])[0] == WORDS


MANY = {
    "cut_batch": SEGMENTER.cut_batch,
    "cut_iter": SEGMENTER.cut_iter,
    "train": lambda texts: segtool.train(texts=texts),
}


@pytest.mark.parametrize("call", ["cut_batch", "cut_iter", "train"])
def test_one_string_is_no_list(call):
    with pytest.raises(TypeError, match=rf"{call}\(\): the texts are one string, not a list: pass \[text\]"):
        MANY[call](LINE)


@pytest.mark.parametrize("wrong", [b"ab", 3, 2.5, math.nan], ids=repr)
@pytest.mark.parametrize("call", ["cut_batch", "cut_iter", "train"])
def test_no_list(call, wrong):
    with pytest.raises(ArgumentError, match="is no list of texts: pass an iterable of strings"):
        MANY[call](wrong)


def test_count_takes_no_single_string(tmp_path):
    with pytest.raises(ArgumentError, match="one string"):
        segtool.count(None, tmp_path / "shard", texts=LINE)
    with pytest.raises(ArgumentError, match=r"texts\[1\]: None"):
        segtool.count(None, tmp_path / "shard", texts=[LINE, None])
    assert list(tmp_path.iterdir()) == []


# cut_iter


def test_cut_iter_can_be_iterated_again():
    cuts = SEGMENTER.cut_iter([LINE, "今天"])
    assert list(cuts) == list(cuts) == [WORDS, ["今天"]]
    first = iter(cuts)
    assert next(first) == WORDS
    assert list(cuts) == [WORDS, ["今天"]], "passes do not disturb one another"


@pytest.mark.parametrize("texts", [lambda: iter([LINE]), lambda: (each for each in [LINE])], ids=["iter", "generator"])
def test_texts_that_can_be_read_once(texts):
    cuts = SEGMENTER.cut_iter(texts())
    assert inspect.isgenerator(cuts)
    assert iter(cuts) is cuts
    assert list(cuts) == [WORDS]
    with pytest.raises(UsageError, match=r"could be read only once.*pass a list"):
        list(cuts)
    with pytest.raises(StopIteration):
        next(cuts)


def test_an_open_file():
    with open(SAMPLE / "city.txt", encoding="utf-8") as lines:
        cuts = SEGMENTER.cut_iter(lines)
        assert len(list(cuts)) > 1
        with pytest.raises(UsageError, match="only once"):
            iter(cuts)


def test_a_closed_pass():
    cuts = SEGMENTER.cut_iter(iter([LINE, LINE]))
    assert next(cuts) == WORDS
    cuts.close()
    with pytest.raises(UsageError, match="only once"):
        iter(cuts)


def test_gensim_trains_on_cuts():
    models = pytest.importorskip("gensim.models")
    lines = (SAMPLE / "city.txt").read_text(encoding="utf-8").splitlines()
    options = {"vector_size": 4, "min_count": 1, "epochs": 2, "workers": 1}
    model = models.Word2Vec(SEGMENTER.cut_iter(lines), **options)
    assert model.corpus_total_words == sum(len(SEGMENTER.cut(line)) for line in lines)
    assert model.train_count == 1
    assert model.total_train_time > 0
    with pytest.raises(TypeError, match="generator"):
        models.Word2Vec(SEGMENTER.cut_iter(iter(lines)), **options)


# Short forms


def test_call_is_cut():
    assert SEGMENTER(LINE) == WORDS
    assert pickle.loads(pickle.dumps(SEGMENTER))(LINE) == WORDS
    assert list(map(SEGMENTER, [LINE])) == [WORDS]


def test_cut_by_the_box():
    assert segtool.cut(LINE) == segtool.lcut(LINE) == segtool.load().cut(LINE)


def test_the_box_is_loaded_once_and_on_first_use():
    program = """
        import json, sys, segtool
        before = "numpy" in sys.modules
        cut = segtool.cut
        between = "numpy" in sys.modules
        from unittest import mock
        import segtool.segmenter
        with mock.patch("segtool.segmenter.load", wraps=segtool.segmenter.load) as load:
            words = [cut("今天天气很好"), segtool.lcut("今天天气很好")]
        print(json.dumps([before, between, load.call_count, words]))
    """
    assert python(program) == [False, False, 1, [["今天", "天气", "很", "好"]] * 2]


# Misspelt parameters


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("min_cuont", "min_count"),
        ("lenght_penalty", "length_penalty"),
        ("worker", "workers"),
        ("word_class", "word_classes"),
    ],
)
def test_misspelt_parameter(wrong, right):
    with pytest.raises(TypeError, match=rf"train\(\): there is no parameter {wrong}: did you mean {right}\?") as caught:
        segtool.train(texts=[LINE], **{wrong: 3})
    assert isinstance(caught.value, ArgumentError)


INTERNAL = {"cut_utf8", "entries", "lattice", "spans"}  # the last one is called for each line: a check would take time


def public_calls():
    """All public calls with more than one parameter."""
    for name in sorted(segtool.__all__):
        found = getattr(segtool, name)
        if inspect.isfunction(found) and len(inspect.signature(found).parameters) > 1:
            yield f"{name}()", found
    for found in (discover, examples):
        yield f"{found.__name__}()", found
    for name in sorted(vars(segtool.Segmenter) | vars(Derivable) | vars(Alternatives) | vars(Columns)):
        found = getattr(SEGMENTER, name)
        is_public = name[0] != "_" and inspect.ismethod(found) and name not in INTERNAL
        if is_public and len(inspect.signature(found).parameters) > 1:
            yield f"{name}()", found


@pytest.mark.parametrize(("name", "call"), list(public_calls()))
def test_misspelt_parameters_of_all_calls(name, call):
    _, right, *_ = inspect.signature(call).parameters
    wrong = right + "x"
    with pytest.raises(TypeError) as caught:
        call(**{wrong: 1})
    assert isinstance(caught.value, ArgumentError)
    assert str(caught.value).startswith(f"{name}: there is no parameter {wrong}: did you mean {right}?")


def test_checked_calls_keep_their_signature():
    assert [*inspect.signature(segtool.load).parameters] == ["path"]
    assert [*inspect.signature(segtool.Segmenter.tune).parameters][:3] == ["self", "sentences", "words"]
    assert segtool.load.__doc__.startswith("Open a model")


def test_parameter_like_no_other():
    with pytest.raises(ArgumentError, match=r"there is no parameter xyzzy: docs/cli.md"):
        segtool.train(texts=[LINE], xyzzy=3)
    with pytest.raises(ArgumentError, match=r"nbest\(\): there is no parameter xyzzy: it takes text, n$"):
        SEGMENTER.nbest(LINE, 2, xyzzy=3)


def test_little_text_gives_a_warning(recwarn):
    segtool.train(texts=["今天天气很好"] * 100)
    [warning] = recwarn
    assert warning.category is LittleTextWarning and warning.filename == __file__
    assert "only 600 symbols" in str(warning.message) and "base='default'" in str(warning.message)
    segtool.train(texts=["今天天气很好"] * 100, base="default")
    segtool.train(SAMPLE)
    assert len(recwarn) == 1


@pytest.mark.parametrize("data", [b"\xe4\xbb", "今".encode() + b"\xf0\x9f", b"\xff" * 9, b"\xf8\x88\x80\x80", b"\x80"])
def test_cut_utf8_refuses_what_is_no_utf8(data):
    """Kernels would read behind the data, or behind a table."""
    with pytest.raises(ArgumentError, match="not UTF-8 at byte"):
        sample_segmenter().cut_utf8(data, b" ", False)


def test_cut_utf8_refuses_other_arguments():
    data = "今天".encode()
    with pytest.raises(ArgumentError, match="no separator"):
        sample_segmenter().cut_utf8(data, b"")
    for before in (-1, 10**6):
        with pytest.raises(ArgumentError, match="is no symbol"):
            sample_segmenter().cut_utf8(data, b" ", True, before)
    assert sample_segmenter().cut_utf8("\ud800今天".encode("utf-8", "surrogatepass"), b" ")[0].split()
