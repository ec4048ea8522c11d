"""The scripts that install, in a folder with stand-ins for the tools that they call."""

import os
import shutil
import subprocess

import pytest

from tests.helpers import ROOT, TIMEOUT

TOOLS = ["bash", "cat", "cksum", "dirname", "env", "grep", "ln", "touch", "tr"]
PYTHON = """#!/usr/bin/env bash
echo "python $*" >> "$LOG"
case "$*" in *'import kenlm'* | *'(3, 13)'*) exit 1;; *-VV*) echo Python 3;; esac
"""
APT = """#!/usr/bin/env bash
echo "apt-get $*" >> "$LOG"
case "$*" in *' g++') ln -s "$(type -P cat)" "$(dirname "$0")/g++";; esac
"""


@pytest.fixture
def checkout(tmp_path):
    """The scripts of the repository, and the only tools that they find: no compiler, no package manager, no root."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=lambda *_: ["__pycache__"])
    for name in ("setup.cfg", "setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    put(tmp_path / "bin" / "id", "#!/usr/bin/env bash\necho 1000\n")
    put(tmp_path / "bin" / "make", "")
    put(tmp_path / ".venv" / "bin" / "python", PYTHON)
    return tmp_path


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def be_root(checkout):
    put(checkout / "bin" / "id", "#!/usr/bin/env bash\necho 0\n")
    put(checkout / "bin" / "apt-get", APT)


def run(checkout, script, *arguments, **variables):
    """Exit status, standard error, and the commands that the stand-ins saw."""
    log = checkout / "log"
    log.unlink(missing_ok=True)
    environment = {"PATH": str(checkout / "bin"), "LOG": str(log), "HOME": os.fspath(checkout), **variables}
    command = [shutil.which("bash"), checkout / "scripts" / script, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    return done.returncode, done.stderr, log.read_text().splitlines() if log.exists() else []


def test_without_a_compiler_kenlm_says_what_to_do(checkout):
    code, said, log = run(checkout, "kenlm")
    assert code == 1 and "apt install g++" in said
    assert not any("pip" in line for line in log)
    code, said, _ = run(checkout, "kenlm", CXX="other++ -O2")
    assert code == 1 and "CXX is other++ -O2" in said


def test_root_installs_a_compiler_for_kenlm(checkout):
    be_root(checkout)
    code, said, log = run(checkout, "kenlm")
    assert code == 0, said
    assert log.index("apt-get install -qq -y --no-install-recommends g++") < len(log) - 1
    assert log[-1].startswith("python -m pip install -q kenlm>=0.3")


def test_install_goes_on_without_kenlm(checkout):
    code, said, log = run(checkout, "install", "zstd")
    assert code == 0, said
    assert "apt install g++" in said and "goes on without kenlm" in said
    assert log[-1] == "python -m pip install -q -e .[zstd]"
    assert run(checkout, "install", "zstd")[2][-1] == "python -VV", "it is installed"


def test_tests_do_not_go_on_without_kenlm(checkout):
    code, said, log = run(checkout, "test")
    assert code == 1 and "apt install g++" in said
    assert log[-1] == "python -c import kenlm"
    assert not any("pytest" in line for line in log)
