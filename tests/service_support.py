"""A user's repository, home and Penstock for tests of the use cases: real parts, a scripted agent, no network."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from penstock.bootstrap import Penstock, build

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "User" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "user@example.invalid" for role in ("AUTHOR", "COMMITTER")},
}
SETTINGS = '[checks]\nwords = "! grep -rq BROKEN src"\n[executor]\nmin_free_gb = 0.0\n'


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def bundle(name: str, content: str = "good\n", **more: object) -> dict[str, object]:
    """A workstream whose scripted agent writes one file."""
    return {
        "id": name,
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [f"src/{name}.txt"],
        "tasks": [f"Write {name}"],
        "acceptance_tests": [f"test -f src/{name}.txt"],
        "tool": "scripted",
        "metadata": {"scripted": [[{"write": {"path": f"src/{name}.txt", "content": content}}]] * 4},
        **more,
    }


class Desk:
    """A user's project and home; `penstock` is a new process's Penstock each time."""

    def __init__(self, folder: Path, *bundles: Mapping[str, object], settings: str = SETTINGS) -> None:
        self.project, self.home = folder / "project", folder / "home"
        (self.project / "workstreams").mkdir(parents=True)
        (self.project / "src").mkdir()
        (self.project / "src" / "seed.txt").write_text("seed\n")
        (self.project / "penstock.toml").write_text(settings)
        for one in bundles:
            (self.project / "workstreams" / f"{one['id']}.json").write_text(json.dumps(one))
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def git(self, *args: str) -> str:
        """Run git as the user would."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), **GIT}
        done = subprocess.run(["git", *args], cwd=self.project, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=change")

    def penstock(self, folder: Path | None = None, **environ: str) -> Penstock:
        """Penstock for the user of this desk."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PENSTOCK_HOME": str(self.home), **GIT}
        return build(folder=folder or self.project, environ={**own, "PENSTOCK_CONFINE": "off", **environ})

    def trusted(self, **environ: str) -> Penstock:
        """The same, with the project's commands agreed to."""
        penstock = self.penstock(**environ)
        penstock.projects.trust_here(penstock.projects.current())
        return penstock
