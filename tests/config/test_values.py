from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Literal

import pytest

from penstock.config.values import Unfit, from_text, plain, read
from penstock.domain.errors import Bug


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (str, "a", "a"),
        (int, 3, 3),
        (float, 3, 3.0),
        (bool, False, False),
        (int | None, None, None),
        (int | None, 3, 3),
        (Literal["a", "b"], "b", "b"),
        (Colour, "red", Colour.RED),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[str, ...] | str, "a, b", ("a, b",)),
        (tuple[str, ...] | str, ["a", "b"], ("a", "b")),
        (Mapping[str, int], {"a": 1}, {"a": 1}),
    ],
)
def test_a_fitting_value_becomes_its_type(kind: Any, value: object, expected: object) -> None:
    result = read(kind, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (str, 3, "must be a text, found the number 3"),
        (int, True, "must be a whole number, found true"),
        (int, 3.0, "must be a whole number, found the number 3.0"),
        (float, float("nan"), "must be a number, found the number nan"),
        (bool, None, "must be true or false, found nothing"),
        (int | None, "x", 'must be a whole number, found the text "x"'),
        (Literal["a", "b"], "c", 'must be "a" or "b", found the text "c"'),
        (Colour, "blue", 'must be "red", found the text "blue"'),
        (tuple[int, ...], {"a": 1}, "must be a list, found a table"),
        (Mapping[str, int], [1], "must be a table, found a list"),
        (str, PurePosixPath("a"), "must be a text, found a PurePosixPath"),
        (int, "x" * 100, f'must be a whole number, found the text "{"x" * 37}..."'),
    ],
)
def test_an_unfit_value_says_what_was_wanted_and_found(kind: Any, value: object, sentence: str) -> None:
    with pytest.raises(Unfit) as caught:
        read(kind, value)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("kind", [bytes, int | str])
def test_a_node_with_a_type_that_no_setting_can_have_is_a_bug(kind: Any) -> None:
    with pytest.raises(Bug):
        read(kind, "x")


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [(int, "3", 3), (float, "0.5", 0.5), (int | None, "4", 4), (str, "a,b", "a,b"), (tuple[int, ...], "1, 2,", [1, 2])],
)
def test_the_environment_writes_everything_as_text(kind: Any, text: str, expected: object) -> None:
    assert from_text(kind, text) == expected


@pytest.mark.parametrize(("kind", "text"), [(int, "x"), (float, ""), (bool, "maybe"), (tuple[int, ...], "1,x")])
def test_text_that_is_no_such_value_is_unfit(kind: Any, text: str) -> None:
    with pytest.raises(Unfit):
        from_text(kind, text)


def test_plain_values_are_what_json_can_hold() -> None:
    assert plain({"a": (1, Colour.RED), "b": PurePosixPath("x")}) == {"a": [1, "red"], "b": "x"}
