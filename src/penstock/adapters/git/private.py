"""A worktree's own git folder: written as files, given to the agent, compared with what it was.

Never used by a git process of ours.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.integrity import ALTERNATES, MOST_TOLD
from penstock.adapters.git.layout import GitSettings, branch_ref
from penstock.adapters.git.refs import RefReader, put_back
from penstock.adapters.git.sweeping import copy_with_time, holds_only
from penstock.domain.changes import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What git itself makes in its folder while someone works and commits in the worktree.
ORDINARY = frozenset(
    (
        *(
            "HEAD",
            "config",
            "index",
            "objects",
            "refs",
            "info",
            "logs",
            "packed-refs",
            "description",
            "gc.log",
            "gc.pid",
        ),
        *(
            "COMMIT_EDITMSG",
            "ORIG_HEAD",
            "FETCH_HEAD",
            "MERGE_HEAD",
            "MERGE_MSG",
            "MERGE_MODE",
            "AUTO_MERGE",
            "MERGE_RR",
        ),
        *("REBASE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG", "rebase-merge", "rebase-apply", "sequencer"),
    )
)
FOLDERS = ("objects/", "objects/pack/", "objects/info/", "refs/", "refs/heads/", "info/")
MADE = "a branch, tag or other ref was made"
PACKED = "# pack-refs with: peeled fully-peeled sorted \n"
CONFIG = """[core]
\trepositoryformatversion = {version}
\tfilemode = true
\tbare = false
\tworktree = {worktree}
[user]
\tname = {name}
\temail = {email}
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


class PrivateFolder:
    """The git folder of one worktree. `branch` is None for a clean checkout, whose HEAD names the commit itself."""

    def __init__(self, settings: GitSettings, folder: Path, worktree: Path, branch: str | None) -> None:
        self.folder = folder
        self._settings = settings
        self._worktree = worktree
        self._ref = None if branch is None else branch_ref(branch)

    @property
    def link(self) -> bytes:
        """The content of the worktree's `.git` file."""
        return os.fsencode(f"gitdir: {self.folder}\n")

    def write(self, start: str, index: Path, *, there: Mapping[str, bytes] | None = None) -> None:
        """One ref, no remote, no hook, and an index that finds nothing changed: in a new folder, or in one that holds
        just what is `there`, which is as good and needs few new files.
        """
        if there is None:
            folders.empty(self.folder)
            for name in FOLDERS:
                (self.folder / name).mkdir(exist_ok=True)
        for name, content in self.files(start).items():
            if there is None or there[name] != content:
                folders.write_over(self.folder / name, content)
        copy_with_time(index, self.folder / "index")
        if not self.has_its_link():
            self.write_link()

    def untouched(self, start: str, index_digest: str | None) -> Mapping[str, bytes] | None:
        """The small files in the folder, if it holds what we wrote for this start and nothing else, as if nobody had
        ever used it; else None.
        """
        files = self.files(start)
        is_ours = (
            folders.is_folder(self.folder)
            and holds_only(self.folder, {*files, "index"}, FOLDERS)
            and all(folders.read(self.folder / name) == content for name, content in files.items())
            and folders.digest(self.folder / "index") == index_digest
        )
        return files if is_ours else None

    def write_link(self) -> None:
        """Put the `.git` file into the worktree, where nothing else of ours may ever be: it would be the agent's."""
        folders.write(self._worktree / ".git", self.link, by_way_of=folders.passing(self._worktree))

    def has_its_link(self) -> bool:
        """True while the worktree's `.git` is the file that we wrote."""
        return folders.read(self._worktree / ".git") == self.link

    def mend(self, start: str) -> tuple[Violation, ...]:
        """Put back what was tampered with, and tell it."""
        if not folders.is_folder(self.folder):
            folders.remove(self.folder)
            self.folder.mkdir(parents=True)
            for name, content in self._constants(start).items():
                folders.write(self.folder / name, content)
            return (Violation(path=".git", rule="the worktree's git folder was removed"),)
        return (*self._mend_files(start), *self._mend_strangers(), *self._mend_refs(start))

    def _constants(self, start: str) -> dict[str, bytes]:
        object_format = (folders.read(self._settings.home / "repository/format") or b"sha1").decode()
        config = CONFIG.format(
            version=int(object_format == "sha256"),
            worktree=_quoted(str(self._worktree)),
            name=_quoted(self._settings.author.name),
            email=_quoted(self._settings.author.email),
        )
        if object_format == "sha256":
            config += "[extensions]\n\tobjectFormat = sha256\n"
        return {
            "HEAD": f"{start}\n".encode() if self._ref is None else f"ref: {self._ref}\n".encode(),
            "config": os.fsencode(config),
            ALTERNATES: os.fsencode(f"{self._settings.repository}/objects\n"),
        }

    def files(self, start: str) -> dict[str, bytes]:
        """All small files at the beginning; the one ref is packed, so that their names are the same for each branch."""
        files = self._constants(start)
        if self._ref is not None:
            files["packed-refs"] = f"{PACKED}{start} {self._ref}\n".encode()
        return files

    def _mend_files(self, start: str) -> Iterator[Violation]:
        for name in ("objects", "objects/info", "refs", "info"):
            path = self.folder / name
            if folders.exists(path) and not folders.is_folder(path):
                folders.remove(path)
                yield Violation(path=f".git/{name}", rule="a folder was replaced")
        for name, content in self._constants(start).items():
            if folders.read(self.folder / name) != content:
                folders.write(self.folder / name, content)
                yield Violation(path=f".git/{name}", rule="git's own file was changed")

    def _mend_strangers(self) -> Iterator[Violation]:
        strangers = [
            path for path in self.folder.iterdir() if path.name not in ORDINARY and not path.name.endswith(".lock")
        ]
        if folders.is_folder(self.folder / "info"):
            # `refs` is what `git gc` writes there
            strangers += [path for path in (self.folder / "info").iterdir() if path.name != "refs"]
        for path in sorted(strangers):
            for name in folders.files_below(path, MOST_TOLD):
                yield Violation(path=f".git/{name.relative_to(self.folder)}", rule="was put into git's own folder")
            folders.remove(path)

    def _mend_refs(self, start: str) -> Iterator[Violation]:
        reader = RefReader(self.folder)
        packed, loose = reader.packed(), reader.loose()
        found = {**packed, **loose}
        strangers = sorted(ref for ref in found if ref != self._ref)
        for ref in strangers:
            if ref in loose:  # the name of a packed one is just text, and may be a path to anywhere
                put_back(self.folder, ref, None)
        yield from (Violation(path=ref, rule=MADE) for ref in strangers[:MOST_TOLD])
        if len(strangers) > MOST_TOLD:
            yield Violation(path="refs", rule=f"{MADE}, {len(strangers) - MOST_TOLD} more times")
        if strangers and packed:
            folders.remove(self.folder / "packed-refs")
        if self._ref is not None and self._ref not in found:
            yield Violation(path=self._ref, rule="the branch was removed")
        if self._ref is not None and self._ref not in reader.all():
            put_back(self.folder, self._ref, found.get(self._ref, start))


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner}"'
