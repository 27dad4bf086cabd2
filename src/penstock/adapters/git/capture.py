"""Taking what a worktree really holds: as a commit, as changes, with what was tampered with.

Believes nothing that the agent could write.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.adapters.git import conversion, folders
from penstock.adapters.git.desks import Desk, Desks, Snapshot
from penstock.adapters.git.filling import Known, known_as, new_index, with_paths
from penstock.adapters.git.index import read_index, read_stored
from penstock.adapters.git.layout import snapshot_namespace
from penstock.adapters.git.litter import collapse
from penstock.adapters.git.nested import NOTHING_NESTED, Nested, snapshot_tree
from penstock.adapters.git.objects import Difference, described, parse_raw
from penstock.adapters.git.plain import plain_tree
from penstock.adapters.git.runner import Call, GitFailed, GitTooSlow, View
from penstock.adapters.git.sweeping import copy_with_time
from penstock.domain.changes import EXECUTABLE, REGULAR, SUBMODULE, Candidate, Change, Stamp, Violation
from penstock.domain.errors import AgentError
from penstock.domain.scope import matches_any
from penstock.ports import Capture, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.git.own import OwnRepository


WRITTEN_BY_US = ("", "objects", "objects/info", "info")
"""Folders of a git folder in which something may have to be mended."""
READ_BY_GIT = frozenset((".gitignore", ".gitattributes", ".gitmodules"))


class WorktreeUnreadable(AgentError):
    """The agent left a worktree that git can't take."""

    def __init__(self, *, place: Place, said: str) -> None:
        self.place, self.said = place, said
        super().__init__(f"the worktree of {place.workstream} can't be read: {said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a capture is asked for."""

    base: str
    parent: str
    declared: tuple[str, ...]
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A worktree's content in an index of ours."""

    view: View
    survey: folders.Survey
    nested: Nested
    litter: tuple[str, ...]
    is_indexed: bool = True
    """False where no index was needed, and so none was made."""


class Capturer:
    """Makes captures for all places of a project."""

    def __init__(self, own: OwnRepository, desks: Desks) -> None:
        self._own, self._git, self._desks, self._settings = own, own.git, desks, own.settings

    def capture(self, place: Place, order: Order) -> Capture:
        """Mend, take, commit, compare."""
        desk = self._desks.get(place)
        if desk is None or not folders.is_folder(self._settings.worktree(place)):
            raise WorktreeUnreadable(place=place, said="its folder was removed or replaced")
        tampering = self.mend(place, desk)
        tree, taken = self._content(place, desk, order)
        commit = self._own.commits.make(tree, [order.parent], order.stamp)
        ref = self.keep(place, taken, Candidate(commit=commit, tree=tree), order.stamp)
        desk.learn(commit, known_as(taken.view.index, commit) if taken.is_indexed else None)
        desk.last = None if taken.nested else Snapshot(commit=commit, ref=ref, tree=tree)
        desk.signature = None if taken.nested or taken.litter else taken.survey.signature
        found = self._own.commits.differences(order.base, commit)
        tampering += self._staged_only(place, desk, order.base, taken)
        return Capture(
            candidate=Candidate(commit=commit, tree=tree),
            ref=ref,
            changes=(
                *self._changes(found, taken.view),
                *(Change(path=path, new_mode=SUBMODULE) for path in taken.nested.paths),
            ),
            tampering=tampering,
            litter=collapse(taken.litter, taken.survey.files),
            left_out=taken.nested.paths,
        )

    def _content(self, place: Place, desk: Desk, order: Order) -> tuple[str, Taken]:
        """The tree of what a worktree holds; by git, unless all is plain."""
        worktree = self._settings.worktree(place)
        found = folders.survey(worktree)
        known = desk.known if desk.known is not None and desk.known.commit == order.parent else None
        tree = plain_tree(self._own, worktree, found, known, order.declared)
        if tree is None:
            taken = self.take(place, desk, found, order.parent, order.declared)
            return self._git.run("write-tree", call=Call(view=taken.view)).text, taken
        view = View(worktree=worktree, index=new_index(self._settings, f"{place.run}-{place.workstream}"))
        return tree, Taken(view=view, survey=found, nested=NOTHING_NESTED, litter=(), is_indexed=False)

    def mend(self, place: Place, desk: Desk) -> tuple[Violation, ...]:
        """Put back what was tampered with outside the worktree's files; to be done before the first git command."""
        private = self._desks.private(place)
        for folder in (self._settings.worktree(place), *(private.folder / name for name in WRITTEN_BY_US)):
            folders.reopen(folder)
        folders.reopen_all(private.folder / "refs")
        mended = private.mend(desk.start)
        if not private.has_its_link():
            link = self._settings.worktree(place) / ".git"
            if folders.is_folder(link):
                folders.move_aside(link, self._settings.kept(place), f"{place.workstream}-git")
            private.write_link()
            mended += (Violation(path=".git", rule="the worktree's link to its git folder was replaced"),)
        self._own.integrity.check()
        return (*mended, *self._own.integrity.since(desk.mark))

    def take(self, place: Place, desk: Desk, found: folders.Survey, parent: str, declared: Sequence[str]) -> Taken:
        """Read the whole worktree into a fresh index; ignored files only where they are declared."""
        worktree = self._settings.worktree(place)
        for path in found.unholdable:
            if path.rsplit("/", 1)[-1] in READ_BY_GIT:
                raise WorktreeUnreadable(place=place, said=f"{path} is no file, and git would wait for its content")
            if folders.is_too_long(worktree / path):
                raise WorktreeUnreadable(place=place, said=f"{folders.shortened(path)} is too long a path")
        view = View(worktree=worktree, index=new_index(self._settings, f"{place.run}-{place.workstream}"))
        self._begin(view, desk.known, parent)
        hash_size = len(parent) // 2
        before = read_stored(view.index.read_bytes(), hash_size) if conversion.is_possible(found) else {}
        try:
            nested = Nested.among(self._git, view, found)
            if nested:
                hidden = [f":(exclude,literal){path}" for path in nested.paths]
                with_paths(self._git, view, ("add", "--all"), [".", *hidden])
            else:
                self._git.run("add", "--all", call=Call(view=view))
            if before:
                known = desk.known if desk.known is not None and desk.known.commit == parent else None
                conversion.undo(self._git, view, before, found, known)
            tracked = read_index(view.index.read_bytes(), hash_size)
            rest = [path for path in found.files if path not in tracked and not folders.below(path, nested.excluded)]
            wanted = [path for path in rest if matches_any(declared, path) and path not in found.unholdable]
            if wanted:
                with_paths(self._git, view, ("--literal-pathspecs", "add", "--force"), wanted)
        except (GitFailed, GitTooSlow) as failed:
            folders.remove(view.index)
            said = failed.said if isinstance(failed, GitFailed) else failed.sentence
            raise WorktreeUnreadable(place=place, said=said) from failed
        left = {*rest} - {*wanted}
        passed_over = {*(f"{path}/" for path in nested.ignored), *found.unholdable} - left
        return Taken(view=view, survey=found, nested=nested, litter=tuple(sorted((*left, *passed_over))))

    def _begin(self, view: View, known: Known | None, parent: str) -> None:
        if known is not None and known.commit == parent and known.is_genuine:
            copy_with_time(known.index, view.index)
        else:
            self._git.run("read-tree", parent, call=Call(view=view))

    def keep(self, place: Place, taken: Taken, candidate: Candidate, stamp: Stamp) -> str:
        """Put the content under a ref; nested repositories go into a second commit on top, which is no candidate."""
        commit = candidate.commit
        if taken.nested and taken.nested.size <= self._settings.snapshot_ignored_mb << 20:
            with suppress(GitFailed):  # then it holds a name that git refuses: `preserve` will move the folder aside
                tree = snapshot_tree(self._own, taken.view, taken.nested)
                note = replace(stamp, message=f"{stamp.message}\n\nWith the content of nested repositories")
                commit = self._own.commits.make(tree, [commit], note)
        return self._own.keep(snapshot_namespace(place.run, place.workstream), commit)

    def _changes(self, found: Sequence[Difference], view: View) -> tuple[Change, ...]:
        return tuple(with_links(change, view) for change in described(self._git, found))

    def _staged_only(self, place: Place, desk: Desk, base: str, taken: Taken) -> tuple[Violation, ...]:
        """Content that stands in the agent's index and nowhere in its files."""
        agents = self._settings.private(place) / "index"
        content = folders.read(agents)
        if content is None and desk.left_index is not None and folders.exists(agents):
            return (Violation(path=".git/index", rule="the index can't be read"),)
        if content is None or folders.digest(agents) == desk.left_index:
            return ()
        index = new_index(self._settings, f"{place.run}-{place.workstream}-staged")
        folders.write(index, content)
        try:
            call = Call(view=View(worktree=taken.view.worktree, index=index))
            answer = self._git.run(
                "diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", base, call=call
            )
        except GitFailed:
            return (Violation(path=".git/index", rule="the index can't be read"),)
        finally:
            folders.remove(index)
        there = {*taken.survey.files}
        staged = [entry.change for entry in parse_raw(answer.fields) if not entry.change.is_deleted]
        return tuple(Violation(path=change.path, rule="staged only") for change in staged if change.path not in there)


def with_links(change: Change, view: View) -> Change:
    """The change with how many names its file has on disk."""
    if change.new_mode not in {REGULAR, EXECUTABLE}:
        return change
    try:
        status = os.lstat(view.worktree / change.path)
    except OSError:
        return change
    return replace(change, hard_links=max(1, status.st_nlink))
