"""The examples in docstrings: they run, and every public name has one."""

import doctest
import importlib
import inspect
import logging
import re

import pytest

from tests.helpers import ROOT
from tests.test_docs import DOCTEST_FLAGS
from tests.test_structure import NAMES

pytest.importorskip("material")
site_pages = pytest.importorskip("scripts.site_pages")


class Finder(doctest.DocTestFinder):
    """Also finds the examples of functions that are decorated."""

    def _from_module(self, module, found):
        return super()._from_module(module, inspect.unwrap(found))


WITH_EXAMPLES = sorted(name for name, path in NAMES.items() if ">>>" in path.read_text(encoding="utf-8"))
PUBLIC = [name for _, names in site_pages.references().values() for name in names]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the sample data, for the examples of a docstring."""
    level = logging.getLogger("segtool").level
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    logging.getLogger("segtool").setLevel(level)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name, folder):
    """Each docstring begins with no names."""
    found = Finder().find(pytest.importorskip(name), name, globs={})
    runner = doctest.DocTestRunner(verbose=False, optionflags=DOCTEST_FLAGS)
    report: list[str] = []
    for number, test in enumerate(each for each in found if each.examples):
        (folder / str(number)).mkdir()
        (folder / str(number) / "data").symlink_to(ROOT / "data")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder / str(number))
            runner.run(test, out=report.append)
    assert not report, "".join(report)
    assert runner.summarize(verbose=False).attempted > 0


def examples(documented):
    return "\n".join(re.findall(r"^ *(?:>>>|\.\.\.) .*", inspect.getdoc(documented) or "", re.MULTILINE))


def without_example(name):
    """A public name and the methods of a class, as far as no example has them.

    The examples of a class or of a module of integrations may show its methods and functions.
    """
    home, _, last = name.rpartition(".")
    module = importlib.import_module(home)
    shown = examples(module) if home.startswith("segtool.integrations.") else ""
    found = getattr(module, last)
    shown += examples(found)
    if not examples(found) and not re.search(rf"\.{last}\b", shown):
        yield name
    for each in dir(found) if isinstance(found, type) else ():
        method = inspect.getattr_static(found, each)
        method = getattr(method, "__func__", method)
        if each.startswith("_") or not inspect.isfunction(method) or not method.__module__.startswith("segtool."):
            continue
        if not examples(method) and not re.search(rf"\.{each}\(", shown):
            yield f"{name}.{each}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_examples(name):
    assert list(without_example(name)) == []
