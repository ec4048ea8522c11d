"""The site of scripts/docs: every document and public name is on it, and it loads nothing from other servers."""

import re
import subprocess

import pytest

import segtool
from tests.helpers import ROOT, TIMEOUT, environment

pytest.importorskip("material")
pytest.importorskip("mkdocstrings")
from scripts import site_pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages by name. A warning, such as that of a broken link, fails the build, unless mkdocs is quiet."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        ["bash", ROOT / "scripts" / "docs", folder], capture_output=True, text=True, env=environment(), timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Documentation built" in done.stderr and "WARNING" not in done.stderr
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}


def anchors(page):
    return set(re.findall(r'\bid="([^"]+)"', page))


def test_every_document_is_a_page(site):
    names = {f"{path.stem}.html" for path in (ROOT / "docs").iterdir()}
    assert names <= site.keys()


def test_the_reference_has_every_public_name(site):
    for page, (_, names) in site_pages.references().items():
        assert set(names) - anchors(site[page.replace(".md", ".html")]) == set(), page
    assert {f"segtool.{name}" for name in segtool.__all__} - {"segtool.__version__"} <= anchors(site["api.html"])
    assert "segtool.integrations.jieba.lcut" in anchors(site["api-integrations.html"])


def test_the_reference_has_what_docstrings_say(site):
    for text in ("Slices of the text, in order", "Parameters:</span>", "Examples:</span>"):
        assert text in site["api.html"]
    assert re.search(r'href="(api.html)?#segtool.train"><code>segtool.train</code>', site["api.html"])
    assert not [name for name, page in site.items() if re.search(r":(func|class|meth|mod):|<p>::</p>", page)]


def test_the_tutorial_shows_what_its_cells_print(site):
    stored = (ROOT / "docs" / "tutorial.ipynb").read_text("utf-8")
    figures = re.findall(r"before, (0\.\d+) after", stored)
    assert figures and all(figure in site["tutorial.html"] for figure in figures)


def test_links_out_of_the_documents_lead_to_the_repository(site):
    assert f'href="{site_pages.repository()}/blob/main/README.zh.md"' in site["index.zh.html"]
    assert 'href="tutorial.html"' in site["index.zh.html"]


def test_pages_load_nothing_from_other_servers(site):
    for name, page in site.items():
        tags = re.findall(r"<(?:script|img|iframe|link|source)\b[^>]*>", page)
        assert [tag for tag in tags if re.search(r'(?:src|href)="(?:https?:)?//', tag)] == [], name
        assert "api.github.com" not in page
