"""Whole runs with real git in which what passes alone does not pass together, or was red before."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_runs import bundle, git, new_repository, whole_run

pytestmark = pytest.mark.slow


def on_branch(project: Path, run: str, path: str) -> str:
    """A file of the integration branch, as the user's repository has it."""
    return git(project, "show", f"penstock/{run}:{path}")


def test_two_that_break_each_others_acceptance_when_merged_are_both_merged_after_a_fix(tmp_path: Path) -> None:
    one_word = ["`test $(cat words/*.txt | wc -l) -le 1`"]
    first = bundle(
        "ws-a", ["words/a.txt"], [[{"write": {"path": "words/a.txt", "content": "a\n"}}]], acceptance_tests=one_word
    )
    second = bundle(
        "ws-b",
        ["words/b.txt"],
        [
            [{"sleep": 1.5}, {"write": {"path": "words/b.txt", "content": "b\n"}}],
            [{"write": {"path": "words/b.txt", "content": ""}}],
        ],
        acceptance_tests=["test -f words/b.txt"],
    )
    project = new_repository(tmp_path / "project", {"good/x": "x\n"}, [first, second])
    ended = whole_run(project, tmp_path / "home", "together")
    assert ended.run["status"] == "completed", ended.run["sentence"]
    assert ended.workstream("ws-b")["attempts"]["fix"] == 1
    assert on_branch(project, "together", "words/a.txt") == "a"
    assert on_branch(project, "together", "words/b.txt") == ""
    refused = [one for one in ended.events if one["event_type"] == "merge_refused"]
    assert len(refused) == 1
    assert "words" in refused[0]["payload"]["findings"][0]["text"]


def test_a_check_that_was_red_before_passes_with_known_failures_and_a_new_failure_does_not(tmp_path: Path) -> None:
    check = 'cat failures/*.txt; test -z "$(cat failures/*.txt)"'
    settings = f"[checks]\nsuite = '{check}'\n[executor]\nmin_free_gb = 0.0\n"
    harmless = bundle(
        "ws-good",
        ["src/good.txt"],
        [[{"write": {"path": "src/good.txt", "content": "x\n"}}]],
        acceptance_tests=["test -f src/good.txt"],
    )
    harmful = bundle(
        "ws-bad",
        ["failures/new.txt"],
        [[{"write": {"path": "failures/new.txt", "content": "FAILED new::test - worse\n"}}]],
        acceptance_tests=["test -f failures/new.txt"],
    )
    project = new_repository(
        tmp_path / "project",
        {"failures/old.txt": "FAILED old::test - as ever\n", "penstock.toml": settings},
        [harmless, harmful],
    )
    ended = whole_run(project, tmp_path / "home", "known")
    assert ended.workstream("ws-good")["outcome"] == "merged"
    assert ended.workstream("ws-bad")["status"] == "failed"
    assert ended.run["reason"] == "checks_failed"
    verdicts = [one["payload"]["verdict"] for one in ended.events if one["event_type"] == "verdict_given"]
    assert [verdict["known_failures"] for verdict in verdicts] == [[check]]
