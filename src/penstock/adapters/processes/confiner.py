"""Puts the processes of one project under confinement, as strictly as was asked and as far as the machine can.

What an agent or a check may write: its worktree with that worktree's git folder, a temporary and a home folder of its
own. What it can't see: Penstock's state, other worktrees, and where the user keeps keys.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from penstock.adapters.processes.confinement import Confinement, is_out_of_sight, secrets_of, toolchains_of
from penstock.adapters.processes.trial import Trial
from penstock.domain.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.processes.request import Request

Mode = Literal["off", "auto", "required"]
OWN_HOME = "home"
"""The name, in the folder of its records, of a confined process's home folder."""
_STRICTNESS: tuple[Mode, ...] = get_args(Mode)
_PACKAGE = Path(__file__).resolve().parents[2]


class NotConfinable(WorldError):
    """Confinement is required, and this machine can't do it."""


class WorktreeReplaced(WorldError):
    """A folder that was to be writable is a link to another place."""


def _no_git_folder(_worktree: Path) -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Confiner:
    """The confinement of one project's processes."""

    trial: Trial
    mode: Mode = "auto"
    home: Path = Path("/nonexistent")
    """The user's."""
    hidden: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    """What of the hidden must be seen all the same."""
    git_folder: Callable[[Path], Path | None] = field(default=_no_git_folder)
    """The git folder of a worktree or of a clean checkout."""

    def insist(self, mode: str) -> str:
        """Confine from now on at least as strictly as this; why it can't be done, or nothing."""
        self.mode = max(self.mode, _known(mode), key=_STRICTNESS.index)
        if self.mode == "off":
            return ""
        if self.mode == "required" and self.trial.fault:
            raise NotConfinable(
                f"agents and checks are to run confined (confine = required), but {self.trial.fault}",
                hint="install bubblewrap (`penstock doctor` tries it), or set confine = auto in your own configuration",
            )
        return self.trial.fault

    @property
    def is_on(self) -> bool:
        """Whether processes are confined."""
        return self.mode != "off" and not self.insist(self.mode)

    def confine(self, request: Request, worktree: Path, lent: tuple[str, ...] = ()) -> Request:
        """The request as it is to be carried out: confined to the worktree, with a home folder of its own.

        What is `lent` of the user's home folder is there too, and can be written.
        """
        if not self.is_on:
            return request
        if worktree.is_symlink():
            raise WorktreeReplaced(f"{worktree} was to be worked in, and it is a link to {worktree.readlink()}")
        own = [request.folder / OWN_HOME, request.folder / "tmp"]
        for folder in own:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        git_folder = self.git_folder(worktree)
        confinement = Confinement(
            writable=(worktree, *([git_folder] if git_folder is not None else []), *own),
            readable=(*self.readable, request.folder, *self._programs(request)),
            hidden=(*self.hidden, *secrets_of(self.home)),
            lent=tuple((self.home / name, own[0] / name) for name in lent if (self.home / name).exists()),
        )
        environment = {**toolchains_of(self.home), **request.env}
        if environment.get("HOME", str(self.home)) == str(self.home):
            environment["HOME"] = str(own[0])
        words = tuple(confinement.arguments(self.trial.program, request.cwd.absolute()))
        return replace(request, env=environment, confinement=words)

    def _programs(self, request: Request) -> Iterator[Path]:
        """What is to be run, and what that is looked up in, where it lies in a place that is hidden."""
        named = [Path(word) for word in request.argv if word.startswith("/") and os.path.lexists(word)]
        searched = map(Path, filter(None, request.env.get("PATH", "").split(":")))
        for path in (*named, *searched, Path(sys.prefix), Path(sys.base_prefix), _PACKAGE):
            if is_out_of_sight(path, self.hidden):
                yield path


def _known(mode: str) -> Mode:
    return next(known for known in _STRICTNESS if known == mode)


def unconfined() -> Confiner:
    """A confiner that leaves all as it is."""
    return Confiner(trial=Trial({}), mode="off")
