"""opencode: how it is called, and what its recorded output proves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs_support import KEY, access, job, judged, without_end

from penstock.adapters.agents.opencode import Opencode
from penstock.adapters.agents.verdicts import Said

OPENCODE = Opencode()
SETTINGS = Path("/attempt/opencode.json")


def test_a_last_step_that_ended_by_stop_is_the_proof() -> None:
    verdict = judged(OPENCODE, "done")
    assert verdict.fault == ""
    assert verdict.text == "Done: added hello.py and fixed calc.add."
    assert verdict.claimed == "22501 tokens in, 154 out"


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        ("unauthorized", "says that it failed: scripted status 401 (status 401)"),
        ("truncated", 'broke off: its last step ended by "length", not by "stop"'),
        ("empty", "had an empty answer from its model"),
        ("cut", 'broke off: its last step ended by "tool-calls", not by "stop"'),
        (
            "denied",
            'broke off: its last step ended by "tool-calls", not by "stop"; the last thing denied: The user rej',
        ),
    ],
)
def test_a_failure_is_one_though_the_exit_code_is_0(sample: str, fault: str) -> None:
    assert judged(OPENCODE, sample).fault.startswith(fault)


def test_without_the_end_of_a_step_nothing_is_done() -> None:
    fault = OPENCODE.judge(without_end(OPENCODE, "done", "step_finish")).fault
    assert fault == "ended before a step of its was over (exit code 0)"


def test_an_error_that_is_overcome_is_none() -> None:
    error = '{"type":"error","error":{"name":"APIError","data":{"message":"overloaded","statusCode":529}}}\n'
    done = without_end(OPENCODE, "done", "\0").stdout
    assert OPENCODE.judge(Said(stdout=error + done, exit_code=0)).fault == ""
    assert (
        OPENCODE.judge(Said(stdout=done + error, exit_code=0)).fault == "says that it failed: overloaded (status 529)"
    )


@pytest.mark.parametrize(
    ("protocol", "package"), [("openai", "@ai-sdk/openai-compatible"), ("anthropic", "@ai-sdk/anthropic")]
)
def test_it_knows_one_model_of_one_upstream_the_gateways(protocol: str, package: str) -> None:
    call = OPENCODE.call(job(OPENCODE, access=access(protocol)))
    settings = json.loads(call.files[SETTINGS])
    provider = settings["provider"]["penstock"]
    assert (provider["npm"], provider["options"]["baseURL"]) == (package, "http://127.0.0.1:8080/v1")
    assert settings["model"] == settings["small_model"] == "penstock/model-1"
    assert list(provider["models"]) == ["model-1"]
    assert call.variables["OPENCODE_CONFIG"] == str(SETTINGS)


def test_its_key_stands_in_no_file_and_no_argument() -> None:
    call = OPENCODE.call(job(OPENCODE))
    assert [name for name, value in call.variables.items() if KEY in value] == ["PENSTOCK_GATEWAY_KEY"]
    assert "{env:PENSTOCK_GATEWAY_KEY}" in call.files[SETTINGS]
    assert KEY not in " ".join((*call.arguments, *call.files.values()))


def test_what_a_projects_files_say_is_not_read_and_nothing_is_fetched() -> None:
    call = OPENCODE.call(job(OPENCODE))
    assert {"OPENCODE_DISABLE_PROJECT_CONFIG", "OPENCODE_PURE", "OPENCODE_DISABLE_MODELS_FETCH"} <= set(call.variables)
    assert call.files[Path("/attempt/home/.config/opencode/.npmrc")] == "offline=true\n"


@pytest.mark.parametrize(("is_confined", "word"), [(True, "allow"), (False, "deny")])
def test_it_may_go_out_of_the_worktree_only_where_we_confine_it(is_confined: bool, word: str) -> None:
    call = OPENCODE.call(job(OPENCODE, is_confined=is_confined))
    assert json.loads(call.files[SETTINGS])["permission"]["external_directory"] == word
