r"""Files that are no text, archives, and files whose lines end in ``\r`` alone."""

import gzip
import io
import os
import tarfile
import threading
import zipfile

import pytest

import segtool
from segtool.errors import InputError
from segtool.text.content import kind_of_content
from segtool.text.sources import Source, find_sources, read_blocks, read_lines
from segtool.text.utf8_files import read_utf8
from tests.failures import MODEL, fails
from tests.helpers import run
from tests.sources import PACK, TEXT, read, write

PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\n" + "今天\n".encode() + b"\xff\0\xfe"
OTHER = b"\1\2\0\0\xff\xfe\n" + "今天\n".encode()
LINE = "医生说今天要休息\n"


def tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        member = tarfile.TarInfo("text")
        member.size = len(LINE.encode())
        file.addfile(member, io.BytesIO(LINE.encode()))
    return out.getvalue()


def packed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("text", LINE)
    return out.getvalue()


NO_TEXT = {
    "a.png": (PICTURE, "a PNG picture"),
    "b": (OTHER, "binary data"),
    "c.tar": (tar(), "a tar archive"),
    "c.tar.gz": (gzip.compress(tar()), "a tar archive"),
    "d.zip": (packed(), "a ZIP archive or an office document"),
}


@pytest.fixture
def folder(tmp_path):
    for name, (data, _) in NO_TEXT.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "text").write_text(LINE, encoding="utf-8")
    (tmp_path / "text.gz").write_bytes(gzip.compress(LINE.encode()))
    return tmp_path


@pytest.mark.parametrize("pattern", ["", "*"])
def test_folders_and_globs_leave_out_what_is_no_text(folder, pattern):
    done = run("cut", folder / pattern, "-m", MODEL)
    assert (done.returncode, done.stdout.decode()) == (0, "医生 说 今天 要 休息\n" * 2)
    [line] = done.stderr.decode().splitlines()
    listed = ", ".join(f"{folder / name} ({kind})" for name, (_, kind) in NO_TEXT.items())
    assert line == f"segtool: left out 5 files that are no text: {listed}"


def test_training_leaves_it_out_and_says_so(folder, caplog):
    report = segtool.TrainingReport()
    segtool.train(folder, skip_undecodable=True, report=report)
    assert (report.reading.files, report.reading.skipped_lines) == (2, 0)
    assert "5 files" in caplog.text


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_named_file_is_refused_before_work_begins(folder, name):
    kind = NO_TEXT[name][1]
    for command in (["cut", "text", name, "-m", MODEL], ["train", "text", name, "-o", "new", "--skip-undecodable"]):
        message = fails(*command, cwd=folder)
        assert f"{name}: is {kind}" in message
        assert ("unpack it" if "archive" in kind else "leave it out") in message
    if name != "b":  # of which standard input names the place
        assert kind in fails("cut", "-m", MODEL, cwd=folder, input=NO_TEXT[name][0])


def test_a_folder_without_text(folder):
    for name in ("text", "text.gz"):
        (folder / name).unlink()
    with pytest.raises(InputError, match=r"holds no text: .*a\.png \(a PNG picture\), "):
        find_sources([folder], "utf-8")
    assert len(find_sources([folder])) == 5


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("中\0文", "utf-8"), ("%PDF-是一种格式", "utf-8"), ("GIF89a 图片", "gb18030"), ("PK", "utf-8"), ("", "utf-8"),
        ("12\n中文", "utf-16"), ("12\n中文", "utf-16-le"), ("\xff\xd8\xff\xe0", "latin-1"), ("BM上升", "big5"),
    ],
)  # fmt: skip
def test_text_is_text(text, encoding):
    assert kind_of_content(text.encode(encoding), encoding) is None


def test_text_in_another_encoding_is_no_binary_data(tmp_path):
    (tmp_path / "wide").write_text("12\n中文\n", encoding="utf-16")
    (tmp_path / "gb").write_text("12\n中文\n" * 9, encoding="gb18030")
    assert len(find_sources([tmp_path], "utf-8")) == 2
    for name, other in (("wide", "utf-16"), ("gb", "gb18030")):
        with pytest.raises(InputError, match=f"--encoding {other}"):
            read(Source(name, tmp_path / name))
    assert kind_of_content("12\n中文\n".encode("utf-16-le"), "utf-8") == "binary data"
    assert kind_of_content(b"\0\xff" + LINE.encode() * 30, "utf-8") is None, "a text with few faults"


def test_pipes_are_not_opened_twice(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    [source] = find_sources([tmp_path / "pipe"], "utf-8")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("今天\r天气\n",))
    writer.start()
    assert read(source) == "今天\r天气\n"
    writer.join()


# Lone \r


@pytest.mark.parametrize("kind", PACK)
def test_lines_of_old_macs(kind, tmp_path):
    lines = [LINE] * 9000 + ["\n", "今天"]
    source = write(tmp_path / "f", PACK[kind]("".join(lines).replace("\n", "\r").encode()))
    assert list(read_blocks([source], block_chars=1)) == lines
    assert list(read_lines(tmp_path / "f")) == lines
    assert b"".join(read_utf8(source)) == "".join(lines).encode()


def test_they_are_cut_line_by_line(tmp_path):
    (tmp_path / "f").write_bytes((LINE * 2).replace("\n", "\r").encode())
    wanted = (0, "医生 说 今天 要 休息\n" * 2)
    done = run("cut", tmp_path / "f", "-m", MODEL)
    assert (done.returncode, done.stdout.decode()) == wanted


@pytest.mark.parametrize("text", ["今\r天\n", "今\r\n天", "今天\r", "今\n天\r气", TEXT])
def test_other_carriage_returns_stay(text, tmp_path):
    assert read(write(tmp_path / "f", text.encode())) == text


def test_a_line_end_of_both_stays_one(tmp_path):
    text = "一\r" + "今" * 6000 + "\r天\r\n气\r"
    assert read(write(tmp_path / "f", text.encode())) == "一\n" + "今" * 6000 + "\n天\r\n气\n"
