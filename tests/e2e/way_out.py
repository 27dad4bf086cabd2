"""One way out of a scope: what an agent does, and the path and rule by which it must be refused.

`@EVIL@` is a program that must never run, `@OUTSIDE@` a folder beside the worktree, `@RUN@` the run's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OUT_CHANGED = "out of scope: changed"
OUT_CREATED = "out of scope: created"
OUT_DELETED = "out of scope: deleted"
PROTECTED = "protected:"
PUT_IN = "was put into git's own folder"
GITS_OWN = "git's own file was changed"
REF_MADE = "a branch, tag or other ref was made"
NESTED = "a submodule or nested repository"

BASE = {
    "good/seed.txt": "seed\n",
    "other/target.txt": "target\n",
    "other/guide.md": "guide\n",
    "src/seed.txt": "seed\n",
    ".gitignore": "*.log\nconfig/\n.env.*\n",
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way out. The workstream may change `src/<name>/` unless `scope` says otherwise."""

    name: str
    does: tuple[object, ...]
    path: str
    rule: str
    also: tuple[tuple[str, str], ...] = ()
    """Further violations that must be told."""
    base: Mapping[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    stopped: bool = False
    """Whether confinement already stops it where it is tried, so that nothing is left to be judged."""
    confined: tuple[str, str] | None = None
    """Path and rule by which it is told where confinement leaves only a part of it."""
    kept: tuple[str, str] | None = None
    """A path and content that the snapshot must hold; the file that every agent writes first is checked anyway."""

    @property
    def id(self) -> str:
        """The workstream's id."""
        return f"ws-{self.name}"

    @property
    def work(self) -> tuple[str, str]:
        """The file within its scope that every agent writes first."""
        return (f"src/{self.name}/work.txt", f"work of {self.name}\n")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The scope."""
        return (f"src/{self.name}/", *self.scope)


def sh(script: str) -> object:
    """A shell that knows the worktree's git folder as $G and Penstock's own repository as $O."""
    known = 'G=$(sed \'s/^gitdir: //\' .git); O=$(dirname "$(cat "$G/objects/info/alternates")"); '
    return {"run": ["sh", "-ec", known + script]}


def write(path: str, content: str) -> object:
    """The action that writes a file."""
    return {"write": {"path": path, "content": content}}
