"""Runs that are begun and looked at, performed in this process without a terminal."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Desk


@pytest.mark.slow
def test_a_run_is_announced_reported_and_shown(ask: Any, desk: Desk) -> None:
    desk.bundle("one")
    desk.bundle("two", depends_on=["ws-one"])
    ask("trust")
    before = desk.git("rev-parse", "main")
    asked = ask("run", "--run-id", "mine")
    assert asked.code == 0, asked.out + asked.err
    assert "branch  penstock/mine" in asked.out
    assert "git merge --ff-only penstock/mine" in asked.out
    assert desk.git("rev-parse", "main") == before
    assert desk.git("show", "penstock/mine:two.txt") == "two"
    assert ask("show-run", "--json").json[0]["run_id"] == "mine"
    view = ask("show-run", "--id", "mine", "--json").json
    assert [row["outcome"] for row in view["workstreams"]] == ["merged", "merged"]
    assert ask("show-run", "latest", "--markdown").out.startswith("# Run mine: completed")
    assert "level 2\n  ws-two  done  needs ws-one" in ask("show-dag").out
    assert [row["ws_id"] for row in ask("show-dag", "--json").json["workstreams"]] == ["ws-one", "ws-two"]
    assert ask("show-errors", "--run", "mine").out == "no errors in mine\n"
    assert ask("show-errors", "--run", "mine", "--json").json == []
    events = [json.loads(text) for text in ask("show-events", "--ws", "ws-one", "--json").out.splitlines()]
    assert {event["ws_id"] for event in events} == {"ws-one"}
    assert ask("show-events", "--ws", "ws-none").code == 2
    assert ask("follow", "mine").code == 0
    assert ask("run", "--run-id", "mine").code == 2


@pytest.mark.slow
def test_a_run_for_programs_prints_one_object_on_each_line(ask: Any, desk: Desk) -> None:
    desk.bundle("one")
    ask("trust")
    lines = [json.loads(text) for text in ask("run", "--json").out.splitlines()]
    assert lines[0]["event_type"] == "run_submitted"
    assert {"step_start", "run_status_changed"} <= {one["event_type"] for one in lines[1:-1]}
    assert (lines[-1]["status"], lines[-1]["exit_code"]) == ("completed", 0)


def test_a_dry_run_shows_order_settings_and_prompts_and_stores_nothing(ask: Any, desk: Desk) -> None:
    desk.bundle("one", tasks=["Say \x1b[2Jhello"])
    for arguments, environ in ((["run", "--dry-run"], {}), (["run"], {"PIPELINE_DRY_RUN": "1"})):
        shown = ask(*arguments, **environ)
        assert shown.code == 0, shown.err
        assert "| - Say hello" in shown.out
        assert "\x1b" not in shown.out
        assert "1.  ws-one  agent scripted" in shown.out
    assert "prompt" in ask("run", "--dry-run", "--json").json["workstreams"][0]
    assert ask("show-run", "--json").json == []
    assert desk.git("branch", "--list", "penstock/*") == ""


def test_a_project_that_is_not_trusted_runs_nothing(ask: Any, desk: Desk, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    desk.write("penstock.toml", f'[checks]\ntests = "touch {canary}"\n')
    desk.bundle("one")
    desk.commit()
    refused = ask("run")
    assert refused.code == 2
    assert str(canary) in refused.err
    assert "penstock trust" in refused.err
    shown = ask("trust", "--show")
    assert str(canary) in shown.out
    assert "not agreed to yet" in shown.out
    assert ask("run", "--dry-run").code == 0
    assert ask("trust").code == 0
    assert "agreed to already" in ask("trust", "--show").out
    assert not canary.exists()


def test_settings_are_shown_with_their_origin(ask: Any, desk: Desk) -> None:
    desk.write("penstock.toml", "[executor]\nmax_parallel = 7\n")
    rows = {row["key"]: row for row in ask("config", "show", "--json").json}
    assert rows["executor.max_parallel"] == {"key": "executor.max_parallel", "value": 7, "origin": "penstock.toml"}
    assert "executor.max_parallel" in ask("config", "show").out
    desk.write("penstock.toml", "[executor]\nmax_paralel = 7\n")
    wrong = ask("config", "show")
    assert wrong.code == 2
    assert "max_parallel" in wrong.err


def test_no_agent_is_the_environments_fault(ask: Any, desk: Desk) -> None:
    desk.bundle("one", tool=None, capability="code_generation")
    assert ask("run").code in (2, 3)
    assert ask("show-run", "--json").json == []


def test_another_database_can_be_named(ask: Any, desk: Desk, tmp_path: Path) -> None:
    desk.bundle("one")
    ask("trust")
    other = tmp_path / "other.db"
    assert ask("run", "--db", str(other)).code == 0
    assert other.is_file()
    assert ask("show-run", "--json").json == []
    assert len(ask("show-run", "--json", PENSTOCK_DATABASE=str(other)).json) == 1


def test_a_migration_of_the_database_is_said_once(ask: Any, desk: Desk) -> None:
    assert ask("show-run", "--json").err == ""
    with closing(sqlite3.connect(Path(desk.environ["PENSTOCK_HOME"]) / "penstock.db")) as connection:
        connection.execute("UPDATE schema_meta SET value = '0'")
        connection.commit()
    told = ask("show-run", "--json")
    assert told.json == []
    assert "penstock.db was migrated from version 0 to" in told.err
    assert ask("show-run", "--json").err == ""


def test_an_address_of_a_database_is_no_file(ask: Any, desk: Desk, tmp_path: Path) -> None:
    desk.bundle("one")
    ask("trust")
    refused = ask("run", "--db", "mysql://ann:s3cret-word@host/db")
    assert refused.code == 2
    assert "an address that begins with mysql:// can't be used" in refused.err
    assert "s3cret" not in refused.err + refused.out
    assert not [path for path in tmp_path.rglob("*") if "mysql" in path.name]


def test_a_plan_in_a_project_that_was_never_trusted_does_not_run(ask: Any, desk: Desk) -> None:
    desk.bundle("one")
    refused = ask("run")
    assert refused.code == 2
    assert "never trusted" in refused.err
    assert ask("show-run", "--json").json == []
    assert ask("run", "--dry-run").code == 0


def test_worktrees_are_made_through_no_link_of_the_project(ask: Any, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.gitignore").write_text("mine\n")
    (desk.project / ".worktrees").symlink_to(tmp_path / "other")
    desk.write("penstock.toml", 'worktree_root = "project"\n')
    desk.bundle("one")
    desk.commit()
    ask("trust")
    refused = ask("run")
    assert refused.code == 2
    assert "is a link to" in refused.err
    assert [path.name for path in (tmp_path / "other").iterdir()] == [".gitignore"]
    assert (tmp_path / "other/.gitignore").read_text() == "mine\n"


@pytest.mark.parametrize("change", ["add a login", "..", "\u00e9"])
def test_a_change_may_be_called_anything(ask: Any, desk: Desk, change: str) -> None:
    desk.bundle("one", openspec_change=change)
    ask("trust")
    assert ask("run").code == 0
