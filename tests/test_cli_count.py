"""segtool count, and training within a budget, as they are typed."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import segtool
from segtool.cli.main import main
from tests.failures import fails, resource
from tests.helpers import (
    SAMPLE,
    TIMEOUT,
    command,
    contents,
    environment,
    refusal,
    run,
    said,
    sample_model,
    sample_text,
    succeed,
)

FILES = sorted(SAMPLE.glob("*.txt"))


def test_count_and_train(tmp_path):
    """One shard or several, one command or several, any order."""
    succeed("count", *FILES[:4], "-o", "a", cwd=tmp_path)
    succeed("count", "-", "-o", "b", "-j", 1, cwd=tmp_path, input="".join(
        path.read_text(encoding="utf-8") for path in FILES[4:]
    ).encode())  # fmt: skip
    succeed("train", "--counts", "b", "a", "-o", "m", cwd=tmp_path)
    succeed("count", "--counts", "b", "a", "-o", "ba", cwd=tmp_path)
    succeed("train", "--counts", "ba", "-o", "other", "--memory", "1G", cwd=tmp_path)
    assert contents(tmp_path / "m") == contents(tmp_path / "other") == contents(sample_model())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "ba", "m", "other"]


def test_options_are_those_of_train(tmp_path):
    flags = "--max-word-len", 3, "--no-fold"
    (tmp_path / "text").write_bytes(sample_text().encode("gb18030") + b"\xff\n")
    reading = "--encoding", "gb18030", "--skip-undecodable"
    done = succeed("count", "text", "-o", "shard", *flags, *reading, "--memory", "512M", "--tmp", ".", cwd=tmp_path)
    assert any("1 lines that could not be read" in line for line in said(done.stderr))
    succeed("train", "--counts", "shard", "-o", "m", *flags, cwd=tmp_path)
    succeed("train", "text", "-o", "other", *flags, *reading, "--memory", "512M", "--tmp", ".", cwd=tmp_path)
    assert contents(tmp_path / "m") == contents(tmp_path / "other")
    segtool.count(tmp_path / "text", tmp_path / "python", max_word_len=3, fold=False, encoding="gb18030",
                  skip_undecodable=True)  # fmt: skip
    assert contents(tmp_path / "python") == contents(tmp_path / "shard")


def test_parameters_that_both_have_are_alike():
    count, train = ({each.name: each for each in main.commands[name].params} for name in ("count", "train"))
    for name in count.keys() & train.keys() - {"inputs", "output", "counts", "workers", "max_word_len"}:
        assert (count[name].opts, count[name].default, count[name].help) == (
            train[name].opts, train[name].default, train[name].help,
        )  # fmt: skip
    assert count["max_word_len"].default == train["max_word_len"].default
    assert {"memory", "tmp", "engine", "master", "fold", "counts"} <= count.keys() & train.keys()
    assert "resume" in train


def test_count_prints_a_summary(tmp_path):
    done = succeed("count", SAMPLE, "-o", tmp_path / "shard", "--max-word-len", 4)
    assert done.stdout == b""
    printed = "\n".join(said(done.stderr))
    corpus = json.loads((tmp_path / "shard" / "card.json").read_text())["corpus"]
    assert f"{corpus['characters']:,} characters in {corpus['lines']:,} lines of 10 files" in printed
    ngrams = f"{corpus['ngrams']:,} n-grams of up to 5 symbols"
    found = f"found    {corpus['runs']:,} runs, {corpus['symbols']:,} symbols, {ngrams}"
    assert found in printed
    for name in ("read ", "count ", "write ", "total "):
        assert f"\n{name}" in printed
    assert printed.endswith(f"counts   {tmp_path / 'shard'}")
    again = said(succeed("count", "--counts", tmp_path / "shard", "-o", tmp_path / "sum").stderr)
    assert found in again, "though --max-word-len has another default"


def test_quiet(tmp_path):
    done = succeed("count", SAMPLE, "-o", tmp_path / "shard", "-q")
    assert (done.stdout, done.stderr) == (b"", b"")


def test_count_replaces_a_shard(tmp_path):
    (tmp_path / "text").write_text("今天天气很好。\n", encoding="utf-8")
    succeed("count", "text", "-o", "shard", cwd=tmp_path)
    before = contents(tmp_path / "shard")
    succeed("count", SAMPLE, "-o", "shard", cwd=tmp_path)
    assert contents(tmp_path / "shard") != before
    refused = run("count", "--counts", "shard", "shard", "-o", "shard", cwd=tmp_path)
    assert refused.returncode == 2 and "--allow-duplicates" in refusal(refused.stderr)
    refused = run("count", "--allow-duplicates", "text", "-o", "shard", cwd=tmp_path)
    assert refused.returncode == 2 and "--counts" in refusal(refused.stderr)
    succeed("count", "--counts", "--allow-duplicates", "shard", "shard", "-o", "shard", cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shard", "text"]


# Budgets


@pytest.mark.parametrize("name", ["train", "count"])
@pytest.mark.parametrize(
    ("memory", "what"),
    [("1M", "too little, give at least 256M"), ("0", "too little"), ("much", "not a size"), ("", "not a size")],
)
def test_memory_that_makes_no_sense(tmp_path, name, memory, what):
    message = fails(name, SAMPLE, "-o", "m", "--memory", memory, cwd=tmp_path, code=2)
    assert "--memory" in message
    assert what in message


@pytest.mark.parametrize("name", ["train", "count"])
def test_folder_for_temporary_files_that_is_not_there(tmp_path, name):
    message = fails(name, SAMPLE, "-o", "m", "--tmp", "no/such", cwd=tmp_path)
    assert "no/such: no folder for temporary files: create it or pass another --tmp" in message
    (tmp_path / "file").touch()
    assert "file: no folder" in fails(name, SAMPLE, "-o", "m", "--tmp", "file", cwd=tmp_path)


SPILLING = """
from segtool.runtime.budget import Budget
from segtool.cli.main import main
Budget.symbols, Budget.ngrams = {symbols}, lambda self, workers: 2000
main()
"""


def spilling(*arguments, cwd, symbols=3000, **options):
    """Run a command with room for a few symbols."""
    return subprocess.run(
        [sys.executable, "-c", SPILLING.format(symbols=symbols), *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
        **options,
    )


def test_training_with_little_memory(tmp_path):
    done = spilling("train", SAMPLE, "-o", "m", cwd=tmp_path)
    assert done.returncode == 0, done
    assert contents(tmp_path / "m") == contents(sample_model())
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("size", [100, 30_000])
@pytest.mark.parametrize("name", ["train", "count"])
def test_disk_that_fills(tmp_path, name, size):
    """While parts are spilled or merged: no file grows beyond a size, as on a disk that is full."""
    if name == "train":
        shutil.copytree(sample_model(), tmp_path / "m")
    else:
        succeed("count", FILES[0], "-o", "m", cwd=tmp_path)
    (tmp_path / "tmp").mkdir()
    before = contents(tmp_path)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
    arguments = name, SAMPLE, "-o", "m", "--tmp", "tmp"
    done = spilling(*arguments, cwd=tmp_path, preexec_fn=limit, symbols=9000)
    assert done.returncode == 1
    assert contents(tmp_path) == before
    message = refusal(done.stderr)
    assert "File too large" in message
    assert "tmp/.m.work: temporary files cannot be written" in message
    assert "--tmp" in message


@pytest.mark.parametrize("name", ["train", "count"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_while_parts_are_spilled_leaves_nothing(tmp_path, name, number):
    code = SPILLING.format(symbols=3000).replace("main()", f"""
