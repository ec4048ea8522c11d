"""What :mod:`tests.mutations` changes, and what is then done with it: only errors of segtool may happen.

Every kind of directory and file is made once, in a folder that :func:`home` names; ``tests/hostile_cases.py`` runs the
cases in processes of their own.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import segtool
from segtool.cli.main import main
from segtool.decode.streaming import cut_stream
from segtool.ngrams.blocks import _write_varints
from segtool.runtime.machine_code import load_code, save_code
from segtool.segmenter import Segmenter
from tests.helpers import interpreting, sample_text
from tests.mutations import mutate
from tests.mutations_of_files import mutate_arpa, mutate_checkpoints, mutate_code

TEXT = "今天天气很好，我们一起去公园散步。他说2024年iPhone卖了3.5万台 \n医生说：“多喝水”𠮷野家。\n"
SMALL = "他们在公园里散步。今天的天气很好，大家都很高兴。医生说要多喝水。" * 8
GOLD = [["今天", "天气", "很", "好"], ["我们", "一起", "去", "公园"], ["医生", "说"], ["他们", "散步"]] * 6


class Failure(Exception):
    """Something that must not happen."""


# What is made once


@functools.cache
def corpus() -> str:
    return sample_text()[:40_000]


def make_model(folder: Path, **parameters: Any) -> None:
    segtool.train(texts=[corpus()], output=folder, **parameters)


def make_tuned(folder: Path) -> None:
    segtool.train(texts=[corpus()]).tune(GOLD).with_granularity(0.5).save(folder)


def make_adapted(folder: Path) -> None:
    segtool.train(texts=[corpus()]).adapt([SMALL]).save(folder)


def make_extended(folder: Path) -> None:
    force = ["公园|散步", "C++", "iPhone 15 Pro", "𠮷野家"]
    plain = segtool.train(texts=[corpus()])
    plain.with_words(prefer=["天气很好"], force=force, forbid=["今天"], words=["我们一起", "散步"]).save(folder)


def make_shard(folder: Path) -> None:
    segtool.count(None, folder, texts=[corpus()])


def make_lm(folder: Path) -> None:
    invoke("lm", "train", corpus_file(folder), "-o", folder, "--order", "3", "-q")


def make_arpa(folder: Path) -> None:
    folder.mkdir()
    invoke("lm", "train", corpus_file(folder), "-o", folder / "a.arpa", "--order", "3", "-q")


def make_checkpoints(folder: Path) -> None:
    """The work folder that a training leaves when it is interrupted behind its last pass."""
    folder.mkdir()
    work = folder / "work"
    with contextlib.suppress(Failure):
        resume(folder, stop=True)
    shutil.move(folder / ".out.work", work)


def make_code(folder: Path) -> None:
    with mock.patch.dict(os.environ, NUMBA_CACHE_DIR=str(folder)):
        save_code(_write_varints.interpreted, _write_varints.signature, _write_varints.dispatcher)


def make_default(folder: Path) -> None:
    shutil.copytree(Path(segtool.__file__).parent / "default", folder)


# What is done with a change


def probe_model(folder: Path) -> None:
    segmenter = segtool.load(folder)
    cut_both_ways(segmenter)
    segmenter.cut_batch([TEXT, SMALL, ""], workers=2)
    usable(lambda: segmenter.with_granularity(1.5).cut(TEXT))
    usable(lambda: segmenter.cut_for_search(TEXT))
    with interpreting(True):
        usable(lambda: segmenter.cut_for_search(TEXT))
    usable(lambda: segmenter.nbest(TEXT, 3))
    usable(lambda: segmenter.sample(TEXT, 1.0, 7))
    usable(lambda: segmenter.boundary_probabilities(TEXT))
    usable(lambda: segmenter.explain("今天天气很好，C++他说"))
    usable(lambda: segmenter.with_words(prefer=["天气很好"], force=["公园|散步"], forbid=["我们"]).cut(TEXT))
    usable(lambda: segmenter.adapt([SMALL]).cut(TEXT))
    usable(lambda: segmenter.tune(GOLD).cut(TEXT))
    usable(lambda: segmenter.save(folder.with_name("saved")))
    usable(lambda: segtool.load(folder.with_name("saved")).cut(TEXT))
    usable(lambda: segmenter.keywords(TEXT))
    repr(segmenter)
    invoke("info", folder)
    invoke("export", "-m", folder)
    invoke("words", "-m", folder, "--top", "20")
    invoke("cut", "-m", folder, corpus_file(folder))
    invoke("lm", "info", folder)
    target = folder.with_name("target")
    invoke("train", corpus_file(folder), "--base", folder, "-o", target, "-q")


def cut_both_ways(segmenter: Segmenter) -> None:
    """Cut in plain Python, compiled, and as a stream; the words must be slices of the text, and the same."""
    plain_too = segmenter._cutter.decoder.plain is not None
    for text in (TEXT, SMALL, "今" * 3000, "今天" * 5000, "", "abc 12"):
        with interpreting(False):
            words = segmenter.cut(text)
        if "".join(words) != "".join(text.split()):
            raise Failure(f"the words of {text[:20]!r} are no slices")
        if plain_too and len(text) < 4000:
            with interpreting(True):
                if segmenter.cut(text) != words:
                    raise Failure(f"plain and compiled differ on {text[:20]!r}")
        stream = b"".join(cut_stream(segmenter, [text[i : i + 100] for i in range(0, len(text), 100)]))
        if stream.decode().split() != words:
            raise Failure(f"a stream differs on {text[:20]!r}")


def probe_shard(folder: Path) -> None:
    target = folder.with_name("target")
    usable(lambda: segtool.train(counts=[folder], output=target, workers=2, memory="300M"))
    if target.exists():
        cut_both_ways(segtool.load(target))
        shutil.rmtree(target)
    usable(lambda: segtool.count(None, target, counts=[folder, original("shard")], workers=2))
    if target.exists():
        usable(lambda: segtool.train(counts=[target], method="cohesion"))
    usable(lambda: segtool.train(counts=[folder], method="lm", max_word_len=4).cut(TEXT))


def probe_lm(folder: Path) -> None:
    invoke("lm", "info", folder)
    invoke("lm", "score", folder, corpus_file(folder))


def probe_code(folder: Path) -> None:
    """Code that was changed is not run."""
    with mock.patch.dict(os.environ, NUMBA_CACHE_DIR=str(folder)):
        code = load_code(_write_varints.interpreted, _write_varints.signature)
    if code is not None:
        out = np.zeros(4, np.uint8)
        if code.run(np.array([5, 300]), out) != 3 or out.tolist() != [5, 172, 2, 0]:
            raise Failure("changed machine code is run")


def probe_arpa(folder: Path) -> None:
    target = folder.with_name("target")
    invoke("lm", "info", folder / "a.arpa")
    invoke("lm", "score", folder / "a.arpa", corpus_file(folder))
    invoke("lm", "import", folder / "a.arpa", "-o", target)
    if target.exists():
        probe_lm(target)


def probe_checkpoints(folder: Path) -> None:
    (folder / "work").rename(folder / ".out.work")
    usable(lambda: resume(folder))
    if (folder / "out").exists():
        cut_both_ways(segtool.load(folder / "out"))


def resume(folder: Path, stop: bool = False) -> None:
    """Train with checkpoints; with `stop`, fail when all that can be saved is saved."""
    text = Path(original_text())
    build = mock.patch("segtool.training.build_model", side_effect=Failure("stopped"))
    with build if stop else contextlib.nullcontext():
        segtool.train(text, folder / "out", resume=True, tmp=folder, memory="2G")


@functools.cache
def original_text() -> str:
    """Give a file with the text, whose name is the same in every process."""
    path = Path(home() / "text.txt")
    if not path.exists():
        path.write_text(corpus(), encoding="utf-8")
    return str(path)


def corpus_file(folder: Path) -> Path:
    path = folder.with_name("corpus.txt")
    if not path.exists():
        path.write_text(SMALL + TEXT if folder.exists() else corpus(), encoding="utf-8")
    return path


def usable(call: Callable[[], Any]) -> None:
    """Call something that may raise an error of segtool, with one printable line as its message."""
    try:
        call()
    except segtool.SegtoolError as error:
        check_message(str(error))


def check_message(message: str) -> None:
    if not message.isprintable() or len(message) > 2000 or "Traceback" in message:
        raise Failure(f"message {message[:300]!r}")


def invoke(*arguments: object) -> int:
    """Run a command in this process; it must end with 0, 1 or 2 and print nothing that a terminal would obey."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(map(str, arguments)), standalone_mode=True)
        except SystemExit as ended:
            code = ended.code or 0
    out.flush()
    err.flush()
    printed = (out.buffer.getvalue() + err.buffer.getvalue()).decode("utf-8")
    if code not in (0, 1, 2) or not printed.translate({10: None, 9: None, 13: None, 0x2028: None}).isprintable():
        raise Failure(f"{arguments[:2]}: exit {code}, printed {printed[:300]!r}")
    if "Usage: " in printed:
        raise Failure(f"the probe is wrong: {printed}")
    if code:
        check_message(err.buffer.getvalue().decode().strip())
    return code


