"""What is found out about an agent before it works: its program, its version, and why it could not work."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from programs_support import install

from penstock.adapters.agents.catalogue import UnknownAgent
from penstock.adapters.agents.inspecting import AgentFacts, Inspector
from penstock.adapters.agents.settings import AgentSettings, AgentsSettings
from penstock.adapters.agents.surroundings import Surroundings
from penstock.domain.redaction import Redactor
from penstock.domain.tools import ToolProfile, ToolType

Launched = Callable[[Callable[[Any], Awaitable[Any]]], Any]
SAYS = '#!/bin/sh\necho x >> "{}"\necho "codex-cli {}"\n'


@pytest.fixture
def facts(tmp_path: Path, launched: Launched) -> Callable[..., list[AgentFacts]]:
    """What one inspector finds out about agents, one after another."""

    def of(*names: str, path: str = "/usr/bin:/bin", time_limit: float = 30.0, **agents: AgentSettings) -> Any:
        async def job(launcher: Any) -> list[AgentFacts]:
            surroundings = Surroundings(
                launcher=launcher,
                environ={"PATH": path, "HOME": "/nowhere"},
                redactor=Redactor(),
                agents_folder=tmp_path / "agents",
                profiles={"helper": ToolProfile(type=ToolType.AI, command="sh")},
            )
            inspector = Inspector(time_limit=time_limit)
            return [await inspector.inspect(name, AgentsSettings(agents=agents), surroundings) for name in names]

        return launched(job)

    return of


def test_a_program_is_asked_for_its_version_once(tmp_path: Path, facts: Callable[..., list[AgentFacts]]) -> None:
    asked = tmp_path / "asked"
    program = install(tmp_path / "agents", "codex", SAYS.format(asked, "0.169.0"))
    first, second = facts("codex", "codex")
    assert first == second
    assert (first.binary, first.version, first.expected) == (str(program), "0.169.0", "0.169.0")
    assert (first.is_usable, first.remark, first.protocols) == (True, "", ("openai",))
    assert asked.read_text() == "x\n"


def test_another_version_is_usable_and_said(tmp_path: Path, facts: Callable[..., list[AgentFacts]]) -> None:
    install(tmp_path / "agents", "codex", SAYS.format(os.devnull, "9.9.9"))
    (found,) = facts("codex")
    assert (found.is_usable, found.version, found.remark) == (True, "9.9.9", "it was tried with version 0.169.0")


def test_what_the_user_names_counts_before_what_is_installed_and_that_before_path(
    tmp_path: Path, facts: Callable[..., list[AgentFacts]]
) -> None:
    on_path = install(tmp_path / "path", "codex", SAYS.format(os.devnull, "1.0.0"))
    path = f"{on_path.parent}:/usr/bin:/bin"
    assert facts("codex", path=path)[0].version == "1.0.0"
    install(tmp_path / "agents", "codex", SAYS.format(os.devnull, "2.0.0"))
    assert facts("codex", path=path)[0].version == "2.0.0"
    named = install(tmp_path / "named", "codex", SAYS.format(os.devnull, "3.0.0"))
    assert facts("codex", path=path, codex=AgentSettings(binary=str(named)))[0].version == "3.0.0"


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("#!/bin/sh\nexit 1\n", "says no version"),
        ("#!/no/such/interpreter\n", "says no version"),
        (None, "there is no claude in the folder of agents"),
    ],
)
def test_what_can_not_be_used_is_said_why(
    tmp_path: Path, facts: Callable[..., list[AgentFacts]], script: str | None, fault: str
) -> None:
    if script:
        install(tmp_path / "agents", "claude", script)
    (found,) = facts("claude")
    assert not found.is_usable
    assert fault in found.fault


def test_a_program_that_never_answers_is_not_waited_for(tmp_path: Path, facts: Callable[..., list[AgentFacts]]) -> None:
    install(tmp_path / "agents", "claude", "#!/bin/sh\nexec sleep 60\n")
    (found,) = facts("claude", time_limit=0.2)
    assert "says no version" in found.fault


def test_a_binary_that_the_user_names_and_that_is_not_there_is_no_reason_to_take_another(
    tmp_path: Path, facts: Callable[..., list[AgentFacts]]
) -> None:
    install(tmp_path / "agents", "codex", SAYS.format(os.devnull, "0.169.0"))
    (found,) = facts("codex", codex=AgentSettings(binary="/no/such/codex"))
    assert (found.binary, found.fault) == ("", "there is no program /no/such/codex")


def test_a_key_among_an_agents_own_variables_makes_it_unusable(
    tmp_path: Path, facts: Callable[..., list[AgentFacts]]
) -> None:
    install(tmp_path / "agents", "codex", SAYS.format(os.devnull, "0.169.0"))
    (found,) = facts("codex", codex=AgentSettings(env={"OPENAI_API_KEY": "x"}))
    assert "OPENAI_API_KEY" in found.fault


def test_a_command_is_looked_for_and_not_started(tmp_path: Path, facts: Callable[..., list[AgentFacts]]) -> None:
    program = install(tmp_path, "mine", SAYS.format(tmp_path / "asked", "1.0.0"))
    found, absent, tool = facts(
        "mine",
        "gone",
        "helper",
        mine=AgentSettings(command=(str(program),), gateway=True),
        gone=AgentSettings(command=("no-such-program",)),
    )
    assert (found.kind, found.binary, found.is_usable) == ("command", str(program), True)
    assert found.protocols == ("openai", "anthropic")
    assert absent.fault == "its program no-such-program was not found on PATH"
    assert (tool.kind, tool.is_usable, tool.protocols) == ("command", True, ())
    assert not (tmp_path / "asked").exists()


def test_a_command_that_no_profile_describes_is_a_fault_and_no_error(facts: Callable[..., list[AgentFacts]]) -> None:
    (found,) = facts("mine", mine=AgentSettings(tool="nothing"))
    assert "which is not there" in found.fault


def test_what_starts_no_program_of_the_users_needs_none(facts: Callable[..., list[AgentFacts]]) -> None:
    model, scripted = facts("model", "scripted", model=AgentSettings(model="strong"))
    assert (model.is_usable, model.kind, model.model) == (True, "model", "strong")
    assert (scripted.is_usable, scripted.kind, scripted.protocols) == (True, "scripted", ())


def test_a_name_that_is_nobodys_is_an_error(facts: Callable[..., list[AgentFacts]]) -> None:
    with pytest.raises(UnknownAgent, match='there is no agent "nobody"'):
        facts("nobody")
