"""Merges in memory, and the one move of the integration branch.

The move takes a verdict and believes only the repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.git.apart import merged_apart
from penstock.adapters.git.commits import NoSuchCommit
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
    is_clean, tree, paths = _merged(own, head, candidate)
    merged = Candidate(commit=own.commits.make(tree, [head, candidate], stamp), tree=tree)
    return Merged(candidate=merged) if is_clean else Conflicted(candidate=merged, paths=paths)


def take_back(own: OwnRepository, base: str, head: str, candidate: str, stamp: Stamp) -> Merged | Conflicted:
    """Undo the merge of a candidate: the way from its tree back to that of its first parent, merged onto the head.

    This git can't be told what to merge from, so it is given commits whose common ancestor is what we want.
    """
    made = own.git.run("rev-list", "--first-parent", "--parents", f"{base}..{head}", "--").text
    lines = [line.split() for line in made.splitlines()]
    found = next((line for line in lines if line[2:] == [candidate]), None)
    if found is None:
        raise NoSuchCommit(candidate)
    with_it, before, now = (own.commits.facts(commit).tree for commit in (found[0], found[1], head))
    common = own.commits.make(with_it, [], stamp)
    without = own.commits.make(before, [common], stamp)
    present = own.commits.make(now, [common], stamp)
    answer, tree, paths = _merged(own, present, without)
    undone = Candidate(commit=own.commits.make(tree, [head], stamp), tree=tree)
    return Merged(candidate=undone) if answer else Conflicted(candidate=undone, paths=paths)


def _merged(own: OwnRepository, ours: str, theirs: str) -> tuple[bool, str, tuple[str, ...]]:
    """Whether two commits merge cleanly, the tree of it, and the paths that conflict."""
    plain = merged_apart(own.commits, ours, theirs)
    if plain is not None:
        return True, plain, ()
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    answer = own.git.run("merge-tree", *options, ours, theirs, call=Call(accept=(0, 1)))
    tree, *paths = answer.fields
    return answer.code == 0, tree, tuple(dict.fromkeys(path for path in paths if path))


def advance(own: OwnRepository, verdict: Verdict) -> None:
    """Move the branch from the verdict's parent to its commit; it may have passed there before its owner was killed."""
    own.integrity.check()
    _check(own, verdict)
    try:
        own.move(branch_ref(verdict.branch), verdict.commit, verdict.parent)
    except BranchMoved as moved:
        if moved.found is None or not is_ancestor(own, verdict.commit, moved.found):
            raise


def _check(own: OwnRepository, verdict: Verdict) -> None:
    """The commit has the verdict's tree, and leads by exactly the members' merges to the head that was judged."""
    merges = verdict.merges or (verdict.commit,)
    tree = own.commits.facts(verdict.commit).tree
    parents = tuple(own.commits.facts(commit).parent for commit in merges)
    if tree != verdict.tree or merges[-1] != verdict.commit or parents != (verdict.parent, *merges[:-1]):
        raise TreeWithoutVerdict(
            f"verdict {verdict.id} is for the tree {verdict.tree} by {len(merges)} merges on {verdict.parent}, and "
            f"{verdict.commit} has the tree {tree} on {', '.join(map(str, parents))}"
        )


def is_ancestor(own: OwnRepository, commit: str, head: str) -> bool:
    """Whether one commit leads to another; a commit that is not there leads nowhere."""
    answer = own.git.run("merge-base", "--is-ancestor", commit, head, call=Call(accept=(0, 1, 128)))
    return answer.code == 0
