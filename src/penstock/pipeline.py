"""The functions that the phase plan names, synchronous, each one call of a use case: nothing here writes state itself.

Each call stands in the current folder and reads the environment, as a command would; what the core refuses is a
ValueError.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from penstock import scope_report
from penstock.bootstrap import Penstock, build
from penstock.domain import states
from penstock.domain.claims import Claim, ClaimedAttempt, ClaimedError, ClaimedEvent, moment_of, step_named
from penstock.domain.errors import IllegalMove
from penstock.domain.events import Claimed, MoveAsked, Request
from penstock.domain.moves_asked import run_state, workstream_state
from penstock.domain.plan import Scope
from penstock.domain.refusals import EventRefused
from penstock.domain.run import Step
from penstock.submission import PromptOrder, Submission
from penstock.tooling import ToolOrder

Row = dict[str, Any]
Answer = TypeVar("Answer")


def init_db() -> Row:
    """Make the database or bring it up to date: where it is, its version, and whether it is fresh."""

    async def prepare(penstock: Penstock) -> Row:
        done = penstock.parts.database.prepared
        return {"path": done.site.shown, "version": done.version, "fresh": done.fresh}

    return _perform(prepare)


def create_run(run_id: str = "", *, metadata: Mapping[str, Any] | None = None) -> str:
    """Store a run of this project that has no workstream yet, `pending`; its id."""
    return _perform(lambda penstock: penstock.assembly.create(run_id, _plain(metadata)))


def create_workstream(run_id: str, bundle: Mapping[str, Any]) -> str:
    """Give a run that has not begun a workstream, as a bundle says it; its id."""
    return _perform(lambda penstock: penstock.assembly.add(run_id, bundle))


def get_run(run_id: str) -> Row:
    """A run with its workstreams."""

    async def shown(penstock: Penstock) -> Row:
        return penstock.parts.views.run(run_id)

    return _perform(shown)


def get_workstreams_for_run(run_id: str) -> list[Row]:
    """The workstreams of a run, in the order of its plan."""
    return list(get_run(run_id)["workstreams"])


def get_workstream(run_id: str, ws_id: str) -> Row:
    """One workstream of a run."""
    for row in get_workstreams_for_run(run_id):
        if row["ws_id"] == ws_id:
            return row
    raise EventRefused(f"run {run_id} has no workstream {ws_id!r}")


def update_run_status(run_id: str, status: str) -> None:
    """Ask the run's owner for a state: begin, pause, go on, or abandon. The others come about by work alone."""
    _tell(run_id, MoveAsked(to=status))


def update_workstream_status(run_id: str, ws_id: str, status: str) -> None:
    """Ask the run's owner for a state of a workstream: reset it, answer its review, or take it back."""
    _tell(run_id, MoveAsked(to=status, workstream=ws_id))


def record_event(run_id: str, ws_id: str | None, event_type: str, payload: Mapping[str, Any] | None = None) -> None:
    """Write an event of a run down, marked as claimed."""
    _claim(run_id, ws_id, ClaimedEvent(name=event_type, payload=_plain(payload)))


def record_error(
    run_id: str, ws_id: str | None, step: str, error_code: str, message: str = "", signature: str = ""
) -> None:
    """Count an error: the same signature in the same step again raises `count` and `last_seen_at`."""
    error = ClaimedError(step=step_named(step), code=error_code, text=message, signature=signature)
    _claim(run_id, ws_id, error)


def record_step_attempt(  # noqa: PLR0913 - the columns of the phase plan's table
    run_id: str,
    ws_id: str,
    step: str,
    *,
    status: str = "success",
    started_at: datetime | str,
    completed_at: datetime | str,
    result_json: Mapping[str, Any] | None = None,
) -> None:
    """Write down that somebody else tried a step. It is none of our attempts: no state and no limit follows from it."""
    attempt = ClaimedAttempt(
        step=step_named(step),
        status=status,
        started_at=moment_of(started_at),
        completed_at=moment_of(completed_at),
        result=_plain(result_json),
    )
    _claim(run_id, ws_id, attempt)


