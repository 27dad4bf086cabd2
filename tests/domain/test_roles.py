"""Which model a role has in which round."""

from __future__ import annotations

import pytest

from penstock.domain.roles import Roles, model_for
from penstock.domain.run import Step

ROLES = Roles(edit=("plain",), fix=("cheap", "strong"), auditor="strict")


@pytest.mark.parametrize(
    ("step", "number", "model"),
    [
        *((Step.EDIT, number, "plain") for number in (1, 2, 9)),
        *((Step.FIX, number, model) for number, model in enumerate(("cheap", "strong", "strong", "strong"), start=1)),
        *((Step.REVIEW, number, "strict") for number in (1, 5)),
        *((step, 1, "") for step in (Step.STATIC, Step.RUNTIME, Step.INTEGRATE)),
    ],
)
def test_a_later_round_has_the_next_model_and_those_after_the_last_keep_it(step: Step, number: int, model: str) -> None:
    assert model_for(ROLES, step, number) == model


@pytest.mark.parametrize("step", list(Step))
def test_a_role_that_names_no_model_leaves_it_to_the_agent(step: Step) -> None:
    assert model_for(Roles(), step, 1) == ""


def test_a_role_of_a_pipeline_has_its_own_model_or_that_of_planning() -> None:
    roles = Roles(planning="plain", qa="strict", mentor="wise")
    assert [roles.model_of_role(name) for name in ("pm", "qa", "qa_mentor", "pm_mentor", "somebody")] == [
        *("plain", "strict", "wise", "wise", "plain")
    ]
    assert Roles().model_of_role("ba_mentor") == Roles().planning
