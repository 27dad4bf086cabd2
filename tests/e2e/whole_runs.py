"""Whole runs for tests: a user's repository, its bundles, a run through the service, and the world after it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.bootstrap import Penstock, build
from penstock.submission import Submission

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "User" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "user@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}
SETTINGS = """
[checks]
present = "test -d good"
[executor]
min_free_gb = 0.0
[limits]
agent_timeout = 30.0
check_timeout = 30.0
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git as the user would."""
    command = ["git", "-c", "protocol.file.allow=always", "-C", str(folder), *arguments]
    done = subprocess.run(command, env=GIT_ENVIRONMENT, capture_output=True, check=True)
    return os.fsdecode(done.stdout).strip()


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files; a content that begins with `->` is the target of a symbolic link."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("->"):
            path.symlink_to(content.removeprefix("->"))
        else:
            path.write_text(content, encoding="utf-8")


def bundle(name: str, scope: Sequence[str], turns: Sequence[object], **more: object) -> dict[str, object]:
    """A workstream that a scripted agent works on."""
    return {
        "id": name,
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": list(scope),
        "tasks": ["Do what the script says"],
        "tool": "scripted",
        "metadata": {"scripted": list(turns)},
        **more,
    }


def new_repository(folder: Path, files: Mapping[str, str], bundles: Sequence[Mapping[str, object]] = ()) -> Path:
    """A repository of the user's with one commit."""
    plans = {f"workstreams/{one['id']}.json": json.dumps(one) for one in bundles}
    write(folder, {"penstock.toml": SETTINGS, **files, **plans})
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=base")
    return folder


def penstock_for(project: Path, home: Path, **environ: str) -> Penstock:
    """Penstock as a user of this home would have it."""
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(home), "PENSTOCK_HOME": str(home), "USER": "tester"}
    return build(
        folder=project,
        environ={**surroundings, "PENSTOCK_CONFINE": os.environ.get("PENSTOCK_CONFINE", "off"), **environ},
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a run came to."""

    project: Path
    home: Path
    run: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    attempts: Sequence[Mapping[str, Any]]

    @property
    def own(self) -> Path:
        """Penstock's own repository."""
        return self.home / "projects" / self.run["project"] / "repo.git"

    def workstream(self, name: str) -> Mapping[str, Any]:
        """One workstream."""
        return next(one for one in self.run["workstreams"] if one["ws_id"] == name)

    def violations(self, name: str) -> list[tuple[str, str]]:
        """Path and rule of each violation of a workstream."""
        told = [one for one in self.events if one["event_type"] == "scope_violation" and one["ws_id"] == name]
        return [(each["path"], each["rule"]) for one in told for each in one["payload"]["violations"]]

    def patch(self, name: str) -> Path:
        """Where the refused change of a workstream is kept."""
        outcomes = [
            one["payload"]["outcome"]
            for one in self.events
            if one["event_type"] == "step_finished" and one["ws_id"] == name
        ]
        return Path(next(outcome["patch"] for outcome in outcomes if outcome.get("patch")))


def whole_run(
    project: Path, home: Path, run_id: str, *, max_parallel: int | None = 2, resume: bool = False, **environ: str
) -> Ended:
    """Trust the project, submit its plan (or take the run up again), work until nothing more can be done."""

    async def work() -> Ended:
        penstock = penstock_for(project, home, **environ)
        try:
            penstock.projects.trust_here(penstock.projects.current())
            if not resume:
                await penstock.service.submit(Submission(run_id=run_id, max_parallel=max_parallel))
            await penstock.service.work(run_id, resume=resume)
            views = penstock.parts.views
            return Ended(
                project=project,
                home=home,
                run=views.run(run_id),
                events=views.events(run_id, limit=100_000),
                attempts=views.attempts(run_id),
            )
        finally:
            await penstock.close()

    return asyncio.run(work())


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file, link and folder with its mode and a hash of its content."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root, name)
            mode = f"{path.lstat().st_mode:o}"
            if path.is_symlink():
                content = str(path.readlink())
            else:
                content = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            found[path.relative_to(folder).as_posix()] = f"{mode} {content}"
    return found


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """The paths that differ."""
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}
