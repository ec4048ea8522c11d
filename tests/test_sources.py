"""From files, folders, globs and standard input to blocks of text."""

import bz2
import gzip
import io
import lzma
import os
import random
import sys
import types
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import EncodingError, InputError, UsageError
from segtool.text import sources as corpus
from segtool.text import unpacked
from segtool.text.encodings import SkippedLine
from segtool.text.sources import ReadReport, Source, find_sources, read_blocks, total_size

TEXT = "北京市今天下雨。\r\n他说:“𠮷野家!”\n\n最后一行没有换行"
PACK = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
PACKED = [kind for kind in PACK if kind != "plain"]
# Random bytes, so that an archive is long enough to be cut in many places.
NOISE = random.Random(1).randbytes(40_000).hex()


def open_source(source):
    """Decompressed bytes of a source."""
    return closing(unpacked.UnpackedFile(source.path, source.name))


def write(path, data):
    path.write_bytes(data)
    return Source(path.name, path)


def names(sources):
    return [source.name for source in sources]


def read(source, **flags):
    return "".join(read_blocks([source], **flags))


@pytest.fixture
def stdin(monkeypatch):
    def set_bytes(data):
        buffer = io.BytesIO(data)
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=buffer, closed=False))
        return buffer

    return set_bytes


@pytest.fixture
def tiny_buffers(monkeypatch):
    monkeypatch.setattr(unpacked, "_BUFFER_BYTES", 1)
    monkeypatch.setattr(unpacked, "_PACKED_BYTES", 1)


