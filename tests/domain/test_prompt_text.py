"""A prompt as one text and back, and what can be none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.phases import RolePrompt
from penstock.domain.prompt_text import PARTS, PromptRefused, PromptText, as_text, difference, from_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def prompt(version: str = "1.0", **parts: object) -> RolePrompt:
    return RolePrompt(id="rp_1", role="pm", version=version, created_at=NOW, updated_at=NOW, **parts)  # type: ignore[arg-type]


LINES = st.lists(st.text('aZ 9é=#{}<\t"→', max_size=12), min_size=1, max_size=5)
TEXTS = LINES.map(lambda lines: "\n".join(lines).strip("\n"))
SCHEMAS = st.none() | st.dictionaries(st.text(max_size=5), st.integers() | st.booleans() | st.none(), max_size=3)


@given(starting=TEXTS, boot=TEXTS, instructions=TEXTS.filter(str.strip), schema=SCHEMAS)
def test_a_prompt_comes_back_as_it_was(starting: str, boot: str, instructions: str, schema: object) -> None:
    try:
        before = PromptText(
            starting_prompt=starting, bootstrapper=boot, instructions=instructions, working_schema=schema
        )  # type: ignore[arg-type]
    except PromptRefused:
        return
    assert from_text(as_text(prompt(**{name: getattr(before, name) for name in PARTS}))) == before


def test_a_text_without_marks_is_the_instructions_alone() -> None:
    assert from_text("\nSay it.\r\nBriefly.\n") == PromptText(instructions="Say it.\nBriefly.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the prompt is empty"),
        ("=== instructions ===\n \n", "the prompt is empty"),
        ("x" * 70_000, "70,00"),
        ("x" * 200_000, "200,000"),
        ("x\n" * 3000 + "x", "lines"),
        ("=== nonsense ===\nx", "is no part of a prompt"),
        ("=== instructions ===\nx\n=== instructions ===\ny", "stands twice"),
        ("=== instructions ===\nx\n=== working_schema ===\n{", "is no JSON"),
        ("=== instructions ===\nx\n=== working_schema ===\n[1]", "must be a JSON object"),
        (f"=== instructions ===\nx\n=== working_schema ===\n{'[' * 20_000}", "nested too deep"),
        ("a \x1b[31m word", "control character U+001B"),
        ("a \x00 word", "control character U+0000"),
    ],
)
def test_what_can_be_no_prompt_is_refused(text: str, said: str) -> None:
    with pytest.raises(PromptRefused) as caught:
        from_text(text)
    assert said in caught.value.sentence


def test_a_part_may_not_hold_a_mark() -> None:
    with pytest.raises(PromptRefused, match="begins a part"):
        PromptText(instructions="one\n=== bootstrapper ===\ntwo")


def test_a_difference_names_the_versions_and_the_lines() -> None:
    told = list(difference(prompt(instructions="one\ntwo"), prompt("2.0", instructions="one\nthree")))
    assert told[:2] == ["--- pm 1.0", "+++ pm 2.0"]
    assert {"-two", "+three", " one"} <= {*told}
    assert list(difference(prompt(instructions="one"), prompt("2.0", instructions="one"))) == []
