"""The scripts, each run on the data of the repository."""

import subprocess
import sys

import pytest

from scripts import make_cli_docs
from tests.helpers import ROOT, environment


def script(name, *arguments, code=0):
    """Standard output of a script."""
    command = [sys.executable, "-m", f"scripts.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", env=environment())
    assert done.returncode == code, done.stderr
    return done.stdout


# The reference of commands


def test_reference_is_current():
    assert script("make_cli_docs", "--check") == ""


def test_reference_that_is_not_current_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(make_cli_docs, "TARGET", tmp_path / "cli.md")
    monkeypatch.setattr(sys, "argv", ["make_cli_docs"])
    make_cli_docs.main()
    assert (tmp_path / "cli.md").read_bytes() == (ROOT / "docs" / "cli.md").read_bytes()
    (tmp_path / "cli.md").write_text("# Old\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["make_cli_docs", "--check"])
    with pytest.raises(SystemExit, match="not current"):
        make_cli_docs.main()
