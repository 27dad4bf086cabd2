"""The options and arguments that several commands share, and which run or pipeline they mean."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.domain.errors import UserError
from penstock.reports.plain import one_line

if TYPE_CHECKING:
    from typer.core import TyperGroup

    from penstock.bootstrap import Penstock

LATEST = "latest"
NAMES_NOTHING = "an empty text names nothing; leave it out, or say what is meant"

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, in the shapes of the API.")]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Stay while only approvals or a usage limit are waited for, instead of ending with 4."),
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or `latest`.", show_default=False)]
MaybeRun = Annotated[
    str, typer.Argument(metavar="[RUN]", help="The run's id; without it the project's newest.", show_default=False)
]
RunOption = Annotated[
    str, typer.Option("--id", "--run", metavar="RUN", help="The run's id, as an option.", show_default=False)
]
Pipeline = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="The pipeline's id, or `latest`.", show_default=False)
]
Workstream = Annotated[str, typer.Argument(metavar="WS", help="The workstream's id.", show_default=False)]


def refuse_empty_names(group: "TyperGroup") -> None:
    """Let no parameter of any command take an empty text for a name: a variable of a shell that is not set gives one.

    TEXT may be empty. Paths are read by `path_of`.
    """
    for command in group.commands.values():
        if hasattr(command, "commands"):
            refuse_empty_names(command)  # type: ignore[arg-type] # what has commands is a group
        for parameter in command.params:
            is_text = (parameter.metavar or "").strip("[]") == "TEXT"
            if parameter.callback is None and not is_text:
                parameter.callback = _named


def _named(context: Any, parameter: Any, value: Any) -> Any:  # Any: the parser's own types are private to it
    names = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    if "" in names and context.get_parameter_source(parameter.name).name == "COMMANDLINE":
        raise typer.BadParameter(NAMES_NOTHING)
    return value


def path_of(text: str) -> Path:
    """A path that was written down; an empty text would be the present folder."""
    if not text:
        raise typer.BadParameter(NAMES_NOTHING)
    return Path(text)


def one_run(argument: str, option: str) -> str:
    """The run that was named, by position or by option; empty if none was."""
    if argument and option and argument != option:
        raise UserError(f"two runs are named, {argument} and {option}", hint="name one of them")
    return argument or option


def meant(penstock: "Penstock", named: str) -> str:
    """The id of the run that is meant: the one that is named, else the newest of the project."""
    if named and named != LATEST:
        return named
    project = penstock.projects.current()
    newest = penstock.parts.views.runs(project=project.id, limit=1)
    if not newest:
        raise UserError(f"{project.path.name} has no run yet", hint="begin one with `penstock run`")
    return str(newest[0]["run_id"])


def meant_pipeline(penstock: "Penstock", named: str) -> str:
    """The id of the pipeline that is meant: the one that is named, else the newest of the project."""
    if named and named != LATEST:
        return named
    project = penstock.projects.current()
    newest = penstock.parts.views.pipelines(project=project.id, limit=1)
    if not newest:
        raise UserError(f"{project.path.name} has no pipeline yet", hint='begin one with `penstock epic create "…"`')
    return str(newest[0]["pipeline_id"])


def user_name(environ: Mapping[str, str]) -> str:
    """Who gives the command, for the record."""
    return one_line(environ.get("USER") or environ.get("USERNAME") or "", 80)


def holder_in_words(penstock: "Penstock", run_id: str) -> str:
    """Who works on a run, or nothing."""
    holder = penstock.service.holder(run_id)
    return "" if holder is None else f"by process {holder.pid} on {holder.host} since {holder.since}"
