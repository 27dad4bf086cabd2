"""Where JSON is looked for, what is none, and how soon it is given up."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.planning.rungs import NotStrict, by_boundary, directly, from_first_object, in_fences, is_cut, loaded

VALUE = {"a": [1, {"b": 'a "quoted" } brace'}], "c": "```\n{}\n```"}
TEXT = json.dumps(VALUE)


@pytest.mark.parametrize("prefix", ["Here is the JSON:", "HERE IS THE RESULT:", "Result:", "output:", "\ufeff", "\n "])
def test_the_words_that_models_begin_with_are_dropped(prefix: str) -> None:
    assert [loaded(one) for one in directly(f"{prefix} {TEXT}\n")] == [VALUE]


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("```json\n{}\n```", ["{}\n"]),
        ("```JSON\r\n{}\r\n```\r\n", ["{}\n"]),
        ("~~~\n{}\n~~~", ["{}\n"]),
        ("````\n```\n{}\n```\n````", ["```\n{}\n```\n"]),
        ("```\n{}", ["{}"]),
        ("a ``` b {} ```", []),
        ("```\n1\n```\n```\n[1, 2]\n```", ["[1, 2]\n", "1\n"]),
    ],
)
def test_outermost_fences_of_whole_lines_are_read_largest_first(text: str, contents: list[str]) -> None:
    assert list(in_fences(text)) == contents


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        (f"so {TEXT} it is", [TEXT]),
        ('{"a": 1} or {"b": [1, 2]}', ['{"b": [1, 2]}', '{"a": 1}']),
        ('the set {x, y} and {"a": {"b": 1}}', ['{"a": {"b": 1}}']),
        ('{"so": called {"a": 1}} {"b": 2}', ['{"b": 2}']),
        ('{"so": [called {"a": 1}} {"b": 2}', []),
        ("{} {x}", ["{}"]),
        ('{"a": {"b": 1}, "c"', []),
        ("[1, 2]", []),
    ],
)
def test_objects_are_found_in_prose_and_none_within_what_is_none(text: str, objects: list[str]) -> None:
    assert list(by_boundary(text)) == objects


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice"),
        ('{"a": NaN}', "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ('{"a":' * 50_000, "nested too deeply"),
    ],
)
def test_what_another_reader_would_guess_at_is_none(text: str, words: str) -> None:
    with pytest.raises(NotStrict, match=words):
        loaded(text)


@pytest.mark.parametrize(
    "text", ["{", '{"a": "x', '{"a": [1, 2', f"so: {TEXT[:-1]}", "```json\n" + TEXT[:-2], '{} {"a']
)
def test_a_text_that_breaks_off_is_cut(text: str) -> None:
    assert is_cut(text)


@pytest.mark.parametrize("text", ["", TEXT, "{x", '{"a": [1, 2}', "an array [1", 'she said "no', '{"a": "{"} [', "{}}"])
def test_a_text_that_only_looks_so_is_not(text: str) -> None:
    assert not is_cut(text)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=8)
)
def test_every_beginning_of_an_object_is_cut_and_the_whole_is_not(value: object) -> None:
    text = json.dumps({"value": value})
    assert not is_cut(text)
    assert all(is_cut(text[:end]) for end in range(1, len(text)))
    assert list(by_boundary(f"so {text} so")) == [text]


def test_an_object_is_taken_from_where_it_begins() -> None:
    assert from_first_object('in {x} there is {"a": 1,} so') == '{"a": 1,}'
    assert from_first_object("nothing {here}") == ""


@pytest.mark.parametrize(
    "text",
    [
        "{" * 20_000,
        '{"a":' * 20_000,
        "{}" * 20_000 + "x",
        '{"a"}' * 20_000,
        ('{"a":' * 900 + "x" + "}" * 900) * 20,
        '{"' * 50_000,
        '{"a":["' + "\\" * 100_000,
        "{" + ",".join(f'"k{number}":1' for number in range(20_000)) + ',"k1":2}',
        "```\n" * 20_000,
        ("{" + " " * 200) * 1_000,
    ],
)
def test_what_is_made_to_be_slow_is_soon_given_up(text: str) -> None:
    begin = time.process_time()
    for rung in (directly, in_fences, by_boundary):
        for candidate in rung(text):
            try:
                loaded(candidate)
            except ValueError:
                continue
    is_cut(text)
    assert time.process_time() - begin < 2
