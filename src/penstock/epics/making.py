"""Artifacts and issues as they are stored: validated, without secrets, with their documents."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from penstock.domain.pipelines import Artifact, Issue, Pipeline
from penstock.planning.artifacts import canonical_type, validated
from penstock.planning.documents import documents_of

Redact = Callable[[str], str]
MOST_DEPTH = 60


def artifact_of(  # noqa: PLR0913 - one parameter for each thing that is known of an artifact
    pipeline: Pipeline,
    artifact_type: str,
    payload: Mapping[str, Any],
    *,
    origin: str,
    role: str,
    phase: str,
    at: datetime,
    redact: Redact,
    prompt: str = "",
    attempt: str = "",
    strategy: str = "",
) -> Artifact:
    """The artifact that a payload is, or ArtifactInvalid with all that is wrong with it."""
    kind = canonical_type(artifact_type)
    model, warnings = validated(kind, redacted_json(payload, redact))
    documents = documents_of(kind, model)
    return Artifact(
        id=f"art_{secrets.token_hex(8)}",
        pipeline=pipeline.id,
        type=kind,
        phase=phase,
        role=role,
        origin=origin,
        prompt=prompt,
        attempt=attempt,
        strategy=strategy,
        status="valid",
        warnings=tuple(warnings),
        payload=model.model_dump(mode="json"),
        markdown=documents.markdown,
        html=documents.html,
        at=at,
    )


def issue_of(  # noqa: PLR0913 - as above
    pipeline: Pipeline,
    *,
    source: str,
    severity: str,
    category: str,
    description: str,
    at: datetime,
    location: str = "",
    fix_required: bool = False,
    is_debt: bool = False,
    run: str = "",
) -> Issue:
    """A finding that outlives the phase."""
    return Issue(
        id=f"iss_{secrets.token_hex(8)}",
        project=pipeline.project,
        pipeline=pipeline.id,
        run=run or pipeline.run,
        source=source,
        severity=severity,
        category=category,
        description=description,
        location=location,
        fix_required=fix_required,
        is_debt=is_debt,
        at=at,
    )


def redacted_json(value: Any, redact: Redact, depth: int = 0) -> Any:  # whatever JSON holds
    """The same JSON with its texts redacted; what is nested deeper than any honest value is cut off."""
    if depth > MOST_DEPTH:
        return None
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): redacted_json(item, redact, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_json(item, redact, depth + 1) for item in value]
    return value


def mended(row: Mapping[str, Any], at: datetime) -> Issue:
    """A finding, as views tell it, that is no more: stored again it is closed."""
    return Issue(
        id=row["id"],
        project=row["project"],
        pipeline=row["pipeline_id"] or "",
        run=row["run_id"] or "",
        source=row["source"],
        severity=row["severity"],
        category=row["category"],
        description=row["description"],
        location=row["location"],
        fix_required=row["fix_required"],
        is_debt=row["is_debt"],
        at=datetime.fromisoformat(row["at"]),
        closed_at=at,
    )
