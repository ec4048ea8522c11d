"""``segtool lm`` as it is typed."""

import gzip
import subprocess
import sys

import pytest
from click.testing import CliRunner

from segtool.cli.lm import lm_group
from segtool.cli.main import main
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import LanguageModel
from tests.helpers import SAMPLE, contents, environment, sample_text, scratch
from tests.naive_lm import BINARY, plain_table, same

TEXT = "医生说今天要休息,明天再来。\n\n龘\n"


def run(*arguments, code=0, **options):
    done = CliRunner().invoke(main, ["lm", *map(str, arguments)], **options)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def refusal(*arguments, code=1, **options):
    """The one line that a failed command has said."""
    done = run(*arguments, code=code, **options)
    lines = [line for line in done.stderr.splitlines() if "compiling its kernels" not in line]
    assert len(lines) == 1 and lines[0].startswith("segtool: "), lines
    return lines[0]


@pytest.fixture(scope="module")
def trained():
    """An ARPA file, a packed one and a directory of the same model; do not write there."""
    folder = scratch() / "lm"
    if not folder.exists():
        folder.mkdir()
        for name in ("a.arpa", "a.arpa.gz", "a.lm"):
            run("train", SAMPLE, "-o", folder / name, "--prune", "0 0 1", "-q")
    return folder


def rows(output):
    head, *lines = [line.split("\t") for line in output.splitlines()]
    assert head == ["line", "log10", "perplexity", "tokens", "unknown"]
    return lines


# train


def test_train_writes_one_model_in_each_form(trained, sample_counts):
    lm = LanguageModel.open(trained / "a.lm")
    assert same(lm, estimate(sample_counts, 4, (0, 0, 1)))
    assert len(plain_table(trained / "a.arpa")) == sum(lm.ngrams) + 1
    assert gzip.decompress((trained / "a.arpa.gz").read_bytes()) == (trained / "a.arpa").read_bytes()
    assert lm.card["parameters"] == {"order": 4, "prune": [0, 0, 1, 1]}
    assert lm.card["corpus"]["characters"] == len(sample_text().replace("\n", ""))


@pytest.mark.parametrize("name", ["a.arpa", "a.arpa.gz", "a.lm"])
def test_train_does_not_depend_on_workers(trained, tmp_path, name):
    run("train", SAMPLE, "-o", tmp_path / name, "--prune", "0,0,1", "-j", 3, "-q")
    if name == "a.lm":
        assert contents(tmp_path / name) == contents(trained / name)
    else:
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_train_prints_a_summary(tmp_path):
    printed = run("train", SAMPLE, "-o", tmp_path / "a", "--order", 3).stderr
    for part in (
        "read ",
        "found ",
        "order    3",
        "3-grams",
        "discounts",
        "estimate",
        "write",
        f"model    {tmp_path}",
    ):
        assert part in printed
    assert run("train", SAMPLE, "-o", tmp_path / "a", "--order", 3, "-q").output == ""


def test_train_on_standard_input_in_another_encoding(tmp_path):
    run("train", "-", "-o", tmp_path / "a", "--encoding", "gb18030", "-q", input=TEXT.encode("gb18030"))
    assert LanguageModel.open(tmp_path / "a").score_text("医生").unknown == 0


def test_train_leaves_out_lines_that_cannot_be_decoded(tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT.encode() + b"\xff\n" + TEXT.encode())
    assert "line 4" in refusal("train", tmp_path / "a.txt", "-o", tmp_path / "a", "-q")
    assert not (tmp_path / "a").exists()
    printed = run("train", tmp_path / "a.txt", "-o", tmp_path / "a", "--skip-undecodable").stderr
    assert "skipped  1 lines" in printed and "line 4, byte offset" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--order", "7"], 2, "--order 7: choose 2 to 6"),
        (["--prune", "1"], 2, "--prune 1: single symbols are never pruned"),
        (["--prune", "0 2 1"], 2, "ascending order"),
        (["--prune", "0 0 0 0 1"], 2, "at most as many as --order 4"),
        (["--prune", "0 -1"], 2, "--prune '0 -1': give a number"),
        (["--prune", "two"], 2, "--prune 'two': give a number"),
        (["--encoding", "klingon"], 2, "unknown encoding"),
    ],
)
def test_train_refuses(tmp_path, arguments, code, part):
    assert part in refusal("train", SAMPLE, "-o", tmp_path / "a", *arguments, code=code)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "\n\n", "abc 123\n", "……"])
def test_train_needs_chinese_text(tmp_path, text):
    printed = refusal("train", "-", "-o", tmp_path / "a", "-q", input=text)
    assert "pass Chinese text, and --encoding" in printed if text else "the corpus is empty" in printed
    assert not list(tmp_path.iterdir())


