"""What is read of foreign output: any text may come, and none of it is an error of ours."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs_support import SAMPLES

from penstock.adapters.agents.aider import Aider
from penstock.adapters.agents.claude import Claude
from penstock.adapters.agents.codex import Codex
from penstock.adapters.agents.opencode import Opencode
from penstock.adapters.agents.program import Program
from penstock.adapters.agents.verdicts import (
    LONGEST_SENTENCE,
    Said,
    at,
    by_exit_code,
    clipped,
    count_at,
    in_line,
    joined,
    lines_of,
    money_at,
    tokens_claimed,
)

PROGRAMS: tuple[Program, ...] = (Aider(), Claude(), Codex(), Opencode())
WORDS = ("type", "result", "part", "error", "item", "message", "content", "usage", "tokens", "turn.completed", "text")
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner),
    max_leaves=12,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@settings(max_examples=30)
@given(events=st.lists(SHAPES, max_size=5), noise=st.text())
def test_no_output_whatever_its_shape_breaks_the_reading(program: Program, events: list[object], noise: str) -> None:
    stdout = "\n".join([*(json.dumps(event) for event in events), noise])
    verdict = program.judge(Said(stdout=stdout, stderr=noise, exit_code=0))
    assert "\n" not in verdict.fault
    assert len(verdict.fault) < LONGEST_SENTENCE + 200


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@pytest.mark.parametrize(
    "said", [Said(exit_code=0), Said(stdout="All done!\n", exit_code=0), Said(stderr="x", exit_code=1)]
)
def test_who_shows_no_proof_has_failed_whatever_the_exit_code(program: Program, said: Said) -> None:
    assert f"(exit code {said.exit_code})" in program.judge(said).fault


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_lines_of_other_kinds_and_events_that_nobody_knows_change_no_verdict(program: Program) -> None:
    done = (SAMPLES / f"{program.name}_done.txt").read_text(encoding="utf-8")
    noise = 'warning: {not json\n{"type":"of a later version","part":7}\n[1]\n"text"\n\n'
    assert program.judge(Said(stdout=noise + done, exit_code=0)).fault == ""
    assert "warning: {not json" in program.judge(Said(stdout=noise + done, exit_code=0)).text


def test_lines_are_told_apart_and_kept() -> None:
    lines = lines_of('{"a": 1}\nplain\n\n[1]\n{"broken"\n' + '{"a":' * 100_000 + "\n")
    assert lines.events == ({"a": 1},)
    assert lines.others[:3] == ("plain", "[1]", '{"broken"')
    assert len(lines.others) == 4


def test_what_does_not_lie_where_it_should_is_nothing() -> None:
    assert at({"a": {"b": 1}}, "a", "b") == 1
    assert at({"a": [1]}, "a", "b") is at(None, "a") is at({}, "a") is None


def test_sentences_stand_on_one_line_and_long_ones_are_cut_at_their_end() -> None:
    assert in_line("a\n  b") == "a b"
    assert len(clipped("x" * 10_000)) == LONGEST_SENTENCE
    assert joined(["first\n", "", "last\n"]) == "first\nlast"


def test_what_an_agent_says_it_used_is_told_as_it_says_it() -> None:
    assert tokens_claimed(0, 0, 1.0) == ""
    assert tokens_claimed(10, 2) == "10 tokens in, 2 out"
    assert tokens_claimed(10, 2, 0.5) == "10 tokens in, 2 out, $0.5000"


@pytest.mark.parametrize("nonsense", ["7", None, True, -1, 10**400, float("inf"), float("nan"), [7]])
def test_a_count_that_can_be_none_counts_as_nothing(nonsense: object) -> None:
    assert (count_at({"a": nonsense}, "a"), money_at({"a": nonsense}, "a")) == (0, 0.0)
    assert (count_at({"a": 7}, "a"), money_at({"a": 0.5}, "a")) == (7, 0.5)


def test_of_a_program_that_nobody_knows_the_exit_code_is_all_there_is() -> None:
    judge = by_exit_code((0, 3))
    assert judge(Said(stdout="x", exit_code=3)).fault == ""
    assert judge(Said(stdout="x", exit_code=3)).text == "x"
    assert judge(Said(exit_code=1)).fault == "ended with exit code 1"
