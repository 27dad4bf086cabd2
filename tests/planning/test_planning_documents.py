"""Documents for people: their binding order, and that no value in them is ever more than text."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from planning_samples import ISSUE, SAMPLES, STORY, sample

from penstock.planning.artifacts import validated
from penstock.planning.documents import Documents, documents_of


def documents(artifact_type: str, **changes: Any) -> Documents:
    return documents_of(artifact_type, validated(artifact_type, sample(artifact_type, **changes))[0])


def test_the_document_of_an_epic_stands_in_its_order() -> None:
    second = {**STORY, "id": "S-2", "title": "Weigh", "estimate_hours": 1}
    told = documents("epic", stories=[STORY, second], total_estimate_hours=4).markdown
    lines = [line for line in told.splitlines() if line.startswith(("#", "**"))]
    assert lines == [
        "# Sacks",
        "**Goal:** The miller knows how many sacks there are.",
        "## Success Criteria",
        "## Stories",
        "### PIPELINE-175D-1: Count the sacks",
        "**Acceptance Criteria:**",
        "**Estimate:** 3 hours",
        "**Priority:** high",
        "### S-2: Weigh",
        "**Acceptance Criteria:**",
        "**Estimate:** 1 hours",
        "**Priority:** high",
        "**Total Estimate:** 4 hours",
        "## Out of Scope",
        "## Risks",
    ]
    assert STORY["user_story"] in told


def test_a_component_is_told_with_purpose_duties_and_interface() -> None:
    told = documents("arch_notes").markdown
    places = [told.index(words) for words in ("### Counter", "Counts sacks.", "**Responsibilities:**", "#### `count`")]
    assert places == sorted(places)


@pytest.mark.parametrize("artifact_type", sorted(SAMPLES))
def test_unknown_fields_are_shown_at_the_end(artifact_type: str) -> None:
    told = documents(artifact_type, further_thoughts=["one", {"two": 2}]).markdown
    assert told.endswith('## Further\n\n- **further_thoughts:** `["one", {"two": 2}]`\n')


def test_a_report_that_contradicts_itself_is_told_as_not_passed() -> None:
    assert documents("qa_result", passed=True).markdown.startswith("# Not Passed")
    assert documents("qa_result", passed=True, issues=[]).markdown.startswith("# Passed")


def test_code_stays_in_a_fence_longer_than_any_inside() -> None:
    content = "x = '''\n````md\n# not a heading\n````\n'''\n"
    made = documents("proposed_change_set", files=[{"path": "a.py", "content": content}], test_files=[])
    assert f"`````py\n{content}`````" in made.markdown
    assert "<h1>not" not in made.html


def test_what_viewers_draw_is_shown_as_text() -> None:
    made = documents("proposed_change_set", files=[{"path": "a.mermaid", "content": "graph"}], test_files=[])
    assert "```\ngraph\n```" in made.markdown


def test_a_long_file_is_cut_and_that_is_said() -> None:
    made = documents("proposed_change_set", files=[{"path": "a.py", "content": "x" * 100_000}], test_files=[])
    assert "100000 characters, of which the middle is left out" in made.markdown
    assert len(made.markdown) < 25_000


def test_names_stay_readable() -> None:
    told = documents("epic", title="count_sacks([]) of C# is 0").markdown
    assert told.startswith("# count_sacks([]) of C# is 0\n")


class Structure(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[Any, ...]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def structure(made: Documents) -> Structure:
    return Structure(made.html)


def replaced(value: Any, name: str, by: Callable[[str], str]) -> Any:
    """The payload with every free text replaced; ids, paths and words of a list stay."""
    if isinstance(value, dict):
        return {key: replaced(item, key, by) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, name, by) for item in value]
    fixed = {"epic_id", "id", "story_id", "priority", "severity", "category", "path"}
    return value if not isinstance(value, str) or name in fixed else by(value)


HOSTILE = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[click](javascript:alert(1))",
    "![x](http://example.com/x.png)",
    "[x]: http://example.com",
    "[a][x]",
    "<http://example.com>",
    "# heading",
    "a\n\n# heading\n\n- item",
    "a\n===",
    "- item",
    "1. item",
    "> quote",
    "    code",
    "```\nfence",
    "`code`",
    "``a`b``",
    "**bold** _em_ ~~gone~~",
    "a\n| b | c |\n|---|---|",
    "&lt;b&gt; &#60;",
    "\\# \\",
    "{{ 7 * 7 }}{% include 'x' %}{# c #}",
    "***",
    "[ ] todo",
    "trailing `",
    "a]",
    "\u2028# x",
)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("artifact_type", sorted(SAMPLES))
def test_a_hostile_text_stays_text(artifact_type: str, hostile: str) -> None:
    _same_structure(artifact_type, hostile)


@settings(max_examples=40)
@given(st.sampled_from(sorted(SAMPLES)), st.text("ab1 #*_`[](){}<>&!|~-+=.:\\\n\"'\t", min_size=1, max_size=25))
def test_no_text_is_ever_structure(artifact_type: str, text: str) -> None:
    assume(text.strip())
    _same_structure(artifact_type, text)


def _same_structure(artifact_type: str, hostile: str) -> None:
    plain = replaced(deepcopy(SAMPLES[artifact_type]), "", lambda _: "plain")
    payload = replaced(deepcopy(SAMPLES[artifact_type]), "", lambda _: hostile)
    made, expected = (
        structure(documents_of(artifact_type, validated(artifact_type, one)[0])) for one in (payload, plain)
    )
    assert made.tags == expected.tags
    assert " ".join(hostile.split()) in " ".join(made.text.split())


def test_where_a_field_says_nothing_nothing_breaks() -> None:
    assert documents("qa_result", issues=[{**ISSUE, "location": "", "description": ""}]).html
