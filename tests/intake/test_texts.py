"""JSON and YAML read with positions."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.intake.json_text import read_json
from penstock.intake.positions import Unreadable, decode, pointer
from penstock.intake.yaml_text import read_yaml

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    # neither half characters nor NUL can be stored, so they are no text
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(
    value: object, indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read_json(text).value == json.loads(text)


@pytest.mark.slow
@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_more_values_than_bear_to_be_kept_are_refused_however_small_the_file(read: Callable[[str], object]) -> None:
    with pytest.raises(Unreadable, match="too many values"):
        read(f"{'[' * 60}{'1,' * 60_000}1{']' * 60}")
    read("[" + "[1,1],\n" * 60_000 + "1]")


@given(st.text(alphabet='{}[]",:/*\\ \n\tab01-.eE"utrfnls', max_size=40))
def test_what_json_refuses_is_refused_but_for_comments(text: str) -> None:
    try:
        document = read_json(text)
    except Unreadable:
        return
    if not document.comments and not document.twice:
        assert document.value == json.loads(text)


def test_json_knows_the_line_of_every_place() -> None:
    document = read_json('\t{\r\n  "a": [\n    1,\n    {"b~/c":\n 2}\n  ]\r\n}')
    lines = {pointer(place): line for place, line in document.lines.items()}
    assert lines == {"": 1, "/a": 2, "/a/0": 3, "/a/1": 4, "/a/1/b~0~1c": 4}
    assert document.line_of(("a", 1, "gone")) == 4


def test_json_remarks_comments_and_keys_that_stand_twice() -> None:
    document = read_json('/* first */\n[{"a": 1, // why\n"a": 2}]\n// last')
    assert [(one.line, one.text, one.place) for one in document.comments] == [
        (1, "first", ()),
        (2, "why", (0,)),
        (4, "last", ()),
    ]
    assert [(one.line, one.text, one.place) for one in document.twice] == [(3, "a", (0,))]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the end of the file"),
        ("{", 1, "key in double quotes"),
        ('{"a": 1,\n}', 2, "a comma stands before the closing `}`"),
        ("[1,\n\n]", 3, "a comma stands before the closing `]`"),
        ('{"a" 1}', 1, "a `:` should follow"),
        ("[1 2]", 1, "`,` or `]`"),
        ("[1] x", 1, "nothing may follow"),
        ("\n['a']", 2, "a value should stand here"),
        ("[NaN]", 1, "found NaN"),
        ("[01]", 1, "a value should stand here"),
        ("[1e999]", 1, "too large"),
        ('["a\nb"]', 1, "forbidden character"),
        ('["\\ud800"]', 1, "half of a character"),
        ('[\n"a\\u0000"]', 2, "NUL character"),
        ("/* x", 1, "not closed"),
        ("[" * 1000, 1, "nested deeper"),
    ],
)
def test_json_that_is_none_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_json(text)
    assert caught.value.line == line
    assert words in caught.value.fault


def test_a_byte_order_mark_is_no_letter_and_other_encodings_are_refused() -> None:
    assert decode(b"\xef\xbb\xbf[]") == "[]"
    with pytest.raises(Unreadable, match="not UTF-8"):
        decode("[]".encode("utf-16"))
    with pytest.raises(Unreadable, match="at most"):
        decode(b" " * (8 * 1024 * 1024 + 1))


def test_yaml_knows_lines_and_reads_plain_words_as_yaml_1_2_does() -> None:
    document = read_yaml("# note\na: yes\nb:\n  - 1\n  - 1.5\n  - '1'\n  - 2026-01-01\n  - 1:30\nc: ~\nd: true\n")
    assert document.value == {"a": "yes", "b": [1, 1.5, "1", "2026-01-01", "1:30"], "c": None, "d": True}
    assert document.lines["b", 2] == 6
    assert document.lines["c",] == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("a: &x 1\nb: *x", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: 1\n---\nb: 2", "one document"),
        ("? [a]\n: 1", "plain word"),
        ("a: [1", "not YAML"),
        ("a: \x00", "not YAML"),
        ("[" * 200, "deeper"),
        ('"\\UFFFFFFFF"', "not YAML"),
        ('- a\n- "a\\0"', "NUL character"),
        ('"a\\0": 1', "NUL character"),
    ],
)
def test_yaml_beyond_the_harmless_part_is_refused(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_yaml(text)


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#\n ?,", max_size=60))
def test_yaml_raises_nothing_but_its_own_error(text: str) -> None:
    try:
        read_yaml(text)
    except Unreadable:
        return
