"""The use case `recover-run`: takes the run's lock, looks at everything, mends what can be mended, tells each thing.

It never starts work, and doing it twice is the same as once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.care.ills import FIRST, THEN, Ill, Patient
from penstock.care.rest import opened_for
from penstock.engine.owner import owning
from penstock.parts import Parts
from penstock.projects import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """One thing that was wrong, and what became of it."""

    about: str
    found: str
    done: str
    is_mended: bool
    """False also where it is only told, in a dry run."""
    is_mendable: bool
    details: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        names = ("about", "found", "done")
        told = {name: getattr(self, name) for name in names}
        return {**told, "mended": self.is_mended, "mendable": self.is_mendable, "details": list(self.details)}


async def recover(parts: Parts, run_id: str, *, dry_run: bool = False) -> tuple[Mended, ...]:
    """Mend a run that nobody works on, thing by thing; RunIsOwned where somebody does."""
    await parts.journal.load(run_id)  # an unknown one is refused before a lock is made for it
    told: list[Mended] = []
    async with owning(parts.locks, run_id):
        loaded = await (parts.journal.load(run_id) if dry_run else parts.journal.claim(run_id))
        project = Project(id=loaded.project, path=Path(loaded.project_path))
        for looks in (FIRST, THEN):
            async with opened_for(parts, project, loaded) as opened:
                if looks is THEN and not opened.mending.has_repository():
                    break  # a dry run that found it gone: nothing more can be seen
                patient = Patient(parts=parts, opened=opened, project=project, loaded=loaded)
                for look in looks:
                    ills = [ill async for ill in look(patient)]
                    told += [await _treated(ill, dry_run=dry_run) for ill in ills]
    return tuple(told)


async def _treated(ill: Ill, *, dry_run: bool) -> Mended:
    if ill.mend is not None and not dry_run:
        await ill.mend()
    return Mended(
        about=ill.about,
        found=ill.found,
        done=ill.cure,
        is_mended=ill.mend is not None and not dry_run,
        is_mendable=ill.mend is not None,
        details=ill.details,
    )
