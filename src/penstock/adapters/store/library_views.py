"""What people may ask about pipelines, their artifacts and findings, and about prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, select, tuple_

from penstock.adapters.store.asking import Asking, on_the_wire, told_json
from penstock.adapters.store.codec import storable
from penstock.adapters.store.library_tables import (
    artifacts,
    issues,
    phase_attempts,
    phase_transitions,
    pipeline_notes,
    pipelines,
    role_prompts,
)
from penstock.adapters.store.pipelines import OVER, known_pipeline
from penstock.ports.library import UnknownArtifact

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


class SqlLibraryViews(Asking):
    """Pipelines, artifacts, findings and prompts."""

    def pipelines(
        self,
        *,
        project: str | None = None,
        status: str | None = None,
        before: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """The latest pipelines, newest first: each as `pipeline` answers it, without its parts and its context. With
        `before` those older than this one; UnknownPipeline.
        """
        column = pipelines.c
        query = select(pipelines).order_by(column.created_at.desc(), column.pipeline_id.desc())
        if project is not None:
            query = query.where(column.project == storable(project))
        if status is not None:
            query = query.where(column.status == storable(status))
        with self._connected() as connection:
            if before is not None:
                last = known_pipeline(connection, before)
                query = query.where(tuple_(column.created_at, column.pipeline_id) < (last.created_at, last.pipeline_id))
            return [_pipeline(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def pipeline(self, pipeline_id: str) -> dict[str, Any]:
        """One pipeline.

        pipeline_id, project, epic_id, description, state, current_phase, status, reason (null: none), sentence, round,
        returns, replans, approved [phase], branch, base, head, run_id, wanted, token_budget, alerted_at,
        alerted_tokens, generation, created_at, updated_at, completed_at; initial_context, project_path; phase_history
        [{from, to, timestamp, reason}]; attempts [{id, phase, role_name, number, round, prompt_id, model, run_id,
        started_at, ended_at, outcome, sentence}] and artifacts [as `artifact` answers them, without payload, markdown
        and html], each oldest first.
        """
        with self._connected() as connection:
            row = known_pipeline(connection, pipeline_id)
            return {
                **_pipeline(row),
                "project_path": row.project_path,
                "initial_context": told_json(row.initial_context),
                "phase_history": [_move(one) for one in _of(connection, phase_transitions, pipeline_id)],
                "attempts": [_attempt(one) for one in _of(connection, phase_attempts, pipeline_id, "stable", "asked")],
                "artifacts": [
                    _artifact(one) for one in _of(connection, artifacts, pipeline_id, "payload", "markdown", "html")
                ],
            }

    def artifact(self, artifact_id: str) -> dict[str, Any]:
        """One artifact.

        artifact_id, pipeline_id, artifact_type, phase, mentor_role, origin, prompt_id, attempt, strategy,
        validation_status, warnings [text], created_at, payload, markdown, html.
        """
        with self._connected() as connection:
            row = connection.execute(
                select(artifacts).where(artifacts.c.artifact_id == storable(artifact_id))
            ).one_or_none()
            if row is None:
                raise UnknownArtifact(artifact_id)
            return _whole(row)

    def artifacts_of(self, pipeline_id: str, *, type: str | None = None) -> list[dict[str, Any]]:  # noqa: A002
        """The artifacts of a pipeline with payload and documents, oldest first."""
        with self._connected() as connection:
            known_pipeline(connection, pipeline_id)
            query = select(artifacts).where(artifacts.c.pipeline_id == pipeline_id).order_by(artifacts.c.place)
            if type is not None:
                query = query.where(artifacts.c.artifact_type == storable(type))
            return [_whole(row) for row in connection.execute(query)]

    def pipeline_notes(self, pipeline_id: str, *, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """What happened to it after an id, oldest first: id, type, at, payload."""
        column = pipeline_notes.c
        query = select(pipeline_notes).where(column.pipeline_id == pipeline_id, column.id > after)
        with self._connected() as connection:
            known_pipeline(connection, pipeline_id)
            return [
                {"id": row.id, "type": row.type, "at": on_the_wire(row.at), "payload": told_json(row.payload)}
                for row in connection.execute(query.order_by(column.id).limit(limit))
            ]

    def issues(
        self, *, project: str | None = None, pipeline: str | None = None, is_open: bool | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Findings, newest first.

        id, project, pipeline_id, run_id, source, severity, category, description, location, fix_required, is_debt, at,
        closed_at.
        """
        column = issues.c
        query = select(issues).order_by(column.place.desc()).limit(limit)
        if project is not None:
            query = query.where(column.project == storable(project))
        if pipeline is not None:
            query = query.where(column.pipeline_id == storable(pipeline))
        if is_open is not None:
            query = query.where(column.closed_at.is_(None) if is_open else column.closed_at.is_not(None))
        with self._connected() as connection:
            return [_told(row, "at", "closed_at") for row in connection.execute(query)]

    def unfinished_pipelines(self) -> list[str]:
        """The ids of those whose phase somebody has asked to be performed, oldest first."""
        column = pipelines.c
        query = select(column.pipeline_id).where(column.wanted != "", column.status.not_in(OVER))
        with self._connected() as connection:
            return list(connection.scalars(query.order_by(column.created_at, column.pipeline_id)))

    def prompts(self, *, role: str | None = None) -> list[dict[str, Any]]:
        """Every version of the prompts of a role or of all, by role, oldest first.

        id, role_name, version, starting_prompt, bootstrapper, instructions, working_schema (null: none), template,
        is_active, created_at, updated_at, created_by, notes.
        """
        query = select(role_prompts).order_by(role_prompts.c.role_name, role_prompts.c.place)
        if role is not None:
            query = query.where(role_prompts.c.role_name == storable(role))
        with self._connected() as connection:
            return [_prompt(row) for row in connection.execute(query)]


def _of(connection: Connection, table: Table, pipeline_id: str, *without: str) -> list[Row[Any]]:
    wanted = [column for column in table.columns if column.name not in without]
    query = select(*wanted).where(table.c.pipeline_id == pipeline_id).order_by(*table.primary_key.columns)
    return list(connection.execute(query))


def _told(row: Row[Any], *moments: str) -> dict[str, Any]:
    """A row by the names of its columns; its place in the table is nobody's business."""
    told = {name: value for name, value in row._asdict().items() if name != "place"}
    return {**told, **{name: on_the_wire(told[name]) for name in moments}}


_PARTS_OF_PIPELINE = ("project_path", "initial_context")


def _pipeline(row: Row[Any]) -> dict[str, Any]:
    told = _told(row, "alerted_at", "created_at", "updated_at", "completed_at")
    shown = {name: value for name, value in told.items() if name not in _PARTS_OF_PIPELINE}
    return {**shown, "approved": told_json(row.approved)}


def _move(row: Row[Any]) -> dict[str, Any]:
    return {"from": row.from_state, "to": row.to_state, "timestamp": on_the_wire(row.timestamp), "reason": row.reason}


def _attempt(row: Row[Any]) -> dict[str, Any]:
    told = _told(row, "started_at", "ended_at")
    del told["pipeline_id"]
    return told


def _artifact(row: Row[Any]) -> dict[str, Any]:
    return {**_told(row, "created_at"), "warnings": told_json(row.warnings)}


def _whole(row: Row[Any]) -> dict[str, Any]:
    return {**_artifact(row), "payload": told_json(row.payload)}


def _prompt(row: Row[Any]) -> dict[str, Any]:
    schema = row.working_schema
    told = _told(row, "created_at", "updated_at")
    return {**told, "working_schema": None if schema is None else told_json(schema)}