def test_train_looks_at_the_output_first(tmp_path):
    assert "create the folder" in refusal("train", SAMPLE, "-o", tmp_path / "no" / "a.arpa")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "is a file" in refusal("train", SAMPLE, "-o", tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "x"


# score


@pytest.mark.parametrize("name", ["a.arpa", "a.arpa.gz", "a.lm"])
def test_score_of_each_line_and_of_all(trained, tmp_path, name):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    lines = rows(run("score", trained / name, tmp_path / "a.txt").stdout)
    lm = LanguageModel.open(trained / "a.lm")
    scores = [*map(lm.score_text, TEXT.splitlines()), lm.score_text(TEXT)]
    assert [line[0] for line in lines] == ["1", "2", "3", "total"]
    for line, score in zip(lines, scores, strict=True):
        assert [int(line[3]), int(line[4])] == [score.tokens, score.unknown]
        assert float(line[1]) == pytest.approx(score.log10_probability, abs=1e-3)
        assert float(line[2]) == pytest.approx(score.perplexity, rel=1e-4, nan_ok=True)
    assert rows(run("score", trained / name, input=TEXT).stdout) == lines
    assert rows(run("score", trained / name, "-", "--encoding", "utf-16", input=TEXT.encode("utf-16")).stdout) == lines


def test_score_of_nothing(trained):
    assert rows(run("score", trained / "a.lm", input="").stdout) == [["total", "0.0000", "nan", "0", "0"]]


def test_score_by_kenlm(tmp_path):
    pytest.importorskip("kenlm")
    (tmp_path / "a.binary").write_bytes(BINARY)
    lines = rows(run("score", tmp_path / "a.binary", input="一的龘3,的\n").stdout)
    assert lines == [["1", "-5.3073", "5.7304", "7", "1"], ["total", "-5.3073", "5.7304", "7", "1"]]


def test_score_refuses(trained, tmp_path):
    assert "cannot be read" in refusal("score", tmp_path / "no.arpa", input=TEXT)
    assert "no card.json" in refusal("score", tmp_path, input=TEXT)
    assert "pass an ARPA file" in refusal("score", SAMPLE / "city.txt", input=TEXT)
    assert "--encoding" in refusal("score", trained / "a.lm", input=b"\xff\n")


# info, import


def test_info(trained, tmp_path):
    printed = run("info", trained / "a.lm").stdout.splitlines()
    assert printed[0] == "order    4"
    assert [line.split()[0] for line in printed[1:5]] == ["1-grams", "2-grams", "3-grams", "4-grams"]
    assert all("discounts" in line for line in printed[1:5])
    assert "parameters: prune [0, 0, 1, 1]" in printed
    assert "discounts" not in run("info", trained / "a.arpa").stdout


def test_import_of_an_arpa_file(trained, tmp_path):
    printed = run("import", trained / "a.arpa.gz", "-o", tmp_path / "m").stderr
    assert "order    4" in printed and f"model    {tmp_path / 'm'}" in printed
    assert same(LanguageModel.open(tmp_path / "m"), LanguageModel.open(trained / "a.lm"))
    assert "imported: file a.arpa.gz" in run("info", tmp_path / "m").stdout
    run("import", trained / "a.arpa", "-o", tmp_path / "m", "-q")  # a model is replaced
    assert "imported: file a.arpa\n" in run("info", tmp_path / "m").stdout


def test_import_of_a_binary(tmp_path):
    pytest.importorskip("kenlm")
    (tmp_path / "a.binary").write_bytes(BINARY)
    run("import", tmp_path / "a.binary", "-o", tmp_path / "m")
    assert run("info", tmp_path / "m").stdout.splitlines() == [
        "order    2",
        "kind     KenLM binary, queried through kenlm",
    ]
    scores = [run("score", tmp_path / name, input="一的\n").stdout for name in ("a.binary", "m")]
    assert scores[0] == scores[1]


def test_arpa_files_and_directories_do_without_kenlm(trained, tmp_path, monkeypatch):
    scores = run("score", trained / "a.lm", input=TEXT).stdout
    monkeypatch.setitem(sys.modules, "kenlm", None)
    run("train", SAMPLE / "city.txt", "-o", tmp_path / "a.arpa", "-q")
    run("import", trained / "a.arpa.gz", "-o", tmp_path / "m", "-q")
    assert "1-grams" in run("info", tmp_path / "a.arpa").stdout
    assert [run("score", each, input=TEXT).stdout for each in (trained / "a.arpa", tmp_path / "m")] == [scores] * 2
    (tmp_path / "a.binary").write_bytes(BINARY)
    assert "pip install 'segtool[kenlm]'" in refusal("score", tmp_path / "a.binary", input=TEXT)


def test_import_refuses(tmp_path):
    assert "no line \\data\\" in refusal("import", SAMPLE / "city.txt", "-o", tmp_path / "m")
    assert not list(tmp_path.iterdir())


# Conventions


@pytest.mark.parametrize("command", [None, *lm_group.commands])
def test_help_answers_at_once(command):
    """Without numpy and its kin, whatever imports what first."""
    arguments = ["lm", *([command] if command else []), "--help"]
    code = (
        "import sys; from segtool.cli.lm import lm_group; from segtool.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "finally: assert not {'numpy', 'numba', 'kenlm', 'tqdm'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"Usage: " in done.stdout
