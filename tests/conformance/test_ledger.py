"""What every ledger promises, whatever it keeps its rows in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from journal_driving import START
from ledger_driving import SECRET, Kept, a_call, an_end, granted, run_account, someone

from penstock.domain.budget import NOTHING, Account, Amount, Cap, Granted, Kind, Level, MustWait, Refused
from penstock.domain.errors import Bug
from penstock.domain.usage import BELIEVABLE, CallStatus, Tokens

if TYPE_CHECKING:
    from penstock.domain.usage import Caller
    from penstock.ports import Ledger

UP_TO = Cap(tokens=250, micros=2500)
ALL_LEVELS = tuple(Level)


async def run_of(ledger: Ledger, caller: Caller) -> Account:
    return await ledger.account(Level.RUN, caller.run)


def test_a_call_reserves_its_worst_with_every_account_above_it_and_settles_what_it_used(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        call = a_call(caller)
        assert await kept.ledger.reserve(call) == Granted()
        accounts = [await kept.ledger.account(*which) for which in caller.accounts]
        assert [one.level for one in accounts] == list(ALL_LEVELS)
        assert {(one.settled, one.reserved) for one in accounts} == {(NOTHING, call.worst)}
        assert await kept.ledger.settle(call, an_end()) == ()
        accounts = [await kept.ledger.account(*which) for which in caller.accounts]
        assert {(one.settled, one.reserved) for one in accounts} == {(Amount(tokens=60, micros=600), NOTHING)}

    asyncio.run(main())


def test_only_the_accounts_that_a_caller_has_are_charged(kept: Kept) -> None:
    async def main() -> None:
        caller = someone(pipeline="", workstream="")
        await kept.ledger.reserve(a_call(caller))
        assert (await run_of(kept.ledger, caller)).reserved.tokens == 100
        assert await kept.ledger.account(Level.PIPELINE, "") == Account(level=Level.PIPELINE, key="")
        nobody = f"{caller.run}/"
        assert await kept.ledger.account(Level.WORKSTREAM, nobody) == Account(level=Level.WORKSTREAM, key=nobody)

    asyncio.run(main())


def test_an_unknown_account_is_empty(kept: Kept) -> None:
    found = asyncio.run(kept.ledger.account(Level.RUN, "nobody"))
    assert found == Account(level=Level.RUN, key="nobody")


@pytest.mark.parametrize("level", ALL_LEVELS)
@pytest.mark.parametrize("cap", [Cap(tokens=250), Cap(micros=2500)])
def test_a_call_waits_where_only_reservations_stand_in_its_way_and_nothing_of_it_is_kept(
    kept: Kept, level: Level, cap: Cap
) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        await ledger.set_cap(level, dict(caller.accounts)[level], cap)
        first, second, third = (a_call(caller) for _ in range(3))
        assert await ledger.reserve(first) == await ledger.reserve(second) == Granted()
        leave = await ledger.reserve(third)
        taken = Account(
            level=level, key=dict(caller.accounts)[level], cap=cap, reserved=Amount(tokens=200, micros=2000)
        )
        assert leave == MustWait(account=taken)
        for which in caller.accounts:
            assert (await ledger.account(*which)).reserved == Amount(tokens=200, micros=2000)
        await ledger.settle(first, an_end(tokens=10, micros=100))
        assert await ledger.reserve(third) == Granted()

    asyncio.run(main())


@pytest.mark.parametrize("level", ALL_LEVELS)
@pytest.mark.parametrize("cap", [Cap(tokens=150), Cap(micros=1500)])
def test_a_call_is_refused_where_what_is_settled_and_its_worst_exceed_a_cap(kept: Kept, level: Level, cap: Cap) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        key = dict(caller.accounts)[level]
        await ledger.set_cap(level, key, cap)
        first, second = a_call(caller), a_call(caller)
        await ledger.reserve(first)
        await ledger.settle(first, an_end())
        settled = Account(level=level, key=key, cap=cap, settled=Amount(tokens=60, micros=600))
        assert await ledger.reserve(second) == Refused(account=settled, worst=second.worst)
        assert {(await ledger.account(*which)).reserved for which in caller.accounts} == {NOTHING}
        assert await ledger.settle(second, an_end()) == ()
        assert (await run_of(ledger, caller)).settled.tokens == 60

    asyncio.run(main())


def test_a_call_whose_worst_just_fits_is_let_through(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        await kept.ledger.set_cap(Level.RUN, caller.run, Cap(tokens=100, micros=1000))
        assert await kept.ledger.reserve(a_call(caller)) == Granted()

    asyncio.run(main())


def test_a_refusal_weighs_more_than_a_wait_and_the_narrowest_one_is_named(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        await ledger.reserve(a_call(caller))
        for level, key in caller.accounts:
            await ledger.set_cap(level, key, Cap(tokens=150 if level is Level.WORKSTREAM else 50))
        waits = Account(
            level=Level.WORKSTREAM, key=f"{caller.run}/ws-a", cap=Cap(tokens=150),
            reserved=Amount(tokens=100, micros=1000),
        )  # fmt: skip
        leave = await ledger.reserve(a_call(caller))
        assert isinstance(leave, Refused)
        assert leave.account == run_account(caller, cap=Cap(tokens=50), reserved=waits.reserved)
        for level, key in caller.accounts[:-1]:
            await ledger.set_cap(level, key, Cap())
        assert await ledger.reserve(a_call(caller)) == MustWait(account=waits)

    asyncio.run(main())


def test_a_cap_may_be_changed_while_calls_are_under_way_and_keeps_what_is_spent(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        done, going = a_call(caller), a_call(caller)
        await ledger.reserve(done)
        await ledger.settle(done, an_end())
        await ledger.reserve(going)
        await ledger.set_cap(Level.RUN, caller.run, UP_TO)
        assert await run_of(ledger, caller) == run_account(
            caller, cap=UP_TO, settled=Amount(tokens=60, micros=600), reserved=going.worst
        )
        await ledger.set_cap(Level.RUN, caller.run, Cap(tokens=70))
        assert isinstance(await ledger.reserve(a_call(caller)), Refused)
        await ledger.set_cap(Level.RUN, caller.run, Cap())
        assert await ledger.reserve(a_call(caller)) == Granted()

    asyncio.run(main())


def test_what_a_person_has_set_of_a_cap_no_settings_change(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        run, first, second = (Level.RUN, caller.run), Cap(tokens=7, micros=70), Cap(tokens=8)
        await ledger.give_cap(*run, first)
        await ledger.give_cap(*run, second)
        assert (await ledger.account(*run)).cap == Cap(tokens=8, micros=70)
        assert await ledger.set_cap(*run, Cap(micros=5), [Kind.MICROS]) == run_account(
            caller, cap=Cap(tokens=8, micros=5)
        )
        await ledger.give_cap(*run, first)
        assert (await ledger.account(*run)).cap == Cap(tokens=7, micros=5)
        await ledger.set_cap(*run, Cap())
        await ledger.give_cap(*run, first)
        assert (await ledger.account(*run)).cap == Cap()

    asyncio.run(main())


def test_settling_twice_is_settling_once(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        call = a_call(caller)
        await kept.ledger.reserve(call)
        await kept.ledger.settle(call, an_end())
        assert await kept.ledger.settle(call, an_end(tokens=1)) == ()
        assert await run_of(kept.ledger, caller) == run_account(caller, settled=Amount(tokens=60, micros=600))
        assert [row["input_tokens"] for row in kept.records(caller.project)] == [60]

    asyncio.run(main())


def test_a_call_that_reserves_a_second_time_is_a_bug_and_reserves_once(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        call = a_call(caller)
        await kept.ledger.reserve(call)
        with pytest.raises(Bug):
            await kept.ledger.reserve(call)
        assert (await run_of(kept.ledger, caller)).reserved == call.worst

    asyncio.run(main())


def test_a_call_without_a_known_price_is_charged_as_it_was_reserved_and_kept_without_a_cost(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        call = a_call(caller)
        await kept.ledger.reserve(call)
        await kept.ledger.settle(call, an_end(micros=None))
        assert (await run_of(kept.ledger, caller)).settled == Amount(tokens=60, micros=1000)
        (row,) = kept.records(caller.project)
        assert (row["cost_usd"], row["price_unknown"], row["input_tokens"]) == (None, True, 60)

    asyncio.run(main())


def test_a_call_that_cost_nothing_is_kept_with_a_cost_of_nothing(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        await kept.ledger.record(a_call(caller), an_end(micros=0))
        (row,) = kept.records(caller.project)
        assert (row["cost_usd"], row["price_unknown"]) == (0, False)

    asyncio.run(main())


def test_the_record_of_a_call_says_everything(kept: Kept) -> None:
    async def main() -> None:
        caller = someone(attempt="ws-a/edit/1", role="edit", phase="edit", agent="claude", prompt="rp_9")
        call = a_call(caller, ordinal=7, streamed=True)
        tokens = Tokens(input=5, output=9, cache_read=70, cache_write=400, cache_write_long=3000)
        end = an_end(
            tokens=tokens, micros=2095, unit_prices='{"input": "1"}', http_status=200, stop_reason="end_turn", tries=2,
            latency_ms=1234, first_byte_ms=99,
        )  # fmt: skip
        await kept.ledger.reserve(call)
        await kept.ledger.settle(call, end)
        assert kept.records(caller.project) == [
            {
                "id": call.id,
                "prompt_id": "rp_9",
                "project": caller.project,
                "pipeline_id": caller.pipeline,
                "run_id": caller.run,
                "ws_id": "ws-a",
                "attempt": "ws-a/edit/1",
                "role_name": "edit",
                "phase_name": "edit",
                "agent": "claude",
                "ordinal": 7,
                "protocol": "anthropic",
                "upstream": "main",
                "model": "m-1",
                "alias": "fast",
                "streamed": True,
                "used_at": "2026-11-20T08:00:00.000Z",
                "input_tokens": 3475,
                "output_tokens": 9,
                "cache_read_tokens": 70,
                "cache_write_tokens": 400,
                "cache_write_long_tokens": 3000,
                "cost_usd": 0.002095,
                "price_unknown": False,
                "unit_prices": {"input": "1"},
                "estimated": False,
                "claimed": False,
                "status": "ok",
                "http_status": 200,
                "stop_reason": "end_turn",
                "error": None,
                "tries": 2,
                "execution_time_ms": 1234,
                "first_byte_ms": 99,
            }
        ]
        assert (await run_of(kept.ledger, caller)).settled == Amount(tokens=3484, micros=2095)

    asyncio.run(main())


def test_a_call_that_never_left_has_its_record_and_costs_no_account_anything(kept: Kept) -> None:
    async def main() -> None:
        caller = someone(pipeline="", workstream="")
        call = a_call(caller, at=START + timedelta(seconds=1))
        end = an_end(tokens=0, micros=0, status=CallStatus.REFUSED, error="no budget is left")
        await kept.ledger.record(call, end)
        await kept.ledger.record(call, end)
        (row,) = kept.records(caller.project)
        assert (row["status"], row["error"], row["pipeline_id"], row["ws_id"]) == (
            "refused", "no budget is left", None, None,
        )  # fmt: skip
        assert (row["used_at"], row["tries"], row["http_status"]) == ("2026-11-20T08:00:01.000Z", 0, None)
        assert await run_of(kept.ledger, caller) == run_account(caller)

    asyncio.run(main())


def test_what_came_from_outside_is_kept_without_secrets_cut_and_storable(kept: Kept) -> None:
    async def main() -> None:
        caller = someone()
        call = a_call(caller, model="m\0" + "x" * 5000, alias="\ud800")
        end = an_end(error=f"bad key {SECRET} \0 " + "x" * 5000, stop_reason="y" * 5000, status=CallStatus.FAILED)
        await kept.ledger.record(call, end)
        (row,) = kept.records(caller.project)
        assert row["error"].startswith("bad key *** \\x00 xxx")
        assert (len(row["error"]), len(row["model"]), len(row["stop_reason"])) == (2000, 200, 200)
        assert row["alias"] == "\\ud800"

    asyncio.run(main())


def test_counts_that_can_not_be_are_not_believed_and_never_make_room_in_a_budget(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        negative, huge = a_call(caller, tokens=-5, micros=-5), a_call(caller)
        await ledger.reserve(negative)
        await ledger.reserve(huge)
        assert (await run_of(ledger, caller)).reserved == huge.worst
        await ledger.settle(negative, an_end(tokens=Tokens(input=-1000, output=3), micros=-9))
        assert (await run_of(ledger, caller)).settled == Amount(tokens=3)
        await ledger.settle(huge, an_end(tokens=10**30, micros=10**30))
        assert (await run_of(ledger, caller)).settled == Amount(tokens=BELIEVABLE + 3, micros=BELIEVABLE * 1000)
        endless = a_call(someone(), tokens=10**30, micros=10**30)
        assert await ledger.reserve(endless) == Granted()

    asyncio.run(main())


def test_marks_are_told_once_and_by_each_account_that_has_a_cap(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        await ledger.set_cap(Level.RUN, caller.run, Cap(tokens=200, micros=10**6))
        await ledger.set_cap(Level.PROJECT, caller.project, Cap(tokens=1000))
        told = []
        for _ in range(3):
            call = a_call(caller, tokens=60)
            await ledger.reserve(call)
            told.append([(mark.account.level, mark.mark) for mark in await ledger.settle(call, an_end())])
        assert told == [[], [(Level.RUN, 50)], [(Level.RUN, 90)]]

    asyncio.run(main())


async def marks_told(ledger: Ledger, caller: Caller, tokens: int) -> list[int]:
    """The marks that one more call of so many tokens has told."""
    call = a_call(caller, tokens=tokens)
    assert await ledger.reserve(call) == Granted()
    return [mark.mark for mark in await ledger.settle(call, an_end(tokens=tokens))]


def test_marks_that_a_change_of_the_cap_has_reached_are_told_with_the_next_call(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        assert await marks_told(ledger, caller, 900) == []
        for by in (ledger.set_cap, ledger.give_cap, ledger.set_cap):
            await by(Level.RUN, caller.run, Cap(tokens=1000))
        assert await marks_told(ledger, caller, 10) == [50, 90]
        await ledger.set_cap(Level.RUN, caller.run, Cap(tokens=1000))
        assert await marks_told(ledger, caller, 10) == []
        await ledger.set_cap(Level.RUN, caller.run, Cap(tokens=1500))
        assert await marks_told(ledger, caller, 10) == [50]

    asyncio.run(main())


def test_marks_that_lost_calls_have_reached_are_told_with_the_next_call(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        await ledger.set_cap(Level.RUN, caller.run, Cap(tokens=1000))
        await ledger.reserve(a_call(caller, tokens=600))
        assert await ledger.settle_lost(caller.run) == 1
        assert await marks_told(ledger, caller, 10) == [50]
        assert await marks_told(ledger, caller, 10) == []

    asyncio.run(main())


def test_the_calls_of_a_dead_maker_are_settled_at_their_worst_once_and_of_its_run_only(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(agent="aider", attempt="a-1", role="edit", phase="fix"), kept.ledger
        other = someone(project=caller.project)
        calls = [a_call(one, ordinal=2) for one in (caller, replace(caller, workstream="ws-b"), other)]
        for call in calls:
            await ledger.reserve(call)
        assert await ledger.settle_lost(caller.run) == 2
        assert await ledger.settle_lost(caller.run) == 0
        assert await run_of(ledger, caller) == run_account(caller, settled=Amount(tokens=200, micros=2000))
        assert await run_of(ledger, other) == run_account(other, reserved=calls[2].worst)
        lost = [row for row in kept.records(caller.project) if row["run_id"] == caller.run]
        lost.sort(key=lambda row: row["ws_id"])  # made at one instant: databases tell them in any order
        assert [(row["ws_id"], row["status"], row["estimated"]) for row in lost] == [
            ("ws-a", "lost", True), ("ws-b", "lost", True),
        ]  # fmt: skip
        assert {(row["input_tokens"], row["cost_usd"], row["execution_time_ms"]) for row in lost} == {
            (100, 0.001, None)
        }
        names = ("agent", "attempt", "role_name", "phase_name", "ordinal", "model", "alias", "upstream", "protocol")
        assert [lost[0][name] for name in names] == [
            "aider", "a-1", "edit", "fix", 2, "m-1", "fast", "main", "anthropic",
        ]  # fmt: skip
        assert await ledger.settle(calls[0], an_end()) == ()
        assert (await run_of(ledger, caller)).settled == Amount(tokens=200, micros=2000)

    asyncio.run(main())


def test_of_many_calls_at_once_none_is_refused_while_only_reservations_are_in_the_way_and_no_cap_is_crossed(
    kept: Kept,
) -> None:
    # 8 tasks, each reserving 100 and using 60, five times: 40 calls use 2,400 tokens; a cap of 2,440 allows them all.
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        cap, seen = Cap(tokens=2440, micros=24_400), []
        await ledger.set_cap(Level.RUN, caller.run, cap)

        async def work(place: int) -> None:
            for _ in range(5):
                call = a_call(replace(caller, workstream=f"ws-{place}"))
                assert await granted(ledger, call) == Granted()
                account = await run_of(ledger, caller)
                seen.append(account.settled + account.reserved)
                await ledger.settle(call, an_end())

        await asyncio.gather(*(work(place) for place in range(8)))
        assert all(cap.allows(amount) for amount in seen)
        assert await run_of(ledger, caller) == run_account(
            caller, cap=cap, settled=Amount(tokens=2400, micros=24_000), told=90
        )
        assert isinstance(await ledger.reserve(a_call(caller)), Refused)

    asyncio.run(main())


def test_of_many_calls_at_once_spend_stays_at_or_under_the_cap_and_the_rest_is_refused(kept: Kept) -> None:
    async def main() -> None:
        caller, ledger = someone(), kept.ledger
        await ledger.set_cap(Level.RUN, caller.run, Cap(tokens=1000))

        async def work() -> int:
            for done in range(20):
                call = a_call(caller)
                if isinstance(await granted(ledger, call), Refused):
                    return done
                await ledger.settle(call, an_end(tokens=90))
            raise AssertionError("nobody stops it")

        done = await asyncio.gather(*(work() for _ in range(8)))
        # The eleventh would need 990 + 100.
        assert sum(done) == 11
        assert await run_of(ledger, caller) == run_account(
            caller, cap=Cap(tokens=1000), settled=Amount(tokens=990, micros=6600), told=90
        )

    asyncio.run(main())


def test_the_lost_calls_of_a_pipeline_are_settled_without_those_of_its_runs(kept: Kept) -> None:
    async def main() -> None:
        in_run, ledger = someone(), kept.ledger
        own = replace(in_run, run="", workstream="", phase="pm_phase", role="pm", attempt="pha_1", prompt="rp_3")
        of_run, mine, another = a_call(in_run), a_call(own), a_call(replace(own, pipeline=f"{own.pipeline}x"))
        for call in (of_run, mine, another):
            await ledger.reserve(call)
        assert await ledger.settle_lost_of_pipeline(own.pipeline) == 1
        assert await ledger.settle_lost_of_pipeline(own.pipeline) == 0
        account = await ledger.account(Level.PIPELINE, own.pipeline)
        assert (account.settled, account.reserved) == (mine.worst, of_run.worst)
        (row,) = kept.records(own.project)
        assert (row["id"], row["status"], row["prompt_id"], row["estimated"]) == (mine.id, "lost", "rp_3", True)
        assert await ledger.settle_lost(in_run.run) == 1

    asyncio.run(main())
