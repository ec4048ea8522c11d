"""Places of words: `spans`, and tokens and words, which compiled code makes of them."""

import ctypes
import gc
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool import Token, UsageError, train
from segtool.decode.block import SLACK, SPAN, Scratch, write_spans
from segtool.decode.memory import ROOM
from segtool.decode.places import append_words, encode_texts, place_in_texts, words_of
from segtool.decode.short_texts import BYTE_TOKENS, SHORT, SHORT_ROOM, TOKENS, WORDS, cut_short, span_short
from segtool.runtime.kernels import LazyKernel
from segtool.runtime.numba_compiler import compile_kernel
from tests import naive_places
from tests.helpers import SAMPLE, any_text, interpreting, little_room, long_line, sample_segmenter, sample_text

SEGMENTER = sample_segmenter()
DECODER = SEGMENTER._cutter.decoder
SPLITTING = SEGMENTER.with_words(force=["医生|说"])
LITERAL = SEGMENTER.with_words(force=["C++", "iPhone 15"])
COHESION = train(SAMPLE, method="cohesion")  # its decoder marks block by block
EVERY = [SEGMENTER, SPLITTING, LITERAL, COHESION]

flowing = st.lists(
    st.sampled_from(
        ["医生", "说", "今天", "C++", "iPhone 15", "12", "%", "𠮷", "é", " ", "\n", "。", "\u0301", "\ud800"]
    )
).map("".join)
texts = flowing | any_text
units = st.sampled_from(["character", "byte"])


@settings(max_examples=40)
@given(texts, units, st.booleans())
def test_spans_are_the_places_of_the_words(text, unit, plain):
    for segmenter in EVERY:
        with interpreting(plain):
            words = segmenter.cut(text)
            found = segmenter.spans(text, unit)
            assert segmenter.tokenize(text, unit) == naive_places.tokens(text, words, unit)
        assert found.dtype == np.int64 and found.shape == (len(words), 2)
        assert list(map(tuple, found.tolist())) == naive_places.places(text, words, unit)


@given(st.lists(texts, max_size=6), units)
def test_a_batch_is_cut_like_its_texts(batch, unit):
    """Also where line ends are inside a text, and literals near its end."""
    for segmenter in EVERY:
        with interpreting(False):
            cuts = segmenter.cut_batch(batch)
            tokens = segmenter.tokenize_batch(batch, unit)
            assert cuts == [segmenter.cut(text) for text in batch]
        assert tokens == [naive_places.tokens(*each, unit) for each in zip(batch, cuts, strict=True)]


@given(flowing, st.sampled_from([1, 2, 3, 5, 20]))
def test_blocks_may_end_anywhere(text, room):
    """Also where there is too little room for one call."""
    with interpreting(False):
        wanted, places = SEGMENTER.cut(text), SEGMENTER.spans(text, "byte").tolist()
        with little_room(room):
            assert SEGMENTER.cut(text) == wanted
            assert SEGMENTER.spans(text, "byte").tolist() == places
    assert places == list(map(list, naive_places.byte_places(text, wanted)))


def test_texts_of_any_length():
    """Those that one call cuts, and longer ones."""
    line = sample_text().replace("\n", " ")
    with interpreting(False):
        for size in (SHORT, SHORT + 1, len(line)):
            text = line[:size]
            words = SEGMENTER.cut(text)
            assert SEGMENTER.tokenize(text) == naive_places.tokens(text, words, "character")
            assert "".join(words) == "".join(text.split())
        text = long_line(2 * ROOM)
        assert SEGMENTER.cut(text) == [text[start:end] for start, end in SEGMENTER.spans(text)]


def test_tokens_are_of_their_class_and_no_garbage():
    with interpreting(False):
        (token,) = SEGMENTER.tokenize(" 今天")
        assert type(token) is Token and token == Token("今天", 1, 3) and token._replace(start=0).start == 0
        assert hash(token) == hash(Token("今天", 1, 3))
        assert not gc.is_tracked(token)
        many = SEGMENTER.tokenize_batch([sample_text()] * 3)
    del token, many
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is Token]


@pytest.mark.parametrize("unit", ["bytes", None, 3])
def test_unknown_units(unit):
    for call in (SEGMENTER.spans, SEGMENTER.tokenize, lambda text, unit: SEGMENTER.tokenize_batch([text], unit)):
        with pytest.raises(UsageError, match="'character' nor 'byte'"):
            call("今天", unit)


# Kernels


def run_short(text, kind=WORDS, room=ROOM, kept=2, out=None):
    """The kernel for short texts, with memory of its own."""
    out = np.empty(SHORT_ROOM, np.uint8) if out is None else out
    arrays = Scratch(room).whole, out, np.zeros(2 * kept, np.int64)
    return cut_short.compiled(None, Token, kind, DECODER.characters, *DECODER._cut_tables, *arrays, text)


@pytest.mark.parametrize("text", [".,;" * 682, "𠮷" * SHORT, "今" * SHORT])
def test_kernels_write_nothing_behind_their_room(text):
    """A word for each character needs the most of it, and so do characters of four bytes."""
    out = np.full(SHORT_ROOM + 8, 0xEE, np.uint8)
    assert "".join(run_short(text, out=out[:-8])) == text
    assert set(out[-8:].tolist()) == {0xEE}


class Text(str):
    pass


def test_texts_that_are_left_to_other_code():
    text = "医生说今天要休息"
    assert run_short(text) is not None and run_short(text, room=2) is None
    assert run_short("今" * (SHORT + 1)) is None and run_short(Text(text)) is None
    with interpreting(False):
        assert SEGMENTER.cut(Text(text)) == SEGMENTER.cut(text)


