"""What a batch of decided events means in rows: pure, one list of rows per table. It opens no connection.

The rows go to the driver as they are, so times are text here. A tuple of names says what stands where in a kind of row;
the names of what it is found by begin with `b_`.
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

Row = tuple[Any, ...]

EVENT = ("timestamp", "run_id", "ws_id", "event_type", "payload_json", "version", "is_input", "refused")
WORKSTREAM = ("status", "progress", "updated_at", "b_run", "b_ws")
COMMAND = ("run_id", "key", "type", "payload", "version", "issued_at")
COMMAND_DONE = ("done_at", "b_run", "b_key")
REQUEST_TAKEN = ("taken_at", "refused", "b_run", "b_id")
ATTEMPT_BEGUN = ("run_id", "ws_id", "step", "round", "attempt", "retry", "status", "started_at", "start_commit")
ATTEMPT_ENDED = (
    *("status", "completed_at", "candidate", "tree", "confined", "result_json"),
    *("b_run_id", "b_ws_id", "b_step", "b_round", "b_attempt", "b_retry"),
)
ERROR = (
    *("run_id", "ws_id", "step", "error_code", "signature", "count", "message"),
    *("first_seen_at", "last_seen_at"),
)
VERDICT = (
    *("run_id", "id", "branch", "parent", "commit_id", "tree", "members", "checks", "known_failures"),
    *("unchecked", "confined", "created_at"),
)
INTEGRATION = ("run_id", "ws_id", "verdict_id", "tree", "commit_id", "at")
APPROVAL = ("run_id", "ws_id", "gate", "decision", "decided_by", "note", "at")


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
            batch.done.append((at, run_id, entry.command_key))
        if entry.request_id is not None:
            refused = storable(entry.refused) if entry.decision is None else None
            batch.taken.append((at, refused, run_id, entry.request_id))
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
    batch.done += [(batch.at, run_id, key) for key in acknowledged]
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
    event = entry.event
    workstream = storable(getattr(event, "workstream", "")) or None
    refused = None if entry.decision is not None else storable(entry.refused)
    return at, run_id, workstream, EVENTS.name_of(event), EVENTS.write(event), events.VERSION, True, refused


def _note(run_id: str, note: Note, at: str) -> Row:
    workstream = storable(note.workstream) or None
    return at, run_id, workstream, note.type, plain_json(note.payload), events.VERSION, False, None


def _workstream(run: Run, rank: int, at: str) -> Row:
    row = run.rows[rank]
    return row.state.value, PROGRESS.write(row), at, run.id, run.plan.order[rank].id


def _command(run_id: str, command: Command, at: str) -> Row:
    return run_id, command.key, COMMANDS.name_of(command), COMMANDS.write(command), COMMANDS.version, at


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
            integrated = record.workstream, record.verdict_id, record.tree, record.commit
            batch.integrations.append((batch.run_id, *integrated, at))
        case ApprovalRecorded():
            said = record.gate, record.decision, storable(record.by), storable(record.note)
            batch.approvals.append((batch.run_id, record.workstream or None, *said, at))
        case _:
            assert_never(record)


def _begun(run_id: str, record: AttemptBegan) -> Row:
    return *_attempt(run_id, record), "running", as_text(record.at), record.start


def _ended(run_id: str, record: AttemptEnded) -> Row:
    commit, tree = (None, None) if record.candidate is None else (record.candidate.commit, record.candidate.tree)
    how = record.status, as_text(record.at), commit, tree, record.confined, plain_json(record.result)
    return *how, *_attempt(run_id, record)


def _attempt(run_id: str, record: AttemptBegan | AttemptEnded) -> Row:
    attempt = record.attempt
    return run_id, record.workstream, attempt.step.value, attempt.round, attempt.number, attempt.retry


def _error(run_id: str, record: ErrorSeen, at: str) -> Row:
    what = record.step.value, storable(record.code), storable(record.signature)
    return run_id, record.workstream, *what, 1, storable(record.message), at, at


def _verdict(run_id: str, verdict: Verdict, at: str) -> Row:
    what = verdict.id, verdict.branch, verdict.parent, verdict.commit, verdict.tree
    why = plain_json(verdict.members), plain_json(verdict.checks), plain_json(verdict.known_failures)
    return run_id, *what, *why, verdict.unchecked, verdict.confined, at
