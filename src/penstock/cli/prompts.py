"""The commands about what roles are told: prompts list, show, edit, activate, diff, seed, export, phases."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli import exits
from penstock.cli import invocation as invocations
from penstock.cli.options import Json, path_of, user_name
from penstock.cli.phases import phases
from penstock.cli.texts import read_text
from penstock.reports.plain import columns

if TYPE_CHECKING:
    from penstock.bootstrap import Penstock
    from penstock.cli.invocation import Invocation
    from penstock.domain.phases import RolePrompt

Named = Annotated[
    str,
    typer.Argument(metavar="PROMPT", help="ROLE, ROLE@VERSION, or the id of a version.", show_default=False),
]
COMMANDS = (
    ("list", "List the versions of prompts", "penstock prompts list --role pm"),
    ("show", "Show what a role is told", "penstock prompts show pm"),
    ("edit", "Make another version of a prompt", "penstock prompts edit pm --file pm.txt"),
    ("activate", "Put a version in force", "penstock prompts activate pm@1.0"),
    ("diff", "Show what differs between two versions", "penstock prompts diff pm@1.0 pm"),
    ("seed", "Store the prompts and phases that Penstock brings", "penstock prompts seed"),
    ("export", "Write the prompts in force into files", "penstock prompts export prompts"),
    ("phases", "Show the phases, or change them", "penstock prompts phases --json > phases.json"),
)


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Show and change what the roles of a pipeline are told, and its phases",
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
    )
    commands: tuple[Callable[..., int], ...] = (list_prompts, show, edit, activate, diff, seed, export, phases)
    for (name, short, example), command in zip(COMMANDS, commands, strict=True):
        group.command(name, short_help=short, epilog=f"Example: {example}")(command)
    app.add_typer(group, name="prompts")


def list_prompts(
    context: typer.Context,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="Only of this role.")] = "",
    as_json: Json = False,
) -> int:
    """List every version of every prompt; one of each role may be in force."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        await penstock.prompts.ensure_seeded()
        found = penstock.prompts.listed(role)
        if as_json:
            invocation.terminal.pretty_json(found)
        else:
            head = ("role", "version", "", "by", "id", "notes")
            rows = [_row(one) for one in found]
            invocation.terminal.line("\n".join(columns([head, *rows])))
        return exits.COMPLETED

    return invocation.perform(look)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    notes = one["notes"] or (f"template {one['template']}" if one["template"] else "")
    in_force = "in force" if one["is_active"] else ""
    return (one["role_name"], one["version"], in_force, one["created_by"] or "-", one["id"], notes)


