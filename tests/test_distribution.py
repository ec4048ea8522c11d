"""What is distributed: the sdist, the wheel made of it, their metadata, and an install without a compiler."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import BytesParser
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.helpers import ROOT, TIMEOUT
from tests.naive_lm import BINARY

BUILD = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"

pytestmark = pytest.mark.skipif(
    int(version("setuptools").split(".")[0]) < 77, reason="setuptools is older than 77, which setup.cfg asks for"
)


def run(*command, cwd, code=0, **options):
    """Both outputs of a command."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=2 * TIMEOUT, **options
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the files of the repository, since a build writes beside them."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True)
    names = listed.stdout.decode().split("\0")[:-1]
    if listed.returncode or "setup.cfg" not in names:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("sources")
    for name in names:
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def sdist(sources, tmp_path_factory):
    """The unpacked sdist."""
    files, folder = files_of(sources), tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-c", BUILD, "build_sdist", folder, cwd=sources)
    (packed,) = folder.iterdir()
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    assert files <= files_of(unpacked), "the sdist lacks files of the repository: add them to MANIFEST.in"
    return unpacked


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Made of the sdist, as package installers make it."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-c", BUILD, "build_wheel", folder, cwd=sdist)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(archive.read(name))


def test_tests_of_the_sdist_run(sdist):
    """Those that read the most files of the repository, for instance."""
    chosen = ["tests/test_structure.py", "tests/test_docs.py", "tests/test_install.py"]
    run(
        *[sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        *["-k", "not examples and not formats and not resolve"],
        cwd=sdist,
        env=os.environ | {"PYTHONPATH": str(sdist)},
    )


def test_wheel_holds_the_package_and_nothing_else(wheel, sources):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {name for name in files_of(sources) if name.startswith("segtool/")}


def test_metadata_has_the_addresses_of_the_project(metadata):
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert urls.keys() >= {"Source", "Documentation", "Issues", "Changes"}
    assert all(url.startswith("https://") for url in urls.values())


def test_links_of_the_description_are_absolute(metadata, sources):
    """The package index shows README.md, where relative links lead nowhere."""
    text = metadata.get_payload(decode=True).decode()
    readme = (sources / "README.md").read_text(encoding="utf-8")
    links, relative = (re.findall(r"\]\(([^)\s]+)\)", each) for each in (text, readme))
    assert len(links) == len(relative) > 10
    (source,) = (line.split(", ")[1] for line in metadata.get_all("Project-URL") if line.startswith("Source, "))
    for link, written in zip(links, relative, strict=True):
        assert link == (written if re.match("https?:|#", written) else f"{source}/blob/main/{written}")


def test_kenlm_is_optional(metadata):
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    names = {re.match(r"[\w-]+", line)[0] for line in required}
    assert names == {"numpy", "numba", "llvmlite", "click", "tqdm"}, "each of them has wheels for all systems"
    assert "kenlm" in metadata.get_all("Provides-Extra")


def test_install_without_a_compiler(wheel, tmp_path):
    """With wheels alone, into an environment of its own; language models work there, without kenlm."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    asked = [*pip, "download", "--no-deps", "--only-binary", ":all:", "-d", str(tmp_path / "click"), "click"]
    if subprocess.run(asked, capture_output=True).returncode:
        pytest.skip("no package index can be reached")
    venv.create(tmp_path / "venv", symlinks=True)
    bin_folder = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(
        *[*pip, "--python", bin_folder / "python", "install", "--no-compile", "--only-binary", ":all:", wheel],
        cwd=tmp_path,
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path / "kernels"), "PATH": str(bin_folder)}
    segtool = shutil.which("segtool", path=bin_folder)
    (tmp_path / "text").write_text("今天天气很好\n", encoding="utf-8")
    assert run(segtool, "cut", "text", cwd=tmp_path, env=environment) == "今天 天气 很 好\n"
    (tmp_path / "binary").write_bytes(BINARY)
    refused = run(segtool, "lm", "score", "binary", "text", cwd=tmp_path, env=environment, code=1)
    assert "pip install 'segtool[kenlm]'" in refused
    assert Path(segtool).is_file()
