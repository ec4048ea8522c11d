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
    "segtool.export.words": ["exported_words", "ExportedWord"],
    "segtool.info": ["describe_model", "ModelInfo"],
    "segtool.keywords": ["Keyword"],
    "segtool.explain.explanation": ["Explanation", "ExplainedRun", "ExplainedWord", "ExplainedGap", "Alternative"],
    "segtool.lm.store": ["open_lm"],
    "segtool.lm.language_model": ["LanguageModel", "TextScore"],
}
"""Classes and functions that docs/python.md names, and that are not in ``segtool.__all__``."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    pages = {page: reference(title, names) for page, (title, names) in references().items()}
    pages["tutorial.md"] = notebook_page(ROOT / "docs" / "tutorial.ipynb")
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead the links of a page to other pages, or to the repository."""
    return re.sub(r"\]\(\.\./", f"]({repository()}/blob/main/", markdown).replace("](tutorial.ipynb", "](tutorial.md")


def on_page_content(html: str, **_: Any) -> str:
    """Make links of the references of Sphinx in docstrings, where the site has their targets; remove its ``::``."""
    return re.sub(
        r":(?:func|class|mod|meth|data|attr|exc):<code>~?([^<]*)</code>",
        r'<autoref identifier="\1" optional><code>\1</code></autoref>',
        html.replace("<p>::</p>", ""),
    )


def repository() -> str:
    """The address of the repository."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return dict(re.findall(r"^(\w+) = (\S+)$", settings["metadata"]["project_urls"], re.MULTILINE))["Source"]


def references() -> dict[str, tuple[str, list[str]]]:
    """The title of each page of the reference, and the public names on it."""
    found = pkgutil.iter_modules(segtool.integrations.__path__, "segtool.integrations.")
    libraries = {each.name: importlib.import_module(each.name).__all__ for each in found}
    return {
        "api.md": ("segtool", names_in({"segtool": segtool.__all__})),
        "api-models.md": ("Models and results", names_in(MORE)),
        "api-integrations.md": ("Integrations", names_in(libraries)),
    }


def names_in(modules: dict[str, list[str]]) -> list[str]:
    """Names with their modules."""
    return [f"{module}.{name}" for module, some in modules.items() for name in some if name != "__version__"]


def reference(title: str, names: list[str]) -> str:
    """A page with the docstrings of names, those of each integration below that of its module."""
    parts, before = [f"# {title}"], ""
    for name in names:
        module = name.rpartition(".")[0]
        if module != before and module.startswith("segtool.integrations."):
            parts.append(f"::: {module}\n    options: {{members: false}}")
        parts.append(f"::: {name}")
        before = module
    return "\n\n".join(parts)


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
