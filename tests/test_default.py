"""The model in the box, and learning from the text at hand, as a user meets them."""

import json

import pytest

import segtool
from segtool.store.model import find_model
from tests.helpers import ROOT, run, said, sample_model

BOX = ROOT / "segtool" / "default"
NAME = "萧薰儿"
NOVEL = "".join(
    f"{before}{NAME}{behind}。\n"
    for before, behind in [
        ("昨天", "去了公园"), ("我们都喜欢", "的朋友"), ("医生说", "要休息"), ("听说", "在学校"), ("大家都找", "帮忙"),
        ("后来", "买了东西"), ("可是", "没有来"), ("这是", "的项目"), ("他看着", "笑了"), ("原来", "早就知道"),
    ]
)  # fmt: skip


def test_it_cuts():
    assert " ".join(segtool.load().cut("今天天气很好，我们去公园。")) == "今天 天气 很 好 ， 我们 去 公园 。"
    assert segtool.load("default").model.path == BOX


def test_it_reads_both_scripts():
    words = segtool.load().cut("臺灣的經濟發展")
    assert words == ["臺灣", "的", "經濟", "發展"]
    assert [len(word) for word in segtool.load().cut("台湾的经济发展")] == [len(word) for word in words]


def test_it_is_small_and_of_open_text():
    assert sum(path.stat().st_size for path in BOX.iterdir()) <= 8_000_000
    card = json.loads((BOX / "card.json").read_text(encoding="utf-8"))
    assert card["name"] == "default"
    assert len(card["sources"]) >= 5
    for source in card["sources"]:
        assert source["terms"].startswith(("Apache", "CC BY", "Unlicense", "no copyright", "public domain")), source
        assert len(source["digest"]) == 64


def test_it_is_better_than_the_sample():
    gold = (ROOT / "data" / "gold.seg.txt").read_text(encoding="utf-8").splitlines()
    raw = [line.replace(" ", "") for line in gold]

    def f1(segmenter):
        return segtool.evaluate(gold, map(" ".join, segmenter.cut_batch(raw))).f1

    assert f1(segtool.load()) > max(f1(segtool.load(sample_model())), 0.82)


def test_cut_without_a_model(tmp_path):
    (tmp_path / "text").write_text("今天天气很好\n", encoding="utf-8")
    done = run("cut", tmp_path / "text")
    assert (done.returncode, done.stdout.decode()) == (0, "今天 天气 很 好\n")
    again = run("cut", "-m", "default", input="今天天气很好\n".encode())
    assert again.stdout == done.stdout


def test_a_folder_of_that_name(tmp_path):
    assert find_model("default") == BOX
    assert find_model("./default") != BOX
    assert find_model(tmp_path / "default") == tmp_path / "default"


def test_cut_adapts(tmp_path):
    (tmp_path / "novel").write_text(NOVEL, encoding="utf-8")
    done = run("cut", tmp_path / "novel", "--adapt", tmp_path / "novel")
    assert done.returncode == 0, done
    lines = done.stdout.decode().splitlines()
    assert [line for line in lines if NAME in line.split()] == lines
    assert "".join(done.stdout.decode().split()) == "".join(NOVEL.split())
    segmenter = segtool.load().adapt([NOVEL])
    assert lines == [" ".join(segmenter.cut(line)) for line in NOVEL.splitlines()]


def test_cut_adapts_to_several_files(tmp_path):
    for i, line in enumerate(NOVEL.splitlines()):
        (tmp_path / f"{i}.txt").write_text(line, encoding="utf-8")
    options = [part for i in range(10) for part in ("--adapt", tmp_path / f"{i}.txt")]
    done = run("cut", *options, input=NOVEL.encode())
    assert NAME in done.stdout.decode().split()


@pytest.mark.parametrize(
    ("content", "named"),
    [("", "empty"), ("abc 123\n", "no Han"), (None, "No such file"), (b"\xff\xfe\xff", "byte")],
    ids=["empty", "no Han", "missing", "undecodable"],
)
def test_a_text_that_cannot_be_learned_from(tmp_path, content, named):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("cut", "--adapt", path, "-o", tmp_path / "out", input=NOVEL.encode())
    assert done.returncode == 1
    assert named.lower() in done.stderr.decode().lower()
    assert len(said(done.stderr)) == 1
    assert not (tmp_path / "out").exists()


def test_standard_input_is_read_once():
    done = run("cut", "--adapt", "-", input=NOVEL.encode())
    assert done.returncode == 2
    assert "--adapt" in done.stderr.decode()


def test_train_continues_from_it(tmp_path):
    (tmp_path / "novel").write_text(NOVEL, encoding="utf-8")
    done = run("train", tmp_path / "novel", "-o", tmp_path / "m", "--base", "default")
    assert done.returncode == 0, done
    segmenter = segtool.load(tmp_path / "m")
    assert NAME in segmenter.cut(NOVEL.splitlines()[0])
    card = segmenter.model.card
    assert card["base"]["name"] == "default"
    assert "sources" not in card
    assert card["corpus"]["characters"] == len(NOVEL.replace("\n", ""))
    again = run("train", tmp_path / "novel", "-o", tmp_path / "n", "--base", "default", "-j", "3")
    assert again.returncode == 0
    for path in (tmp_path / "m").iterdir():
        assert path.read_bytes() == (tmp_path / "n" / path.name).read_bytes()


def test_a_base_and_parameters(tmp_path):
    (tmp_path / "novel").write_text(NOVEL, encoding="utf-8")
    done = run("train", tmp_path / "novel", "-o", tmp_path / "m", "--base", "default", "--min-count", "3")
    assert done.returncode == 2
    assert "--min-count" in done.stderr.decode()
    done = run("train", tmp_path / "novel", "-o", tmp_path / "m", "--base", tmp_path / "none")
    assert done.returncode == 1
    assert "does not exist" in done.stderr.decode()
    assert not (tmp_path / "m").exists()
