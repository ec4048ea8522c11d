"""The page about a cut: whatever the text, it is well-formed, complete and loads nothing; a browser renders it."""

import itertools
import os
import re
import shutil
import struct
import subprocess
import zlib
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from segtool.explain.drawing import DRAWN_WITHIN, markup
from segtool.segmenter import Segmenter
from tests.helpers import TIMEOUT, any_text, extend, sample_segmenter, sample_text

SEGMENTER = sample_segmenter()
EXTENDED = Segmenter(extend(SEGMENTER.model, 3))
TEXT = "医生说今天要休息，12.5%的人在北京大学学习C++。<b>&amp;\n龘𠮷"
SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"


def explain(text, segmenter=EXTENDED):
    return segmenter.explain(text)


def parsed(page):
    assert page.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n").encode())


def classes(element):
    return element.get("class", "").split()


def shown(text):
    """A text as an element of the page has it."""
    return ElementTree.fromstring(f"<p>{markup(text)}</p>").text or ""


def drawn(page):
    """Bars and gaps of each row: (left, right, whether chosen, tip) and (x, whether chosen, text)."""
    rows = []
    for svg in page.iter(SVG + "svg"):
        bars, gaps = [], []
        for group in svg.iter(SVG + "g"):
            if "bar" in classes(group):
                box = group.find(SVG + "rect")
                left, y = int(box.get("x")), int(box.get("y"))
                bars.append((y, left, left + int(box.get("width")), "chosen" in classes(group), group[0].text))
            else:
                gaps.append((int(group.find(SVG + "line").get("x1")), "chosen" in classes(group), group[2].text))
        rows.append((svg, bars, gaps))
    return rows


# Every text


@settings(max_examples=200)
@given(any_text)
def test_every_text_has_a_page(text):
    explanation = explain(text)
    page = parsed(explanation.to_html())
    (words,) = (each for each in page.iter(HTML + "p") if "words" in classes(each))
    assert ["".join(word.itertext()) for word in words] == [shown(word) for word in explanation.words]
    cells = [each.text for each in page.iter(SVG + "text") if "text" in classes(each)]
    assert "".join(cells) == shown("".join(text.split()))
    chosen = [tip.split(": ")[0] for _, bars, _ in drawn(page) for *_, is_chosen, tip in bars if is_chosen]
    assert chosen == [shown(word.word) for one in explanation.runs for word in one.cover]


@given(any_text)
def test_a_page_loads_nothing(text):
    page = explain(text).to_html()
    assert "default-src 'none'" in page
    for element in parsed(page).iter():
        assert element.tag.split("}")[1] not in {"script", "link", "img", "iframe", "object", "image", "use", "a"}
        assert not {"src", "href", "onload", "style"} & set(element.keys())
    style = parsed(page).find(f"{HTML}head/{HTML}style").text
    assert "url(" not in style and "@import" not in style


def test_markup():
    assert markup("<a&b>\"'") == "&lt;a&amp;b&gt;&quot;&#x27;"
    assert markup("\x00\x1b\x7f\x85") == "\u2400\u241b\u2421\ufffd"
    assert markup("a\ud800\u202eb\uffff\U0001fffe") == "a\ufffd\ufffdb\ufffd\ufffd"
    assert markup("今天😀\u200d👩") == "今天😀\u200d👩"


# The drawing


