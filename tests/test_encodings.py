"""Sources in any encoding, and where bytes are not of it."""

import gzip
import io
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import EncodingError, UsageError
from segtool.text import sources as corpus
from segtool.text import unpacked
from segtool.text.encodings import SkippedLine
from segtool.text.sources import ReadReport, Source, read_blocks
from tests.sources import read, write

# --- encodings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "euc-jp", "utf-16", "hz", "iso2022_jp", "cp037"])
def test_other_encodings(encoding, tmp_path, tiny_buffers):
    text = "abc\r\n~xyz\n" if encoding == "cp037" else "中文一\r\n分,hello\n\n最后"
    source = write(tmp_path / "f", text.encode(encoding))
    assert list(read_blocks([source], encoding=encoding, block_chars=1)) == text.splitlines(keepends=True)


def test_shift_that_goes_on_over_a_line_end(tmp_path, tiny_buffers):
    data = b"\x1b$B0l\n0l\x1b(B\nend"
    source = write(tmp_path / "f", data)
    assert list(read_blocks([source], encoding="iso-2022-jp", block_chars=1)) == ["一\n", "一\n", "end"]


def test_bom_is_dropped_once_at_the_start_and_counted(tmp_path, tiny_buffers):
    source = write(tmp_path / "f", b"\xef\xbb\xbf\xef\xbb\xbfa\n\xef\xbb\xbfb")
    for encoding in ("utf-8", "utf8", "utf-8-sig"):
        report = ReadReport()
        blocks = list(read_blocks([source], encoding=encoding, block_chars=1, report=report))
        assert blocks == ["\ufeffa\n", "\ufeffb"]
        assert report.bytes == 12
        assert read(write(tmp_path / "h", b"\xef\xbb\xbfa\n\xff"), encoding=encoding, skip_undecodable=True) == "a\n"
    assert list(read_blocks([write(tmp_path / "g", b"\xef\xbb\xbf")])) == []


def test_bom_of_utf_16_either_way(tmp_path):
    assert read(write(tmp_path / "f", b"\xfe\xff\x4e\x2d"), encoding="utf-16") == "中"
    assert read(write(tmp_path / "g", b"\xff\xfe\x2d\x4e"), encoding="utf-16") == "中"


def test_utf_16_without_bom_names_the_flags(tmp_path):
    with pytest.raises(EncodingError, match=r"^f: no byte order mark .* --encoding utf-16-le, utf-16-be"):
        read(write(tmp_path / "f", "中文".encode("utf-16-be")), encoding="utf-16")


@pytest.mark.parametrize("encoding", ["nope", "", "hex", "undefined", "a\0b"])
def test_unknown_encoding_is_told_at_once(encoding):
    with pytest.raises(UsageError, match="--encoding"):
        read_blocks([], encoding=encoding)


# --- undecodable bytes -------------------------------------------------------------------------------------


def place(source, **flags):
    with pytest.raises(EncodingError) as caught:
        for _ in read_blocks([source], **flags):
            pass
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("buffer", [1, 7, 1 << 18])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_place_of_bad_bytes(buffer, bom, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked, "_BUFFER_BYTES", buffer)
    monkeypatch.setattr(unpacked, "_PACKED_BYTES", buffer)
    good = bom + "第一行\n\n第三行\n".encode()
    message = place(write(tmp_path / "f", good + b"ab\xff\xfe\n" + "后\n".encode()))
    assert message.startswith(f"f, line 4, byte offset {len(good) + 2}: bytes 0xff are not utf-8; pass --encoding ")
    assert message.endswith(", or --skip-undecodable to leave such lines out")
    cut_short = place(write(tmp_path / "g", good + b"\xe4\xb8"))
    assert cut_short.startswith(f"g, line 4, byte offset {len(good)}: bytes 0xe4b8 are not utf-8; ")


def test_place_far_into_a_file_and_blocks_before_it(tmp_path):
    line = "今天天气很好。\n"
    count = 300_000
    data = line.encode() * count + b"\xff\n" + line.encode()
    got: list[str] = []
    with pytest.raises(EncodingError) as caught:
        got.extend(read_blocks([write(tmp_path / "f", gzip.compress(data, 1))], block_chars=10_000))
    assert f"f, line {count + 1}, byte offset {len(line.encode()) * count}: bytes 0xff " in str(caught.value)
    assert len(got) > 100
    assert (line * count).startswith("".join(got))


@pytest.mark.parametrize("buffer", [1, 2, 5, 1 << 18])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_place_of_bad_bytes_in_wide_encodings(encoding, buffer, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked, "_BUFFER_BYTES", buffer)
    monkeypatch.setattr(unpacked, "_PACKED_BYTES", buffer)
    good = "第一行\n𠮷二\nab".encode(encoding)
    bad = {"utf-16": b"\x00\xdc", "utf-16-be": b"\xdc\x00", "utf-32": b"\x00\xdc\x00\x00"}[encoding]
    source = write(tmp_path / "f", good + bad + "后\n"[::-1].encode(encoding)[-2:] * 2)
    for skip in (False, True):
        message = place(source, encoding=encoding, skip_undecodable=skip)
        assert message.startswith(f"f, line 3, byte offset {len(good)}: bytes 0x{bad.hex()}")
        assert f"--skip-undecodable cannot find the lines of {encoding}" in message


