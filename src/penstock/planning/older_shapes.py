"""Artifacts in the shapes of older systems, mapped onto ours: on import only. What fits nowhere is kept as it is, and
so ends up under `extra`. Pure; whether the outcome is valid is judged by `validated` like anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penstock.planning.artifacts import canonical_type

Payload = Mapping[str, Any]
LONGEST_TITLE, LONGEST_GOAL = 100, 500


def is_older(artifact_type: str, payload: Payload) -> bool:
    """Whether a payload has the older shape of its type."""
    kind = canonical_type(artifact_type)
    return kind in _MARKS and _OF_TODAY[kind] not in payload and any(name in payload for name in _MARKS[kind])


def of_older_shape(artifact_type: str, payload: Payload) -> dict[str, Any]:
    """The payload in today's shape; one that has it already, or has no older one, is given back as it is."""
    kind = canonical_type(artifact_type)
    return _MAPPINGS[kind](payload) if is_older(kind, payload) else dict(payload)


def _epic(old: Payload) -> dict[str, Any]:
    """`{description, acceptance_criteria, scope{in_scope,out_of_scope}, business_goals}`: it had no stories, so each
    thing in scope becomes one, or the epic itself is the only one. Nothing was estimated: an hour each.
    """
    scope = old.get("scope")
    inside, outside = (scope.get("in_scope"), scope.get("out_of_scope")) if isinstance(scope, Mapping) else ([], [])
    description, criteria = str(old.get("description", "")), _texts(old.get("acceptance_criteria"))
    title = str(old.get("title") or description)
    wishes = _texts(inside) or [title]
    mapped = {
        "epic_id": str(old.get("epic_id", "")),
        "title": _shortened(title, LONGEST_TITLE),
        "goal": _shortened(description, LONGEST_GOAL),
        "success_criteria": criteria or _texts(old.get("business_goals")),
        "stories": [
            {
                "id": f"STORY-{number}",
                "title": _shortened(wish, LONGEST_TITLE),
                "user_story": wish,
                "acceptance_criteria": criteria,
                "estimate_hours": 1,
                "priority": "medium",
            }
            for number, wish in enumerate(wishes, 1)
        ],
        "out_of_scope": _texts(outside),
        "risks": _texts(old.get("risks")),
        "total_estimate_hours": len(wishes),
    }
    return {**_rest(old, mapped, "scope", "acceptance_criteria"), **mapped}


def _change_set(old: Payload) -> dict[str, Any]:
    """`{story_id, changes[{file, change_type, content}], tests[{test_file, test_cases[]}]}`: what was to be deleted has
    no content and is kept beside; tests without content name what is required of the files.
    """
    changes, tests = _objects(old.get("changes")), _objects(old.get("tests"))
    required = [f"{one.get('test_file', '')}: {case}" for one in tests for case in _texts(one.get("test_cases"))]
    deleted = [str(one.get("file", "")) for one in changes if one.get("change_type") == "delete"]
    mapped: dict[str, Any] = {
        "files": [
            {"path": str(one.get("file", "")), "content": str(one.get("content") or ""), "tests_required": required}
            for one in changes
            if one.get("change_type") != "delete"
        ],
        "dependencies": _texts(old.get("dependencies")),
        "test_files": [
            {"path": str(one.get("test_file", "")), "content": one["content"]}
            for one in tests
            if isinstance(one.get("content"), str)
        ],
    }
    return {**_rest(old, mapped, "changes", "tests"), **({"deleted": deleted} if deleted else {}), **mapped}


def _report(old: Payload) -> dict[str, Any]:
    """`{passed_criteria, failed_criteria, recommendation}`: passed if it was approved and no criterion failed."""
    failed, passed = _texts(old.get("failed_criteria")), _texts(old.get("passed_criteria"))
    mapped = {
        "passed": old.get("recommendation") == "approve" and not failed,
        "issues": [
            {
                "id": f"QA-{number}",
                "severity": "high",
                "category": "code",
                "description": criterion,
                "location": str(old.get("story_id", "")),
                "fix_required": True,
            }
            for number, criterion in enumerate(failed, 1)
        ],
        "test_results": {"passed_criteria": passed, "failed_criteria": failed},
        "recommendations": _texts(old.get("risks")),
    }
    return {**_rest(old, mapped, "passed_criteria", "failed_criteria", "risks"), **mapped}


_MAPPINGS: Mapping[str, Callable[[Payload], dict[str, Any]]] = {
    "epic": _epic,
    "proposed_change_set": _change_set,
    "qa_result": _report,
}
_MARKS: Mapping[str, tuple[str, ...]] = {
    "epic": ("description", "acceptance_criteria", "scope", "business_goals"),
    "proposed_change_set": ("changes", "tests"),
    "qa_result": ("recommendation", "passed_criteria", "failed_criteria"),
}
_OF_TODAY: Mapping[str, str] = {"epic": "stories", "proposed_change_set": "files", "qa_result": "passed"}
"""A field that only today's shape has: with it, an old name is one field too many and no sign of age."""


def _rest(old: Payload, mapped: Payload, *told: str) -> dict[str, Any]:
    return {name: value for name, value in old.items() if name not in mapped and name not in told}


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def _shortened(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
