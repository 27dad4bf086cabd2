"""Claude Code: how it is called, and what its recorded output proves."""

from __future__ import annotations

import pytest
from programs_support import KEY, job, judged, without_end

from penstock.adapters.agents.claude import MODEL_ROLES, Claude
from penstock.adapters.agents.verdicts import Said

CLAUDE = Claude()


def test_a_result_that_says_so_is_the_proof() -> None:
    verdict = judged(CLAUDE, "done")
    assert verdict.fault == ""
    assert verdict.text == "Done: added hello.py and fixed calc.add."
    assert verdict.claimed.startswith("16325 tokens in, 333 out, $0.08")


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        ("server_error", "says that it failed (api_error): API Error: 500 scripted status 500"),
        ("unauthorized", "says that it failed (api_error): Failed to authenticate. API Error: 401"),
        ("refused", "says that it failed (api_error): API Error: m can't help with this."),
        ("empty", "had an empty answer from its model"),
        ("cut", "ended without a result (exit code 0)"),
    ],
)
def test_a_failure_is_one_though_the_exit_code_is_0(sample: str, fault: str) -> None:
    assert judged(CLAUDE, sample).fault.startswith(fault)


def test_without_a_result_nothing_is_done() -> None:
    said = without_end(CLAUDE, "done", '"type": "result"')
    assert CLAUDE.judge(said).fault == "ended without a result (exit code 0)"


def test_the_last_error_of_its_model_says_why_there_is_no_result() -> None:
    retry = '{"type":"system","subtype":"api_retry","attempt":1,"error":"overloaded_error"}\n'
    assert CLAUDE.judge(Said(stdout=retry, exit_code=143)).fault.endswith("(exit code 143): overloaded_error")
    assert CLAUDE.judge(Said(stderr="a\nno such option\n", exit_code=1)).fault.endswith("(exit code 1): no such option")


@pytest.mark.parametrize(
    "result",
    [
        '{"type":"result","subtype":"error_max_turns","is_error":true,"errors":["Reached the number of turns (3)"]}',
        '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"max_turns","result":"x"}',
        '{"type":"result","subtype":"success","result":"x"}',
        '{"type":"result","subtype":"success","is_error":"false","result":"x"}',
    ],
)
def test_only_a_result_that_denies_an_error_is_a_good_one(result: str) -> None:
    assert CLAUDE.judge(Said(stdout=result, exit_code=0)).fault.startswith("says that it failed")


def test_an_end_without_words_after_work_is_no_empty_answer() -> None:
    work = '{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Edit"}]}}\n'
    end = '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","result":""}\n'
    assert CLAUDE.judge(Said(stdout=work + end, exit_code=0)).fault == ""
    assert CLAUDE.judge(Said(stdout=end, exit_code=0)).fault != ""


def test_every_role_of_its_own_asks_for_the_one_model() -> None:
    call = CLAUDE.call(job(CLAUDE))
    assert {call.variables[name] for name in MODEL_ROLES} == {"model-1"}
    assert call.arguments[call.arguments.index("--model") + 1] == "model-1"


def test_it_is_told_the_gateways_address_and_key_and_reads_the_prompt_itself() -> None:
    call = CLAUDE.call(job(CLAUDE))
    assert (call.variables["ANTHROPIC_BASE_URL"], call.variables["ANTHROPIC_API_KEY"]) == ("http://127.0.0.1:8080", KEY)
    assert KEY not in " ".join(call.arguments)
    assert call.reads_prompt
    assert call.files == {}


@pytest.mark.parametrize(("is_confined", "mode"), [(True, "bypassPermissions"), (False, "acceptEdits")])
def test_it_may_do_all_only_where_we_confine_it(is_confined: bool, mode: str) -> None:
    call = CLAUDE.call(job(CLAUDE, is_confined=is_confined))
    assert call.arguments[call.arguments.index("--permission-mode") + 1] == mode
    assert ("IS_SANDBOX" in call.variables) is is_confined


def test_no_settings_of_the_user_or_the_project_are_read() -> None:
    arguments = CLAUDE.call(job(CLAUDE)).arguments
    assert arguments[arguments.index("--setting-sources") + 1] == ""
    assert "--strict-mcp-config" in arguments
