"""Pipelines on a database: each method is one transaction in the writer's thread, durable when it returns.

Whatever is written of a pipeline begins with a statement on its own row: so what is written of one has an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, insert, select, update

from penstock.adapters.store import pipeline_rows as rows
from penstock.adapters.store.codec import storable
from penstock.adapters.store.library_tables import (
    artifacts,
    issues,
    phase_answers,
    phase_attempts,
    phase_transitions,
    pipeline_notes,
    pipelines,
)
from penstock.adapters.store.statements import replacing, statements
from penstock.adapters.store.tables import projects
from penstock.domain.states import TERMINAL_PIPELINE
from penstock.ports import OwnershipLost
from penstock.ports.library import UnknownPipeline

if TYPE_CHECKING:
    from penstock.adapters.store.owned import Owned
    from penstock.adapters.store.writer import Writer
    from penstock.domain.pipelines import Artifact, KeptAnswer, PhaseAttempt, Pipeline, PipelineNote
    from penstock.ports.library import Headway

NAMED = 3
"""How many of the newest pipelines are named when one is not found."""

OVER = tuple(status.value for status in TERMINAL_PIPELINE)


class SqlPipelines:
    """Pipelines, their artifacts, attempts and answers in tables."""

    def __init__(self, writer: Writer, owned: Owned) -> None:
        self._writer = writer
        self._owned = owned

    async def create(self, progress: Headway) -> None:
        """Store a pipeline and its project before its first phase."""
        pipeline = progress.pipeline
        project = {"id": pipeline.project, "path": pipeline.project_path, "created_at": pipeline.created_at}

        def work(connection: Connection) -> None:
            connection.execute(statements(connection.dialect.name).keep_project, project)
            connection.execute(insert(pipelines), rows.new_pipeline(pipeline))
            _write_what_follows(connection, progress)

        await self._writer.write(work)

    async def claim(self, pipeline_id: str) -> Pipeline:
        """Raise the generation and load it."""
        self._check(pipeline_id)

        def work(connection: Connection) -> Pipeline:
            raised = update(pipelines).where(pipelines.c.pipeline_id == storable(pipeline_id))
            connection.execute(raised.values(generation=pipelines.c.generation + 1))
            return _read(connection, pipeline_id)

        return await self._writer.write(work)

    async def load(self, pipeline_id: str) -> Pipeline:
        """Read it without claiming it."""
        return await self._writer.read(lambda connection: _read(connection, pipeline_id))

    async def want(self, pipeline_id: str, phase: str, note: PipelineNote) -> bool:
        """Ask that this phase be performed: true for one of all that ask."""
        column = pipelines.c
        asking = (
            update(pipelines)
            .where(column.pipeline_id == storable(pipeline_id), column.current_phase == storable(phase))
            .where(column.wanted == "", column.status.not_in(OVER))
            .values(wanted=storable(phase), updated_at=note.at)
        )

        def work(connection: Connection) -> bool:
            if connection.execute(asking).rowcount == 0:
                known_pipeline(connection, pipeline_id)
                return False
            connection.execute(insert(pipeline_notes), rows.note_row(pipeline_id, note))
            return True

        return await self._writer.write(work)

    async def commit(self, progress: Headway) -> None:
        """All that follows from a step; `OwnershipLost`, and nothing stored, for an old generation."""
        pipeline = progress.pipeline
        self._check(pipeline.id)

        def work(connection: Connection) -> None:
            _change_owned(connection, pipeline, rows.pipeline_columns(pipeline))
            _write_what_follows(connection, progress)

        await self._writer.write(work)

    async def attempts(self, pipeline_id: str) -> tuple[PhaseAttempt, ...]:
        """Every attempt at its phases, oldest first."""
        found = await self._all(phase_attempts, phase_attempts.c.pipeline_id == storable(pipeline_id))
        return tuple(map(rows.attempt_of, found))

    async def keep_answer(self, pipeline: Pipeline, answer: KeptAnswer) -> None:
        """Keep what a model answered; kept again, it is replaced."""
        self._check(pipeline.id)

        def work(connection: Connection) -> None:
            _change_owned(connection, pipeline, {"generation": pipeline.generation})
            storing = replacing(connection.dialect.name, phase_answers, "attempt", "voice", "number", kept=("place",))
            connection.execute(storing, rows.answer_row(answer))

        await self._writer.write(work)

    async def answers(self, attempt: str) -> tuple[KeptAnswer, ...]:
        """What was answered to an attempt, in its order."""
        return tuple(map(rows.answer_of, await self._all(phase_answers, phase_answers.c.attempt == storable(attempt))))

    async def artifacts(self, pipeline_id: str) -> tuple[Artifact, ...]:
        """Every artifact, oldest first."""
        return tuple(
            map(rows.artifact_of, await self._all(artifacts, artifacts.c.pipeline_id == storable(pipeline_id)))
        )

    async def add_artifact(self, artifact: Artifact, note: PipelineNote) -> None:
        """Add one that a person gives."""
        mine = pipelines.c.pipeline_id == storable(artifact.pipeline)
        touching = update(pipelines).where(mine).values(updated_at=artifact.at)

        def work(connection: Connection) -> None:
            if connection.execute(touching).rowcount == 0:
                raise unknown_pipeline(connection, artifact.pipeline)
            connection.execute(insert(artifacts), rows.artifact_row(artifact))
            connection.execute(insert(pipeline_notes), rows.note_row(artifact.pipeline, note))

        await self._writer.write(work)

    async def _all(self, table: Table, condition: Any) -> list[Any]:
        query = select(table).where(condition).order_by(table.c.place)
        return await self._writer.read(lambda connection: [row._asdict() for row in connection.execute(query)])

    def _check(self, pipeline_id: str) -> None:
        self._owned.check(pipeline_id, what="pipeline", again="penstock advance")


def unknown_pipeline(connection: Connection, pipeline_id: str) -> UnknownPipeline:
    """The error for a pipeline that is not stored."""
    column = pipelines.c
    newest = select(column.pipeline_id).order_by(column.created_at.desc(), column.pipeline_id.desc()).limit(NAMED)
    return UnknownPipeline(pipeline_id, connection.scalars(newest).all())


def known_pipeline(connection: Connection, pipeline_id: str) -> Any:
    """The row of a pipeline that is stored, with its project's path; an error for one that is not."""
    query = select(pipelines, projects.c.path.label("project_path")).join(
        projects, projects.c.id == pipelines.c.project
    )
    row = connection.execute(query.where(pipelines.c.pipeline_id == storable(pipeline_id))).one_or_none()
    if row is None:
        raise unknown_pipeline(connection, pipeline_id)
    return row


