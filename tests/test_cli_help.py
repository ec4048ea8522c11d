"""Help pages, examples, completion, and the hints that a command gives."""

import os
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import segtool
from segtool.cli.help import TITLES, ParameterOption, TitledOption
from segtool.cli.main import main
from segtool.limits import LITTLE_TEXT
from tests.helpers import (
    ROOT,
    SAMPLE,
    TIMEOUT,
    command,
    environment,
    random_text,
    refusal,
    run,
    said,
    sample_model,
    succeed,
)

needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")


def all_commands(group=main, before=()):
    """Every command with its name, the groups too."""
    yield before, group
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from all_commands(each, (*before, name))
        else:
            yield (*before, name), each


PAGES = dict(all_commands())
LEAVES = {name: each for name, each in PAGES.items() if not isinstance(each, click.Group)}

pages = pytest.mark.parametrize("name", PAGES, ids=" ".join)
leaves = pytest.mark.parametrize("name", LEAVES, ids=" ".join)


def page(*arguments):
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0
    return done.output


# Pages


@pages
def test_two_examples(name):
    """Each one is on the page, whole, and its options and commands exist."""
    command = PAGES[name]
    assert len(command.examples) >= 2
    text = page(*name, "--help")
    for line, what in command.examples:
        assert f"  {line}\n" in text
        assert what.split()[0] in text
        assert what.endswith(".")
        words = shlex.split(line.split(" > ")[0].replace('"$(', "; ").replace(')"', ""), comments=True)
        assert "segtool" in words
        for part in " ".join(words).replace("&&", ";").replace("|", ";").split(";"):
            parts = part.split()
            if "segtool" in parts:
                check(parts[parts.index("segtool") + 1 :], command)


def check(arguments, page_of):
    """Parse an example without running it."""
    group = main
    while isinstance(group, click.Group):
        group, arguments = group.commands[arguments[0]], arguments[1:]
    with group.make_context("x", list(arguments)):
        pass
    assert isinstance(page_of, click.Group) or group is page_of or group.name == "cut"


@leaves
def test_every_option_has_a_section(name):
    for each in LEAVES[name].params:
        if isinstance(each, click.Option) and each.name != "help_all":
            assert isinstance(each, TitledOption), each.opts
            assert each.title in TITLES or isinstance(each, ParameterOption), each.opts


@leaves
def test_options_for_experts(name):
    experts = [each for each in LEAVES[name].params if getattr(each, "expert", False)]
    text = page(*name, "--help")
    assert ("--help-all" in text) == bool(experts)
    if not experts:
        return
    whole = page(*name, "--help-all")
    for each in LEAVES[name].params:
        if isinstance(each, click.Option) and each.name != "help_all":
            row = rf"^  (-\w, )?{each.opts[-1]}\b"
            assert re.search(row, whole, re.MULTILINE)
            assert bool(re.search(row, text, re.MULTILINE)) == (each not in experts), each.opts
    assert whole.count("\n") > text.count("\n")


def test_sections_have_an_order():
    lines = page("cut", "--help").splitlines()
    found = [line.rstrip(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert found == [*TITLES, "Options", "Examples"]


def test_no_command_prints_help():
    for name, each in PAGES.items():
        if isinstance(each, click.Group):
            done = succeed(*name)
            assert done.stdout == succeed(*name, "--help").stdout
            assert done.stderr == b""


def test_short_version():
    assert succeed("-V").stdout == succeed("--version").stdout
    assert succeed("-V").stdout.decode().split()[-1] == segtool.__version__


@pytest.mark.parametrize(
    ("arguments", "right"),
    [(["trian"], "train"), (["cut", "--granlarity", "3"], "--granularity"), (["train", "--min-cuont"], "--min-count")],
)
def test_misspelt(arguments, right):
    done = run(*arguments)
    assert done.returncode == 2
    assert right in done.stderr.decode()
    assert "id you mean" in done.stderr.decode()


# Completion


def completed(*words):
    """What click completes after these words, in the form of bash."""
    variables = {"COMP_WORDS": " ".join(["segtool", *words]), "COMP_CWORD": str(len(words))}
    program = "from segtool.cli.main import main; main(prog_name='segtool')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(_SEGTOOL_COMPLETE="bash_complete", **variables),
        capture_output=True,
        timeout=TIMEOUT,
    )
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell, tmp_path):
    script = succeed("completion", shell).stdout.decode()
    assert f"_SEGTOOL_COMPLETE={shell}_complete" in script
    assert "%(" not in script
    if shell == "bash":
        (tmp_path / "script").write_text(script, encoding="utf-8")
        assert subprocess.run(["bash", "-n", "script"], cwd=tmp_path, timeout=TIMEOUT).returncode == 0


