"""What every journal promises, whatever it keeps its rows in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_driving import START, Drive, random_run, run_of, workstream

from penstock.domain import events
from penstock.domain.checks import CheckResult
from penstock.domain.errors import Bug, UserError
from penstock.domain.states import RunState
from penstock.ports import Entry, OwnershipLost

if TYPE_CHECKING:
    from penstock.ports import Journal, NewRun

numbers = count(1)


def new_name() -> str:
    return f"run-{next(numbers)}"


def two_workstreams() -> NewRun:
    return run_of(workstream("a"), workstream("b", depends_on=("ws-a",)), name=new_name())


async def begun(journal: Journal) -> tuple[Drive, int]:
    new = two_workstreams()
    await journal.create(new)
    generation = (await journal.claim(new.run.id)).generation
    drive = Drive(run=new.run)
    await journal.commit(new.run.id, generation, [drive.give(events.RunStarted(base="base"))])
    return drive, generation


def test_a_new_run_is_loaded_as_it_was_made(journal: Journal) -> None:
    async def main() -> None:
        new = two_workstreams()
        await journal.create(new)
        loaded = await journal.load(new.run.id)
        assert loaded.run == new.run
        assert (loaded.project, loaded.project_path) == ("demo", "/home/someone/demo")
        assert (loaded.settings, loaded.commands) == ({"checks": [1, "two"]}, ())

    asyncio.run(main())


def test_a_run_knows_of_which_pipeline_it_is_a_round(journal: Journal) -> None:
    async def main() -> None:
        alone, of_pipeline = two_workstreams(), replace(two_workstreams(), pipeline="pip_1")
        for new in (alone, of_pipeline):
            await journal.create(new)
        assert [(await journal.load(new.run.id)).pipeline for new in (alone, of_pipeline)] == ["", "pip_1"]
        assert (await journal.claim(of_pipeline.run.id)).pipeline == "pip_1"

    asyncio.run(main())


def test_a_run_is_not_made_twice(journal: Journal) -> None:
    async def main() -> None:
        new = two_workstreams()
        await journal.create(new)
        with pytest.raises(UserError, match=f"there is a run '{new.run.id}' already"):
            await journal.create(new)

    asyncio.run(main())


def test_an_unknown_run_is_refused_with_the_newest_ones(journal: Journal) -> None:
    async def main() -> None:
        new = two_workstreams()
        await journal.create(new)
        for asked in (journal.load("run-x"), journal.claim("run-x"), journal.post("run-x", events.ResumeAsked())):
            with pytest.raises(UserError, match="there is no run 'run-x'; the newest are run-"):
                await asked

    asyncio.run(main())


def test_a_claim_raises_the_generation_and_shuts_the_old_owner_out(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        taken = await journal.claim(drive.run.id)
        assert taken.generation == generation + 1
        before = taken.run
        with pytest.raises(OwnershipLost):
            await journal.commit(drive.run.id, generation, [drive.give(events.PauseAsked())])
        assert (await journal.load(drive.run.id)).run == before

    asyncio.run(main())


def test_a_commit_for_a_run_that_is_not_there_is_refused(journal: Journal) -> None:
    async def main() -> None:
        with pytest.raises(OwnershipLost):
            await journal.commit("run-nowhere", 1, [])

    asyncio.run(main())


def test_commands_stay_until_they_are_answered_or_acknowledged_oldest_first(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        entries = drive.happily(most=3)
        await journal.commit(drive.run.id, generation, entries)
        open_ = tuple(drive.open.values())
        assert len(open_) > 0
        assert (await journal.load(drive.run.id)).commands == open_
        await journal.commit(drive.run.id, generation, [], acknowledged=[open_[0].key])
        assert (await journal.load(drive.run.id)).commands == open_[1:]

    asyncio.run(main())


def test_a_command_that_is_given_twice_stores_nothing_of_its_commit(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        before = await journal.load(drive.run.id)
        entry = drive.give(events.PauseAsked())
        assert entry.decision is not None
        doubled = replace(entry, decision=replace(entry.decision, commands=before.commands))
        with pytest.raises(Bug):
            await journal.commit(drive.run.id, generation, [doubled])
        assert await journal.load(drive.run.id) == before

    asyncio.run(main())


def test_a_refused_event_changes_nothing_but_answers_its_command_and_its_request(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        key = next(iter(drive.open))
        number = await journal.post(drive.run.id, events.ResetAsked(workstream="ws-a"))
        refused = drive.give(events.ResetAsked(workstream="ws-a"), request=number)
        assert refused.decision is None
        late = drive.give(events.NothingToMerge(judgement=7), answering=key)
        await journal.commit(drive.run.id, generation, [refused, late])
        loaded = await journal.load(drive.run.id)
        assert loaded.run == drive.run
        assert [command.key for command in loaded.commands] == list(drive.open)
        assert await journal.waiting(drive.run.id) == ()

    asyncio.run(main())


def test_requests_wait_in_order_until_they_are_taken_and_belong_to_their_run(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        other, _ = await begun(journal)
        first = await journal.post(drive.run.id, events.PauseAsked(now=True))
        second = await journal.post(drive.run.id, events.Approved(workstream="ws-a", by="ann", note="fine"))
        await journal.post(other.run.id, events.CancelAsked())
        waiting = await journal.waiting(drive.run.id)
        assert [one.id for one in waiting] == [first, second]
        assert waiting[1].request == events.Approved(workstream="ws-a", by="ann", note="fine")
        await journal.commit(drive.run.id, generation, [drive.give(events.PauseAsked(now=True), request=first)])
        assert [one.id for one in await journal.waiting(drive.run.id)] == [second]
        assert len(await journal.waiting(other.run.id)) == 1

    asyncio.run(main())


def test_a_request_shows_in_the_change_count(journal: Journal) -> None:
    async def main() -> None:
        drive, _ = await begun(journal)
        before = await journal.change_count()
        assert await journal.change_count() == before
        await journal.post(drive.run.id, events.ResumeAsked())
        assert await journal.change_count() != before

    asyncio.run(main())


def test_a_check_result_is_known_by_tree_command_and_environment_and_the_last_one_counts(journal: Journal) -> None:
    async def main() -> None:
        red = CheckResult(
            tree="t", command="make", kind="static", passed=False, exit_code=2, environment="e", duration=0.25
        )
        green = replace(red, passed=True, exit_code=0, signatures=("a", "b"), output="fine\n", confined=True)
        assert await journal.known_result("t", "make", "e") is None
        await journal.keep_result(red)
        await journal.keep_result(green)
        assert await journal.known_result("t", "make", "e") == green
        for near in (("t2", "make", "e"), ("t", "make all", "e"), ("t", "make", "")):
            assert await journal.known_result(*near) is None

    asyncio.run(main())


def test_a_run_that_went_well_is_loaded_completed(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        await journal.commit(drive.run.id, generation, drive.happily())
        loaded = await journal.load(drive.run.id)
        assert loaded.run.state is RunState.COMPLETED
        assert loaded.run == drive.run

    asyncio.run(main())


def test_an_entry_may_hold_text_that_is_no_unicode(journal: Journal) -> None:
    async def main() -> None:
        drive, generation = await begun(journal)
        (start,) = drive.open.values()
        odd = events.Edited(candidate=drive.candidate(), paths=("b\udcff",), litter=("\ud83d",))
        event = events.StepFinished(workstream="ws-a", attempt=start.attempt, outcome=odd)  # type: ignore[union-attr]
        refused = Entry(event=events.PauseAsked(), at=START, decision=None, refused="no \udcff")
        await journal.commit(drive.run.id, generation, [drive.give(event, answering=start.key), refused])
        loaded = await journal.load(drive.run.id)
        assert (loaded.run, loaded.commands) == (drive.run, tuple(drive.open.values()))

    asyncio.run(main())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 60))
def test_whatever_happens_a_loaded_run_is_the_run_that_was_committed(journal: Journal, seed: int, size: int) -> None:
    async def main() -> None:
        random = Random(seed)
        new = random_run(random, new_name())
        await journal.create(new)
        generation = (await journal.claim(new.run.id)).generation
        drive = Drive(run=new.run)
        entries, acknowledged = [drive.give(events.RunStarted(base="base"))], []
        for _ in range(size):
            entry, key = drive.wildly(random)
            entries += [entry] if entry is not None else []
            acknowledged += [key] if key is not None else []
            if random.random() < 0.3:
                await journal.commit(new.run.id, generation, entries, acknowledged)
                entries, acknowledged = [], []
        await journal.commit(new.run.id, generation, entries, acknowledged)
        loaded = await journal.load(new.run.id)
        for name in type(drive.run).__slots__:
            assert getattr(loaded.run, name) == getattr(drive.run, name), name
        assert loaded.commands == tuple(drive.open.values())

    asyncio.run(main())


def test_a_run_that_has_not_begun_is_given_another_plan(journal: Journal) -> None:
    async def main() -> None:
        new = two_workstreams()
        await journal.create(new)
        generation = (await journal.claim(new.run.id)).generation
        more = run_of(
            workstream("a"),
            workstream("b", depends_on=("ws-a",)),
            workstream("0", depends_on=("ws-b",)),
            name=new.run.id,
        ).run
        await journal.replan(more, generation, [{"b": 2}])
        loaded = await journal.load(new.run.id)
        assert (loaded.run, list(loaded.documents)) == (more, [{"b": 2}])
        drive = Drive(run=loaded.run)
        await journal.commit(new.run.id, generation, [drive.give(events.RunStarted(base="base"))])
        assert (await journal.load(new.run.id)).run == drive.run

    asyncio.run(main())


def test_another_plan_of_an_old_owner_changes_nothing(journal: Journal) -> None:
    async def main() -> None:
        new = two_workstreams()
        await journal.create(new)
        generation = (await journal.claim(new.run.id)).generation
        await journal.claim(new.run.id)
        more = run_of(workstream("a"), workstream("b"), workstream("c"), name=new.run.id).run
        with pytest.raises(OwnershipLost):
            await journal.replan(more, generation, [])
        assert (await journal.load(new.run.id)).run == new.run

    asyncio.run(main())
