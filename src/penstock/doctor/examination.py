"""All looks, one after another. A broken part is a finding, never a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

from penstock.doctor import machine
from penstock.doctor.findings import Finding, Look, Patient, guarded
from penstock.doctor.project import project


def examine(patient: Patient) -> list[Finding]:
    """All findings. What one look raises becomes its own finding, and the next ones go on."""
    return [finding for name, look in LOOKS for finding in guarded(name, partial(look, patient))]


def _settings(patient: Patient) -> Iterator[Finding]:
    settings = patient.build().projects.settings_here()
    given = len([row for row in settings.rows() if row[2] != "default"])
    yield Finding(name="settings", level="ok", sentence=f"valid; {given} are not the default (penstock config show)")
    for warning in settings.warnings:
        yield Finding(name="settings", level="warn", sentence=warning)


def _database(patient: Patient) -> Iterator[Finding]:
    async def look() -> str:
        built = patient.build()
        try:
            runs = built.parts.views.runs(limit=1)
            return f"opens; newest run {runs[0]['run_id']}" if runs else "opens; no run yet"
        finally:
            await built.close()

    yield Finding(name="database", level="ok", sentence=asyncio.run(look()))


LOOKS: tuple[tuple[str, Look], ...] = (
    ("python", machine.look_at_python),
    ("platform", machine.look_at_platform),
    ("git", machine.look_at_git),
    ("state folder", machine.look_at_home),
    ("memory", machine.look_at_memory),
    ("settings", _settings),
    ("database", _database),
    ("project", project),
    ("confinement", machine.look_at_confinement),
)