def _read(connection: Connection, pipeline_id: str) -> Pipeline:
    return rows.pipeline_of(known_pipeline(connection, pipeline_id)._asdict())


def _change_owned(connection: Connection, pipeline: Pipeline, values: dict[str, Any]) -> None:
    column = pipelines.c
    ours = (column.pipeline_id == pipeline.id, column.generation == pipeline.generation)
    if connection.execute(update(pipelines).where(*ours).values(values)).rowcount == 0:
        raise OwnershipLost(
            f"the pipeline {pipeline.id} was taken over by another process while this one worked on it",
            hint=f"nothing is lost: see it with `penstock epic show {pipeline.id}`",
        )


def _write_what_follows(connection: Connection, progress: Headway) -> None:
    pipeline_id, dialect, kept = progress.pipeline.id, connection.dialect.name, ("place",)
    attempts = [] if progress.attempt is None else [rows.attempt_row(progress.attempt)]
    for statement, made in (
        (replacing(dialect, phase_attempts, "id", kept=kept), attempts),
        (insert(artifacts), [rows.artifact_row(one) for one in progress.artifacts]),
        (replacing(dialect, issues, "id", kept=kept), [rows.issue_row(one) for one in progress.issues]),
        (insert(phase_transitions), [rows.transition_row(pipeline_id, one) for one in progress.transitions]),
        (insert(pipeline_notes), [rows.note_row(pipeline_id, one) for one in progress.notes]),
    ):
        if made:
            connection.execute(statement, made)
