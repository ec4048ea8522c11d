"""train, cut and eval as they are typed."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys

import click
import pytest

import segtool
from segtool import TrainingSettings, evaluate, load
from segtool.cli.main import main
from tests.helpers import (
    GOLD,
    ROOT,
    SAMPLE,
    TIMEOUT,
    command,
    contents,
    environment,
    run,
    said,
    sample_model,
    sample_segmenter,
    sample_text,
    succeed,
)

COMMANDS = main.commands
LINE = "医生说今天要休息\n"
WORDS = "医生 说 今天 要 休息\n"
HEAVY = {"numpy", "numba", "llvmlite", "kenlm", "tqdm", "jieba", "sentencepiece"}

needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")


def cut(*arguments, **options):
    return succeed("cut", "-m", sample_model(), *arguments, **options).stdout.decode()


def imported_by(*arguments, **options):
    """Top-level modules that a command has imported when it ends."""
    done = succeed(*arguments, env=environment(PYTHONPROFILEIMPORTTIME="1"), **options)
    names = re.findall(r"^import time:.*\| +(\S+)$", done.stderr.decode(), re.MULTILINE)
    assert "segtool.cli.main" in names
    return {name.split(".")[0] for name in names}


# From text to a score


def test_train_cut_eval(tmp_path):
    gold = GOLD.read_text(encoding="utf-8")
    (tmp_path / "raw.txt").write_text(gold.replace(" ", ""), encoding="utf-8")
    succeed("train", SAMPLE, "-o", "sample.model", cwd=tmp_path)
    assert contents(tmp_path / "sample.model") == contents(sample_model())
    succeed("cut", "raw.txt", "-m", "sample.model", "-o", "cut.txt", cwd=tmp_path)
    words = (tmp_path / "cut.txt").read_text(encoding="utf-8")
    segmenter = sample_segmenter()
    assert words == "".join(" ".join(segmenter.cut(line)) + "\n" for line in gold.replace(" ", "").splitlines())
    assert sorted(contents(tmp_path)) == sorted(
        ["cut.txt", "raw.txt", "sample.model", *(f"sample.model/{name}" for name in contents(sample_model()))]
    )

    result = evaluate(gold.splitlines(), words.splitlines())
    report = succeed("eval", GOLD, "cut.txt", cwd=tmp_path).stdout.decode()
    assert f"{result.f1:.4f}" in report
    printed = json.loads(succeed("eval", GOLD, "cut.txt", "--json", cwd=tmp_path).stdout)
    assert printed["f1"] == result.f1 > 0.7
    assert printed["correct"] == result.correct
    assert printed["lines"] == gold.count("\n")


def test_eval_of_the_gold_standard_itself():
    printed = json.loads(succeed("eval", GOLD, GOLD, "--json", "--protocol", "sighan").stdout)
    assert printed["precision"] == printed["recall"] == printed["f1"] == 1
    assert printed["protocol"] == "sighan"


def test_options_of_eval(tmp_path):
    (tmp_path / "gold").write_text("今天 天气 很 好\n我们 去 公园\n", encoding="utf-8")
    (tmp_path / "predicted").write_text("今天/天气/很好\n我们/去/公园\n", encoding="utf-8")
    (tmp_path / "words").write_text("今天\n天气\n我们\n去\n很\n", encoding="utf-8")
    options = ["--sep", "/", "--train-words", "words", "--top-errors", 3]
    printed = json.loads(succeed("eval", "gold", "predicted", *options, "--json", cwd=tmp_path).stdout)
    assert (printed["correct"], printed["gold_words"], printed["predicted_words"]) == (5, 7, 6)
    assert (printed["oov_words"], printed["oov_correct"]) == (2, 1)
    assert printed["errors"] == [{"gold": "很 好", "predicted": "很好", "count": 1}]
    report = succeed("eval", "gold", "-", *options, cwd=tmp_path, input=(tmp_path / "predicted").read_bytes())
    assert "很 好 → 很好" in report.stdout.decode()


def test_eval_in_another_encoding(tmp_path):
    for name in ("gold", "predicted"):
        (tmp_path / name).write_text("今天 天气\n", encoding="gb18030")
    done = succeed("eval", "gold", "predicted", "--encoding", "gb18030", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["gold_words"] == 2


# train


def test_train_prints_a_summary(tmp_path):
    done = succeed("train", SAMPLE, "-o", tmp_path / "m")
    assert done.stdout == b""
    printed = "\n".join(said(done.stderr))
    card = json.loads((tmp_path / "m" / "card.json").read_text(encoding="utf-8"))
    assert f"{card['corpus']['characters']:,} characters in {card['corpus']['lines']:,} lines of 10 files" in printed
    assert f"{card['corpus']['runs']:,} runs" in printed
    assert f"{len(load(tmp_path / 'm').model.words):,} words" in printed
    assert str(tmp_path / "m") in printed
    assert "skipped" not in printed
    assert "\r" not in printed, "no progress bar where there is no terminal"


def test_train_replaces_a_model(tmp_path):
    (tmp_path / "text").write_text("今天天气很好。\n" * 5, encoding="utf-8")
    segtool.train(tmp_path / "text", tmp_path / "m")
    succeed("train", SAMPLE, "-o", tmp_path / "m")
    assert contents(tmp_path / "m") == contents(sample_model())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "text"]


def spelled(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def test_train_takes_all_parameters(tmp_path):
    parameters = {
        "min_count": 3,
        "min_per_million": 50.0,
        "max_word_len": 4,
        "fold": False,
        "numbers": False,
        "length_penalty": 1.75,
        "variation_weight": 0.25,
        "entropy_weight": 1.5,
        "entropy_floor": 1.25,
        "passes": 3,
        "min_expected": 0.75,
        "word_classes": 7,
        "class_words": 300,
        "class_weight": 0.5,
        "class_passes": 2,
        "beginning_weight": 0.75,
        "divergence_weight": 0.25,
        "evidence_weight": 2.5,
        "parts_weight": 0.5,
        "unknown_len": 3,
        "unknown_cost": 11.5,
        "unknown_step": 4.5,
        "spelling_weight": 0.75,
        "tagger_weight": 0.5,
        "tagger_min_count": 4,
        "sample": 0.5,
        "seed": 7,
        "join_lines": 30,
        "unique_lines": True,
        "method": "unigram",
        "entropy_mean": "occurrences",
        "entropy_scaled": False,
        "entropy_length_power": 0.5,
        "cohesion_thresholds": (1.5, 2.5),
        "cohesion_min_count": 4,
        "cohesion_revision": 2015,
        "lm_order": 3,
        "with_lm": True,
        "lm_moves": (1.0, 0.5, 1.0, 0.25, 1.0, 0.125, 1.0, 0.0),
    }
    assert parameters.keys() == vars(TrainingSettings()).keys()
    valued = {name: value for name, value in parameters.items() if name not in ("fold", "numbers", "unique_lines")}
    flags = [part for name, value in valued.items() for part in ("--" + name.replace("_", "-"), spelled(value))]
    flags += ["--no-fold", "--no-numbers", "--unique-lines"]
    succeed("train", SAMPLE, "-o", tmp_path / "cli", *flags)
    stored = load(tmp_path / "cli").model.card["parameters"]
    assert stored == {name: list(value) if isinstance(value, tuple) else value for name, value in parameters.items()}
    segtool.train(SAMPLE, tmp_path / "python", **parameters)
    assert contents(tmp_path / "cli") == contents(tmp_path / "python")


def test_defaults_are_those_of_the_library():
    settings = vars(TrainingSettings())
    options = [each for each in COMMANDS["train"].params if each.name in settings]
    defaults = {each.name: each.type.convert(each.default, each, None) for each in options}
    assert defaults == settings


def test_skipped_lines_are_listed(tmp_path):
    good = "今天天气很好。\n".encode()
    (tmp_path / "corpus").write_bytes(good * 3 + b"\xff\xfe\n" + good + b"ab\x80\n")
    done = succeed("train", "corpus", "-o", "m", "--skip-undecodable", cwd=tmp_path)
    printed = said(done.stderr)
    assert any("skipped" in line and "2 lines" in line for line in printed)
    assert any(f"corpus, line 4, byte offset {3 * len(good)}" in line for line in printed)
    assert any(f"corpus, line 6, byte offset {4 * len(good) + 3 + 2}" in line for line in printed)
    assert load(tmp_path / "m").model.card["corpus"]["lines"] == 4


def test_quiet(tmp_path):
    done = succeed("train", SAMPLE, "-o", tmp_path / "m", "-q")
    assert (done.stdout, done.stderr) == (b"", b"")
    done = succeed("cut", "-m", tmp_path / "m", "-q", "-o", tmp_path / "out", input=LINE.encode())
    assert (done.stdout, done.stderr) == (b"", b"")


@needs_pty
@pytest.mark.parametrize("quiet", [True, False])
def test_progress_on_a_terminal(tmp_path, quiet):
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    try:
        flags = ["-q"] if quiet else []
        process = subprocess.Popen(
            command("train", SAMPLE, "-o", tmp_path / "m", *flags),
            stderr=terminal,
            env=environment(TERM="xterm"),
        )
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(controller, 1 << 16):
                shown += data
        except OSError:
            pass  # Linux reports the closed end as an error
        assert process.wait(TIMEOUT) == 0
    finally:
        os.close(controller)
    if quiet:
        assert shown == b""
    else:
        assert b"\rlexicon" in shown
        assert b"characters in" in shown


# cut


def test_cut_standard_input():
    assert cut(input=LINE.encode()) == cut("-", input=LINE.encode()) == WORDS
    assert cut(input=b"") == ""


def test_cut_files(tmp_path):
    (tmp_path / "a").write_text(LINE, encoding="utf-8")
    (tmp_path / "b").write_text("\n" + LINE * 2, encoding="utf-8")
    assert cut("a", "b", cwd=tmp_path) == WORDS + "\n" + WORDS * 2
    assert cut("b", "-", cwd=tmp_path, input=LINE.encode()) == "\n" + WORDS * 3
    assert cut(tmp_path) == cut("?", cwd=tmp_path) == WORDS + "\n" + WORDS * 2


@pytest.mark.parametrize("workers", [1, 2])
def test_files_do_not_run_into_one_another(tmp_path, workers):
    for name in "abc":
        (tmp_path / name).write_text("今天天气", encoding="utf-8")
    lines = cut("a", "b", "c", "-j", workers, cwd=tmp_path).splitlines()
    assert lines == ["今天 天气"] * 3


def test_cut_into_a_file(tmp_path):
    assert cut("-o", tmp_path / "out", input=LINE.encode()) == ""
    assert (tmp_path / "out").read_text(encoding="utf-8") == WORDS
    assert cut("-o", tmp_path / "out", input=b"") == ""
    assert (tmp_path / "out").read_bytes() == b""
    assert sorted(contents(tmp_path)) == ["out"]
    assert cut("-o", "-", input=LINE.encode()) == WORDS


def test_cut_a_file_in_place(tmp_path):
    (tmp_path / "text").write_text(LINE * 1000, encoding="utf-8")
    for output in ("text", "./text"):
        done = run("cut", "text", "-o", output, cwd=tmp_path)
        assert done.returncode == 2
        assert b"text is an input: pass --in-place" in done.stderr
    assert (tmp_path / "text").read_text(encoding="utf-8") == LINE * 1000
    cut("text", "-o", "text", "--in-place", cwd=tmp_path)
    assert (tmp_path / "text").read_text(encoding="utf-8") == WORDS * 1000
    (tmp_path / "text").write_text(LINE, encoding="utf-8")
    assert cut("text", "--in-place", cwd=tmp_path) == ""
    assert (tmp_path / "text").read_text(encoding="utf-8") == WORDS
    assert sorted(contents(tmp_path)) == ["text"]
    for files in ([], ["-"], ["text", "text"]):
        assert run("cut", *files, "--in-place", cwd=tmp_path).returncode == 2


def test_cut_what_is_compressed_or_in_another_encoding(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(LINE.encode()))
    (tmp_path / "gb").write_bytes(LINE.encode("gb18030"))
    assert cut(tmp_path / "a.gz") == WORDS
    assert cut(tmp_path / "gb", "--encoding", "gb18030") == WORDS
    assert cut("--encoding", "utf-16", input=LINE.encode("utf-16")) == WORDS
    assert cut(input=LINE.encode("utf-8-sig")) == WORDS


def test_output_is_utf_8_whatever_the_locale():
    locale = {
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "ascii",
    }
    done = succeed("cut", "-m", sample_model(), "--sep", "/", input=LINE.encode(), env=environment(**locale))
    assert done.stdout.decode() == WORDS.replace(" ", "/")


def test_text_without_its_separators_is_the_input():
    assert cut(SAMPLE, "--sep", "\x01").replace("\x01", "") == re.sub(r"[^\S\n]", "", sample_text())


# What a command loads


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_loads_nothing_heavy(arguments):
    assert not imported_by(*arguments) & HEAVY


def test_version_loads_nothing_heavy():
    assert not imported_by("--version") & HEAVY
    assert succeed("--version").stdout.decode().split()[-1] == segtool.__version__


@pytest.mark.parametrize("workers", [1, 2])
def test_a_short_cut_does_not_load_the_compiler(workers):
    loaded = imported_by("cut", "-m", sample_model(), "-j", workers, input=LINE.encode())
    assert "numpy" in loaded
    assert not loaded & (HEAVY - {"numpy"})


def test_a_long_cut_loads_compiled_code():
    assert "llvmlite" in imported_by("cut", "-m", sample_model(), input=LINE.encode() * 3000)


def test_eval_does_not_load_the_compiler():
    assert not imported_by("eval", GOLD, GOLD) & HEAVY


# Help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_option(name):
    if isinstance(COMMANDS[name], click.Group):
        return  # its commands are tested like this, by themselves
    has_more = any(getattr(each, "expert", False) for each in COMMANDS[name].params)
    text = succeed(name, "--help-all" if has_more else "--help").stdout.decode()
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            for flag in parameter.opts:
                assert flag in text
            assert parameter.help, f"{parameter.opts} of {name}"


def test_help_lists_every_command():
    text = succeed("--help").stdout.decode()
    for name, each in COMMANDS.items():
        assert re.search(rf"^  {name}  +\w", text, re.MULTILINE)
        assert each.help


def test_no_command_shows_the_help():
    done = run()
    assert b"Usage: segtool" in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


def test_installed_command_is_the_module():
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert "segtool = segtool.cli.main:main" in setup
    code = "from segtool.cli.main import main; main(['--version'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), timeout=TIMEOUT)
    assert done.stdout == succeed("--version").stdout
