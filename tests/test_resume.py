"""A training that is killed anywhere goes on where it was, and gives the same model."""

import shutil
import subprocess
import sys
from unittest.mock import patch

import pytest

import segtool
from segtool import training
from segtool.ngrams.count_stage import count
from tests.helpers import SAMPLE, TIMEOUT, contents, environment, sample_model, sample_text, succeed
from tests.killed_training import LITTLE, MUCH, NOTHING, PASSES, SAVE, goes_on, kill, visible, watched

ALL = {"blocks": 10, "merges": 1, "scores": 1, "passes": PASSES, "boundary models": 1}


def test_training_that_is_not_killed(tmp_path):
    """In one go; in memory, and with a budget that is too small for that."""
    assert goes_on(tmp_path) == ALL | {"merges": 0, "blocks": goes_on(tmp_path)["blocks"]}
    assert goes_on(tmp_path, LITTLE)["merges"] == 1


@pytest.mark.parametrize(
    ("symbols", "stage", "call", "left"),
    [
        (LITTLE, "counted", 1, {"merges": 1, "scores": 1, "passes": PASSES}),
        (LITTLE, "candidates", 1, {"passes": PASSES}),
        (LITTLE, "em", 1, {"passes": PASSES - 1}),
        (LITTLE, "em", 4, {"passes": PASSES - 4}),
        (LITTLE, "em", 5, {"passes": PASSES - 5}),
        (LITTLE, "em", 7, {"passes": PASSES - 7}),
        (LITTLE, "em", 8, {}),
        (MUCH, "counted", 1, {"scores": 1, "passes": PASSES}),
        (MUCH, "em", 4, {"passes": PASSES - 4}),
        (MUCH, "em", 8, {}),
    ],
)
def test_killed_when_a_stage_is_finished(tmp_path, symbols, stage, call, left):
    """It goes on with the next, whatever memory there is then."""
    kill(tmp_path, *SAVE, stage, call, symbols)
    assert goes_on(tmp_path, MUCH if symbols else LITTLE) == NOTHING | left


@pytest.mark.parametrize(
    ("where", "left"),
    [
        (("segtool.ngrams.counter", "CorpusCounter", "add", "", 3), {"blocks", "merges", "scores", "passes"}),
        (("segtool.ngrams.counter", "", "write_shard", "", 3), {"blocks", "merges", "scores", "passes"}),
        (("segtool.ngrams.shards", "ShardWriter", "add_bigrams", "", 5), {"blocks", "merges", "scores", "passes"}),
        (("segtool.ngrams.merge", "", "_merge_range", "", 3), {"merges", "scores", "passes"}),
        (("segtool.training", "", "score", "", 1), {"scores", "passes"}),
        (("segtool.lexicon.em", "", "cluster", "", 1), {"passes"}),
        (("segtool.lexicon.build", "", "fit_boundary_model", "", 1), set()),
        (("segtool.lexicon.parts", "NeighbourCount", "__call__", "", 1), set()),
        (("segtool.training", "", "write_model", "", 1), set()),
        (("segtool.store.files", "", "_sync", "", 1), set()),
    ],
    ids=lambda value: value[2] if isinstance(value, tuple) else "",
)
def test_killed_in_the_middle(tmp_path, where, left):
    """What was not finished is done again."""
    kill(tmp_path, *where)
    calls = goes_on(tmp_path, LITTLE)
    assert calls.keys() == ALL.keys()
    assert {name for name, times in calls.items() if times} == left | {"boundary models"}
    if where[2] == "cluster":
        assert calls["passes"] == PASSES // 2
    assert calls["blocks"] in (0, ALL["blocks"])


def test_killed_again_and_again(tmp_path):
    """Each time it gets further."""
    for stage, call in (("counted", 1), ("candidates", 1), ("em", 2), ("em", 3), ("em", 1), ("em", 2)):
        kill(tmp_path, *SAVE, stage, call)
    assert goes_on(tmp_path) == NOTHING


def test_killed_without_resume(tmp_path):
    """What was spilled is still there: --resume goes on with it, and without it nothing of it is used."""
    kill(tmp_path, *SAVE, "em", 3, resume=False)
    shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    assert goes_on(tmp_path) == NOTHING | {"passes": PASSES - 3}
    with watched() as calls:
        segtool.train(SAMPLE, tmp_path.with_name("copy") / "m")
    assert calls["passes"] == PASSES
    assert contents(tmp_path.with_name("copy") / "m") == contents(sample_model())
    assert visible(tmp_path.with_name("copy")) == ["m"]


