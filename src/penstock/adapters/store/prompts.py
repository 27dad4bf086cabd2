"""What roles are told, and the phases, on a database: each method is one transaction in the writer's thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, insert, or_, select, text, update

from penstock.adapters.store.codec import plain_json, storable
from penstock.adapters.store.library_tables import phase_configurations, role_prompts
from penstock.adapters.store.statements import replacing
from penstock.domain.phases import PhaseConfiguration, RolePrompt
from penstock.ports.library import PromptExists, UnknownPrompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.adapters.store.writer import Writer

_TEXTS = ("id", "version", "starting_prompt", "bootstrapper", "instructions", "template", "created_by", "notes")
_REST = ("is_active", "created_at", "updated_at")
_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('penstock prompts ' || current_schema() || '/' || :role, 0))"
)


class SqlPrompts:
    """Versions of prompts and phases in tables."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def versions(self, role: str = "") -> tuple[RolePrompt, ...]:
        """Every version of a role's prompt, or of all roles', oldest first."""
        query = select(role_prompts).order_by(role_prompts.c.place)
        if role:
            query = query.where(role_prompts.c.role_name == storable(role))
        return await self._writer.read(
            lambda connection: tuple(_prompt_of(row._asdict()) for row in connection.execute(query))
        )

    async def active(self, role: str) -> RolePrompt:
        """The version in force."""
        query = select(role_prompts).where(role_prompts.c.role_name == storable(role), role_prompts.c.is_active)

        def work(connection: Connection) -> RolePrompt:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise no_active_prompt(role)
            return _prompt_of(row._asdict())

        return await self._writer.read(work)

    async def add(self, prompt: RolePrompt) -> None:
        """Store a version; if it is active it takes the place of the one that was."""
        column, row = role_prompts.c, _prompt_row(prompt)
        same = or_(*(and_(*(column[name] == row[name] for name in key)) for key in (("id",), ("role_name", "version"))))

        def work(connection: Connection) -> None:
            _lock(connection, row["role_name"])
            if connection.execute(select(column.id).where(same)).first() is not None:
                raise PromptExists(prompt.role, prompt.version)
            if prompt.is_active:
                _retire(connection, row["role_name"], prompt.updated_at)
            connection.execute(insert(role_prompts), row)

        await self._writer.write(work)

    async def activate(self, prompt_id: str, at: datetime) -> RolePrompt:
        """Put a version in force in place of another of its role."""
        return await self._writer.write(lambda connection: _activate(connection, prompt_id, at))

    async def phases(self) -> tuple[PhaseConfiguration, ...]:
        """Every phase that is configured, active or not."""
        query = select(phase_configurations).order_by(phase_configurations.c.place)
        return await self._writer.read(
            lambda connection: tuple(_phase_of(row._asdict()) for row in connection.execute(query))
        )

    async def put_phases(
        self, configurations: Sequence[PhaseConfiguration], *, activating: Sequence[str] = (), at: datetime
    ) -> None:
        """Store phases, or change those of their names, which keep their ids and when they were made."""

        def work(connection: Connection) -> None:
            for prompt_id in activating:
                _activate(connection, prompt_id, at)
            kept = ("place", "id", "created_at")
            storing = replacing(connection.dialect.name, phase_configurations, "phase_name", kept=kept)
            for one in configurations:
                connection.execute(storing, _phase_row(one))

        await self._writer.write(work)


def no_active_prompt(role: str) -> UnknownPrompt:
    """The error for a role that nobody has told anything."""
    return UnknownPrompt(
        f"the role {role!r} has no active prompt",
        hint="`penstock prompts list` shows what there is; `penstock prompts seed` stores what Penstock brings",
    )


def no_such_prompt(prompt_id: str) -> UnknownPrompt:
    """The error for a version that is not stored."""
    return UnknownPrompt(f"there is no version {prompt_id!r} of a prompt", hint="`penstock prompts list` lists them")


def _activate(connection: Connection, prompt_id: str, at: datetime) -> RolePrompt:
    one = role_prompts.c.id == storable(prompt_id)
    role = connection.scalar(select(role_prompts.c.role_name).where(one))
    if role is None:
        raise no_such_prompt(prompt_id)
    _lock(connection, role)
    found = connection.execute(select(role_prompts).where(one)).one()
    if not found.is_active:
        _retire(connection, role, at)
        connection.execute(update(role_prompts).where(one).values(is_active=True, updated_at=at))
        found = connection.execute(select(role_prompts).where(one)).one()
    return _prompt_of(found._asdict())


def _lock(connection: Connection, role: str) -> None:
    # On a server another may change the same role at this moment, or store its first prompt, which has no row that
    # could be locked; in a file nobody can.
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME, {"role": role})


def _retire(connection: Connection, role: str, at: datetime) -> None:
    in_force = (role_prompts.c.role_name == role, role_prompts.c.is_active)
    connection.execute(update(role_prompts).where(*in_force).values(is_active=False, updated_at=at))


def _prompt_row(prompt: RolePrompt) -> dict[str, Any]:
    schema = prompt.working_schema
    return {
        **{name: getattr(prompt, name) for name in _REST},
        **{name: storable(getattr(prompt, name)) for name in _TEXTS},
        "role_name": storable(prompt.role),
        "working_schema": None if schema is None else plain_json(schema),
    }


def _prompt_of(row: Mapping[str, Any]) -> RolePrompt:
    schema = row["working_schema"]
    return RolePrompt(
        role=row["role_name"],
        working_schema=None if schema is None else json.loads(schema),
        **{name: row[name] for name in (*_REST, *_TEXTS)},
    )


_OF_PHASE = ("id", "artifact_type", "next_phase", *_REST)


def _phase_row(configuration: PhaseConfiguration) -> dict[str, Any]:
    following = configuration.next_phase
    return {
        **{name: getattr(configuration, name) for name in _REST},
        "id": storable(configuration.id),
        "phase_name": storable(configuration.phase),
        "role_name": storable(configuration.role),
        "artifact_type": storable(configuration.artifact_type),
        "next_phase": None if following is None else storable(following),
        "config": plain_json(configuration.config),
    }


def _phase_of(row: Mapping[str, Any]) -> PhaseConfiguration:
    return PhaseConfiguration(
        phase=row["phase_name"],
        role=row["role_name"],
        config=json.loads(row["config"]),
        **{name: row[name] for name in _OF_PHASE},
    )
