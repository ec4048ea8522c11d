"""Random files for scripts/torture: all commands that read text do with them what the functions of Python do."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import re
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import segtool
from scripts.torture_strings import FORCE, MODELS, SEPARATOR, draw_string, segmenter_of
from segtool.segmenter import Segmenter
from segtool.text import unpacked
from segtool.tokens import has_letters
from tests.helpers import contents
from tests.hostile import GOLD, Failure, home, invoke, original

ENCODINGS = ["utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-le", "utf-32", "utf-16-be"]
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
}  # fmt: skip
WORDS = {"force": FORCE, "forbid": ["今天", "散步"], "prefer": ["天气很好", "我们一起"], "words": ["喝水", "多喝水"]}


def run_files(trial: int) -> tuple[str, str]:
    """Draw a file and what is done with it."""
    draw = random.Random(f"files {trial}")
    ways = [cut_file, cut_file, cut_file, cut_formats, cut_formats, cut_columns, cut_with_words, other_commands]
    way = draw.choice(ways)
    place = Path(tempfile.mkdtemp(dir=home(), prefix="files"))
    told = [way.__name__]
    try:
        way(place, draw, told)
    except Failure as error:
        return " ".join(told), str(error)
    except BaseException:
        return " ".join(told), traceback.format_exc()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return " ".join(told), ""


def draw_lines(draw: random.Random, sizes: list[int], surrogates: bool = False) -> list[str]:
    return [re.sub("[\n\r]", "", draw_string(draw, surrogates)) for _ in range(draw.choice(sizes))]


def twice(place: Path, *arguments: object) -> bytes | None:
    """Run a command in one and in two threads: the same output, or the same failure and none."""
    codes: list[int] = []
    outputs: list[bytes] = []
    for workers in (1, 2):
        output = place / f"out{workers}"
        codes.append(invoke(*arguments, "-o", output, "-j", workers, "-q"))
        if output.is_dir():
            outputs.append(json.dumps({name: repr(data) for name, data in contents(output).items()}).encode())
        else:
            outputs.append(output.read_bytes() if output.exists() else b"")
        if (codes[-1] == 0) != output.exists():
            raise Failure(f"exit {codes[-1]}, and the output {'is' if output.exists() else 'is not'} there")
    if codes[0] != codes[1] or outputs[0] != outputs[1]:
        raise Failure(f"one and two threads differ: {codes}")
    return None if codes[0] else outputs[0]


def cut_file(place: Path, draw: random.Random, told: list[str]) -> None:
    """Cut and search in a file of some encoding, whole or damaged, read in pieces of any size."""
    kind, encoding, packed = draw.choice(MODELS), draw.choice(ENCODINGS), draw.choice(["", "", *PACK])
    lines = draw_lines(draw, [0, 1, 10, 300])
    text = draw.choice(["\n", "\r\n"]).join(lines) * draw.choice([1, 1, 1, 30]) + draw.choice(["", "\n"])
    data = text.encode(encoding, "replace")
    if draw.random() < 0.3 and data:
        data = damaged(data, draw)
    keeps = ["--keep-space", "--sep", draw.choice([" ", "/", SEPARATOR])]
    more = draw.choice([[], [], ["--search"], ["--granularity", "1"], ["--sep", "/"], ["--nbest", "2"], keeps])
    size = draw.choice([unpacked._BUFFER_BYTES, unpacked._BUFFER_BYTES, 5000, 7])
    told += [kind, encoding, packed, *more, f"pieces of {size}"]
    file = (place / "text").with_suffix(packed)
    file.write_bytes(PACK[packed](data))
    with mock.patch.object(unpacked, "_BUFFER_BYTES", size):
        found = twice(place, "cut", file, "-m", original(kind), "--encoding", encoding, *more)
    if found is not None and more == keeps:
        expected = segmenter_of(kind).separate(data.decode(encoding), keeps[2])
        if found.decode("utf-8", "surrogatepass").removeprefix("\ufeff") != expected.removeprefix("\ufeff"):
            raise Failure("command and API keep space in different ways")
    if more or found is None:
        return
    check_text(found, data.decode("utf-8-sig" if encoding == "utf-8" else encoding), segmenter_of(kind))
    in_place = "cut", file, "-m", original(kind), "--in-place", "-q"
    if not packed and encoding == "utf-8" and (invoke(*in_place) or file.read_bytes() != found):
        raise Failure("--in-place writes something else")


def damaged(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 5])):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed[draw.choice([0, 0, 1]) : draw.choice([len(changed), max(len(changed) - 1, 1)])])


def check_text(data: bytes, text: str, segmenter: Segmenter, separator: str | None = None) -> None:
    """Check that cut text has the lines of its text, and the words of the function."""
    found = data.decode("utf-8", "surrogatepass")
    if found.count("\n") != text.count("\n"):
        raise Failure(f"{found.count(chr(10))} line ends of {text.count(chr(10))}")
    for one, line in zip(found.split("\n"), text.split("\n"), strict=True):
        words = segmenter.cut(line)
        if separator is None:  # words may have spaces
            words = [part for word in words for part in word.split()]
        given = [each for each in one.removesuffix("\r").split(separator) if each]
        if given != words:
            raise Failure(f"command and API differ on {line!r}")


def cut_formats(place: Path, draw: random.Random, told: list[str]) -> None:
    """Cut into JSON Lines, a table, tags or CoNLL-U, perhaps with offsets and without some words."""
    kind, form = draw.choice(MODELS), draw.choice(["jsonl", "jsonl", "tsv", "bies", "conllu", "text"])
    unit = draw.choice([None, "char", "byte"]) if form in ("jsonl", "tsv", "conllu") else None
    drops = form not in ("bies", "conllu") and draw.random() < 0.5
    told += [kind, form, str(unit), str(drops)]
    lines = draw_lines(draw, [1, 10, 200])
    (place / "text").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    offsets = ["--offsets", unit] if unit else []
    dropped = ["--drop", "punct"] if drops else []
    options = ["--format", form, "--sep", SEPARATOR, *offsets, *dropped]
    found = twice(place, "cut", place / "text", "-m", original(kind), *options)
    if found is None:
        raise Failure("fails")
    segmenter = segmenter_of(kind)
    lines[0] = lines[0].removeprefix("\ufeff")
    expected = [[word for word in segmenter.cut(line) if not drops or has_letters(word)] for line in lines]
    check_format(found.decode(), form, lines, expected, unit)


def check_format(found: str, form: str, lines: list[str], expected: list[list[str]], unit: str | None) -> None:
    rows = found.removesuffix("\n").split("\n")
    if form == "jsonl":
        records = [json.loads(row) for row in rows]
        cuts = [record["words"] for record in records]
        if unit:
            for line, record in zip(lines, records, strict=True):
                whole = line if unit == "char" else line.encode()
                parts = [whole[start:end] for start, end in record["spans"]]
                if [part if isinstance(part, str) else part.decode() for part in parts] != record["words"]:
                    raise Failure(f"the offsets of {line!r} do not give its words")
    elif form == "tsv":
        cuts = [[] for _ in lines]
        for row in rows[1:]:
            number, _, word = row.partition("\t")
            cuts[int(number) - 1].append(word.rsplit("\t", 2)[0] if unit else word)
    elif form == "bies":
        cuts = [tagged_words(part) for part in found.removesuffix("\n\n").split("\n\n")]
        cuts = [words for words in cuts if words]
        expected = [words for words in expected if words]
    elif form == "conllu":
        sentences = [part.split("\n")[2:] for part in found.split("\n\n") if part]
        cuts = [[row.split("\t")[1] for row in sentence] for sentence in sentences]
        expected = [words for words in expected if words]
    else:
        cuts = [[part for part in row.split(SEPARATOR) if part] for row in rows]
    if cuts != expected:
        differing = [(one, other) for one, other in zip(cuts, expected, strict=False) if one != other]
        raise Failure(f"command and API differ: {differing[:1]}, {len(cuts)} and {len(expected)} lines")


def tagged_words(rows: str) -> list[str]:
    words: list[str] = []
    for row in rows.strip("\n").split("\n") if rows.strip("\n") else []:
        character, _, tag = row.partition("\t")
        if tag in ("B", "S"):
            words.append(character)
        else:
            words[-1] += character
    return words


def cut_columns(place: Path, draw: random.Random, told: list[str]) -> None:
    """Cut a field of CSV or JSON Lines; the other fields stay as they are."""
    kind, table, form = draw.choice(MODELS), draw.choice(["csv", "jsonl"]), draw.choice(["text", "jsonl"])
    told += [kind, table, form]
    texts = [re.sub("\x00", "", draw_string(draw, table == "jsonl")) for _ in range(draw.choice([1, 10, 200]))]
    # two escapes of half a pair each are one character in JSON
    texts = [text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for text in texts]
    notes = [re.sub("\x00", "", draw_string(draw, False)) for _ in texts]
    rows = [{"id": str(i), "text": text, "note": note} for i, (text, note) in enumerate(zip(texts, notes, strict=True))]
    file = place / f"table.{table}"
    with open(file, "w", encoding="utf-8", newline="") as out:
        if table == "csv":
            writer = csv.DictWriter(out, ["id", "text", "note"], quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        else:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    found = twice(place, "cut", file, "-m", original(kind), "--column", "text", "--format", form, "--sep", "|")
    if found is None:
        raise Failure("fails")
    text = found.decode("utf-8", "surrogatepass")
    if table == "csv" and form == "text":
        given = list(csv.DictReader(io.StringIO(text, newline="")))
    else:
        given = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    segmenter = segmenter_of(kind)
    for row, now in zip(rows, given, strict=True):
        words = segmenter.cut(row["text"])
        if now != row | {"text": "|".join(words) if form == "text" else words}:
            raise Failure(f"command and API differ on {row}: {now}")


def cut_with_words(place: Path, draw: random.Random, told: list[str]) -> None:
    """Cut with lists of words."""
    kind = draw.choice(["default", "model", "tuned", "adapted"])
    lists = {name: draw.sample(words, draw.randrange(len(words) + 1)) for name, words in WORDS.items()}
    told += [kind, str(lists)]
    options: list[object] = []
    for name, words in lists.items():
        (place / name).write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        if words:
            options += [f"--{name}", place / name]
    lines = [line.removeprefix("\ufeff") for line in draw_lines(draw, [1, 10, 100])]
    text = "".join(f"{line}\n" for line in lines)
    (place / "text").write_text(text, encoding="utf-8", newline="")
    found = twice(place, "cut", place / "text", "-m", original(kind), "--sep", SEPARATOR, *options)
    try:
        segmenter = segtool.load(original(kind)).with_words(**lists)  # type: ignore[arg-type]
    except segtool.UsageError:  # a word in two lists
        segmenter = None
    if (found is None) != (segmenter is None):
        raise Failure("command or API refuses the lists, and the other does not")
    if found is not None and segmenter is not None:
        check_text(found, text, segmenter, SEPARATOR)


def other_commands(place: Path, draw: random.Random, told: list[str]) -> None:
    """Learn, count, tune, list words, explain and score: the same in one and in two threads, or one line."""
    encoding = draw.choice(["utf-8", "utf-8", "gb18030", "utf-16"])
    text = "\n".join(draw_lines(draw, [1, 10, 300])) + draw.choice(["", "\n"])
    (place / "text").write_bytes(text.encode(encoding, "replace"))
    gold = "\n".join(" ".join(each.split()) for each in [*map(" ".join, GOLD), *draw_lines(draw, [0, 3, 30])])
    (place / "gold").write_bytes(gold.encode(encoding, "replace"))
    method = draw.choice(["unigram", "entropy", "cohesion", "lm"])
    reads = ["--encoding", encoding]
    choices: list[list[Any]] = [
        ["train", place / "text", *reads, "--method", method],
        ["count", place / "text", *reads],
        ["tune", place / "gold", *reads, "-m", original("model")],
        ["words", place / "text", *reads],
        ["words", place / "text", *reads, "--context", "2", "--known", place / "gold"],
        ["lm", "train", place / "text", *reads],
        ["eval", place / "gold", place / "gold", *reads],
        ["explain", draw_string(draw, False)[:200].lstrip("-") or "今", "-m", original(draw.choice(MODELS))],
    ]
    name, *given = draw.choice(choices)
    told += [name, encoding, *(str(each) for each in given[-2:])]
    if name in ("train", "count", "tune", "words"):
        twice(place, name, *given)
    elif name == "eval":
        invoke(name, *given)
    else:
        invoke(name, *given, "-o", place / "out", *(["-q"] if name == "lm" else []))
