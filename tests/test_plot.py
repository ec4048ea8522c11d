"""Pictures: the figures behind them against their definitions, the files, fonts, and ``segtool plot``."""

import math
import random
import sys
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

import segtool
from segtool.cli.main import main
from segtool.discovery import WordScore
from segtool.errors import CorpusError, InputError, UsageError
from segtool.plot import figures, pictures
from segtool.tokens import has_letters
from tests.helpers import GOLD, SAMPLE

SENTENCES = [line.split() for line in GOLD.read_text(encoding="utf-8").splitlines()]
WORDS = [WordScore("天气", 3.0, 5, 4.5, 0.1, 2.0, 1.0, 1.5), WordScore("A天$", 1.0, 9, 4.0, 0.1, 2.0, 1.0, 1.5)]


# Figures


def test_learning_curve_draws_the_same_sentences_each_time():
    learned = []

    def learn(sentences):
        learned.append(list(sentences))
        right = {"".join(words): words for words in sentences}
        return lambda texts: [right.get(text, list(text)) for text in texts]

    labels = SENTENCES[:10]
    points = figures.learning_curve(learn, labels, labels, [2, 5, 99], 2)
    drawn = [random.Random(seed).sample(labels, size) for size in (2, 5) for seed in (0, 1)]
    assert learned == [*drawn, labels]
    assert [(each.sentences, len(each.f1)) for each in points] == [(2, 2), (5, 2), (10, 1)]
    assert points[-1].f1 == (1.0,) and 0 < max(points[0].f1) < min(points[1].f1) < 1
    with pytest.raises(CorpusError, match="too few labelled sentences"):
        figures.learning_curve(learn, labels[:1], [], [], 1)


def test_growth_counts_types():
    text = "今天天气很好，今天我们去公园。\n天天向上，天气好。\n" * 3 + "去公园。"
    growth = figures.corpus_growth(segtool.load(), [text], order=3)
    runs = [run for line in text.split() for run in line.replace("。", "，").split("，") if run]
    size = len("".join(runs))
    assert growth.types["1-grams"][-1] == (size, len({*"".join(runs)}))
    padded = [f"^{run}^" for run in runs]
    for k in (2, 3):
        grams = {run[i : i + k] for run in padded for i in range(len(run) - k + 1)}
        assert growth.types[f"{k}-grams"][-1] == (size, len(grams))
    words = [word for word in segtool.load().cut(text) if has_letters(word)]
    for tokens, types in growth.types["words"]:
        assert types == len({*words[:tokens]})
    assert growth.types["words"][-1][0] == len(words)
    assert growth.frequencies["words"].tolist() == [count for _, count in Counter(words).most_common()]
    assert growth.frequencies["characters"].tolist() == [count for _, count in Counter("".join(runs)).most_common()]
    for points in growth.types.values():
        assert points == sorted(points) and len(points) > 3


def test_growth_does_not_depend_on_workers():
    text = [path.read_text(encoding="utf-8") for path in sorted(SAMPLE.iterdir())]
    one, two = (figures.corpus_growth(segtool.load(), text, workers=workers) for workers in (1, 2))
    assert one.types == two.types
    assert all(np.array_equal(one.frequencies[name], two.frequencies[name]) for name in one.frequencies)


def test_exponent_of_a_power_law():
    assert figures.growth_exponent([1, 10, 100], [3, 3 * 10**0.5, 30]) == pytest.approx(0.5)
    assert math.isnan(figures.growth_exponent([1], [1]))


def test_reliability():
    probability = np.array([0.0, 0.04, 0.16, 0.95, 1.0])
    gaps = figures.Gaps(probability, np.array([False, True, False, True, True]))
    bins = list(figures.reliability_bins(gaps))
    assert bins[0] == pytest.approx((0.4, 0.02, 0.5)) and bins[1] == pytest.approx((0.2, 0.16, 0.0))
    assert bins[9] == pytest.approx((0.4, 0.975, 1.0)) and bins[5][0] == 0 and math.isnan(bins[5][1])
    assert figures.calibration_error(gaps) == pytest.approx(0.4 * 0.48 + 0.2 * 0.16 + 0.4 * 0.025)


def test_gaps_are_those_within_runs():
    gaps = figures.gaps_of(segtool.load(), [["今天", "天气"], ["好", "。"], ["不", "好"]])
    assert gaps.is_boundary.tolist() == [False, True, False, True]
    text = "今天天气\n好。\n不好"
    probabilities = segtool.load().boundary_probabilities(text)
    assert gaps.probability.tolist() == probabilities[[0, 1, 2, 8]].tolist()
    with pytest.raises(CorpusError, match="no gap"):
        figures.gaps_of(segtool.load(), [["。"]])


# Pictures and fonts


