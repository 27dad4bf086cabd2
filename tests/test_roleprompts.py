"""Seeding over what is there: a version that nobody has touched gives way to a newer one, a person's own never does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from penstock.bootstrap import Penstock, build
from penstock.domain.phases import RolePrompt
from penstock.domain.prompt_text import PromptText
from penstock.planning.seeds import shipped_prompts
from penstock.ports.library import UnknownPrompt

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPED = {one.role: one for one in shipped_prompts(NOW)}
Answer = TypeVar("Answer")


@pytest.fixture
def penstock(tmp_path: Path):
    """A Penstock whose store holds nothing; closed at the end."""
    return build(folder=tmp_path, environ={"HOME": str(tmp_path), "PENSTOCK_HOME": str(tmp_path / "state")})


def within(penstock: Penstock, work: Callable[[Penstock], Awaitable[Answer]]) -> Answer:
    import asyncio

    async def whole() -> Answer:
        try:
            return await work(penstock)
        finally:
            await penstock.close()

    return asyncio.run(whole())


async def versions(penstock: Penstock, role: str = "pm") -> dict[str, bool]:
    return {one.version: one.is_active for one in await penstock.parts.prompts.versions(role)}


def older(**changes: object) -> RolePrompt:
    told = {"id": "rp_older", "version": "0.9", "instructions": "As it was told before.", "is_active": True}
    return replace(SHIPPED["pm"], **{**told, **changes})  # type: ignore[arg-type]


def test_an_untouched_version_gives_way_to_a_newer_one(penstock: Penstock) -> None:
    async def work(penstock: Penstock) -> dict[str, bool]:
        await penstock.parts.prompts.add(older())
        await penstock.prompts.seed()
        return await versions(penstock)

    assert within(penstock, work) == {"0.9": False, SHIPPED["pm"].version: True}


def test_a_persons_own_version_stays_in_force(penstock: Penstock) -> None:
    async def work(penstock: Penstock) -> tuple[dict[str, bool], tuple[str, ...]]:
        await penstock.parts.prompts.add(older(created_by="somebody"))
        seeded = await penstock.prompts.seed_prompts()
        return await versions(penstock), seeded.done

    there, done = within(penstock, work)
    assert there == {"0.9": True, SHIPPED["pm"].version: False}
    assert any("0.9 stays in force" in words for words in done)


def test_a_changed_text_under_a_version_that_is_there_gets_a_version_of_its_own(penstock: Penstock) -> None:
    async def work(penstock: Penstock) -> dict[str, bool]:
        await penstock.parts.prompts.add(older(id=SHIPPED["pm"].id, version=SHIPPED["pm"].version))
        await penstock.prompts.seed()
        await penstock.prompts.seed()
        return await versions(penstock)

    brought = SHIPPED["pm"].version
    assert within(penstock, work) == {brought: False, f"{brought}+1": True}


def test_a_name_like_penstocks_own_makes_nothing_untouched(penstock: Penstock) -> None:
    async def work(penstock: Penstock) -> dict[str, bool]:
        await penstock.parts.prompts.add(older())
        await penstock.prompts.add("pm", PromptText(instructions="Mine."), by=SHIPPED["pm"].created_by)
        await penstock.prompts.seed()
        return await versions(penstock)

    assert within(penstock, work) == {"0.9": False, "0.9+1": True, SHIPPED["pm"].version: False}


def test_a_prompt_holds_for_who_runs_already(penstock: Penstock, tmp_path: Path) -> None:
    async def work(penstock: Penstock) -> str:
        await penstock.prompts.ensure_seeded()
        other = build(folder=tmp_path, environ={"HOME": str(tmp_path), "PENSTOCK_HOME": str(tmp_path / "state")})
        await other.prompts.add("pm", PromptText(instructions="Mine."))
        await other.close()
        return (await penstock.parts.prompts.active("pm")).instructions

    assert within(penstock, work) == "Mine."


def test_two_that_seed_at_once_store_everything_once(penstock: Penstock, tmp_path: Path) -> None:
    async def work(penstock: Penstock) -> list[str]:
        import asyncio

        await asyncio.gather(*(penstock.prompts.seed() for _ in range(3)))
        return [one.id for one in await penstock.parts.prompts.versions()]

    assert sorted(within(penstock, work)) == sorted(one.id for one in SHIPPED.values())


def test_a_version_is_found_by_id_role_and_version(penstock: Penstock) -> None:
    async def work(penstock: Penstock) -> None:
        with pytest.raises(UnknownPrompt, match="nothing is stored yet"):
            await penstock.prompts.find("pm")
        await penstock.prompts.seed()
        pm = SHIPPED["pm"]
        for named in (pm.id, "pm", f"pm@{pm.version}"):
            assert (await penstock.prompts.find(named)).id == pm.id
        assert (await penstock.prompts.find("pm_mentor")).role == "pm_mentor"

    within(penstock, work)
