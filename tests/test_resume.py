"""A training that is killed anywhere goes on where it was, and gives the same model."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest

import segtool
from segtool import training
from segtool.errors import CorpusError, OutputError, UsageError
from segtool.lexicon import build
from segtool.lexicon.em import Expectation
from segtool.lexicon.passes import Threads
from segtool.ngrams import counter as counting
from segtool.ngrams.count_stage import count
from segtool.ngrams.counter import CorpusCounter
from segtool.runtime.budget import Budget
from tests.helpers import SAMPLE, TIMEOUT, contents, environment, refusal, run, sample_model, sample_text, succeed

# Ends itself with SIGKILL behind the nth call of a function.
DRIVER = """
import os, signal, sys
from importlib import import_module
import segtool
from segtool.runtime.budget import Budget

module, owner, name, first, call, symbols, resume, output, *inputs = sys.argv[1:]
owner = getattr(import_module(module), owner) if owner else import_module(module)
function, left = getattr(owner, name), int(call)

def counted(*args, **options):
    global left
    found = function(*args, **options)
    # the first argument behind self that is text says of what the call is
    if not first or first in args[:2]:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(owner, name, counted)
if int(symbols):
    Budget.symbols, Budget.ngrams = int(symbols), lambda self, workers: 2000
segtool.train(inputs, output, resume=bool(int(resume)))
"""
SAVE = "segtool.store.checkpoints", "Checkpoints", "save"
PASSES = 8
NOTHING = {"blocks": 0, "merges": 0, "scores": 0, "passes": 0, "boundary models": 1}
LITTLE, MUCH = 3000, 0


def kill(folder, module, owner, name, first, call, symbols=LITTLE, resume=True, inputs=(SAMPLE,), output="m"):
    """Train until a call of a function, and no further."""
    arguments = (module, owner, name, first, call, symbols, int(resume), output, *inputs)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == -signal.SIGKILL, done
    assert (folder / ".m.work" / "training").exists()


@contextmanager
def watched(symbols=MUCH):
    """What a training does: blocks that it counts, merges, scores, EM passes, boundary models that it fits."""
    calls = dict.fromkeys(NOTHING, 0)

    def counted(name, function):
        def call(*args, **options):
            calls[name] += 1
            return function(*args, **options)

        return call

    def passes(self, task, *rest):
        calls["passes"] += isinstance(task, Expectation)
        return go(self, task, *rest)

    go = Threads.run
    with ExitStack() as stack:
        for owner, name, told in (
            (CorpusCounter, "add", "blocks"),
            (counting, "merge_ngrams", "merges"),
            (training, "score", "scores"),
            (build, "fit_boundary_model", "boundary models"),
        ):
            stack.enter_context(patch.object(owner, name, counted(told, getattr(owner, name))))
        stack.enter_context(patch.object(Threads, "run", passes))
        if symbols:
            stack.enter_context(patch.object(Budget, "symbols", symbols))
        yield calls


def visible(folder):
    """Names in a folder, but for what an output that was killed has left beside it."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".tmp"))


def goes_on(folder, symbols=MUCH, **options):
    """Train again; what it does. The model is that of a training that was not killed."""
    with watched(symbols) as calls:
        segtool.train(SAMPLE, folder / "m", resume=True, **options)
    assert contents(folder / "m") == contents(sample_model())
    assert visible(folder) == ["m"]
    return calls


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
