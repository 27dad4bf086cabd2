"""The commands about worktrees: worktree-init, -list, -status, -cleanup and -validate-scope."""

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, meant
from penstock.domain.errors import UserError
from penstock.reports.plain import columns, one_line

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.care.cleaning import Cleaned
    from penstock.care.scope_report import ScopeReport
    from penstock.care.worktrees import WorktreeInfo

RunId = Annotated[str, typer.Option("--run-id", metavar="RUN", help="Of this run; default: the newest that has it.")]
WorkstreamId = Annotated[str, typer.Option("--ws-id", metavar="WS", help="The workstream's id.", show_default=False)]
Paths = Annotated[str, typer.Option(metavar="A,B", help="Patterns of paths, with commas; default: its own scope.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "worktree-init",
        short_help="Make the worktree of a workstream",
        epilog="Example: penstock worktree-init --run-id latest --ws-id ws-greeting",
    )(init)
    app.command("worktree-list", short_help="List the worktrees", epilog="Example: penstock worktree-list --json")(
        show_all
    )
    app.command(
        "worktree-status",
        short_help="Show one worktree",
        epilog="Example: penstock worktree-status --ws-id ws-greeting",
    )(status)
    app.command(
        "worktree-cleanup",
        short_help="Remove worktrees that nobody needs; their content is kept",
        epilog="Example: penstock worktree-cleanup --orphans --dry-run",
    )(cleanup)
    app.command(
        "worktree-validate-scope",
        short_help="Judge what a worktree holds by a scope",
        epilog="Example: penstock worktree-validate-scope --ws-id ws-greeting --files-scope src/,README.md",
    )(validate_scope)


def init(
    context: typer.Context,
    run_id: Annotated[str, typer.Option("--run-id", metavar="RUN", help="The run's id, or `latest`.")],
    workstream: Annotated[str, typer.Option("--ws-id", metavar="WS", help="The workstream's id.")],
    as_json: Json = False,
) -> int:
    """Make the worktree of a workstream as its next step would begin with. One that is there is left as it is.

    Refused for a run that another process works on, and for what has ended.
    """
    invocation = invocations.of(context)

    async def make(penstock: "Penstock") -> int:
        from penstock.care.worktrees import initialised  # noqa: PLC0415 - heavy, and only needed once a command runs

        project = penstock.projects.current()
        info, is_new = await initialised(penstock.parts, project, meant(penstock, run_id), workstream)
        if as_json:
            invocation.terminal.pretty_json({**info.as_json(), "created": is_new})
        else:
            invocation.terminal.line(f"{'made' if is_new else 'was there already'}: {info.path}")
        return exits.COMPLETED

    return invocation.perform(make)


def show_all(context: typer.Context, as_json: Json = False) -> int:
    """List the worktrees of the project, of all runs. Nothing is touched, also where an agent works."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        from penstock.care.worktrees import listed  # noqa: PLC0415 - heavy, and only needed once a command runs

        found = await listed(penstock.parts, penstock.projects.current())
        if as_json:
            invocation.terminal.pretty_json([info.as_json() for info in found])
        elif found:
            rows = [(info.run_id, info.ws_id, info.status_summary) for info in found]
            invocation.terminal.line("\n".join(columns([("run", "workstream", "what it holds"), *rows])))
        else:
            invocation.terminal.line("no worktrees")
        return exits.COMPLETED

    return invocation.perform(look)


def status(context: typer.Context, workstream: WorkstreamId, run_id: RunId = "", as_json: Json = False) -> int:
    """Show one worktree: where it is, what it holds, what of it is kept. Nothing is touched."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        from penstock.care import worktrees  # noqa: PLC0415 - heavy, and only needed once a command runs

        run = meant(penstock, run_id) if run_id else ""
        info = await worktrees.status(penstock.parts, penstock.projects.current(), workstream, run)
        if as_json:
            invocation.terminal.pretty_json(info.as_json())
        else:
            invocation.terminal.line("\n".join(_lines(info)))
        return exits.COMPLETED

    return invocation.perform(look)


def _lines(info: "WorktreeInfo") -> list[str]:
    clean = {True: "yes", False: "no", None: "not known"}[info.clean]
    rows = [
        ("run", info.run_id),
        ("folder", info.path if info.exists else f"{info.path} (not there)"),
        ("branch", info.branch),
        ("merges into", info.base_branch or "not known"),
        ("clean", clean),
        ("last commit", info.last_commit or "none"),
        ("holds", info.status_summary),
    ]
    return [info.ws_id, *columns(rows, indent="  ")]


def cleanup(  # noqa: PLR0913, PLR0917 - one parameter for each option that users were promised
    context: typer.Context,
    workstream: Annotated[str, typer.Option("--ws-id", metavar="WS", help="Only of this workstream.")] = "",
    run_id: Annotated[str, typer.Option("--run-id", metavar="RUN", help="Only of this run.")] = "",
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Only what is nobody's: of unknown runs, or left by a killed owner.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also of failed workstreams, and of unfinished runs that nobody works on.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Json = False,
) -> int:
    """Remove worktrees that nobody needs any more. Whatever they hold is kept first, as a snapshot or moved aside.

    A run that somebody works on is never touched; it is named, and the exit code is 1 if it was asked for.
    """
    invocation = invocations.of(context)

    async def clean(penstock: "Penstock") -> int:
        from penstock.care.cleaning import Wish, cleaned_up  # noqa: PLC0415 - heavy, and only needed once it runs

        run = meant(penstock, run_id) if run_id else ""
        wish = Wish(workstream=workstream, run_id=run, orphans=orphans, force=force, dry_run=dry_run)
        found = await cleaned_up(penstock.parts, penstock.projects.current(), wish)
        if as_json:
            invocation.terminal.pretty_json({"dry_run": dry_run, "worktrees": [one.as_json() for one in found]})
        else:
            invocation.terminal.line("\n".join(_cleaned(found)) or "no worktrees")
        is_refused = any(one.is_owned for one in found) and bool(workstream or run_id)
        return exits.FAILED if is_refused else exits.COMPLETED

    return invocation.perform(clean)


def _cleaned(found: "list[Cleaned]") -> list[str]:
    rows = []
    for one in found:
        did = "removed" if one.removed else "would be removed" if one.goes else "left"
        kept = one.snapshot or one.moved_to
        where = f"; kept as {kept}" if kept else ""
        rows.append((did, one.run_id, one.ws_id, one_line(f"{one.reason}{where}", 400)))
    return columns(rows)


def validate_scope(
    context: typer.Context,
    workstream: WorkstreamId,
    run_id: RunId = "",
    files_scope: Annotated[str, Paths] = "",
    files_create: Annotated[str, Paths] = "",
    as_json: Json = False,
) -> int:
    """Judge what a worktree holds by its workstream's scope or by one that is given; 1 if something is out of it."""
    invocation = invocations.of(context)

    async def judge(penstock: "Penstock") -> int:
        from penstock.care.scope_report import validated  # noqa: PLC0415 - heavy, and only needed once a command runs
        from penstock.domain.plan import Scope  # noqa: PLC0415 - as above

        given = Scope(files=_parts(files_scope), create=_parts(files_create))
        run = meant(penstock, run_id) if run_id else ""
        project = penstock.projects.current()
        report = await validated(penstock.parts, project, workstream, run, given if given.patterns else None)
        if as_json:
            invocation.terminal.pretty_json(report.as_json())
        else:
            invocation.terminal.line("\n".join(_judged(report)))
        return exits.COMPLETED if report.ok else exits.FAILED

    return invocation.perform(judge)


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if text and not parts:
        raise UserError(
            f"a scope is given, {text!r}, that names no path", hint="write patterns with commas: src/,docs/"
        )
    return parts


def _judged(report: "ScopeReport") -> list[str]:
    rows = [
        *(("changed", path) for path in report.changed_files),
        *(("created", path) for path in report.created_files),
        *(("out of scope", f"{path}: {rule}") for path, rule in report.violations),
    ]
    return [*columns(rows), "all of it is within the scope" if report.ok else "not within the scope"]
