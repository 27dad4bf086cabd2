"""Everything that is stored comes back exactly, and what a newer Penstock wrote is refused in words."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.store import codec
from penstock.adapters.store.failures import DatabaseNewer, DatabaseUnreadable
from penstock.adapters.store.tables import as_text
from penstock.domain import commands, events
from penstock.domain.changes import Candidate, Finding, Verdict
from penstock.domain.checks import CheckResult
from penstock.domain.claims import ClaimedAttempt, ClaimedError, ClaimedEvent
from penstock.domain.errors import Bug, WorldError
from penstock.domain.plan import Acceptance, BreakerOverride, Plan, Scope, TestGate, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import AttemptId, Policy, Progress, Run, Step, new_run

EVENTS = get_args(events.Event)
COMMANDS = get_args(commands.Command)
SHORT = st.text(max_size=8)
RESULTS = st.builds(CheckResult, duration=st.floats(0, 1e9), signatures=st.tuples(SHORT))
OUTCOMES = {
    events.Passed: st.builds(events.Passed, results=st.tuples(RESULTS), not_checked=st.tuples(SHORT)),
    events.Red: st.builds(events.Red, results=st.tuples(RESULTS)),
}
SAID = st.dictionaries(SHORT, st.none() | st.booleans() | st.integers() | SHORT | st.lists(SHORT), max_size=2)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(fold=0))  # UTC has no folds
CLAIMED = {"payload": SAID, "result": SAID, "started_at": MOMENTS, "completed_at": MOMENTS}
OWN = {
    "at": MOMENTS,
    "until": MOMENTS,
    "not_before": st.none() | MOMENTS,
    "results": st.lists(RESULTS, max_size=2).map(tuple),
    "claims": st.lists(
        st.one_of(
            [
                st.builds(kind, **{one.name: CLAIMED[one.name] for one in fields(kind) if one.name in CLAIMED})
                for kind in (ClaimedEvent, ClaimedError, ClaimedAttempt)
            ]
        ),
        max_size=3,
    ).map(tuple),
    "outcome": st.one_of([OUTCOMES.get(kind, st.from_type(kind)) for kind in get_args(events.StepOutcome)]),
}


def values_of(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{one.name: OWN[one.name] for one in fields(kind) if one.name in OWN})


def seen(value: Any) -> str:
    """What a value is, to the last type: an enumeration is not its text, a list is not a tuple."""
    return repr(value).replace("TzInfo(0)", "datetime.timezone.utc")


@pytest.mark.parametrize("kind", EVENTS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    event = data.draw(values_of(kind))
    name, text = codec.EVENTS.name_of(event), codec.EVENTS.write(event)
    back = codec.EVENTS.read(name, events.VERSION, text)
    assert (back, seen(back)) == (event, seen(event))


@pytest.mark.parametrize("kind", COMMANDS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_command_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    command = data.draw(values_of(kind))
    name, text = codec.COMMANDS.name_of(command), codec.COMMANDS.write(command)
    back = codec.COMMANDS.read(name, commands.VERSION, text)
    assert (back, seen(back), back.key) == (command, seen(command), command.key)


@settings(max_examples=50, deadline=None)
@given(progress=st.from_type(Progress))
def test_progress_comes_back_as_it_was(progress: Progress) -> None:
    back = codec.PROGRESS.read(codec.PROGRESS.write(progress))
    assert (back, seen(back)) == (progress, seen(progress))


ORIGINS = st.dictionaries(SHORT, st.none() | st.booleans() | st.integers() | SHORT | st.lists(SHORT), max_size=2)
WORKSTREAMS = st.builds(
    Workstream,
    tasks=st.tuples(SHORT),
    scope=st.builds(Scope, files=st.tuples(SHORT)),
    acceptance=st.lists(st.from_type(Acceptance), max_size=2).map(tuple),
    test_gates=st.lists(st.from_type(TestGate), max_size=2).map(tuple),
    compensation=st.lists(st.from_type(Acceptance), max_size=2).map(tuple),
    breaker=st.from_type(BreakerOverride),
    origin=ORIGINS,
)
PLANS = st.builds(
    Plan,
    workstreams=st.lists(WORKSTREAMS, max_size=3).map(tuple),
    allowed_overlaps=st.frozensets(st.frozensets(SHORT, min_size=2, max_size=2), max_size=2),
)


@settings(max_examples=50, deadline=None)
@given(plan=PLANS, policy=st.from_type(Policy))
def test_a_plan_comes_back_as_it_was(plan: Plan, policy: Policy) -> None:
    stored = codec.Metadata(plan=plan, policy=policy, settings={"a": [1]}, documents=({"b": None},))
    back = codec.METADATA.read(codec.METADATA.write(stored))
    assert (back.plan, back.policy, back.settings) == (plan, policy, {"a": [1]})
    assert seen(back.plan.workstreams) == seen(plan.workstreams)
    assert {type(pair) for pair in (back.plan.allowed_overlaps, *back.plan.allowed_overlaps)} == {frozenset}


def test_a_frozen_mapping_is_stored_like_any_other() -> None:
    origin = MappingProxyType({"issue": 7, "nested": MappingProxyType({"a": 1})})
    workstream = Workstream(id="ws-a", tasks=("x",), scope=Scope(files=("a",)), origin=origin)
    stored = codec.Metadata(plan=Plan(workstreams=(workstream,)), policy=Policy(), settings=origin, documents=())
    back = codec.METADATA.read(codec.METADATA.write(stored))
    assert back.plan.workstreams[0].origin == {"issue": 7, "nested": {"a": 1}} == back.settings


def test_every_field_of_a_run_is_stored_or_derived() -> None:
    run = new_run(id="r", plan=rank(Plan(workstreams=())), policy=Policy(), branch="b")
    stored = {one.name for one in fields(codec.RunProgress)}
    in_columns_or_derived = {
        *("id", "plan", "policy", "branch", "rows"),
        *("members", "waiting", "held", "queue", "gate"),
    }
    assert stored | in_columns_or_derived == {one.name for one in fields(Run)}
    assert codec.RUN_PROGRESS.read(codec.RUN_PROGRESS.write(codec.run_progress(run))) == codec.run_progress(run)


@settings(max_examples=60, deadline=None)
@given(paths=st.lists(st.text(st.characters(), max_size=5), max_size=3).map(tuple))
def test_paths_that_are_no_unicode_come_back_as_they_were(paths: tuple[str, ...]) -> None:
    attempt = AttemptId(step=Step.EDIT, number=1)
    outcome = events.Edited(candidate=Candidate(commit="c", tree="t"), paths=(*paths, "b\udcff\x00"))
    event = events.StepFinished(workstream="ws-a", attempt=attempt, outcome=outcome)
    text = codec.EVENTS.write(event)
    text.encode()
    back = codec.EVENTS.read("step_finished", events.VERSION, text)
    assert (back, seen(back)) == (event, seen(event))


@given(value=st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_plain_json_can_always_be_written_down(value: dict[str, str]) -> None:
    text = codec.plain_json(value)
    text.encode()
    assert json.loads(text) == value


@given(text=st.text(st.characters()))
def test_a_text_for_a_column_can_always_be_written_down(text: str) -> None:
    codec.storable(text).encode()


def test_good_text_for_a_column_stays_as_it_is() -> None:
    assert codec.storable("größer → \\udcff\n") == "größer → \\udcff\n"


def test_what_a_newer_penstock_wrote_is_refused() -> None:
    with pytest.raises(DatabaseNewer, match="the event 'pause_asked' was written by a newer Penstock"):
        codec.EVENTS.read("pause_asked", events.VERSION + 1, "{}")
    with pytest.raises(DatabaseNewer, match="progress of a workstream was written by a newer Penstock"):
        codec.PROGRESS.read(codec.PROGRESS.write(Progress()).replace('"version":2', '"version":3', 1))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("teleported", "{}", "holds the event 'teleported', which this Penstock does not know"),
        ("pause_asked", '{"now": "perhaps"}', "a stored event pause_asked can't be read"),
        ("pause_asked", "{", "can't be read"),
        ("run_started", "{}", "can't be read"),
        ("step_finished", '{"workstream": "a", "outcome": {"type": "guessed"}}', "can't be read"),
        ("run_started", '{"base": "\\ud800', "can't be read"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(name: str, text: str, sentence: str) -> None:
    with pytest.raises(DatabaseUnreadable, match=sentence):
        codec.EVENTS.read(name, events.VERSION, text)


def test_progress_without_a_version_is_refused() -> None:
    with pytest.raises(WorldError, match="does not say its version"):
        codec.PROGRESS.read('{"state":"pending"}')


def test_a_progress_that_only_has_its_defaults_is_its_version_alone() -> None:
    assert codec.PROGRESS.write(Progress()) == '{"version":2}'
    assert codec.PROGRESS.read('{"version":2}') == codec.PROGRESS.read('{"version":1}') == Progress()


def test_what_stored_rows_leave_out_means_today_what_it_meant_when_they_were_written() -> None:
    """A default that changes here changes what is stored already: it needs a new version, and a reader of the old."""
    assert codec.progress_fields('{"version":2}') == {
        "version": 2,
        "state": "pending",
        "round": 1,
        "attempt": None,
        "held": False,
        "delay": "",
        "attempts": [],
        "agent_runs": 0,
        "claimed": 0,
        "lost": 0,
        "base": "",
        "start": "",
        "candidate": None,
        "unchanged": False,
        "findings": [],
        "note": "",
        "weakened_tests": [],
        "breaker": {"red": [], "fixes": [], "seen": [], "history": []},
        "verdict": "",
        "outcome": None,
        "reason": None,
        "sentence": "",
    }
    defaults = {
        kind: {one.name: one.default for one in fields(kind) if one.default is not MISSING}
        for kind in (*COMMANDS, commands.Member, AttemptId, Candidate, Finding, Verdict)
    }
    assert {kind.__name__: own for kind, own in defaults.items() if own} == {
        "StartStep": {"findings": (), "note": "", "not_before": None},
        "JudgeMerge": {"is_whole": True},
        "AttemptId": {"round": 1, "retry": 0},
        "Verdict": {"merges": (), "known_failures": (), "not_blocking": (), "unchecked": False, "confined": False},
    }


def test_a_time_is_stored_in_utc_and_never_without_its_zone() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert as_text(datetime(2026, 1, 2, 22, 4, 5, 6, tzinfo=eastern)) == "2026-01-03T03:04:05.000006Z"
    with pytest.raises(Bug, match="does not say its zone"):
        as_text(datetime(2026, 1, 2))  # noqa: DTZ001 - that is the point
