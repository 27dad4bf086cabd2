"""The use cases about money: what was spent of which budget, and setting a cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.config.sections import BudgetSettings
from penstock.domain.budget import KINDS, NO_CAP, Account, Cap, Level, micros_of
from penstock.domain.errors import UserError
from penstock.domain.plan import Workstream
from penstock.parts import Parts
from penstock.ports import Ledger
from penstock.projects import Projects


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose budget is meant: a workstream of a run, a run, a pipeline, or the present project where all is empty."""

    run: str = ""
    workstream: str = ""
    pipeline: str = ""

    def __post_init__(self) -> None:
        if self.workstream and not self.run:
            raise UserError(f"workstream {self.workstream} is one of some run", hint="name its run, too: --run RUN")
        if self.pipeline and self.run:
            raise UserError("a run and a pipeline are named", hint="name one of them")

    @property
    def level(self) -> Level:
        """On which level it lies."""
        if self.workstream:
            return Level.WORKSTREAM
        return Level.RUN if self.run else Level.PIPELINE if self.pipeline else Level.PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """Who is about to spend, and so whose accounts get the caps of the settings."""

    project: str
    pipeline: str = ""
    run: str = ""
    asked: Cap = NO_CAP
    """What was asked for the run; it lowers what the settings give."""
    workstreams: Sequence[Workstream] = ()
    """Those of the run; what a bundle says lowers what the settings give."""

    def caps(self, budgets: BudgetSettings) -> Mapping[tuple[Level, str], Cap]:
        """The cap of each account, the widest first."""
        caps = {(Level.PROJECT, self.project): budgets.project.cap}
        if self.pipeline:
            caps[Level.PIPELINE, self.pipeline] = budgets.pipeline.cap
        if self.run:
            caps[Level.RUN, self.run] = budgets.run.cap.lowered(self.asked)
        for workstream in self.workstreams:
            own = Cap(micros=micros_of(workstream.origin.get("max_cost_usd")))
            caps[Level.WORKSTREAM, f"{self.run}/{workstream.id}"] = budgets.workstream.cap.lowered(own)
        return caps


async def give_caps(ledger: Ledger, budgets: BudgetSettings, spender: Spender) -> None:
    """Give each account above these calls what the settings say; what a person has set stands."""
    for (level, key), cap in spender.caps(budgets).items():
        if cap.is_set:
            await ledger.give_cap(level, key, cap)


class Accounts:
    """What was spent, and how much may be."""

    def __init__(self, parts: Parts, projects: Projects) -> None:
        self._parts = parts
        self._projects = projects

    async def account(self, payer: Payer) -> Account:
        """One account as it stands."""
        level, key = await self._place(payer)
        return await self._parts.ledger.account(level, key)

    async def set_cap(self, payer: Payer, *, micros: int | None, tokens: int | None, lift: bool) -> Account:
        """Set what is given of a cap and leave the rest, or `lift` it whole; what it is then."""
        if not lift and micros is None and tokens is None:
            raise UserError("no cap is given", hint="give --usd, --tokens, or --no-limit to lift it")
        if lift and (micros is not None or tokens is not None):
            raise UserError("--no-limit lifts the whole cap", hint="leave out --usd and --tokens, or --no-limit")
        level, key = await self._place(payer)
        cap = Cap(tokens=tokens, micros=micros)
        return await self._parts.ledger.set_cap(level, key, cap, KINDS if lift else cap.kinds)

    def of_run(self, run: str) -> list[dict[str, Any]]:
        """The accounts of a run and of its workstreams, as far as there are any."""
        return [row for row in self._parts.views.budgets() if row["key"].split("/")[0] == run]

    async def _place(self, payer: Payer) -> tuple[Level, str]:
        if payer.run:
            loaded = await self._parts.journal.load(payer.run)
            known = [workstream.id for workstream in loaded.run.plan.order]
            if payer.workstream and payer.workstream not in known:
                raise UserError(f"run {payer.run} has no workstream {payer.workstream}; it has {', '.join(known[:10])}")
            return payer.level, f"{payer.run}/{payer.workstream}" if payer.workstream else payer.run
        return payer.level, payer.pipeline or self._projects.current().id
