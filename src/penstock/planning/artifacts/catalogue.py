"""The types of artifacts by their names, old and new, and the judgement whether a payload is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from penstock.domain.errors import UserError
from penstock.planning.artifacts.analysis import BASpec
from penstock.planning.artifacts.architecture import ArchitectureSpec
from penstock.planning.artifacts.code import CodeDeliverable
from penstock.planning.artifacts.commit import CommitResult
from penstock.planning.artifacts.epic import EpicSpec
from penstock.planning.artifacts.payloads import payload_fault
from penstock.planning.artifacts.quality import QAReport
from penstock.planning.artifacts.shape import Shape, remarks_of

ARTIFACT_MODELS: Mapping[str, type[Shape]] = MappingProxyType(
    {
        "epic": EpicSpec,
        "arch_notes": ArchitectureSpec,
        "ba_spec": BASpec,
        "proposed_change_set": CodeDeliverable,
        "qa_result": QAReport,
        "commit_result": CommitResult,
    }
)
_ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"arch_notes": ("arch_spec",), "proposed_change_set": ("code_deliverable",), "qa_result": ("qa_report",)}
)
_OLD_CLASSES = {
    "ArchitectureDeliverable": "arch_notes",
    "DeveloperDeliverable": "proposed_change_set",
    "QADeliverable": "qa_result",
}
_BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in ARTIFACT_MODELS},
        **{alias: name for name, aliases in _ALIASES.items() for alias in aliases},
        **{model.__name__: name for name, model in ARTIFACT_MODELS.items()},
        **_OLD_CLASSES,
    }
)
MOST_ERRORS = 20
LONGEST_ERROR = 300
LONGEST_FOUND = 60
MOST_REMARKS = 50


class UnknownArtifactType(UserError):
    """No artifact is of this type."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no artifact type {name[:60]!r}; there are {', '.join(ARTIFACT_MODELS)}")


class ArtifactInvalid(UserError):
    """A payload is not what its type says. `errors` name each place and what is wrong with it."""

    code = "invalid_artifact"

    def __init__(self, artifact_type: str, errors: tuple[str, ...]) -> None:
        self.type, self.errors = artifact_type, errors
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(
            f"this is no valid {artifact_type}: {errors[0]}{more}",
            hint=f"`schema/artifacts/{artifact_type}.schema.json` says what it has to hold",
        )


def canonical_type(name: str) -> str:
    """The one name of a type that is given by any of its names; UnknownArtifactType."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownArtifactType(name) from None


def aliases_of(name: str) -> tuple[str, ...]:
    """The names under which an artifact of a type is published, its own first."""
    kind = canonical_type(name)
    return (kind, *_ALIASES.get(kind, ()))


def model_of(name: str) -> type[Shape]:
    """The model of a type."""
    return ARTIFACT_MODELS[canonical_type(name)]


def validated(name: str, payload: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The artifact that a payload is, and what is odd about it; ArtifactInvalid with all that is wrong."""
    kind = canonical_type(name)
    fault = payload_fault(payload)
    if fault is not None:
        raise ArtifactInvalid(kind, (fault,))
    try:
        model = ARTIFACT_MODELS[kind].model_validate(payload)
    except ValidationError as invalid:
        raise ArtifactInvalid(kind, _sentences(invalid)) from None
    remarks = list(remarks_of(model))
    left_out = [f"and {len(remarks) - MOST_REMARKS} more remarks"] if len(remarks) > MOST_REMARKS else []
    return model, (*remarks[:MOST_REMARKS], *left_out)


def _sentences(invalid: ValidationError) -> tuple[str, ...]:
    found = invalid.errors(include_url=False, include_context=True)
    told = [_sentence(error) for error in found[:MOST_ERRORS]]
    return (*told, *([f"and {len(found) - MOST_ERRORS} more errors"] if len(found) > MOST_ERRORS else []))


def _sentence(error: ErrorDetails) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] == "missing":
        words = "is missing"
    elif error["type"] == "value_error":
        words = str(error["ctx"]["error"])
    else:
        words = f"{error['msg'][:1].lower()}{error['msg'][1:]}; found {_found(error['input'])}"
    return f"{place or 'the payload'}: {words}"[:LONGEST_ERROR]


def _found(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value[: LONGEST_FOUND + 1] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}…"
