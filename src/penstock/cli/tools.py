"""The commands about tools: tools list, tools check, tools run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, meant, path_of
from penstock.reports.plain import columns

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.terminal import Terminal
    from penstock.domain.tool_result import ToolResult

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="The tools; default: all.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="List, look for and run tools", no_args_is_help=True, rich_markup_mode=None, add_completion=False
    )
    group.command(
        "list", short_help="Show every tool and who says how it is called", epilog="Example: penstock tools list --json"
    )(show)
    group.command(
        "check",
        short_help="Look whether the programs of tools are here",
        epilog="Example: penstock tools check ruff pytest",
    )(check)
    group.command(
        "run",
        short_help="Run one tool by its profile",
        epilog="Example: penstock tools run ruff --cwd src --run latest --ws ws-greeting",
    )(run)
    app.add_typer(group, name="tools")


def show(context: typer.Context, as_json: Json = False) -> int:
    """Show every tool that plans and checks can name: its type, how it is called, and who says so."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        from penstock.config.values import plain  # noqa: PLC0415 - only needed once a command runs

        known = penstock.tooling.known()
        if as_json:
            rows: list[Any] = [
                {**dict(plain(tool.profile)), "id": tool.id, "origin": tool.origin}  # type: ignore[call-overload]
                for tool in known
            ]
            invocation.terminal.pretty_json(rows)
            return exits.COMPLETED
        table = [(tool.id, tool.profile.type.value, tool.origin, tool.command_line) for tool in known]
        invocation.terminal.line("\n".join(columns([("tool", "type", "from", "command"), *table])))
        return exits.COMPLETED

    return invocation.perform(look)


def check(context: typer.Context, ids: Ids = None, as_json: Json = False) -> int:
    """Look whether the programs of tools are on this machine, and which version they say they are.

    The exit code is 3 if one that was named is missing. Only programs of shipped tools are asked for their version.
    """
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        found = await penstock.tooling.check(ids or ())
        if as_json:
            invocation.terminal.pretty_json(
                [
                    {
                        "id": one.tool.id,
                        "command": one.tool.profile.command,
                        "found": bool(one.path),
                        "path": one.path or None,
                        "version": one.version or None,
                    }
                    for one in found
                ]
            )
        else:
            rows = [(one.tool.id, one.path or f"{one.tool.profile.command}: not found", one.version) for one in found]
            invocation.terminal.line("\n".join(columns([("tool", "program", "version"), *rows])))
        is_lacking = bool(ids) and not all(one.path for one in found)
        return exits.ENVIRONMENT if is_lacking else exits.COMPLETED

    return invocation.perform(look)


def run(  # noqa: PLR0913, PLR0917 - one parameter for each option
    context: typer.Context,
    tool_id: Annotated[str, typer.Argument(metavar="ID", help="The tool's id.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option("--cwd", metavar="DIR", parser=path_of, help="Run it here; default: where you stand."),
    ] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="TEXT", help="What {message} stands for.")] = None,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="What {model_name} stands for.")] = "",
    prompt_file: Annotated[
        Path | None,
        typer.Option("--prompt-file", metavar="FILE", parser=path_of, help="What {prompt_file} stands for."),
    ] = None,
    run_id: Annotated[
        str, typer.Option("--run", metavar="RUN", help="Record what came of it in this run's events and errors.")
    ] = "",
    workstream: Annotated[str, typer.Option("--ws", metavar="WS", help="And of which workstream it speaks.")] = "",
    step: Annotated[
        str, typer.Option("--step", metavar="STEP", help="And of which step; default: by the tool's type.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Run one tool by its profile, without a shell, in a folder of yours, within its time limit.

    A profile that the project's own files give runs after `penstock trust` only. The exit code is 0 for success, 3 for
    a missing program, else 1.
    """
    invocation = invocations.of(context)

    async def perform(penstock: "Penstock") -> int:
        from penstock.tooling import ToolOrder  # noqa: PLC0415 - heavy, and only needed once a command runs

        order = ToolOrder(
            tool_id=tool_id,
            folder=folder,
            message=message,
            model=model,
            prompt_file=prompt_file,
            run_id=meant(penstock, run_id) if run_id else "",
            workstream=workstream,
            step=step,
        )
        result = await penstock.tooling.run(order)
        code = result.error_code()
        if as_json:
            invocation.terminal.pretty_json({**result.as_dict(), "error_code": code})
        else:
            _print(invocation.terminal, result, code)
        return exits.COMPLETED if code is None else exits.ENVIRONMENT if code == "missing_binary" else exits.FAILED

    return invocation.perform(perform)


def _print(terminal: "Terminal", result: "ToolResult", code: str | None) -> None:
    if result.stdout:
        terminal.document(result.stdout)
    if result.stderr:
        terminal.note(result.stderr.rstrip("\n"))
    ended = f"{result.tool_id}: exit code {result.exit_code} after {result.duration_sec:.1f} s"
    terminal.note(f"{ended}, success" if code is None else f"{ended}, {code}")