class Dripping:
    """A pipe that hands on one byte at a time."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read1(self, size):
        return self._file.read(min(size, 1))


# --- find_sources ------------------------------------------------------------------------------------------


def test_folder_is_searched_recursively_sorted_and_without_hidden(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("d/b.txt", "d/a/z.txt", "d/a.txt", "d/甲.gz", "d/B", "d/.hidden", "d/.git/x.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    assert names(find_sources(["d"])) == ["d/B", "d/a.txt", "d/a/z.txt", "d/b.txt", "d/甲.gz"]


def test_order_of_inputs_is_kept_and_a_file_is_listed_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        Path(name).write_text(name)
    Path("link").symlink_to("b")
    found = find_sources(["c", Path("b"), "link", "./b", "-", "[ab]", str(tmp_path / "c"), "-"])
    assert names(found) == ["c", "b", "<stdin>", "a"]
    assert found[0].path == Path("c") and found[2].path is None


def test_linked_folders_are_followed_and_loops_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("d/sub").mkdir(parents=True)
    Path("d/sub/loop").symlink_to("..")
    Path("d/self").symlink_to(".")
    Path("d/sub/one").write_text("1")
    Path("other").mkdir()
    Path("other/two").write_text("2")
    Path("d/far").symlink_to("../other")
    assert names(find_sources(["d"])) == ["d/far/two", "d/sub/one"]


def test_globs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("d/1.txt", "d/2.txt", "d/3.md", "d/.4.txt", "d/e/f/5.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    assert names(find_sources(["d/*.txt"])) == ["d/1.txt", "d/2.txt"]
    assert names(find_sources(["d/**/*.txt"])) == ["d/1.txt", "d/2.txt", "d/e/f/5.txt"]
    assert names(find_sources(["d/[3e]*"])) == ["d/3.md", "d/e/f/5.txt"]


def test_a_name_that_exists_is_no_glob(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("[ab].txt", "a.txt"):
        Path(name).write_text("x")
    assert names(find_sources(["[ab].txt"])) == ["[ab].txt"]
    Path("[ab].txt").unlink()
    assert names(find_sources(["[ab].txt"])) == ["a.txt"]


@pytest.mark.parametrize("name", ["gone.txt", "*.gone", "", "empty", "empty*", "a.txt/b"])
def test_inputs_that_stand_for_nothing_are_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty/.git").mkdir(parents=True)
    Path("empty/.hidden").write_text("x")
    Path("a.txt").write_text("x")
    with pytest.raises(InputError) as caught:
        find_sources(["a.txt", name])
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


def test_dangling_link_in_a_folder_is_told(tmp_path):
    (tmp_path / "good").write_text("x")
    (tmp_path / "data.gz").symlink_to("annex/never-fetched")
    with pytest.raises(InputError, match=r"data\.gz: cannot be read: No such file"):
        find_sources([tmp_path])


def test_pipes_in_a_folder_are_left_out_but_named_ones_are_taken(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    assert [source.path for source in find_sources([tmp_path])] == [tmp_path / "file"]
    assert [source.path for source in find_sources([tmp_path / "pipe"])] == [tmp_path / "pipe"]


def test_folder_that_may_not_be_listed_is_told(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "file").write_text("x")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(InputError, match="closed: cannot be read: Permission denied"):
        find_sources([tmp_path])


def test_display_name_is_one_printable_line(tmp_path):
    path = os.fsencode(tmp_path) + b"/bad\xff\nname\xe5\xad\x97"
    with open(path, "wb") as file:
        file.write(b"x")
    [source] = find_sources([os.fsdecode(path)])
    assert source.name == f"{tmp_path}/bad\\udcff\\nname字"
    assert read(source) == "x"


# --- total_size and progress -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PACK)
def test_progress_sums_to_total_size(kind, tmp_path):
    sources = [write(tmp_path / str(i), PACK[kind](NOISE.encode() + b"\0" * i)) for i in range(3)]
    steps: list[int] = []
    assert sum(len(block) for block in read_blocks(sources, progress=steps.append)) == 3 * len(NOISE) + 3
    assert total_size(sources) == sum(steps) == sum(source.path.stat().st_size for source in sources)
    assert min(steps) > 0


def test_total_size_is_unknown_for_stdin_and_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert total_size([write(tmp_path / "a", b"abc"), Source("<stdin>", None)]) is None
    assert total_size([Source("pipe", tmp_path / "pipe")]) is None
    assert total_size([]) == 0


def test_total_size_of_a_file_that_has_gone(tmp_path):
    with pytest.raises(InputError, match="gone: cannot be read: No such file"):
        total_size([Source("gone", tmp_path / "gone")])


def test_progress_counts_stdin(stdin):
    stdin(b"abc\ndef")
    steps: list[int] = []
    assert list(read_blocks(find_sources(["-"]), progress=steps.append)) == ["abc\ndef"]
    assert sum(steps) == 7


# --- compression -------------------------------------------------------------------------------------------


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


# --- files that cannot be read -----------------------------------------------------------------------------


def test_folder_where_a_file_is_due(tmp_path):
    with pytest.raises(InputError, match="d: cannot be read: Is a directory"):
        read(Source("d", tmp_path))
    with pytest.raises(InputError, match="d: cannot be read: Is a directory"):
        open_source(Source("d", tmp_path))


def test_missing_file_and_earlier_blocks(tmp_path):
    got: list[str] = []
    with pytest.raises(InputError, match="gone: cannot be read: No such file"):
        got.extend(read_blocks([write(tmp_path / "a", b"abc"), Source("gone", tmp_path / "gone")]))
    assert got == ["abc"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    source = write(tmp_path / "f", b"x")
    (tmp_path / "f").chmod(0)
    with pytest.raises(InputError, match="f: cannot be read: Permission denied"):
        read(source)


def test_no_permission_simulated(tmp_path, monkeypatch):
    def refusing(path, *rest, **flags):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(unpacked, "open", refusing, raising=False)
    with pytest.raises(InputError, match="f: cannot be read: Permission denied"):
        read(Source("f", tmp_path / "f"))


def test_read_error_after_the_first_block(monkeypatch):
    class Failing:
        def __init__(self):
            self.pieces = [b"one\n", b"two\n"]

        def read1(self, size):
            if not self.pieces:
                raise OSError(5, "Input/output error")
            return self.pieces.pop(0)

    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=Failing(), closed=False))
    got: list[str] = []
    with pytest.raises(InputError, match="<stdin>: cannot be read: Input/output error"):
        got.extend(read_blocks([Source("<stdin>", None)], block_chars=1))
    assert got == ["one\n", "two\n"]


def test_files_are_closed_when_the_reader_stops_early(tmp_path):
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    blocks: Any = read_blocks([write(tmp_path / "f", b"a\nb\n")], block_chars=1)
    assert next(blocks) == "a\n"
    blocks.close()
    after = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    assert after == before


# --- blocks ------------------------------------------------------------------------------------------------

ENCODINGS = ["utf-8", "gb18030", "utf-16", "utf-16-le", "utf-32", "utf-7"]
CHARACTERS = st.one_of(st.sampled_from("\n\r\v\x85\u2028 a中国𠮷。\ufeff~+"), st.characters(exclude_categories=["Cs"]))


def check_blocks(blocks, text, block_chars):
    assert "".join(blocks) == text
    for block in blocks[:-1]:
        assert block.endswith("\n")
    for block in blocks:
        assert block
        # A block is as short as it can be: without its last line it has under block_chars characters.
        assert len(block[:-1].rpartition("\n")[0]) + 1 < max(2, block_chars + 1)


@given(
    text=st.text(CHARACTERS),
    encoding=st.sampled_from(ENCODINGS),
    block_chars=st.integers(1, 9),
    buffer=st.integers(1, 9),
    skip=st.booleans(),
)
def test_any_text_survives_any_cutting(text, encoding, block_chars, buffer, skip):
    if encoding == "utf-8":
        text = text.removeprefix("\ufeff")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacked, "_BUFFER_BYTES", buffer)
        patch.setattr(unpacked, "_PACKED_BYTES", buffer)
        patch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(text.encode(encoding)), closed=False))
        report = ReadReport()
        blocks = list(
            read_blocks(
                [Source("<stdin>", None)],
                encoding=encoding,
                block_chars=block_chars,
                report=report,
                skip_undecodable=skip,
            )
        )
    check_blocks(blocks, text, block_chars)
    lines = text.count("\n") + (text != "" and not text.endswith("\n"))
    assert (report.characters, report.lines, report.skipped_lines) == (len(text) - text.count("\n"), lines, 0)
    assert report.bytes == len(text.encode(encoding))


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


def test_only_newline_ends_a_line(tmp_path):
    text = "a\rb\vc\fd\x1ce\x85f\u2028g\n"
    report = ReadReport()
    assert list(read_blocks([write(tmp_path / "f", text.encode())], block_chars=1, report=report)) == [text]
    assert report.lines == 1


def test_long_line_is_never_cut(tmp_path):
    line = "长" * 1_000_000 + "\n"
    source = write(tmp_path / "f", ("短\n" + line + "短\n").encode())
    assert list(read_blocks([source], block_chars=2)) == ["短\n", line, "短\n"]


def test_no_block_holds_text_of_two_sources(tmp_path):
    sources = [write(tmp_path / name, name.encode()) for name in "abc"]
    sources.insert(1, write(tmp_path / "empty", b""))
    report = ReadReport()
    assert list(read_blocks(sources, report=report)) == ["a", "b", "c"]
    assert report == ReadReport(files=4, bytes=3, lines=3, characters=3)


def test_report_is_filled_while_reading(tmp_path):
    report = ReadReport()
    seen = [
        (len(block), report.files, report.lines, report.characters, report.bytes)
        for block in read_blocks([write(tmp_path / "f", b"a\nb\nc")], block_chars=1, report=report)
    ]
    assert seen == [(2, 1, 1, 1, 5), (2, 1, 2, 2, 5), (1, 1, 3, 3, 5)]


def test_report_adds_up_over_calls(tmp_path):
    report = ReadReport()
    for _ in range(2):
        list(read_blocks([write(tmp_path / "f", "中\n文".encode())], report=report))
    assert report == ReadReport(files=2, bytes=14, lines=4, characters=4)


@pytest.mark.parametrize("encoding", ["nope", "", "hex", "undefined", "a\0b"])
def test_unknown_encoding_is_told_at_once(encoding):
    with pytest.raises(UsageError, match="--encoding"):
        read_blocks([], encoding=encoding)


def test_block_chars_under_one_is_told_at_once():
    with pytest.raises(UsageError, match="block_chars"):
        read_blocks([], block_chars=0)


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
