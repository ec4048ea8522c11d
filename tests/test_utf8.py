"""UTF-8 in, UTF-8 out: compiled code against plain Python, and bytes against Python's own decoder."""

import codecs
import itertools
import random
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool import EncodingError, Segmenter, train
from segtool.decode.block import SLACK
from segtool.decode.characters import CHARACTERS, NOT_HAN, character_table
from segtool.decode.memory import ROOM, working
from segtool.decode.rule_table import NO_RULES
from segtool.decode.runs_of_corpus import cut_runs
from segtool.text import utf8_files
from segtool.text.sources import Source, read_pieces
from segtool.text.symbols import CODE_LIMIT, LAT, MARK, NUM, class_table
from segtool.text.token_grammar import token_automaton
from segtool.text.utf8_files import _whole_characters, read_utf8
from tests import naive
from tests.helpers import any_text, extend, interpreting, little_room, long_line, sample_segmenter, sample_text
from tests.naive_methods import runs_of

SEGMENTER = sample_segmenter()
SINGLE = train(texts=["今天天气很好。今天天气不好。"], max_word_len=1)
LONGEST = train(texts=["今天天气很好我们去公园。今天天气不好我们不去公园。"] * 3, max_word_len=15, min_count=1)
EVERY = [SEGMENTER, SINGLE, LONGEST] + [
    Segmenter(extend(segmenter.model, seed, unknown_len))
    for seed, (segmenter, unknown_len) in enumerate([(SEGMENTER, 4), (SEGMENTER, 15), (SINGLE, 3), (LONGEST, 2)])
]
GUARD = 0xEE

flowing = st.lists(
    st.sampled_from(
        [*"今天气我们很好去公园一𠮷,.%aéの👨— -+'&#_@₂🇨[]:/)^⿰", "12", "://", *"\u0301\u200d\u200b\u20e3", "\r\n"]
    ),
    max_size=60,
).map("".join)
texts = flowing | any_text
separators = st.sampled_from([" ", "|", "、", " / "])


def expected(segmenter, text, separator=" "):
    """From the kernels in plain Python, line by line."""
    words = []
    at = 0
    with interpreting(True):
        for line in text.split("\n"):
            spans, low = [], 0
            for word in segmenter.cut(line):
                low = line.find(word, low)
                spans.append((at + low, at + low + len(word)))
                low += len(word)
            words += spans
            at += len(line) + 1
    return naive.join(text, words, separator)[0]


def cut(segmenter, text, separator=" "):
    """Words by compiled code; the kernel writes no byte behind the room it asks for."""
    data = text.encode("utf-8", "surrogatepass")
    out = np.full((1 + len(separator.encode())) * len(data) + SLACK + 8, GUARD, np.uint8)
    with mock.patch.object(working, "out", out[:-8]):
        done, consumed, before, _ = segmenter._cutter.decoder.cut(data, separator.encode())
    assert (consumed, before) == (len(data), 0)
    assert set(out[-8:].tolist()) == {GUARD}
    return done.tobytes()


def test_every_three_characters_are_cut_like_plain_python():
    """One of each class and width, in all orders."""
    kinds = "今𠮷〇1９.·%-+_#:[]@aéの。—👩🇨² \u0301\u200b\u200d\U000e0100\ud800"
    lines = ["".join(three) for three in itertools.product(kinds, repeat=3)]
    text = "\n".join(lines)
    found = cut(SEGMENTER, text, "|").decode("utf-8", "surrogatepass").split("\n")
    with interpreting(True):
        assert found == ["|".join(SEGMENTER.cut(line)) for line in lines]


@settings(max_examples=200)
@given(texts, separators)
@example(".\u200d𠮷", " ")
@example("", " ")
@example("12.", " ")
@example("今\r\n\r\n天 \r", "|")
def test_compiled_code_cuts_like_plain_python(text, separator):
    for segmenter in EVERY:
        assert cut(segmenter, text, separator) == expected(segmenter, text, separator)


@settings(max_examples=100)
@given(flowing, st.sampled_from([1, 2, 3, 5, 9, 20, 40]))
def test_blocks_may_end_anywhere(text, room):
    """Also where there is no room for what stays open, so that more is taken."""
    for segmenter in EVERY:
        with little_room(room):
            assert cut(segmenter, text) == expected(segmenter, text)


