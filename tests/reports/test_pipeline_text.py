"""One pipeline in words: every attempt at a phase is told, and a hundred that came to the same take one line."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.reports.pipelines import MOST_DETAILS, as_text, spoken

REFUSED = "mill would run commands that you have not agreed to:\n+ rm -rf /"


def _attempt(phase: str, number: int, outcome: str = "failed", sentence: str = "", in_round: int = 1) -> dict[str, Any]:
    return {
        "phase": phase,
        "number": number,
        "round": in_round,
        "outcome": outcome,
        "sentence": sentence,
        "model": "scripted/scripted-model",
        "started_at": "2026-11-29T08:00:00Z",
        "ended_at": "2026-11-29T08:00:04Z",
    }


def _shown(*attempts: dict[str, Any], sentence: str = "") -> list[str]:
    pipeline = {
        "pipeline_id": "pip_1",
        "epic_id": "EPIC-1",
        "description": "Add thrice",
        "status": "active",
        "state": "dev_phase",
        "sentence": sentence,
        "branch": "penstock/pip_1",
        "attempts": list(attempts),
        "artifacts": [],
    }
    return [" ".join(line.split()) for line in as_text(pipeline).splitlines()]


def test_attempts_that_came_to_the_same_share_a_line_and_the_others_do_not() -> None:
    refused = [_attempt("dev_phase", number, sentence=REFUSED) for number in range(2, 240)]
    shown = _shown(_attempt("pm_phase", 1, "passed"), _attempt("dev_phase", 1, sentence="no room"), *refused)
    model = "scripted/scripted-model 4 s"
    assert f"pm_phase passed {model}" in shown
    assert f"dev_phase failed: no room {model}" in shown
    assert [line for line in shown if line.startswith("dev_phase (")] == [
        f"dev_phase (2 to 239) failed: mill would run commands that you have not agreed to {model}"
    ]


def test_what_a_sentence_leads_to_stands_on_lines_of_its_own() -> None:
    shown = _shown(_attempt("dev_phase", 1, sentence=REFUSED), sentence=f"{REFUSED}\n- true\n" + "\n" * 9 + "x\n" * 50)
    assert shown[3] == "why mill would run commands that you have not agreed to"
    after = shown.index("+ rm -rf /")
    assert shown[after - 1] == ""
    assert shown[after + 1] == "- true"
    assert shown[after + MOST_DETAILS - 1] == "… and 13 more lines"
    assert shown[after + MOST_DETAILS] == ""


@pytest.mark.parametrize("kind", ["phase_failed", "pipeline_failed"])
def test_progress_says_what_is_said_first(kind: str) -> None:
    words = spoken(kind, {"phase": "dev_phase", "sentence": REFUSED})
    assert words is not None
    assert words.result == "mill would run commands that you have not agreed to"


def test_rounds_of_a_phase_stay_apart() -> None:
    shown = _shown(*(_attempt("dev_phase", 1, "passed", in_round=number) for number in (1, 2)))
    assert len([line for line in shown if line.startswith("dev_phase passed")]) == 2
