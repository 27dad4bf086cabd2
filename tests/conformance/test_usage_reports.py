"""Reports on usage say to the token what the records add up to, whatever is asked, and however often it is settled."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_driving import START, HandClock
from ledger_driving import a_call, an_end
from library_values import a_pipeline, beginning
from usage_oracle import by_key, is_meant, report_of

from penstock.adapters.store.opening import open_database
from penstock.domain.states import PipelineStatus, Reason
from penstock.domain.usage import Caller, CallStatus, Tokens
from penstock.ports.library import UnknownPipeline, UsageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.adapters.store.opening import Database

ANY = UsageFilter()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHASES = (("pm_phase", "pm"), ("pm_phase", "pm_mentor"), ("edit", "edit"), ("", ""))

moments = st.builds(
    lambda hours, seconds: NOON + timedelta(hours=hours, seconds=seconds),
    st.integers(-60, 60), st.sampled_from([0, 0, 1]),
)  # fmt: skip
borders = st.none() | moments | moments.map(lambda at: at.replace(hour=0, minute=0, second=0))
filters = st.builds(
    UsageFilter,
    project=st.sampled_from(["", "", "p1", "p2"]),
    pipeline=st.sampled_from(["", "", "pip_a", "pip_b"]),
    phase=st.sampled_from(["", "", "pm_phase", "edit"]),
    role=st.sampled_from(["", "", "", "pm"]),
    since=borders,
    until=borders,
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def used(request: pytest.FixtureRequest, new_place: Callable[[str], Path | str]) -> Iterator[Database]:
    """Two hundred calls of two projects and their pipelines, around the borders of days and of a month."""
    database = open_database(new_place(request.param), HandClock())
    ledger = database.ledger(redact=str)

    async def main() -> None:
        for number in range(200):
            phase, role = PHASES[number % 4]
            caller = Caller(
                project=f"p{1 + number % 2}", pipeline=("pip_a", "pip_b", "pip_c", "")[number % 4 // (1 + number % 2)],
                run="r" if number % 3 else "", phase=phase, role=role, agent=("", "aider")[number % 2],
            )  # fmt: skip
            at = NOON + timedelta(hours=number * 37 % 119 - 59, microseconds=number % 3)
            call = a_call(caller, at=at, model=f"m{number % 3}")
            end = an_end(
                Tokens(input=number, output=number % 7, cache_read=5), micros=None if number % 5 == 0 else number * 3
            )
            await ledger.reserve(call)
            await ledger.settle(call, end)

    asyncio.run(main())
    yield database
    database.close()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=filters)
def test_a_report_is_what_the_records_add_up_to(used: Database, wanted: UsageFilter) -> None:
    told = used.views.token_report(wanted)
    assert json.loads(json.dumps(told)) == told
    assert by_key(told) == report_of(used.views.usage(), wanted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=filters)
def test_the_records_of_a_report_come_piece_by_piece_in_order_of_time(used: Database, wanted: UsageFilter) -> None:
    assert list(used.views.usage_rows(wanted)) == [one for one in used.views.usage() if is_meant(one, wanted)]


def test_only_the_dearest_pipelines_are_named_and_the_rest_together_is_one_line(used: Database) -> None:
    whole = used.views.token_report(ANY)
    told = used.views.token_report(ANY, most_pipelines=1)
    (dearest, rest) = told["by_pipeline"]
    assert (dearest, rest["key"]) == (whole["by_pipeline"][0], "other")
    assert [one["cost_usd"] for one in whole["by_pipeline"]] == sorted(
        (one["cost_usd"] for one in whole["by_pipeline"]), reverse=True
    )
    for name in ("calls", "input_tokens", "output_tokens", "price_unknown"):
        assert dearest[name] + rest[name] == sum(one[name] for one in whole["by_pipeline"])


def test_days_are_those_of_utc_wherever_the_asker_is(used: Database) -> None:
    east = timezone(timedelta(hours=9))
    wanted = UsageFilter(since=datetime(2026, 3, 1, 9, tzinfo=east), until=datetime(2026, 3, 2, 9, tzinfo=east))
    assert [one["key"] for one in used.views.token_report(wanted)["by_day"]] == ["2026-03-01"]


def test_all_ways_to_ask_for_the_tokens_of_a_pipeline_agree(used: Database) -> None:
    report = used.views.token_report(UsageFilter(pipeline="pip_a"))
    assert report["total_tokens"] == used.views.pipeline_tokens("pip_a") > 0
    assert used.views.pipeline_tokens("pip_nobody") == 0
    assert used.views.metrics_summary()["total_input_tokens"] == used.views.token_report(ANY)["total_input_tokens"]


def test_an_unknown_pipeline_has_no_report(used: Database) -> None:
    for ask in (
        lambda: used.views.token_report(UsageFilter(pipeline="pip_x")),
        lambda: used.views.metrics_of("pip_x"),
    ):
        with pytest.raises(UnknownPipeline, match="there is no pipeline 'pip_x'"):
            ask()


def test_a_call_is_added_once_however_often_it_is_told(database: Database) -> None:
    async def main() -> None:
        ledger, caller = database.ledger(redact=str), Caller(project="p", pipeline="pip_a", phase="pm_phase")
        settled, refused, lost, of_run = (a_call(replace(caller, run=run)) for run in ("", "", "", "r"))
        for call in (settled, lost, of_run):
            await ledger.reserve(call)
        for _ in range(2):
            await ledger.settle(settled, an_end(micros=None))
            await ledger.record(settled, an_end())
            await ledger.record(refused, an_end(tokens=0, micros=0, status=CallStatus.REFUSED))
            await ledger.settle_lost_of_pipeline("pip_a")
            await ledger.settle_lost("r")
            await ledger.settle(lost, an_end())

    asyncio.run(main())
    told = database.views.token_report(ANY)
    assert by_key(told) == report_of(database.views.usage(), ANY)
    assert (told["by_phase"][0]["calls"], told["total_tokens"], told["price_unknown"]) == (4, 260, 1)


def test_a_call_that_cost_nothing_makes_no_unknown_price_a_known_one(database: Database) -> None:
    async def main() -> None:
        ledger, caller = database.ledger(redact=str), Caller(project="p", pipeline="pip_a", phase="edit")
        for micros, model in ((None, "mystery"), (0, "mystery"), (0, "free"), (7, "dear"), (None, "dear")):
            await ledger.record(a_call(caller, model=model), an_end(micros=micros))

    asyncio.run(main())
    told = database.views.token_report(ANY)
    costs = {line["key"]: (line["cost_usd"], line["price_unknown"]) for line in told["by_model"]}
    assert costs == {"mystery": (None, 1), "free": (0.0, 0), "dear": (0.000007, 1)}
    assert told["total_cost_usd"] == 0.000007


def test_nothing_used_is_nothing_and_no_error(database: Database) -> None:
    told = database.views.token_report(UsageFilter(since=START, until=START))
    assert (told["total_tokens"], told["total_cost_usd"], told["by_phase"], told["trend"]) == (0, 0.0, [], [])
    assert list(database.views.usage_rows(ANY)) == []
    assert database.views.metrics_summary() == {
        "total_pipelines": 0, "total_cost_usd": 0.0, "total_input_tokens": 0, "total_output_tokens": 0, "calls": 0,
        "price_unknown": 0, "success_count": 0, "failure_count": 0,
    }  # fmt: skip
    assert database.views.metrics_recent() == []


def test_what_has_no_known_price_is_never_free(database: Database) -> None:
    async def main() -> None:
        await database.ledger(redact=str).record(a_call(Caller(project="p", phase="edit")), an_end(micros=None))

    asyncio.run(main())
    told = database.views.token_report(ANY)
    assert (told["total_cost_usd"], told["price_unknown"], told["by_phase"][0]["cost_usd"]) == (None, 1, None)
    assert database.views.metrics_summary()["total_cost_usd"] is None


def test_a_pipeline_over_its_budget_is_among_the_alerts(database: Database) -> None:
    async def main() -> None:
        for number, project in enumerate(("demo", "other", "demo")):
            alerted = {} if number == 2 else {"alerted_at": START + timedelta(days=number), "alerted_tokens": 21_000}
            await database.pipelines.create(beginning(a_pipeline(id=f"pip_{number}", project=project, **alerted)))

    asyncio.run(main())
    first = {"pipeline_id": "pip_0", "budget_tokens": 20_000, "used_tokens": 21_000, "at": "2026-11-20T08:00:00.000Z"}

    def alerts(**wanted: object) -> list[str]:
        return [one["pipeline_id"] for one in database.views.token_report(UsageFilter(**wanted))["alerts"]]  # type: ignore[arg-type]

    assert database.views.token_report(UsageFilter(pipeline="pip_0"))["alerts"] == [first]
    assert (alerts(), alerts(project="other"), alerts(pipeline="pip_2")) == (["pip_1", "pip_0"], ["pip_1"], [])
    assert (alerts(since=START + timedelta(hours=1)), alerts(until=START + timedelta(hours=1))) == (
        ["pip_1"],
        ["pip_0"],
    )


def test_the_metrics_of_a_pipeline_stand_by_phase_and_role(database: Database) -> None:
    async def main() -> None:
        pipeline = a_pipeline(id="pip_m", created_at=START)
        ended = replace(pipeline, id="pip_n", created_at=START + timedelta(1), status=PipelineStatus.FAILED)
        for one in (pipeline, replace(ended, reason=Reason.ERROR), a_pipeline(status=PipelineStatus.COMPLETE)):
            await database.pipelines.create(beginning(one))
        ledger = database.ledger(redact=str)
        for second, phase, ms in ((0, "pm_phase", 200), (5, "pm_phase", 300), (2, "arch_phase", 0)):
            caller = Caller(project="demo", pipeline="pip_m", phase=phase, role=phase[:2])
            await ledger.record(a_call(caller, at=START + timedelta(seconds=second)), an_end(latency_ms=ms))

    asyncio.run(main())
    told = database.views.metrics_of("pip_m")
    breakdown = told.pop("phase_breakdown")
    shown = {
        "pipeline_id": "pip_m", "epic_id": "PIPELINE-175D-1", "status": "active", "state": "pm_phase",
        "current_phase": "pm_phase", "epic_description": "Add a thing", "created_at": "2026-11-20T08:00:00.000Z",
        "total_cost_usd": 0.0018, "total_input_tokens": 180, "total_output_tokens": 0, "calls": 3, "price_unknown": 0,
    }  # fmt: skip
    assert told == shown
    names = ("phase_name", "calls", "execution_time_ms", "timestamp")
    assert [tuple(one[name] for name in names) for one in breakdown] == [
        ("arch_phase", 1, None, "2026-11-20T08:00:02.000Z"), ("pm_phase", 2, 500, "2026-11-20T08:00:05.000Z"),
    ]  # fmt: skip
    newest, *rest = database.views.metrics_recent(3)
    assert (newest["pipeline_id"], newest["calls"], newest["total_cost_usd"]) == ("pip_n", 0, 0.0)
    assert shown in rest
    summary = database.views.metrics_summary()
    assert (summary["total_pipelines"], summary["success_count"], summary["failure_count"]) == (3, 1, 1)


def test_the_last_days_are_all_there_those_without_any_cost_too(database: Database, clock: HandClock) -> None:
    async def main() -> None:
        for days in (0, 1, 9):
            call = a_call(Caller(project="p"), at=clock.now() - timedelta(days=days))
            await database.ledger(redact=str).record(call, an_end())

    asyncio.run(main())
    told = database.views.daily_costs(3)
    assert [(one["date"], one["calls"], one["cost_usd"]) for one in told] == [
        ("2026-11-18", 0, 0.0), ("2026-11-19", 1, 0.0006), ("2026-11-20", 1, 0.0006),
    ]  # fmt: skip
    assert (len(database.views.daily_costs()), database.views.daily_costs(0)) == (7, [])
