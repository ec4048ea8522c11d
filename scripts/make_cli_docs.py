#!/usr/bin/env python3
"""Write docs/cli.md, the reference of all commands and options, from the commands themselves.

    .venv/bin/python -m scripts.make_cli_docs [--check]

With --check nothing is written; the exit code is 1 if the file is not current.
"""

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from segtool.cli.help import TITLES, ParameterOption
from segtool.cli.main import main as segtool
from segtool.settings import spelled_value

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HEAD = """# Commands and options

Written by `scripts/make_cli_docs.py` from the commands; `segtool COMMAND --help` prints the same. The figures behind
the defaults are in [quality.md](quality.md), the method is in [method.md](method.md).
"""


def commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, those of subgroups behind their group."""
    for name, each in group.commands.items():
        yield f"{before} {name}", each
        if isinstance(each, click.Group):
            yield from commands(each, f"{before} {name}")


def section(name: str, command: click.Command, shown: dict[str, str]) -> str:
    """The usage, the description and the options of a command; `shown` has the home of each titled table so far."""
    parts = [f"## {name}", inspect.cleandoc(command.help or "").replace("<", r"\<")]
    if not isinstance(command, click.Group):
        usage = " ".join(command.collect_usage_pieces(click.Context(command)))
        parts.insert(1, f"```\n{name} {usage}\n```")
    tables: dict[str, list[str]] = {}
    for each in command.params:
        if isinstance(each, click.Option):
            tables.setdefault(getattr(each, "title", "Options"), []).append(row(each))
    again: dict[str, list[str]] = {}
    for title, rows in sorted(tables.items(), key=lambda each: (*TITLES, each[0]).index(each[0])):
        if title in shown:
            again.setdefault(shown[title], []).extend(line.split("|")[1].strip() for line in rows)
            continue
        if title in (*TITLES, "Options"):
            parts.append(f"**{title}**")
        else:
            parts.append(f"### {title}")
            shown[title] = name
        parts.append("\n".join(["| option | default | values | |", "| --- | --- | --- | --- |", *rows]))
    for home, flags in again.items():
        parts.append(f"Also, as for [{home}](#{home.replace(' ', '-')}): {', '.join(flags)}.")
    examples = "\n".join(f"{line}  # {text}" for line, text in getattr(command, "examples", ()))
    if examples:
        parts.append(f"```text\n{examples}\n```")
    return "\n\n".join(parts)


def row(option: click.Option) -> str:
    """An option as a row of a table."""
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    cells = [names, default(option), values(option), option.help or ""]
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


def default(option: click.Option) -> str:
    """The default of an option, as it is typed."""
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        return option.show_default
    if option.secondary_opts:
        return (option.opts if option.default else option.secondary_opts)[0].lstrip("-")
    if option.is_flag or not isinstance(option.default, str | int | float):
        return ""
    return spelled_value(option.default)


def values(option: click.Option) -> str:
    """What an option takes."""
    if isinstance(option.type, click.Choice):
        return ", ".join(map(str, option.type.choices))
    if option.is_flag:
        return ""
    if isinstance(option, ParameterOption):
        limits, value = option.parameter.metadata, option.parameter.default
        if isinstance(value, bool):
            return "true, false"
        if isinstance(value, tuple):
            return "numbers with commas between"
        return f"{spelled_value(limits['low'])} to {spelled_value(limits['high'])}"
    if isinstance(option.type, click.IntRange):
        return f"{option.type.min} or more"
    return option.metavar or "TEXT"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not current")
    options = parser.parse_args()
    shown: dict[str, str] = {}
    sections = [section(name, each, shown) for name, each in commands(segtool, "segtool")]
    text = "\n\n".join([HEAD.rstrip("\n"), *sections]) + "\n"
    if not options.check:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit("docs/cli.md is not current: run .venv/bin/python -m scripts.make_cli_docs")


if __name__ == "__main__":
    main()