def validate_state_transition(
    from_state: str, to_state: str, *, entity: str = "workstream", run_id: str = "", ws_id: str = ""
) -> None:
    """ValueError for a move that no table holds; of a stored run that is named, an event tells of it, too."""
    if entity not in {"run", "workstream"} or (run_id and (entity == "workstream") != bool(ws_id)):
        raise EventRefused(
            "a move is of a run (entity='run') or of a workstream, which in a stored run needs its ws_id"
        )
    named = run_state if entity == "run" else workstream_state
    try:
        states.validate_state_transition(named(from_state), named(to_state))
    except IllegalMove:
        if run_id:
            _tell(run_id, MoveAsked(to=to_state, workstream=ws_id, source=from_state))
        raise


def run_tool(tool_id: str, context: Mapping[str, Any] | None = None) -> Row:
    """Run a tool by its profile: `cwd message model_name prompt_file`, and `run_id ws_id step` to record it there."""
    order = ToolOrder.from_context(tool_id, context or {})
    result = _perform(lambda penstock: penstock.tooling.run(order))
    return {**result.as_dict(), "error_code": result.error_code(order.step)}


def validate_scope(
    ws_id: str, files_scope: Sequence[str], files_create: Sequence[str] = (), *, run_id: str = ""
) -> Row:
    """What a workstream's last attempt changed, created, and had no leave to: of the newest run that has it."""
    allowed = Scope(files=tuple(files_scope), create=tuple(files_create))
    found = _perform(lambda one: scope_report.report_on(one.parts, one.projects, ws_id, allowed, run_id))
    return found.as_dict()


def run_workstream(ws_id: str, *, plan: Path | None = None, run_id: str = "") -> Row:
    """Bring one workstream of the project's plan from edit to merged code, in a run of its own; that run."""
    return _perform(lambda one: one.assembly.perform(Submission(plan=plan, workstream=ws_id, run_id=run_id or None)))


def run_pipeline(*, plan: Path | None = None, run_id: str = "", max_parallel: int | None = None) -> Row:
    """Bring a run to its end: the one of that id that waits to be begun, else a new one of the project's plan."""
    order = Submission(plan=plan, run_id=run_id or None, max_parallel=max_parallel)
    return _perform(lambda penstock: penstock.assembly.perform(order))


def build_edit_prompt(run: Row | str, ws: Row | str, bundle: Row, context: Row) -> str:
    """What a first attempt at a bundle is told, by the templates of the run (of the project, if it names none)."""
    order = PromptOrder.of(Step.EDIT, run, ws, bundle, context)
    return _perform(lambda penstock: penstock.assembly.prompt(order))


def build_fix_prompt(run: Row | str, ws: Row | str, bundle: Row, error_list: Sequence[Row | str], context: Row) -> str:
    """What an attempt to mend is told; `context` may hold `attempt note repo_root worktree_path`."""
    order = PromptOrder.of(Step.FIX, run, ws, bundle, context, error_list)
    return _perform(lambda penstock: penstock.assembly.prompt(order))


def _perform(use_case: Callable[[Penstock], Awaitable[Answer]]) -> Answer:
    async def whole() -> Answer:
        penstock = build(folder=Path.cwd(), environ=os.environ)
        try:
            return await use_case(penstock)
        finally:
            await penstock.close()

    return asyncio.run(whole())


def _tell(run_id: str, request: Request) -> None:
    _perform(lambda penstock: penstock.service.tell(run_id, request))


def _claim(run_id: str, ws_id: str | None, claim: Claim) -> None:
    _tell(run_id, Claimed(workstream=ws_id or "", claims=(claim,)))


def _plain(said: Mapping[str, Any] | None) -> Row:
    found: Row = json.loads(json.dumps(dict(said or {}), default=str))
    return found
