"""Memory does not follow the input: long lines, bombs, devices and shards that claim too much."""

import bz2
import gzip
import json
import lzma
import os
import struct
import subprocess
import sys
import zlib
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import segtool
from segtool.decode import confidence
from segtool.errors import DataError, EncodingError, InputError, ModelError, UsageError
from segtool.guideline.gold import read_gold
from segtool.ngrams import blocks, shards
from segtool.ngrams.counter import collect_corpus
from segtool.runtime.budget import LABEL_BYTES, LEAST, Budget
from segtool.text import encodings, sources
from segtool.text.encodings import decode_lines
from segtool.text.reading import TextInput
from segtool.text.runs import RunCollector
from segtool.text.sources import Source, read_blocks, read_lines
from segtool.text.symbols import bounded_parts
from segtool.text.unpacked import MOST_WINDOW, UnpackedFile
from segtool.text.word_lists import LONGEST_ENTRY, read_word_counts
from tests.failures import LINE, MODEL
from tests.helpers import SAMPLE, TIMEOUT, any_text, command, environment, random_text, sample_model
from tests.memory import little_memory

MB = 1 << 20


LAUNCHER = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(json.dumps((code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)))
"""
"""Runs a command from a small process, because the peak of a process that starts another counts as that of both."""


def peak_of(*arguments, cwd, feed=()):
    """Peak memory of a command in bytes, its exit code, and what it wrote to standard error."""
    with open(cwd / "errors", "wb+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, *command(*arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=cwd,
            env=environment(OPENBLAS_NUM_THREADS="1"),
        )
        for piece in feed:
            process.stdin.write(piece)
        code, peak = json.loads(process.communicate(timeout=TIMEOUT)[0])
        errors.seek(0)
        return peak * (1 if sys.platform == "darwin" else 1024), code, errors.read().decode()


@pytest.fixture(scope="module")
def cut_peak(tmp_path_factory):
    """Peak of a cut of some megabytes in short lines, with all kernels compiled."""
    path = tmp_path_factory.mktemp("lines")
    (path / "lines").write_text(LINE * 100_000, encoding="utf-8")
    peaks = [peak_of("cut", "lines", "-m", MODEL, cwd=path)[0] for _ in range(2)]
    return min(peaks)


PACK = {
    "gz": lambda size: gzip.compress(bytes(size), 9),
    "bz2": lambda size: bz2.compress(bytes(size)),
    "xz": lambda size: lzma.compress(bytes(size), preset=1),
    "zst": lambda size: zstandard.ZstdCompressor(level=19).compress(bytes(size)),
}


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_that_unpacks_to_a_thousand_times_its_size(kind, tmp_path, cut_peak):
    (tmp_path / "bomb").write_bytes(PACK[kind](150 * MB))
    assert (tmp_path / "bomb").stat().st_size < MB
    peak, code, _ = peak_of("cut", "bomb", "-m", MODEL, cwd=tmp_path)
    assert code == 0
    assert peak - cut_peak < 90 * MB


@pytest.mark.parametrize("kind", PACK)
def test_pieces_of_an_archive_are_small(kind, tmp_path):
    (tmp_path / "bomb").write_bytes(PACK[kind](20 * MB) + PACK[kind](3 * MB))
    pieces = list(UnpackedFile(tmp_path / "bomb", "bomb").pieces)
    assert max(map(len, pieces)) <= MB
    assert sum(map(len, pieces)) == 23 * MB


def test_an_archive_with_a_large_window_is_refused(tmp_path):
    window = zstandard.ZstdCompressionParameters(window_log=MOST_WINDOW.bit_length(), enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=window)
    with open(tmp_path / "far", "wb") as file, compressor.stream_writer(file) as writer:
        writer.write(bytes(MB))
    with pytest.raises(InputError, match="far: needs more than 128 MB to be unpacked: unpack it before"):
        list(UnpackedFile(tmp_path / "far", "far").pieces)


@pytest.mark.parametrize("piece", [b"\0", b"7", b"x", "α".encode()], ids=["nul", "digits", "letters", "greek"])
def test_cutting_one_token_without_end(piece, tmp_path, cut_peak):
    feed = [piece * (MB // len(piece))] * 100
    peak, code, _ = peak_of("cut", "-m", MODEL, cwd=tmp_path, feed=feed)
    assert code == 0
    assert peak - cut_peak < 75 * MB


@pytest.mark.parametrize("arguments", [("train", "-", "-o", "m"), ("count", "-", "-o", "s", "--memory", "256M")])
def test_learning_from_a_device_without_end(arguments, tmp_path):
    sample_model()  # so that all kernels are compiled
    least, _, _ = peak_of(*arguments, cwd=tmp_path, feed=[b"\0" * MB])
    peak, code, errors = peak_of(*arguments, cwd=tmp_path, feed=[b"\0" * MB] * 120)
    assert code == 1
    assert "no Han character" in errors
    assert peak < least + 60 * MB


def test_a_long_line_takes_the_memory_of_many(tmp_path):
    """And its runs are the same."""
    text = random_text(100_000)
    (tmp_path / "lines").write_text(text * 40, encoding="utf-8")
    (tmp_path / "line").write_text(text.replace("\n", " ") * 40, encoding="utf-8")
    options = ("--memory", "256M", "-q", "-j", 1)
    peaks = [peak_of("count", name, "-o", f"{name}.shard", *options, cwd=tmp_path) for name in ("lines", "line") * 2]
    assert {code for _, code, _ in peaks} == {0}
    assert peaks[3][0] < peaks[2][0] + 40 * MB
    for name in ("frequency.npy", "hash_sizes.npy", "written_counts.npy", "ngrams.bin"):
        assert len({(tmp_path / f"{each}.shard" / name).read_bytes() for each in ("lines", "line")}) == 1


# Long lines


@pytest.fixture
def short_lines(monkeypatch):
    monkeypatch.setattr(encodings, "PART_BYTES", 8)
    monkeypatch.setattr(sources, "BEYOND_BLOCK", 6)


@given(st.lists(st.sampled_from(["中", "a", "\n", "，", "文本", " "]), max_size=30).map("".join), st.integers(1, 9))
def test_decoding_long_lines_in_parts(text, size):
    with patch.object(encodings, "PART_BYTES", 8):
        for codec in ("utf-8", "gb18030", "big5"):
            data = text.encode(codec)
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            assert "".join(decode_lines(pieces, "f", codec)) == text


@given(st.lists(st.sampled_from([b"\xe4\xb8\xad", b"\xff", b"ab", b"\n", b"\n", b"\xe4"]), max_size=16).map(b"".join))
def test_skipping_parts_of_long_lines(data):
    """Short lines are left out as before; of a long one the part with the bad bytes and what follows is."""
    found = []
    with patch.object(encodings, "PART_BYTES", 8):
        for size in (1, 3, 100):
            skipped = []
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            found.append(("".join(decode_lines(pieces, "f", "utf-8", skipped.append)), skipped))
    assert found[0] == found[1] == found[2]
    text, skipped = found[0]
    expected = []
    for line in data.splitlines(keepends=True):
        good, part = b"", 8
        while part < len(line.rstrip(b"\n")) + 1 and not _is_bad(line[:part]):
            good, part = line[:part], part + 8
        whole = not _is_bad(line, final=True)
        expected.append(line if whole else good and good[: _whole(good)] + b"\n" * line.endswith(b"\n"))
    assert text == b"".join(expected).decode()
    assert len(skipped) == sum(_is_bad(line, final=True) for line in data.splitlines())
    assert [bad.line for bad in skipped] == [
        i for i, line in enumerate(data.splitlines(), 1) if _is_bad(line, final=True)
    ]


def _is_bad(data, final=False):
    try:
        encodings.codecs.utf_8_decode(data, "strict", final)
    except UnicodeDecodeError:
        return True
    return False


def _whole(data):
    return encodings.codecs.utf_8_decode(data, "strict", False)[1]


def test_bad_bytes_in_a_long_line_are_found(short_lines, tmp_path):
    (tmp_path / "f").write_bytes("今天\n".encode() + b"a" * 30 + b"\xff" + b"a" * 30)
    with pytest.raises(EncodingError, match="f, line 2, byte offset 37: bytes 0xff "):
        list(read_blocks([Source("f", tmp_path / "f")]))


@given(
    st.lists(st.sampled_from(["中文", "字", "1", ".", "，", "\n", "a", " ", "\u0301"]), max_size=60).map("".join),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_blocks_of_long_lines(text, block_chars, size):
    """They follow from the text alone, and no run goes on from one to the next, unless it is too long for any."""
    with patch.object(sources, "BEYOND_BLOCK", 6):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        found = list(sources._whole_lines(pieces, block_chars))
        assert found == list(sources._whole_lines([text] if text else [], block_chars))
    assert "".join(found) == text
    assert max(map(len, found), default=0) <= block_chars + 6
    if found:
        one, other = RunCollector(), RunCollector()
        one.add(text)
        for block in found:
            other.add(block)
        cuts = [(a, b) for a, b in pairwise(found) if not a.endswith("\n")]
        in_a_run = any(not b[0].isspace() and b[0] != "，" for _, b in cuts)
        assert in_a_run or one.stats.digest == other.stats.digest


@given(any_text, st.integers(2, 20))
def test_parts_of_texts(text, most):
    parts = list(bounded_parts(text, most))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= most


def test_lines_and_characters_of_a_long_line_are_counted_once(short_lines, tmp_path):
    (tmp_path / "f").write_text("今天，天气，很好，今天，天气\n很好", encoding="utf-8")
    report = sources.ReadReport()
    assert len(list(read_blocks([Source("f", tmp_path / "f")], block_chars=2, report=report))) > 3
    assert (report.lines, report.characters) == (2, 16)


def test_a_file_of_lines_has_no_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_LINE", 100)
    (tmp_path / "f").write_text("今天 天气\n" + "今天 " * 34, encoding="utf-8")
    with pytest.raises(InputError, match=r"f, line 2: longer than 100 characters: .* a line for each"):
        list(read_lines(tmp_path / "f"))


def test_a_word_list_has_no_line_without_end():
    with pytest.raises(DataError, match="word list, line 2: longer than 65,536 characters"):
        list(read_word_counts(["今天 5\n", "天" * (LONGEST_ENTRY + 1)]))


# Budgets


def test_text_that_must_be_in_memory_is_refused_if_it_does_not_fit(tmp_path):
    for by_user, name in ((True, "--memory 256M"), (False, "half of what is free")):
        budget = Budget(LEAST, given=by_user)
        with pytest.raises(UsageError, match=f"{name}.*: more than .* symbols do not fit: give less text"):
            collect_corpus(["今天" * (budget.symbols // 2 + 1)], budget=budget)
    with little_memory(symbols=100), pytest.raises(UsageError, match="symbols do not fit"):
        segtool.train(SAMPLE, base=MODEL, memory="256M")


def test_ngrams_that_must_be_in_memory_are_refused_if_they_do_not_fit():
    refused = pytest.raises(UsageError, match=r"--memory 2,048M: .* n-grams do not fit")
    with patch.object(Budget, "room", 90_000), refused:
        segtool.train(SAMPLE, method="lm", memory="2G")


def test_labels_that_do_not_fit(tmp_path):
    (tmp_path / "gold").write_text("今天 天气 很 好\n" * 100, encoding="utf-8")
    with patch.object(Budget, "room", 300 * LABEL_BYTES), pytest.raises(UsageError, match="give fewer sentences"):
        read_gold([str(tmp_path / "gold")], "text")


def test_a_pipe_cannot_be_recognised_by_resume(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"--resume: .* cannot be recognised"):
        segtool.train(tmp_path / "pipe", tmp_path / "m", resume=True)


def test_scores_of_a_long_line_are_added_up(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from segtool.cli.main import main

    runner, model = CliRunner(), str(tmp_path / "m.arpa")
    assert runner.invoke(main, ["lm", "train", str(SAMPLE), "-o", model, "-q"]).exit_code == 0
    (tmp_path / "text").write_text("今天，天气，很好，今天\n天气，很好，今天，天气", encoding="utf-8")
    arguments = ["lm", "score", model, str(tmp_path / "text")]
    whole = runner.invoke(main, arguments).stdout
    split = sources.read_blocks

    def in_small_blocks(found, **options):
        return split(found, block_chars=2, **options)

    monkeypatch.setattr(sources, "BEYOND_BLOCK", 6)
    with patch.object(sources, "read_blocks", in_small_blocks):
        assert runner.invoke(main, arguments).stdout == whole
    assert [row.split("\t")[0] for row in whole.splitlines()] == ["line", "1", "2", "total"]


def test_the_best_cuts_of_a_line_without_end(monkeypatch):
    monkeypatch.setattr(confidence, "LONGEST_LISTED", 100)
    listed = confidence.nbest_utf8_stream(segtool.load(MODEL), ["今天\n".encode(), "今天".encode() * 60], " ", 2)
    with pytest.raises(InputError, match="more than 100 characters"):
        list(listed)


def test_texts_in_memory_are_read_in_parts():
    text = "今天，" * 1_000_000
    sizes = []
    with patch.object(RunCollector, "_add", lambda self, part: sizes.append(len(part))):
        RunCollector().add(text)
    assert len(sizes) > 1 and max(sizes) <= 1 << 21
    assert sum(sizes) == len(text)
    assert TextInput(None, [text]).texts == [text]


# Shards


def forged(numbers, fans):
    """A block of as many bigrams, and a column for as many parents, which is small itself."""
    packed = zlib.compress(b"\1" * 9)
    lengths = fans, numbers, numbers, numbers
    header = struct.pack("<8Q", *(size for length in lengths for size in (length, len(packed))))
    return struct.pack("<Q", numbers) + header + packed * 4


def test_blocks_that_claim_too_much_are_not_unpacked():
    with pytest.raises(blocks.LargeBlock, match=r"holds 8,589,934,602 n-grams, which need 327,680M of memory"):
        blocks.unpack_levels(forged(1 << 33, 10), 0, 10, 1, 10, most=1 << 20)
    with pytest.raises(blocks.DamagedBlock):
        blocks.unpack_levels(forged(1 << 33, 9), 0, 10, 1, 10, most=1 << 50)
    with pytest.raises(blocks.DamagedBlock, match="another length"):
        blocks.unpack_stream(blocks.pack_stream(np.zeros(4, np.uint16)), 1 << 30, 5)
    numbers = blocks.pack_numbers(np.arange(100))
    with pytest.raises(blocks.LargeBlock):
        blocks.unpack_numbers(numbers, 100, most=99)


def test_a_shard_with_a_block_that_does_not_fit(tmp_path):
    segtool.count(SAMPLE, tmp_path / "shard")
    shard = shards.Shard.open(tmp_path / "shard", room=0)
    assert len(shard.bigrams)
    shard._most = 1000
    with pytest.raises(ModelError, match=r"ngrams.bin: block 0 holds .* n-grams, .*M of memory: .* --memory"):
        _ = shard.bigrams
