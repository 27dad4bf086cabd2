"""Trees and blobs of Penstock's own repository: how differences are told, what objects hold."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.adapters.git.runner import Call, Git
from penstock.domain.changes import SYMLINK, Change

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A change, and the hashes of its contents (zeros for none)."""

    change: Change
    old: str
    new: str


def parse_raw(fields: Sequence[str]) -> tuple[Difference, ...]:
    """Read the raw form that `diff-tree` and `diff-index` share."""
    found = []
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old, new, _ = facts.removeprefix(":").split(" ")
        found.append(Difference(change=Change(path=path, old_mode=old_mode, new_mode=new_mode), old=old, new=new))
    return tuple(found)


def described(git: Git, found: Sequence[Difference]) -> tuple[Change, ...]:
    """The changes with what policy must read: targets of links, text of attributes files."""
    told = {entry.new: b"" for entry in found if _is_told(entry.change)}
    texts = contents(git, list(told), b"blob")
    return tuple(_with_content(entry.change, texts.get(entry.new)) for entry in found)


def _is_told(change: Change) -> bool:
    return not change.is_deleted and (change.new_mode == SYMLINK or _configures_git(change.path))


def _configures_git(path: str) -> bool:
    return path.rsplit("/", 1)[-1].casefold() == ".gitattributes"


def _with_content(change: Change, content: bytes | None) -> Change:
    if content is None or not _is_told(change):
        return change
    if change.new_mode == SYMLINK:
        return replace(change, link_target=os.fsdecode(content))
    return replace(change, text=content.decode("utf-8", "replace"))


def sizes(git: Git, identities: Sequence[str]) -> dict[str, int]:
    """How many bytes some blobs have, in one process; what is no blob is left out."""
    if not identities:
        return {}
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    out = git.run("cat-file", form, call=Call(stdin="\n".join(identities).encode() + b"\n")).text
    told = (line.split(" ") for line in out.splitlines())
    return {facts[0]: int(facts[2]) for facts in told if facts[1] == "blob"}


def contents(git: Git, identities: Sequence[str], kind: bytes) -> dict[str, bytes]:
    """The contents of some objects, in one process; what is not of this kind is left out."""
    if not identities:
        return {}
    out = git.run("cat-file", "--batch", "--buffer", call=Call(stdin="\n".join(identities).encode() + b"\n")).out
    found: dict[str, bytes] = {}
    position = 0
    while position < len(out):
        end = out.index(b"\n", position)
        header = out[position:end].split(b" ")
        position = end + 1
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            if header[1] == kind:
                found[header[0].decode()] = out[position : position + size]
            position += size + 1
    return found
