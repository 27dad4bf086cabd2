"""Puts the processes of one project under confinement, as strictly as was asked and as far as the machine can.

What an agent or a check may write: its worktree with that worktree's git folder, a temporary and a home folder of its
own. What it can't see: Penstock's state, other worktrees, and where the user keeps keys.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from penstock.adapters.processes.outlook import Outlook
from penstock.adapters.processes.trial import Trial
from penstock.domain.errors import WorldError

if TYPE_CHECKING:
    from penstock.adapters.processes.request import Request

Mode = Literal["off", "auto", "required"]
OWN_HOME = "home"
"""The name, in the folder of its records, of a confined process's home folder."""
_STRICTNESS: tuple[Mode, ...] = get_args(Mode)


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
    environ: Mapping[str, str] = field(default_factory=dict)
    """The user's too: it may say that keys lie elsewhere than in that home."""
    hidden: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    """What of the hidden must be seen all the same."""
    checkout: Path | None = None
    """The user's own, whose settings are nothing for agents."""
    git_folder: Callable[[Path], Path | None] = field(default=_no_git_folder)
    """The git folder of a worktree or of a clean checkout."""
    _outlook: Outlook = field(init=False)

    def __post_init__(self) -> None:
        self._outlook = Outlook(
            home=self.home,
            hidden=self.hidden,
            readable=self.readable,
            environ=self.environ,
            checkout=self.checkout,
        )

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

    def hides(self, path: Path) -> bool:
        """Whether what lies at a path that leads through no link is out of sight for a confined process."""
        return self.is_on and self._outlook.hides(path)

    def confine(
        self, request: Request, worktree: Path, lent: tuple[str, ...] = (), shown: tuple[Path, ...] = ()
    ) -> Request:
        """The request as it is to be carried out: confined to the worktree, with a home folder of its own.

        What is `lent` of the user's home folder is there too, and can be written; what is `shown` can be read, though
        it lies where all else is hidden.
        """
        if not self.is_on:
            return request
        if worktree.is_symlink():
            raise WorktreeReplaced(f"{worktree} was to be worked in, and it is a link to {worktree.readlink()}")
        folder = _real(request.folder)
        own = [_made(f"{folder}/{name}") for name in (OWN_HOME, "tmp")]
        git_folder = self.git_folder(worktree)
        sight = self._outlook.sight(_named(request, worktree), request.env.get("PATH", ""))
        words = sight.confinement.arguments(
            self.trial.program,
            request.cwd.absolute(),
            readable=(folder, *map(_real, shown)),
            writable=(_real(worktree), *([_real(git_folder)] if git_folder is not None else []), *own),
            lent=[(_real(self.home / name), f"{own[0]}/{name}") for name in lent if (self.home / name).exists()],
        )
        environment = {**sight.toolchains, **request.env}
        if environment.get("HOME", str(self.home)) == str(self.home):
            environment["HOME"] = f"{request.folder}/{OWN_HOME}"
        return replace(request, env=environment, confinement=tuple(words))


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _made(folder: str) -> str:
    """The folder, which is no link to another place."""
    try:
        os.mkdir(folder, mode=0o700)  # noqa: PTH102 - of every launch
    except FileNotFoundError:
        os.makedirs(folder, mode=0o700)  # noqa: PTH103
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise
    return folder


def _named(request: Request, worktree: Path) -> tuple[str, ...]:
    """What a command names by its whole path, but for what lies where the process works: that is there anyway."""
    there = (f"{worktree}/", f"{request.folder}/")
    words = (word for word in request.argv if word.startswith("/"))
    return tuple(word for word in words if not (word.startswith(there) and os.path.realpath(word).startswith(there)))


def _known(mode: str) -> Mode:
    return next(known for known in _STRICTNESS if known == mode)


def unconfined() -> Confiner:
    """A confiner that leaves all as it is."""
    return Confiner(trial=Trial({}), mode="off")
