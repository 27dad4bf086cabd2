"""The commands around a project and this machine: init, trust, doctor, config show, demo."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, path_of
from penstock.domain.errors import UserError
from penstock.reports.plain import columns, one_line

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.doctor.findings import Finding
    from penstock.projects import Opened


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        "init", short_help="Set a project up, with the checks that fit it", epilog="Example: penstock init --sample"
    )(init)
    app.command(
        "trust", short_help="Agree to the commands that a project brings", epilog="Example: penstock trust --show"
    )(trust)
    app.command(
        "doctor", short_help="Look whether machine and project are as needed", epilog="Example: penstock doctor --json"
    )(doctor)
    app.command(
        "demo", short_help="Take a sample project to merged, tested code", epilog="Example: penstock demo --keep"
    )(demo)
    group = typer.Typer(help="Look at the settings", no_args_is_help=True, rich_markup_mode=None, add_completion=False)
    group.callback()(_settings)
    group.command(
        "show", short_help="Show every setting and who gave it", epilog="Example: penstock config show --json"
    )(config_show)
    app.add_typer(group, name="config")


def _settings() -> None:
    """Look at the settings"""


def init(
    context: typer.Context,
    sample: Annotated[
        bool, typer.Option("--sample", help="Also write a sample bundle, which runs without any agent.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Set a project up: look at it and write a commented penstock.toml with the checks that fit. Overwrites nothing."""
    invocation = invocations.of(context)

    async def write(penstock: "Penstock") -> int:
        from penstock.initial.writing import initialise  # noqa: PLC0415 - heavy, and only needed once a command runs

        done = await initialise(penstock.projects, sample=sample)
        if as_json:
            written = [str(path) for path in done.written]
            invocation.terminal.pretty_json({"written": written, "sentences": [text for text in done.lines if text]})
            return exits.COMPLETED
        for text in done.lines:
            invocation.terminal.line(text)
        return exits.COMPLETED

    return invocation.perform(write)


def trust(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="Only show what would run; agree to nothing.")] = False,
    as_json: Json = False,
) -> int:
    """Agree to what a project brings along to be run and what of yours it chooses: nothing of it runs before.

    You are asked again when that changes, or a file that it runs by name. What differs is shown.
    """
    invocation = invocations.of(context)

    async def agree(penstock: "Penstock") -> int:
        project = penstock.projects.current()
        async with penstock.projects.opened(project) as opened:
            is_known = penstock.parts.trust.is_known(project.id)
            if not show:
                penstock.projects.trust(opened)
        if as_json:
            invocation.terminal.pretty_json(_told(opened, is_trusted=opened.is_trusted or not show))
            return exits.COMPLETED
        lines = _shown(opened, is_known=is_known)
        if not show:
            lines.append(f"trusted: {project.path.name} may run this")
        if penstock.projects.would_run_here(project) != opened.would_run:
            said = f"your files say otherwise, but only what is committed to {opened.base_branch} counts"
            lines.append(f"{said}: commit them, then `penstock trust` again")
        invocation.terminal.line("\n".join(lines))
        return exits.COMPLETED

    return invocation.perform(agree)


def _shown(opened: "Opened", *, is_known: bool) -> list[str]:
    lines = [f"{opened.project.path.name} at {opened.base_branch} ({opened.base[:12]}) would run:", opened.would_run]
    if is_known and opened.difference and not opened.is_trusted:
        lines += ["", "what differs from what you have agreed to:", opened.difference]
    return [*lines, "", "agreed to already" if opened.is_trusted else "not agreed to yet"]


def _told(opened: "Opened", *, is_trusted: bool) -> dict[str, object]:
    import json  # noqa: PLC0415 - only needed once a command runs

    return {
        "project": opened.project.id,
        "path": str(opened.project.path),
        "base": opened.base,
        "base_branch": opened.base_branch,
        "would_run": json.loads(opened.would_run),
        "was_trusted": opened.is_trusted,
        "trusted": is_trusted,
        "difference": [] if opened.is_trusted else opened.difference.splitlines(),
    }


def config_show(context: typer.Context, as_json: Json = False) -> int:
    """Show every setting with its value and who gave it. Project files are read as they lie in your checkout."""
    invocation = invocations.of(context)

    async def show(penstock: "Penstock") -> int:
        settings = penstock.projects.settings_here()
        if as_json:
            rows = [{"key": key, "value": value, "origin": origin} for key, value, origin in settings.rows()]
            invocation.terminal.pretty_json(rows)
            return exits.COMPLETED
        table = [(key, origin, _plain(value)) for key, value, origin in settings.rows()]
        invocation.terminal.line("\n".join(columns([("setting", "from", "value"), *table])))
        for warning in settings.warnings:
            invocation.terminal.warn(warning)
        return exits.COMPLETED

    return invocation.perform(show)


def _plain(value: object) -> str:
    import json  # noqa: PLC0415 - only needed once a command runs

    return one_line(json.dumps(value, ensure_ascii=False, default=str), 100)


def doctor(context: typer.Context, as_json: Json = False) -> int:
    """Look whether this machine and this project are as Penstock needs them; say what to do where they are not."""
    invocation = invocations.of(context)
    from penstock.doctor.examination import examine  # noqa: PLC0415 - heavy, and only needed once a command runs
    from penstock.doctor.findings import Patient  # noqa: PLC0415 - as above

    findings = examine(Patient(folder=invocation.folder, environ=invocation.environ, build=invocation.build))
    healthy = all(finding.level != "fail" for finding in findings)
    if as_json:
        rows = [
            {"check": one.name, "level": one.level, "found": one.sentence, "remedy": one.remedy or None}
            for one in findings
        ]
        invocation.terminal.pretty_json({"ok": healthy, "checks": rows})
    else:
        for one in findings:
            _print(invocation, one)
    return exits.COMPLETED if healthy else exits.ENVIRONMENT


def _print(invocation: invocations.Invocation, finding: "Finding") -> None:
    tone = {"ok": "good", "warn": "warn", "fail": "bad"}[finding.level]
    name = one_line(finding.name)
    invocation.terminal.line(f"{finding.level:<4}  {name:<14}  {one_line(finding.sentence, 400)}", tone)
    if finding.remedy:
        invocation.terminal.line(f"{'':<6}{'':<16}-> {one_line(finding.remedy, 400)}")


def demo(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", parser=path_of, help="Where to put it; default: a new temporary folder."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the clone in which the branch was tested, too; the rest always stays.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the models that you have configured, with your own key.")
    ] = False,
    workstreams: Annotated[
        bool, typer.Option("--workstreams", help="Begin with a plan of six workstreams and scripted agents instead.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Take an epic in words to merged, tested code in a sample project: no key, no network, no state of yours.

    What models answer was recorded beforehand and is played by the gateway; all else is real.
    """
    from penstock.demo import run_demo, run_epic_demo  # noqa: PLC0415 - heavy, and only needed once a command runs

    invocation = invocations.of(context)
    place = None if folder is None else invocation.place(folder)
    terminal = invocation.terminal
    if live and workstreams:
        raise UserError("the plan of workstreams asks no model", hint="leave out --live or --workstreams")
    console = terminal.silent() if as_json else terminal
    if workstreams:
        seen = run_demo(place, keep=keep, console=console)
    else:
        seen = run_epic_demo(place, keep=keep, is_live=live, console=console)
    if as_json:
        outcome = dataclasses.asdict(seen.outcome)
        terminal.pretty_json({"folder": str(seen.folder), "outcome": outcome, "wrong": list(seen.wrong)})
    return exits.FAILED if seen.wrong else exits.COMPLETED
