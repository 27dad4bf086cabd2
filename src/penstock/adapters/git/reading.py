"""What commits hold, read in bulk for those who show it to others. Nothing that lies in a tree is obeyed.

A tree's own attributes are not looked at: a line in them could hide a file from who reviews it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.git.objects import contents as read
from penstock.adapters.git.runner import Call, GitFailed
from penstock.adapters.git.trees import EMPTY
from penstock.domain.changes import EXECUTABLE, REGULAR
from penstock.ports import Listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.adapters.git.own import OwnRepository

LARGEST_FILE = 8 << 20
LARGEST_SUM = 128 << 20
_FORM = ("-r", "-p", "--no-renames", "--no-textconv", "--no-ext-diff", "--no-color", "--abbrev=12")
_SETTINGS = (("core.bigFileThreshold", "1m"), ("attr.tree", EMPTY))
"""Comparing two large files costs too much for what a reader has of it; they count as binary."""


def listing(own: OwnRepository, commit: str) -> tuple[Listed, ...]:
    """See `Contents`."""
    try:
        fields = own.git.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit).fields
    except GitFailed:
        own.commits.must_be_there(commit)
        raise
    return tuple(map(_listed, fields))


def _listed(field: str) -> Listed:
    facts, _, path = field.partition("\t")
    mode, _, identity, size = facts.split()
    return Listed(path=path, mode=mode, size=int(size) if size.isdigit() else 0, identity=identity)


def contents(own: OwnRepository, files: Sequence[Listed]) -> Mapping[str, bytes]:
    """See `Contents`; of what is too much together, the last ones are left out."""
    wanted: dict[str, str] = {}
    room = LARGEST_SUM
    for file in files:
        if file.mode in {REGULAR, EXECUTABLE} and file.size <= min(room, LARGEST_FILE):
            wanted[file.path] = file.identity
            room -= file.size
    found = read(own.git, list(dict.fromkeys(wanted.values())), b"blob")
    return {path: found[identity] for path, identity in wanted.items() if identity in found}


def diff(own: OwnRepository, base: str, commit: str, *, max_bytes: int) -> str:
    """See `Contents`."""
    extra = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for number, (name, value) in enumerate(_SETTINGS):
        extra |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    call = Call(most=max(max_bytes, 1), extra=extra)
    try:
        answer = own.git.run("diff-tree", *_FORM, base, commit, "--", call=call)
    except GitFailed:
        own.commits.must_be_there(base)
        own.commits.must_be_there(commit)
        raise
    text = answer.out[: answer.out.rfind(b"\n") + 1].decode("utf-8", "replace")
    if not answer.is_cut:
        return text
    return f"{text}[... the diff is longer than {max_bytes} bytes: the rest is left out here ...]\n"
