"""The public API as mypy sees it from a user's file."""

import dataclasses
import re
import subprocess
import sys
import typing

import pytest

from segtool.parameters import Parameters
from segtool.settings import TrainingSettings
from tests.helpers import ROOT, environment

USER = """
from pathlib import Path

import segtool

segtool.train("x", method="lm")
segtool.train(["x", Path("y")], "out", min_count=3, min_per_million=0.2, fold=False, with_lm=True, seed=1)
segtool.train(texts=["今天"], method="cohesion", cohesion_thresholds=(2.0, 4.0), cohesion_revision=2015)
segtool.train(counts=[Path("a"), "b"], entropy_mean="types", entropy_scaled=True, lm_moves=(1.0,) * 8)
segtool.train("x", base="default", sample=0.5, workers=2, memory="2G", tmp=Path("t"), resume=True, progress=True)
report = segtool.TrainingReport()
trained = segtool.train("x", settings=segtool.TrainingSettings(passes=3), report=report)
seconds: list[float] = [stage.seconds for stage in report.stages]
lines: int = report.reading.lines + report.runs + report.words
segtool.count("x", "shard", max_word_len=4, fold=False)
segtool.count(None, Path("shard"), texts=["今天"])
segmenter: segtool.Segmenter = segtool.load()
words: list[str] = segtool.load(Path("m")).cut("今天")
batch: list[list[str]] = segmenter.cut_batch(["今天", "天气"], workers=2)
token: segtool.Token = segmenter.tokenize("今天", unit="byte")[0]
start: int = token.start
position: int = segmenter.with_granularity(-2).tokenize("今天", search=True, within=3)[0].position
entries: list[str] = segmenter.cut_for_search("今天")
result: segtool.Evaluation = segtool.evaluate(["今天"], (" ".join(each) for each in batch), train_words={"今"})
f1: float = segtool.evaluate(batch, segmenter.cut_iter(["今天", "天气"])).f1
tuned: segtool.Segmenter = segmenter.tune(batch, workers=2)
tuned.save(Path("m"))
oov: float | None = result.oov_recall
segtool.evaluate_files("gold", Path("cut"), protocol="sighan", top_errors=3).report()
try:
    segtool.load("nothing")
except segtool.ModelError as error:
    code: int = error.exit_code

segtool.train("x", method=1)  # wrong
segtool.train("x", min_count="2")  # wrong
segtool.train("x", min_count=2.5)  # wrong
segtool.train("x", fold="yes")  # wrong
segtool.train("x", cohesion_thresholds=2.0)  # wrong
segtool.train("x", metod="lm")  # wrong
segtool.train("x", workers="all")  # wrong
segtool.train(3)  # wrong
segtool.TrainingSettings(passes="3")  # wrong
segtool.count("x")  # wrong
segtool.load(3)  # wrong
segmenter.cut(b"x")  # wrong
segmenter.cut_batch(3)  # wrong
segmenter.tokenize("x", unit=1)  # wrong
segmenter.tokenize("x")[0].position  # wrong
number: int = segmenter.cut("x")  # wrong
segtool.evaluate(["x"], [[1]])  # wrong
rate: float = result.oov_recall  # wrong
segtool.evaluate_files("gold", "cut", top_errors="3")  # wrong
segtool.nothing()  # wrong
"""


def mypy(tmp_path, text):
    pytest.importorskip("mypy", reason="mypy is not installed: pip install mypy")
    path = tmp_path / "user.py"
    path.write_text(text, encoding="utf-8")
    cache = ROOT / ".mypy_cache" / "user"
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", cache, path]
    done = subprocess.run(command, cwd=tmp_path, env=environment(MYPYPATH=str(ROOT)), capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def test_a_user_s_file(tmp_path):
    output = mypy(tmp_path, USER)
    found = {int(number) for number in re.findall(r"^user\.py:(\d+): error", output, re.MULTILINE)}
    wrong = {number for number, line in enumerate(USER.split("\n"), 1) if line.endswith("# wrong")}
    assert found == wrong, output


def test_every_parameter_has_the_type_of_its_field():
    """What train() takes by name is what the settings are made of."""
    fields = {each.name for each in dataclasses.fields(TrainingSettings)}
    types = {name: kind for name, kind in typing.get_type_hints(TrainingSettings).items() if name in fields}
    assert typing.get_type_hints(Parameters) == types
    assert not Parameters.__required_keys__
