"""Random strings for scripts/torture: every way to cut them gives the same words, which are slices."""

from __future__ import annotations

import functools
import json
import random
import re
import traceback

import segtool
from segtool.decode.memory import ROOM
from segtool.decode.streaming import cut_utf8_stream
from segtool.segmenter import Segmenter
from tests.helpers import _TELLING, interpreting, little_room
from tests.hostile import Failure, corpus, original

BATCH = 500
"""Strings of a trial."""
SEPARATOR = "<between two words>"
"""Not in the strings; literals may hold a space."""
MODELS = ["default", "default", "model", "entropy", "cohesion", "tags", "tuned", "extended", "adapted"]
FORCE = ["公园|散步", "C++", "iPhone 15 Pro", "𠮷野家", "3.5%", "今|天"]


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
        if draw.random() < 0.3:
            batches = segmenter.tokenize_batch(texts, draw.choice(["character", "byte"]), workers=2)
            if [[token.word for token in tokens] for tokens in batches] != compiled:
                raise Failure("tokenize_batch differs from cut")
    with interpreting(True):
        for text, words in zip(texts, compiled, strict=True):
            if segmenter._cutter.decoder.plain is not None and segmenter.cut(text) != words:
                raise Failure(f"plain and compiled differ on {text!r}")
    for text, words in zip(texts, compiled, strict=True):
        if "".join("".join(words).split()) != "".join(text.split()):  # literals may have spaces
            raise Failure(f"the words of {text!r} are no slices: {words}")
    check_streams(segmenter, texts, draw)
    check_separators(segmenter, texts, draw)
    for text, words in draw.sample(list(zip(texts, compiled, strict=True)), 25):
        check_more(segmenter, text, words)


def check_streams(segmenter: Segmenter, texts: list[str], draw: random.Random) -> None:
    """Lines of a stream are those of its strings, with any pieces and number of workers."""
    lines = ["".join(each.split("\n")) for each in texts]
    data = "\n".join(lines)
    size = draw.choice([1, 7, 100, 1000, 10**6]) if len(data) < 4000 else draw.choice([100, 1000, 10**6])
    pieces = [data[i : i + size].encode("utf-8", "surrogatepass") for i in range(0, len(data), size)]
    room = draw.choice([ROOM, 600, 64])
    with interpreting(False), little_room(room):
        out = b"".join(cut_utf8_stream(segmenter, pieces, SEPARATOR, draw.choice([1, 2]), ahead=True))
        expected = [segmenter.cut(line) for line in lines]
    found = out.decode("utf-8", "surrogatepass").split("\n")
    if len(found) != len(lines):
        raise Failure(f"{len(found)} lines of {len(lines)}, pieces of {size}")
    for line, one, words in zip(lines, found, expected, strict=True):
        if [word for word in one.removesuffix("\r").split(SEPARATOR) if word] != words:
            raise Failure(f"a stream differs on {line!r}, pieces of {size}: {one!r}, {words}")


def check_separators(segmenter: Segmenter, texts: list[str], draw: random.Random) -> None:
    """Text with separators is the text, where they are removed; plain, compiled, and as a stream of any pieces."""
    text = "".join(texts)
    size = draw.choice([100, 1000, 10**6])
    pieces = [text[i : i + size].encode("utf-8", "surrogatepass") for i in range(0, len(text), size)]
    with interpreting(False):
        whole = segmenter.separate(text, SEPARATOR)
        stream = cut_utf8_stream(segmenter, pieces, SEPARATOR, draw.choice([1, 2]), ahead=True, keep_space=True)
        if b"".join(stream).decode("utf-8", "surrogatepass") != whole:
            raise Failure(f"a stream that keeps space differs, pieces of {size}")
    if whole.replace(SEPARATOR, "") != text:
        raise Failure("text without its separators is another text")
    with interpreting(True):
        if segmenter._cutter.decoder.plain is not None and segmenter.separate(text, SEPARATOR) != whole:
            raise Failure("plain and compiled keep space in different ways")


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
        if "".join("".join(segmenter.sample(text, 1.0, 3)).split()) != "".join(text.split()):
            raise Failure(f"the words of a drawn cut of {text!r} are no slices")
        explained = segmenter.explain(text[:20])
        if not explained.report() or not json.dumps(explained.to_dict()) or "<" not in explained.to_html():
            raise Failure(f"nothing is explained of {text!r}")
        probabilities = segmenter.boundary_probabilities(text)
        if len(probabilities) != max(len(text) - 1, 0) or not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise Failure(f"probabilities of {text!r}: {probabilities}")
    except segtool.UsageError:  # of methods without them
        pass
