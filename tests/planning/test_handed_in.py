"""Whole files in a model's text: each rung of the ladder, and what is never guessed at."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.planning.answers import AnswerUnfit
from penstock.planning.handed_in import read_files

PLAIN = {"files": [{"path": "a.py", "content": "a = 1\n"}]}
FENCED = {"files": [{"path": "a.md", "content": '```json\n{"files": []}\n```\n'}]}


def dumped(value: object) -> str:
    return json.dumps(value, indent=1)


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        (dumped(PLAIN), "direct"),
        (f"\n  {dumped(PLAIN)}\n\n", "direct"),
        (dumped(FENCED), "direct"),
        (f"```json\n{dumped(PLAIN)}\n```", "fence"),
        (f"Here is the JSON:\r\n```JSON\r\n{dumped(PLAIN)}\r\n```\r\nDone.", "fence"),
        (f"Text\n\n````\n{dumped(FENCED)}\n````\n", "fence"),
        (f"```\nno json\n```\nand\n```json\n{dumped(PLAIN)}\n```\n", "fence"),
        (f"Here is the JSON: {dumped(PLAIN)} That is {{all}}.", "boundary"),
        (f'{{"other": 1}} and {dumped(PLAIN)}', "boundary"),
    ],
)
def test_a_deliverable_is_found(text: str, strategy: str) -> None:
    found, by = read_files(text)
    assert by == strategy
    assert len(found.files) == 1


def test_a_fence_inside_a_string_ends_nothing() -> None:
    found, _ = read_files(f"```json\n{dumped(FENCED)}\n```")
    assert found.files[0].content == b'```json\n{"files": []}\n```\n'


def test_the_largest_of_two_objects_is_taken() -> None:
    small, large = dumped({"files": []}), dumped(PLAIN)
    assert read_files(f"{small} or {large} or {small}")[0].files[0].path == "a.py"


def test_what_is_said_besides_is_tolerated() -> None:
    more = {"imports": ["os"], "classes": [], "functions": ["f"], "tests_required": ["t"], "language": "python"}
    text = dumped({"files": [PLAIN["files"][0] | more], "notes": {"why": "so"}, "dependencies": ["rich"]})
    assert [one.path for one in read_files(text)[0].files] == ["a.py"]


def test_all_three_lists_are_files_and_none_without_content_stays() -> None:
    text = dumped(
        {
            "files": [{"path": "a", "content": None}],
            "test_files": [{"path": "b", "content": ""}],
            "migration_scripts": [{"path": "c", "content": "ü\ud800"}],
        }
    )
    found = read_files(text)[0].files
    assert [(one.path, one.content) for one in found] == [
        ("a", None),
        ("b", b""),
        ("c", "ü\ud800".encode("utf-8", "surrogatepass")),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("I can't do that.", "not what was asked for"),
        (dumped(PLAIN)[:-3], "breaks off"),
        (dumped(PLAIN) + "}", None),
        ('{"files": [{"path": "a", "content": "x", "content": "y"}]}', "stands twice"),
        ('{"files": [], "x": NaN}', "NaN is no number"),
        ('{"file": []}', "files: Field required"),
        ('{"files": {}}', "files: Input should be a valid list"),
        ('{"files": [{"path": "a"}]}', "files.0.content"),
        ('{"files": [{"path": "", "content": "x"}]}', "files.0.path"),
        ('{"files": [{"path": "a", "content": ["x"]}]}', "files.0.content"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "breaks off"),
        ("null", "found null"),
        ("x" * (4 << 20) + "x", "are the most"),
    ],
)
def test_what_is_not_one_is_refused_and_never_repaired(text: str, words: str | None) -> None:
    if words is None:
        assert read_files(text)[1] == "boundary"
        return
    with pytest.raises(AnswerUnfit, match=words):
        read_files(text)


def test_a_cut_answer_is_not_taken_for_a_smaller_one_inside_it() -> None:
    text = dumped({"files": [{"path": "a", "content": dumped(PLAIN)}, {"path": "b", "content": "x"}]})
    for end in range(len(text) - 1):
        with pytest.raises(AnswerUnfit):
            read_files(text[:end])


def test_twenty_thousand_braces_are_soon_given_up() -> None:
    begin = time.process_time()
    with pytest.raises(AnswerUnfit):
        read_files("{" * 20_000 + '{"a": ' * 500)
    assert time.process_time() - begin < 2


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_files(text)
    except AnswerUnfit:
        return
    assert "files" in text
