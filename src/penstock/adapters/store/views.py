"""Read-only questions, answered as plain JSON values. The connections are its own: any thread and any process may ask.

The field names are those of `/api/v1`; times are UTC with `Z` and milliseconds; what is not known is null or "".
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from penstock.adapters.store import tables
from penstock.adapters.store.asking import on_the_wire, told_json
from penstock.adapters.store.codec import progress_fields, storable
from penstock.adapters.store.failures import UnknownRequest
from penstock.adapters.store.library_views import SqlLibraryViews
from penstock.adapters.store.loading import known_run
from penstock.adapters.store.usage_metrics import SqlMetrics
from penstock.adapters.store.usage_reports import SqlUsageReports
from penstock.adapters.store.usage_views import SqlUsageViews
from penstock.domain.states import TERMINAL_RUN

NAMED_AT_ONCE = 10_000
"""So many runs are named in one question: Postgres takes 65,535 parameters, SQLite mostly half of that."""


class SqlViews(SqlLibraryViews, SqlUsageReports, SqlMetrics, SqlUsageViews):
    """What anybody may ask, without owning a run."""

    def runs(
        self,
        *,
        project: str | None = None,
        pipeline: str | None = None,
        workstream: str | None = None,
        is_unfinished: bool = False,
        before: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """The latest runs, newest first: each as `run` answers it, without its parts and sums.

        Those of a project, of a pipeline, that have a workstream, that have not ended, that are older than the one
        `before` (UnknownRun): whatever is asked for.
        """
        column = tables.runs.c
        query = select(tables.runs).order_by(column.created_at.desc(), column.run_id.desc()).limit(limit)
        if project is not None:
            query = query.where(column.project == storable(project))
        if pipeline is not None:
            query = query.where(column.pipeline_id == storable(pipeline))
        if workstream is not None:
            of = tables.workstreams.c
            query = query.where(column.run_id.in_(select(of.run_id).where(of.ws_id == storable(workstream))))
        if is_unfinished:
            query = query.where(column.status.not_in([state.value for state in TERMINAL_RUN]))
        with self._connected() as connection:
            if before is not None:
                last = known_run(connection, before)
                query = query.where(tuple_(column.created_at, column.run_id) < (last.created_at, last.run_id))
            rows = connection.execute(query).all()
            counts = _counts(connection, [row.run_id for row in rows])
            return [_run(row, counts.get(row.run_id, {})) for row in rows]

    def run(self, run_id: str) -> dict[str, Any]:
        """One run.

        run_id, project, pipeline_id (null: a run of its own), status, reason, sentence, branch, base, head, published,
        publication, generation, created_at, updated_at, started_at, completed_at, counts {state: n}, confinement
        {confined: n, unconfined: n} of the attempts in which something ran, metadata, and workstreams in the order of
        the plan, each with ws_id, title, status, outcome, reason, sentence, delay, depends_on, after, gate, attempts
        {step: n}, round, base, candidate, weakened_tests [what tests say less, in words], test_gates [{type, required,
        blocking}], compensation [{kind, text}]. usage is what its model calls add up to: calls, input_tokens,
        output_tokens, cost_usd of the calls whose price is known (null where none is), and of how many it is not
        (price_unknown) or the counts are an estimate (estimated).
        """
        column = tables.workstreams.c
        with self._connected() as connection:
            row = known_run(connection, run_id)
            found = connection.execute(select(tables.workstreams).where(column.run_id == run_id).order_by(column.rank))
            counts = _counts(connection, [run_id]).get(run_id, {})
            confinement = _confinement(connection, run_id)
            workstreams = [_workstream(one) for one in found]
        told = {**_run(row, counts), "confinement": confinement, "usage": self._used(run_id)}
        return {**told, "workstreams": workstreams}

    def errors(self, run_id: str) -> list[dict[str, Any]]:
        """What went wrong, latest first.

        ws_id, step, error_code, signature, count, message, first_seen_at, last_seen_at.
        """
        column = tables.errors.c
        query = select(tables.errors).order_by(column.last_seen_at.desc(), column.id.desc())
        with self._connected() as connection:
            known_run(connection, run_id)
            names = ("ws_id", "step", "error_code", "signature", "count", "message")
            return [
                {
                    **{name: getattr(row, name) for name in names},
                    "first_seen_at": on_the_wire(row.first_seen_at),
                    "last_seen_at": on_the_wire(row.last_seen_at),
                }
                for row in connection.execute(query.where(column.run_id == run_id))
            ]

    def events(
        self, run_id: str, *, workstream: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """The events after an id, oldest first.

        id, timestamp, run_id, ws_id, event_type, payload, is_input (it was decided upon), refused (why, or null).
        """
        column = tables.events.c
        query = select(tables.events).where(column.run_id == run_id, column.id > after)
        if workstream is not None:
            query = query.where(column.ws_id == storable(workstream))
        with self._connected() as connection:
            known_run(connection, run_id)
            return [_event(row) for row in connection.execute(query.order_by(column.id).limit(limit))]

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """All attempts, oldest first.

        id, ws_id, step, round, attempt, retry, status, started_at, completed_at, start, candidate, tree, confined,
        result.
        """
        column = tables.step_attempts.c
        query = select(tables.step_attempts).where(column.run_id == run_id).order_by(column.id)
        with self._connected() as connection:
            known_run(connection, run_id)
            return [_attempt(row) for row in connection.execute(query)]

    def request(self, request_id: int) -> dict[str, Any]:
        """What became of a request: id, run_id, type, payload, created_at, taken_at, refused (why, or null)."""
        with self._connected() as connection:
            row = connection.execute(select(tables.inbox).where(tables.inbox.c.id == request_id)).one_or_none()
            if row is None:
                raise UnknownRequest(request_id)
            return {
                "id": row.id,
                "run_id": row.run_id,
                "type": row.type,
                "payload": told_json(row.payload),
                "created_at": on_the_wire(row.created_at),
                "taken_at": on_the_wire(row.taken_at),
                "refused": row.refused,
            }

    def verdicts(self, run_id: str) -> list[dict[str, Any]]:
        """The verdicts of a run, oldest first: id, branch, parent, commit, tree, members, checks (the commands that
        passed), known_failures, unchecked, confined, created_at.
        """
        column = tables.verdicts.c
        query = select(tables.verdicts).where(column.run_id == run_id).order_by(column.created_at, column.id)
        with self._connected() as connection:
            known_run(connection, run_id)
            return [_verdict(row) for row in connection.execute(query)]

    def projects(self) -> list[dict[str, Any]]:
        """Every project that has a run: id, path, created_at."""
        with self._connected() as connection:
            return [
                {"id": row.id, "path": row.path, "created_at": on_the_wire(row.created_at)}
                for row in connection.execute(select(tables.projects).order_by(tables.projects.c.id))
            ]


def _counts(connection: Connection, run_ids: list[str]) -> dict[str, dict[str, int]]:
    column = tables.workstreams.c
    counts: dict[str, dict[str, int]] = {}
    for place in range(0, len(run_ids), NAMED_AT_ONCE):
        these = run_ids[place : place + NAMED_AT_ONCE]
        query = select(column.run_id, column.status, func.count()).where(column.run_id.in_(these))
        for run_id, status, count in connection.execute(query.group_by(column.run_id, column.status)):
            counts.setdefault(run_id, {})[status] = count
    return counts


def _confinement(connection: Connection, run_id: str) -> dict[str, int]:
    column = tables.step_attempts.c
    query = select(column.confined, func.count()).where(column.run_id == run_id, column.confined.is_not(None))
    found = {bool(confined): count for confined, count in connection.execute(query.group_by(column.confined))}
    return {"confined": found.get(True, 0), "unconfined": found.get(False, 0)}


def _run(row: Row[Any], counts: dict[str, int]) -> dict[str, Any]:
    progress = told_json(row.progress)
    names = ("run_id", "project", "pipeline_id", "status", "reason", "sentence", "branch", "base", "head", "generation")
    times = ("created_at", "updated_at", "started_at", "completed_at")
    return {
        **{name: getattr(row, name) for name in names},
        "published": progress["published"],
        "publication": progress["publication"],
        **{name: on_the_wire(getattr(row, name)) for name in times},
        "counts": counts,
        "metadata": told_json(row.metadata),
    }


def _workstream(row: Row[Any]) -> dict[str, Any]:
    shown, progress = told_json(row.metadata), {**progress_fields("{}"), **told_json(row.progress)}
    candidate = progress["candidate"]
    return {
        "ws_id": row.ws_id,
        "title": shown["title"],
        "status": row.status,
        **{name: progress[name] for name in ("outcome", "reason", "sentence")},
        "delay": progress["delay"],
        "depends_on": told_json(row.depends_on),
        "after": shown["after"],
        "gate": shown["gate"],
        "attempts": dict(progress["attempts"]),
        "round": progress["round"],
        "base": progress["base"],
        "candidate": None if candidate is None else candidate["commit"],
        "weakened_tests": progress["weakened_tests"],
        "test_gates": shown.get("test_gates", []),
        "compensation": shown.get("compensation", []),
    }


def _event(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "run_id", "ws_id", "event_type", "is_input", "refused")
    return {
        **{name: getattr(row, name) for name in names},
        "timestamp": on_the_wire(row.timestamp),
        "payload": told_json(row.payload_json),
    }


def _attempt(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "ws_id", "step", "round", "attempt", "retry", "status", "candidate", "tree", "confined")
    return {
        **{name: getattr(row, name) for name in names},
        "started_at": on_the_wire(row.started_at),
        "completed_at": on_the_wire(row.completed_at),
        "start": row.start_commit,
        "result": None if row.result_json is None else told_json(row.result_json),
    }


def _verdict(row: Row[Any]) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("id", "branch", "parent", "tree", "unchecked", "confined")},
        "commit": row.commit_id,
        **{name: told_json(getattr(row, name)) for name in ("members", "checks", "known_failures")},
        "created_at": on_the_wire(row.created_at),
    }
