"""Whatever the text, words are its slices in order, and every way to cut it cuts the same."""

import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segtool import Segmenter, Token, UsageError, load, segmenter, train
from tests.helpers import (
    SAMPLE,
    any_text,
    cut_spans,
    interpreting,
    random_text,
    sample_model,
    sample_segmenter,
    sample_text,
)

SEGMENTER = sample_segmenter()
LINES = sample_text().splitlines()
HARD = [
    "",
    " ",
    "\n\n",
    "医生说今天要休息。",
    "3.5%的人,12:30见——……!!",
    "\ud800\udc00",
    "\udc80今\ud800天",
    "\U00020000𪚥\U0010ffff",
    "e\u0301\u0301 \u0301\u0301",
    "👨\u200d👩\u200d👧🇨🇳👍🏽",
    "\x00\x1c\x85\u2028",
    "12,\n3 4.\r\n5%\n%",
    "——\n——",
    "今天\u3000天气\ufeff",
]
any_texts = st.lists(
    any_text | st.sampled_from(["", "\n", "1,", "2", "%", "—", "\u0301", "\u200d", "天气"]), max_size=8
)


def hard(test):
    for text in HARD:
        test = example(text)(test)
    return test


def cut_both_ways(text):
    with interpreting(True):
        plain = SEGMENTER.cut(text)
    with interpreting(False):
        compiled = SEGMENTER.cut(text)
    assert plain == compiled
    return plain


# Any string


@hard
@given(any_text)
def test_nothing_but_whitespace_is_lost(text):
    words = cut_both_ways(text)
    assert "".join(words) == "".join(text.split())
    for word in words:
        assert word
        assert not any(c.isspace() for c in word)


@hard
@given(any_text)
def test_compiled_kernels_cut_like_plain_python(text):
    spans, consumed, _ = cut_spans(SEGMENTER._cutter.decoder, text)
    assert consumed == len(text)
    assert cut_both_ways(text) == [text[start:end] for start, end in spans]


@hard
@given(any_text)
def test_offsets_in_characters(text):
    tokens = SEGMENTER.tokenize(text)
    at = 0
    for word, start, end in tokens:
        assert at <= start < end
        assert text[at:start].strip() == ""
        assert text[start:end] == word
        at = end
    assert text[at:].strip() == ""
    assert [token.word for token in tokens] == SEGMENTER.cut(text)


@hard
@given(any_text)
def test_offsets_in_bytes(text):
    data = text.encode("utf-8", "surrogatepass")
    tokens = SEGMENTER.tokenize(text, unit="byte")
    assert [data[start:end] for _, start, end in tokens] == [
        word.encode("utf-8", "surrogatepass") for word in SEGMENTER.cut(text)
    ]
    # every word has its own place: the bytes up to it are those of the text up to it
    for byte, character in zip(tokens, SEGMENTER.tokenize(text), strict=True):
        assert byte.start == len(text[: character.start].encode("utf-8", "surrogatepass"))


def test_a_long_text_is_cut_like_a_short_one():
    text = "".join(LINES) * 3
    assert not SEGMENTER.interprets(len(text))
    assert "".join(SEGMENTER.cut(text)) == "".join(text.split())
    assert cut_both_ways(text) == SEGMENTER.cut(text)


def test_whitespace_and_marks_do_not_depend_on_the_other_side():
    assert SEGMENTER.cut("1,\n2") == ["1", ",", "2"]
    assert SEGMENTER.cut_batch(["1,", "2", "—", "—", "\u0301", "天", "\u0301"]) == [
        ["1", ","],
        ["2"],
        ["—"],
        ["—"],
        ["\u0301"],
        ["天"],
        ["\u0301"],
    ]


def test_what_was_learned():
    assert SEGMENTER.cut("医生说今天要休息") == ["医生", "说", "今天", "要", "休息"]


def test_unknown_characters_stand_alone_without_unknown_words():
    plain = train(SAMPLE, unknown_len=0)
    assert plain.cut("\U00030000\U00030001") == ["\U00030000", "\U00030001"]
    assert "".join(SEGMENTER.cut("\U00030000\U00030001")) == "\U00030000\U00030001"


def test_long_words_of_a_model_without_any():
    single = train(texts=["今天天气很好。今天天气不好。"], max_word_len=1)
    assert single.cut("今天天气 12.5%abc") == ["今", "天", "天", "气", "12.5%", "abc"]


# Every way to cut


@given(any_texts)
@example(["1,", "2"])
@example(["—", "—", "", "", "\n", "—"])
@example(["a", "\u0301", "b\n", "\n\u0301", ""])
@example(["👨\u200d", "👩", " ", "%", "5", "%"])
def test_many_texts_are_cut_one_by_one(texts):
    expected = [SEGMENTER.cut(text) for text in texts]
    assert list(SEGMENTER.cut_iter(texts)) == expected
    for plain in (True, False):
        with interpreting(plain):
            for workers in (1, 2, 3):
                assert SEGMENTER.cut_batch(texts, workers) == expected


