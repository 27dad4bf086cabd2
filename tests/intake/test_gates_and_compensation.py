"""Test gates and compensation actions in bundles: what is refused, and what a workstream holds of them."""

from __future__ import annotations

import json

import pytest

from penstock.domain.plan import AcceptanceKind, TestGate
from penstock.intake.bundles import BundleOptions, BundleValidationError, Source, check_sources, load_sources

GROUPS = {"unit": 2, "lint": 1, "security": 0}


def source(**more: object) -> list[Source]:
    one = {
        "id": "ws-a",
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": ["src/a.py"],
        "tasks": ["Write it"],
        "acceptance_tests": ["pytest -q"],
        "tool": "scripted",
        **more,
    }
    return [Source(name="a.json", content=json.dumps(one, indent=1).encode())]


def options(**more: object) -> BundleOptions:
    return BundleOptions(check_groups=GROUPS, **more)  # type: ignore[arg-type] # a test's own


def test_a_workstream_holds_its_gates_in_order_with_what_they_demand() -> None:
    gates = [
        {"type": "GATE_UNIT"},
        {"type": "GATE_SECURITY", "required": False},
        {"type": "GATE_LINT", "blocking": False},
    ]
    (workstream,) = load_sources(source(test_gates=gates), options()).plan.workstreams
    assert workstream.test_gates == (
        TestGate(group="unit"),
        TestGate(group="security", required=False),
        TestGate(group="lint", blocking=False),
    )
    assert [str(gate) for gate in workstream.test_gates] == [
        "GATE_UNIT",
        "GATE_SECURITY (optional)",
        "GATE_LINT (not blocking)",
    ]


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        (
            [{"type": "GATE_INTEGRATION"}],
            "`GATE_INTEGRATION` names the check group `integration`, which the settings do not have",
        ),
        ([{"type": "GATE_INTEGRATION", "required": False}], "which the settings do not have"),
        ([{"type": "GATE_SECURITY"}], "`GATE_SECURITY` names the check group `security`, which is empty"),
        ([{"type": "GATE_UNIT"}, {"type": "GATE_UNIT", "blocking": False}], "`GATE_UNIT` stands here twice"),
    ],
)
def test_a_gate_that_could_pass_nothing_is_refused_with_place_and_remedy(gates: list[object], said: str) -> None:
    with pytest.raises(BundleValidationError) as caught:
        load_sources(source(test_gates=gates), options())
    (problem,) = caught.value.problems
    assert said in problem.message
    assert (problem.file, problem.id, problem.pointer) == ("a.json", "ws-a", f"/test_gates/{len(gates) - 1}")
    assert problem.line is not None
    assert problem.line > 1
    assert f"`[checks.{str(gates[0]['type']).removeprefix('GATE_').lower()}]`" in (problem.remedy or "")  # type: ignore[index] # a test's own
    assert "twice" in said or "check groups there are: lint, security, unit" in problem.message


@pytest.mark.parametrize(
    ("gate", "is_enough"),
    [({}, True), ({"blocking": False}, False), ({"required": False}, False)],
)
def test_only_a_gate_that_counts_makes_up_for_no_other_check(gate: dict[str, bool], is_enough: bool) -> None:
    report = check_sources(source(acceptance_tests=[], test_gates=[{"type": "GATE_UNIT", **gate}]), options())
    assert report.is_ok is is_enough


def test_compensation_is_commands_and_prose_and_a_known_sentence_is_prose_there() -> None:
    actions = ["`docker compose down`", "Tell the others.", "The file exists", "python3 scripts/undo.py"]
    found = load_sources(source(compensation_actions=actions), options())
    (workstream,) = found.plan.workstreams
    assert [(line.kind, line.text) for line in workstream.compensation] == [
        (AcceptanceKind.COMMAND, "docker compose down"),
        (AcceptanceKind.PROSE, "Tell the others."),
        (AcceptanceKind.PROSE, "The file exists"),
        (AcceptanceKind.COMMAND, "python3 scripts/undo.py"),
    ]
    lines = check_sources(source(compensation_actions=actions), options()).as_json()["lines"]
    assert [one["field"] for one in lines] == ["acceptance_tests"] + ["compensation_actions"] * 4  # type: ignore[index,union-attr,attr-defined] # JSON
