"""Penstock's own repository: made from the user's, fetched from it, and the only writer of its refs."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.commits import Commits
from penstock.adapters.git.filling import drop_indexes
from penstock.adapters.git.integrity import USER_REFS, Integrity
from penstock.adapters.git.layout import NO_COMMIT, GitSettings, branch_ref
from penstock.adapters.git.ledger import Ledger
from penstock.adapters.git.refs import RefReader, put_back, put_in_place
from penstock.adapters.git.runner import Call, Git, GitFailed
from penstock.adapters.git.source import (
    OUR_FOLDER,
    BranchInTheWay,
    RepositoryIsBroken,
    RepositoryIsEmpty,
    Source,
    base_candidates,
    inspect,
)
from penstock.adapters.git.suitability import refuse_unsuitable
from penstock.domain.errors import UserError, WorldError

if TYPE_CHECKING:
    from collections.abc import Iterable

CLONING = ("--bare", "--quiet", "--no-tags", "--template=")
"""A path is cloned by hard links anyway; by an explicit `--local` git would not copy where links can't be made."""
UPLOAD = f"git -c safe.directory=* -c core.hooksPath={os.devnull} upload-pack"
"""The user named the repository: whose files it consists of is no reason to refuse it, and nothing of it is run."""
NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))


def _cloning(source: Source) -> tuple[str, ...]:
    """How a repository is cloned: git copies no files where its objects lie behind links, and has to be asked then."""
    objects = source.common / "objects"
    places = (objects, *objects.iterdir(), *objects.glob("pack/*"), *objects.glob("info/*"))
    return (*CLONING, "--no-local") if any(path.is_symlink() for path in places) else CLONING


class NoSuchBranch(UserError):
    """The base branch is not there."""

    def __init__(self, *, asked: str | None, present: list[str]) -> None:
        self.asked, self.present = asked, present
        shown = ", ".join(present[:20])
        wish = f"the base branch {asked!r} was asked for" if asked else "no base branch could be found"
        super().__init__(f"{wish}; the repository has {shown}", hint="set `base_branch` to one of them")


class BranchMoved(WorldError):
    """A ref was not where it should be moved from."""

    retryable = False

    def __init__(self, *, ref: str, expected: str, found: str | None) -> None:
        self.ref, self.expected, self.found = ref, expected, found
        super().__init__(f"{ref} was to be moved from {expected} and is at {found or 'no commit'}")


