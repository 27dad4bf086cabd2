"""aider: how it is called, and what its recorded output proves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs_support import KEY, access, job, judged, without_end

from penstock.adapters.agents.aider import Aider
from penstock.adapters.agents.model_profiles import ModelProfile
from penstock.adapters.agents.verdicts import Said

AIDER = Aider()
VARIABLES = Path("/attempt/aider.env")
MODELS = Path("/attempt/aider.models.yml")


def value_after(arguments: tuple[str, ...], word: str) -> str:
    return arguments[arguments.index(word) + 1]


def test_an_edit_that_was_applied_is_the_proof() -> None:
    verdict = judged(AIDER, "done")
    assert verdict.fault == ""
    assert "Applied edit to calc.py" in verdict.text
    assert verdict.claimed == "Tokens: 2.1k sent, 89 received."


def test_a_call_that_was_made_again_and_then_answered_is_no_failure() -> None:
    assert judged(AIDER, "retried").fault == ""


def test_an_answer_in_words_alone_is_no_failure() -> None:
    said = Said(stdout="I will not change anything.\n\nTokens: 2.1k sent, 61 received.\n", exit_code=0)
    assert AIDER.judge(said).fault == ""


@pytest.mark.parametrize(
    ("sample", "printed"),
    [
        ("unauthorized", "litellm.BadRequestError: OpenAIException - scripted status 401"),
        ("empty", "Empty response received from LLM. Check your provider account?"),
        ("no_match", "Only 3 reflections allowed, stopping."),
        ("truncated", "Model openai/m has hit a token limit!"),
        ("outside", "Cmd('git') failed due to: exit code(128)"),
    ],
)
def test_a_failure_is_one_though_the_exit_code_is_0_and_names_what_was_printed(sample: str, printed: str) -> None:
    assert judged(AIDER, sample).fault == f"failed: it printed: {printed}"


def test_without_an_answer_nothing_is_done() -> None:
    said = without_end(AIDER, "done", "Tokens:")
    unanswered = "".join(line for line in said.stdout.splitlines(True) if "Applied" not in line)
    assert AIDER.judge(Said(stdout=unanswered, exit_code=0)).fault.startswith("ended without an answer of its model")


def test_a_bad_exit_code_is_no_good_end_whatever_was_applied() -> None:
    assert judged(AIDER, "done", exit_code=1).fault.startswith("did not end well (exit code 1)")


def test_an_edit_format_that_is_met_at_last_is_met() -> None:
    failing = "The LLM did not conform to the edit format.\n"
    assert AIDER.judge(Said(stdout=f"{failing}Applied edit to a.py\n", exit_code=0)).fault == ""
    assert AIDER.judge(Said(stdout=f"Applied edit to a.py\n{failing}", exit_code=0)).fault != ""


@pytest.mark.parametrize(
    ("protocol", "address"), [("openai", "http://127.0.0.1:8080/v1"), ("anthropic", "http://127.0.0.1:8080")]
)
def test_key_and_address_stand_in_a_file_that_is_read_after_the_projects(protocol: str, address: str) -> None:
    call = AIDER.call(job(AIDER, access=access(protocol)))
    family = protocol.upper()
    assert value_after(call.arguments, "--env-file") == str(VARIABLES)
    lines = call.files[VARIABLES].splitlines()
    assert {f"{family}_API_KEY='{KEY}'", f"{family}_API_BASE='{address}'"} <= set(lines)
    assert KEY not in " ".join((*call.arguments, *call.variables.values()))


def test_all_its_roles_ask_for_the_one_model() -> None:
    arguments = AIDER.call(job(AIDER)).arguments
    assert {value_after(arguments, f"--{role}") for role in ("model", "weak-model", "editor-model")} == {
        "openai/model-1"
    }


@pytest.mark.parametrize(
    ("protocol", "address"), [("openai", "http://127.0.0.1:8080/v1"), ("anthropic", "http://127.0.0.1:8080")]
)
def test_no_file_of_a_project_says_whom_it_calls_or_with_which_key(protocol: str, address: str) -> None:
    call = AIDER.call(job(AIDER, access=access(protocol)))
    assert value_after(call.arguments, "--model-settings-file") == str(MODELS)
    ((name, said),) = (tuple(entry.values()) for entry in json.loads(call.files[MODELS]))
    assert name == "aider/extra_params"  # what goes with every call, over what a model's own settings say
    assert said == {
        "model": f"{protocol}/model-1",
        "custom_llm_provider": protocol,
        "api_base": address,
        "base_url": address,
        "api_key": KEY,
        "fallbacks": None,
    }
    assert {"NO_PROXY='*'", "no_proxy='*'", "USE_LITELLM_PROXY='false'"} <= set(call.files[VARIABLES].splitlines())


def test_a_projects_files_make_it_run_nothing() -> None:
    call = AIDER.call(job(AIDER))
    assert {"--no-auto-lint", "--no-auto-test", "--no-notifications", "--no-auto-commits"} <= set(call.arguments)
    assert value_after(call.arguments, "--load") == "/dev/null"
    assert {value_after(call.arguments, word) for word in ("--lint-cmd", "--test-cmd")} == {"true"}
    assert "AIDER_UPGRADE='false'" in call.files[VARIABLES].splitlines()


def test_what_it_writes_lies_in_the_attempts_own_folder() -> None:
    call = AIDER.call(job(AIDER))
    histories = [value for name, value in call.variables.items() if name.endswith("_HISTORY_FILE")]
    assert len(histories) == 3
    assert all(
        Path(value).is_relative_to("/attempt/home")
        for value in (*histories, *map(str, call.files))
        if value not in {str(VARIABLES), str(MODELS)}
    )


def test_the_declared_files_come_last_and_the_prompt_by_file() -> None:
    arguments = AIDER.call(job(AIDER, files=("src/a.py", "./-b.py"))).arguments
    assert arguments[-2:] == ("src/a.py", "./-b.py")
    assert value_after(arguments, "--message-file") == "/attempt/prompt.txt"


def test_how_it_works_with_a_model_is_what_the_models_profile_says() -> None:
    assert value_after(AIDER.call(job(AIDER)).arguments, "--edit-format") == "diff"
    profiles = {"model-1": ModelProfile(edit_format="whole", map_tokens=64)}
    arguments = Aider(profiles=profiles).call(job(AIDER)).arguments
    assert (value_after(arguments, "--edit-format"), value_after(arguments, "--map-tokens")) == ("whole", "64")
