"""Taking a merged workstream back through the real command line's service, with real git."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from whole_runs import bundle, git, new_repository, penstock_for, whole_run

from penstock.domain.events import RollbackAsked
from penstock.domain.refusals import EventRefused

pytestmark = pytest.mark.slow


def ask(project: Path, home: Path, run: str, request: RollbackAsked) -> dict[str, dict[str, object]]:
    """Put the request, wait until it is done, and see how the workstreams stand."""

    async def put() -> dict[str, dict[str, object]]:
        penstock = penstock_for(project, home)
        try:
            await penstock.service.ask(run, request)
            return {one["ws_id"]: one for one in penstock.parts.views.run(run)["workstreams"]}
        finally:
            await penstock.close()

    return asyncio.run(put())


def writing(name: str, path: str, content: str, **more: object) -> dict[str, object]:
    return bundle(name, [path], [[{"write": {"path": path, "content": content}}]], **more)


def test_a_merge_is_undone_on_the_branch_and_the_others_stay(tmp_path: Path) -> None:
    plans = [
        writing("ws-a", "src/a.txt", "a\n"),
        writing("ws-b", "src/b.txt", "b\n", depends_on=["ws-a"]),
        writing("ws-c", "src/c.txt", "c\n"),
    ]
    project = new_repository(tmp_path / "project", {"good/x": "x\n", "src/a.txt": "before\n"}, plans)
    home = tmp_path / "home"
    ended = whole_run(project, home, "back")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    with pytest.raises(EventRefused, match="ws-b was built upon ws-a"):
        ask(project, home, "back", RollbackAsked(workstream="ws-a"))
    found = ask(project, home, "back", RollbackAsked(workstream="ws-a", cascade=True))
    assert {name: one["status"] for name, one in found.items()} == {
        "ws-a": "abandoned",
        "ws-b": "abandoned",
        "ws-c": "done",
    }
    assert git(project, "show", "penstock/back:src/a.txt") == "before"
    files = git(project, "ls-tree", "-r", "--name-only", "penstock/back", "src").split()
    assert files == ["src/a.txt", "src/c.txt"]
    subjects = git(project, "log", "--first-parent", "--format=%s", "penstock/back").splitlines()
    assert subjects[:2] == ["Take back ws-a", "Take back ws-b"]
    with pytest.raises(EventRefused, match="ws-a is abandoned"):
        ask(project, home, "back", RollbackAsked(workstream="ws-a"))


def test_what_the_rest_needs_and_what_was_changed_since_is_not_taken_back(tmp_path: Path) -> None:
    plans = [
        writing("ws-a", "src/a.txt", "a\n"),
        writing("ws-b", "src/b.txt", "b\n", gate=2, acceptance_tests=["test -f src/a.txt"]),
    ]
    project = new_repository(tmp_path / "project", {"good/x": "x\n"}, plans)
    home = tmp_path / "home"
    assert whole_run(project, home, "needed").run["status"] == "completed"
    head = git(project, "rev-parse", "penstock/needed")
    found = ask(project, home, "needed", RollbackAsked(workstream="ws-a"))
    assert found["ws-a"]["status"] == "done"
    assert found["ws-a"]["sentence"] == (
        "could not be taken back: without it the rest fails: test -f src/a.txt: exit code 1"
    )
    assert git(project, "rev-parse", "penstock/needed") == head
