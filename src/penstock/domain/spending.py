"""What a spent budget means: for the workstream whose call it refused, and for the run. Works on a draft for `step`."""

from __future__ import annotations

from penstock.domain import attempts, endings
from penstock.domain.commands import StopSteps
from penstock.domain.draft import Draft
from penstock.domain.events import OverBudget
from penstock.domain.run import Ending
from penstock.domain.states import Reason


def over_budget(draft: Draft, rank: int, outcome: OverBudget, confined: bool | None) -> None:
    """The workstream has failed; where the cap is the run's or above it, nothing else can go on either."""
    level = outcome.level
    result = {"budget": level.value, "sentence": outcome.sentence}
    attempts.end(draft, rank, "failed", candidate=outcome.candidate, result=result, confined=confined)
    draft.note("budget_exhausted", rank, level=level.value, sentence=outcome.sentence)
    endings.fail(draft, rank, Reason.BUDGET_EXHAUSTED, outcome.sentence)
    if level.ends_the_run and draft.get("ending") is None:
        draft.set(ending=Ending.SPENT)
        draft.commands.append(StopSteps(number=draft.next_order()))
