"""The costs of starting: no compiler is imported where machine code in a file or plain Python is enough."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from segtool import load
from segtool.runtime.kernels import all_kernels
from tests.helpers import (
    GOLD,
    ROOT,
    SAMPLE,
    TIMEOUT,
    environment,
    python,
    random_text,
    said,
    sample_model,
    succeed,
)

IMPORTED = """
import atexit, sys
atexit.register(lambda: print("imported", sorted({"numba", "llvmlite"} & {*sys.modules}), file=sys.stderr))
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """An environment in which every process reports at its end whether it has imported a compiler."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(IMPORTED)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


@pytest.fixture(scope="module")
def warm():
    """What `segtool warmup` said."""
    return said(succeed("warmup").stderr)


# What imports no compiler


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["cut", "--help"], ["train", "--help"], ["warmup", "--help"], ["eval", GOLD, GOLD]],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_commands_that_need_no_kernel(watched, arguments):
    assert succeed(*arguments, env=environment(**watched)).stderr == b"imported []\n"


def test_short_line(watched):
    done = succeed("cut", input="今天天气很好\n".encode(), env=environment(**watched))
    assert done.stdout.decode() == "今天 天气 很 好\n"
    assert done.stderr == b"imported []\n"


def test_load():
    program = """
        import json, sys, segtool
        words = segtool.load().cut("今天天气很好")
        print(json.dumps([words, sorted({"numba", "llvmlite"} & {*sys.modules})]))
    """
    assert python(program) == [["今天", "天气", "很", "好"], []]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A file that is too long for plain Python, and its words."""
    path = tmp_path_factory.mktemp("text") / "long.txt"
    path.write_text(random_text(60_000), encoding="utf-8")
    lines = [" ".join(load(sample_model()).cut(line)) for line in random_text(60_000).splitlines()]
    return path, "".join(f"{line}\n" for line in lines).encode()


def test_long_text_is_cut_without_numba(watched, warm, text):
    done = succeed("cut", text[0], "-m", sample_model(), env=environment(**watched))
    assert done.stdout == text[1]
    assert said(done.stderr) == ["imported ['llvmlite']"]


# segtool warmup


def test_warmup_reports_what_it_did(warm):
    kernels = all_kernels()
    new, old = map(int, re.fullmatch(r"segtool: (\d+) kernels compiled, (\d+) already there", warm[0]).groups())
    assert new + old == len(kernels)
    again = succeed("warmup").stderr.decode().splitlines()
    assert again[0] == f"segtool: 0 kernels compiled, {len(kernels)} already there"
    [folder] = {each.machine_code.folder for each in kernels}
    assert warm[1:] == again[1:] == [f"segtool: kept in {folder}"]
    assert succeed("warmup", "-q").stderr == b""


def test_warmup_counts_what_it_compiles(tmp_path):
    """One kernel is there already."""
    program = """
        import json
        from click.testing import CliRunner
        from segtool.runtime import kernels
        from segtool.cli.main import main
        from segtool.decode.block import write_words
        from segtool.text import symbols
        for some in ([symbols.symbolise], [symbols.symbolise, write_words]):
            kernels.all_kernels = lambda: [kernels.LazyKernel(each.interpreted, each.signature) for each in some]
            done = CliRunner().invoke(main, ["warmup"])
        print(json.dumps(done.stderr.splitlines()))
    """
    announced, counted, _ = python(program, NUMBA_CACHE_DIR=str(tmp_path))
    assert announced.startswith("segtool: compiling")
    assert counted == "segtool: 1 kernels compiled, 1 already there"


def test_nothing_is_compiled_after_warmup(warm, tmp_path):
    program = f"""
        import json, segtool
        from segtool.runtime import kernels
        heard = []
        kernels.on_first_compile(lambda: heard.append(1))
        for method in ("unigram", "entropy", "cohesion", "lm"):
            segmenter = segtool.train({str(SAMPLE)!r}, {str(tmp_path / "m")!r}, method=method)
            segmenter.cut(open({str(SAMPLE / "city.txt")!r}, encoding="utf-8").read() * 50)
            segtool.load({str(tmp_path / "m")!r})
        print(json.dumps(heard))
    """
    assert python(program) == []


# Memory


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not report memory")
def test_processes_share_the_pages_of_a_model():
    program = f"""
        import sys, segtool
        segmenter = segtool.load({str(sample_model())!r})
        segmenter.cut("今天天气很好")
        print("ready", flush=True)
        sys.stdin.read()
    """
    running = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for each in running:
            assert each.stdout.readline() == "ready\n"
        for each in running:
            mapped = mapped_memory(each.pid, sample_model())
            assert mapped["Private_Dirty"] == mapped["Shared_Dirty"] == 0
            assert mapped["Rss"] > 0.9 * (sample_model() / "lexicon.npy").stat().st_size / 1024
            assert mapped["Shared_Clean"] == mapped["Rss"]
            assert mapped["Pss"] <= mapped["Rss"] / 3
    finally:
        for each in running:
            each.communicate("", timeout=TIMEOUT)


def mapped_memory(process, folder):
    """Kilobytes of memory of each kind that a process has of the files of a folder."""
    sums: dict[str, int] = {}
    inside = False
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = str(folder) in line
        elif inside and line.endswith(" kB"):
            name, size, _ = line.split()
            sums[name.rstrip(":")] = sums.get(name.rstrip(":"), 0) + int(size)
    return sums
