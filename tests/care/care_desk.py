"""A user's project whose runs end, wait or fail as a test wants it, and what they leave: all real."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from penstock.bootstrap import Penstock, build
from penstock.domain.events import Approved
from penstock.ports import Holder, Loaded
from penstock.projects import Project
from penstock.submission import Submission
from sandbox_support import GIT, SOURCE

Answer = TypeVar("Answer")
SETTINGS = "[executor]\nmin_free_gb = 0.0\n"
REVIEWED = f'approvals = ["review"]\n{SETTINGS}'


class Later:
    """A clock that is some days ahead."""

    def __init__(self, days: float) -> None:
        self.ahead = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return 0.0


def bundle(name: str, *, writes: str = "", **more: object) -> dict[str, object]:
    """A workstream whose scripted agent writes one file; anywhere else than its own is out of its scope."""
    own = f"src/{name}.txt"
    return {
        "id": name,
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [own],
        "tasks": [f"Write {name}"],
        "acceptance_tests": [f"test -f {own}"],
        "tool": "scripted",
        "metadata": {"scripted": [[{"write": {"path": writes or own, "content": f"{name}\n"}}]] * 4},
        **more,
    }


class Desk:
    """One user, one project, one state folder; each `penstock` is a new process's Penstock."""

    def __init__(self, folder: Path, *bundles: dict[str, object], settings: str = SETTINGS) -> None:
        self.project, self.home = folder / "project", folder / "home"
        (self.project / "src").mkdir(parents=True)
        (self.project / "src/seed.txt").write_text("seed\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.plan(*bundles, settings=settings)

    def plan(self, *bundles: dict[str, object], settings: str = SETTINGS) -> None:
        """Commit these bundles and settings in place of what was there."""
        folder = self.project / "workstreams"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for one in bundles:
            (folder / f"{one['id']}.json").write_text(json.dumps(one))
        (self.project / "penstock.toml").write_text(settings)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=plan")

    @property
    def environ(self) -> dict[str, str]:
        """The user's environment."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PENSTOCK_HOME": str(self.home)}
        return {**own, **SOURCE, **GIT}

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run git as the user would."""
        where = folder or self.project
        done = subprocess.run(
            ["git", *arguments], cwd=where, env=self.environ, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def own(self, *arguments: str) -> str:
        """Run git in Penstock's own repository, as somebody who should not."""
        return self.git(*arguments, folder=self.state / "repo.git")

    @property
    def state(self) -> Path:
        """What Penstock keeps of this project."""
        return next((self.home / "projects").iterdir())

    def worktree(self, run: str, workstream: str) -> Path:
        """Where a workstream works."""
        return self.state / ".worktrees" / run / workstream

    def does(self, use: Callable[[Penstock], Awaitable[Answer]], *, days: float = 0.0) -> Answer:
        """Use a Penstock of its own, some days later."""

        async def whole() -> Answer:
            penstock = build(folder=self.project, environ=self.environ, clock=Later(days) if days else None)
            try:
                return await use(penstock)
            finally:
                await penstock.close()

        return asyncio.run(whole())

    def run(self, run: str) -> str:
        """Submit the plan and work until nothing goes on; the run's state."""

        async def work(penstock: Penstock) -> str:
            penstock.projects.trust_here(penstock.projects.current())
            await penstock.service.submit(Submission(run_id=run))
            return (await penstock.service.work(run)).state.value

        return self.does(work)

    def resume(self, run: str) -> str:
        """Go on with a run; its state."""

        async def work(penstock: Penstock) -> str:
            return (await penstock.service.work(run, resume=True)).state.value

        return self.does(work)

    def approve(self, run: str, workstream: str) -> None:
        """Approve what waits."""
        request = Approved(workstream=workstream, gate=0, by="tester", note="")
        self.does(lambda penstock: penstock.service.ask(run, request))

    def loaded(self, run: str) -> Loaded:
        """A run as it is stored."""
        return self.does(lambda penstock: penstock.parts.journal.load(run))

    def view(self, run: str) -> dict[str, Any]:
        """A run as it is shown."""

        async def look(penstock: Penstock) -> dict[str, Any]:
            return penstock.parts.views.run(run)

        return self.does(look)

    @contextmanager
    def held(self, run: str) -> Iterator[None]:
        """Somebody works on a run."""
        penstock = build(folder=self.project, environ=self.environ)
        held = asyncio.run(penstock.parts.locks.acquire(run))
        assert not isinstance(held, Holder)
        try:
            yield
        finally:
            held.release()

    def content(self, *, without: tuple[str, ...] = ("locks", "penstock.db", "looks")) -> dict[str, str]:
        """Every file of the state folder with a hash of what it holds."""
        found = {}
        for path in sorted(self.home.rglob("*")):
            name = path.relative_to(self.home).as_posix()
            if path.is_file() and not any(part.startswith(without) for part in name.split("/")):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


class Beginning:
    """A desk that many tests begin with: its runs are done once, and what they left is laid out anew for each test.

    Always in the same folder, for the store and git know places by their whole paths.
    """

    def __init__(self, folder: Path, make: Callable[[Path], Desk]) -> None:
        self._used, self._kept = folder / "used", folder / "kept"
        self._desk = make(self._used)
        shutil.copytree(self._used, self._kept, symlinks=True)

    def again(self) -> Desk:
        """The desk as it was in the beginning."""
        shutil.rmtree(self._used)
        shutil.copytree(self._kept, self._used, symlinks=True)
        return self._desk


def project_of(penstock: Penstock) -> Project:
    """The project of a desk."""
    return penstock.projects.current()
