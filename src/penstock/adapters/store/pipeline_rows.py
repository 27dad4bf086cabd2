"""From pipelines and what comes of them to rows and back. Pure; texts of others are made storable, never changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.adapters.store.codec import plain_json, storable
from penstock.domain.pipelines import Artifact, Issue, KeptAnswer, PhaseAttempt, Pipeline, PipelineNote, Transition
from penstock.domain.states import PipelineStatus, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_REASON = 256


def new_pipeline(pipeline: Pipeline) -> dict[str, Any]:
    """The whole row of a pipeline."""
    return {
        "pipeline_id": storable(pipeline.id),
        "project": storable(pipeline.project),
        "epic_id": storable(pipeline.epic_id),
        "description": storable(pipeline.description),
        "initial_context": plain_json(pipeline.context),
        "generation": pipeline.generation,
        "created_at": pipeline.created_at,
        **pipeline_columns(pipeline),
    }


def pipeline_columns(pipeline: Pipeline) -> dict[str, Any]:
    """The columns of a pipeline that change on its way."""
    return {
        "state": storable(pipeline.state),
        "current_phase": storable(pipeline.phase),
        "status": pipeline.status.value,
        "reason": None if pipeline.reason is None else pipeline.reason.value,
        "sentence": storable(pipeline.sentence),
        "round": pipeline.round,
        "returns": pipeline.returns,
        "replans": pipeline.replans,
        "approved": plain_json(pipeline.approved),
        "branch": storable(pipeline.branch),
        "base": pipeline.base,
        "head": pipeline.head,
        "run_id": pipeline.run,
        "wanted": pipeline.wanted,
        "token_budget": pipeline.token_budget,
        "alerted_at": pipeline.alerted_at,
        "alerted_tokens": pipeline.alerted_tokens,
        "updated_at": pipeline.updated_at,
        "completed_at": pipeline.completed_at,
    }


def pipeline_of(row: Mapping[str, Any]) -> Pipeline:
    """A pipeline from its row and `project_path`, its project's."""
    same = (
        *("project", "project_path", "epic_id", "description", "sentence", "round", "returns", "replans", "branch"),
        *("base", "head", "wanted", "token_budget", "alerted_at", "alerted_tokens", "generation", "created_at"),
        *("updated_at", "completed_at"),
    )
    return Pipeline(
        id=row["pipeline_id"],
        context=json.loads(row["initial_context"]),
        phase=row["current_phase"],
        status=PipelineStatus(row["status"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        approved=tuple(json.loads(row["approved"])),
        run=row["run_id"],
        **{name: row[name] for name in same},
    )


def transition_row(pipeline_id: str, transition: Transition) -> dict[str, Any]:
    """One move."""
    return {
        "pipeline_id": pipeline_id,
        "from_state": storable(transition.source),
        "to_state": storable(transition.target),
        "timestamp": transition.at,
        "reason": storable(transition.reason)[:LONGEST_REASON],
    }


def artifact_row(artifact: Artifact) -> dict[str, Any]:
    """One artifact with its documents."""
    return {
        "artifact_id": artifact.id,
        "pipeline_id": artifact.pipeline,
        "artifact_type": storable(artifact.type),
        "phase": storable(artifact.phase),
        "mentor_role": storable(artifact.role),
        "origin": artifact.origin,
        "prompt_id": artifact.prompt,
        "attempt": artifact.attempt,
        "strategy": storable(artifact.strategy),
        "validation_status": artifact.status,
        "warnings": plain_json(artifact.warnings),
        "payload": plain_json(artifact.payload),
        "markdown": storable(artifact.markdown),
        "html": storable(artifact.html),
        "created_at": artifact.at,
    }


def artifact_of(row: Mapping[str, Any]) -> Artifact:
    """An artifact from its row."""
    return Artifact(
        id=row["artifact_id"],
        pipeline=row["pipeline_id"],
        type=row["artifact_type"],
        role=row["mentor_role"],
        prompt=row["prompt_id"],
        status=row["validation_status"],
        warnings=tuple(json.loads(row["warnings"])),
        payload=json.loads(row["payload"]),
        at=row["created_at"],
        **{name: row[name] for name in ("phase", "origin", "attempt", "strategy", "markdown", "html")},
    )


_OF_ATTEMPT = ("id", "phase", "number", "round", "model", "started_at", "ended_at", "outcome")


def attempt_row(attempt: PhaseAttempt) -> dict[str, Any]:
    """One try of a phase."""
    return {
        **{name: getattr(attempt, name) for name in _OF_ATTEMPT},
        "pipeline_id": attempt.pipeline,
        "role_name": attempt.role,
        "prompt_id": attempt.prompt,
        "stable": storable(attempt.stable),
        "asked": storable(attempt.asked),
        "run_id": attempt.run,
        "sentence": storable(attempt.sentence),
    }


def attempt_of(row: Mapping[str, Any]) -> PhaseAttempt:
    """A try of a phase from its row."""
    return PhaseAttempt(
        pipeline=row["pipeline_id"],
        role=row["role_name"],
        prompt=row["prompt_id"],
        run=row["run_id"],
        **{name: row[name] for name in (*_OF_ATTEMPT, "stable", "asked", "sentence")},
    )


def answer_row(answer: KeptAnswer) -> dict[str, Any]:
    """One answer of a model."""
    return {
        "attempt": answer.attempt,
        "voice": answer.voice,
        "number": answer.number,
        "text": storable(answer.text),
        "stop": storable(answer.stop),
        "model": storable(answer.model),
        "strategy": storable(answer.strategy),
        "errors": plain_json(answer.errors),
        "at": answer.at,
    }


def answer_of(row: Mapping[str, Any]) -> KeptAnswer:
    """An answer from its row."""
    same = ("attempt", "voice", "number", "text", "stop", "model", "strategy", "at")
    return KeptAnswer(errors=tuple(json.loads(row["errors"])), **{name: row[name] for name in same})


def note_row(pipeline_id: str, note: PipelineNote) -> dict[str, Any]:
    """Something that happened."""
    return {"pipeline_id": pipeline_id, "type": note.type, "payload": plain_json(note.payload), "at": note.at}


def issue_row(issue: Issue) -> dict[str, Any]:
    """One finding."""
    return {
        **{name: getattr(issue, name) for name in ("id", "project", "source", "fix_required", "is_debt")},
        **{name: getattr(issue, name) for name in ("at", "closed_at")},
        "pipeline_id": issue.pipeline,
        "run_id": issue.run,
        **{name: storable(getattr(issue, name)) for name in ("severity", "category", "description", "location")},
    }
