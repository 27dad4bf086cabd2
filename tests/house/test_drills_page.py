"""The page of drills: each row names a test that is there, and each drill has its row."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_each_row_of_the_page_has_its_drill_and_each_drill_its_row() -> None:
    page = (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")][2:]
    named = [re.findall(r"`(test_\w+)` \|$", row) for row in rows]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests" / "drills").glob("test_*.py")]
    drills = [
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert drills
    assert sorted(name for names in named for name in names) == sorted(drills)
    assert {len(names) for names in named} == {1}
