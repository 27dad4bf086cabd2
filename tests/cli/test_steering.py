"""Runs that are watched, paused, ended and taken up again, each worked on in a process of its own."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Desk

pytestmark = pytest.mark.slow
LONG: list[object] = [{"sleep": 6}, {"write": {"path": "slow.txt", "content": "slow\n"}}]
ENDLESS: list[object] = ["hang"]


@pytest.fixture(autouse=True)
def trusted(desk: Desk) -> None:
    """The user has agreed to the project: none of these tests is about that."""
    assert desk.ask("trust").code == 0


def test_ctrl_c_pauses_the_run_and_resume_goes_on(desk: Desk) -> None:
    desk.bundle("slow", LONG)
    running = desk.start("run")
    run_id = desk.until_editing()
    os.kill(running.pid, signal.SIGINT)
    said = desk.end(running)
    assert said.code == 130
    assert f"penstock resume {run_id}" in said.out
    assert desk.ask("show-run", run_id, "--json").json["status"] == "paused"
    gone_on = desk.run("resume")
    assert gone_on.code == 0, gone_on.out + gone_on.err
    assert desk.ask("show-run", run_id, "--json").json["status"] == "completed"


def test_ctrl_c_pauses_a_run_that_would_stay(desk: Desk) -> None:
    desk.bundle("slow", LONG)
    running = desk.start("run", "--wait")
    desk.until_editing()
    os.kill(running.pid, signal.SIGINT)
    assert desk.end(running).code == 130


def test_a_second_ctrl_c_leaves_at_once(desk: Desk) -> None:
    desk.bundle("slow", ENDLESS)
    running = desk.start("run")
    desk.until_editing()
    os.kill(running.pid, signal.SIGINT)
    assert running.stdout is not None
    while "Ctrl-C again" not in running.stdout.readline():
        assert running.poll() is None
    os.kill(running.pid, signal.SIGINT)
    assert running.wait(timeout=5) == 130


def test_pause_from_elsewhere_is_taken_by_the_owner(desk: Desk) -> None:
    desk.bundle("slow", ENDLESS)
    running = desk.start("run")
    run_id = desk.until_editing()
    paused = desk.ask("pause", "--now")
    assert paused.code == 0, paused.err
    assert f"run {run_id} is paused" in paused.out
    said = desk.end(running)
    assert said.code == 4
    assert f"penstock resume {run_id}" in said.out


def test_a_run_that_is_worked_on_is_shown_with_its_owner_and_not_taken_twice(desk: Desk) -> None:
    desk.bundle("slow", ENDLESS)
    running = desk.start("run")
    run_id = desk.until_editing()
    assert f"by process {running.pid}" in desk.ask("show-run", run_id).out
    second = desk.run("run", "--resume")
    assert second.code == 2
    assert f"process {running.pid}" in second.err


def test_cancel_answers_when_the_run_has_ended(desk: Desk) -> None:
    desk.bundle("slow", ENDLESS)
    running = desk.start("run")
    run_id = desk.until_editing()
    cancelled = desk.ask("cancel", run_id)
    assert cancelled.code == 0, cancelled.err
    view = desk.ask("show-run", run_id, "--json").json
    assert (view["status"], view["reason"]) == ("abandoned", "cancelled")
    assert desk.end(running).code == 1
    again = desk.ask("cancel", run_id)
    assert again.code == 2
    assert desk.run("resume", "--run", run_id).code == 2


def test_a_killed_run_says_so_and_goes_on(desk: Desk) -> None:
    desk.bundle("slow", LONG)
    running = desk.start("run")
    run_id = desk.until_editing()
    running.kill()
    running.communicate()
    shown = desk.ask("show-run", run_id).out
    assert f"not being worked on; go on with: penstock resume {run_id}" in shown
    gone_on = desk.run("run", "--resume", "--json")
    assert gone_on.code == 0, gone_on.err
    assert gone_on.lines[-1]["status"] == "completed"


def test_follow_ends_with_the_run(desk: Desk) -> None:
    desk.bundle("slow", LONG)
    running = desk.start("run")
    run_id = desk.until_editing()
    followed = desk.run("follow", run_id)
    assert followed.code == 0
    assert "ws-slow           integrate  merged" in followed.out
    assert desk.end(running).code == 0


def test_ctrl_c_ends_only_following(desk: Desk) -> None:
    desk.bundle("slow", ENDLESS)
    running = desk.start("run")
    following = desk.start("follow", desk.until_editing())
    assert following.stdout is not None
    following.stdout.readline()
    os.kill(following.pid, signal.SIGINT)
    assert desk.end(following).code == 130
    assert running.poll() is None


def test_an_approval_lets_a_run_go_on(desk: Desk) -> None:
    desk.write("penstock.toml", 'approvals = ["review"]\n')
    desk.bundle("one")
    desk.commit()
    waiting = desk.run("run")
    run_id = desk.newest()
    assert waiting.code == 4, waiting.err
    assert f"penstock approve {run_id} ws-one" in waiting.out
    approved = desk.ask("approve", "latest", "ws-one", "--note", "fine")
    assert approved.code == 0, approved.err
    assert f"penstock resume {run_id}" in approved.out
    assert desk.run("resume").code == 0
    assert desk.ask("approve", run_id, "ws-one").code == 2


def test_a_run_that_waits_goes_on_when_someone_approves(desk: Desk) -> None:
    desk.write("penstock.toml", 'approvals = ["review"]\n')
    desk.bundle("one")
    desk.commit()
    staying = desk.start("run", "--wait", "--run-id", "mine")

    def is_reviewed() -> bool:
        shown = desk.ask("show-run", "mine", "--json")
        return shown.code == 0 and "reviewing" in shown.json["counts"]

    desk.until(is_reviewed, "a workstream that waits for its review")
    approved = desk.ask("approve", "mine", "ws-one")
    assert approved.code == 0, approved.err
    assert "resume" not in approved.out
    said = desk.end(staying)
    assert said.code == 0, said.out + said.err


def test_a_rejection_is_revised_and_a_final_one_fails(desk: Desk) -> None:
    desk.write("penstock.toml", 'approvals = ["review"]\n')
    first: list[object] = [{"write": {"path": "one.txt", "content": "first\n"}}]
    second: list[object] = [{"write": {"path": "one.txt", "content": "second\n"}}]
    desk.bundle("one", first, second)
    desk.commit()
    assert desk.run("run").code == 4
    assert desk.ask("reject", "latest", "ws-one", "--note", "again").code == 0
    assert desk.run("resume").code == 4
    assert desk.ask("reject", "latest", "ws-one", "--final").code == 0
    view = desk.ask("show-run", "latest", "--json").json
    assert (view["status"], view["workstreams"][0]["reason"]) == ("failed", "requires_human_review")


def test_a_gate_waits_for_its_approval(desk: Desk) -> None:
    desk.write("penstock.toml", 'approvals = ["gate"]\n')
    desk.bundle("one")
    desk.bundle("two", gate=2)
    desk.commit()
    waiting = desk.run("run")
    run_id = desk.newest()
    assert waiting.code == 4, waiting.out + waiting.err
    assert f"gate 2 waits for your approval: penstock approve {run_id} --gate 2" in waiting.out
    assert desk.ask("approve", run_id, "--gate", "7").code == 2
    assert desk.ask("approve", run_id, "--gate", "2").code == 0
    assert desk.run("resume").code == 0


def test_a_failed_workstream_is_reset_and_done(desk: Desk) -> None:
    flag = desk.project.parent / "flag"
    desk.bundle("one", acceptance_tests=[{"run": f"test -f {flag}"}])
    failed = desk.run("run")
    run_id = desk.newest()
    assert failed.code == 1, failed.err
    assert f"penstock reset-workstream {run_id} ws-one" in failed.out
    assert desk.run("resume", run_id).code == 2
    assert "ws-one" in desk.ask("show-errors").out
    flag.touch()
    assert desk.ask("reset-workstream", run_id, "ws-one").code == 0
    gone_on = desk.run("resume")
    assert gone_on.code == 0, gone_on.out + gone_on.err


def test_an_abandoned_run_stays_abandoned(desk: Desk) -> None:
    desk.write("penstock.toml", 'approvals = ["review"]\n')
    desk.bundle("one")
    desk.commit()
    desk.run("run")
    run_id = desk.newest()
    assert desk.ask("abandon-run", run_id).code == 0
    assert desk.ask("show-run", run_id, "--json").json["status"] == "abandoned"
    assert desk.ask("abandon-run", run_id).code == 2
