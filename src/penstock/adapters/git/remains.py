"""What earlier runs have left below a project's state: listed with size and age, and removed, each in one step first.

Whether something may go is not known here: what belongs to a run goes with the proof that the run is at rest.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from penstock.adapters.git import folders
from penstock.adapters.git.clones import is_spent, remove_spent
from penstock.adapters.git.filling import drop_indexes
from penstock.adapters.git.layout import GitSettings, is_segment, segment, snapshot_namespace
from penstock.adapters.git.own import OwnRepository
from penstock.domain.errors import Bug
from penstock.upkeep import AtRest, Kind, Remnant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCRAP = ("looks/*", "staging/*", "repo.*.new", ".gone~*", "*/.gone~*", "kept/*/.gone~*", "checkouts/*/.gone~*")

PLACES = {Kind.LOGS: "runs", Kind.RECORDING: "recordings"}


class GitRemains:
    """All remains of one project but its worktrees."""

    def __init__(self, settings: GitSettings) -> None:
        self._settings, self._home = settings, settings.home
        self._own = OwnRepository(settings)

    async def found(self) -> tuple[Remnant, ...]:
        """See `Remains`."""
        return await asyncio.to_thread(lambda: tuple(self._found()))

    def _found(self) -> Iterator[Remnant]:
        places = (self._home / "clean", self._settings.worktree_root, self._home / "checkouts")
        for name in sorted({path.name for place in places for path in _named(place)}):
            if pool := [path for path in self._pool(name) if folders.exists(path)]:
                yield measured(Kind.CHECKOUTS, name, name, pool)
        for path in _named(self._home / "runs"):
            yield measured(Kind.LOGS, path.name, path.name, [path])
        for path in _named(self._home / "recordings"):
            yield measured(Kind.RECORDING, path.name, path.name, [path])
        for run in _named(self._home / "kept"):
            for name in sorted({_base_name(path) for path in run.iterdir() if is_segment(path.name)}):
                yield self._kept(run.name, name)
        for run in _named(self._own.folder / "refs/penstock"):
            for path in _named(run):
                yield measured(Kind.SNAPSHOTS, run.name, path.name, [path], size=0)
        yield from self._found_of_no_run()

    def _found_of_no_run(self) -> Iterator[Remnant]:
        for path in _named(self._home / "environments"):
            # each use touches the file that says that what lies beside it is whole
            _, newest = size_and_time(path.glob("*.json"))
            used = datetime.fromtimestamp(max(newest, path.stat().st_mtime), UTC)
            yield Remnant(kind=Kind.ENVIRONMENT, run="", name=path.name, size=size_and_time([path])[0], used=used)
        if is_spent(self._own.git, self._settings):
            clone = self._settings.user_repository
            yield measured(Kind.CLONE, "", clone.name, [clone])
        loose = self._loose()
        if loose is not None:
            yield loose
        for name, path in self._scrap():
            # not its content's time: what was renamed just now is being removed by somebody
            renamed = datetime.fromtimestamp(os.lstat(path).st_ctime, UTC)
            yield Remnant(kind=Kind.SCRAP, run="", name=name, size=size_and_time([path])[0], used=renamed)

    def _loose(self) -> Remnant | None:
        """The objects of our own that lie one by one and are no longer new: to be packed, or dropped."""
        size, oldest = 0, time.time()
        for path in (self._own.folder / "objects").glob("[0-9a-f][0-9a-f]/*"):
            with suppress(OSError):
                status = os.lstat(path)
                size += status.st_size if status.st_nlink == 1 else 0
                oldest = min(oldest, status.st_mtime)
        used = datetime.fromtimestamp(oldest, UTC)
        return Remnant(kind=Kind.OBJECTS, run="", name="repo.git", size=size, used=used) if size else None

    def _kept(self, run: str, name: str) -> Remnant:
        note = _note(self._home / "kept" / run / f"{name}.json")
        found = measured(Kind.KEPT, run, name, self._kept_paths(run, name))
        days, since = note.get("keep_days"), _moment(note.get("kept_at"))
        return Remnant(
            kind=found.kind,
            run=run,
            name=name,
            size=found.size,
            used=since or found.used,
            promised=days if isinstance(days, int) else None,
        )

    def _kept_paths(self, run: str, name: str) -> list[Path]:
        """The folder that was moved aside, its git folder, and last of all the note that tells of them."""
        folder = self._home / "kept" / segment(run)
        beside = self._settings.worktree_root / run
        told = str(_note(folder / f"{name}.json").get("path", ""))
        elsewhere = [path for path in beside.glob(".kept~*") if str(path) == told]
        return [*elsewhere, folder / name, folder / f"{name}.git", folder / f"{name}.json"]

    def _scrap(self) -> Iterator[tuple[str, Path]]:
        root = self._settings.worktree_root
        for folder, patterns in ((self._home, SCRAP), (root, ("*/.gone~*",))):
            for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
                yield str(path.relative_to(self._home if folder == self._home else root.parent)), path

    async def remove(self, remnant: Remnant, proof: AtRest) -> None:
        """See `Remains`."""
        if proof.run != remnant.run:
            raise Bug(f"{remnant.kind} of {remnant.run} was to be removed with the proof that {proof.run} is at rest")
        await asyncio.to_thread(self._remove, remnant)

    async def remove_shared(self, remnant: Remnant) -> None:
        """See `Remains`."""
        if remnant.run:
            raise Bug(f"{remnant.kind} of {remnant.run} was to be removed without a proof that the run is at rest")
        await asyncio.to_thread(self._remove, remnant)

    def _pool(self, run: str) -> tuple[Path, ...]:
        """The clean checkouts of a run, and the folders that a killed owner kept for its next workstream."""
        return self._settings.slots(run), *self._settings.spares(run)

    def _remove(self, remnant: Remnant) -> None:
        match remnant.kind:
            case Kind.CHECKOUTS:
                _discard(self._pool(remnant.run))
            case Kind.LOGS | Kind.RECORDING:
                folders.discard(self._home / PLACES[remnant.kind] / segment(remnant.run))
            case Kind.KEPT:
                _discard(self._kept_paths(remnant.run, remnant.name))
            case Kind.SNAPSHOTS:
                namespace = snapshot_namespace(remnant.run, remnant.name)
                self._own.drop([f"{namespace}/{number}" for number in self._own.numbers(namespace)])
            case Kind.ENVIRONMENT:
                folders.discard(self._home / "environments" / segment(remnant.name))
            case Kind.CLONE:
                remove_spent(self._own.git, self._settings)
            case Kind.SCRAP:
                self._remove_scrap(remnant.name)
            case Kind.WORKTREE | Kind.OBJECTS | Kind.REPORT:
                raise Bug(f"{remnant.kind} is not removed here")
            case _:
                assert_never(remnant.kind)
        if remnant.run:
            self._drop_empty(remnant.run)

    def _remove_scrap(self, name: str) -> None:
        for known, path in self._scrap():
            if known == name:
                folders.remove(path)

    def _drop_empty(self, run: str) -> None:
        refs = self._own.folder / "refs/penstock" / run
        emptied = [*refs.glob("*"), refs, self._home / "kept" / run, self._home / "checkouts" / run]
        for folder in (*emptied, self._settings.worktree_root / run):
            with suppress(OSError):  # it is not empty, or it is not there
                folder.rmdir()

    async def pack(self, grace: timedelta) -> int:
        """See `Remains`."""
        return await asyncio.to_thread(self._pack, grace)

    def _pack(self, grace: timedelta) -> int:
        """Not `git gc`, which writes what an agent might have planted there: packed refs and notes of its own."""
        packs = self._own.folder / "objects/pack"
        before = size_and_time([self._own.folder / "objects"])[0]
        expiry = f"{int(grace.total_seconds())}.seconds.ago"
        # packs that are hard links to the user's cost nothing, and would if they were written anew
        shared = [f"--keep-pack={path.name}" for path in sorted(packs.glob("*.pack")) if path.stat().st_nlink > 1]
        with self._own.ledger.held():
            drop_indexes(self._settings)
            options = ("-A", "-d", "-l", "-n", "-q", "--no-write-bitmap-index", f"--unpack-unreachable={expiry}")
            self._own.git.run("repack", *options, *shared)
            self._own.git.run("prune", f"--expire={expiry}")
        return before - size_and_time([self._own.folder / "objects"])[0]


def size_and_time(paths: Iterable[Path]) -> tuple[int, float]:
    """The bytes that some files and folders hold, and when one of them was last written; links are not followed."""
    size, newest, waiting = 0, 0.0, list(paths)
    while waiting:
        path = waiting.pop()
        with suppress(OSError):  # it went away meanwhile, or its owner closed it
            status = os.lstat(path)
            newest = max(newest, status.st_mtime)
            if stat.S_ISDIR(status.st_mode):
                waiting += list(path.iterdir())
            else:
                size += status.st_size
    return size, newest


def measured(kind: Kind, run: str, name: str, paths: list[Path], size: int | None = None) -> Remnant:
    """Measure something."""
    total, newest = size_and_time(paths)
    used = datetime.fromtimestamp(newest, UTC)
    return Remnant(kind=kind, run=run, name=name, size=total if size is None else size, used=used)


def _named(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if folders.is_folder(path) and is_segment(path.name))


def _base_name(path: Path) -> str:
    return path.name.removesuffix(".json") if path.suffix == ".json" else path.name.removesuffix(".git")


def _note(path: Path) -> dict[str, object]:
    try:
        said = json.loads(folders.read(path) or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _discard(paths: Iterable[Path]) -> None:
    for path in paths:
        folders.discard(path)
