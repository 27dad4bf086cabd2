"""Pipelines and paid calls in a real store, for the tests of what is told about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from penstock.domain.budget import Amount
from penstock.domain.pipelines import Artifact, Pipeline, PipelineNote, begun
from penstock.domain.usage import CallEnd, Caller, CallStatus, ModelCall, Tokens
from penstock.ports.library import Headway

if TYPE_CHECKING:
    from penstock.parts import Parts
    from penstock.ports import Ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
numbers = count(1)


def a_pipeline(**more: Any) -> Pipeline:
    """A pipeline at its beginning."""
    one = Pipeline(
        id=f"pip_{next(numbers)}", project="demo", project_path="/nowhere/demo", epic_id="EPIC-1",
        description="Add a thing", phase="pm_phase", branch="penstock/x", created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    return replace(one, **more)


async def stored(parts: Parts, pipeline: Pipeline, *artifacts: Artifact) -> Pipeline:
    """The pipeline, kept and owned."""
    note = PipelineNote(type="pipeline_created", at=NOON)
    moved = begun(pipeline, NOON).transition
    await parts.pipelines.create(Headway(pipeline=pipeline, transitions=(moved,), artifacts=artifacts, notes=(note,)))
    return await parts.pipelines.claim(pipeline.id)


def an_artifact(pipeline: Pipeline, kind: str = "epic", **more: Any) -> Artifact:
    """An artifact with both documents."""
    one = Artifact(
        id=f"art_{next(numbers)}", pipeline=pipeline.id, type=kind, phase="pm_phase", role="pm", origin="model",
        payload={"title": "Ä thing"}, markdown="# Ä thing\n", html="<h1>Ä thing</h1>\n", at=NOON,
    )  # fmt: skip
    return replace(one, **more)


async def paid(ledger: Ledger, caller: Caller, read: int, written: int, *, micros: int | None = 5, **more: Any) -> None:
    """One call that was answered and is settled."""
    call = ModelCall(
        id=f"ppu_{next(numbers)}", caller=caller, ordinal=1, protocol="anthropic", upstream="main", model="m-1",
        alias="fast", at=more.pop("at", NOON), worst=Amount(tokens=10**6, micros=10**6),
    )  # fmt: skip
    await ledger.reserve(call)
    end = CallEnd(status=CallStatus.OK, at=call.at, tokens=Tokens(input=read, output=written), micros=micros)
    await ledger.settle(call, end)
