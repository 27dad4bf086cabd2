"""What a reviewer did not pass becomes a plan within the scopes that there were."""

from __future__ import annotations

from typing import Any

import pytest
from plan_samples import ANALYSIS, ARCHITECTURE, EPIC, RULES, analysis, by_id, loaded, unchecked, waits

from penstock.planning.drafts import LONGEST_COMMAND
from penstock.planning.fixing import fixing_plan
from penstock.planning.plans import PlanUnsound, plan_of

BEFORE = plan_of(ANALYSIS, ARCHITECTURE, RULES, epic=EPIC).documents


def issue(place: str, *, severity: str = "high", must: bool = True, name: str = "Q-1") -> dict[str, Any]:
    return {
        "id": name,
        "severity": severity,
        "category": "code",
        "description": "It is wrong",
        "location": place,
        "fix_required": must,
    }


def fixed(*issues: dict[str, Any], **more: Any) -> dict[str, Any]:
    planned = fixing_plan({"passed": False, "issues": list(issues), **more}, BEFORE, RULES, number=2)
    loaded(planned)
    return by_id(planned)


def test_findings_of_one_scope_are_one_workstream_with_the_checks_that_there_were() -> None:
    found = fixed(
        issue("src/app/counter.py:12", name="Q-1", severity="low"), issue("tests/test_counter.py#L3-L9", name="Q-2")
    )
    (one,) = found.values()
    assert one["id"] == "ws-fix-2-1"
    assert one["tasks"] == [
        "Q-2 (high, code) at tests/test_counter.py#L3-L9: It is wrong",
        "Q-1 (low, code) at src/app/counter.py:12: It is wrong",
    ]
    assert one["files_scope"] == ["src/app/counter.py"]
    assert one["files_create"] == ["tests/test_counter.py"]
    assert {"run": "pytest tests/test_counter.py"} in one["acceptance_tests"]
    assert {"prose": "Counts survive errors"} in one["acceptance_tests"]
    assert one["tool"] == "model"
    assert one["openspec_change"] == "EPIC-1"
    assert "Counts calls" in one["metadata"]["notes"]


@pytest.mark.parametrize(
    ("place", "component"),
    [
        ("src/app/counter.py", "Counter"),
        ("./src/app/counter.py:1:2", "Counter"),
        ("src/app/counter.py line 7", "Counter"),
        ("src/app/counter.py (lines 1-2)", "Counter"),
        ("counter", "Counter"),
        ("metrics-route", "Metrics Route"),
        ("ws-counter", "Counter"),
    ],
)
def test_a_place_is_found_by_path_component_or_id(place: str, component: str) -> None:
    (one,) = fixed(issue(place)).values()
    assert one["metadata"]["component"] == component


@pytest.mark.parametrize("place", ["", "somewhere", "/etc/passwd:1", "src/other.py:3", "../x", "\ud800", "**"])
def test_a_place_that_nobody_knows_means_the_whole_plan_and_opens_nothing_new(place: str) -> None:
    (one,) = fixed(issue(place)).values()
    paths = {"src/app/routes/metrics.py", "src/app/counter.py", "tests/test_metrics.py", "tests/test_counter.py"}
    assert {*one["files_scope"], *one["files_create"]} == paths


def test_findings_of_different_scopes_run_apart_and_overlapping_ones_in_order() -> None:
    found = fixed(issue("counter", name="A"), issue("metrics route", name="B"), issue("", name="C"))
    assert list(waits(list(found.values())).values()) == [[], [], ["ws-fix-2-1", "ws-fix-2-2"]]


def test_only_what_has_to_be_mended_is_asked_for_if_something_has() -> None:
    (one,) = fixed(issue("counter", name="A", must=False), issue("counter", name="B")).values()
    assert [task.split()[0] for task in one["tasks"]] == ["B"]
    (one,) = fixed(issue("counter", name="A", must=False)).values()
    assert [task.split()[0] for task in one["tasks"]] == ["A"]


def test_a_report_without_findings_asks_for_what_it_advises() -> None:
    (one,) = fixed(recommendations=["Write a test"]).values()
    assert one["tasks"] == ["What was made was not passed. Write a test"]


def test_what_was_a_command_stays_one_and_what_was_checked_stays_checked() -> None:
    rules = unchecked()
    before = plan_of(
        analysis({"id": "a", "files_scope": ["a.py"], "acceptance": ["`frobnicate all`", "test -f a.py"]}), {}, rules
    )
    planned = fixing_plan({"issues": [issue("a.py")]}, before.documents, rules, number=1)
    (one,) = loaded(planned, rules).plan.workstreams
    assert [line.text for line in one.acceptance if line.is_checkable] == ["frobnicate all", "test -f a.py"]


def test_a_second_round_is_made_of_the_first_ones_bundles() -> None:
    first = fixing_plan({"issues": [issue("counter")]}, BEFORE, RULES, number=1)
    second = fixing_plan({"issues": [issue("src/app/counter.py")]}, first.documents, RULES, number=2)
    assert [one["id"] for one in second.documents] == ["ws-fix-2-1"]
    assert second.documents[0]["files_scope"] == first.documents[0]["files_scope"]


def test_without_a_plan_there_is_nothing_to_mend() -> None:
    with pytest.raises(PlanUnsound, match="no plan"):
        fixing_plan({"issues": [issue("a")]}, [], RULES, number=1)


def test_a_finding_without_a_place_may_be_mended_wherever_a_large_plan_reached_and_again_in_the_next_round() -> None:
    rows = [{"title": f"Part {n}", "files_scope": [f"src/{n}/{m}.py" for m in range(11)]} for n in range(30)]
    documents = plan_of(analysis(*rows), ARCHITECTURE, RULES).documents
    report = {"issues": [{"id": "Q-1", "severity": "high", "description": "It is slow", "fix_required": True}]}
    for number in (1, 2):
        documents = fixing_plan(report, documents, RULES, number=number).documents
        assert [len(one["files_scope"]) for one in documents] == [330]


def test_a_command_that_is_as_long_as_may_be_stays_one() -> None:
    command = "pytest ".ljust(LONGEST_COMMAND, "x")
    documents = plan_of(
        analysis({"title": "One", "files_scope": ["src/a.py"], "acceptance": [command]}), ARCHITECTURE, RULES
    ).documents
    for number in (1, 2):
        documents = fixing_plan({"issues": [issue("")]}, documents, RULES, number=number).documents
        assert documents[0]["acceptance_tests"] == [{"run": command}]
