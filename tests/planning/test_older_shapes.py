"""Artifacts of older systems become valid ones of today, and nothing of them is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_samples import SAMPLES

from penstock.planning.artifacts import validated
from penstock.planning.older_shapes import is_older, of_older_shape

OLD_EPIC = {
    "epic_id": "MILL-100",
    "title": "Sacks",
    "description": "Count the sacks\nthat come in.",
    "acceptance_criteria": ["The number is right"],
    "scope": {"in_scope": ["Count by hand", "Count by scale"], "out_of_scope": ["Billing"]},
    "business_goals": ["Fewer disputes"],
    "risks": ["Torn sacks"],
}
OLD_CHANGES = {
    "story_id": "MILL-100-1",
    "changes": [
        {"file": "mill/count.py", "change_type": "add", "content": "x = 1\n"},
        {"file": "mill/old.py", "change_type": "delete"},
    ],
    "tests": [
        {"test_file": "tests/test_count.py", "test_cases": ["counts none"]},
        {"test_file": "tests/test_more.py", "content": "assert True\n"},
    ],
}
OLD_REPORT = {
    "story_id": "MILL-100-1",
    "test_coverage_percent": 91.5,
    "passed_criteria": ["a"],
    "failed_criteria": [],
    "risks": ["Watch it"],
    "recommendation": "approve",
}


def mapped(artifact_type: str, old: dict[str, Any]) -> Any:
    assert is_older(artifact_type, old)
    return validated(artifact_type, of_older_shape(artifact_type, old))[0]


def test_an_epic_gets_a_story_for_each_thing_in_scope() -> None:
    epic = mapped("epic", OLD_EPIC)
    assert (epic.epic_id, epic.title, epic.goal) == ("MILL-100", "Sacks", "Count the sacks that come in.")
    assert epic.success_criteria == ["The number is right"]
    assert [(one.id, one.title) for one in epic.stories] == [
        ("STORY-1", "Count by hand"),
        ("STORY-2", "Count by scale"),
    ]
    assert (epic.out_of_scope, epic.risks, epic.total_estimate_hours) == (["Billing"], ["Torn sacks"], 2)
    assert epic.extra == {"description": OLD_EPIC["description"], "business_goals": ["Fewer disputes"]}


def test_an_epic_without_scope_is_one_story() -> None:
    epic = mapped("epic", {"epic_id": "A", "description": "x" * 600, "business_goals": ["Sell"]})
    assert len(epic.title) == 100
    assert len(epic.goal) == 500
    assert [one.user_story for one in epic.stories] == ["x" * 600]
    assert epic.success_criteria == ["Sell"]


def test_a_change_set_becomes_files() -> None:
    code = mapped("proposed_change_set", OLD_CHANGES)
    assert [(one.path, one.content) for one in code.files] == [("mill/count.py", "x = 1\n")]
    assert code.files[0].tests_required == ["tests/test_count.py: counts none"]
    assert [one.path for one in code.test_files] == ["tests/test_more.py"]
    assert code.extra == {"story_id": "MILL-100-1", "deleted": ["mill/old.py"]}


@pytest.mark.parametrize(
    ("changes", "is_passed"),
    [
        ({}, True),
        ({"failed_criteria": ["b"]}, False),
        ({"recommendation": "revise"}, False),
        ({"recommendation": "reject"}, False),
        ({"recommendation": ...}, False),
    ],
)
def test_a_report_passes_if_approved_without_a_failed_criterion(changes: dict[str, Any], is_passed: bool) -> None:
    report = mapped("qa_result", {name: v for name, v in {**OLD_REPORT, **changes}.items() if v is not ...})
    assert report.is_passed is report.passed is is_passed
    assert [one.description for one in report.issues] == changes.get("failed_criteria", [])
    assert report.recommendations == ["Watch it"]
    assert report.extra["test_coverage_percent"] == 91.5


@pytest.mark.parametrize("artifact_type", sorted(SAMPLES))
def test_todays_shape_stays_as_it_is(artifact_type: str) -> None:
    assert not is_older(artifact_type, SAMPLES[artifact_type])
    assert of_older_shape(artifact_type, SAMPLES[artifact_type]) == SAMPLES[artifact_type]
    with_old_names = {**SAMPLES[artifact_type], "description": "x", "tests": [], "recommendation": ""}
    assert not is_older(artifact_type, with_old_names)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted({*OLD_EPIC, *OLD_CHANGES, *OLD_REPORT}))


@settings(max_examples=40)
@given(st.sampled_from(["epic", "proposed_change_set", "qa_result"]), st.dictionaries(NAMES, ANY, max_size=6))
def test_mapping_never_fails(artifact_type: str, old: dict[str, Any]) -> None:
    assert isinstance(of_older_shape(artifact_type, old), dict)
