"""The clones of its own repository that Penstock works on: whether one holds anything that is nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.runner import FilesRefused, GitFailed, GitTooSlow
from penstock.upkeep import CLONES

if TYPE_CHECKING:
    from penstock.adapters.git.layout import GitSettings
    from penstock.adapters.git.runner import Git


def is_spent(git: Git, settings: GitSettings) -> bool:
    """Whether a project is such a clone, and all that it holds is in the repository that it was made of."""
    clone = settings.user_repository
    return clone.parent == (settings.home.parent.parent / CLONES).resolve() and is_offered(git, clone)


def remove_spent(git: Git, settings: GitSettings) -> None:
    """Remove such a clone, which is looked at once more."""
    if is_spent(git, settings):
        folders.discard(settings.user_repository)


def is_offered(git: Git, clone: Path) -> bool:
    """Whether the repository that a clone was made of has all that the clone holds; False where that can't be told."""
    try:
        if git.run_in(clone, "status", "--porcelain", "--untracked-files=all").out:
            return False
        origin = Path(git.run_in(clone, "config", "--get", "remote.origin.url").text)
        if not origin.is_absolute() or origin.resolve().is_relative_to(clone):
            return False
        told = git.run_in(clone, "for-each-ref", "--format=%(objectname) %(refname)").text.splitlines()
        own = {line.split(" ")[0] for line in told if " refs/remotes/" not in line}
        head = git.run_in(clone, "rev-parse", "HEAD").text
        return not git.run_in(origin, "rev-list", "--max-count=1", *sorted({head, *own}), "--not", "--all").out
    except (GitFailed, FilesRefused, GitTooSlow):
        return False
