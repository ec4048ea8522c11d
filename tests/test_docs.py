"""What the documents claim: their links lead somewhere, their examples run, and they name every command and option."""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import click
import numpy as np
import pytest

import segtool
from segtool.cli.main import main
from tests.helpers import ROOT, TIMEOUT, environment

README, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
ENGLISH = [path for path in DOCS if path != CHINESE]  # which has the same code
REFERENCE = ROOT / "docs" / "cli.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCTEST_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(path, language):
    """Code blocks of one language."""
    return [code for name, code in FENCE.findall(path.read_text(encoding="utf-8")) if name == language]


def prose(path):
    """The text without code blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path):
    """The anchors that GitHub gives to the headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE):
        text = re.sub(r"[`*]|\[(.*?)\]\(.*?\)", r"\1", heading).strip().lower()
        kept = [c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN"]
        found.add("".join(kept).replace(" ", "-"))
    return found


def commands(group, before="segtool"):
    """Every command with its full name, those of groups too."""
    for name, each in group.commands.items():
        yield f"{before} {name}", each
        if isinstance(each, click.Group):
            yield from commands(each, f"{before} {name}")


COMMANDS = dict(commands(main))
FLAGS = {
    name: [flag for option in each.params for flag in (*option.opts, *option.secondary_opts) if flag.startswith("-")]
    for name, each in COMMANDS.items()
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with the sample data of a clone in it."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Links and names


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path if not name else path.parent / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_modules_and_scripts_that_are_named_exist(path):
    text = prose(path)
    if path.name == "CHANGELOG.md":  # the first column of its table has the names of before
        text = re.sub(r"^\| `[^|]*\|", "", text, flags=re.MULTILINE)
    for name in re.findall(r"`(?:segtool/)?([a-z_]+/[a-z_0-9]+\.py)`", text):
        assert (ROOT / name).exists() or (ROOT / "segtool" / name).exists(), name
    for name in re.findall(r"`(scripts/[a-z_.]+)", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`(segtool(?:\.\w+)+)", text):
        assert resolves(name), name


def test_internals_list_every_room():
    text = (ROOT / "docs" / "internals.md").read_text(encoding="utf-8")
    rooms = {file.parent.name for file in (ROOT / "segtool").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)) - {"default"} != set()


def resolves(dotted):
    """Whether a dotted name is a module or something in one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found is not None
    return False


# Commands and options


@pytest.mark.parametrize("name", list(COMMANDS))
def test_reference_has_every_command_and_option(name):
    text = REFERENCE.read_text(encoding="utf-8")
    section = re.search(rf"^#+ `?{name}`?$(.*?)(?=^#+ `?segtool|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, name
    for flag in FLAGS[name]:
        assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", section[1]), flag


@pytest.mark.parametrize("path", [path for path in DOCS if path != REFERENCE], ids=lambda path: path.name)
def test_documents_name_no_option_that_is_not_there(path):
    """In lines that begin with a command of segtool, and in text."""
    every = {flag for flags in FLAGS.values() for flag in flags} | {"-h", "--help", "--version"}
    for line in re.findall(r"\bsegtool [a-z].*", "\n".join(blocks(path, "console"))):
        name = next(name for name in sorted(COMMANDS, key=len, reverse=True) if line.startswith(name))
        for flag in re.findall(r"(?<=\s)--?[a-z][\w-]*", re.split(r"[|#]", line)[0]):
            assert flag in {*FLAGS[name], "-h", "--help"}, line
    for command, flag in re.findall(r"`segtool ((?:(?:lm|plot) )?[a-z]+)[^`]*?(--?[a-z][\w-]*)", prose(path)):
        assert flag in {*FLAGS[f"segtool {command}"], "-h", "--help"}, f"{command} {flag}"
    for flag in re.findall(r"`(--[a-z][\w-]*)", prose(path)):
        assert flag in every, flag


# The two READMEs


def test_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) < 200


def test_readmes_have_the_same_structure():
    english, chinese = (re.findall(r"^#+", prose(path), re.MULTILINE) for path in (README, CHINESE))
    assert english == chinese
    items = [len(re.findall(r"^- ", prose(path), re.MULTILINE)) for path in (README, CHINESE)]
    assert items[0] == items[1] > 0


def test_readmes_have_the_same_code():
    def without_comments(path):
        found = FENCE.findall(path.read_text(encoding="utf-8"))
        return [(language, re.sub(r"[ \t]*#.*$", "", code, flags=re.MULTILINE)) for language, code in found]

    assert without_comments(README) == without_comments(CHINESE) != []


def rows(text):
    """The rows of tables, as lists of cells."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def figures(path):
    """The rows of numbers: the cells after the first one."""
    return [row[1:] for row in rows(prose(path)) if any(re.search(r"\d", cell) for cell in row[1:])]


def logged(document, header):
    """The rows below a header in a document, by their first cells."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    (table,) = re.findall(rf"^{header}.*?\n\n", text, re.MULTILINE | re.DOTALL)
    return {row[0]: row[1:] for row in rows(table)}


def test_readmes_have_the_same_figures():
    assert figures(README) == figures(CHINESE) != []


def test_readme_has_the_f1_of_the_log():
    """The output of scripts/quality.py."""
    log = logged("quality.md", r"\| system \|")
    systems = [row for name, row in log.items() if name[0] in "sjS" and name != "system"]
    by_set = dict(zip(log["system"], zip(*systems, strict=True), strict=True))
    shown = {row[0].split(" ")[1]: tuple(row[1:]) for row in rows(prose(README)) if row[0].startswith("F1, ")}
    assert shown == by_set != {}


def test_readme_has_the_speed_of_the_log():
    """The medians that scripts/bench prints."""
    log = logged("scale.md", r"\| +\| segtool \| jieba")
    shown = {row[0]: row[1:] for row in rows(prose(README)) if re.match(r"[a-z]", row[0]) and len(row) == 5}
    assert len(shown) > 5
    for name, (ours, _, jieba, sentencepiece) in shown.items():
        found = next(row for each, row in log.items() if each.startswith(name))
        assert [ours, jieba, sentencepiece] == [found[place].split(" ")[0] for place in (0, 1, 3)], name


def test_readme_has_the_learning_curve_of_the_log():
    """The table that scripts/learning_curve.py prints, without its last column, rows of word lists and the last set."""

    def table(path, *, of_log):
        found = [row for row in rows(prose(path)) if re.match("labelled|pku$|msr$|ud_gsdsimp$|…", row[0])]
        return [row[: 6 if of_log else None] for row in found if row[0] != "… with its list"]

    shown, logged_rows = table(README, of_log=False), table(ROOT / "docs" / "tuning.md", of_log=True)
    assert len(shown) == 6 and shown == logged_rows[: len(shown)]


# Examples


def shell_examples(path):
    """Console blocks that need nothing but segtool and the data of a clone."""
    found = [code for code in blocks(path, "console") if re.search(r"^\$.*\bsegtool ", code, re.MULTILINE)]
    return [code for code in found if "pip install" not in code]


@pytest.mark.parametrize("path", [each for each in ENGLISH if shell_examples(each)], ids=lambda path: path.name)
def test_shell_examples(path, folder):
    """They succeed, and print what is shown."""
    examples = shell_examples(path)
    define = f'segtool() {{ "{sys.executable}" -m segtool "$@"; }}\n'
    for code in examples:
        for example in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
            command, _, expected = example.partition("\n")
            done = subprocess.run(
                ["bash", "-ec", f"set -o pipefail\n{define}{command}"],
                capture_output=True,
                env=environment(),
                timeout=TIMEOUT,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr.decode()}"
            assert done.stdout.decode() == expected, command


@pytest.mark.parametrize("path", [each for each in ENGLISH if blocks(each, "python")], ids=lambda path: path.name)
def test_python_examples(path, folder):
    """Blocks of one document share their names, and what sessions show is what comes out."""
    names: dict[str, object] = {"__name__": "example"}
    code = blocks(path, "python")
    report: list[str] = []
    for number, block in enumerate(code, 1):
        if ">>>" not in block:
            exec(compile(block, f"{path.name}, block {number}", "exec"), names)
            continue
        test = doctest.DocTestParser().get_doctest(block, names, f"{path.name}, block {number}", path.name, 0)
        runner = doctest.DocTestRunner(verbose=False, optionflags=DOCTEST_FLAGS)
        runner.run(test, out=report.append, clear_globs=False)
        names = test.globs
        assert not report, "".join(report)


def test_every_public_name_is_in_the_python_document():
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name in segtool.__all__:
        assert re.search(rf"\b{name}\b", text), name


def test_documents_name_nothing_of_the_machine_they_were_written_on():
    for path in DOCS:
        assert not re.search(r"(?<![\w.])/(tmp|home|work)/", path.read_text(encoding="utf-8")), path
        assert os.fspath(Path.home()) + "/" not in path.read_text(encoding="utf-8"), path


# Formats


def listed_files(heading):
    """Name and dtype of each file in the first table below a heading of docs/formats.md."""
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^\| `(\w+\.(?:npy|bin))` \| `?(<?\w+)`? \|", section, re.MULTILINE))


def written_files(path):
    """Name and dtype of each file that segtool wrote."""
    found = {file.name: "blocks" for file in path.glob("*.bin")}
    for file in path.glob("*.npy"):
        dtype = np.load(file).dtype
        found[file.name] = "record" if dtype.names else dtype.str
    return found


def test_formats_list_what_is_written(folder):
    segtool.count("data/sample/city.txt", "counts")
    segtool.train(counts=["counts"], output="model", with_lm=True)
    assert listed_files("Count shard") == written_files(folder / "counts") != {}
    assert listed_files("Model") == written_files(folder / "model") != {}
    assert listed_files("Language model") == written_files(folder / "model" / "lm") != {}
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    for name in ("counts", "model", "model/lm"):
        card = json.loads((folder / name / "card.json").read_text(encoding="utf-8"))
        for entry in (*card, *card.get("corpus", {})):
            assert f"`{entry}`" in text, entry
    for field in (*np.load("model/words.npy").dtype.names, *np.load("counts/runs_index.npy").dtype.names):
        assert f"`{field}`" in text, field