class Kind(NamedTuple):
    """What can be changed: how it is made, used and changed."""

    make: Callable[[Path], None]
    probe: Callable[[Path], None]
    change: Callable[[Path, random.Random], str] = mutate


KINDS = {
    "model": Kind(make_model, probe_model),
    "default": Kind(make_default, probe_model),
    "tuned": Kind(make_tuned, probe_model),
    "extended": Kind(make_extended, probe_model),
    "adapted": Kind(make_adapted, probe_model),
    "entropy": Kind(functools.partial(make_model, method="entropy"), probe_model),
    "cohesion": Kind(functools.partial(make_model, method="cohesion"), probe_model),
    "pairs": Kind(functools.partial(make_model, method="cohesion", cohesion_revision=2015), probe_model),
    "tags": Kind(functools.partial(make_model, method="lm"), probe_model),
    "shard": Kind(make_shard, probe_shard),
    "lm": Kind(make_lm, probe_lm),
    "arpa": Kind(make_arpa, probe_arpa, mutate_arpa),
    "code": Kind(make_code, probe_code, mutate_code),
    "checkpoints": Kind(make_checkpoints, probe_checkpoints, mutate_checkpoints),
}


def home() -> Path:
    return Path(os.environ["SEGTOOL_HOSTILE"])


def original(kind: str) -> Path:
    """Give the unchanged directory of a kind; the first process to need it makes it."""
    path = home() / "originals" / kind
    if not path.exists():
        beside = Path(tempfile.mkdtemp(dir=home())) / kind
        KINDS[kind].make(beside)
        path.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another process was faster
            beside.rename(path)
    return path
