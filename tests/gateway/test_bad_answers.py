"""Bad answers of models, through the real gateway: each is read in the right way or fails with the right error, and
every token that the server counts is on the bill.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import Any

import pytest
from asking_support import EPIC, GOOD, LARGE, SMALL, says, talking, told

from model_server import summed
from penstock.planning.answers import (
    AnswerEmpty,
    AnswerInvalid,
    AnswerRefused,
    AnswerTruncated,
    AnswerUnfit,
    ReadAnswer,
    read_answer,
)
from penstock.planning.artifacts import validated
from penstock.ports import StopReason

FENCED = {**EPIC, "goal": "Shown so:\n```json\n{}\n```\nand no other way."}
CODE = {
    "files": [{"path": "a.md", "content": '# A\n```json\n{"files": []}\n```\n'}],
    "dependencies": [],
    "test_files": [],
}


def spoilt(**changed: Any) -> str:
    return told({**deepcopy(EPIC), **changed})


def without(name: str) -> str:
    return told({key: value for key, value in EPIC.items() if key != name})


PRETTY = told(EPIC, indent=2)
CHANGE = told(CODE)

READ: dict[str, tuple[str, str]] = {
    "plain": (GOOD, "direct"),
    "indented": (PRETTY, "direct"),
    "blanks around": (f"\n\n  {GOOD}\n\n", "direct"),
    "a byte order mark": (f"\ufeff{GOOD}", "direct"),
    "carriage returns": (PRETTY.replace("\n", "\r\n"), "direct"),
    "here is the JSON": (f"Here is the JSON:\n{GOOD}", "direct"),
    "output": (f"OUTPUT: {GOOD}", "direct"),
    "unicode escapes": (GOOD.replace("operator", "op\\u00e9rateur \\ud83d\\ude00"), "direct"),
    "emoji": (told({**EPIC, "title": "Health 🩺 für alle"}, ensure_ascii=False), "direct"),
    "more than was asked for": (spoilt(notes={"deep": [1, 2, {"x": None}]}), "direct"),
    "a fence inside of a string": (told(FENCED), "direct"),
    "a fence": (f"```json\n{PRETTY}\n```", "fence"),
    "a fence without a language": (f"```\n{PRETTY}\n```", "fence"),
    "a fence in capitals with carriage returns": (f"Well:\r\n```JSON\r\n{PRETTY}\r\n```\r\nDone.", "fence"),
    "a fence around a fence": (f"```json\n{told(FENCED)}\n```", "fence"),
    "tildes": (f"~~~json\n{GOOD}\n~~~", "fence"),
    "a fence that nobody closes": (f"So:\n```json\n{GOOD}\n", "fence"),
    "an example before the answer": (f'```\n{{"a": 1}}\n```\nand\n```json\n{PRETTY}\n```', "fence"),
    "prose around": (f"I have thought about it. {GOOD} I hope that helps!", "boundary"),
    "prose with braces": (f"The set {{a, b}} and {{}} say little. {GOOD} That is {{all}}.", "boundary"),
    "two objects": (f'{{"epic_id": "EPIC-0"}}\n{GOOD}', "boundary"),
    "two objects, the good one first": (f'{GOOD} or {{"epic_id": "EPIC-0"}}', "boundary"),
    "a brace too many": (f"{GOOD}}}", "boundary"),
    "thoughts": (f'<thinking>{{"no": "json"}} hm</thinking>{GOOD}', "direct"),
    "a draft in thoughts": (f"<think>maybe {spoilt(title='Draft', notes='x' * 900)}</think>\n{GOOD}", "direct"),
    "the same twice": (f"{GOOD}\nAgain:\n{PRETTY}", "boundary"),
    "prose with a brace and a quote": (f'I answer with {{"epic_id" as asked.\n{GOOD}', "boundary"),
    "a list of one": (f"[{GOOD}]", "boundary"),
    "inline code": (f"`{GOOD}`", "boundary"),
    "a comma too many": (GOOD[:-1] + ",}", "repaired"),
    "brackets mixed up": (GOOD.replace('so"]', 'so"}'), "repaired"),
    "a comment": (PRETTY.replace('"title"', '// its name\n  "title"'), "repaired"),
    "single quotes": (GOOD.replace('"priority": "high"', "'priority': 'high'"), "repaired"),
    "a name without quotes": (GOOD.replace('"priority"', "priority"), "repaired"),
    "a line break in a string": (GOOD.replace("one} place", "one}\nplace"), "repaired"),
}

UNFIT: dict[str, tuple[str, type[AnswerUnfit], str]] = {
    "nothing": ("", AnswerEmpty, "nothing was said"),
    "blanks": (" \n\t ", AnswerEmpty, "nothing was said"),
    "huge": (spoilt(notes="x" * (4 << 20)), AnswerInvalid, "be shorter"),
    "prose": ("I would rather talk about it first.", AnswerInvalid, "no JSON object"),
    "null": ("null", AnswerInvalid, "found null"),
    "a number": ("42", AnswerInvalid, "found a number"),
    "a text": ('"an epic"', AnswerInvalid, "found a text"),
    "a list of texts": ('["an epic"]', AnswerInvalid, "found a list"),
    "wrapped": (told({"epic": EPIC}), AnswerInvalid, "title: is missing"),
    "an empty object": ("{}", AnswerInvalid, "epic_id: is missing"),
    "a field is missing": (without("title"), AnswerInvalid, "title: is missing"),
    "a text for a number": (spoilt(total_estimate_hours="2"), AnswerInvalid, "total_estimate_hours"),
    "a number for a text": (spoilt(title=7), AnswerInvalid, "title"),
    "null for a text": (spoilt(goal=None), AnswerInvalid, "goal"),
    "an object for a list": (spoilt(stories={"id": "S"}), AnswerInvalid, "stories"),
    "no stories": (spoilt(stories=[]), AnswerInvalid, "stories"),
    "a wrong priority": (GOOD.replace('"high"', '"urgent"'), AnswerInvalid, "priority"),
    "a title that is too long": (spoilt(title="x" * 101), AnswerInvalid, "title"),
    "a key twice": (GOOD.replace('"title": "Health"', '"title": "A", "title": "B"'), AnswerInvalid, "stands twice"),
    "not a number": (GOOD.replace('_hours": 2', '_hours": NaN'), AnswerInvalid, "NaN is no number"),
    "infinity": (GOOD.replace('_hours": 2', '_hours": -Infinity'), AnswerInvalid, "Infinity is no number"),
    "half a character": (GOOD.replace("Health", "\\ud83d"), AnswerInvalid, "surrogate"),
    "a zero byte": (GOOD.replace("Health", "He\\u0000alth"), AnswerInvalid, "NUL"),
    "Python": (str(EPIC), AnswerInvalid, "double quotes"),
    "deep": ("[" * 100_000 + "]" * 100_000, AnswerInvalid, "nested too deeply"),
    "twenty thousand braces": ("{" * 20_000, AnswerTruncated, "breaks off"),
    "a brace is missing": (GOOD[:-1], AnswerTruncated, "breaks off"),
    "a draft and another answer": (
        f"{GOOD}\nWait, rather:\n{spoilt(title='Other')}",
        AnswerInvalid,
        "several different answers",
    ),
    "a draft in a fence and another answer": (
        f"```json\n{GOOD}\n```\nWait, rather:\n{spoilt(title='Other')}",
        AnswerInvalid,
        "several different answers",
    ),
    "two fences that differ": (
        f"```json\n{GOOD}\n```\nCorrection:\n```json\n{spoilt(title='Other')}\n```",
        AnswerInvalid,
        "several different answers",
    ),
    "a fence that breaks off": (f"```json\n{PRETTY[:200]}", AnswerTruncated, "breaks off"),
}

STOPPED: dict[str, tuple[str, str, type[AnswerUnfit]]] = {
    "refused": ("I can't help with that.", "refusal", AnswerRefused),
    "refused without a word": ("", "refusal", AnswerRefused),
    "refused, and valid": (GOOD, "refusal", AnswerRefused),
    "cut off": (GOOD[:100], "length", AnswerTruncated),
    "cut off before a word": ("", "length", AnswerTruncated),
    "cut off, and valid": (GOOD, "length", AnswerTruncated),
    "cut off in prose": ("Let me think about", "length", AnswerTruncated),
}

WAYS = [(protocol, limit) for protocol in ("anthropic", "openai_chat") for limit in (SMALL, LARGE)]


def of_kind(kind: str) -> Any:
    return lambda payload: validated(kind, payload)


def asked(text: str, ended: str, way: tuple[str, int], *, kind: str = "epic", may_repair: bool = True) -> ReadAnswer:
    """What comes of one answer; on the bill is what the server has counted, whatever came of it."""
    protocol, limit = way
    with talking(says(text, ended), protocol=protocol) as talk:
        try:
            said = talk.ask(max_tokens=limit)
            return read_answer(said.text, of_kind(kind), stop=said.stop, may_repair=may_repair)
        finally:
            (row,) = talk.home.rows()
            (issued,) = talk.home.models.issued
            counted = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_long_tokens")
            assert row["output_tokens"] == issued.tokens.output
            assert row["input_tokens"] == issued.tokens.all_input or (
                sum(row[name] for name in counted) == issued.tokens.all_input
            )
            assert (row["status"], row["pipeline_id"], row["phase_name"]) == ("ok", "pip_1", "pm_phase")
            assert row["streamed"] is (limit == LARGE)


def in_turn(number: int) -> tuple[str, int]:
    """Each answer goes one of the ways; every way is gone by many."""
    return WAYS[number % len(WAYS)]


@pytest.mark.parametrize(("name", "number"), [(name, number) for number, name in enumerate(READ)])
def test_an_answer_that_can_be_read_is_read_in_its_way(name: str, number: int) -> None:
    text, strategy = READ[name]
    found = asked(text, "", in_turn(number))
    assert found.strategy == strategy
    assert found.value.epic_id == "EPIC-7"
    assert found.value.stories[0].estimate_hours == 2


@pytest.mark.parametrize(("name", "number"), [(name, number) for number, name in enumerate(UNFIT)])
def test_an_answer_that_can_not_fails_with_what_is_wrong(name: str, number: int) -> None:
    text, kind, words = UNFIT[name]
    with pytest.raises(kind) as failed:
        asked(text, "", in_turn(number))
    assert type(failed.value) is kind
    assert words in " ".join((failed.value.sentence, *failed.value.errors))
    assert len(failed.value.sentence) < 1_000


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STOPPED)
def test_why_an_answer_stopped_decides_before_what_it_holds(name: str, way: tuple[str, int]) -> None:
    text, ended, kind = STOPPED[name]
    with pytest.raises(kind):
        asked(text, ended, way)


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["", "length"])
def test_an_answer_that_is_cut_at_any_tenth_byte_is_truncated_and_nothing_else(ended: str) -> None:
    ends = range(10, len(GOOD), 10)
    for number, end in enumerate(ends):
        with pytest.raises(AnswerTruncated):
            asked(GOOD[:end], ended, in_turn(number))
    assert len(ends) > 30


@pytest.mark.parametrize("end", range(1, len(CHANGE), 10))
def test_code_that_is_cut_is_truncated_whatever_stands_within_it(end: int) -> None:
    with pytest.raises(AnswerTruncated):
        read_answer(CHANGE[:end], of_kind("proposed_change_set"), stop=StopReason.OTHER, may_repair=False)


@pytest.mark.parametrize("text", [CHANGE[:-1] + ",}", CHANGE.replace('"dependencies"', "dependencies")])
def test_code_is_never_repaired(text: str) -> None:
    with pytest.raises(AnswerInvalid, match="no JSON"):
        asked(text, "", WAYS[0], kind="proposed_change_set", may_repair=False)


def test_code_that_holds_fences_and_objects_is_read_to_the_letter() -> None:
    found = asked(f"```json\n{told(CODE, indent=1)}\n```", "", WAYS[0], kind="proposed_change_set", may_repair=False)
    assert found.value.files[0].content == CODE["files"][0]["content"]  # type: ignore[index]


def test_what_a_repair_would_lose_is_not_repaired() -> None:
    twice = GOOD[:-1].replace('"title": "Health"', '"title": "A", "title": "B"') + ",}"
    with pytest.raises(AnswerInvalid):
        asked(twice, "", WAYS[0])


def test_all_that_was_said_is_on_the_bill() -> None:
    with talking(says("no", "")) as talk:
        for _ in range(3):
            talk.ask()
        rows = talk.home.rows()
        assert sum(row["output_tokens"] for row in rows) == summed(talk.home.models.issued).output


def test_there_are_enough_of_them() -> None:
    assert len(READ) + len(UNFIT) + len(STOPPED) >= 40
    assert sys.getrecursionlimit() < 5_000
