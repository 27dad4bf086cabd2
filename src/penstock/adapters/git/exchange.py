"""A worktree's files brought from the tree that they are to another one, or back; what git ignores is never touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.runner import Call, Git, View
from penstock.domain.changes import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from penstock.adapters.git.objects import Difference


class Exchange:
    """One exchange. The view's index holds the tree before, as the files are."""

    def __init__(self, git: Git, view: View, before: str, differences: Sequence[Difference]) -> None:
        self._git, self._view, self._before = git, view, before
        self._created = [one.change.path for one in differences if one.change.is_created]
        self._others = [one.change.path for one in differences if not one.change.is_created]
        wanted = {folder for path in self._created for folder in _folders_above(path)}
        # deepest first
        self._made = [name for name in sorted(wanted, reverse=True) if not folders.exists(view.worktree / name)]

    def make(self, tree: str) -> None:
        """Write, replace and remove files. Git refuses where one is not as the index says."""
        self._git.settings.effect("exchange begins")
        options = ("-m", "-u", "--no-recurse-submodules")
        self._git.run("read-tree", *options, self._before, tree, call=Call(view=self._view))
        self._git.settings.effect("exchange made")

    def take_back(self) -> None:
        """The files as they were before, however far it came: what is new goes, all else is written anew."""
        for path in self._created:
            folders.remove(self._view.worktree / path)
        for name in self._made:
            folder = self._view.worktree / name
            if folders.is_folder(folder) and not any(folder.iterdir()):
                folder.rmdir()
        folders.remove(self._view.index)
        self._git.run("read-tree", self._before, call=Call(view=self._view))
        stdin = b"".join(os.fsencode(path) + b"\0" for path in self._others)
        self._git.run("checkout-index", "--force", "-z", "--stdin", call=Call(view=self._view, stdin=stdin))


def in_the_way(worktree: Path, differences: Sequence[Difference]) -> Iterator[Violation]:
    """What lies where something new is to be written though the tree does not hold it: git would write over it, and
    through a link.
    """
    gone = {one.change.path for one in differences if one.change.is_deleted}
    for path in (one.change.path for one in differences if one.change.is_created):
        if folders.exists(worktree / path):
            yield Violation(path=path, rule="something that git ignores lies there already")
        for folder in _folders_above(path):
            place = worktree / folder
            if folder not in gone and folders.exists(place) and not folders.is_folder(place):
                yield Violation(path=path, rule=f"{folder!a} is no folder")


def _folders_above(path: str) -> list[str]:
    return [path[:place] for place, letter in enumerate(path) if letter == "/"]
