"""The command ``segtool warmup``: compile all kernels ahead of time."""

from __future__ import annotations

import click

from segtool.cli import options
from segtool.errors import OutputError

__all__ = ["warmup_command"]


@click.command(
    "warmup",
    cls=options.TitledCommand,
    examples=[
        ("segtool warmup", "Compile all kernels."),
        ("NUMBA_CACHE_DIR=cache segtool warmup -q", "Keep the machine code in a folder, and print nothing."),
    ],
)
@options.quiet
def warmup_command(quiet: bool) -> None:
    """Compile all kernels now, so that later commands start at once.

    For container images and CI. The machine code is kept beside the package, in the user's cache folder if the
    package is read-only, or in the folder that NUMBA_CACHE_DIR names.
    """
    from segtool.runtime.kernels import all_kernels
    from segtool.runtime.progress import Progress

    options.announce_compiling(quiet)
    kernels = all_kernels()
    homes = set()
    with Progress(not quiet).stage("compile", len(kernels)) as step:
        for each in kernels:
            if each.machine_code.folder is None:
                raise OutputError("compiled code cannot be kept: set NUMBA_CACHE_DIR to a folder that can be written")
            homes.add(str(each.machine_code.folder))
            step(1)
    if not quiet:
        new = sum(each.machine_code.is_new for each in kernels)
        click.echo(f"segtool: {new} kernels compiled, {len(kernels) - new} already there", err=True)
        for home in sorted(homes):
            click.echo(f"segtool: kept in {home}", err=True)
