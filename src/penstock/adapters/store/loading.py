"""From rows to a run, and from a new run to rows. What follows from the rows is not stored but derived."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, insert, select, update

from penstock.adapters.store import tables
from penstock.adapters.store.codec import (
    COMMANDS,
    METADATA,
    PROGRESS,
    RUN_PROGRESS,
    Metadata,
    plain_json,
    run_fields,
    storable,
)
from penstock.adapters.store.failures import DatabaseUnreadable
from penstock.adapters.store.statements import run_columns, statements
from penstock.domain.ranked import rank
from penstock.domain.ranks import Rows
from penstock.domain.run import Run, derive
from penstock.domain.states import RunState
from penstock.ports import Loaded, NewRun, OwnershipLost, RunExists, UnknownRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.domain.commands import Command

NAMED = 3
"""How many of the newest runs are named when one is not found."""


def unknown_run(connection: Connection, run_id: str) -> UnknownRun:
    """The error for a run that is not stored."""
    column = tables.runs.c
    newest = select(column.run_id).order_by(column.created_at.desc(), column.run_id.desc()).limit(NAMED)
    return UnknownRun(run_id, connection.scalars(newest).all())


def known_run(connection: Connection, run_id: str) -> Row[Any]:
    """The row of a run that is stored; an error for one that is not."""
    row = connection.execute(select(tables.runs).where(tables.runs.c.run_id == storable(run_id))).one_or_none()
    if row is None:
        raise unknown_run(connection, run_id)
    return row


def insert_run(connection: Connection, new: NewRun, now: datetime) -> None:
    """Store a run, its project and one row per workstream."""
    run = new.run
    known = statements(connection.dialect.name)
    project = {"id": new.project, "path": new.project_path, "created_at": now}
    connection.execute(known.keep_project, project)
    made_from = Metadata(plan=run.plan.plan, policy=run.policy, settings=new.settings, documents=tuple(new.documents))
    stored = connection.execute(
        known.insert_run,
        {
            **run_columns(run),
            "run_id": run.id,
            "project": new.project,
            "branch": run.branch,
            "generation": 0,
            "metadata": _metadata(new.metadata, run),
            "pipeline_id": storable(new.pipeline) or None,
            "created_at": now,
            "updated_at": now,
        },
    )
    if stored.first() is None:
        raise RunExists(run.id)
    connection.execute(insert(tables.plans), {"run_id": run.id, "content": METADATA.write(made_from)})
    rows = [_workstream(run, place, now) for place in range(len(run.plan))]
    if rows:
        connection.execute(insert(tables.workstreams), rows)


def replace_plan(
    connection: Connection, run: Run, generation: int, documents: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Store the plan of a run that has not begun, its workstreams with their ranks."""
    runs, plans, workstreams = tables.runs, tables.plans, tables.workstreams
    owned = (runs.c.run_id == run.id, runs.c.generation == generation, runs.c.status == RunState.PENDING.value)
    metadata = connection.scalar(select(runs.c.metadata).where(*owned))
    if metadata is None:
        raise OwnershipLost(f"the run {run.id} was begun or taken over by another process while its plan was made")
    stored = METADATA.read(connection.execute(select(plans.c.content).where(plans.c.run_id == run.id)).scalar_one())
    made_from = replace(stored, plan=run.plan.plan, documents=tuple(documents))
    connection.execute(update(runs).where(*owned).values(metadata=_metadata(json.loads(metadata), run), updated_at=now))
    connection.execute(update(plans).where(plans.c.run_id == run.id).values(content=METADATA.write(made_from)))
    known = set(connection.scalars(select(workstreams.c.ws_id).where(workstreams.c.run_id == run.id)))
    for place, one in enumerate(run.plan.order):
        if one.id in known:
            mine = (workstreams.c.run_id == run.id, workstreams.c.ws_id == one.id)
            connection.execute(update(workstreams).where(*mine).values(rank=place))
        else:
            connection.execute(insert(workstreams), _workstream(run, place, now))


def _metadata(said: Mapping[str, Any], run: Run) -> str:
    return plain_json({**said, "title": run.plan.plan.title, "workstreams": len(run.plan)})


def _workstream(run: Run, place: int, now: datetime) -> dict[str, Any]:
    workstream, progress = run.plan.order[place], run.rows[place]
    shown = {
        "title": workstream.title,
        "after": workstream.after,
        "gate": run.plan.gate_of(place),
        "test_gates": [
            {"type": gate.type, "required": gate.required, "blocking": gate.blocking} for gate in workstream.test_gates
        ],
        "compensation": [{"kind": line.kind.value, "text": line.text} for line in workstream.compensation],
    }
    return {
        "run_id": run.id,
        "ws_id": workstream.id,
        "rank": place,
        "status": progress.state.value,
        "depends_on": plain_json(workstream.depends_on),
        "metadata": plain_json(shown),
        "progress": PROGRESS.write(progress),
        "created_at": now,
        "updated_at": now,
    }


def read_run(connection: Connection, run_id: str) -> Loaded:
    """A run as its rows tell it, with the commands that nobody has answered."""
    runs, projects, plans = tables.runs, tables.projects, tables.plans
    query = (
        select(runs, projects.c.path.label("project_path"), plans.c.content)
        .join(projects, projects.c.id == runs.c.project)
        .join(plans, plans.c.run_id == runs.c.run_id)
    )
    row = connection.execute(query.where(runs.c.run_id == storable(run_id))).one_or_none()
    if row is None:
        raise unknown_run(connection, run_id)
    made_from = METADATA.read(row.content)
    plan = rank(made_from.plan)
    run = Run(
        id=run_id,
        plan=plan,
        policy=made_from.policy,
        branch=row.branch,
        rows=Rows.of(_progress(connection, run_id, plan.ranks)),
        **run_fields(RUN_PROGRESS.read(row.progress)),
    )
    return Loaded(
        run=derive(run),
        generation=row.generation,
        project=row.project,
        project_path=row.project_path,
        settings=made_from.settings,
        commands=_open_commands(connection, run_id),
        documents=made_from.documents,
        pipeline=row.pipeline_id or "",
    )


def _progress(connection: Connection, run_id: str, ranks: Any) -> list[Any]:
    column = tables.workstreams.c
    stored = connection.execute(select(column.ws_id, column.progress).where(column.run_id == run_id))
    found = {ws_id: PROGRESS.read(progress) for ws_id, progress in stored}
    if found.keys() != ranks.keys():
        odd = ", ".join(sorted(found.keys() ^ ranks.keys()))
        raise DatabaseUnreadable(f"the rows of run {run_id} do not fit its plan: {odd}")
    return [found[ws_id] for ws_id in ranks]


def _open_commands(connection: Connection, run_id: str) -> tuple[Command, ...]:
    column = tables.commands.c
    query = select(column.type, column.version, column.payload).where(column.run_id == run_id, column.done_at.is_(None))
    return tuple(COMMANDS.read(*row) for row in connection.execute(query.order_by(column.id)))
