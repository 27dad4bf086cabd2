"""Whole runs with real git in which an agent writes a secret: it is told, and the user's branch never holds it.

The script that writes it lies in the user's base commit: only what came since is looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_runs import bundle, git, new_repository, whole_run

pytestmark = pytest.mark.slow

TAIL = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ2cF0"
SHAPED = f"sk-{'ant'}-api03-{TAIL}"  # made here, so that this file holds none
KNOWN = "correct-horse-battery-9"


def writes(content: str) -> list[object]:
    return [{"write": {"path": "src/a.py", "content": content}}]


@pytest.mark.parametrize("secret", [SHAPED, KNOWN])
def test_a_secret_is_taken_out_by_a_fix_and_is_in_no_object_that_was_pushed(tmp_path: Path, secret: str) -> None:
    marked = f"x = 1\nkey = '{secret}'" + ("  # pragma: allowlist secret\n" if secret == KNOWN else "\n")
    own = bundle("ws-a", ["src/a.py"], [writes(marked), writes("x = 1\n")])
    project = new_repository(tmp_path / "project", {"good/x": "x\n"}, [own])
    ended = whole_run(project, tmp_path / "home", "leak", DEPLOY_TOKEN=KNOWN)
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert git(project, "show", "penstock/leak:src/a.py") == "x = 1"
    told = str([one for one in ended.events if one["ws_id"] == "ws-a"])
    assert "src/a.py line 2" in told
    assert secret not in told
    for line in git(project, "rev-list", "--objects", "penstock/leak", "^main").splitlines():
        assert secret not in git(project, "cat-file", "-p", line.split(" ")[0])


def test_an_agent_that_never_takes_it_out_fails_and_nothing_is_pushed(tmp_path: Path) -> None:
    own = bundle("ws-a", ["src/a.py"], [writes(f"key = '{SHAPED}'\n")] * 9)
    project = new_repository(tmp_path / "project", {"good/x": "x\n"}, [own])
    ended = whole_run(project, tmp_path / "home", "leak")
    assert ended.workstream("ws-a")["status"] == "failed"
    assert SHAPED not in git(project, "log", "--all", "-p", "^main")
