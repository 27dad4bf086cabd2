"""A project in memory: commits are dictionaries, agents and checks are functions: for tests and benchmarks.

It keeps the ports' promises (exact trees, three-way merges by path, a branch that moves only by a verdict), not their
isolation.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from penstock.domain.changes import ABSENT, REGULAR, Candidate, Change, Stamp, Verdict
from penstock.domain.checks import TreeWithoutVerdict
from penstock.domain.errors import WorldError
from penstock.domain.plan import Check
from penstock.domain.tool_result import ToolResult
from penstock.ports import (
    AddedLines,
    AgentReport,
    AgentTask,
    Capture,
    Conflicted,
    Listed,
    Merged,
    Place,
    Preserved,
    Publication,
    SecretFound,
    ToolContext,
)

Tree = Mapping[str, str]
Edit = Callable[[AgentTask, dict[str, str]], AgentReport | None]
"""Changes the worktree it is given; None means that the agent ended well."""
Judge = Callable[[str, Tree], int]
"""The exit code of a command on a tree."""

FINISHED = AgentReport(ending="finished", exit_code=0)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def always_green(_command: str, _tree: Tree) -> int:
    """Every command passes."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryGate:
    """A gate that knows some words as secrets: none, if it is told of none."""

    words: tuple[str, ...] = ()

    async def find(self, added: Sequence[AddedLines]) -> tuple[SecretFound, ...]:
        """The lines with one of the words."""
        return tuple(
            SecretFound(path=one.path, line=number, kind="a known word")
            for one in added
            for number, text in one.lines
            if any(word in text for word in self.words)
        )


def edits_nothing(_task: AgentTask, _files: dict[str, str]) -> AgentReport | None:
    """An agent that ends at once."""
    return None


