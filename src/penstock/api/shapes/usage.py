"""The shapes of usage, reports and budgets. What a cost is not known of is null, never 0."""

from __future__ import annotations

from pydantic import Field, model_validator

from penstock.api.shapes.common import Body, Moment, Told
from penstock.domain.budget import MOST_DOLLARS, MOST_TOKENS


class Call(Told):
    """The record of one call of a model."""

    id: str | int
    role_name: str | None
    phase_name: str | None
    pipeline_id: str | None
    run_id: str | None
    model: str | None
    used_at: Moment
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class Sum(Told):
    """What calls with the same key add up to."""

    key: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class Day(Told):
    """One day."""

    date: str
    tokens: int
    cost_usd: float | None


class Alert(Told):
    """A pipeline whose tokens exceeded its budget."""

    pipeline_id: str
    budget_tokens: int
    used_tokens: int
    at: Moment


class TokenReport(Told):
    """What models were used for, added up. Each `by_…` adds up to the totals."""

    total_input_tokens: int
    total_output_tokens: int
    total_tokens: int
    total_cost_usd: float | None
    by_pipeline: list[Sum]
    by_phase: list[Sum]
    by_role: list[Sum]
    by_model: list[Sum]
    by_agent: list[Sum]
    by_day: list[Sum]
    average_tokens_per_phase: dict[str, float]
    trend: list[Day]
    alerts: list[Alert]


class Account(Told):
    """One account: its cap (null: none), what was spent, and what calls under way may still take."""

    level: str
    key: str
    cap_tokens: int | None
    cap_usd: float | None
    settled_tokens: int
    settled_usd: float
    reserved_tokens: int
    reserved_usd: float


class PutBudget(Body):
    """A cap for a workstream of a run, a run, a pipeline, or the present project where none of them is named."""

    run_id: str = Field(default="", max_length=128)
    ws_id: str = Field(default="", max_length=128)
    pipeline_id: str = Field(default="", max_length=128)
    usd: float | None = Field(default=None, ge=0, le=MOST_DOLLARS)
    tokens: int | None = Field(default=None, ge=0, le=MOST_TOKENS)
    no_limit: bool = Field(default=False, description="Lift the cap")

    @model_validator(mode="after")
    def _says_one_thing(self) -> PutBudget:
        is_given = self.usd is not None or self.tokens is not None
        if is_given == self.no_limit:
            raise ValueError("give usd, tokens or both; or no_limit alone, which lifts the cap")
        if (self.ws_id and not self.run_id) or (self.run_id and self.pipeline_id):
            raise ValueError("name a run, a workstream with its run, or a pipeline")
        return self


class Summary(Told):
    """All pipelines together."""

    total_pipelines: int
    total_cost_usd: float | None
    total_input_tokens: int
    total_output_tokens: int
    success_count: int
    failure_count: int


class PhaseUsage(Told):
    """What one phase of a pipeline used."""

    phase_name: str | None
    role_name: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    execution_time_ms: int | None
    timestamp: Moment | None


class PipelineMetrics(Told):
    """What one pipeline used."""

    pipeline_id: str
    status: str
    current_phase: str
    epic_description: str
    total_cost_usd: float | None
    total_input_tokens: int
    total_output_tokens: int
    phase_breakdown: list[PhaseUsage]


class RecentPipeline(Told):
    """One of the latest pipelines."""

    pipeline_id: str


class DailyCost(Told):
    """What was used on one day."""

    date: str
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    calls: int
