"""Toy models, and texts for them."""

import functools
import itertools
import struct

import numpy as np
from hypothesis import strategies as st

from segtool.decode.decoders import decoder_of
from segtool.decode.viterbi import NO_WORD, TAG_STEP, WEIGHT_UNIT
from segtool.lexicon.trie import build_trie
from segtool.store.model import Model
from segtool.text.symbols import LAT, NUM
from tests import naive
from tests.helpers import cut_spans, spans_of
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
