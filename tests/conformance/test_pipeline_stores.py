"""What every store of pipelines promises, whatever it keeps its rows in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from journal_driving import START, HandClock
from library_values import (
    LATER,
    a_move,
    a_note,
    a_pipeline,
    an_answer,
    an_artifact,
    an_attempt,
    an_issue,
    beginning,
)

from penstock.adapters.store.opening import open_database
from penstock.domain.errors import Bug
from penstock.domain.states import PipelineStatus, Reason
from penstock.ports import OwnershipLost
from penstock.ports.library import Headway, UnknownPipeline

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.adapters.store.opening import Database
    from penstock.domain.pipelines import Pipeline
    from penstock.ports.library import Pipelines


async def claimed(pipelines: Pipelines) -> Pipeline:
    """A stored pipeline that is ours."""
    pipeline = a_pipeline()
    await pipelines.create(beginning(pipeline))
    return await pipelines.claim(pipeline.id)


def test_a_pipeline_comes_back_as_it_was_stored(pipelines: Pipelines) -> None:
    async def main() -> None:
        pipeline = a_pipeline(
            status=PipelineStatus.WAITING, sentence="wait", approved=("a", "b"), run="run-1", base="b", head="h",
            round=3, returns=1, replans=2, token_budget=10**11, alerted_at=LATER, alerted_tokens=10**11,
        )  # fmt: skip
        await pipelines.create(beginning(pipeline))
        assert await pipelines.load(pipeline.id) == pipeline
        assert (await pipelines.load(pipeline.id)).context == pipeline.context

    asyncio.run(main())


def test_a_second_pipeline_of_one_id_is_refused_and_changes_nothing(pipelines: Pipelines) -> None:
    async def main() -> None:
        pipeline = a_pipeline()
        await pipelines.create(beginning(pipeline))
        with pytest.raises(Bug):
            await pipelines.create(beginning(replace(pipeline, description="another")))
        assert await pipelines.load(pipeline.id) == pipeline

    asyncio.run(main())


def test_all_that_follows_from_a_step_is_there_afterwards(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        attempt, first, second = an_attempt(ours), an_artifact(ours), an_artifact(ours, "arch_notes")
        ended = replace(ours, status=PipelineStatus.FAILED, reason=Reason.ERROR, sentence="no", completed_at=LATER)
        await pipelines.commit(
            Headway(
                pipeline=ended, transitions=(a_move(),), artifacts=(first, second), attempt=attempt,
                issues=(an_issue(ours),), notes=(a_note(deep={"a": [1]}),),
            )
        )  # fmt: skip
        assert await pipelines.load(ours.id) == ended
        assert await pipelines.artifacts(ours.id) == (first, second)
        assert [one.payload for one in await pipelines.artifacts(ours.id)] == [first.payload, second.payload]
        assert await pipelines.attempts(ours.id) == (attempt,)

    asyncio.run(main())


def test_an_attempt_is_written_as_it_is_in_the_place_of_what_it_was(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        attempt, another = an_attempt(ours), an_attempt(ours, number=2)
        for one in (attempt, another, replace(attempt, ended_at=LATER, outcome="passed", run="run-1", sentence="s")):
            await pipelines.commit(Headway(pipeline=ours, attempt=one))
        found = await pipelines.attempts(ours.id)
        assert [(one.id, one.outcome, one.run) for one in found] == [
            (attempt.id, "passed", "run-1"),
            (another.id, "", ""),
        ]

    asyncio.run(main())


def test_who_was_taken_over_writes_nothing_more(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        attempt = an_attempt(ours)
        await pipelines.commit(Headway(pipeline=ours, attempt=attempt))
        theirs = await pipelines.claim(ours.id)
        assert theirs == replace(ours, generation=ours.generation + 1)
        with pytest.raises(OwnershipLost, match=ours.id):
            await pipelines.commit(Headway(pipeline=replace(ours, phase="qa_phase"), artifacts=(an_artifact(ours),)))
        with pytest.raises(OwnershipLost):
            await pipelines.keep_answer(ours, an_answer(attempt))
        assert await pipelines.load(ours.id) == theirs
        assert (await pipelines.artifacts(ours.id), await pipelines.answers(attempt.id)) == ((), ())
        await pipelines.keep_answer(theirs, an_answer(attempt))
        await pipelines.commit(Headway(pipeline=replace(theirs, phase="qa_phase")))
        assert (await pipelines.load(ours.id)).phase == "qa_phase"

    asyncio.run(main())


def test_a_step_that_contradicts_what_is_stored_leaves_nothing_of_it(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        artifact = an_artifact(ours)
        await pipelines.commit(Headway(pipeline=ours, artifacts=(artifact,)))
        with pytest.raises(Bug):
            await pipelines.commit(
                Headway(pipeline=replace(ours, phase="ba_phase"), artifacts=(an_artifact(ours), artifact))
            )
        assert await pipelines.load(ours.id) == ours
        assert await pipelines.artifacts(ours.id) == (artifact,)

    asyncio.run(main())


def test_a_phase_is_wanted_by_exactly_one_of_those_who_ask(pipelines: Pipelines) -> None:
    async def main() -> None:
        pipeline = a_pipeline()
        await pipelines.create(beginning(pipeline))
        asked = await asyncio.gather(*(pipelines.want(pipeline.id, "pm_phase", a_note()) for _ in range(5)))
        assert sorted(asked) == [False, False, False, False, True]
        ours = await pipelines.claim(pipeline.id)
        assert (ours.wanted, ours.updated_at) == ("pm_phase", LATER)
        await pipelines.commit(Headway(pipeline=replace(ours, wanted="")))
        assert await pipelines.want(pipeline.id, "pm_phase", a_note())

    asyncio.run(main())


def test_of_two_processes_that_want_a_phase_one_is_told_so(place: Path | str) -> None:
    databases = [open_database(place, HandClock()) for _ in range(2)]

    async def main() -> None:
        pipeline = a_pipeline()
        await databases[0].pipelines.create(beginning(pipeline))
        asked = (database.pipelines.want(pipeline.id, "pm_phase", a_note()) for database in databases * 4)
        assert sorted(await asyncio.gather(*asked)) == [False] * 7 + [True]
        assert len(databases[1].views.pipeline_notes(pipeline.id)) == 2

    asyncio.run(main())
    for database in databases:
        database.close()


class Ended:
    """The leave of a connection that has ended."""

    def is_lost(self) -> bool:
        return True


def test_who_lost_the_leave_of_the_database_writes_nothing_more(database: Database) -> None:
    async def main() -> None:
        ours = await claimed(database.pipelines)
        database.owned.add(ours.id, Ended())
        for write in (
            database.pipelines.commit(Headway(pipeline=replace(ours, phase="qa_phase"))),
            database.pipelines.keep_answer(ours, an_answer(an_attempt(ours))),
            database.pipelines.claim(ours.id),
        ):
            with pytest.raises(OwnershipLost, match=f"was lost, and with it pipeline {ours.id}"):
                await write
        assert await database.pipelines.load(ours.id) == ours

    asyncio.run(main())


@pytest.mark.parametrize(
    "state",
    [{"phase": "arch_phase"}, {"status": PipelineStatus.COMPLETE}, {"status": PipelineStatus.FAILED}],
)
def test_what_has_another_phase_or_has_ended_is_not_wanted(pipelines: Pipelines, state: dict[str, str]) -> None:
    async def main() -> None:
        pipeline = a_pipeline(**state)
        await pipelines.create(beginning(pipeline))
        assert not await pipelines.want(pipeline.id, "pm_phase", a_note())
        assert await pipelines.load(pipeline.id) == pipeline

    asyncio.run(main())


def test_answers_are_kept_in_their_order_and_replaced_in_their_place(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        attempt, other = an_attempt(ours), an_attempt(ours, number=2)
        for one in (attempt, other):
            await pipelines.commit(Headway(pipeline=ours, attempt=one))
        first, second, mentor = (an_answer(attempt, voice, 1) for voice in ("2", "1", "mentor"))
        for answer in (first, second, mentor, an_answer(other)):
            await pipelines.keep_answer(ours, answer)
        read = replace(first, strategy="fenced", errors=("title: missing",))
        await pipelines.keep_answer(ours, read)
        assert await pipelines.answers(attempt.id) == (read, second, mentor)
        assert await pipelines.answers("pha_nobody") == ()

    asyncio.run(main())


def test_an_answer_to_nothing_is_refused(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        with pytest.raises(Bug):
            await pipelines.keep_answer(ours, an_answer(an_attempt(ours)))

    asyncio.run(main())


def test_a_person_adds_an_artifact_without_owning_the_pipeline(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        made, given = an_artifact(ours), an_artifact(ours, origin="human")
        await pipelines.commit(Headway(pipeline=ours, artifacts=(made,)))
        await pipelines.add_artifact(given, a_note("artifact_stored"))
        assert await pipelines.artifacts(ours.id) == (made, given)
        assert (await pipelines.load(ours.id)).generation == ours.generation
        await pipelines.commit(Headway(pipeline=ours))

    asyncio.run(main())


def test_an_unknown_pipeline_is_said_with_the_newest_that_are_known(pipelines: Pipelines) -> None:
    async def main() -> None:
        known = a_pipeline(created_at=START.replace(year=2090))
        await pipelines.create(beginning(known))
        nobody = a_pipeline(id="pip_nobody")
        for ask in (
            pipelines.load("pip_nobody"),
            pipelines.claim("pip_nobody"),
            pipelines.want("pip_nobody", "pm_phase", a_note()),
            pipelines.add_artifact(an_artifact(nobody), a_note()),
        ):
            with pytest.raises(UnknownPipeline, match=rf"no pipeline 'pip_nobody'; the newest are .*{known.id}"):
                await ask
        assert (await pipelines.attempts("pip_nobody"), await pipelines.artifacts("pip_nobody")) == ((), ())

    asyncio.run(main())


def test_texts_that_no_database_holds_are_kept_readably(pipelines: Pipelines) -> None:
    async def main() -> None:
        ours = await claimed(pipelines)
        attempt = an_attempt(ours, asked="a\0b \ud800")
        artifact = an_artifact(ours, payload={"text": "a\0b"}, markdown="\0")
        await pipelines.commit(Headway(pipeline=ours, attempt=attempt, artifacts=(artifact,)))
        await pipelines.keep_answer(ours, an_answer(attempt, text="x\0\udfff"))
        (answer,) = await pipelines.answers(attempt.id)
        assert answer.text.startswith("x")
        (stored,) = await pipelines.artifacts(ours.id)
        assert stored.payload == {"text": "a\0b"}

    asyncio.run(main())
