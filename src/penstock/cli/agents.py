"""The commands about agents: agents list, agents check."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json
from penstock.reports.plain import columns

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.staff import Checked

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="The agents; default: all.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="List agents, and look whether each could work here",
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
    )
    group.command("list", short_help="Show every agent that can be named", epilog="Example: penstock agents list")(show)
    group.command(
        "check",
        short_help="Look for the programs and models of agents",
        epilog="Example: penstock agents check aider claude",
    )(check)
    app.add_typer(group, name="agents")


def show(context: typer.Context, as_json: Json = False) -> int:
    """Show every agent that a plan can name: what it is, its program and version, and the models it would be given."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        found = await penstock.staff.look()
        if as_json:
            invocation.terminal.pretty_json([_as_json(one) for one in found])
        else:
            head = ("agent", "kind", "models", "version", "program")
            rows = [
                (one.facts.name, one.facts.kind, ", ".join(one.models) or "-", one.facts.version or "-", _program(one))
                for one in found
            ]
            invocation.terminal.line("\n".join(columns([head, *rows])))
        return exits.COMPLETED

    return invocation.perform(look)


def check(context: typer.Context, names: Names = None, as_json: Json = False) -> int:
    """Look whether agents could work here: their programs and versions, their models, and the keys of these.

    Nothing is asked of any model. The exit code is 3 if one that was named can't work.
    """
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        found = await penstock.staff.look(names or ())
        if as_json:
            invocation.terminal.pretty_json([_as_json(one) for one in found])
        else:
            invocation.terminal.line("\n".join(line for one in found for line in _lines(one)))
        return exits.ENVIRONMENT if names and not all(one.is_ready for one in found) else exits.COMPLETED

    return invocation.perform(look)


def _as_json(one: "Checked") -> dict[str, Any]:
    told = {**asdict(one.facts), "models": list(one.models), "is_ready": one.is_ready}
    return {**told, "fault": one.facts.fault or one.fault, "hint": one.hint}


def _program(one: "Checked") -> str:
    return one.facts.binary or one.facts.fault or "needs none"


def _lines(one: "Checked") -> list[str]:
    facts = one.facts
    if one.is_ready:
        version = f" {facts.version}" if facts.version else ""
        models = f" with {', '.join(one.models)}" if one.models else ""
        return [f"{facts.name}{version} is ready{models}", *([f"  {facts.remark}"] if facts.remark else [])]
    lines = [f"{facts.name} is not ready: {facts.fault or one.fault}"]
    return [*lines, f"  hint: {one.hint}"] if one.hint and not facts.fault else lines
