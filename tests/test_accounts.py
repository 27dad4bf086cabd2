"""Who says what may be spent: a person, the settings, a bundle. Real parts, no model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from penstock.accounts import Payer
from penstock.bootstrap import Penstock
from penstock.domain.budget import NO_CAP, Cap
from penstock.engine.owner import owning
from penstock.ports import RunExists
from penstock.submission import Submission
from service_support import Desk, awaited, bundle

PROJECT = Payer()


async def cap_of(penstock: Penstock, payer: Payer = PROJECT) -> Cap:
    return (await penstock.accounts.account(payer)).cap


@awaited
async def test_what_a_person_has_set_stands_and_the_settings_give_the_rest(tmp_path: Path) -> None:
    desk = Desk(tmp_path, bundle("ws-a"))
    penstock = desk.trusted(PENSTOCK_BUDGETS_PROJECT_USD="100", PENSTOCK_BUDGETS_PROJECT_TOKENS="9000")
    account = await penstock.accounts.set_cap(PROJECT, micros=5_000_000, tokens=None, lift=False)
    assert account.cap == Cap(micros=5_000_000)
    await penstock.service.submit(Submission())
    assert await cap_of(penstock) == Cap(micros=5_000_000, tokens=9000)
    await penstock.close()


@awaited
async def test_a_cap_that_a_person_has_lifted_stays_lifted(tmp_path: Path) -> None:
    penstock = Desk(tmp_path, bundle("ws-a")).trusted(PENSTOCK_BUDGETS_PROJECT_USD="100")
    await penstock.service.submit(Submission())
    assert await cap_of(penstock) == Cap(micros=100_000_000)
    await penstock.accounts.set_cap(PROJECT, micros=None, tokens=None, lift=True)
    await penstock.service.submit(Submission())
    assert await cap_of(penstock) == NO_CAP
    await penstock.close()


@awaited
async def test_a_setting_that_changes_holds_from_the_next_run_on_and_one_that_is_gone_takes_nothing(
    tmp_path: Path,
) -> None:
    desk, found = Desk(tmp_path, bundle("ws-a")), []
    for settings in ({"TOKENS": "9000"}, {"TOKENS": "7000", "USD": "2"}, {}):
        penstock = desk.trusted(**{f"PENSTOCK_BUDGETS_PROJECT_{name}": value for name, value in settings.items()})
        await penstock.service.submit(Submission())
        found.append(await cap_of(penstock))
        await penstock.close()
    assert found == [Cap(tokens=9000), Cap(tokens=7000, micros=2_000_000), Cap(tokens=7000, micros=2_000_000)]


@awaited
async def test_who_asks_for_an_id_that_is_taken_changes_no_cap(tmp_path: Path) -> None:
    desk, run = Desk(tmp_path, bundle("ws-a")), Payer(run="mine")
    penstock = desk.trusted(PENSTOCK_BUDGETS_PROJECT_TOKENS="9000")
    await penstock.service.submit(Submission(run_id="mine", cap=Cap(tokens=500)))
    other = desk.trusted(PENSTOCK_BUDGETS_PROJECT_TOKENS="4", PENSTOCK_BUDGETS_RUN_TOKENS="3")
    asking = (
        lambda: other.service.submit(Submission(run_id="mine", cap=Cap(tokens=1))),
        lambda: other.assembly.create("mine"),
    )
    async with owning(penstock.parts.locks, "mine"):
        for ask in asking:
            with pytest.raises(RunExists):
                await ask()
    for ask in asking:
        with pytest.raises(RunExists):
            await ask()
    assert (await cap_of(penstock), await cap_of(penstock, run)) == (Cap(tokens=9000), Cap(tokens=500))
    await other.close()
    await penstock.close()


@awaited
async def test_of_two_changes_at_once_both_are_kept(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).trusted()
    for number in range(10):
        await asyncio.gather(
            penstock.accounts.set_cap(PROJECT, micros=number, tokens=None, lift=False),
            penstock.accounts.set_cap(PROJECT, micros=None, tokens=number, lift=False),
        )
        assert await cap_of(penstock) == Cap(micros=number, tokens=number)
    await penstock.close()


@awaited
async def test_a_run_made_piece_by_piece_has_the_caps_of_one_that_is_submitted(tmp_path: Path) -> None:
    limits = {"PROJECT_TOKENS": "9000", "RUN_TOKENS": "800", "WORKSTREAM_USD": "0.5"}
    cheap = bundle("ws-b", max_cost_usd=0.1)
    desk = Desk(tmp_path, bundle("ws-a"), cheap)
    penstock = desk.trusted(**{f"PENSTOCK_BUDGETS_{name}": value for name, value in limits.items()})
    made = await penstock.assembly.create("made")
    assert (await cap_of(penstock), await cap_of(penstock, Payer(run=made))) == (Cap(tokens=9000), Cap(tokens=800))
    for one in (bundle("ws-a"), cheap):
        await penstock.assembly.add(made, one)
    submitted = (await penstock.service.submit(Submission())).run_id
    for run in (made, submitted):
        payers = [Payer(run=run), *(Payer(run=run, workstream=name) for name in ("ws-a", "ws-b"))]
        found = [await cap_of(penstock, payer) for payer in payers]
        assert found == [Cap(tokens=800), Cap(micros=500_000), Cap(micros=100_000)], run
    await penstock.assembly.perform(Submission(run_id=made, cap=Cap(tokens=5, micros=7)))
    assert await cap_of(penstock, Payer(run=made)) == Cap(tokens=5, micros=7)
    await penstock.close()


@awaited
async def test_what_a_person_has_set_of_a_run_stands_while_it_is_made_and_begun(tmp_path: Path) -> None:
    penstock = Desk(tmp_path).trusted(PENSTOCK_BUDGETS_RUN_TOKENS="800")
    made = await penstock.assembly.create()
    await penstock.accounts.set_cap(Payer(run=made), micros=None, tokens=950, lift=False)
    await penstock.assembly.add(made, bundle("ws-a"))
    await penstock.assembly.perform(Submission(run_id=made))
    assert await cap_of(penstock, Payer(run=made)) == Cap(tokens=950)
    await penstock.close()
