"""What the tests share: a model that is trained once, any string there is, and the command line."""

import atexit
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st

import segtool
from segtool.decode.block import Scratch
from segtool.decode.decoder import Decoder, ShortCut
from segtool.decode.decoders import decoder_of
from segtool.decode.memory import ShortMemory, working
from segtool.decode.short_texts import BYTE_TOKENS, TOKENS, WORDS
from segtool.decode.texts import TextCutter
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.segmenter import Segmenter
from segtool.store.model import Model
from segtool.text.runs import Corpus
from segtool.text.stats import CorpusStats

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"
GOLD = ROOT / "data" / "gold.seg.txt"
TIMEOUT = 180
"""Seconds after which a command hangs, on a busy machine that compiles kernels too."""

# Every class of character, with neighbours that may join or not join a token.
_TELLING = (
    "今天天气很好我们一起去公园散步的了是人𠮷𪚥豈〇々",
    "0123456789０９٣६",
    ".,·/:%．／：∶％,,",
    "abcXYZａＺéß",
    "。,!?——……~~、“”()【】",
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000",
    "\u0301\u0300\ufe0f\u20e3\u200d\U000e0100\u3099",
    "😀👨👩👧🇨🇳🏽",
    "ひらカタ한글αβЖя",
    "\x00\x01\x7f\ufeff\u200b\ufffd\uffff",
    "\ud800\udbff\udc00\udc80\udfff",
)

any_character = st.characters(exclude_categories=())
any_text = st.text(any_character) | st.text(
    st.sampled_from(_TELLING).flatmap(st.sampled_from) | any_character, max_size=80
)
"""Every string that Python can hold, lone surrogates included; often of characters that join."""


