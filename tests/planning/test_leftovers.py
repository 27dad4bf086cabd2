"""A run that did not complete, told to who makes a new plan."""

from __future__ import annotations

from typing import Any

from plan_samples import ANALYSIS, ARCHITECTURE, RULES

from penstock.planning.bounds import characters_of
from penstock.planning.leftovers import done_of, replan_sections
from penstock.planning.plans import plan_of

DOCUMENTS = plan_of(ANALYSIS, ARCHITECTURE, RULES).documents
RUN: dict[str, Any] = {
    "run_id": "pip_1-r1",
    "status": "partial",
    "sentence": "1 of 2 workstreams are done",
    "workstreams": [
        {"ws_id": "ws-counter", "title": "The counter", "status": "done"},
        {
            "ws_id": "ws-route",
            "title": "The route",
            "status": "failed",
            "reason": "checks_failed",
            "sentence": "the same error came 3 times",
        },
    ],
}
ERRORS: list[dict[str, Any]] = [
    {
        "ws_id": "ws-route",
        "step": "runtime",
        "error_code": "acceptance_failed",
        "count": 3,
        "message": "E   assert 404 == 200\nE   more",
    },
    {"ws_id": "ws-counter", "step": "static", "error_code": "check_failed", "count": 1, "message": "long mended"},
]


def sections(run: dict[str, Any] = RUN, errors: list[dict[str, Any]] = ERRORS, *, tokens: int = 3000) -> dict[str, str]:
    return dict(replan_sections(run, errors, DOCUMENTS, max_tokens=tokens))


def test_what_is_done_and_what_is_left_are_told_apart() -> None:
    found = sections()
    assert list(found) == ["A New Plan", "Work That Is Done", "Work That Is Left", "What Went Wrong"]
    assert "ws-counter (done): The counter; may change: src/app/counter.py" in found["Work That Is Done"]
    assert "ws-route (failed)" in found["Work That Is Left"]
    assert "waits for: ws-counter" in found["Work That Is Left"]
    assert "partial: 1 of 2 workstreams are done" in found["A New Plan"]
    assert "no new workstream may repeat it" in found["A New Plan"]
    assert done_of(RUN) == ("ws-counter",)


def test_what_went_wrong_is_told_of_what_is_left_only() -> None:
    wrong = sections()["What Went Wrong"]
    assert "ws-route: checks_failed: the same error came 3 times" in wrong
    assert "ws-route, runtime acceptance_failed (3 times): E   assert 404 == 200\n  E   more" in wrong
    assert "long mended" not in wrong


def test_it_stays_within_its_tokens_and_says_what_was_cut() -> None:
    errors = [{**ERRORS[0], "message": "\n".join(f"line {number}" for number in range(5000))} for _ in range(50)]
    rows = [{**RUN["workstreams"][1], "ws_id": f"ws-{number}", "sentence": "word " * 300} for number in range(400)]
    found = sections({**RUN, "workstreams": [*RUN["workstreams"], *rows]}, errors, tokens=2000)
    assert sum(len(title) + len(text) for title, text in found.items()) <= characters_of(2000)
    assert "are left out here" in found["What Went Wrong"]
    assert "are left out here" in found["Work That Is Left"]


def test_a_run_of_which_nothing_is_known_is_told_without_parts() -> None:
    assert list(sections({"status": "failed", "workstreams": None}, [])) == ["A New Plan"]
