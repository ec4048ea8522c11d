"""The scripts, each run on the data of the repository."""

import re
import shutil
import subprocess
import sys
import unicodedata
from importlib.util import find_spec

import pytest

import segtool
from scripts import by_eye, make_cli_docs, make_default, split_words
from tests.helpers import GOLD, ROOT, SAMPLE, contents, environment

PYTHON = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
SHELL = sorted(path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix)
TEXT = ROOT / "segtool" / "text"


def script(name, *arguments, code=0):
    """Standard output of a script."""
    command = [sys.executable, "-m", f"scripts.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", env=environment())
    assert done.returncode == code, done.stderr
    return done.stdout


def table(text):
    """The rows of a table by their first cells, without those of the head."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows[2:]}


def needs(*packages):
    missing = [name for name in packages if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def test_every_script_is_tested():
    modules = ("test_scripts.py", "test_bench.py", "test_notebooks.py", "test_site.py")
    text = "".join((ROOT / "tests" / name).read_text(encoding="utf-8") for name in modules)
    helpers = {"bench_tasks", "experiments", "idea_kernels"} | {each for each in PYTHON if each.startswith("torture_")}
    assert [name for name in PYTHON if name not in helpers and not re.search(rf'script\("{name}"|{name}\.', text)] == []


@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_can_be_read(name):
    done = subprocess.run(["bash", "-n", ROOT / "scripts" / name], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


# The experiments, on the sample and its gold standard


def test_search():
    recall, granularity = script("search", "data", "--no-peers", "--within", 2, "--granularity", -4, 0, 4).split("\n\n")
    rows = [tuple(map(float, row[-1].split(" / "))) for row in table(recall).values()]
    assert len(rows) == 2 and all(fewer < more for fewer, more in zip(*rows, strict=True))
    sizes = [float(row[1]) for row in table(granularity).values()]
    assert len(sizes) == 3 and sizes == sorted(set(sizes))


def test_numerals():
    rows = table(script("numerals", "data", "--no-peers"))
    assert [*rows] == ["news, --no-numbers", "news", "default"]
    for name in rows:
        with_numeral, number, _ = rows[name][0].split(" / ")
        assert 0 <= int(with_numeral) <= int(number)


def test_quality():
    rows = table(script("quality", "data", "--no-peers"))
    assert len(rows) == 3, "both rows on adaptation have one name"
    assert all(0.6 < float(f1) < 0.95 for (f1,) in rows.values())


def test_quality_by_size():
    rows = table(script("quality", "data", "--no-peers", "--sizes").split("\n\n")[1])
    assert {name.split(",")[0] for name in rows} == {"0.1 MB", "0.2 MB"}


@needs("jieba", "sentencepiece")
def test_quality_of_peers():
    assert {"jieba", "SentencePiece, trained on the news"} <= table(script("quality", "data")).keys()


@needs("jieba", "tokenizers", "sentencepiece")
def test_exports():
    """Other tools cut well with our words; the characters of a text's own script are what matters."""
    f1 = {name: float(row[0]) for name, row in table(script("exports", "data")).items()}
    both, simplified, traditional = (
        f1[f"jieba, --format jieba --scripts {name}"] for name in ("both", "simplified", "traditional")
    )
    assert abs(both - simplified) < 0.005 < both - traditional
    assert f1["SentencePiece, --format sentencepiece"] > 0.7
    assert f1["segtool, the included model"] > f1["tokenizers, --format hf"] > 0.75


def test_corpora():
    f1 = {name: float(row[0]) for name, row in table(script("corpora", "data")).items()}
    assert f1["the same, `--join-lines 20`"] == f1["news"]
    spoiled = f1["recipes with a line 8,000 times"]
    assert spoiled + 0.1 < f1["recipes with a line 8,000 times, `--unique-lines`"]


def test_split_words():
    numbers, words = script("split_words", "data", "--no-peers", "--model", "again=default").split("\n\n")
    rows = table(numbers)
    assert list(rows) == ["again", "the included model", "news"]
    assert rows["again"] == rows["the included model"]
    split, found = (int(part.replace(",", "")) for part in rows["news"][-1].split(" / "))
    assert 0 < split < found == sum(len(word) == 2 for word in GOLD.read_text("utf-8").split())
    assert list(table(words)) == split_words.COMMON


