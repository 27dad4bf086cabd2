"""Whatever an analysis says, what comes of it is a plan that the intake takes, or PlanUnsound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from plan_samples import RULES, loaded

from penstock.domain import dag
from penstock.domain.changes import REGULAR, Change
from penstock.domain.scope import ProtectedPaths, fault_of, judge
from penstock.planning.fixing import fixing_plan
from penstock.planning.plans import PlanUnsound, plan_of

WORDS = st.sampled_from(["a", "b", "Counter", "ws-a", "", " ", "STORY-1", "\ud800", "日本", "x" * 300])
NAMES = WORDS | st.text(max_size=12)
PATHS = st.sampled_from(
    [
        *("src/a.py", "src/", "src/**/*.py", "tests/test_a.py", "src/b.py", "docs/x.md", "a/../b", "/etc", "**", "*"),
        *(".git/config", "penstock.toml", "config/", "./src//a.py", "src\\a.py", "SRC/A.py", "conftest.py", "s?c/*"),
    ]
) | st.text(max_size=12)
LINES = st.sampled_from(
    ["pytest", "pytest tests -q", "`make it`", "run: x", "it works", "file src/a.py exists", "\ud800", "a\0b"]
) | st.text(max_size=30)
JUNK = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none() | st.integers(), max_size=2)


def listed(items: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[Any]:
    return st.lists(items | JUNK, max_size=most) | JUNK


GOOD_PATHS = st.sampled_from(
    ["src/a.py", "src/", "src/**/*.py", "tests/test_a.py", "src/b.py", "./src//a.py", "SRC/A.py"]
)
GOOD_WORKSTREAM = st.fixed_dictionaries(
    {"files_scope": st.lists(GOOD_PATHS, min_size=1, max_size=3)},
    optional={
        "id": NAMES,
        "title": NAMES,
        "component": NAMES,
        "tasks": listed(LINES),
        "files_create": st.lists(GOOD_PATHS, max_size=2),
        "acceptance": st.lists(LINES, max_size=3).map(lambda lines: ["pytest", *lines]),
        "acceptance_files": listed(PATHS),
    },
)
WORKSTREAM = GOOD_WORKSTREAM | st.fixed_dictionaries(
    {},
    optional={
        "id": NAMES | JUNK,
        "title": NAMES | JUNK,
        "component": NAMES | JUNK,
        "stories": listed(NAMES),
        "tasks": listed(LINES),
        "files_scope": listed(PATHS),
        "files_create": listed(PATHS),
        "depends_on": listed(NAMES, 2),
        "acceptance": listed(LINES),
        "acceptance_files": listed(PATHS),
    },
)
COMPONENT = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES | JUNK,
        "purpose": LINES | JUNK,
        "file_path": PATHS | JUNK,
        "dependencies": listed(NAMES),
        "public_interface": listed(st.fixed_dictionaries({"name": NAMES, "params": listed(st.none())})),
        "extra": st.fixed_dictionaries({"test_file": PATHS}) | JUNK,
    },
)
STORY = st.fixed_dictionaries({}, optional={"id": NAMES, "user_story": LINES, "acceptance_criteria": listed(LINES)})
ANALYSES = st.fixed_dictionaries(
    {},
    optional={
        "workstreams": st.lists(GOOD_WORKSTREAM, max_size=6) | listed(WORKSTREAM, 5),
        "stories": listed(STORY),
        "business_rules": listed(LINES),
        "data_models": listed(st.fixed_dictionaries({"model": NAMES, "fields": listed(NAMES)})),
        "debt": listed(st.fixed_dictionaries({"story_id": NAMES})),
    },
)


@st.composite
def good_analyses(draw: st.DrawFn) -> dict[str, Any]:
    """Workstreams that wait only for others: mostly sound, but for circles."""
    rows = draw(st.lists(GOOD_WORKSTREAM, min_size=1, max_size=6))
    for number, row in enumerate(rows):
        row["id"] = f"w{number}"
        row["depends_on"] = [f"w{other}" for other in draw(st.sets(st.integers(0, len(rows) - 1), max_size=1))]
    return {**draw(ANALYSES), "workstreams": rows}


ARCHITECTURES = st.fixed_dictionaries(
    {}, optional={"components": listed(COMPONENT), "acceptance_criteria": listed(LINES)}
)
EPICS = st.fixed_dictionaries({}, optional={"stories": listed(STORY)})
RULES_OF_ALL_KINDS = st.builds(
    lambda checks, allow, case, change: replace(
        RULES, has_checks=checks, allow_unchecked=allow, ignore_case=case, change=change
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.text(max_size=10),
)
ISSUE = st.fixed_dictionaries(
    {},
    optional={
        "id": NAMES | JUNK,
        "severity": st.sampled_from(["critical", "low", "LOW", "odd"]) | JUNK,
        "description": LINES | JUNK,
        "location": st.sampled_from(["src/a.py:3", "Counter", "ws-a", "nowhere", "/etc/passwd:1"]) | LINES | JUNK,
        "fix_required": st.booleans() | JUNK,
    },
)
REPORTS = st.fixed_dictionaries({}, optional={"issues": listed(ISSUE, 6), "recommendations": listed(LINES)})


def must_be_sound(planned: Any, rules: Any) -> None:
    plan = loaded(planned, rules).plan
    edges = {one.id: one.depends_on for one in plan.workstreams}
    assert not dag.cycles(edges)
    assert not dag.missing(edges)
    for one in plan.workstreams:
        for pattern in one.scope.patterns:
            assert fault_of(pattern) is None
            assert not ProtectedPaths().holds(pattern.replace("*", "x").replace("?", "x").rstrip("/"))
    assert all(warning and len(warning) < 2000 for warning in planned.warnings)


@settings(max_examples=40, deadline=None)
@given(ANALYSES | good_analyses(), ARCHITECTURES, EPICS, RULES_OF_ALL_KINDS)
def test_any_answer_is_a_sound_plan_or_unsound_with_reasons(
    found: dict[str, Any], architecture: dict[str, Any], epic: dict[str, Any], rules: Any
) -> None:
    planned, errors = None, ("",)
    try:
        planned = plan_of(found, architecture, rules, epic=epic)
    except PlanUnsound as unsound:
        errors = unsound.errors
    event(f"sound: {planned is not None}")
    if planned is None:
        assert errors
        assert all(error.strip() for error in errors)
    else:
        must_be_sound(planned, rules)


@settings(max_examples=40, deadline=None)
@given(good_analyses(), REPORTS, st.integers(1, 50))
def test_any_report_becomes_a_plan_within_the_scopes_that_there_were(
    found: dict[str, Any], report: dict[str, Any], number: int
) -> None:
    try:
        before = plan_of(found, {}, RULES)
    except PlanUnsound:
        return
    event("sound")
    planned = fixing_plan(report, before.documents, RULES, number=number)
    must_be_sound(planned, RULES)
    opened = {path for one in before.documents for path in (*one["files_scope"], *one["files_create"])}
    for one in planned.documents:
        assert one["id"].startswith(f"ws-fix-{number}-")
        assert {*one["files_scope"], *one["files_create"]} <= opened


@settings(max_examples=40, deadline=None)
@given(good_analyses())
def test_no_scope_lets_a_protected_or_outer_path_through(found: dict[str, Any]) -> None:
    try:
        planned = plan_of(found, {}, RULES)
    except PlanUnsound:
        return
    event("sound")
    paths = ["penstock.toml", "config/a.yaml", "src/conftest.py", ".github/workflows/x.yml", ".env", "pyproject.toml"]
    for one in loaded(planned).plan.workstreams:
        for path in paths:
            change = Change(path=path, new_mode=REGULAR)
            assert judge([change], one.scope, frozenset(), ProtectedPaths())
