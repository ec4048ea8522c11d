"""The command line: ``segtool warmup``, which compiles everything before it is needed."""

from __future__ import annotations

import click

from segtool.cli.options import announce_compiling, quiet_option
from segtool.errors import OutputError

__all__ = ["warmup"]


@click.command()
@quiet_option
def warmup(quiet: bool) -> None:
    """Compile what cutting and training run, so that no later command has to.

    For images and CI. The code is kept beside the package, or in the user's cache folder where the package is
    read-only, or in the folder that NUMBA_CACHE_DIR names.
    """
    from segtool.runtime.kernels import all_kernels
    from segtool.runtime.progress import Progress

    announce_compiling(quiet)
    kernels = all_kernels()
    homes = set()
    with Progress(not quiet).stage("compile", len(kernels)) as step:
        for each in kernels:
            if each.folder is None:
                raise OutputError("compiled code cannot be kept: set NUMBA_CACHE_DIR to a folder that can be written")
            homes.add(str(each.folder))
            step(1)
    if not quiet:
        new = sum(each.is_new for each in kernels)
        click.echo(f"segtool: {new} kernels compiled, {len(kernels) - new} already there", err=True)
        for home in sorted(homes):
            click.echo(f"segtool: kept in {home}", err=True)