def test_completion():
    assert completed("tr") == ["plain,train"]
    assert "plain,--granularity" in completed("cut", "--gran")
    assert "plain,jsonl" in completed("cut", "--format", "js")
    assert run("completion", "csh").returncode == 2
    closed = run("completion", "bash", preexec_fn=lambda: os.close(1))
    assert closed.returncode == 1 and "standard output is closed" in refusal(closed.stderr)


@pytest.mark.parametrize(
    "words",
    [["cut"], ["cut", "-o"], ["cut", "-m"], ["cut", "--prefer"], ["train"], ["eval", "gold"], ["lm", "score"]],
    ids=" ".join,
)
def test_files_are_completed(words):
    assert completed(*words, "pa") == ["file,pa"]


# Hints


def test_text_in_place_of_a_file(tmp_path):
    done = run("cut", "今天 天气", cwd=tmp_path)
    assert done.returncode == 1
    assert refusal(done.stderr).endswith("echo '今天 天气' | segtool cut")
    (tmp_path / "今天").write_text("今天天气", encoding="utf-8")
    assert succeed("cut", "今天", "-m", sample_model(), cwd=tmp_path).stdout.decode() == "今天 天气"
    assert "echo" not in refusal(run("cut", "nowhere.txt", cwd=tmp_path).stderr)
    assert "echo" not in refusal(run("cut", "今天", "nowhere.txt", cwd=tmp_path).stderr)


@needs_pty
@pytest.mark.parametrize("quiet", [True, False])
def test_hint_at_a_terminal(quiet):
    controller, terminal = os.openpty()
    try:
        process = subprocess.Popen(
            command("cut", "-m", sample_model(), *["-q"] * quiet),
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        os.write(controller, "今天天气\n\x04".encode())
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        os.close(controller)
        os.close(terminal)
    assert out.decode() == "今天 天气\n"
    assert any("Ctrl-D" in line for line in said(err)) != quiet


def test_no_hint_without_a_terminal():
    assert said(succeed("cut", "-m", sample_model(), input="今天".encode()).stderr) == []


@pytest.mark.parametrize("name", ["train", "count"])
def test_a_model_or_a_shard_is_no_text(name, tmp_path):
    segtool.count(SAMPLE, tmp_path / "shard")
    before = sorted(tmp_path.rglob("*"))
    for given, flag in ((sample_model(), "--base"), (tmp_path / "shard", "--counts")):
        done = run(name, SAMPLE, given, "-o", tmp_path / "out")
        assert done.returncode == 2
        assert str(given) in refusal(done.stderr)
        assert flag in refusal(done.stderr)
    assert sorted(tmp_path.rglob("*")) == before
    succeed("train", "--counts", tmp_path / "shard", "-o", tmp_path / "out")


def test_little_text(tmp_path):
    for name, characters in (("little", LITTLE_TEXT // 4), ("enough", 2 * LITTLE_TEXT)):
        (tmp_path / name).write_text(random_text(characters), encoding="utf-8")
    warning = [line for line in said(succeed("train", "little", "-o", "m", cwd=tmp_path).stderr) if "warning" in line]
    assert len(warning) == 1
    assert "--base default" in warning[0]
    assert said(succeed("train", "little", "-o", "m", "-q", cwd=tmp_path).stderr) == []
    done = succeed("words", "little", "--context", 1, cwd=tmp_path)
    assert [line.split(",")[0] for line in said(done.stderr) if "warning" in line] == [warning[0].split(",")[0]]
    for more in (["enough"], ["little", "--base", sample_model()]):
        assert "warning" not in "".join(said(succeed("train", *more, "-o", "m", cwd=tmp_path).stderr))


def test_examples_are_in_the_reference():
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for each in LEAVES.values():
        for line, _ in each.examples:
            assert line in text
