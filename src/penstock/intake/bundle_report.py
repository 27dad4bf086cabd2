"""What a check of bundles found, and the JSON that `plan check --json` prints of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.domain.plan import AcceptanceKind, TestGate
from penstock.intake.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTaken:
    """One line of acceptance or compensation, and what it was taken for."""

    file: str
    line: int | None
    pointer: str
    id: str
    text: str
    kind: AcceptanceKind
    field: str
    """The bundle's field that it stands in."""

    def as_json(self) -> dict[str, object]:
        """The shape of the report."""
        return {
            "file": self.file,
            "line": self.line,
            "pointer": self.pointer,
            "id": self.id,
            "text": self.text,
            "kind": self.kind.value,
            "field": self.field,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check of bundles found."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    bundles_checked: int
    lines: tuple[LineTaken, ...]
    gates: Mapping[str, tuple[TestGate, ...]]
    """The test gates of each bundle that names some, by its id."""

    @property
    def is_ok(self) -> bool:
        """True when the plan could run."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """The report as `plan check --json` prints it."""
        return {
            "ok": self.is_ok,
            "bundles_checked": self.bundles_checked,
            "errors": [problem.as_json() for problem in self.problems],
            "warnings": [problem.as_json() for problem in self.warnings],
            "lines": [line.as_json() for line in self.lines],
            "test_gates": {name: [str(gate) for gate in gates] for name, gates in self.gates.items()},
        }
