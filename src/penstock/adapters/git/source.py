"""The user's repository, looked at and never written: its parts, its user, what keeps us from working on it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.layout import COMMITTER, GitSettings, Person
from penstock.adapters.git.runner import Call, Git, GitFailed
from penstock.domain.errors import UserError, WorldError

if TYPE_CHECKING:
    from collections.abc import Mapping


OUR_FOLDER = "penstock"
"""The first part of the name of every branch that Penstock gives to the user's repository."""
QUESTIONS = ("--absolute-git-dir", "--git-common-dir", "--is-shallow-repository", "--show-object-format")


class NotARepository(UserError):
    """The project's path holds no git repository."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"a project is a git repository, and {path} is none",
            hint=f"run `git init` and make a first commit in {path}, or name another folder",
        )


class RepositoryIsEmpty(UserError):
    """The user's repository has no commit."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"work starts from a commit, and {path} has none",
            hint="make a first commit, if need be an empty one: `git commit --allow-empty -m First`",
        )


class RepositoryIsShallow(UserError):
    """The user's repository lacks a part of its history or of its contents."""

    def __init__(self, path: Path, *, kind: str) -> None:
        self.kind = kind
        fetch = "git fetch --unshallow" if kind == "shallow" else "git fetch --refetch --no-filter"
        super().__init__(
            f"merges need the whole history, and {path} is a {kind} clone",
            hint=f"run `{fetch}` in it, or clone it whole",
        )


class PathHasLineBreak(UserError):
    """The user's repository lies where git can't say it on one line."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"git names a repository on one line, and the path {str(path)!r} has a line break in it",
            hint="give the folder another name",
        )


class BranchInTheWay(UserError):
    """The user has a branch where git needs a folder for Penstock's branches."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"git can't have a branch {OUR_FOLDER} beside the branches {OUR_FOLDER}/…, and {path} has one",
            hint=f"give it another name: `{making_room(path)}`",
        )


class RepositoryIsBroken(WorldError):
    """Git can't read the user's repository."""

    retryable = False

    def __init__(self, path: Path, *, said: str) -> None:
        self.said = said.strip()
        super().__init__(
            f"git can't read all of {path}: {self.said}", hint="`git fsck --full` in it says what is broken"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What must be known of the user's repository before it is fetched from."""

    path: Path
    folder: Path
    """Its git folder (of this working copy)."""
    common: Path
    """The git folder that its linked worktrees share."""
    object_format: str


def inspect(git: Git, path: Path) -> Source:
    """Look at the user's repository and refuse what can't be worked on."""
    if not folders.is_folder(path.resolve()):
        raise NotARepository(path)
    try:
        answer = git.run_in(path, "rev-parse", *QUESTIONS)
    except GitFailed as failed:
        if "not a git repository" in failed.said:
            raise NotARepository(path) from failed
        raise RepositoryIsBroken(path, said=failed.said) from failed
    facts = answer.text.split("\n")
    if len(facts) != len(QUESTIONS):
        raise PathHasLineBreak(path)
    folder, common, is_shallow, object_format = facts
    source = Source(path=path, folder=Path(folder), common=(path / common).resolve(), object_format=object_format)
    if is_shallow == "true":
        raise RepositoryIsShallow(path, kind="shallow")
    if any((source.common / "objects/pack").glob("*.promisor")):
        raise RepositoryIsShallow(path, kind="partial")
    return source


def making_room(path: Path) -> str:
    """The command that moves the user's branch out of the way of ours."""
    return f"git -C {shlex.quote(str(path))} branch --move {OUR_FOLDER} {OUR_FOLDER}-mine"


def base_candidates(source: Source) -> list[str]:
    """Where work may start if nobody says it, best first."""
    remote = _target(source.common / "refs/remotes/origin/HEAD", "refs/remotes/origin/")
    current = _target(source.folder / "HEAD", "refs/heads/")
    names = [remote, "main", "develop", "master", current]
    return list(dict.fromkeys(name for name in names if name))


def _target(path: Path, prefix: str) -> str:
    text = (folders.read(path) or b"").decode("utf-8", "surrogateescape").strip()
    return text.removeprefix(f"ref: {prefix}") if text.startswith(f"ref: {prefix}") else ""


def read_identity(settings: GitSettings, environment: Mapping[str, str]) -> Person:
    """The project's git user: from its configuration and the user's own, else from the environment, else Penstock."""
    git = Git(settings)
    home = {name: environment[name] for name in ("HOME", "XDG_CONFIG_HOME") if name in environment}
    if "GIT_CONFIG_GLOBAL" in environment:
        home["GIT_CONFIG_GLOBAL"] = environment["GIT_CONFIG_GLOBAL"]
    elif "HOME" in environment:
        # the guard's setting would hide the user's own file, and git has no word for "the usual place"
        home["GIT_CONFIG_GLOBAL"] = _global_file(environment)
    call = Call(accept=(0, 1, 128), extra={**home, "GIT_CONFIG_NOSYSTEM": "0"})
    folder = settings.user_repository if folders.is_folder(settings.user_repository) else Path("/")
    name = git.run_in(folder, "config", "--get", "user.name", call=call).text
    email = git.run_in(folder, "config", "--get", "user.email", call=call).text
    return Person(
        name=name or environment.get("GIT_AUTHOR_NAME", "") or COMMITTER.name,
        email=email or environment.get("GIT_AUTHOR_EMAIL", "") or environment.get("EMAIL", "") or COMMITTER.email,
    )


def _global_file(environment: Mapping[str, str]) -> str:
    usual = Path(environment["HOME"]) / ".gitconfig"
    if usual.exists():
        return str(usual)
    return str(Path(environment.get("XDG_CONFIG_HOME") or Path(environment["HOME"]) / ".config") / "git/config")
