"""What every store of prompts and phases promises, whatever it keeps its rows in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from library_values import LATER, a_phase, a_prompt

from penstock.domain.errors import UserError
from penstock.ports.library import UnknownPrompt

if TYPE_CHECKING:
    from penstock.ports.library import Prompts


def test_versions_come_back_as_they_were_stored_oldest_first(prompts: Prompts) -> None:
    async def main() -> None:
        first, other = a_prompt(is_active=True), a_prompt("edit", template="edit.md", working_schema=None)
        second = a_prompt(version="2")
        for one in (first, other, second):
            await prompts.add(one)
        assert await prompts.versions() == (first, other, second)
        assert await prompts.versions("pm") == (first, second)
        assert await prompts.versions("nobody") == ()
        assert (await prompts.active("pm")).working_schema == first.working_schema

    asyncio.run(main())


def test_phases_and_the_prompts_that_they_need_are_stored_together_or_not_at_all(prompts: Prompts) -> None:
    async def main() -> None:
        await prompts.add(a_prompt(is_active=True))
        second, phase = a_prompt(version="2"), a_phase()
        await prompts.add(second)
        with pytest.raises(UnknownPrompt, match="'rp_nobody'"):
            await prompts.put_phases([phase], activating=[second.id, "rp_nobody"], at=LATER)
        assert await prompts.phases() == ()
        assert (await prompts.active("pm")).version == "1"
        await prompts.put_phases([phase], activating=[second.id], at=LATER)
        assert await prompts.phases() == (phase,)
        assert (await prompts.active("pm")).id == second.id

    asyncio.run(main())


def test_one_version_of_a_role_is_active_and_a_new_one_takes_its_place(prompts: Prompts) -> None:
    async def main() -> None:
        first, second, other = (
            a_prompt(is_active=True),
            a_prompt(version="2", is_active=True),
            a_prompt("ba", is_active=True),
        )
        await prompts.add(first)
        await prompts.add(other)
        await prompts.add(replace(second, updated_at=LATER))
        assert (await prompts.active("pm")).id == second.id
        assert await prompts.active("ba") == other
        assert await prompts.activate(first.id, LATER) == replace(first, updated_at=LATER)
        found = await prompts.versions("pm")
        assert [(one.id, one.is_active, one.updated_at) for one in found] == [
            (first.id, True, LATER), (second.id, False, LATER),
        ]  # fmt: skip

    asyncio.run(main())


def test_to_activate_what_is_active_changes_nothing(prompts: Prompts) -> None:
    async def main() -> None:
        prompt = a_prompt(is_active=True)
        await prompts.add(prompt)
        assert await prompts.activate(prompt.id, LATER) == prompt == await prompts.active("pm")

    asyncio.run(main())


def test_a_role_without_an_active_version_and_an_unknown_version_are_named(prompts: Prompts) -> None:
    async def main() -> None:
        await prompts.add(a_prompt())
        with pytest.raises(UnknownPrompt, match="the role 'pm' has no active prompt"):
            await prompts.active("pm")
        with pytest.raises(UnknownPrompt, match="'rp_nobody'"):
            await prompts.activate("rp_nobody", LATER)

    asyncio.run(main())


def test_a_stored_version_is_never_changed(prompts: Prompts) -> None:
    async def main() -> None:
        prompt = a_prompt(is_active=True)
        await prompts.add(prompt)
        for again in (
            replace(prompt, version="2", instructions="x"),
            a_prompt(instructions="x", is_active=True),
        ):
            with pytest.raises(UserError, match="has a version"):
                await prompts.add(again)
        assert await prompts.versions() == (prompt,)

    asyncio.run(main())


def test_a_phase_is_stored_and_changed_under_its_name(prompts: Prompts) -> None:
    async def main() -> None:
        first, second = a_phase(next_phase="ba_phase"), a_phase("ba_phase", is_active=False)
        await prompts.put_phases([first, second], at=LATER)
        assert await prompts.phases() == (first, second)
        changed = a_phase(role="boss", config={}, created_at=LATER, updated_at=LATER)
        await prompts.put_phases([changed], at=LATER)
        kept = replace(changed, id=first.id, created_at=first.created_at)
        found = await prompts.phases()
        assert found == (kept, second)
        assert [one.config for one in found] == [{}, second.config]

    asyncio.run(main())
