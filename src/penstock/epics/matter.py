"""What each role is shown of an epic: the artifacts before, the code, what a run has made. Composed, never asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.config.pipeline import PipelineSettings
from penstock.domain.phases import RolePrompt
from penstock.epics.desk import Desk
from penstock.planning.artifacts import canonical_type, model_of
from penstock.planning.baseline import baseline_code
from penstock.planning.prompting import Matter, PromptParts, Section, compose


async def composed(
    desk: Desk,
    prompt: RolePrompt,
    *,
    more: Sequence[Section] = (),
    artifact_type: str = "",
    sees: Sequence[str] | None = None,
) -> PromptParts:
    """What a role is asked at the present phase."""
    kind = canonical_type(artifact_type or desk.configuration.artifact_type)
    sections = [*(await _code(desk) if desk.options.shows_code else ()), *more]
    matter = Matter(
        epic=desk.pipeline.description,
        state=_state(desk),
        artifacts=_before(desk, kind, desk.options.sees if sees is None else sees),
        sections=tuple(sections),
    )
    return compose(prompt, model_of(kind), matter)


async def of_mentor(desk: Desk, mentor: RolePrompt, proposals: Sequence[Mapping[str, Any]]) -> PromptParts:
    """What a mentor is asked: to make one of several proposals."""
    kind = canonical_type(desk.configuration.artifact_type)
    matter = Matter(
        epic=desk.pipeline.description,
        state=_state(desk),
        artifacts={f"proposal_{number}": one for number, one in enumerate(proposals, 1)},
        sections=(),
    )
    return compose(mentor, model_of(kind), matter)


def _state(desk: Desk) -> Mapping[str, Any]:
    pipeline = desk.pipeline
    state: dict[str, Any] = {"epic_id": pipeline.epic_id, "phase": pipeline.phase, "round": pipeline.round}
    context = {name: value for name, value in pipeline.context.items() if name != "token_budget"}
    return {**state, "context": context} if context else state


def _before(desk: Desk, kind: str, sees: Sequence[str] | None) -> Mapping[str, Any]:
    """The newest artifact of each type that the role may see; its own of an earlier round is not among them."""
    wanted = None if sees is None else {canonical_type(name) for name in sees}
    newest = {one.type: one.payload for one in desk.artifacts}
    return {name: payload for name, payload in newest.items() if (name != kind if wanted is None else name in wanted)}


async def _code(desk: Desk) -> tuple[Section, ...]:
    told = " ".join([desk.pipeline.description, *_named(desk)])
    baseline = await baseline_code(
        desk.opened.parts.history,
        desk.head,
        told,
        max_tokens=desk.opened.settings.node(PipelineSettings).baseline_tokens,
        redact=desk.redact,
    )
    return (Section(title="Baseline Code", text=baseline.text),) if baseline.text else ()


def _named(desk: Desk) -> list[str]:
    """The files that the architecture names: what they are matters to who plans the work."""
    components = desk.payload("arch_notes").get("components", ())
    return [str(one.get("file_path", "")) for one in components if isinstance(one, Mapping)]
