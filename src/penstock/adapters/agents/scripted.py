"""An agent that plays edits described as data, in a real process: for demo and tests. Runs only by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import yaml

from penstock.adapters.agents.attempt import GRACE, Manner, own_folder, run_attempt, started_as, write_prompt
from penstock.adapters.agents.scripted_player import script_of
from penstock.adapters.agents.scripts import turn_of, validate_script
from penstock.adapters.agents.verdicts import by_exit_code
from penstock.adapters.agents.watching import Watch
from penstock.adapters.processes.confiner import Confiner, unconfined
from penstock.adapters.processes.request import Request
from penstock.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.adapters.processes.launcher import Launcher
    from penstock.domain.redaction import Redactor
    from penstock.ports import AgentReport, AgentTask


class ScriptInvalid(UserError, ValueError):
    """A script that can't be played."""

    def __init__(self, workstream: str, problems: list[str]) -> None:
        self.workstream, self.problems = workstream, tuple(problems)
        super().__init__(
            f'the script for the workstream "{workstream}" can\'t be played: {"; ".join(problems)}',
            hint="write it as `metadata.scripted`: a list of turns, each a list of actions",
        )


class ScriptUnreadable(UserError):
    """A script file that is not there or holds no data."""


def read_script(path: Path) -> object:
    """The script in a YAML or JSON file of the user's."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ScriptUnreadable(f"the script {path} can't be read: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAgent:
    """Plays one script per workstream. `scripts` comes from the bundles, `common` from the user's own settings."""

    launcher: Launcher
    environ: Mapping[str, str]
    redactor: Redactor
    scripts: Mapping[str, object] = field(default_factory=dict)
    common: object = None
    memory_mb: int = 512
    protocols: tuple[str, ...] = ()
    model: str = ""
    max_calls: int = 0
    output_limit: int = 4 * 1024 * 1024
    confiner: Confiner = field(default_factory=unconfined)

    @property
    def is_contained(self) -> bool:
        """The script is data that its reader knows."""
        return True

    async def work(self, task: AgentTask) -> AgentReport:
        """Play the turn of this attempt in the worktree."""
        watch = Watch(visit=task.visit, idle_timeout=task.idle_timeout)
        manner = Manner(judge=by_exit_code(), watch=watch, redactor=self.redactor)
        return await run_attempt(self.launcher, task.folder, partial(self._request, task), manner)

    def script_of(self, workstream: str) -> object:
        """The script that a workstream is worked on by, checked."""
        script = self.scripts.get(workstream, self.common)
        problems = ["there is none"] if script is None else validate_script(script)
        if problems:
            raise ScriptInvalid(workstream, problems)
        return script

    def _request(self, task: AgentTask) -> Request:
        temporary = own_folder(task.folder)
        turn_file = task.folder / "turn"
        turn_file.write_bytes(script_of(turn_of(self.script_of(task.workstream.id), task.number)))
        write_prompt(task)
        argv, env = started_as(("/bin/sh", str(turn_file)), task, self.environ, temporary)
        request = Request(
            argv=argv,
            cwd=task.worktree,
            env=env,
            folder=task.folder,
            marker=task.marker,
            timeout=task.timeout,
            output_limit=self.output_limit,
            grace=GRACE,
        )
        return self.confiner.confine(request, task.worktree)
