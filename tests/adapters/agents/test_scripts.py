from __future__ import annotations

import pytest

from penstock.adapters.agents import validate_script
from penstock.adapters.agents.scripted_player import ACTIONS
from penstock.adapters.agents.scripts import FORMS, turn_of

EVERYTHING = [
    {"write": {"path": "a", "content": "b"}},
    {"append": {"path": "a", "content": "b"}},
    {"replace": {"path": "a", "old": "b", "new": "c"}},
    {"delete": "a"},
    {"chmod": {"path": "a", "mode": "755"}},
    {"symlink": {"path": "a", "target": "b"}},
    {"hardlink": {"path": "a", "target": "b"}},
    {"mkdir": "a"},
    {"run": ["true"]},
    {"say": "hello"},
    {"sleep": 0.5},
    "hang",
    {"spawn": {"path": "a", "content": "b", "after": 1, "setsid": True}},
    "crash",
    {"crash": {"code": 3}},
    {"crash": {"signal": "KILL"}},
    "nothing",
    {"nothing": None},
    "lie",
]


def test_every_action_that_the_player_knows_is_in_the_language() -> None:
    assert set(ACTIONS) == set(FORMS)


def test_a_script_with_every_action_is_sound() -> None:
    assert validate_script([EVERYTHING, []]) == []
    assert validate_script({"turns": [EVERYTHING]}) == []


@pytest.mark.parametrize("script", [None, [], {}, "x", {"turns": []}, {"turns": [[]], "more": 1}])
def test_what_is_no_list_of_turns_is_refused(script: object) -> None:
    assert len(validate_script(script)) == 1


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        ("wrote", 'unknown action "wrote"; did you mean "write"?'),
        ({"write": {"path": "a"}}, '"write" lacks "content"'),
        ({"write": {"path": "a", "content": 3}}, '"content" must be a text'),
        ({"write": {"path": "a", "content": "b", "mode": "c"}}, '"write" does not know "mode"'),
        ({"write": "a"}, '"write" needs a table with path, content'),
        ("delete", '"delete" needs a text'),
        ({"sleep": True}, '"sleep" needs a number'),
        ({"hang": 3}, '"hang" needs nothing'),
        ({"run": "true"}, '"run" needs a list of texts'),
        ({"run": []}, '"run" needs a command'),
        ({"chmod": {"path": "a", "mode": "rwx"}}, "octal"),
        ({"chmod": {"path": "a", "mode": 755}}, '"mode" must be a text'),
        ({"crash": {"signal": "BOOM"}}, 'no signal "BOOM"'),
        ({"say": "a", "write": {}}, "must be a word or a table with one word"),
        (3, "must be a word or a table with one word"),
        ({3: 4}, 'unknown action "3"'),
    ],
)
def test_a_wrong_action_is_found_before_anything_runs(action: object, problem: str) -> None:
    (found,) = validate_script([["nothing"], ["nothing", action]])
    assert found.startswith("turn 2, action 2: ")
    assert problem in found


def test_the_turn_of_an_attempt_is_its_own_and_the_last_repeats() -> None:
    script = [["nothing"], ["hang"]]
    assert [turn_of(script, number) for number in (1, 2, 3)] == [
        [{"nothing": None}],
        [{"hang": None}],
        [{"hang": None}],
    ]