class OwnRepository:
    """One project's repository. All refs are written through `move`, so that the ledger knows them."""

    def __init__(self, settings: GitSettings) -> None:
        self.settings = settings
        self.git = Git(settings)
        self.commits = Commits(self.git)
        self.ledger = Ledger(settings.home / "refs.log")
        self.integrity = Integrity(settings, self.ledger)
        self.folder = settings.repository

    def fetch(self, base_branch: str | None) -> tuple[str, str]:
        """Bring the user's branches here; the base branch and its commit."""
        source = inspect(self.git, self.settings.user_repository)
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.integrity.check(again=True)
        with self.ledger.held() as descriptor:
            if not folders.is_folder(self.folder):
                self._make(source)
            self._bring(source, descriptor)
            branches = RefReader(self.folder).all()
        present = {
            ref.removeprefix(f"{USER_REFS}heads/"): value
            for ref, value in branches.items()
            if ref.startswith(USER_REFS)
        }
        if not present:
            raise RepositoryIsEmpty(source.path)
        if OUR_FOLDER in present:
            raise BranchInTheWay(source.path)
        name = self._choose(base_branch, source, present)
        refuse_unsuitable(self.git, source, present[name])
        return name, present[name]

    def _make(self, source: Source) -> None:
        for unfinished in self.folder.parent.glob("repo.*.new"):
            folders.remove(unfinished)
        new = self.folder.with_name(f"repo.{os.getpid()}.new")
        try:
            self.git.run_outside("clone", *_cloning(source), f"--upload-pack={UPLOAD}", str(source.path), str(new))
        except GitFailed as failed:
            raise RepositoryIsBroken(source.path, said=failed.said) from failed
        self.integrity.write_constants(new, source.object_format)
        new.rename(self.folder)
        self.ledger.begin_anew()

    def _bring(self, source: Source, descriptor: int) -> None:
        folders.remove_locks(self.folder / USER_REFS)  # of a killed fetch: nobody else fetches while the log is ours
        options = ("--quiet", "--force", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        try:
            self.git.run(
                "fetch",
                *options,
                "--no-auto-maintenance",
                f"--upload-pack={UPLOAD}",
                str(source.path),
                f"+refs/heads/*:{USER_REFS}heads/*",
                call=Call(descriptors=(descriptor,)),
            )
        except GitFailed as failed:
            raise RepositoryIsBroken(source.path, said=failed.said) from failed

    @staticmethod
    def _choose(asked: str | None, source: Source, present: dict[str, str]) -> str:
        wanted = [asked] if asked else base_candidates(source)
        for name in wanted:
            if name in present:
                return name
        raise NoSuchBranch(asked=asked, present=sorted(present))

    def value(self, ref: str) -> str | None:
        """Where a ref is."""
        content = folders.read(self.folder / ref)
        return content.decode("utf-8", "replace").strip() if content else None

    def move(self, ref: str, new: str, old: str) -> None:
        """Move a ref from `old` (`NO_COMMIT`: it is not there yet); being at `new` already is success."""
        with self.ledger.held():
            self._move(ref, new, old)

    def keep(self, namespace: str, commit: str) -> str:
        """Give a snapshot the next number of its namespace; a commit that has one keeps it."""
        with self.ledger.held():
            numbers = self.numbers(namespace)
            for number in reversed(numbers):
                if self.value(f"{namespace}/{number}") == commit:
                    return f"{namespace}/{number}"
            ref = f"{namespace}/{max(numbers, default=0) + 1}"
            self._move(ref, commit, NO_COMMIT)
            return ref

    def drop(self, refs: Iterable[str]) -> None:
        """Remove refs, also those whose commit is not there; one that is gone already is no error."""
        with self.ledger.held():
            for ref in refs:
                self.ledger.intend(ref, NO_COMMIT)
                put_back(self.folder, ref, None)
                self.ledger.finish(ref, happened=True)

    def numbers(self, namespace: str) -> list[int]:
        """The numbers of a namespace's snapshots, in order."""
        with suppress(FileNotFoundError):
            return sorted(int(path.name) for path in (self.folder / namespace).iterdir() if path.name.isdecimal())
        return []

    def create_branch(self, name: str, commit: str) -> None:
        """Make the integration branch at a commit; a branch that is there already stays as it is."""
        ref = branch_ref(name)
        with self.ledger.held():
            if self.value(ref) is None:
                self._move(ref, commit, NO_COMMIT)

    def clear_stale_locks(self) -> None:
        """Remove what killed git processes left locked in Penstock's own repository; at a take-over, after reaping."""
        with self.ledger.held():
            folders.remove_locks(self.folder)
        drop_indexes(self.settings)

    def _move(self, ref: str, new: str, old: str) -> None:
        """Nobody else writes refs here while the ledger is held: so no process is needed to do it."""
        found = self.value(ref)
        if found == new:
            return
        if (found or NO_COMMIT) != old:
            raise BranchMoved(ref=ref, expected=old, found=found)
        self.commits.must_be_there(new)
        self.ledger.intend(ref, new)
        self.settings.effect("ref intended")
        try:
            put_in_place(self.folder, ref, new)
        except OSError as failed:
            self.ledger.finish(ref, happened=self.value(ref) == new)
            if failed.errno in NO_ROOM:
                raise
            raise BranchMoved(ref=ref, expected=old, found=self.value(ref)) from failed
        self.settings.effect("ref written")
        self.ledger.finish(ref, happened=True)
