"""Which agent a name stands for, and what of the settings contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.adapters.agents.catalogue import AgentSettingsUnfit, UnknownAgent, agent_names, agent_of
from penstock.adapters.agents.command import AgentProfileUnfit, CommandAgent
from penstock.adapters.agents.program import ProgramAgent
from penstock.adapters.agents.scripted import ScriptedAgent, ScriptInvalid
from penstock.adapters.agents.settings import BUILT_IN, AgentSettings, AgentsSettings
from penstock.adapters.agents.surroundings import Surroundings
from penstock.domain.plan import Scope, Workstream
from penstock.domain.redaction import Redactor
from penstock.domain.tools import ToolProfile, ToolType
from penstock.ports import Agent

PROFILES = {
    "aider": ToolProfile(type=ToolType.AI, command="aider"),
    "helper": ToolProfile(type=ToolType.AI, command="helper", args=("--quiet",)),
    "ruff": ToolProfile(type=ToolType.STATIC_CHECK, command="ruff"),
}


def around(**more: Any) -> Surroundings:
    return Surroundings(launcher=None, environ={}, redactor=Redactor(), profiles=PROFILES, **more)  # type: ignore[arg-type]  # nothing is started


def made(agent: str, surroundings: Surroundings | None = None, **agents: AgentSettings) -> Agent:
    return agent_of(agent, AgentsSettings(agents=agents), surroundings or around())


@pytest.mark.parametrize("name", ["aider", "claude", "codex", "opencode"])
def test_the_known_programs_need_no_configuration(name: str) -> None:
    agent = made(name)
    assert isinstance(agent, ProgramAgent)
    assert agent.program.name == name
    assert agent.protocols


def test_an_agent_may_be_of_a_known_kind_under_a_name_of_its_own() -> None:
    agent = made("cheap", cheap=AgentSettings(kind="claude", model="small"))
    assert isinstance(agent, ProgramAgent)
    assert (agent.name, agent.program.name, agent.model) == ("cheap", "claude", "small")


def test_settings_for_a_known_name_are_settings_of_that_kind() -> None:
    agent = made("aider", aider=AgentSettings(model="gpt", binary="/opt/aider"))
    assert isinstance(agent, ProgramAgent)
    assert agent.settings.binary == "/opt/aider"


@pytest.mark.parametrize(
    "settings", [AgentSettings(tool="aider"), AgentSettings(command=("aider",)), AgentSettings(kind="command")]
)
def test_who_says_how_a_known_name_is_called_gets_a_command(settings: AgentSettings) -> None:
    assert isinstance(made("aider", aider=settings), CommandAgent)


def test_a_tool_of_type_ai_stands_in_for_an_agent() -> None:
    agent = made("helper")
    assert isinstance(agent, CommandAgent)
    assert (agent.profile.command, agent.protocols) == ("helper", ())


def test_a_command_that_is_given_a_way_to_the_models_speaks_both_protocols() -> None:
    own = AgentSettings(command=("x",), gateway=True, max_calls=5, idle_timeout=7.0, args=("--more",))
    agent = made("mine", mine=own)
    assert isinstance(agent, CommandAgent)
    assert (agent.protocols, agent.max_calls, agent.idle_timeout) == (("openai", "anthropic"), 5, 7.0)
    assert agent.profile.args == ("--more",)


def test_arguments_of_the_users_come_after_those_of_the_profile() -> None:
    agent = made("mine", mine=AgentSettings(tool="helper", args=("--more",)))
    assert isinstance(agent, CommandAgent)
    assert agent.profile.args == ("--quiet", "--more")


def test_a_projects_profile_may_not_say_which_binary_a_configured_agent_is() -> None:
    with pytest.raises(AgentProfileUnfit, match="only the project's profile"):
        made("mine", around(of_project={"helper"}), mine=AgentSettings(tool="helper"))


@pytest.mark.parametrize("name", ["nobody", ""])
def test_a_name_that_is_nobodys_is_an_error_that_lists_agents_and_tools(name: str) -> None:
    with pytest.raises(UnknownAgent, match=r"agents are: aider, .*mine.*; tools of type ai: aider, helper"):
        made(name, mine=AgentSettings(command=("x",)))


def test_a_tool_that_can_not_edit_is_no_agent() -> None:
    with pytest.raises(AgentProfileUnfit, match="has the type static_check"):
        made("ruff")


@pytest.mark.parametrize(
    "variable", ["ANTHROPIC_AUTH_TOKEN", "OPENAI_BASE_URL", "aider_model", "CLAUDE_CODE_USE_BEDROCK"]
)
def test_a_known_program_is_given_no_way_past_the_gateway(variable: str) -> None:
    with pytest.raises(AgentSettingsUnfit, match=variable):
        made("claude", claude=AgentSettings(env={variable: "x"}))
    assert isinstance(made("mine", mine=AgentSettings(command=("x",), env={variable: "x"})), CommandAgent)


def test_one_direct_call_is_made_by_whoever_can_apply_its_answer() -> None:
    agent = made("aider")
    asked: list[tuple[str, str]] = []

    def direct(name: str, settings: AgentSettings) -> Agent:
        asked.append((name, settings.model))
        return agent

    assert made("model", around(direct=direct), model=AgentSettings(model="strong")) is agent
    assert asked == [("model", "strong")]
    with pytest.raises(AgentSettingsUnfit, match="one direct call"):
        made("model")


def test_a_script_comes_from_the_workstream_and_is_checked() -> None:
    def of(script: object) -> Agent:
        origin = {"metadata": {"scripted": script}}
        workstream = Workstream(id="ws-a", tasks=("x",), scope=Scope(files=("a",)), origin=origin)
        return agent_of("scripted", AgentsSettings(), around(), workstream)

    assert isinstance(of([["nothing"]]), ScriptedAgent)
    with pytest.raises(ScriptInvalid, match="wrte"):
        of([["wrte"]])
    assert isinstance(made("scripted"), ScriptedAgent)


def test_all_that_could_be_named_are_listed_once() -> None:
    names = agent_names(AgentsSettings(agents={"mine": AgentSettings(), "aider": AgentSettings()}), PROFILES)
    assert names == sorted({*BUILT_IN, "scripted", "mine", "helper"})


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "claude", "command": ("x",)},
        {"kind": "codex", "tool": "x"},
        {"kind": "aider", "gateway": True},
        {"kind": "model", "args": ("x",)},
        {"kind": "scripted", "args": ("x",)},
        {"kind": "opencode", "script": "x"},
    ],
)
def test_settings_that_contradict_their_kind_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"leave out|played by"):
        AgentSettings(**fields)
