"""Merging without a git process what two sides changed in different places.

A merge asks only for what differs from where both began. Where no path was changed on both sides there is nothing to
weigh, not even a rename: what one side changed is put into the other's tree. For all else git is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.git.trees import Entry
from penstock.domain.changes import SUBMODULE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.git.commits import Commits
    from penstock.adapters.git.objects import Difference

FARTHEST = 256
"""Steps back along a line of commits; with more than that git finds the way faster."""


def merged_apart(commits: Commits, ours: str, theirs: str) -> str | None:
    """The tree of a merge of two commits that changed different things; None where git must be asked."""
    start = common_start(commits, ours, theirs)
    if start is None:
        return None
    mine, other = commits.differences(start, ours), commits.differences(start, theirs)
    if _meet(mine, other) or any(SUBMODULE in {one.change.old_mode, one.change.new_mode} for one in other):
        return None
    entries = {one.change.path: None if one.change.is_deleted else Entry(one.change.new_mode, one.new) for one in other}
    return commits.trees.changed(commits.facts(ours).tree, entries)


def common_start(commits: Commits, ours: str, theirs: str) -> str | None:
    """Where a side branch left the line of our first parents, if nothing of it was merged since; None if that is not
    plain: then it may not be the one best common ancestor.
    """
    branch, merged = _alone(commits, theirs), set[str]()
    commit = ours
    for _ in range(FARTHEST):
        if commit in branch:
            return commit if merged.isdisjoint(branch[: branch.index(commit)]) else None
        known = commits.known_facts(commit)
        if known is None or known.parent is None:
            return None
        merged.update(known.parents[1:])
        commit = known.parent
    return None


def _alone(commits: Commits, commit: str) -> list[str]:
    """A commit, its parent, that one's, and so on: as far as it is remembered, up to one that is no plain commit."""
    line = [commit]
    while len(line) < FARTHEST:
        known = commits.known_facts(line[-1])
        if known is None or len(known.parents) != 1:
            break
        line.append(known.parents[0])
    return line


def _meet(one: Sequence[Difference], other: Sequence[Difference]) -> bool:
    """Whether some path was changed on both sides, or lies below one that was."""
    paths = {difference.change.path for difference in one}
    others = {difference.change.path for difference in other}
    return not (paths | _above(paths)).isdisjoint(others) or not _above(others).isdisjoint(paths)


def _above(paths: set[str]) -> set[str]:
    found = set()
    for path in paths:
        end = path.rfind("/")
        while end > 0:
            found.add(path[:end])
            end = path.rfind("/", 0, end)
    return found
