"""The published JSON Schemas of artifacts. `python -m penstock.planning.schemas FOLDER` writes them from the models."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.planning.artifacts import ARTIFACT_MODELS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each type: what is not prescribed may be there too, for it is kept."""
    return {name: {"$schema": DIALECT, **_opened(model.model_json_schema())} for name, model in ARTIFACT_MODELS.items()}


def file_name(artifact_type: str) -> str:
    """The file in which a type's schema is published."""
    return f"{artifact_type}.schema.json"


def _opened(value: Any) -> Any:  # any part of a schema
    if isinstance(value, Mapping):
        return {
            name: _opened(item)
            for name, item in value.items()
            if not (name == "additionalProperties" and item is False)
        }
    return [_opened(item) for item in value] if isinstance(value, list) else value


def main(folder: str) -> None:
    """Write all of them."""
    for artifact_type, schema in schemas().items():
        Path(folder, file_name(artifact_type)).write_text(f"{json.dumps(schema, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
