"""Any command as an agent, called by a tool profile. The prompt goes by file, never in the arguments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from penstock.adapters.agents.attempt import (
    GRACE,
    KEY_NAME,
    URL_NAME,
    Manner,
    own_folder,
    run_attempt,
    started_as,
    write_prompt,
)
from penstock.adapters.agents.verdicts import by_exit_code
from penstock.adapters.agents.watching import Watch
from penstock.adapters.processes.confiner import Confiner, unconfined
from penstock.adapters.processes.request import Request
from penstock.domain.errors import UserError
from penstock.domain.tools import ToolProfile, ToolType, render

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from penstock.adapters.agents.settings import AgentSettings
    from penstock.adapters.processes.launcher import Launcher
    from penstock.domain.redaction import Redactor
    from penstock.ports import AgentReport, AgentTask


class AgentProfileUnfit(UserError):
    """An agent was to be called by something that can't edit."""


def profile_of(
    name: str, settings: AgentSettings, profiles: Mapping[str, ToolProfile], *, of_project: Collection[str] = ()
) -> ToolProfile:
    """The profile by which an agent is called: its own command, or a tool profile of type `ai`.

    `of_project` names the profiles that a project's file gives: they may say how the user's agent is called, not which
    binary it is.
    """
    if settings.command:
        words = (*settings.command[1:], *settings.args)
        own = ToolProfile(type=ToolType.AI, command=settings.command[0], args=words, env=settings.env)
        return replace(own, memory_mb=_memory(settings, own))
    tool = settings.tool or name
    profile = profiles.get(tool)
    if profile is None or profile.type is not ToolType.AI:
        fit = ", ".join(sorted(key for key, item in profiles.items() if item.type is ToolType.AI)) or "none"
        found = "is not there" if profile is None else f"has the type {profile.type}"
        raise AgentProfileUnfit(
            f'the agent "{name}" is called by the tool profile "{tool}", which {found}; of type ai: {fit}',
            hint=f"give [agents.{name}] a command or a tool of type ai in your own configuration",
        )
    if tool in of_project and not settings.binary:
        raise AgentProfileUnfit(
            f'the agent "{name}" would run {profile.command}, which only the project\'s profile "{tool}" names',
            hint=f'set [agents.{name}] binary = "{profile.command}" in your own configuration if you want that',
        )
    return replace(
        profile,
        command=settings.binary or profile.command,
        args=(*profile.args, *settings.args),
        env={**profile.env, **settings.env},
        memory_mb=_memory(settings, profile),
    )


def _memory(settings: AgentSettings, profile: ToolProfile) -> int:
    return profile.memory_mb if settings.memory_mb is None else settings.memory_mb


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAgent:
    """One configured command."""

    name: str
    profile: ToolProfile
    launcher: Launcher
    environ: Mapping[str, str]
    redactor: Redactor
    model: str = ""
    protocols: tuple[str, ...] = ()
    """What it can speak with a model; any, if it is given a way to the gateway."""
    max_calls: int = 0
    idle_timeout: float | None = None
    """The limit of its own settings."""
    output_limit: int = field(default=4 * 1024 * 1024)
    confiner: Confiner = field(default_factory=unconfined)
    lent: tuple[str, ...] = ()
    """What of the user's home folder it may use though it is confined."""

    @property
    def is_contained(self) -> bool:
        """Only where it is confined: else it may have left something that still writes."""
        return self.confiner.is_on

    @property
    def memory_mb(self) -> int:
        """What its profile says."""
        return self.profile.memory_mb

    async def work(self, task: AgentTask) -> AgentReport:
        """Write the prompt beside the attempt's records and run the command in the worktree."""
        limit = task.idle_timeout if self.idle_timeout is None else self.idle_timeout
        manner = Manner(
            judge=by_exit_code(self.profile.success_criteria),
            watch=Watch(visit=task.visit, idle_timeout=limit),
            redactor=self.redactor,
        )
        return await run_attempt(self.launcher, task.folder, partial(self._request, task), manner)

    def _request(self, task: AgentTask) -> Request:
        temporary = own_folder(task.folder)
        prompt_file = write_prompt(task)
        rendered = render(self.name, self.profile, self._values(task, prompt_file))
        argv, env = started_as(rendered.argv, task, self.environ, temporary, {**rendered.env, **_gateway(task)})
        request = Request(
            argv=argv,
            cwd=task.worktree,
            env=env,
            folder=task.folder,
            marker=task.marker,
            timeout=min(task.timeout, self.profile.timeout or task.timeout),
            output_limit=self.output_limit,
            grace=GRACE,
            redact=() if task.visit is None else (task.visit.access.key,),
        )
        return self.confiner.confine(request, task.worktree, self.lent)

    def _values(self, task: AgentTask, prompt_file: Path) -> dict[str, str]:
        here = str(task.worktree)
        places = {"cwd": here, "repo_root": here, "worktree_path": here}
        values = {**places, "prompt_file": str(prompt_file), "message": f"{task.step} {task.workstream.id}"}
        if task.visit is not None:
            access = task.visit.access
            return {**values, "model_name": access.model, "gateway_url": access.base_url, "gateway_key": access.key}
        return {**values, "model_name": self.model} if self.model else values


def _gateway(task: AgentTask) -> dict[str, str]:
    """The way to the models, for a command that was given one."""
    if task.visit is None:
        return {}
    return {URL_NAME: task.visit.access.base_url, KEY_NAME: task.visit.access.key}
