"""A stream is cut like its lines, wherever its pieces end and however long a line is."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segtool import segmenter as segmenter_module
from segtool import train
from segtool.decode.streaming import cut_stream, cut_utf8_stream
from segtool.segmenter import Segmenter
from tests.helpers import (
    TIMEOUT,
    any_text,
    command,
    environment,
    extend,
    interpreting,
    long_line,
    random_text,
    sample_model,
    sample_segmenter,
    sample_text,
    succeed,
)

SEGMENTER = sample_segmenter()
SINGLE = train(texts=["今天天气很好。今天天气不好。"], max_word_len=1)
LONGEST = train(texts=["今天天气很好我们去公园。今天天气不好我们不去公园。"] * 3, max_word_len=15, min_count=1)

EXTENDED = [
    Segmenter(extend(segmenter.model, seed, unknown_len))
    for seed, (segmenter, unknown_len) in enumerate(
        [(SEGMENTER, 4), (SEGMENTER, 15), (SINGLE, 0), (SINGLE, 3), (LONGEST, 2)]
    )
]
"""With a tagger and unknown words."""
EVERY = [SEGMENTER, SINGLE, LONGEST, *EXTENDED]

MEMORY = """
import sys
from pathlib import Path
from segtool.cli.main import main

main(sys.argv[1:], standalone_mode=False)
status = Path("/proc/self/status").read_text(encoding="ascii")
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), file=sys.stderr)
"""
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc")

# Lines of what may go on behind the end of a piece.
flowing = st.lists(
    st.sampled_from(
        [
            "今天天气",
            "我们",
            "1",
            "23",
            ",",
            ".",
            "%",
            "a",
            "é",
            "\u0301",
            "\u200d",
            "👨",
            "—",
            "…",
            " ",
            "\r",
            "\n",
            "\r\n",
        ]
    ),
    max_size=40,
).map("".join)
texts = flowing | any_text


def expected(segmenter, text, separator=" "):
    """What cutting the lines one by one gives."""
    *lines, rest = text.split("\n")
    out = []
    for line in lines:
        words = [word.encode("utf-8", "surrogatepass") for word in segmenter.cut(line)]
        out.append(separator.encode().join(words) + (b"\r\n" if line.endswith("\r") else b"\n"))
    return b"".join(out) + separator.encode().join(w.encode("utf-8", "surrogatepass") for w in segmenter.cut(rest))


def pieces_of(text, cuts):
    cuts = sorted(min(cut, len(text)) for cut in cuts)
    return [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def streamed(segmenter, pieces, separator=" ", workers=1):
    return b"".join(cut_stream(segmenter, iter(pieces), separator, workers))


@given(texts, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([" ", "/", "、", "\t", "<->"]))
@example("12,3", [3], " ")
@example("今天\r\n天气", [3], " ")
@example("e\u0301", [1], " ")
@example("今天\ud800天气\udc80\n", [2], " ")
@example("\r\r\n\n \n今", [1, 2, 3, 4, 5, 6], "、")
def test_pieces_may_end_anywhere(text, cuts, separator):
    pieces = pieces_of(text, cuts)
    for segmenter in EVERY:
        wanted = expected(segmenter, text, separator)
        for plain in (True, False):
            with interpreting(plain):
                for workers in (1, 2, 3):
                    assert streamed(segmenter, pieces, separator, workers) == wanted


@given(flowing, st.lists(st.integers(0, 60), max_size=8), st.integers(0, 99), st.integers(0, 6))
def test_pieces_may_end_anywhere_whatever_the_scores(text, cuts, seed, unknown_len):
    for model in (SINGLE.model, LONGEST.model):
        segmenter = Segmenter(extend(model, seed, unknown_len))
        with interpreting(False):
            assert streamed(segmenter, pieces_of(text, cuts)) == expected(segmenter, text)


@pytest.mark.parametrize("segmenter", EVERY)
def test_character_by_character(segmenter):
    text = "今天12,345.6%的天气很好\r\n我们,去公园——……吧 3\u0301:4\n\n  完 了"
    wanted = expected(segmenter, text)
    for size in (1, 2, 3, 7):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        with interpreting(False):
            assert streamed(segmenter, pieces) == wanted
            assert streamed(segmenter, pieces, workers=2) == wanted


@pytest.mark.parametrize("segmenter", [SEGMENTER, EXTENDED[0]], ids=["sample", "extended"])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_real_text_in_pieces(workers, segmenter):
    text = sample_text()
    wanted = expected(segmenter, text)
    for size in (100, 1009, 20_000):
        assert streamed(segmenter, [text[i : i + size] for i in range(0, len(text), size)], workers=workers) == wanted


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_lines_come_out_as_they_come_in(workers):
    """No output waits for the next piece when a piece ends with its line."""
    asked = []

    def pieces():
        for line in ("今天天气很好\n", "\n", "我们去公园\r\n"):
            asked.append(line)
            yield line

    done = b""
    for data in cut_stream(SEGMENTER, pieces(), " ", workers):
        done += data
        if data:
            assert done.count(b"\n") == len(asked)
    assert done == expected(SEGMENTER, "".join(asked))


@given(texts)
def test_one_line_for_one_line(text):
    assert streamed(SEGMENTER, [text]).count(b"\n") == text.count("\n")


@given(flowing, st.lists(st.integers(0, 60), max_size=20))
def test_pieces_that_are_there_already_may_be_taken_ahead(text, cuts):
    pieces = [piece.encode() for piece in pieces_of(text, cuts)]
    wanted = expected(SEGMENTER, text)
    for plain in (True, False):
        with interpreting(plain):
            for workers in (1, 2, 3):
                assert b"".join(cut_utf8_stream(SEGMENTER, pieces, " ", workers, ahead=True)) == wanted


def test_no_more_is_taken_ahead_than_keeps_the_workers_busy():
    asked = 0

    def pieces():
        nonlocal asked
        for asked in range(1, 1000):  # noqa: B007
            yield "今天天气很好\n".encode() * 2

    done = 0
    for data in cut_utf8_stream(SEGMENTER, pieces(), " ", 2, ahead=True):
        done += data.count(b"\n")
        assert asked <= done // 2 + 8


def test_nothing_gives_nothing():
    assert streamed(SEGMENTER, []) == streamed(SEGMENTER, ["", ""], workers=2) == b""


def test_a_line_of_great_length_in_pieces():
    line = long_line(200_000)
    pieces = [line[i : i + 10_000] for i in range(0, len(line), 10_000)]
    for segmenter in (SEGMENTER, EXTENDED[0]):
        size = 0
        for data in cut_stream(segmenter, pieces):
            assert len(data) < 20_000 * 4
            size += len(data)
        assert streamed(segmenter, pieces) == expected(segmenter, line)
        assert size == len(expected(segmenter, line))


# The command


def cut(data, *arguments, **options):
    return succeed("cut", "-m", sample_model(), *arguments, input=data, **options).stdout


@pytest.mark.parametrize("workers", [1, 2])
def test_line_ends_are_kept(workers):
    text = "医生说今天要休息\r\n\r\n \n今天\n\n没有换行"
    assert cut(text.encode(), "-j", workers) == expected(SEGMENTER, text)


def test_other_separators():
    assert cut("医生说今天".encode(), "--sep", "/") == "医生/说/今天".encode()
    assert cut("医生说 今天\n".encode(), "--sep", "、") == "医生、说、今天\n".encode()


def test_workers_give_the_same_bytes(tmp_path):
    text = random_text(400_000) + sample_text() + "没有换行 12,"
    (tmp_path / "text").write_text(text, encoding="utf-8")
    outputs = {cut(b"", "-j", workers, tmp_path / "text") for workers in (1, 2, 3)}
    assert outputs == {expected(SEGMENTER, text)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_line_that_is_typed_is_cut_at_once(workers):
    process = subprocess.Popen(
        command("cut", "-m", sample_model(), "-j", workers),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        bufsize=0,
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            for line in ("医生说今天要休息\n", "\n", "今天12,5%\r\n", "我" * 20_000 + "\n", "完\n"):
                data = line.encode()
                process.stdin.write(data[: len(data) // 2])  # often within a character
                process.stdin.write(data[len(data) // 2 :])
                answer = b""
                while not answer.endswith(b"\n"):
                    ready, _, _ = select.select([process.stdout], [], [], TIMEOUT)
                    assert ready, "no answer while standard input is open"
                    more = os.read(process.stdout.fileno(), 1 << 20)
                    assert more, "the command has ended"
                    answer += more
                assert answer == expected(SEGMENTER, line)
            process.stdin.close()
            assert process.wait(TIMEOUT) == 0
        finally:
            process.kill()


def peak_bytes(path: Path, *arguments: object) -> int:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MEMORY,
            "cut",
            str(path),
            "-m",
            str(sample_model()),
            "-o",
            f"{path}.cut",
            *map(str, arguments),
        ],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) * 1024


@needs_proc
def test_memory_does_not_follow_the_length_of_lines(tmp_path):
    small, long, token = tmp_path / "small", tmp_path / "long", tmp_path / "token"
    small.write_text(random_text(segmenter_module.PLAIN_CHARACTERS * 3), encoding="utf-8")
    line = long_line(3_000_000)
    long.write_text(line, encoding="utf-8")
    token.write_text("a" * 3_000_000, encoding="utf-8")
    base = peak_bytes(small)
    for workers in (1, 2):
        assert peak_bytes(long, "-j", workers) < base + 60e6
        assert (tmp_path / "long.cut").read_text(encoding="utf-8").replace(" ", "") == line
    # a single word has to be held whole, with the working memory of the kernels
    assert peak_bytes(token) < base + 300e6
    assert (tmp_path / "token.cut").read_bytes() == b"a" * 3_000_000
