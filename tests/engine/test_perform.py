"""One command, one answer: what each kind of command does in the world."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from engine_support import World, awaited, workstream

from penstock.domain.commands import ReleaseWorktree, StartStep, StopSteps
from penstock.domain.errors import Bug
from penstock.domain.run import AttemptId, Step
from penstock.engine.perform import perform

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def made() -> World:
    world = World(workstreams=[workstream("a")])
    await world.made()
    return world


def start(world: World, step: Step) -> StartStep:
    base = world.project.base
    attempt = AttemptId(step=step, number=1)
    return StartStep(workstream="a", attempt=attempt, base=base, start=base, candidate=None, agent_run=1, at=NOW)


@awaited
@pytest.mark.parametrize(
    ("step", "sentence"), [(Step.STATIC, "has no candidate"), (Step.REVIEW, "is not one that is started")]
)
async def test_a_step_that_can_not_be_made_is_a_fault_of_our_own(step: Step, sentence: str) -> None:
    world = await made()
    run = (await world.journal.load("run")).run
    with pytest.raises(Bug, match=sentence):
        await perform(world.context(), start(world, step), run)


@awaited
async def test_an_order_to_stop_is_done_when_the_loop_has_stopped_what_ran() -> None:
    world = await made()
    assert await perform(world.context(), StopSteps(number=1), (await world.journal.load("run")).run) is None


@awaited
async def test_a_released_worktree_is_kept_before_it_is_removed() -> None:
    world = await made()
    context = world.context()
    place = context.place(world.workstreams[0])
    await world.project.prepare(place, world.project.base)
    release = ReleaseWorktree(workstream="a", number=1, at=NOW)
    assert await perform(context, release, (await world.journal.load("run")).run) is None
    assert world.project._worktrees == {}
    assert place.branch == "ws/plan/a-run"
