"""Whether a base tree can be worked on: no submodules, no attributes that name a filter. Looks at trees only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.objects import contents
from penstock.domain.changes import SUBMODULE, SYMLINK
from penstock.domain.diff_rules import names_filter
from penstock.domain.errors import UserError, WorldError

if TYPE_CHECKING:
    from penstock.adapters.git.runner import Git
    from penstock.adapters.git.source import Source


class HasSubmodules(UserError):
    """The base tree holds submodules, which are not in Penstock's own repository."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        super().__init__(
            f"repositories with submodules can't be worked on yet; the base branch has {', '.join(paths[:5])}",
            hint="choose a base branch without them",
        )


class HasFilters(WorldError):
    """Attributes name a filter: a program that would run inside our own git commands."""

    retryable = False

    def __init__(self, places: list[str]) -> None:
        self.places = places
        super().__init__(
            f"files with a git filter (as of Git LFS) can't be worked on: {', '.join(places[:5])} names one",
            hint="choose a base branch whose .gitattributes names no filter",
        )


def refuse_unsuitable(git: Git, source: Source, commit: str) -> None:
    """Raise if a run that starts from this commit could not keep its promises."""
    submodules: list[str] = []
    attributes: dict[str, str] = {}
    for entry in git.run("ls-tree", "-r", "-z", "--full-tree", commit).fields:
        facts, path = entry.split("\t", 1)
        mode, _, identity = facts.split(" ")
        if mode == SUBMODULE:
            submodules.append(path)
        elif path.rsplit("/", 1)[-1] == ".gitattributes" and mode != SYMLINK:
            attributes[path] = identity
    if submodules:
        raise HasSubmodules(submodules)
    texts = contents(git, list(attributes.values()), b"blob")
    naming = [path for path, identity in attributes.items() if _names_filter(texts.get(identity, b""))]
    if _names_filter(folders.read(source.common / "info/attributes") or b""):
        naming.append("the repository's own info/attributes")
    if naming:
        raise HasFilters(naming)


def _names_filter(content: bytes) -> bool:
    return names_filter(content.decode("utf-8", "replace"))
