"""Tokens, runs and lines of any length: the same words however the text comes, in bounded memory."""

import numpy as np
import pytest

from segtool.decode.search import search_utf8_stream
from segtool.decode.streaming import cut_utf8_stream
from segtool.limits import LONGEST_TOKEN
from segtool.text.symbols import LAT, MARK, NUM, SPACE, class_table, code_points, symbolise
from tests.helpers import interpreting, sample_segmenter

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
        expected = {0: ([NUM], [0]), 1: ([MARK, NUM], [0, size + 1]), 2: ([MARK, MARK, NUM], [0, size, size + 1])}
        assert (codes, starts) == expected[size - LONGEST_TOKEN + 2]


TEXTS = {
    "digits": "今天" + "7" * BEYOND + "天气",
    "numbers": "今天" + "1.5," * (BEYOND // 4) + "天气很好",
    "signs": "今天" + "1" * (LONGEST_TOKEN - 1) + ".5%天气",
    "letters": "x" * (2 * BEYOND) + "\n今天天气",
    "marks": "今天。" + "\0" * BEYOND + "天气",
    "spaces": "今天" + " " * BEYOND + "天气\n",
    "accents": "今天" + "\u0301" * BEYOND + "天气很好",
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
