"""Trees, commits and blobs of Penstock's own repository: what differs, what a file holds, commits that repeat."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.adapters.git.runner import Call, Git, GitFailed
from penstock.domain.changes import SYMLINK, Change, Stamp
from penstock.domain.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A change, and the hash of its new content (zeros for none)."""

    change: Change
    new: str


class NoSuchCommit(WorldError):
    """A commit of a run is not in this repository: it is another machine's, or the repository was removed."""

    def __init__(self, commit: str) -> None:
        self.commit = commit
        super().__init__(
            f"the commit {commit} is not in Penstock's own repository of this project",
            hint="take a run up where it was begun: on the same machine, with the same PENSTOCK_HOME",
        )


def commit_tree(git: Git, tree: str, parents: Sequence[str], stamp: Stamp) -> str:
    """Make a commit; the same tree, parents and stamp give the same hash."""
    options = [word for parent in parents for word in ("-p", parent)]
    message = stamp.message.encode("utf-8", "replace")
    return git.run("commit-tree", tree, *options, call=Call(stamp=stamp, stdin=message)).text


def differences(git: Git, base: str, commit: str) -> tuple[Difference, ...]:
    """What differs between two trees, file by file, without guessing at renames."""
    answer = git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, commit)
    return parse_raw(answer.fields)


def parse_raw(fields: Sequence[str]) -> tuple[Difference, ...]:
    """Read the raw form that `diff-tree` and `diff-index` share."""
    found = []
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, _, new, _ = facts.removeprefix(":").split(" ")
        found.append(Difference(change=Change(path=path, old_mode=old_mode, new_mode=new_mode), new=new))
    return tuple(found)


def described(git: Git, found: Sequence[Difference]) -> tuple[Change, ...]:
    """The changes with what policy must read: targets of links, text of attributes files."""
    told = {entry.new: b"" for entry in found if _is_told(entry.change)}
    contents = blobs(git, list(told))
    return tuple(_with_content(entry.change, contents.get(entry.new)) for entry in found)


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


def blobs(git: Git, identities: Sequence[str]) -> dict[str, bytes]:
    """The contents of some blobs, in one process; what is no blob is left out."""
    if not identities:
        return {}
    out = git.run("cat-file", "--batch", call=Call(stdin="\n".join(identities).encode() + b"\n")).out
    contents: dict[str, bytes] = {}
    position = 0
    while position < len(out):
        end = out.index(b"\n", position)
        header = out[position:end].split(b" ")
        position = end + 1
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            contents[header[0].decode()] = out[position : position + size]
            position += size + 1
    return contents


def read_file(git: Git, commit: str, path: str) -> bytes | None:
    """A file of a commit; None where it has none."""
    try:
        return git.run("cat-file", "blob", f"{commit}:{path}").out
    except GitFailed as failed:
        try:
            git.run("cat-file", "-e", f"{commit}^{{commit}}")
        except GitFailed:
            raise NoSuchCommit(commit) from failed
        return None


def facts(git: Git, commit: str) -> tuple[str, str | None]:
    """A commit's tree and first parent."""
    try:
        lines = git.run("cat-file", "commit", commit).text.split("\n")
    except GitFailed as failed:
        raise NoSuchCommit(commit) from failed
    header = lines[: lines.index("")] if "" in lines else lines
    parents = [line.removeprefix("parent ") for line in header if line.startswith("parent ")]
    return header[0].removeprefix("tree "), parents[0] if parents else None
