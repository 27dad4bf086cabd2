"""The model agent in a real worktree: what it answers is applied exactly, or the worktree is as it was."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from whole_runs import fingerprint, git, new_repository

from one_model_server import Scripted, Stay, model_server
from penstock.adapters.agents.model import ModelAgent
from penstock.adapters.clock import SystemClock
from penstock.adapters.git.layout import GitSettings, Person
from penstock.adapters.git.project import GitProject
from penstock.domain.plan import Scope, Workstream
from penstock.domain.redaction import Redactor
from penstock.planning.handed_in import read_files
from penstock.ports import AgentReport, AgentTask, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = Place(run="r", workstream="w", branch="ws/w-r")


@pytest.fixture
def server() -> Iterator[Scripted]:
    with model_server() as script:
        yield script


class Desk:
    """A project with one prepared worktree, and a model agent that applies through it."""

    def __init__(self, root: Path, server: Scripted) -> None:
        user = new_repository(root / "user", {"src/a.py": "a = 1\n", "src/run.sh": "#!/bin/sh\n"})
        settings = GitSettings(
            home=root / "home",
            worktree_root=root / "home/.worktrees",
            user_repository=user,
            author=Person(name="Ada", email="ada@example.org"),
            search_path=os.environ["PATH"],
        )
        self.root, self.server = root, server
        self.project = GitProject(settings, SystemClock())
        _, self.base = asyncio.run(self.project.fetch(None))
        self.agent = ModelAgent(name="model", applier=self.project, redactor=Redactor(), read=read_files)
        self.own = settings.repository

    def work(self) -> tuple[Path, AgentReport]:
        return asyncio.run(self._work())

    async def _work(self) -> tuple[Path, AgentReport]:
        worktree = await self.project.prepare(PLACE, self.base)
        task = AgentTask(
            worktree=worktree,
            folder=self.root / "attempt",
            prompt="Set a to 2.",
            marker="m",
            timeout=30.0,
            number=1,
            step="edit",
            workstream=Workstream(id="w", tasks=("set a",), scope=Scope(files=("src/",))),
            visit=Stay(self.server.url),
        )
        return worktree, await self.agent.work(task)


def test_files_are_written_and_an_attempt_begun_again_comes_to_the_same_tree(tmp_path: Path, server: Scripted) -> None:
    files = [{"path": "src/a.py", "content": "a = 2\n"}, {"path": "src/run.sh", "content": None}]
    server.says(json.dumps({"files": files, "test_files": [{"path": "src/deep/test_a.py", "content": "t = 1\n"}]}))
    desk = Desk(tmp_path, server)
    worktree, report = desk.work()
    assert report.ending == "finished", report.sentence
    first = {name: content for name, content in fingerprint(worktree).items() if name != ".git"}
    assert (worktree / "src/a.py").read_text() == "a = 2\n"
    assert not (worktree / "src/run.sh").exists()
    worktree, report = desk.work()  # as after its owner's death: prepared anew, and not asked again
    assert report.ending == "finished"
    assert {name: content for name, content in fingerprint(worktree).items() if name != ".git"} == first
    assert len(server.asked) == 1
    assert git(desk.own, "fsck", "--no-dangling") == ""


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("../evil.py", "x\n"),
        (".git/hooks/post-checkout", "x\n"),
        ("other.py", "x\n"),
        ("src/a.py", "a = 2\n# ... rest of the file unchanged ...\n"),
        ("src/conftest.py", "x = 1\n"),
    ],
)
def test_a_bad_file_among_good_ones_leaves_all_as_it_was(
    tmp_path: Path, server: Scripted, path: str, content: str
) -> None:
    good = {"path": "src/good.py", "content": "g = 1\n"}
    server.says(json.dumps({"files": [good, {"path": path, "content": content}]}))
    worktree, report = Desk(tmp_path, server).work()
    assert report.ending == "failed"
    assert "nothing of it was applied" in report.sentence
    assert sorted(fingerprint(worktree)) == [".git", "penstock.toml", "src", "src/a.py", "src/run.sh"]
    assert (worktree / "src/a.py").read_text() == "a = 1\n"
    assert not (tmp_path / "home/.worktrees/r/evil.py").exists()