@given(any_texts, st.integers(0, 12))
def test_groups_of_a_batch_may_end_anywhere(texts, size):
    expected = [SEGMENTER.cut(text) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmenter, "BATCH_CHARACTERS", size)
        for workers in (1, 3):
            assert SEGMENTER.cut_batch(iter(texts), workers=workers) == expected


def test_a_large_batch():
    texts = [*random_text(800_000).splitlines(keepends=True), *["", "\n"] * 50]
    assert sum(map(len, texts)) > 3 * segmenter.BATCH_CHARACTERS
    expected = [SEGMENTER.cut(text) for text in texts]
    for workers in (1, 2, 3):
        assert SEGMENTER.cut_batch(texts, workers) == expected


def test_cut_iter_waits_for_nothing():
    def texts():
        yield "今天"
        pytest.fail("the second text was asked for before the first was handed on")

    assert next(SEGMENTER.cut_iter(texts())) == ["今天"]


@pytest.mark.parametrize("workers", [0, -1])
def test_too_few_workers(workers):
    with pytest.raises(UsageError, match=str(workers)):
        SEGMENTER.cut_batch(["今天"], workers=workers)


@pytest.mark.parametrize("unit", ["bytes", "", "chars", None])
def test_unknown_unit(unit):
    with pytest.raises(UsageError, match="'character' nor 'byte'"):
        SEGMENTER.tokenize("今天", unit=unit)


def test_tokens_are_tuples_with_names():
    (token,) = SEGMENTER.tokenize(" 今天")
    assert token == ("今天", 1, 3) == Token(word="今天", start=1, end=3)
    assert SEGMENTER.tokenize(" 今天", unit="byte") == [("今天", 1, 7)]


# An object that does not change, in threads and processes


def test_nothing_can_be_set_or_deleted():
    for name in (*Segmenter.__slots__, "new", "cut"):
        with pytest.raises(AttributeError):
            setattr(SEGMENTER, name, None)
        with pytest.raises(AttributeError):
            delattr(SEGMENTER, name)
    with pytest.raises(ValueError, match="read-only"):
        SEGMENTER.model.lexicon[0] = 1
    with pytest.raises(AttributeError):
        SEGMENTER.model.path = None
    assert SEGMENTER.cut("医生说") == ["医生", "说"]


def test_cutting_leaves_no_trace():
    before = [np.array(array) for array in (SEGMENTER.model.symbols, SEGMENTER.model.lexicon, SEGMENTER.model.words)]
    first = [cut_both_ways(text) for text in HARD]
    cut_both_ways(random_text(20_000))
    assert [cut_both_ways(text) for text in HARD] == first
    for array, old in zip(
        (SEGMENTER.model.symbols, SEGMENTER.model.lexicon, SEGMENTER.model.words), before, strict=True
    ):
        assert array.tobytes() == old.tobytes()


def test_repr_tells_the_model():
    assert str(sample_model()) in repr(SEGMENTER)
    assert f"{len(SEGMENTER.model.words):,} words" in repr(SEGMENTER)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_from_a_directory_it_is_a_path(protocol):
    data = pickle.dumps(SEGMENTER, protocol)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert again.model.path == SEGMENTER.model.path
    assert again.cut(LINES[0]) == SEGMENTER.cut(LINES[0])


def test_pickled_from_memory():
    in_memory = train(texts=LINES[:100])
    again = pickle.loads(pickle.dumps(in_memory))
    assert again.model.path is None
    assert again.model.card == in_memory.model.card
    assert [again.cut(line) for line in LINES] == [in_memory.cut(line) for line in LINES]


def test_pickled_path_outlives_a_change_of_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(sample_model().parent)
    relative = load(sample_model().name)
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(pickle.dumps(relative))
    assert os.path.samefile(again.model.path, sample_model())


@pytest.mark.parametrize("plain", [True, False])
def test_shared_between_threads(plain):
    expected = [SEGMENTER.cut(line) for line in LINES]
    start = threading.Barrier(8)

    def work(offset):
        start.wait()
        order = LINES[offset:] + LINES[:offset]
        words = [SEGMENTER.cut(line) for line in order]
        return words[len(LINES) - offset :] + words[: len(LINES) - offset]

    with interpreting(plain), ThreadPoolExecutor(8) as pool:
        for words in pool.map(work, [i * 7 for i in range(8)]):
            assert words == expected


def test_opened_in_processes():
    texts = [*LINES[:20], *HARD]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(SEGMENTER.cut, texts)) == [SEGMENTER.cut(text) for text in texts]
        assert pool.submit(load, sample_model()).result().cut(LINES[0]) == SEGMENTER.cut(LINES[0])
