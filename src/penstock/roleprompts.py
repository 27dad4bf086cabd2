"""The use cases about what roles are told, and about the phases. What is not sound is refused and changes nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.domain.errors import UserError
from penstock.domain.phases import PhaseConfiguration, PhaseGraph, RolePrompt, options_of
from penstock.domain.prompt_text import PARTS, PromptRefused, PromptText, as_text
from penstock.parts import Parts
from penstock.planning.phase_wishes import PhaseWish, configured, in_order, phase_as_json
from penstock.planning.seeds import AUTHOR, shipped_phases, shipped_prompts
from penstock.ports.library import UnknownPrompt

LONGEST_NOTE, LONGEST_NAME = 2000, 128
LONGEST_VERSION = 16
MOST_PHASES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What was stored of what Penstock brings, in words; empty where everything was there."""

    done: tuple[str, ...] = ()


class RolePrompts:
    """Versions of prompts, one of each role in force, and the phases that ask the roles."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._is_seeded = False

    def listed(self, role: str = "") -> list[dict[str, Any]]:
        """Every version of a role's prompt or of all, as the API tells them."""
        found = self._parts.views.prompts(role=role or None)
        if role and not found:
            raise self._unknown(role)
        return found

    async def find(self, named: str) -> RolePrompt:
        """A version by its id, by `ROLE` (the one in force, else the newest) or by `ROLE@VERSION`."""
        role, _, version = named.partition("@")
        for prompt in await self._parts.prompts.versions():
            if prompt.id == named or (version and (prompt.role, prompt.version) == (role, version)):
                return prompt
        of_role = await self._parts.prompts.versions(role)
        if not of_role:
            raise self._unknown(named)
        if version:
            known = ", ".join(prompt.version for prompt in of_role)
            raise UnknownPrompt(f"the role {role!r} has no version {version!r}; it has {known}")
        return next((prompt for prompt in of_role if prompt.is_active), of_role[-1])

    async def add(
        self, role: str, parts: PromptText, *, by: str = "", notes: str = "", version: str = "", activate: bool = True
    ) -> RolePrompt:
        """Store another version of a role's prompt; if it is activated, it holds for the next question already."""
        before = await self.find(role)
        if before.template:
            raise PromptRefused(
                f"the text of the role {role!r} is the template {before.template}", hint="see docs/prompts.md"
            )
        if PromptText.of(before) == parts:
            raise PromptRefused(f"nothing differs from version {before.version} of {role!r}")
        if len(notes) > LONGEST_NOTE or len(by) > LONGEST_NAME:
            raise PromptRefused(f"possible are notes of {LONGEST_NOTE} characters, and names of {LONGEST_NAME}")
        of_role = await self._parts.prompts.versions(role)
        name = version or _next_version(before.version, of_role)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]*", name) or len(name) > LONGEST_VERSION:
            raise PromptRefused(
                f"{name!r} can't name a version; possible are up to {LONGEST_VERSION} letters, digits and .+_-"
            )
        now = self._parts.clock.now()
        prompt = replace(
            before,
            **{name: getattr(parts, name) for name in PARTS},
            id=_id_of(role, name),
            version=name,
            is_active=activate,
            created_at=now,
            updated_at=now,
            created_by=f"{by} (a user)" if by == AUTHOR else by,
            notes=notes,
        )
        await self._parts.prompts.add(prompt)
        return prompt

    async def activate(self, named: str) -> RolePrompt:
        """Put a version in force."""
        return await self._parts.prompts.activate((await self.find(named)).id, self._parts.clock.now())

    async def exported(self) -> dict[str, str]:
        """The prompts in force as texts, and the phases as JSON, by the names of files."""
        in_force = [one for one in await self._parts.prompts.versions() if one.is_active and not one.template]
        phases = [phase_as_json(one) for one in await self.phases()]
        files = {f"{one.role}.txt": as_text(one) for one in in_force}
        return {**files, "phases.json": f"{json.dumps(phases, indent=2)}\n"}

    async def phases(self) -> tuple[PhaseConfiguration, ...]:
        """Every phase that is configured, in their order as far as there is one."""
        return in_order(await self._parts.prompts.phases())

    async def put_phases(self, wishes: Sequence[PhaseWish]) -> tuple[PhaseConfiguration, ...]:
        """Store phases or change them, all together checked with those that stay; PhasesUnsound changes nothing."""
        before = {one.phase: one for one in await self._parts.prompts.phases()}
        if len({*before, *(wish.phase for wish in wishes)}) > MOST_PHASES:
            raise UserError(f"at most {MOST_PHASES} phases are possible")
        now = self._parts.clock.now()
        changed = [configured(wish, before.get(wish.phase), now) for wish in wishes]
        after = {**before, **{one.phase: one for one in changed}}
        mentors = await self._mentors_needed(changed)
        in_force = {one.role for one in await self._parts.prompts.versions() if one.is_active}
        PhaseGraph.of(after.values(), in_force)
        await self._parts.prompts.put_phases(changed, activating=[mentor.id for mentor in mentors], at=now)
        return tuple(changed)

    async def _mentors_needed(self, changed: Iterable[PhaseConfiguration]) -> list[RolePrompt]:
        """The mentors that must be in force once these phases ask for several proposals, and are not."""
        found = []
        for one in changed:
            if one.is_active and options_of(one.config).proposals > 1:
                mentor = await self.find(mentor_of(one.role))
                found += [] if mentor.is_active else [mentor]
        return found

    async def ensure_seeded(self) -> None:
        """Store what Penstock brings, once in a process's life: before anybody asks in a role's name."""
        if not self._is_seeded:
            await self.seed()
            self._is_seeded = True

    async def seed(self, *, phases_anew: bool = False) -> Seeded:
        """Store the prompts and phases that Penstock brings; what a person has put in force stays in force.

        With `phases_anew` the phases are as Penstock brings them, and others are no longer active.
        """
        prompts, phases = await self.seed_prompts(), await self.seed_phases(anew=phases_anew)
        return Seeded(done=(*prompts.done, *phases.done))

    async def seed_prompts(self) -> Seeded:
        """Store the prompts: a role that has one in force keeps it, unless it is an older one of Penstock's own."""
        now = self._parts.clock.now()
        there = await self._parts.prompts.versions()
        said = [await self._seed_prompt(prompt, there) for prompt in shipped_prompts(now)]
        return Seeded(done=tuple(words for words in said if words))

    async def seed_phases(self, *, anew: bool = False) -> Seeded:
        """Store the phases that are not there; `anew` puts all back and makes others inactive."""
        now = self._parts.clock.now()
        changed, done = [], []
        shipped = {one.phase: one for one in shipped_phases(now)}
        stored = {one.phase: one for one in await self._parts.prompts.phases()}
        for name, one in shipped.items():
            if name not in stored or (anew and not _is_same_phase(stored[name], one)):
                changed.append(one)
                done.append(f"phase {name}: stored")
        for name in sorted({*stored} - {*shipped}) if anew else ():
            if stored[name].is_active:
                changed.append(replace(stored[name], is_active=False, updated_at=now))
                done.append(f"phase {name}: no longer active")
        if changed:
            await self._parts.prompts.put_phases(changed, at=now)
        return Seeded(done=tuple(done))

    async def _seed_prompt(self, shipped: RolePrompt, there: Sequence[RolePrompt]) -> str:
        of_role = [one for one in there if one.role == shipped.role]
        if any(_says(one) == _says(shipped) for one in of_role):
            return ""
        active = next((one for one in of_role if one.is_active), None)
        is_untouched = active is None or active.created_by == AUTHOR
        version, name = shipped.version, shipped.id
        if any(one.id == name or one.version == version for one in of_role):
            version = _next_version(version, of_role)
            name = _id_of(shipped.role, version)
        is_active = (active is not None and is_untouched) if of_role else shipped.is_active
        try:
            await self._parts.prompts.add(replace(shipped, id=name, version=version, is_active=is_active))
        except UserError:  # it is there by now: somebody else seeds at the same time
            if any(_says(one) == _says(shipped) for one in await self._parts.prompts.versions(shipped.role)):
                return ""
            raise
        kept = "" if is_active or active is None else f"; {active.version} stays in force"
        return f"{shipped.role}: version {version} stored{kept}"

    def _unknown(self, named: str) -> UnknownPrompt:
        roles = dict.fromkeys(row["role_name"] for row in self._parts.views.prompts())
        known = f"the roles are {', '.join(roles)}" if roles else "nothing is stored yet"
        hint = "`penstock prompts list` lists them" if roles else "store what Penstock brings: `penstock prompts seed`"
        return UnknownPrompt(f"there is no prompt {named[:80]!r}; {known}", hint=hint)


def mentor_of(role: str) -> str:
    """The role that makes one answer of a role's proposals."""
    return f"{'developer' if role == 'dev' else role}_mentor"


def _next_version(base: str, of_role: Iterable[RolePrompt]) -> str:
    """`2.0+1` after `2.0`, and so on: an edited version names what it was made from."""
    stem = base.partition("+")[0]
    numbers = [
        int(tail)
        for one in of_role
        if one.version.startswith(f"{stem}+") and (tail := one.version[len(stem) + 1 :]).isdecimal()
    ]
    return f"{stem}+{max(numbers, default=0) + 1}"


def _says(prompt: RolePrompt) -> tuple[object, ...]:
    schema = None if prompt.working_schema is None else dict(prompt.working_schema)
    return (prompt.starting_prompt, prompt.bootstrapper, prompt.instructions, schema, prompt.template)


def _is_same_phase(one: PhaseConfiguration, other: PhaseConfiguration) -> bool:
    def told(phase: PhaseConfiguration) -> tuple[object, ...]:
        return (phase.role, phase.artifact_type, phase.next_phase, phase.is_active, options_of(phase.config))

    return told(one) == told(other)


def _id_of(role: str, version: str) -> str:
    return f"rp_{_digest('prompt', role, version)}"


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:24]