def test_place_of_bad_bytes_in_an_encoding_with_shifts(tmp_path):
    message = place(write(tmp_path / "f", b"x\ny~{\xff\xff~}\n"), encoding="hz")
    assert message.startswith("f, line 2, byte offset 5: bytes 0xff")


def test_utf_16_cut_within_a_character(tmp_path):
    data = "中\n文".encode("utf-16")
    message = place(write(tmp_path / "f", data[:-1]), encoding="utf-16")
    assert message.startswith(f"f, line 2, byte offset {len(data) - 2}: bytes 0x87 are not utf-16")


SENTENCE = "北京市今天下雨,大家都在家里。\n"


@pytest.mark.parametrize(
    ("data", "encoding", "guess"),
    [
        (SENTENCE.encode("gb18030"), "utf-8", "gb18030"),
        (b"ASCII first\n" * 9000 + SENTENCE.encode("gb18030") * 9, "utf-8", "gb18030"),
        (SENTENCE.encode("big5"), "utf-8", "big5"),
        (SENTENCE.encode("utf-16"), "utf-8", "utf-16"),
        (SENTENCE.encode("utf-8"), "gb18030", "utf-8"),
        (SENTENCE.encode("utf-8") + b"\xff" + SENTENCE.encode("utf-8"), "utf-8", None),
        (b"ASCII \xff\n", "utf-8", None),
    ],
)
def test_encoding_that_is_suggested(data, encoding, guess, tmp_path):
    message = place(write(tmp_path / "f", data), encoding=encoding)
    ways = f"{guess} (or what the file is in)" if guess else "with what the file is in"
    assert f"; pass --encoding {ways}, or --skip-undecodable" in message
    if guess:
        assert read(Source("f", tmp_path / "f"), encoding=guess) == data.decode(guess)


@pytest.mark.parametrize("buffer", [1, 10, 1 << 18])
def test_skipping_leaves_out_exactly_the_bad_lines(buffer, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked, "_BUFFER_BYTES", buffer)
    monkeypatch.setattr(unpacked, "_PACKED_BYTES", buffer)
    lines = ["好\r\n".encode(), b"a\xffb\xfe\n", b"\n", b"\xe4\xb8\n", "文\n".encode(), b"\xd6\xd0"]
    source = write(tmp_path / "f", b"".join(lines))
    report = ReadReport()
    blocks = list(read_blocks([source], skip_undecodable=True, block_chars=1, report=report))
    assert blocks == ["好\r\n", "\n", "文\n"]
    assert report == ReadReport(
        files=1,
        bytes=len(b"".join(lines)),
        lines=3,
        characters=3,
        skipped_lines=3,
        skipped=[
            SkippedLine("f", 2, 6, "bytes 0xff are not utf-8"),
            SkippedLine("f", 4, 11, "bytes 0xe4b8 are not utf-8"),
            SkippedLine("f", 6, 18, "bytes 0xd6 are not utf-8"),
        ],
    )


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_skipping_in_multibyte_encodings(encoding, tmp_path):
    good = SENTENCE.encode(encoding)
    # A lead byte before the line end must not swallow it.
    source = write(tmp_path / "f", good + b"\xb1\n" + good + b"\xff\xff\n" + good)
    report = ReadReport()
    assert read(source, encoding=encoding, skip_undecodable=True, report=report) == SENTENCE * 3
    assert [(bad.line, bad.offset) for bad in report.skipped] == [(2, len(good)), (4, 2 * len(good) + 2)]


@given(
    lines=st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b""))),
    buffer=st.integers(1, 20),
)
def test_skipping_equals_decoding_line_by_line(lines, buffer):
    lines = [b"start", *lines]
    good = bad = ""
    for number, line in enumerate(lines):
        line += b"\n" if number < len(lines) - 1 else b""
        try:
            good += line.decode()
        except UnicodeDecodeError:
            bad += f"{number + 1} "
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacked, "_BUFFER_BYTES", buffer)
        patch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(b"\n".join(lines)), closed=False))
        report = ReadReport()
        assert read(Source("<stdin>", None), skip_undecodable=True, block_chars=3, report=report) == good
    assert "".join(f"{line.line} " for line in report.skipped) == bad


def test_list_of_skipped_lines_is_capped_but_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "_LISTED_LINES", 3)
    report = ReadReport()
    source = write(tmp_path / "f", b"\xff\n" * 10 + b"ok")
    assert read(source, skip_undecodable=True, report=report) == "ok"
    assert report.skipped_lines == 10
    assert [bad.line for bad in report.skipped] == [1, 2, 3]
