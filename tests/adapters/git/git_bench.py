"""A user's repository, Penstock's git for it, and an agent's hands: all real, in a temporary folder."""

from __future__ import annotations

import asyncio
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from penstock.adapters.git.layout import GitSettings, Person
from penstock.adapters.git.project import GitProject
from penstock.domain.changes import Stamp, Verdict
from penstock.ports import Place

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PLACE = Place(run="r1", workstream="w1", branch="ws/w1-r1")
BRANCH = "penstock/r1"


class FixedClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 0.0


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Git as a person or an agent runs it."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    identity = ("-c", "user.name=Someone", "-c", "user.email=some@one", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, "-c", "protocol.file.allow=always", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"git {arguments}: {done.stderr.decode()}")
    return os.fsdecode(done.stdout).strip()


class Bench:
    """Everything a test touches."""

    def __init__(self, root: Path, **changed: Any) -> None:
        self.root = root
        self.user = root / "user"
        settings = GitSettings(
            home=root / "state/projects/p1",
            worktree_root=root / "state/p1/.worktrees",
            user_repository=self.user,
            author=Person(name="Ada", email="ada@example.org"),
            search_path=os.environ["PATH"],
        )
        self.settings = replace(settings, **changed)
        self.project = GitProject(self.settings, FixedClock())
        self.place = PLACE
        self.base = ""

    @property
    def own(self) -> Path:
        return self.settings.repository

    @property
    def worktree(self) -> Path:
        return self.settings.worktree(self.place)

    @property
    def private(self) -> Path:
        return self.settings.private(self.place)

    def make_user(self, files: dict[str, str] | None = None) -> None:
        self.user.mkdir()
        git(self.user, "init", "--quiet")
        for path, content in (
            files or {"src/app.py": "one\n", "docs/read me.md": "text\n", ".gitignore": "*.log\nbuild/\n"}
        ).items():
            (self.user / path).parent.mkdir(parents=True, exist_ok=True)
            (self.user / path).write_text(content)
        git(self.user, "add", ".")
        git(self.user, "commit", "--quiet", "-m", "first")

    def again(self) -> None:
        """As after a restart: nothing in memory."""
        self.project = GitProject(self.settings, FixedClock())

    def fetch(self, base: str | None = None) -> str:
        self.base = asyncio.run(self.project.fetch(base))[1]
        return self.base

    def prepare(self, start: str = "", place: Place = PLACE) -> Path:
        return asyncio.run(self.project.prepare(place, start or self.base))

    def capture(
        self, *declared: str, base: str = "", parent: str = "", place: Place = PLACE, message: str = "work"
    ) -> Any:
        base = base or self.base
        stamp = Stamp(message=message, at=AT)
        return asyncio.run(
            self.project.capture(place, base=base, parent=parent or base, declared=declared, stamp=stamp)
        )

    def preserve(self, place: Place = PLACE) -> Any:
        return asyncio.run(self.project.preserve(place, Stamp(message="kept", at=AT)))

    def remove(self, preserved: Any, *, recycle: bool = False) -> None:
        asyncio.run(self.project.remove(preserved, recycle=recycle))

    def merge(self, head: str, candidate: str) -> Any:
        return asyncio.run(self.project.merge(head, candidate, Stamp(message="merge", at=AT)))

    def verdict(self, parent: str, commit: str, tree: str, branch: str = "penstock/r1") -> Verdict:
        return Verdict(id="v1", branch=branch, parent=parent, commit=commit, tree=tree, members=("w1",), checks=("c",))

    def files(self, commit: str) -> dict[str, str]:
        listing = git(self.own, "ls-tree", "-r", "-z", commit).split("\0")
        entries = [entry.split("\t", 1) for entry in listing if entry]
        return {path: git(self.own, "cat-file", "blob", facts.split()[2]) for facts, path in entries if "blob" in facts}

    def rules(self, found: Any) -> set[str]:
        return {violation.path for violation in found.tampering}


def walk_through(bench: Bench) -> Any:
    """The whole way of a workstream, as a run does it, and does it again after a kill."""
    bench.fetch()
    asyncio.run(bench.project.create_branch(BRANCH, bench.base))
    worktree = bench.prepare()
    (worktree / "src/app.py").write_text("two\n")
    (worktree / "new.py").write_text("new\n")
    (worktree / "trace.log").write_text("ignored\n")
    found = bench.capture()

    async def look() -> None:
        async with bench.project.checkout("r1", found.candidate.commit):
            pass

    asyncio.run(look())
    merged = bench.merge(bench.base, found.candidate.commit).candidate
    asyncio.run(bench.project.advance(bench.verdict(bench.base, merged.commit, merged.tree, BRANCH)))
    bench.remove(bench.preserve(), recycle=True)
    next_place = replace(PLACE, workstream="w2", branch="ws/w2-r1")
    worktree = bench.prepare(place=next_place)
    assert sorted(path.name for path in worktree.iterdir()) == [".git", ".gitignore", "docs", "src"]
    (worktree / "second.py").write_text("second\n")
    bench.capture(place=next_place, message="second")
    bench.remove(bench.preserve(next_place), recycle=True)
    asyncio.run(bench.project.drop_checkouts("r1"))
    return found
