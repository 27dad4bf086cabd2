"""What a batch of decided events means in rows: pure, one list of rows per table. It opens no connection.

The rows go to the driver as they are, so times are text here, and the names of what a row is found by begin with `b_`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from penstock.adapters.store.codec import COMMANDS, EVENTS, PROGRESS, plain_json, storable
from penstock.adapters.store.tables import as_text
from penstock.domain import events
from penstock.domain.decision import (
    ApprovalRecorded,
    AttemptBegan,
    AttemptEnded,
    Decision,
    ErrorSeen,
    Integrated,
    Note,
    Record,
    VerdictRecorded,
)
from penstock.domain.states import TERMINAL_RUN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from penstock.domain.changes import Verdict
    from penstock.domain.commands import Command
    from penstock.domain.run import Run
    from penstock.ports import Entry

Row = dict[str, Any]


@dataclass(slots=True)
class Batch:
    """The rows of one transaction. It is filled once and then written."""

    run_id: str
    at: str
    run: Run | None = None
    run_changed: bool = False
    started_at: str | None = None
    ended_at: str | None = None
    """Since when the run has had its present end, as far as these events know."""
    moved: bool = False
    """The run had another state earlier within these events."""
    events: list[Row] = field(default_factory=list)
    workstreams: list[Row] = field(default_factory=list)
    attempts_begun: list[Row] = field(default_factory=list)
    attempts_ended: list[Row] = field(default_factory=list)
    errors: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)
    integrations: list[Row] = field(default_factory=list)
    approvals: list[Row] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    done: list[Row] = field(default_factory=list)
    taken: list[Row] = field(default_factory=list)


def batch_of(run_id: str, entries: Sequence[Entry], acknowledged: Sequence[str], now: datetime) -> Batch:
    """All rows that follow from these entries, each workstream's last row once."""
    batch = Batch(run_id=run_id, at=as_text(entries[-1].at if entries else now))
    changed: dict[int, None] = {}
    for entry in entries:
        at = as_text(entry.at)
        batch.events.append(_input(run_id, entry, at))
        if entry.command_key is not None:
            batch.done.append({"b_run": run_id, "b_key": entry.command_key, "done_at": at})
        if entry.request_id is not None:
            refused = storable(entry.refused) if entry.decision is None else None
            batch.taken.append({"b_run": run_id, "b_id": entry.request_id, "taken_at": at, "refused": refused})
        if entry.decision is None:
            if entry.illegal is not None:
                entity, source, target = entry.illegal
                payload = {"entity": entity, "from": source, "to": target}
                workstream = getattr(entry.event, "workstream", "")
                note = Note(type="illegal_transition", workstream=workstream, payload=payload)
                batch.events.append(_note(run_id, note, at))
        else:
            _decided(batch, entry.decision, at)
            changed |= dict.fromkeys(entry.decision.changed)
    if batch.run is not None:
        batch.workstreams = [_workstream(batch.run, rank, batch.at) for rank in changed]
    batch.done += [{"b_run": run_id, "b_key": key, "done_at": batch.at} for key in acknowledged]
    return batch


def _decided(batch: Batch, decision: Decision, at: str) -> None:
    run = decision.run
    moved = batch.run is not None and batch.run.state is not run.state
    batch.run_changed = batch.run_changed or decision.run_changed
    batch.moved = batch.moved or moved
    if batch.started_at is None and run.base:
        batch.started_at = at
    if run.state not in TERMINAL_RUN:
        batch.ended_at = None
    elif batch.ended_at is None or moved:
        batch.ended_at = at
    batch.run = run
    batch.events += [_note(batch.run_id, note, at) for note in decision.notes]
    batch.commands += [_command(batch.run_id, command, at) for command in decision.commands]
    for record in decision.records:
        _record(batch, record, at)


def _input(run_id: str, entry: Entry, at: str) -> Row:
    return {
        "timestamp": at,
        "run_id": run_id,
        "ws_id": getattr(entry.event, "workstream", "") or None,
        "event_type": EVENTS.name_of(entry.event),
        "payload_json": EVENTS.write(entry.event),
        "version": events.VERSION,
        "is_input": True,
        "refused": None if entry.decision is not None else storable(entry.refused),
    }


