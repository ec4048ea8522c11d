"""``segtool explain``: the command prints what Python gives, and refuses what it cannot explain."""

import json

import pytest

import segtool
from tests.helpers import refusal, run, sample_model, sample_segmenter, succeed

SEGMENTER = sample_segmenter()
TEXT = "医生说今天要休息，12.5%的人在北京大学学习C++。"


def test_command(tmp_path):
    model = ["-m", sample_model()]
    report = SEGMENTER.explain(TEXT).report() + "\n"
    assert succeed("explain", TEXT, *model).stdout.decode() == report
    assert succeed("explain", *model, input=TEXT.encode() + b"\r\n").stdout.decode() == report
    encoded = ["--encoding", "gb18030"]
    assert succeed("explain", *encoded, *model, input=TEXT.encode("gb18030")).stdout.decode() == report
    done = succeed("explain", TEXT, *model, "-o", tmp_path / "out", "--html", tmp_path / "page.html")
    assert (done.stdout, done.stderr) == (b"", b"")
    assert (tmp_path / "out").read_text(encoding="utf-8") == report
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == SEGMENTER.explain(TEXT).to_html()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "page.html"]


def test_command_json():
    done = succeed("explain", "--json", "-m", sample_model(), "--granularity", "3", TEXT, "今天")
    expected = SEGMENTER.with_granularity(3).explain(f"{TEXT} 今天").to_dict()
    assert json.loads(done.stdout) == json.loads(json.dumps(expected))


def test_command_with_the_included_model():
    assert b"\nmodel  default\n" in succeed("explain", "商品和服务").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["今天", "--html", "-"], 2, "--html -: standard output has the table"),
        (["今" * 10_001], 2, "10,000 at most"),
        (["今天", "-m", "nowhere"], 1, "nowhere"),
        (["今天", "--granularity", "101"], 2, "granularity 101.0"),
        (["今天", "--html", "no/page.html"], 1, "no or pass another --html"),
        (["今天", "--html", "page.html", "-o", "no/out"], 1, "no or pass another -o"),
    ],
)
def test_command_refuses(arguments, code, message, tmp_path):
    done = run("explain", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in refusal(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_command_with_a_dictionary(tmp_path):
    (tmp_path / "mine").write_text("服务项目 5 n\n", encoding="utf-8")
    (tmp_path / "not").write_text("商品\n", encoding="utf-8")
    done = succeed("explain", "商品和服务项目", "--force", "mine", "--forbid", "not", cwd=tmp_path)
    lines = done.stdout.decode().split("\n")
    segmenter = segtool.load().with_words(force=["服务项目"], forbid=["商品"])
    wanted = segmenter.explain("商品和服务项目").report().split("\n")
    assert lines[2] == "model  default --force mine --forbid not"
    assert [*lines[:2], *lines[3:]] == [*wanted[:2], *wanted[3:], ""]
    assert "forced: weight -" in lines[-2] and "force +4000.000" in lines[-2]
    done = succeed("explain", "商品", "--words", "-", input="商品和\n".encode())
    assert b"--words -" in done.stdout
    done = run("explain", "--words", "-", input="商品和\n".encode())
    assert done.returncode == 2 and "only once" in refusal(done.stderr)


def test_command_reads_no_endless_input():
    done = run("explain", input="今天。".encode() * 1_000_000)
    assert done.returncode == 2 and "10,000 at most" in refusal(done.stderr)
