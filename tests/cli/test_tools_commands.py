"""The commands about tools: what they print, as text and as JSON, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Desk


def test_the_list_shows_each_tool_with_who_says_how_it_is_called(ask, desk: Desk) -> None:
    desk.write("config/tool_profiles.json", '{"lint": {"type": "static-check", "command": "lint", "args": ["."]}}')
    lines = {line.split()[0]: line.split() for line in ask("tools", "list").out.splitlines()}
    assert lines["lint"] == ["lint", "static_check", "config/tool_profiles.json", "lint", "."]
    assert lines["pytest"] == ["pytest", "test", "default", "pytest", "-q"]
    rows = {row["id"]: row for row in ask("tools", "list", "--json").json}
    assert rows["pytest"]["success_criteria"] == [0, 5]
    assert (rows["lint"]["type"], rows["lint"]["origin"]) == ("static_check", "config/tool_profiles.json")


def test_a_check_of_named_tools_ends_with_three_if_one_is_missing(ask) -> None:
    assert ask("tools", "check", "echo").code == 0
    missing = ask("tools", "check", "echo", "missing-tool")
    assert (missing.code, "nonexistent-binary-12345: not found" in missing.out) == (3, True)
    (row,) = ask("tools", "check", "missing-tool", "--json").json
    assert (row["found"], row["path"], row["version"]) == (False, None, None)
    assert ask("tools", "check", "no-such").code == 2


def test_a_run_prints_what_the_tool_wrote_and_ends_as_it_did(ask) -> None:
    good = ask("tools", "run", "echo-json", "--message", "hi")
    assert (good.code, good.out) == (0, '{"message": "hi"}\n')
    assert "echo-json: exit code 0 after" in good.err
    result = ask("tools", "run", "echo-json", "--message", "hi", "--json").json
    assert (result["tool_id"], result["exit_code"], result["success"], result["error_code"]) == (
        "echo-json", 0, True, None,
    )  # fmt: skip
    missing = ask("tools", "run", "missing-tool")
    assert (missing.code, "exit code -2" in missing.err, "missing_binary" in missing.err) == (3, True, True)


@pytest.mark.slow
def test_a_tool_that_takes_too_long_is_stopped(ask) -> None:
    said = ask("tools", "run", "sleep-test", "--json")
    assert (said.code, said.json["exit_code"], said.json["timed_out"], said.json["error_code"]) == (
        1, -1, True, "timeout",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "ecko", "--message", "x"), 'did you mean "echo"?'),
        (("run", "echo"), "needs {message}"),
        (("run", "echo", "--message", "x", "--cwd", "nowhere"), "is not a folder"),
        (("run", "echo", "--message", "x", "--ws", "ws-a"), "without its run"),
        (("run", "echo", "--message", "x", "--run", "latest"), "has no run yet"),
        (("run",), "Missing argument"),
    ],
)
def test_wrong_use_of_a_tool_is_an_error_in_words(ask, arguments: tuple[str, ...], sentence: str) -> None:
    said = ask("tools", *arguments)
    assert (said.code, sentence in said.err) == (2, True)