@given(st.integers(0, 1 << 32), st.integers(0, 6))
def test_blocks_may_end_anywhere_whatever_the_scores(seed, unknown_len):
    draw = random.Random(seed)
    text = "".join(draw.choice("今今天天气很好我们1a,") for _ in range(draw.randrange(60)))
    for model in (SINGLE.model, LONGEST.model):
        segmenter = Segmenter(extend(model, seed, unknown_len))
        wanted = expected(segmenter, text)
        for room in (3, 16, 4096):
            with little_room(room):
                assert cut(segmenter, text) == wanted


@pytest.mark.parametrize("segmenter", EVERY)
@pytest.mark.parametrize("room", [100, 700, ROOM])
def test_real_text_in_blocks(segmenter, room):
    text = sample_text() + long_line(3000)
    with little_room(room):
        assert cut(segmenter, text) == expected(segmenter, text)


@pytest.mark.parametrize("text", ["哈" * 20_000, "今" * 5000 + "天", "1a" * 9000, "a" * 50_000, "。!" * 9000])
def test_monotonous_text(text):
    for segmenter in (SEGMENTER, EVERY[3], EVERY[4]):
        with little_room(64):
            assert cut(segmenter, text) == expected(segmenter, text)


@given(flowing, st.lists(st.integers(0, 60), max_size=6), separators)
def test_pieces_give_the_words_of_the_whole(text, cuts, separator):
    pieces = [text[low:high] for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(text)], strict=True)]
    for segmenter in EVERY:
        kept, out, before, open_line = b"", b"", 0, False
        for i, piece in enumerate(pieces):
            final = i == len(pieces) - 1
            data = kept + piece.encode()
            done, consumed, before, open_line = segmenter._cutter.decoder.cut(
                data, separator.encode(), final, before, open_line
            )
            out += done.tobytes()
            kept = data[consumed:]
        assert kept == b""
        assert out == expected(segmenter, text, separator)


@pytest.mark.parametrize("segmenter", [SEGMENTER, EVERY[3]])
def test_what_does_not_settle_for_long_keeps_nothing_that_follows(segmenter):
    text = "哈" * 9000 + long_line(60_000)
    data = text.encode()
    with little_room(50):
        out, consumed, before, open_line = segmenter._cutter.decoder.cut(data, b" ", False)
        done = out.tobytes()
        assert consumed > len(data) - 10_000
        rest = segmenter._cutter.decoder.cut(data[consumed:], b" ", True, before, open_line)[0]
    assert done + rest.tobytes() == expected(segmenter, text)


@given(st.lists(st.text("今天气很好我们", min_size=1, max_size=9), max_size=12), st.sampled_from([1, 2, 7, 4096]))
def test_runs_are_cut_like_lines(lines, room):
    runs = runs_of("\n".join(lines))
    for segmenter in EVERY:
        with little_room(room):
            joined = cut_runs(segmenter._cutter.decoder, runs)
        found, word = [[]], ""
        for code, join in zip(runs.codes[runs.stream].tolist(), joined.tolist(), strict=True):
            if code == MARK:
                assert not join
                found.append([])
                continue
            word += chr(code)
            if not join:
                found[-1].append(word)
                word = ""
        assert sorted(words for words in found if words) == sorted(map(segmenter.cut, lines))


def test_character_table():
    ids = np.arange(CODE_LIMIT, dtype=np.uint32).astype(np.uint16) % 999
    table = character_table(ids, 7, 4)
    classes = class_table()
    for code in [*range(0x5000), 0x20BB7, 0x2A6DF, 0x3FFFF]:
        han = classes[code] == classes[ord("一")]
        assert table[code] == (ids[code] if han else NOT_HAN + classes[code])
    for code in (0x40000, 0xE0100, 0x10FFFF):
        assert table[code] == NOT_HAN + classes[code]
    assert table[CHARACTERS:].tolist() == [ids[NUM], ids[LAT], 7, 4, *token_automaton(), *NO_RULES]
    assert ids[MARK] == 0


# Reading


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def outcome(read):
    try:
        return b"".join(read())
    except EncodingError as error:
        return str(error)


