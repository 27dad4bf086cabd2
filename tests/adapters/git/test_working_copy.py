"""What is not committed in the user's checkout is seen, and seeing it changes nothing there."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from penstock.adapters.git.layout import COMMITTER, GitSettings
from penstock.adapters.git.working_copy import MOST_FILES, TooMuchIncluded, WorkingCopy
from penstock.ports import UserFile

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{role}_{part}": "user" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], env=ENVIRONMENT, check=True, capture_output=True)


def working_copy(home: Path, repository: Path) -> WorkingCopy:
    settings = GitSettings(
        home=home,
        worktree_root=home,
        user_repository=repository,
        author=COMMITTER,
        search_path=os.environ["PATH"],
    )
    return WorkingCopy(settings=settings)


def uncommitted(home: Path, repository: Path) -> tuple[str, ...]:
    return asyncio.run(working_copy(home, repository).uncommitted())


def untracked(home: Path, repository: Path, *patterns: str) -> tuple[UserFile, ...]:
    return asyncio.run(working_copy(home, repository).untracked(patterns))


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


def test_files_that_no_commit_holds_are_found_by_patterns_like_gitignore(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name in (".env", "conf/.env", "conf/local.ini", "tracked.ini", "secret/key.ini", "run.sh"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / "run.sh").chmod(0o755)
    (project / "linked.ini").symlink_to("/etc/passwd")
    (project / "folder.ini").symlink_to("secret")
    (project / ".gitignore").write_text(".env\n")
    git(project, "init", "--quiet")
    git(project, "add", "tracked.ini", ".gitignore")
    git(project, "commit", "--quiet", "--message=base")
    found = untracked(tmp_path, project, "/.env", "*.ini", "!secret/", "!secret/*", "run.sh", "--exclude=*")
    assert [one.path for one in found] == [".env", "conf/local.ini", "run.sh"]
    assert [one.is_executable for one in found] == [False, False, True]
    assert found[0].content == b".env"
    assert untracked(tmp_path, project) == ()


def test_too_much_to_copy_is_refused_with_the_number(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "many").mkdir(parents=True)
    git(project, "init", "--quiet")
    for number in range(MOST_FILES + 1):
        (project / "many" / f"{number}.txt").touch()
    with pytest.raises(TooMuchIncluded, match="names 201 files"):
        untracked(tmp_path, project, "many/")
    (project / "huge").touch()
    os.truncate(project / "huge", 1 << 42)
    with pytest.raises(TooMuchIncluded, match="names 1 files"):
        untracked(tmp_path, project, "huge")
    assert untracked(tmp_path, tmp_path, "*") == ()  # where there is no repository there is nothing to ask
