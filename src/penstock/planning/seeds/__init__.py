"""What Penstock brings: the prompts of all roles and the phases, read from the files beside this one.

The ids depend on role and version alone, so that seeding twice is seeding once: a changed text needs a new version.
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import datetime
from importlib.resources import files
from typing import Any

from penstock.domain.phases import PhaseConfiguration, RolePrompt

ROLES = (
    "pm",
    "architect",
    "ba",
    "dev",
    "qa",
    "commit",
    "pm_mentor",
    "architect_mentor",
    "ba_mentor",
    "developer_mentor",
    "qa_mentor",
)
AGENT_ROLES = ("edit", "fix", "auditor")
"""Their words are templates of the engine; the rows only name them."""
AUTHOR = "penstock"


def shipped_prompts(at: datetime) -> tuple[RolePrompt, ...]:
    """The prompts of all roles; a mentor's comes into force once a phase asks for several proposals."""
    return tuple(_prompt(role, at) for role in (*ROLES, *AGENT_ROLES))


def shipped_phases(at: datetime) -> tuple[PhaseConfiguration, ...]:
    """The phases from the wish to the commit."""
    return tuple(
        PhaseConfiguration(
            id=_id("pc", one["phase"]),
            phase=one["phase"],
            role=one["role"],
            artifact_type=one["artifact_type"],
            next_phase=one.get("next_phase"),
            config=one["config"],
            created_at=at,
            updated_at=at,
        )
        for one in _read("phases")["phases"]
    )


def _prompt(role: str, at: datetime) -> RolePrompt:
    told = _read(role)
    return RolePrompt(
        id=_id("rp", role, told["version"]),
        role=role,
        version=told["version"],
        starting_prompt=told.get("starting_prompt", ""),
        bootstrapper=told.get("bootstrapper", ""),
        instructions=told.get("instructions", "").strip("\n"),
        template=told.get("template", ""),
        is_active=told.get("is_active", True),
        created_at=at,
        updated_at=at,
        created_by=AUTHOR,
    )


def _id(kind: str, *parts: str) -> str:
    return f"{kind}_{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:16]}"


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
