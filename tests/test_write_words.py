"""Words as UTF-8, against Python's own."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.decode.block import SLACK, Scratch, write_words
from tests import naive


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
