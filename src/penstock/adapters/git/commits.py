"""Commits of Penstock's own repository: made so that they repeat, and asked for what can never change about them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from penstock.adapters.git.runner import Call, Git, GitFailed
from penstock.adapters.git.writing import write_commit
from penstock.ports import HistoryLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.domain.changes import Stamp

Answer = TypeVar("Answer")
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
    """A commit's tree and first parent."""

    tree: str
    parent: str | None


class Commits:
    """Makes and reads commits. A name is the hash of what it names, so an answer about it holds for ever."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._facts: _Remembered[Facts] = _Remembered(COMMITS_REMEMBERED)
        self._paths: _Remembered[frozenset[str]] = _Remembered(LISTINGS_REMEMBERED)

    def make(self, tree: str, parents: Sequence[str], stamp: Stamp) -> str:
        """Make a commit; the same tree, parents and stamp give the same hash."""
        commit = write_commit(self._git.settings, tree, parents, stamp) or self._ask(tree, parents, stamp)
        self._facts.put(commit, Facts(tree=tree, parent=parents[0] if parents else None))
        return commit

    def _ask(self, tree: str, parents: Sequence[str], stamp: Stamp) -> str:
        options = [word for parent in parents for word in ("-p", parent)]
        message = stamp.message.encode("utf-8", "replace")
        return self._git.run("commit-tree", tree, *options, call=Call(stamp=stamp, stdin=message)).text

    def facts(self, commit: str) -> Facts:
        """A commit's tree and first parent."""
        return self._facts.get(commit, self._read_facts)

    def paths(self, commit: str) -> frozenset[str]:
        """All files of a commit."""
        return self._paths.get(commit, self._read_paths)

    def _read_facts(self, commit: str) -> Facts:
        try:
            lines = self._git.run("cat-file", "commit", commit).text.split("\n")
        except GitFailed as failed:
            raise NoSuchCommit(commit) from failed
        header = lines[: lines.index("")] if "" in lines else lines
        parents = [line.removeprefix("parent ") for line in header if line.startswith("parent ")]
        return Facts(tree=header[0].removeprefix("tree "), parent=parents[0] if parents else None)

    def _read_paths(self, commit: str) -> frozenset[str]:
        return frozenset(self._git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).fields)


class _Remembered(Generic[Answer]):
    """The latest answers, from all threads; what was not asked for the longest time is forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, name: str, ask: Callable[[str], Answer]) -> Answer:
        with self._guard:
            if name in self._answers:
                self._answers.move_to_end(name)
                return self._answers[name]
        answer = ask(name)
        self.put(name, answer)
        return answer

    def put(self, name: str, answer: Answer) -> None:
        with self._guard:
            self._answers[name] = answer
            self._answers.move_to_end(name)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
