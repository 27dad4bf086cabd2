"""The published schemas are those of the models, and take what the models take."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from planning_samples import SAMPLES, sample

from penstock.planning.artifacts import model_of
from penstock.planning.schemas import file_name, main, schemas

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("artifact_type", sorted(SAMPLES))
def test_the_published_schema_is_that_of_the_model(artifact_type: str) -> None:
    published = json.loads((ROOT / "schema" / "artifacts" / file_name(artifact_type)).read_text(encoding="utf-8"))
    assert published == schemas()[artifact_type]
    jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("artifact_type", sorted(SAMPLES))
def test_a_schema_takes_what_the_model_takes(artifact_type: str) -> None:
    validator = jsonschema.Draft202012Validator(schemas()[artifact_type])
    assert validator.is_valid(sample(artifact_type))
    assert validator.is_valid(sample(artifact_type, more="kept"))
    for name, field in model_of(artifact_type).model_fields.items():
        assert validator.is_valid(sample(artifact_type, **{name: ...})) is not field.is_required()


def test_all_are_written_into_a_folder(tmp_path: Path) -> None:
    main(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {file_name(name) for name in SAMPLES}
