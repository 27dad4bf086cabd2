"""Where everything of one project's git lies, and the settings of this adapter.

Makes no file; refuses names that could leave a folder.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock.ports import Place

NO_COMMIT = "0" * 40
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A name and an address as git writes them."""

    name: str
    email: str


COMMITTER = Person(name="Penstock", email="penstock@localhost")


def nothing(_name: str) -> None:
    """The effect hook of everyday life."""


def always() -> bool:
    """Nothing that is started is known to be kept out."""
    return True


@contextmanager
def nothing_lent() -> Iterator[Sequence[int]]:
    """What git children keep where there is no run lock."""
    yield ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """What the adapter has to know of one project."""

    home: Path
    """`PENSTOCK_HOME/projects/<id>`: everything of ours but the worktrees."""
    worktree_root: Path
    user_repository: Path
    author: Person
    snapshot_ignored_mb: int = 50
    keep_days: int = 30
    time_limit: float = 600.0
    search_path: str = os.defpath
    """`PATH` of git children."""
    lent: Callable[[], AbstractContextManager[Sequence[int]]] = nothing_lent
    """Descriptors that git children hold, so that the run lock frees only when they have ended too."""
    is_exposed: Callable[[], bool] = always
    """Whether agents and checks could write Penstock's own repository: they can unless they are confined."""
    effect: Callable[[str], None] = nothing

    @property
    def repository(self) -> Path:
        """Penstock's own repository."""
        return self.home / "repo.git"

    @property
    def indexes(self) -> Path:
        """Our index files: never inside a worktree, where an agent could write them."""
        return self.home / "indexes"

    def worktree(self, place: Place) -> Path:
        """The folder that an agent works in."""
        return self.worktree_root / segment(place.run) / segment(place.workstream)

    def private(self, place: Place) -> Path:
        """The worktree's own git folder, which the agent may write."""
        return self.home / "checkouts" / segment(place.run) / f"{segment(place.workstream)}.git"

    def git_folder_of(self, folder: Path) -> Path | None:
        """The git folder that belongs to a worktree or to a clean checkout, found by where that lies."""
        if folder.parent.parent == self.worktree_root:
            return self.home / "checkouts" / folder.parent.name / f"{folder.name}.git"
        if folder.parent.parent == self.home / "clean":
            return folder.with_name(f"{folder.name}.git")
        return None

    def record(self, place: Place) -> Path:
        """What we left in the worktree, for a process that takes over."""
        return self.home / "checkouts" / segment(place.run) / f"{segment(place.workstream)}.json"

    def kept(self, place: Place) -> Path:
        """The folder of what was moved aside in a run."""
        return self.home / "kept" / segment(place.run)

    def spares(self, run: str) -> tuple[Path, Path]:
        """Where worktrees wait for the next workstream of a run, and their git folders; none can be called so."""
        return self.worktree_root / segment(run) / ".spares", self.home / "checkouts" / segment(run) / ".spares"

    def slots(self, run: str) -> Path:
        """The clean checkouts of a run."""
        return self.home / "clean" / segment(run)


def snapshot_namespace(run: str, workstream: str) -> str:
    """Where the snapshots of a workstream are kept."""
    return f"refs/penstock/{segment(run)}/{segment(workstream)}"


def branch_ref(branch: str) -> str:
    """The full name of a branch; a name that git or a file system could read otherwise is a bug of the caller."""
    for part in branch.split("/"):
        segment(part)
    return f"refs/heads/{branch}"


def segment(name: str) -> str:
    """The name itself, if it can be one segment of a path and of a ref."""
    if not is_segment(name):
        raise Bug(f"{name!r} can't be part of a path or of a ref")
    return name


def is_segment(name: str) -> bool:
    """Whether a name can be one segment of a path and of a ref."""
    return bool(_SEGMENT.fullmatch(name)) and ".." not in name and not name.endswith((".lock", "."))