def test_split_words_by_hand():
    """于是 is split, 为了 is whole once, and 中国 has no cut."""
    found, whole, split = split_words.split_words(
        ["于是 为了 中国", "为了 他"], lambda lines: [["于", "是", "为了", "中国"], ["为", "了他"]]
    )
    assert found == {"于是": 1, "为了": 2, "中国": 1}
    assert (+whole, +split) == ({"为了": 1, "中国": 1}, {"于是": 1})


def test_by_eye_is_current():
    page = (ROOT / "docs" / "by_eye.md").read_text("utf-8")
    for heading, lines in by_eye.blocks(segtool.load()):
        [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert f"```text\n{lines}\n```" in section, heading
        assert len(lines.splitlines()) - lines.count(by_eye.BEFORE) == 20
    assert lines in script("by_eye")


def test_word_lists():
    rows = table(script("word_lists", "data"))
    alone, with_list = (float(rows[name][0]) for name in ("the included model", "… and the words of half a dev part"))
    assert 0.6 < alone < with_list < 0.98


def test_learning_curve():
    rows = table(script("learning_curve", "data", "--sizes", "10", "50", "--draws", "1", "--no-peers"))
    [(untuned, few, many, everything)] = rows.values()
    assert float(untuned) < float(many) < float(everything) and 0.6 < float(few) < 1


def test_learning_curve_with_a_word_list(tmp_path):
    """The lines of the sample serve as a set that comes with a word list."""
    lines = GOLD.read_text("utf-8").splitlines()[:40]
    for name in ("pku", "msr", "ud_gsdsimp", "ud_gsd_trad"):
        (tmp_path / "gold" / name).mkdir(parents=True)
        for part in ("dev10pct", "dev", "test"):
            text = "\n".join(lines if name == "msr" else lines[:6])
            (tmp_path / "gold" / name / f"{part}.seg.txt").write_text(text, encoding="utf-8")
    words = "\n".join(sorted({*" ".join(lines).split()}))
    (tmp_path / "gold" / "msr" / "training_words.txt").write_text(words, encoding="utf-8")
    rows = table(script("learning_curve", tmp_path, "--sizes", "20", "--draws", "1", "--no-peers"))
    assert all(float(listed) > float(alone) for alone, listed in zip(rows["msr"], rows["… with its list"], strict=True))


@needs("pycrfsuite")
def test_learning_curve_of_crfsuite():
    rows = table(script("learning_curve", "data", "--sizes", "20", "--draws", "1"))
    assert 0 < float(rows["… CRFsuite"][1]) < float(rows["gold"][1])


def test_reliability():
    errors, bins = map(table, script("reliability", "data", "--tune", 40, "--granularity", 2).split("\n\n"))
    assert list(errors) == ["included", "included, granularity 2", "news", "included, tuned to 40 sentences"]
    for row in errors.values():
        error, _, _, loss, _, uncalibrated_loss = map(float, row[-6:])
        assert error < 0.08 and loss < uncalibrated_loss
    assert float(errors["included"][-6]) < float(errors["included"][-4])
    assert len(bins) == 10
    means, boundaries = ([float(row[i]) for row in bins.values()] for i in (1, 2))
    assert means == sorted(means) and boundaries[-1] - boundaries[0] > 0.9


def test_tune():
    rows = table(script("tune", "data", "entropy_floor"))
    assert list(rows) == ["defaults", "`entropy_floor` 1", "`entropy_floor` 2"]
    assert len({f1 for (f1,) in rows.values()}) > 1
    script("tune", "data", "entropy_roof", code=1)


def test_parts():
    sizes, terms = map(table, script("parts", "data", "--terms").split("\n\n"))
    assert "news, 0.1 MB" in sizes and all(re.fullmatch(r"\.\d{4} \([-+]\.\d{4}\)", f1) for (f1,) in sizes.values())
    assert terms["`parts_weight` 0"][0].endswith("(+.0000)")
    assert len({figure for (figure,) in terms.values()}) > 5


def test_compare():
    rows = table(script("compare", "data", "--megabytes", 0.1))
    assert len(rows) == 6
    assert all(0.6 < float(f1) < 0.95 and float(speed) > 0 for f1, _, speed in rows.values())


@pytest.mark.parametrize("idea", ["average", "iterate", "free", "unknown", "characters", "classes"])
def test_ideas(idea):
    rows = table(script("ideas", "data", idea))
    plain = rows.pop("defaults")[0]
    assert rows
    for name, (figure,) in rows.items():
        f1, difference = re.fullmatch(r"(\.\d{4}) \(([-+]\.\d{4})\)", figure).groups()
        assert abs(float(f1) - float(plain) - float(difference)) < 0.0002
        assert abs(float(difference)) < 0.2
        if name.startswith("tagger as it is"):
            assert abs(float(difference)) < 0.005, "it is the tagger of the package, but for rounding"


def test_scale(tmp_path):
    found = script("scale", "data", "--sizes", "0.02,0.04", "--tmp", tmp_path, "--json", tmp_path / "scale.json")
    stages, growth = map(table, found.split("\n\n"))
    assert {"read", "count", "lexicon", "all", "`segtool count`"} <= stages.keys()
    small, large, _ = growth["symbols"]
    assert int(large.replace(",", "")) > 1.5 * int(small.replace(",", ""))
    assert (tmp_path / "scale.json").is_file()


# What makes files of the package


def test_make_default(tmp_path):
    for name in make_default.MIXTURE:
        shutil.copy(SAMPLE / "city.txt", tmp_path / name)
    script("make_default", tmp_path, tmp_path / "once")
    script("make_default", tmp_path, tmp_path / "again")
    assert contents(tmp_path / "once") == contents(tmp_path / "again")
    card = segtool.load(tmp_path / "once").model.card
    assert [each["name"] for each in card["sources"]] == list(make_default.MIXTURE)


def test_make_charclass(tmp_path):
    script("make_charclass", tmp_path / "charclass.txt")
    head, *made = (tmp_path / "charclass.txt").read_text().splitlines()
    assert re.match(rf"# Unicode {unicodedata.unidata_version}, ", head)
    committed, *lines = (TEXT / "charclass.txt").read_text().splitlines()
    if committed == head:
        assert made == lines
    assert {"4E00", "3400"} <= {line.split()[0] for line in made}


@needs("opencc")
def test_make_fold(tmp_path):
    script("make_fold", tmp_path / "fold.txt")
    made = (tmp_path / "fold.txt").read_text().splitlines()
    assert {"006F22 006C49", "007063 006E7E"} <= set(made)


# The reference of commands


def test_reference_is_current():
    assert script("make_cli_docs", "--check") == ""


def test_reference_that_is_not_current_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(make_cli_docs, "TARGET", tmp_path / "cli.md")
    monkeypatch.setattr(sys, "argv", ["make_cli_docs"])
    make_cli_docs.main()
    assert (tmp_path / "cli.md").read_bytes() == (ROOT / "docs" / "cli.md").read_bytes()
    (tmp_path / "cli.md").write_text("# Old\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["make_cli_docs", "--check"])
    with pytest.raises(SystemExit, match="not current"):
        make_cli_docs.main()


@pytest.mark.skipif(sys.platform != "linux", reason="limits and signals are those of Linux")
def test_torture():
    """A trial or more of each kind; none fails. A failure is repeated alone, and makes the exit code 1."""
    rows = table(script("torture", "--seconds", 3, "--workers", 2))
    assert list(rows) == ["strings", "files", "mutations", "kills", "surroundings", "sharing"]
    assert all(int(row[1].replace(",", "")) + int(row[2].replace(",", "")) > 0 for row in rows.values())
    assert all(row[3:] == ["0", "none"] for row in rows.values())
    assert script("torture", "--only", "strings:1") == script("torture", "--only", "strings:1")
