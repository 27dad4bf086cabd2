"""What is asked about epics, and what becomes of asking: the values and errors of the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.domain.errors import AgentError, UserError, WorldError


@dataclass(frozen=True, slots=True, kw_only=True)
class EpicWish:
    """A wish in words, by a name of its own or without one. One of the two is needed."""

    description: str = ""
    epic_id: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    """`token_budget` is read from it; all of it is shown to the phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """What performing a phase came to."""

    pipeline_id: str
    previous_phase: str
    current_phase: str
    """Empty once it has ended."""
    state: str
    status: str
    sentence: str = ""
    is_over: bool = True
    """False: it was asked for and is performed in the background."""


class AdvanceRefused(UserError):
    """The pipeline can't go on as asked: it has ended, or its phase is another one by now."""

    code = "invalid_transition"


class PipelineIsBusy(AdvanceRefused):
    """Its phase is being performed already."""


class ApprovalNeeded(AdvanceRefused):
    """A person must approve the phase first."""

    code = "approval_required"


class NoUpstream(WorldError):
    """No model can be asked: a key or an upstream is missing. Nothing was asked."""


class BudgetSpent(WorldError):
    """A budget does not allow the next call. Nothing moved."""


class RunWaits(WorldError):
    """The run of a phase is paused, or only waits for somebody; the pipeline stands where it stood."""

    def __init__(self, run_id: str, sentence: str, *, hint: str) -> None:
        self.run_id = run_id
        super().__init__(sentence, hint=hint)


class PhaseFailed(AgentError):
    """The phase came to nothing; the pipeline stands where it stood. `is_answer` tells whether a model's answer was
    there and would not do (true), or there was none (false); `retryable` that no answer is to blame.
    """

    def __init__(
        self,
        sentence: str,
        *,
        is_answer: bool,
        errors: tuple[str, ...] = (),
        retryable: bool = False,
        hint: str | None = None,
    ) -> None:
        self.is_answer, self.errors, self.retryable = is_answer, errors, retryable
        super().__init__(sentence, hint=hint)
