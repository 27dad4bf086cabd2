"""Codex: how it is called, and what its recorded output proves."""

from __future__ import annotations

import tomllib
from itertools import pairwise

import pytest
from programs_support import KEY, job, judged, without_end

from penstock.adapters.agents.codex import Codex
from penstock.adapters.agents.verdicts import Said

CODEX = Codex()


def settings_of(arguments: tuple[str, ...]) -> dict[str, object]:
    """What `-c` sets, read as Codex reads it."""
    given = [value for word, value in pairwise(arguments) if word == "-c"]
    return tomllib.loads("\n".join(given))


def test_a_turn_that_is_completed_is_the_proof() -> None:
    verdict = judged(CODEX, "done")
    assert verdict.fault == ""
    assert verdict.text == "Done: added hello.py and fixed calc.add."
    assert verdict.claimed == "30238 tokens in, 141 out"


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        ("server_error", "says that its turn failed: We’re currently experiencing high demand"),
        ("truncated", "says that its turn failed: Incomplete response returned, reason: max_output_tokens"),
        ("empty", "had an empty answer from its model"),
        ("cut", "ended before its turn was over (exit code 0)"),
    ],
)
def test_a_failure_is_one_though_the_exit_code_is_0(sample: str, fault: str) -> None:
    assert judged(CODEX, sample).fault.startswith(fault)


def test_without_the_end_of_its_turn_nothing_is_done() -> None:
    fault = CODEX.judge(without_end(CODEX, "done", "turn.completed")).fault
    assert fault == "ended before its turn was over (exit code 0)"


def test_the_last_error_says_why_the_turn_is_not_over() -> None:
    error = '{"type":"error","message":"Reconnecting... 1/1"}\n'
    assert CODEX.judge(Said(stdout=error, exit_code=1)).fault.endswith("(exit code 1): Reconnecting... 1/1")
    assert CODEX.judge(Said(stderr="error: no such flag\n", exit_code=2)).fault.endswith(
        "(exit code 2): error: no such flag"
    )


def test_a_turn_that_failed_after_a_good_one_is_a_failure() -> None:
    failed = '{"type":"turn.failed","error":{}}\n'
    stdout = (without_end(CODEX, "done", "\0").stdout) + failed
    assert CODEX.judge(Said(stdout=stdout, exit_code=0)).fault == "says that its turn failed: no reason is given"


def test_its_key_is_a_variable_that_its_settings_name() -> None:
    call = CODEX.call(job(CODEX))
    settings = settings_of(call.arguments)
    upstream = settings["model_providers"]["penstock"]  # type: ignore[index]
    assert call.variables[upstream["env_key"]] == KEY
    assert KEY not in " ".join(call.arguments)
    assert upstream["base_url"] == "http://127.0.0.1:8080/v1"
    assert (settings["model_provider"], upstream["wire_api"]) == ("penstock", "responses")
    assert upstream["request_max_retries"] == 0


def test_its_prompt_is_its_standard_input_and_its_state_lies_with_the_attempt() -> None:
    call = CODEX.call(job(CODEX))
    assert call.arguments[-1] == "-"
    assert call.reads_prompt
    assert call.variables["CODEX_HOME"] == "/attempt/home/.codex"
    assert [str(path.parent) for path in call.files] == ["/attempt/home/.codex"]


@pytest.mark.parametrize(("is_confined", "mode"), [(True, "danger-full-access"), (False, "workspace-write")])
def test_it_confines_its_commands_itself_where_we_do_not(is_confined: bool, mode: str) -> None:
    call = CODEX.call(job(CODEX, is_confined=is_confined))
    assert call.arguments[call.arguments.index("--sandbox") + 1] == mode
    written = settings_of(call.arguments)["sandbox_workspace_write"]
    assert written == {"exclude_slash_tmp": True, "exclude_tmpdir_env_var": True}
