"""The commands that look after what runs leave: recover-run and gc. They start no work."""

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, Run, RunOption, meant, one_run
from penstock.domain.errors import UserError
from penstock.reports.plain import columns, counted, one_line

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.care.collecting import Collected
    from penstock.care.garbage import Garbage
    from penstock.care.recovery import Mended
    from penstock.cli.terminal import Terminal

MOST_DETAILS = 5


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "recover-run",
        short_help="Mend what a kill or an accident left of a run",
        epilog="Example: penstock recover-run latest --dry-run",
    )(recover_run)
    app.command("gc", short_help="Remove what nobody needs any more", epilog="Example: penstock gc --dry-run")(gc)


def recover_run(
    context: typer.Context,
    run: Run = "",
    option: RunOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong; mend nothing.")] = False,
    as_json: Json = False,
) -> int:
    """Compare what the store says of a run with processes, repository, branch and worktrees, and mend what differs.

    Each thing is told. Nothing is started, and what is removed is kept first. A run that another process works on is
    refused. The exit code is 1 if something can't be mended.
    """
    invocation = invocations.of(context)
    named = one_run(run, option)
    if not named:
        raise UserError("recover-run needs a run", hint="`penstock show-run` lists the runs; `latest` is the newest")

    async def mend(penstock: "Penstock") -> int:
        from penstock.care.recovery import recover  # noqa: PLC0415 - heavy, and only needed once a command runs

        run_id = meant(penstock, named)
        told = await recover(penstock.parts, run_id, dry_run=dry_run)
        lost = [one for one in told if not one.is_mendable]
        if as_json:
            findings = [one.as_json() for one in told]
            answer = {"run_id": run_id, "dry_run": dry_run, "ok": not lost, "findings": findings}
            invocation.terminal.pretty_json(answer)
        else:
            for one in told:
                _tell(invocation.terminal, one)
            invocation.terminal.line(_summary(run_id, told, dry_run=dry_run))
        return exits.FAILED if lost else exits.COMPLETED

    return invocation.perform(mend)


def _tell(terminal: "Terminal", one: "Mended") -> None:
    arrow = "→" if one.is_mended or not one.is_mendable else "→ would be"
    tone = "good" if one.is_mended else "warn" if one.is_mendable else "bad"
    terminal.line(one_line(f"{one.about}: {one.found} {arrow} {one.done}", 500), tone)
    for detail in one.details[:MOST_DETAILS]:
        terminal.line(f"    {one_line(detail, 200)}")
    if len(one.details) > MOST_DETAILS:
        terminal.line(f"    and {len(one.details) - MOST_DETAILS} more (--json has all)")


def _summary(run_id: str, told: "tuple[Mended, ...]", *, dry_run: bool) -> str:
    if not told:
        return f"run {run_id}: nothing is wrong"
    lost = sum(not one.is_mendable for one in told)
    mended = f"{counted(len(told) - lost, 'thing')} {'to be mended' if dry_run else 'mended'}"
    return f"run {run_id}: {mended}" + (f", {lost} that can't be" if lost else "")


def gc(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", metavar="DAYS", min=0, help="How old; default: `limits.keep_days`."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Remove what nobody needs any more, of all projects: leftovers, logs and snapshots of runs that ended long ago,
    folders kept aside, old environments, objects that no commit needs, clones of `self-improve` that hold nothing
    more than their repository.

    Nothing is removed of a run that is worked on, paused, or not at its end.
    """
    invocation = invocations.of(context)

    async def sweep(penstock: "Penstock") -> int:
        from penstock.care.collecting import collect  # noqa: PLC0415 - heavy, and only needed once a command runs

        terminal = invocation.terminal
        told = None if as_json else (lambda one: terminal.line(_line(one, dry_run=dry_run)))
        garbage, done = await collect(penstock.parts, older_than=older_than, dry_run=dry_run, told=told)
        failed = [one for one in done if not one.removed and not dry_run]
        freed = sum(one.item.remnant.size if dry_run else one.freed for one in done)
        if as_json:
            terminal.pretty_json(
                {
                    "dry_run": dry_run,
                    "bytes": freed,
                    "items": [one.as_json() for one in done],
                    "left": [{"run_id": one.run_id, "reason": one.reason} for one in garbage.left],
                }
            )
        else:
            _sum_up(terminal, garbage, len(done) - len(failed), freed, dry_run=dry_run)
        return exits.ENVIRONMENT if failed else exits.COMPLETED

    return invocation.perform(sweep)


def _line(one: "Collected", *, dry_run: bool) -> str:
    item = one.item
    did = "would remove" if dry_run else "removed" if one.removed else "left"
    name = "/".join(part for part in (item.project.id, item.remnant.run, item.remnant.name) if part)
    why = item.reason if dry_run or one.removed else one.sentence
    return columns([(did, item.remnant.kind.value, name, _size(item.remnant.size), why)])[0]


def _sum_up(terminal: "Terminal", garbage: "Garbage", count: int, freed: int, *, dry_run: bool) -> None:
    for one in garbage.left:
        terminal.line(f"nothing of {one.run_id}: {one_line(one.reason)}")
    would = "would be removed" if dry_run else "removed"
    terminal.line(f"{counted(count, 'thing')} {would}, {_size(freed)}" if count else "nothing is to be removed")


def _size(count: int) -> str:
    size, units = float(count), ["bytes", "KB", "MB", "GB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
