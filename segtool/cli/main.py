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
from segtool.cli.count import count_command
from segtool.cli.cut import cut_command
from segtool.cli.evaluate import eval_command
from segtool.cli.explain import explain_command
from segtool.cli.lm import lm_group
from segtool.cli.train import train_command
from segtool.cli.tune import tune_command
from segtool.cli.warmup import warmup_command
from segtool.cli.words import export_command, words_command
from segtool.errors import SegtoolError

__all__ = ["main"]


class _Group(click.Group):
    """Turns the errors of segtool and of the system into one line and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}", 1)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SegtoolError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            # the reader of our output has gone, which is no error of ours and needs no message
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            _fail("interrupted; no output was changed", 130)
        except MemoryError:
            _fail("out of memory: train with a smaller --memory or --sample, or cut with a smaller -j", 1)


def _fail(message: str, code: int) -> None:
    click.echo(f"segtool: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="segtool")
def main() -> None:
    """Learn to segment Chinese text into words from raw text alone, and cut text with the result."""
    import logging
    import signal

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("segtool: %(message)s"))
    logging.getLogger("segtool").addHandler(handler)
    # so that a termination, too, leaves no unfinished file behind
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


for _command in (
    train_command,
    tune_command,
    cut_command,
    explain_command,
    eval_command,
    words_command,
    export_command,
    count_command,
    lm_group,
    warmup_command,
):
    main.add_command(_command)
