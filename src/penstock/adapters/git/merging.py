"""Merges in memory, and the one move of the integration branch.

The move takes a verdict and believes only the repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.git.layout import branch_ref
from penstock.adapters.git.own import BranchMoved
from penstock.adapters.git.runner import Call
from penstock.domain.changes import Candidate, Stamp, Verdict
from penstock.domain.checks import TreeWithoutVerdict
from penstock.ports import Conflicted, Merged

if TYPE_CHECKING:
    from penstock.adapters.git.own import OwnRepository


def merge(own: OwnRepository, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
    """Merge a candidate onto a head: a commit with two parents, also where git could have moved forward."""
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    answer = own.git.run("merge-tree", *options, head, candidate, call=Call(accept=(0, 1)))
    tree, *paths = answer.fields
    commit = own.commits.make(tree, [head, candidate], stamp)
    merged = Candidate(commit=commit, tree=tree)
    if answer.code == 0:
        return Merged(candidate=merged)
    return Conflicted(candidate=merged, paths=tuple(dict.fromkeys(path for path in paths if path)))


def advance(own: OwnRepository, verdict: Verdict) -> None:
    """Move the branch from the verdict's parent to its commit; it may have passed there before its owner was killed."""
    own.integrity.check()
    _check(own, verdict)
    try:
        own.move(branch_ref(verdict.branch), verdict.commit, verdict.parent)
    except BranchMoved as moved:
        if moved.found is None or not _is_ancestor(own, verdict.commit, moved.found):
            raise


def _check(own: OwnRepository, verdict: Verdict) -> None:
    """The commit has the verdict's tree, and leads by exactly the members' merges to the head that was judged."""
    merges = verdict.merges or (verdict.commit,)
    options = ("--first-parent", "--no-commit-header", "--format=%H %T", f"--max-count={len(merges) + 1}")
    answer = own.git.run("rev-list", *options, verdict.commit, "--", call=Call(accept=(0, 128)))
    found = [line.split() for line in answer.text.splitlines()] if answer.code == 0 else []
    chain = tuple(commit for commit, _ in found)
    if chain != (*reversed(merges), verdict.parent) or found[0][1] != verdict.tree:
        tree = found[0][1] if found else "no tree"
        raise TreeWithoutVerdict(
            f"verdict {verdict.id} is for the tree {verdict.tree} by {len(merges)} merges on {verdict.parent}, and "
            f"{verdict.commit} has the tree {tree} and comes from {', '.join(chain[1:]) or 'nothing'}"
        )


def _is_ancestor(own: OwnRepository, commit: str, head: str) -> bool:
    answer = own.git.run("merge-base", "--is-ancestor", commit, head, call=Call(accept=(0, 1, 128)))
    return answer.code == 0
