"""Pushing the integration branch to the user's repository.

Never forced, never while it is checked out there, never running its hooks.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.layout import branch_ref
from penstock.adapters.git.runner import Call
from penstock.adapters.git.source import OUR_FOLDER, making_room
from penstock.ports import Publication

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.adapters.git.own import OwnRepository
    from penstock.adapters.git.runner import Answer

RECEIVE = (
    f"git -c safe.directory=* -c core.hooksPath={os.devnull} -c core.fsmonitor=false -c receive.autogc=false "
    "-c gc.auto=0 -c maintenance.auto=false -c receive.denyCurrentBranch=refuse -c receive.denyNonFastForwards=true "
    "receive-pack"
)

TAKEN = f"'refs/heads/{OUR_FOLDER}' exists; cannot create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Where the user has a branch checked out, and at which commit."""

    path: str
    commit: str


def publish(own: OwnRepository, branch: str, commit: str, base: str) -> Publication:
    """Push a commit as the branch; what stands in its way is said, with the command that clears it."""
    own.integrity.check(again=True)
    if not folders.exists(own.settings.user_repository):
        return Publication(branch=branch, commit=commit, pushed=False, sentence=_nowhere(own, branch))
    ref = branch_ref(branch)
    checkout = checked_out(own, ref)
    if checkout is not None:
        return _held(branch, commit, checkout)
    user = own.settings.user_repository
    meant = own.git.run_in(user, "symbolic-ref", "--quiet", ref, call=Call(accept=(0, 1))).text
    if meant:
        return Publication(branch=branch, commit=commit, pushed=False, sentence=_symbolic(branch, ref, meant, user))
    arguments = (
        "push",
        "--porcelain",
        "--no-verify",
        "--no-follow-tags",
        "--recurse-submodules=no",
        f"--receive-pack={RECEIVE}",
    )
    answer = own.git.run(*arguments, str(user), f"{commit}:{ref}", call=Call(accept=(0, 1)))
    if answer.code == 0:
        return Publication(branch=branch, commit=commit, pushed=True, sentence=_rewritten(own, branch, base))
    return Publication(branch=branch, commit=commit, pushed=False, sentence=_sentence(branch, user, answer))


def checked_out(own: OwnRepository, ref: str) -> Checkout | None:
    """The working copy of the user's repository that has a branch checked out."""
    answer = own.git.run_in(own.settings.user_repository, "worktree", "list", "--porcelain", "-z")
    for block in os.fsdecode(answer.out).split("\0\0"):
        facts = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
        if facts.get("branch") == ref:
            return Checkout(path=facts["worktree"], commit=facts.get("HEAD", ""))
    return None


def _nowhere(own: OwnRepository, branch: str) -> str:
    user, ours = own.settings.user_repository, shlex.quote(str(own.folder))
    return (
        f"{user} is not there any more; put it back, then resume the run, "
        f"or take {branch} to another repository: `git fetch {ours} {branch}:{branch}`"
    )


def _rewritten(own: OwnRepository, branch: str, base: str) -> str:
    """That the user rewrote the branch that a run grew from: none of his branches holds its base any more."""
    question = ("for-each-ref", f"--contains={base}", "--format=%(refname)", "refs/heads")
    holding = own.git.run_in(own.settings.user_repository, *question).text.splitlines()
    if any(not ref.startswith(f"{branch_ref(branch).rpartition('/')[0]}/") for ref in holding):
        return ""
    return (
        f"it grew from {base[:12]}, which none of your branches holds any more: its branch was rewritten meanwhile; "
        f"`git rebase --rebase-merges --onto YOUR-BRANCH {base[:12]} {branch}` brings it over"
    )


def _symbolic(branch: str, ref: str, meant: str, user: Path) -> str:
    command = f"git -C {shlex.quote(str(user))} symbolic-ref --delete {ref}"
    return f"{branch} only means {meant} in {user}, which is yours and not moved; `{command}` makes room for it"


def _held(branch: str, commit: str, checkout: Checkout) -> Publication:
    if checkout.commit == commit:
        return Publication(branch=branch, commit=commit, pushed=True)
    command = f"git -C {shlex.quote(checkout.path)} switch --detach"
    sentence = f"{branch} is checked out in {checkout.path} and waits there; `{command}` lets it be pushed"
    return Publication(branch=branch, commit=commit, pushed=False, sentence=sentence)


def _sentence(branch: str, user: Path, answer: Answer) -> str:
    refusal = next((line for line in answer.text.splitlines() if line.startswith("!")), answer.said.strip())
    if TAKEN in answer.said:
        return f"{branch} can't stand beside the branch {OUR_FOLDER} in {user}; `{making_room(user)}` makes room for it"
    if "non-fast-forward" in refusal or "fetch first" in refusal:
        command = f"git -C {shlex.quote(str(user))} branch --move {branch} {branch}-mine"
        return f"{branch} has other commits in {user} and is not overwritten; `{command}` makes room for it"
    return f"{branch} could not be pushed to {user}: {refusal}"
