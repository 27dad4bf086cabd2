"""The fields of a bundle: the one place that says what each holds. The published JSON Schema is made from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter

ID = r"^ws-[a-z0-9-]+$"
LARGEST_INTEGER = 2**31 - 1


def _whole(value: object) -> object:
    """JSON has one kind of numbers: to its schema 1.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)
Id = Annotated[str, StringConstraints(pattern=ID, max_length=120)]
Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER), _WHOLE]
PositiveCount = Annotated[int, Field(ge=1, le=LARGEST_INTEGER), _WHOLE]
_CLOSED = ConfigDict(strict=True, extra="forbid", frozen=True)
_OPEN = ConfigDict(strict=True, extra="allow", frozen=True)


class RunItem(BaseModel):
    """A line that is a command, whatever it looks like."""

    model_config = _CLOSED
    run: Text


class ProseItem(BaseModel):
    """A line that is prose, whatever it looks like."""

    model_config = _CLOSED
    prose: Text


class CircuitBreaker(BaseModel):
    """When to stop trying; other keys are kept and ignored."""

    model_config = _OPEN
    max_attempts: PositiveCount | None = None
    max_error_repeats: Count | None = None
    oscillation_threshold: Count | None = None


class CapabilityPayload(BaseModel):
    """What goes with a capability; other keys are kept."""

    model_config = _OPEN
    files: tuple[Text, ...] | None = None
    prompt: str | None = None
    timeout_ms: Annotated[int, Field(ge=1000, le=LARGEST_INTEGER), _WHOLE] | None = None
    max_retries: Annotated[int, Field(ge=0, le=5), _WHOLE] | None = None


class TestGate(BaseModel):
    """A group of checks of the settings that has to pass: GATE_UNIT is `[checks.unit]`."""

    __test__ = False  # not a test, for all that pytest sees in the name
    model_config = _CLOSED
    type: Literal["GATE_LINT", "GATE_UNIT", "GATE_INTEGRATION", "GATE_SECURITY"]
    required: bool = Field(default=True, description="False: an empty group or a missing program is `not checked`.")
    blocking: bool = Field(default=True, description="False: what is red is shown, and stops nothing.")

    @property
    def group(self) -> str:
        """The name of the group in the settings."""
        return self.type.removeprefix("GATE_").lower()


Capability = Literal["code_generation", "linting", "refactoring", "testing", "version_checking"]
Kind = Literal["design", "impl", "test", "docs", "infra", "refactor", "background", "spike"]


def _named(key: str) -> dict[str, Any]:
    """The schema of what has a key that is not null."""
    return {"required": [key], "properties": {key: {"type": "string"}}}


class Bundle(BaseModel):
    """One workstream: what to do, where, and how to tell that it is done."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        json_schema_extra={"anyOf": [_named("tool"), _named("capability")]},
    )
    id: Id = Field(description="Unique over all files of the plan.")
    openspec_change: Text = Field(description="The change that this belongs to, such as OS-001.")
    ccpm_issue: Annotated[int, _WHOLE] | str | None = Field(default=None, description="The issue that this belongs to.")
    gate: PositiveCount = Field(description="Lower gates go first.")
    files_scope: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        description="Paths that may be changed, relative to the project: files, folders, or patterns with *, ? and **."
    )
    files_create: tuple[Text, ...] = Field(default=(), description="Paths that may be created.")
    tasks: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(description="What to do, one sentence each.")
    acceptance_tests: tuple[Text | RunItem | ProseItem, ...] = Field(
        default=(), description="Commands that must exit with 0, and sentences for the reviewer."
    )
    acceptance_files: tuple[Text, ...] = Field(
        default=(), description="Tests that acceptance takes from the base tree."
    )
    depends_on: tuple[Text, ...] = Field(default=(), description="Ids of the bundles that must be done before.")
    tool: Text | None = Field(default=None, description="An agent's name, or a tool profile of type `ai`.")
    circuit_breaker: CircuitBreaker | None = None
    metadata: dict[str, Any] | None = Field(default=None, description="Anything else; `title` and `notes` are shown.")
    capability: Capability | None = Field(
        default=None, description="What the agent must be able to do; wins over `tool`."
    )
    capability_payload: CapabilityPayload | None = None
    parallel_ok: bool = Field(default=True, description="False: runs alone in its run.")
    conflict_group: Text | None = Field(default=None, description="One of the group at a time.")
    kind: Kind = "impl"
    priority: Literal["foreground", "background"] = "foreground"
    estimated_context_tokens: Count | None = None
    max_cost_usd: Annotated[float, Field(ge=0, le=1e9)] | None = None
    compensation_actions: tuple[Text, ...] = Field(
        default=(),
        description="Commands that are run, last first, in the kept folder after the last attempt failed; and prose.",
    )
    test_gates: tuple[TestGate, ...] = Field(default=(), description="Check groups that it must pass, in this order.")


FIELDS = frozenset(Bundle.model_fields)

WANTS = {
    "id": "`ws-` and then lower-case letters, digits and dashes (at most 120 characters)",
    "ccpm_issue": "a whole number or text",
    "gate": "a whole number from 1",
    "files_scope": "a list of at least one path",
    "tasks": "a list of at least one sentence",
    "acceptance_tests": 'a list of texts, {"run": "…"} or {"prose": "…"}',
    "circuit_breaker": "an object: max_attempts from 1, max_error_repeats and oscillation_threshold from 0",
    "metadata": "an object",
    "capability": "one of code_generation, linting, refactoring, testing, version_checking",
    "capability_payload": "an object: files, prompt, timeout_ms from 1000, max_retries 0 to 5",
    "parallel_ok": "true or false",
    "kind": "one of design, impl, test, docs, infra, refactor, background, spike",
    "priority": "foreground or background",
    "estimated_context_tokens": "a whole number from 0",
    "max_cost_usd": "a number from 0",
    "test_gates": "a list of objects whose type is GATE_LINT, GATE_UNIT, GATE_INTEGRATION or GATE_SECURITY",
    **dict.fromkeys(("files_create", "acceptance_files"), "a list of paths"),
    "depends_on": "a list of ids",
    "compensation_actions": "a list of texts",
    **dict.fromkeys(("openspec_change", "tool", "conflict_group"), "a text"),
}
"""What each field must be, in words."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a bundle file: one bundle, or a list of them."""
    made = TypeAdapter(Bundle | Annotated[list[Bundle], Field(min_length=1)]).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workstream bundles",
        "description": "One bundle, or a list of bundles.",
        **made,
    }
