"""Viterbi against every cover, piece by piece against at once, and UTF-8 against Python's own."""

import functools
import itertools
import random
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool.decode.block import SLACK, Scratch, write_words
from segtool.decode.decoders import decoder_of
from segtool.decode.viterbi import NO_WORD, TAG_STEP, WEIGHT_UNIT
from segtool.lexicon.boundary_model import fit_boundary_model
from segtool.lexicon.build import build_model
from segtool.lexicon.em import learn
from segtool.lexicon.trie import build_trie
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import BOUNDARY_FANOUT, score
from segtool.settings import LexiconSettings, TrainingSettings
from segtool.store.model import Model
from segtool.text.runs import Corpus, RunCollector
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests.helpers import cut_spans, extend, spans_of
from tests.naive import LEXICON_ONLY, STRANGE, Extras

CODES = [0, NUM, LAT, *map(ord, "一丁七")]
"""Of the toy models; 𠮷 is unknown to them."""

UNKNOWN = -50
GUARD = -123_456_789

# Little variety, so that words repeat; numbers, marks and joiners that the next character may carry on.
SYMBOLS = ["一", "丁", "5"]
OTHERS = ["七", "𠮷", "1", "a", ".", "%", ",", "。", " ", "\n", "\r\n", "\r", "\u0301", "👩", "\u200d"]
TEXTS = st.one_of(
    st.lists(st.sampled_from(SYMBOLS[:2]), max_size=8).map("".join),
    st.lists(st.sampled_from([*SYMBOLS * 6, *OTHERS]), max_size=11).map("".join),
    st.lists(st.sampled_from([*SYMBOLS * 2, *OTHERS]), max_size=12).map("".join),
)


class Decoder:
    """A toy model: words as tuples of codes, with whole weights, laid out as the kernel wants them."""

    def __init__(self, weights, max_len, extras=LEXICON_ONLY):
        self.weights, self.max_len, self.extras = weights, max_len, extras
        self.unknown_len = extras.unknown_len
        ids = {code: i for i, code in enumerate([*CODES, STRANGE])}
        unknown = ids[STRANGE]
        laid_out = {tuple(ids[code] for code in gram) for gram in {*weights, *extras.tags}}
        grams = sorted(naive.prefixes(laid_out), key=lambda g: (len(g), g))
        levels = [[(symbol,) for symbol in range(unknown + 1)]]
        levels += [[gram for gram in grams if len(gram) == k] for k in range(2, max(map(len, grams), default=1) + 1)]
        base, check, nodes = build_trie(
            [np.array([gram[-1] for gram in level], np.uint16) for level in levels],
            [
                np.array([levels[k - 1].index(gram[:-1]) if k else 0 for gram in level], np.int32)
                for k, level in enumerate(levels)
            ],
            [np.ones(len(level), np.bool_) for level in levels],
        )
        units = np.zeros((len(base), 4), np.int32)
        units[:, 0], units[:, 1], units[:, 2] = base, check, NO_WORD
        units[: unknown + 1, 2] = UNKNOWN
        for column, entries in ((2, weights), (3, extras.tags)):
            for word, entry in entries.items():
                gram = tuple(ids[code] for code in word)
                node = nodes[len(gram) - 1][levels[len(gram) - 1].index(gram)]
                units[node, column] = entry if column == 2 else struct.unpack("<i", struct.pack("4b", *entry))[0]
        spelling = np.full(4 * unknown + 4, GUARD, np.int32)
        for code, scores in extras.spelling.items():
            spelling[4 * ids[code] : 4 * ids[code] + 3] = scores
        self.arrays = units.ravel(), spelling

    def __repr__(self):
        return f"Decoder({self.weights}, {self.max_len}, {self.extras})"

    @classmethod
    def of(cls, model):
        """The same for a model that was trained."""
        self = cls.__new__(cls)
        self.model, self.decoder = model, decoder_of(model)
        return self

    @functools.cached_property
    def decoder(self):
        """The decoder of a model of these arrays."""
        codes, nothing = np.array(CODES, np.uint32), np.zeros(0, np.int32)
        parameters = {"max_word_len": self.max_len, "unknown_len": self.extras.unknown_len}
        card = {"parameters": parameters, "granularity": self.extras.granularity / WEIGHT_UNIT}
        return decoder_of(Model(codes, codes, *self.arrays, nothing, nothing, card))

    def compiled(self, text, final=True):
        return cut_spans(self.decoder, text, final)[:2]

    def interpreted(self, text):
        return spans_of(text, self.decoder.cut_plain(text)), len(text)

    def utf8(self, text):
        """The words as UTF-8."""
        return self.decoder.cut(text.encode("utf-8", "surrogatepass"), b"|")[0].tobytes()

    def naive(self, text):
        return naive.cut(text, self.weights, UNKNOWN, self.extras)

    def pieces(self, text, cuts):
        """Words, UTF-8 and the most characters that were kept, of a text that comes in pieces."""
        found, out, kept_most = [], [], 0
        low, open_line, before = 0, False, 0
        for cut in [*cuts, len(text)]:
            final = cut == len(text)
            data = text[low:cut].encode("utf-8", "surrogatepass")
            done, _, _, open_line = self.decoder.cut(data, b"|", final, before, open_line)
            out.append(done.tobytes())
            words, consumed, before = cut_spans(self.decoder, text[low:cut], final, before)
            found += [(low + start, low + end) for start, end in words]
            low += consumed
            kept_most = max(kept_most, cut - low)
            if final:
                break
        assert low == len(text)
        return found, b"".join(out), kept_most


