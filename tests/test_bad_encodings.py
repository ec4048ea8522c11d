"""Bytes that end within a character, and lone code units: in every codec, at every place, in every command."""

import codecs
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import EncodingError, UsageError
from segtool.text.encodings import decode_lines, decode_pieces, find_codec
from tests.failures import MODEL, fails
from tests.helpers import GOLD, succeed

MARKS = {"utf-16": codecs.BOM_UTF16, "utf-32": codecs.BOM_UTF32}
CODECS = [
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7"),
    *("gb18030", "gbk", "gb2312", "big5", "big5hkscs", "hz", "euc-jp", "shift_jis", "iso2022_jp", "latin-1"),
]


@st.composite
def encoded(draw):
    """A codec, bytes that mostly are of it, and the size of the pieces in which they come."""
    codec = draw(st.sampled_from(CODECS))
    texts = st.sampled_from(["中文\n", "ab", "\n", "一"]).map(lambda text: text.encode(codec, "ignore"))
    units = st.sampled_from([b"\x00\xd8", b"\xd8\x00", b"\x00\xdc", b"\x81", b"\x81\x30", b"\xfe\xfe", b"\x0a"])
    data = b"".join(draw(st.lists(texts | units | st.binary(max_size=4), max_size=5)))
    return codec, MARKS.get(codec, b"") + data.removeprefix(MARKS.get(codec, b"")), draw(st.integers(1, 9))


@given(encoded())
def test_decoding_in_pieces_is_decoding_at_once_or_the_same_error(case):
    encoding, data, size = case
    codec, by_line = find_codec(encoding)
    try:
        expected = data.decode(codec).removeprefix("\ufeff"), None
    except UnicodeDecodeError as error:
        expected = error.object[: error.start].decode(codec).count("\n") + 1, error.start
    for decode in (decode_pieces, decode_lines)[: 1 + by_line]:
        try:
            found = "".join(decode((data[i : i + size] for i in range(0, len(data), size)), "f", codec)), None
        except EncodingError as error:
            place = re.search(r"f, line (\d+), byte offset (\d+): bytes 0x[0-9a-f]+ are not ", str(error))
            assert place
            found = int(place[1]), int(place[2])
        assert found == expected


@given(st.sampled_from(["utf-16", "utf-32"]), st.binary(min_size=1, max_size=9), st.integers(1, 5))
def test_without_a_byte_order_mark(encoding, data, size):
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    if data.startswith(tuple(MARKS[encoding][::step] for step in (1, -1))):
        return
    with pytest.raises(EncodingError, match=f"f: no byte order mark .* --encoding {encoding}-le, {encoding}-be"):
        list(decode_pieces(pieces, "f", encoding))


def test_an_encoding_that_cannot_be_read_in_pieces_is_refused():
    with pytest.raises(UsageError, match="not for files: pass --encoding"):
        find_codec("punycode")


BAD = {
    "utf-16": [b"ab\x00\xd8cd", b"\xff\xfeab\x00\xd8cd", b"\xff\xfe\x00\xdc", b"\xff\xfea", b"\xff"],
    "utf-32": [b"abcdefgh", b"\xff\xfe\0\0\x00\xd8\0\0", b"\xff\xfe\0\0-N\0"],
    "utf-16-be": [b"\xd8\x00\x00a", b"N"],
    "gb18030": [b"\xd6\xd0\x81", b"\x81\x30\x81", b"\xff\n"],
    "big5": [b"\xa4\xa4\xa4", b"\xff"],
    "utf-7": [b"+2A", b"\xff"],
}
COMMANDS = {
    "cut": ("cut", "bad", "-m", MODEL),
    "search": ("cut", "bad", "-m", MODEL, "--search"),
    "adapt": ("cut", "text", "--adapt", "bad", "-m", MODEL, "-o", "new"),
    "train": ("train", "bad", "-o", "new"),
    "word list": ("train", "bad", "-o", "new", "--method", "dict"),
    "count": ("count", "bad", "-o", "new"),
    "words": ("words", "bad"),
    "known words": ("words", "-m", MODEL, "--known", "bad"),
    "gold": ("eval", "bad", GOLD),
    "predicted": ("eval", GOLD, "bad"),
    "tune": ("tune", "bad", "-m", MODEL, "-o", "new"),
    "lm": ("lm", "train", "bad", "-o", "new.arpa"),
}


@pytest.mark.parametrize(("name", "encoding"), [*((name, "utf-16") for name in COMMANDS), *(("cut", e) for e in BAD)])
def test_every_command_names_the_place(folder, name, encoding):
    for data in BAD[encoding] if name == "cut" else BAD[encoding][:2]:
        (folder / "bad").write_bytes(data)
        (folder / "text").write_text("今天\n", encoding="utf-16")
        message = fails(*COMMANDS[name], "--encoding", encoding, cwd=folder)
        assert re.search(r"(bad|gold\.seg\.txt)(, line 1, byte offset \d+)?: (bytes|no byte order mark)", message)
        assert "--encoding" in message


def test_lone_surrogates_that_an_encoding_allows_are_printed_escaped(folder):
    (folder / "gold").write_bytes(b"+2AA-a b\n")
    (folder / "cut").write_bytes(b"+2AA-ab\n")
    options = ("--encoding", "utf-7", "--top-errors", 1)
    done = succeed("eval", "gold", "cut", *options, cwd=folder)
    assert b"\\ud800a b \xe2\x86\x92 \\ud800ab" in done.stdout
    done = succeed("eval", "gold", "cut", *options, "--json", cwd=folder)
    assert json.loads(done.stdout)["errors"][0]["gold"] == "\ud800a b"