def test_old_model_stays_until_the_new_one_is_there(tmp_path):
    segtool.train(texts=[sample_text()[:2000]], output=tmp_path / "m")
    before = contents(tmp_path / "m")
    kill(tmp_path, *SAVE, "em", 3)
    assert contents(tmp_path / "m") == before
    goes_on(tmp_path)


INTERRUPT = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is ignored

def interrupt(*args):
    signal.raise_signal(signal.SIGINT)
    while True:  # here at the latest, Python raises KeyboardInterrupt
        time.sleep(1)
"""


def test_command(tmp_path):
    """A training that fails keeps its stages, and the folder of them may be elsewhere."""
    (tmp_path / "tmp").mkdir()
    arguments = "train", SAMPLE, "-o", "m", "--resume", "--tmp", "tmp"
    code = (
        INTERRUPT
        + """
from segtool import training
training.build_model = interrupt
from segtool.cli.main import main
main()
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 130, done
    assert sorted(contents(tmp_path / "tmp" / ".m.work")) == [
        "candidates.npz", "counted.npz", "em.npz", "spill-00000",
        *(f"spill-00000/{name}" for name in SHARD_FILES), "training",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]
    done = succeed(*arguments, cwd=tmp_path)
    told = done.stderr.decode()
    assert "10 files" in told
    assert "candidates" in told
    assert contents(tmp_path / "m") == contents(sample_model())
    assert contents(tmp_path / "tmp") == {}


SHARD_FILES = [
    "card.json", "frequency.npy", "hash_sizes.npy", "ngrams.bin", "ngrams_index.npy", "runs.bin", "runs_index.npy",
    "symbols.npy", "written.npy", "written_counts.npy",
]  # fmt: skip


def test_report_of_a_training_that_goes_on(tmp_path):
    """It tells of all that was read, lines that were left out too."""
    text = sample_text().encode()
    (tmp_path / "corpus").write_bytes(text + b"\xff\n" + text)
    whole, rest = segtool.TrainingReport(), segtool.TrainingReport()
    options = {"skip_undecodable": True, "resume": True}
    segtool.train(tmp_path / "corpus", tmp_path / "m", report=whole, **options)
    with patch.object(training, "build_model", side_effect=LookupError), pytest.raises(LookupError):
        segtool.train(tmp_path / "corpus", tmp_path / "m", **options)
    segtool.train(tmp_path / "corpus", tmp_path / "m", report=rest, **options)
    for name in ("files", "bytes", "lines", "characters", "skipped_lines"):
        assert getattr(rest.reading, name) == getattr(whole.reading, name)
    assert rest.reading.skipped_lines == 1
    for name in ("runs", "symbols", "candidates", "words", "digest"):
        assert getattr(rest, name) == getattr(whole, name)


# Shards


def test_shards_that_are_added_up(tmp_path):
    files = sorted(SAMPLE.glob("*.txt"))
    for name, part in (("a", files[:5]), ("b", files[5:])):
        count(part, tmp_path / name)
    options = {"counts": [tmp_path / "b", tmp_path / "a"], "output": tmp_path / "m", "resume": True}
    for place, merges in (("score", 1), ("build_model", 0)):
        with (
            watched() as calls,
            patch.object(training, place, side_effect=LookupError),
            pytest.raises(LookupError),
        ):
            segtool.train(**options)
        assert calls["merges"] == merges
    with watched() as calls:
        segtool.train(**options)
    assert calls == NOTHING
    assert contents(tmp_path / "m") == contents(sample_model())
    assert visible(tmp_path) == ["a", "b", "m"]


# Ctrl-C


def test_interrupted_with_resume(tmp_path):
    """Ctrl-C is a pause."""
    (tmp_path / "corpus").write_text(sample_text() * 10, encoding="utf-8")
    arguments = ["train", "corpus", "-o", "m", "--resume", "--passes", "60"]
    code = (
        INTERRUPT
        + """
from segtool.cli.main import main
from segtool.store.checkpoints import Checkpoints

save, left = Checkpoints.save, 5

def interrupt_later(self, name, **arrays):
    global left
    save(self, name, **arrays)
    left -= name == "em"
    if not left:
        interrupt()

Checkpoints.save = interrupt_later
main()
"""
    )
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environment(), capture_output=True, timeout=TIMEOUT
    )
    assert process.returncode == 130, process
    with watched() as calls:
        segtool.train(tmp_path / "corpus", tmp_path / "m", resume=True, passes=60)
    assert calls["blocks"] == calls["scores"] == 0
    assert calls["passes"] == 60 - 5 + 4
