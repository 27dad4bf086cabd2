"""The phases as people and the API write them, and back: checked in form; whether they fit together, the graph says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from penstock.domain.errors import UserError
from penstock.domain.phases import PhaseConfiguration, options_of
from penstock.domain.prompt_text import ROLE_NAME
from penstock.planning.artifacts import canonical_type


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseWish:
    """How a phase shall be."""

    phase: str
    role: str
    artifact_type: str
    next_phase: str | None = None
    is_active: bool = True
    config: dict[str, Any] = field(default_factory=dict)


def in_order(phases: Iterable[PhaseConfiguration]) -> tuple[PhaseConfiguration, ...]:
    """The phases in the order in which they are gone through, then the rest by name."""
    left = {one.phase: one for one in sorted(phases, key=lambda one: one.phase)}
    followers = {one.next_phase for one in left.values()}
    at: str | None = next((name for name in left if name not in followers and left[name].is_active), None)
    found = []
    while at is not None and at in left:
        found.append(left.pop(at))
        at = found[-1].next_phase
    return (*found, *left.values())


def phase_as_json(one: PhaseConfiguration) -> dict[str, Any]:
    """A phase as the API tells it and as `phase_from_json` takes it."""
    told = {"id": one.id, "phase_name": one.phase, "role_name": one.role, "artifact_type": one.artifact_type}
    return {**told, "next_phase": one.next_phase, "is_active": one.is_active, "config": dict(one.config)}


class _Written(BaseModel):
    """A phase as somebody wrote it; its `id` is taken along and means nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    phase_name: str
    role_name: str
    artifact_type: str
    next_phase: str | None = None
    is_active: bool = True
    config: dict[str, Any] = {}
    id: str = ""


def phase_from_json(given: object) -> PhaseWish:
    """A phase as somebody wishes it; UserError for what is none."""
    try:
        written = _Written.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "a phase"
        raise UserError(
            f"a phase can't be taken: {place}: {first['msg']}",
            hint=f"possible are {', '.join(_Written.model_fields)}; see `penstock prompts phases --json`",
        ) from None
    return PhaseWish(
        phase=written.phase_name,
        role=written.role_name,
        artifact_type=written.artifact_type,
        next_phase=written.next_phase,
        is_active=written.is_active,
        config=written.config,
    )


def configured(wish: PhaseWish, before: PhaseConfiguration | None, now: datetime) -> PhaseConfiguration:
    """The phase that is wished for; UserError for what can't be one."""
    for name in (wish.phase, wish.role, *([wish.next_phase] if wish.next_phase is not None else [])):
        if not ROLE_NAME.fullmatch(name):
            raise UserError(f"{name[:80]!r} can't name a phase or a role; possible are names like arch_phase")
    try:
        options = options_of(wish.config)
    except ValueError as error:
        raise UserError(f"{wish.phase}: {error}") from None
    for name in options.sees or ():
        canonical_type(name)
    return PhaseConfiguration(
        id=before.id if before else f"pc_{hashlib.sha256(wish.phase.encode()).hexdigest()[:24]}",
        phase=wish.phase,
        role=wish.role,
        artifact_type=canonical_type(wish.artifact_type),
        next_phase=wish.next_phase,
        is_active=wish.is_active,
        config=wish.config,
        created_at=before.created_at if before else now,
        updated_at=now,
    )
