"""What is built for a user: the agents that can be named, the secrets that are known, and one place for all state."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from penstock.adapters.agents.command import CommandAgent
from penstock.adapters.agents.scripted import ScriptedAgent
from penstock.bootstrap import ProjectAdapters, UnknownAgent
from penstock.domain.plan import Scope, Workstream
from penstock.ports import Holder
from service_support import Desk, awaited

OWN = """
[agents.mine]
command = ["{python}", "{{prompt_file}}"]
env = {{ MY_TOKEN = "token-of-the-agent" }}
[agents.played]
kind = "scripted"
script = "{script}"
[tools.helper]
type = "ai"
command = "helper"
"""


def one(agent: str, **metadata: object) -> Workstream:
    return Workstream(
        id="ws-a", tasks=("do it",), scope=Scope(files=("a",)), agent=agent, origin={"metadata": metadata}
    )


def desk_with_agents(folder: Path) -> Desk:
    desk = Desk(folder)
    script = folder / "script.json"
    script.write_text('[[{"write": {"path": "a", "content": "x"}}]]')
    place = desk.home / ".config" / "penstock"
    place.mkdir(parents=True)
    (place / "config.toml").write_text(OWN.format(python=sys.executable, script=script))
    return desk


@awaited
async def test_an_agent_is_the_users_or_a_tool_or_an_error_that_lists_them(tmp_path: Path) -> None:
    penstock = desk_with_agents(tmp_path).penstock()
    project = penstock.projects.current()
    async with penstock.parts.project(project.id, project.path, penstock.parts.settings({})) as parts:
        assert isinstance(parts, ProjectAdapters)
        assert {"helper", "mine", "played", "scripted"} <= set(parts.agent_names())
        assert isinstance(parts.agent(one("mine")), CommandAgent)
        assert isinstance(parts.agent(one("helper")), CommandAgent)
        assert isinstance(parts.agent(one("played")), ScriptedAgent)
        script = [[{"write": {"path": "a", "content": "x"}}]]
        assert isinstance(parts.agent(one("scripted", scripted=script)), ScriptedAgent)
        with pytest.raises(UnknownAgent, match=r'ws-a can.t be worked on: there is no agent "nobody"; .*mine'):
            parts.agent(one("nobody"))
        assert parts.workspace is parts.history is parts.repository


@awaited
async def test_what_is_given_to_an_agent_is_known_as_a_secret(tmp_path: Path) -> None:
    penstock = desk_with_agents(tmp_path).penstock(API_KEY="key-of-the-user")
    project = penstock.projects.current()
    async with penstock.parts.project(project.id, project.path, penstock.parts.settings({})) as parts:
        said = parts.redactor.redact("key-of-the-user and token-of-the-agent")
    assert said == "[redacted] and [redacted]"


@awaited
async def test_a_run_has_one_owner_among_all_homes_that_share_a_database(tmp_path: Path) -> None:
    one, two = Desk(tmp_path / "one"), Desk(tmp_path / "two")
    for name in ("penstock.db", "shared.db"):
        shared = {"PENSTOCK_DATABASE": str(one.home / name)}
        first, second = one.penstock(**shared), two.penstock(**shared)
        held = await first.parts.locks.acquire("run-1")
        assert not isinstance(held, Holder)
        assert isinstance(await second.parts.locks.acquire("run-1"), Holder)
        held.release()
        for penstock in (first, second):
            await penstock.close()


@awaited
async def test_worktrees_lie_outside_the_project_unless_it_wants_them_inside(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    penstock = desk.penstock()
    project = penstock.projects.current()
    for text, root in (("", desk.home), ('worktree_root = "project"\n', desk.project)):
        settings = penstock.parts.settings({"penstock.toml": text.encode()})
        async with penstock.parts.project(project.id, project.path, settings) as parts:
            assert parts.workspace.settings.worktree_root.is_relative_to(root)


@awaited
async def test_what_was_opened_is_closed_and_nothing_was_opened_unasked(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    penstock = desk.penstock()
    assert not (desk.home / "penstock.db").exists()
    assert penstock.parts.views.runs() == []
    await penstock.close()
    assert (desk.home / "penstock.db").exists()
    await penstock.close()
