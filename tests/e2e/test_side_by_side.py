"""Who may run beside whom, in whole runs with real git: priority, the longest chain, groups, overlap, alone, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from whole_runs import Ended, bundle, git, new_repository, whole_run

pytestmark = pytest.mark.slow

LIMITS = "[checks]\npresent = 'test -d good'\n"
STEPS = {"editing", "static_check", "fixing", "runtime_check"}
APART = [("ws-group-a", "ws-group-b"), ("ws-wide", "ws-narrow"), ("ws-base", "ws-top")]


def plain(name: str, *, seconds: float = 0.3, scope: str = "", writes: str = "", **more: object) -> dict[str, object]:
    """A workstream that takes a moment and writes one file."""
    path = writes or scope or f"src/{name}.txt"
    return bundle(name, [scope or path], [[{"sleep": seconds}, {"write": {"path": path, "content": name}}]], **more)


def ran(folder: Path, bundles: Sequence[Mapping[str, object]], executor: str) -> Ended:
    """A run whose limits stand in the file that the seed names."""
    settings = f'allow_overlap = ["ws-wide,ws-narrow"]\n{LIMITS}'
    files = {"good/x": "x", "penstock.toml": settings, "config/executor.yaml": f"{executor}min_free_gb: 0\n"}
    return whole_run(new_repository(folder / "project", files, bundles), folder / "home", "r1", max_parallel=None)


def begun_and_ended(ended: Ended) -> list[tuple[str, str]]:
    """Which workstream began or ended, in the order in which it was recorded."""
    words = {"workstream_start": "begin", "workstream_end": "end"}
    return [(words[one["event_type"]], one["ws_id"]) for one in ended.events if one["event_type"] in words]


def busiest(ended: Ended) -> int:
    """How many workstreams had a step under way at the busiest moment; waiting to be merged is none."""
    busy: set[str] = set()
    most = 0
    for one in ended.events:
        if one["event_type"] == "workstream_status_changed":
            (busy.add if one["payload"]["to"] in STEPS else busy.discard)(one["ws_id"])
            most = max(most, len(busy))
    return most


def together(ended: Ended) -> set[frozenset[str]]:
    """Which pairs were ever in flight at once."""
    in_flight: set[str] = set()
    found = set()
    for word, name in begun_and_ended(ended):
        (in_flight.add if word == "begin" else in_flight.discard)(name)
        found |= {frozenset(pair) for pair in combinations(in_flight, 2)}
    return found


def tree(ended: Ended) -> str:
    return git(ended.project, "rev-parse", "penstock/r1:src")


@pytest.fixture(scope="module")
def many() -> list[dict[str, object]]:
    """One of every kind, in no helpful order."""
    return [
        plain("ws-top", depends_on=["ws-base"]),
        plain("ws-last", priority="background"),
        plain("ws-group-b", conflict_group="one-at-a-time"),
        plain("ws-alone", parallel_ok=False),
        plain("ws-narrow", scope="src/both/x.txt"),
        plain("ws-base", seconds=1.0),
        plain("ws-group-a", conflict_group="one-at-a-time"),
        plain("ws-wide", scope="src/both/", writes="src/both/y.txt"),
    ]


def test_with_one_at_once_the_run_is_exactly_the_order_of_the_plan(
    tmp_path: Path, many: list[dict[str, object]]
) -> None:
    ended = ran(tmp_path, many, "max_parallel: 1\n")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    ranked = [one["ws_id"] for one in ended.run["workstreams"]]
    names = ["ws-alone", "ws-group-a", "ws-group-b", "ws-narrow", "ws-top", "ws-wide"]
    assert ranked == ["ws-base", *names, "ws-last"]
    assert begun_and_ended(ended) == [(word, name) for name in ranked for word in ("begin", "end")]
    merged = git(ended.project, "log", "--first-parent", "--reverse", "--format=%s", "main..penstock/r1")
    assert [line.split()[1].rstrip(":") for line in merged.splitlines()] == ranked


def test_side_by_side_run_only_those_that_may_and_the_result_is_the_same(
    tmp_path: Path, many: list[dict[str, object]]
) -> None:
    ended = ran(tmp_path / "many", many, "max_parallel: 4\n")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert 2 <= busiest(ended) <= 4
    pairs = together(ended)
    assert pairs & {frozenset(pair) for pair in APART} == set()
    assert not [pair for pair in pairs if "ws-alone" in pair]
    assert tree(ended) == tree(ran(tmp_path / "one", many, "max_parallel: 1\n"))


def test_nothing_is_set_and_three_run_at_once(tmp_path: Path) -> None:
    ended = ran(tmp_path, [plain(f"ws-{number}") for number in range(5)], "")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert busiest(ended) == 3