def test_words_and_gaps_are_drawn_in_place():
    (one,) = explain("医生说今天").runs
    ((svg, bars, gaps),) = drawn(parsed(explain("医生说今天").to_html()))
    cell = gaps[0][0]
    assert [(x // cell, chosen) for x, chosen, _ in gaps] == [(i, gap.chosen) for i, gap in enumerate(one.gaps, 1)]
    assert [text for *_, text in gaps] == [f"{gap.score:+.2f}".replace("-", "−") for gap in one.gaps]
    wanted = [word for word in one.words if word.loss <= DRAWN_WITHIN or word.chosen]
    assert len(bars) == len(wanted) > 5
    by_tip = {tip.split(" nats")[0]: (left, right) for _, left, right, _, tip in bars}
    for word in wanted:
        left, right = by_tip[f"{word.word}: {word.score:+.4f}".replace("-", "−")]
        assert (left // cell, right // cell) == (word.start, word.end - 1)
    assert {y for y, *_, chosen, _ in bars if chosen} == {min(y for y, *_ in bars)}
    assert svg.get("aria-label") == "医生说今天"


@pytest.mark.parametrize("segmenter", [SEGMENTER, EXTENDED])
def test_bars_do_not_overlap(segmenter):
    for svg, bars, _ in drawn(parsed(explain(sample_text()[:1500], segmenter).to_html())):
        low, _, width, height = map(int, svg.get("viewBox").split())
        for y, left, right, _, _ in bars:
            assert left < right and y + 36 <= height
            assert right > low and left < low + width
        for lane in {y for y, *_ in bars}:
            places = sorted((left, right) for y, left, right, *_ in bars if y == lane)
            assert all(right <= left for (_, right), (left, _) in itertools.pairwise(places))


def test_rows_wrap():
    """Rows are at most as wide as the page, and every word of the cut is in one row."""
    text = sample_text().translate({ord(c): None for c in "，。、；：？！\n “”"})[:400]
    explanation = explain(text)
    (one,) = explanation.runs
    rows = drawn(parsed(explanation.to_html()))
    assert len(rows) > 20
    assert all(int(svg.get("width")) <= 1090 for svg, _, _ in rows)
    labels = [svg.get("aria-label") for svg, _, _ in rows]
    assert "".join(labels) == text
    assert sum(chosen for _, bars, _ in rows for *_, chosen, _ in bars) == len(one.cover)
    assert sum(len(gaps) for _, _, gaps in rows) == len(one.gaps)
    crossing = [word for word in one.words if not word.chosen and word.loss <= DRAWN_WITHIN]
    assert sum(len(bars) for _, bars, _ in rows) > len(crossing) + len(one.cover), "none goes on in the next row"


def test_no_row_begins_with_a_mark():
    rows = drawn(parsed(explain("今天天气很好，" * 40).to_html()))
    assert len(rows) > 5
    assert not any(svg.get("aria-label").startswith("，") for svg, _, _ in rows)


def test_line_ends_begin_rows():
    rows = drawn(parsed(explain("今天\n天气 很好\r\n\n去").to_html()))
    assert [svg.get("aria-label") for svg, _, _ in rows] == ["今天", "天气 很好", "去"]


def test_an_empty_page():
    page = parsed(explain("").to_html())
    assert drawn(page) == []
    assert page.find(f"{HTML}body/{HTML}h1") is not None


# A browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser():
    """The path of a Chromium: that of the variable CHROME, or one on the path."""
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install one, or set CHROME to its path")
    return found


def browse(browser, folder, *options):
    """Open the page in a headless browser; what it prints, without messages of its own."""
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", *options]
    command += [f"--user-data-dir={folder / 'profile'}", "--window-size=1200,900", "--hide-scrollbars"]
    done = subprocess.run([*command, (folder / "page.html").as_uri()], capture_output=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr.decode()
    assert b":CONSOLE" not in done.stderr, done.stderr.decode()
    return done.stdout.decode()


def pixels(path):
    """Colours of a screenshot, a row of (red, green, blue) after another."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    packed, at, width, channels = b"", 8, 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IHDR":
            width, _, depth, colour = struct.unpack(">IIBB", data[at + 8 : at + 18])
            assert depth == 8 and colour in (2, 6)
            channels = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += data[at + 8 : at + 8 + size]
        at += size + 12
    raw, stride = zlib.decompress(packed), width * channels
    rows, before = [], bytes(stride)
    for i in range(0, len(raw), stride + 1):
        kind, line = raw[i], bytearray(raw[i + 1 : i + 1 + stride])
        for j in range(stride):
            left = line[j - channels] if j >= channels else 0
            up, corner = before[j], before[j - channels] if j >= channels else 0
            if kind == 1:
                line[j] = (line[j] + left) & 255
            elif kind == 2:
                line[j] = (line[j] + up) & 255
            elif kind == 3:
                line[j] = (line[j] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                line[j] = (line[j] + min((left, up, corner), key=lambda c: abs(guess - c))) & 255
        before = bytes(line)
        rows.append([before[j : j + 3] for j in range(0, stride, channels)])
    return rows


def test_a_browser_reads_it(browser, tmp_path):
    (tmp_path / "page.html").write_text(explain(TEXT).to_html(), encoding="utf-8")
    dom = browse(browser, tmp_path, "--dump-dom")
    title = "医生说今天要休息，12.5%的人在北京大学学习C++。&lt;b&gt;&amp;amp; 龘𠮷 · segtool explain"
    assert f"<title>{title}</title>" in dom
    ours = parsed(explain(TEXT).to_html())
    for tag in ("svg", "rect", "text", "tr", "td"):
        assert len(re.findall(rf"<{tag}[ >]", dom)) == sum(each.tag.endswith("}" + tag) for each in ours.iter()) > 0


@pytest.mark.parametrize(("scheme", "paper", "cut"), [(1, "fcfcfb", "d9eafb"), (0, "15191d", "16385a")])
def test_a_browser_draws_it(browser, tmp_path, scheme, paper, cut):
    """In light and in dark, with the bars of the cut where they belong."""
    explanation = explain("今天天气很好")
    (tmp_path / "page.html").write_text(explanation.to_html(), encoding="utf-8")
    picture = tmp_path / "page.png"
    browse(browser, tmp_path, f"--screenshot={picture}", f"--blink-settings=preferredColorScheme={scheme}")
    rows = pixels(picture)
    assert rows[1][1].hex() == paper
    filled = [y for y, row in enumerate(rows) if sum(pixel.hex() == cut for pixel in row) > 250]
    assert 20 <= len(filled) <= 40, "the lane of the cut"
    row = rows[filled[1]]
    bars = sum(a.hex() != cut == b.hex() for a, b in itertools.pairwise(row))
    assert bars == len(explanation.words)
