"""The notation names each field that a model is to give, of every artifact."""

from __future__ import annotations

import pytest

from penstock.planning.artifacts import ARTIFACT_MODELS, Shape, model_of
from penstock.planning.notation import fields_shown, notation_of

NOT_SHOWN = {"branch", "commit", "pull_request"}


def fields_of(model: type[Shape]) -> set[str]:
    schema = model.model_json_schema()
    return {name for one in (schema, *schema.get("$defs", {}).values()) for name in one["properties"]}


@pytest.mark.parametrize("artifact_type", sorted(ARTIFACT_MODELS))
def test_every_field_that_a_model_gives_is_named(artifact_type: str) -> None:
    model = model_of(artifact_type)
    told = notation_of(model)
    for name in fields_of(model):
        assert (f'"{name}":' in told) is (name not in NOT_SHOWN)
    assert '"extra":' not in told


def test_what_may_be_left_out_is_marked_and_bounds_are_named() -> None:
    assert notation_of(model_of("epic")) == (
        '{"epic_id":str,"title":str<=100,"goal":str<=500,"success_criteria":[str]+,"stories":[{"id":str,'
        '"title":str<=100,"user_story":"As a …, I want …, so that …","acceptance_criteria":[str],"estimate_hours":int,'
        '"priority":critical|high|medium|low}]+,"out_of_scope":[str]?,"risks":[str]?,"total_estimate_hours":int}'
    )


def test_a_part_that_stands_twice_is_written_once() -> None:
    told = notation_of(model_of("proposed_change_set"))
    assert told.startswith('{"files":[CodeFile],"dependencies":[str],"test_files":[CodeFile],')
    assert told.count('"content"') == 1


def test_what_is_ours_to_know_is_not_asked_for() -> None:
    assert notation_of(model_of("commit_result")) == '{"success":bool,"message":str}'
    assert [name for name, _ in fields_shown(model_of("commit_result"))] == ["success", "message"]
