"""The worktrees of a project, looked at through a repository of the look's own, which borrows the project's objects.

Neither Penstock's own repository nor the agent's git folder is read by git or written by anyone here, so that a look at
a worktree in which an agent works takes no evidence away and obeys nothing that was planted.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.capture import Capturer, with_links
from penstock.adapters.git.desks import Desk, Desks, last_record
from penstock.adapters.git.integrity import ALTERNATES, ATTRIBUTES, HEAD, config_of
from penstock.adapters.git.layout import GitSettings, is_segment, snapshot_namespace
from penstock.adapters.git.objects import described
from penstock.adapters.git.own import OwnRepository
from penstock.adapters.git.remains import measured
from penstock.adapters.git.runner import Call
from penstock.domain.changes import SUBMODULE, Change
from penstock.ports import Place
from penstock.upkeep import Kind, Look, Remnant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class GitWorktrees:
    """All worktrees of one project."""

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._own = OwnRepository(settings)

    def places(self) -> tuple[Place, ...]:
        """See `Worktrees`. In the user's own folder only what we have a record of is ours."""
        root, records = self._settings.worktree_root, self._settings.home / "checkouts"
        recorded = {
            (path.parent.name, path.stem) for ending in ("json", "git") for path in records.glob(f"*/*.{ending}")
        }
        on_disk = {(path.parent.name, path.name) for path in root.glob("*/*")}
        if root.is_relative_to(self._settings.user_repository):
            on_disk &= recorded
        found = [pair for pair in sorted(recorded | on_disk) if all(map(is_segment, pair))]
        return tuple(Place(run=run, workstream=name, branch=self._branch(run, name)) for run, name in found)

    def _branch(self, run: str, workstream: str) -> str:
        unknown = f"ws/{workstream}-{run}"
        said = self._record(Place(run=run, workstream=workstream, branch="")).get("branch")
        return said if isinstance(said, str) and all(map(is_segment, said.split("/"))) else unknown

    def _record(self, place: Place) -> dict[str, object]:
        try:
            said = last_record(self._settings.record(place)) or {}
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    def start(self, place: Place) -> str | None:
        """See `Worktrees`."""
        said = self._record(place).get("start")
        return said if isinstance(said, str) else None

    def folder(self, place: Place) -> Path:
        """See `Worktrees`."""
        return self._settings.worktree(place)

    def measure(self, place: Place) -> Remnant:
        """See `Worktrees`."""
        paths = [self._settings.worktree(place), self._settings.private(place), self._settings.record(place)]
        return measured(Kind.WORKTREE, place.run, place.workstream, paths)

    def snapshot(self, place: Place) -> tuple[str, str] | None:
        """See `Worktrees`."""
        namespace = snapshot_namespace(place.run, place.workstream)
        numbers = self._own.numbers(namespace)
        ref = f"{namespace}/{numbers[-1]}" if numbers else ""
        commit = self._own.value(ref) if ref else None
        return None if commit is None else (ref, commit)

    async def look(self, place: Place, base: str, declared: Sequence[str]) -> Look:
        """See `Worktrees`."""
        return await asyncio.to_thread(self._look, place, base, tuple(declared))

    def _look(self, place: Place, base: str, declared: tuple[str, ...]) -> Look:
        with self._apart() as settings:
            own = OwnRepository(settings)
            desk = Desk(start=base, is_ready=True)
            found = folders.survey(settings.worktree(place))
            taken = Capturer(own, Desks(settings)).take(place, desk, found, base, declared)
            tree = own.git.run("write-tree", call=Call(view=taken.view)).text
            differences = own.commits.trees.differences(own.commits.facts(base).tree, tree)
            changes = described(own.git, differences)
            nested = (Change(path=path, new_mode=SUBMODULE) for path in taken.nested.paths)
            return Look(changes=(*(with_links(one, taken.view) for one in changes), *nested), litter=taken.litter)

    @contextmanager
    def _apart(self) -> Iterator[GitSettings]:
        """A repository for one look; what is written into it goes with it."""
        looks = self._settings.home / "looks"
        looks.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=looks) as folder:
            settings = replace(self._settings, home=Path(folder))
            object_format = (folders.read(self._settings.home / "repository/format") or b"sha1").decode()
            for name, content in {
                "HEAD": HEAD,
                "config": config_of(object_format),
                "info/attributes": ATTRIBUTES,
                ALTERNATES: f"{self._settings.repository}/objects\n".encode(),
            }.items():
                folders.write(settings.repository / name, content)
            (settings.repository / "refs/heads").mkdir(parents=True)
            yield settings