def read_both(path, **options):
    """By bytes and by text; both must tell the same, or fail with the same words."""
    source = Source("the file", path)
    texts = outcome(lambda: (text.encode("utf-8", "surrogatepass") for text in read_pieces(source, **options)))
    assert outcome(lambda: read_utf8(source, **options)) == texts
    return texts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbfa",
        "今天\r\n天气".encode(),
        b"\xef\xbb\xbf" + "今天\n天气".encode(),
        b"\xef\xbb\xbf" + "今天\n天".encode() + b"\xff",
        "今天\n天气".encode()[:-1],
        "今天\n天气".encode()[:-2],
        b"a\nb\n\xed\xa0\x80",
        b"a\xf0\x9f\x98",
        "今天天气很好\n".encode("gb18030") * 9,
        "今天天气很好\n".encode("utf-16"),
        "今天天气很好\n".encode() * 100_000,
        "今天天气很好\n".encode() * 70_000 + b"\x80\n" + "今天\n".encode() * 9,
        "今天天气很好\n".encode() * 100_000 + b"\xe4",
    ],
)
def test_reading_bytes_is_reading_text(tmp_path, data):
    path = tmp_path / "text"
    path.write_bytes(data)
    told = read_both(path)
    assert isinstance(told, str) != is_utf8(data)


def test_a_part_of_a_byte_order_mark_is_no_text(tmp_path):
    """Python's own decoder passes over it."""
    (tmp_path / "text").write_bytes(b"\xef\xbb")
    assert "byte offset 0: bytes 0xefbb" in str(outcome(lambda: read_utf8(Source("text", tmp_path / "text"))))


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16", "utf-8-sig", "UTF8"])
def test_other_encodings(tmp_path, encoding):
    path = tmp_path / "text"
    path.write_bytes("今天\n天".encode(encoding))
    assert read_both(path, encoding=encoding) == "今天\n天".encode()
    path.write_bytes("今天\n天".encode(encoding) + b"\xff")
    assert "byte offset" in str(read_both(path, encoding=encoding))


@given(any_text, st.lists(st.integers(0, 80), max_size=8))
@example("\ufeff今", [1, 2])
@example("𠮷", [1, 2, 3])
def test_pieces_end_with_whole_characters(text, cuts):
    data = text.encode("utf-8", "replace")
    cuts = sorted(min(cut, len(data)) for cut in cuts)
    pieces = [data[low:high] for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    read = list(_whole_characters(pieces, "text"))
    assert "".join(piece.decode() for piece in read) == data.decode("utf-8-sig")


def end_in_python(data):
    try:
        _, end = codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError:
        return -1, 0
    return end, data[:end].count(b"\n")


CHANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=3)


@given(any_text, CHANGES, st.integers(0, 3), st.integers(0, 140))
def test_compiled_code_checks_as_python_does(text, changes, less, before):
    """UTF-8 with some bytes changed or missing, and others before."""
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for place, value in changes:
        if place < len(data):
            data[place] = value
    data = b"b" * before + bytes(data[: len(data) - less])
    with mock.patch.object(utf8_files, "_COMPILED_BYTES", 0):
        assert utf8_files._settled(data) == end_in_python(data)


def test_compiled_code_knows_each_character_and_all_that_begins_like_one():
    heads = [bytes([lead, second]) for lead in range(256) for second in (0, 10, *range(0x7C, 0xC4, 4), 0xBF, 0xFF)]
    for data in [head + tail for head in heads for tail in (b"\x80\x80\x80\x80", b"\xbf\n\n\n\n", b"\x80\xbf\n\n\n")]:
        with mock.patch.object(utf8_files, "_COMPILED_BYTES", 0):
            assert utf8_files._settled(data) == end_in_python(data), data
            inside = b"\n" * 150 + data + b"\n" * 150  # bytes that are checked together
            assert utf8_files._settled(inside) == end_in_python(inside), data
    every = "\n".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)])).encode()
    end = utf8_files.end_of_utf8(np.frombuffer(every, np.uint8))
    assert len(every) - 4 <= end <= len(every)


@given(st.binary(max_size=12), st.integers(0, 12))
def test_bytes_that_are_none_are_told_with_their_place(data, cut):
    told = outcome(lambda: _whole_characters([data[:cut], data[cut:]], "text"))
    try:
        assert told == data.decode("utf-8-sig").encode()
    except UnicodeDecodeError as error:
        bom = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        assert isinstance(told, str)
        line = 1 + data[bom : bom + error.start].count(b"\n")
        assert told.startswith(f"text, line {line}, byte offset {bom + error.start}: ")
