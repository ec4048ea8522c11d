"""The command ``segtool completion``."""

from __future__ import annotations

import click

from segtool.cli import options
from segtool.cli.help import TitledCommand

__all__ = ["completion_command"]

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=TitledCommand,
    examples=[
        ('eval "$(segtool completion bash)"', "Complete in this shell; put the line into ~/.bashrc for all."),
        ("segtool completion fish > ~/.config/fish/completions/segtool.fish", "Complete in all shells of fish."),
    ],
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and files in a shell."""
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "segtool", "_SEGTOOL_COMPLETE")
    text = ShellComplete.source(script)  # that of bash would start bash to ask for its version
    with options.open_output(None) as out:
        out.write(f"{text}\n".encode())
