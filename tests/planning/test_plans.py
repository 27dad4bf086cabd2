"""From architecture to plan: what the analysis writes becomes bundles that the intake takes as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plan_samples import ANALYSIS, ARCHITECTURE, EPIC, RULES, analysis, by_id, loaded, unchecked, waits

from penstock.domain.plan import AcceptanceKind
from penstock.planning.plans import PlanUnsound, plan_of

NOTHING: dict[str, Any] = {}


def errors_of(*workstreams: dict[str, Any], rules: Any = RULES, architecture: Any = NOTHING) -> tuple[str, ...]:
    with pytest.raises(PlanUnsound) as caught:
        plan_of(analysis(*workstreams), architecture, rules)
    return caught.value.errors


def test_workstreams_become_a_plan_that_the_intake_takes() -> None:
    planned = plan_of(ANALYSIS, ARCHITECTURE, RULES, epic=EPIC)
    found = loaded(planned)
    assert found.warnings == ()
    route, counter = found.plan.workstreams
    assert (route.id, counter.id) == ("ws-route", "ws-counter")
    assert route.scope.patterns == ("src/app/routes/metrics.py", "tests/test_metrics.py")
    assert counter.scope.files == ("src/app/counter.py",)
    assert route.agent == "model"
    assert route.change == "EPIC-1"
    assert route.title == "The route"


def test_a_component_that_depends_on_another_waits_for_its_workstreams() -> None:
    planned = plan_of(ANALYSIS, ARCHITECTURE, RULES, epic=EPIC)
    assert waits(planned.documents) == {"ws-route": ["ws-counter"], "ws-counter": []}


def test_stories_and_the_component_are_told_to_who_does_the_work() -> None:
    route, counter = plan_of(ANALYSIS, ARCHITECTURE, RULES, epic=EPIC).documents
    assert route["tasks"] == [
        "Add GET /metrics",
        "This is for STORY-1: See numbers: As an operator I want numbers",
    ]
    assert {"prose": "GET /metrics answers 200"} in route["acceptance_tests"]
    assert [line for line in counter["acceptance_tests"] if "prose" in line] == [
        {"prose": "Each call is counted once"},
        {"prose": "Counts survive errors"},
    ]
    notes = counter["metadata"]["notes"]
    for told in ("Counts calls", "count(name: str) -> int, raises KeyError: Count one", "Unknown names raise"):
        assert told in notes
    assert "Counts never fall" in notes
    assert "- Count: name, value (int)" in notes


def test_commands_stay_commands_and_prose_stays_prose() -> None:
    planned = plan_of(ANALYSIS, ARCHITECTURE, RULES, epic=EPIC)
    route, counter = loaded(planned).plan.workstreams
    kinds = [(line.kind, line.text) for line in route.acceptance[:2]]
    assert kinds == [
        (AcceptanceKind.COMMAND, "pytest tests/test_metrics.py"),
        (AcceptanceKind.PROSE, "It looks good"),
    ]
    assert counter.acceptance[0].text == "pytest tests/test_counter.py"
    assert "workstream 'route': taken for prose, not for a command: It looks good" in planned.warnings


def test_without_workstreams_each_component_is_one_in_document_order() -> None:
    planned = plan_of({"epic_id": "EPIC-1"}, ARCHITECTURE, RULES, epic=EPIC)
    counter, route = loaded(planned).plan.workstreams
    assert (counter.id, route.id) == ("ws-counter", "ws-metrics-route")
    assert counter.scope.patterns == ("src/app/counter.py", "tests/**/test_counter.py")
    assert route.depends_on == ("ws-counter",)
    assert [line.text for line in route.acceptance if line.is_checkable] == ["pytest tests/test_metrics.py"]
    told = [line.text for one in (counter, route) for line in one.acceptance]
    assert {"GET /metrics answers 200", "Each call is counted once"} <= {*told}


def test_the_tests_of_a_component_are_where_they_are_already() -> None:
    rules = replace(RULES, files=frozenset({"src/app/counter.py", "checks/unit/test_counter.py"}))
    counter, _ = plan_of({}, ARCHITECTURE, rules).documents
    assert counter["files_scope"] == ["src/app/counter.py", "checks/unit/test_counter.py"]


def test_a_workstream_that_names_only_its_component_gets_its_paths() -> None:
    planned = plan_of(analysis({"id": "a", "component": "counter"}), ARCHITECTURE, RULES)
    assert planned.documents[0]["files_scope"] == ["src/app/counter.py", "tests/**/test_counter.py"]


def test_nothing_to_make_a_plan_of_is_said() -> None:
    with pytest.raises(PlanUnsound) as caught:
        plan_of({}, {}, RULES)
    assert caught.value.errors == ("no workstreams are given, and the architecture has no components to make some of",)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "is absolute"),
        ("../other/a.py", "climbs with `..`"),
        ("src/../../a.py", "climbs with `..`"),
        ("C:\\windows\\a.py", "names a drive"),
        ("~/.ssh/config", "starts in a home folder"),
        (".git/hooks/pre-commit", "enters the `.git` folder"),
        ("src/.GIT/config", "enters the `.git` folder"),
        ("**", "opens the whole project"),
        ("*", "opens the whole project"),
        ("**/*.py", "opens the whole project"),
        ("./", "names the whole project"),
        ("penstock.toml", "is protected"),
        ("./penstock.toml", "is protected"),
        ("Penstock.TOML", "is protected"),
        ("config/", "is protected"),
        ("config", "is protected"),
        ("config/*.yaml", "is protected"),
        (".github/workflows/ci.yml", "is protected"),
        ("src/conftest.py", "is protected"),
        ("pyproject.toml", "is protected"),
        (".env", "is protected"),
        ("a\nb.py", "can't be typed"),
        ("\ud800.py", "can't be typed"),
    ],
)
@pytest.mark.parametrize("name", ["files_scope", "files_create"])
def test_a_path_that_opens_too_much_is_refused_with_its_reason(path: str, reason: str, name: str) -> None:
    (error,) = errors_of({"id": "a", "files_scope": ["src/a.py"], name: [path]})
    assert reason in error
    assert "workstream 'a'" in error
    assert error.isprintable()


def test_a_folder_in_which_something_protected_lies_may_be_opened_for_the_rest() -> None:
    planned = plan_of(analysis({"id": "a", "files_scope": ["src/", "tests/**/*.py"]}), {}, RULES)
    assert planned.documents[0]["files_scope"] == ["src/", "tests/**/*.py"]


def test_overlapping_workstreams_run_in_document_order() -> None:
    planned = plan_of(analysis(*({"id": name, "files_scope": ["src/app.py"]} for name in "abc")), {}, RULES)
    assert waits(planned.documents) == {"ws-a": [], "ws-b": ["ws-a"], "ws-c": ["ws-b"]}
    loaded(planned)
    assert "workstream 'b' runs after 'a': they share paths" in planned.warnings


def test_an_overlap_that_is_ordered_already_gets_no_edge() -> None:
    planned = plan_of(
        analysis(
            {"id": "a", "files_scope": ["src/"], "depends_on": ["b"]},
            {"id": "b", "files_scope": ["src/app.py"]},
        ),
        {},
        RULES,
    )
    assert waits(planned.documents) == {"ws-a": ["ws-b"], "ws-b": []}


def test_dependencies_are_found_by_id_title_slug_and_component() -> None:
    planned = plan_of(
        analysis(
            {"id": "One Thing", "files_scope": ["a.py"], "component": "Counter"},
            {"id": "b", "files_scope": ["b.py"], "depends_on": ["One Thing"]},
            {"id": "c", "files_scope": ["c.py"], "depends_on": ["ws-one-thing"]},
            {"id": "d", "files_scope": ["d.py"], "depends_on": ["counter"]},
            {"id": "e", "files_scope": ["e.py"], "depends_on": ["e", "Metrics Route"]},
        ),
        ARCHITECTURE,
        RULES,
    )
    assert [one["depends_on"] for one in planned.documents] == [[], *[["ws-one-thing"]] * 3, []]


def test_waiting_for_nobody_is_an_error_that_names_who_there_is() -> None:
    (error,) = errors_of({"id": "a", "files_scope": ["a.py"], "depends_on": ["z"]})
    assert error == "workstream 'a' waits for 'z', which is no workstream; there are: ws-a"


def test_workstreams_that_wait_for_each_other_are_an_error_that_names_the_circle() -> None:
    errors = errors_of(
        {"id": "a", "files_scope": ["a.py"], "depends_on": ["b"]},
        {"id": "b", "files_scope": ["b.py"], "depends_on": ["a"]},
    )
    assert errors == ("workstreams wait for each other: ws-a -> ws-b -> ws-a; take one depends_on out",)


def test_a_circle_of_components_is_broken_for_it_is_only_a_wish() -> None:
    components = [
        {"name": "A", "file_path": "a.py", "dependencies": ["B"]},
        {"name": "B", "file_path": "b.py", "dependencies": ["A"]},
    ]
    planned = plan_of({}, {"components": components}, RULES)
    assert waits(planned.documents) == {"ws-a": ["ws-b"], "ws-b": []}
    assert "workstream 'B' can't also wait for 'A', which waits for it" in planned.warnings
    loaded(planned)


def test_what_the_author_demands_goes_before_what_components_wish() -> None:
    rows = ({"id": "r", "component": "Metrics Route", "files_scope": ["r.py"]},)
    planned = plan_of(
        analysis(*rows, {"id": "c", "component": "Counter", "files_scope": ["c.py"], "depends_on": ["r"]}),
        ARCHITECTURE,
        RULES,
    )
    assert waits(planned.documents) == {"ws-r": [], "ws-c": ["ws-r"]}


def test_ids_are_made_plain_and_unique() -> None:
    names = ["Über uns!", "uber_uns", "ws-a", "a", "日本", ""]
    rows = ({"id": name, "files_scope": [f"{number}.py"]} for number, name in enumerate(names))
    planned = plan_of(analysis(*rows), {}, RULES)
    assert [one["id"] for one in planned.documents] == [
        *("ws-u-ber-uns", "ws-uber-uns", "ws-a", "ws-a-2", "ws-5", "ws-6"),
    ]
    loaded(planned)


def test_a_workstream_that_nothing_would_check_is_refused_unless_the_project_says_otherwise() -> None:
    row = {"id": "a", "files_scope": ["a.py"], "acceptance": ["It is nice"]}
    (error,) = errors_of(row, rules=unchecked())
    assert "nothing of it would be checked" in error
    rules = replace(unchecked(), allow_unchecked=True)
    loaded(plan_of(analysis(row), {}, rules), rules)
    rules = unchecked()
    loaded(plan_of(analysis({**row, "acceptance": ["test -f a.py"]}), {}, rules), rules)


def test_a_command_that_is_too_long_is_refused_and_never_cut() -> None:
    (error,) = errors_of({"id": "a", "files_scope": ["a.py"], "acceptance": ["pytest " + "x" * 5000]})
    assert error == "workstream 'a': an acceptance command has more than 2000 characters"


def test_what_is_done_is_neither_done_again_nor_missed() -> None:
    rules = replace(RULES, done=frozenset({"ws-old"}))
    (error,) = errors_of({"id": "Old", "files_scope": ["a.py"]}, rules=rules)
    assert error == "workstream 'Old' is done already: plan only what is left"
    planned = plan_of(analysis({"id": "new", "files_scope": ["a.py"], "depends_on": ["old", "ws-old"]}), {}, rules)
    assert waits(planned.documents) == {"ws-new": []}


def test_acceptance_files_are_those_from_before_the_work() -> None:
    rules = replace(RULES, files=frozenset({"tests/test_old.py", "tests/test_mine.py"}))
    row = {
        "id": "a",
        "files_scope": ["tests/test_mine.py"],
        "acceptance_files": ["tests/test_old.py", "tests/test_mine.py", "tests/test_new.py", "/etc/passwd"],
    }
    planned = plan_of(analysis(row), {}, rules)
    assert planned.documents[0]["acceptance_files"] == ["tests/test_old.py"]
    assert len([one for one in planned.warnings if "acceptance file" in one]) == 3


def test_stories_that_nobody_works_on_are_told_unless_they_are_given_up() -> None:
    row = {"id": "a", "files_scope": ["a.py"], "stories": ["STORY-1", "STORY-9"]}
    planned = plan_of(analysis(row), {}, RULES, epic=EPIC)
    assert planned.warnings == ("there is no story 'STORY-9'", "no workstream is for the story 'STORY-2'")
    given_up = [{"story_id": "STORY-2", "reason": "too much"}]
    planned = plan_of(analysis(row, debt=given_up), {}, RULES, epic=EPIC)
    assert planned.warnings == ("there is no story 'STORY-9'",)


def test_too_many_workstreams_are_refused() -> None:
    rows = ({"id": f"w{number}", "files_scope": [f"{number}.py"]} for number in range(201))
    assert errors_of(*rows) == ("201 workstreams are planned, and 200 are the most",)


def test_more_paths_than_a_workstream_may_name_are_an_error_and_never_left_out() -> None:
    paths = [f"src/m/{number}.py" for number in range(350)]
    for name in ("files_scope", "files_create"):
        (error,) = errors_of({"title": "One", "files_scope": ["src/a.py"], name: paths})
        assert "350 paths are named, and 300 are the most" in error


def test_two_hundred_workstreams_that_all_share_one_file_are_a_chain() -> None:
    rows = ({"id": f"w{number}", "files_scope": ["a.py"]} for number in range(200))
    planned = plan_of(analysis(*rows), {}, RULES)
    assert sum(len(one["depends_on"]) for one in planned.documents) == 199
    assert by_id(planned)["ws-w199"]["depends_on"] == ["ws-w198"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    errors = errors_of(
        {"id": "a", "files_scope": ["/a", "**"], "depends_on": ["z"]},
        {"id": "b", "files_scope": []},
    )
    assert len(errors) == 4
    assert "workstream 'b' names no path: list in files_scope what it may change" in errors
