"""What is not committed in the user's checkout is seen, and seeing it changes nothing there."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from penstock.adapters.git.layout import COMMITTER, GitSettings
from penstock.adapters.git.working_copy import WorkingCopy

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{role}_{part}": "user" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], env=ENVIRONMENT, check=True, capture_output=True)


def uncommitted(home: Path, repository: Path) -> tuple[str, ...]:
    settings = GitSettings(
        home=home,
        worktree_root=home,
        user_repository=repository,
        author=COMMITTER,
        search_path=os.environ["PATH"],
    )
    return asyncio.run(WorkingCopy(settings=settings).uncommitted())


def test_changed_staged_and_deleted_files_are_named_and_untracked_ones_are_not(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("a b.txt", "deleted.txt", "kept.txt"):
        (project / name).write_text("x\n")
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=base")
    assert uncommitted(tmp_path, project) == ()
    (project / "a b.txt").write_text("changed\n")
    (project / "deleted.txt").unlink()
    (project / "new.txt").write_text("x\n")
    (project / "untracked.txt").write_text("x\n")
    git(project, "add", "new.txt")
    index = (project / ".git" / "index").read_bytes()
    assert uncommitted(tmp_path, project) == ("a b.txt", "deleted.txt", "new.txt")
    assert (project / ".git" / "index").read_bytes() == index


def test_a_repository_without_a_working_copy_has_nothing_uncommitted(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    assert uncommitted(tmp_path, tmp_path / "bare.git") == ()
