from __future__ import annotations

from datetime import UTC, datetime

import pytest

from penstock.domain.tool_result import ToolResult
from penstock.domain.tools import ToolNotRenderable, ToolProfile, ToolProfileInvalid, ToolType, render

KEBAB = {
    "type": "static-check",
    "command": "pytest",
    "args": ["-q"],
    "env": {"A": "b"},
    "working-dir": "{repo_root}",
    "timeout-sec": 600,
    "memory-mb": 256,
    "success-exit-codes": [0, 5],
    "capture-output": True,
    "aim-tool-id": "x",
    "aim-capabilities": ["testing"],
    "headless-mode-supported": True,
    "headless-args": ["--yes"],
}


def test_both_spellings_give_the_same_profile() -> None:
    snake = {key.replace("-", "_"): value for key, value in KEBAB.items()}
    profile = ToolProfile.from_settings(KEBAB)
    assert profile == ToolProfile.from_settings(snake)
    assert profile.success_criteria == (0, 5)
    assert profile.timeout == 600.0
    assert profile.type is ToolType.STATIC_CHECK


@pytest.mark.parametrize("key", ["timeout", "timeout_sec", "timeout-sec"])
def test_a_time_limit_has_three_names(key: str) -> None:
    assert ToolProfile.from_settings({"command": "x", key: 7}).timeout == 7.0


@pytest.mark.parametrize("key", ["success_criteria", "success-criteria", "success_exit_codes", "success-exit-codes"])
def test_success_has_several_names(key: str) -> None:
    assert ToolProfile.from_settings({"command": "x", key: [0, 5]}).success_criteria == (0, 5)


@pytest.mark.parametrize(
    "pair",
    [("working_dir", "working-dir"), ("timeout", "timeout-sec"), ("success_criteria", "success_exit_codes")],
)
def test_two_spellings_of_one_key_are_an_error(pair: tuple[str, str]) -> None:
    table = {"command": "x", pair[0]: None, pair[1]: None}
    with pytest.raises(ToolProfileInvalid, match=f'has both "{pair[0]}" and "{pair[1]}"'):
        ToolProfile.from_settings(table)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("pytest", "must be a table"),
        ({}, "needs a command"),
        ({"command": ""}, "needs a command"),
        ({"command": 3}, "command must be a text"),
        ({"command": "x", "arg": []}, 'unknown key "arg"; did you mean "args"?'),
        ({"command": "x", "zzz": []}, 'unknown key "zzz"; known here: '),
        ({"command": "x", "args": "-q"}, "args must be a list of texts"),
        ({"command": "x", "args": [1]}, "args must be a text"),
        ({"command": "x", "args": ["a\0"]}, "args must be a text"),
        ({"command": "x", "env": {"A": 1}}, "env.A must be a text"),
        ({"command": "x", "env": {"A=B": "1"}}, "env must be a table of variables"),
        ({"command": "x", "timeout": 0}, "greater than 0"),
        ({"command": "x", "timeout": float("nan")}, "greater than 0"),
        ({"command": "x", "timeout": True}, "greater than 0"),
        ({"command": "x", "timeout": 1e300}, "not more than a year"),
        ({"command": "x", "success_criteria": []}, "a list of exit codes"),
        ({"command": "x", "success_criteria": ["0"]}, "a whole number from 0"),
        ({"command": "x", "capture_output": "yes"}, "true or false"),
        ({"command": "x", "type": "linter"}, '"ai" or "static_check" or "test" or "utility"'),
        ({"command": "x", "args": ["{worktree}"]}, r"unknown placeholder {worktree}; possible are {cwd}"),
        ({"command": "x", "env": {"A": "{home}"}}, "unknown placeholder {home}"),
        ({"command": "x", "working_dir": "{root}"}, "unknown placeholder {root}"),
    ],
)
def test_a_wrong_profile_is_refused_in_words(table: object, sentence: str) -> None:
    with pytest.raises(ToolProfileInvalid) as caught:
        ToolProfile.from_settings(table)
    assert sentence in caught.value.sentence


def test_defaults_are_the_contracts() -> None:
    profile = ToolProfile.from_settings({"command": "x"})
    assert (profile.success_criteria, profile.memory_mb, profile.working_dir) == ((0,), 512, "{worktree_path}")


def test_values_stay_inside_the_one_argument_they_stand_in() -> None:
    profile = ToolProfile(command="echo", args=("{message}", "a-{message}"), env={"M": "{message}"})
    nasty = "$(rm -rf /) ; {cwd} ' \""
    rendered = render("echo", profile, {"message": nasty, "cwd": "/x", "worktree_path": "/x"})
    assert rendered.argv == ("echo", nasty, f"a-{nasty}")
    assert rendered.env == {"M": nasty}
    assert rendered.working_dir == "/x"


def test_doubled_braces_are_literal_and_other_braces_stay() -> None:
    profile = ToolProfile(command="x", args=("{{message}}", '{"a": {"b": 1}}', "{}", "{a b}"), working_dir="")
    assert render("x", profile, {}).argv == ("x", "{message}", '{"a": {"b": 1}}', "{}", "{a b}")


def test_a_placeholder_without_a_value_is_an_error_that_names_the_tool() -> None:
    with pytest.raises(ToolNotRenderable, match=r'the tool "aider" needs \{model_name\}'):
        render("aider", ToolProfile(command="aider", args=("{model_name}",), working_dir=""), {})


def result(exit_code: int, *, success: bool = False) -> ToolResult:
    at = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    return ToolResult(
        tool_id="t",
        command_line="t",
        exit_code=exit_code,
        stdout="",
        stderr="",
        timed_out=exit_code == -1,
        started_at=at,
        completed_at=at,
        duration_sec=0.0,
        success=success,
    )


@pytest.mark.parametrize(
    ("exit_code", "step", "expected"),
    [
        (-1, "static", "timeout"),
        (-2, "runtime", "missing_binary"),
        (-3, "", "tool_failed"),
        (126, "static", "missing_binary"),
        (127, "runtime", "missing_binary"),
        (1, "", "non_zero_exit"),
        (1, "static", "static_failure"),
        (1, "runtime", "runtime_failure"),
    ],
)
def test_each_bad_end_has_its_code(exit_code: int, step: str, expected: str) -> None:
    assert result(exit_code).error_code(step) == expected


def test_success_has_no_code() -> None:
    assert result(5, success=True).error_code() is None


def test_the_record_has_exactly_the_contracts_fields() -> None:
    record = result(0).as_dict()
    assert list(record) == [
        *("tool_id", "command_line", "exit_code", "stdout", "stderr", "timed_out"),
        *("started_at", "completed_at", "duration_sec", "success"),
    ]
    assert record["started_at"] == "2026-01-02T03:04:05.678Z"
