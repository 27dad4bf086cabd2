"""What is found at a place, and what can't be read there: nothing of it is ever changed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from combine_store import EPIC, combine_store

from penstock.domain.errors import UserError
from penstock.older.sources import kind_of, read


def test_a_database_of_the_combine_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    place = combine_store(
        tmp_path / "old.db",
        [("pip_1", "epic", EPIC), ("pip_2", "epic", "# prose"), ("pip_2", "epic", [1]), ("gone", "epic", EPIC)],
        [("pip_1", "complete"), ("pip_2", "ba_phase")],
    )
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    reading = read(place)
    assert [(one.id, one.state, one.description) for one in reading.pipelines] == [
        ("pip_1", "complete", "The wish of pip_1"),
        ("pip_2", "ba_phase", "The wish of pip_2"),
    ]
    assert [len(one.artifacts) for one in reading.pipelines] == [1, 0]
    assert [text.partition(": ")[2] for text in reading.unread] == [
        "artifact art_1 is no JSON",
        "artifact art_2 is no JSON object",
        "artifacts of gone, which is not in it",
    ]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()} == before


def test_what_its_last_writer_left_in_the_log_is_read_too(tmp_path: Path) -> None:
    place = combine_store(tmp_path / "old.db", [], [])
    writer = sqlite3.connect(place)
    writer.execute("pragma journal_mode = wal")
    writer.execute("insert into pipelines (pipeline_id, epic_id, state) values ('pip_9', 'E', 'idle')")
    writer.commit()
    assert [one.id for one in read(place).pipelines] == ["pip_9"]
    writer.close()


def test_what_its_last_writer_did_not_come_to_the_end_of_is_not_read(tmp_path: Path) -> None:
    place = combine_store(tmp_path / "old.db", [], [("pip_1", "complete")])
    writer = sqlite3.connect(place)
    writer.execute("pragma cache_size = 2")
    writer.execute("update pipelines set state = 'failed'")
    writer.executemany(
        "insert into artifacts (artifact_id, payload) values (?, ?)", ((n, "x" * 3000) for n in range(300))
    )
    assert [one.state for one in read(place).pipelines] == ["complete"]
    writer.rollback()
    writer.close()


@pytest.mark.parametrize("statement", ["drop table artifacts", "alter table artifacts rename to papers"])
def test_another_database_is_refused(statement: str, tmp_path: Path) -> None:
    place = combine_store(tmp_path / "old.db", [], [])
    with sqlite3.connect(place) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(UserError, match="no database of the Combine"):
        read(place)


def test_views_in_place_of_tables_and_torn_files_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "odd.db"
    with sqlite3.connect(place) as connection:
        connection.execute("create view pipelines as select 1 as pipeline_id")
    connection.close()
    with pytest.raises(UserError, match="no database of the Combine"):
        read(place)
    place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(UserError):
        read(place)


def test_files_are_gathered_under_the_epics_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(EPIC))
    (tmp_path / "b.json").write_text(json.dumps({"arch_spec": {"epic_id": "EPIC-1", "components": []}}))
    (tmp_path / "c.json").write_text(json.dumps([{"passed": True, "issues": []}]))
    (tmp_path / "d.md").write_text("# No stories")
    (tmp_path / "e.json").write_text("{")
    (tmp_path / "f.json").write_text('{"colour": 1}')
    (tmp_path / "g.bin").write_text("not looked at")
    (tmp_path / "h.json").symlink_to("/etc/passwd")
    (tmp_path / "i.json").write_bytes(b"\xff\xfe")
    reading = read(tmp_path)
    assert [(one.epic_id, [artifact.type for artifact in one.artifacts]) for one in reading.pipelines] == [
        ("EPIC-1", ["epic", "arch_spec", "qa_result"])
    ]
    assert [text.split()[0] for text in reading.unread] == ["d.md", "e.json", "f.json", "i.json"]


def test_what_belongs_to_nobody_is_named(tmp_path: Path) -> None:
    (tmp_path / "qa.json").write_text(json.dumps({"passed": True, "issues": []}))
    assert read(tmp_path / "qa.json").unread == ("qa.json: the qa_result names no epic_id, and there are 0 epics here",)


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (("title", "stories"), "epic"),
        (("description", "scope", "acceptance_criteria"), "epic"),
        (("components", "adrs"), "arch_notes"),
        (("workstreams",), "ba_spec"),
        (("files", "test_files"), "proposed_change_set"),
        (("story_id", "changes", "tests"), "proposed_change_set"),
        (("passed", "issues"), "qa_result"),
        (("passed_criteria", "failed_criteria", "recommendation"), "qa_result"),
        (("success", "message"), "commit_result"),
        (("colour",), None),
    ],
)
def test_the_type_of_an_artifact_is_known_by_its_keys(keys: tuple[str, ...], kind: str | None) -> None:
    assert kind_of(dict.fromkeys(keys)) == kind


def test_a_place_with_nothing_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError):
            read(place)
