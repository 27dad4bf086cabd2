"""Upstreams that limit, refuse, babble or fall silent, and an owner killed meanwhile: what their runs come to."""

from __future__ import annotations

import pytest
from agent_bench import PLANTED, wait_until
from unruly_support import Made, workstream

from model_server import Fault, FaultKind

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trial")]


def test_a_short_usage_limit_of_the_upstream_is_waited_out_within_the_attempt(unruly: Made) -> None:
    made = unruly(limits="agent_idle_timeout = 2.0")
    made.models.fault(Fault(kind=FaultKind.STATUS, status=429, headers={"retry-after": "3"}, times=1))
    came = made.run("status, _ = ask(); assert status == 200; work()", code=0)
    assert came.run["workstreams"][0]["attempts"]["edit"] == 1
    assert came.statuses == ["ok"]
    assert came.rows[0]["execution_time_ms"] >= 3000


def test_a_long_usage_limit_ends_the_attempt_uncounted_and_the_run_says_until_when(unruly: Made) -> None:
    made = unruly()
    made.models.fault(Fault(kind=FaultKind.STATUS, status=429, headers={"retry-after": "3600"}, times=1))
    came = made.run("while True: ask()", code=4)
    assert came.state == ("running", None)
    assert [(one["status"], one["attempt"]) for one in came.attempts if one["status"] != "running"] == [
        ("rate_limited", 1)
    ]
    assert came.errors == []
    assert len(made.models.requests) == 1
    shown = made.penstock("show-run", "latest").stdout
    assert "scripted: its usage limit is reached; it is asked again at" in shown
    assert made.all_gone()


def test_a_usage_limit_holds_for_all_who_would_ask_the_same_upstream(unruly: Made) -> None:
    made = unruly(workstream("ws-a"), workstream("ws-b"))
    made.models.fault(Fault(kind=FaultKind.STATUS, status=429, headers={"retry-after": "3600"}))
    go = made.folder / "go"
    program = f"""
        while NAME == "ws-b" and not Path("{go}").exists():
            time.sleep(0.02)
        ask()
        """
    with made.running(program, "--max-parallel", "2") as owner:
        made.models.wait_for_requests(1)
        assert wait_until(lambda: made.outcome().told("step_rate_limited"))
        go.touch()
        came = made.finished(owner, code=4)
    assert len(made.models.requests) == 1
    assert [one["ws_id"] for one in came.attempts if one["status"] == "rate_limited"] == ["ws-a", "ws-b"]
    assert sorted(came.statuses) == ["failed", "refused"]
    assert came.said.count("waits: scripted: its usage limit is reached; it is asked again at") >= 2


def test_with_wait_a_run_goes_on_when_the_usage_limit_is_over(unruly: Made) -> None:
    made = unruly()
    made.configure(gateway="short_limit = 0.0")
    made.models.fault(Fault(kind=FaultKind.STATUS, status=429, headers={"retry-after": "2"}, times=1))
    came = made.run("ask(); work()", "--wait", code=0)
    assert came.state == ("completed", None)
    assert [one["status"] for one in came.attempts if one["step"] == "edit"] == ["rate_limited", "success"]
    assert came.run["workstreams"][0]["attempts"]["edit"] == 1
    assert sorted(came.statuses) == ["failed", "ok"]


def test_an_upstream_that_answers_garbage_fails_the_call_and_then_the_attempt_in_words(unruly: Made) -> None:
    made = unruly()
    made.models.fault(Fault(kind=FaultKind.GARBAGE))
    came = made.run("status, text = ask(); print(status, text); json.loads(text)['choices'][0]; work()", code=1)
    assert came.codes == ["non_zero_exit"]
    assert "<<this is no JSON" in came.errors[0]["message"]
    (row,) = came.rows
    assert (row["status"], row["error"]) == ("failed", "the answer is not JSON that can be read")
    assert row["estimated"]
    assert came.spent["settled_tokens"] == row["input_tokens"] + row["output_tokens"] > 0
    assert came.spent["reserved_tokens"] == 0


def test_an_upstream_that_refuses_the_key_pauses_the_run_and_the_key_is_not_told(unruly: Made) -> None:
    made = unruly()
    made.models.fault(Fault(kind=FaultKind.STATUS, status=401, message=f"no such key: {PLANTED}", times=1))
    came = made.run("print(ask()); work()", code=3)
    assert came.state == ("paused", "environment")
    assert "the upstream scripted refuses the key from env:SCRIPTED_KEY (status 401)" in came.run["sentence"]
    for file in (made.folder / "state").rglob("*"):
        assert not file.is_file() or PLANTED.encode() not in file.read_bytes(), file
    assert PLANTED not in came.said
    again = made.carry_out("resume", "latest", code=0)
    assert again.state == ("completed", None)


def test_an_owner_killed_between_reserve_and_settle_leaves_one_lost_row_and_its_run_goes_on(unruly: Made) -> None:
    made = unruly()
    made.models.fault(Fault(kind=FaultKind.HANG, times=1))
    with made.running("ask(max_tokens=70); work()", "--max-tokens", "5000"):
        made.models.wait_for_held(1)
        assert made.left()
    assert made.all_gone()
    made.models.release()
    came = made.carry_out("run", "--resume", code=0)
    assert came.state == ("completed", None)
    assert came.statuses == ["lost", "ok"]
    lost, ok = came.rows
    assert (lost["attempt"], ok["attempt"]) == ("edit-1", "edit-1.1")
    assert lost["estimated"]
    assert lost["input_tokens"] + lost["output_tokens"] > 70
    assert len({row["id"] for row in came.rows}) == 2
    assert came.spent["settled_tokens"] == sum(row["input_tokens"] + row["output_tokens"] for row in came.rows)
    assert came.spent["reserved_tokens"] == 0
