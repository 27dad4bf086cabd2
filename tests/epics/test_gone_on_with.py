"""Whether an attempt that was killed or stopped is gone on with: by the order of what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from penstock.bootstrap import build
from penstock.domain.phases import PhaseGraph
from penstock.domain.pipelines import STOPPED, Artifact, PhaseAttempt, PipelineNote
from penstock.epics import House, asking
from penstock.epics.desk import Desk
from penstock.planning.prompting import PromptParts
from penstock.ports import Headway
from pipeline_support import a_pipeline, an_artifact, stored
from service_support import awaited

ASKED = PromptParts(stable="", asked="what?")
HOURS = (-48, 0, 48)
"""By so many hours the clock jumps before a person writes."""


@asynccontextmanager
async def desk_at(folder: Path, phase: str = "arch_phase") -> AsyncIterator[Desk]:
    """A pipeline in a phase that sees the epic, with an epic of a clock that was late."""
    penstock = build(folder=folder, environ={"HOME": str(folder), "PENSTOCK_HOME": str(folder / "state")})
    house = House(
        parts=penstock.parts, projects=penstock.projects, submitting=penstock.submitting, service=penstock.service
    )
    try:
        await penstock.prompts.ensure_seeded()
        made = a_pipeline(phase=phase)
        pipeline = await stored(penstock.parts, made, an_artifact(made, at=penstock.parts.clock.now() + timedelta(2)))
        graph: PhaseGraph = await house.graph()
        role = graph.configuration(phase)
        yield Desk(
            house=house, pipeline=pipeline, graph=graph, configuration=role,
            prompt=await penstock.parts.prompts.active(role.role), opened=cast("Any", Told()),
            artifacts=await penstock.parts.pipelines.artifacts(pipeline.id), stays=False,
            tell=list[PipelineNote]().append,
        )  # fmt: skip
    finally:
        await penstock.close()


class Told:
    """A project of which only its settings are asked."""

    class settings:  # noqa: N801 - an attribute of its owner
        """Nothing is set."""

        @staticmethod
        def node(_: object) -> Any:
            """Models that have no names."""
            return Told

    class parts:  # noqa: N801 - as above
        """Nothing is secret."""

        class redactor:  # noqa: N801 - as above
            """Leaves a text as it is."""

            redact = staticmethod(str)

    roles = staticmethod(lambda: Told)
    model_of_role = staticmethod(lambda _: "m-1")


async def written(desk: Desk, hours: int, kind: str = "epic") -> Desk:
    """The desk after a person has replaced an artifact by a clock that has jumped."""
    at = desk.parts.clock.now() + timedelta(hours=hours)
    made: Artifact = an_artifact(desk.pipeline, kind, origin="human", at=at)
    told = PipelineNote(type="artifact_stored", payload={"artifact_id": made.id, "type": made.type}, at=at)
    await desk.parts.pipelines.add_artifact(made, told)
    return replace(desk, artifacts=await desk.parts.pipelines.artifacts(desk.pipeline.id))


async def stop(desk: Desk, attempt: PhaseAttempt) -> None:
    """End an attempt so that it can be gone on with."""
    over = replace(attempt, ended_at=attempt.started_at, outcome=STOPPED)
    await desk.parts.pipelines.commit(Headway(pipeline=desk.pipeline, attempt=over))


@pytest.mark.parametrize("hours", HOURS)
@awaited
async def test_a_killed_phase_asks_anew_what_a_person_has_replaced_since(tmp_path: Path, hours: int) -> None:
    async with desk_at(tmp_path) as desk:
        killed = await asking.begun(desk, ASKED)
        assert (await asking.begun(desk, ASKED)).id == killed.id, "nothing has changed"
        again = await asking.begun(await written(desk, hours), PromptParts(stable="", asked="what now?"))
        assert (again.number, again.asked) == (2, "what now?")
        first, second = await desk.attempts()
        assert (first.outcome, "epic was replaced" in first.sentence, second.ended_at) == ("failed", True, None)
        assert (await asking.begun(desk, ASKED)).id == again.id, "asked anew once"


@awaited
async def test_what_a_phase_is_not_shown_is_no_reason_to_ask_anew(tmp_path: Path) -> None:
    async with desk_at(tmp_path) as desk:
        blind = replace(desk, graph=replace(desk.graph, phases=_seeing_nothing(desk)))
        killed = await asking.begun(blind, ASKED)
        assert (await asking.begun(await written(blind, 0), ASKED)).id == killed.id


def _seeing_nothing(desk: Desk) -> dict[str, Any]:
    role, options = desk.graph.phases[desk.pipeline.phase]
    return {**desk.graph.phases, desk.pipeline.phase: (role, replace(options, sees=(), shows_code=False))}


@pytest.mark.parametrize("hours", HOURS)
@awaited
async def test_a_stopped_phase_goes_on_unless_something_was_replaced_however_the_clock_jumps(
    tmp_path: Path, hours: int
) -> None:
    async with desk_at(tmp_path) as desk:
        attempt = await asking.begun(desk, ASKED)
        await stop(desk, attempt)
        assert (await asking.begun(desk, ASKED)).id == attempt.id, "the epic is older, though its time is later"
        await stop(desk, attempt)
        assert (await asking.begun(await written(desk, hours), ASKED)).number == 2
