"""The command about the phases of pipelines: prompts phases."""

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json
from penstock.cli.texts import read_json
from penstock.domain.errors import UserError
from penstock.reports.plain import columns

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.domain.phases import PhaseConfiguration
    from penstock.planning.phase_wishes import PhaseWish


def phases(
    context: typer.Context,
    file: Annotated[
        str, typer.Option("--file", metavar="FILE", help="Change the phases that this JSON list gives; `-` is stdin.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Show the phases in their order, or change some of them: all that are given together, if that is sound."""
    invocation = invocations.of(context)
    given = read_json(invocation, file, "the list of phases") if file else None

    async def perform(penstock: "Penstock") -> int:
        from penstock.planning.phase_wishes import phase_as_json  # noqa: PLC0415 - only needed once a command runs

        await penstock.prompts.ensure_seeded()
        if given is not None:
            await penstock.prompts.put_phases(_wishes(given))
        found = await penstock.prompts.phases()
        if as_json:
            invocation.terminal.pretty_json([phase_as_json(one) for one in found])
        else:
            head = ("phase", "role", "artifact", "then", "config")
            invocation.terminal.line("\n".join(columns([head, *map(_phase_row, found)])))
        return exits.COMPLETED

    return invocation.perform(perform)


def _wishes(given: object) -> "list[PhaseWish]":
    from penstock.planning.phase_wishes import phase_from_json  # noqa: PLC0415 - only needed once a command runs

    if not isinstance(given, list) or not given:
        raise UserError("the phases must be a JSON list of objects", hint="see `penstock prompts phases --json`")
    return [phase_from_json(one) for one in given]


def _phase_row(one: "PhaseConfiguration") -> tuple[str, ...]:
    then = one.next_phase or "the end"
    config = ", ".join(f"{key} {value}" for key, value in one.config.items())
    return (one.phase, one.role, one.artifact_type, then if one.is_active else "not active", config)
