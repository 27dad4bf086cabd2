"""Commits of Penstock's own repository: made so that they repeat, and asked for what can never change about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git.remembered import Remembered
from penstock.adapters.git.runner import Call, Git, GitFailed
from penstock.adapters.git.trees import Trees
from penstock.adapters.git.writing import is_loose, write_commit
from penstock.ports import HistoryLost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.git.objects import Difference
    from penstock.domain.changes import Stamp

COMMITS_REMEMBERED = 4096
LISTINGS_REMEMBERED = 4


class NoSuchCommit(HistoryLost):
    """A commit of a run is not in this repository: it is another machine's, or the repository was removed."""

    def __init__(self, commit: str) -> None:
        self.commit = commit
        super().__init__(
            f"the commit {commit} is not in Penstock's own repository of this project",
            hint="take a run up where it was begun: on the same machine, with the same PENSTOCK_HOME",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A commit's tree and parents."""

    tree: str
    parents: tuple[str, ...]

    @property
    def parent(self) -> str | None:
        """The first parent."""
        return self.parents[0] if self.parents else None


class Commits:
    """Makes and reads commits. A name is the hash of what it names, so an answer about it holds for ever."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self.trees = Trees(git)
        self._facts: Remembered[Facts] = Remembered(COMMITS_REMEMBERED)
        self._paths: Remembered[frozenset[str]] = Remembered(LISTINGS_REMEMBERED)

    def make(self, tree: str, parents: Sequence[str], stamp: Stamp) -> str:
        """Make a commit; the same tree, parents and stamp give the same hash."""
        commit = write_commit(self._git.settings, tree, parents, stamp) or self._ask(tree, parents, stamp)
        self._facts.put(commit, Facts(tree=tree, parents=tuple(parents)))
        return commit

    def _ask(self, tree: str, parents: Sequence[str], stamp: Stamp) -> str:
        options = [word for parent in parents for word in ("-p", parent)]
        message = stamp.message.encode("utf-8", "replace")
        return self._git.run("commit-tree", tree, *options, call=Call(stamp=stamp, stdin=message)).text

    def known_facts(self, commit: str) -> Facts | None:
        """What `facts` says, if it need not ask."""
        return self._facts.find(commit)

    def known_paths(self, commit: str) -> frozenset[str] | None:
        """What `paths` says, if it need not ask."""
        return self._paths.find(commit)

    def must_be_there(self, commit: str) -> None:
        """Raise for a commit that the repository does not have, whatever is remembered of it."""
        if not is_loose(self._git.settings, commit):
            try:
                self._git.run("cat-file", "-e", f"{commit}^{{commit}}")
            except GitFailed as failed:
                raise NoSuchCommit(commit) from failed

    def facts(self, commit: str) -> Facts:
        """A commit's tree and parents."""
        return self._facts.get(commit, self._read_facts)

    def paths(self, commit: str) -> frozenset[str]:
        """All files of a commit."""
        return self._paths.get(commit, self._read_paths)

    def file(self, commit: str, path: str) -> bytes | None:
        """A file of a commit; None where it has none."""
        try:
            return self._git.run("cat-file", "blob", f"{commit}:{path}").out
        except GitFailed as failed:
            try:
                self._git.run("cat-file", "-e", f"{commit}^{{commit}}")
            except GitFailed:
                raise NoSuchCommit(commit) from failed
            return None

    def _read_facts(self, commit: str) -> Facts:
        try:
            lines = self._git.run("cat-file", "commit", commit).text.split("\n")
        except GitFailed as failed:
            raise NoSuchCommit(commit) from failed
        header = lines[: lines.index("")] if "" in lines else lines
        parents = tuple(line.removeprefix("parent ") for line in header if line.startswith("parent "))
        return Facts(tree=header[0].removeprefix("tree "), parents=parents)

    def differences(self, base: str, commit: str) -> tuple[Difference, ...]:
        """What differs between two commits."""
        return self.trees.differences(self.facts(base).tree, self.facts(commit).tree)

    def _read_paths(self, commit: str) -> frozenset[str]:
        """All of them at the first time, then what has changed since the latest answer: heads differ by little."""
        latest = self._paths.latest()
        if latest is None:
            return frozenset(self._git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).fields)
        changes = [found.change for found in self.differences(latest[0], commit)]
        gone = {change.path for change in changes if change.is_deleted}
        return (latest[1] - gone) | {change.path for change in changes if change.is_created}