def join(text, words, consumed, separator, open_line):
    """:func:`segtool.decode.block.write_words`, for tokens that are these words, on an output of the stated size."""
    tokens = [*words]
    for space, group in itertools.groupby(range(len(text)), lambda i: text[i].isspace()):
        places = list(group)
        if space:
            tokens.append((places[0], places[-1] + 1))
    tokens.sort()
    scratch = Scratch(len(tokens))
    sizes = [0, *itertools.accumulate(len(char.encode("utf-8", "surrogatepass")) for char in text)]
    scratch.starts[1 : len(tokens) + 2] = [*(sizes[start] for start, _ in tokens), sizes[-1]]
    scratch.begins[1 : len(tokens) + 1] = 1
    spaces = [t for t, (start, _) in enumerate(tokens, 1) if text[start].isspace()]
    scratch.spaces[: len(spaces)] = spaces
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    out = np.full((1 + len(separator)) * len(data) + SLACK + 8, 0xEE, np.uint8)
    settled = sum(end <= consumed for _, end in tokens)
    used, still_open = write_words.compiled(
        data, 0, settled, len(spaces), open_line, np.frombuffer(separator, np.uint8), scratch.places, 0, out[:-8]
    )
    assert out[-8:].tolist() == [0xEE] * 8
    return out[:used].tobytes(), still_open


