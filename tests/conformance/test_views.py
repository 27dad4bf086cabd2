"""What may be asked of a store that keeps rows: plain values, in fixed shapes."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

import pytest
from journal_driving import START, UNDOING, Drive, HandClock, run_of, workstream

from penstock.domain import events
from penstock.domain.changes import Finding
from penstock.domain.commands import StartStep
from penstock.domain.errors import UserError
from penstock.domain.run import Policy
from penstock.ports import UnknownRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.store.opening import Database
    from penstock.domain.commands import Command
    from penstock.ports import Entry, NewRun


def new() -> NewRun:
    return run_of(workstream("a"), workstream("b", depends_on=("ws-a",), gate=2, compensation=UNDOING), name="run-1")


class Stored:
    """A run that is driven and committed, event by event."""

    def __init__(self, database: Database, made: NewRun) -> None:
        self.database, self.drive = database, Drive(run=made.run)
        asyncio.run(database.journal.create(made))
        asyncio.run(database.journal.claim(made.run.id))

    def commit(self, entries: Sequence[Entry], acknowledged: Sequence[str] = ()) -> None:
        asyncio.run(self.database.journal.commit(self.drive.run.id, 1, entries, acknowledged))

    def give(self, event: events.Event, command: Command | None = None) -> None:
        self.commit([self.drive.give(event, answering=None if command is None else command.key)])

    def start(self) -> StartStep:
        found = [command for command in self.drive.open.values() if isinstance(command, StartStep)]
        return found[0]


@pytest.fixture
def stored(database: Database) -> Stored:
    stored = Stored(database, new())
    stored.give(events.RunStarted(base="base"))
    return stored


def test_a_run_is_told_in_one_fixed_shape(stored: Stored) -> None:
    stored.commit(stored.drive.happily())
    told = stored.database.views.run("run-1")
    assert json.loads(json.dumps(told)) == told
    workstreams = told.pop("workstreams")
    assert told == {
        "run_id": "run-1",
        "project": "demo",
        "status": "completed",
        "reason": None,
        "sentence": "of 2 workstreams 2 done",
        "branch": "penstock/run-1",
        "base": "base",
        "head": stored.drive.run.head,
        "published": stored.drive.run.head,
        "publication": "",
        "confinement": {"confined": 2, "unconfined": 0},
        "usage": {
            **dict.fromkeys(("calls", "input_tokens", "output_tokens", "price_unknown", "estimated"), 0),
            "cost_usd": None,
        },
        "pipeline_id": None,
        "generation": 1,
        "created_at": "2026-11-20T08:00:00.000Z",
        "started_at": "2026-11-20T08:00:01.501Z",
        "updated_at": told["completed_at"],
        "completed_at": f"{stored.drive.now.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
        "counts": {"done": 2},
        "metadata": {"title": "a plan", "workstreams": 2},
    }
    assert workstreams[1] == {
        "ws_id": "ws-b",
        "title": "B",
        "status": "done",
        "outcome": "merged",
        "reason": None,
        "sentence": "",
        "delay": "",
        "depends_on": ["ws-a"],
        "after": [],
        "gate": 2,
        "attempts": {"edit": 1, "static": 1, "runtime": 1, "integrate": 1},
        "round": 1,
        "base": workstreams[1]["base"],
        "candidate": workstreams[1]["candidate"],
        "weakened_tests": ["tests/a.py: test test_x removed"],
        "test_gates": [{"type": "GATE_UNIT", "required": True, "blocking": False}],
        "compensation": [
            {"kind": "command", "text": "make down"},
            {"kind": "prose", "text": "tell ü"},
            {"kind": "command", "text": "rm x"},
        ],
    }
    assert workstreams[1]["base"].startswith("commit-")
    assert workstreams[1]["candidate"].startswith("commit-")


def test_the_gate_of_a_workstream_that_waits_for_one_in_a_higher_gate_is_the_higher_one(database: Database) -> None:
    made = run_of(workstream("a"), workstream("b", depends_on=("ws-c",)), workstream("c", gate=3), name="run-1")
    told = Stored(database, made).database.views.run("run-1")
    assert {one["ws_id"]: one["gate"] for one in told["workstreams"]} == {"ws-a": 1, "ws-b": 3, "ws-c": 3}


def test_verdicts_and_projects_are_told(stored: Stored) -> None:
    assert stored.database.views.verdicts("run-1") == []
    stored.commit(stored.drive.happily())
    told = stored.database.views.verdicts("run-1")
    assert [(one["branch"], one["members"]) for one in told] == [
        ("penstock/run-1", ["ws-a"]),
        ("penstock/run-1", ["ws-b"]),
    ]
    assert (told[0]["parent"], told[1]["parent"]) == ("base", told[0]["commit"])
    assert told[1]["commit"] == stored.drive.run.head
    assert all(one["tree"] for one in told)
    assert [one["id"] for one in stored.database.views.projects()] == ["demo"]
    with pytest.raises(UserError):
        stored.database.views.verdicts("nobody")


def test_a_run_that_goes_on_has_no_end_and_a_new_end_has_its_own_time(stored: Stored) -> None:
    red = events.OutOfScope(violations=())
    start = stored.start()
    stored.give(events.StepFinished(workstream="ws-a", attempt=start.attempt, outcome=red), start)
    ended = stored.database.views.run("run-1")
    assert (ended["status"], ended["reason"]) == ("failed", "policy_violation")
    assert ended["counts"] == {"failed": 1, "blocked": 1}
    stored.give(events.PauseAsked())
    assert stored.database.views.run("run-1")["completed_at"] == ended["completed_at"]
    stored.give(events.ResetAsked(workstream="ws-a"))
    going = stored.database.views.run("run-1")
    assert (going["status"], going["completed_at"], going["started_at"]) == ("running", None, ended["started_at"])
    start = stored.start()
    stored.give(events.StepFinished(workstream="ws-a", attempt=start.attempt, outcome=red), start)
    assert stored.database.views.run("run-1")["completed_at"] > ended["completed_at"]


def test_a_run_that_ends_again_within_one_commit_has_the_time_of_its_last_end(stored: Stored) -> None:
    drive, entries = stored.drive, []
    for _ in range(2):
        start = stored.start()
        outcome = events.OutOfScope(violations=())
        event = events.StepFinished(workstream="ws-a", attempt=start.attempt, outcome=outcome)
        entries.append(drive.give(event, answering=start.key))
        entries.append(drive.give(events.ResetAsked(workstream="ws-a")))
    stored.commit(entries[:1])
    first = stored.database.views.run("run-1")["completed_at"]
    stored.commit(entries[1:3])
    told = stored.database.views.run("run-1")
    assert told["status"] == "failed"
    assert told["completed_at"] > first


def test_a_run_that_was_ended_before_it_began_was_never_started(database: Database) -> None:
    stored = Stored(database, new())
    stored.give(events.AbandonAsked())
    told = database.views.run("run-1")
    assert (told["status"], told["started_at"]) == ("abandoned", None)
    assert told["completed_at"] is not None


def test_runs_are_listed_newest_first_and_by_project(database: Database, clock: HandClock) -> None:
    for number in (1, 2, 3):
        clock.at = START.replace(hour=8 + number)
        asyncio.run(database.journal.create(run_of(workstream("a"), name=f"run-{number}")))
    assert [run["run_id"] for run in database.views.runs(limit=2)] == ["run-3", "run-2"]
    assert [run["run_id"] for run in database.views.runs(before="run-3", limit=1)] == ["run-2"]
    assert database.views.runs(before="run-1") == []
    with pytest.raises(UnknownRun):
        database.views.runs(before="nobody")
    assert database.views.runs(project="another") == []
    assert len(database.views.runs(project="demo")) == 3
    assert [run["run_id"] for run in database.views.runs(workstream="ws-a", limit=1)] == ["run-3"]
    assert database.views.runs(workstream="ws-b") == []
    told = database.views.run("run-2")
    del told["workstreams"], told["confinement"], told["usage"]
    assert database.views.runs()[1] == told


def test_a_run_that_has_not_ended_is_found_behind_newer_ones_that_have(database: Database, clock: HandClock) -> None:
    asyncio.run(database.journal.create(run_of(workstream("b"), name="run-0")))
    for number in (1, 2):
        clock.at = START.replace(hour=12 + number)
        Stored(database, run_of(workstream("a"), name=f"run-{number}")).give(events.AbandonAsked())
    assert [run["run_id"] for run in database.views.runs(limit=1)] == ["run-2"]
    assert [run["run_id"] for run in database.views.runs(is_unfinished=True, limit=1)] == ["run-0"]
    assert [run["run_id"] for run in database.views.runs(workstream="ws-b", limit=1)] == ["run-0"]
    assert database.views.runs(workstream="ws-b\udcff") == []


def test_an_unknown_run_is_refused_with_the_newest_ones(database: Database, clock: HandClock) -> None:
    with pytest.raises(UserError, match="no run is stored yet"):
        database.views.run("run-1")
    for number in range(1, 6):
        clock.at = START.replace(hour=8 + number)
        asyncio.run(database.journal.create(run_of(workstream("a"), name=f"run-{number}")))
    views = database.views
    for ask in (views.run, views.errors, views.events, views.attempts):
        with pytest.raises(UserError, match=r"there is no run 'run-x'; the newest are run-5, run-4, run-3\n"):
            ask("run-x")


def test_errors_are_counted_by_signature(stored: Stored, clock: HandClock) -> None:
    for _ in range(2):
        start = stored.start()
        outcome = events.Red(findings=(Finding(code="timeout", text="too slow"),))
        stored.give(events.StepFinished(workstream="ws-a", attempt=start.attempt, outcome=outcome), start)
    (error,) = stored.database.views.errors("run-1")
    assert len(error.pop("signature")) > 10
    assert error == {
        "ws_id": "ws-a",
        "step": "edit",
        "error_code": "timeout",
        "count": 2,
        "message": "too slow",
        "first_seen_at": "2026-11-20T08:00:03.002Z",
        "last_seen_at": "2026-11-20T08:00:04.503Z",
    }


def test_events_are_paged_by_their_ids_and_kept_apart_by_workstream(stored: Stored) -> None:
    stored.commit(stored.drive.happily())
    views = stored.database.views
    everything = views.events("run-1")
    assert [event["id"] for event in everything] == sorted(event["id"] for event in everything)
    pages, after = [], 0
    while page := views.events("run-1", after=after, limit=7):
        pages += page
        after = page[-1]["id"]
    assert pages == everything
    assert everything[0] == {
        "id": everything[0]["id"],
        "timestamp": "2026-11-20T08:00:01.501Z",
        "run_id": "run-1",
        "ws_id": None,
        "event_type": "run_started",
        "payload": {"base": "base"},
        "is_input": True,
        "refused": None,
    }
    assert everything[1]["event_type"] == "run_status_changed"
    assert everything[1]["payload"].items() >= {"from": "pending", "to": "running"}.items()
    only = views.events("run-1", workstream="ws-b")
    assert {event["ws_id"] for event in only} == {"ws-b"}
    assert len(only) == sum(event["ws_id"] == "ws-b" for event in everything) > 5


def test_an_illegal_move_is_an_event_that_survives_beside_its_refusal(stored: Stored) -> None:
    stored.commit(stored.drive.happily())
    last = stored.database.views.events("run-1")[-1]["id"]
    entry = stored.drive.give(events.RunStarted(base="again"))
    assert entry.illegal is not None
    stored.commit([entry])
    refused, illegal = stored.database.views.events("run-1", after=last)
    assert (refused["event_type"], refused["is_input"]) == ("run_started", True)
    assert refused["refused"] == "run can't go from completed to started"
    assert (illegal["event_type"], illegal["is_input"]) == ("illegal_transition", False)
    assert illegal["payload"] == {"entity": "run", "from": "completed", "to": "started"}


def test_attempts_are_told_with_how_they_ended(stored: Stored) -> None:
    start = stored.start()
    stored.give(events.StepInterrupted(workstream="ws-a", attempt=start.attempt, asked=False), start)
    stored.commit(stored.drive.happily(most=1))
    lost, edited, running = stored.database.views.attempts("run-1")
    assert (lost["status"], lost["retry"], lost["result"]["lost"]) == ("interrupted", 0, True)
    assert edited == {
        "id": edited["id"],
        "ws_id": "ws-a",
        "step": "edit",
        "round": 1,
        "attempt": 1,
        "retry": 1,
        "status": "success",
        "started_at": "2026-11-20T08:00:03.002Z",
        "completed_at": "2026-11-20T08:00:04.503Z",
        "start": "base",
        "candidate": "commit-1",
        "tree": "tree-1",
        "confined": None,
        "result": {"paths": ["a b", "ü"], "litter": [], "weakened_tests": ["tests/a.py: test test_x removed"]},
    }
    assert (running["status"], running["completed_at"], running["result"]) == ("running", None, None)


def test_a_request_tells_what_became_of_it(stored: Stored, clock: HandClock) -> None:
    journal, views = stored.database.journal, stored.database.views
    clock.at = START.replace(hour=9)
    number = asyncio.run(journal.post("run-1", events.Approved(workstream="ws-a", by="ann")))
    told = views.request(number)
    assert (told["taken_at"], told["refused"], told["created_at"]) == (None, None, "2026-11-20T09:00:00.000Z")
    assert (told["run_id"], told["type"], told["payload"]["by"]) == ("run-1", "approved", "ann")
    stored.commit([stored.drive.give(events.Approved(workstream="ws-a", by="ann"), request=number)])
    told = views.request(number)
    assert told["taken_at"] == "2026-11-20T08:00:03.002Z"
    assert told["refused"] == "ws-a is editing, not waiting for a review"
    with pytest.raises(UserError, match="there is no request 99"):
        views.request(99)


def test_what_a_person_decided_is_a_row(database: Database) -> None:
    stored = Stored(database, run_of(workstream("a"), policy=Policy(review=True)))
    stored.give(events.RunStarted(base="base"))
    stored.commit(stored.drive.happily())
    assert database.views.run("run-1")["counts"] == {"reviewing": 1}
    stored.give(events.Approved(workstream="ws-a", by="ann", note="fine"))
    with database.reader.connect() as connection:
        found = connection.exec_driver_sql("SELECT ws_id, gate, decision, decided_by, note FROM approvals").all()
    assert [tuple(row) for row in found] == [("ws-a", 0, "approved", "ann", "fine")]


def test_names_that_no_database_can_hold_name_nothing(stored: Stored) -> None:
    odd, views = "\ud800\0", stored.database.views
    assert views.runs(project=odd) == views.runs(pipeline=odd) == views.runs(workstream=odd) == []
    assert views.events("run-1", workstream=odd) == views.usage(project=odd) == []
    with pytest.raises(UnknownRun):
        views.usage(run=odd)


def test_a_path_that_is_no_text_is_told_as_every_client_can_hold_it(stored: Stored) -> None:
    stored.give(events.EnvironmentBroke(workstream="ws-a", sentence="src/\udcff is gone"))
    told = stored.database.views.events("run-1")
    assert "src/\\udcff is gone" in [row["payload"].get("sentence") for row in told]
    assert json.dumps(told, ensure_ascii=False).encode()


def test_any_thread_may_ask_while_the_journal_writes(stored: Stored) -> None:
    told: list[list[str]] = []

    def ask() -> None:
        told.extend([[run["run_id"] for run in stored.database.views.runs()] for _ in range(20)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        stored.give(events.PauseAsked())
        stored.give(events.ResumeAsked())
    for thread in threads:
        thread.join()
    assert told == [["run-1"]] * 80
