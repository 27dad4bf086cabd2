"""Prints the page about the command line from the commands: `python -m penstock.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.cli import exits
from penstock.cli.app import command_line

if TYPE_CHECKING:
    from typer.core import TyperGroup

WIDTH = 100

OPENING = """\
# The command line

`penstock` (its second name is `pipeline`) and `python -m penstock` are the same. This page is printed from the code:
change the commands, then run `make docs`.

Answers go to stdout, warnings and errors to stderr. Every listing has `--json` with the fields of the API;
`run --json`, `follow --json` and `show-events --json` print one object on each line. Progress is live on a terminal,
and elsewhere one line for each thing that happened. Colours are used on a terminal only, and not if `NO_COLOR` is set.

What names something can't be empty: `--run-id ""` is wrong use, not the same as no `--run-id`.
"""


def page() -> str:
    """The whole page, as Markdown."""
    rows = "\n".join(f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items())
    parts = [OPENING, f"## Exit codes\n\n| code | meaning |\n|---|---|\n{rows}\n"]
    parts.append(f"## All commands\n\n| command | what it does | `--json` |\n|---|---|---|\n{_table()}\n")
    parts += [f"## {path}\n\n```text\n{text}\n```\n" for path, text in helps(command_line(), "penstock")]
    return "\n".join(parts)


def _table() -> str:
    """One row for each command."""
    rows = []
    for path, command in commands(command_line(), "penstock"):
        has_json = any("--json" in parameter.opts for parameter in command.params)
        rows.append(f"| `{path}` | {command.get_short_help_str(WIDTH)} | {'yes' if has_json else 'it is JSON'} |")
    return "\n".join(rows)


def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:  # Any: the parser's own types are private to it
    """Every command of a group and of its groups, each with the path by which it is called."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def helps(
    group: TyperGroup, path: str, parent: Any = None
) -> Iterator[tuple[str, str]]:  # Any: the parser's own context
    """The help of a group and of all its commands, each with the path by which it is called."""
    context: Any = group.make_context(
        path.rpartition(" ")[2], [], parent=parent, resilient_parsing=True, terminal_width=WIDTH
    )
    yield path, _help(group, context)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from helps(command, f"{path} {name}", context)  # type: ignore[arg-type] # what has commands is a group
            continue
        own = command.make_context(name, [], parent=context, resilient_parsing=True, terminal_width=WIDTH)
        yield f"{path} {name}", _help(command, own)


def _help(command: Any, context: Any) -> str:  # Any: the parser's own types are private to it
    lines = str(command.get_help(context)).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


if __name__ == "__main__":
    sys.stdout.write(page())
