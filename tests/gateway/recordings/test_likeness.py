"""Two requests are alike if they differ only in what differs from run to run anyhow."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.recordings.likeness import Comparison, difference, normalised, tool_outputs

ALIKE = [
    ("took 1.2s", "took 950 ms"),
    ("3 failed, 1,204 passed", "5 failed, 1,207 passed"),
    ("at 2026-11-28T10:00:00.123Z", "at 2027-01-02 03:04:05+01:00"),
    ("Today is Saturday, November 28, 2026.", "Today is Jan 3 2027."),
    ("on 28 Nov 2026", "on Mon, 3 May 2027"),
    ("at 10:21 PM", "at 09:00:01"),
    ("commit 9f6bf3d", "commit 134da80abc"),
    ("commit 9f6bf3d", "commit 1234567"),
    ("Chunk ID: 590c48", "Chunk ID: abcdef"),
    ("run 01J9Z8Y7X6W5V4T3S2R1Q0", "run 01J9Z8Y7X6W5V4T3S2R1Q9"),
    ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-0000-0000-000000000000"),
    ('<data-0123456789abcdef of="plan">', '<data-fedcba9876543210 of="plan">'),
    ("a\n\n  b\t", "a b"),
    ("0x7f3b2c1d9e40", "0x7f0000000010"),
]
DIFFERENT = [
    ("fix the bug", "fix the bugs"),
    ("deface the facade", "decade the facade"),
    ("May I?", "Must I?"),
    ("the id: x of one", "the id: x of two"),
    ("module_a is red", "module_b is red"),
    ("{{worktree}}/a.py", "{{worktree}}/b.py"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_numbers_ids_dates_durations_and_blanks_make_no_difference(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_words_do(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(st.text(max_size=60))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    "text",
    [
        "a1" * 100_000,
        "1." * 100_000,
        "1:" * 100_000,
        "2026-11-" * 25_000,
        "abcdef" * 30_000,
        "Mon, " * 40_000,
        "1 " * 99_999,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    normalised(text)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": "one"}, {"role": "tool", "content": "two"}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "content": "one"}, {"type": "text", "text": "no"}],
                },
                {"role": "user", "content": [{"type": "mcp_tool_result", "content": "two"}]},
            ]
        },
        {
            "input": [
                {"type": "function_call_output", "output": "one"},
                {"role": "user", "content": "no"},
                {"type": "custom_tool_call_output", "output": "two"},
            ]
        },
    ],
)
def test_outputs_of_tools_are_found_in_every_protocol(request_: dict[str, Any]) -> None:
    assert list(tool_outputs(request_)) == ["one", "two"]


def test_an_output_of_no_known_shape_or_beyond_reason_breaks_nothing() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    contents = [None, 3, [{"type": "text", "text": "x"}], {"a": 1}, deep]
    request = {"messages": [{"role": "tool", "content": content} for content in contents], "input": "text"}
    assert len(list(tool_outputs(request))) == len(contents)


def test_outputs_are_compared_after_cleaning() -> None:
    def seen(worktree: str, output: str) -> str:
        request = {"model": "m", "messages": [{"role": "tool", "content": f"{worktree}/a.py {output}"}]}
        clean = Comparison(lambda text: text.replace(worktree, "{{worktree}}"))
        return clean.likeness("openai_chat", request).tool_outputs

    assert seen("/one", "ok in 0.3s") == seen("/two", "ok in 12 ms")
    assert seen("/one", "ok") != seen("/one", "red")


def test_tools_that_run_together_may_end_in_any_order() -> None:
    def seen(*outputs: str) -> str:
        request = {"model": "m", "messages": [{"role": "tool", "content": output} for output in outputs]}
        return Comparison(str).likeness("openai_chat", request).tool_outputs

    assert seen("one", "two") == seen("two", "one")
    assert seen("one", "one", "two") != seen("one", "two", "two")


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_difference_can_be_told_of_any_two_texts(one: str, other: str) -> None:
    assert difference(one, other).startswith("recorded was “")


def test_a_difference_shows_where_it_begins() -> None:
    same = "word " * 100
    said = difference(f"{same}apples and more", f"{same}pears and more")
    assert "apples" in said
    assert "pears" in said
    assert len(said) < 250
