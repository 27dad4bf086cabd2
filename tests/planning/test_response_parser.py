"""The older system's parser: three strategies, and a result whatever comes."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.planning.response_parser import (
    DirectParseStrategy,
    FuzzyBoundaryStrategy,
    LLMResponseParser,
    MarkdownFenceStrategy,
)

VALUE = {"a": {"b": [1, 2]}, "c": "```\nx\n```"}
TEXT = json.dumps(VALUE)


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        (TEXT, DirectParseStrategy),
        (f"Here is the result:\n{TEXT}", DirectParseStrategy),
        (f"```\n{TEXT}\n```", MarkdownFenceStrategy),
        (f"So:\r\n```JSON\r\n{TEXT}\r\n```\r\n", MarkdownFenceStrategy),
        (f"```\n{{}}\n```\n```json\n{TEXT}\n```", MarkdownFenceStrategy),
        (f"It is {TEXT}, I think {{so}}.", FuzzyBoundaryStrategy),
    ],
)
def test_the_first_strategy_that_finds_json_is_named(text: str, strategy: type[DirectParseStrategy]) -> None:
    found = LLMResponseParser().parse(text)
    assert (found.success, found.data, found.strategy_used) == (True, VALUE, strategy.name)
    assert found.error_messages == ()


def test_an_array_is_json() -> None:
    assert LLMResponseParser().parse('[{"a": 1}]').data == [{"a": 1}]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "Empty response text"),
        (" \n", "Empty response text"),
        (None, "Empty response text"),
        (17, "Invalid input: expected string"),
        ({"a": 1}, "Invalid input: expected string"),
        ("there is none", "All strategies failed: 'there is none'"),
        ("in {braces} there is none", "All strategies failed"),
        (TEXT[:-3], "All strategies failed"),
        ('{"a": NaN}', "All strategies failed"),
        ("x" * (5 << 20), "All strategies failed"),
    ],
)
def test_what_holds_none_is_told_and_never_raised(given: object, words: str) -> None:
    found = LLMResponseParser().parse(given)
    assert not found.success
    assert (found.data, found.strategy_used) == (None, None)
    assert found.error_messages[0].startswith(words)
    assert len(found.error_messages[0]) < 200


def test_strategies_may_be_chosen() -> None:
    assert not LLMResponseParser([DirectParseStrategy()]).parse(f"so {TEXT}").success


@given(st.text(max_size=200))
def test_any_text_has_a_result(text: str) -> None:
    found = LLMResponseParser().parse(text)
    assert found.success is (not found.error_messages)


def test_ten_kilobytes_take_less_than_a_tenth_of_a_second() -> None:
    text = f"so {json.dumps({f'key-{number}': 'value' * 5 for number in range(270)})} it is"
    assert 10_000 < len(text) < 11_000
    begin = time.process_time()
    assert LLMResponseParser().parse(text).success
    assert time.process_time() - begin < 0.1