@pytest.fixture
def font(tmp_path):
    """A font with the characters of the words and no others."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000)
    pen = pytest.importorskip("fontTools.pens.ttGlyphPen").TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 700))
    pen.lineTo((700, 0))
    pen.closePath()
    names = {ord(each): f"glyph{ord(each)}" for each in "天气A$"}
    glyphs = [".notdef", *names.values()]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Tiny", "styleName": "Regular", "psName": "Tiny"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "tiny.ttf"
    builder.save(path)
    return str(path)


@pytest.fixture
def fonts(monkeypatch):
    """The fonts of the system, in place of those that this machine has."""
    manager = pytest.importorskip("matplotlib.font_manager")
    found = []
    monkeypatch.setattr(manager, "findSystemFonts", lambda: found)
    return found


def saved(figure, path):
    with path.open("wb") as file:
        pictures.save_picture(figure, file, path.suffix[1:])
    return path.read_bytes()


def test_a_font_is_found_by_its_characters(font, fonts, tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    fonts += [str(broken), font]
    assert pictures.find_font("天气") == font
    assert pictures.find_font("天氣") is None
    assert pictures.find_font("abc") != font


def test_labels_are_words_or_code_points(font, tmp_path):
    svg = saved(pictures.draw_words(WORDS, font=font), tmp_path / "a.svg").decode()
    assert "Tiny-" in svg and "<!-- 天气 -->" in svg and "<!-- A天$ -->" in svg
    svg = saved(pictures.draw_words([WORDS[0], WORDS[0]._replace(word="天氣")], font=font), tmp_path / "a.svg").decode()
    assert "Tiny-" in svg and "<!-- 天气 -->" in svg and "<!-- U+5929 U+6C23 -->" in svg
    svg = saved(pictures.draw_words(WORDS), tmp_path / "b.svg").decode()
    assert "Tiny-" not in svg and "<!-- U+5929 U+6C14 -->" in svg and "<!-- A U+5929 $ -->" in svg
    with pytest.raises(InputError, match="no font that can be read"):
        pictures.draw_words(WORDS, font=str(GOLD))
    with pytest.raises(CorpusError, match="no word to draw"):
        pictures.draw_words([])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_figures_give_the_same_bytes(kind, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    path = tmp_path / f"a.{kind}"
    gaps = figures.Gaps(np.linspace(0, 1, 50), np.arange(50) > 20)
    first = saved(pictures.draw_reliability(gaps), path)
    with matplotlib.rc_context({"axes.facecolor": "red", "svg.hashsalt": "mine", "font.size": 20}):
        assert saved(pictures.draw_reliability(gaps), path) == first
    assert first.startswith(b"\x89PNG" if kind == "png" else b"<?xml")
    assert b"Date" not in first and b"date" not in first


def test_other_kinds_are_refused(tmp_path):
    with pytest.raises(UsageError, match="choose png or svg"):
        pictures.save_picture(pictures.draw_words(WORDS), (tmp_path / "a").open("wb"), "pdf")


# The command


def plot(*arguments):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


@pytest.mark.parametrize(
    "arguments",
    [
        ("curve", GOLD, "--sizes", 5, "--draws", 1),
        ("growth", SAMPLE / "city.txt", "--order", 2),
        ("reliability", GOLD),
        ("words", "-m", "default", "--top", 5),
        ("words", SAMPLE, "--sort", "count"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_command(arguments, tmp_path):
    done = plot(*arguments, "-o", tmp_path / "a.svg", "-q")
    assert (done.exit_code, done.output) == (0, "")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text.rstrip().endswith("</svg>")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_without_a_font_the_words_are_code_points(fonts, tmp_path):
    done = plot("words", "-m", "default", "--top", 3, "-o", tmp_path / "a.PNG")
    assert done.exit_code == 0
    assert "and 2 more words: their code points are drawn; install Noto Sans CJK" in done.stderr


def test_with_a_font_there_is_no_message(font, tmp_path, monkeypatch):
    monkeypatch.setattr("segtool.discovery.discover", lambda *_, **__: WORDS)
    done = plot("words", "-m", "default", "-o", tmp_path / "a.png", "--font", font)
    assert (done.exit_code, done.output) == (0, "")


def test_faults(tmp_path, monkeypatch):
    old = tmp_path / "a.svg"
    old.write_text("old")
    for arguments, code, message in [
        (("words", SAMPLE, "-o", tmp_path / "a.pdf"), 2, "ends in .png or .svg"),
        (("words", SAMPLE, "-m", "default", "-o", old), 2, "either INPUT"),
        (("words", "-o", old), 2, "either INPUT"),
        (("curve", GOLD, "--sizes", "20,x", "-o", old), 2, "--sizes 20,x: give whole numbers"),
        (("curve", "-", "--test", "-", "-o", old), 2, "only once"),
        (("growth", tmp_path / "missing", "-o", old), 1, "missing"),
        (("reliability", SAMPLE / "city.txt", "-m", tmp_path / "none", "-o", old), 1, "none"),
    ]:
        done = plot(*arguments)
        assert done.exit_code == code and message in done.stderr, done.output
        assert done.stderr.count("\n") == 1
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = plot("words", SAMPLE, "-o", old)
    assert done.exit_code == 2 and "pip install 'segtool[plot]'" in done.stderr
    assert old.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["a.svg"]
