"""A call's place is the same when the run is played again."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.usage import Caller
from penstock.gateway.recordings.call_keys import CallKey, CallKind, CallOrder, name_of


def order(attempt: str = "edit-1", phase: str = "edit", workstream: str = "api") -> CallOrder:
    return CallOrder(Caller(project="p", run="r", workstream=workstream, phase=phase, attempt=attempt))


def test_calls_with_and_without_tools_are_counted_apart() -> None:
    calls = order()
    keys = [calls.next(offers_tools=tools) for tools in (False, True, True, False)]
    assert [(key.kind, key.ordinal) for key in keys] == [
        (CallKind.PLAIN, 1), (CallKind.WITH_TOOLS, 1), (CallKind.WITH_TOOLS, 2), (CallKind.PLAIN, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attempt", "same", "repetition"),
    [
        ("edit-1", "edit-1", 0),
        ("edit-1.2", "edit-1", 2),
        ("2.fix-3", "2.fix-3", 0),
        ("2.fix-3.1", "2.fix-3", 1),
        ("", "", 0),
    ],
)
def test_repetitions_of_an_attempt_have_one_place(attempt: str, same: str, repetition: int) -> None:
    key = order(attempt).next(offers_tools=True)
    assert (key.attempt, key.repetition) == (same, repetition)


def test_a_stay_that_goes_on_counts_on() -> None:
    order = CallOrder(Caller(project="p", pipeline="pip_1", phase="pm_phase", attempt="1-1"), before=2)
    assert [order.next(offers_tools=False).ordinal for _ in range(2)] == [3, 4]


def test_a_phase_of_a_pipeline_has_a_place_without_a_workstream() -> None:
    key = order("1", phase="architect", workstream="").next(offers_tools=False)
    assert key.file == PurePosixPath("=/architect/1/0000/plain-000001.json")
    assert key.words == "architect, attempt 1, call 1 without tools"


@given(st.text(max_size=150), st.text(max_size=150))
def test_every_name_is_one_harmless_folder_and_different_ones_differ(one: str, other: str) -> None:
    name = name_of(one)
    assert name
    assert name not in {".", ".."}
    assert not set(name) & set("/\\\0.")
    assert len(name.encode()) <= 100
    surrogates = [text for text in (one, other) if not text.isascii() and "\ud800" <= max(text) <= "\udfff"]
    assert surrogates or (name == name_of(other)) == (one == other)


def test_a_key_leads_to_nowhere_else() -> None:
    key = CallKey(workstream="../..", phase="/etc", attempt="..", kind=CallKind.PLAIN, ordinal=1)
    assert ".." not in key.file.parts
    assert not key.file.is_absolute()
