"""Random strings and files for scripts/torture: every way to cut them gives the same words, which are slices."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import random
import re
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import segtool
from segtool.decode.streaming import cut_utf8_stream
from segtool.segmenter import Segmenter
from tests.helpers import _TELLING, interpreting
from tests.hostile import Failure, corpus, home, invoke, original

BATCH = 500
"""Strings of a trial."""
SEPARATOR = "<between two words>"
"""Not in the strings; literals may hold a space."""
MODELS = ["default", "default", "model", "entropy", "cohesion", "tags", "tuned", "extended", "adapted"]
FORCE = ["公园|散步", "C++", "iPhone 15 Pro", "𠮷野家", "3.5%", "今|天"]
ENCODINGS = ["utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-le", "utf-32", "utf-16-be"]
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
}  # fmt: skip


@functools.lru_cache(12)
def segmenter_of(kind: str, granularity: float = 0.0, words: bool = False) -> Segmenter:
    found = segtool.load(original(kind))
    if words:
        found = found.with_words(prefer=["天气很好", "我们一起"], force=FORCE, forbid=["今天", "散步"])
    return found.with_granularity(granularity) if granularity else found


def draw_segmenter(draw: random.Random) -> tuple[Segmenter, str]:
    kind = draw.choice(MODELS)
    granularity = draw.choice([0.0, 0.0, 0.0, 1.5, -2.0])
    words = draw.random() < 0.3
    try:
        return segmenter_of(kind, granularity, words), f"{kind} {granularity} {words}"
    except segtool.UsageError:  # not all methods have a granularity and take words
        return segmenter_of(kind), kind


def draw_string(draw: random.Random, surrogates: bool = True) -> str:
    """Draw characters that may join, pieces of real text, numbers, entries of a dictionary, any code points."""
    parts = []
    for _ in range(draw.choice([0, 1, 1, 2, 3, 5, 8, 13])):
        how = draw.randrange(6)
        if how == 0:
            at = draw.randrange(len(corpus()) - 40)
            parts.append(corpus()[at : at + draw.randrange(1, 30)])
        elif how == 1:
            parts.append(
                "".join(
                    draw.choice("零〇一二三四五六七八九十百千万亿两点之第年月0123456789")
                    for _ in range(draw.randrange(1, 8))
                )
            )
        elif how == 2:
            parts.append(draw.choice(FORCE).replace("|", ""))
        elif how == 3:
            parts.append("".join(chr(draw.randrange(0x110000)) for _ in range(draw.randrange(1, 6))))
        else:
            parts.append("".join(draw.choice(draw.choice(_TELLING)) for _ in range(draw.randrange(1, 12))))
    text = "".join(parts)
    return text if surrogates else re.sub("[\ud800-\udfff]", "", text)


def run_strings(trial: int) -> tuple[str, str]:
    """Cut a batch of strings in every way."""
    draw = random.Random(f"strings {trial}")
    told = ""
    try:
        segmenter, told = draw_segmenter(draw)
        texts = [draw_string(draw) for _ in range(BATCH)]
        check_strings(segmenter, texts, draw)
    except Failure as error:
        return told, str(error)
    except BaseException:
        return told, traceback.format_exc()
    return told, ""


def check_strings(segmenter: Segmenter, texts: list[str], draw: random.Random) -> None:
    with interpreting(False):
        compiled = [segmenter.cut(text) for text in texts]
        if draw.random() < 0.3 and segmenter.cut_batch(texts, workers=2) != compiled:
            raise Failure("cut_batch differs from cut")
    with interpreting(True):
        for text, words in zip(texts, compiled, strict=True):
            if segmenter._cutter.decoder.plain is not None and segmenter.cut(text) != words:
                raise Failure(f"plain and compiled differ on {text!r}")
    for text, words in zip(texts, compiled, strict=True):
        if "".join("".join(words).split()) != "".join(text.split()):  # literals may have spaces
            raise Failure(f"the words of {text!r} are no slices: {words}")
    check_streams(segmenter, texts, draw)
    for text, words in draw.sample(list(zip(texts, compiled, strict=True)), 25):
        check_more(segmenter, text, words)


def check_streams(segmenter: Segmenter, texts: list[str], draw: random.Random) -> None:
    """Lines of a stream are those of its strings, with any pieces and number of workers."""
    lines = ["".join(each.split("\n")) for each in texts]
    data = "\n".join(lines)
    size = draw.choice([1, 7, 100, 1000, 10**6]) if len(data) < 4000 else draw.choice([100, 1000, 10**6])
    pieces = [data[i : i + size].encode("utf-8", "surrogatepass") for i in range(0, len(data), size)]
    with interpreting(False):
        out = b"".join(cut_utf8_stream(segmenter, pieces, SEPARATOR, draw.choice([1, 2]), ahead=True))
        expected = [segmenter.cut(line) for line in lines]
    found = out.decode("utf-8", "surrogatepass").split("\n")
    if len(found) != len(lines):
        raise Failure(f"{len(found)} lines of {len(lines)}, pieces of {size}")
    for line, one, words in zip(lines, found, expected, strict=True):
        if [word for word in one.removesuffix("\r").split(SEPARATOR) if word] != words:
            raise Failure(f"a stream differs on {line!r}, pieces of {size}: {one!r}, {words}")


def check_more(segmenter: Segmenter, text: str, words: list[str]) -> None:
    """Check offsets, the best of several cuts, searches and probabilities of one string."""
    for unit, data in ("character", text), ("byte", text.encode("utf-8", "surrogatepass")):
        places = segmenter.tokenize(text, unit)
        back = [data[place.start : place.end] for place in places]
        strings = [each if isinstance(each, str) else each.decode("utf-8", "surrogatepass") for each in back]
        if strings != words:
            raise Failure(f"offsets in {unit}s of {text!r} do not give its words")
    try:
        for place in segmenter.tokenize(text, search=True):
            if text[place.start : place.end] != place.word:
                raise Failure(f"an entry of a search in {text!r} is no slice")
        with interpreting(True):
            plain = segmenter.cut_for_search(text)
        with interpreting(False):
            if segmenter.cut_for_search(text) != plain:
                raise Failure(f"searches in {text!r} differ, plain and compiled")
        best = segmenter.nbest(text, 3)
        if best and list(best[0].words) != words:
            raise Failure(f"the best of three cuts of {text!r} is not its cut")
        probabilities = segmenter.boundary_probabilities(text)
        if len(probabilities) != max(len(text) - 1, 0) or not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise Failure(f"probabilities of {text!r}: {probabilities}")
    except segtool.UsageError:  # of methods without them
        pass


def run_files(trial: int) -> tuple[str, str]:
    """Cut and search in a file of some encoding, in one and in two threads; the same as through the API."""
    draw = random.Random(f"files {trial}")
    place = Path(tempfile.mkdtemp(dir=home(), prefix="files"))
    told = ""
    try:
        kind, encoding, packed = draw.choice(MODELS), draw.choice(ENCODINGS), draw.choice(["", "", *PACK])
        told = f"{kind} {encoding} {packed}"
        lines = [re.sub("[\n\r]", "", draw_string(draw, False)) for _ in range(draw.choice([0, 1, 10, 300]))]
        text = draw.choice(["\n", "\r\n"]).join(lines) * draw.choice([1, 1, 1, 30]) + draw.choice(["", "\n"])
        data = text.encode(encoding, "replace")
        broken = draw.random() < 0.3
        if broken and data:
            data = damaged(data, draw)
        (place / "text").with_suffix(packed).write_bytes(PACK[packed](data))
        check_file(place, (place / "text").with_suffix(packed), kind, encoding, data, draw)
    except Failure as error:
        return told, str(error)
    except BaseException:
        return told, traceback.format_exc()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return told, ""


def damaged(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 5])):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed[draw.choice([0, 0, 1]) : draw.choice([len(changed), max(len(changed) - 1, 1)])])


def check_file(place: Path, file: Path, kind: str, encoding: str, data: bytes, draw: random.Random) -> None:
    more = draw.choice([[], [], ["--search"], ["--granularity", "1"], ["--sep", "/"], ["--nbest", "2"]])
    common = ["cut", file, "-m", original(kind), "--encoding", encoding, "-q", *more]
    codes = [invoke(*common, "-o", place / f"out{workers}", "-j", workers) for workers in (1, 2)]
    outputs = [path.read_bytes() if path.exists() else None for path in (place / "out1", place / "out2")]
    if codes[0] != codes[1] or outputs[0] != outputs[1]:
        raise Failure(f"one and two threads differ: {codes}")
    if (codes[0] == 0) != (outputs[0] is not None):
        raise Failure(f"exit {codes[0]}, and the output {'is' if outputs[0] else 'is not'} there")
    if more or outputs[0] is None:
        return
    text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    found = outputs[0].decode("utf-8", "surrogatepass")
    if found.count("\n") != text.count("\n"):
        raise Failure(f"{found.count(chr(10))} line ends of {text.count(chr(10))}")
    segmenter = segmenter_of(kind)
    for one, line in zip(found.split("\n"), text.split("\n"), strict=True):
        if one.split() != [part for word in segmenter.cut(line) for part in word.split()]:
            raise Failure(f"command and API differ on {line!r}")
