"""The six workstreams of the demo as bundles, each with the script that its agent plays. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.demo.files import turns_of

CHANGE = "MILL-1"
A_MOMENT = 0.4
"""Seconds that an agent takes before it writes: so that it can be seen that several work at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One workstream: what it is for, what it may touch, how it is judged, and what is meant to become of it."""

    id: str
    title: str
    task: str
    scope: tuple[str, ...]
    test: str
    ending: str
    depends_on: tuple[str, ...] = ()

    def bundle(self) -> dict[str, Any]:
        """As a bundle file holds it."""
        turns = turns_of(self.id)
        return {
            "id": self.id,
            "openspec_change": CHANGE,
            "gate": 1,
            "files_scope": list(self.scope),
            "files_create": list(self.scope),
            "tasks": [self.task],
            "acceptance_tests": [f"python3 -m unittest {self.test}"],
            "depends_on": list(self.depends_on),
            "tool": "scripted",
            "metadata": {"title": self.title, "scripted": [_actions(turn) for turn in turns]},
        }


def _actions(files: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"sleep": A_MOMENT}, *({"write": {"path": path, "content": content}} for path, content in files.items())]


UNITS = Piece(
    id="ws-units",
    title="Show units that people read",
    task="Say watts as kilowatts and cubic metres as litres",
    scope=("mill/units.py", "tests/test_units.py"),
    test="tests/test_units.py",
    ending="done (merged)",
)
GAUGE = Piece(
    id="ws-gauge",
    title="Read the gauge",
    task="Find the water level that several readings agree on; one wild reading must not move it",
    scope=("mill/gauge.py", "tests/test_gauge.py"),
    test="tests/test_gauge.py",
    ending="done (merged)",
)
WHEEL = Piece(
    id="ws-wheel",
    title="Say how fast the wheel turns",
    task="Say how often a minute a wheel turns, by its diameter and the speed of its rim",
    scope=("mill/wheel.py", "tests/test_wheel.py"),
    test="tests/test_wheel.py",
    ending="done (merged)",
)
REPORT = Piece(
    id="ws-report",
    title="Report about the mill in one line",
    task="Bring the gauge, the power and the units together in one line",
    scope=("mill/report.py", "tests/test_report.py"),
    test="tests/test_report.py",
    depends_on=(UNITS.id, GAUGE.id),
    ending="done (merged)",
)
ROUNDING = Piece(
    id="ws-rounding",
    title="Round the power to whole watts",
    task="Let power() answer in whole watts",
    scope=("mill/flow.py",),
    test="tests/test_flow.py",
    ending="failed (policy_violation)",
)
LABELS = Piece(
    id="ws-labels",
    title="Label the dial",
    task="Make labels in whole watts for the dial",
    scope=("mill/labels.py", "tests/test_labels.py"),
    test="tests/test_labels.py",
    depends_on=(ROUNDING.id,),
    ending="blocked (dependency_failed)",
)
PIECES = (UNITS, GAUGE, WHEEL, REPORT, ROUNDING, LABELS)
MERGED = (UNITS, GAUGE, WHEEL, REPORT)
TOGETHER = (UNITS, WHEEL)
"""Those whose merges are verified at once: they are approved while the first of all is being merged."""
REFUSED_PATH = "tests/test_flow.py"
"""What the agent of ws-rounding changes although nobody lets it: the test that its work breaks."""
