"""Prompts and phases that are kept in this process and nowhere beyond it: for tests and dry runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.adapters.store.prompts import no_active_prompt, no_such_prompt
from penstock.ports.library import PromptExists

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from penstock.domain.phases import PhaseConfiguration, RolePrompt


class MemoryPrompts:
    """Versions of prompts and phases in dictionaries."""

    def __init__(self) -> None:
        self._prompts: dict[str, RolePrompt] = {}
        self._phases: dict[str, PhaseConfiguration] = {}

    async def versions(self, role: str = "") -> tuple[RolePrompt, ...]:
        """Every version of a role's prompt, or of all roles', oldest first."""
        return tuple(one for one in self._prompts.values() if role in ("", one.role))

    async def active(self, role: str) -> RolePrompt:
        """The version in force."""
        found = [one for one in self._prompts.values() if one.role == role and one.is_active]
        if not found:
            raise no_active_prompt(role)
        return found[0]

    async def add(self, prompt: RolePrompt) -> None:
        """Keep a version; if it is active it takes the place of the one that was."""
        name = (prompt.role, prompt.version)
        if prompt.id in self._prompts or name in {(one.role, one.version) for one in self._prompts.values()}:
            raise PromptExists(*name)
        if prompt.is_active:
            self._retire(prompt.role, prompt.updated_at)
        self._prompts[prompt.id] = prompt

    async def activate(self, prompt_id: str, at: datetime) -> RolePrompt:
        """Put a version in force in place of another of its role."""
        prompt = self._prompts.get(prompt_id)
        if prompt is None:
            raise no_such_prompt(prompt_id)
        if not prompt.is_active:
            self._retire(prompt.role, at)
            self._prompts[prompt_id] = replace(prompt, is_active=True, updated_at=at)
        return self._prompts[prompt_id]

    async def phases(self) -> tuple[PhaseConfiguration, ...]:
        """Every phase that is configured, active or not."""
        return tuple(self._phases.values())

    async def put_phases(
        self, configurations: Sequence[PhaseConfiguration], *, activating: Sequence[str] = (), at: datetime
    ) -> None:
        """Keep phases, or change those of their names, which keep their ids and when they were made."""
        for prompt_id in activating:
            if prompt_id not in self._prompts:
                raise no_such_prompt(prompt_id)
        for prompt_id in activating:
            await self.activate(prompt_id, at)
        for one in configurations:
            known = self._phases.get(one.phase, one)
            self._phases[one.phase] = replace(one, id=known.id, created_at=known.created_at)

    def _retire(self, role: str, at: datetime) -> None:
        for one in self._prompts.values():
            if one.role == role and one.is_active:
                self._prompts[one.id] = replace(one, is_active=False, updated_at=at)
