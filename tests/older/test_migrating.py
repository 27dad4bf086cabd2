"""The script that takes over what is there: it says first, stores only when asked, and finds its own work again."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from combine_store import EPIC, combine_store

ROOT = Path(__file__).resolve().parents[2]
OLD_EPIC = {
    "description": "Add a health check",
    "acceptance_criteria": ["GET answers 200"],
    "scope": {"in_scope": ["An endpoint"], "out_of_scope": ["A page"]},
    "business_goals": ["Trust"],
}


class Desk:
    """A project, and the script run in it."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.environ = {
            **kept,
            "HOME": str(folder),
            "PENSTOCK_HOME": str(folder / "state"),
            "PYTHONIOENCODING": "cp1252",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        identity = ["-c", "user.name=T", "-c", "user.email=t@localhost"]
        for words in (["init", "-q", "-b", "main"], ["commit", "-qm", "one", "--allow-empty"]):
            subprocess.run(["git", *identity, *words], cwd=self.project, env=self.environ, check=True)

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / script), *arguments],
            cwd=self.project, env=self.environ, capture_output=True, text=True, encoding="cp1252", check=False,
            timeout=100,
        )  # fmt: skip

    def migrate(self, source: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(Path("scripts/migrate_to_json.py"), str(source), *arguments)

    def ask(self, *arguments: str):
        told = self.run(Path("manage.py"), *arguments)
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.slow
def test_a_database_is_taken_over_once_and_stays_as_it_was(desk: Desk, tmp_path: Path) -> None:
    place = combine_store(
        tmp_path / "old.db",
        [("pip_1", "epic", EPIC), ("pip_2", "epic", OLD_EPIC), ("pip_2", "qa_report", {"passed": "perhaps"})],
        [("pip_1", "complete"), ("pip_2", "qa_phase")],
    )
    before = hashlib.sha256(place.read_bytes()).hexdigest()
    told = desk.migrate(place)
    assert told.returncode == 1
    assert "2 pipelines would be stored; 1 thing could not be taken" in told.stdout
    assert "not taken: old.db: artifact art_2" in told.stdout
    assert "--apply" in told.stderr
    assert desk.ask("epic", "list", "--json") == []
    stored = json.loads(desk.migrate(place, "--apply", "--json").stdout)
    assert stored["stored"] is True
    assert {one["pipeline_id"]: one["artifacts"] for one in stored["pipelines"]} == {
        "pip_1": ["epic"],
        "pip_2": ["epic"],
    }
    assert desk.ask("artifacts", "pip_1")["epic"]["title"] == "Basic stats"
    taken = desk.ask("epic", "show", "pip_2", "--json")
    assert (taken["state"], taken["description"]) == ("ba_phase", "The wish of pip_2")
    assert (desk.ask("artifacts", "pip_2", "epic")["out_of_scope"], taken["artifacts"][0]["origin"]) == (
        ["A page"],
        "human",
    )
    again = desk.migrate(place, "--apply")
    assert "0 pipelines stored" in again.stdout
    assert hashlib.sha256(place.read_bytes()).hexdigest() == before


@pytest.mark.slow
def test_epics_in_prose_become_pipelines_that_go_on_at_the_architect(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "epics"
    folder.mkdir()
    text = "# Größere Schrift →\n\nMan soll es lesen.\n\n## Stories\n### One\nAs me.\n- es geht\n\n**Estimate:** 1 h\n"
    (folder / "EPIC-7.md").write_text(text, encoding="utf-8")
    told = desk.migrate(folder, "--apply")
    assert (told.returncode, "1 pipeline stored" in told.stdout) == (0, True)
    (pipeline,) = desk.ask("epic", "list", "--json")
    assert (pipeline["epic_id"], pipeline["state"], pipeline["status"]) == ("EPIC-7", "arch_phase", "active")


@pytest.mark.slow
def test_a_file_of_which_nothing_could_be_taken_can_be_mended_and_taken_later(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "epic.json"
    place.write_text(json.dumps({**EPIC, "epic_id": "E", "stories": [{"id": 1}]}))
    told = desk.migrate(place, "--apply")
    assert (told.returncode, "0 pipelines stored" in told.stdout) == (1, True)
    assert desk.ask("epic", "list", "--json") == []
    place.write_text(json.dumps({**EPIC, "epic_id": "E"}))
    assert desk.migrate(place, "--apply").returncode == 0
    assert [one["state"] for one in desk.ask("epic", "list", "--json")] == ["arch_phase"]


@pytest.mark.slow
def test_a_pipeline_goes_on_after_the_last_artifact_that_was_taken_whatever_it_is_called(
    desk: Desk, tmp_path: Path
) -> None:
    component = {
        "name": "Stats",
        "purpose": "Adds up",
        "file_path": "stats.py",
        "test_count": 1,
        **{key: [] for key in ("responsibilities", "dependencies", "public_interface", "error_handling")},
    }
    notes = {"components": [component], "adrs": [], "test_strategy": {}, "acceptance_criteria": ["It adds"]}
    place = tmp_path / "epic.json"
    place.write_text(json.dumps({"epic": {**EPIC, "epic_id": "E"}, "arch_spec": {**notes, "epic_id": "E"}}))
    told = desk.migrate(place, "--apply", "--json")
    assert [one["artifacts"] for one in json.loads(told.stdout)["pipelines"]] == [["epic", "arch_notes"]]
    assert [one["state"] for one in desk.ask("epic", "list", "--json")] == ["ba_phase"]


@pytest.mark.slow
def test_two_pipelines_of_one_name_are_one_and_the_other_is_told(desk: Desk, tmp_path: Path) -> None:
    """The Combine's own tables let pipelines without an id in."""
    place = combine_store(tmp_path / "old.db", [], [("pip_1", "complete")])
    connection = sqlite3.connect(place)
    for made in ("2025-01-02T00:00:00", "0001-01-01T00:00:00+14:00"):
        connection.execute("insert into pipelines values (null, 'E', 'idle', '', '1', ?, '', null, '{}')", (made,))
    connection.commit()
    connection.close()
    told = desk.migrate(place, "--apply", "--json")
    assert told.returncode == 1, told.stderr
    said = json.loads(told.stdout)
    assert [one["epic_id"] for one in said["pipelines"]] == ["EPIC-pip_1", "E"]
    assert said["unread"] == ["old.db: pipeline : another pipeline is called the same"]


def test_what_is_not_there_is_wrong_use(desk: Desk, tmp_path: Path) -> None:
    told = desk.migrate(tmp_path / "nowhere")
    assert (told.returncode, "Traceback" in told.stderr) == (2, False)
    assert "nowhere" in told.stderr
