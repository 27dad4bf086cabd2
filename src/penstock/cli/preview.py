"""What a run would do: its order, what each line of acceptance was taken for, its settings and every prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from penstock.reports.plain import clean, columns, one_line

if TYPE_CHECKING:
    from penstock.domain.plan import Acceptance, Workstream
    from penstock.engine.context import RunSettings
    from penstock.submission import Preview

MEANINGS = {"command": "command, run", "builtin": "sentence, checked", "prose": "prose, never counted as passed"}
AFTER_FAILURE = {"command": "command, run if it fails for good", "prose": "prose, shown if it fails for good"}


def as_json(preview: Preview) -> dict[str, Any]:
    """The preview as plain values."""
    prompts = dict(preview.prompts)
    return {
        "dry_run": True,
        "base": preview.base,
        "base_branch": preview.base_branch,
        "warnings": list(preview.warnings),
        "settings": asdict(preview.settings),
        "workstreams": [
            {
                "ws_id": workstream.id,
                "agent": workstream.agent,
                "gate": workstream.gate,
                "depends_on": list(workstream.depends_on),
                "after": list(workstream.after),
                "acceptance": [{"kind": line.kind.value, "text": line.text} for line in workstream.acceptance],
                "test_gates": [
                    {"type": gate.type, "required": gate.required, "blocking": gate.blocking}
                    for gate in workstream.test_gates
                ],
                "compensation": [{"kind": line.kind.value, "text": line.text} for line in workstream.compensation],
                "prompt": prompts.get(workstream.id, ""),
            }
            for workstream in preview.order
        ],
    }


def as_text(preview: Preview) -> str:
    """The preview for a terminal."""
    prompts = dict(preview.prompts)
    lines = [f"dry run: nothing is changed; base {preview.base_branch} at {preview.base[:12]}", ""]
    lines += [*_settings(preview.settings), "", "order:", *order_lines(preview.order)]
    for workstream in preview.order:
        lines += ["", f"== {one_line(workstream.id)}", *check_lines(workstream)]
        lines += ["prompt:", *(f"  | {text}" for text in clean(prompts.get(workstream.id, "")).splitlines())]
    return "\n".join(lines)


def _settings(settings: RunSettings) -> list[str]:
    static = [(f"check {one.name}", one.command) for one in settings.static]
    merged = [(f"check {one.name} (merged)", one.command) for one in settings.integrate]
    groups = [(f"check {name}.{one.name}", one.command) for name, group in settings.groups.items() for one in group]
    none = [] if static else [("checks", "none of the project's own")]
    times = [("agent", f"at most {settings.agent_timeout:g} s"), ("check", f"at most {settings.check_timeout:g} s")]
    at_once = ", ".join(f"{name} {count}" for name, count in settings.limits.items())
    return ["settings:", *columns([*none, *static, *merged, *groups, *times, ("at once", at_once)], indent="  ")]


def order_lines(order: Sequence[Workstream]) -> list[str]:
    """The workstreams in the order in which they may start, with what they wait for."""
    rows = [(f"{place}.", one.id, f"agent {one.agent or '-'}", _edges(one)) for place, one in enumerate(order, start=1)]
    return columns(rows, indent="  ")


def _edges(workstream: Workstream) -> str:
    needs = [f"needs {', '.join(workstream.depends_on)}"] if workstream.depends_on else []
    after = [f"after {', '.join(workstream.after)}"] if workstream.after else []
    gate = [f"gate {workstream.gate}"] if workstream.gate > 1 else []
    return "; ".join([*needs, *after, *gate])


def check_lines(workstream: Workstream) -> list[str]:
    """By what a workstream is judged, and what is done if it fails: each line with what it was taken for."""
    lines = ["acceptance:", *(_taken(workstream.acceptance, MEANINGS) or ["  none"])]
    if workstream.test_gates:
        rows = [(str(gate), f"the checks in [checks.{gate.group}]") for gate in workstream.test_gates]
        lines += ["test gates:", *columns(rows, indent="  ")]
    if workstream.compensation:
        lines += ["compensation, from last to first:", *_taken(workstream.compensation, AFTER_FAILURE)]
    return lines


def _taken(lines: Sequence[Acceptance], meanings: Mapping[str, str]) -> list[str]:
    return columns([(meanings.get(line.kind.value, line.kind.value), line.text) for line in lines], indent="  ")
