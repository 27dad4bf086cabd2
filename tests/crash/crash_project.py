"""Small projects for crash tests, and what two runs that ended the same have in common.

Plan `two`: one after the other, the second needs a fix, and a third fails and is undone; its commits are the same
however it is killed. Plan `five` and any number: side by side, verified in batches, with one that breaks only on the
integration branch.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from penstock.adapters.clock import SystemClock
from penstock.adapters.store.opening import open_database

RUN = "run-crash"
GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "User",
    "GIT_AUTHOR_EMAIL": "user@example.invalid",
    "GIT_COMMITTER_NAME": "User",
    "GIT_COMMITTER_EMAIL": "user@example.invalid",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
SETTINGS = """
[checks]
words = "! grep -rq BROKEN src"
[executor]
max_parallel = 2
min_free_gb = 0.0
"""
SIDE_BY_SIDE = """
[checks]
words = "! grep -rq BROKEN src"
[checks.integrate]
together = "sleep 0.1; ! grep -rqE 'BROKEN|ALONE' src"
[executor]
max_parallel = 4
min_free_gb = 0.0
"""


class StillClock(SystemClock):
    """Wall time that stands still, so that commits of two runs can be compared."""

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def git(repository: Path, *args: str) -> str:
    """Run git as the user would."""
    command = ["git", "-C", str(repository), *args]
    done = subprocess.run(command, env=GIT_ENV, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_project(folder: Path, plan: str = "two") -> Path:
    """A repository with its settings and bundles committed."""
    project = folder / "project"
    (project / "workstreams").mkdir(parents=True)
    (project / "src").mkdir()
    (project / "src" / "seed.txt").write_text("seed\n")
    (project / "penstock.toml").write_text(SETTINGS if plan == "two" else SIDE_BY_SIDE)
    bundles = _two() if plan == "two" else _many({"five": 5}.get(plan) or int(plan))
    for bundle in bundles:
        (project / "workstreams" / f"{bundle['id']}.json").write_text(json.dumps(bundle))
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "base")
    return project


def _two() -> list[dict[str, object]]:
    turns = [[_write("src/two.txt", "BROKEN\n")], [_write("src/two.txt", "two\n")]]
    first = _bundle("ws-one", "src/one.txt", [[_write("src/one.txt", "one\n")]])
    second = _bundle("ws-two", "src/two.txt", turns, depends_on=["ws-one"])
    third = _bundle(
        "ws-three",
        "src/three.txt",
        [[_write("src/three.txt", "BROKEN\n")]],
        circuit_breaker={"max_attempts": 1},
        compensation_actions=["`grep -q BROKEN src/three.txt`", "`test -f src/one.txt`", "Tell the others."],
    )
    return [first, second, third]


def _many(count: int) -> list[dict[str, object]]:
    """Of each five the second breaks on the branch and is mended, and the last depends on the four before it."""
    bundles = []
    for number in range(count):
        path = f"src/{number:02}.txt"
        turns: list[object] = [[_write(path, f"{number}\n")]]
        if number % 5 == 1:
            turns.insert(0, [_write(path, "ALONE\n")])
        behind = [f"ws-{number - before:02}" for before in range(1, 5)] if number % 5 == 4 else []
        bundles.append(_bundle(f"ws-{number:02}", path, turns, depends_on=behind))
    return bundles


def _write(path: str, content: str) -> dict[str, object]:
    return {"write": {"path": path, "content": content}}


def _bundle(name: str, path: str, turns: list[object], **more: object) -> dict[str, object]:
    return {
        "id": name,
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [path],
        "files_create": [path],
        "tasks": [f"Write {path}"],
        "acceptance_tests": [f"test -f {path}"],
        "tool": "scripted",
        "metadata": {"scripted": turns},
        **more,
    }


def end_state(home: Path, project: Path, *, exact: bool = True) -> dict[str, object]:
    """What two runs that ended the same have in common: states, trees, what was counted, and where nothing ran side by
    side (`exact`) every verdict and commit too.
    """
    database = open_database(home / "penstock.db", SystemClock())
    try:
        run = database.views.run(RUN)
        attempts = database.views.attempts(RUN)
        undone = [one for one in database.views.events(RUN) if one["event_type"] == "compensation_run"]
    finally:
        database.close()
    own = next((home / "projects").iterdir()) / "repo.git"
    kept = [one for one in attempts if one["status"] != "interrupted"]
    branch = f"refs/heads/penstock/{RUN}"
    same = {
        "run": {name: run[name] for name in ("status", "reason", "sentence", "base")},
        "workstreams": [
            {name: one[name] for name in ("ws_id", "status", "outcome", "reason")} for one in run["workstreams"]
        ],
        "attempts": sorted((one["ws_id"], one["step"], one["attempt"], one["status"]) for one in kept),
        "undone": sorted((one["payload"]["action"], one["payload"]["exit_code"]) for one in undone),
        "tree": git(own, "rev-parse", f"{branch}^{{tree}}"),
        "merges": sorted(git(own, "log", "--first-parent", "--format=%an %cn %s", branch).splitlines()),
        "user": git(project, "rev-parse", branch) == git(own, "rev-parse", branch) == run["head"] == run["published"],
        "user_head": git(project, "rev-parse", "HEAD"),
        "user_status": git(project, "status", "--porcelain"),
        "integrated": [row[0] for row in _integrations(home)],
    }
    if not exact:
        return same
    return {
        **same,
        "bases": [(one["ws_id"], one["base"], one["candidate"]) for one in run["workstreams"]],
        "log": git(own, "log", "--format=%H %T %an %cn %s", branch),
        "integrations": _integrations(home),
    }


def _integrations(home: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "penstock.db")) as connection:
        return sorted(connection.execute("SELECT ws_id, verdict_id, tree, commit_id FROM integrations"))


def batches(home: Path) -> list[int]:
    """How many were merged by each verdict."""
    with closing(sqlite3.connect(home / "penstock.db")) as connection:
        rows = connection.execute("SELECT members FROM verdicts").fetchall()
    return [len(json.loads(members)) for (members,) in rows]


def most_lost(home: Path) -> int:
    """How often the unluckiest attempt was lost in a row."""
    with closing(sqlite3.connect(home / "penstock.db")) as connection:
        rows = connection.execute("SELECT progress FROM workstreams").fetchall()
    return max((json.loads(progress).get("lost", 0) for (progress,) in rows), default=0)


def snapshots(home: Path) -> int:
    """How many snapshots there are."""
    own = next((home / "projects").iterdir()) / "repo.git"
    return len(git(own, "for-each-ref", "--format=%(refname)", "refs/penstock/").splitlines())


def worktree_blobs(home: Path) -> dict[str, str]:
    """Every file of every worktree with the name that git gives its content."""
    found = {}
    for worktree in (home / "projects").glob("*/.worktrees/*/*/"):
        for root, folders, files in os.walk(worktree):
            folders[:] = [name for name in folders if name != ".git"]
            for name in files:
                path = Path(root, name)
                if name != ".git" and path.is_file():
                    content = path.read_bytes()
                    if not _is_half_written(home.parent / "project" / path.relative_to(worktree), content):
                        found[str(path)] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return found


def _is_half_written(whole: Path, content: bytes) -> bool:
    """Whether a checkout was killed in the midst of a file: it begins as the project's own does, and breaks off."""
    return whole.is_file() and len(content) < whole.stat().st_size and whole.read_bytes().startswith(content)


def lost_blobs(home: Path, blobs: dict[str, str]) -> list[str]:
    """Which of these contents Penstock's own repository does not have."""
    own = next((home / "projects").iterdir()) / "repo.git"
    asked = "\n".join(sorted(set(blobs.values())))
    done = subprocess.run(
        ["git", "-C", str(own), "cat-file", "--batch-check"],
        env=GIT_ENV,
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    missing = {line.split()[0] for line in done.stdout.splitlines() if line.endswith("missing")}
    return [path for path, blob in blobs.items() if blob in missing]
