"""Bundles: from files to a plan, or to all that is wrong."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.errors import UserError
from penstock.domain.plan import AcceptanceKind, Priority
from penstock.intake.bundles import (
    BundleCycleError,
    BundleDependencyError,
    BundleOptions,
    BundleValidationError,
    FileScopeOverlapError,
    Loaded,
    Problem,
    ProblemKind,
    Source,
    check,
    check_sources,
    load,
    load_sources,
    schema,
)

ROOT = Path(__file__).parents[2]
ENOUGH = BundleOptions(has_checks=True)


def bundle(name: str = "a", **fields: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "id": f"ws-{name}",
        "openspec_change": "OS-1",
        "gate": 1,
        "files_scope": [f"src/{name}.py"],
        "tasks": ["Do it"],
        "acceptance_tests": ["pytest -q"],
        "tool": "aider",
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not ...}


def sources(*values: Any) -> list[Source]:
    return [
        Source(
            name=f"{number}.json",
            content=value if isinstance(value, bytes) else json.dumps(value, indent=1, ensure_ascii=False).encode(),
        )
        for number, value in enumerate(values)
    ]


def problems(*values: Any, options: BundleOptions = ENOUGH) -> tuple[Problem, ...]:
    return check_sources(sources(*values), options).problems


def loaded(*values: Any, options: BundleOptions = ENOUGH) -> Loaded:
    return load_sources(sources(*values), options)


def test_a_whole_bundle_becomes_a_workstream() -> None:
    one = bundle(
        files_scope=["./src\\a.py", "lib/"],
        files_create=["src/new.py"],
        acceptance_tests=["pytest -q", "File exists", "nice", {"run": "flake8"}, {"prose": "pytest"}],
        acceptance_files=["tests/test_a.py"],
        depends_on=["ws-b"],
        gate=3,
        circuit_breaker={"max_attempts": 4, "more": 1},
        metadata={"title": "Ä title", "x": [1]},
        ccpm_issue="TBD",
        priority="background",
        parallel_ok=False,
        conflict_group="db",
        max_cost_usd=1.5,
        capability="testing",
        kind="test",
    )
    found = loaded(one, bundle("b"))
    made = found.plan.workstreams[0]
    assert (made.id, made.title, made.tasks, made.gate, made.change) == ("ws-a", "Ä title", ("Do it",), 3, "OS-1")
    assert made.scope.files == ("src/a.py", "lib/")
    assert made.scope.create == ("src/new.py",)
    assert [line.kind.value for line in made.acceptance] == ["command", "builtin", "prose", "command", "prose"]
    assert made.acceptance_files == ("tests/test_a.py",)
    assert (made.depends_on, made.agent, made.priority) == (("ws-b",), "testing", Priority.BACKGROUND)
    assert (made.parallel_ok, made.conflict_group) == (False, "db")
    assert (made.breaker.max_attempts, made.breaker.max_error_repeats) == (4, None)
    assert made.origin["metadata"] == {"title": "Ä title", "x": [1]}
    assert (made.origin["ccpm_issue"], made.origin["max_cost_usd"], made.origin["tool"]) == ("TBD", 1.5, "aider")
    assert found.documents["ws-a"]["files_create"] == ["src/new.py"]


def test_a_run_can_load_its_own_copy_again() -> None:
    first = loaded(bundle(), bundle("b", depends_on=["ws-a"], circuit_breaker={"max_attempts": 2}))
    again = loaded([dict(document) for document in first.documents.values()])
    assert again.plan == first.plan


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "ws_bad"}, '`id` can\'t be "ws_bad"'),
        ({"id": ...}, "`id` is missing"),
        ({"openspec_change": ...}, "`openspec_change` is missing"),
        ({"openspec_change": 3}, "`openspec_change` can't be 3"),
        ({"gate": 0}, "`gate` can't be 0"),
        ({"gate": True}, "`gate` can't be true"),
        ({"gate": "1"}, "`gate` can't be"),
        ({"gate": 10**30}, "`gate` can't be"),
        ({"files_scope": []}, "`files_scope` can't be []"),
        ({"files_scope": "src"}, "`files_scope` can't be"),
        ({"files_scope": ["/etc"]}, "is absolute"),
        ({"files_scope": ["../x"]}, "climbs"),
        ({"files_create": [".git/x"]}, "`.git`"),
        ({"tasks": []}, "`tasks` can't be []"),
        ({"tasks": ["  "]}, "`tasks.0` can't be"),
        ({"tool": ...}, "`tool` is missing"),
        ({"ccpm_issue": 1.5}, "`ccpm_issue` can't be 1.5"),
        ({"acceptance_tests": [3]}, "`acceptance_tests.0` can't be 3"),
        ({"acceptance_tests": [{"run": ""}]}, "`acceptance_tests.0"),
        ({"acceptance_tests": [{"run": "x", "prose": "y"}]}, "`acceptance_tests.0"),
        ({"depends_on": "ws-b"}, "`depends_on` can't be"),
        ({"circuit_breaker": {"max_attempts": 0}}, "`circuit_breaker.max_attempts` can't be 0"),
        ({"capability": "magic"}, "`capability` can't be"),
        ({"capability_payload": {"timeout_ms": 5}}, "timeout_ms"),
        ({"capability_payload": {"max_retries": 6}}, "max_retries"),
        ({"kind": "epic"}, "`kind` can't be"),
        ({"max_cost_usd": -1}, "`max_cost_usd` can't be -1"),
        ({"test_gates": [{"type": "GATE_X"}]}, "test_gates.0.type"),
        ({"metadata": []}, "`metadata` can't be []"),
    ],
)
def test_each_rule_of_a_field_is_told_once_and_with_its_line(change: dict[str, Any], words: str) -> None:
    found = problems(bundle(**change))
    assert len(found) == 1
    assert words in found[0].message
    assert found[0].line is not None


def test_a_capability_stands_in_for_a_tool() -> None:
    assert problems(bundle(tool=..., capability="linting")) == ()


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("steps", [], "tasks"),
        ("phases", [], "depends_on"),
        ("saga", {}, "compensation_actions"),
        ("dependencies", [], "depends_on"),
        ("description", "x", "metadata.notes"),
        ("file_scope", [], "`files_scope`"),
        ("acceptance_test", [], "`acceptance_tests`"),
        ("zzzz", 1, "metadata"),
    ],
)
def test_an_unknown_key_is_refused_with_what_to_write_instead(key: str, value: Any, remedy: str) -> None:
    (found,) = problems(bundle(**{key: value}))
    assert (found.kind, found.id, found.pointer) == (ProblemKind.UNKNOWN_KEY, "ws-a", f"/{key}")
    assert remedy in (found.remedy or "")


def test_an_old_priority_is_told_the_words_of_today() -> None:
    (found,) = problems(bundle(priority="high"))
    assert "foreground or background" in (found.remedy or "")


def test_tolerated_rot_loads_with_warnings_and_fails_under_strict() -> None:
    text = json.dumps(bundle(**{"doc_id": "D", "$schema": "s", "_comment1": "c", "x-team": "t", "files-create": ["n"]}))
    rotten = b"\xef\xbb\xbf/* HEADER */\n" + text.encode()
    found = loaded(rotten)
    assert len(found.warnings) == 6
    assert found.plan.workstreams[0].scope.create == ("n",)
    strict = problems(rotten, options=BundleOptions(strict=True))
    assert {one.kind for one in strict} == {ProblemKind.TOLERATED}
    assert len(strict) == 6


def test_two_spellings_of_one_key_and_a_key_given_twice_are_refused() -> None:
    assert "two spellings" in problems(bundle(**{"files-scope": ["x"]}))[0].message
    twice = json.dumps(bundle())[:-1] + ', "gate": 2}'
    assert [one.message for one in problems(twice.encode())] == ["the key `gate` is given twice"]


def test_a_kebab_case_limit_inside_the_breaker_is_read() -> None:
    found = loaded(bundle(circuit_breaker={"max-attempts": 7}))
    assert found.plan.workstreams[0].breaker.max_attempts == 7
    assert found.warnings[0].pointer == "/circuit_breaker/max-attempts"


def test_everything_wrong_is_told_at_once_with_file_line_and_pointer() -> None:
    found = problems(
        [bundle(gate=0), bundle("b", stepz=1, depends_on=["ws-x"])], b"{", bundle("c", files_scope=["../x"])
    )
    assert [(one.kind.value, one.file, one.pointer) for one in found] == [
        ("schema", "0.json", "/0/gate"),
        ("unknown_key", "0.json", "/1/stepz"),
        ("dependency", "0.json", "/1/depends_on/0"),
        ("syntax", "1.json", ""),
        ("scope", "2.json", "/files_scope/0"),
    ]
    assert found[0].line == 5
    with pytest.raises(BundleValidationError) as caught:
        loaded([bundle(gate=0)], b"{")
    assert len(caught.value.problems) == 2
    assert isinstance(caught.value, UserError)
    assert isinstance(caught.value, ValueError)
    assert "0.json:5: ws-a: `gate` can't be 0" in str(caught.value)


def test_an_id_used_twice_names_both_files() -> None:
    (found,) = problems(bundle(), bundle(files_scope=["other"]))
    assert found.kind is ProblemKind.DUPLICATE_ID
    assert found.file == "1.json"
    assert "0.json:2" in found.message


def test_missing_dependencies_cycles_and_overlaps_have_errors_of_their_own() -> None:
    with pytest.raises(BundleDependencyError, match="ws-a -> ws-x"):
        loaded(bundle(depends_on=["ws-x"]))
    with pytest.raises(BundleCycleError, match="ws-a -> ws-b -> ws-a"):
        loaded(bundle(depends_on=["ws-b"]), bundle("b", depends_on=["ws-a"]))
    with pytest.raises(FileScopeOverlapError, match=r"`src/` meets `src/a.py` of ws-a \(0.json:6\)"):
        loaded(bundle(), bundle("b", files_scope=["src/"]))


MANY = 1500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([bundle(tasks=[1] * 8 * MANY)], 8 * MANY),
        ([[bundle(f"part-{n}", depends_on=[f"ws-port-{n}"]) for n in range(MANY)]], MANY),
        ([bundle(depends_on=[f"ws-{n}" for n in range(30 * MANY)])], 30 * MANY),
        ([bundle(name, files_scope=[*(f"{name}/{n}.py" for n in range(MANY)), "x.md"]) for name in "ab"], 1),
        ([[bundle("0", gate=0), *(bundle(f"{n}", depends_on=[f"ws-{n - 1}"]) for n in range(1, 4 * MANY))]], 1),
    ],
    ids=["values", "dependencies", "dependencies of one", "overlap", "one of many"],
)
def test_a_plan_that_is_wrong_in_many_places_is_told_so_in_bearable_time(values: list[Any], count: int) -> None:
    start = time.process_time()
    assert len(problems(*values)) == count
    assert time.process_time() - start < 20


def test_a_dependency_on_a_refused_bundle_is_not_called_missing() -> None:
    assert [one.id for one in problems(bundle(gate=0), bundle("b", depends_on=["ws-a"]))] == ["ws-a"]


def test_overlap_is_fine_along_a_chain_and_where_it_is_allowed() -> None:
    chain = [bundle(), bundle("b", depends_on=["ws-a"]), bundle("c", depends_on=["ws-b"], files_scope=["src/"])]
    assert problems(chain) == ()
    pair = [bundle(files_scope=["x.md"]), bundle("b", files_scope=["x.md"])]
    assert [one.kind for one in problems(pair)] == [ProblemKind.OVERLAP]
    by_pair = BundleOptions(has_checks=True, allow_overlap=("ws-b, ws-a",))
    assert loaded(pair, options=by_pair).plan.allowed_overlaps == {frozenset({"ws-a", "ws-b"})}
    assert problems(pair, options=BundleOptions(has_checks=True, allow_overlap=("*.md",))) == ()
    assert len(problems(pair, options=BundleOptions(has_checks=True, allow_overlap=("*.py", "ws-a,ws-c")))) == 1


def test_an_allowed_path_does_not_excuse_a_pattern_that_holds_more() -> None:
    pair = [bundle(files_scope=["docs/"]), bundle("b", files_scope=["docs/x.md", "docs/y.md"])]
    assert len(problems(pair, options=BundleOptions(has_checks=True, allow_overlap=("docs/x.md",)))) == 1
    assert problems(pair, options=BundleOptions(has_checks=True, allow_overlap=("docs/",))) == ()


def test_overlap_sees_files_create_folders_globs_case_and_is_found_beside_a_cycle() -> None:
    assert len(problems(bundle(files_create=["meta/x.md"]), bundle("b", files_scope=["meta/"]))) == 1
    assert len(problems(bundle(files_scope=["src/*.py"]), bundle("b", files_scope=["src/b*"]))) == 1
    upper = [bundle(files_scope=["README"]), bundle("b", files_scope=["readme"])]
    assert problems(upper) == ()
    assert len(problems(upper, options=BundleOptions(has_checks=True, ignore_case=True))) == 1
    ring = [bundle(depends_on=["ws-b"]), bundle("b", depends_on=["ws-a"])]
    kinds = {one.kind for one in problems(*ring, bundle("c", files_scope=["src/a.py"]))}
    assert kinds == {ProblemKind.CYCLE, ProblemKind.OVERLAP}


def test_a_bundle_with_nothing_to_check_is_refused_unless_the_project_has_checks_or_allows_it() -> None:
    bare = bundle(acceptance_tests=["it is nice"])
    assert [one.kind for one in problems(bare, options=BundleOptions())] == [ProblemKind.UNCHECKED]
    assert problems(bare, options=BundleOptions(has_checks=True)) == ()
    assert problems(bare, options=BundleOptions(allow_unchecked=True)) == ()
    assert problems(bundle(), options=BundleOptions()) == ()
    gated = bundle(acceptance_tests=[], test_gates=[{"type": "GATE_UNIT"}])
    assert problems(gated, options=BundleOptions(check_groups={"unit": 1})) == ()
    (found,) = problems(gated, options=BundleOptions(check_groups={"lint": 1}))
    assert (found.kind, found.pointer) == (ProblemKind.TEST_GATE, "/test_gates/0")


def test_the_report_says_what_each_line_was_taken_for() -> None:
    one = bundle(acceptance_tests=["mytool -x", "make sure"], compensation_actions=["rm x", {"run": "x"}])
    one["compensation_actions"] = ["git checkout", "ls -l"]
    report = check_sources(sources([one]), BundleOptions(tool_commands={"mytool"}, make_targets={"all"}))
    assert [(line.pointer, line.kind) for line in report.lines] == [
        ("/0/acceptance_tests/0", AcceptanceKind.COMMAND),
        ("/0/acceptance_tests/1", AcceptanceKind.PROSE),
        ("/0/compensation_actions/0", AcceptanceKind.PROSE),
        ("/0/compensation_actions/1", AcceptanceKind.COMMAND),
    ]
    as_json = json.loads(json.dumps(report.as_json()))
    assert (as_json["ok"], as_json["bundles_checked"], as_json["errors"]) == (True, 1, [])


def test_the_report_counts_bundles_and_names_type_file_id_and_details() -> None:
    report = check_sources(sources([bundle(), bundle("b", gate=0)]), ENOUGH).as_json()
    assert (report["ok"], report["bundles_checked"]) == (False, 2)
    (error,) = report["errors"]  # type: ignore[misc]  # the shape is what this test is about
    assert (error["type"], error["file"], error["id"]) == ("schema", "0.json", "ws-b")
    assert "gate" in error["details"]


def test_a_draft_is_warned_of_and_nothing_of_it_runs() -> None:
    draft = Source(
        name="d.yaml", content=b'doc_id: D\nbundle-id: "x"\nversion: 1.0\nitems:\n  - id: T-1\n    title: X\n'
    )
    report = check_sources([draft, *sources(bundle())], ENOUGH)
    assert report.is_ok
    assert [one.kind for one in report.warnings] == [ProblemKind.DRAFT]
    assert [one.kind for one in check_sources([draft], ENOUGH).problems] == [ProblemKind.EMPTY]


def test_yaml_and_kebab_case_are_read_with_lines() -> None:
    text = (
        "- id: ws-y\n  openspec-change: OS-1\n  gate: 0\n  files-scope: [src/]\n  tasks:\n    - Do: it\n  tool: aider\n"
    )
    found = check_sources([Source(name="y.yaml", content=text.encode())], ENOUGH)
    assert [(one.line, one.pointer) for one in found.problems] == [(3, "/0/gate"), (6, "/0/tasks/0")]
    assert [(one.line, one.pointer) for one in found.warnings] == [(2, "/0/openspec-change"), (4, "/0/files-scope")]


def test_a_folder_is_read_in_order_and_not_its_folders(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(bundle("b")))
    (tmp_path / "a.yml").write_text(json.dumps(bundle()))
    (tmp_path / "notes.txt").write_text("{")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.json").write_text("{")
    assert [one.id for one in load(tmp_path).plan.workstreams] == ["ws-a", "ws-b"]
    assert [one.id for one in load(tmp_path / "b.json").plan.workstreams] == ["ws-b"]


def test_a_place_without_bundles_is_told_so(tmp_path: Path) -> None:
    assert [one.kind for one in check(tmp_path).problems] == [ProblemKind.EMPTY]
    assert "no such file" in check(tmp_path / "gone").problems[0].message
    os.mkfifo(tmp_path / "pipe.json")
    assert "neither a file nor a folder" in check(tmp_path).problems[0].message


@pytest.mark.parametrize("content", ["[]", "3", "null", '["x"]', "[[]]", '"x"'])
def test_a_file_without_a_bundle_object_is_refused(content: str) -> None:
    assert len(problems(content.encode())) == 1


ROTTEN = st.dictionaries(
    st.sampled_from(
        [*bundle(), "depends_on", "files-scope", "steps", "x-a", "metadata", "items", "bundle-id", "\udcff"[:0]]
    ),
    st.sampled_from(
        [None, 1, "ws-a", "ws-b", [], ["ws-a"], ["src/"], [None], {}, {"run": 1}, [{"run": "x"}], True, 1e5]
    ),
)


@given(st.lists(st.binary(max_size=80) | ROTTEN | st.lists(ROTTEN, max_size=3), max_size=4), st.booleans())
def test_loading_raises_nothing_but_its_own_errors(values: list[Any], strict: bool) -> None:
    named = [
        Source(name=f"{one.name}{suffix}", content=one.content) for one in sources(*values) for suffix in ("", ".yaml")
    ]
    if check_sources(named, BundleOptions(strict=strict)).is_ok:
        assert load_sources(named, BundleOptions(strict=strict)).plan.workstreams
    else:
        with pytest.raises(BundleValidationError) as caught:
            load_sources(named, BundleOptions(strict=strict))
        assert caught.value.problems


def test_the_published_schema_is_that_of_the_models() -> None:
    published = json.loads((ROOT / "schema" / "workstream.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
    jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.parametrize(
    ("fields", "is_sound"),
    [
        ({"gate": 1.0, "ccpm_issue": 2.0, "circuit_breaker": {"max_attempts": 3.0}}, True),
        ({"capability": "testing", "capability_payload": {"timeout_ms": 1000.0, "max_retries": 5.0}}, True),
        ({"gate": 1.5}, False),
        ({"gate": 0.0}, False),
        ({"gate": 2147483648.0}, False),
        ({"tool": None}, False),
        ({"tool": None, "capability": None}, False),
        ({"tool": None, "capability": "testing"}, True),
    ],
)
def test_the_schema_and_the_loader_agree(tmp_path: Path, fields: dict[str, object], is_sound: bool) -> None:
    written = bundle(**fields)
    (tmp_path / "a.json").write_text(json.dumps(written))
    found = {one.kind for one in check(tmp_path).problems}
    assert (ProblemKind.SCHEMA not in found) == is_sound
    assert jsonschema.Draft202012Validator(schema()).is_valid(written) == is_sound


def test_the_schema_takes_what_the_loader_takes() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    assert validator.is_valid(bundle())
    assert validator.is_valid([bundle(), bundle("b", tool=..., capability="linting")])
    for wrong in ({"tool": ...}, {"id": "x"}, {"gate": 0}, {"tasks": []}, {"files_scope": []}, {"steps": []}):
        assert not validator.is_valid(bundle(**wrong))


def test_template_and_examples_pass_the_validator_strictly() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    template = ROOT / "templates" / "workstream_template.json"
    for path in (template, ROOT / "examples" / "workstreams"):
        assert check(path, BundleOptions(strict=True)).problems == ()
    for file in (template, *sorted((ROOT / "examples" / "workstreams").glob("*.json"))):
        assert validator.is_valid(json.loads(file.read_text(encoding="utf-8")))
