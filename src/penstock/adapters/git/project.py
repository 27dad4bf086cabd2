"""The door to git: the ports `Workspace`, `History`, `Repository` and `Applying` for one project.

Each method is one hop to a thread; cancelling tears nothing.
"""

from __future__ import annotations

import asyncio
import errno
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from penstock.adapters.git import folders, merging, publishing, reading, texts
from penstock.adapters.git.applying import Applier
from penstock.adapters.git.capture import Capturer, Order
from penstock.adapters.git.checkouts import Checkouts
from penstock.adapters.git.desks import Desks
from penstock.adapters.git.layout import GitSettings, snapshot_namespace
from penstock.adapters.git.objects import described
from penstock.adapters.git.own import OwnRepository
from penstock.adapters.git.runner import DiskFull, FilesRefused
from penstock.adapters.git.worktrees import Worktrees
from penstock.domain.changes import Candidate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from penstock.domain.changes import Change, Stamp, Verdict
    from penstock.domain.deliverable import ApplyRules, Deliverable
    from penstock.ports import (
        AddedLines,
        Applied,
        Capture,
        Clock,
        Conflicted,
        Listed,
        Merged,
        Place,
        Preserved,
        Publication,
    )

Result = TypeVar("Result")


class GitProject:
    """One project's git. Give it an executor, or it uses the loop's own."""

    def __init__(self, settings: GitSettings, clock: Clock, executor: Executor | None = None) -> None:
        self.settings = settings
        self._executor = executor
        self._own = OwnRepository(settings)
        desks = Desks(settings)
        self._capturer = Capturer(self._own, desks)
        self._worktrees = Worktrees(self._own, desks, self._capturer, clock)
        self._checkouts = Checkouts(self._own)
        self._applier = Applier(self._own, desks, self._capturer)

    @property
    def processes(self) -> int:
        """How many git processes were started so far."""
        return self._own.git.processes

    async def _hop(self, work: Callable[[], Result]) -> Result:
        """Do something in a thread; a cancelled caller waits for its end first, so that nothing is half done."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, partial(copy_context().run, _told, work))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise

    async def prepare(self, place: Place, start: str | None) -> Path:
        """See `Workspace`."""
        if start is None:
            return self.settings.worktree(place)
        return await self._hop(lambda: self._worktrees.prepare(place, start))

    async def capture(self, place: Place, *, base: str, parent: str, declared: Sequence[str], stamp: Stamp) -> Capture:
        """See `Workspace`."""
        order = Order(base=base, parent=parent, declared=tuple(declared), stamp=stamp)
        return await self._hop(lambda: self._capturer.capture(place, order))

    def checkout(
        self, run: str, commit: str, *, overlay: tuple[str, Sequence[str]] | None = None
    ) -> AbstractAsyncContextManager[Path]:
        """See `Workspace`."""
        return self._lend(run, commit, overlay)

    @asynccontextmanager
    async def _lend(self, run: str, commit: str, overlay: tuple[str, Sequence[str]] | None) -> AsyncIterator[Path]:
        # taking a slot never waits, so it needs no hop in which a cancelled caller could leave it locked
        slot = self._checkouts.take(run)
        try:
            yield await self._hop(lambda: self._checkouts.fill(slot, commit, overlay))
        finally:
            slot.release()

    async def preserve(self, place: Place, stamp: Stamp) -> Preserved:
        """See `Workspace`."""
        return await self._hop(lambda: self._worktrees.preserve(place, stamp))

    async def remove(self, preserved: Preserved, *, recycle: bool = False) -> None:
        """See `Workspace`."""
        await self._hop(lambda: self._worktrees.remove(preserved, recycle=recycle))

    async def apply(self, worktree: Path, deliverable: Deliverable, rules: ApplyRules) -> Applied:
        """See `Applying`."""
        return await self._hop(lambda: self._applier.apply(worktree, deliverable, rules))

    async def patch(self, capture: Capture, base: str, target: Path) -> None:
        """See `History`: of the whole snapshot, the content of nested repositories too."""
        form = ("-r", "-p", "--binary", "--full-index", "--no-renames", "--no-textconv", "--no-ext-diff", "--no-color")
        whole = (self._own.value(capture.ref) if capture.ref else None) or capture.candidate.commit
        await self._hop(lambda: folders.write(target, self._own.git.run("diff-tree", *form, base, whole).out))

    async def fetch(self, base_branch: str | None) -> tuple[str, str]:
        """See `Repository`."""
        return await self._hop(lambda: self._own.fetch(base_branch))

    async def read(self, commit: str, path: str) -> bytes | None:
        """See `History`."""
        return await self._hop(lambda: self._own.commits.file(commit, path))

    async def merge(self, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """See `Repository`."""
        return await self._hop(lambda: merging.merge(self._own, head, candidate, stamp))

    async def take_back(self, base: str, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
        """See `Repository`."""
        return await self._hop(lambda: merging.take_back(self._own, base, head, candidate, stamp))

    async def changes(self, base: str, commit: str) -> tuple[Change, ...]:
        """See `History`."""
        return await self._hop(lambda: described(self._own.git, self._own.commits.differences(base, commit)))

    async def written(self, base: str, commit: str, *, on_the_way: bool = False) -> tuple[AddedLines, ...]:
        """See `History`."""
        return await self._hop(lambda: texts.written(self._own, base, commit, on_the_way=on_the_way))

    async def listing(self, commit: str) -> tuple[Listed, ...]:
        """See `Contents`."""
        return await self._hop(lambda: reading.listing(self._own, commit))

    async def contents(self, files: Sequence[Listed]) -> Mapping[str, bytes]:
        """See `Contents`."""
        return await self._hop(lambda: reading.contents(self._own, files))

    async def diff(self, base: str, commit: str, *, max_bytes: int) -> str:
        """See `Contents`."""
        return await self._hop(lambda: reading.diff(self._own, base, commit, max_bytes=max_bytes))

    async def advance(self, verdict: Verdict) -> None:
        """See `Repository`."""
        await self._hop(lambda: merging.advance(self._own, verdict))

    async def publish(self, branch: str, commit: str, base: str) -> Publication:
        """See `Repository`."""
        return await self._hop(lambda: publishing.publish(self._own, branch, commit, base))

    async def create_branch(self, branch: str, commit: str) -> None:
        """See `Repository`."""
        await self._hop(lambda: self._own.create_branch(branch, commit))

    async def head(self, branch: str) -> str | None:
        """Where the integration branch is, or None."""
        return await self._hop(lambda: self._own.value(f"refs/heads/{branch}"))

    async def clear_stale_locks(self) -> None:
        """See `Repository`; the index files of dead processes go as well."""
        await self._hop(self._own.clear_stale_locks)

    async def drop_checkouts(self, run: str) -> None:
        """See `Workspace`."""
        await self._hop(lambda: self._checkouts.drop(run))
        await self._hop(lambda: self._worktrees.drop_spares(run))

    async def candidate(self, commit: str) -> Candidate:
        """See `History`."""
        commits = self._own.commits
        found = commits.known_facts(commit)
        if found is None:
            found = await self._hop(lambda: commits.facts(commit))
        return Candidate(commit=commit, tree=found.tree)

    async def paths(self, commit: str) -> frozenset[str]:
        """See `History`."""
        known = self._own.commits.known_paths(commit)
        return await self._hop(lambda: self._own.commits.paths(commit)) if known is None else known

    async def snapshots(self, run: str, workstream: str) -> tuple[tuple[str, str], ...]:
        """The snapshots of a workstream, oldest first: ref and commit."""
        namespace = snapshot_namespace(run, workstream)
        refs = [f"{namespace}/{number}" for number in self._own.numbers(namespace)]
        return tuple((ref, self._own.value(ref) or "") for ref in refs)


def _told(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except OSError as failed:
        if failed.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(str(failed)) from failed
        raise FilesRefused(f"{failed.filename}: {failed.strerror}" if failed.filename else str(failed)) from failed
