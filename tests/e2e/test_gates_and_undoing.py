"""Test gates, compensation and tests that say less, through the command line, with real git, checks and processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bad_input_support import Bench
from two_process_support import bundle

pytestmark = pytest.mark.slow

SETTINGS = """
[checks]
words = "! grep -rq BROKEN src"
[checks.unit]
tests = "test -f src/ws-a.txt"
whole = {command = "! grep -q half src/ws-a.txt", timeout = 20}
[checks.security]
scan = "! grep -q risky src/ws-a.txt"
[checks.lint]
[executor]
min_free_gb = 0.0
"""
UNIT, SHOWN = {"type": "GATE_UNIT"}, {"type": "GATE_SECURITY", "blocking": False}


def write(content: str, path: str = "src/ws-a.txt") -> list[object]:
    return [{"write": {"path": path, "content": content}}]


def test_a_gate_sends_to_fix_and_what_does_not_block_is_told_and_not_counted(tmp_path: Path) -> None:
    gated = bundle("ws-a", [write("half risky\n"), write("all risky\n")], test_gates=[UNIT, SHOWN])
    bench = Bench(tmp_path, gated, settings=SETTINGS)
    said = bench.said("run", "--run-id", "r1")
    assert said.code == 0, said
    assert "! grep -q half src/ws-a.txt: exit code 1" in said.out
    assert "red, and not blocking: GATE_SECURITY: ! grep -q risky src/ws-a.txt" in said.out
    assert "test gates: GATE_UNIT, GATE_SECURITY" in bench.said("show-run", "r1").out
    events = [json.loads(line) for line in bench.said("show-events", "r1", "--json").out.splitlines()]
    (given,) = [event["payload"]["verdict"] for event in events if event["event_type"] == "verdict_given"]
    assert given["not_blocking"] == ["! grep -q risky src/ws-a.txt"]
    assert "test -f src/ws-a.txt" in given["checks"]
    assert given["not_blocking"][0] not in given["checks"]


def test_the_gates_of_a_plan_are_checked_and_shown_before_anything_runs(tmp_path: Path) -> None:
    gated = bundle("ws-a", [write("x\n")], test_gates=[UNIT, SHOWN], compensation_actions=["`rm -f x`", "Tell them."])
    bench = Bench(tmp_path, gated, settings=SETTINGS)
    for command in (["plan", "check"], ["plan", "show"], ["run", "--dry-run"]):
        out = bench.said(*command).out
        assert "GATE_SECURITY (not blocking)" in out
        assert "command, run if it fails for good" in out
        assert "prose, shown if it fails for good" in out
    assert "check unit.whole" in bench.said("run", "--dry-run").out
    assert json.loads(bench.said("run", "--dry-run", "--json").out)["workstreams"][0]["test_gates"] == [
        {"type": "GATE_UNIT", "required": True, "blocking": True},
        {"type": "GATE_SECURITY", "required": True, "blocking": False},
    ]
    bench.write({"a.json": {**gated, "test_gates": [{"type": "GATE_LINT"}, {"type": "GATE_INTEGRATION"}]}})
    checked = bench.said("plan", "check")
    assert checked.code == 2
    assert "a.json:" in checked.out
    assert (
        "`GATE_LINT` names the check group `lint`, which is empty; check groups there are: lint, security, unit"
        in checked.out
    )
    assert "below `[checks.integration]` in penstock.toml" in checked.out
    assert "which the settings do not have" in bench.refused("run")


def test_what_failed_for_good_is_undone_in_its_folder_without_secrets_and_the_reset_comes_after(tmp_path: Path) -> None:
    undoing = [
        "`cat src/ws-a.txt; echo key=$MY_API_KEY; echo second >> undone.txt`",
        "Tell the others.",
        "`echo first >> undone.txt; exit 5`",
    ]
    failing = bundle("ws-a", [write("BROKEN\n")] * 6, compensation_actions=undoing, circuit_breaker={"max_attempts": 1})
    bench = Bench(tmp_path, failing, settings=SETTINGS)
    said = bench.said("run", "--run-id", "r1", MY_API_KEY="sk-nothing-of-yours")
    assert said.code == 1, said
    first, second = said.out.index("echo first"), said.out.index("cat src/ws-a.txt")
    assert first < second
    assert "echo first >> undone.txt; exit 5: exit code 5" in said.out
    assert "for you to do: Tell the others." in said.out
    assert "for you to undo: Tell the others." in bench.said("show-run", "r1").out
    events = [json.loads(line) for line in bench.said("show-events", "r1", "--json").out.splitlines()]
    outputs = [event["payload"]["output"] for event in events if event["event_type"] == "compensated"]
    assert outputs == ["", "BROKEN\nkey="]
    (kept,) = list(bench.home.glob("projects/*/.worktrees/r1/ws-a/undone.txt"))
    assert kept.read_text() == "first\nsecond\n"
    bench.said("reset-workstream", "r1", "ws-a")
    again = bench.said("resume", "r1")
    assert again.code == 1, again
    assert kept.read_text() == "first\nsecond\n", "the folder was made anew, and what it held is in a snapshot"


def test_tests_that_say_less_are_told_to_whoever_approves(tmp_path: Path) -> None:
    before = "def test_one():\n    assert 1\n    assert 2\n\ndef test_two():\n    assert 3\n"
    after = "import pytest\n\n@pytest.mark.skip\ndef test_one():\n    assert 1\n"
    edited = bundle(
        "ws-a", [[*write("x\n"), *write(after, "tests/test_it.py")]], files_scope=["src/ws-a.txt", "tests/"]
    )
    bench = Bench(tmp_path, edited, settings='approvals = ["review"]\n' + SETTINGS)
    (bench.project / "tests").mkdir()
    (bench.project / "tests/test_it.py").write_text(before)
    bench.git("add", "--all")
    bench.git("commit", "--quiet", "--message=tests")
    said = bench.said("run", "--run-id", "r1")
    assert said.code == 4, said
    assert "say less than before: tests/test_it.py: test test_two removed" in said.out
    shown = bench.said("show-run", "r1")
    for words in ("test test_two removed", "more is skipped (0 before, 1 now)", "fewer assertions (3 before, 1 now)"):
        assert f"tests say less than before: tests/test_it.py: {words}" in shown.out
    (row,) = json.loads(bench.said("show-run", "r1", "--json").out)["workstreams"]
    assert len(row["weakened_tests"]) == 3