def decoders():
    """Scores in so narrow a range that many covers score the same; also such as fill an int32 nearly."""
    symbols = st.sampled_from([*map(ord, "一丁"), NUM, ord("一"), ord("丁"), LAT])
    listed = [*CODES, STRANGE]
    small, any_byte = st.tuples(*[st.integers(-2, 2)] * 4), st.tuples(*[st.integers(-128, 127)] * 4)
    spelled = st.tuples(st.integers(-4, 1), st.integers(-2, 1), st.integers(-2, 1))

    def of_limit(max_len):
        words = st.lists(symbols, min_size=1, max_size=max_len).map(tuple)
        some = st.dictionaries(words, st.integers(-4, -1), max_size=16)
        every = [w for k in range(1, max_len + 1) for w in itertools.product(map(ord, "一丁"), repeat=k)]
        most = st.tuples(*[st.integers(-3, -1) | st.none()] * len(every)).map(
            lambda weights: {w: weight for w, weight in zip(every, weights, strict=True) if weight}
        )
        return st.builds(scaled, some | most, st.just(max_len), extras, st.sampled_from([1, TAG_STEP, (1 << 29) - 1]))

    def extras_of(tags):
        return st.builds(
            lambda single, pairs, *rest: Extras({**single, **pairs}, *rest),
            st.fixed_dictionaries({(code,): tags for code in listed}),
            st.dictionaries(st.tuples(*[symbols | st.just(STRANGE)] * 2), tags, max_size=8),
            st.fixed_dictionaries({code: spelled for code in listed[1:]}),
            st.integers(0, 6),
            st.sampled_from([0, 0, 1, -2, TAG_STEP, -3 * TAG_STEP, 90 * WEIGHT_UNIT]),
        )

    def scaled(weights, max_len, extras, scale):
        spelling = {code: [scale * score for score in scores] for code, scores in extras.spelling.items()}
        weights = {word: scale * weight for word, weight in weights.items()}
        return Decoder(weights, max_len, extras._replace(spelling=spelling))

    extras = st.just(LEXICON_ONLY) | extras_of(small) | extras_of(any_byte)
    return st.one_of([of_limit(max_len) for max_len in range(1, 5)])


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


LINES = st.lists(st.text(st.sampled_from("一丁七1a，"), min_size=1, max_size=8), min_size=1, max_size=6)


@given(LINES, st.integers(1, 4), st.integers(1, 3))
def test_a_model_decodes_as_its_word_list_says(lines, max_word_len, min_count):
    """build_model lays out what the lexicon holds: weights in whole steps, one for unknown characters."""
    collector = RunCollector()
    collector.add("\n".join(lines))
    runs = Corpus([collector], fold=False)
    candidates = score(count_stream(runs.whole().stream, runs.codes, max_word_len + 1), max_word_len, min_count)
    learned = learn(runs, candidates, LexiconSettings(passes=2, length_penalty=1.0))
    lexicon, model = learned.words, build_model(candidates, learned, {"parameters": {"max_word_len": max_word_len}})
    weights = {
        tuple(model.symbols[word["symbols"][: word["length"]]].tolist()): round(weight * WEIGHT_UNIT)
        for word, weight in zip(model.words, lexicon.weight.tolist(), strict=True)
    }
    scores = naive.scores(naive.runs("\n".join(lines)), max_word_len, min_count, BOUNDARY_FANOUT)
    for symbols, record in zip(weights, model.words, strict=True):
        if symbols in scores:  # numbers and Latin are there also when they do not occur
            columns = ("count", "cohesion", "left_entropy", "right_entropy")
            expected = [getattr(scores[symbols], name) for name in columns]
            assert [record[name] for name in columns] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert model.words["expected"].tolist() == lexicon.expected.tolist()
    unknown = round(lexicon.unknown_weight * WEIGHT_UNIT)
    assert model.lexicon[4 * len(model.symbols) + 2] == unknown
    assert not model.lexicon[3::4].any()
    assert model.spelling.tolist() == [0] * (4 * len(model.symbols) + 4)
    assert unknown < min(weight for word, weight in weights.items() if len(word) == 1)
    for text in (*lines, "一𠮷丁七", "七𠮷𠮷1"):
        assert Decoder.of(model).compiled(text)[0] == naive.cut(text, weights, unknown)


def test_boundary_model_and_unknown_words_join_the_model(sample_candidates, sample_chunks):
    settings = TrainingSettings(unknown_len=3, tagger_min_count=5)
    learned = learn(sample_chunks, sample_candidates, settings)
    card: dict[str, object] = {"parameters": {"max_word_len": len(sample_candidates.levels), "unknown_len": 3}}
    plain = build_model(sample_candidates, learned, card)
    model = build_model(sample_candidates, learned, card, settings)
    units = model.lexicon.copy()
    units[3::4] = 0
    assert (model.lexicon[3::4] == fit_boundary_model(learned.sample, learned.boundaries, units, settings)).all()
    assert model.lexicon[3::4].any()
    assert not plain.lexicon[3::4].any()
    assert (model.spelling == spelling_steps(spelling_scores(plain.words, plain.symbols, settings))).all()
    assert model.unknown_len == 3
    assert model.words.tobytes() == plain.words.tobytes()


