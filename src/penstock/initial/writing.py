"""The use case `init`: looks at a project and writes a commented penstock.toml with the checks that fit.

It overwrites nothing and runs nothing of the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penstock.config.brought import NOTHING_TO_RUN
from penstock.domain.errors import UserError
from penstock.initial.proposals import propose
from penstock.initial.setups import propose_setup
from penstock.initial.texts import sample_text, settings_text
from penstock.projects import Project, Projects

SETTINGS_FILE = "penstock.toml"
SAMPLE_FILE = "hello.json"


class NoCheckout(UserError):
    """The repository has no working copy to write into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What `init` did, said for people."""

    lines: tuple[str, ...]
    written: tuple[Path, ...] = ()


async def initialise(projects: Projects, *, sample: bool) -> Done:
    """Write the settings file of the project that the user stands in, and a sample bundle if asked."""
    project = projects.current()
    if not (project.path / ".git").exists():
        raise NoCheckout(
            f"{project.path} is a bare repository: there is no checkout to write {SETTINGS_FILE} into",
            hint="go to a clone of it",
        )
    async with projects.opened(project):  # refuses what no run could work on: no commit, shallow, submodules …
        pass
    lines, written = _settings_file(projects, project)
    if sample:
        more, file = _sample(projects, project)
        lines += more
        written += [file] if file else []
    if written:
        names = " ".join(str(path.relative_to(project.path)) for path in written)
        lines += ["", f'look at it, then commit it: git add {names} && git commit -m "Set up Penstock"']
        lines.append("a run reads its settings from the commit that it starts from")
    return Done(lines=tuple(lines), written=tuple(written))


def _settings_file(projects: Projects, project: Project) -> tuple[list[str], list[Path]]:
    path = project.path / SETTINGS_FILE
    if path.is_symlink() or path.exists():
        return [f"{SETTINGS_FILE} is there already and was left as it is: penstock config show"], []
    has_plan = projects.plan_folder(project, projects.settings_here(), None).exists()
    brings_nothing = projects.would_run_here(project) == NOTHING_TO_RUN and not has_plan
    proposals = propose(project.path)
    setups = propose_setup(project.path)
    _write_new(path, settings_text(proposals, setups))
    lines = [f"wrote {SETTINGS_FILE}"]
    lines += [f"  check {one.name}: {one.command}   ({one.evidence})" for one in proposals]
    if not proposals:
        lines.append(
            "  no checks were found in the project: name some under [checks], or each workstream needs its own"
        )
    lines += [f"  set-up: {command}   ({one.evidence})" for one in setups for command in one.commands]
    if brings_nothing:
        projects.trust_here(project)
        found = proposals or setups
        trusted = "these commands are trusted; if you change them" if found else "when you have named some"
        lines.append(f"{trusted}: penstock trust")
    else:
        what = "a plan" if has_plan else "commands, prompts or a list of your own files"
        lines.append(f"the project brings {what} along, so nothing is trusted yet: look with penstock trust --show")
    return lines, [path]


def _sample(projects: Projects, project: Project) -> tuple[list[str], Path | None]:
    folder = projects.plan_folder(project, projects.settings_here(), None)
    path = folder / SAMPLE_FILE
    if not path.parent.resolve().is_relative_to(project.path):
        return [f"no sample was written: the project's bundles are in {folder}, which is not within it"], None
    path = path.parent.resolve() / SAMPLE_FILE
    if path.is_symlink() or path.exists():
        return [f"{path.relative_to(project.path)} is there already and was left as it is"], None
    folder.mkdir(parents=True, exist_ok=True)
    _write_new(path, sample_text())
    return [f"wrote {path.relative_to(project.path)}: its agent is scripted, so that it runs without any model"], path


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
