"""An agent that is a program of somebody else and calls its models through the gateway.

What differs from one to the next is a `Program`: a few pure functions. What is the same stands here: its own home
folder, the prompt by file or standard input, the gateway's address and a key that is good for this attempt alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from penstock.adapters.agents import binaries
from penstock.adapters.agents.attempt import GRACE, Manner, own_folder, run_attempt, started_as, write_prompt
from penstock.adapters.agents.watching import Watch
from penstock.adapters.processes.confinement import toolchains_of
from penstock.adapters.processes.confiner import OWN_HOME
from penstock.adapters.processes.request import Request
from penstock.domain.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.agents.settings import AgentSettings
    from penstock.adapters.agents.surroundings import Surroundings
    from penstock.adapters.agents.verdicts import Said, Verdict
    from penstock.domain.plan import Scope
    from penstock.ports import Access, AgentReport, AgentTask

MOST_FILES = 200
LONGEST_FILES = 64 * 1024
"""So much of the argument list may the names of declared files take."""
_GLOB = frozenset("*?[]{}!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the call of a program is made of. No prompt: it goes by file or by standard input."""

    access: Access
    folder: Path
    """The attempt's own."""
    home: Path
    prompt_file: Path
    files: tuple[str, ...] = ()
    """Declared files that are there, relative to the worktree."""
    title: str = ""
    is_confined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a program is started for one attempt."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    """What must be written before, for its owner alone."""
    reads_prompt: bool = False
    """Whether the prompt is its standard input; else that is empty."""


class Program(Protocol):
    """What is particular about one agent's program."""

    @property
    def name(self) -> str:
        """What it is called, and its binary too."""
        ...

    @property
    def version(self) -> str:
        """The one that all this was tried with."""
        ...

    @property
    def protocols(self) -> tuple[str, ...]:
        """What it can speak with a model, the best first."""
        ...

    @property
    def memory_mb(self) -> int:
        """How much it takes."""
        ...

    @property
    def marks(self) -> tuple[str, ...]:
        """Files that it always puts into git's own folder, and which are taken out again behind it."""
        ...

    def call(self, job: Job) -> Call:
        """How to start it."""
        ...

    def judge(self, said: Said) -> Verdict:
        """What its output proves."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramAgent:
    """One agent of that kind."""

    name: str
    program: Program
    settings: AgentSettings
    surroundings: Surroundings

    @property
    def is_contained(self) -> bool:
        """Only where it is confined: else it may have left something that still writes."""
        return self.surroundings.confiner.is_on

    @property
    def memory_mb(self) -> int:
        """What its settings say, or else what it was seen to take."""
        own = self.settings.memory_mb
        return self.program.memory_mb if own is None else own

    @property
    def protocols(self) -> tuple[str, ...]:
        """What it can speak with a model."""
        return self.program.protocols

    @property
    def model(self) -> str:
        """The model of its settings."""
        return self.settings.model

    @property
    def max_calls(self) -> int:
        """The cap of its settings."""
        return self.settings.max_calls or 0

    async def work(self, task: AgentTask) -> AgentReport:
        """Start it in the worktree, with nothing of the user's but what its settings name."""
        if task.visit is None:
            raise Bug(f"the agent {self.name} calls models and was given no way to one")
        manner = Manner(
            judge=self.program.judge,
            watch=Watch(visit=task.visit, idle_timeout=self.settings.idle_limit(task)),
            redactor=self.surroundings.redactor,
        )
        made = partial(self._request, task, task.visit.access)
        try:
            return await run_attempt(self.surroundings.launcher, task.folder, made, manner)
        finally:
            self._unmark(task.worktree)

    def _unmark(self, worktree: Path) -> None:
        # The folder is found by our own layout, never by what the worktree says of it.
        folder = self.surroundings.confiner.git_folder(worktree)
        if folder is None or folder.is_symlink():
            return
        for name in self.program.marks:
            with contextlib.suppress(OSError):
                (folder / name).unlink()

    def _request(self, task: AgentTask, access: Access) -> Request:
        temporary, home = own_folder(task.folder), _own_home(task.folder)
        prompt_file = write_prompt(task)
        call = self.program.call(self._job(task, access, home, prompt_file))
        for path, content in call.files.items():
            _write(path, content)
        binary = self._binary()
        argv, env = started_as(
            (binary.path, *call.arguments, *self.settings.args),
            task,
            self.surroundings.environ,
            temporary,
            {**self._toolchains(), **self.settings.env, "HOME": str(home), **call.variables},
        )
        request = Request(
            argv=argv,
            cwd=task.worktree,
            env=env,
            folder=task.folder,
            marker=task.marker,
            timeout=task.timeout,
            output_limit=self.surroundings.output_limit,
            stdin=prompt_file if call.reads_prompt else None,
            grace=GRACE,
            redact=(access.key,),
        )
        return self.surroundings.confiner.confine(request, task.worktree, self.settings.home, binary.shown)

    def _job(self, task: AgentTask, access: Access, home: Path, prompt_file: Path) -> Job:
        return Job(
            access=access,
            folder=task.folder,
            home=home,
            prompt_file=prompt_file,
            files=declared_files(task.worktree, task.workstream.scope),
            title=f"{task.step} {task.workstream.id}",
            is_confined=self.surroundings.confiner.is_on,
        )

    def _binary(self) -> binaries.Binary:
        found = self.surroundings.binary(self.program.name, self.settings.binary)
        if found is None:  # the launcher says that there is none
            return binaries.Binary(path=self.settings.binary or self.program.name)
        return binaries.placed(found, self.surroundings.confiner)

    def _toolchains(self) -> dict[str, str]:
        # Its home is not the user's, and what it runs must find what is installed there all the same.
        home = self.surroundings.environ.get("HOME")
        return toolchains_of(Path(home)) if home else {}


def declared_files(worktree: Path, scope: Scope) -> tuple[str, ...]:
    """The files that a scope names one by one, as far as they are there and lie in the worktree."""
    found: list[str] = []
    root, length = os.path.realpath(worktree), 0
    for name in dict.fromkeys((*scope.files, *scope.create)):
        path = worktree / name
        if _GLOB & set(name) or path.is_symlink() or not path.is_file():
            continue
        if os.path.commonpath((root, os.path.realpath(path))) != root:
            continue
        length += len(os.fsencode(name)) + 1
        if len(found) == MOST_FILES or length > LONGEST_FILES:
            break
        found.append(f"./{name}" if name.startswith("-") else name)
    return tuple(found)


def models_of(names: Sequence[str], model: str) -> dict[str, str]:
    """Variables that all name the one model: an agent's side roles must not ask for another."""
    return dict.fromkeys(names, model)


def _own_home(folder: Path) -> Path:
    home = folder / OWN_HOME
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
