"""Penstock's own repository asked for what the store says that it has, and mended where it is broken.

Moves refs only through the ledger, and invents no content: what is not there is said to be lost.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.layout import NO_COMMIT, GitSettings, branch_ref, snapshot_namespace
from penstock.adapters.git.merging import is_ancestor
from penstock.adapters.git.own import NoSuchBranch, OwnRepository
from penstock.adapters.git.refs import RefReader
from penstock.adapters.git.runner import Call

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from penstock.ports import Place


class GitMending:
    """One project's own repository."""

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._own = OwnRepository(settings)

    def has_repository(self) -> bool:
        """See `Mending`."""
        return folders.is_folder(self._own.folder / "objects")

    async def rebuild(self) -> None:
        """See `Mending`."""
        await asyncio.to_thread(self._rebuild)

    def _rebuild(self) -> None:
        if folders.exists(self._own.folder):  # what is left of it has no objects
            folders.discard(self._own.folder)
        with suppress(NoSuchBranch):  # which branch a run starts from is not asked here
            self._own.fetch(None)
        self._own.integrity.check(again=True)

    async def lost_refs(self, *, drop: bool) -> tuple[tuple[str, str], ...]:
        """See `Mending`."""
        return await asyncio.to_thread(self._lost_refs, drop=drop)

    def _lost_refs(self, *, drop: bool) -> tuple[tuple[str, str], ...]:
        with self._own.ledger.held():
            refs = {**self._own.ledger.refs, **RefReader(self._own.folder).all()}
        there = self._trees(refs.values())
        lost = tuple((ref, value) for ref, value in sorted(refs.items()) if value not in there)
        if drop:
            self._own.drop(ref for ref, _ in lost)
        return lost

    async def trees(self, commits: Collection[str]) -> Mapping[str, str]:
        """See `Commits`."""
        return await asyncio.to_thread(self._trees, commits)

    def _trees(self, commits: Iterable[str]) -> dict[str, str]:
        asked = [commit for commit in dict.fromkeys(commits) if _is_hash(commit)]
        if not asked:
            return {}
        stdin = "".join(f"{commit}^{{tree}}\n" for commit in asked).encode()
        form = "--batch-check=%(objectname) %(objecttype)"
        lines = self._own.git.run("cat-file", form, call=Call(stdin=stdin)).text.split("\n")
        return {commit: line.split(" ")[0] for commit, line in zip(asked, lines, strict=True) if line.endswith(" tree")}

    async def unheld(self, commits: Collection[str]) -> frozenset[str]:
        """See `Commits`."""
        return await asyncio.to_thread(self._unheld, commits)

    def _unheld(self, commits: Collection[str]) -> frozenset[str]:
        there = self._trees(commits)
        if not there:
            return frozenset()
        held = self._trees(RefReader(self._own.folder).all().values())
        stdin = "".join(f"{line}\n" for line in (*there, *(f"^{commit}" for commit in held))).encode()
        return frozenset(self._own.git.run("rev-list", "--stdin", call=Call(stdin=stdin)).text.split()) & there.keys()

    async def hold(self, place: Place, commit: str) -> str:
        """See `Commits`."""
        namespace = snapshot_namespace(place.run, place.workstream)
        return await asyncio.to_thread(self._own.keep, namespace, commit)

    async def stale_locks(self) -> tuple[str, ...]:
        """See `Mending`."""
        found = folders.locks(self._own.folder)
        return tuple(sorted(str(path.relative_to(self._own.folder)) for path in found))

    async def branch(self, name: str) -> str | None:
        """See `Commits`."""
        return self._own.value(branch_ref(name))

    async def set_branch(self, name: str, commit: str, found: str | None) -> None:
        """See `Commits`."""
        await asyncio.to_thread(self._own.move, branch_ref(name), commit, found or NO_COMMIT)

    async def is_ancestor(self, commit: str, of: str) -> bool:
        """See `Commits`."""
        return await asyncio.to_thread(is_ancestor, self._own, commit, of)


def _is_hash(text: str) -> bool:
    return len(text) in {40, 64} and not text.strip("0123456789abcdef")
