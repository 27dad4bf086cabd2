"""Runs played again: what can be, what can't, and what is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_server import ScriptedModels
from penstock.bootstrap import Penstock
from penstock.domain.errors import UserError
from penstock.submission import Submission
from sandbox_support import lay, scripts
from service_support import Desk, awaited, bundle

MODELS = """
[upstreams.scripted]
protocol = "anthropic"
base_url = "{address}"
key = "env:SCRIPTED_KEY"
price = {{ input = 3, output = 15 }}
[models]
only = "scripted/scripted-model"
[agents.model]
model = "only"
[gateway]
record = {record}
"""
KEY = {"SCRIPTED_KEY": "planted"}


async def ran(penstock: Penstock) -> str:
    submitted = await penstock.service.submit(Submission())
    await penstock.service.work(submitted.run_id)
    return submitted.run_id


def with_models(folder: Path, models: ScriptedModels, *, record: str) -> Desk:
    """A desk whose project is a sandbox, for an agent that is one direct call."""
    desk = Desk(folder)
    desk.project = lay("python-bug", folder / "sandbox", agent="model")
    file = desk.home / ".config" / "penstock" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(MODELS.format(address=models.base_url, record=record))
    return desk


@awaited
async def test_a_run_of_scripted_agents_is_played_again_to_the_same_trees_and_not_pushed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"), bundle("ws-b"))
    penstock = desk.trusted()
    run = await ran(penstock)
    found = await penstock.replays.replay(run)
    assert found.is_equal
    assert [(one.workstream, one.attempt) for one in found.comparisons] == [
        ("ws-a", "edit-1"),
        ("ws-b", "edit-1"),
        ("", "branch"),
    ]
    assert all(one.tree == one.tree_now != "" for one in found.comparisons)
    assert desk.git("branch", "--list", "penstock/*", "--format=%(refname:short)") == f"penstock/{run}"
    view = penstock.parts.views.run(found.replay_id)
    assert "is a replay of" in view["publication"]
    with pytest.raises(UserError, match="is itself a replay"):
        await penstock.replays.replay(found.replay_id)
    await penstock.close()


@awaited
async def test_what_is_not_there_or_never_began_can_not_be_played(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a")).trusted()
    with pytest.raises(UserError, match="no run is stored yet"):
        await penstock.replays.replay("run-1")
    await penstock.close()


@awaited
async def test_a_direct_call_is_played_from_its_recording_without_a_model_or_a_key(tmp_path: Path) -> None:
    with ScriptedModels(tuple(scripts().values())) as models:
        desk = with_models(tmp_path, models, record="true")
        penstock = desk.trusted(**KEY)
        run = await ran(penstock)
        await penstock.close()
        asked = len(models.requests)
        penstock = desk.trusted()
        found = await penstock.replays.replay(run)
        assert found.is_equal
        assert [one.attempt for one in found.comparisons] == ["edit-1", "fix-1", "branch"]
        assert all(one.tree == one.tree_now != "" for one in found.comparisons)
        assert len(models.requests) == asked == 2
        await penstock.close()


@awaited
async def test_without_a_recording_the_replay_ends_and_is_not_equal(tmp_path: Path) -> None:
    with ScriptedModels(tuple(scripts().values())) as models:
        desk = with_models(tmp_path, models, record="false")
        penstock = desk.trusted(**KEY)
        run = await ran(penstock)
        asked = len(models.requests)
        found = await penstock.replays.replay(run)
        assert not found.is_equal
        assert (found.status, found.status_now) == ("completed", "abandoned")
        assert len(models.requests) == asked
        await penstock.close()