@pytest.mark.parametrize("text", ["", "a", "Good day", "caf\xe9 \xe0", "医", "医生 C++", "𠮷野家\x00", "\ud800é医生"])
def test_strings_of_every_width(text):
    """Characters of one, two and four bytes; this Python's strings are read where it keeps them."""
    with interpreting(True):
        words = SEGMENTER.cut(text)
    assert run_short(text) == run_short("".join(text)) == words
    assert run_short(text, TOKENS) == naive_places.tokens(text, words, "character")
    assert run_short(text, BYTE_TOKENS) == naive_places.tokens(text, words, "byte")


mixed = st.text(st.sampled_from("医生说今天Aa\x00\x01 。é"), max_size=12)


@given(st.lists(mixed | texts, max_size=8), st.sampled_from([1, 4, 64]))
def test_words_that_are_kept(batch, size):
    """Also where the table is little, so that words take each other's places."""
    rows = np.zeros(size, [("key", np.int64), ("word", object)])
    kept = np.frombuffer((ctypes.c_int64 * (2 * size)).from_address(rows.ctypes.data), np.int64)
    memory = Scratch(ROOM).whole, np.empty(SHORT_ROOM, np.uint8), kept
    with interpreting(True):
        wanted = [SEGMENTER.cut(text) for text in batch]
    tables = None, Token, WORDS, DECODER.characters, *DECODER._cut_tables
    assert [cut_short.compiled(*tables, *memory, text) for text in batch] == wanted
    for key, word in rows:
        if key:
            codes = [key >> 16 * i & 0xFFFF for i in range(key >> 48)]
            assert 1 <= len(word) <= 3 and codes == [*map(ord, word)]
            assert any(word in words for words in wanted)


def test_nothing_holds_on_to_words():
    """The table owns a word, as does each list or token."""
    rows = np.zeros(64, [("key", np.int64), ("word", object)])
    kept = np.frombuffer((ctypes.c_int64 * 128).from_address(rows.ctypes.data), np.int64)
    memory = Scratch(ROOM).whole, np.empty(SHORT_ROOM, np.uint8), kept
    tables = DECODER.characters, *DECODER._cut_tables
    cuts = [cut_short.compiled(None, Token, WORDS, *tables, *memory, "医生说") for _ in range(5)]
    word = cuts[0][0]
    assert all(each[0] is word for each in cuts)
    del cuts
    assert sys.getrefcount(word) == 3  # of the table, this function, and the call
    token = cut_short.compiled(None, Token, TOKENS, *tables, *memory, "医生说")[0]
    assert sys.getrefcount(word) == 4
    del token
    assert sys.getrefcount(word) == 3


def test_the_collector_goes_on_as_it_was():
    for turn in (gc.disable, gc.enable):
        turn()
        assert run_short("医生说") is not None
        assert gc.isenabled() is (turn is gc.enable)


@given(st.lists(st.integers(0, 2), max_size=20), st.integers(0, 100))
def test_places_of_a_block(kinds, at):
    """Each token is a space (2), or begins a word (1) or not (0)."""
    scratch = Scratch(20)
    count = len(kinds)
    scratch.starts[1 : count + 2] = np.cumsum([0, *(1 + i % 4 for i in range(count))])
    scratch.begins[1 : count + 1] = [kind == 1 for kind in kinds]
    spaces = [i + 1 for i, kind in enumerate(kinds) if kind == 2]
    scratch.spaces[: len(spaces)] = spaces
    wanted: list[list[int]] = []
    for i, kind in enumerate(kinds):
        start, end = (at + int(scratch.starts[each]) for each in (i + 1, i + 2))
        if kind == 1 or (kind == 0 and (i == 0 or kinds[i - 1] == 2)):
            wanted.append([start, end])
        elif kind == 0:
            wanted[-1][1] = end
    out = np.empty(SPAN * 80 + SLACK, np.uint8)
    size = write_spans.compiled(at, count, len(spaces), scratch.places, 0, out)
    assert out[:size].view(np.int64).reshape(-1, 2).tolist() == wanted


@given(st.lists(texts, min_size=1, max_size=5), units)
def test_places_in_texts(batch, unit):
    data, bounds = encode_texts(batch)
    words = [text.split() for text in batch]
    begins = bounds.tolist()
    absolute = [
        begin + place
        for begin, *each in zip(begins, batch, words, strict=False)
        for span in naive_places.byte_places(*each)
        for place in span
    ]
    spans, counts = np.array(absolute, np.int64), np.empty(len(batch), np.int64)
    given_spans = spans.copy()
    place_in_texts.compiled(np.frombuffer(data, np.uint8), bounds, unit == "character", spans, counts)
    wanted = [naive_places.places(*each, unit) for each in zip(batch, words, strict=True)]
    assert counts.tolist() == list(map(len, words))
    assert spans.reshape(-1, 2).tolist() == [list(place) for each in wanted for place in each]
    assert words_of(batch, data, bounds, given_spans, WORDS) == words
    tokens = [naive_places.tokens(*each, "character") for each in zip(batch, words, strict=True)]
    assert words_of(batch, data, bounds, given_spans, TOKENS) == tokens


def first_number(values):
    return values[0]


def test_kernels_that_use_objects_keep_the_lock():
    assert all(each.signature.endswith(" locked") for each in (append_words, cut_short, span_short))
    for signature in ("i8(i8[const])", "i8(i8[const]) locked"):
        compiled = compile_kernel(first_number, signature)
        assert compiled.targetoptions["nogil"] is not signature.endswith("locked")
        assert LazyKernel(first_number, signature)(np.array([3])) == 3
