"""The library: pipelines, their artifacts, the prompts of roles, the phases; and asking a model in a role's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from penstock.domain.errors import AgentError, UserError
from penstock.domain.phases import PhaseConfiguration, RolePrompt
from penstock.domain.pipelines import Artifact, Issue, KeptAnswer, PhaseAttempt, Pipeline, PipelineNote, Transition
from penstock.ports.models import Visit


class UnknownPipeline(UserError):
    """No pipeline has this id."""

    def __init__(self, pipeline_id: str, newest: Sequence[str]) -> None:
        self.pipeline_id, self.newest = pipeline_id, tuple(newest)
        known = f"the newest are {', '.join(newest)}" if newest else "no pipeline is stored yet"
        hint = "`penstock epic list` lists them" if newest else 'begin one with `penstock epic create "…"`'
        super().__init__(f"there is no pipeline {pipeline_id!r}; {known}", hint=hint)


class UnknownArtifact(UserError):
    """No artifact has this id."""

    def __init__(self, artifact_id: str) -> None:
        self.artifact_id = artifact_id
        super().__init__(
            f"there is no artifact {artifact_id!r}", hint="`penstock artifacts PIPELINE` lists those of a pipeline"
        )


class UnknownPrompt(UserError):
    """No version of a prompt has this id, or no role this name."""


class PromptExists(UserError):
    """A version of a role's prompt is stored already."""

    def __init__(self, role: str, version: str) -> None:
        self.role, self.version = role, version
        super().__init__(
            f"the prompt of {role} has a version {version!r} already",
            hint="give it another version: stored ones are never changed",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Headway:
    """All that follows from one step of a pipeline: stored in one transaction."""

    pipeline: Pipeline
    """As it is now."""
    transitions: tuple[Transition, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    attempt: PhaseAttempt | None = None
    """An attempt that has begun or ended: it is written as it is here."""
    issues: tuple[Issue, ...] = ()
    notes: tuple[PipelineNote, ...] = ()


class Pipelines(Protocol):
    """Pipelines: durable when a method returns. Every write of an owner carries its generation; one that is old gets
    `OwnershipLost`.
    """

    async def create(self, progress: Headway) -> None:
        """Store a pipeline before its first phase."""
        ...

    async def claim(self, pipeline_id: str) -> Pipeline:
        """Raise the generation and load it: called only by who holds the pipeline's lock."""
        ...

    async def load(self, pipeline_id: str) -> Pipeline:
        """Read it without claiming it; `UnknownPipeline`."""
        ...

    async def want(self, pipeline_id: str, phase: str, note: PipelineNote) -> bool:
        """Ask that this phase be performed: true exactly once until it is over, false where it is asked already, has
        another phase by now, or has ended. Whoever holds the pipeline's lock asks, so that no decision undoes it.
        """
        ...

    async def commit(self, progress: Headway) -> None:
        """All that follows from a step, in one transaction; the pipeline's own generation is what is compared."""
        ...

    async def attempts(self, pipeline_id: str) -> tuple[PhaseAttempt, ...]:
        """Every attempt at its phases, oldest first."""
        ...

    async def keep_answer(self, pipeline: Pipeline, answer: KeptAnswer) -> None:
        """Keep what a model answered before it is read; kept again, it is replaced (its strategy is known later)."""
        ...

    async def answers(self, attempt: str) -> tuple[KeptAnswer, ...]:
        """What was answered to an attempt, in its order."""
        ...

    async def artifacts(self, pipeline_id: str) -> tuple[Artifact, ...]:
        """Every artifact, oldest first; the newest of a type counts."""
        ...

    async def add_artifact(self, artifact: Artifact, note: PipelineNote) -> None:
        """Add one that a person gives; `UnknownPipeline`. It needs no ownership: later phases take the newest."""
        ...


class Prompts(Protocol):
    """What roles are told, in versions, and the phases."""

    async def versions(self, role: str = "") -> tuple[RolePrompt, ...]:
        """Every version of a role's prompt, or of all roles', oldest first."""
        ...

    async def active(self, role: str) -> RolePrompt:
        """The version in force; `UnknownPrompt` names the role that has none."""
        ...

    async def add(self, prompt: RolePrompt) -> None:
        """Store a version; if it is active it takes the place of the one that was. The same id again is an error."""
        ...

    async def activate(self, prompt_id: str, at: datetime) -> RolePrompt:
        """Put a version in force in place of another of its role; `UnknownPrompt`."""
        ...

    async def phases(self) -> tuple[PhaseConfiguration, ...]:
        """Every phase that is configured, active or not."""
        ...

    async def put_phases(
        self, configurations: Sequence[PhaseConfiguration], *, activating: Sequence[str] = (), at: datetime
    ) -> None:
        """Store phases, or change those of their names, and put versions of prompts in force: all of it, or nothing."""
        ...


class LibraryViews(Protocol):
    """Read-only questions about pipelines and prompts, as plain values in the shapes of `/api/v1`."""

    def pipelines(
        self,
        *,
        project: str | None = None,
        status: str | None = None,
        before: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """The latest pipelines, newest first; with `before` those older than this one, or UnknownPipeline."""
        ...

    def pipeline(self, pipeline_id: str) -> dict[str, Any]:
        """One pipeline with its moves (`phase_history`), its attempts and its artifacts without payload."""
        ...

    def artifact(self, artifact_id: str) -> dict[str, Any]:
        """One artifact with payload and documents; UserError where there is none."""
        ...

    def artifacts_of(self, pipeline_id: str, *, type: str | None = None) -> list[dict[str, Any]]:  # noqa: A002
        """The artifacts of a pipeline with their payload, oldest first."""
        ...

    def pipeline_notes(self, pipeline_id: str, *, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """What happened to it after an id, oldest first: id, type, at, payload."""
        ...

    def issues(
        self, *, project: str | None = None, pipeline: str | None = None, is_open: bool | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Findings, newest first."""
        ...

    def unfinished_pipelines(self) -> list[str]:
        """The ids of those whose phase somebody has asked to be performed, oldest first."""
        ...

    def prompts(self, *, role: str | None = None) -> list[dict[str, Any]]:
        """Every version of the prompts of a role or of all, by role, oldest first."""
        ...


class StopReason(StrEnum):
    """Why a model's answer ended."""

    DONE = "done"
    LENGTH = "length"
    """Its limit cut it off."""
    REFUSED = "refused"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One answer that would not do, and what was said of it."""

    answer: str
    complaint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked in a role's name."""

    stable: str
    """The same for every epic: kept in a cache by those who have one."""
    asked: str
    """About this epic."""
    before: tuple[Exchange, ...] = ()
    schema: Mapping[str, Any] | None = None
    """The JSON Schema of the answer, for providers that hold a model to one; none where there is none."""
    max_tokens: int = 8192
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A model's whole answer, and why it ended."""

    text: str
    stop: StopReason
    stop_told: str = ""
    """As the provider said it."""
    model: str = ""


class CallFailed(AgentError):
    """A call gave no answer: the model's upstream refused it, failed or could not be reached."""

    def __init__(self, sentence: str, *, status: int | None = None, hint: str | None = None) -> None:
        self.status = status
        super().__init__(sentence, hint=hint)


class Asker(Protocol):
    """Asks a model, once: what is not answered is not asked again here."""

    async def ask(self, question: Question, visit: Visit) -> Said:
        """The answer, however it ended; `CallFailed` where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """Which usage is meant, from `since` on and before `until`; what is empty does not matter."""

    project: str = ""
    pipeline: str = ""
    phase: str = ""
    role: str = ""
    since: datetime | None = None
    until: datetime | None = None


class UsageReports(Protocol):
    """What models were used for, added up; from rollups, so that it does not grow with what is not asked about."""

    def token_report(self, wanted: UsageFilter, *, most_pipelines: int = 100) -> dict[str, Any]:
        """total_input_tokens, total_output_tokens, total_tokens, total_cost_usd, price_unknown (calls), by_pipeline
        (the dearest `most_pipelines`, and one entry with the key "other" for the rest), by_phase, by_role, by_model,
        by_agent, by_day [{key, calls, input_tokens, output_tokens, cost_usd, price_unknown}],
        average_tokens_per_phase {phase: number per pipeline that went through it}, trend [{date, tokens, cost_usd}],
        alerts [{pipeline_id, budget_tokens, used_tokens, at}]. Each by_… adds up to the totals, to the token.
        `UnknownPipeline`.
        """
        ...

    def usage_rows(self, wanted: UsageFilter) -> Iterator[dict[str, Any]]:
        """The record of each call in order of time, read piece by piece."""
        ...

    def pipeline_tokens(self, pipeline_id: str) -> int:
        """All tokens of a pipeline until now, those of its runs too."""
        ...

    def metrics_summary(self) -> dict[str, Any]:
        """total_pipelines, total_cost_usd, total_input_tokens, total_output_tokens, success_count, failure_count."""
        ...

    def metrics_of(self, pipeline_id: str) -> dict[str, Any]:
        """pipeline_id, status, current_phase, epic_description, total_cost_usd, total_input_tokens,
        total_output_tokens, phase_breakdown [{phase_name, role_name, input_tokens, output_tokens, cost_usd,
        execution_time_ms, timestamp}].
        """
        ...

    def metrics_recent(self, limit: int = 20) -> list[dict[str, Any]]:
        """The latest pipelines with what they have used."""
        ...

    def daily_costs(self, days: int = 7) -> list[dict[str, Any]]:
        """date, cost_usd, input_tokens, output_tokens, calls of each of the last days, days without any included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReply:
    """What a request with an idempotency key was answered: `status` is 0 while it is not."""

    digest: str
    """Of the request."""
    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Replies(Protocol):
    """Answers to requests with an idempotency key, kept for a day."""

    async def begin(self, key: str, digest: str, now: datetime) -> KeptReply | None:
        """None for who is the first with this key; else what is known of the first. What is older than a day is
        forgotten.
        """
        ...

    async def finish(self, key: str, reply: KeptReply) -> None:
        """Keep the answer."""
        ...

    async def forget(self, key: str) -> None:
        """The request came to nothing that should be repeated: the key is free again."""
        ...


class Notifier(Protocol):
    """Tells the user's own channels of something."""

    async def notify(self, event: str, title: str, text: str) -> None:
        """Tell it to all of them, if the user wants to hear of such events (names of NOTES); a channel that fails is
        logged and never stops anything.
        """
        ...
