"""Compressed sources: told by their bytes, read as if they were plain, and never cut in silence."""

import gzip
import io
import sys
import types

import pytest
import zstandard

from segtool.errors import InputError
from segtool.text import unpacked
from segtool.text.sources import Source, find_sources, read_blocks
from tests.sources import NOISE, PACK, TEXT, open_source, read, write

PACKED = [kind for kind in PACK if kind != "plain"]


class Dripping:
    """A pipe that hands on one byte at a time."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read1(self, size):
        return self._file.read(min(size, 1))


@pytest.mark.parametrize("kind", PACK)
def test_round_trip_whatever_the_name(kind, tmp_path):
    source = write(tmp_path / "name.txt", PACK[kind](TEXT.encode()))
    assert read(source) == TEXT
    with open_source(source) as file:
        assert b"".join(file.pieces) == TEXT.encode()


@pytest.mark.parametrize("kind", PACK)
def test_round_trip_on_stdin(kind, stdin):
    buffer = stdin(PACK[kind](TEXT.encode()))
    [source] = find_sources(["-"])
    assert source == Source("<stdin>", None)
    assert read(source) == TEXT
    assert not buffer.closed


@pytest.mark.parametrize("kind", PACK)
def test_round_trip_byte_by_byte(kind, tmp_path, tiny_buffers):
    assert read(write(tmp_path / "f", PACK[kind](TEXT.encode()))) == TEXT


@pytest.mark.parametrize("kind", PACK)
def test_round_trip_of_a_dripping_pipe(kind, monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=Dripping(PACK[kind](TEXT.encode())), closed=False))
    assert read(Source("<stdin>", None)) == TEXT


def test_open_source_reads_in_parts_and_leaves_stdin_open(stdin):
    buffer = stdin(gzip.compress(b"line 1\n") + gzip.compress(b"line 2\n"))
    with open_source(Source("<stdin>", None)) as file:
        assert next(file.pieces) == b"line 1\n" and file.size == 7
        assert list(file.pieces) == [b"line 2\n"] and file.size == 14
    assert not buffer.closed


def test_closed_stdin_reads_as_empty(monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", None)
    assert read(Source("<stdin>", None)) == ""
    closed = io.TextIOWrapper(io.BytesIO(b"x"))
    closed.close()
    monkeypatch.setattr(sys, "stdin", closed)
    assert read(Source("<stdin>", None)) == ""


@pytest.mark.parametrize("gap", [b"", b"\0" * 64])
@pytest.mark.parametrize("kind", PACKED)
def test_several_members(kind, gap, tmp_path, monkeypatch):
    pack = PACK[kind]
    data = gap.join([pack(b"one\n"), pack(b""), pack(b"two\n")]) + gap
    source = write(tmp_path / "f", data)
    assert read(source) == "one\ntwo\n"
    monkeypatch.setattr(unpacked, "_PACKED_BYTES", 1)
    assert read(source) == "one\ntwo\n"


def test_zstd_skippable_frame(tmp_path):
    frame = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"meta!"
    assert read(write(tmp_path / "f", frame + PACK["zst"](b"text") + frame)) == "text"


@pytest.mark.parametrize("text", ["", "B", "BZ", "BZh9", "BZh95 is a name", "P*M", "(", "BZh91BY&SY", "\x1f", "\0"])
def test_texts_that_begin_like_archives(text, tmp_path):
    assert read(write(tmp_path / "f", text.encode())) == text


@pytest.mark.parametrize("kind", PACKED)
def test_truncated_archive_is_told_after_whole_blocks(kind, tmp_path):
    text = "".join(f"{NOISE[i : i + 60]}\n" for i in range(0, 40_000, 60))
    packed = PACK[kind](text.encode())
    # The first four bytes of bzip2 are letters, which may be a text.
    for cut in [
        *([] if kind == "bz2" else [2, 3]),
        5,
        6,
        12,
        18,
        len(packed) // 2,
        len(packed) - 9,
        len(packed) - 1,
    ]:
        source = write(tmp_path / f"{kind}{cut}", packed[:cut])
        got: list[str] = []
        with pytest.raises(InputError) as caught:
            got.extend(read_blocks([source], block_chars=100))
        assert str(caught.value).startswith(f"{kind}{cut}: compressed data ends early (after ")
        assert "fetch or compress it again" in str(caught.value)
        assert text.startswith("".join(got))
        with open_source(source) as file, pytest.raises(InputError, match="ends early"):
            list(file.pieces)


@pytest.mark.parametrize("kind", PACKED)
def test_truncated_second_member(kind, tmp_path):
    second = PACK[kind](b"two" * 100)
    source = write(tmp_path / "f", PACK[kind](b"one\n") + second[: len(second) // 2])
    with pytest.raises(InputError, match=r"f: compressed data ends early \(after \d+ bytes of text\)"):
        read(source)


def test_truncated_archive_tells_how_much_came_through(tmp_path):
    source = write(tmp_path / "f", gzip.compress(b"x" * 1234)[:-3])
    with pytest.raises(InputError, match=r"ends early \(after 1234 bytes of text\)"):
        read(source)


@pytest.mark.parametrize("kind", PACKED)
def test_damaged_archive(kind, tmp_path):
    packed = bytearray(
        zstandard.ZstdCompressor(write_checksum=True).compress(NOISE.encode())
        if kind == "zst"
        else PACK[kind](NOISE.encode())
    )
    packed[len(packed) // 2] ^= 0x55
    with pytest.raises(InputError, match=r"^f: compressed data .*fetch or compress it again$"):
        read(write(tmp_path / "f", bytes(packed)))


@pytest.mark.parametrize("kind", PACKED)
def test_rubbish_after_an_archive_is_not_dropped_in_silence(kind, tmp_path):
    with pytest.raises(InputError, match=r"^f: compressed data"):
        read(write(tmp_path / "f", PACK[kind](b"text") + b"more text that was appended"))


def test_zstd_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r"^f: .*pip install 'segtool\[zstd\]'"):
        read(write(tmp_path / "f", PACK["zst"](b"text")))
    assert read(write(tmp_path / "g", PACK["gz"](b"text"))) == "text"
