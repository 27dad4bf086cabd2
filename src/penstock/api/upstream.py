"""Who answers for models here, as people are told: a provider, recordings, or nobody because a key is missing."""

from __future__ import annotations

from pydantic import Field

from penstock.api.shapes.common import Told
from penstock.bootstrap import Penstock
from penstock.config.roles import RolesSettings
from penstock.domain.errors import UserError, WorldError
from penstock.epics.readiness import PROTOCOLS


class Upstream(Told):
    """Who answers for models."""

    status: str = Field(description="ready, replay or missing")
    model: str = Field(description="The model that plans")
    message: str | None = Field(description="What is missing and what to do, or that recordings answer")


def upstream_of(penstock: Penstock) -> Upstream:
    """Whether the model that plans can be asked; nothing is asked here."""
    models = penstock.parts.models
    model = penstock.parts.own_settings.node(RolesSettings).roles().model_of_role("pm")
    if models.is_replay:
        return Upstream(status="replay", model=model, message="recordings answer in place of every model")
    try:
        models.check(model, PROTOCOLS)
    except (UserError, WorldError) as missing:
        hint = missing.hint or "set ANTHROPIC_API_KEY, or answer from recordings with PENSTOCK_UPSTREAM=replay"
        return Upstream(status="missing", model=model, message=f"{missing.sentence}; {hint}")
    return Upstream(status="ready", model=model, message=None)
