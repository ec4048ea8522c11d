#!/usr/bin/env python3
"""Run docs/tutorial.ipynb in its folder, and store what its cells print.

    .venv/bin/python -m scripts.tutorial [--check]

With --check nothing is written; the exit code is 1 if the cells print something else than what is stored.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial.ipynb"


def run(notebook: Any, folder: Path, **environment: str) -> Any:
    """Give a copy of a notebook with the outputs of a run in a folder; `environment` is that of its process."""
    done = nbformat.from_dict(notebook)
    client = NotebookClient(done, timeout=120, record_timing=False, resources={"metadata": {"path": str(folder)}})
    client.execute(**({"env": environment} if environment else {}))
    done.metadata.pop("language_info", None)  # differs between versions of Python
    return done


def printed(notebook: Any) -> list[str]:
    """What each cell of code prints or gives, without standard error."""
    return ["".join(map(text_of, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"]


def text_of(output: Any) -> str:
    """The text of an output; nothing of progress bars, which are on standard error or widgets."""
    if output.output_type == "execute_result":
        return str(output.data["text/plain"])
    return str(output.text) if output.get("name") == "stdout" else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stored = nbformat.read(TUTORIAL, as_version=4)
    done = run(stored, TUTORIAL.parent)
    if options.check:
        if printed(done) != printed(stored):
            sys.exit(f"{TUTORIAL} is not current: run .venv/bin/python -m scripts.tutorial")
        return
    for cell in done.cells:
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if text_of(each)]
    nbformat.write(done, TUTORIAL)


if __name__ == "__main__":
    main()
