"""What is a valid artifact, what is only odd, and what is told of one that is not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_samples import FILE, ISSUE, SAMPLES, STORY, sample

from penstock.planning.artifacts import (
    ARTIFACT_MODELS,
    ArchitectureDeliverable,
    ArchitectureSpec,
    ArtifactInvalid,
    DeveloperDeliverable,
    QADeliverable,
    UnknownArtifactType,
    aliases_of,
    canonical_type,
    model_of,
    validated,
)

TYPES = sorted(ARTIFACT_MODELS)


def errors_of(artifact_type: str, payload: Any) -> tuple[str, ...]:
    with pytest.raises(ArtifactInvalid) as caught:
        validated(artifact_type, payload)
    return caught.value.errors


@pytest.mark.parametrize("artifact_type", TYPES)
def test_an_honest_payload_is_valid_without_a_remark(artifact_type: str) -> None:
    assert validated(artifact_type, SAMPLES[artifact_type])[1] == ()


@pytest.mark.parametrize("artifact_type", TYPES)
def test_what_is_written_is_read_as_the_same(artifact_type: str) -> None:
    given_ = sample(artifact_type, unheard_of={"a": [1, None]})
    model, remarks = validated(artifact_type, given_)
    written = model.model_dump(mode="json")
    assert written["extra"] == {"unheard_of": {"a": [1, None]}}
    assert validated(artifact_type, written) == (model, remarks)


@pytest.mark.parametrize("artifact_type", TYPES)
def test_each_required_field_is_missed(artifact_type: str) -> None:
    for name, field in model_of(artifact_type).model_fields.items():
        if field.is_required():
            assert f"{name}: is missing" in errors_of(artifact_type, sample(artifact_type, **{name: ...}))


def test_without_anything_beyond_its_fields_no_extra_is_written() -> None:
    assert "extra" not in validated("epic", sample("epic"))[0].model_dump(mode="json")


def test_unknown_fields_of_parts_are_kept_with_their_place() -> None:
    model, remarks = validated("epic", sample("epic", stories=[{**STORY, "points": 5}]))
    assert model.stories[0].extra == {"points": 5}
    assert remarks == ("stories[0]: unknown fields are kept under `extra`: points",)


def test_an_extra_that_is_no_object_is_kept_too() -> None:
    assert validated("epic", sample("epic", extra="text", more=1))[0].extra == {"extra": "text", "more": 1}


def test_risks_may_be_named_with_assumptions() -> None:
    model, remarks = validated("epic", sample("epic", risks=..., risks_and_assumptions=["rain"]))
    assert (model.risks, remarks) == (["rain"], ())
    both, odd = validated("epic", sample("epic", risks_and_assumptions=["rain"]))
    assert both.risks == ["Sacks may be torn"]
    assert both.extra == {"risks_and_assumptions": ["rain"]}
    assert odd


def test_null_is_taken_for_a_field_that_may_be_left_out() -> None:
    assert validated("epic", sample("epic", risks=None))[0].risks == []
    assert errors_of("epic", sample("epic", title=None)) == ("title: input should be a valid string; found null",)


@pytest.mark.parametrize("name", ["STORY-1", "PIPELINE-175D-1", "S.1 (new)", "ä"])
def test_ids_are_what_people_write(name: str) -> None:
    validated("epic", sample("epic", epic_id=name, stories=[{**STORY, "id": name}]))


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 129, 7])
def test_no_ids_are_empty_ones_lines_and_numbers(name: Any) -> None:
    assert errors_of("epic", sample("epic", epic_id=name))[0].startswith("epic_id: ")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"title": "x" * 101}, "title"),
        ({"title": " "}, "title"),
        ({"goal": "x" * 501}, "goal"),
        ({"success_criteria": []}, "success_criteria"),
        ({"success_criteria": "one"}, "success_criteria"),
        ({"stories": []}, "stories"),
        ({"stories": [{**STORY, "priority": "urgent"}]}, "stories[0].priority"),
        ({"stories": [{**STORY, "estimate_hours": "3"}]}, "stories[0].estimate_hours"),
        ({"stories": [{**STORY, "estimate_hours": True}]}, "stories[0].estimate_hours"),
        ({"stories": ["as text"]}, "stories[0]"),
        ({"total_estimate_hours": 0}, "total_estimate_hours"),
        ({"risks": ["x" * 20_001]}, "risks[0]"),
        ({"risks": ["x"] * 501}, "risks"),
    ],
)
def test_an_epic_is_refused_with_the_place(changes: dict[str, Any], place: str) -> None:
    assert [error.partition(": ")[0] for error in errors_of("epic", sample("epic", **changes))] == [place]


def test_unlikely_numbers_of_an_epic_are_only_odd() -> None:
    stories = [{**STORY, "estimate_hours": 41}, {**STORY, "estimate_hours": 0}]
    assert validated("epic", sample("epic", stories=stories))[1] == (
        "total_estimate_hours is 3, but the stories sum up to 41",
        "more than one story has the id PIPELINE-175D-1",
        "stories[0]: estimate_hours is 41; 1 to 40 are usual",
        "stories[1]: estimate_hours is 0; 1 to 40 are usual",
    )


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../up.py", "a/../../b", "C:/x", "a\\b.py", ".git/config", "a//b", "./a", "", "~/x", "a\nb", "nul"],
)
def test_code_stays_inside_the_project(path: str) -> None:
    for field in ("files", "test_files", "migration_scripts"):
        found = errors_of("proposed_change_set", sample("proposed_change_set", **{field: [{**FILE, "path": path}]}))
        assert found[0].startswith(f"{field}[0].path: ")


def test_a_report_that_contradicts_itself_is_not_passed() -> None:
    contradictory, remarks = validated("qa_result", sample("qa_result", passed=True))
    assert not contradictory.is_passed
    assert remarks == ("passed is true although an issue has fix_required: it counts as not passed",)
    harmless, remarks = validated(
        "qa_result", sample("qa_result", passed=True, issues=[{**ISSUE, "fix_required": False}])
    )
    assert harmless.is_passed
    assert remarks == ()
    assert not validated("qa_result", sample("qa_result", issues=[]))[0].is_passed


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("epic", "epic"),
        ("arch_spec", "arch_notes"),
        ("code_deliverable", "proposed_change_set"),
        ("qa_report", "qa_result"),
        ("EpicSpec", "epic"),
        ("ArchitectureDeliverable", "arch_notes"),
        ("DeveloperDeliverable", "proposed_change_set"),
        ("QADeliverable", "qa_result"),
    ],
)
def test_a_type_has_several_names(name: str, kind: str) -> None:
    assert canonical_type(name) == kind
    assert model_of(name) is model_of(kind)


def test_the_models_have_the_names_of_both_plans() -> None:
    assert ArchitectureDeliverable is ArchitectureSpec is model_of("arch_notes")
    assert (DeveloperDeliverable, QADeliverable) == (model_of("code_deliverable"), model_of("qa_report"))


def test_published_names_begin_with_the_own_one() -> None:
    assert aliases_of("arch_spec") == ("arch_notes", "arch_spec")
    assert aliases_of("epic") == ("epic",)


def test_an_unknown_type_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UnknownArtifactType, match="there are epic, arch_notes"):
        canonical_type("poem")


def nested(depth: int) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (nested(60), "nested deeper"),
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
        (10**400, "can't carry safely"),
        ("a\0b", "NUL"),
        ("\ud800", "lone surrogate"),
        ("x" * (5 * 1024 * 1024 + 1), "longer than"),
        ([1] * 5001, "more than 5000 items"),
        ([[1] * 4000] * 60, "more than 200000 values"),
        (["x" * 4_000_000] * 3, "the payload: is longer than"),
        ({1: 2}, "whose name is a int"),
        ({"k" * 201: 1}, "whose name is longer"),
        ({"\ud800": 1}, "whose name holds half"),
        ({1, 2}, "no JSON but a set"),
    ],
)
def test_no_payload_is_larger_than_any_honest_one(value: Any, words: str) -> None:
    (found,) = errors_of("epic", sample("epic", more=value))
    assert words in found
    assert len(found) < 400


def test_a_payload_is_an_object() -> None:
    assert errors_of("epic", ["epic"]) == ("the payload: is no object",)


def test_errors_are_few_and_short() -> None:
    stories = [{**STORY, "priority": "x" * 1000} for _ in range(30)]
    found = errors_of("epic", sample("epic", stories=stories))
    assert len(found) == 21
    assert found[-1] == "and 10 more errors"
    assert max(map(len, found)) <= 300


def test_remarks_are_few() -> None:
    stories = [{**STORY, "id": f"S-{number}", "estimate_hours": 50} for number in range(60)]
    remarks = validated("epic", sample("epic", stories=stories, total_estimate_hours=3000))[1]
    assert (len(remarks), remarks[-1]) == (51, "and 10 more remarks")


def _mutated(payload: Any, path: list[int], value: Any) -> Any:
    """The payload with another value at the place that the numbers lead to."""
    here = payload
    while path and isinstance(here, dict | list) and here:
        step = path.pop(0)
        key = list(here)[step % len(here)] if isinstance(here, dict) else step % len(here)
        if not path or not isinstance(here[key], dict | list):
            here[key] = value
            break
        here = here[key]
    return payload


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.sampled_from(TYPES), st.lists(st.integers(0, 9), min_size=1, max_size=5), JSON)
def test_any_json_is_an_artifact_or_told_why_not(artifact_type: str, path: list[int], value: Any) -> None:
    payload = _mutated(deepcopy(SAMPLES[artifact_type]), path, value)
    try:
        model, _ = validated(artifact_type, payload)
    except ArtifactInvalid:
        return
    assert validated(artifact_type, model.model_dump(mode="json"))[0] == model
