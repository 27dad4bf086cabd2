"""The shapes of runs, their parts, and what is asked of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from penstock.api.shapes.common import Body, Holder, Moment, Note, Told, Who
from penstock.domain.budget import MOST_DOLLARS, MOST_TOKENS


class StartRun(Body):
    """A run to be made of the project's plan."""

    plan: str = Field(
        default="", max_length=1000, description="The bundles, relative to the project; empty: what the settings say"
    )
    workstream: str = Field(default="", max_length=128, description="Run only this one")
    run_id: str = Field(default="", max_length=64, description="Name the run yourself")
    max_parallel: int | None = Field(default=None, ge=1, le=1000, description="So many workstreams at once")
    max_cost_usd: float | None = Field(default=None, ge=0, le=MOST_DOLLARS)
    max_tokens: int | None = Field(default=None, ge=0, le=MOST_TOKENS)


class Pause(Body):
    """How to pause."""

    now: bool = Field(default=False, description="Stop running steps instead of letting them end")


class Approve(Body):
    """What is approved: a workstream or a gate."""

    workstream: str = Field(default="", max_length=128)
    gate: int = Field(default=0, ge=0, le=1_000_000)
    by: Who = ""
    note: Note = ""


class Reject(Body):
    """What is to be revised."""

    workstream: str = Field(min_length=1, max_length=128)
    final: bool = Field(default=False, description="Give up on it instead")
    by: Who = ""
    note: Note = ""


class Rollback(Body):
    """How far a merge is taken back."""

    cascade: bool = Field(default=False, description="Take back what was built upon it, too")


class Begun(Told):
    """A run that was made and is worked on."""

    run_id: str
    branch: str
    base: str
    base_branch: str
    warnings: list[str]


class Asked(Told):
    """What became of a request to a run."""

    run_id: str
    request_id: int | None = Field(description="Of the request in the run's inbox; null: no request was needed")
    taken: bool = Field(description="False: whoever works on the run takes it next")
    status: str = Field(description="The run's state now")
    worked_on: Holder | None


class Run(Told):
    """A run as lists show it."""

    run_id: str
    project: str
    pipeline_id: str | None
    status: str
    reason: str | None
    sentence: str | None
    branch: str
    base: str | None
    head: str | None
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    counts: dict[str, int] = Field(description="So many workstreams are in each state")


class Workstream(Told):
    """One workstream of a run."""

    ws_id: str
    title: str | None
    status: str
    depends_on: list[str]
    after: list[str]
    sentence: str | None


class WholeRun(Run):
    """A run with its parts."""

    usage: dict[str, Any]
    confinement: dict[str, int]
    workstreams: list[Workstream]
    worked_on: Holder | None


class Attempt(Told):
    """One try of one step."""

    id: int
    ws_id: str
    step: str
    attempt: int
    status: str
    started_at: Moment | None
    completed_at: Moment | None


class RunEvent(Told):
    """Something that has happened in a run."""

    id: int
    timestamp: Moment
    run_id: str
    ws_id: str | None
    event_type: str
    payload: dict[str, Any]


class Verdict(Told):
    """The record that a tree was in scope and passed its checks."""

    id: str
    tree: str
    commit: str | None
    created_at: Moment


class RunError(Told):
    """Something that went wrong, however often it did."""

    ws_id: str | None
    step: str | None
    error_code: str | None
    signature: str
    count: int
    message: str | None


class Waiting(Told):
    """Something that waits for a person."""

    kind: str = Field(description="pipeline, workstream or gate")
    id: str = Field(description="The pipeline's or the run's id")
    what: str = Field(description="The phase, the workstream, or the number of the gate")
    sentence: str | None
    approve: str = Field(description="Where the approval is posted")
