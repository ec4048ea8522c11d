"""Viterbi against every cover, and piece by piece against at once."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool.decode.viterbi import TAG_STEP
from segtool.lexicon.build import build_model
from segtool.lexicon.em import learn
from segtool.settings import LexiconSettings
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests.helpers import extend
from tests.naive import STRANGE, Extras
from tests.toy_decoder import CODES, TEXTS, UNKNOWN, Decoder, decoders


@pytest.fixture(scope="module")
def trained(sample_chunks, sample_candidates):
    return Decoder.of(train(sample_chunks, sample_candidates))


@pytest.fixture(scope="module")
def extended(trained):
    """The same with a tagger and unknown words."""
    return Decoder.of(extend(trained.model, 5))


def train(runs, candidates, **parameters):
    learned = learn(runs, candidates, LexiconSettings(**parameters))
    return build_model(candidates, learned, {"parameters": {"max_word_len": len(candidates.levels)}})


@settings(max_examples=400)
@given(decoders(), TEXTS)
@example(Decoder({}, 1), "")
def test_viterbi_is_naive(decoder, text):
    expected = decoder.naive(text)
    assert decoder.compiled(text) == (expected, len(text))
    assert decoder.interpreted(text) == (expected, len(text))
    assert decoder.utf8(text) == naive.join(text, expected, "|")[0]


@given(st.integers(0, 1 << 32))
def test_random_scores(seed):
    """Everything at once, and never too little of it to matter."""
    draw = random.Random(seed)
    max_len, unknown_len, reach = draw.randint(1, 4), draw.choice([0, 1, 2, 2, 3, 4, 6]), draw.choice([2, 9, 127])
    symbols = [*map(ord, "一丁"), STRANGE]
    grams = [gram for k in range(1, max_len + 1) for gram in itertools.product(symbols[:2], repeat=k)]
    pairs = list(itertools.product(symbols, repeat=2))
    tagged = [(code,) for code in [*CODES, STRANGE]] + draw.sample(pairs, draw.randint(0, len(pairs)))
    decoder = Decoder(
        {gram: TAG_STEP * draw.randint(-9, 0) for gram in draw.sample(grams, draw.randint(1, len(grams)))},
        max_len,
        Extras(
            {gram: tuple(draw.randint(-reach - 1, reach) for _ in range(4)) for gram in tagged},
            {code: tuple(TAG_STEP * draw.randint(-4, 1) for _ in range(3)) for code in [*CODES, STRANGE]},
            unknown_len,
            draw.choice([0, 0, TAG_STEP * draw.randint(-9, 9)]),
        ),
    )
    text = "".join(draw.choice("一一一丁丁丁𠮷") for _ in range(draw.randint(5, 10)))
    expected = decoder.naive(text)
    assert decoder.compiled(text) == decoder.interpreted(text) == (expected, len(text))
    assert decoder.utf8(text) == naive.join(text, expected, "|")[0]
    for cuts in (range(len(text)), range(2, len(text), 3), draw.sample(range(len(text)), 2)):
        assert decoder.pieces(text, sorted(cuts))[0] == expected


FEATURES = [("a", 0), ("b", 1), ("c", 2), ("d", 3), ("ab", 0), ("bc", 1), ("cd", 2)]


@pytest.mark.parametrize(("feature", "byte"), FEATURES)
@pytest.mark.parametrize(("max_len", "unknown_len"), [(2, 0), (1, 2), (3, 0), (3, 4)])
def test_each_weight_of_the_tagger(feature, byte, max_len, unknown_len):
    """Alone, where it is all that decides between two words of one symbol and one of two."""
    tags = {(code,): (0, 0, 0, 0) for code in [*CODES, STRANGE]}
    for sign, gram in zip((1, -1, 1), itertools.product(map(ord, "一丁"), repeat=len(feature)), strict=False):
        tags[gram] = tuple(sign * (place == byte) for place in range(4))
    decoder = Decoder(
        {gram: -1 for k in range(1, max_len + 1) for gram in itertools.product(map(ord, "一丁"), repeat=k)},
        max_len,
        Extras(tags, {code: (-1, 0, 0) for code in map(ord, "一丁")}, unknown_len),
    )
    found = set()
    for symbols in itertools.product("一丁", repeat=6):
        text = "".join(symbols)
        expected = decoder.naive(text)
        assert decoder.compiled(text)[0] == decoder.interpreted(text)[0] == expected
        assert decoder.utf8(text) == naive.join(text, expected, "|")[0]
        for low in range(6):
            assert decoder.pieces(text, range(low, 6))[0] == expected
            assert decoder.pieces(text, [low])[0] == expected
        found.add(tuple(expected))
    assert len(found) > 1


def test_a_word_is_never_an_unknown_word():
    spelled = Extras({}, {ord(char): (0, 0, 0) for char in "一丁"}, 2)
    words = {(ord("一"),): -1, (ord("丁"),): -1}
    assert Decoder(words, 2, spelled).compiled("一丁")[0] == [(0, 2)]
    assert Decoder(words | {tuple(map(ord, "一丁")): -3}, 2, spelled).compiled("一丁")[0] == [(0, 1), (1, 2)]


def test_words_too_long_for_the_limit_may_be_unknown_ones():
    decoder = Decoder({tuple(map(ord, "一丁")): -999}, 1, Extras({}, {ord(c): (0, 0, 0) for c in "一丁"}, 2))
    assert decoder.compiled("一丁") == decoder.interpreted("一丁") == ([(0, 2)], 2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"一": 0, "丁": 0}, ["一", "丁", "一"]),
        ({"一": 0, "丁": 0, "一丁": 0}, ["一丁", "一"]),
        ({"一": 0, "丁": 0, "一丁": 0, "丁一": 0}, ["一", "丁一"]),
        ({"一": 0, "丁": 0, "一丁": 0, "丁一": 0, "一丁一": 0}, ["一丁一"]),
        ({"一": -1, "丁": -1, "一丁": -1, "丁一": -2, "一丁一": -3}, ["一丁", "一"]),
        ({"一": -1, "丁": -1, "一丁一": -3}, ["一丁一"]),
        ({"一": -1, "丁": -1, "一丁一": -4}, ["一", "丁", "一"]),
    ],
)
def test_the_longest_last_word_breaks_a_tie(words, expected):
    decoder = Decoder({tuple(map(ord, word)): weight for word, weight in words.items()}, 3)
    found, _ = decoder.compiled("一丁一")
    assert ["一丁一"[start:end] for start, end in found] == expected


def test_words_longer_than_the_limit_are_not_used():
    decoder = Decoder({tuple(map(ord, "一丁")): 0, tuple(map(ord, "一丁七")): 100}, 3)
    assert decoder.compiled("一丁七")[0] == [(0, 3)]
    decoder = Decoder(decoder.weights, 2)
    assert decoder.compiled("一丁七")[0] == [(0, 2), (2, 3)]
    assert decoder.interpreted("一丁七")[0] == [(0, 2), (2, 3)]


def test_beginnings_of_words_are_no_words():
    decoder = Decoder({tuple(map(ord, "一丁七")): -1000}, 3)
    assert decoder.compiled("一丁七")[0] == [(0, 1), (1, 2), (2, 3)]


def test_numbers_and_latin_are_symbols_of_words():
    decoder = Decoder({(NUM, ord("一")): 0, (LAT, NUM): 0}, 2)
    text = "１２.5%一MP3"
    assert [text[start:end] for start, end in decoder.compiled(text)[0]] == ["１２.5%一", "MP3"]


@given(decoders(), TEXTS, st.data())
def test_pieces_give_the_words_of_the_whole(decoder, text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    expected = decoder.naive(text)
    words, out, _ = decoder.pieces(text, cuts)
    assert words == expected
    assert out == naive.join(text, expected, "|")[0]


@given(decoders(), TEXTS)
def test_single_characters_give_the_words_of_the_whole(decoder, text):
    words, _, _ = decoder.pieces(text, range(len(text)))
    assert words == decoder.naive(text)


@given(decoders(), TEXTS, TEXTS)
def test_what_is_settled_stays_whatever_follows(decoder, text, more):
    words, consumed = decoder.compiled(text, False)
    assert 0 <= consumed <= len(text)
    assert all(start < end <= consumed for start, end in words)
    expected = decoder.naive(text + more)
    assert words == [(start, end) for start, end in expected if end <= consumed]
    assert not any(start < consumed < end for start, end in expected)


@pytest.mark.parametrize("cut", ["3.|5一", "一3.|5", "3|5", "a|b", "一|\u0301丁", "。|。", "👩\u200d|👩"])
@pytest.mark.parametrize("max_len", [1, 2])
def test_half_a_token_is_left_open(cut, max_len):
    """Also where words have one symbol only, so that no word can go on behind the piece."""
    head, tail = cut.split("|")
    decoder = Decoder({}, max_len)
    assert decoder.pieces(head + tail, [len(head)])[0] == naive.cut(head + tail, {}, UNKNOWN)


@pytest.mark.parametrize("name", ["trained", "extended"])
def test_a_run_without_end_is_settled_on_the_way(name, sample_text, request):
    decoder = request.getfixturevalue(name)
    text = "".join(char for char in sample_text if "一" <= char <= "龥")[:20_000]
    at_once, _ = decoder.compiled(text)
    assert len(at_once) > 8_000
    words, out, kept_most = decoder.pieces(text, range(100, len(text), 100))
    assert words == at_once
    assert out == naive.join(text, at_once, "|")[0]
    assert kept_most < 60


@pytest.mark.parametrize("mark", ["。", "👩", "の"])
def test_a_mark_settles_what_stands_before_it(trained, mark):
    text = f"今天休息{mark} "
    words, consumed = trained.compiled(text, False)
    assert "".join(text[start:end] for start, end in words) == f"今天休息{mark}"
    assert consumed == 5, "more space may follow"


@pytest.mark.parametrize("name", ["trained", "extended"])
def test_real_text_in_pieces(name, sample_text, request):
    decoder = request.getfixturevalue(name)
    draw = np.random.default_rng(3)
    cuts = np.sort(draw.integers(0, len(sample_text), 400)).tolist()
    at_once, _ = decoder.compiled(sample_text)
    words, out, _ = decoder.pieces(sample_text, cuts)
    assert words == at_once
    assert out == naive.join(sample_text, at_once, "|")[0]
    assert decoder.interpreted(sample_text) == (at_once, len(sample_text))


def test_the_extras_of_a_model_change_the_words(trained, extended, sample_text):
    assert trained.compiled(sample_text) != extended.compiled(sample_text)
    without_unknown = Decoder.of(extend(trained.model, 5, 1))
    assert trained.compiled(sample_text) != without_unknown.compiled(sample_text) != extended.compiled(sample_text)