def _note(run_id: str, note: Note, at: str) -> Row:
    return {
        "timestamp": at,
        "run_id": run_id,
        "ws_id": note.workstream or None,
        "event_type": note.type,
        "payload_json": plain_json(note.payload),
        "version": events.VERSION,
        "is_input": False,
        "refused": None,
    }


def _workstream(run: Run, rank: int, at: str) -> Row:
    row = run.rows[rank]
    return {
        "b_run": run.id,
        "b_ws": run.plan.order[rank].id,
        "status": row.state.value,
        "progress": PROGRESS.write(row),
        "updated_at": at,
    }


def _command(run_id: str, command: Command, at: str) -> Row:
    return {
        "run_id": run_id,
        "key": command.key,
        "type": COMMANDS.name_of(command),
        "payload": COMMANDS.write(command),
        "version": COMMANDS.version,
        "issued_at": at,
    }


def _record(batch: Batch, record: Record, at: str) -> None:
    match record:
        case AttemptBegan():
            batch.attempts_begun.append(_begun(batch.run_id, record))
        case AttemptEnded():
            batch.attempts_ended.append(_ended(batch.run_id, record))
        case ErrorSeen():
            batch.errors.append(_error(batch.run_id, record, at))
        case VerdictRecorded():
            batch.verdicts.append(_verdict(batch.run_id, record.verdict, at))
        case Integrated():
            batch.integrations.append(
                {
                    "run_id": batch.run_id,
                    "ws_id": record.workstream,
                    "verdict_id": record.verdict_id,
                    "tree": record.tree,
                    "commit_id": record.commit,
                    "at": at,
                }
            )
        case ApprovalRecorded():
            batch.approvals.append(
                {
                    "run_id": batch.run_id,
                    "ws_id": record.workstream or None,
                    "gate": record.gate,
                    "decision": record.decision,
                    "decided_by": storable(record.by),
                    "note": storable(record.note),
                    "at": at,
                }
            )
        case _:
            assert_never(record)


def _begun(run_id: str, record: AttemptBegan) -> Row:
    attempt = record.attempt
    return {
        "run_id": run_id,
        "ws_id": record.workstream,
        "step": attempt.step.value,
        "round": attempt.round,
        "attempt": attempt.number,
        "retry": attempt.retry,
        "status": "running",
        "started_at": as_text(record.at),
        "start_commit": record.start,
    }


def _ended(run_id: str, record: AttemptEnded) -> Row:
    attempt, candidate = record.attempt, record.candidate
    return {
        "b_run_id": run_id,
        "b_ws_id": record.workstream,
        "b_step": attempt.step.value,
        "b_round": attempt.round,
        "b_attempt": attempt.number,
        "b_retry": attempt.retry,
        "status": record.status,
        "completed_at": as_text(record.at),
        "candidate": None if candidate is None else candidate.commit,
        "tree": None if candidate is None else candidate.tree,
        "confined": record.confined,
        "result_json": plain_json(record.result),
    }


def _error(run_id: str, record: ErrorSeen, at: str) -> Row:
    return {
        "run_id": run_id,
        "ws_id": record.workstream,
        "step": record.step.value,
        "error_code": record.code,
        "signature": record.signature,
        "count": 1,
        "message": storable(record.message),
        "first_seen_at": at,
        "last_seen_at": at,
    }


def _verdict(run_id: str, verdict: Verdict, at: str) -> Row:
    return {
        "run_id": run_id,
        "id": verdict.id,
        "branch": verdict.branch,
        "parent": verdict.parent,
        "commit_id": verdict.commit,
        "tree": verdict.tree,
        "members": plain_json(verdict.members),
        "checks": plain_json(verdict.checks),
        "known_failures": plain_json(verdict.known_failures),
        "unchecked": verdict.unchecked,
        "confined": verdict.confined,
        "created_at": at,
    }
