"""The user's own working copy: asked what is not committed in it, never written; not even its index is refreshed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.git.runner import Call, Git

if TYPE_CHECKING:
    from penstock.adapters.git.layout import GitSettings

QUESTION = ("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=all")
NO_WORKING_COPY = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCopy:
    """The working copy of one project."""

    settings: GitSettings

    async def uncommitted(self) -> tuple[str, ...]:
        """The tracked files that differ from their commit; none where the repository has no working copy."""
        call = Call(accept=(0, NO_WORKING_COPY))
        answer = await asyncio.to_thread(Git(self.settings).run_in, self.settings.user_repository, *QUESTION, call=call)
        return tuple(entry[3:] for entry in answer.fields)
