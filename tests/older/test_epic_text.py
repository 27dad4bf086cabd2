"""Epics in Markdown: what is read of them, and what is none."""

from __future__ import annotations

import pytest

from penstock.older.epic_text import epic_of
from penstock.planning.artifacts import validated

FULL = """\
# Basic stats

**Epic ID:** PIPELINE-175D
**Goal:** Whoever runs it sees what it does.

## Success Criteria

- It answers
* within a second

## Stories

### PIPELINE-175D-1: Answer

As an operator, I want numbers, so that I know.

**Acceptance Criteria:**
- GET answers 200
- [x] it is JSON

**Estimate:** 3 hours
**Priority:** High

### Show it

**User Story:** As a user, I want a page.

1. It is there

**Estimate:** 2h

## Out of Scope
- Alerts

## Risks and assumptions
- None
"""


def test_an_epic_is_read_whole_and_is_valid() -> None:
    epic = epic_of(FULL, "a-file")
    assert epic is not None
    assert (epic["epic_id"], epic["title"]) == ("PIPELINE-175D", "Basic stats")
    assert epic["goal"] == "Whoever runs it sees what it does."
    assert epic["success_criteria"] == ["It answers", "within a second"]
    first, second = epic["stories"]
    assert (first["id"], first["title"], first["estimate_hours"], first["priority"]) == (
        *("PIPELINE-175D-1", "Answer", 3, "high"),
    )
    assert first["acceptance_criteria"] == ["GET answers 200", "it is JSON"]
    assert first["user_story"].startswith("As an operator")
    assert (second["id"], second["user_story"]) == ("STORY-2", "As a user, I want a page.")
    assert (epic["out_of_scope"], epic["risks"], epic["total_estimate_hours"]) == (["Alerts"], ["None"], 5)
    model, warnings = validated("epic", epic)
    assert (model.model_dump()["title"], list(warnings)) == ("Basic stats", [])


def test_what_an_epic_does_not_say_is_taken_from_its_file_and_its_stories() -> None:
    epic = epic_of("# T\n\nWhat it is for.\n\n## Stories\n### One\nAs me.\n- it works\n", "EPIC-7")
    assert epic is not None
    assert (epic["epic_id"], epic["goal"], epic["success_criteria"]) == ("EPIC-7", "What it is for.", ["it works"])
    validated("epic", epic)


@pytest.mark.parametrize(
    "text", ["", "no heading", "# Title\n\ntext", "## Stories\n### One\n", "```\n# T\n## Stories\n### S\n```"]
)
def test_what_has_no_title_or_no_story_is_no_epic(text: str) -> None:
    assert epic_of(text, "x") is None


def test_a_hostile_text_is_read_in_no_time() -> None:
    for text in ("# " * 200_000, "**" * 200_000, "- " * 200_000, "#" * 400_000 + " a", "### a" * 100_000):
        epic_of(f"# T\n## Stories\n### S\n{text}\n", "x")
