"""Phases as people write them: their form, and the order in which they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.domain.errors import UserError
from penstock.planning.phase_wishes import configured, in_order, phase_as_json, phase_from_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "phase_name": "arch_phase",
    "role_name": "architect",
    "artifact_type": "arch_notes",
    "next_phase": "ba_phase",
    "is_active": True,
    "config": {"proposals": 2},
}


def test_a_phase_comes_back_as_it_was_written() -> None:
    made = configured(phase_from_json(GOOD), None, NOW)
    assert {name: value for name, value in phase_as_json(made).items() if name != "id"} == GOOD
    assert configured(phase_from_json(phase_as_json(made)), made, NOW).id == made.id


def test_an_alias_of_an_artifact_is_stored_by_its_own_name() -> None:
    assert configured(phase_from_json({**GOOD, "artifact_type": "arch_spec"}), None, NOW).artifact_type == "arch_notes"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"role_name": "a b"}, "can't name a phase or a role"),
        ({"phase_name": "x" * 65}, "can't name a phase or a role"),
        ({"next_phase": "../x"}, "can't name a phase or a role"),
        ({"config": {"proposals": 0}}, "config.proposals"),
        ({"config": {"kind": ["ask"]}}, "config.kind"),
        ({"config": {"sees": ["nonsense"]}}, "no artifact type 'nonsense'"),
        ({"config": {"surprise": 1}}, "unknown key 'surprise'"),
        ({"config": 7}, "config"),
        ({"is_active": "yes"}, "is_active"),
        ({"colour": "red"}, "colour"),
        ({"phase_name": None}, "phase_name"),
    ],
)
def test_what_is_no_phase_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        configured(phase_from_json({**GOOD, **change}), None, NOW)
    assert said in caught.value.sentence


@pytest.mark.parametrize("value", [{}, [], 1, None, "arch_phase"])
def test_another_value_is_no_phase(value: object) -> None:
    with pytest.raises(UserError, match="a phase can't be taken"):
        phase_from_json(value)


def test_phases_are_told_in_their_order_and_those_apart_come_last() -> None:
    def phase(name: str, then: str | None, *, is_active: bool = True) -> Any:
        written = {**GOOD, "phase_name": name, "next_phase": then, "is_active": is_active}
        return configured(phase_from_json(written), None, NOW)

    phases = [phase("b", "c"), phase("a", "b"), phase("z", None, is_active=False), phase("c", None)]
    assert [one.phase for one in in_order(phases)] == ["a", "b", "c", "z"]
    assert [one.phase for one in in_order([phase("a", "b"), phase("b", "a")])] == ["a", "b"]
