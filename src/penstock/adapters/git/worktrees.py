"""The life of a worktree: prepared, preserved, removed.

What removes takes the proof that the content is kept, and looks again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.capture import Capturer, Taken, WorktreeUnreadable
from penstock.adapters.git.desks import Desk, Desks, Snapshot
from penstock.adapters.git.exact import add_exactly
from penstock.adapters.git.filling import Known, fill, forget, is_unchanged, new_index
from penstock.adapters.git.layout import snapshot_namespace
from penstock.adapters.git.nested import size_of, snapshot_tree
from penstock.adapters.git.recycling import Spares
from penstock.adapters.git.runner import Call, GitFailed, GitTooSlow, View
from penstock.domain.changes import Stamp
from penstock.domain.errors import Bug
from penstock.ports import Clock, HistoryLost, Place, Preserved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.adapters.git.own import OwnRepository

BEFORE_PREPARING = "Kept before the worktree was prepared anew"
BEFORE_REMOVING = "Kept before the worktree was removed"


class ContentNotKept(Bug):
    """A worktree was to be removed whose content is not what was kept."""

    def __init__(self, place: Place) -> None:
        self.place = place
        super().__init__(f"the worktree of {place.workstream} was to be removed and holds what no snapshot has")


class Worktrees:
    """The worktrees of one project."""

    def __init__(self, own: OwnRepository, desks: Desks, capturer: Capturer, clock: Clock) -> None:
        self._own, self._git, self._settings = own, own.git, own.settings
        self._desks, self._capturer, self._clock = desks, capturer, clock
        self._spares = Spares(own.settings)

    def prepare(self, place: Place, start: str) -> Path:
        """A worktree with exactly the content of `start`; what was there is preserved first."""
        worktree = self._settings.worktree(place)
        earlier = self._desks.get(place)
        if folders.exists(worktree) and (earlier is None or earlier.is_ready):
            self.preserve(place, Stamp(message=BEFORE_PREPARING, at=self._clock.now()))
        mark = self._own.integrity.check()
        # from here on until the second `put` a kill leaves what is nobody's work
        self._desks.put(place, Desk(start=start, is_ready=False))
        filled, there = self._fill(place, start, earlier)
        private = self._desks.private(place)
        private.write(start, filled.index, there=there)
        desk = Desk(start=start, is_ready=True, left_index=filled.digest, mark=mark)
        self._desks.put(place, desk)
        desk.filled = desk.known = filled.handed_over()
        return worktree

    def _fill(self, place: Place, start: str, earlier: Desk | None) -> tuple[Known, Mapping[str, bytes] | None]:
        """Bring the folder of a place to a commit: from what we left there, from a spare, or from nothing; and the
        small files in its git folder, if that is as good as new.
        """
        worktree = self._settings.worktree(place)
        worktree.parent.mkdir(parents=True, exist_ok=True)
        if self._settings.worktree_root.is_relative_to(self._settings.user_repository):
            # the user's own git must not see worktrees that he wants inside his folder
            folders.write(self._settings.worktree_root / ".gitignore", b"*\n")
        view = View(worktree=worktree, index=new_index(self._settings, f"{place.run}-{place.workstream}"))
        left, there = earlier.filled if earlier is not None and earlier.is_ready else None, None
        spare = None if folders.exists(worktree) else self._spares.take(place.run)
        if spare is not None:
            left, there = spare.filled, spare.move_to(worktree, self._settings.private(place))
        filled = fill(self._git, view, start, left)
        forget(left)
        if earlier is not None:
            earlier.forget_indexes()
        return filled, there

    def preserve(self, place: Place, stamp: Stamp) -> Preserved:
        """Keep all that a worktree holds: as a snapshot, or by moving the folder aside."""
        worktree = self._settings.worktree(place)
        kept = self._keep_content(place, worktree, stamp) if folders.exists(worktree) else None
        if isinstance(kept, str):
            return self._move_aside(place, kept, stamp)
        if kept is None:
            return Preserved(place=place, commit=None, ref=None)
        return Preserved(place=place, commit=kept.commit, ref=kept.ref)

    def remove(self, preserved: Preserved, *, recycle: bool) -> None:
        """Remove a worktree whose content is kept, or make its folder a spare."""
        place = preserved.place
        worktree, desk = self._settings.worktree(place), self._desks.get(place)
        if folders.exists(worktree) and (desk is None or desk.is_ready):
            if desk is not None and desk.signature is None:
                # another process preserved it: keeping it twice is the same as once
                self.preserve(place, Stamp(message=BEFORE_REMOVING, at=self._clock.now()))
            elif not _is_as_kept(worktree, desk):
                raise ContentNotKept(place)
        if recycle and desk is not None and desk.filled is not None and folders.is_folder(worktree):
            self._spares.park(place, desk.start, desk.filled)
            desk.forget_indexes(but=desk.filled)
        folders.discard(worktree)
        folders.discard(self._settings.private(place))
        self._desks.drop(place)

    def drop_spares(self, run: str) -> None:
        """Remove the folders that waited for further workstreams of a run that has ended."""
        self._spares.drop(run)

    def _keep_content(self, place: Place, worktree: Path, stamp: Stamp) -> Snapshot | str | None:
        """The snapshot that holds it all, None for nothing, or why git can't hold it."""
        if not folders.is_folder(worktree):
            return "the folder had been replaced by something else"
        desk = self._desks.get(place)
        if desk is None:
            return "nobody knew what it had started from" if any(worktree.iterdir()) else None
        self._capturer.mend(place, desk)
        found = folders.survey(worktree)
        if found.unholdable:
            return f"git can't hold {folders.shortened(found.unholdable[0])}"
        try:
            if self._is_known(desk, worktree, found):
                kept: Snapshot | str = desk.last or self._snapshot_of_start(place, desk)
            else:
                kept = self._snapshot(place, desk, found, stamp)
        except WorktreeUnreadable as unreadable:
            return unreadable.said
        except (GitFailed, GitTooSlow, HistoryLost) as failed:  # a folder that is moved aside needs no git
            return failed.sentence
        if isinstance(kept, Snapshot):
            desk.last, desk.signature = kept, found.signature
        return kept

    def _is_known(self, desk: Desk, worktree: Path, found: folders.Survey) -> bool:
        if found.nested or found.reserved:
            return False
        if desk.last is not None:
            return desk.signature == found.signature
        if desk.known is None or not desk.known.is_genuine:
            return False
        return is_unchanged(self._git, View(worktree=worktree, index=desk.known.index))

    def _snapshot_of_start(self, place: Place, desk: Desk) -> Snapshot:
        commit = desk.commit or desk.start
        ref = self._own.keep(snapshot_namespace(place.run, place.workstream), commit)
        return Snapshot(commit=commit, ref=ref, tree=self._own.commits.facts(commit).tree)

    def _snapshot(self, place: Place, desk: Desk, found: folders.Survey, stamp: Stamp) -> Snapshot | str:
        parent = desk.commit or desk.start
        taken = self._capturer.take(place, desk, found, parent, ())
        try:
            tree = self._whole_tree(taken)
            if tree is None:
                return f"it holds more than {self._settings.snapshot_ignored_mb} MB besides its files"
            last = self._last(place)
            if last is not None and last.tree == tree:
                return last
            commit = self._own.commits.make(tree, [parent], stamp)
            ref = self._own.keep(snapshot_namespace(place.run, place.workstream), commit)
            return Snapshot(commit=commit, ref=ref, tree=tree)
        finally:
            folders.remove(taken.view.index)

    def _whole_tree(self, taken: Taken) -> str | None:
        ignored = [path for path in taken.litter if not path.endswith("/")]
        every = ignored + [path for path in taken.survey.files if folders.below(path, taken.nested.excluded)]
        if size_of(taken.view.worktree, every) > self._settings.snapshot_ignored_mb << 20:
            return None
        if ignored:
            add_exactly(self._git, taken.view, ignored)
        if taken.nested.excluded:
            return snapshot_tree(self._own, taken.view, taken.nested, ignored=True)
        return self._git.run("write-tree", call=Call(view=taken.view)).text

    def _last(self, place: Place) -> Snapshot | None:
        namespace = snapshot_namespace(place.run, place.workstream)
        numbers = self._own.numbers(namespace)
        ref = f"{namespace}/{numbers[-1]}" if numbers else ""
        commit = self._own.value(ref) if ref else None
        if commit is None:
            return None
        return Snapshot(commit=commit, ref=ref, tree=self._own.commits.facts(commit).tree)

    def _move_aside(self, place: Place, reason: str, stamp: Stamp) -> Preserved:
        desk, private = self._desks.get(place), self._settings.private(place)
        moved = folders.move_aside(self._settings.worktree(place), self._settings.kept(place), place.workstream)
        if folders.exists(private):
            folders.reopen(private)
            private.rename(self._settings.kept(place) / f"{moved.name}.git")
        note = {
            "branch": place.branch,
            "keep_days": self._settings.keep_days,
            "kept_at": stamp.at.isoformat(),
            "path": str(moved),
            "reason": reason,
            "run": place.run,
            "start": desk.start if desk is not None else None,
            "workstream": place.workstream,
        }
        folders.write(self._settings.kept(place) / f"{moved.name}.json", json.dumps(note, indent=1).encode())
        self._desks.drop(place)
        return Preserved(place=place, commit=None, ref=None, moved_to=moved)


def _is_as_kept(worktree: Path, desk: Desk | None) -> bool:
    if not folders.is_folder(worktree):
        return False
    if desk is None:
        return not any(worktree.iterdir())
    return folders.survey(worktree).signature == desk.signature
