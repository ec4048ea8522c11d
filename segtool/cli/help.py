"""Help pages: options under titles, those for experts by ``--help-all``, and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import Field
from importlib import import_module
from typing import Any

import click

__all__ = [
    "FILE_PATH",
    "TITLES",
    "HelpfulGroup",
    "LazyCommands",
    "ParameterOption",
    "TitledCommand",
    "TitledOption",
    "titled_option",
]

FILE_PATH = click.Path(readable=False)
"""A file, a folder, a pattern or ``-``, for completion; the libraries check whether it can be read."""

TITLES = ("Input", "Model", "Words", "Output", "Resources")
"""The first sections of a page, in this order, if it has them."""

_ALL = "segtool.help_all"


class TitledOption(click.Option):
    """An option with the title of its section on the help page; one for experts is on the page of ``--help-all``."""

    def __init__(self, *args: Any, title: str = "Options", expert: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title, self.expert = title, expert


class ParameterOption(TitledOption):
    """The option of a training parameter, which also has the parameter."""

    def __init__(self, *args: Any, parameter: Field[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parameter = parameter


def titled_option(*names: str, title: str = "Options", expert: bool = False, **attributes: Any) -> Callable[[Any], Any]:
    """Add an option under a title."""
    return click.option(*names, cls=TitledOption, title=title, expert=expert, **attributes)


class _Examples(click.Command):
    """A command whose help page ends with examples: a command line and what it does."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples; lines of commands are not broken."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line, text in self.examples:
                    formatter.write(f"  {line}\n")
                    with formatter.indentation():
                        formatter.indent()
                        formatter.write_text(text)
                        formatter.dedent()


class LazyCommands(MutableMapping[str, click.Command]):
    """The commands of a group by name; the module of a command is imported when the command is looked up.

    Parameters
    ----------
    modules : mapping of str to str
        Module of each command in `segtool.cli`, where it is ``NAME_command`` or ``NAME_group``.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = dict(modules)
        self._found: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._found:
            home = vars(import_module(f"segtool.cli.{self._modules[name]}"))
            self._found[name] = home.get(f"{name}_command") or home[f"{name}_group"]
        return self._found[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command
        self._modules[name] = ""

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        self._found.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class HelpfulGroup(_Examples, click.Group):
    """A group of commands with examples, which prints its help page if no command is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, invoke_without_command=True, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, or print the help page."""
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())
        return result


class TitledCommand(_Examples):
    """A command whose help page lists its options under titles, and examples."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if any(getattr(each, "expert", False) for each in self.params):
            self.params.append(
                click.Option(
                    ["--help-all"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=_print_all,
                    help="Show all options, also those for experts, and exit.",
                )
            )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        shows_all = ctx.meta.get(_ALL, False)
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in TITLES}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx) if isinstance(each, click.Option) else None
            if record is not None and (shows_all or not getattr(each, "expert", False)):
                sections.setdefault(getattr(each, "title", "Options"), []).append(record)
        others = sections.pop("Options", [])
        for title, records in (*sections.items(), ("Options", others)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _print_all(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_ALL] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()
