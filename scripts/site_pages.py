"""Pages of the site beside docs/*.md: the notebook, and the reference from docstrings; mkdocs calls the functions.

Links of the documents to files outside of docs/ lead to the repository.
"""

import configparser
import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

from material.plugins.search import plugin
from mkdocs.structure.files import File

import segtool
import segtool.integrations
import segtool.integrations.jieba

plugin.jieba = segtool.integrations.jieba  # cuts Chinese for the search of the site

ROOT = Path(__file__).resolve().parent.parent
MORE = {
    "segtool.store.model": ["Model"],
    "segtool.discovery": ["discover", "WordScore"],
    "segtool.explain.explanation": ["Explanation", "ExplainedRun", "ExplainedWord", "ExplainedGap", "Alternative"],
    "segtool.lm.store": ["open_lm"],
    "segtool.lm.language_model": ["LanguageModel", "TextScore"],
}
"""Classes and functions that docs/python.md names, and that are not in ``segtool.__all__``."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    more = [f"{home}.{name}" for home, some in MORE.items() for name in some]
    pages = {
        "tutorial.md": notebook_page(ROOT / "docs" / "tutorial.ipynb"),
        "api.md": reference("segtool", [f"segtool.{name}" for name in segtool.__all__ if name != "__version__"]),
        "api-models.md": reference("Models and results", more),
        "api-integrations.md": reference("Integrations", integrations()),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead the links of a page to other pages, or to the repository."""
    return re.sub(r"\]\(\.\./", f"]({repository()}/blob/main/", markdown).replace("](tutorial.ipynb", "](tutorial.md")


def on_page_content(html: str, **_: Any) -> str:
    """Make links of the references in docstrings, such as those of ``:func:``, where the site has their targets."""
    return re.sub(
        r":(?:func|class|mod|meth|data|attr|exc):<code>~?([^<]*)</code>",
        r'<autoref identifier="\1" optional><code>\1</code></autoref>',
        html,
    )


def repository() -> str:
    """The address of the repository."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return dict(re.findall(r"^(\w+) = (\S+)$", settings["metadata"]["project_urls"], re.MULTILINE))["Source"]


def integrations() -> list[str]:
    """The names of every integration, with their modules."""
    names = sorted(each.name for each in pkgutil.iter_modules(segtool.integrations.__path__, "segtool.integrations."))
    return [f"{name}.{each}" for name in names for each in importlib.import_module(name).__all__]


def reference(title: str, names: list[str]) -> str:
    """A page of the docstrings of names."""
    return "\n\n".join([f"# {title}", *(f"::: {name}" for name in names)])


def notebook_page(path: Path) -> str:
    """A notebook as Markdown, its outputs below its code."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        shown = "".join("".join(each.get("text") or each["data"]["text/plain"]) for each in cell["outputs"])
        if shown:
            parts.append(f"```text\n{shown}\n```")
    return "\n\n".join(parts)
