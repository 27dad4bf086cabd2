"""What a run's report says, over the values that Views answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.reports import listing
from penstock.reports import run as report
from penstock.reports.notes import line, spoken


def workstream(name: str, status: str, **fields: Any) -> dict[str, Any]:
    return {
        "ws_id": name,
        "title": name,
        "status": status,
        "outcome": None,
        "reason": None,
        "sentence": "",
        "depends_on": [],
        "after": [],
        "gate": 1,
        "attempts": {},
        **fields,
    }


def a_run(status: str, *workstreams: dict[str, Any], **fields: Any) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for one in workstreams:
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    return {
        "run_id": "run-1",
        "project": "demo",
        "status": status,
        "reason": None,
        "sentence": "",
        "branch": "penstock/run-1",
        "base": "a" * 40,
        "head": "a" * 40,
        "published": "",
        "publication": "",
        "created_at": "2026-01-01T10:00:00.000Z",
        "started_at": "2026-01-01T10:00:00.000Z",
        "completed_at": None,
        "counts": counts,
        "workstreams": list(workstreams),
        **fields,
    }


MERGED = {"head": "b" * 40, "published": "b" * 40, "completed_at": "2026-01-01T10:03:12.000Z"}


def test_a_run_says_how_many_of_its_attempts_were_confined() -> None:
    def told(confined: int, unconfined: int) -> str:
        run = a_run("running", confinement={"confined": confined, "unconfined": unconfined})
        return next((line.strip() for line in report.as_text(run).splitlines() if "confinement" in line), "")

    assert told(0, 0) == ""
    assert told(3, 0) == "confinement  all 3 attempts confined"
    assert told(3, 1) == "confinement  1 of 4 attempts not confined"


def test_a_completed_run_shows_how_to_take_its_branch_and_runs_nothing() -> None:
    done = workstream("ws-a", "done", outcome="merged", attempts={"static": 2, "edit": 1, "fix": 1})
    text = report.as_text(a_run("completed", done, **MERGED))
    assert text.startswith("run run-1: completed\n")
    assert "git merge --ff-only penstock/run-1" in text
    assert "took 3 min 12 s" in text
    assert "merged   edit 1, static 2, fix 1" in text
    assert "resume" not in text


def test_a_failed_run_says_why_and_how_to_try_again() -> None:
    failed = workstream("ws-a", "failed", reason="checks_failed", sentence="tests stayed red")
    blocked = workstream("ws-b", "blocked", reason="dependency_failed", sentence="dependency failed: ws-a")
    text = report.as_text(a_run("failed", failed, blocked, reason="checks_failed", sentence="ws-a failed"))
    assert "checks_failed: ws-a failed" in text
    assert "checks_failed: tests stayed red" in text
    assert "penstock reset-workstream run-1 ws-a, then penstock resume run-1" in text
    assert "penstock show-errors run-1" in text


def test_a_spent_budget_says_whose_may_be_raised_and_how() -> None:
    steps = "\n".join(report.next_steps(a_run("failed", reason="budget_exhausted", pipeline_id="pip_one")))
    assert "penstock budget set --run run-1 --usd N" in steps
    assert "--pipeline pip_one is that of its epic, without --run it is the project's" in steps
    assert "--pipeline" not in "\n".join(report.next_steps(a_run("failed", reason="budget_exhausted")))


def test_a_branch_that_waits_says_why() -> None:
    waits = {**MERGED, "published": "", "publication": "penstock/run-1 is checked out in /x"}
    run = a_run("completed", workstream("ws-a", "done"), **waits)
    assert "the branch waits: penstock/run-1 is checked out in /x" in report.as_text(run)


def test_the_branch_of_an_epics_run_is_the_epics_affair() -> None:
    told = {
        "published": None,
        "publication": "penstock/pip_1 is pushed by the last phase of pip_1",
        "pipeline_id": "pip_1",
    }
    text = report.as_text(a_run(status="completed", **told))
    assert "the last phase of its epic pushes the branch: penstock epic show pip_1" in text
    assert "waits" not in text


def test_what_is_worth_knowing_of_a_branch_stands_where_the_way_to_take_it_over_would() -> None:
    text = report.as_text(a_run("completed", workstream("ws-a", "done"), publication="its base is gone", **MERGED))
    assert "  mind          its base is gone" in text
    assert "is in your repository" in text
    assert "merge --ff-only" not in text


def test_a_branch_that_is_not_at_its_head_in_the_users_repository_is_not_to_be_taken_over() -> None:
    text = report.as_text(a_run("abandoned", workstream("ws-a", "abandoned"), **{**MERGED, "published": "c" * 40}))
    assert f"the branch penstock/run-1 in your repository is at {'c' * 12}, and not yet at {'b' * 12}" in text
    assert "take it over" not in text


def test_a_run_without_an_owner_says_so_and_one_with_an_owner_names_it() -> None:
    run = a_run("running", workstream("ws-a", "editing"))
    assert "not being worked on; go on with: penstock resume run-1" in report.as_text(run)
    owned = report.as_text(run, holder="by process 7 on host", now=datetime(2026, 1, 1, 10, 0, 9, tzinfo=UTC))
    assert "worked on  by process 7 on host" in owned
    assert "for 9 s" in owned
    assert "resume" not in owned


def test_what_waits_for_a_person_is_said_with_its_command() -> None:
    review = a_run("running", workstream("ws-a", "reviewing"))
    assert "penstock approve run-1 ws-a" in report.as_text(review)
    gate = a_run("running", workstream("ws-a", "done"), workstream("ws-b", "ready", gate=2))
    assert report.waits_for(gate) == ["gate 2 waits for your approval: penstock approve run-1 --gate 2"]
    busy = a_run("running", workstream("ws-a", "editing"), workstream("ws-b", "ready", gate=2))
    assert report.waits_for(busy) == []
    first = a_run("running", workstream("ws-a", "ready"))
    assert report.waits_for(first) == []


def test_a_report_can_be_a_document_whose_cells_hold_no_marks() -> None:
    evil = workstream("ws-a", "failed", reason="error", sentence="a | b <script>\x1b[31m")
    page = report.as_markdown(a_run("failed", evil, reason="error", sentence="x"))
    assert "| ws-a | failed |" in page
    assert r"error: a \| b \<script\>" in page
    assert "\x1b" not in page


def test_the_graph_is_shown_in_levels() -> None:
    rows = (
        workstream("ws-a", "done"),
        workstream("ws-b", "failed", depends_on=["ws-a"], gate=2),
        workstream("ws-c", "blocked", depends_on=["ws-b"], after=["ws-a"]),
    )
    assert listing.dag_text(a_run("failed", *rows)).splitlines()[1:] == [
        "",
        "level 1",
        "  ws-a  done",
        "",
        "level 2",
        "  ws-b  failed  needs ws-a; gate 2",
        "",
        "level 3",
        "  ws-c  blocked  needs ws-b; after ws-a",
    ]


def test_runs_are_listed_with_why_they_did_not_complete() -> None:
    text = listing.runs_text([a_run("failed", workstream("ws-a", "failed"), reason="error", sentence="no space")])
    assert text.splitlines()[1] == "run-1  failed  0 of 1 done  2026-01-01 10:00:00  error: no space"


def test_an_error_is_shown_once_with_its_count_and_a_bounded_message() -> None:
    error = {
        "ws_id": "ws-a",
        "step": "static",
        "error_code": "non_zero_exit",
        "signature": "abcdef1234567890",
        "count": 3,
        "message": "\n".join(f"line {number}\x1b[2J" for number in range(20)),
        "first_seen_at": "2026-01-01T10:00:00.000Z",
        "last_seen_at": "2026-01-01T10:01:00.000Z",
    }
    lines = listing.errors_text([error]).splitlines()
    assert lines[0].startswith("ws-a static non_zero_exit  3 times, last 2026-01-01 10:01:00")
    assert lines[1] == "    line 0"
    assert lines[-1] == "    … and 14 more lines (--json has all)"


def test_moves_are_said_as_steps_with_their_result() -> None:
    words = spoken("workstream_status_changed", {"from": "static_check", "to": "fixing", "by": "check red"})
    assert words is not None
    assert line("12:00:00", "ws-a", words) == "12:00:00  ws-a              static     red"
    assert spoken("workstream_status_changed", {"from": "pending", "to": "ready", "by": "dependencies met"}) is None


def test_a_note_that_nobody_knows_is_shown_as_it_is() -> None:
    words = spoken("brand_new", {"a": 1, "b": "x\ny"})
    assert words is not None
    assert (words.step, words.result) == ("brand_new", "a 1, b x y")


def test_a_budgets_mark_and_a_usage_limit_are_said_whole() -> None:
    sentence = "scripted: its usage limit is reached; it is asked again at 2026-01-01 10:00:00 UTC" + " and so on" * 9
    told = spoken("budget_warning", {"level": "run", "mark": 80, "sentence": sentence})
    put_off = spoken("step_rate_limited", {"attempt": "edit-1", "sentence": sentence, "until": "later"})
    assert [(one.step, one.result, one.tone) for one in (told, put_off) if one] == [
        ("budget", sentence, "warn"),
        ("edit-1", f"waits: {sentence}", "warn"),
    ]


def test_what_was_undone_is_said_with_how_it_ended_or_why_it_was_not() -> None:
    said = [
        spoken("compensation_run", {"action": "make down", "exit_code": code, "sentence": sentence})
        for code, sentence in ((0, ""), (2, ""), (None, "no space\nhint: make room"))
    ]
    assert [(one.step, one.result, one.tone) for one in said if one] == [
        ("undo", "make down: exit code 0", ""),
        ("undo", "make down: exit code 2", "bad"),
        ("undo", "make down: not run: no space", "bad"),
    ]


def test_a_check_step_says_what_is_red_and_stops_nothing() -> None:
    words = spoken("step_end", {"step": "static", "status": "success", "not_blocking": ["GATE_SECURITY: scan"]})
    assert words is not None
    assert words.result == "red, and not blocking: GATE_SECURITY: scan"


def test_what_left_its_scope_is_named_and_bounded() -> None:
    violations = [{"path": f"p{number}", "rule": "out of scope"} for number in range(5)]
    words = spoken("scope_violation", {"violations": violations})
    assert words is not None
    assert words.result == "left its scope: p0: out of scope; p1: out of scope; p2: out of scope and 2 more"
    kept = spoken("scope_violation", {"violations": violations[:1], "patch": "/state/x.patch"})
    assert kept is not None
    assert kept.result == "left its scope: p0: out of scope; kept as /state/x.patch"


def test_an_event_that_was_refused_is_shown() -> None:
    event = {
        "timestamp": "2026-01-01T10:00:00.000Z",
        "ws_id": None,
        "event_type": "approved",
        "payload": {},
        "is_input": True,
        "refused": "ws-a is done",
    }
    shown = listing.event_line(event)
    assert shown is not None
    assert shown[0].endswith("approved  refused: ws-a is done")
    assert listing.event_line({**event, "refused": None}) is None


def test_a_red_command_gets_a_line_and_a_green_one_does_not() -> None:
    payload = {"attempt": "2.static-1", "kind": "static", "command": "pytest -q", "exit_code": 1, "passed": False}
    red, missing = spoken("tool_run", payload), spoken("tool_run", {**payload, "exit_code": -2})
    assert red is not None
    assert (red.step, red.result) == ("static", "pytest -q: exit code 1")
    assert missing is not None
    assert missing.result == "pytest -q: was not found"
    assert spoken("tool_run", {**payload, "exit_code": 0, "passed": True}) is None


def test_what_waits_for_the_machine_says_for_what() -> None:
    sentence = "the only slot for agents on this machine is in use: ws-b/edit-1 of run r2 (process 12)"
    waiting = workstream("ws-a", "editing", delay=sentence, attempts={"edit": 1})
    assert f"      waits: {sentence}" in report.as_text(a_run("running", waiting)).splitlines()
    assert "waits: the only slot for agents on this machine" in report.as_markdown(a_run("running", waiting))
    words = spoken("step_delayed", {"step": "edit", "attempt": "edit-1", "sentence": sentence})
    assert words is not None
    assert (words.step, words.result) == ("edit", f"waits: {sentence}")
    words = spoken("step_delayed", {"step": "edit", "attempt": "edit-1", "sentence": ""})
    assert words is not None
    assert words.result == "goes on"


@pytest.mark.parametrize("kind", ["scope_violation", "workstream_status_changed", "environment_broke", "fix_attempt"])
def test_what_others_claim_is_shown_as_said_whatever_its_shape(kind: str) -> None:
    words = spoken(kind, {"violations": "all", "findings": 7, "sentence": ["x"], "claimed": True})
    assert words is not None
    assert (words.step, words.tone) == (kind, "")
    assert words.result.endswith("claimed True")
