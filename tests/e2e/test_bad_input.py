"""Bad bundles: file, line and remedy of each problem, all at once; exit code 2, nothing changed, no run stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from bad_input_support import GOOD, UNCHECKED, Bench
from two_process_support import bundle, writes

pytestmark = pytest.mark.slow


def good(name: str = "ws-a", **more: object) -> dict[str, object]:
    """A good bundle, but for what is said otherwise."""
    return bundle(name, [writes(name)], **more)


def without(*names: str) -> dict[str, object]:
    """A good bundle that lacks something."""
    return {name: value for name, value in GOOD.items() if name not in names}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files of bundles, and what is said of them."""

    name: str
    files: Mapping[str, object]
    words: tuple[str, ...]
    arguments: tuple[str, ...] = ()


CASES = (
    Case(name="not JSON", files={"a.json": '{"id": "ws-a",\n oops'}, words=("a.json:2: a key in double quotes",)),
    Case(name="an empty file", files={"a.json": ""}, words=("a.json:1: a value should stand here, found the end",)),
    Case(name="no text", files={"a.json": "\0\1"}, words=("a.json:1: a value should stand here",)),
    Case(
        name="wrong types",
        files={"a.json": good(gate="one", tasks="x", parallel_ok="yes")},
        words=(
            'a.json:4: ws-a: `gate` can\'t be "one" (`gate` must be a whole number from 1)',
            "`tasks` must be a list of at least one sentence",
            "`parallel_ok` must be true or false",
            "the plan has 3 problems",
        ),
    ),
    Case(
        name="unknown keys",
        files={"a.json": good(depend_on=[], steps=[])},
        words=("`depend_on` is no key of a bundle (did you mean `depends_on`?)", "write them as `tasks`"),
    ),
    Case(
        name="required keys missing",
        files={"a.json": without("openspec_change", "gate", "tool")},
        words=("`openspec_change` is missing", "`gate` is missing", "`tool` is missing (name an agent"),
    ),
    Case(name="a bad id", files={"a.json": good(id="WS A")}, words=('a.json:2: WS A: `id` can\'t be "WS A"',)),
    Case(
        name="one id in two files",
        files={"a.json": GOOD, "b.json": GOOD},
        words=("b.json:2: ws-a: the id is also that of", "a.json:2", "give one of them another id"),
    ),
    Case(
        name="a dependency that is not there",
        files={"a.json": good(depends_on=["ws-aa"])},
        words=("ws-a -> ws-aa", "did you mean `ws-a`?"),
    ),
    Case(
        name="a cycle",
        files={"a.json": good(depends_on=["ws-b"]), "b.json": good("ws-b", depends_on=["ws-a"])},
        words=("ws-a -> ws-b -> ws-a", "take one dependency out"),
    ),
    Case(
        name="scopes that overlap",
        files={"a.json": GOOD, "b.json": good("ws-b", files_scope=["src/"])},
        words=("b.json:6: ws-b: `src/` meets `src/ws-a.txt` of ws-a", "order them with depends_on"),
    ),
    Case(
        name="a scope that leaves the project",
        files={"a.json": good(files_scope=["../x", "/etc/passwd", "a/../../b"])},
        words=('a.json:6: ws-a: the path "../x" climbs', 'a.json:7: ws-a: the path "/etc/passwd" is absolute', ":8:"),
    ),
    Case(name="no task", files={"a.json": good(tasks=[])}, words=("`tasks` can't be []",)),
    Case(name="a blank task", files={"a.json": good(tasks=["  "])}, words=("`tasks.0` can't be",)),
    Case(
        name="an unknown agent",
        files={"a.json": good(tool="nobody")},
        words=('there is no agent "nobody"; agents are: aider, claude', "[agents.nobody]", "a.json:"),
    ),
    Case(
        name="a script that can't be played",
        files={"a.json": good(metadata={"scripted": [[{"wrote": {}}]]})},
        words=("a.json:", 'turn 1, action 1: unknown action "wrote"; did you mean "write"?'),
    ),
    Case(name="no script", files={"a.json": good(metadata={})}, words=("can't be played: there is none", "a.json:")),
    Case(name="an empty folder", files={}, words=("workstreams: no bundle file here", "name another folder")),
    Case(
        name="a folder that is not there",
        files={"a.json": GOOD},
        arguments=("--plan", "nowhere"),
        words=("nowhere: there is no such file or folder", "say with --plan where they are"),
    ),
    Case(
        name="a YAML bomb",
        files={"a.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"},
        words=("a.yaml:1: anchors and aliases are not read; write the value out",),
    ),
    Case(name="JSON without a floor", files={"a.json": "[" * 100_000}, words=("nested deeper than",)),
    Case(name="YAML without a floor", files={"a.yaml": "[" * 100_000}, words=("nested deeper than",)),
    Case(
        name="no bundles at all",
        files={"a.json": [1, "x", None]},
        words=("a.json:2: a bundle must be an object, found 1", "a.json:4:"),
    ),
    Case(
        name="problems of every kind at once",
        files={
            "a.json": "{oops",
            "b.json": good("ws-b", tasks=[], colour=1),
            "c.json": good("ws-c", tool="nobody", depends_on=["ws-zz"]),
        },
        words=("5 problems", "a.json:1:", "b.json:8:", "`colour` is no key", '"nobody"', "ws-c -> ws-zz"),
    ),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bad_bundle_is_refused_with_its_file_line_and_remedy(case: Case, bench: Bench) -> None:
    bench.write(case.files)
    said = bench.refused("run", *case.arguments)
    for words in case.words:
        assert words in said


def test_what_a_run_refuses_plan_check_names_too(bench: Bench) -> None:
    bench.write(CASES[-1].files)
    said = bench.said("plan", "check", "--json")
    problems = json.loads(said.out)["errors"]
    assert (said.code, said.err) == (2, "")
    assert {one["type"] for one in problems} == {"syntax", "schema", "unknown_key", "agent", "dependency"}
    assert all(one["line"] and one["file"].endswith(".json") for one in problems)


def test_what_is_tolerated_is_refused_when_asked_to_be_strict(bench: Bench) -> None:
    bench.write({"a.json": "// a remark\n" + json.dumps({**without("files_scope"), "files-scope": ["src/ws-a.txt"]})})
    lax, strict = bench.said("plan", "check"), bench.said("plan", "check", "--strict")
    assert (lax.code, strict.code) == (0, 2)
    for words in ("a.json:1: JSON has no comments", "`files-scope` is an old spelling (write `files_scope`)"):
        assert words in lax.out
        assert words in strict.out


def test_nothing_that_would_be_checked_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, good(acceptance_tests=[]), settings=UNCHECKED)
    said = bench.refused("run")
    assert "nothing would be checked" in said
    assert "allow_unchecked = true" in said


def test_a_project_that_is_not_trusted_runs_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    canary = tmp_path / "canary"
    bench.settle(f'[checks]\nw = "touch {canary}"\n')
    said = bench.refused("run")
    assert f"touch {canary}" in said
    assert "penstock trust" in said
    for command in (
        ["run", "--dry-run"],
        ["plan", "check"],
        ["doctor"],
        ["config", "show"],
        ["trust", "--show"],
        ["show-run"],
    ):
        bench.said(*command)
    assert not canary.exists()
