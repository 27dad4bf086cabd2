"""An epic's way: it ends, it goes back a bounded number of times, and only the table moves it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.errors import IllegalMove
from penstock.domain.phases import ARTIFACT_OF, PhaseConfiguration, PhaseGraph
from penstock.domain.pipelines import (
    Pipeline,
    approval_asked,
    approved,
    begun,
    failed,
    may_replan,
    passed,
    replanned,
    returned,
)
from penstock.domain.states import PipelineStatus, Reason

AT = datetime(2030, 1, 1, tzinfo=UTC)
LATER = datetime(2030, 1, 2, tzinfo=UTC)


def _graph() -> PhaseGraph:
    def phase(name: str, after: str | None, **config: object) -> PhaseConfiguration:
        return PhaseConfiguration(
            id=name,
            phase=name,
            role="pm",
            artifact_type=next((made for kind, made in ARTIFACT_OF.items() if kind == config.get("kind")), "epic"),
            next_phase=after,
            config=config,
            created_at=AT,
            updated_at=AT,
        )

    return PhaseGraph.of(
        (
            phase("pm_phase", "dev_phase"),
            phase("dev_phase", "qa_phase", kind="run", max_replans=1),
            phase("qa_phase", "commit_phase", kind="judge", returns_to="dev_phase", max_returns=2),
            phase("commit_phase", None, kind="deliver"),
        ),
        ("pm",),
    )


GRAPH = _graph()


def pipeline(phase: str = "pm_phase", **changes: object) -> Pipeline:
    made = Pipeline(
        id="pip_1",
        project="p",
        project_path="/p",
        epic_id="EPIC-1",
        description="a wish",
        phase=phase,
        branch="penstock/pip_1",
        created_at=AT,
        updated_at=AT,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_it_begins_by_leaving_idle() -> None:
    assert (begun(pipeline(), AT).transition.source, begun(pipeline(), AT).transition.target) == ("idle", "pm_phase")


def test_it_goes_from_phase_to_phase_to_its_end() -> None:
    at, seen = pipeline(), []
    while not at.is_over:
        moved = passed(at, GRAPH, LATER)
        seen.append((moved.transition.source, moved.transition.target))
        at = moved.pipeline
    assert seen == [
        ("pm_phase", "dev_phase"),
        ("dev_phase", "qa_phase"),
        ("qa_phase", "commit_phase"),
        ("commit_phase", "complete"),
    ]
    assert (at.state, at.completed_at) == ("complete", LATER)


def test_what_does_not_pass_goes_back_so_often_and_then_to_a_person() -> None:
    at = pipeline("qa_phase")
    for round_ in (2, 3):
        at = returned(at, GRAPH, LATER, "it does not add up").pipeline
        assert (at.phase, at.round, at.status) == ("dev_phase", round_, PipelineStatus.ACTIVE)
        at = replace(at, phase="qa_phase")
    end = returned(at, GRAPH, LATER, "it does not add up").pipeline
    assert (end.state, end.reason) == ("failed", Reason.REQUIRES_HUMAN_REVIEW)
    assert "it does not add up" in end.sentence


def test_a_plan_is_made_anew_as_often_as_it_may_be() -> None:
    at = pipeline("dev_phase")
    assert may_replan(at, GRAPH)
    again = replanned(at, LATER, "a workstream failed").pipeline
    assert (again.phase, again.round, again.replans) == ("dev_phase", 2, 1)
    assert not may_replan(again, GRAPH)


def test_it_waits_for_an_approval_that_holds_until_the_phase_is_entered_again() -> None:
    waiting = approval_asked(pipeline("qa_phase", wanted="qa_phase"), LATER, "look at it first")
    assert (waiting.status, waiting.wanted, waiting.state) == (PipelineStatus.WAITING, "", "qa_phase")
    with pytest.raises(IllegalMove):
        passed(waiting, GRAPH, LATER)
    granted = approved(waiting, LATER)
    assert granted.approved == ("qa_phase",)
    back = returned(granted, GRAPH, LATER, "no").pipeline
    assert "dev_phase" not in back.approved
    assert "qa_phase" not in replace(passed(back, GRAPH, LATER).pipeline).approved


@pytest.mark.parametrize("status", [PipelineStatus.COMPLETE, PipelineStatus.FAILED])
def test_nothing_moves_what_has_ended(status: PipelineStatus) -> None:
    over = pipeline(status=status)
    for move in (
        lambda: passed(over, GRAPH, LATER),
        lambda: returned(replace(over, phase="qa_phase"), GRAPH, LATER, ""),
        lambda: replanned(over, LATER, ""),
        lambda: failed(over, LATER, Reason.ERROR, ""),
        lambda: approved(over, LATER),
        lambda: approval_asked(over, LATER, ""),
    ):
        with pytest.raises(IllegalMove):
            move()


@given(st.lists(st.sampled_from(["pass", "return", "replan", "ask", "approve"]), max_size=60))
def test_any_sequence_ends_or_stands_in_a_phase_and_says_what_it_did(moves: list[str]) -> None:
    at, trace = pipeline(), ["pm_phase"]
    for move in moves:
        try:
            match move:
                case "pass":
                    moved = passed(at, GRAPH, LATER)
                case "return":
                    if at.phase != "qa_phase":
                        continue
                    moved = returned(at, GRAPH, LATER, "no")
                case "replan":
                    if at.phase != "dev_phase" or not may_replan(at, GRAPH):
                        continue
                    moved = replanned(at, LATER, "again")
                case "ask":
                    at = approval_asked(at, LATER, "wait")
                    continue
                case _:
                    at = approved(at, LATER)
                    continue
        except IllegalMove:
            continue
        assert moved.transition.source == trace[-1]
        trace.append(moved.transition.target)
        at = moved.pipeline
    assert at.state == trace[-1]
    assert at.returns <= 2
    assert at.replans <= 1
    assert at.state in {*GRAPH.phases, "complete", "failed"}
    assert (at.completed_at is not None) == at.is_over