@dataclass(kw_only=True)
class MemoryProject:
    """Workspace, history, repository, tools, supervision and agent of one project at once."""

    files: Tree = field(default_factory=dict)
    edit: Edit = edits_nothing
    protocols: tuple[str, ...] = ()
    """What the agent speaks with models."""
    model: str = ""
    max_calls: int = 0
    judge: Judge = always_green
    branches: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Every command that was run, with the tree it was run on; an empty one for a worktree."""
    ended: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._trees: dict[str, Tree] = {}
        self._texts: dict[str, str] = {}
        self._commits: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._worktrees: dict[str, dict[str, str]] = {}
        self._checkouts: dict[str, str] = {}
        self.base = self._commit(self.files, (), "base").commit

    # history

    def tree(self, commit: str) -> Tree:
        """The content of a commit."""
        return self._trees[self._commits[commit][0]]

    async def candidate(self, commit: str) -> Candidate:
        """A commit with its tree."""
        return Candidate(commit=commit, tree=self._commits[commit][0])

    async def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit, or None."""
        content = self.tree(commit).get(path)
        return None if content is None else content.encode()

    async def paths(self, commit: str) -> frozenset[str]:
        """All files of a commit."""
        return frozenset(self.tree(commit))

    async def changes(self, base: str, commit: str) -> tuple[Change, ...]:
        """What differs between two commits."""
        old, new = self.tree(base), self.tree(commit)
        return tuple(
            Change(
                path=path,
                old_mode=REGULAR if path in old else ABSENT,
                new_mode=REGULAR if path in new else ABSENT,
            )
            for path in sorted({*old, *new})
            if old.get(path) != new.get(path)
        )

    async def written(self, base: str, commit: str, *, on_the_way: bool = False) -> tuple[AddedLines, ...]:
        """The texts that differ; what lies between is not looked at."""
        old, new = self.tree(base), self.tree(commit)
        return tuple(
            AddedLines(path=path, lines=tuple(enumerate(text.split("\n"), 1)))
            for path, text in sorted(new.items())
            if old.get(path) != text
        )

    async def listing(self, commit: str) -> tuple[Listed, ...]:
        """Every file, in the order of paths."""
        return tuple(self._listed(path, text) for path, text in sorted(self.tree(commit).items()))

    async def contents(self, files: Sequence[Listed]) -> Mapping[str, bytes]:
        """What listed files hold."""
        return {one.path: self._texts[one.identity].encode() for one in files}

    async def diff(self, base: str, commit: str, *, max_bytes: int) -> str:
        """What differs, file by file."""
        old, new = self.tree(base), self.tree(commit)
        text = "".join(
            "".join(_unified(path, old.get(path), new.get(path)))
            for path in sorted({*old, *new})
            if old.get(path) != new.get(path)
        )
        if len(text) <= max_bytes:
            return text
        whole = text[: text.rfind("\n", 0, max_bytes) + 1]
        return f"{whole}[... the diff is longer than {max_bytes} bytes: the rest is left out here ...]\n"

    def _listed(self, path: str, text: str) -> Listed:
        identity = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._texts[identity] = text
        return Listed(path=path, mode=REGULAR, size=len(text.encode()), identity=identity)

    async def patch(self, capture: Capture, base: str, target: Path) -> None:
        """Nothing is written: there is no disk."""

    # repository

    async def fetch(self, base_branch: str | None) -> tuple[str, str]:
        """The base branch's name and commit."""
        return base_branch or "main", self.base

    async def create_branch(self, branch: str, commit: str) -> None:
        """Make the integration branch if it is not there."""
        self.branches.setdefault(branch, commit)

    async def clear_stale_locks(self) -> None:
        """There are none."""

    async def merge(self, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """Merge by path, from the nearest common ancestor."""
        ours, theirs, base = self.tree(head), self.tree(candidate), self.tree(self._ancestor(head, candidate))
        merged: dict[str, str] = {}
        conflicts = []
        for path in sorted({*ours, *theirs, *base}):
            mine, other, before = ours.get(path), theirs.get(path), base.get(path)
            if mine != other and before not in (mine, other):
                conflicts.append(path)
                kept: str | None = f"<<<<<<< head\n{mine or ''}\n=======\n{other or ''}\n>>>>>>> candidate\n"
            else:
                kept = other if mine == before else mine
            if kept is not None:
                merged[path] = kept
        found = self._commit(merged, (head, candidate), stamp.message)
        return Conflicted(candidate=found, paths=tuple(conflicts)) if conflicts else Merged(candidate=found)

    async def take_back(self, base: str, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """Undo a candidate's merge: paths that others changed since conflict."""
        merge = next(one for one in self._ancestors(head) if self._commits[one][1][1:] == (candidate,))
        with_it, without, now = self.tree(merge), self.tree(self._commits[merge][1][0]), self.tree(head)
        own = {path for path in {*with_it, *without} if with_it.get(path) != without.get(path)}
        conflicts = tuple(sorted(path for path in own if now.get(path) != with_it.get(path)))
        kept = {path: text for path, text in now.items() if path not in own}
        kept |= {path: without[path] for path in own if path in without}
        found = self._commit(kept, (head,), stamp.message)
        return Conflicted(candidate=found, paths=conflicts) if conflicts else Merged(candidate=found)

    async def advance(self, verdict: Verdict) -> None:
        """Move the branch from the verdict's parent to its commit."""
        if self._commits[verdict.commit][0] != verdict.tree:
            raise TreeWithoutVerdict(f"verdict {verdict.id} speaks of another tree")
        at = self.branches.get(verdict.branch)
        if at is not None and verdict.commit in self._ancestors(at):
            return
        if at != verdict.parent:
            raise WorldError(f"{verdict.branch} is at {at}, not at {verdict.parent}")
        self.branches[verdict.branch] = verdict.commit

    async def publish(self, branch: str, commit: str, base: str) -> Publication:
        """Say that it was pushed."""
        return Publication(branch=branch, commit=commit, pushed=True)

    # workspace

    def path(self, place: Place) -> Path:
        """Where the worktree would be."""
        return Path(f"/memory/{place.run}/{place.workstream}")

    async def prepare(self, place: Place, start: str | None) -> Path:
        """A worktree whose content is the commit."""
        if start is not None:
            self._worktrees[str(self.path(place))] = dict(self.tree(start))
        return self.path(place)

    async def capture(self, place: Place, *, base: str, parent: str, declared: Sequence[str], stamp: Stamp) -> Capture:
        """Take the whole content as a commit."""
        candidate = self._commit(self._worktrees[str(self.path(place))], (parent,), stamp.message)
        return Capture(candidate=candidate, ref="", changes=await self.changes(base, candidate.commit))

    @asynccontextmanager
    async def checkout(
        self, run: str, commit: str, *, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AsyncIterator[Path]:
        """A name for the commit's tree."""
        path = f"/memory/checkouts/{commit}"
        self._checkouts[path] = commit
        yield Path(path)

    async def drop_checkouts(self, run: str) -> None:
        """Forget the names."""
        self._checkouts.clear()

    async def preserve(self, place: Place, stamp: Stamp) -> Preserved:
        """Nothing in memory can be lost."""
        return Preserved(place=place, commit=None, ref=None)

    async def remove(self, preserved: Preserved, *, recycle: bool = False) -> None:
        """Forget a worktree."""
        self._worktrees.pop(str(self.path(preserved.place)), None)

    # agent, tools, supervision

    @property
    def is_contained(self) -> bool:
        """What is in memory has nothing outside."""
        return True

    @property
    def memory_mb(self) -> int:
        """It needs none of its own."""
        return 0

    async def work(self, task: AgentTask) -> AgentReport:
        """Let the function edit."""
        return self.edit(task, self._worktrees[str(task.worktree)]) or FINISHED

    confined = False

    async def run_tool(self, tool_id: str, context: ToolContext) -> ToolResult:
        """Ask the function about the tool's name."""
        return await self.run_command(Check(name=tool_id, command=tool_id), context)

    async def run_command(self, check: Check, context: ToolContext) -> ToolResult:
        """Ask the function."""
        where = str(context.worktree)
        tree = self._commits[self._checkouts[where]][0] if where in self._checkouts else ""
        self.asked.append((check.command, tree))
        code = self.judge(check.command, self._trees[tree] if tree else self._worktrees[where])
        return ToolResult(
            tool_id=check.name,
            command_line=check.command,
            exit_code=code,
            stdout="",
            stderr="" if code == 0 else f"{check.command} is red",
            timed_out=False,
            started_at=MOMENT,
            completed_at=MOMENT,
            duration_sec=0.0,
            success=code in check.success_codes,
        )

    def marker(self, run: str, workstream: str, attempt: str) -> str:
        """The attempt's name."""
        return f"{run}/{workstream}/{attempt}"

    async def folder(self, run: str, workstream: str, attempt: str) -> Path:
        """A folder that is never made."""
        self.started.add(self.marker(run, workstream, attempt))
        return Path(f"/memory/attempts/{run}/{workstream}/{attempt}")

    def was_started(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether it was asked for."""
        return self.marker(run, workstream, attempt) in self.started

    def has_ended(self, run: str, workstream: str, attempt: str) -> bool:
        """Whether a test says so."""
        return self.marker(run, workstream, attempt) in self.ended

    async def reap(self, run: str) -> int:
        """There are no processes."""
        return 0

    def _commit(self, files: Tree, parents: tuple[str, ...], message: str) -> Candidate:
        tree = hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()
        commit = hashlib.sha1(f"{tree}{parents}{message}".encode(), usedforsecurity=False).hexdigest()
        self._trees.setdefault(tree, dict(files))
        self._commits.setdefault(commit, (tree, parents))
        return Candidate(commit=commit, tree=tree)

    def _ancestor(self, one: str, other: str) -> str:
        """The first common ancestor that a walk over both sides meets, newest first."""
        mine = set(self._ancestors(one))
        return next(commit for commit in self._ancestors(other) if commit in mine)

    def _ancestors(self, commit: str) -> list[str]:
        order, seen = [commit], {commit}
        for found in order:
            for parent in self._commits[found][1]:
                if parent not in seen:
                    seen.add(parent)
                    order.append(parent)
        return order


def _unified(path: str, old: str | None, new: str | None) -> Iterator[str]:
    yield f"diff --git a/{path} b/{path}\n"
    before, after = (f"{side}/{path}" if text is not None else "/dev/null" for side, text in (("a", old), ("b", new)))
    texts = ((old or "").splitlines(keepends=True), (new or "").splitlines(keepends=True))
    for line in difflib.unified_diff(*texts, before, after):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
