"""Budgets in whole runs: what a cap stops, at once and for all, what it does not, and how one goes on.

`spend()` uses 1,000 tokens and reserves a little more; `sip()` reserves as much and uses 50.
"""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from agent_bench import wait_until
from unruly_support import Made, workstream
from whole_runs import git

from model_server import Fault, FaultKind

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trial")]
EIGHT = tuple(workstream(f"ws-{number}") for number in range(8))
USES = 1000


def test_the_call_that_would_cross_a_cap_is_refused_and_the_agent_is_gone_within_two_seconds(unruly: Made) -> None:
    made = unruly()
    came = made.run(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            for _ in range(6000):
                with open(os.environ["TMPDIR"] + "/beats", "a") as beats:
                    beats.write(f"{time.time()}\\n")
                time.sleep(0.01)
        while True:
            spend()
        """,
        "--max-tokens",
        "2900",
        code=1,
    )
    assert came.state == ("failed", "budget_exhausted")
    assert "2,000 of 2,900 tokens are spent" in came.run["sentence"]
    assert len(made.models.requests) == 2
    assert came.statuses[:3] == ["ok", "ok", "refused"]
    refused = datetime.fromisoformat(came.rows[2]["used_at"]).timestamp()
    beats = [float(line) for line in made.attempt_file("tmp/beats").read_text().split("\n")[:-1]]
    assert refused - 1.0 < beats[-1] < refused + 2.0
    assert made.all_gone()
    shown = json.loads(made.penstock("budget", "show", "--run", "latest", "--json", check=True).stdout)
    assert [(row["level"], row["settled_tokens"], row["reserved_tokens"]) for row in shown] == [
        ("run", 2 * USES, 0),
        ("workstream", 2 * USES, 0),
    ]


def test_a_cap_in_dollars_does_the_same(unruly: Made) -> None:
    made = unruly()
    came = made.run("while True: spend()", "--max-cost-usd", "0.0390", code=1)
    assert came.state == ("failed", "budget_exhausted")
    assert came.spent["settled_usd"] == pytest.approx(2 * 0.0138)
    assert len(made.models.requests) == 2


def test_eight_at_once_whose_worst_cases_exceed_a_cap_wait_for_each_other_and_none_is_refused(unruly: Made) -> None:
    made = unruly(*EIGHT)
    made.models.fault(Fault(kind=FaultKind.HANG, times=2))
    with made.running("sip(); work()", "--max-parallel", "8", "--max-tokens", "2400") as owner:
        made.models.wait_for_held(2)
        assert wait_until(lambda: made.under_way() == 8)
        assert len(made.models.requests) == 2
        made.models.release()
        came = made.finished(owner, code=0)
    assert came.state == ("completed", None)
    assert came.statuses == ["ok"] * 8
    assert came.spent["settled_tokens"] == 8 * 50
    assert came.spent["reserved_tokens"] == 0


def test_eight_at_once_under_a_cap_that_is_not_enough_never_exceed_it(unruly: Made) -> None:
    made = unruly(*EIGHT)
    came = made.run("while True: spend()", "--max-parallel", "8", "--max-tokens", "5500", code=1)
    assert came.state == ("failed", "budget_exhausted")
    assert came.spent["settled_tokens"] == len(made.models.requests) * USES <= 5500
    assert came.spent["reserved_tokens"] == 0
    assert set(came.states.values()) == {"failed"}
    assert {one["reason"] for one in came.run["workstreams"]} == {"budget_exhausted"}
    assert made.all_gone()


def test_one_with_many_calls_at_once_never_exceeds_a_cap(unruly: Made) -> None:
    made = unruly()
    came = made.run(
        """
        import threading
        for _ in range(30):
            threading.Thread(target=spend).start()
        """,
        "--max-tokens",
        "3500",
        code=1,
    )
    assert came.state == ("failed", "budget_exhausted")
    assert USES <= came.spent["settled_tokens"] <= 3500
    assert came.spent["reserved_tokens"] == 0
    assert len(made.models.requests) <= 3


def test_one_that_waits_in_vain_for_what_another_has_reserved_is_put_off_uncounted(unruly: Made) -> None:
    made = unruly(workstream("ws-a"), workstream("ws-b"))
    made.configure(gateway="wait_for_budget = 0.3")
    made.models.fault(Fault(kind=FaultKind.HANG, times=1))
    with made.running("sip(); work()", "--max-parallel", "2", "--max-tokens", "1500") as owner:
        made.models.wait_for_held(1)
        assert wait_until(lambda: made.outcome().told("step_rate_limited"))
        made.models.release()
        came = made.finished(owner, code=4)
    assert came.state == ("running", None)
    assert sorted(came.states.values()) == ["done", "editing"]
    assert came.statuses.count("ok") == 1
    assert came.errors == []
    (told,) = came.told("step_rate_limited")
    assert "left no room in the budget" in told["sentence"]


def test_the_cap_of_one_workstream_fails_that_one_only(unruly: Made) -> None:
    made = unruly(workstream("ws-a", max_cost_usd=0.02), workstream("ws-b"))
    came = made.run("[spend() for _ in range(3)]; work()", "--max-parallel", "1", code=1)
    assert came.states == {"ws-a": "failed", "ws-b": "done"}
    assert came.state == ("partial", "budget_exhausted")
    assert came.budgets[f"{came.run['run_id']}/ws-a"]["settled_tokens"] == USES
    assert came.budgets[f"{came.run['run_id']}/ws-b"]["settled_tokens"] == 3 * USES
    assert git(made.project, "show", f"{came.run['branch']}:src/ws-b.txt") == "done"


def test_a_run_whose_budget_was_spent_goes_on_when_it_has_more(unruly: Made) -> None:
    made = unruly(workstream("ws-a"), workstream("ws-b", depends_on=["ws-a"]))
    came = made.run("[spend() for _ in range(2)]; work()", "--max-tokens", "2500", code=1)
    assert came.state == ("partial", "budget_exhausted")
    assert came.states == {"ws-a": "done", "ws-b": "failed"}
    made.penstock("budget", "set", "--run", "latest", "--tokens", "4500", check=True)
    again = made.carry_out("resume", "latest", code=0)
    assert again.state == ("completed", None)
    assert again.spent["settled_tokens"] == 4 * USES
    assert again.statuses.count("ok") == 4


def test_a_cap_that_is_set_while_a_run_is_under_way_holds_from_the_next_call_on(unruly: Made) -> None:
    made = unruly()
    go = made.folder / "go"
    program = f"""
        spend()
        while not Path("{go}").exists():
            time.sleep(0.02)
        while True: spend()
        """
    with made.running(program) as owner:
        made.models.wait_for_issued(1)
        made.penstock("budget", "set", "--run", "latest", "--tokens", "1500", check=True)
        go.touch()
        came = made.finished(owner, code=1)
    assert came.state == ("failed", "budget_exhausted")
    assert len(made.models.requests) == 1
    made.penstock("budget", "set", "--run", "latest", "--no-limit", check=True)
    made.play("spend(); work()")
    assert made.carry_out("resume", "latest", code=0).spent["cap_tokens"] is None


def test_a_run_that_is_resumed_without_more_spends_nothing(unruly: Made) -> None:
    made = unruly()
    made.run("[spend() for _ in range(2)]; work()", "--max-tokens", "1500", code=1)
    came = made.carry_out("resume", "latest", code=1)
    assert came.state == ("failed", "budget_exhausted")
    assert len(made.models.requests) == 1


def test_the_cap_of_a_project_holds_over_all_its_runs(unruly: Made) -> None:
    made = unruly()
    made.configure(**{"budgets.project": "tokens = 2500"})
    program = "spend(); work()"
    assert made.run(program, code=0).state == ("completed", None)
    assert made.run(program, code=0).state == ("completed", None)
    third = made.run(program, code=1)
    assert third.state == ("failed", "budget_exhausted")
    assert "the budget of project" in third.run["sentence"]
    assert third.budgets[third.run["project"]]["settled_tokens"] == 2 * USES
    assert len(made.models.requests) == 2


def test_a_mark_that_is_reached_is_told_once(unruly: Made) -> None:
    made = unruly()
    came = made.run("[spend() for _ in range(3)]; work(); time.sleep(0.3)", "--max-tokens", "3500", code=0)
    (told,) = came.told("budget_warning")
    assert (told["level"], told["mark"]) == ("run", 80)
    assert "80 % of the budget of run" in told["sentence"]
    assert "3,000 of 3,500 tokens" in came.said


NAMED = ("set", "--run", "latest")
BAD = {
    (*NAMED, "--usd", "-1"): "'--usd'",
    (*NAMED, "--no-limit", "--usd", "3"): "--no-limit lifts the whole cap",
    NAMED: "no cap is given",
    (*NAMED, "--ws", "ws-unknown", "--usd", "3"): "has no workstream ws-unknown",
    ("set", "--run", "run-unknown", "--usd", "3"): "run-unknown",
    ("show", "--run", "latest", "--ws", "ws-unknown"): "has no workstream ws-unknown",
}


def test_bad_input_is_refused_in_words_and_changes_no_budget(unruly: Made) -> None:
    made = unruly()
    before = made.run("spend(); work()", "--max-tokens", "5000", code=0).budgets
    for words, said in BAD.items():
        done = made.penstock("budget", *words)
        assert done.returncode == 2, f"{words}: {done}"
        assert said in done.stderr, words
        assert done.stderr.startswith("error: ")
        assert done.stdout == ""
        assert made.outcome().budgets == before, words


@pytest.mark.parametrize("section", ["budgets.run", "upstreams.mine", "models", "gateway"])
def test_a_project_may_not_say_what_models_cost_or_where_they_are(unruly: Made, section: str) -> None:
    texts = {
        "budgets.run": "tokens = 1000000",
        "upstreams.mine": 'protocol = "openai"\nbase_url = "http://127.0.0.1:9"',
        "models": 'only = "openai/dear"',
        "gateway": "record = true",
    }
    made = unruly()
    file = made.project / "penstock.toml"
    file.write_text(f"{file.read_text()}\n[{section}]\n{texts[section]}\n")
    git(made.project, "commit", "--all", "--quiet", "--message=settings")
    made.play("work()")
    done = made.penstock("run")
    assert done.returncode == 2, done
    assert "penstock.toml" in done.stderr
    assert section.partition(".")[0] in done.stderr
    assert "own configuration" in done.stderr
    assert made.models.requests == ()
