"""Artifacts and rules from which tests of plans begin, and the intake that judges what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock.intake.bundles import BundleOptions, Loaded, load_sources, source_of
from penstock.planning.plans import Planned, PlanRules

RULES = PlanRules(tool="model", change="EPIC-1", has_checks=True)

EPIC: dict[str, Any] = {
    "epic_id": "EPIC-1",
    "title": "Metrics",
    "stories": [
        {
            "id": "STORY-1",
            "title": "See numbers",
            "user_story": "As an operator I want numbers",
            "acceptance_criteria": ["GET /metrics answers 200", "The answer is JSON"],
        },
        {"id": "STORY-2", "title": "Count calls", "acceptance_criteria": ["Each call is counted once"]},
    ],
}
ARCHITECTURE: dict[str, Any] = {
    "epic_id": "EPIC-1",
    "components": [
        {
            "name": "Counter",
            "purpose": "Counts calls",
            "file_path": "src/app/counter.py",
            "responsibilities": ["Count"],
            "dependencies": ["threading"],
            "public_interface": [
                {
                    "name": "count",
                    "purpose": "Count one",
                    "params": [{"name": "name", "type": "str"}],
                    "returns": "int",
                    "raises": ["KeyError"],
                }
            ],
            "error_handling": ["Unknown names raise"],
        },
        {
            "name": "Metrics Route",
            "purpose": "Answers with the counts",
            "file_path": "src/app/routes/metrics.py",
            "dependencies": ["Counter", "fastapi"],
        },
    ],
    "acceptance_criteria": ["pytest tests/test_metrics.py", "It is quick"],
}
ANALYSIS: dict[str, Any] = {
    "epic_id": "EPIC-1",
    "stories": [{"story_id": "STORY-2", "title": "Count calls", "acceptance_criteria": ["Counts survive errors"]}],
    "business_rules": ["Counts never fall"],
    "data_models": [{"model": "Count", "fields": ["name", {"name": "value", "type": "int"}]}],
    "workstreams": [
        {
            "id": "route",
            "title": "The route",
            "component": "Metrics Route",
            "stories": ["STORY-1"],
            "tasks": ["Add GET /metrics"],
            "files_scope": ["src/app/routes/metrics.py"],
            "files_create": ["tests/test_metrics.py"],
            "depends_on": [],
            "acceptance": ["pytest tests/test_metrics.py", "It looks good"],
        },
        {
            "id": "counter",
            "title": "The counter",
            "component": "Counter",
            "stories": ["STORY-2"],
            "tasks": ["Count calls"],
            "files_scope": ["./src/app/counter.py"],
            "files_create": ["tests/test_counter.py"],
            "acceptance": ["`pytest tests/test_counter.py`"],
        },
    ],
}


def analysis(*workstreams: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An analysis with these workstreams; what they don't say is as simple as may be."""
    plain = {"tasks": ["Do it"], "acceptance": ["pytest tests"]}
    return {"epic_id": "EPIC-1", "workstreams": [{**plain, **one} for one in workstreams], **more}


def loaded(planned: Planned, rules: PlanRules = RULES) -> Loaded:
    """The plan that the intake makes of the bundles, by the same rules."""
    options = BundleOptions(
        strict=True,
        has_checks=rules.has_checks,
        allow_unchecked=rules.allow_unchecked,
        tool_commands=rules.tool_commands,
        runners=rules.runners,
        make_targets=rules.make_targets,
        ignore_case=rules.ignore_case,
    )
    return load_sources(map(source_of, planned.documents), options)


def unchecked(rules: PlanRules = RULES) -> PlanRules:
    """The same rules for a project without checks of its own."""
    return replace(rules, has_checks=False)


def by_id(planned: Planned) -> dict[str, Mapping[str, Any]]:
    """The bundles by their ids."""
    return {one["id"]: one for one in planned.documents}


def waits(documents: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What each bundle waits for."""
    return {one["id"]: one["depends_on"] for one in documents}