def test_frequent_pairs_are_laid_out_for_the_boundary_model(sample_candidates, sample_chunks):
    learned = learn(sample_chunks, sample_candidates, LexiconSettings())
    card: dict[str, object] = {"parameters": {"max_word_len": len(sample_candidates.levels)}}
    model = build_model(sample_candidates, learned, card, TrainingSettings(tagger_min_count=5))
    units = model.lexicon.reshape(-1, 4)
    pairs = sample_candidates.levels[1]
    for symbol, first, count in zip(pairs.symbol.tolist(), pairs.parent.tolist(), pairs.count.tolist(), strict=True):
        if count >= 5:
            assert units[units[first, 0] + symbol, 1] == first


# ---------------------------------------------------------------- UTF-8

SEPARATORS = st.sampled_from([" ", "|", " / ", "｜", "🙂"])


WIDTHS = [*"aé一𠮷", "\x7f", "\x80", "\u07ff", "\u0800", "\ud800", "\uffff", "\U00010000", "\U0010ffff"]
SPACES = [" ", "\t", "\n", "\r\n", "\r", "\u3000", "\x85"]


@st.composite
def cut_texts(draw):
    """A text of every width of UTF-8, and words anywhere between its whitespace."""
    text = "".join(draw(st.lists(st.sampled_from(WIDTHS + SPACES), max_size=16)))
    words = []
    for space, group in itertools.groupby(range(len(text)), lambda i: text[i].isspace()):
        places = list(group)
        if not space:
            cuts = sorted(draw(st.sets(st.sampled_from(places))) | {places[0], places[-1] + 1})
            words += itertools.pairwise(cuts)
    return text, words


@settings(max_examples=400)
@given(cut_texts(), SEPARATORS, st.booleans())
def test_join_is_naive(cut_text, separator, open_line):
    text, words = cut_text
    expected = naive.join(text, words, separator, open_line)
    assert join(text, words, len(text), separator.encode(), open_line) == expected


@given(cut_texts(), SEPARATORS, st.booleans(), st.data())
def test_join_stops_where_the_text_is_settled(cut_text, separator, open_line, data):
    text, words = cut_text
    consumed = data.draw(st.sampled_from([0, *(end for _, end in words), len(text)]))
    written = [word for word in words if word[1] <= consumed]
    expected = naive.join(text[:consumed], written, separator, open_line)
    assert join(text, words, consumed, separator.encode(), open_line) == expected


@pytest.mark.parametrize(
    ("text", "open_line", "expected"),
    [
        ("", False, ("", False)),
        ("", True, ("", True)),
        ("一丁", False, ("一|丁", True)),
        ("一丁", True, ("|一|丁", True)),
        ("\n一", True, ("\n一", True)),
        ("一\n", True, ("|一\n", False)),
        ("一\r\n丁\n", False, ("一\r\n丁\n", False)),
        ("\r\n\r\n", False, ("\r\n\r\n", False)),
        ("一\r丁", False, ("一|丁", True)),
        ("一\r\r\n", False, ("一\r\n", False)),
        ("一\n\r丁", False, ("一\n丁", True)),
        ("\n一\r", True, ("\n一", True)),
        (" \t一  丁 \n\n \n", False, ("一|丁\n\n\n", False)),
        ("一\u3000\u2028丁\x0b\x85七", False, ("一|丁|七", True)),
        ("   ", True, ("", True)),
    ],
)
def test_lines(text, open_line, expected):
    words = [(i, i + 1) for i, char in enumerate(text) if not char.isspace()]
    data, still_open = join(text, words, len(text), b"|", open_line)
    assert (data.decode(), still_open) == expected
