"""segtool in notebooks: bars and the notice of a first compilation, and the tutorial of docs/, run by a real kernel."""

import io
import logging
import os
import sys

import nbformat
import pytest

from scripts import tutorial
from segtool.runtime import kernels
from segtool.runtime.progress import Progress, is_watched
from tests.helpers import ROOT, environment

SHOW = """
import time
from segtool.runtime.progress import Progress
from segtool.text.symbols import symbolise

symbolise.compiled
with Progress(show=True).stage("reading", 3) as step:
    time.sleep(0.3)  # a bar is drawn at most ten times a second
    step(2)
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_tutorial_prints_what_it_shows(tmp_path):
    """Its stored outputs have no errors and nothing of standard error either."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "docs").mkdir()
    stored = nbformat.read(tutorial.TUTORIAL, as_version=4)
    shown = tutorial.printed(tutorial.run(stored, tmp_path / "docs", **environment()))
    assert shown == tutorial.printed(stored)
    assert any(shown)
    assert os.listdir(tmp_path / "docs") == []


def test_a_notebook_shows_bars_and_the_notice(tmp_path):
    cells = [nbformat.v4.new_code_cell(SHOW)]
    done = tutorial.run(
        nbformat.v4.new_notebook(cells=cells), tmp_path, **environment(NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    )
    shown = "".join(output.get("text", "") for output in done.cells[0].outputs)
    assert shown.startswith("segtool: compiling its kernels")
    assert shown.count("compiling") == 1
    assert "reading:  67%" in shown


@pytest.mark.parametrize("watched", [True, False])
def test_bars_are_drawn_where_a_person_sees_them(monkeypatch, watched):
    monkeypatch.setattr(sys, "stderr", Terminal() if watched else io.StringIO())
    assert is_watched() == watched
    with Progress(show=True).stage("reading", 3) as step:
        step(2)
    assert ("reading" in sys.stderr.getvalue()) == watched


@pytest.mark.parametrize(
    ("watched", "level", "printed", "logged"),
    [
        (True, logging.WARNING, True, False),
        (False, logging.WARNING, False, False),
        (True, logging.INFO, False, True),
        (False, logging.INFO, False, True),
        (True, logging.ERROR, False, False),
    ],
)
def test_notice_is_given_once(monkeypatch, caplog, watched, level, printed, logged):
    monkeypatch.setattr(sys, "stderr", Terminal() if watched else io.StringIO())
    caplog.set_level(level, "segtool")
    kernels._notify()
    assert sys.stderr.getvalue() == (f"segtool: {kernels.NOTICE}\n" if printed else "")
    assert [kernels.NOTICE in each for each in caplog.messages] == [True] * logged
