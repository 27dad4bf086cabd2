"""What was found in a tree: changes, violations, findings, candidates and verdicts. Plain values, judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.domain.copies import quickly_made

REGULAR, EXECUTABLE, SYMLINK, SUBMODULE, ABSENT = "100644", "100755", "120000", "160000", "000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs between two trees, as git's raw diff without rename detection says it."""

    path: str
    old_mode: str = ABSENT
    new_mode: str = ABSENT
    link_target: str | None = None
    """The text of a new symlink."""
    hard_links: int = 1
    """How many names the new file has on disk."""
    text: str | None = None
    """The new content of files that configure git (`.gitattributes`), else None."""

    @property
    def is_created(self) -> bool:
        """True when the path did not exist before."""
        return self.old_mode == ABSENT

    @property
    def is_deleted(self) -> bool:
        """True when the path exists no more."""
        return self.new_mode == ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A path and the rule that it breaks, in words."""

    path: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that went wrong in a step: a code from the contract's list, and the text that is read of it."""

    code: str
    text: str


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A commit that a workstream wants to merge, and its tree."""

    commit: str
    tree: str


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What makes a commit's hash repeatable: its message and its time."""

    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The record that *this tree* was in scope and passed *these* checks.

    Only `checks.give_verdict` makes one, and `Repository.advance` takes nothing else.
    """

    id: str
    branch: str
    parent: str
    """The head of the branch that was judged against, and from which alone the branch may move."""
    commit: str
    tree: str
    members: tuple[str, ...]
    checks: tuple[str, ...]
    merges: tuple[str, ...] = ()
    """The merge commit of each member, in their order; the last one is the commit."""
    known_failures: tuple[str, ...] = ()
    not_blocking: tuple[str, ...] = ()
    """Red or not to be run here, and of a test gate that stops nothing: so these are not among `checks`."""
    unchecked: bool = False
    confined: bool = False
