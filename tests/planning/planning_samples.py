"""One honest payload of each type, made up for the tests of planning."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

STORY = {
    "id": "PIPELINE-175D-1",
    "title": "Count the sacks",
    "user_story": "As a miller, I want the sacks counted, so that I know what to bill.",
    "acceptance_criteria": ["count([]) is 0", "count(['rye']) is 1"],
    "estimate_hours": 3,
    "priority": "high",
}
EPIC = {
    "epic_id": "EPIC-7",
    "title": "Sacks",
    "goal": "The miller knows how many sacks there are.",
    "success_criteria": ["The number is right"],
    "stories": [STORY],
    "out_of_scope": ["Weighing"],
    "risks": ["Sacks may be torn"],
    "total_estimate_hours": 3,
}
ARCHITECTURE = {
    "epic_id": "EPIC-7",
    "components": [
        {
            "name": "Counter",
            "purpose": "Counts sacks.",
            "file_path": "mill/count.py",
            "responsibilities": ["Count"],
            "dependencies": [],
            "public_interface": [
                {
                    "name": "count",
                    "purpose": "How many.",
                    "params": [{"name": "sacks", "type": "list"}],
                    "returns": "int",
                }
            ],
            "error_handling": ["None is refused"],
            "test_count": 2,
        }
    ],
    "adrs": [{"id": "ADR-1", "title": "Whole sacks", "decision": "No halves"}],
    "test_strategy": {"unit": "pytest"},
    "acceptance_criteria": ["pytest passes"],
}
SPECIFICATION = {
    "epic_id": "EPIC-7",
    "stories": [{"story_id": "STORY-1", "title": "Count", "acceptance_criteria": ["count([]) is 0"]}],
    "data_models": [{"model": "Sack", "fields": ["grain", {"name": "weight", "type": "int"}]}],
    "business_rules": ["A torn sack counts"],
    "workstreams": [
        {
            "id": "counter",
            "title": "Count",
            "component": "Counter",
            "stories": ["STORY-1"],
            "tasks": ["Write count()"],
            "files_scope": ["mill/count.py", "tests/test_count.py"],
            "files_create": ["mill/count.py"],
            "depends_on": [],
            "acceptance": ["python -m pytest -q tests/test_count.py"],
        }
    ],
}
FILE = {"path": "mill/count.py", "content": "def count(sacks):\n    return len(sacks)\n", "functions": ["count"]}
CODE = {
    "files": [FILE],
    "dependencies": [],
    "test_files": [{"path": "tests/test_count.py", "content": "assert True\n"}],
}
ISSUE = {
    "id": "QA-1",
    "severity": "high",
    "category": "code",
    "description": "count(None) is not refused.",
    "location": "mill/count.py:2",
    "fix_required": True,
}
REPORT = {"passed": False, "issues": [ISSUE], "test_results": {"run": 2, "failed": 0}, "recommendations": []}
COMMIT = {"success": True, "message": "Count sacks\n\nTorn ones too."}
SAMPLES: dict[str, dict[str, Any]] = {
    "epic": EPIC,
    "arch_notes": ARCHITECTURE,
    "ba_spec": SPECIFICATION,
    "proposed_change_set": CODE,
    "qa_result": REPORT,
    "commit_result": COMMIT,
}


def sample(artifact_type: str, **changes: Any) -> dict[str, Any]:
    """The sample of a type with other values for some fields; `...` takes one out."""
    payload = {**deepcopy(SAMPLES[artifact_type]), **changes}
    return {name: value for name, value in payload.items() if value is not ...}
