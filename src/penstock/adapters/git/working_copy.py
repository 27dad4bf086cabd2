"""The user's own working copy: asked what is not committed in it, never written; not even its index is refreshed."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git import folders
from penstock.adapters.git.runner import Call, Git
from penstock.domain.errors import WorldError
from penstock.ports import UserFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.adapters.git.layout import GitSettings

QUESTION = ("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=all")
UNTRACKED = ("ls-files", "--others", "--ignored", "-z")
NO_WORKING_COPY = 128
MOST_FILES = 200
MOST_BYTES = 10 * 1024 * 1024


class TooMuchIncluded(WorldError):
    """The user's files that would be copied into every worktree are too many or too big."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCopy:
    """The working copy of one project."""

    settings: GitSettings

    async def uncommitted(self) -> tuple[str, ...]:
        """The tracked files that differ from their commit; none where the repository has no working copy."""
        call = Call(accept=(0, NO_WORKING_COPY))
        answer = await asyncio.to_thread(Git(self.settings).run_in, self.settings.user_repository, *QUESTION, call=call)
        return tuple(entry[3:] for entry in answer.fields)

    async def untracked(self, patterns: Sequence[str]) -> tuple[UserFile, ...]:
        """The regular files that git does not track and that the patterns name."""
        return await asyncio.to_thread(self._untracked, patterns) if patterns else ()

    def _untracked(self, patterns: Sequence[str]) -> tuple[UserFile, ...]:
        root, call = self.settings.user_repository, Call(accept=(0, NO_WORKING_COPY))
        excludes = [f"--exclude={pattern}" for pattern in patterns]
        named = Git(self.settings).run_in(root, *UNTRACKED, *excludes, call=call).fields
        found = [one for path in named if (one := _read(root, path)) is not None]
        is_too_large = any(folders.is_too_large(root / path) for path in named)
        if is_too_large or len(found) > MOST_FILES or sum(len(one.content) for one in found) > MOST_BYTES:
            raise TooMuchIncluded(
                f".worktreeinclude names {len(named)} files of {root}; copied are at most {MOST_FILES}, "
                f"of {MOST_BYTES >> 20} MB together",
                hint="name files of settings there; what tools make belongs under [setup]",
            )
        return tuple(found)


def _read(root: Path, path: str) -> UserFile | None:
    place = root / path
    if any(folder.is_symlink() for folder in place.parents if folder != root and folder.is_relative_to(root)):
        return None
    content = folders.read(place)
    return None if content is None else UserFile(path=path, content=content, is_executable=os.access(place, os.X_OK))
