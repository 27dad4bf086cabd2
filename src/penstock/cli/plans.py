"""The commands about plans: plan check (also `validate`), plan show, plan schema. They start nothing."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, path_of
from penstock.domain.errors import UserError
from penstock.reports.plain import columns, counted

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.terminal import Terminal
    from penstock.intake.bundles import BundleOptions, Report

Bundles = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        "--plan",
        metavar="DIR",
        parser=path_of,
        help="The folder of bundles, or one file; default: `workstreams`.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Take old spellings for errors.")]
Fix = Annotated[bool, typer.Option("--fix", help="Write old spellings in today's form first.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Check, show and describe plans", no_args_is_help=True, rich_markup_mode=None, add_completion=False
    )
    group.command(
        "check",
        short_help="Name every problem of a plan at once",
        epilog="Example: penstock plan check --dir workstreams --strict",
    )(check)
    group.command(
        "show",
        short_help="Show a plan in its order",
        epilog="Example: penstock plan show --dir workstreams/greeting.json",
    )(show)
    group.command(
        "schema",
        short_help="Print the JSON Schema of a bundle",
        epilog="Example: penstock plan schema > workstream.schema.json",
    )(schema)
    app.add_typer(group, name="plan")
    app.command("validate", short_help="The same as plan check", epilog="Example: penstock validate --dir workstreams")(
        check
    )


def check(
    context: typer.Context, folder: Bundles = None, strict: Strict = False, fix: Fix = False, as_json: Json = False
) -> int:
    """Name every problem of a plan at once, and say what each line of acceptance was taken for."""
    invocation = invocations.of(context)

    async def examine(penstock: "Penstock") -> int:
        from penstock.intake import bundles, repair  # noqa: PLC0415 - heavy, and only needed once a command runs

        async with _where(penstock, folder) as (place, options):
            mended = repair.fix(place) if fix else ()
            report = bundles.check(place, dataclasses.replace(options, strict=strict))
        if as_json:
            fixed = [{"file": one.file, "written": one.is_written, "details": one.sentence} for one in mended]
            invocation.terminal.pretty_json({**report.as_json(), **({"fixed": fixed} if fix else {})})
        else:
            for one in mended:
                invocation.terminal.line(f"{one.file}: {one.sentence}")
            _print(invocation.terminal, report)
        return exits.COMPLETED if report.is_ok else exits.WRONG_USE

    return invocation.perform(examine)


@asynccontextmanager
async def _where(penstock: "Penstock", folder: Path | None) -> "AsyncIterator[tuple[Path, BundleOptions]]":
    """Which bundles are meant, and how the project wants them read; outside a project as nobody would mind."""
    from penstock.intake.bundles import BundleOptions  # noqa: PLC0415 - heavy, and only needed once a command runs
    from penstock.projects import NoProject  # noqa: PLC0415 - as above

    settings = penstock.projects.settings_here()
    try:
        project = penstock.projects.current()
    except NoProject:
        if folder is None:
            raise
        yield penstock.parts.folder / folder, BundleOptions()
        return
    place = penstock.projects.plan_folder(project, settings, folder)
    async with penstock.parts.project(project.id, project.path, settings) as parts:
        yield place, penstock.projects.plan_options(project, settings, find_agent=parts.agent)


def _print(terminal: "Terminal", report: "Report") -> None:
    from penstock.cli.preview import AFTER_FAILURE, MEANINGS  # noqa: PLC0415 - needs the domain's plan

    for problem in report.problems:
        terminal.line(str(problem), "bad")
    for warning in report.warnings:
        terminal.line(f"warning: {warning}", "warn")
    if report.lines:
        terminal.line("what each line was taken for:")
        said = {"acceptance_tests": MEANINGS, "compensation_actions": AFTER_FAILURE}
        rows = [(one.id, said[one.field][one.kind.value], one.text) for one in report.lines]
        terminal.line("\n".join(columns(rows, indent="  ")))
    if report.gates:
        terminal.line("test gates:")
        rows = [
            (name, str(gate), f"the checks in [checks.{gate.group}]")
            for name, of in report.gates.items()
            for gate in of
        ]
        terminal.line("\n".join(columns(rows, indent="  ")))
    found = f"{counted(report.bundles_checked, 'bundle')} checked"
    if report.is_ok:
        terminal.line(f"{found}: no problem", "good")
    else:
        terminal.line(f"{found}: {counted(len(report.problems), 'problem')}", "bad")


def show(context: typer.Context, folder: Bundles = None, as_json: Json = False) -> int:
    """Show a plan in the order in which its workstreams may start, with scope and acceptance."""
    invocation = invocations.of(context)

    async def read(penstock: "Penstock") -> int:
        from penstock.domain.ranked import rank  # noqa: PLC0415 - only needed once a command runs
        from penstock.intake import bundles  # noqa: PLC0415 - as above

        async with _where(penstock, folder) as (place, options):
            loaded = bundles.load(place, dataclasses.replace(options, find_agent=None))
        order = rank(loaded.plan).order
        if as_json:
            documents = [dict(loaded.documents[one.id]) for one in order]
            invocation.terminal.pretty_json({"title": loaded.plan.title, "workstreams": documents})
        else:
            for warning in loaded.warnings:
                invocation.terminal.warn(str(warning))
            _print_order(invocation.terminal, order)
        return exits.COMPLETED

    return invocation.perform(read)


def _print_order(terminal: "Terminal", order: "tuple[object, ...]") -> None:
    from penstock.cli.preview import check_lines, order_lines  # noqa: PLC0415 - needs the domain's plan
    from penstock.domain.plan import Workstream  # noqa: PLC0415 - as above

    workstreams = [one for one in order if isinstance(one, Workstream)]
    terminal.line("\n".join(order_lines(workstreams)))
    for one in workstreams:
        terminal.line(f"\n== {one.id}")
        rows = [
            *(("may change", path) for path in one.scope.files),
            *(("may create", path) for path in one.scope.create),
        ]
        terminal.line("\n".join(columns(rows, indent="  ")))
        terminal.line("\n".join(check_lines(one)))


def schema(context: typer.Context) -> int:
    """Print the JSON Schema of a bundle."""
    from penstock.intake.bundles import schema as bundle_schema  # noqa: PLC0415 - imports pydantic

    if context.args:
        raise UserError("plan schema takes no arguments")
    invocations.of(context).terminal.pretty_json(bundle_schema())
    return exits.COMPLETED