import os
from segtool.ngrams import counter as counting
write = counting.write_shard

def stop(folder, *rest):
    if folder.name == "spill-00002":
        os.kill(os.getpid(), {int(number)})
    return write(folder, *rest)

counting.write_shard = stop
main()""")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, name, str(SAMPLE), "-o", "m"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == (130 if number == signal.SIGINT else 128 + number), done
    assert b"Traceback" not in done.stderr
    assert contents(tmp_path) == {}


# Misuse


def test_shards_of_other_kinds(tmp_path):
    succeed("count", FILES[0], "-o", "a", cwd=tmp_path)
    succeed("count", FILES[1], "-o", "b", "--no-fold", cwd=tmp_path)
    succeed("count", FILES[1], "-o", "c", "--max-word-len", 2, cwd=tmp_path)
    for arguments, code, what in (
        (["count", "--counts", "a", "b"], 2, "--no-fold"),
        (["train", "--counts", "a", "b"], 2, "--no-fold"),
        (["train", "--counts", "b"], 2, "--no-fold"),
        (["count", "--counts", "a", "c"], 2, "--max-word-len"),
        (["train", "--counts", "c"], 2, "--max-word-len"),
        (["train", "--counts", "a", "--base", "default"], 2, "--counts"),
        (["train", "--counts", "a", "--method", "dict"], 2, "--counts"),
        (["train", "--counts", "a", "--sample", 0.5], 2, "--sample"),
        (["train", "--counts", SAMPLE], 1, "shard"),
        (["train", "--counts", sample_model()], 1, "shard"),
        (["train", "--counts", "nowhere"], 1, "segtool count"),
        (["count", "a", "--max-word-len", 16], 2, "--max-word-len"),
        (["train", "-", "--resume"], 2, "--resume"),
        (["count", SAMPLE, "--master", "local[2]"], 2, "--master"),
    ):
        message = fails(*arguments, "-o", "m", cwd=tmp_path, code=code)
        assert what in message, arguments
    message = fails("cut", "-m", "a", cwd=tmp_path)
    assert "a" in message and "model" in message


def test_help_loads_nothing_heavy():
    done = succeed("count", "--help", env=environment(PYTHONPROFILEIMPORTTIME="1"))
    assert not {b"numpy", b"numba", b"tqdm"} & {line.split(b"|")[-1].strip() for line in done.stderr.splitlines()}
    assert b"--counts" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_output_that_is_no_folder(tmp_path):
    assert "/dev/full" in fails("count", SAMPLE, "-o", "/dev/full", cwd=tmp_path)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").touch()
    assert "thesis: holds files" in fails("count", SAMPLE, "-o", "thesis", cwd=tmp_path)


def test_interrupted_counting(tmp_path):
    with subprocess.Popen(
        command("count", "-", "-o", "m"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            process.stdin.write(sample_text().encode() * 30)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 130
    assert refusal(errors).startswith("segtool: interrupted")
    assert contents(tmp_path) == {}


def test_a_model_and_a_shard_do_not_replace_each_other(tmp_path):
    (tmp_path / "text").write_text("今天天气很好。今天我们去公园。\n" * 3, encoding="utf-8")
    succeed("count", "text", "-o", "shard", cwd=tmp_path)
    succeed("train", "text", "-o", "model", cwd=tmp_path)
    before = contents(tmp_path)
    for name, output, holds in (("count", "model", "segtool model"), ("train", "shard", "segtool counts")):
        done = run(name, "text", "-o", output, cwd=tmp_path)
        assert done.returncode == 1
        assert f"{output}: holds {holds}, not a " in "\n".join(said(done.stderr))
    assert contents(tmp_path) == before
