"""The command by which Penstock works on Penstock."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, path_of
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.improving import Improvement

CODES = {"complete": exits.COMPLETED, "failed": exits.FAILED}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "self-improve",
        short_help="Take an epic about Penstock itself to a branch, on a clone",
        epilog='Example: penstock self-improve --epic "Say in `penstock doctor` which git is used"',
    )(self_improve)


def self_improve(
    context: typer.Context,
    epic: Annotated[str, typer.Option("--epic", metavar="TEXT", help="What is to become better, in words.")] = "",
    from_issues: Annotated[
        bool, typer.Option("--from-issues", help="Mend the open findings of earlier work on Penstock.")
    ] = False,
    repository: Annotated[
        Path | None,
        typer.Option(
            "--repository",
            metavar="PATH",
            parser=path_of,
            help="Penstock's repository; default: the clone that this runs from.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Take an epic about Penstock through all phases on a fresh clone of its own repository.

    The gate is what the repository's penstock.toml demands, and everything runs confined. What comes of it is a branch
    that is pushed to the repository, never forced and never main: you look at it and merge it, or you don't.
    """
    if bool(epic.strip()) == from_issues:
        raise UserError("say what to improve", hint='give either --epic "…" or --from-issues')
    invocation = invocations.of(context)
    terminal = invocation.terminal.silent() if as_json else invocation.terminal

    async def work(penstock: "Penstock") -> int:
        from penstock.cli.watching import Watching  # noqa: PLC0415 - slow to import, and `--help` does without
        from penstock.improving import Wanted, improve  # noqa: PLC0415 - as above

        place = None if repository is None else invocation.place(repository)
        wanted = Wanted(epic=epic, from_issues=from_issues, repository=place)
        watching = Watching(penstock.parts.views, terminal)
        found = await watching.through(
            improve(wanted, home=penstock.parts.home, environ=invocation.environ, tell=watching.hear)
        )
        if as_json:
            invocation.terminal.pretty_json(_as_json(found))
        else:
            for line in _as_lines(found):
                terminal.line(line)
        if found.stopped is not None:
            raise found.stopped
        return CODES.get(found.status, exits.WAITING)

    return invocation.perform(work)


def _as_json(found: "Improvement") -> dict[str, object]:
    told = {name: getattr(found, name) for name in ("pipeline_id", "epic", "status", "sentence", "branch")}
    places = {"clone": str(found.clone), "repository": str(found.repository)}
    return {**told, **places, "is_offered": found.is_offered}


def _as_lines(found: "Improvement") -> Iterator[str]:
    yield f"{found.pipeline_id} is {found.status}{f': {found.sentence}' if found.sentence else ''}"
    offered = "is in" if found.is_offered else "is not in"
    yield f"the branch {found.branch} {offered} {found.repository}; the clone is {found.clone}"
