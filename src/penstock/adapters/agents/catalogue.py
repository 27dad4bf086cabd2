"""Which agents there are and how each is made: the user's own, the built-in ones, then tool profiles of type `ai`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.agents.aider import Aider
from penstock.adapters.agents.claude import Claude
from penstock.adapters.agents.codex import Codex
from penstock.adapters.agents.command import CommandAgent, profile_of
from penstock.adapters.agents.opencode import Opencode
from penstock.adapters.agents.program import Program, ProgramAgent
from penstock.adapters.agents.scripted import ScriptedAgent, read_script
from penstock.adapters.agents.settings import BUILT_IN, AgentSettings, AgentsSettings
from penstock.domain.errors import UserError
from penstock.domain.tools import ToolProfile, ToolType

if TYPE_CHECKING:
    from penstock.adapters.agents.settings import Kind
    from penstock.adapters.agents.surroundings import Surroundings
    from penstock.domain.plan import Workstream
    from penstock.ports import Agent

SCRIPTED = "scripted"
BOTH = ("openai", "anthropic")
"""What a command that is given a way to the models may speak."""


class UnknownAgent(UserError):
    """A name that is neither an agent's nor that of a tool of type `ai`."""


class AgentSettingsUnfit(UserError):
    """An agent is configured as it can't be."""


def agent_names(settings: AgentsSettings, profiles: Mapping[str, ToolProfile]) -> list[str]:
    """The agents that could be named."""
    return sorted({*settings.agents, *BUILT_IN, SCRIPTED, *_tools(profiles)})


def agent_of(
    name: str, settings: AgentsSettings, surroundings: Surroundings, workstream: Workstream | None = None
) -> Agent:
    """The agent of that name; a scripted one plays what the workstream brings, if it brings anything."""
    own = settings_of(name, settings, surroundings.profiles)
    kind = own.kind_of(name)
    if kind == SCRIPTED:
        return _scripted(own, surroundings, workstream)
    if kind == "command":
        return _command(name, own, surroundings, is_configured=name in settings.agents)
    if own.bypasses:
        raise AgentSettingsUnfit(
            f'the agent "{name}" is given {", ".join(own.bypasses)}, by which its calls would go past the gateway',
            hint=f"take it out of [agents.{name}] env: keys and addresses belong under [upstreams]",
        )
    if kind == "model":
        if surroundings.direct is None:
            raise AgentSettingsUnfit(f'the agent "{name}" is one direct call, which nothing here can make')
        return surroundings.direct(name, own)
    return ProgramAgent(name=name, program=program_of(kind, own), settings=own, surroundings=surroundings)


def settings_of(name: str, settings: AgentsSettings, profiles: Mapping[str, ToolProfile]) -> AgentSettings:
    """What is configured of an agent, or goes without saying; an error that lists all if there is none."""
    if name in settings.agents:
        return settings.agents[name]
    if name == SCRIPTED or name in BUILT_IN:
        return AgentSettings()
    if name in profiles:
        return AgentSettings(tool=name)
    own = sorted({*settings.agents, *BUILT_IN, SCRIPTED})
    raise UnknownAgent(
        f'there is no agent "{name}"; agents are: {", ".join(own)}; '
        f"tools of type ai: {', '.join(_tools(profiles)) or 'none'}",
        hint=f"declare [agents.{name}] in your own configuration, or name another one as `tool`",
    )


def program_of(kind: Kind, settings: AgentSettings) -> Program:
    """What is particular about one of the known programs."""
    programs: dict[str, Program] = {
        "aider": Aider(profiles=settings.profiles),
        "claude": Claude(),
        "codex": Codex(),
        "opencode": Opencode(),
    }
    return programs[kind]


def _tools(profiles: Mapping[str, ToolProfile]) -> list[str]:
    return sorted(name for name, profile in profiles.items() if profile.type is ToolType.AI)


def _command(name: str, settings: AgentSettings, surroundings: Surroundings, *, is_configured: bool) -> CommandAgent:
    # A profile that stands in for an agent is named by the plan, and its commands were trusted with the project.
    of_project = surroundings.of_project if is_configured else ()
    return CommandAgent(
        name=name,
        profile=profile_of(name, settings, surroundings.profiles, of_project=of_project),
        launcher=surroundings.launcher,
        environ=surroundings.environ,
        redactor=surroundings.redactor,
        model=settings.model,
        protocols=BOTH if settings.gateway else (),
        max_calls=settings.max_calls or 0,
        idle_timeout=settings.idle_timeout,
        output_limit=surroundings.output_limit,
        confiner=surroundings.confiner,
        lent=settings.home,
    )


def _scripted(settings: AgentSettings, surroundings: Surroundings, workstream: Workstream | None) -> ScriptedAgent:
    script = None if workstream is None else dict(workstream.origin.get("metadata") or {}).get("scripted")
    agent = ScriptedAgent(
        launcher=surroundings.launcher,
        environ=surroundings.environ,
        redactor=surroundings.redactor,
        scripts={} if script is None or workstream is None else {workstream.id: script},
        common=read_script(Path(settings.script)) if settings.script else None,
        output_limit=surroundings.output_limit,
        confiner=surroundings.confiner,
    )
    if workstream is not None:
        agent.script_of(workstream.id)
    return agent