def show(context: typer.Context, prompt: Named, as_json: Json = False) -> int:
    """Show a version of a prompt: of a role the one in force, all parts under their marks."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        from penstock.domain.prompt_text import as_text  # noqa: PLC0415 - only needed once a command runs

        await penstock.prompts.ensure_seeded()
        found = await penstock.prompts.find(prompt)
        if as_json:
            invocation.terminal.pretty_json(_told(penstock, found))
        else:
            invocation.terminal.document(as_text(found))
        return exits.COMPLETED

    return invocation.perform(look)


def _told(penstock: "Penstock", prompt: "RolePrompt") -> dict[str, Any]:
    return next(one for one in penstock.prompts.listed(prompt.role) if one["id"] == prompt.id)


def edit(  # noqa: PLR0913, PLR0917 - one parameter for each option
    context: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="Whose prompt.", show_default=False)],
    file: Annotated[
        str, typer.Option("--file", metavar="FILE", help="Take the text from this file, `-` is stdin; else $EDITOR.")
    ] = "",
    version: Annotated[str, typer.Option("--version", metavar="NAME", help="The name of the new version.")] = "",
    notes: Annotated[str, typer.Option("--notes", metavar="TEXT", help="What was changed, and why.")] = "",
    inactive: Annotated[bool, typer.Option("--inactive", help="Only store it; what is in force stays.")] = False,
    as_json: Json = False,
) -> int:
    """Make another version of a role's prompt. It holds for the next question already, in running servers, too.

    The text has the marks that `penstock prompts show` prints; without any it is taken for the instructions alone.
    """
    invocation = invocations.of(context)
    text = read_text(invocation, file, "the prompt") if file else ""

    async def change(penstock: "Penstock") -> int:
        from penstock.cli.editing import edited  # noqa: PLC0415 - only needed here
        from penstock.domain.prompt_text import as_text, from_text  # noqa: PLC0415 - as above

        await penstock.prompts.ensure_seeded()
        before = await penstock.prompts.find(role)
        is_open = nullcontext(text) if file else edited(as_text(before), invocation.environ, invocation.terminal.note)
        with is_open as given:
            made = await penstock.prompts.add(
                before.role,
                from_text(given),
                by=user_name(invocation.environ),
                notes=notes,
                version=version,
                activate=not inactive,
            )
        _say_stored(penstock, invocation, made, as_json=as_json)
        return exits.COMPLETED

    return invocation.perform(change)


def _say_stored(penstock: "Penstock", invocation: "Invocation", prompt: "RolePrompt", *, as_json: bool) -> None:
    if as_json:
        invocation.terminal.pretty_json(_told(penstock, prompt))
        return
    how = "in force" if prompt.is_active else f"stored; put it in force with: penstock prompts activate {prompt.id}"
    invocation.terminal.line(f"version {prompt.version} of {prompt.role} is {how}")


def activate(context: typer.Context, prompt: Named, as_json: Json = False) -> int:
    """Put a version of a prompt in force in place of another of its role; an older one, too."""
    invocation = invocations.of(context)

    async def change(penstock: "Penstock") -> int:
        await penstock.prompts.ensure_seeded()
        found = await penstock.prompts.activate(prompt)
        _say_stored(penstock, invocation, found, as_json=as_json)
        return exits.COMPLETED

    return invocation.perform(change)


def diff(context: typer.Context, before: Named, after: Named, as_json: Json = False) -> int:
    """Show what differs from one version of a prompt to another, line by line."""
    invocation = invocations.of(context)

    async def look(penstock: "Penstock") -> int:
        from penstock.domain.prompt_text import difference  # noqa: PLC0415 - only needed once a command runs

        await penstock.prompts.ensure_seeded()
        one, other = await penstock.prompts.find(before), await penstock.prompts.find(after)
        found = list(difference(one, other))
        if as_json:
            invocation.terminal.pretty_json({"before": one.id, "after": other.id, "diff": "\n".join(found)})
            return exits.COMPLETED
        for text in found or ["nothing differs"]:
            tone = {"+": "good", "-": "bad"}.get(text[:1], "")
            invocation.terminal.line(text, tone)
        return exits.COMPLETED

    return invocation.perform(look)


def seed(
    context: typer.Context,
    phases_anew: Annotated[
        bool, typer.Option("--phases", help="Put the phases back as Penstock brings them; others are no longer active.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Store the prompts and phases that Penstock brings. What you have put in force stays so; run it freely."""
    invocation = invocations.of(context)

    async def change(penstock: "Penstock") -> int:
        seeded = await penstock.prompts.seed(phases_anew=phases_anew)
        if as_json:
            invocation.terminal.pretty_json({"done": list(seeded.done)})
        else:
            invocation.terminal.line("\n".join(seeded.done) or "everything was there already")
        return exits.COMPLETED

    return invocation.perform(change)


def export(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", parser=path_of, help="The folder; it is made if need be.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Json = False,
) -> int:
    """Write the prompt in force of each role into ROLE.txt, as `prompts edit --file` takes it, and the phases into
    phases.json, as `prompts phases --file` does.
    """
    invocation = invocations.of(context)

    async def write(penstock: "Penstock") -> int:
        from penstock.cli.editing import write_files  # noqa: PLC0415 - only needed here

        await penstock.prompts.ensure_seeded()
        names = write_files(invocation.place(folder), await penstock.prompts.exported(), force=force)
        if as_json:
            invocation.terminal.pretty_json({"files": names})
        else:
            invocation.terminal.line("\n".join(names))
        return exits.COMPLETED

    return invocation.perform(write)
