"""From files, folders, globs and standard input to blocks of text."""

import io
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import InputError, UsageError
from segtool.text import unpacked
from segtool.text.sources import ReadReport, Source, find_sources, read_blocks, total_size
from tests.sources import NOISE, PACK, open_source, read, write


def names(sources):
    return [source.name for source in sources]


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


def test_block_chars_under_one_is_told_at_once():
    with pytest.raises(UsageError, match="block_chars"):
        read_blocks([], block_chars=0)
