"""Tokens, runs and lines of any length: the same words however the text comes, in bounded memory."""

import random

import numpy as np
import pytest

import segtool
from segtool import Segmenter
from segtool.decode import decoder, search
from segtool.decode.runs_of_corpus import cut_runs
from segtool.decode.search import search_utf8_stream
from segtool.decode.streaming import cut_utf8_stream
from segtool.limits import LONGEST_TOKEN, MOST_OPEN
from segtool.text.symbols import LAT, MARK, NUM, SPACE, class_table, code_points, symbolise
from tests.helpers import extend, interpreting, little_room, sample_segmenter
from tests.naive_methods import runs_of

BEYOND = LONGEST_TOKEN + 1000


def tokens_of(text):
    points = code_points(text)
    codes, starts = np.empty(len(points), np.int32), np.empty(len(points), np.int32)
    count = symbolise.compiled(points, np.frombuffer(class_table(), np.uint8), codes, starts)
    return codes[:count].tolist(), starts[:count].tolist()


@pytest.mark.parametrize(
    ("character", "code"), [("7", NUM), ("x", LAT), ("é", LAT), ("。", MARK), ("\0", MARK), (" ", SPACE), ("α", MARK)]
)
def test_a_token_of_the_longest_size_ends(character, code):
    width = len(character.encode())
    number = -(-LONGEST_TOKEN // width)
    assert tokens_of("一" + character * number) == ([0x4E00, code], [0, 1])
    first = code if code == SPACE else MARK
    assert tokens_of("一" + character * (number + 5)) == ([0x4E00, first, code], [0, 1, 1 + number])


def test_signs_at_the_end_of_the_longest_number():
    for size in (LONGEST_TOKEN - 2, LONGEST_TOKEN - 1, LONGEST_TOKEN):
        codes, starts = tokens_of("1" * size + ".5")
        whole = size + 2 <= LONGEST_TOKEN
        assert (codes, starts) == (([NUM], [0]) if whole else ([MARK, MARK, NUM], [0, size, size + 1]))


TEXTS = {
    "digits": "今天" + "7" * BEYOND + "天气",
    "numbers": "今天" + "1.5," * (BEYOND // 4) + "天气很好",
    "signs": "今天" + "1" * (LONGEST_TOKEN - 1) + ".5%天气",
    "letters": "x" * (2 * BEYOND) + "\n今天天气",
    "marks": "今天。" + "\0" * BEYOND + "天气",
    "spaces": "今天" + " " * BEYOND + "天气\n",
    "accents": "今天" + "\u0301" * BEYOND + "天气很好",
    "word": "今天a" + "'t-1" * (BEYOND // 4) + "天气很好",
    "invisible": "\u200b" * BEYOND + "天气很好",
    "kana": "今天" + "の" * BEYOND + "天气很好",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("search", [False, True])
def test_streams_cut_long_tokens_as_whole_texts_are_cut(name, search):
    text, segmenter = TEXTS[name], sample_segmenter()
    data = text.encode()
    with interpreting(False):
        words = segmenter.cut_for_search(text) if search else segmenter.cut(text)
        assert "".join(segmenter.cut(text)) == "".join(text.split())
        for size in (1 << 16, 1 << 20, 3_000_001):
            whole = [text[i : i + size // 3] for i in range(0, len(text), size // 3)]
            pieces = [piece.encode() for piece in whole]
            if search:
                out = b"".join(search_utf8_stream(segmenter, pieces, " ", 2.0))
            else:
                out = b"".join(cut_utf8_stream(segmenter, pieces, " "))
            assert out.decode().split() == words
    assert len(max(words, key=len).encode()) < LONGEST_TOKEN + 4
    assert b"".join(out.split()) == b"".join(data.split()) or search


@pytest.mark.parametrize("after", ["", "天气很好\n今天。"])
def test_words_that_stay_undecided_are_cut_at_a_limit(after, monkeypatch):
    """The same words whole, as a stream of any pieces, in search and in a corpus, by working memory of bounded size."""
    rooms = []

    class Watched(decoder.Scratch):
        def __init__(self, room):
            rooms.append(room)
            super().__init__(room)

    monkeypatch.setattr(decoder, "Scratch", Watched)
    segmenter = segtool.load()
    text = "我们" + "好" * (2 * MOST_OPEN + 1000) + after
    with interpreting(False):
        words = segmenter.cut(text)
        assert max(rooms) == MOST_OPEN
        assert "".join(words) == "".join(text.split())
        assert segmenter.cut_batch(["", text])[1] == words
        assert [token.word for token in segmenter.tokenize(text)] == words
        entries = segmenter.tokenize(text, search=True, within=0.0)
        assert [entry.word for entry in entries if entry.primary] == words
        data = text.encode()
        for size in (300_000, 999_999):
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            assert b"".join(cut_utf8_stream(segmenter, pieces, " ", 2, ahead=True)).decode().split() == words
        if after:
            runs = runs_of(text)
            joined = cut_runs(segmenter._cutter.decoder, runs)
            parts = [
                f"{chr(code) * (code != MARK)}{'' if join else ' '}"
                for code, join in zip(runs.codes[runs.stream].tolist(), joined.tolist(), strict=True)
            ]
            assert sorted("".join(parts).split()) == sorted(word for word in words if word != "。")
    assert max(rooms) == MOST_OPEN


@pytest.mark.parametrize("limit", [8, 30])
def test_cuts_at_a_limit_do_not_depend_on_pieces(limit, monkeypatch):
    for module in (decoder, search):
        monkeypatch.setattr(module, "MOST_OPEN", limit)
    monkeypatch.setattr(search, "ROOM", 4)
    draw = random.Random(limit)
    segmenter = Segmenter(extend(sample_segmenter().model, 3, 4))
    cut_at_limit = 0
    for _ in range(100):
        text = "".join(draw.choice("好好好今天1a") * draw.choice([1, 2, 40]) for _ in range(6))
        with interpreting(False), little_room(4):
            words = segmenter.cut(text)
            assert [text[token.start : token.end] for token in segmenter.tokenize(text)] == words
            data = [character.encode() for character in text]
            for size in (1, 2, 7, 50):
                pieces = [b"".join(data[i : i + size]) for i in range(0, len(data), size)]
                assert b"".join(cut_utf8_stream(segmenter, pieces, " ")).decode().split() == words
        with interpreting(True):
            cut_at_limit += segmenter.cut(text) != words
    assert cut_at_limit
