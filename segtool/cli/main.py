"""The command line: ``segtool`` with its commands, and its handling of errors.

Commands import their libraries when they run, so that ``--help`` and a short cut answer at once. Data goes to standard
output, messages to standard error. Exit codes: 0, 1 for data, 2 for usage, 130 for Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from segtool import __version__
from segtool.cli.help import HelpfulGroup, LazyCommands
from segtool.cli.interrupts import interruptible, was_interrupted
from segtool.errors import SegtoolError, fix_of, reason_of

__all__ = ["main"]


class _Group(HelpfulGroup):
    """Turns the errors of segtool and of the system into one line and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            fix = fix_of(error, "" if error.errno else "allow more memory (ulimit -v), or install segtool again")
            _fail(f"{where}{reason_of(error)}{fix and f': {fix}'}", 1)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with interruptible():
                return super().invoke(ctx)
        except SegtoolError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            # the reader of our output has gone, which is no error of ours and needs no message
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            _fail(f"interrupted; {_changes()}", 130)
        except RuntimeError as error:
            if "start new thread" not in str(error):
                raise
            _fail("no thread can be started: pass a smaller -j, or allow more processes and memory (ulimit -u, -v)", 1)
        except ImportError as error:
            if was_interrupted(error):
                _fail(f"interrupted; {_changes()}", 130)
            _fail(f"{_cause(error)}: allow more memory (ulimit -v) and files (ulimit -n), or install segtool again", 1)
        except MemoryError:
            _fail("out of memory: train with a smaller --memory or --sample, or cut with a smaller -j", 1)


def _changes() -> str:
    """Describe what an interrupted command has changed."""
    files = sys.modules.get("segtool.store.files")
    replaced = files.replaced_outputs() if files is not None else []
    return f"{' and '.join(replaced)} had been written" if replaced else "no output was changed"


def _cause(error: BaseException) -> str:
    """Describe what an error came from, without the advice that numpy adds to it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"a library cannot be loaded ({error})"


def _fail(message: str, code: int) -> None:
    click.echo(f"segtool: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


_MODULES = {
    "train": "train",
    "tune": "tune",
    "cut": "cut",
    "explain": "explain",
    "eval": "evaluate",
    "words": "words",
    "keywords": "keywords",
    "export": "export",
    "info": "info",
    "plot": "plot",
    "count": "count",
    "lm": "lm",
    "warmup": "warmup",
    "completion": "completion",
}
"""Module of each command."""


@click.group(
    cls=_Group,
    commands=LazyCommands(_MODULES),
    examples=[
        ("echo 今天天气很好 | segtool cut", "Cut a line with the included model."),
        (
            "segtool train corpus/ -o my.model && segtool cut book.txt -m my.model",
            "Learn from raw text, and cut a file.",
        ),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="segtool")
def main() -> None:
    """Learn to segment Chinese text into words from raw text alone, and cut text with the result."""
    import logging
    import signal

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("segtool: %(message)s"))
    logging.getLogger("segtool").addHandler(handler)
    # so that a termination, too, leaves no unfinished file behind
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
