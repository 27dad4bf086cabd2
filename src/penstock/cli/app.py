"""The whole command line, put together from its groups: names, options and help. Performs nothing."""

# The annotations here are read when the program runs, by Typer: hence no `from __future__ import annotations`.
from pathlib import Path
from typing import Annotated

import typer

import penstock
from penstock.cli import (
    advance,
    agents,
    artifacts,
    budget,
    care,
    decide,
    epics,
    improve,
    look,
    plans,
    project,
    prompts,
    replay,
    serve,
    tokens,
    tools,
    work,
    worktrees,
)
from penstock.cli import invocation as invocations
from penstock.cli.options import path_of, refuse_empty_names

HELP = """Takes a plan through gates to merged, tested code on your own machine.

Begin with `penstock demo`, or in your own project with `penstock init`. RUN is a run's id or `latest`."""
EPILOG = (
    "Exit codes: 0 completed, 1 failed or partly done, 2 wrong use, 3 environment, 4 only waiting is left, "
    "70 a bug in Penstock, 130 interrupted."
)


def command_line() -> typer.core.TyperGroup:
    """The parser of all commands."""
    app = typer.Typer(
        name="penstock",
        help=HELP,
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_everywhere)
    for group in (
        *(project, epics, advance, artifacts, prompts, plans, tools, agents, work, look, decide),
        *(tokens, budget, replay, serve, worktrees, care, improve),
    ):
        group.add_to(app)
    found = typer.main.get_command(app)
    assert isinstance(found, typer.core.TyperGroup)  # noqa: S101 - an app with several commands is a group
    refuse_empty_names(found)
    return found


def _say_version(context: typer.Context, asked: bool) -> None:
    if asked:
        invocations.of(context).terminal.line(f"penstock {penstock.__version__}")
        raise typer.Exit


def _everywhere(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("--project", metavar="PATH", parser=path_of, help="Do as if you stood in this folder."),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", is_eager=True, callback=_say_version, help="Say the version, and end."),
    ] = False,
) -> None:
    if folder is not None:
        invocations.of(context).stand_in(folder)
