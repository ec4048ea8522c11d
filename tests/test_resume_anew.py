"""A training goes on with nothing of another, nor with what is damaged, nor beside one that still runs."""

import os
import shutil
import subprocess
import sys
from unittest.mock import patch

import pytest

import segtool
from segtool import training
from segtool.errors import CorpusError, OutputError, UsageError
from tests.helpers import SAMPLE, TIMEOUT, contents, environment, refusal, run, sample_model, sample_text, succeed
from tests.killed_training import LITTLE, NOTHING, PASSES, SAVE, goes_on, kill, visible, watched

# Another training


@pytest.fixture
def killed(tmp_path):
    """A folder with a corpus, and what a training of it left that was killed in its third pass."""
    (tmp_path / "corpus").write_text(sample_text(), encoding="utf-8")
    kill(tmp_path, *SAVE, "em", 3, inputs=["corpus"])
    return tmp_path


def anew(folder, *inputs, **options):
    """Whether a training does all that there is to do; it gives the model that it gives elsewhere."""
    names = inputs or ["corpus"]
    paths = [folder / name for name in names]
    with watched(LITTLE) as calls:
        segtool.train(paths, folder / "m", resume=True, **options)
    segtool.train(paths, folder / "other", **options)
    assert contents(folder / "m") == contents(folder / "other")
    assert not (folder / ".m.work").exists()
    return calls["blocks"] > 0 and calls["scores"] == 1 and calls["passes"] >= PASSES


def test_the_same_training_goes_on(killed):
    assert not anew(killed)


@pytest.mark.parametrize(
    "options", [{"min_count": 3}, {"length_penalty": 1.9}, {"passes": 5}, {"fold": False}, {"skip_undecodable": True}]
)
def test_other_parameters_start_anew(killed, options):
    assert anew(killed, **options)


def test_changed_files_start_anew(killed):
    (killed / "corpus").write_text(sample_text() * 2, encoding="utf-8")
    assert anew(killed)


def test_touched_files_start_anew(killed):
    os.utime(killed / "corpus", ns=(1, 1))
    assert anew(killed)


def test_other_files_start_anew(killed):
    (killed / "more").write_text(sample_text()[:999], encoding="utf-8")
    assert anew(killed, "corpus", "more")


def test_another_version_starts_anew(killed, monkeypatch):
    monkeypatch.setattr(training, "__version__", "0.0.1")
    monkeypatch.setattr("segtool.ngrams.shards.__version__", "0.0.1")
    assert anew(killed)


def test_another_output_starts_anew(killed):
    with watched() as calls:
        segtool.train(killed / "corpus", killed / "third", resume=True)
    assert calls["passes"] == PASSES
    assert (killed / ".m.work" / "em.npz").exists()


# Damage


@pytest.mark.parametrize(
    ("name", "how", "left"),
    [
        ("counted.npz", "changed", {"blocks", "passes"}),
        ("candidates.npz", "short", {"scores", "passes"}),
        ("em.npz", "changed", {"passes"}),
        ("em.npz", "short", {"passes"}),
        ("em.npz", "missing", {"passes"}),
        ("spill-00000/symbols.npy", "short", {"blocks", "passes"}),
        ("spill-00000/card.json", "changed", {"blocks", "passes"}),
        ("spill-00003/ngrams.bin", "missing", {"blocks", "passes"}),
    ],
)
def test_damaged_stages_are_made_again(tmp_path, name, how, left):
    kill(tmp_path, *SAVE, "em", 3)
    file = tmp_path / ".m.work" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(data if how == "changed" else data[: len(data) // 2])
    calls = goes_on(tmp_path, LITTLE)
    assert {each for each, times in calls.items() if times} >= left | {"boundary models"}
    assert calls["passes"] == (PASSES if name == "em.npz" else PASSES - 3)


# What cannot be


def test_inputs_that_cannot_be_told_from_others(tmp_path):
    for options, what in (
        ({"texts": ["今天"], "output": tmp_path / "m"}, "texts"),
        ({"inputs": "-", "output": tmp_path / "m"}, "standard input"),
        ({"inputs": [SAMPLE, "-"], "output": tmp_path / "m"}, "standard input"),
        ({"inputs": SAMPLE}, "output"),
    ):
        with pytest.raises(UsageError, match=f"--resume: .*{what}"):
            segtool.train(resume=True, **options)
    assert contents(tmp_path) == {}


def test_nothing_to_learn_from(tmp_path):
    """An error that comes again, until the text is another."""
    (tmp_path / "text").write_text("abc\n")
    for _ in range(2):
        with pytest.raises(CorpusError, match="no Han character"):
            segtool.train(tmp_path / "text", tmp_path / "m", resume=True)
    (tmp_path / "text").write_text("今天天气很好\n", encoding="utf-8")
    segtool.train(tmp_path / "text", tmp_path / "m", resume=True)
    assert visible(tmp_path) == ["m", "text"]


def test_output_that_cannot_be_replaced_in_the_end(tmp_path):
    """Someone has put files there meanwhile: what was learned is kept."""

    def write(*args):
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "thesis").touch()
        return original(*args)

    original = training.write_model
    with patch.object(training, "write_model", write), pytest.raises(OutputError, match="holds files"):
        segtool.train(SAMPLE, tmp_path / "m", resume=True)
    shutil.rmtree(tmp_path / "m")
    assert goes_on(tmp_path) == NOTHING


def test_two_trainings_for_one_output(tmp_path):
    pytest.importorskip("fcntl", reason="folders are not locked here")
    code = f"""
import segtool, sys
from segtool import training
build = training.build_model

def wait(*args):
    print("there", flush=True)
    input()
    return build(*args)

training.build_model = wait
segtool.train({str(SAMPLE)!r}, "m", resume=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=environment()
    ) as other:
        try:
            assert other.stdout.readline() == b"there\n"
            before = contents(tmp_path / ".m.work")
            done = run("train", SAMPLE, "-o", "m", "--resume", cwd=tmp_path)
            assert done.returncode == 1
            assert ".m.work: another training uses it" in refusal(done.stderr)
            assert contents(tmp_path / ".m.work") == before
            (tmp_path / "tmp").mkdir()
            succeed("train", SAMPLE, "-o", "m", "--resume", "--tmp", "tmp", cwd=tmp_path)
            other.communicate(b"\n", TIMEOUT)
        finally:
            other.kill()
    assert other.returncode == 0
    assert contents(tmp_path / "m") == contents(sample_model())
    assert visible(tmp_path) == ["m", "tmp"]
