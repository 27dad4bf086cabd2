"""The command that plays a run again from its recording."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, Run, meant
from penstock.reports.plain import columns

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.replays import Comparison, Replay


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "replay",
        short_help="Play a recorded run again and compare",
        epilog="Example: penstock replay latest --lenient",
    )(replay)


def replay(
    context: typer.Context,
    run: Run,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Answer what differs from the recording, too, and tell the difference.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Play a run again in a run of its own and compare the trees, attempt by attempt, with no model and no key.

    The run must have been made with `[gateway] record = true`, unless its agents call no models. The exit code is 0
    where everything is equal, and 1 where something differs.
    """
    invocation = invocations.of(context)

    async def play(penstock: "Penstock") -> int:
        from penstock.cli.interrupts import Interrupts  # noqa: PLC0415 - slow to import, and `--help` does without
        from penstock.cli.progress import progress_for  # noqa: PLC0415 - as above

        run_id = meant(penstock, run)
        with progress_for(invocation.terminal, as_json=as_json) as progress, Interrupts(run_id, progress) as interrupts:
            found = await penstock.replays.replay(
                run_id, is_lenient=lenient, watch=progress.watch, control=interrupts.attach
            )
        if as_json:
            invocation.terminal.json({**asdict(found), "is_equal": found.is_equal})
        else:
            invocation.terminal.line("\n".join(_lines(found)))
        return exits.COMPLETED if found.is_equal else exits.FAILED

    return invocation.perform(play)


def _lines(found: "Replay") -> list[str]:
    head = f"{found.run_id} was {found.status}; played again as {found.replay_id} it is {found.status_now}"
    table = [("workstream", "attempt", "tree", "now", ""), *(_row(one) for one in found.comparisons)]
    differ = [f"  {one.workstream} {text}" for one in found.comparisons for text in one.differences]
    result = "all trees are equal" if found.is_equal else "not everything is equal"
    return [head, "", *columns(table, indent="  "), *differ, "", result]


def _row(one: "Comparison") -> tuple[str, ...]:
    said = "equal" if one.is_equal else "differs"
    if not one.has_equal_tool_outputs:
        said += "; its tools answered otherwise"
    return one.workstream or "-", one.attempt, one.tree[:12] or "-", one.tree_now[:12] or "-", said
