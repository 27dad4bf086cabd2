"""What differs between two trees, told by walking only where they do; and trees in which few files differ, written.

A tree that lies loose is read as a file; all others of one level are asked of one process. Each is checked against its
name.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from typing import TYPE_CHECKING, NamedTuple

from penstock.adapters.git import folders
from penstock.adapters.git.objects import Difference, contents
from penstock.adapters.git.remembered import Remembered
from penstock.adapters.git.runner import Git, GitFailed
from penstock.adapters.git.writing import write_object
from penstock.domain.changes import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TREES_REMEMBERED = 1024
LARGEST_LOOSE = 16 << 20
ABSENT = "000000"
FOLDER = "040000"
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Entry(NamedTuple):
    """What a name stands for in a tree."""

    mode: str
    identity: str


GONE = Entry(ABSENT, "")


class _NotPlain(Exception):
    """What is left to git."""


class TreeUnreadable(GitFailed):
    """A tree that should be there is not, or is no tree."""

    def __init__(self, identity: str) -> None:
        super().__init__(command="cat-file", code=0, said=f"there is no tree {identity} that can be read")


Tree = dict[bytes, Entry]
Pair = tuple[bytes, str, str]
"""The path of a folder with its slash, and what it is on each side: empty for nothing."""


class Trees:
    """The trees of one repository."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: Remembered[Tree] = Remembered(TREES_REMEMBERED)

    def differences(self, old: str, new: str) -> tuple[Difference, ...]:
        """What differs between two trees, file by file, in the order of paths, without guessing at renames."""
        found: list[tuple[bytes, Difference]] = []
        level: list[Pair] = [(b"", old, new)] if old != new else []
        while level:
            trees = self._read({identity for _, *pair in level for identity in pair if identity})
            level = [deeper for pair in level for deeper in _compared(pair, trees, found)]
        return tuple(difference for _, difference in sorted(found, key=lambda entry: entry[0]))

    def changed(self, tree: str, entries: Mapping[str, Entry | None]) -> str | None:
        """The tree with some files put in, or taken out, written as far as it is new; None where git must be asked."""
        if len(tree) != len(EMPTY):
            return None
        try:
            return self._changed(tree, {os.fsencode(path): entry for path, entry in entries.items()}) or self._put({})
        except _NotPlain:
            return None

    def _changed(self, identity: str, entries: Mapping[bytes, Entry | None]) -> str:
        """The same for one folder, by paths below it; nothing for a folder in which nothing is left."""
        old = self._read({identity})[identity] if identity else {}
        new, deeper = dict(old), dict[bytes, dict[bytes, Entry | None]]()
        for path, entry in entries.items():
            name, slash, below = path.partition(b"/")
            if slash:
                deeper.setdefault(name, {})[below] = entry
            elif entry is None and new.get(name, GONE).mode != FOLDER:
                new.pop(name, None)
            elif entry is not None and new.get(name, entry).mode != FOLDER:
                new[name] = entry
            else:
                raise _NotPlain  # a file in a folder's place
        for name, inner in deeper.items():
            present = new.get(name)
            if present is not None and present.mode != FOLDER:
                raise _NotPlain  # a folder in a file's place
            made = self._changed(present.identity if present is not None else "", inner)
            new.pop(name, None)
            if made:
                new[name] = Entry(FOLDER, made)
        if new == old:
            return identity
        return self._put(new) if new else ""

    def _put(self, tree: Tree) -> str:
        """Store a tree."""
        order = sorted(tree.items(), key=lambda named: named[0] + b"/" if named[1].mode == FOLDER else named[0])
        content = b"".join(
            b"%s %s\0%s" % (entry.mode.lstrip("0").encode(), name, bytes.fromhex(entry.identity))
            for name, entry in order
        )
        identity = write_object(self._git.settings, b"tree", content)
        self._known.put(identity, tree)
        return identity

    def _read(self, identities: Iterable[str]) -> Mapping[str, Tree]:
        trees: dict[str, Tree] = {}
        asked: list[str] = []
        for identity in identities:
            tree = self._known.find(identity) or _parsed(identity, self._loose(identity))
            if tree is None:
                asked.append(identity)
            else:
                trees[identity] = tree
        answers = contents(self._git, asked, b"tree")
        for identity in asked:
            tree = _parsed(identity, answers.get(identity))
            if tree is None:
                raise TreeUnreadable(identity)
            trees[identity] = tree
        for identity, tree in trees.items():
            self._known.put(identity, tree)
        return trees

    def _loose(self, identity: str) -> bytes | None:
        """The content of a tree that is a file of its own."""
        packed = folders.read(self._git.settings.repository / "objects" / identity[:2] / identity[2:])
        if packed is None:
            return None
        try:
            whole = zlib.decompressobj().decompress(packed, LARGEST_LOOSE)
        except zlib.error:
            return None
        return whole.partition(b"\0")[2]


def _compared(pair: Pair, trees: Mapping[str, Tree], found: list[tuple[bytes, Difference]]) -> list[Pair]:
    """Note the files that differ in one folder; the folders of it that do."""
    path, *identities = pair
    old, new = (trees[identity] if identity else {} for identity in identities)
    deeper = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        inner = [entry.identity if entry is not None and entry.mode == FOLDER else "" for entry in (before, after)]
        if any(inner):
            deeper.append((path + name + b"/", inner[0], inner[1]))
        file = [None if entry is None or entry.mode == FOLDER else entry for entry in (before, after)]
        if any(file):
            found.append((path + name, _difference(path + name, file[0], file[1])))
    return deeper


def _difference(path: bytes, before: Entry | None, after: Entry | None) -> Difference:
    zeros = "0" * len((before or after or Entry("", "")).identity)
    change = Change(
        path=os.fsdecode(path),
        old_mode=before.mode if before is not None else ABSENT,
        new_mode=after.mode if after is not None else ABSENT,
    )
    old, new = (zeros if entry is None else entry.identity for entry in (before, after))
    return Difference(change=change, old=old, new=new)


def _parsed(identity: str, content: bytes | None) -> Tree | None:
    """The entries of a tree by name; None if the bytes are none, or not those that are called so."""
    if content is None or _named(identity, content) != identity:
        return None
    tree: Tree = {}
    position, size, hash_size = 0, len(content), len(identity) // 2
    try:
        while position < size:
            space = content.index(b" ", position)
            end = content.index(b"\0", space)
            name, mode = content[space + 1 : end], _canonical(int(content[position:space], 8))
            position = end + 1 + hash_size
            if position > size or name in tree:  # what stands there twice could hide from a comparison
                return None
            tree[name] = Entry(mode, content[end + 1 : position].hex())
    except ValueError:
        return None
    return tree


def _named(identity: str, content: bytes) -> str:
    """The hash of a tree with this content, of the same kind. Git looks at it only when told to."""
    kind = hashlib.sha1 if len(identity) == 40 else hashlib.sha256
    return kind(b"tree %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


def _canonical(mode: int) -> str:
    """The mode as git reads it: of a file's rights it knows only the owner's to run it."""
    if stat.S_ISREG(mode):
        return "100755" if mode & stat.S_IXUSR else "100644"
    return f"{stat.S_IFMT(mode):06o}"