@functools.cache
def scratch() -> Path:
    """Give a folder that lives as long as the tests."""
    folder = tempfile.mkdtemp(prefix="segtool-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def sample_model() -> Path:
    """Train on data/sample, once; do not write there."""
    path = scratch() / "sample.model"
    segtool.train(SAMPLE, path)
    return path


@functools.cache
def sample_segmenter() -> Segmenter:
    return segtool.load(sample_model())


def extend(model: Model, seed: int, unknown_len: int = 4) -> Model:
    """Give a model random weights of the tagger, and scores of unknown words that are about as good as its own."""
    draw = np.random.default_rng(seed)
    units = model.lexicon.reshape(-1, 4).copy()
    owner, symbols = units[:, 1], len(model.symbols) + 1
    short = (owner >= 0) & (owner < symbols)
    short[:symbols] = True
    tags = draw.normal(0, 8, (len(units), 4)).round().clip(-128, 127).astype(np.int8)
    units[short, 3] = tags.view(np.int32).ravel()[short]
    spelling = draw.normal((-8, -9, -8, 0), 2, (symbols, 4)) * WEIGHT_UNIT
    card = model.card | {"parameters": model.card["parameters"] | {"unknown_len": unknown_len}}
    return replace(model, lexicon=units.ravel(), spelling=spelling.astype(np.int32).ravel(), card=card, path=None)


@functools.cache
def sample_text() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.txt")))


@functools.cache
def random_text(characters: int) -> str:
    """Give that much text in lines of invented words, as various as a real corpus."""
    if characters > 100_000:
        return random_text(100_000) * (characters // 100_000)
    draw = random.Random(characters)
    words = [
        "".join(chr(draw.randrange(0x4E00, 0x5E00)) for _ in range(draw.choice((1, 2, 2, 3)))) for _ in range(9000)
    ]
    text = "".join(draw.choice(words) + draw.choice(("", "", "", "", "", ",", "。\n")) for _ in range(characters))
    return text[: characters - 1] + "\n"


def long_line(characters: int) -> str:
    """Give that much text without a mark, a space or a line end."""
    text = random_text(100_000).translate({ord(c): None for c in ",。\n"})
    return (text * (characters // len(text) + 1))[:characters]


@contextmanager
def interpreting(plain: bool) -> Iterator[None]:
    """Make segmenters take the plain or the compiled path, whatever the size of the text."""
    with (
        mock.patch.object(Segmenter, "interprets", staticmethod(lambda characters: plain)),
        mock.patch.object(sys.modules[Segmenter.__module__], "_plain_left", int(plain)),
    ):
        yield


@contextmanager
def little_room(room: int) -> Iterator[None]:
    """Working memory for blocks of so many tokens."""
    scratch = Scratch(room)
    memory = ShortMemory(scratch)

    def short(cutter: TextCutter) -> tuple[ShortCut, ...]:
        if cutter.literals is not None:
            return (lambda text: None,) * 3
        return tuple(map(cutter.decoder.short_cutter, (WORDS, TOKENS, BYTE_TOKENS)))

    with (
        mock.patch.object(working, "scratch", scratch),
        mock.patch.object(sys.modules[decoder_of.__module__], "shared_memory", lambda: memory),
        mock.patch.object(TextCutter, "short", property(short, lambda *_: None), create=True),
    ):
        yield


def cut_spans(
    decoder: Decoder, text: str, final: bool = True, before: int = 0
) -> tuple[list[tuple[int, int]], int, int]:
    """Words that compiled code cuts, as (start, end); characters settled; the symbol before the rest."""
    data = text.encode("utf-8", "surrogatepass")
    out, consumed, before, _ = decoder.cut(data, b" ", final, before)
    words = str(out, "utf-8", "surrogatepass").split()
    return spans_of(text, words), len(data[:consumed].decode("utf-8", "surrogatepass")), before


def spans_of(text: str, words: list[str]) -> list[tuple[int, int]]:
    """Places of words in their text."""
    spans, low = [], 0
    for word in words:
        low = text.index(word, low)
        spans.append((low, low + len(word)))
        low += len(word)
    return spans


class Streams:
    """A part of a corpus (:class:`segtool.text.runs.CorpusPart`) made of streams of ids, a boundary at either end of
    each."""

    def __init__(self, codes: Any, streams: list[Any]) -> None:
        self.written = np.asarray(codes, np.uint32)
        self._streams = [np.asarray(stream, np.uint16) for stream in streams]
        self.chunks = len(self._streams)
        streams = [np.zeros(1, np.uint16), *self._streams]
        self.stats = sum((CorpusStats.of(stream, self.written) for stream in streams), CorpusStats())

    def chunk(self, i: int) -> Any:
        return self._streams[i]


def chunked(runs: list[list[int]], codes: Any, size: int = 1 << 18) -> Corpus:
    """Runs of ids, which are not renamed, in chunks of so many symbols or more."""
    streams: list[list[int]] = []
    for run in runs:
        if not streams or len(streams[-1]) > size:
            streams.append([0])
        streams[-1] += [*run, 0]
    found = Corpus([Streams(codes, streams)], False)
    assert found.codes.tolist() == list(codes)
    return found


@contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder; those of pytest last longer than one example of hypothesis."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Give the bytes of all files of a folder, hidden ones too; None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "segtool", *map(str, arguments)]


def environment(**variables: str) -> dict[str, str]:
    """Give an environment in which every folder finds this segtool."""
    return os.environ | {"PYTHONPATH": str(ROOT)} | variables


def python(program: str, **variables: str) -> Any:
    """Run a program in a process of its own; give what it prints as JSON on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=environment(**variables),
        cwd=os.sep,  # the package is found by its environment alone
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def run(*arguments: object, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command of segtool to its end."""
    if "stdin" not in options:
        options.setdefault("input", b"")
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("env", environment())
    options.setdefault("timeout", TIMEOUT)
    return subprocess.run(command(*arguments), cwd=cwd, **options)


def succeed(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command of segtool that must succeed."""
    done = run(*arguments, **options)
    assert done.returncode == 0, said(done.stderr)
    return done


def said(stderr: bytes) -> list[str]:
    """Give the lines on standard error, without the one on a first compile."""
    return [line for line in stderr.decode().splitlines() if not line.startswith("segtool: compiling its kernels")]


def refusal(stderr: bytes) -> str:
    """Give the one line that a failed command has said."""
    lines = said(stderr)
    assert len(lines) == 1, lines
    assert lines[0].startswith("segtool: ")
    return lines[0]
